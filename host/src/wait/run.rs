//! Drives all targets in one thread, and holds the wait's end against
//! whatever they do.

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::agenda::Agenda;
use super::attempt::{Attempt, CLOSING, Road};
use super::budget::Budget;
use super::course::{Course, Next, Step, cut_off};
use super::outcome::{Event, Fate, Outcome};
use super::settings::WaitSettings;
use crate::exit::Exit;
use crate::model::Verdict;
use crate::report::Reporter;

/// How many attempts are under way at once, at most; more only wait for their
/// turn.
pub const AT_ONCE: usize = 1024;

/// A good answer older than this, when the last target is done, is asked for
/// once more.
const FRESH: Duration = Duration::from_secs(1);

/// What comes later than this is not heard.
const LATE: Duration = Duration::from_millis(20);

/// A verdict given so shortly before the deadline was forced by it.
const NEAR: Duration = CLOSING.saturating_add(Duration::from_millis(5));

/// Waits for `targets` as `settings` say, telling `reporter` everything, the
/// outcome included. `interrupts` ends the wait with the exit code that it
/// resolves to.
pub async fn run<A: Attempt>(
    targets: Vec<A>,
    settings: &WaitSettings,
    reporter: &mut dyn Reporter,
    interrupts: impl Future<Output = Exit>,
) -> Outcome {
    let began = Instant::now();
    let mut wait = Wait::new(&targets, settings, reporter, began);
    let exit = wait.drive(interrupts).await;
    let Wait {
        targets,
        courses,
        reporter,
        ..
    } = wait;
    let outcome = Outcome {
        exit,
        elapsed: Instant::now().saturating_duration_since(began),
        settings: settings.clone(),
        targets: courses
            .into_iter()
            .zip(targets)
            .map(|(course, target)| course.finish(target.target().clone()))
            .collect(),
    };
    reporter.finished(&outcome);
    outcome
}

/// A wait that goes on.
struct Wait<'a, A> {
    targets: &'a [A],
    settings: &'a WaitSettings,
    reporter: &'a mut dyn Reporter,
    began: Instant,
    deadline: Option<Instant>,
    courses: Vec<Course>,
    budget: Budget,
}

impl<'a, A: Attempt> Wait<'a, A> {
    fn new(
        targets: &'a [A],
        settings: &'a WaitSettings,
        reporter: &'a mut dyn Reporter,
        began: Instant,
    ) -> Self {
        let courses = targets
            .iter()
            .map(|target| Course::new(began, settings, target.target().local, fastrand::u64(..)))
            .collect();
        Self {
            targets,
            settings,
            reporter,
            began,
            // A timeout beyond what the clock can hold is none.
            deadline: settings
                .timeout
                .and_then(|timeout| began.checked_add(timeout)),
            courses,
            budget: Budget::new(targets.first().and_then(Attempt::cpu_time)),
        }
    }

    /// Asks until the wait is over; gives the exit code.
    async fn drive(&mut self, interrupts: impl Future<Output = Exit>) -> Exit {
        let targets = self.targets;
        let infos: Vec<_> = targets.iter().map(Attempt::target).collect();
        self.reporter.begun(&infos, self.settings);
        if targets.is_empty() {
            return Exit::Usage;
        }
        let far = self.deadline.unwrap_or_else(|| far_from(self.began));
        let under_way: Vec<Cell<Option<Instant>>> = vec![Cell::new(None); targets.len()];
        let ask = async |index: usize| {
            let (target, under_way) = (&targets[index], &under_way[index]);
            let started = Instant::now();
            under_way.set(Some(started));
            let verdict = target.attempt(far).await;
            under_way.set(None);
            let step = Step {
                started,
                ended: Instant::now(),
                verdict,
                road: target.road(),
                forced: false,
            };
            (index, step)
        };
        let at_once = A::at_once().clamp(1, AT_ONCE);
        let mut asked = FuturesUnordered::new();
        let mut agenda = Agenda::new(targets.len());
        let mut interrupts = pin!(interrupts);
        let mut time_up = pin!(until(self.deadline));
        let tick = self.reporter.tick_every();
        let mut next_tick = tick.map(|every| self.began + every);

        loop {
            agenda.come(Instant::now());
            while asked.len() < at_once
                && let Some(index) = agenda.take()
            {
                asked.push(ask(index));
            }
            tokio::select! {
                biased;
                exit = &mut interrupts => return exit,
                Some((index, step)) = asked.next() => {
                    let next = self.take(index, step);
                    if let Some(exit) = self.exit() {
                        return exit;
                    }
                    // Very many that end with the wait are not all heard.
                    if self.deadline.is_some_and(|deadline| Instant::now() > deadline + LATE) {
                        break;
                    }
                    if let Next::Ask(Some(pause)) = next {
                        agenda.at(index, Instant::now() + pause);
                    }
                    for index in self.stale().collect::<Vec<_>>() {
                        if self.courses[index].confirm() {
                            agenda.now(index);
                        }
                    }
                }
                () = &mut time_up => break,
                () = until(agenda.next()) => {}
                () = until(next_tick) => {
                    let now = Instant::now();
                    self.reporter.tick(now.saturating_duration_since(self.began));
                    next_tick = tick.map(|every| now + every);
                }
            }
        }
        drop(asked);
        for (index, started) in under_way.iter().enumerate() {
            if let Some(started) = started.get() {
                let step = Step {
                    started,
                    ended: Instant::now(),
                    verdict: cut_off(),
                    road: Road::default(),
                    forced: true,
                };
                self.take(index, step);
            }
        }
        self.exit_when_time_is_up()
    }

