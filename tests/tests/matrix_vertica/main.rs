//! The vertica probe, in the built `waitfor`, over every state that the simulated server has.
//!
//! The simulator is judged by the vendor's own clients in `vertica_clients.rs`; no real Vertica can
//! be had, so each row says `simulated`, but for the real strangers on Vertica's port.

mod outside;
mod transport;

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::{self, PATIENCE};
use waitfor_tests::vertica_sim::{
    Auth, Config, FaultTolerance, Node, PasswordAge, Sim, SqlError, State,
};

const PASSWORD: &str = "correct horse";

/// One run against a running simulator: `query` follows the URL's `?`.
fn ask(sim: &Sim, query: &str, more: &[&str]) -> Verdict {
    ask_as(&client(), sim, query, more)
}

fn ask_as(cli: &Cli, sim: &Sim, query: &str, more: &[&str]) -> Verdict {
    let separator = if query.is_empty() { "" } else { "?" };
    let url = format!(
        "vertica://dbadmin@127.0.0.1:{}/VMart{separator}{query}",
        sim.port()
    );
    let mut args = vec![url.as_str()];
    args.extend(more);
    let found = cli.attempt(args);
    sim.settle();
    found
}

/// Short, since a state that does not change is as telling after a second.
fn client() -> Cli {
    Cli::new().timeout("1s")
}

fn with_password() -> Cli {
    client().env("VSQL_PASSWORD", PASSWORD)
}

fn three_nodes(second: &str) -> Vec<Node> {
    vec![
        Node::up("v_vmart_node0001"),
        Node::in_state("v_vmart_node0002", second),
        Node::up("v_vmart_node0003"),
    ]
}

#[test]
fn every_state_has_its_verdict() {
    let mut matrix = Matrix::new("vertica", "simulated");
    logins(&mut matrix);
    refusals(&mut matrix);
    connections(&mut matrix);
    sessions(&mut matrix);
    nodes(&mut matrix);
    clusters(&mut matrix);
    transport::encryption(&mut matrix);
    transport::balancing(&mut matrix);
    outside::ways_to_say_it(&mut matrix);
    outside::strangers(&mut matrix);
    matrix.finish();
}

