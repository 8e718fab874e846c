//! Every error that a server gives to a login, a database, or a PING.

use waitfor_sdk::Verdict;
use waitfor_sdk::native::{Session, Step};

use crate::support::{advice, capture, check, fact, outcome, server};

#[test]
fn a_ready_server_is_ready() {
    let run = check(|| server(&["ready"]));
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(run.verdict.reason(), "answers PING, master");
    assert_eq!(fact(&run.verdict, "server"), Some("Redis 7.0.15"));
    assert_eq!(fact(&run.verdict, "role"), Some("master"));
    assert_eq!(fact(&run.verdict, "replicas"), Some("0"));
    assert_eq!(fact(&run.verdict, "mode"), Some("standalone"));
    assert_eq!(fact(&run.verdict, "incarnation").map(str::len), Some(40));
    assert_eq!(
        run.sent(0),
        b"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n"
    );
    assert_eq!(run.stages, ["connecting", "querying"]);
}

#[test]
fn valkey_is_called_by_its_name() {
    let info = "$51\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1\r\nrun_id:a\r\n\r\n";
    let run = check(|| {
        Session::new("valkey", "cache", 6379)
            .conversation([Step::send(format!("+PONG\r\n{info}$0\r\n\r\n"))])
    });
    assert_eq!(outcome(&run.verdict), "ready", "{}", run.verdict.reason());
    assert_eq!(fact(&run.verdict, "server"), Some("Valkey 8.1.1"));
}

#[test]
fn password_of_the_default_user() {
    let run = check(|| server(&["password-ok"]).secret("password", "right"));
    assert_eq!(outcome(&run.verdict), "ready");
    assert!(
        run.sent(0)
            .starts_with(b"*2\r\n$4\r\nAUTH\r\n$5\r\nright\r\n*1\r\n$4\r\nPING\r\n")
    );
    assert_eq!(run.stages, ["connecting", "authenticating", "querying"]);

    let run = check(|| server(&["password-wrong"]).secret("password", "wrong"));
    assert_eq!(outcome(&run.verdict), "misconfigured wrong-password");
    assert_eq!(advice(&run.verdict).0, Some("password"));

    let run = check(|| server(&["password-missing"]));
    assert_eq!(outcome(&run.verdict), "misconfigured password-missing");
    assert_eq!(advice(&run.verdict).0, Some("password"));

    let run = check(|| server(&["password-unexpected"]).secret("password", "x"));
    assert_eq!(outcome(&run.verdict), "misconfigured password-unexpected");
    assert_eq!(advice(&run.verdict).0, Some("password"));
}

#[test]
fn an_empty_password_is_none() {
    let run = check(|| server(&["ready"]).secret("password", ""));
    assert_eq!(outcome(&run.verdict), "ready");
    assert!(run.sent(0).starts_with(b"*1\r\n$4\r\nPING"));
}

#[test]
fn users_of_access_lists() {
    let app = |name: &'static str| {
        check(move || {
            server(&[name])
                .value("user", "app")
                .secret("password", "right")
        })
    };
    let run = app("acl-ok");
    assert_eq!(outcome(&run.verdict), "ready");
    assert!(
        run.sent(0)
            .starts_with(b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$5\r\nright\r\n")
    );
    for name in ["acl-wrong", "wrong-user-no-password-set"] {
        let run = app(name);
        assert_eq!(outcome(&run.verdict), "misconfigured wrong-password");
        assert_eq!(
            run.verdict.reason(),
            "refuses the login: the password is wrong, or the user is unknown or disabled"
        );
    }

    let run = check(|| server(&["acl-nopass-empty"]).value("user", "open"));
    assert_eq!(outcome(&run.verdict), "ready");
    assert!(
        run.sent(0)
            .starts_with(b"*3\r\n$4\r\nAUTH\r\n$4\r\nopen\r\n$0\r\n\r\n")
    );
    let run = check(|| server(&["acl-app-empty"]).value("user", "app"));
    assert_eq!(outcome(&run.verdict), "misconfigured password-missing");
}

