//! From the server's errors to verdicts. The SQLSTATE decides, since texts
//! are localised; a text only refines, and shows itself in the reason.
//!
//! Source: "Error and Notice Message Fields" and "PostgreSQL Error Codes" in
//! PostgreSQL's documentation, and errors of real servers.

use alloc::format;
use alloc::string::String;
use core::fmt;

use waitfor_sdk::{Misuse, Pending, Unready};

use crate::fault::line;
use crate::pooler::{self, Meaning};
use crate::wire::split_text;

/// What an `ErrorResponse` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerError {
    /// The SQLSTATE.
    pub(crate) code: String,
    /// `ERROR`, `FATAL` or `PANIC`; localised before PostgreSQL 9.6.
    pub(crate) severity: String,
    /// The message, one line.
    pub(crate) message: String,
    /// More on it, one line; often empty.
    pub(crate) detail: String,
}

impl ServerError {
    /// Reads the fields of an `ErrorResponse`; what is malformed is left out.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        let mut rest = body;
        while let Some((field, after)) = split_text(rest) {
            let Some((kind, text)) = field.split_first() else {
                break;
            };
            match kind {
                b'C' => error.code = line(text),
                b'V' => error.severity = line(text),
                b'S' if error.severity.is_empty() => error.severity = line(text),
                b'M' => error.message = line(text),
                b'D' => error.detail = line(text),
                _ => {}
            }
            rest = after;
        }
        error
    }

    /// Whether the connection ends with it.
    pub(crate) fn ends_the_session(&self) -> bool {
        self.severity != "ERROR"
    }

    fn class(&self) -> &str {
        self.code.get(..2).unwrap_or_default()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() {
            "an error without a text"
        } else {
            &self.message
        };
        formatter.write_str(message)?;
        if !self.detail.is_empty() {
            write!(formatter, " ({})", self.detail)?;
        }
        Ok(())
    }
}

/// What is known of a login when the server ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) encrypted: bool,
    /// Whether the server had already accepted the user's proof.
    pub(crate) authenticated: bool,
}

/// The verdict on an error that ends a login.
pub(crate) fn at_login(error: &ServerError, login: Login<'_>) -> Unready {
    if let Some(verdict) = state(error) {
        return verdict.into();
    }
    let Login { user, database, .. } = login;
    let reason = format!("{error}");
    match error.code.as_str() {
        "28P01" => wrong_password(reason, user),
        "3D000" => unknown_database(reason, database),
        "28000" | "F0000" => not_authorized(reason, error, login),
        "42501" => Misuse::new("not-authorized", reason)
            .param("dbname")
            .hint(format!("grant CONNECT on database `{database}` to `{user}`"))
            .into(),
        "55000" => Misuse::new("database-closed", reason)
            .param("dbname")
            .hint("name another database, or let it take connections: ALTER DATABASE … ALLOW_CONNECTIONS true")
            .into(),
        "42704" => Misuse::new("bad-setting", reason)
            .hint("a setting of the role or the database, or of a pooler in between, names something that the server does not have")
            .into(),
        "0A000" => Misuse::new("wrong-protocol", format!("does not speak protocol 3.0: {error}"))
            .hint("is that a PostgreSQL server?")
            .into(),
        "08P01" => pooled(error, login),
        _ => unknown(error),
    }
}

/// The verdict on an error that a query got in place of its rows; `param` is
/// the parameter that made the query.
pub(crate) fn at_query(error: &ServerError, database: &str, param: &str) -> Unready {
    if let Some(verdict) = state(error) {
        return verdict.into();
    }
    let reason = format!("the query failed: {error}");
    match (error.code.as_str(), error.class()) {
        // What a migration that is still running may yet create.
        ("42P01" | "3F000", _) => Pending::new("table-missing", reason).into(),
        ("42703" | "42704" | "42883", _) => Pending::new("object-missing", reason).into(),
        ("42501", _) => Misuse::new("not-authorized", reason)
            .param("user")
            .hint("grant the user what the query needs, or ask another query")
            .into(),
        ("0A000", _) | (_, "42" | "26" | "34") => Misuse::new("bad-query", reason)
            .param(param)
            .hint("it must be one statement that the server understands; try it in psql")
            .into(),
        ("25006", _) => Pending::new("read-only", reason).into(),
        ("08P01", _) => pooled(
            error,
            Login {
                user: "",
                database,
                encrypted: false,
                authenticated: true,
            },
        ),
        _ => Pending::new("query-failed", reason).into(),
    }
}

