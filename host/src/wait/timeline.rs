//! Remembers what was seen of a target and when, in bounded space, so that a
//! failure can be explained.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Verdict;

/// How many of the first states are kept.
const FIRST: usize = 50;

/// How many of the last states are kept.
const LAST: usize = 50;

/// A time in which the target stayed in one state, which is a verdict with a
/// code. Times are counted from the start of the wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// When the state was first seen.
    pub from: Duration,
    /// When it was last seen.
    pub until: Duration,
    /// [`Verdict::word`].
    pub verdict: &'static str,
    /// [`Verdict::code`].
    pub code: String,
    /// The reason that was given last.
    pub reason: String,
    /// How many attempts in a row saw it.
    pub attempts: u64,
}

impl Span {
    fn is(&self, verdict: &Verdict) -> bool {
        self.verdict == verdict.word() && self.code == verdict.code()
    }
}

/// The states of one target, oldest first. Of very many the first and the last
/// are kept, and the number of those between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    first: Vec<Span>,
    last: VecDeque<Span>,
    dropped: u64,
}

impl Timeline {
    /// Adds what an attempt saw; tells whether the state differs from the one
    /// before.
    pub(super) fn add(&mut self, at: Duration, verdict: &Verdict) -> bool {
        if let Some(span) = self.current_mut()
            && span.is(verdict)
        {
            span.until = at;
            span.attempts += 1;
            verdict.reason().clone_into(&mut span.reason);
            return false;
        }
        let span = Span {
            from: at,
            until: at,
            verdict: verdict.word(),
            code: verdict.code().to_owned(),
            reason: verdict.reason().to_owned(),
            attempts: 1,
        };
        if self.first.len() < FIRST {
            self.first.push(span);
        } else {
            if self.last.len() == LAST {
                self.last.pop_front();
                self.dropped += 1;
            }
            self.last.push_back(span);
        }
        true
    }

    fn current_mut(&mut self) -> Option<&mut Span> {
        match self.last.back_mut() {
            Some(span) => Some(span),
            None => self.first.last_mut(),
        }
    }

    /// The state that holds now.
    pub fn current(&self) -> Option<&Span> {
        self.last.back().or(self.first.last())
    }

    /// The kept states, oldest first.
    pub fn spans(&self) -> impl DoubleEndedIterator<Item = &Span> {
        self.first.iter().chain(&self.last)
    }

    /// How many states are kept.
    pub fn kept(&self) -> usize {
        self.first.len() + self.last.len()
    }

    /// How many states are missing in the middle.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn not_ready(code: &str, reason: &str) -> Verdict {
        Verdict::NotReady {
            code: code.to_owned(),
            reason: reason.to_owned(),
            wait_hint: None,
            facts: Vec::new(),
        }
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn merges_a_state_and_keeps_its_last_reason() {
        let mut timeline = Timeline::default();
        assert!(timeline.add(ms(1), &not_ready("loading", "10 %")));
        assert!(!timeline.add(ms(2), &not_ready("loading", "20 %")));
        assert!(timeline.add(ms(3), &not_ready("refused", "no")));
        let spans: Vec<_> = timeline.spans().collect();
        assert_eq!(spans.len(), 2);
        assert_eq!((spans[0].from, spans[0].until), (ms(1), ms(2)));
        assert_eq!((spans[0].reason.as_str(), spans[0].attempts), ("20 %", 2));
        assert_eq!(
            timeline.current().map(|span| span.code.as_str()),
            Some("refused")
        );
    }

    #[test]
    fn a_flapping_target_takes_bounded_space_and_keeps_both_ends() {
        let mut timeline = Timeline::default();
        for number in 0..1_000 {
            assert!(timeline.add(ms(number), &not_ready(&format!("c{number}"), "")));
        }
        assert_eq!(timeline.kept(), FIRST + LAST);
        assert_eq!(timeline.dropped(), 900);
        let codes: Vec<_> = timeline.spans().map(|span| span.code.as_str()).collect();
        assert_eq!(
            (codes[0], codes[FIRST - 1], codes[FIRST], codes[99]),
            ("c0", "c49", "c950", "c999")
        );
    }

    /// Every state, none left out, as (state, attempts, from, until).
    fn all(seen: &[(u64, u8)]) -> Vec<(u8, u64, u64, u64)> {
        let mut all: Vec<(u8, u64, u64, u64)> = Vec::new();
        for (at, state) in seen {
            match all.last_mut() {
                Some((last, attempts, _, until)) if last == state => {
                    *attempts += 1;
                    *until = *at;
                }
                _ => all.push((*state, 1, *at, *at)),
            }
        }
        all
    }

    proptest! {
        #[test]
        fn it_is_the_list_of_all_states_without_its_middle(
            seen in prop::collection::vec((1..5_u64, 0..4_u8), 0..400),
        ) {
            let mut now = 0;
            let seen: Vec<(u64, u8)> = seen
                .into_iter()
                .map(|(pause, state)| {
                    now += pause;
                    (now, state)
                })
                .collect();
            let mut timeline = Timeline::default();
            let mut before = None;
            for (at, state) in &seen {
                let news = timeline.add(ms(*at), &not_ready(&format!("c{state}"), &at.to_string()));
                prop_assert_eq!(news, before != Some(state));
                before = Some(state);
            }
            let mut expected = all(&seen);
            let dropped = expected.len().saturating_sub(FIRST + LAST);
            if dropped > 0 {
                expected.drain(FIRST..FIRST + dropped);
            }
            prop_assert_eq!(timeline.dropped(), dropped as u64);
            prop_assert_eq!(timeline.kept(), expected.len());
            for (span, (state, attempts, from, until)) in timeline.spans().zip(&expected) {
                prop_assert_eq!(&span.code, &format!("c{state}"));
                prop_assert_eq!(span.attempts, *attempts);
                prop_assert_eq!((span.from, span.until), (ms(*from), ms(*until)));
                prop_assert_eq!(&span.reason, &until.to_string(), "the last reason");
            }
            prop_assert_eq!(timeline.current(), timeline.spans().next_back());
        }
    }
}
