//! Sentinels, and the masters that they lead to.

use waitfor_sdk::native::{Session, Step};

use crate::support::{advice, capture, check, fact, outcome};

/// The address of the master in the capture `sentinel-ok`.
const MASTER: (&str, u16) = ("127.0.0.1", 17416);

fn sentinel(name: &str) -> Session {
    Session::new("redis+sentinel", "s1", 26379)
        .value("database", "mymaster")
        .conversation([Step::send(capture(name))])
}

#[test]
fn a_master_that_may_be_asked_is_asked() {
    let run = check(|| {
        sentinel("sentinel-ok")
            .allow(MASTER.0, MASTER.1)
            .secret("password", "right")
            .conversation([Step::send(capture("password-ok"))])
    });
    assert_eq!(outcome(&run.verdict), "ready", "{}", run.verdict.reason());
    assert_eq!(run.address(0), "s1:26379");
    assert_eq!(run.address(1), "127.0.0.1:17416");
    assert_eq!(
        run.sent(0),
        b"*3\r\n$8\r\nSENTINEL\r\n$6\r\nMASTER\r\n$8\r\nmymaster\r\n*3\r\n$8\r\nSENTINEL\r\n$8\r\nCKQUORUM\r\n$8\r\nmymaster\r\n"
    );
    assert!(
        run.sent(1)
            .starts_with(b"*2\r\n$4\r\nAUTH\r\n$5\r\nright\r\n")
    );
    assert_eq!(fact(&run.verdict, "master"), Some("127.0.0.1:17416"));
    assert_eq!(
        fact(&run.verdict, "sentinels"),
        Some("1 usable Sentinels. Quorum and failover authorization can be reached")
    );
}

#[test]
fn a_master_is_judged_by_its_own_word() {
    for (captures, expected) in [
        (
            ["loading", "loading-persistence"].as_slice(),
            "not-ready loading",
        ),
        (&["replica-in-sync"], "not-ready standby"),
        (&["password-missing"], "misconfigured password-missing"),
    ] {
        let run = check(|| {
            sentinel("sentinel-ok")
                .allow(MASTER.0, MASTER.1)
                .conversation(captures.iter().map(|name| Step::send(capture(name))))
        });
        assert_eq!(outcome(&run.verdict), expected);
        assert!(
            run.verdict
                .reason()
                .starts_with("the master 127.0.0.1:17416: "),
            "{}",
            run.verdict.reason()
        );
    }
    let run = check(|| sentinel("sentinel-ok").allow(MASTER.0, MASTER.1));
    assert_eq!(outcome(&run.verdict), "not-ready refused");
}

#[test]
fn without_leave_the_sentinels_word_must_do() {
    let run = check(|| sentinel("sentinel-ok").secret("password", "right"));
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(
        run.verdict.reason(),
        "the sentinels say that the master 127.0.0.1:17416 is up; it was not asked itself"
    );
    assert_eq!(fact(&run.verdict, "master-asked"), Some("no"));
    assert_eq!(fact(&run.verdict, "incarnation").map(str::len), Some(40));
    assert_eq!(
        run.logs,
        [
            "warn the master 127.0.0.1:17416 was not asked itself: --allow 127.0.0.1:17416 would let it"
        ]
    );
}

#[test]
fn without_leave_what_only_the_master_knows_is_not_guessed() {
    for (name, value) in [
        ("expect-key", "seeded"),
        ("min-replicas", "1"),
        ("cluster", "true"),
    ] {
        let run = check(|| sentinel("sentinel-ok").value(name, value));
        assert_eq!(outcome(&run.verdict), "misconfigured policy-denied");
        assert_eq!(advice(&run.verdict).1, Some("give --allow 127.0.0.1:17416"));
    }
}

#[test]
fn a_sentinels_password_closes_the_way_to_the_master() {
    let session = || {
        sentinel("sentinel-password-ok")
            .secret("sentinel-password", "right")
            .allow(MASTER.0, MASTER.1)
    };
    let run = check(session);
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(run.connections(), 1);
    assert!(
        run.sent(0)
            .starts_with(b"*2\r\n$4\r\nAUTH\r\n$5\r\nright\r\n")
    );
    assert_eq!(fact(&run.verdict, "master-asked"), Some("no"));
    let run = check(|| session().value("min-replicas", "1"));
    assert_eq!(outcome(&run.verdict), "misconfigured policy-denied");

    let run = check(|| sentinel("sentinel-password-missing"));
    assert_eq!(outcome(&run.verdict), "misconfigured password-missing");
    assert_eq!(advice(&run.verdict).0, Some("sentinel-password"));
}

