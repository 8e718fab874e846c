//! What each level proves, and what stands against it.

mod common;

use common::{
    contains, expect, fact, failed, greeting, judged, message, node_up, one, plain, rows, says,
};
use waitfor_sdk::native::{Run, Step};

/// A server that is logged in to, and answers the queries of that level by these bytes.
fn at(level: &str, answers: &[Vec<u8>]) -> Run {
    judged(|| {
        let steps = [vec![greeting()], answers.to_vec()].concat();
        plain().value("level", level).conversation(says(&steps))
    })
}

fn node(state: &str, primary: Option<&str>, readonly: Option<&str>) -> Vec<u8> {
    rows(&[&[Some("v_db_node0001"), Some(state), primary, readonly]])
}

fn system(designed: &str, current: &str) -> Vec<u8> {
    rows(&[&[Some(designed), Some(current)]])
}

fn denied() -> Vec<u8> {
    failed("42501", 4367, "Permission denied for relation nodes")
}

#[test]
fn session_asks_for_one() {
    let run = at("session", &[one()]);
    expect(&run, "ready", "ready");
    assert_eq!(fact(&run, "level"), Some("session"));
    assert!(contains(run.sent(0), &message(b'Q', b"SELECT 1\0")));
    assert!(run.sent(0).ends_with(b"X\0\0\0\x04"), "a farewell");
}

#[test]
fn a_session_that_does_not_answer_is_not_ready() {
    let busy = failed("53000", 3587, "Insufficient resources to execute plan");
    expect(&at("session", &[busy]), "not-ready", "busy");
    expect(&at("session", &[rows(&[])]), "not-ready", "protocol-error");
    expect(&at("session", &[]), "not-ready", "closed");
    let silent = judged(|| {
        plain()
            .value("level", "session")
            .conversation([Step::send(greeting()), Step::Silence])
    });
    expect(&silent, "not-ready", "timed-out");
    // A fatal error tells more than the hang-up that follows it.
    let killed = common::error("57V01", 0, "terminating");
    expect(&at("session", &[killed]), "not-ready", "shutting-down");
}

#[test]
fn node_is_the_default_and_wants_this_node_up_and_writable() {
    let run = judged(|| plain().conversation(says(&[greeting(), node_up()])));
    expect(&run, "ready", "ready");
    assert_eq!(fact(&run, "level"), Some("node"));
    assert_eq!(fact(&run, "node"), Some("v_db_node0001"));
    assert_eq!(fact(&run, "role"), Some("primary"));

    let run = at("node", &[node("UP", Some("f"), Some("f"))]);
    expect(&run, "ready", "ready");
    assert_eq!(fact(&run, "role"), Some("secondary"));

    let run = at("node", &[node("UP", Some("t"), Some("t"))]);
    expect(&run, "not-ready", "read-only");
}

#[test]
fn every_other_state_of_the_node_is_not_ready() {
    for (state, code) in [
        ("DOWN", "node-not-up"),
        ("READY", "starting-up"),
        ("UNSAFE", "node-not-up"),
        ("SHUTDOWN", "shutting-down"),
        ("SHUTDOWN ERROR", "shutting-down"),
        ("RECOVERING", "recovering"),
        ("RECOVERY ERROR", "recovering"),
        ("RECOVERED", "recovering"),
        ("INITIALIZING", "starting-up"),
        ("STAND BY", "standby"),
        ("NEEDS CATCH UP", "recovering"),
        ("UNKNOWN", "node-not-up"),
        ("OF A LATER VERSION", "node-not-up"),
    ] {
        let run = at("node", &[node(state, Some("t"), Some("f"))]);
        expect(&run, "not-ready", code);
        assert!(run.verdict.reason().contains(state));
        assert_eq!(fact(&run, "node-state"), Some(state));
    }
    expect(
        &at("node", &[node("COMPUTE", Some("f"), None)]),
        "ready",
        "ready",
    );
}

#[test]
fn an_older_server_is_asked_for_what_it_has() {
    let missing = failed("42703", 2624, "Column \"is_readonly\" does not exist");
    let short = rows(&[&[Some("v_db_node0001"), Some("UP")]]);
    let run = at("node", &[missing.clone(), short]);
    expect(&run, "ready", "ready");
    assert_eq!(fact(&run, "role"), None);

    let short = rows(&[&[Some("v_db_node0001"), Some("RECOVERING")]]);
    expect(&at("node", &[missing, short]), "not-ready", "recovering");
}

