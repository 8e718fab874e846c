//! What a wait came to, and what is told while it goes on.

use std::time::Duration;

use super::attempt::{LogLine, TargetInfo};
use super::settings::WaitSettings;
use super::timeline::Timeline;
use crate::exit::Exit;
use crate::model::Verdict;

/// How far a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The answer was not what is waited for.
    Waiting,
    /// Good answers are being counted.
    Counting {
        /// How many there are.
        have: u32,
    },
    /// What is waited for has come.
    Met,
}

/// One attempt that is over.
#[derive(Debug)]
pub struct Event<'a> {
    /// The target's place in the list given to [`super::run()`].
    pub index: usize,
    /// The target.
    pub target: &'a TargetInfo,
    /// When it was over, from the start of the wait.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// Its number, from 1.
    pub attempt: u64,
    /// What it came to.
    pub verdict: &'a Verdict,
    /// How far the target is with it.
    pub progress: Progress,
    /// What the plugin logged meanwhile.
    pub logs: &'a [LogLine],
}

/// How a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// What was waited for had come by this time from the start of the wait.
    Met(Duration),
    /// It had not come when the wait ended.
    Waiting,
    /// It could not come any more, for the reason that this exit tells.
    Hopeless(Exit),
}

/// What one target came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetOutcome {
    /// The target.
    pub target: TargetInfo,
    /// How it ended.
    pub fate: Fate,
    /// The last evidence.
    pub verdict: Verdict,
    /// How many attempts came to an answer.
    pub attempts: u64,
    /// How many good answers in a row there were at the end.
    pub good: u32,
    /// What was seen, and when.
    pub timeline: Timeline,
}

/// What the whole wait came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; [`Exit::Ready`] means that the wish is fulfilled.
    pub exit: Exit,
    /// How long it took.
    pub elapsed: Duration,
    /// What was asked for.
    pub settings: WaitSettings,
    /// Every target, in the order given.
    pub targets: Vec<TargetOutcome>,
}