#[test]
fn without_permission_to_ping_info_decides() {
    let noping = |captures: &'static [&'static str]| {
        check(move || {
            server(captures)
                .value("user", "noping")
                .secret("password", "right")
        })
    };
    let run = noping(&["acl-no-ping", "acl-no-ping-persistence"]);
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(
        run.verdict.reason(),
        "has loaded its data (it may not be sent PING), master"
    );
    assert!(
        run.sent(0)
            .ends_with(b"*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n")
    );

    let run = noping(&["loading-no-ping", "loading-no-ping-persistence"]);
    assert_eq!(outcome(&run.verdict), "not-ready loading");

    let run = noping(&["acl-nothing", "acl-nothing-persistence"]);
    assert_eq!(outcome(&run.verdict), "misconfigured not-authorized");
    assert_eq!(
        advice(&run.verdict),
        (None, Some("grant the user +ping (or +info)"))
    );
}

#[test]
fn without_permission_for_info_ping_decides() {
    let session = || {
        server(&["acl-ping-only"])
            .value("user", "pingonly")
            .secret("password", "right")
    };
    let run = check(session);
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(run.verdict.reason(), "answers PING");
    assert_eq!(fact(&run.verdict, "incarnation"), None);

    for role in ["master", "primary", "replica"] {
        let run = check(|| session().value("role", role));
        assert_eq!(outcome(&run.verdict), "misconfigured not-authorized");
        assert_eq!(advice(&run.verdict).1, Some("grant the user +info"));
    }
    let run = check(|| session().value("min-replicas", "1"));
    assert_eq!(outcome(&run.verdict), "misconfigured not-authorized");
}

#[test]
fn databases() {
    let run = check(|| server(&["ready-db1"]).value("database", "1"));
    assert_eq!(outcome(&run.verdict), "ready");
    assert!(
        run.sent(0)
            .starts_with(b"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*1\r\n$4\r\nPING\r\n")
    );
    for none in ["", "0"] {
        let run = check(|| server(&["ready"]).value("database", none));
        assert_eq!(outcome(&run.verdict), "ready");
        assert!(run.sent(0).starts_with(b"*1\r\n$4\r\nPING"));
    }

    let run = check(|| server(&["db-out-of-range"]).value("database", "99"));
    assert_eq!(outcome(&run.verdict), "misconfigured unknown-database");
    assert_eq!(run.verdict.reason(), "has no database 99");
    let run = check(|| server(&["cluster-select"]).value("database", "1"));
    assert_eq!(outcome(&run.verdict), "misconfigured unknown-database");
    assert_eq!(advice(&run.verdict).0, Some("database"));
    let run = check(|| {
        server(&["acl-no-select"])
            .value("user", "app")
            .secret("password", "right")
            .value("database", "1")
    });
    assert_eq!(outcome(&run.verdict), "misconfigured not-authorized");
    assert_eq!(
        advice(&run.verdict),
        (Some("database"), Some("grant the user +select"))
    );

    for text in ["app", "-1", "1/2", "99999999999999999999"] {
        let run = check(|| server(&["ready"]).value("database", text));
        assert_eq!(outcome(&run.verdict), "misconfigured unknown-database");
        assert_eq!(run.connections(), 0);
    }
}

#[test]
fn loading_tells_how_far_it_is() {
    let run = check(|| server(&["loading", "loading-persistence"]));
    assert_eq!(outcome(&run.verdict), "not-ready loading");
    let Verdict::NotReady(pending) = &run.verdict else {
        unreachable!("{}", run.verdict.reason());
    };
    let text = String::from_utf8_lossy(&capture("loading-persistence")).into_owned();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .unwrap_or_else(|| panic!("no {name}"))
            .to_string()
    };
    let share = field("loading_loaded_perc");
    let left = field("loading_eta_seconds");
    assert_eq!(
        pending.reason,
        format!(
            "loading {} %, about {left} s left",
            &share[..share.len() - 1]
        )
    );
    assert_eq!(pending.wait_hint, None, "a guess is not a request");
    assert_eq!(fact(&run.verdict, "seconds-left"), Some(left.as_str()));
}