/// States of the server, which any step may meet and which pass.
fn state(error: &ServerError) -> Option<Pending> {
    let text = error.message.as_str();
    let code = match error.code.as_str() {
        "57P01" => "shutting-down",
        "57P02" => "recovering",
        "57P03" if text.contains("shutting down") => "shutting-down",
        "57P03" if text.contains("recovery mode") || text.contains("not yet accepting") => {
            "recovering"
        }
        "57P03" if text.contains("not accepting connections") => "standby",
        "57P03" => "starting-up",
        "57P05" => "closed",
        "53300" => "too-many-connections",
        _ => return None,
    };
    Some(Pending::new(code, format!("{error}")))
}

fn wrong_password(reason: String, user: &str) -> Unready {
    Misuse::new("wrong-password", reason)
        .param("password")
        .hint(format!(
            "check user `{user}` and its password; a server that hides which users exist says the same of an unknown one"
        ))
        .into()
}

fn unknown_database(reason: String, database: &str) -> Unready {
    Misuse::new("unknown-database", reason)
        .param("dbname")
        .hint(format!(
            "create database `{database}`, or name another (the path of the url); \
             if something else is still to create it, a longer --grace waits for that"
        ))
        .into()
}

fn not_authorized(reason: String, error: &ServerError, login: Login<'_>) -> Unready {
    let Login {
        user,
        database,
        encrypted,
        authenticated,
    } = login;
    let misuse = Misuse::new("not-authorized", reason);
    let text = &error.message;
    if text.contains("certificate") {
        return misuse
            .param("sslcert")
            .hint("give the client certificate with sslcert=FILE and sslkey=FILE, and check that the server trusts its authority (ssl_ca_file)")
            .into();
    }
    if authenticated {
        return misuse
            .param("user")
            .hint(format!(
                "create role `{user}` with LOGIN, or name another user"
            ))
            .into();
    }
    if !encrypted && (text.contains("no encryption") || text.contains("SSL off")) {
        return misuse
            .param("sslmode")
            .hint("if pg_hba.conf lets the user in by tls only, use sslmode=require; else it needs a line for this user, database and address")
            .into();
    }
    misuse
        .param("user")
        .hint(format!(
            "pg_hba.conf must let user `{user}` reach database `{database}` from this address"
        ))
        .into()
}

/// The verdict on 08P01, which is pgbouncer's only code.
fn pooled(error: &ServerError, login: Login<'_>) -> Unready {
    let reason = format!("{error}");
    match pooler::meaning(&error.message) {
        Some(Meaning::NotYet) => Pending::new("server-error", format!("pgbouncer: {error}")).into(),
        Some(Meaning::Full) => {
            Pending::new("too-many-connections", format!("pgbouncer: {error}")).into()
        }
        Some(Meaning::ShuttingDown) => Pending::new("shutting-down", reason).into(),
        Some(Meaning::WrongPassword) => wrong_password(reason, login.user),
        Some(Meaning::UnknownDatabase) => unknown_database(reason, login.database),
        Some(Meaning::NotAuthorized) => Misuse::new("not-authorized", reason)
            .param("user")
            .hint("pgbouncer's auth_file (or auth_query) and its auth_hba_file must know the user")
            .into(),
        Some(Meaning::TlsRequired) => Misuse::new("tls-required", reason)
            .param("sslmode")
            .hint("use sslmode=require")
            .into(),
        None => unknown(error),
    }
}

/// Unknown errors are worth another attempt, and never mean ready.
fn unknown(error: &ServerError) -> Unready {
    let code = if error.code.is_empty() {
        "without a code"
    } else {
        &error.code
    };
    Pending::new(
        "server-error",
        format!("answered with error {code}: {error}"),
    )
    .into()
}

