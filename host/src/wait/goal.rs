//! What an answer means for the user's wish, so that `--not` cannot turn an
//! error into a success.

use crate::model::Verdict;

/// Codes that tell about this side (its files, its limits, its rules) and
/// nothing about the service.
pub(super) const OURS: &[&str] = &[
    "io",
    "quota",
    "not-permitted",
    "policy-denied",
    "tls-config",
    "bad-parameter",
    "usage",
];

/// The code of a name that nobody knows.
pub(super) const NAME_UNKNOWN: &str = "name-unknown";

/// The code of an attempt without an answer in time.
pub(super) const TIMED_OUT: &str = "timed-out";

/// What an answer means for the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// What was wished for.
    Good,
    /// Not yet.
    Waiting,
    /// Waiting cannot help, if it stays like this.
    Suspect,
    /// The plugin broke.
    Broken,
}

/// What is wished for: ready, or with `--not` the opposite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    not: bool,
    /// Whether an earlier answer shows that the target's name leads somewhere.
    located: bool,
}

impl Goal {
    pub(super) fn new(not: bool) -> Self {
        Self {
            not,
            located: false,
        }
    }

    /// Judges the next answer of the target.
    pub(super) fn meaning(&mut self, verdict: &Verdict) -> Meaning {
        let meaning = match verdict {
            Verdict::Misconfigured { .. } => Meaning::Suspect,
            Verdict::Broken { .. } => Meaning::Broken,
            Verdict::Ready { .. } if self.not => Meaning::Waiting,
            Verdict::Ready { .. } => Meaning::Good,
            Verdict::NotReady { code, .. } if self.not && self.is_absence(code) => Meaning::Good,
            Verdict::NotReady { .. } => Meaning::Waiting,
        };
        self.located |= locates(verdict);
        meaning
    }

    /// Whether a *not ready* with this code shows that the service is not
    /// there, rather than that something on this side is amiss.
    fn is_absence(&self, code: &str) -> bool {
        !OURS.contains(&code) && (code != NAME_UNKNOWN || self.located)
    }
}

/// Whether the answer shows that the name of the target was resolved.
fn locates(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Ready { .. } => true,
        Verdict::NotReady { code, .. } | Verdict::Misconfigured { code, .. } => {
            code != NAME_UNKNOWN && code != TIMED_OUT && !OURS.contains(&code.as_str())
        }
        Verdict::Broken { .. } => false,
    }
}
