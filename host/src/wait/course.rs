//! The course of one target: what its answers add up to, without a clock or a
//! socket of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{Road, TargetInfo};
use super::budget::Affordable;
use super::goal::{Goal, Meaning, NAME_UNKNOWN, TIMED_OUT};
use super::outcome::{Fate, Progress, TargetOutcome};
use super::pace::{Answer, Mood, Pace};
use super::settings::WaitSettings;
use super::streak::Streak;
use super::timeline::Timeline;
use crate::exit::Exit;
use crate::model::Verdict;

/// So many breaks in a row are the plugin's own fault.
const BREAKS: u32 = 3;

/// A state that was last seen longer ago than this is new when it comes again.
const LATELY: Duration = Duration::from_secs(10);

/// How many states are remembered as seen lately.
const STATES: usize = 8;

/// A cut-off attempt that was in silence for so long is evidence.
const LONG_SILENCE: Duration = Duration::from_secs(2);

/// Reasons longer than this are not kept; reports show far less.
const KEPT: usize = 8 * 1024;

/// An attempt that is over, with its times.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) started: Instant,
    pub(super) ended: Instant,
    pub(super) verdict: Verdict,
    /// What of that time was spent on the way.
    pub(super) road: Road,
    /// Whether it was the end of the wait that ended it, without an answer.
    pub(super) forced: bool,
}

impl Step {
    pub(super) fn took(&self) -> Duration {
        self.ended.saturating_duration_since(self.started)
    }
}

/// What is to be done with a target after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask again after so long, or not at all if the time does not suffice.
    Ask(Option<Duration>),
    /// Nothing: it is done.
    Met,
    /// Nothing: waiting cannot help.
    Hopeless,
}

/// What an answer led to.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) next: Next,
    pub(super) progress: Progress,
    /// Whether the state differs from the one before.
    pub(super) changed: bool,
    /// Whether the target is done with it, and was not before.
    pub(super) met: bool,
}

/// One target on its way.
#[derive(Debug)]
pub(super) struct Course {
    began: Instant,
    grace: Duration,
    interval: Duration,
    goal: Goal,
    pace: Pace,
    streak: Streak,
    timeline: Timeline,
    attempts: u64,
    fate: Fate,
    /// The last good answer, while none but good ones follow.
    last_good: Option<Instant>,
    /// The code that may become hopeless, and since when.
    suspect: Option<(String, Instant)>,
    breaks: u32,
    /// The states seen lately, newest last, and when.
    seen: Vec<(&'static str, String, Instant)>,
    /// When something new was seen last.
    news: Instant,
    last: Option<Verdict>,
    /// Whether it is asked once more, though it was done.
    confirming: bool,
}

impl Course {
    pub(super) fn new(began: Instant, settings: &WaitSettings, local: bool, seed: u64) -> Self {
        Self {
            began,
            grace: settings.grace,
            interval: settings.interval,
            goal: Goal::new(settings.not),
            pace: Pace::new(settings.interval, local, seed),
            streak: Streak::new(settings.successes, settings.stable_for),
            timeline: Timeline::default(),
            attempts: 0,
            fate: Fate::Waiting,
            last_good: None,
            suspect: None,
            breaks: 0,
            seen: Vec::new(),
            news: began,
            last: None,
            confirming: false,
        }
    }

    pub(super) fn fate(&self) -> Fate {
        self.fate
    }

    pub(super) fn attempts(&self) -> u64 {
        self.attempts
    }

    /// When the last good answer was given, if no other followed.
    pub(super) fn last_good(&self) -> Option<Instant> {
        self.last_good
    }

    /// The last evidence.
    pub(super) fn last(&self) -> Option<&Verdict> {
        self.last.as_ref()
    }

    /// Notes that the target is asked once more, though it was done; false if
    /// it is being asked already.
    pub(super) fn confirm(&mut self) -> bool {
        !std::mem::replace(&mut self.confirming, true)
    }

    /// Takes an answer; none if it tells nothing. `remaining` is the time that
    /// the wait has left, `affordable` what this machine can afford from one
    /// attempt to the next.
    pub(super) fn take(
        &mut self,
        mut step: Step,
        remaining: Option<Duration>,
        affordable: Affordable,
    ) -> Option<Taken> {
        if step.forced && self.last.is_some() && step.took() < LONG_SILENCE {
            return None;
        }
        bound(&mut step.verdict);
        self.confirming = false;
        self.attempts += 1;
        let at = step.ended.saturating_duration_since(self.began);
        let changed = self.timeline.add(at, &step.verdict);
        let news = self.is_news(&step.verdict, step.ended);
        let was_met = matches!(self.fate, Fate::Met(_));
        let mood = self.judge(&step);
        let met = matches!(self.fate, Fate::Met(_));
        let next = match self.fate {
            Fate::Met(_) => Next::Met,
            Fate::Hopeless(_) => Next::Hopeless,
            Fate::Waiting => {
                let answer = Answer {
                    mood,
                    news,
                    calm: step.ended.saturating_duration_since(self.news),
                    took: step.took(),
                    road: step.road,
                    hint: wait_hint(&step.verdict),
                    affordable,
                };
                let pause = self.pace.pause(&answer);
                Next::Ask(self.pace.fit(pause, &answer, remaining))
            }
        };
        let progress = match self.streak.have() {
            _ if met => Progress::Met,
            0 => Progress::Waiting,
            have => Progress::Counting { have },
        };
        self.last = Some(step.verdict);
        Some(Taken {
            next,
            progress,
            changed,
            met: met && !was_met,
        })
    }

