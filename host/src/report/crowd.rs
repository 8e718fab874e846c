//! Tells of very many targets together: nobody reads a thousand lines.

use std::collections::BTreeMap;
use std::time::Duration;

use super::human::{count, human};
use super::text::Words;
use crate::wait::{Event, Progress, TargetInfo};

/// With more targets than this, they are told of together.
pub(super) const MANY: usize = 24;

/// How often, at most, in the first seconds;
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// later each time that the wait has become longer by this part.
const PART: u32 = 8;

/// How many different states are told.
const STATES: usize = 6;

/// So few targets are named.
const NAMED: usize = 4;

/// Of many things, how many are in which state, the most frequent first:
/// `588 not ready (refused), 12 not ready (loading)`.
pub(super) fn tally<'a>(
    states: impl Iterator<Item = (&'a str, &'a str)>,
    words: &Words,
) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_insert(0_u64) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let more = counts.len().saturating_sub(STATES) as u64;
    let mut told: Vec<_> = counts
        .iter()
        .take(STATES)
        .map(|((verdict, code), number)| format!("{number} {}", words.state(verdict, code)))
        .collect();
    if more > 0 {
        told.push(count(more, "more state"));
    }
    told
}

/// How far each of very many targets is.
#[derive(Debug)]
pub(super) struct Crowd {
    members: Vec<Member>,
    /// When it is told of next, if something has changed.
    next: Duration,
    changed: bool,
}

#[derive(Debug)]
struct Member {
    label: String,
    /// Verdict and code; none before the first answer.
    state: Option<(&'static str, String)>,
    met: bool,
}

impl Crowd {
    pub(super) fn new(targets: &[&TargetInfo]) -> Self {
        let member = |target: &&TargetInfo| Member {
            label: target.label.clone(),
            state: None,
            met: false,
        };
        Self {
            members: targets.iter().map(member).collect(),
            next: EVERY,
            changed: false,
        }
    }

    /// Takes an answer in.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        let Some(member) = self.members.get_mut(event.index) else {
            return;
        };
        let (word, code) = (event.verdict.word(), event.verdict.code());
        let met = event.progress == Progress::Met;
        let same = matches!(&member.state, Some((known, old)) if *known == word && old == code);
        if same && member.met == met {
            return;
        }
        member.met = met;
        member.state = Some((word, code.to_owned()));
        self.changed = true;
    }

    /// The line that is due, if there is news.
    pub(super) fn line(&mut self, elapsed: Duration, words: &Words) -> Option<String> {
        if !self.changed || elapsed < self.next {
            return None;
        }
        self.changed = false;
        self.next = elapsed + EVERY.max(elapsed / PART);
        let all = count(self.members.len() as u64, "target");
        Some(format!(
            "{all} after {}: {}",
            human(elapsed),
            self.summary(words)
        ))
    }

    /// `412 done, 588 not ready (refused)`, and the names of the last few.
    pub(super) fn summary(&self, words: &Words) -> String {
        let open: Vec<_> = self.members.iter().filter(|member| !member.met).collect();
        let asked = open.iter().filter_map(|member| member.state.as_ref());
        let mut told = tally(asked.map(|(word, code)| (*word, code.as_str())), words);
        let done = self.members.len() - open.len();
        if done > 0 {
            told.insert(0, format!("{done} done"));
        }
        let unanswered = open.iter().filter(|member| member.state.is_none()).count();
        if unanswered > 0 {
            told.push(format!("{unanswered} being asked"));
        }
        let told = told.join(", ");
        if open.is_empty() || open.len() > NAMED {
            return told;
        }
        let names: Vec<_> = open
            .iter()
            .map(|member| words.clean(&member.label))
            .collect();
        format!("{told}: {}", names.join(", "))
    }
}
