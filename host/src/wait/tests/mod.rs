//! Scripted targets on a clock that only the test advances.

mod crowd;
mod endings;
mod options;
mod pace;
mod random;

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::exit::Exit;
use crate::model::Verdict;
use crate::report::Reporter;

/// An answer that never comes.
const NEVER: Duration = Duration::MAX;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn ready() -> Verdict {
    of_incarnation(None)
}

fn of_incarnation(incarnation: Option<&str>) -> Verdict {
    let facts = incarnation.map(|text| ("incarnation".to_owned(), text.to_owned()));
    Verdict::Ready {
        summary: "answered".to_owned(),
        facts: facts.into_iter().collect(),
    }
}

fn not_ready(code: &str) -> Verdict {
    Verdict::NotReady {
        code: code.to_owned(),
        reason: format!("seen: {code}"),
        wait_hint: None,
        facts: Vec::new(),
    }
}

fn misconfigured(code: &str) -> Verdict {
    Verdict::Misconfigured {
        code: code.to_owned(),
        param: None,
        reason: format!("seen: {code}"),
        hint: None,
        facts: Vec::new(),
    }
}

fn broken() -> Verdict {
    Verdict::Broken {
        code: "trap".to_owned(),
        reason: "unreachable code".to_owned(),
    }
}

/// What a script does when it is asked.
struct Reply {
    takes: Duration,
    verdict: Verdict,
}

impl From<Verdict> for Reply {
    fn from(verdict: Verdict) -> Self {
        Self {
            takes: Duration::ZERO,
            verdict,
        }
    }
}

impl From<(Duration, Verdict)> for Reply {
    fn from((takes, verdict): (Duration, Verdict)) -> Self {
        Self { takes, verdict }
    }
}

/// When an attempt started, and how it ended.
#[derive(Debug, Clone)]
struct Asked {
    started: Duration,
    ended: Duration,
    verdict: Verdict,
}

/// What is seen of a script from outside while it is being waited for.
#[derive(Debug, Clone, Default)]
struct Log {
    asked: Rc<RefCell<Vec<Asked>>>,
    under_way: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

impl Log {
    fn count(&self) -> usize {
        self.asked.borrow().len()
    }

    fn starts(&self) -> Vec<Duration> {
        self.asked
            .borrow()
            .iter()
            .map(|asked| asked.started)
            .collect()
    }
}

/// Counts itself out, also when it is dropped unfinished.
struct UnderWay(Log);

impl UnderWay {
    fn new(log: &Log) -> Self {
        log.under_way.set(log.under_way.get() + 1);
        log.most.set(log.most.get().max(log.under_way.get()));
        Self(log.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

type Script = Box<dyn Fn(Duration) -> Reply>;

/// A target whose answers depend upon the time since the start.
struct Scripted {
    target: TargetInfo,
    began: Instant,
    script: Script,
    log: Log,
    /// The processor time spent so far, and by each attempt.
    cost: Option<(Rc<Cell<Duration>>, Duration)>,
}

impl Scripted {
    fn logged(mut self, log: &Log) -> Self {
        self.log = log.clone();
        self
    }

    fn costs(self, each: Duration) -> Self {
        self.costs_of(&Rc::default(), each)
    }

    fn costs_of(mut self, spent: &Rc<Cell<Duration>>, each: Duration) -> Self {
        self.cost = Some((spent.clone(), each));
        self
    }

    fn remote(mut self) -> Self {
        self.target.local = false;
        self
    }
}

fn script<R: Into<Reply>>(script: impl Fn(Duration) -> R + 'static) -> Scripted {
    Scripted {
        target: TargetInfo {
            label: "redis://cache".to_owned(),
            plugin: "redis".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "00".to_owned(),
            local: true,
        },
        began: Instant::now(),
        script: Box::new(move |at| script(at).into()),
        log: Log::default(),
        cost: None,
    }
}

/// Ready from this time on, and nobody listens before.
fn ready_from(at: Duration) -> Scripted {
    script(move |now| {
        if now >= at {
            ready()
        } else {
            not_ready("refused")
        }
    })
}

impl Attempt for Scripted {
    fn target(&self) -> &TargetInfo {
        &self.target
    }

    fn cpu_time(&self) -> Option<Duration> {
        self.cost.as_ref().map(|(spent, _)| spent.get())
    }

    async fn attempt(&self, _deadline: Instant) -> Verdict {
        if let Some((spent, each)) = &self.cost {
            spent.set(spent.get() + *each);
        }
        let _under_way = UnderWay::new(&self.log);
        let started = self.began.elapsed();
        let Reply { takes, verdict } = (self.script)(started);
        match takes {
            NEVER => pending().await,
            Duration::ZERO => {}
            _ => sleep(takes).await,
        }
        let ended = self.began.elapsed();
        let asked = Asked {
            started,
            ended,
            verdict: verdict.clone(),
        };
        self.log.asked.borrow_mut().push(asked);
        verdict
    }
}

/// Writes down what it is told.
#[derive(Default)]
struct Told(Vec<String>);

impl Reporter for Told {
    fn attempt(&mut self, event: &Event<'_>) {
        assert!(event.attempt > 0);
    }

    fn change(&mut self, event: &Event<'_>) {
        self.0
            .push(format!("{} {}", event.index, event.verdict.code()));
    }

    fn met(&mut self, event: &Event<'_>) {
        self.0.push(format!("{} met", event.index));
    }

    fn finished(&mut self, outcome: &Outcome) {
        self.0.push(format!("exit {}", outcome.exit.code()));
    }
}

fn settings() -> WaitSettings {
    WaitSettings::default()
}

fn successes(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

async fn wait(targets: Vec<Scripted>, settings: &WaitSettings) -> Outcome {
    run(targets, settings, &mut Told::default(), pending()).await
}

async fn wait_for(target: Scripted, settings: &WaitSettings) -> Outcome {
    wait(vec![target], settings).await
}
