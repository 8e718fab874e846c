//! Roles, replication, clusters, keys, and several targets.

use waitfor_probe_redis::Redis;
use waitfor_sdk::native::{Session, Step};

use crate::support::{advice, capture, check, fact, outcome, server};

#[test]
fn the_wanted_role() {
    for (name, role, expected) in [
        ("ready", "any", "ready"),
        ("ready", "master", "ready"),
        ("ready", "primary", "ready"),
        ("ready", "replica", "not-ready primary"),
        ("replica-in-sync", "any", "ready"),
        ("replica-in-sync", "replica", "ready"),
        ("replica-in-sync", "master", "not-ready standby"),
        ("replica-in-sync", "primary", "not-ready standby"),
        ("replica-lost-master", "any", "ready"),
        (
            "replica-lost-master",
            "replica",
            "not-ready replica-not-synced",
        ),
        ("replica-lost-master", "master", "not-ready standby"),
        (
            "replica-never-synced",
            "any",
            "not-ready replica-not-synced",
        ),
        (
            "replica-never-synced",
            "replica",
            "not-ready replica-not-synced",
        ),
        ("replica-never-synced", "master", "not-ready standby"),
        ("replica-syncing", "any", "not-ready replica-not-synced"),
        ("replica-syncing", "replica", "not-ready replica-not-synced"),
        (
            "replica-masterdown",
            "replica",
            "not-ready replica-not-synced",
        ),
    ] {
        let run = check(|| server(&[name]).value("role", role));
        assert_eq!(outcome(&run.verdict), expected, "{name} as {role}");
    }
}

#[test]
fn a_replica_without_its_master_says_so() {
    let run = check(|| server(&["replica-lost-master"]));
    assert_eq!(
        run.verdict.reason(),
        "answers PING, replica without its master"
    );
    assert_eq!(fact(&run.verdict, "master-link"), Some("down"));
    assert_eq!(
        run.logs,
        ["warn cache:6379 is a replica without its master: its data may be old"]
    );
    let run = check(|| server(&["replica-lost-master"]).value("role", "replica"));
    assert_eq!(
        run.verdict.reason(),
        "is a replica that lost its master 127.0.0.1:17401 1 s ago"
    );
    let run = check(|| server(&["replica-never-synced"]));
    assert_eq!(
        run.verdict.reason(),
        "is a replica that has not reached its master 127.0.0.1:1 since it started"
    );
    let run = check(|| server(&["replica-syncing"]));
    assert_eq!(
        run.verdict.reason(),
        "is a replica that copies its data from 127.0.0.1:17401"
    );
}

#[test]
fn older_servers_count_a_link_that_was_never_up_from_1970() {
    let info = "role:slave\r\nmaster_link_status:down\r\nmaster_link_down_since_seconds:1700000000\r\nmaster_sync_in_progress:0\r\n";
    let run = check(|| {
        Session::new("redis", "cache", 6379).conversation([Step::send(format!(
            "+PONG\r\n$0\r\n\r\n${}\r\n{info}\r\n",
            info.len()
        ))])
    });
    assert_eq!(outcome(&run.verdict), "not-ready replica-not-synced");
}

#[test]
fn enough_replicas() {
    for (name, wanted, expected) in [
        ("master-with-replica", "1", "ready"),
        ("master-with-replica", "2", "not-ready replicas-missing"),
        ("master-replica-waiting", "1", "not-ready replicas-missing"),
        ("ready", "1", "not-ready replicas-missing"),
    ] {
        let run = check(|| server(&[name]).value("min-replicas", wanted));
        assert_eq!(outcome(&run.verdict), expected, "{name} with {wanted}");
    }
    let run = check(|| server(&["master-with-replica"]).value("min-replicas", "2"));
    assert_eq!(run.verdict.reason(), "1 of 2 replicas are in sync");
}

#[test]
fn replicas_that_lag_do_not_count() {
    let info = "role:master\r\nconnected_slaves:2\r\nmin_slaves_good_slaves:1\r\nslave0:ip=a,port=1,state=online,offset=1,lag=0\r\nslave1:ip=b,port=1,state=online,offset=1,lag=60\r\n";
    let session = || {
        Session::new("redis", "cache", 6379).conversation([Step::send(format!(
            "+PONG\r\n$0\r\n\r\n${}\r\n{info}\r\n",
            info.len()
        ))])
    };
    let run = check(|| session().value("min-replicas", "2"));
    assert_eq!(outcome(&run.verdict), "not-ready replicas-missing");
    let run = check(|| session().value("min-replicas", "1"));
    assert_eq!(outcome(&run.verdict), "ready");
}

#[test]
fn a_server_that_hides_its_role() {
    let session = || {
        Session::new("redis", "cache", 6379)
            .conversation([Step::send("+PONG\r\n$0\r\n\r\n$0\r\n\r\n")])
    };
    assert_eq!(outcome(&check(session).verdict), "ready");
    let run = check(|| session().value("role", "master"));
    assert_eq!(outcome(&run.verdict), "not-ready server-error");
}

