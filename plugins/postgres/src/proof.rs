//! The queries whose answers prove that the server works: a pooler lets
//! users in while the server behind it is dead.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Misuse, Pending, Ready, Unready};

use crate::options::Params;
use crate::roles::{self, Role};
use crate::session::{Reply, Session};
use crate::{sqlstate, tables, wire};

/// When the server was started, in a form that no setting changes.
const STARTED: &str =
    "SELECT pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::pg_catalog.text";

/// What was proved, and the role of the server that proved it.
pub(crate) struct Proved {
    /// The answer.
    pub(crate) ready: Ready,
    /// Known where it was reported or asked for.
    pub(crate) role: Option<Role>,
}

/// Asks what the parameters want to know.
pub(crate) fn prove(session: &mut Session, params: &Params) -> Result<Proved, Unready> {
    if session.is_console() {
        return console(session, params);
    }
    let database = params.database();
    let role = roles::check(session, params.target_session_attrs, database)?;

    // The start time rides along, so that it costs no round trip.
    let mut messages = match &params.query {
        None => wire::query("SELECT 1"),
        Some(sql) => extended(sql),
    };
    messages.extend_from_slice(&wire::query(STARTED));
    session.send(&messages)?;
    let reply = session.reply()?;
    judge(&reply, params)?;
    // The proof is given: where the time cannot be had, it is left out.
    let started = session.reply().ok().and_then(|reply| first_text(&reply));

    if !params.expect_table.is_empty() {
        expect_tables(session, params)?;
    }
    let mut ready = described(session, Ready::new(summary(params)));
    if let Some(role) = role {
        ready = ready.fact("role", role.word());
    }
    if let Some(started) = started {
        ready = ready.incarnation(started);
    }
    Ok(Proved { ready, role })
}

/// pgbouncer's own console, which knows neither SQL nor a server behind it.
fn console(session: &mut Session, params: &Params) -> Result<Proved, Unready> {
    let param = if params.query.is_some() {
        Some("query")
    } else if !params.expect_table.is_empty() {
        Some("expect-table")
    } else {
        None
    };
    if let Some(param) = param {
        return Err(Misuse::new(
            "bad-query",
            "database `pgbouncer` is the pooler's own console, which answers no SQL",
        )
        .param(param)
        .hint("name a database behind the pooler (--dbname)")
        .into());
    }
    session.send(&wire::query("SHOW VERSION"))?;
    let reply = session.reply()?;
    if let Some(error) = &reply.error {
        return Err(sqlstate::at_query(error, params.database(), "dbname"));
    }
    let ready = Ready::new("pgbouncer's console answered; no server behind it was asked")
        .fact("pooler", "pgbouncer");
    Ok(Proved {
        ready: described(session, ready),
        role: None,
    })
}

/// Asks for one row at most, however many the query has.
fn extended(sql: &str) -> Vec<u8> {
    let mut messages = wire::parse(sql);
    messages.extend_from_slice(&wire::bind(&[]));
    messages.extend_from_slice(&wire::execute(1));
    messages.extend_from_slice(&wire::SYNC);
    messages
}

fn judge(reply: &Reply, params: &Params) -> Result<(), Unready> {
    if let Some(error) = &reply.error {
        return Err(sqlstate::at_query(error, params.database(), "query"));
    }
    if reply.copies {
        return Err(Misuse::new(
            "bad-query",
            "the query copies data, and so has no row to return",
        )
        .param("query")
        .hint("ask with SELECT")
        .into());
    }
    if reply.rows > 0 {
        return Ok(());
    }
    Err(Pending::new("no-row", "answered the query, but with no row").into())
}

/// Asks for all tables at once.
fn expect_tables(session: &mut Session, params: &Params) -> Result<(), Unready> {
    let mut messages = wire::parse(tables::EXISTS);
    for table in &params.expect_table {
        messages.extend_from_slice(&wire::bind(&[table]));
        messages.extend_from_slice(&wire::execute(0));
    }
    messages.extend_from_slice(&wire::SYNC);
    session.send(&messages)?;
    let reply = session.reply()?;
    if let Some(error) = &reply.error {
        return Err(sqlstate::at_query(error, params.database(), "expect-table"));
    }
    let missing: Vec<_> = params
        .expect_table
        .iter()
        .enumerate()
        .filter(|(index, _)| reply.values.get(*index) != Some(&Some(b"t".to_vec())))
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(absent(format!("table {one} does not exist"))),
        several => Err(absent(format!(
            "tables {} do not exist",
            several.join(", ")
        ))),
    }
}

fn absent(reason: String) -> Unready {
    Pending::new("table-missing", reason).into()
}

fn summary(params: &Params) -> String {
    let database = params.database();
    let query = match &params.query {
        None => "answered a query",
        Some(_) => "the query returned a row",
    };
    match params.expect_table.len() {
        0 => format!("{query} on database `{database}`"),
        1 => format!("{query} on database `{database}`, which has the table"),
        count => format!("{query} on database `{database}`, which has the {count} tables"),
    }
}

fn described(session: &Session, ready: Ready) -> Ready {
    let ready = match &session.status.version {
        Some(version) => ready.fact("version", version.clone()),
        None => ready,
    };
    ready
        .fact("authentication", session.method.word())
        .fact("tls", if session.encrypted { "on" } else { "off" })
}

fn first_text(reply: &Reply) -> Option<String> {
    if reply.error.is_some() {
        return None;
    }
    let value = reply.values.first()?.as_deref()?;
    Some(crate::fault::line(value)).filter(|text| !text.is_empty())
}
