//! What INFO and CLUSTER INFO say: lines of `name:value`, and the judgement
//! of a replica's link and of a cluster's slots.

use alloc::format;
use alloc::string::{String, ToString};

use waitfor_sdk::{Misuse, Pending, Unready};

use crate::Role;

/// All hash slots of a cluster.
const SLOTS: u64 = 16_384;
/// A link that is down for longer than this was never up: older servers count
/// from 1970. In seconds.
const EVER: i64 = 1_000_000_000;

/// One section of INFO, or the answer to CLUSTER INFO. The text is kept as it
/// came: of its many lines a few are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Info {
    text: String,
}

impl Info {
    /// Takes the lines; whatever is not `name:value` is passed over.
    pub(crate) fn new(text: String) -> Self {
        Self { text }
    }

    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
    }

    fn number<N: core::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    /// The server's name and version, from the section `server`.
    pub(crate) fn version(&self) -> Option<String> {
        let (name, version) = match self.get("valkey_version") {
            Some(version) => ("Valkey", version),
            None => ("Redis", self.get("redis_version")?),
        };
        Some(format!("{name} {version}"))
    }

    /// Whether the section `persistence` says that data is being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        self.get("loading") == Some("1")
    }
}

/// How far a server has come with loading its data, from INFO persistence.
pub(crate) fn loading(persistence: &Info) -> Pending {
    let share = persistence
        .get("loading_loaded_perc")
        .and_then(percentage)
        .map(|share| format!(" {share} %"));
    let left = persistence.number::<u64>("loading_eta_seconds");
    let rest = left.map(|seconds| format!(", about {seconds} s left"));
    let mut pending = Pending::new(
        "loading",
        format!(
            "loading{}{}",
            share.as_deref().unwrap_or(" its data"),
            rest.as_deref().unwrap_or_default()
        ),
    );
    // No `wait-hint`: Redis estimates, and does not ask to be left alone.
    if let Some(seconds) = left {
        pending = pending.fact("seconds-left", seconds.to_string());
    }
    if let Some(bytes) = persistence.get("loading_loaded_bytes") {
        pending = pending.fact("loaded-bytes", bytes);
    }
    if let Some(bytes) = persistence.get("loading_total_bytes") {
        pending = pending.fact("total-bytes", bytes);
    }
    pending
}

/// `7.91` as `7.9`; none for what is no such number.
fn percentage(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u32 = whole.parse().ok()?;
    let tenth = fraction.chars().next().filter(char::is_ascii_digit)?;
    Some(format!("{whole}.{tenth}"))
}

/// Whether the server has the wanted role and its replication is in the
/// wanted state; the role in words.
pub(crate) fn replication(
    info: &Info,
    role: Role,
    min_replicas: Option<u64>,
) -> Result<&'static str, Unready> {
    let found = match info.get("role") {
        Some("master") => "master",
        Some("slave" | "replica") => "replica",
        _ => {
            return if role == Role::Any && min_replicas.is_none() {
                Ok("server of unknown role")
            } else {
                Err(Pending::new("server-error", "does not say which role it has").into())
            };
        }
    };
    match (role, found) {
        (Role::Master | Role::Primary, "replica") => {
            return Err(Pending::new(
                "standby",
                format!("is a replica of {}, not the master", master(info)),
            )
            .fact("role", found)
            .into());
        }
        (Role::Replica, "master") => {
            return Err(Pending::new("primary", "is a master, not a replica")
                .fact("role", found)
                .into());
        }
        (Role::Any | Role::Replica, "replica") => link(info, role)?,
        _ => {}
    }
    match min_replicas {
        Some(wanted) if replicas(info) < wanted => Err(Pending::new(
            "replicas-missing",
            format!("{} of {wanted} replicas are in sync", replicas(info)),
        )
        .fact("role", found)
        .into()),
        _ => Ok(found),
    }
}

/// Whether a replica has the data that it should have. With any role, one
/// that lost its master serves on, as its own settings allow; one that has
/// not been in sync since its start is still starting.
fn link(info: &Info, role: Role) -> Result<(), Unready> {
    let not_synced = |reason: String| {
        Err(Pending::new("replica-not-synced", reason)
            .fact("role", "replica")
            .into())
    };
    if info.get("master_link_status") == Some("up") {
        return Ok(());
    }
    let master = master(info);
    if info.get("master_sync_in_progress") == Some("1") {
        let left = info
            .number::<u64>("master_sync_left_bytes")
            .map(|bytes| format!(", {bytes} bytes left"));
        return not_synced(format!(
            "is a replica that copies its data from {master}{}",
            left.unwrap_or_default()
        ));
    }
    match info.number::<i64>("master_link_down_since_seconds") {
        Some(seconds) if (0..EVER).contains(&seconds) => {
            if role == Role::Any {
                Ok(())
            } else {
                not_synced(format!(
                    "is a replica that lost its master {master} {seconds} s ago"
                ))
            }
        }
        _ => not_synced(format!(
            "is a replica that has not reached its master {master} since it started"
        )),
    }
}

/// Whether a replica serves what it had when it lost its master.
pub(crate) fn is_stale(info: &Info) -> bool {
    info.get("master_link_status") == Some("down")
}

fn master(info: &Info) -> String {
    match (info.get("master_host"), info.get("master_port")) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => "another server".into(),
    }
}

/// How many replicas are online; where the server counts those that lag too
/// far behind as lost, it decides.
pub(crate) fn replicas(info: &Info) -> u64 {
    let online = info
        .fields()
        .filter(|(name, value)| {
            name.strip_prefix("slave")
                .is_some_and(|digits| digits.parse::<u32>().is_ok())
                && value.split(',').any(|part| part == "state=online")
        })
        .count();
    let online = u64::try_from(online).unwrap_or(u64::MAX);
    info.number("min_slaves_good_slaves")
        .map_or(online, |good: u64| good.min(online))
}

/// Whether CLUSTER INFO shows a cluster that serves every slot.
pub(crate) fn cluster(info: &Info) -> Result<(), Unready> {
    let down = |reason: String| Err(Pending::new("cluster-down", reason).into());
    let count = |name| info.number::<u64>(name);
    match info.get("cluster_state") {
        Some("ok") => {}
        Some(state) => {
            let served = count("cluster_slots_ok").unwrap_or_default();
            return down(format!(
                "its cluster's state is `{state}`: {served} of {SLOTS} slots are served"
            ));
        }
        None => {
            return Err(
                Misuse::new("cluster-disabled", "does not describe a cluster")
                    .param("cluster")
                    .hint("leave `cluster` out")
                    .into(),
            );
        }
    }
    match count("cluster_slots_ok") {
        Some(SLOTS) => Ok(()),
        served => down(format!(
            "its cluster serves {} of {SLOTS} slots",
            served.unwrap_or_default()
        )),
    }
}
