//! Explains a wait that failed: what was seen of each target, when, and what to
//! do next.

use super::crowd::tally;
use super::hints::hint;
use super::human::{count, human};
use super::text::Words;
use crate::exit::Exit;
use crate::model::Verdict;
use crate::wait::{Fate, Outcome, Span, TargetOutcome, Timeline};

/// How many targets are explained; of the others only the number is told.
const TARGETS: usize = 20;

/// How many states of a long timeline are shown from its start.
const FIRST: usize = 4;

/// And how many from its end.
const LAST: usize = 8;

/// How many facts of the last answer are shown.
const FACTS: usize = 8;

/// The lines that explain the failure; `brief` leaves the timelines out.
pub(super) fn failure(outcome: &Outcome, words: &Words, brief: bool) -> Vec<String> {
    if outcome.targets.is_empty() {
        return error(
            words,
            "nothing to wait for",
            Some("name a target, as in `waitfor redis://cache`"),
        );
    }
    let culprits = culprits(outcome);
    let mut lines = Vec::new();
    if let Exit::Interrupted | Exit::Terminated | Exit::HungUp = outcome.exit {
        lines.push(format!("interrupted after {}", human(outcome.elapsed)));
    }
    let shown = &culprits[..culprits.len().min(TARGETS)];
    for (index, target) in shown.iter().enumerate() {
        lines.extend(explain(outcome, target, words, brief));
        let step = hint(&target.verdict, &target.target);
        let next = shown
            .get(index + 1)
            .map(|next| hint(&next.verdict, &next.target));
        // The same step for several targets is told once, after the last.
        if next.as_ref() != Some(&step) {
            lines.extend(step.map(|hint| hint_line(words, &hint)));
        }
    }
    if let Some(more) = culprits.len().checked_sub(TARGETS).filter(|more| *more > 0) {
        let others = culprits.iter().skip(TARGETS).map(|other| &other.verdict);
        let states = others.map(|verdict| (verdict.word(), verdict.code()));
        lines.push(format!(
            "and {more} more of {}: {}",
            count(outcome.targets.len() as u64, "target"),
            tally(states, words).join(", ")
        ));
    }
    lines
}

/// The targets that are not done: those that the failure is due to first.
fn culprits(outcome: &Outcome) -> Vec<&TargetOutcome> {
    let mut culprits: Vec<_> = outcome
        .targets
        .iter()
        .filter(|target| !matches!(target.fate, Fate::Met(_)))
        .collect();
    culprits.sort_by_key(|target| match target.verdict {
        Verdict::Misconfigured { .. } => 0,
        Verdict::Broken { .. } => 1,
        Verdict::Ready { .. } | Verdict::NotReady { .. } => 2,
    });
    culprits
}

fn explain(outcome: &Outcome, target: &TargetOutcome, words: &Words, brief: bool) -> Vec<String> {
    let headline = format!(
        "{}: {}",
        words.clean(&target.target.label),
        headline(outcome, target, words)
    );
    let mut lines = error(words, &headline, None);
    if !brief {
        lines.extend(facts(target, words));
        lines.extend(timeline(&target.timeline, words));
    }
    lines
}

fn error(words: &Words, message: &str, hint: Option<&str>) -> Vec<String> {
    let mut lines = vec![format!("{} {message}", words.style.bad("error:"))];
    lines.extend(hint.map(|hint| hint_line(words, hint)));
    lines
}

fn hint_line(words: &Words, hint: &str) -> String {
    format!("{} {}", words.style.hint("hint:"), words.clean(hint))
}

/// What failed, in one line, without the target.
fn headline(outcome: &Outcome, target: &TargetOutcome, words: &Words) -> String {
    let after = format!(
        "after {} and {}",
        human(outcome.elapsed),
        count(target.attempts, "attempt")
    );
    let code = words.clean(target.verdict.code());
    let reason = words.reason(target.verdict.reason());
    match &target.verdict {
        Verdict::Misconfigured { .. } => format!("misconfigured ({code}){reason}"),
        Verdict::Broken { .. } => format!(
            "the plugin {} {} broke ({code}){reason}",
            words.clean(&target.target.plugin),
            words.clean(&target.target.version),
        ),
        Verdict::Ready { .. } if outcome.settings.not => format!("still ready {after}{reason}"),
        Verdict::NotReady { .. } if outcome.settings.not && target.good == 0 => {
            format!("not seen to go {after} ({code}){reason}")
        }
        Verdict::NotReady { .. } if !outcome.settings.not => {
            format!("not ready {after} ({code}){reason}")
        }
        Verdict::Ready { .. } | Verdict::NotReady { .. } => {
            let wish = if outcome.settings.not {
                "not ready"
            } else {
                "ready"
            };
            format!(
                "not steadily {wish} {after}: {}{reason}",
                short_of(outcome, target)
            )
        }
    }
}

/// How far the good answers got.
fn short_of(outcome: &Outcome, target: &TargetOutcome) -> String {
    let have = count(u64::from(target.good), "good answer");
    let settings = &outcome.settings;
    if settings.stable_for.is_zero() {
        return format!("{have} in a row of {}", settings.successes);
    }
    let since = target
        .timeline
        .current()
        .map(|span| span.until.saturating_sub(span.from))
        .unwrap_or_default();
    format!(
        "{have} in a row within {} of {}",
        human(since),
        human(settings.stable_for)
    )
}

/// The facts of the last answer.
fn facts(target: &TargetOutcome, words: &Words) -> Option<String> {
    let facts: Vec<_> = target
        .verdict
        .facts()
        .iter()
        .filter(|(name, _)| name != "incarnation")
        .take(FACTS)
        .map(|(name, value)| format!("{}={}", words.clean(name), words.clean(value)))
        .collect();
    (!facts.is_empty()).then(|| format!("  facts: {}", facts.join(", ")))
}

/// The states, a line each; nothing where there was only one, for the headline
/// has it.
fn timeline(timeline: &Timeline, words: &Words) -> Vec<String> {
    let shown = |span: &Span| {
        format!(
            "  {:>9}  {}, {}{}",
            human(span.from),
            words.state(span.verdict, &span.code),
            count(span.attempts, "attempt"),
            words.reason(&span.reason),
        )
    };
    let kept = timeline.kept();
    if kept < 2 {
        return Vec::new();
    }
    if kept <= FIRST + LAST {
        return timeline.spans().map(shown).collect();
    }
    let left_out = (kept - FIRST - LAST) as u64 + timeline.dropped();
    let mut lines: Vec<_> = timeline.spans().take(FIRST).map(shown).collect();
    lines.push(
        words
            .style
            .dim(&format!("  {:>9}  {}", "…", count(left_out, "more state")))
            .into_owned(),
    );
    lines.extend(timeline.spans().skip(kept - LAST).map(shown));
    lines
}
