//! Why no HTTP answer came, told finely enough that a probe can say what to
//! change, and the verdict that each case means.

use alloc::format;
use alloc::string::{String, ToString};

use crate::verdict::{Fault, Misuse, Pending, Unready};

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A host call failed.
    Fault(Fault),
    /// The peer accepted the connection and hung up before any byte, as
    /// proxies do that have nobody behind them.
    Silent,
    /// The answer broke off; the text says where.
    Incomplete(String),
    /// The peer answers plain HTTP with TLS.
    SpeaksTls,
    /// The peer answers HTTP, but without TLS.
    SpeaksPlain,
    /// The peer speaks another protocol; its name where the first bytes tell.
    Foreign(Option<&'static str>),
    /// The answer begins like HTTP and goes on like something else; the text
    /// says how.
    Malformed(String),
    /// The request cannot be written as HTTP; the text says why.
    Request(String),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Hang-ups are *not ready*; another protocol is *misconfigured*. A probe
/// that knows its own schemes gives [`Failure::SpeaksTls`] and
/// [`Failure::SpeaksPlain`] a hint.
impl From<Failure> for Unready {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) if fault.is_timeout() => Pending::new(
                "timed-out",
                "the connection is open, but no whole answer came in time",
            )
            .into(),
            Failure::Fault(fault) => fault.into(),
            Failure::Silent => Pending::new(
                "closed",
                "the server accepts connections and closes them before any byte",
            )
            .into(),
            Failure::Incomplete(text) => Pending::new("closed", text).into(),
            Failure::SpeaksTls => {
                Misuse::new("tls-required", "the server speaks tls on this port").into()
            }
            Failure::SpeaksPlain => Misuse::new(
                "tls-unsupported",
                "the server speaks plain http on this port, without tls",
            )
            .into(),
            Failure::Foreign(protocol) => wrong_protocol(protocol).into(),
            Failure::Malformed(text) => Pending::new("bad-answer", text).into(),
            Failure::Request(text) => Misuse::new("bad-parameter", text).into(),
        }
    }
}

fn wrong_protocol(protocol: Option<&'static str>) -> Misuse {
    let reason = match protocol {
        Some(name) => format!("the server speaks {name} on this port, not http"),
        None => "what the server sends is not http".to_string(),
    };
    Misuse::new("wrong-protocol", reason).hint("check the port, or use the probe of that service")
}
