//! From an error of the server to a verdict: by Vertica's number where users report it, else by the class of the SQLSTATE.
//!
//! What waiting can mend is *not ready*: classes 57 (operator's intervention, start-up and shutdown),
//! 53 (resources), 08 (connection), V1 (the cluster), and everything unknown. Waiting cannot mend 28
//! and V2 (authentication), 3D (database), 42 (privilege, syntax) and 0A (features).

use alloc::format;

use waitfor_sdk::{Misuse, Pending, Unready};

use crate::foreign;
use crate::wire::ServerError;

/// What the login had come to when the server refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// No password was asked for.
    Nothing,
    /// One was asked for, and the user had given none: the empty one was sent.
    Empty,
    /// The user's password was sent.
    Password,
}

/// Who logs in where, for the reasons.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) asked: Asked,
    pub(crate) encrypted: bool,
}

/// The verdict on an error.
pub(crate) fn judge(error: &ServerError, login: Login<'_>) -> Unready {
    // Vertica has no 08P01: it writes V where PostgreSQL writes P.
    if error.postgres || error.sqlstate == "08P01" {
        return foreign::postgres().into();
    }
    let said = error.said();
    let pending = |code: &str, what: &str| Pending::new(code, format!("{what}: {said}")).into();
    match (error.number, error.sqlstate.as_str(), error.class()) {
        (Some(4149), ..) | (_, "57V03", _) => {
            pending("starting-up", "the node is starting or recovering")
        }
        _ if mentions(error, "draining") => pending("draining", "the node takes no new sessions"),
        (Some(4060), ..) => too_many(&said),
        _ if mentions(error, "New session rejected") => too_many(&said),
        (Some(2248 | 3781), ..) | (.., "28" | "V2") => refused(&said, login).into(),
        (.., "3D") => Misuse::new(
            "unknown-database",
            format!("the server has no database `{}`: {said}", login.database),
        )
        .param("database")
        .hint("name the database that the server runs, or leave it out: a server runs only one")
        .into(),
        (_, "42501", _) => Misuse::new(
            "not-authorized",
            format!("user `{}` may not do that: {said}", login.user),
        )
        .param("user")
        .into(),
        (.., "42") => Misuse::new(
            "query-rejected",
            format!("the server rejects the query: {said}"),
        )
        .hint("this may be a version of Vertica that the probe does not know: try level=session")
        .into(),
        (.., "0A") => Misuse::new(
            "not-supported",
            format!("the server does not support what the probe asks for: {said}"),
        )
        .into(),
        (_, "57V01" | "57V02" | "57V04", _) => {
            pending("shutting-down", "the database is shutting down")
        }
        (.., "53") => pending("busy", "the server lacks resources"),
        (.., "V1") => pending("cluster-changing", "the cluster is changing"),
        (.., "08") => pending("connection-failed", "the server gave the connection up"),
        _ => pending("server-error", "the server answers with an error"),
    }
}

/// Whether the message holds these words; `str::contains` would bring kilobytes of search along.
fn mentions(error: &ServerError, words: &str) -> bool {
    let message = error.message.as_bytes();
    message
        .windows(words.len())
        .any(|window| window == words.as_bytes())
}

fn too_many(said: &str) -> Unready {
    Pending::new(
        "too-many-connections",
        format!("the node has no session to spare: {said}"),
    )
    .into()
}

/// The verdict on a login that was refused.
fn refused(said: &str, login: Login<'_>) -> Misuse {
    let user = login.user;
    match login.asked {
        Asked::Password => Misuse::new(
            "wrong-password",
            format!("the server refuses the password of user `{user}`: {said}"),
        )
        .param("password")
        .hint("check user and password; where a container creates its users at first start, a longer --grace waits for that"),
        Asked::Empty => Misuse::new(
            "password-missing",
            format!("the server wants a password of user `{user}`, and none is given: {said}"),
        )
        .param("password")
        .hint("give it by --password-file or the variable VSQL_PASSWORD"),
        Asked::Nothing if login.encrypted => not_authorized(user, said)
            .hint("check the user's name; the server's authentication records decide who may log in from where"),
        Asked::Nothing => not_authorized(user, said)
            .hint("check the user's name; if the server wants tls, set tlsmode=require"),
    }
}

fn not_authorized(user: &str, said: &str) -> Misuse {
    Misuse::new(
        "not-authorized",
        format!("the server lets user `{user}` in by no method: {said}"),
    )
    .param("user")
}
