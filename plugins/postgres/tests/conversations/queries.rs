//! The queries that prove readiness, and what their failures mean.

use waitfor_sdk::native::Step;

use crate::*;

/// A session that goes on with `script`.
fn session(script: &[u8]) -> Session {
    let mut bytes = modern(false, false);
    bytes.extend_from_slice(script);
    target().conversation([Step::send(bytes)])
}

fn parsed() -> Vec<u8> {
    [message(b'1', b""), message(b'2', b"")].concat()
}

fn extended_rows(values: &[&str]) -> Vec<u8> {
    let simple = rows(values);
    // The extended protocol sends no description unless it is asked for.
    [parsed(), simple[7..].to_vec()].concat()
}

#[test]
fn the_start_time_tells_incarnations_apart() {
    let script = [rows(&["1"]), rows(&["1790000000.123"])].concat();
    let run = check(|| session(&script));
    let ready = ready(run.verdict.clone());
    assert_eq!(fact(&ready, "incarnation"), Some("1790000000.123"));
    let sent = String::from_utf8_lossy(run.sent(0)).into_owned();
    assert!(sent.contains("SELECT 1\0Q"), "both queries in one write");
}

#[test]
fn a_start_time_that_cannot_be_had_does_not_matter() {
    let refused = [
        error("ERROR", "42883", "function does not exist", ""),
        idle(),
    ]
    .concat();
    for after in [refused, Vec::new(), b"garbage".to_vec()] {
        let script = [rows(&["1"]), after].concat();
        let ready = ready(check(|| session(&script)).verdict);
        assert_eq!(fact(&ready, "incarnation"), None);
    }
}

#[test]
fn a_login_is_not_enough() {
    // The pooler lets the user in; the server behind it is dead.
    let dead = pending(
        answer(captured!("pgbouncer-backend-stopped")),
        "server-error",
    );
    assert_eq!(dead.reason, "pgbouncer: query_wait_timeout");
    pending(answer(captured!("pgbouncer-paused")), "server-error");
    pending(answer(&modern(false, false)), "closed");
    let silent = [Step::send(modern(false, false)), Step::Silence];
    let run = target().conversation(silent).check::<Postgres>();
    let late = pending(run.verdict, "timed-out");
    assert!(late.reason.contains("did not answer the query"));
    let ended = error("FATAL", "57P01", "terminating connection", "");
    pending(check(|| session(&ended)).verdict, "shutting-down");
}

#[test]
fn a_pooler_with_a_server_is_ready() {
    ready(answer(captured!("pgbouncer-ok")));
}

#[test]
fn the_poolers_console_is_said_to_be_one() {
    let ready = ready(answer(captured!("pgbouncer-console-version")));
    assert_eq!(fact(&ready, "pooler"), Some("pgbouncer"));
    assert_eq!(fact(&ready, "version"), Some("1.18.0/bouncer"));
    assert!(ready.summary.contains("no server behind it was asked"));
    for (name, value) in [("query", "SELECT 1"), ("expect-table", "t")] {
        let target = target().value(name, value);
        let run = target
            .conversation([Step::send(captured!("pgbouncer-console"))])
            .check::<Postgres>();
        assert_eq!(
            misuse(run.verdict, "bad-query").param.as_deref(),
            Some(name)
        );
    }
}

#[test]
fn the_users_query_must_return_a_row() {
    let asked = |script: &[u8]| check(|| session(script).value("query", "SELECT a FROM b"));
    // The portal is suspended after the first row.
    let mut suspended = parsed();
    suspended.extend(message(b'D', b"\0\x01\xff\xff\xff\xff"));
    suspended.extend(message(b's', b""));
    suspended.extend(idle());
    let run = asked(&suspended);
    assert_eq!(
        ready(run.verdict.clone()).summary,
        "the query returned a row on database `shop`"
    );
    let query = b"P\0\0\0\x17\0SELECT a FROM b\0\0\0B\0\0\0\x0c\0\0\0\0\0\0\0\0E\0\0\0\x09\0\0\0\0\x01S\0\0\0\x04Q";
    assert!(run.sent(0).windows(query.len()).any(|bytes| bytes == query));

    pending(asked(&extended_rows(&[])).verdict, "no-row");
    for (code, verdict) in [
        ("42P01", "table-missing"),
        ("42703", "object-missing"),
        ("57014", "query-failed"),
        ("25006", "read-only"),
    ] {
        let script = [error("ERROR", code, "x", ""), idle()].concat();
        let pending = pending(asked(&script).verdict, verdict);
        assert_eq!(pending.reason, "the query failed: x");
    }
    for (code, verdict) in [("42601", "bad-query"), ("42501", "not-authorized")] {
        let script = [error("ERROR", code, "x", ""), idle()].concat();
        misuse(asked(&script).verdict, verdict);
    }
    misuse(
        asked(&[parsed(), message(b'G', b"\0\0\0")].concat()).verdict,
        "bad-query",
    );
}