#[test]
fn loading_is_loading_without_progress_and_in_every_fork() {
    for (answers, reason) in [
        (
            "-LOADING Valkey is loading the dataset in memory\r\n",
            "loads its data",
        ),
        (
            "-LOADING Redis is loading the dataset in memory\r\n-ERR\r\n-ERR\r\n-NOPERM x\r\n",
            "loads its data",
        ),
        (
            "-LOADING x\r\n-ERR\r\n-ERR\r\n$2\r\n\r\n\r\n",
            "loading its data",
        ),
        (
            "-LOADING x\r\n-ERR\r\n-ERR\r\n$49\r\nloading_loaded_perc:nan\r\nloading_eta_seconds:-1\r\n\r\n",
            "loading its data",
        ),
        (
            "-LOADING x\r\n-ERR\r\n-ERR\r\n$48\r\nloading_loaded_perc:100\r\nloading_eta_seconds:0\r\n\r\n",
            "loading 100.0 %, about 0 s left",
        ),
    ] {
        let run =
            check(|| Session::new("redis", "cache", 6379).conversation([Step::send(answers)]));
        assert_eq!(outcome(&run.verdict), "not-ready loading", "{answers}");
        assert_eq!(run.verdict.reason(), reason, "{answers}");
        if let Verdict::NotReady(pending) = &run.verdict {
            assert_eq!(pending.wait_hint, None, "{answers}");
        }
    }
}

#[test]
fn a_login_is_judged_even_while_loading() {
    let run =
        check(|| server(&["loading-password", "loading-persistence"]).secret("password", "right"));
    assert_eq!(outcome(&run.verdict), "not-ready loading");
    let run = check(|| server(&["loading-password-wrong"]).secret("password", "wrong"));
    assert_eq!(outcome(&run.verdict), "misconfigured wrong-password");
    let run = check(|| server(&["loading-password-missing"]));
    assert_eq!(outcome(&run.verdict), "misconfigured password-missing");
}

#[test]
fn states_in_which_a_server_refuses_to_work() {
    for (name, expected) in [
        ("busy", "not-ready busy"),
        ("misconf", "not-ready read-only"),
        ("replica-masterdown", "not-ready replica-not-synced"),
        ("maxclients", "not-ready too-many-connections"),
        ("ping-renamed", "misconfigured unsupported-command"),
    ] {
        let run = check(|| server(&[name]));
        assert_eq!(outcome(&run.verdict), expected, "{name}");
    }
}

#[test]
fn the_reason_for_hanging_up_is_read_after_a_failed_write() {
    let run = check(|| {
        Session::new("redis", "cache", 6379)
            .conversation([Step::send(capture("maxclients")), Step::reset()])
    });
    assert_eq!(outcome(&run.verdict), "not-ready too-many-connections");
}

#[test]
fn info_may_be_missing() {
    let run = check(|| server(&["info-renamed"]));
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(fact(&run.verdict, "incarnation"), None);

    let hung_up = || Session::new("redis", "cache", 6379).conversation([Step::send("+PONG\r\n")]);
    let run = check(hung_up);
    assert_eq!(outcome(&run.verdict), "ready");
    let run = check(|| hung_up().value("role", "master"));
    assert_eq!(outcome(&run.verdict), "not-ready closed");
}

#[test]
fn a_server_that_answers_ping_alone_is_not_waited_for() {
    for (answer, expected) in [
        ("+PONG\r\n", "ready"),
        ("+PONG\r\n$500\r\nredis_ver", "ready"),
        ("-LOADING x\r\n", "not-ready loading"),
        ("-NOPERM x\r\n", "not-ready timed-out"),
        ("-BUSY x\r\n", "not-ready busy"),
    ] {
        let session = || {
            Session::new("redis", "cache", 6379).conversation([Step::send(answer), Step::Silence])
        };
        assert_eq!(outcome(&check(session).verdict), expected, "{answer}");
        if expected == "ready" {
            let run = check(|| session().value("role", "master"));
            assert_eq!(outcome(&run.verdict), "not-ready timed-out", "{answer}");
        }
    }
}

