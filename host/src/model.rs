//! The words that the parts of the host share: addresses, jobs and verdicts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;

/// Named texts, in the order in which they were given.
pub type Facts = Vec<(String, String)>;

/// One place that the user named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A name or an IP address (IPv6 without brackets), and a port.
    Tcp {
        /// As the user wrote it.
        host: String,
        /// The port.
        port: u16,
    },
    /// A UNIX socket; a name that starts with `@` is abstract.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// The user's settings for TLS, the same for every probe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// A file of trust roots in PEM, in place of the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain in PEM.
    pub cert: Option<PathBuf>,
    /// The client certificate's key in PEM.
    pub key: Option<PathBuf>,
    /// The name to send and to verify, in place of the target's host.
    pub server_name: Option<String>,
    /// Takes every certificate.
    pub insecure: bool,
}

/// Everything that one target needs for its attempts.
#[derive(Debug, Clone)]
pub struct Job {
    /// The target for people and reports: as the user wrote it, without
    /// credentials.
    pub label: String,
    /// The plugin that probes it; an index into the run's loaded plugins.
    pub plugin: usize,
    /// The plugin's name, for reports.
    pub plugin_name: String,
    /// The URL scheme in force.
    pub scheme: String,
    /// The addresses, at least one, in the user's order.
    pub addresses: Vec<Address>,
    /// The values of parameters that are not secret, in canonical form.
    pub values: BTreeMap<String, Vec<String>>,
    /// The values of secret parameters.
    pub secrets: BTreeMap<String, Vec<Secret>>,
    /// The settings for TLS.
    pub tls: TlsSettings,
    /// Further addresses that a probe may discover: host (lower case), port.
    pub allow: Vec<(String, u16)>,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
}

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The service does its work now.
    Ready {
        /// What was proved, one line.
        summary: String,
        /// `incarnation` among others.
        facts: Facts,
    },
    /// Not yet; waiting may help.
    NotReady {
        /// Kebab-case word.
        code: String,
        /// What was seen, one line.
        reason: String,
        /// How long the service asked to be left alone.
        wait_hint: Option<Duration>,
        /// What else was learnt.
        facts: Facts,
    },
    /// Waiting cannot help.
    Misconfigured {
        /// Kebab-case word.
        code: String,
        /// The parameter to look at.
        param: Option<String>,
        /// What was seen, one line.
        reason: String,
        /// The next step.
        hint: Option<String>,
        /// What else was learnt.
        facts: Facts,
    },
    /// The plugin broke: an error of ours, never an answer of the service.
    Broken {
        /// `trap`, `stack`, `memory`, `cpu-time`, `budget`.
        code: String,
        /// What happened, one line.
        reason: String,
    },
}

impl Verdict {
    /// The word in reports: `ready`, `not-ready`, `misconfigured`, `broken`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready { .. } => "ready",
            Self::NotReady { .. } => "not-ready",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Broken { .. } => "broken",
        }
    }

    /// The code; `ready` for the good answer.
    pub fn code(&self) -> &str {
        match self {
            Self::Ready { .. } => "ready",
            Self::NotReady { code, .. }
            | Self::Misconfigured { code, .. }
            | Self::Broken { code, .. } => code,
        }
    }

    /// The line for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Ready { summary, .. } => summary,
            Self::NotReady { reason, .. }
            | Self::Misconfigured { reason, .. }
            | Self::Broken { reason, .. } => reason,
        }
    }

    /// The next step, where the probe knows one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Misconfigured { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    /// What else was learnt.
    pub fn facts(&self) -> &[(String, String)] {
        match self {
            Self::Ready { facts, .. }
            | Self::NotReady { facts, .. }
            | Self::Misconfigured { facts, .. } => facts,
            Self::Broken { .. } => &[],
        }
    }

    /// The text that changes when the service restarts.
    pub fn incarnation(&self) -> Option<&str> {
        self.facts()
            .iter()
            .find(|(name, _)| name == "incarnation")
            .map(|(_, value)| value.as_str())
    }
}