    /// Takes an answer, and tells it on.
    fn take(&mut self, index: usize, mut step: Step) -> Next {
        step.forced |= matches!(step.verdict, Verdict::NotReady { .. })
            && self
                .deadline
                .is_some_and(|deadline| step.ended + NEAR >= deadline);
        let logs = self.targets[index].logs();
        let open = self
            .courses
            .iter()
            .filter(|course| course.fate() == Fate::Waiting)
            .count();
        let crowd = u32::try_from(open).unwrap_or(u32::MAX);
        self.budget.spend(self.targets[index].cpu_time());
        let elapsed = step.ended.saturating_duration_since(self.began);
        let affordable = self.budget.affordable(elapsed, crowd);
        let remaining = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(step.ended));
        let Some(course) = self.courses.get_mut(index) else {
            return Next::Ask(None);
        };
        let (at, took) = (
            step.ended.saturating_duration_since(self.began),
            step.took(),
        );
        let Some(taken) = course.take(step, remaining, affordable) else {
            return Next::Ask(None);
        };
        let Some(verdict) = course.last() else {
            return taken.next;
        };
        let event = Event {
            index,
            target: self.targets[index].target(),
            at,
            took,
            attempt: course.attempts(),
            verdict,
            progress: taken.progress,
            logs: &logs,
        };
        self.reporter.attempt(&event);
        if taken.changed {
            self.reporter.change(&event);
        }
        if taken.met {
            self.reporter.met(&event);
        }
        taken.next
    }

    /// The exit code, if the answers so far decide it.
    fn exit(&self) -> Option<Exit> {
        let met = |course: &Course| matches!(course.fate(), Fate::Met(_));
        let hopeless = || {
            self.courses
                .iter()
                .filter_map(|course| match course.fate() {
                    Fate::Hopeless(exit) => Some(exit),
                    Fate::Met(_) | Fate::Waiting => None,
                })
        };
        if self.settings.any {
            if self.courses.iter().any(met) {
                return Some(Exit::Ready);
            }
            return (hopeless().count() == self.courses.len()).then(|| gravest(hopeless()));
        }
        if hopeless().next().is_some() {
            return Some(gravest(hopeless()));
        }
        let done = self.courses.iter().all(met) && self.stale().next().is_none();
        done.then_some(Exit::Ready)
    }

    /// The targets to ask once more, when all are done: those whose last good
    /// answer lies well before the moment when the last one was done.
    fn stale(&self) -> impl Iterator<Item = usize> {
        let all_met = self
            .courses
            .iter()
            .all(|course| matches!(course.fate(), Fate::Met(_)));
        let met = match all_met && !self.settings.any {
            true => &self.courses[..],
            false => &[],
        };
        let newest = met.iter().filter_map(|course| match course.fate() {
            Fate::Met(at) => Some(at),
            Fate::Waiting | Fate::Hopeless(_) => None,
        });
        let newest = newest.max().unwrap_or_default();
        met.iter().enumerate().filter_map(move |(index, course)| {
            let last = course.last_good()?.saturating_duration_since(self.began);
            (last + FRESH < newest).then_some(index)
        })
    }

    fn exit_when_time_is_up(&self) -> Exit {
        let exits = || self.courses.iter().map(Course::exit_when_time_is_up);
        if self.settings.any && exits().any(|exit| exit == Exit::NotReady) {
            return Exit::NotReady;
        }
        gravest(exits())
    }
}

/// Of several exits the one that tells the user most: what they can mend comes
/// before what we must, and both before the lack of time.
fn gravest(exits: impl Iterator<Item = Exit>) -> Exit {
    let rank = |exit: &Exit| match exit {
        Exit::Misconfigured => 3,
        Exit::PluginBroke => 2,
        Exit::Ready => 0,
        _ => 1,
    };
    exits.max_by_key(rank).unwrap_or(Exit::NotReady)
}

/// Where no deadline is.
fn far_from(now: Instant) -> Instant {
    now + Duration::from_secs(30 * 365 * 24 * 60 * 60)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
