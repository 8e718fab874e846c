//! Decides how long a target is left alone between two attempts: short enough
//! that a change is found at once, long enough that waiting costs little.
//!
//! The numbers, and why. An attempt costs us 0.1 to 0.3 ms of CPU, and the
//! median lag is half of the pause, plus the attempt. A local target that only
//! refuses is asked at a pause of eighty times what its attempts take (they are
//! nearly all CPU), within 12 to 20 ms: a median lag of 6 to 10 ms, and about
//! one per cent of a core where an attempt takes up to 0.2 ms; where the machine
//! is so slow or so busy that it takes longer, the lag is kept and the share
//! grows. A local target that answers costs the server something too: 16 ms at
//! first, and 1/80 of the time in which nothing new was seen, so that the lag
//! stays within one per cent of the wait; over a wait of 3 s these are about 150
//! attempts. A remote target is asked half as often, with jitter against runners
//! that started together. After the start and after something new, attempts
//! begin close together and move apart by half each time.
//!
//! A state counts as new only if it was not seen lately: a service that flaps
//! between two states would otherwise be asked as often as possible for ever.
//! Many targets share one budget. *Misconfigured* answers are asked for
//! sparsely, for wrong passwords lock accounts. A service that asks to be left
//! alone (`wait-hint`) is, up to the interval. Two bounds hold over all: never
//! longer than `--interval`, and never shorter than the attempt itself took, so
//! that no target is busy with us for more than half of its time.

use std::time::Duration;

use super::streak::Due;

/// No pause is shorter, unless the interval is.
const SHORTEST: Duration = Duration::from_millis(4);

/// An interval of zero would keep a core busy.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// An interval beyond this is as good as no second attempt.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// Each open target's share of the pause: 250 attempts a second in all.
const SHARE: Duration = Duration::from_millis(4);

/// The first pause after a misconfigured answer; it doubles.
const FIRST_SUSPECT: Duration = Duration::from_millis(250);

/// The first pause after the plugin broke; it doubles.
const FIRST_BROKEN: Duration = Duration::from_millis(100);

/// Nobody's name server is asked more often than this about one name.
const NAME: Duration = Duration::from_millis(100);

/// How much time a last attempt gets before the deadline, at least.
const LAST_ATTEMPT: Duration = Duration::from_millis(20);

/// The jitter of remote pauses, in each direction.
const JITTER: f64 = 0.2;

/// What distinguishes near from far targets.
#[derive(Debug)]
struct Manner {
    /// The first pause after something new.
    first: Duration,
    /// The steady pause is at least this,
    steady: Duration,
    /// and this many times what an attempt takes,
    times_took: u32,
    /// and the time without anything new divided by this.
    part_of_calm: u32,
    /// The same for a target that refuses: at least, times, at most.
    refused: (Duration, u32, Duration),
}

const LOCAL: Manner = Manner {
    first: SHORTEST,
    steady: Duration::from_millis(16),
    times_took: 2,
    part_of_calm: 80,
    refused: (Duration::from_millis(12), 80, Duration::from_millis(20)),
};

const REMOTE: Manner = Manner {
    first: Duration::from_millis(10),
    steady: Duration::from_millis(25),
    times_took: 4,
    part_of_calm: 40,
    refused: (Duration::from_millis(25), 20, Duration::from_millis(250)),
};

/// What the last answer means for the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nobody listens.
    Refused,
    /// Nobody knows the name.
    NameUnknown,
    /// Any other answer to wait on.
    Usual,
    /// Misconfigured; the grace ends in so long.
    Suspect(Duration),
    /// The plugin broke.
    Broken,
    /// A good answer, and when the next is due.
    Good(Due),
}

/// An attempt that is over, as far as the pace is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) mood: Mood,
    /// Whether its state was not seen lately.
    pub(super) news: bool,
    /// How long nothing new was seen.
    pub(super) calm: Duration,
    pub(super) took: Duration,
    /// How long the service asked to be left alone.
    pub(super) hint: Option<Duration>,
    /// How many targets are still asked.
    pub(super) crowd: u32,
}

