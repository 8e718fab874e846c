//! The three answers, and the way from a failed host call to one of them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Named texts, as in the contract's `facts`.
pub type Facts = Vec<(String, String)>;

/// What a probe can do about a [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Waiting may help.
    Retry,
    /// The user must change something.
    Fix,
    /// This attempt is over: return at once.
    Stop,
}

/// Why a host call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What can be done about it.
    pub remedy: Remedy,
    /// A word of the contract's open vocabulary, such as `refused`.
    pub code: String,
    /// One line for people.
    pub detail: String,
}

impl Fault {
    /// A fault that waiting may mend.
    pub fn retry(code: &str, detail: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Retry,
            code: code.to_string(),
            detail: detail.into(),
        }
    }

    /// A fault that the user must mend.
    pub fn fix(code: &str, detail: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Fix,
            code: code.to_string(),
            detail: detail.into(),
        }
    }

    /// The end of this attempt.
    pub fn stop(code: &str, detail: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Stop,
            code: code.to_string(),
            detail: detail.into(),
        }
    }

    /// Whether the peer ended the conversation: an end of stream or a reset.
    pub fn is_hang_up(&self) -> bool {
        matches!(self.code.as_str(), "closed" | "reset")
    }

    /// Whether a call or the attempt ran out of time.
    pub fn is_timeout(&self) -> bool {
        self.code == "timed-out"
    }
}

/// The service does its work now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// One line: what was proved.
    pub summary: String,
    /// What was learnt on the way.
    pub facts: Facts,
}

impl Ready {
    /// A success with a one-line summary of what was proved.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            facts: Facts::new(),
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push((name.to_string(), value.into()));
        self
    }

    /// Adds the text that changes when the service restarts.
    #[must_use]
    pub fn incarnation(self, value: impl Into<String>) -> Self {
        self.fact("incarnation", value)
    }
}

/// Not yet; waiting may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What state the service is in, a kebab-case word.
    pub code: String,
    /// One line: what was seen.
    pub reason: String,
    /// How long the service asked to be left alone, in milliseconds.
    pub wait_hint: Option<u32>,
    /// What was learnt on the way.
    pub facts: Facts,
}

impl Pending {
    /// A state, and one line on what was seen.
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self {
            code: code.to_string(),
            reason: reason.into(),
            wait_hint: None,
            facts: Facts::new(),
        }
    }

    /// Passes on the service's wish to be asked no sooner, in milliseconds.
    #[must_use]
    pub fn wait_hint(mut self, millis: u32) -> Self {
        self.wait_hint = Some(millis);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push((name.to_string(), value.into()));
        self
    }
}

/// Waiting cannot help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// What is wrong, a kebab-case word.
    pub code: String,
    /// The parameter to look at.
    pub param: Option<String>,
    /// One line: what was seen.
    pub reason: String,
    /// The next step.
    pub hint: Option<String>,
    /// What was learnt on the way.
    pub facts: Facts,
}

impl Misuse {
    /// A mistake, and one line on what was seen.
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self {
            code: code.to_string(),
            param: None,
            reason: reason.into(),
            hint: None,
            facts: Facts::new(),
        }
    }

    /// Names the parameter to look at.
    #[must_use]
    pub fn param(mut self, name: &str) -> Self {
        self.param = Some(name.to_string());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push((name.to_string(), value.into()));
        self
    }
}

/// Why an attempt did not end with [`Ready`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unready {
    /// Waiting may help.
    Pending(Pending),
    /// Waiting cannot help.
    Misuse(Misuse),
}

impl From<Pending> for Unready {
    fn from(pending: Pending) -> Self {
        Self::Pending(pending)
    }
}

impl From<Misuse> for Unready {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

/// A failed host call is *not ready* where waiting may help, and when the
/// attempt ran out of time; it is *misconfigured* where the user must act.
impl From<Fault> for Unready {
    fn from(fault: Fault) -> Self {
        match fault.remedy {
            Remedy::Retry | Remedy::Stop => Pending::new(&fault.code, fault.detail).into(),
            Remedy::Fix => Misuse::new(&fault.code, fault.detail).into(),
        }
    }
}

/// The contract's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The service does its work now.
    Ready(Ready),
    /// Not yet; waiting may help.
    NotReady(Pending),
    /// Waiting cannot help.
    Misconfigured(Misuse),
}

impl Verdict {
    /// The code of an answer; `ready` for the good one.
    pub fn code(&self) -> &str {
        match self {
            Self::Ready(_) => "ready",
            Self::NotReady(pending) => &pending.code,
            Self::Misconfigured(misuse) => &misuse.code,
        }
    }

    /// The line for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Ready(ready) => &ready.summary,
            Self::NotReady(pending) => &pending.reason,
            Self::Misconfigured(misuse) => &misuse.reason,
        }
    }
}
