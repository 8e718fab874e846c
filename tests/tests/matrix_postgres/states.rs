//! A server on its way up, on its way down, or not the one that is wanted.

use std::thread;
use std::time::Duration;

use waitfor_tests::cli::Cli;
use waitfor_tests::install::Installed;
use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::tls::Tls;

use crate::{ask, at};

pub(crate) fn starting(matrix: &mut Matrix, installed: &Installed, tls: &Tls) {
    let mut server = Postgres::starting_up_with_tls(installed, tls);
    for (state, rest) in [
        ("starting up", "app?sslmode=disable"),
        ("starting up, seen through TLS", "app?sslmode=require"),
        ("starting up; level `accepts`", "app?level=accepts"),
    ] {
        let found = ask(&at(server.port, "trusted", rest), &[]);
        matrix.row(state, "not-ready", "starting-up", &found);
    }
    let found = ask(&at(server.port, "nosuch", "nosuch"), &[]);
    matrix.row(
        "starting up; a wrong user is not seen yet",
        "not-ready",
        "starting-up",
        &found,
    );
    // The wait itself: the server comes up while waitfor watches.
    let url = at(server.port, "trusted", "app");
    let watcher = thread::spawn(move || Cli::new().timeout("30s").attempt([url]));
    thread::sleep(Duration::from_millis(500));
    server.release();
    let found = watcher.join().expect("the watcher ends with a verdict");
    matrix.row(
        "starting up, then released during the wait",
        "ready",
        "",
        &found,
    );
    drop(server);

    let server = Postgres::not_yet_consistent(installed);
    let found = ask(&at(server.port, "trusted", "app"), &[]);
    matrix.row(
        "replaying, not yet consistent",
        "not-ready",
        "recovering",
        &found,
    );
    assert!(
        found.reason.contains("Consistent recovery state"),
        "{}",
        found.reason
    );
}

pub(crate) fn standbys(matrix: &mut Matrix, installed: &Installed) {
    let mut server = Postgres::hot_standby(installed);
    let url = at(server.port, "trusted", "app");
    for (state, wanted, verdict, code) in [
        ("a hot standby", "any", "ready", ""),
        ("a hot standby; one is wanted", "standby", "ready", ""),
        (
            "a hot standby; one is preferred",
            "prefer-standby",
            "ready",
            "",
        ),
        (
            "a hot standby; one that only reads is wanted",
            "read-only",
            "ready",
            "",
        ),
        (
            "a hot standby; a primary is wanted",
            "primary",
            "not-ready",
            "standby",
        ),
        (
            "a hot standby; one that takes writes is wanted",
            "read-write",
            "not-ready",
            "standby",
        ),
    ] {
        let found = ask(&format!("{url}?target_session_attrs={wanted}"), &[]);
        matrix.row(state, verdict, code, &found);
        assert_eq!(found.fact("role"), "standby", "{state}");
    }
    let write = ["--query", "INSERT INTO migrated VALUES (2) RETURNING id"];
    let found = ask(&at(server.port, "postgres", "app"), &write);
    matrix.row(
        "a hot standby; the query writes",
        "not-ready",
        "read-only",
        &found,
    );
    server.promote();
    let found = ask(&format!("{url}?target_session_attrs=read-write"), &[]);
    matrix.row("a standby that was promoted", "ready", "", &found);

    let server = Postgres::hot_standby_off(installed);
    let found = ask(&at(server.port, "trusted", "app"), &[]);
    matrix.row(
        "a standby with `hot_standby=off`",
        "not-ready",
        "standby",
        &found,
    );
    assert!(
        found.reason.contains("Hot standby mode is disabled"),
        "{}",
        found.reason
    );

    let server = Postgres::build(installed)
        .setting("default_transaction_read_only", "on")
        .start();
    let found = ask(
        &at(
            server.port,
            "trusted",
            "app?target_session_attrs=read-write",
        ),
        &[],
    );
    matrix.row(
        "a primary that is read-only by default; one that takes writes is wanted",
        "not-ready",
        "read-only",
        &found,
    );
}

pub(crate) fn overload_and_end(matrix: &mut Matrix, installed: &Installed) {
    let mut server = Postgres::too_many_clients(installed);
    let url = at(server.port, "trusted", "app");
    let found = ask(&url, &[]);
    matrix.row(
        "every connection is taken",
        "not-ready",
        "too-many-connections",
        &found,
    );
    let found = ask(&url, &["--level", "accepts"]);
    matrix.row(
        "every connection is taken; level `accepts`",
        "not-ready",
        "too-many-connections",
        &found,
    );
    server.end_sessions();
    let found = Cli::new().timeout("30s").attempt([&url]);
    matrix.row("connections are free again", "ready", "", &found);
    drop(server);

    let mut server = Postgres::shutting_down(installed);
    let url = at(server.port, "trusted", "app");
    let found = ask(&url, &[]);
    matrix.row("shutting down", "not-ready", "shutting-down", &found);
    server.stop();
    let found = ask(&url, &[]);
    matrix.row("stopped", "not-ready", "refused", &found);
    server.start_again();
    let found = Cli::new().timeout("30s").attempt([&url]);
    matrix.row("started again", "ready", "", &found);
}
