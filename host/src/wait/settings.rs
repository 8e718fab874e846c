//! What the user asked of the waiting, apart from the targets.

use std::num::NonZeroU32;
use std::time::Duration;

/// The options of the host that say how long and for what to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitSettings {
    /// How long in all; none is no limit (`--timeout 0`).
    pub timeout: Option<Duration>,
    /// The longest pause between two attempts at one target.
    pub interval: Duration,
    /// How many good answers in a row (`--successes`).
    pub successes: NonZeroU32,
    /// Over how long they must be spread, at least (`--stable-for`).
    pub stable_for: Duration,
    /// One target is enough (`--any`).
    pub any: bool,
    /// Wait until the targets are not ready (`--not`).
    pub not: bool,
    /// How long a misconfigured answer must persist before we give up.
    pub grace: Duration,
}

impl Default for WaitSettings {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(60)),
            interval: Duration::from_secs(1),
            successes: NonZeroU32::MIN,
            stable_for: Duration::ZERO,
            any: false,
            not: false,
            grace: Duration::from_secs(3),
        }
    }
}
