//! Each password method, and every way to be turned away.

use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::postgres::{PASSWORD, Postgres};

use crate::{ask, ask_with_password, at};

pub(crate) fn passwords(matrix: &mut Matrix, server: &Postgres) {
    for (method, user) in [
        ("password", "by_cleartext"),
        ("md5", "by_md5"),
        ("scram-sha-256", "by_scram"),
    ] {
        let url = at(server.port, user, "app");
        let found = ask_with_password(&url, PASSWORD);
        matrix.row(
            &format!("{method}: the right password"),
            "ready",
            "",
            &found,
        );
        assert_eq!(found.fact("authentication"), method);
        let wrong = ask_with_password(&url, "not-the-password");
        matrix.row(
            &format!("{method}: a wrong password"),
            "misconfigured",
            "wrong-password",
            &wrong,
        );
        assert!(!wrong.raw.to_string().contains("not-the-password"));
        let found = ask(&url, &[]);
        matrix.row(
            &format!("{method}: no password"),
            "misconfigured",
            "password-missing",
            &found,
        );
        // Not over TLS alone.
        let plain = at(server.port, user, "app?sslmode=disable");
        let found = ask_with_password(&plain, PASSWORD);
        matrix.row(
            &format!("{method}: the right password, in plaintext"),
            "ready",
            "",
            &found,
        );
    }
    let guarded = at(
        server.port,
        "by_cleartext",
        "app?require_auth=scram-sha-256",
    );
    let found = ask_with_password(&guarded, PASSWORD);
    matrix.row(
        "password: `require_auth` wants scram-sha-256",
        "misconfigured",
        "auth-unsupported",
        &found,
    );
    let url = format!(
        "postgres://by_scram:{PASSWORD}@127.0.0.1:{}/app",
        server.port
    );
    let found = ask(&url, &[]);
    matrix.row(
        "scram-sha-256: the password in the URL",
        "ready",
        "",
        &found,
    );
    assert!(!found.raw.to_string().contains(PASSWORD));
}

pub(crate) fn mistakes(matrix: &mut Matrix, server: &Postgres) {
    for (state, user, database, verdict, code) in [
        (
            "the database does not exist",
            "trusted",
            "nosuch",
            "misconfigured",
            "unknown-database",
        ),
        (
            "the database takes no connections",
            "trusted",
            "closed",
            "misconfigured",
            "database-closed",
        ),
        (
            "the user may not connect to the database",
            "trusted",
            "private",
            "misconfigured",
            "not-authorized",
        ),
        (
            "the role does not exist",
            "nosuch",
            "app",
            "misconfigured",
            "not-authorized",
        ),
        (
            "the role may not log in",
            "no_login",
            "app",
            "misconfigured",
            "not-authorized",
        ),
        (
            "the role has no connection left",
            "limited",
            "app",
            "not-ready",
            "too-many-connections",
        ),
        (
            "pg_hba.conf rejects the role",
            "rejected",
            "app",
            "misconfigured",
            "not-authorized",
        ),
        (
            "pg_hba.conf does not mention the role",
            "unlisted",
            "app",
            "misconfigured",
            "not-authorized",
        ),
        (
            "pg_hba.conf wants TLS; `sslmode=disable`",
            "over_tls",
            "app?sslmode=disable",
            "misconfigured",
            "not-authorized",
        ),
        (
            "`channel_binding=require`",
            "trusted",
            "app?channel_binding=require",
            "usage",
            "",
        ),
        (
            "`gssencmode=require`",
            "trusted",
            "app?gssencmode=require",
            "usage",
            "",
        ),
    ] {
        let found = ask(&at(server.port, user, database), &[]);
        matrix.row(state, verdict, code, &found);
        assert!(
            found.hint.is_some() || verdict == "not-ready",
            "{state} has no hint"
        );
    }
}