#[test]
fn errors_by_their_words() {
    let user_and_password =
        |session: Session| session.value("user", "app").secret("password", "hunter2");
    let password = |session: Session| session.secret("password", "hunter2");
    let nothing = |session: Session| session;
    let database = |session: Session| session.value("database", "3");
    type With<'a> = &'a dyn Fn(Session) -> Session;
    let cases: [(With<'_>, &str, &str); 20] = [
        (
            &nothing,
            "-TRYAGAIN Multiple keys request during rehashing of slot",
            "not-ready busy",
        ),
        (
            &nothing,
            "-CLUSTERDOWN The cluster is down",
            "not-ready cluster-down",
        ),
        (
            &nothing,
            "-BUSY Valkey is busy running a script.",
            "not-ready busy",
        ),
        (
            &nothing,
            "-MISCONF Valkey is configured to save RDB snapshots",
            "not-ready read-only",
        ),
        (
            &nothing,
            "-OOM command not allowed",
            "not-ready out-of-memory",
        ),
        (
            &nothing,
            "-READONLY You can't write against a read only replica.",
            "not-ready read-only",
        ),
        (
            &nothing,
            "-ERR max number of clients + cluster connections reached",
            "not-ready too-many-connections",
        ),
        (
            &nothing,
            "-DENIED Redis is running in protected mode because",
            "misconfigured protected-mode",
        ),
        (
            &nothing,
            "-NOPROTO unsupported protocol version",
            "misconfigured unsupported-command",
        ),
        (
            &nothing,
            "-ERR unknown command `PING`",
            "misconfigured unsupported-command",
        ),
        (&nothing, "-ERR something new", "not-ready server-error"),
        (&nothing, "-", "not-ready server-error"),
        (&nothing, "-WEIRD", "not-ready server-error"),
        (
            &password,
            "-ERR invalid password",
            "misconfigured wrong-password",
        ),
        (
            &password,
            "-ERR Client sent AUTH, but no password is set",
            "misconfigured password-unexpected",
        ),
        (
            &user_and_password,
            "-ERR wrong number of arguments for 'auth' command",
            "misconfigured auth-unsupported",
        ),
        (
            &user_and_password,
            "-ERR something about 'hunter2'",
            "not-ready server-error",
        ),
        (
            &password,
            "-LOADING Redis is loading the dataset in memory",
            "not-ready loading",
        ),
        (
            &database,
            "-ERR invalid DB index",
            "misconfigured unknown-database",
        ),
        (
            &database,
            "-LOADING Redis is loading the dataset in memory",
            "not-ready loading",
        ),
    ];
    for (with, line, expected) in cases {
        let run = check(|| {
            with(Session::new("redis", "cache", 6379))
                .conversation([Step::send(format!("{line}\r\n"))])
        });
        assert_eq!(outcome(&run.verdict), expected, "{line}");
        assert!(!run.verdict.reason().contains("hunter2"), "{line}");
    }
}

#[test]
fn a_renamed_auth_does_not_leak_the_password() {
    let run = check(|| server(&["auth-renamed"]).secret("password", "hunter2"));
    assert!(
        String::from_utf8_lossy(&capture("auth-renamed")).contains("hunter2"),
        "the server repeats it"
    );
    assert_eq!(outcome(&run.verdict), "misconfigured unsupported-command");
    let (_, hint) = advice(&run.verdict);
    for text in [run.verdict.reason(), hint.unwrap_or_default()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// Arrays within arrays, each of an allowed length, would be more than a
/// probe's memory together.
#[test]
fn an_answer_is_bounded_as_a_whole() {
    let outcome = |answer: Vec<u8>| {
        let run =
            Session::new("redis", "cache", 6379).conversation([Step::send(answer), Step::Silence]);
        let run = run.check::<waitfor_probe_redis::Redis>();
        (outcome(&run.verdict), run.verdict.reason().to_owned())
    };
    let nested = format!("*1000\r\n{}", "*1000\r\n:1\r\n".repeat(1000));
    let (word, reason) = outcome(nested.into_bytes());
    assert!(
        word.ends_with(" wrong-protocol") && reason.contains("`*1000`"),
        "{word}: {reason}"
    );
    let long = format!("$400000\r\n{}\r\n", "x".repeat(400_000));
    let (word, reason) = outcome(format!("*2\r\n{long}{long}").into_bytes());
    assert!(
        word.ends_with(" wrong-protocol") && reason.contains("`$400000`"),
        "{word}: {reason}"
    );
}
