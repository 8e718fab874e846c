//! The exit codes, in one place, since scripts depend upon them.

use std::process::ExitCode;

/// Why the program ends, as its exit code tells. The numbers are a promise;
/// `docs/exit-codes.md` and the README list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every target was ready (or one, with `--any`).
    Ready,
    /// The command line or the configuration cannot be used.
    Usage,
    /// Waiting cannot help: wrong password, unknown database, bad certificate.
    Misconfigured,
    /// A plugin was refused: unknown, not at hand, not speaking this host's ABI.
    PluginRefused,
    /// A plugin broke: a trap, its memory, its time, a budget; or the machine
    /// gives less than the engine needs.
    PluginBroke,
    /// Not ready in time.
    NotReady,
    /// The command exists and could not be run.
    CommandNotRunnable,
    /// The command was not found.
    CommandNotFound,
    /// Ended by `SIGHUP`.
    HungUp,
    /// Ended by `SIGINT`.
    Interrupted,
    /// Ended by `SIGTERM`.
    Terminated,
}

impl Exit {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Usage => 2,
            Self::Misconfigured => 3,
            Self::PluginRefused => 4,
            Self::PluginBroke => 5,
            Self::NotReady => 124,
            Self::CommandNotRunnable => 126,
            Self::CommandNotFound => 127,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