/// The pace of one target.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    local: bool,
    random: fastrand::Rng,
    /// The last pause of a row that grows.
    step: Option<Duration>,
    /// What an attempt takes when the machine is not busy with other things.
    quickest: Option<Duration>,
}

impl Pace {
    pub(super) fn new(interval: Duration, local: bool, seed: u64) -> Self {
        Self {
            interval: interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            local,
            random: fastrand::Rng::with_seed(seed),
            step: None,
            quickest: None,
        }
    }

    /// The pause before the next attempt.
    pub(super) fn pause(&mut self, answer: &Answer) -> Duration {
        let quickest = self.note(answer.took.min(self.interval));
        if answer.news {
            self.step = None;
        }
        let manner = if self.local { &LOCAL } else { &REMOTE };
        let calm = answer.calm / manner.part_of_calm;
        let pause = match answer.mood {
            Mood::Good(Due::In(pause)) => pause,
            Mood::Good(Due::Within(most)) => most.mul_f64(0.5 + 0.5 * self.random.f64()),
            Mood::Suspect(grace_left) => self.grow(FIRST_SUSPECT, 2.0).min(grace_left),
            Mood::Broken => self.grow(FIRST_BROKEN, 2.0),
            Mood::Refused => {
                let (least, times, most) = manner.refused;
                // A refused local port stays as cheap as it was.
                let calm = if self.local { Duration::ZERO } else { calm };
                let steady = quickest.saturating_mul(times).max(calm).clamp(least, most);
                self.grow(manner.first, 1.5).min(steady)
            }
            Mood::Usual | Mood::NameUnknown => {
                let steady = manner
                    .steady
                    .max(answer.took.saturating_mul(manner.times_took))
                    .max(calm);
                self.grow(manner.first, 1.5).min(steady)
            }
        };
        let pause = match answer.mood {
            Mood::Good(_) => return pause.max(self.floor(answer)).min(self.interval),
            Mood::Suspect(_) => pause,
            Mood::Refused | Mood::NameUnknown | Mood::Usual | Mood::Broken => {
                self.spread(pause, answer.crowd)
            }
        };
        pause
            .max(answer.hint.unwrap_or_default())
            .max(self.floor(answer))
            .min(self.interval)
    }

    /// The pause as it fits before the deadline, if the wait has one. An
    /// attempt that would come too late to be answered comes earlier; none at
    /// all if there is no time left for a decent pause.
    pub(super) fn fit(
        &self,
        pause: Duration,
        answer: &Answer,
        remaining: Option<Duration>,
    ) -> Option<Duration> {
        let Some(remaining) = remaining else {
            return Some(pause);
        };
        let needed = LAST_ATTEMPT.max(answer.took.saturating_mul(2));
        let latest = remaining.saturating_sub(needed);
        let pause = pause.min(latest.max(self.floor(answer)));
        (pause < remaining).then_some(pause)
    }

    /// What no pause may fall below.
    fn floor(&self, answer: &Answer) -> Duration {
        let least = match answer.mood {
            Mood::Suspect(grace_left) => FIRST_SUSPECT.min(grace_left),
            Mood::Broken => FIRST_BROKEN,
            Mood::NameUnknown => NAME,
            Mood::Refused | Mood::Usual | Mood::Good(_) => SHORTEST,
        };
        least.max(SHORTEST).max(answer.took).min(self.interval)
    }

    /// The next of a row of pauses that grows until something new is seen.
    fn grow(&mut self, first: Duration, factor: f64) -> Duration {
        let next = match self.step {
            None => first,
            Some(step) => step.mul_f64(factor).clamp(first, self.interval.max(first)),
        };
        self.step = Some(next);
        next
    }

    /// Takes the other targets and other runners into account.
    fn spread(&mut self, pause: Duration, crowd: u32) -> Duration {
        let pause = pause.max(SHARE.saturating_mul(crowd).min(self.interval));
        if self.local {
            return pause;
        }
        pause.mul_f64(1.0 + JITTER * (2.0 * self.random.f64() - 1.0))
    }

    /// A minimum that forgets slowly.
    fn note(&mut self, took: Duration) -> Duration {
        let quickest = self
            .quickest
            .map_or(took, |quickest| took.min(quickest + quickest / 8));
        self.quickest = Some(quickest);
        quickest
    }
}
