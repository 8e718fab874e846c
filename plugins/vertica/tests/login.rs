//! Every authentication request and every refusal of a login, each with its verdict.

mod common;

use common::{
    auth, contains, error, expect, fact, greeting, hint, judged, node_up, notice, plain,
    plain_error, says, target,
};
use waitfor_probe_vertica::Vertica;
use waitfor_sdk::native::{Run, Session, Step};

/// A server that answers start-up by these bytes.
fn answered(parts: &[Vec<u8>]) -> Run {
    judged(|| {
        plain()
            .secret("password", "s3cret")
            .conversation(says(parts))
    })
}

fn salts() -> Vec<u8> {
    [b"salt".as_slice(), &16_u32.to_be_bytes(), &[7; 16]].concat()
}

#[test]
fn each_method_that_needs_no_more_than_a_password_logs_in() {
    let requests = [
        ("trust", Vec::new()),
        ("cleartext", auth(3, &[])),
        ("md5", auth(5, b"salt")),
        ("hash", auth(65536, &salts())),
        ("hash-md5", auth(65541, b"salt")),
        ("hash-sha512", auth(66048, &salts())),
        ("changed", auth(10, &[])),
    ];
    for (name, request) in requests {
        let run = answered(&[request, greeting(), node_up()]);
        expect(&run, "ready", "ready");
        assert_eq!(fact(&run, "version"), Some("v24.1.0-0"), "{name}");
        assert_eq!(fact(&run, "tls"), Some("no"), "{name}");
        assert_eq!(
            run.stages,
            ["connecting", "authenticating", "querying"],
            "{name}"
        );
    }
}

#[test]
fn a_password_that_expires_soon_logs_in_and_is_said() {
    let run = answered(&[auth(66048, &salts()), auth(11, &[]), greeting(), node_up()]);
    expect(&run, "ready", "ready");
    assert_eq!(fact(&run, "password"), Some("expires soon"));
    assert_eq!(
        run.logs,
        ["warn the password of user `dbadmin` expires soon"]
    );
}

#[test]
fn an_expired_password_is_final() {
    for parts in [vec![auth(9, &[])], vec![auth(5, b"salt"), auth(9, &[])]] {
        let run = answered(&parts);
        expect(&run, "misconfigured", "password-expired");
    }
}

#[test]
fn methods_that_the_probe_lacks_are_named() {
    for (code, word) in [
        (4, "crypt"),
        (7, "kerberos"),
        (8, "kerberos"),
        (12, "oauth"),
        (14, "one-time code"),
        (4711, "method 4711"),
    ] {
        let run = answered(&[auth(code, &[])]);
        expect(&run, "misconfigured", "auth-unsupported");
        assert!(run.verdict.reason().contains(word), "{code}");
        assert!(!contains(run.sent(0), b"s3cret"));
    }
    // The one-time code is asked for after the password.
    let run = answered(&[auth(66048, &salts()), auth(14, &[])]);
    expect(&run, "misconfigured", "auth-unsupported");
}

#[test]
fn a_clear_text_password_needs_tls_or_the_users_word() {
    let session = |mode: &str, steps: Vec<Step>| {
        target()
            .value("tlsmode", mode)
            .secret("password", "s3cret")
            .conversation(steps)
            .check::<Vertica>()
    };
    let rest = || Step::send([auth(3, &[]), greeting(), node_up()].concat());
    let run = session("prefer", vec![Step::send(b"N"), rest()]);
    expect(&run, "misconfigured", "tls-required");
    assert!(!contains(run.sent(0), b"s3cret"));
    assert!(hint(&run).contains("tlsmode=disable"));

    let run = session("prefer", vec![Step::send(b"S"), Step::Tls, rest()]);
    expect(&run, "ready", "ready");
    assert!(contains(run.sent(0), b"p\0\0\0\x0bs3cret\0"));

    expect(&session("disable", vec![rest()]), "ready", "ready");
}

#[test]
fn a_refused_login_is_final_and_says_what_was_refused() {
    let wrong = || error("28000", 3781, "Invalid username or password");
    let none = || {
        error(
            "28000",
            2248,
            "Authentication failed for username \"dbadmin\"",
        )
    };

    let run = answered(&[auth(5, b"salt"), wrong()]);
    expect(&run, "misconfigured", "wrong-password");
    assert!(run.verdict.reason().contains("(28000, 3781)"));

    let session = || plain().conversation(says(&[auth(5, b"salt"), wrong()]));
    let run = judged(session);
    expect(&run, "misconfigured", "password-missing");
    assert!(hint(&run).contains("VSQL_PASSWORD"));

    let run = answered(&[none()]);
    expect(&run, "misconfigured", "not-authorized");
    assert!(hint(&run).contains("tlsmode=require"));

    // Whatever number a version gives it, the class tells.
    for sqlstate in ["28000", "28001", "V2000"] {
        let run = answered(&[auth(5, b"salt"), plain_error(sqlstate, "no")]);
        expect(&run, "misconfigured", "wrong-password");
    }
}