fn logins(matrix: &mut Matrix) {
    let sim = Sim::start(Config::default());
    let found = ask(&sim, "", &[]);
    matrix.row("up; trust authentication", "ready", "", &found);
    assert_eq!(found.facts.get("role").map(String::as_str), Some("primary"));
    let client = sim.last();
    assert_eq!(client.parameter("client_type").as_deref(), Some("waitfor"));
    assert!(client.terminated, "a farewell: {client:?}");
    let version = client.parameters.first();
    assert_eq!(
        version,
        Some(&("protocol_version".to_owned(), vec![0, 3, 0, 16]))
    );

    for (auth, name) in [
        (Auth::Md5, "MD5 (5)"),
        (Auth::HashMd5, "HASH_MD5 (65541)"),
        (Auth::Hash, "HASH (65536)"),
        (Auth::HashSha512, "HASH_SHA512 (66048)"),
    ] {
        let sim = Sim::start(Config::with_password(auth, "dbadmin", PASSWORD));
        let found = ask_as(&with_password(), &sim, "", &[]);
        matrix.row(&format!("up; password by {name}"), "ready", "", &found);
        let wrong = client_with_wrong_password(&sim);
        matrix.row(
            &format!("up; wrong password by {name}"),
            "misconfigured",
            "wrong-password",
            &wrong,
        );
    }
    let sim = Sim::start(Config::with_password(Auth::HashSha512, "dbadmin", PASSWORD));
    matrix.row(
        "up; a password is wanted and none given",
        "misconfigured",
        "password-missing",
        &ask(&sim, "", &[]),
    );
    let sim = Sim::start(Config::with_password(Auth::Trust, "app", ""));
    matrix.row(
        "up; the user is unknown",
        "misconfigured",
        "not-authorized",
        &ask(&sim, "", &[]),
    );

    let sim = Sim::start(Config::with_password(Auth::Cleartext, "dbadmin", PASSWORD));
    matrix.row(
        "up; password in clear text (3), no TLS, tlsmode=prefer",
        "misconfigured",
        "tls-required",
        &ask_as(&with_password(), &sim, "", &[]),
    );
    assert!(sim.last().password_answers().is_empty());
    matrix.row(
        "up; password in clear text (3), TLS given up by the user",
        "ready",
        "",
        &ask_as(&with_password(), &sim, "tlsmode=disable", &[]),
    );

    let mut config = Config::with_password(Auth::HashSha512, "dbadmin", PASSWORD);
    config.password_age = PasswordAge::Grace;
    let sim = Sim::start(config.clone());
    let found = ask_as(&with_password(), &sim, "", &[]);
    matrix.row("up; the password expires soon (11)", "ready", "", &found);
    assert!(found.facts.contains_key("password"), "{:?}", found.facts);
    config.password_age = PasswordAge::Expired;
    let sim = Sim::start(config.clone());
    matrix.row(
        "up; the password has expired (9)",
        "misconfigured",
        "password-expired",
        &ask_as(&with_password(), &sim, "", &[]),
    );
    config.password_age = PasswordAge::Fresh;
    config.totp = Some("123456".to_owned());
    let sim = Sim::start(config);
    matrix.row(
        "up; a one-time code is wanted (14)",
        "misconfigured",
        "auth-unsupported",
        &ask_as(&with_password(), &sim, "", &[]),
    );
    for (auth, name) in [
        (Auth::Crypt, "crypt (4)"),
        (Auth::Gss, "Kerberos (7)"),
        (Auth::OAuth, "OAuth (12)"),
        (Auth::Code(4711), "an unknown method (4711)"),
    ] {
        let sim = Sim::start(Config::with_password(auth, "dbadmin", PASSWORD));
        matrix.row(
            &format!("up; {name} is wanted"),
            "misconfigured",
            "auth-unsupported",
            &ask_as(&with_password(), &sim, "", &[]),
        );
        assert!(sim.last().password_answers().is_empty(), "{name}");
    }
}

fn client_with_wrong_password(sim: &Sim) -> Verdict {
    let wrong = "battery staple";
    let found = ask_as(&client().env("VSQL_PASSWORD", wrong), sim, "", &[]);
    assert!(!found.raw.to_string().contains(wrong), "{}", found.raw);
    found
}

fn refusals(matrix: &mut Matrix) {
    for (state, name, code) in [
        (
            State::starting(),
            "the node starts or recovers (57V03, 4149)",
            "starting-up",
        ),
        (
            State::shutting_down(),
            "the database shuts down (57V01)",
            "shutting-down",
        ),
        (
            State::session_limit(),
            "all sessions are taken (4060)",
            "too-many-connections",
        ),
        (
            State::draining(),
            "the subcluster is being drained",
            "draining",
        ),
        (
            State::Refusing(SqlError::fatal("V1003", Some(6876), "No nodes up!")),
            "the cluster changes (V1003, 6876)",
            "cluster-changing",
        ),
        (
            State::Refusing(SqlError::fatal("XX000", None, "Something new")),
            "an error that is not known",
            "server-error",
        ),
    ] {
        let sim = Sim::start(Config::default().in_state(state));
        let found = ask(&sim, "", &[]);
        matrix.row(name, "not-ready", code, &found);
    }
    let sim = Sim::start(Config {
        database: "other".to_owned(),
        ..Config::default()
    });
    matrix.row(
        "up; the database is unknown (3D000)",
        "misconfigured",
        "unknown-database",
        &ask(&sim, "", &[]),
    );
}

