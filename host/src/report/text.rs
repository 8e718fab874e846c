//! The report for people: a line for each change of state, and at the end why
//! it failed.

use std::time::Duration;

use super::clean::{clean, clean_up_to};
use super::crowd::{self, Crowd};
use super::failure::failure;
use super::human::{brief, count, human};
use super::out::Out;
use super::settings::OutputSettings;
use super::style::Style;
use super::{Notice, Reporter};
use crate::exit::Exit;
use crate::model::Verdict;
use crate::wait::{Event, Outcome, Progress, TargetInfo, WaitSettings};

/// How many changes of one target are told in quick succession.
const CHANGES: u32 = 8;

/// After that, one is told each time this has passed.
const CHANGE_EVERY: Duration = Duration::from_secs(1);

/// Words about verdicts, safe to show.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) style: Style,
}

impl Words {
    /// A text from outside.
    pub(super) fn clean(&self, text: &str) -> String {
        clean(text)
    }

    /// A state in words: `not ready (loading)`.
    pub(super) fn state(&self, verdict: &str, code: &str) -> String {
        let code = self.clean(code);
        match verdict {
            "ready" => self.style.good("ready").into_owned(),
            "misconfigured" => self
                .style
                .bad(&format!("misconfigured ({code})"))
                .into_owned(),
            "broken" => self
                .style
                .bad(&format!("plugin broke ({code})"))
                .into_owned(),
            _ => self.style.wait(&format!("not ready ({code})")).into_owned(),
        }
    }

    /// The end of a line: the reason after a colon, if there is one.
    pub(super) fn reason(&self, reason: &str) -> String {
        match self.clean(reason) {
            reason if reason.is_empty() => reason,
            reason => format!(": {reason}"),
        }
    }
}

/// Writes text, line by line.
pub(super) struct Text {
    out: Out,
    words: Words,
    quiet: bool,
    verbose: u8,
    wait: WaitSettings,
    throttles: Vec<Throttle>,
    /// Where there are very many targets, and no line for each was asked for.
    crowd: Option<Crowd>,
}

impl Text {
    pub(super) fn new(out: Out, settings: &OutputSettings, style: Style) -> Self {
        Self {
            out,
            words: Words { style },
            quiet: settings.quiet,
            verbose: settings.verbose,
            wait: WaitSettings::default(),
            throttles: Vec::new(),
            crowd: None,
        }
    }

    pub(super) fn words(&self) -> &Words {
        &self.words
    }

    /// Whether every attempt is told.
    pub(super) fn tells_attempts(&self) -> bool {
        self.verbose >= 1 && !self.quiet
    }

    /// How far very many targets are.
    pub(super) fn summary(&self) -> Option<String> {
        self.crowd.as_ref().map(|crowd| crowd.summary(&self.words))
    }

    /// Takes an answer into account that gets no line of its own.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        if let Some(crowd) = &mut self.crowd {
            crowd.note(event);
        }
    }

    fn attempt_lines(&self, event: &Event<'_>) -> Vec<String> {
        let label = self.words.clean(&event.target.label);
        let mut lines = Vec::new();
        if self.verbose >= 2 {
            lines.extend(event.logs.iter().map(|log| {
                let line = format!(
                    "{label}: {}: {}",
                    self.words.clean(&log.level),
                    self.words.clean(&log.text)
                );
                self.words.style.dim(&line).into_owned()
            }));
        }
        lines.push(format!(
            "{label}: attempt {} after {}, took {}: {}{}",
            event.attempt,
            human(event.at),
            brief(event.took),
            self.words.state(event.verdict.word(), event.verdict.code()),
            self.words.reason(event.verdict.reason()),
        ));
        lines
    }

    fn change_line(&self, event: &Event<'_>, untold: u64) -> String {
        let untold = match untold {
            0 => String::new(),
            changes => format!(
                " ({} before were too quick to tell)",
                count(changes, "change")
            ),
        };
        let counting = match event.progress {
            Progress::Counting { have } if !self.wait.stable_for.is_zero() => {
                format!(", {} so far", count(u64::from(have), "good answer"))
            }
            Progress::Counting { have } => {
                format!(
                    ", {have} of {}",
                    count(u64::from(self.wait.successes.get()), "good answer")
                )
            }
            Progress::Waiting | Progress::Met => String::new(),
        };
        format!(
            "{}: {} after {}{counting}{untold}{}",
            self.words.clean(&event.target.label),
            self.words.state(event.verdict.word(), event.verdict.code()),
            human(event.at),
            self.words.reason(event.verdict.reason()),
        )
    }

    fn wished(&self) -> &'static str {
        if self.wait.not {
            "not ready, as wished:"
        } else {
            "ready:"
        }
    }

    fn all_met_line(&self, outcome: &Outcome) -> String {
        let attempts = outcome.targets.iter().map(|target| target.attempts).sum();
        format!(
            "{} {} after {} ({})",
            self.words.style.good(self.wished()),
            count(outcome.targets.len() as u64, "target"),
            human(outcome.elapsed),
            count(attempts, "attempt"),
        )
    }

    fn met_line(&self, event: &Event<'_>) -> String {
        let word = self.wished();
        let code = match event.verdict {
            Verdict::NotReady { code, .. } => format!(": {}", self.words.clean(code)),
            _ => String::new(),
        };
        format!(
            "{} {} after {} ({}){code}{}",
            self.words.style.good(word),
            self.words.clean(&event.target.label),
            human(event.at),
            count(event.attempt, "attempt"),
            self.words.reason(event.verdict.reason()),
        )
    }
}

