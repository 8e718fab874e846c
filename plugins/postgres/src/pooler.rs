//! What pgbouncer means: it gives the SQLSTATE 08P01 to everything, so its
//! texts, which are never localised, have to be read.
//!
//! Source: pgbouncer 1.18 as observed, and the texts of its later versions
//! as far as they are documented.

/// What a text of pgbouncer means for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The server behind it does not answer, or there is no room.
    NotYet,
    /// As [`Meaning::NotYet`], for want of room.
    Full,
    /// It is shutting down.
    ShuttingDown,
    /// The password is wrong.
    WrongPassword,
    /// It knows no such user, or does not let the user in.
    NotAuthorized,
    /// It knows no such database.
    UnknownDatabase,
    /// It wants TLS.
    TlsRequired,
}

/// The meaning of a text, if it is one of pgbouncer's.
pub(crate) fn meaning(text: &str) -> Option<Meaning> {
    let text = text.to_ascii_lowercase();
    let has = |word: &str| text.contains(word);
    let starts = |word: &str| text.trim_start_matches('"').starts_with(word);
    // Reports on the server behind come first: they quote its errors, which
    // say nothing of this login.
    if has("server login has been failing")
        || has("server_login_retry")
        || has("query_wait_timeout")
        || has("connect failed")
        || has("client_login_timeout")
        || has("cannot connect to server")
        || has("server conn crashed")
        || has("server closed the connection")
        || has("idle_transaction_timeout")
        || has("server_lifetime")
        || starts("database ") && (has(" paused") || has(" disabled"))
        || starts("database does not allow connections")
    {
        return Some(Meaning::NotYet);
    }
    if has("no more connections allowed") || has("too many clients") || has("too many connections")
    {
        return Some(Meaning::Full);
    }
    if has("pgbouncer") && has("shut") || has("the pooler is shut") {
        return Some(Meaning::ShuttingDown);
    }
    if starts("no such database") || starts("database ") && has("does not exist") {
        return Some(Meaning::UnknownDatabase);
    }
    if has("ssl required") {
        return Some(Meaning::TlsRequired);
    }
    let method = ["trust", "password", "sasl", "md5", "scram", "ldap", "pam"]
        .iter()
        .any(|method| starts(method));
    if method && has("authentication failed") || starts("wrong password") {
        return Some(Meaning::WrongPassword);
    }
    if starts("no such user")
        || starts("login rejected")
        || starts("not allowed")
        || starts("tls certificate name mismatch")
        || starts("unix socket login rejected")
        || has("no authentication method is found")
    {
        return Some(Meaning::NotAuthorized);
    }
    None
}

/// Whether the server's version is that of pgbouncer's own console, the
/// database `pgbouncer`, behind which there is no server.
pub(crate) fn is_console(version: &str) -> bool {
    version.ends_with("/bouncer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_pgbouncer_have_a_meaning() {
        for (text, expected) in [
            ("no such database: nosuch", Meaning::UnknownDatabase),
            ("database \"x\" does not exist", Meaning::UnknownDatabase),
            ("\"trust\" authentication failed", Meaning::WrongPassword),
            ("password authentication failed", Meaning::WrongPassword),
            ("SASL authentication failed", Meaning::WrongPassword),
            ("query_wait_timeout", Meaning::NotYet),
            (
                "server login has been failing, cached error: database \"x\" does not exist (server_login_retry)",
                Meaning::NotYet,
            ),
            ("database \"app\" is paused", Meaning::NotYet),
            (
                "no more connections allowed (max_client_conn)",
                Meaning::Full,
            ),
            ("pgbouncer is shutting down", Meaning::ShuttingDown),
            ("SSL required", Meaning::TlsRequired),
            ("no such user: x", Meaning::NotAuthorized),
        ] {
            assert_eq!(meaning(text), Some(expected), "{text}");
        }
        assert_eq!(meaning("expected password response"), None);
    }
}
