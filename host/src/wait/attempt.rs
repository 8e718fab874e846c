//! What the waiting needs from whoever can ask a target, so that it knows
//! nothing of plugins and sockets.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::run::AT_ONCE;
use crate::model::{Address, Verdict};
use crate::net::is_localhost;

/// How long before the end of the wait an attempt gives up by itself, so that
/// it can still say how far it came.
pub const CLOSING: Duration = Duration::from_millis(30);

/// What is told about a target in reports, and how near it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetInfo {
    /// As the user wrote it, without credentials.
    pub label: String,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The sha256 of the plugin's bytes, in hexadecimal.
    pub sha256: String,
    /// Whether every address is on this machine; see [`is_local`].
    pub local: bool,
}

/// A line that a plugin wrote for whoever asked for details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// `warn`, `info` or `debug`; plugins may use other words.
    pub level: String,
    /// The text, as the plugin gave it.
    pub text: String,
}

/// What of the last attempt was spent on the way to the server, and tells
/// nothing of how busy it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Road {
    /// How long name look-ups took.
    pub lookup: Duration,
    /// How long a connection took to open.
    pub connect: Option<Duration>,
}

/// One target that can be asked again and again.
pub trait Attempt {
    /// Which target this is.
    fn target(&self) -> &TargetInfo;

    /// Asks once. `deadline` is the end of the whole wait; the timeout of a
    /// single attempt is the implementation's own. The future may be dropped
    /// at any point, and is at the deadline.
    fn attempt(&self, deadline: Instant) -> impl Future<Output = Verdict>;

    /// What the last attempt spent on the way.
    fn road(&self) -> Road {
        Road::default()
    }

    /// For how many attempts at once this machine has room.
    fn at_once() -> usize {
        AT_ONCE
    }

    /// The processor time that this process has used so far, where it can be
    /// told.
    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    /// What the plugin logged since the last call, of attempts that were
    /// dropped too.
    fn logs(&self) -> Vec<LogLine> {
        Vec::new()
    }
}

/// Whether all of these are on this machine: UNIX sockets, loopback addresses,
/// and `localhost` with the names below it (RFC 6761, 6.3).
pub fn is_local(addresses: &[Address]) -> bool {
    addresses.iter().all(|address| match address {
        Address::Unix(_) => true,
        Address::Tcp { host, .. } => match host.parse::<IpAddr>() {
            Ok(ip) => ip.to_canonical().is_loopback(),
            Err(_) => is_localhost(host),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str) -> Address {
        Address::Tcp {
            host: host.to_owned(),
            port: 1,
        }
    }

    #[test]
    fn knows_what_is_on_this_machine() {
        for host in [
            "127.0.0.1",
            "127.8.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "localhost",
            "LocalHost.",
            "db.localhost",
        ] {
            assert!(is_local(&[tcp(host)]), "{host}");
        }
        for host in [
            "10.0.0.1",
            "db",
            "localhost.example",
            "notlocalhost",
            "::2",
            "0.0.0.0",
        ] {
            assert!(!is_local(&[tcp(host)]), "{host}");
        }
        assert!(is_local(&[Address::Unix("/run/x".into()), tcp("::1")]));
        assert!(!is_local(&[Address::Unix("/run/x".into()), tcp("db")]));
    }
}
