//! The state of a node, from `sys/health` and `sys/seal-status`.

use alloc::format;
use alloc::string::{String, ToString};

use waitfor_sdk::{Misuse, Pending, Ready, Unready};

use crate::api::{Answer, Api, not_vault};

/// Asks for a success in every state, as Vault's own client does: proxies
/// keep the body of a success. Neither token nor namespace belong here.
const HEALTH: &str = "sys/health?uninitcode=299&sealedcode=299&standbycode=299\
    &drsecondarycode=299&performancestandbycode=299&removedcode=299&haunhealthycode=299";

/// What `sys/health` tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Standby,
    PerformanceStandby,
    /// A standby that cannot reach the active node.
    StandbyUnhealthy,
    DrSecondary,
    Sealed,
    Uninitialized,
    Removed,
}

impl State {
    /// The meaning of a status code where there is no JSON, as Vault's
    /// documentation lists it.
    fn of_code(status: u16) -> Option<Self> {
        Some(match status {
            429 => Self::Standby,
            472 => Self::DrSecondary,
            473 => Self::PerformanceStandby,
            474 => Self::StandbyUnhealthy,
            501 => Self::Uninitialized,
            503 => Self::Sealed,
            530 => Self::Removed,
            _ => return None,
        })
    }

    /// The state that the JSON describes, in the server's own order of
    /// precedence; none where it is no health.
    fn of_json(answer: &Answer) -> Option<Self> {
        let initialized = answer.truth("initialized")?;
        let sealed = answer.truth("sealed")?;
        let standby = answer.truth("standby")?;
        let is = |key| answer.truth(key).unwrap_or(false);
        let dr_mode = answer.text("replication_dr_mode").unwrap_or_default();
        Some(if !initialized {
            Self::Uninitialized
        } else if is("removed_from_cluster") {
            // Before sealed: a removed node seals itself.
            Self::Removed
        } else if sealed {
            Self::Sealed
        } else if dr_mode == "secondary" {
            Self::DrSecondary
        } else if answer.truth("ha_connection_healthy") == Some(false) {
            Self::StandbyUnhealthy
        } else if is("performance_standby") {
            Self::PerformanceStandby
        } else if standby {
            Self::Standby
        } else {
            Self::Active
        })
    }

    /// The word for facts.
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::PerformanceStandby => "performance-standby",
            Self::StandbyUnhealthy => "standby-unhealthy",
            Self::DrSecondary => "dr-secondary",
            Self::Sealed => "sealed",
            Self::Uninitialized => "uninitialized",
            Self::Removed => "removed-from-cluster",
        }
    }

    /// What a ready node in this state is.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Standby => "unsealed, and passes requests on to the active node",
            Self::PerformanceStandby => {
                "unsealed: answers reads itself and passes the rest on to the active node"
            }
            _ => "unsealed and active",
        }
    }
}

/// A node's state, and what else it said of itself.
pub(crate) struct Health {
    pub(crate) state: State,
    version: Option<String>,
    cluster_name: Option<String>,
    retry_after: Option<u32>,
}

/// Asks for the node's state.
pub(crate) fn ask(api: &Api<'_>) -> Result<Health, Unready> {
    let answer = api.get(HEALTH, &[])?;
    let health = |state| Health {
        state,
        version: answer.text("version"),
        cluster_name: answer.text("cluster_name"),
        retry_after: answer.retry_after,
    };
    match State::of_json(&answer) {
        Some(state) => Ok(health(state)),
        None => of_status(api, &answer).map(health),
    }
}

/// Judges an answer that is no health, by its status: that of an old server
/// or of a proxy that drops bodies, or of something that is no Vault.
fn of_status(api: &Api<'_>, answer: &Answer) -> Result<State, Unready> {
    let bare = answer.body.is_empty() || answer.json.is_object();
    let pending = |code, reason: String| -> Unready {
        let mut pending = Pending::new(code, reason);
        pending.wait_hint = answer.retry_after;
        pending.into()
    };
    Err(match (answer.status, State::of_code(answer.status)) {
        // Codes that are Vault's alone.
        (472..=474, Some(state)) => return Ok(state),
        (_, Some(state)) if bare => return Ok(state),
        (429 | 503 | 530, _) => pending(
            "unavailable",
            format!("something in front of the server answers {}", answer.said()),
        ),
        (300..=399, _) => redirected(api, answer),
        (400, _) => Misuse::new(
            "bad-request",
            format!("the server does not take the question: {}", answer.said()),
        )
        .hint("a proxy may add a namespace header; sys/health is asked without one")
        .into(),
        (401 | 403 | 407, _) => Misuse::new(
            "not-authorized",
            format!(
                "something in front of the server wants credentials: {}",
                answer.said()
            ),
        )
        .hint("sys/health needs no token; ask the server itself")
        .into(),
        (408 | 412 | 425, _) => {
            pending("server-error", format!("the server says {}", answer.said()))
        }
        (500 | 502..=599, _) => {
            pending("server-error", format!("the server says {}", answer.said()))
        }
        _ => not_vault(answer).into(),
    })
}