#[test]
fn masters_that_are_not_up() {
    for (name, expected) in [
        ("sentinel-master-down", "not-ready master-down"),
        ("sentinel-failover", "not-ready failover"),
        ("sentinel-no-quorum", "not-ready no-quorum"),
        ("sentinel-unknown", "misconfigured unknown-master"),
        ("not-a-sentinel", "misconfigured not-a-sentinel"),
    ] {
        let run = check(|| sentinel(name).allow(MASTER.0, MASTER.1));
        assert_eq!(outcome(&run.verdict), expected, "{name}");
        assert_eq!(run.connections(), 1, "{name}");
    }
    let run = check(|| sentinel("sentinel-master-down"));
    assert_eq!(
        run.verdict.reason(),
        "the master `mymaster` (127.0.0.1:1) is down, as the sentinels agree"
    );
}

#[test]
fn the_name_and_the_database() {
    let named = |option: Option<&'static str>, path: &'static str| {
        check(move || {
            let session = Session::new("redis+sentinel", "s1", 26379)
                .conversation([Step::send(capture("sentinel-ok"))])
                .conversation([Step::send(capture("ready-db1"))])
                .value("database", path)
                .allow(MASTER.0, MASTER.1);
            match option {
                Some(name) => session.value("sentinel-master", name),
                None => session,
            }
        })
    };
    for run in [named(None, "mymaster/1"), named(Some("mymaster"), "1")] {
        assert_eq!(outcome(&run.verdict), "ready");
        assert!(run.sent(0).ends_with(b"CKQUORUM\r\n$8\r\nmymaster\r\n"));
        assert!(
            run.sent(1)
                .starts_with(b"*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n")
        );
    }
    for (option, path, expected) in [
        (None, "", "misconfigured missing-parameter"),
        (None, "/1", "misconfigured missing-parameter"),
        (None, "mymaster/x", "misconfigured unknown-database"),
        (Some("mymaster"), "other", "misconfigured unknown-database"),
    ] {
        let run = named(option, path);
        assert_eq!(outcome(&run.verdict), expected, "{path}");
        assert_eq!(run.connections(), 0, "{path}");
    }
    let run = check(|| {
        Session::new("redis", "s1", 26379)
            .value("sentinel-master", "mymaster")
            .conversation([Step::send(capture("sentinel-ok"))])
    });
    assert_eq!(outcome(&run.verdict), "ready");
    let run = check(|| sentinel("sentinel-ok").value("role", "replica"));
    assert_eq!(outcome(&run.verdict), "misconfigured bad-parameter");
}

#[test]
fn the_next_sentinel_is_asked_where_one_is_away() {
    let run = check(|| {
        Session::new("redis+sentinel", "s1", 26379)
            .and("s2", 26379)
            .value("database", "mymaster")
            .allow(MASTER.0, MASTER.1)
            .conversation([])
            .conversation([Step::send(capture("sentinel-ok"))])
            .conversation([Step::send(capture("ready"))])
    });
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(run.address(1), "s2:26379");
    assert_eq!(run.address(2), "127.0.0.1:17416");
}

#[test]
fn a_loading_master_is_not_waved_through_by_the_next_sentinel() {
    let run = check(|| {
        Session::new("redis+sentinel", "s1", 26379)
            .and("s2", 26379)
            .value("database", "mymaster")
            .secret("password", "right")
            .allow(MASTER.0, MASTER.1)
            .conversation([Step::send(capture("sentinel-ok"))])
            .conversation([Step::send("+OK\r\n-LOADING x\r\n")])
            .conversation([Step::send(capture("sentinel-ok"))])
    });
    assert_eq!(outcome(&run.verdict), "not-ready loading");
    assert_eq!(run.unused, 1);
}

#[test]
fn tls_holds_for_sentinel_and_master() {
    let run = check(|| {
        Session::new("rediss+sentinel", "s1", 26379)
            .value("database", "mymaster")
            .allow(MASTER.0, MASTER.1)
            .conversation([Step::Tls, Step::send(capture("sentinel-ok"))])
            .conversation([Step::Tls, Step::send(capture("ready"))])
    });
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!((run.tls(0).len(), run.tls(1).len()), (1, 1));
}