/// Whether the same login might pass with TLS in place of plaintext, or the
/// other way round: pg_hba.conf has lines for one and not for the other.
pub(crate) fn depends_on_encryption(error: &ServerError, login: Login<'_>) -> bool {
    !login.authenticated
        && (error.code == "28000"
            || error.code == "08P01"
                && pooler::meaning(&error.message) == Some(Meaning::TlsRequired))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login<'static> {
        Login {
            user: "app",
            database: "app",
            encrypted: false,
            authenticated: false,
        }
    }

    fn error(code: &str, message: &str) -> ServerError {
        ServerError {
            code: code.into(),
            severity: "FATAL".into(),
            message: message.into(),
            detail: String::new(),
        }
    }

    fn code(verdict: Unready) -> (bool, String) {
        match verdict {
            Unready::Pending(pending) => (true, pending.code),
            Unready::Misuse(misuse) => {
                assert!(misuse.hint.is_some(), "{} has no hint", misuse.code);
                (false, misuse.code)
            }
        }
    }

    #[test]
    fn malformed_fields_are_left_out() {
        assert_eq!(ServerError::parse(b""), ServerError::default());
        assert_eq!(ServerError::parse(b"Cno end"), ServerError::default());
        let parsed = ServerError::parse(b"SFATAL\0C57P03\0Mx\ny\0\0Dignored\0");
        assert_eq!((&*parsed.code, &*parsed.message), ("57P03", "x y"));
        assert!(parsed.detail.is_empty());
    }

    #[test]
    fn a_localised_server_is_understood_by_its_codes() {
        for (sqlstate, pending, expected) in [
            ("57P03", true, "starting-up"),
            ("57P01", true, "shutting-down"),
            ("57P02", true, "recovering"),
            ("57P05", true, "closed"),
            ("53300", true, "too-many-connections"),
            ("28P01", false, "wrong-password"),
            ("28000", false, "not-authorized"),
            ("F0000", false, "not-authorized"),
            ("3D000", false, "unknown-database"),
            ("42501", false, "not-authorized"),
            ("55000", false, "database-closed"),
            ("42704", false, "bad-setting"),
            ("0A000", false, "wrong-protocol"),
            ("58P01", true, "server-error"),
            ("XX000", true, "server-error"),
            ("08P01", true, "server-error"),
            ("", true, "server-error"),
        ] {
            let found = code(at_login(&error(sqlstate, "das Datenbanksystem …"), login()));
            assert_eq!(found, (pending, expected.into()), "{sqlstate}");
        }
    }

    #[test]
    fn texts_refine_57p03() {
        for (text, expected) in [
            ("the database system is starting up", "starting-up"),
            ("the database system is shutting down", "shutting-down"),
            ("the database system is in recovery mode", "recovering"),
            (
                "the database system is not yet accepting connections",
                "recovering",
            ),
            (
                "the database system is not accepting connections",
                "standby",
            ),
        ] {
            let found = code(at_login(&error("57P03", text), login()));
            assert_eq!(found, (true, expected.into()));
        }
    }

    #[test]
    fn errors_of_queries_tell_migrations_from_mistakes() {
        for (sqlstate, pending, expected) in [
            ("42P01", true, "table-missing"),
            ("3F000", true, "table-missing"),
            ("42703", true, "object-missing"),
            ("42883", true, "object-missing"),
            ("42601", false, "bad-query"),
            ("42501", false, "not-authorized"),
            ("0A000", false, "bad-query"),
            ("25006", true, "read-only"),
            ("57014", true, "query-failed"),
            ("22012", true, "query-failed"),
            ("57P01", true, "shutting-down"),
            ("08P01", true, "server-error"),
        ] {
            let found = code(at_query(&error(sqlstate, "x"), "app", "query"));
            assert_eq!(found, (pending, expected.into()), "{sqlstate}");
        }
    }

    #[test]
    fn only_a_rejection_before_the_proof_depends_on_encryption() {
        assert!(depends_on_encryption(&error("28000", "x"), login()));
        assert!(depends_on_encryption(
            &error("08P01", "SSL required"),
            login()
        ));
        assert!(!depends_on_encryption(&error("28P01", "x"), login()));
        let authenticated = Login {
            authenticated: true,
            ..login()
        };
        assert!(!depends_on_encryption(&error("28000", "x"), authenticated));
    }
}
