//! The user's side: the ways to say what is wanted, and the port that is not Vertica's.

use waitfor_tests::install::{self, Component};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::vertica_sim::{Auth, Config, Sim, State};

use crate::{PASSWORD, ask, ask_as, client, with_password};

/// A client's URL and its variables can be used as they are.
pub(crate) fn ways_to_say_it(matrix: &mut Matrix) {
    let sim = Sim::start(Config::with_password(Auth::HashSha512, "dbadmin", PASSWORD));
    let pasted = "tls_mode=prefer&connection_load_balance=false&backup_server_node=h2:5433,h3:5433\
                  &workload=etl&session_label=ci&connection_timeout=5";
    let found = ask_as(&with_password(), &sim, pasted, &[]);
    matrix.row("up; a client's URL", "ready", "", &found);
    let client_seen = sim.last();
    assert_eq!(client_seen.parameter("workload").as_deref(), Some("etl"));
    assert_eq!(client_seen.parameter("client_label").as_deref(), Some("ci"));

    let port = sim.port().to_string();
    for prefix in ["VSQL_", "V_"] {
        let found = with_password()
            .env(format!("{prefix}HOST"), "127.0.0.1")
            .env(format!("{prefix}PORT"), &port)
            .env(format!("{prefix}USER"), "dbadmin")
            .env(format!("{prefix}DATABASE"), "VMart")
            .attempt(["vertica"]);
        let name = format!("up; all said by variables {prefix}*");
        matrix.row(&name, "ready", "", &found);
    }
    let options = [
        "--plugin",
        "vertica",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--user",
        "dbadmin",
        "--database",
        "VMart",
        "--level",
        "cluster",
    ];
    matrix.replace(&format!("--port {port}"), "--port PORT");
    let found = with_password().attempt(options);
    matrix.row("up; all said by options", "ready", "", &found);
}

/// Other services on the port that the user took for Vertica's, two of them real.
pub(crate) fn strangers(matrix: &mut Matrix) {
    let words: [(&[u8], &str); 3] = [
        (
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            "an HTTP server",
        ),
        (b"220 mail.example ESMTP\r\n", "a mail server"),
        (b"\x15\x03\x03\0\x02\x02\x46", "a TLS server"),
    ];
    for (bytes, name) in words {
        let sim = Sim::start(Config::default().in_state(State::Speaks(bytes.to_vec())));
        let found = ask(&sim, "", &[]);
        let state = format!("{name} listens there");
        matrix.row(&state, "misconfigured", "wrong-protocol", &found);
    }
    match install::require(Component::Postgres) {
        Some(installed) => {
            let postgres = Postgres::ready(&installed);
            let url = format!("vertica://postgres@127.0.0.1:{}/postgres", postgres.port);
            let found = client().attempt([url]);
            matrix.row_on(
                "a real PostgreSQL listens there",
                &installed.version,
                "misconfigured",
                "wrong-protocol",
                &found,
            );
        }
        None => matrix.skip(),
    }
    match install::require(Component::Redis) {
        Some(installed) => {
            let redis = Redis::ready(&installed);
            let url = format!("vertica://app@127.0.0.1:{}/app?tlsmode=disable", redis.port);
            let found = client().attempt([url]);
            // Redis takes the start-up message for the beginning of a command and waits for its end.
            matrix.row_on(
                "a real Redis listens there",
                &installed.version,
                "not-ready",
                "timed-out",
                &found,
            );
        }
        None => matrix.skip(),
    }
}