#[test]
fn a_captured_failure_of_a_query() {
    let make = || {
        target()
            .value("query", "SELECT nope")
            .conversation([Step::send(captured!("bad-query"))])
    };
    let pending = pending(check(make).verdict, "object-missing");
    assert_eq!(
        pending.reason,
        "the query failed: column \"nope\" does not exist"
    );
}

#[test]
fn expected_tables_are_asked_for_as_values() {
    let expecting = |found: &[&str]| {
        let script = [rows(&["1"]), rows(&["5"]), extended_rows(found)].concat();
        check(move || {
            session(&script)
                .value("expect-table", "app.users")
                .value("expect-table", "\"Order Items\"")
        })
    };
    let run = expecting(&["t", "t"]);
    assert!(
        ready(run.verdict.clone())
            .summary
            .ends_with("which has the 2 tables")
    );
    let sent = String::from_utf8_lossy(run.sent(0)).into_owned();
    assert!(sent.contains("SELECT pg_catalog.to_regclass($1) IS NOT NULL\0"));
    assert!(sent.contains("\0\x09app.users\0\0"));
    assert!(sent.contains("\"Order Items\"\0\0"));

    let missing = |found: &[&str]| pending(expecting(found).verdict, "table-missing").reason;
    assert_eq!(
        missing(&["t", "f"]),
        "table `\"Order Items\"` does not exist"
    );
    assert_eq!(missing(&["f", "t"]), "table `app.users` does not exist");
    assert_eq!(
        missing(&["f", "f"]),
        "tables `app.users`, `\"Order Items\"` do not exist"
    );
    // Fewer answers than questions prove nothing.
    missing(&["t"]);
}

#[test]
fn names_of_tables_are_checked_offline() {
    let misuse = target()
        .value("expect-table", "users; DROP TABLE x")
        .validate::<Postgres>();
    assert_eq!(misuse.unwrap().param.as_deref(), Some("expect-table"));
}

fn attributes(wanted: &str, script: &[u8]) -> Verdict {
    let make = || {
        target()
            .value("target-session-attrs", wanted)
            .conversation([Step::send(script)])
    };
    check(make).verdict
}

#[test]
fn the_state_is_read_off_the_login() {
    let script = |standby, read_only| [modern(standby, read_only), rows(&["1"])].concat();
    let primary = script(false, false);
    let guarded = script(false, true);
    let standby = script(true, false);
    for wanted in ["any", "read-write", "primary", "prefer-standby"] {
        let ready = ready(attributes(wanted, &primary));
        assert_eq!(fact(&ready, "role"), Some("primary"), "{wanted}");
    }
    for wanted in ["any", "read-only", "standby", "prefer-standby"] {
        let ready = ready(attributes(wanted, &standby));
        assert_eq!(fact(&ready, "role"), Some("standby"), "{wanted}");
    }
    for wanted in ["any", "read-only", "primary"] {
        ready(attributes(wanted, &guarded));
    }
    for wanted in ["read-only", "standby"] {
        pending(attributes(wanted, &primary), "primary");
    }
    for wanted in ["read-write", "primary"] {
        pending(attributes(wanted, &standby), "standby");
    }
    pending(attributes("read-write", &guarded), "read-only");
    pending(attributes("standby", &guarded), "primary");
}

#[test]
fn captured_standby() {
    ready(attributes("standby", captured!("hot-standby")));
    pending(attributes("primary", captured!("hot-standby")), "standby");
    let ready = ready(attributes("any", captured!("hot-standby")));
    assert_eq!(fact(&ready, "role"), Some("standby"));
}

#[test]
fn servers_before_14_are_asked() {
    let old = |answer: &str| {
        [
            welcome(&[("server_version", "13.9")]),
            rows(&[answer]),
            rows(&["1"]),
        ]
        .concat()
    };
    ready(attributes("read-write", &old("off")));
    pending(attributes("read-write", &old("on")), "standby");
    ready(attributes("read-only", &old("on")));
    pending(attributes("read-only", &old("off")), "primary");
    ready(attributes("primary", &old("f")));
    pending(attributes("primary", &old("t")), "standby");
    ready(attributes("standby", &old("t")));
    pending(attributes("standby", &old("f")), "primary");
    let refused = [
        welcome(&[]),
        error("ERROR", "42501", "permission denied", ""),
        idle(),
    ]
    .concat();
    misuse(attributes("primary", &refused), "not-authorized");
    ready(attributes("read-write", captured!("show-tx-readonly")));
}
