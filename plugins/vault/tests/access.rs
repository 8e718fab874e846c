//! Token, path and namespace: what is sent where, and what each answer to it
//! means.

mod common;

use common::{json, plain, request_line, run, sent_header};
use waitfor_sdk::Verdict;
use waitfor_sdk::native::Session;

fn with_token() -> Session {
    plain().secret("token", "s.right\n")
}

fn with_path() -> Session {
    with_token().value("path", "secret/data/app")
}

#[test]
fn a_token_alone_is_looked_up() {
    for (answer, code) in [
        (captured!("self"), "ready"),
        (captured!("self-wrong-token"), "wrong-token"),
        (
            json(
                "403 Forbidden",
                r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#,
            ),
            "wrong-token",
        ),
        (captured!("self-no-policy"), "not-authorized"),
        (captured!("namespace-missing"), "namespace-missing"),
        (captured!("standby-self-no-quorum"), "no-quorum"),
        (
            json("400 Bad Request", r#"{"errors":["bad"]}"#),
            "bad-request",
        ),
        (
            json("429 Too Many Requests", r#"{"errors":["quota"]}"#),
            "busy",
        ),
        (
            json("503 S", r#"{"errors":["Vault is sealed"]}"#),
            "unavailable",
        ),
        (json("500 I", r#"{"errors":["storage"]}"#), "server-error"),
        (captured!("read-empty"), "not-vault"),
        (captured!("not-found-text"), "not-vault"),
        (Vec::new(), "closed"),
    ] {
        let run = run(with_token, &[captured!("health-active"), answer]);
        assert_eq!(run.verdict.code(), code);
        assert_eq!(
            request_line(&run, 1),
            "GET /v1/auth/token/lookup-self HTTP/1.1"
        );
        assert_eq!(
            sent_header(&run, 1, "X-Vault-Token").as_deref(),
            Some("s.right")
        );
        assert_eq!(run.stages, ["health", "access"]);
    }
}

#[test]
fn a_path_is_told_from_a_missing_one() {
    for (answer, fatal, code, words) in [
        (
            captured!("read"),
            false,
            "ready",
            "`secret/data/app` is served",
        ),
        (
            captured!("read-empty"),
            false,
            "ready",
            "with nothing there",
        ),
        (
            captured!("read-deleted"),
            false,
            "ready",
            "with nothing there",
        ),
        (
            captured!("read-write-only"),
            false,
            "ready",
            "not for reading",
        ),
        (
            captured!("read-no-mount"),
            false,
            "path-missing",
            "no handler for route",
        ),
        (
            captured!("namespace-missing"),
            false,
            "namespace-missing",
            "namespace",
        ),
        (captured!("read-unversioned"), true, "bad-path", "versioned"),
        (
            captured!("read-unsupported"),
            true,
            "bad-path",
            "unsupported path",
        ),
        (
            captured!("read-no-policy"),
            true,
            "not-authorized",
            "may not read",
        ),
        (captured!("not-found-text"), true, "not-vault", "404"),
        (
            captured!("standby-self-no-quorum"),
            false,
            "no-quorum",
            "18310",
        ),
    ] {
        let run = run(with_path, &[captured!("health-active"), answer]);
        assert_eq!(run.verdict.code(), code, "{}", run.verdict.reason());
        assert!(
            run.verdict.reason().contains(words),
            "{}",
            run.verdict.reason()
        );
        let found = matches!(run.verdict, Verdict::Misconfigured(_));
        assert_eq!(found, fatal, "{code}");
        assert_eq!(request_line(&run, 1), "GET /v1/secret/data/app HTTP/1.1");
    }
}

#[test]
fn a_wrong_token_is_told_from_a_missing_policy() {
    for (itself, code) in [
        (captured!("self-wrong-token"), "wrong-token"),
        (captured!("self"), "not-authorized"),
        (captured!("self-no-policy"), "not-authorized"),
    ] {
        let run = run(
            with_path,
            &[
                captured!("health-active"),
                captured!("read-wrong-token"),
                itself,
            ],
        );
        assert_eq!(run.verdict.code(), code);
        assert!(matches!(run.verdict, Verdict::Misconfigured(_)));
        assert!(!run.verdict.reason().contains("s.right"));
    }
}

#[test]
fn a_path_without_a_token() {
    let open = || plain().value("path", "/v1/pki/ca/pem");
    let served = run(
        open,
        &[
            captured!("health-active"),
            b"HTTP/1.1 200 OK\r\n\r\n-----BEGIN CERTIFICATE-----".to_vec(),
        ],
    );
    assert_eq!(served.verdict.code(), "ready");
    assert_eq!(request_line(&served, 1), "GET /v1/pki/ca/pem HTTP/1.1");
    assert_eq!(sent_header(&served, 1, "X-Vault-Token"), None);
    let refused = run(
        open,
        &[captured!("health-active"), captured!("read-no-token")],
    );
    assert_eq!(refused.verdict.code(), "not-authorized");
    let Verdict::Misconfigured(misuse) = refused.verdict else {
        panic!("{:?}", refused.verdict);
    };
    assert_eq!(misuse.param.as_deref(), Some("token"));
}

#[test]
fn neither_token_nor_namespace_go_to_the_health_question() {
    let session = || with_path().value("namespace", "team/a");
    let active = run(session, &[captured!("health-active"), captured!("read")]);
    assert_eq!(sent_header(&active, 0, "X-Vault-Namespace"), None);
    assert_eq!(sent_header(&active, 0, "X-Vault-Token"), None);
    assert_eq!(
        sent_header(&active, 1, "X-Vault-Namespace").as_deref(),
        Some("team/a")
    );
    let sealed = run(
        session,
        &[
            captured!("health-sealed-299"),
            captured!("seal-status-1-of-3"),
        ],
    );
    assert_eq!(sealed.verdict.code(), "sealed");
    for connection in [0, 1] {
        assert_eq!(sent_header(&sealed, connection, "X-Vault-Namespace"), None);
        assert_eq!(sent_header(&sealed, connection, "X-Vault-Token"), None);
    }
}

/// OpenBao's standby answers a token from its own copy of the data even when
/// it has lost the active node, so the token's good answer proves nothing.
#[test]
fn a_standby_without_quorum_is_not_usable_with_a_token_either() {
    let session = || with_path().value("want", "usable");
    let dead = run(
        session,
        &[
            captured!("health-standby-297"),
            captured!("standby-self-no-quorum"),
        ],
    );
    assert_eq!(dead.verdict.code(), "no-quorum");
    let alive = run(
        session,
        &[
            captured!("health-standby-297"),
            captured!("standby-self-no-token"),
            captured!("read"),
        ],
    );
    assert_eq!(alive.verdict.code(), "ready");
    assert_eq!(sent_header(&alive, 1, "X-Vault-Token"), None);
}

#[test]
fn what_the_server_says_is_quoted_in_one_bounded_line() {
    let long = format!(r#"{{"errors":["a\n\tb{}"]}}"#, "x".repeat(5000));
    let run = run(
        with_path,
        &[captured!("health-active"), json("500 I", &long)],
    );
    let reason = run.verdict.reason();
    assert!(reason.contains("500 I: a bxxx"), "{reason}");
    assert!(reason.len() < 300 && !reason.contains(char::is_control));
}

#[test]
fn a_token_that_no_header_can_hold_is_refused_without_being_shown() {
    let run = run(
        || plain().secret("token", "s.ri\r\nght"),
        &[captured!("health-active"), Vec::new()],
    );
    assert_eq!(run.verdict.code(), "bad-parameter");
    assert!(!run.verdict.reason().contains("s.ri"));
}
