//! pgbouncer before servers that live and that do not, and ports where no PostgreSQL is.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::install::Installed;
use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::free_port;
use waitfor_tests::servers::pgbouncer::Pgbouncer;
use waitfor_tests::servers::postgres::{PASSWORD, Postgres};

use crate::{ask, ask_with_password, at};

pub(crate) fn poolers(matrix: &mut Matrix, installed: &Installed, pooler: &Installed) {
    let impatient = "query_wait_timeout = 1";
    let mut server = Postgres::ready(installed);
    let trusting = Pgbouncer::start(pooler, server.port, "trust", impatient);
    let asking = Pgbouncer::start(pooler, server.port, "md5", impatient);
    let patient = Cli::new().timeout("4s");
    // Either is said of a server that is gone, by which comes first.
    for text in [
        "query_wait_timeout",
        "server login has been failing, try again later (server_login_retry)",
    ] {
        matrix.replace(text, "SERVER-GONE");
    }
    let mut row = |state: &str, verdict: &str, code: &str, found: &Verdict| {
        matrix.row_on(state, &pooler.version, verdict, code, found);
    };

    let through = at(trusting.port, "trusted", "app");
    row(
        "a pooler before a server that is ready",
        "ready",
        "",
        &ask(&through, &[]),
    );
    let found = ask(&through, &["--expect-table", "shop.items"]);
    row("a pooler; the expected table exists", "ready", "", &found);
    let url = at(asking.port, "by_md5", "app");
    row(
        "a pooler; the right password",
        "ready",
        "",
        &ask_with_password(&url, PASSWORD),
    );
    let found = ask_with_password(&url, "not-the-password");
    row(
        "a pooler; a wrong password",
        "misconfigured",
        "wrong-password",
        &found,
    );
    row(
        "a pooler; no password",
        "misconfigured",
        "password-missing",
        &ask(&url, &[]),
    );
    let found = ask(&at(trusting.port, "trusted", "unlisted"), &[]);
    row(
        "a pooler that does not know the database",
        "misconfigured",
        "unknown-database",
        &found,
    );
    let found = ask(&at(trusting.port, "trusted", "pgbouncer"), &[]);
    row("a pooler's own console", "ready", "", &found);
    assert_eq!(found.fact("pooler"), "pgbouncer");
    let found = ask(&at(trusting.port, "trusted", "app?sslmode=require"), &[]);
    row(
        "a pooler without TLS; `sslmode=require`",
        "misconfigured",
        "tls-unsupported",
        &found,
    );

    server.stop();
    let found = patient.attempt([&through]);
    row(
        "a pooler whose server was stopped after a login",
        "not-ready",
        "server-error",
        &found,
    );
    assert!(found.reason.starts_with("pgbouncer: "), "{}", found.reason);
    server.start_again();
    let found = Cli::new().timeout("30s").attempt([&through]);
    row("a pooler whose server is back", "ready", "", &found);

    let lonely = Pgbouncer::start(pooler, free_port(), "trust", impatient);
    let found = patient.attempt([at(lonely.port, "trusted", "app")]);
    row(
        "a pooler whose server never was there",
        "not-ready",
        "server-error",
        &found,
    );
}

/// Peers that are not PostgreSQL, or nobody in particular.
pub(crate) fn strangers(matrix: &mut Matrix) {
    for (state, answer, verdict, code) in [
        (
            "a port that accepts and closes at once",
            &b""[..],
            "not-ready",
            "closed",
        ),
        (
            "a web server",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "an SSH server",
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "a MySQL server",
            b"\x4a\0\0\0\x0a8.0.36\0",
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "a port that wants TLS from the first byte",
            b"\x15\x03\x01\0\x02\x02\x46",
            "misconfigured",
            "tls-required",
        ),
    ] {
        let port = answering(answer);
        let found = ask(&at(port, "trusted", "app"), &[]);
        matrix.row_on(state, "scripted", verdict, code, &found);
    }
    // The backlog takes the connection; nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = silent.local_addr().expect("its address").port();
    let more = ["--attempt-timeout", "300ms"];
    let found = ask(&at(port, "trusted", "app"), &more);
    matrix.row_on(
        "a port that never answers",
        "scripted",
        "not-ready",
        "timed-out",
        &found,
    );
}

/// A port where every connection gets these bytes and is then closed.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // What the client sends is read first: unread bytes would turn
            // the close into a reset. A client that is gone is its own affair.
            if !bytes.is_empty() {
                let _ = stream.read(&mut [0; 512]);
                let _ = stream.write_all(bytes);
            }
        }
    });
    port
}