    /// Lets an answer count for what it means.
    fn judge(&mut self, step: &Step) -> Mood {
        let now = step.ended;
        let meaning = match self.goal.meaning(&step.verdict) {
            // Only an attempt's own timeout tells about the service.
            Meaning::Good if step.forced => Meaning::Waiting,
            meaning => meaning,
        };
        if meaning != Meaning::Good {
            self.streak.reset();
            self.last_good = None;
            self.fate = Fate::Waiting;
        }
        if meaning != Meaning::Suspect {
            self.suspect = None;
        }
        if meaning != Meaning::Broken {
            self.breaks = 0;
        }
        match meaning {
            Meaning::Good => {
                self.last_good = Some(now);
                if !self
                    .streak
                    .good(step.started, now, step.verdict.incarnation())
                {
                    self.fate = Fate::Waiting;
                } else if !matches!(self.fate, Fate::Met(_)) {
                    self.fate = Fate::Met(now.saturating_duration_since(self.began));
                }
                Mood::Good(self.streak.due(now, self.interval))
            }
            Meaning::Suspect => {
                let left = self.grace_left(step.verdict.code(), now);
                if left.is_zero() {
                    self.fate = Fate::Hopeless(Exit::Misconfigured);
                }
                Mood::Suspect(left)
            }
            Meaning::Broken => {
                self.breaks += 1;
                if self.breaks >= BREAKS {
                    self.fate = Fate::Hopeless(Exit::PluginBroke);
                }
                Mood::Broken
            }
            Meaning::Waiting => match step.verdict.code() {
                "refused" | "no-socket" => Mood::Refused,
                NAME_UNKNOWN => Mood::NameUnknown,
                TIMED_OUT | "closed" | "reset" | "unreachable" => Mood::Closed,
                _ => Mood::Usual,
            },
        }
    }

    /// Whether the state of this answer was not seen lately.
    fn is_news(&mut self, verdict: &Verdict, now: Instant) -> bool {
        let known = self
            .seen
            .iter()
            .position(|(word, code, _)| *word == verdict.word() && code == verdict.code())
            .map(|index| self.seen.remove(index));
        let news = known.is_none_or(|(_, _, at)| now.saturating_duration_since(at) > LATELY);
        if self.seen.len() >= STATES {
            self.seen.remove(0);
        }
        self.seen
            .push((verdict.word(), verdict.code().to_owned(), now));
        if news {
            self.news = now;
        }
        news
    }

    /// How much longer an answer with this code must persist.
    fn grace_left(&mut self, code: &str, now: Instant) -> Duration {
        let since = match &self.suspect {
            Some((known, since)) if known == code => *since,
            _ => {
                self.suspect = Some((code.to_owned(), now));
                now
            }
        };
        self.grace
            .saturating_sub(now.saturating_duration_since(since))
    }

    /// What the exit code would be if the time were up now.
    pub(super) fn exit_when_time_is_up(&self) -> Exit {
        match (self.fate, &self.last) {
            (Fate::Met(_), _) => Exit::Ready,
            (Fate::Hopeless(exit), _) => exit,
            (Fate::Waiting, Some(Verdict::Misconfigured { .. })) => Exit::Misconfigured,
            (Fate::Waiting, Some(Verdict::Broken { .. })) => Exit::PluginBroke,
            (Fate::Waiting, _) => Exit::NotReady,
        }
    }

    /// What the target came to, when the wait is over.
    pub(super) fn finish(self, target: TargetInfo) -> TargetOutcome {
        TargetOutcome {
            target,
            fate: self.fate,
            verdict: self.last.unwrap_or_else(no_answer),
            attempts: self.attempts,
            good: self.streak.have(),
            timeline: self.timeline,
        }
    }
}

/// The evidence of an attempt that the end of the wait cut off.
pub(super) fn cut_off() -> Verdict {
    not_ready(TIMED_OUT, "no answer until the time to wait was up")
}

/// What is told of a target none of whose attempts was over.
fn no_answer() -> Verdict {
    not_ready("no-answer", "no answer until the wait ended")
}

fn not_ready(code: &str, reason: &str) -> Verdict {
    Verdict::NotReady {
        code: code.to_owned(),
        reason: reason.to_owned(),
        wait_hint: None,
        facts: Vec::new(),
    }
}

/// How long the service asked to be left alone.
fn wait_hint(verdict: &Verdict) -> Option<Duration> {
    match verdict {
        Verdict::NotReady { wait_hint, .. } => *wait_hint,
        _ => None,
    }
}

/// Keeps the memory of a timeline bounded, whatever a plugin says.
fn bound(verdict: &mut Verdict) {
    let (Verdict::Ready {
        summary: reason, ..
    }
    | Verdict::NotReady { reason, .. }
    | Verdict::Misconfigured { reason, .. }
    | Verdict::Broken { reason, .. }) = verdict;
    if reason.len() > KEPT {
        reason.truncate(reason.floor_char_boundary(KEPT));
    }
}
