//! What a standby is worth: it answers `sys/health` alike whether it has an
//! active node to pass requests on to or not, so that must be proved.

use alloc::format;
use alloc::string::String;

use waitfor_sdk::Unready;

use crate::access::LOOKUP_SELF;
use crate::api::Api;
use crate::health::Health;

/// Proves that a standby passes requests on. A request without a token is
/// sent for its refusal: a standby cannot refuse it by itself, whereas with a
/// token OpenBao's standby answers from its own copy of the data, with or
/// without an active node.
pub(crate) fn prove(api: &Api<'_>, health: &Health) -> Result<(), Unready> {
    let answer = api.get(LOOKUP_SELF, &[])?;
    match answer.status {
        200..=299 | 400 | 401 | 403 => Ok(()),
        300..=399 => Err(no_quorum(health, answer.location.as_deref())),
        _ if answer.said().contains("active cluster node not found") => {
            Err(no_quorum(health, None))
        }
        _ => Err(health
            .pending(
                "server-error",
                format!("a standby that cannot pass requests on: {}", answer.said()),
            )
            .into()),
    }
}

/// A standby that sends its client elsewhere has nobody to pass the request
/// on to; the address is that of the last active node it knew.
pub(crate) fn no_quorum(health: &Health, location: Option<&str>) -> Unready {
    let whom = location.map_or(String::new(), |location| {
        let address = location.split("/v1/").next().unwrap_or_default();
        format!("; it points to {address}")
    });
    health
        .pending(
            "no-quorum",
            format!("a standby that cannot reach an active node{whom}"),
        )
        .into()
}

/// The verdict on a standby where the active node is wanted.
pub(crate) fn not_active(api: &Api<'_>, health: &Health) -> Unready {
    // Only words depend on it, so an answer that is none does no harm.
    let Ok(answer) = api.get("sys/leader", &[]) else {
        return health.pending("standby", "a standby").into();
    };
    match (answer.text("leader_address"), answer.truth("ha_enabled")) {
        (Some(leader), _) => health
            .pending(
                "standby",
                format!("a standby; the active node was last seen at {leader}"),
            )
            .fact("leader", leader)
            .into(),
        (None, Some(_)) => health
            .pending("standby", "a standby that knows of no active node")
            .into(),
        (None, None) => health.pending("standby", "a standby").into(),
    }
}
