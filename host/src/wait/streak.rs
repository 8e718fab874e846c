//! Counts good answers in a row, so that one lucky answer of a service that
//! comes and goes is not taken for readiness.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// How many looks a stable window gets at least, besides its first.
const LOOKS: u32 = 8;

/// The answers lie this part of the interval apart, at most: 100 ms with the
/// default of 1 s.
const PART_OF_INTERVAL: u32 = 10;

/// Good answers are never asked for closer together than this.
const CLOSEST: Duration = Duration::from_millis(10);

/// When the next of a row of good answers is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// After just so long.
    In(Duration),
    /// At an unforeseeable moment within this time: a service that comes and
    /// goes with a rhythm must not be met at its good moments only.
    Within(Duration),
}

/// The good answers since the last other one.
#[derive(Debug)]
pub(super) struct Streak {
    need: u32,
    over: Duration,
    have: u32,
    /// When the first of them had been given.
    began: Option<Instant>,
    incarnation: Option<String>,
}

impl Streak {
    pub(super) fn new(need: NonZeroU32, over: Duration) -> Self {
        Self {
            need: need.get(),
            over,
            have: 0,
            began: None,
            incarnation: None,
        }
    }

    /// How many good answers there are.
    pub(super) fn have(&self) -> u32 {
        self.have
    }

    /// Forgets everything, after an answer that was not good.
    pub(super) fn reset(&mut self) {
        self.have = 0;
        self.began = None;
        self.incarnation = None;
    }

    /// Adds a good answer to an attempt that began and ended at these times;
    /// tells whether it is enough. The window is counted from the end of the
    /// first to the start of the last attempt: within it the service was good
    /// for sure.
    pub(super) fn good(
        &mut self,
        started: Instant,
        ended: Instant,
        incarnation: Option<&str>,
    ) -> bool {
        let restarted =
            matches!((&self.incarnation, incarnation), (Some(old), Some(new)) if old != new);
        if restarted {
            self.reset();
        }
        if let Some(incarnation) = incarnation {
            self.incarnation = Some(incarnation.to_owned());
        }
        let began = *self.began.get_or_insert(ended);
        self.have = self.have.saturating_add(1);
        self.have >= self.need && started.saturating_duration_since(began) >= self.over
    }

    /// When the next answer is due.
    pub(super) fn due(&self, now: Instant, interval: Duration) -> Due {
        let part = (interval / PART_OF_INTERVAL).max(CLOSEST);
        if self.over.is_zero() {
            return Due::In(part);
        }
        let even = self.over / self.need.saturating_sub(1).max(LOOKS);
        let look = even.clamp(CLOSEST, part);
        let passed = self
            .began
            .map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let left = self.over.saturating_sub(passed);
        // The last look comes just when the window is over.
        if self.have.saturating_add(1) >= self.need && !left.is_zero() && left <= look {
            Due::In(left)
        } else {
            Due::Within(look)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn streak(need: u32, over: Duration) -> Streak {
        Streak::new(NonZeroU32::new(need).unwrap(), over)
    }

    #[test]
    fn one_answer_is_enough_by_default() {
        let now = Instant::now();
        assert!(streak(1, Duration::ZERO).good(now, now, None));
    }

    #[test]
    fn counts_only_answers_in_a_row() {
        let now = Instant::now();
        let mut streak = streak(3, Duration::ZERO);
        assert!(!streak.good(now, now, None));
        assert!(!streak.good(now, now, None));
        streak.reset();
        assert!(!streak.good(now, now, None));
        assert!(!streak.good(now, now, None));
        assert!(streak.good(now, now, None));
    }

    #[test]
    fn a_window_is_measured_inside_the_attempts() {
        let start = Instant::now();
        let mut streak = streak(1, ms(100));
        assert!(!streak.good(start, start + ms(30), None));
        assert!(!streak.good(start + ms(129), start + ms(140), None));
        assert!(streak.good(start + ms(130), start + ms(131), None));
    }

    #[test]
    fn a_restart_begins_anew_and_a_missing_incarnation_counts() {
        let now = Instant::now();
        let mut streak = streak(3, Duration::ZERO);
        assert!(!streak.good(now, now, Some("a")));
        assert!(!streak.good(now, now, None));
        assert!(!streak.good(now, now, Some("b")));
        assert_eq!(streak.have(), 1);
        assert!(!streak.good(now, now, None));
        assert!(streak.good(now, now, Some("b")));
    }

    #[test]
    fn the_last_look_comes_when_the_window_is_over() {
        let start = Instant::now();
        let mut streak = streak(1, ms(1000));
        streak.good(start, start, None);
        assert_eq!(streak.due(start, ms(1000)), Due::Within(ms(100)));
        assert_eq!(streak.due(start + ms(901), ms(1000)), Due::In(ms(99)));
        assert_eq!(streak.due(start + ms(997), ms(1000)), Due::In(ms(3)));
    }

    #[test]
    fn a_short_window_gets_its_looks_too() {
        let now = Instant::now();
        assert_eq!(streak(1, ms(400)).due(now, ms(1000)), Due::Within(ms(50)));
        assert_eq!(streak(21, ms(400)).due(now, ms(1000)), Due::Within(ms(20)));
        assert_eq!(streak(1, ms(1)).due(now, ms(1000)), Due::In(ms(1)));
    }

    #[test]
    fn a_number_alone_is_spaced_by_the_interval() {
        let now = Instant::now();
        let streak = streak(3, Duration::ZERO);
        assert_eq!(streak.due(now, ms(1000)), Due::In(ms(100)));
        assert_eq!(streak.due(now, ms(20)), Due::In(ms(10)));
    }
}
