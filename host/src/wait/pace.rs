//! Decides how long a target is left alone between two attempts: short enough
//! that a change is found at once, long enough that waiting costs little.
//!
//! The median lag is half of a pause, plus the attempt. After the start and
//! after something new, attempts begin close together and move apart by half
//! each time, until the longest of these is reached:
//!
//! - 8 ms where a local target refuses, 10 ms else: a median lag of 4 to 5 ms;
//! - what this machine can afford ([`super::budget`]): so long that a wait stays
//!   under one per cent of a core, whatever an attempt costs here;
//! - a small part of the time in which nothing new was seen, so that the lag
//!   stays within it: a service that has been starting for a minute is not asked
//!   as often as one that began a second ago. Not where a local port refuses:
//!   nobody is bothered by it;
//! - twice as long as the server itself was busy with us, as far as that
//!   can be told: an attempt's time without name look-ups and the time for
//!   which bytes travel; of the last two attempts the quicker one counts, since
//!   a machine hiccups;
//! - longer and longer while a server takes several times as long as it was seen
//!   to need, and long at that: others wait for it too. This, and the bound
//!   before it, are those that may go beyond the interval, up to five times.
//!
//! A connection that was held open for long and then came to nothing says
//! nothing of that: it ends when something happened, so the next attempt comes
//! at once. Every pause is spread by jitter, so that runners which started
//! together drift apart.
//!
//! A state counts as new only if it was not seen lately: a service that flaps
//! between two states would otherwise be asked as often as possible for ever.
//! *Misconfigured* answers are asked for sparsely, for wrong passwords lock
//! accounts. A service that asks to be left alone (`wait-hint`) is, up to the
//! interval.

use std::time::Duration;

use super::attempt::Road;
use super::budget::Affordable;
use super::streak::Due;

/// No pause is shorter, unless the interval is.
const SHORTEST: Duration = Duration::from_millis(4);

/// Where nobody listens on this machine, nobody is bothered. A server listens a
/// moment after it has made its socket file.
const SHORTEST_KNOCK: Duration = Duration::from_millis(1);

/// An interval of zero would keep a core busy.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// An interval beyond this is as good as no second attempt.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The first pause after a misconfigured answer; it doubles.
const FIRST_SUSPECT: Duration = Duration::from_millis(250);

/// The first pause after the plugin broke; it doubles.
const FIRST_BROKEN: Duration = Duration::from_millis(100);

/// Nobody's name server is asked more often than this about one name.
const NAME: Duration = Duration::from_millis(100);

/// How much time a last attempt gets before the deadline, at least.
const LAST_ATTEMPT: Duration = Duration::from_millis(20);

/// The jitter, in each direction.
const JITTER: f64 = 0.2;

/// How often bytes travel to a server and back in an attempt that is not busy
/// with anything else: to open the connection, for TLS, to log in, to ask.
const ROUNDS: u32 = 8;

/// A server rests so many times as long as it was busy with us,
const RESTS: u32 = 2;

/// no longer than so many intervals.
const RESTS_MOST: u32 = 5;

/// Others wait for a server too that is busy with each for so long,
const CROWDED: Duration = Duration::from_millis(100);

/// and for so many times as long as it was seen to need.
const SLOWER: u32 = 3;

/// It rests so many times as long at least,
const RESTS_CROWDED: u32 = 4;

/// and more by this from one attempt to the next,
const RESTS_MORE: f64 = 1.5;

/// and shrinks by this when it is not crowded any more.
const RESTS_LESS: f64 = 0.9;

/// A connection that came to nothing after so long was held.
const HELD: Duration = Duration::from_millis(250);

/// What distinguishes near from far targets.
#[derive(Debug)]
struct Manner {
    /// The first pause after something new.
    first: Duration,
    /// The same where nobody listens, who could be bothered.
    first_refused: Duration,
    /// The steady pause is at least this,
    steady: Duration,
    /// and the time without anything new divided by this.
    part_of_calm: u32,
    /// The same for a target that refuses: at least,
    refused: Duration,
    /// and for that reason at most.
    refused_most: Duration,
}

const LOCAL: Manner = Manner {
    first: SHORTEST,
    first_refused: SHORTEST_KNOCK,
    steady: Duration::from_millis(10),
    part_of_calm: 400,
    refused: Duration::from_millis(8),
    refused_most: Duration::from_millis(8),
};

const REMOTE: Manner = Manner {
    first: SHORTEST,
    first_refused: SHORTEST,
    steady: Duration::from_millis(10),
    part_of_calm: 200,
    refused: Duration::from_millis(10),
    refused_most: Duration::from_millis(250),
};

/// What the last answer means for the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nobody listens.
    Refused,
    /// Nobody knows the name.
    NameUnknown,
    /// The connection came to nothing: it was closed, or no answer came.
    Closed,
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
    /// What of that was spent on the way.
    pub(super) road: Road,
    /// How long the service asked to be left alone.
    pub(super) hint: Option<Duration>,
    /// What this machine can afford.
    pub(super) affordable: Affordable,
}