impl Reporter for Text {
    fn tick_every(&self) -> Option<Duration> {
        self.crowd.as_ref().map(|_| crowd::EVERY)
    }

    fn tick(&mut self, elapsed: Duration) {
        if let Some(crowd) = &mut self.crowd
            && let Some(line) = crowd.line(elapsed, &self.words)
        {
            self.out.line(&line);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        if self.quiet || !notice.is_told(self.verbose) {
            return;
        }
        let level = format!("{}:", notice.level());
        let level = self.words.style.wait(&level);
        let text = clean_up_to(usize::MAX, notice.text());
        self.out.line(&format!("{level} {text}"));
    }

    fn begun(&mut self, targets: &[&TargetInfo], settings: &WaitSettings) {
        self.wait = settings.clone();
        let many = targets.len() > crowd::MANY && !self.quiet && !self.tells_attempts();
        self.crowd = many.then(|| Crowd::new(targets));
        self.throttles = targets.iter().map(|_| Throttle::default()).collect();
    }

    fn attempt(&mut self, event: &Event<'_>) {
        self.note(event);
        if self.tells_attempts() {
            for line in self.attempt_lines(event) {
                self.out.line(&line);
            }
        }
    }

    fn change(&mut self, event: &Event<'_>) {
        if self.crowd.is_some()
            || self.quiet
            || self.tells_attempts()
            || event.progress == Progress::Met
        {
            return;
        }
        let Some(throttle) = self.throttles.get_mut(event.index) else {
            return;
        };
        if let Some(untold) = throttle.pass(event.at) {
            let line = self.change_line(event, untold);
            self.out.line(&line);
        }
    }

    fn met(&mut self, event: &Event<'_>) {
        // One of any ends the wait, and has its line.
        if !self.quiet && (self.crowd.is_none() || self.wait.any) {
            let line = self.met_line(event);
            self.out.line(&line);
        }
    }

    fn finished(&mut self, outcome: &Outcome) {
        if outcome.exit == Exit::Ready && self.crowd.is_some() && !self.wait.any {
            let line = self.all_met_line(outcome);
            self.out.line(&line);
        }
        if outcome.exit != Exit::Ready {
            for line in failure(outcome, &self.words, self.quiet) {
                self.out.line(&line);
            }
        }
    }
}

/// Keeps a target that flaps from flooding the log.
#[derive(Debug)]
struct Throttle {
    left: u32,
    refilled: Duration,
    untold: u64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            left: CHANGES,
            refilled: Duration::ZERO,
            untold: 0,
        }
    }
}

impl Throttle {
    /// Whether to tell a change at this time; if so, how many were not told
    /// since the last one that was.
    fn pass(&mut self, at: Duration) -> Option<u64> {
        let passed = at.saturating_sub(self.refilled).as_secs() / CHANGE_EVERY.as_secs();
        if passed > 0 {
            self.left = self
                .left
                .saturating_add(u32::try_from(passed).unwrap_or(CHANGES))
                .min(CHANGES);
            self.refilled = at;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(std::mem::take(&mut self.untold))
            }
            None => {
                self.untold += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flapping_target_is_told_of_once_a_second() {
        let mut throttle = Throttle::default();
        let told: Vec<_> = (0..1_000)
            .filter_map(|step| throttle.pass(Duration::from_millis(step * 10)))
            .collect();
        assert!(told.len() <= 8 + 10, "{}", told.len());
        // The last told change may be up to a second old.
        let counted = told.len() as u64 + told.iter().sum::<u64>();
        assert!((900..=1_000).contains(&counted), "{counted}");
    }

    #[test]
    fn changes_at_leisure_are_all_told() {
        let mut throttle = Throttle::default();
        assert!((0..100).all(|step| throttle.pass(Duration::from_secs(step)) == Some(0)));
    }
}
