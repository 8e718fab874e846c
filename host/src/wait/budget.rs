//! Bounds what a long wait costs this machine, whatever an attempt takes here:
//! the pauses follow from the processor time that attempts were seen to use.

use std::time::Duration;

/// The share of one core that a wait for one target, or a few, may use.
const SHARE: f64 = 0.008;

/// With more, this much for each,
const SHARE_EACH: f64 = 0.001;

/// and never more than this in all.
const SHARE_MOST: f64 = 0.04;

/// What a wait may use beyond its share, in all, so that a short one is told
/// at once where attempts are dear.
const CREDIT: Duration = Duration::from_millis(100);

/// While the credit lasts, an attempt every so often is affordable,
const LIVELY: Duration = Duration::from_millis(12);

/// as long as it does not use more than so many times the share.
const FACTOR: f64 = 2.0;

/// How many pauses it takes to pay a debt back.
const REPAID: u32 = 16;

/// The weight of the last attempt in what attempts are thought to cost.
const WEIGHT: f64 = 0.125;

/// Of the first ones the cheapest counts: what those before it cost does not
/// come back.
const FIRST: u32 = 8;

/// No single attempt counts for more than so many others: the machine may
/// have been busy.
const OUTLIER: f64 = 4.0;

/// From one attempt at a target to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Affordable {
    /// So often for long,
    pub(super) steady: Duration,
    /// and so often for now.
    pub(super) now: Duration,
}

/// What attempts cost, and what may be spent.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// The processor time that was used before the first attempt, and by the
    /// end of the last.
    counted: Option<(Duration, Duration)>,
    /// What an attempt costs, in seconds of processor time.
    each: Option<f64>,
    /// How many there were, up to [`FIRST`].
    first: u32,
}

impl Budget {
    /// Nothing is spent yet; `used` is the processor time of the process.
    pub(super) fn new(used: Option<Duration>) -> Self {
        Self {
            counted: used.map(|used| (used, used)),
            each: None,
            first: 0,
        }
    }

    /// An attempt is over.
    pub(super) fn spend(&mut self, used: Option<Duration>) {
        let (Some((_, last)), Some(used)) = (&mut self.counted, used) else {
            return;
        };
        let cost = used.saturating_sub(*last).as_secs_f64();
        *last = used;
        let early = self.first < FIRST;
        self.first += u32::from(early);
        let each = match self.each {
            None => cost,
            Some(each) if early => each.min(cost),
            Some(each) => each + WEIGHT * (cost.min(each * OUTLIER) - each),
        };
        self.each = Some(each);
    }

    /// What is affordable so long after the start and with so many targets.
    pub(super) fn affordable(&self, elapsed: Duration, crowd: u32) -> Affordable {
        let (Some((first, last)), Some(each)) = (self.counted, self.each) else {
            return Affordable::default();
        };
        let crowd = f64::from(crowd.max(1));
        let share = (SHARE_EACH * crowd).clamp(SHARE, SHARE_MOST);
        let even = Duration::from_secs_f64((each * crowd / share).min(1e6));
        let spent = last.saturating_sub(first);
        let allowed = CREDIT + elapsed.mul_f64(share);
        match spent.checked_sub(allowed) {
            None => Affordable {
                steady: even.min(LIVELY.max(even.div_f64(FACTOR))),
                now: Duration::ZERO,
            },
            // The debt is paid back bit by bit.
            Some(debt) => {
                let steady = even + debt.div_f64(share) / REPAID;
                Affordable {
                    steady,
                    now: steady,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Spends as long as the budget paces it, and never faster than every 8 ms;
    /// gives the processor time used and the longest pauses in the first and in
    /// the last second.
    fn live(
        cost: impl Fn(u64) -> Duration,
        crowd: u32,
        seconds: u64,
    ) -> (Duration, Duration, Duration) {
        let end = Duration::from_secs(seconds);
        let (mut now, mut used) = (Duration::ZERO, Duration::from_secs(7));
        let mut budget = Budget::new(Some(used));
        let (mut early, mut late) = (Duration::ZERO, Duration::ZERO);
        for number in 0.. {
            used += cost(number) * crowd;
            for target in 1..=crowd {
                budget.spend(Some(used - cost(number) * (crowd - target)));
            }
            let pause = budget.affordable(now, crowd).steady.max(us(8_000));
            if now < Duration::from_secs(1) {
                early = early.max(pause);
            } else if now + Duration::from_secs(1) > end {
                late = late.max(pause);
            }
            now += pause;
            if now > end {
                break;
            }
        }
        (used - Duration::from_secs(7), early, late)
    }

    #[test]
    fn a_long_wait_stays_under_one_per_cent_whatever_an_attempt_costs() {
        for cost in [5, 25, 60, 150, 300, 1_000, 10_000] {
            let (used, ..) = live(|_| us(cost), 1, 60);
            assert!(used < us(600_000), "{cost} µs: {used:?}");
        }
        let (used, ..) = live(|number| us(50 + 977 * (number % 7)), 1, 60);
        assert!(used < us(600_000), "{used:?}");
    }

    #[test]
    fn cheap_attempts_are_not_slowed() {
        assert_eq!(live(|_| us(60), 1, 60).2, us(8_000));
    }

    #[test]
    fn dear_attempts_are_lively_at_first() {
        let (_, early, late) = live(|_| us(300), 1, 60);
        assert!(early <= us(20_000), "{early:?}");
        assert!(late > us(30_000), "{late:?}");
    }

    #[test]
    fn a_dear_first_attempt_is_forgotten() {
        let cost = |number| us(if number == 0 { 20_000 } else { 60 });
        let mut budget = Budget::new(Some(Duration::ZERO));
        budget.spend(Some(cost(0)));
        budget.spend(Some(cost(0) + cost(1)));
        assert!(budget.affordable(us(20_000), 1).steady < us(8_000));
    }

    #[test]
    fn many_targets_share_a_small_part_of_a_core() {
        for (crowd, share) in [(2, 0.01), (8, 0.01), (100, 0.045), (1_000, 0.045)] {
            let (used, ..) = live(|_| us(30), crowd, 60);
            let most = Duration::from_secs(60).mul_f64(share);
            assert!(used < most, "{crowd}: {used:?}");
        }
    }

    #[test]
    fn without_a_clock_everything_is_affordable() {
        let mut budget = Budget::new(None);
        budget.spend(None);
        assert_eq!(budget.affordable(us(1), 1_000), Affordable::default());
    }
}