#[test]
fn where_the_tables_cannot_be_read_a_query_must_do() {
    for unreadable in [denied(), rows(&[])] {
        let run = at("node", &[unreadable, one()]);
        expect(&run, "ready", "ready");
        assert_eq!(fact(&run, "node-state"), Some("unreadable"));
        assert!(run.verdict.reason().contains("may not read"));
    }
    let busy = failed("53000", 3587, "Insufficient resources");
    expect(&at("node", &[denied(), busy]), "not-ready", "busy");
    // Who asks for the cluster gets no less than the cluster.
    let run = at("cluster", &[denied(), one()]);
    expect(&run, "misconfigured", "not-authorized");
}

#[test]
fn cluster_wants_all_nodes_and_the_designed_tolerance() {
    let all = rows(&[
        &[Some("v_db_node0001"), Some("UP")],
        &[Some("v_db_node0002"), Some("UP")],
        &[Some("v_db_node0003"), Some("UP")],
    ]);
    let run = at("cluster", &[node_up(), all.clone(), system("1", "1")]);
    expect(&run, "ready", "ready");
    assert_eq!(fact(&run, "nodes"), Some("3"));
    assert_eq!(fact(&run, "fault-tolerance"), Some("1 of 1"));

    let run = at("cluster", &[node_up(), all.clone(), system("1", "0")]);
    expect(&run, "not-ready", "fault-tolerance-low");
    assert_eq!(fact(&run, "fault-tolerance"), Some("0 of 1"));

    let run = at("cluster", &[node_up(), all.clone(), system("1", "2")]);
    expect(&run, "ready", "ready");

    for odd in [rows(&[]), system("one", "two"), rows(&[&[None, None]])] {
        let run = at("cluster", &[node_up(), all.clone(), odd]);
        expect(&run, "not-ready", "protocol-error");
    }
}

#[test]
fn cluster_names_the_nodes_that_are_missing() {
    let some = rows(&[
        &[Some("n1"), Some("UP")],
        &[Some("n2"), Some("DOWN")],
        &[Some("n3"), Some("RECOVERING")],
        &[Some("n4"), Some("STAND BY")],
        &[Some("n5"), Some("COMPUTE")],
    ]);
    let run = at("cluster", &[node_up(), some]);
    expect(&run, "not-ready", "nodes-down");
    assert_eq!(
        run.verdict.reason(),
        "3 of 5 nodes are up: n2 is DOWN, n3 is RECOVERING"
    );
    let down: Vec<[Option<&str>; 2]> = vec![[Some("n"), Some("DOWN")]; 9];
    let down: Vec<&[Option<&str>]> = down.iter().map(|row| row.as_slice()).collect();
    let run = at("cluster", &[node_up(), rows(&down)]);
    assert!(run.verdict.reason().ends_with(", 5 more"));
}

#[test]
fn one_node_alone_is_a_whole_cluster() {
    let all = rows(&[&[Some("v_db_node0001"), Some("UP")]]);
    let run = at("cluster", &[node_up(), all, system("0", "0")]);
    expect(&run, "ready", "ready");
}

#[test]
fn cluster_wants_its_own_node_writable_first() {
    let run = at("cluster", &[node("UP", Some("t"), Some("t"))]);
    expect(&run, "not-ready", "read-only");
}

#[test]
fn rows_that_do_not_fit_are_no_panic() {
    for body in [
        &b""[..],
        &[0],
        &[0, 2, 0, 0],
        &[0, 1, 0, 0, 0, 9, b'x'],
        &[0, 1, 0x80, 0, 0, 0],
        &[0xff, 0xff],
    ] {
        let broken = [message(b'D', body), common::ready()].concat();
        expect(&at("node", &[broken]), "not-ready", "protocol-error");
    }
    // Columns that are missing or NULL are no node that could be judged.
    for odd in [rows(&[&[Some("n")]]), rows(&[&[None, None, None, None]])] {
        let run = at("node", &[odd, one()]);
        assert_eq!(fact(&run, "node-state"), Some("unreadable"));
    }
}

#[test]
fn rows_without_end_are_not_kept() {
    let wide = message(b'D', &[&[0xff, 0xff][..], &[0xff; 4 * 65_535]].concat());
    for row in [
        message(b'D', &[0, 0]),
        message(b'D', &[0, 1, 0, 0, 0, 1, b'1']),
        wide,
    ] {
        let run = plain()
            .value("level", "session")
            .conversation(says(&[
                greeting(),
                row.repeat(if row.len() > 99 { 2 } else { 16 * 1024 + 1 }),
            ]))
            .check::<waitfor_probe_vertica::Vertica>();
        expect(&run, "not-ready", "protocol-error");
        assert_eq!(
            run.verdict.reason(),
            "the server sent more rows than a cluster can have"
        );
    }
}
