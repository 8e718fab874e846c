//! Several hosts, by libpq's rules: the first that serves as wanted counts,
//! and one that turns the login away for good ends the search.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use waitfor_sdk::{Context, Endpoint, Pending, Ready, Unready};

use crate::login::Outcome;
use crate::negotiate;
use crate::options::{Params, SessionAttributes};
use crate::proof::{self, Proved};
use crate::roles::Role;

/// How long a host that is not the last may keep us waiting for one answer,
/// in milliseconds, lest a dead one take the whole attempt.
const PATIENCE: u32 = 2000;

/// Codes that tell nothing of a server.
const UNREACHED: [&str; 6] = [
    "refused",
    "name-unknown",
    "unreachable",
    "no-socket",
    "timed-out",
    "closed",
];

/// Tries the hosts in order.
pub(crate) fn first_that_serves(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
    let count = context.targets().count();
    let mut second_choice = None;
    let mut pending = Vec::new();
    for (index, endpoint) in context.targets().enumerate() {
        let last = index + 1 == count;
        let limit = if last { 0 } else { PATIENCE };
        match visit(context, params, endpoint, limit) {
            Ok(Proved { ready, role }) => {
                let ready = if count > 1 {
                    ready.fact("server", endpoint.label())
                } else {
                    ready
                };
                if params.target_session_attrs == SessionAttributes::PreferStandby
                    && role != Some(Role::Standby)
                {
                    second_choice.get_or_insert(ready);
                } else {
                    return Ok(ready);
                }
            }
            Err(Unready::Misuse(mut misuse)) => {
                if count > 1 {
                    misuse.reason = named(endpoint, &misuse.reason);
                }
                return Err(misuse.into());
            }
            Err(Unready::Pending(state)) => pending.push((endpoint, state)),
        }
    }
    second_choice.ok_or_else(|| together(pending).into())
}

fn visit(
    context: &Context<'_>,
    params: &Params,
    endpoint: &Endpoint,
    limit: u32,
) -> Result<Proved, Unready> {
    let mut session = match negotiate::open(context, params, endpoint, limit)? {
        Outcome::Session(session) => session,
        Outcome::Accepting(ready) => return Ok(Proved { ready, role: None }),
    };
    context.stage("querying");
    let proved = proof::prove(&mut session, params);
    session.close();
    proved
}

/// One answer for all hosts: the code of the first that tells something of a
/// server, else that time ran out, else the first; and a reason that names
/// each.
fn together(mut pending: Vec<(&Endpoint, Pending)>) -> Pending {
    let find = |wanted: &dyn Fn(&str) -> bool| {
        let mut states = pending.iter();
        states.position(|(_, state)| wanted(&state.code))
    };
    let telling = find(&|code| !UNREACHED.contains(&code))
        .or_else(|| find(&|code| code == "timed-out"))
        .unwrap_or_default();
    let reasons: Vec<String> = pending
        .iter()
        .map(|(endpoint, state)| named(endpoint, &state.reason))
        .collect();
    let several = pending.len() > 1;
    if telling >= pending.len() {
        return Pending::new("refused", "no host was tried".to_string());
    }
    let (_, mut state) = pending.swap_remove(telling);
    if several {
        state.reason = reasons.join("; ");
    }
    state
}

fn named(endpoint: &Endpoint, reason: &str) -> String {
    format!("{}: {reason}", endpoint.label())
}