/// The pace of one target.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    local: bool,
    random: fastrand::Rng,
    /// The last pause of a row that grows.
    step: Option<Duration>,
    /// What a connection takes to open when nobody is busy.
    quickest: Option<Duration>,
    /// How long the server was busy with the last attempt that it answered,
    busy: Option<Duration>,
    /// and when it was quickest.
    least_busy: Option<Duration>,
    /// How long it is left alone because it is crowded,
    crowded: Duration,
    /// and all in all for its own sake.
    rest: Duration,
}

impl Pace {
    pub(super) fn new(interval: Duration, local: bool, seed: u64) -> Self {
        Self {
            interval: interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            local,
            random: fastrand::Rng::with_seed(seed),
            step: None,
            quickest: None,
            busy: None,
            least_busy: None,
            crowded: Duration::ZERO,
            rest: Duration::ZERO,
        }
    }

    /// The pause before the next attempt.
    pub(super) fn pause(&mut self, answer: &Answer) -> Duration {
        self.note(answer);
        if answer.news {
            self.step = None;
        }
        let manner = if self.local { &LOCAL } else { &REMOTE };
        let calm = answer.calm / manner.part_of_calm;
        let affordable = answer.affordable.steady.saturating_sub(answer.took);
        let affordable_now = answer.affordable.now.saturating_sub(answer.took);
        let pause = match answer.mood {
            Mood::Good(Due::In(pause)) => pause,
            Mood::Good(Due::Within(most)) => most.mul_f64(0.5 + 0.5 * self.random.f64()),
            Mood::Suspect(grace_left) => self.grow(FIRST_SUSPECT, 2.0).min(grace_left),
            Mood::Broken => self.grow(FIRST_BROKEN, 2.0),
            Mood::Closed if answer.took >= HELD => manner.steady.max(affordable),
            Mood::Refused => {
                let calm = calm.clamp(manner.refused, manner.refused_most);
                self.grow(manner.first_refused, 1.5)
                    .min(calm.max(affordable))
            }
            Mood::Usual | Mood::Closed | Mood::NameUnknown => {
                let steady = manner.steady.max(affordable).max(calm);
                self.grow(manner.first, 1.5).min(steady)
            }
        };
        let pause = match answer.mood {
            Mood::Good(_) | Mood::Suspect(_) => pause,
            _ => self.spread(pause.max(affordable_now)),
        };
        let rest = match answer.mood {
            Mood::Good(_) => answer.took.min(self.interval),
            Mood::Suspect(grace_left) => self.rest.min(grace_left),
            _ => self.spread(self.rest),
        };
        pause
            .max(answer.hint.unwrap_or_default())
            .max(self.floor(answer))
            .min(self.interval)
            .max(rest)
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
            Mood::Refused => return SHORTEST_KNOCK.min(self.interval),
            Mood::Closed | Mood::Usual | Mood::Good(_) => SHORTEST,
        };
        least.max(SHORTEST).min(self.interval)
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

    /// Takes other runners into account.
    fn spread(&mut self, pause: Duration) -> Duration {
        pause.mul_f64(1.0 + JITTER * (2.0 * self.random.f64() - 1.0))
    }

    /// Learns how far the server is, and how busy.
    fn note(&mut self, answer: &Answer) {
        if let Some(connect) = answer.road.connect {
            // A minimum that forgets slowly.
            let known = self.quickest.map(|quickest| quickest + quickest / 8);
            self.quickest = Some(known.map_or(connect, |known| known.min(connect)));
        }
        if answer.news {
            // What it does now may take longer.
            self.least_busy = None;
        }
        let answered = match answer.mood {
            Mood::Refused | Mood::NameUnknown | Mood::Broken => false,
            Mood::Closed => answer.took < HELD,
            Mood::Usual | Mood::Suspect(_) | Mood::Good(_) => true,
        };
        if !answered {
            self.busy = None;
            self.rest = Duration::ZERO;
            return;
        }
        let travel = self.quickest.unwrap_or_default().saturating_mul(ROUNDS);
        let now = answer
            .took
            .saturating_sub(answer.road.lookup)
            .saturating_sub(travel);
        let busy = self.busy.replace(now).map_or(now, |last| last.min(now));
        let least = self.least_busy.map_or(now, |least| least.min(now));
        self.least_busy = Some(least);
        let crowded = busy >= CROWDED && busy > least.saturating_mul(SLOWER);
        self.crowded = if crowded {
            let least = busy.saturating_mul(RESTS_CROWDED);
            self.crowded.mul_f64(RESTS_MORE).max(least)
        } else {
            self.crowded.mul_f64(RESTS_LESS)
        };
        let most = self.interval.saturating_mul(RESTS_MOST);
        self.crowded = self.crowded.min(most);
        let alone = busy.saturating_mul(RESTS).min(most);
        self.rest = alone.max(self.crowded);
    }
}
