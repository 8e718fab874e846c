//! Several hosts: which one counts, and what is said where none does; and
//! the parameters that are judged before any is asked.

use waitfor_sdk::Fault;
use waitfor_sdk::native::Step;

use crate::*;

fn works(standby: bool) -> Step {
    Step::send([modern(standby, false), rows(&["1"])].concat())
}

fn two(wanted: &str) -> Session {
    target()
        .and("db2", 5433)
        .value("target-session-attrs", wanted)
}

fn refused(session: Session) -> Session {
    session.unreachable(Fault::retry("refused", "connection refused"))
}

#[test]
fn the_first_host_that_serves_counts() {
    let run = refused(two("any"))
        .conversation([works(false)])
        .check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict), "server"), Some("db2:5433"));

    let run = two("read-write")
        .conversation([works(true)])
        .conversation([works(false)])
        .check::<Postgres>();
    assert_eq!(
        fact(&ready(run.verdict.clone()), "server"),
        Some("db2:5433")
    );
    assert!(
        run.sent(0).ends_with(b"X\0\0\0\x04"),
        "the first was left politely"
    );

    let run = two("any").conversation([works(false)]).check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict.clone()), "server"), Some("db:5432"));
    assert_eq!(run.connections(), 1);
}

#[test]
fn a_standby_is_preferred_wherever_it_stands() {
    let run = two("prefer-standby")
        .conversation([works(false)])
        .conversation([works(true)])
        .check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict), "server"), Some("db2:5433"));
    let run = refused(two("prefer-standby").conversation([works(false)])).check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict), "server"), Some("db:5432"));
}

#[test]
fn the_reason_names_each_host_and_the_code_is_the_most_telling() {
    let run = refused(two("read-write"))
        .conversation([works(true)])
        .check::<Postgres>();
    let pending_one = pending(run.verdict, "standby");
    assert_eq!(
        pending_one.reason,
        "db:5432: connection refused; db2:5433: takes no writes: it is a standby, and target_session_attrs=read-write wants another"
    );
    let run = refused(refused(two("any"))).check::<Postgres>();
    assert_eq!(
        pending(run.verdict, "refused").reason,
        "db:5432: connection refused; db2:5433: connection refused"
    );
}

#[test]
fn a_host_that_is_silent_does_not_take_the_whole_attempt() {
    let run = two("any")
        .conversation([Step::Silence])
        .conversation([works(false)])
        .check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict), "server"), Some("db2:5433"));
}

#[test]
fn an_attempt_that_ran_out_of_time_says_so() {
    let run = refused(two("any"))
        .conversation([Step::Silence])
        .check::<Postgres>();
    let late = pending(run.verdict, "timed-out");
    assert!(
        late.reason
            .starts_with("db:5432: connection refused; db2:5433: took")
    );
}

#[test]
fn a_login_that_is_turned_away_for_good_ends_the_search() {
    let run = two("any")
        .conversation([Step::send(captured!("unknown-db"))])
        .conversation([works(false)])
        .check::<Postgres>();
    assert_eq!(run.connections(), 1);
    let misuse = misuse(run.verdict, "unknown-database");
    assert!(misuse.reason.starts_with("db:5432: "), "{}", misuse.reason);
}

#[test]
fn parameters_that_cannot_work_are_told_offline() {
    let base = || Session::new("postgres", "db", 5432);
    let told = |session: Session| {
        let misuse = session.validate::<Postgres>().unwrap();
        misuse.param.unwrap()
    };
    assert_eq!(told(base()), "user");
    assert_eq!(told(base().value("user", "a\0database\0b")), "user");
    assert_eq!(told(target().value("query", " ")), "query");
    assert_eq!(told(target().value("query", "SELECT\0")), "query");
    assert_eq!(
        told(target().value("require-auth", "magic")),
        "require-auth"
    );
    assert_eq!(
        told(target().value("channel-binding", "require")),
        "channel-binding"
    );
    assert_eq!(told(target().value("gssencmode", "require")), "gssencmode");
    let accepts = || target().value("level", "accepts");
    assert_eq!(told(accepts().value("query", "SELECT 1")), "query");
    assert_eq!(told(accepts().value("expect-table", "t")), "expect-table");
    assert_eq!(
        told(accepts().value("target-session-attrs", "primary")),
        "target-session-attrs"
    );
    assert!(target().validate::<Postgres>().is_none());
    assert!(
        base()
            .value("level", "accepts")
            .validate::<Postgres>()
            .is_none()
    );
    // A host that checks nothing must not make the probe send it.
    let run = base()
        .value("user", "a\0b")
        .conversation([])
        .check::<Postgres>();
    assert_eq!(run.connections(), 0);
    misuse_without_hint(run.verdict);
}

fn misuse_without_hint(verdict: Verdict) {
    assert!(matches!(verdict, Verdict::Misconfigured(misuse) if misuse.code == "bad-parameter"));
}

#[test]
fn the_database_is_named_like_the_user() {
    let run = Session::new("postgres", "db", 5432)
        .value("user", "app")
        .value("sslmode", "disable")
        .conversation([works(false)])
        .check::<Postgres>();
    let sent = String::from_utf8_lossy(run.sent(0)).into_owned();
    assert!(sent.contains("user\0app\0database\0app\0"));
}
