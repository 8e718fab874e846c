//! Whether the server is in the state that `target_session_attrs` asks for.
//!
//! Source: "target_session_attrs" in libpq's documentation. Since PostgreSQL
//! 14 the server reports what decides it at the login; before, it is asked.

use alloc::format;
use alloc::string::ToString;

use waitfor_sdk::{Pending, Unready};

use crate::options::SessionAttributes;
use crate::session::Session;
use crate::sqlstate;
use crate::wire;

/// Whether a server replays another's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    Standby,
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        }
    }

    fn of(in_recovery: bool) -> Self {
        if in_recovery {
            Self::Standby
        } else {
            Self::Primary
        }
    }
}

/// Checks the state; the role where it is known.
pub(crate) fn check(
    session: &mut Session,
    wanted: SessionAttributes,
    database: &str,
) -> Result<Option<Role>, Unready> {
    let known = session.status.in_hot_standby.map(Role::of);
    match wanted {
        SessionAttributes::Any => Ok(known),
        SessionAttributes::PreferStandby => role(session, database).map(Some),
        SessionAttributes::Primary => match role(session, database)? {
            Role::Primary => Ok(Some(Role::Primary)),
            Role::Standby => Err(standby(wanted)),
        },
        SessionAttributes::Standby => match role(session, database)? {
            Role::Standby => Ok(Some(Role::Standby)),
            Role::Primary => Err(primary(wanted)),
        },
        SessionAttributes::ReadWrite | SessionAttributes::ReadOnly => {
            let read_only = read_only(session, database)?;
            match (wanted, read_only) {
                (SessionAttributes::ReadWrite, true) if known == Some(Role::Primary) => {
                    Err(Pending::new(
                        "read-only",
                        "takes no writes by default, though it is a primary, and target_session_attrs=read-write wants one that does",
                    )
                    .into())
                }
                (SessionAttributes::ReadWrite, true) => Err(standby(wanted)),
                (SessionAttributes::ReadOnly, false) => Err(primary(wanted)),
                _ => Ok(known),
            }
        }
    }
}

fn role(session: &mut Session, database: &str) -> Result<Role, Unready> {
    let in_recovery = match session.status.in_hot_standby {
        Some(known) => known,
        None => ask(
            session,
            "SELECT pg_catalog.pg_is_in_recovery()",
            "t",
            database,
        )?,
    };
    Ok(Role::of(in_recovery))
}

fn read_only(session: &mut Session, database: &str) -> Result<bool, Unready> {
    match (session.status.in_hot_standby, session.status.read_only) {
        (Some(standby), Some(read_only)) => Ok(standby || read_only),
        _ => ask(session, "SHOW transaction_read_only", "on", database),
    }
}

fn ask(session: &mut Session, sql: &str, yes: &str, database: &str) -> Result<bool, Unready> {
    session.send(&wire::query(sql))?;
    let reply = session.reply()?;
    match &reply.error {
        Some(error) => Err(sqlstate::at_query(error, database, "target-session-attrs")),
        None => Ok(reply.says(yes)),
    }
}

fn standby(wanted: SessionAttributes) -> Unready {
    wrong("standby", "takes no writes: it is a standby", wanted)
}

fn primary(wanted: SessionAttributes) -> Unready {
    wrong("primary", "takes writes: it is a primary", wanted)
}

/// A role changes by promotion, so waiting may help.
fn wrong(code: &str, seen: &str, wanted: SessionAttributes) -> Unready {
    Pending::new(
        code,
        format!(
            "{seen}, and target_session_attrs={} wants another",
            wanted.word()
        ),
    )
    .fact("role", code.to_string())
    .into()
}