#[test]
fn what_waiting_mends_is_waited_for() {
    let starting = "Node startup/recovery in progress. Not yet ready to accept connections";
    let cases = [
        (error("57V03", 4149, starting), "starting-up"),
        (plain_error("57V03", starting), "starting-up"),
        (error("08004", 4149, starting), "starting-up"),
        (
            error(
                "08004",
                4060,
                "New session rejected due to limit, already 50 sessions active",
            ),
            "too-many-connections",
        ),
        (
            plain_error(
                "53300",
                "New session rejected due to limit, already 0 sessions active",
            ),
            "too-many-connections",
        ),
        (
            plain_error(
                "08004",
                "New session rejected because subcluster s is draining connections",
            ),
            "draining",
        ),
        (plain_error("57V01", "going down"), "shutting-down"),
        (plain_error("57V02", "crashed"), "shutting-down"),
        (
            error(
                "57V04",
                6523,
                "Cannot commit DML while a node is shutting down",
            ),
            "shutting-down",
        ),
        (plain_error("57014", "canceled"), "server-error"),
        (plain_error("53000", "Insufficient resources"), "busy"),
        (
            plain_error("V1001", "Lost connectivity"),
            "cluster-changing",
        ),
        (error("V1003", 6876, "No nodes up!"), "cluster-changing"),
        (plain_error("08006", "broken"), "connection-failed"),
        (plain_error("XX000", "what now"), "server-error"),
        (plain_error("", ""), "server-error"),
    ];
    for (bytes, code) in cases {
        let run = answered(&[bytes]);
        expect(&run, "not-ready", code);
    }
}

#[test]
fn what_waiting_cannot_mend_is_final() {
    let cases = [
        (
            plain_error("3D000", "Database \"db\" does not exist"),
            "unknown-database",
        ),
        (plain_error("3D001", "no"), "unknown-database"),
        (plain_error("42501", "Permission denied"), "not-authorized"),
        (plain_error("42601", "Syntax error"), "query-rejected"),
        (plain_error("0A000", "not supported"), "not-supported"),
    ];
    for (bytes, code) in cases {
        let run = answered(&[bytes]);
        expect(&run, "misconfigured", code);
    }
}

#[test]
fn notices_settings_and_new_messages_are_passed_over() {
    let run = answered(&[
        notice("maintenance tonight"),
        auth(0, &[]),
        common::message(b'!', b"of a later version"),
        greeting(),
        notice("again"),
        node_up(),
    ]);
    expect(&run, "ready", "ready");
}

#[test]
fn the_servers_text_stays_on_one_line() {
    let long = format!("first\nsecond\x1b[31m{}", "x".repeat(5000));
    let run = answered(&[plain_error("57V03", &long)]);
    expect(&run, "not-ready", "starting-up");
    let reason = run.verdict.reason();
    assert!(!reason.contains(char::is_control));
    assert!(reason.len() < 500, "{}", reason.len());
}

#[test]
fn broken_requests_are_no_panic() {
    for extra in [&b""[..], b"sal", b"salt", &[0xff; 8], &[0xff; 28]] {
        for code in [5, 65541, 65536, 66048] {
            let run = answered(&[auth(code, extra)]);
            let (word, _) = common::verdict(&run);
            assert_eq!(word, "not-ready", "{code} {extra:?}: {:?}", run.verdict);
        }
    }
    let run = answered(&[common::message(b'R', b"")]);
    expect(&run, "not-ready", "protocol-error");
}

#[test]
fn texts_with_a_zero_byte_are_refused_offline() {
    for name in ["user", "database", "workload", "session-label"] {
        let misuse = Session::new("vertica", "dw", 5433)
            .value(name, "a\0b")
            .validate::<Vertica>()
            .expect("a refusal");
        assert_eq!(misuse.code, "bad-parameter");
        assert_eq!(misuse.param.as_deref(), Some(name));
    }
    assert_eq!(target().validate::<Vertica>(), None);
}