fn connections(matrix: &mut Matrix) {
    let url = format!("vertica://dbadmin@127.0.0.1:{}/VMart", process::free_port());
    let found = client().attempt([url]);
    matrix.row("nothing listens", "not-ready", "refused", &found);
    for (state, name, code) in [
        (
            State::AcceptThenClose,
            "a proxy accepts and closes",
            "closed",
        ),
        (
            State::CloseAfterStartup,
            "the connection is closed after start-up",
            "closed",
        ),
        (State::Silent, "nothing is ever answered", "timed-out"),
    ] {
        let sim = Sim::start(Config::default().in_state(state));
        matrix.row(name, "not-ready", code, &ask(&sim, "", &[]));
    }
}

fn sessions(matrix: &mut Matrix) {
    let sim = Sim::start(Config::default());
    let found = ask(&sim, "level=session", &[]);
    matrix.row("up; level session", "ready", "", &found);
    assert_eq!(sim.last().queries(), ["SELECT 1"]);
    for (state, name, code) in [
        (
            State::QueriesFail(SqlError::no_resources()),
            "logins succeed, queries find no resources (53000)",
            "busy",
        ),
        (
            State::QueriesFail(SqlError::error("V1001", None, "Lost connectivity")),
            "logins succeed, the cluster is lost (V1001)",
            "cluster-changing",
        ),
        (
            State::QueriesCut,
            "logins succeed, the first query ends the connection",
            "closed",
        ),
        (
            State::QueriesHang,
            "logins succeed, queries are never answered",
            "timed-out",
        ),
    ] {
        let sim = Sim::start(Config::default().in_state(state));
        let found = ask(&sim, "level=session", &[]);
        matrix.row(name, "not-ready", code, &found);
    }
    let sim = Sim::start(Config {
        notice: Some("maintenance tonight".to_owned()),
        ..Config::default()
    });
    let found = ask(&sim, "", &[]);
    matrix.row("up; a notice greets each client", "ready", "", &found);
}

fn nodes(matrix: &mut Matrix) {
    for (state, code) in [
        ("INITIALIZING", "starting-up"),
        ("READY", "starting-up"),
        ("RECOVERING", "recovering"),
        ("RECOVERY ERROR", "recovering"),
        ("RECOVERED", "recovering"),
        ("NEEDS CATCH UP", "recovering"),
        ("SHUTDOWN", "shutting-down"),
        ("SHUTDOWN ERROR", "shutting-down"),
        ("STAND BY", "standby"),
        ("UNSAFE", "node-not-up"),
        ("DOWN", "node-not-up"),
    ] {
        let sim = Sim::start(Config {
            nodes: vec![Node::in_state("v_vmart_node0001", state)],
            ..Config::default()
        });
        let found = ask(&sim, "", &[]);
        matrix.row(&format!("this node is {state}"), "not-ready", code, &found);
    }
    let mut config = Config {
        nodes: vec![Node::read_only("v_vmart_node0001")],
        ..Config::default()
    };
    matrix.row(
        "this node is up and takes no writes (the primary quorum is lost)",
        "not-ready",
        "read-only",
        &ask(&Sim::start(config.clone()), "", &[]),
    );
    matrix.row(
        "this node is up and takes no writes; level session",
        "ready",
        "",
        &ask(&Sim::start(config.clone()), "level=session", &[]),
    );
    config.nodes = three_nodes("DOWN");
    matrix.row(
        "this node is up, another is down",
        "ready",
        "",
        &ask(&Sim::start(config), "", &[]),
    );
    let old = Sim::start(Config {
        protocol: 0x0003_0007,
        readonly_column: false,
        ..Config::default()
    });
    matrix.row(
        "up; a server before 11.0.2, protocol 3.7",
        "ready",
        "",
        &ask(&old, "", &[]),
    );
    let closed = Sim::start(Config {
        system_tables: false,
        ..Config::default()
    });
    let found = ask(&closed, "", &[]);
    matrix.row(
        "up; the user may not read the system tables (42501)",
        "ready",
        "",
        &found,
    );
    let state = found.facts.get("node-state").map(String::as_str);
    assert_eq!(state, Some("unreadable"));
    matrix.row(
        "up; the user may not read the system tables; level cluster",
        "misconfigured",
        "not-authorized",
        &ask(&closed, "level=cluster", &[]),
    );
}

