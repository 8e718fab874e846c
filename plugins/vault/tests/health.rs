//! Every state that `sys/health` tells apart, by its JSON and by its bare
//! status code, and all that answers in Vault's place.

mod common;

use common::{json, plain, request_line, run, sent_header};
use waitfor_probe_vault::Vault;
use waitfor_sdk::native::{Session, Step};
use waitfor_sdk::{Fault, Verdict};

const QUESTION: &str = "GET /v1/sys/health?uninitcode=299&sealedcode=299&standbycode=299\
    &drsecondarycode=299&performancestandbycode=299&removedcode=299&haunhealthycode=299 HTTP/1.1";

fn usable() -> Session {
    plain().value("want", "usable")
}

fn fact<'a>(verdict: &'a Verdict, name: &str) -> Option<&'a str> {
    let facts = match verdict {
        Verdict::Ready(ready) => &ready.facts,
        Verdict::NotReady(pending) => &pending.facts,
        Verdict::Misconfigured(misuse) => &misuse.facts,
    };
    facts
        .iter()
        .find(|(fact, _)| fact == name)
        .map(|(_, value)| value.as_str())
}

fn hint(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Misconfigured(misuse) => misuse.hint.as_deref().unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn asks_as_vaults_own_client_does() {
    let run = run(plain, &[captured!("health-active")]);
    assert_eq!(request_line(&run, 0), QUESTION);
    assert_eq!(sent_header(&run, 0, "Host").as_deref(), Some("vault:8200"));
    assert_eq!(
        sent_header(&run, 0, "X-Vault-Request").as_deref(),
        Some("true")
    );
    assert_eq!(run.stages, ["health"]);
}

#[test]
fn active_is_ready() {
    for answer in [
        captured!("health-active"),
        captured!("health-active-http10"),
        // The JSON decides, whatever a proxy makes of the status.
        json(
            "299 status code 299",
            r#"{"initialized":true,"sealed":false,"standby":false}"#,
        ),
        json(
            "503 Service Unavailable",
            r#"{"initialized":true,"sealed":false,"standby":false}"#,
        ),
    ] {
        for session in [plain, usable] {
            let run = run(session, std::slice::from_ref(&answer));
            assert_eq!(run.verdict.code(), "ready");
            assert_eq!(run.verdict.reason(), "unsealed and active");
            assert_eq!(fact(&run.verdict, "state"), Some("active"));
        }
    }
    let run = run(plain, &[captured!("health-active")]);
    assert_eq!(fact(&run.verdict, "version"), Some("2.7.2"));
    assert_eq!(
        fact(&run.verdict, "cluster-name"),
        Some("vault-cluster-bb4f2571")
    );
}

#[test]
fn uninitialized_is_not_ready() {
    for answer in [
        captured!("health-uninitialized-501"),
        captured!("health-uninitialized-298"),
        b"HTTP/1.1 501 Not Implemented\r\n\r\n".to_vec(),
        json("501 Not Implemented", "{}"),
    ] {
        for session in [plain, usable] {
            let run = run(session, std::slice::from_ref(&answer));
            assert!(matches!(run.verdict, Verdict::NotReady(_)));
            assert_eq!(run.verdict.code(), "uninitialized");
            assert!(run.verdict.reason().contains("operator init"));
        }
    }
}

#[test]
fn sealed_tells_its_progress() {
    for (status, reason) in [
        (captured!("seal-status-0-of-1"), "sealed: unseal 0 of 1 key"),
        (
            captured!("seal-status-0-of-3"),
            "sealed: unseal 0 of 3 keys",
        ),
        (
            captured!("seal-status-1-of-3"),
            "sealed: unseal 1 of 3 keys",
        ),
        (
            json(
                "200 OK",
                r#"{"type":"awskms","sealed":true,"t":3,"n":5,"progress":0}"#,
            ),
            "sealed: waits for its awskms seal",
        ),
        (
            json(
                "200 OK",
                r#"{"type":"shamir","sealed":true,"t":3,"n":5,"progress":2,"migration":true}"#,
            ),
            "sealed: unseal 2 of 3 keys, and its seal is being migrated",
        ),
        (json("200 OK", "{}"), "sealed"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec(), "sealed"),
        (Vec::new(), "sealed"),
    ] {
        for health in [
            captured!("health-sealed-503"),
            captured!("health-sealed-299"),
        ] {
            let run = run(plain, &[health, status.clone()]);
            assert!(matches!(run.verdict, Verdict::NotReady(_)));
            assert_eq!(run.verdict.code(), "sealed");
            assert_eq!(run.verdict.reason(), reason);
        }
    }
    let run = run(
        usable,
        &[
            captured!("health-sealed-299"),
            captured!("seal-status-1-of-3"),
        ],
    );
    assert_eq!(fact(&run.verdict, "unseal-progress"), Some("1/3"));
    assert_eq!(request_line(&run, 1), "GET /v1/sys/seal-status HTTP/1.1");
}

#[test]
fn a_standby_is_not_the_active_node() {
    for health in [
        captured!("health-standby-429"),
        captured!("health-standby-297"),
        captured!("health-standby-200"),
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n".to_vec(),
    ] {
        let run = run(plain, &[health, captured!("leader-of-standby")]);
        assert_eq!(run.verdict.code(), "standby");
        assert!(
            run.verdict
                .reason()
                .ends_with("seen at http://127.0.0.1:18210"),
            "{}",
            run.verdict.reason()
        );
        assert_eq!(fact(&run.verdict, "leader"), Some("http://127.0.0.1:18210"));
    }
    for (leader, reason) in [
        (
            captured!("leader-without-ha"),
            "a standby that knows of no active node",
        ),
        (
            json(
                "200 OK",
                r#"{"ha_enabled":true,"is_self":false,"leader_address":""}"#,
            ),
            "a standby that knows of no active node",
        ),
        (Vec::new(), "a standby"),
        (captured!("not-found-text"), "a standby"),
    ] {
        let run = run(plain, &[captured!("health-standby-429"), leader]);
        assert_eq!(run.verdict.code(), "standby");
        assert_eq!(run.verdict.reason(), reason);
    }
}

#[test]
fn a_usable_standby_must_prove_that_it_passes_requests_on() {
    for refusal in [
        captured!("standby-self-no-token"),
        json("400 Bad Request", r#"{"errors":["missing client token"]}"#),
    ] {
        let run = run(usable, &[captured!("health-standby-297"), refusal]);
        assert_eq!(run.verdict.code(), "ready");
        assert_eq!(fact(&run.verdict, "state"), Some("standby"));
        assert_eq!(
            request_line(&run, 1),
            "GET /v1/auth/token/lookup-self HTTP/1.1"
        );
        assert_eq!(sent_header(&run, 1, "X-Vault-Token"), None);
    }
    let dead = run(
        usable,
        &[
            captured!("health-standby-297"),
            captured!("standby-self-no-quorum"),
        ],
    );
    assert!(matches!(dead.verdict, Verdict::NotReady(_)));
    assert_eq!(dead.verdict.code(), "no-quorum");
    assert!(
        dead.verdict
            .reason()
            .ends_with("points to http://127.0.0.1:18310")
    );
    let unknown = run(
        usable,
        &[
            captured!("health-standby-297"),
            json(
                "500 Internal Server Error",
                r#"{"errors":["local node not active but active cluster node not found"]}"#,
            ),
        ],
    );
    assert_eq!(unknown.verdict.code(), "no-quorum");
    let broken = run(
        usable,
        &[
            captured!("health-standby-297"),
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec(),
        ],
    );
    assert_eq!(broken.verdict.code(), "server-error");
}

/// States of Vault Enterprise and of Vault 1.19, which no OpenBao has: their
/// shapes are from Vault's source.
#[test]
fn states_that_only_vault_has() {
    const BASE: &str = r#""initialized":true,"sealed":false,"standby":true"#;
    for (status, more, code) in [
        (
            "472 status code 472",
            r#""replication_dr_mode":"secondary","replication_performance_mode":"disabled""#,
            "dr-secondary",
        ),
        (
            "474 status code 474",
            r#""ha_connection_healthy":false,"last_request_forwarding_heartbeat_ms":60000"#,
            "standby-unhealthy",
        ),
        (
            "473 status code 473",
            r#""performance_standby":true,"replication_dr_mode":"disabled""#,
            "performance-standby",
        ),
        (
            "530 status code 530",
            r#""removed_from_cluster":true"#,
            "removed-from-cluster",
        ),
    ] {
        for answer in [
            json(status, &format!("{{{BASE},{more}}}")),
            json("299 status code 299", &format!("{{{BASE},{more}}}")),
            format!("HTTP/1.1 {status}\r\n\r\n").into_bytes(),
        ] {
            let active = run(plain, std::slice::from_ref(&answer));
            assert_eq!(active.verdict.code(), code, "{status}");
            let usable = run(usable, std::slice::from_ref(&answer));
            let wanted = if code == "performance-standby" {
                "ready"
            } else {
                code
            };
            assert_eq!(usable.verdict.code(), wanted, "{status}");
            let fatal = matches!(active.verdict, Verdict::Misconfigured(_));
            assert_eq!(fatal, code == "removed-from-cluster", "{status}");
        }
    }
    let dr = run(
        plain,
        &[json(
            "472 status code 472",
            r#"{"initialized":true,"sealed":false,"standby":false,"replication_dr_mode":"secondary"}"#,
        )],
    );
    assert!(dr.verdict.reason().contains("until it is promoted"));
}

#[test]
fn the_servers_own_order_of_states() {
    for (body, code) in [
        (
            r#"{"initialized":false,"sealed":true,"standby":true,"removed_from_cluster":true}"#,
            "uninitialized",
        ),
        (
            r#"{"initialized":true,"sealed":true,"standby":true,"removed_from_cluster":true}"#,
            "removed-from-cluster",
        ),
        (
            r#"{"initialized":true,"sealed":false,"standby":true,"replication_dr_mode":"secondary","performance_standby":true}"#,
            "dr-secondary",
        ),
        (
            r#"{"initialized":true,"sealed":false,"standby":true,"performance_standby":true,"ha_connection_healthy":true}"#,
            "performance-standby",
        ),
    ] {
        assert_eq!(run(plain, &[json("299 x", body)]).verdict.code(), code);
    }
}

#[test]
fn what_answers_in_vaults_place() {
    for (answer, fatal, code) in [
        (captured!("not-found-text"), true, "not-vault"),
        (
            b"HTTP/1.1 405 Method Not Allowed\r\n\r\n".to_vec(),
            true,
            "not-vault",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\n<html>".to_vec(),
            true,
            "not-vault",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\r\n<html>login".to_vec(),
            true,
            "not-vault",
        ),
        (json("200 OK", r#"{"status":"UP"}"#), true, "not-vault"),
        // Not one of the three may be missing or of another type.
        (
            json("200 OK", r#"{"initialized":true,"sealed":false}"#),
            true,
            "not-vault",
        ),
        (
            json(
                "200 OK",
                r#"{"initialized":true,"sealed":"false","standby":false}"#,
            ),
            true,
            "not-vault",
        ),
        (json("200 OK", "[true]"), true, "not-vault"),
        (
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            true,
            "not-vault",
        ),
        (
            b"HTTP/1.1 501 Unsupported\r\n\r\n<html>".to_vec(),
            true,
            "not-vault",
        ),
        (captured!("health-in-namespace"), true, "bad-request"),
        (captured!("no-host"), true, "bad-request"),
        (
            b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec(),
            true,
            "not-authorized",
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec(),
            true,
            "not-authorized",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://vault/\r\n\r\n".to_vec(),
            true,
            "tls-required",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://sso.example/\r\n\r\n".to_vec(),
            true,
            "redirected",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://b.example/\r\n\r\n".to_vec(),
            true,
            "redirected",
        ),
        (b"HTTP/1.1 302 Found\r\n\r\n".to_vec(), true, "not-vault"),
        (
            b"HTTP/1.1 500 Internal Server Error\r\n\r\n".to_vec(),
            false,
            "server-error",
        ),
        (
            json("500 Internal Server Error", r#"{"errors":["storage"]}"#),
            false,
            "server-error",
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec(),
            false,
            "server-error",
        ),
        (
            b"HTTP/1.1 504 Gateway Timeout\r\n\r\n".to_vec(),
            false,
            "server-error",
        ),
        (
            b"HTTP/1.1 503 S\r\n\r\nno server is available".to_vec(),
            false,
            "unavailable",
        ),
        (
            b"HTTP/1.1 429 T\r\n\r\nslow down".to_vec(),
            false,
            "unavailable",
        ),
        (
            b"HTTP/1.1 530 O\r\n\r\norigin dns error".to_vec(),
            false,
            "unavailable",
        ),
        (b"".to_vec(), false, "closed"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 266\r\n\r\n{\"init".to_vec(),
            false,
            "closed",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), true, "wrong-protocol"),
    ] {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let run = run(plain, &[answer]);
        assert_eq!(run.verdict.code(), code, "{text}");
        let found = matches!(run.verdict, Verdict::Misconfigured(_));
        assert_eq!(found, fatal, "{text}");
    }
    let run = run(
        plain,
        &[b"HTTP/1.1 503 S\r\nRetry-After: 7\r\n\r\nno server is available".to_vec()],
    );
    let Verdict::NotReady(pending) = run.verdict else {
        panic!("{:?}", run.verdict);
    };
    assert_eq!(pending.wait_hint, Some(7000));
}

#[test]
fn the_wrong_scheme_is_named_with_the_right_one() {
    let complaint =
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
            .to_vec();
    let run_plain = run(plain, std::slice::from_ref(&complaint));
    assert_eq!(run_plain.verdict.code(), "tls-required");
    assert_eq!(hint(&run_plain.verdict), "write vault://vault:8200");
    let alert = run(plain, &[b"\x15\x03\x01\x00\x02\x02\x0a".to_vec()]);
    assert_eq!(alert.verdict.code(), "tls-required");
    let bao = run(|| Session::new("bao+http", "vault", 8200), &[complaint]);
    assert_eq!(hint(&bao.verdict), "write bao://vault:8200");

    let fault = Fault::retry("tls-handshake", "the peer does not speak tls");
    let secure = Session::new("vault", "vault", 8200)
        .conversation([Step::TlsFault(fault)])
        .conversation([Step::send(captured!("not-found-text"))])
        .check::<Vault>();
    assert_eq!(secure.verdict.code(), "tls-unsupported");
    assert_eq!(hint(&secure.verdict), "write vault+http://vault:8200");
}

#[test]
fn tls_is_the_default_and_offers_no_http2() {
    for scheme in ["vault", "bao"] {
        let run = Session::new(scheme, "vault", 8200)
            .conversation([Step::Tls, Step::send(captured!("health-active"))])
            .check::<Vault>();
        assert_eq!(run.verdict.code(), "ready");
        assert_eq!(run.tls(0)[0].protocols, ["http/1.1"]);
    }
    let fault = Fault::fix("tls-certificate", "unknown issuer");
    let run = Session::new("vault", "vault", 8200)
        .conversation([Step::TlsFault(fault)])
        .check::<Vault>();
    assert_eq!(run.verdict.code(), "tls-certificate");
}

#[test]
fn a_silent_server_is_not_ready() {
    let run = plain().conversation([Step::Silence]).check::<Vault>();
    assert_eq!(run.verdict.code(), "timed-out");
    let run = plain().conversation([Step::reset()]).check::<Vault>();
    assert_eq!(run.verdict.code(), "closed");
    assert_eq!(plain().check::<Vault>().verdict.code(), "refused");
}

#[test]
fn a_proxys_prefix_stands_before_v1() {
    for (prefix, line) in [
        ("", "GET /v1/sys/health?"),
        ("/", "GET /v1/sys/health?"),
        ("v1", "GET /v1/sys/health?"),
        ("secrets", "GET /secrets/v1/sys/health?"),
        ("/secrets/eu/", "GET /secrets/eu/v1/sys/health?"),
        ("secrets/v1/", "GET /secrets/v1/sys/health?"),
        ("dev1", "GET /dev1/v1/sys/health?"),
    ] {
        let run = run(
            || plain().value("api-prefix", prefix),
            &[captured!("health-active")],
        );
        assert!(request_line(&run, 0).starts_with(line), "{prefix}");
    }
}

#[test]
fn parameters_that_no_request_can_hold_are_refused_offline() {
    for (name, value) in [
        ("path", "secret/my app"),
        ("path", "secret/\r\nX-Injected: 1"),
        ("api-prefix", "a b"),
        ("namespace", "team\r\nX-Injected: 1"),
    ] {
        let misuse = plain().value(name, value).validate::<Vault>().unwrap();
        assert_eq!(misuse.param.as_deref(), Some(name));
    }
    let fine = plain()
        .value("path", "secret/data/app")
        .value("namespace", "a/b");
    assert_eq!(fine.validate::<Vault>(), None);
}

/// Mutants of real answers: no panic, and never a ready that the JSON of the
/// three truths does not carry.
#[test]
fn garbage_never_panics_and_is_never_ready() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let sealed = captured!("health-sealed-503");
    for round in 0..2000 {
        let mut bytes = sealed.clone();
        for _ in 0..=round % 6 {
            let random = next();
            let at = usize::from(u16::from_le_bytes([random[0], random[1]])) % bytes.len();
            bytes[at] = random[2];
        }
        let run = plain()
            .conversation([Step::send(&bytes)])
            .in_pieces_of(1 + round % 5)
            .check::<Vault>();
        assert_ne!(
            run.verdict.code(),
            "ready",
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
}