#[test]
fn clusters() {
    for (name, expected) in [
        ("cluster-ok", "ready"),
        ("cluster-no-slots", "not-ready cluster-down"),
        ("cluster-node-lost", "not-ready cluster-down"),
        ("cluster-disabled", "misconfigured cluster-disabled"),
    ] {
        let run = check(|| server(&[name]).value("cluster", "true"));
        assert_eq!(outcome(&run.verdict), expected, "{name}");
        assert!(run.sent(0).ends_with(
            b"*2\r\n$7\r\nCLUSTER\r\n$4\r\nINFO\r\n*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n"
        ));
    }
    let run = check(|| server(&["cluster-node-lost"]).value("cluster", "true"));
    assert_eq!(
        run.verdict.reason(),
        "its cluster's state is `fail`: 10922 of 16384 slots are served"
    );
    let run = check(|| server(&["cluster-ok"]).value("cluster", "true"));
    assert_eq!(
        run.verdict.reason(),
        "answers PING, master, cluster complete"
    );
    assert_eq!(fact(&run.verdict, "mode"), Some("cluster"));
    // Where the cluster is not asked for, one of its nodes is as good as any.
    let run = check(|| server(&["cluster-no-slots"]));
    assert_eq!(outcome(&run.verdict), "ready");
}

#[test]
fn a_cluster_that_serves_only_a_part_is_not_complete() {
    let answer = capture("cluster-ok");
    let text = String::from_utf8_lossy(&answer)
        .replace("cluster_slots_ok:16384", "cluster_slots_ok:16383");
    let run = check(|| {
        Session::new("redis", "cache", 6379)
            .conversation([Step::send(&text)])
            .value("cluster", "true")
    });
    assert_eq!(outcome(&run.verdict), "not-ready cluster-down");
    assert_eq!(
        run.verdict.reason(),
        "its cluster serves 16383 of 16384 slots"
    );
}

#[test]
fn keys() {
    let run = check(|| {
        server(&["ready-keys"])
            .value("expect-key", "seeded")
            .value("expect-key", "absent")
    });
    assert_eq!(outcome(&run.verdict), "not-ready key-missing");
    assert_eq!(
        run.verdict.reason(),
        "the key `absent` does not exist in database 0"
    );
    assert!(run.sent(0).ends_with(
        b"*2\r\n$6\r\nEXISTS\r\n$6\r\nseeded\r\n*2\r\n$6\r\nEXISTS\r\n$6\r\nabsent\r\n*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n"
    ));

    let run = check(|| server(&["ready-keys"]).value("expect-key", "seeded"));
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(
        run.verdict.reason(),
        "answers PING, master, key `seeded` exists"
    );

    let run = check(|| {
        server(&["acl-key-denied"])
            .value("user", "app")
            .secret("password", "right")
            .value("expect-key", "other")
    });
    assert_eq!(outcome(&run.verdict), "misconfigured not-authorized");
    assert_eq!(advice(&run.verdict).0, Some("expect-key"));

    let run = check(|| server(&["cluster-clusterdown-key"]).value("expect-key", "a"));
    assert_eq!(outcome(&run.verdict), "not-ready cluster-down");

    let run = check(|| server(&["cluster-moved"]).value("expect-key", "a"));
    assert_eq!(outcome(&run.verdict), "misconfigured moved");
    assert_eq!(
        run.verdict.reason(),
        "does not hold the key `a`: its slot 15495 is on 127.0.0.1:17415"
    );
}

#[test]
fn a_sentinel_is_no_server() {
    let run = check(|| server(&["sentinel-asked-as-server"]));
    assert_eq!(outcome(&run.verdict), "misconfigured sentinel");
    assert_eq!(
        advice(&run.verdict),
        (
            Some("sentinel-master"),
            Some("use redis+sentinel://cache:6379/NAME, or give --sentinel-master NAME")
        )
    );
}

#[test]
fn the_first_target_that_is_ready_will_do() {
    let two = |first: &'static str, second: &'static str| {
        check(move || {
            Session::new("redis", "a", 6379)
                .and("b", 6379)
                .value("role", "master")
                .conversation([Step::send(capture(first))])
                .conversation([Step::send(capture(second))])
        })
    };
    let run = two("replica-in-sync", "ready");
    assert_eq!(outcome(&run.verdict), "ready");
    assert_eq!(fact(&run.verdict, "target"), Some("b:6379"));

    let run = two("ready", "replica-in-sync");
    assert_eq!(fact(&run.verdict, "target"), Some("a:6379"));
    assert_eq!(run.connections(), 1);

    let run = two("replica-in-sync", "maxclients");
    assert_eq!(outcome(&run.verdict), "not-ready standby");
    assert!(
        run.verdict.reason().starts_with("a:6379: is a replica of"),
        "{}",
        run.verdict.reason()
    );

    let run = two("replica-in-sync", "password-missing");
    assert_eq!(outcome(&run.verdict), "misconfigured password-missing");
}

#[test]
fn parameters_that_contradict_each_other() {
    let misuse = Session::new("redis", "cache", 6379)
        .value("cluster", "true")
        .value("database", "2")
        .validate::<Redis>();
    assert_eq!(
        misuse.and_then(|misuse| misuse.param).as_deref(),
        Some("database")
    );
    let misuse = Session::new("redis", "cache", 6379)
        .value("sentinel-master", "main")
        .value("role", "replica")
        .validate::<Redis>();
    assert_eq!(
        misuse.and_then(|misuse| misuse.param).as_deref(),
        Some("role")
    );
    let fine = Session::new("redis", "cache", 6379)
        .value("cluster", "true")
        .value("database", "0")
        .validate::<Redis>();
    assert_eq!(fine, None);
}