fn clusters(matrix: &mut Matrix) {
    let cases = [
        (
            Config::default(),
            "one node, designed to lose none",
            "ready",
            "",
        ),
        (
            Config::with_cluster(three_nodes("UP"), 1, 1),
            "all nodes up, fault tolerance as designed",
            "ready",
            "",
        ),
        (
            Config::with_cluster(three_nodes("RECOVERING"), 1, 0),
            "a node recovers",
            "not-ready",
            "nodes-down",
        ),
        (
            Config::with_cluster(three_nodes("DOWN"), 1, 0),
            "a node is down",
            "not-ready",
            "nodes-down",
        ),
        (
            Config::with_cluster(three_nodes("UP"), 1, 0),
            "all nodes up, fault tolerance lost",
            "not-ready",
            "fault-tolerance-low",
        ),
        (
            Config {
                fault_tolerance: Some(FaultTolerance::new(2, 1, 3, 0)),
                nodes: three_nodes("UP"),
                ..Config::default()
            },
            "all nodes up, fault tolerance below the design",
            "not-ready",
            "fault-tolerance-low",
        ),
        (
            Config {
                fault_tolerance: None,
                ..Config::default()
            },
            "the table of the fault tolerance is empty",
            "not-ready",
            "protocol-error",
        ),
    ];
    for (config, name, verdict, code) in cases {
        let sim = Sim::start(config);
        let found = ask(&sim, "level=cluster", &[]);
        matrix.row(&format!("{name}; level cluster"), verdict, code, &found);
    }
}

/// Waits through a whole start: refused, starting, recovering, read-only, up.
#[test]
fn a_start_is_waited_through() {
    let port = process::free_port();
    let url = format!("vertica://dbadmin@127.0.0.1:{port}/VMart");
    let run = thread::spawn(move || {
        Cli::new()
            .timeout("30s")
            .kill_after(Duration::from_secs(60))
            .attempt([url])
    });
    let sim = Sim::start_on(
        ([127, 0, 0, 1], port).into(),
        Config::default().in_state(State::starting()),
    )
    .expect("the port that was kept free");
    let seen_again = |what: &str| {
        let before = sim.connections();
        process::wait_for(what, PATIENCE, || {
            // Two more: the first may have begun before the change.
            if sim.connections() >= before + 2 {
                Ok(())
            } else {
                Err(format!("{} connections", sim.connections()))
            }
        });
    };
    seen_again("attempts while it starts");
    let name = "v_vmart_node0001";
    sim.update(|config| {
        config.state = State::Up;
        config.nodes = vec![Node::in_state(name, "RECOVERING")];
    });
    seen_again("attempts while it recovers");
    sim.update(|config| config.nodes = vec![Node::read_only(name)]);
    seen_again("attempts while it is read-only");
    sim.update(|config| config.nodes = vec![Node::up(name)]);
    let found = run.join().expect("a run that ends");
    assert_eq!((found.verdict.as_str(), found.exit), ("ready", 0));
    let timeline = found.raw["timeline"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut codes: Vec<String> = timeline
        .iter()
        .filter_map(|entry| entry["code"].as_str().map(str::to_owned))
        .filter(|code| !code.is_empty() && code != "ready")
        .collect();
    // Whether the first attempt came before the port was open is a matter of luck.
    codes.retain(|code| code != "refused");
    assert_eq!(codes, ["starting-up", "recovering", "read-only"]);
}

/// Several at once, to one server: each gets its own session and says goodbye.
#[test]
fn sessions_are_ended_politely() {
    let sim = Sim::start(Config::default());
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let verdict = ask(&sim, "level=cluster", &[]);
                if let Ok(mut all) = found.lock() {
                    all.push(verdict.exit);
                }
            });
        }
    });
    let exits = found.into_inner().expect("no run panicked");
    assert_eq!(exits, [0; 4]);
    sim.settle();
    assert!(sim.records().iter().all(|record| record.terminated));
}