fn redirected(api: &Api<'_>, answer: &Answer) -> Unready {
    let Some(location) = &answer.location else {
        return not_vault(answer).into();
    };
    if api.is_same_host_with_tls(location) {
        return Misuse::new(
            "tls-required",
            format!("the server sends plain requests to {location}"),
        )
        .hint(format!("write {}:// for https", api.scheme(true)))
        .into();
    }
    Misuse::new(
        "redirected",
        format!("the question for the node's health is sent on to {location}"),
    )
    .hint("name that server as the target")
    .into()
}

/// The verdict on a sealed node, with the progress of the unsealing.
pub(crate) fn sealed(api: &Api<'_>, health: &Health) -> Unready {
    let mut pending = health.pending("sealed", "sealed".to_string());
    // Only words depend on it: whatever goes wrong here, sealed it is.
    if let Ok(status) = api.get("sys/seal-status", &[]) {
        pending.reason = sealed_reason(&status);
        if let Some(kind) = status.text("type") {
            pending = pending.fact("seal-type", kind);
        }
        if let (Some(progress), Some(threshold)) = (status.number("progress"), status.number("t")) {
            pending = pending.fact("unseal-progress", format!("{progress}/{threshold}"));
        }
    }
    pending.into()
}

fn sealed_reason(status: &Answer) -> String {
    let migration = if status.truth("migration") == Some(true) {
        ", and its seal is being migrated"
    } else {
        ""
    };
    let kind = status.text("type");
    let by_hand = matches!(kind.as_deref(), None | Some("shamir"));
    match (status.number("progress"), status.number("t")) {
        (Some(progress), Some(threshold)) if by_hand && threshold > 0 => {
            let keys = if threshold == 1 { "key" } else { "keys" };
            format!("sealed: unseal {progress} of {threshold} {keys}{migration}")
        }
        _ if !by_hand => format!(
            "sealed: waits for its {} seal{migration}",
            kind.unwrap_or_default()
        ),
        _ => format!("sealed{migration}"),
    }
}

impl Health {
    /// A success with what the node said of itself.
    pub(crate) fn ready(&self, summary: impl Into<String>) -> Ready {
        self.facts()
            .into_iter()
            .fold(Ready::new(summary), |ready, (name, value)| {
                ready.fact(name, value)
            })
    }

    /// Not yet, with what the node said of itself.
    pub(crate) fn pending(&self, code: &str, reason: impl Into<String>) -> Pending {
        let mut pending = Pending::new(code, reason);
        pending.wait_hint = self.retry_after;
        self.facts()
            .into_iter()
            .fold(pending, |pending, (name, value)| pending.fact(name, value))
    }

    /// The verdict on a node in a state that nothing more need be asked
    /// about.
    pub(crate) fn unready(&self) -> Unready {
        let reason = match self.state {
            State::Uninitialized => "not initialized: `operator init` has not been run",
            State::PerformanceStandby => {
                "a performance standby: answers reads itself and passes the rest on to the active node"
            }
            State::StandbyUnhealthy => "a standby that cannot reach the active node",
            State::DrSecondary => {
                "a disaster recovery secondary: serves no request until it is promoted"
            }
            State::Removed => {
                return Misuse::new(
                    self.state.word(),
                    "the node was removed from its raft cluster",
                )
                .hint("wipe its data and let it join again, or ask another node")
                .into();
            }
            State::Active | State::Standby | State::Sealed => self.state.summary(),
        };
        self.pending(self.state.word(), reason).into()
    }

    fn facts(&self) -> impl IntoIterator<Item = (&'static str, String)> {
        [
            ("state", Some(self.state.word().to_string())),
            ("version", self.version.clone()),
            ("cluster-name", self.cluster_name.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
    }
}
