//! What one attempt may use: its targets, and the host behind them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::backend::Host;
use crate::connection::Endpoint;
use crate::verdict::Fault;

/// How much a logged line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The user should know.
    Warn,
    /// Worth knowing while looking closer.
    Info,
    /// For whoever mends the probe.
    Debug,
}

impl Level {
    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// One attempt.
pub struct Context<'a> {
    host: &'a dyn Host,
    first: Endpoint,
    others: Vec<Endpoint>,
}

impl<'a> Context<'a> {
    /// An attempt on `first`, and on `others` where the user listed several.
    pub fn new(host: &'a dyn Host, first: Endpoint, others: Vec<Endpoint>) -> Self {
        Self {
            host,
            first,
            others,
        }
    }

    /// The target that the user named first.
    pub fn target(&self) -> &Endpoint {
        &self.first
    }

    /// All targets, in the user's order.
    pub fn targets(&self) -> impl Iterator<Item = &Endpoint> {
        core::iter::once(&self.first).chain(&self.others)
    }

    /// An endpoint that the peer pointed to.
    ///
    /// # Errors
    /// `policy-denied` unless the user allowed the address.
    pub fn discover(&self, host: &str, port: u16) -> Result<Endpoint, Fault> {
        self.host.discover(host, port).map(Endpoint::new)
    }

    /// Unpredictable bytes, at most 1024.
    pub fn entropy(&self, len: u32) -> Vec<u8> {
        self.host.entropy(len)
    }

    /// Says which step the attempt has reached.
    pub fn stage(&self, name: &str) {
        self.host.stage(name);
    }

    /// Logs a line for whoever asked for details.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.host.log(level.word(), &text.into());
    }

    /// The backend, for reading parameters.
    pub fn host(&self) -> &dyn Host {
        self.host
    }
}
