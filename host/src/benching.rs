//! Doors for the benchmarks in `benches/`, beside those in [`crate::fuzzing`],
//! since what they measure is private to this crate. A door panics where something fails: a figure of a failure
//! would mislead.

use std::ffi::OsString;

use tokio::time::{Duration, Instant};

use crate::catalogue::Catalogue;
use crate::cli::{self, Invocation, Plan, SystemEnvironment};
use crate::error::Result;
use crate::model::Verdict;
use crate::run::{self, Target};
use crate::wait::Attempt;

/// The official probes, as each run finds them.
pub struct Shelf(Catalogue);

impl Shelf {
    /// All that a run does before it looks at a target.
    pub fn open() -> Self {
        Self(done(Catalogue::official()))
    }

    /// From the arguments to checked targets; returns how many there are.
    pub fn plan(&self, arguments: &[&str]) -> usize {
        self.planned(arguments).jobs.len()
    }

    fn planned(&self, arguments: &[&str]) -> Plan {
        let environment = SystemEnvironment;
        let arguments = arguments.iter().map(OsString::from);
        match done(cli::parse(arguments, &environment)) {
            Invocation::Wait(request) => done(request.plan(&self.0, &environment)),
            _ => panic!("a command line without a target"),
        }
    }
}

/// A target at the point where a run makes its first attempt.
pub struct Ready {
    shelf: Shelf,
    target: Target,
}

impl Ready {
    /// All that a run does up to there.
    pub fn new(url: &str) -> Self {
        let shelf = Shelf::open();
        let plan = shelf.planned(&[url]);
        let scrubber = run::scrubber(&shelf.0, &plan);
        let Some(job) = plan.jobs.first() else {
            panic!("`{url}` is no target");
        };
        let target = done(run::target(&shelf.0, job, &scrubber));
        Self { shelf, target }
    }

    /// One attempt; returns whether the service is ready.
    pub fn attempt(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        let attempt = self.target.attempt(deadline);
        let verdict = self.shelf.0.runtime().block_on(attempt);
        matches!(verdict, Verdict::Ready { .. })
    }
}

fn done<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
