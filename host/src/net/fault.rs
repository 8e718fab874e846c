//! Why something on the way to a target failed, in the contract's words.

use std::fmt::Display;
use std::io;

/// What a probe can do about a fault; the contract's `remedy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Waiting may help.
    Retry,
    /// The user must change something.
    Fix,
    /// This attempt is over.
    Stop,
}

/// The contract's `fault`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What can be done about it.
    pub remedy: Remedy,
    /// A word of the contract's vocabulary.
    pub code: &'static str,
    /// One line for people.
    pub detail: String,
}

impl Fault {
    /// A fault that waiting may mend.
    pub fn retry(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Retry,
            code,
            detail: detail.into(),
        }
    }

    /// A fault that the user must mend.
    pub fn fix(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Fix,
            code,
            detail: detail.into(),
        }
    }

    /// The end of the attempt.
    pub fn stop(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            remedy: Remedy::Stop,
            code,
            detail: detail.into(),
        }
    }

    /// A failed connection to `place`.
    pub fn connecting(error: &io::Error, place: &dyn Display) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Self::retry("refused", format!("{place} refused the connection"))
            }
            io::ErrorKind::NotFound => {
                Self::retry("no-socket", format!("{place} does not exist yet"))
            }
            io::ErrorKind::PermissionDenied => Self::fix(
                "not-permitted",
                format!("this user may not connect to {place}"),
            ),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Self::retry("unreachable", format!("no route to {place}"))
            }
            io::ErrorKind::AddrNotAvailable => {
                Self::retry("unreachable", format!("no local address can reach {place}"))
            }
            io::ErrorKind::TimedOut => Self::retry(
                "unreachable",
                format!("{place} did not answer the connection"),
            ),
            io::ErrorKind::ConnectionReset => {
                Self::retry("reset", format!("{place} reset the connection"))
            }
            io::ErrorKind::ConnectionAborted => {
                Self::retry("reset", format!("{place} aborted the connection"))
            }
            _ => Self::retry("io", format!("connecting to {place}: {}", plain(error))),
        }
    }

    /// A failed read or write on an open connection.
    pub fn transfer(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset => Self::retry("reset", "the peer reset the connection"),
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected => {
                Self::retry("closed", "the peer closed the connection")
            }
            // A TLS peer that goes away without its closing message.
            io::ErrorKind::UnexpectedEof => {
                Self::retry("closed", "the peer closed the tls stream without saying so")
            }
            _ => Self::retry("io", plain(error)),
        }
    }
}

/// The error's text, lower case and without the number that Rust appends.
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match (chars.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
