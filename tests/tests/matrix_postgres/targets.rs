//! A server that is ready, and the ways in which libpq's users name it.

use std::os::unix::fs::PermissionsExt;

use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::postgres::{PASSWORD, Postgres};

use crate::{ask, at, client};

pub(crate) fn ready(matrix: &mut Matrix, server: &Postgres) {
    let url = at(server.port, "trusted", "app");
    let found = ask(&url, &[]);
    matrix.row("ready", "ready", "", &found);
    assert!(found.fact("version").starts_with("15."), "{found:?}");
    assert_eq!(found.fact("role"), "primary");
    assert_eq!(found.fact("authentication"), "none");
    assert_eq!(found.fact("tls"), "on");
    let again = ask(&url, &[]);
    assert_eq!(found.fact("incarnation"), again.fact("incarnation"));

    for (state, query, verdict, code) in [
        (
            "a primary; one that takes writes is wanted",
            "read-write",
            "ready",
            "",
        ),
        ("a primary; one is wanted", "primary", "ready", ""),
        (
            "a primary; a standby would be preferred",
            "prefer-standby",
            "ready",
            "",
        ),
        (
            "a primary; a standby is wanted",
            "standby",
            "not-ready",
            "primary",
        ),
        (
            "a primary; one that only reads is wanted",
            "read-only",
            "not-ready",
            "primary",
        ),
    ] {
        let url = format!("{url}?target_session_attrs={query}");
        matrix.row(state, verdict, code, &ask(&url, &[]));
    }
    for (state, user, database) in [
        ("ready; level `accepts`", "trusted", "app"),
        (
            "ready; level `accepts`, a password is wanted and none given",
            "by_scram",
            "app",
        ),
        (
            "ready; level `accepts`, the role does not exist",
            "nosuch",
            "app",
        ),
        (
            "ready; level `accepts`, the database does not exist",
            "trusted",
            "nosuch",
        ),
    ] {
        let url = at(server.port, user, database);
        matrix.row(state, "ready", "", &ask(&url, &["--level", "accepts"]));
    }
    let found = ask(&url, &["--level", "accepts", "--query", "SELECT 1"]);
    matrix.row("level `accepts` together with a query", "usage", "", &found);
}

/// The ways in which libpq's users name a server.
pub(crate) fn targets(matrix: &mut Matrix, server: &Postgres) {
    let port = server.port.to_string();
    let socket = server.socket_dir().display().to_string();
    matrix.replace(&socket, "SOCKET-FOLDER");
    let words = format!("host=127.0.0.1 port={port} user=trusted dbname=app connect_timeout=3");
    let found = ask("postgres", &["--url", &words]);
    matrix.row("ready; a libpq keyword string", "ready", "", &found);

    let found = client()
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", &port)
        .env("PGUSER", "by_scram")
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", "app")
        .attempt(["postgres"]);
    matrix.row("ready; libpq's environment variables", "ready", "", &found);

    let found = client()
        .env("DATABASE_URL", at(server.port, "trusted", "app"))
        .attempt(["postgres"]);
    matrix.row("ready; `DATABASE_URL`", "ready", "", &found);

    let options = [
        "--host", &socket, "--port", &port, "--user", "trusted", "--dbname", "app",
    ];
    let found = ask("postgres", &options);
    matrix.row("ready; over its UNIX socket", "ready", "", &found);
    assert_eq!(found.fact("tls"), "off");
    let found = ask(
        &format!("postgres://trusted@/app?host={socket}&port={port}&sslmode=require"),
        &[],
    );
    matrix.row("ready; the UNIX socket in a URL", "ready", "", &found);

    let home = temp_dir("pg-home");
    let file = home.path().join(".pgpass");
    let line = format!("127.0.0.1:{port}:app:by_scram:{PASSWORD}\n");
    std::fs::write(&file, line).expect("a password file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    let url = at(server.port, "by_scram", "app");
    let found = client().home(home.path()).attempt([&url]);
    matrix.row("ready; the password in `~/.pgpass`", "ready", "", &found);
    let secret = home.path().join("secret");
    std::fs::write(&secret, format!("{PASSWORD}\n")).expect("a password file");
    let secret = secret.display().to_string();
    matrix.replace(&secret, "PASSWORD-FILE");
    let found = ask(&url, &["--password-file", &secret]);
    matrix.row("ready; the password in a file", "ready", "", &found);

    let closed = free_port();
    let url = format!("postgres://trusted@127.0.0.1:{closed},127.0.0.1:{port}/app");
    let found = ask(&url, &[]);
    matrix.row("two hosts; the first is closed", "ready", "", &found);
    assert_eq!(found.fact("server"), format!("127.0.0.1:{port}"));
    let url = format!(
        "postgres://trusted@127.0.0.1:{closed},127.0.0.1:{port}/app?target_session_attrs=standby"
    );
    let found = ask(&url, &[]);
    matrix.row(
        "two hosts; one is closed, one has the wrong role",
        "not-ready",
        "primary",
        &found,
    );
    let found = ask(&at(closed, "trusted", "app"), &[]);
    matrix.row("nobody listens", "not-ready", "refused", &found);
    let found = ask("postgres://trusted@no-such-host.invalid/app", &[]);
    matrix.row("the name is not known", "not-ready", "name-unknown", &found);
}
