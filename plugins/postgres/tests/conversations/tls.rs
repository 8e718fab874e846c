//! What each `sslmode` does with a server that can, cannot, or will not.

use waitfor_sdk::native::{Session, Step};
use waitfor_sdk::{Fault, Verification};

use crate::*;

const SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

fn works() -> Vec<u8> {
    let mut bytes = modern(false, false);
    bytes.extend(rows(&["1"]));
    bytes
}

fn handshake_fails() -> Step {
    Step::TlsFault(Fault::retry(
        "tls-handshake",
        "the peer closed in the handshake",
    ))
}

#[test]
fn each_mode_asks_for_its_part_of_the_certificate() {
    for (mode, level) in [
        ("prefer", Verification::None),
        ("require", Verification::None),
        ("verify-ca", Verification::Chain),
        ("verify-full", Verification::Full),
    ] {
        let run = check(|| {
            encrypted(mode).conversation([Step::send("S"), Step::Tls, Step::send(works())])
        });
        assert_eq!(fact(&ready(run.verdict.clone()), "tls"), Some("on"));
        assert!(run.sent(0).starts_with(SSL_REQUEST));
        let [options] = run.tls(0) else {
            panic!("{mode}")
        };
        assert_eq!(options.verification, level);
        assert_eq!(options.server_name, None);
    }
}

#[test]
fn states_are_seen_through_tls() {
    for (script, verdict) in [
        (captured!("starting-up-ssl"), "starting-up"),
        (captured!("cert-required"), "not-authorized"),
    ] {
        let (answer, inside) = script.split_at(1);
        let make = || {
            encrypted("require").conversation([Step::send(answer), Step::Tls, Step::send(inside)])
        };
        assert_eq!(check(make).verdict.code(), verdict);
    }
    let rejected = error(
        "FATAL",
        "28000",
        "connection requires a valid client certificate",
        "",
    );
    let run = encrypted("require")
        .conversation([Step::send("S"), Step::Tls, Step::send(&rejected)])
        .check::<Postgres>();
    assert_eq!(
        misuse(run.verdict, "not-authorized").param.as_deref(),
        Some("sslcert")
    );
}

#[test]
fn a_server_without_tls() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let run = check(|| encrypted(mode).conversation([Step::send("N"), Step::send(works())]));
        let misuse = misuse(run.verdict.clone(), "tls-unsupported");
        assert_eq!(misuse.param.as_deref(), Some("sslmode"));
        assert_eq!(run.sent(0), SSL_REQUEST);
    }
    // On the same connection.
    let run = check(|| encrypted("prefer").conversation([Step::send("N"), Step::send(works())]));
    assert_eq!(fact(&ready(run.verdict.clone()), "tls"), Some("off"));
    assert_eq!(run.connections(), 1);
}

#[test]
fn a_handshake_that_fails() {
    let run = check(|| {
        encrypted("prefer")
            .conversation([Step::send("S"), handshake_fails()])
            .conversation([Step::send(works())])
    });
    assert_eq!(fact(&ready(run.verdict.clone()), "tls"), Some("off"));
    assert!(!run.sent(1).starts_with(SSL_REQUEST));

    let run = check(|| encrypted("require").conversation([Step::send("S"), handshake_fails()]));
    assert_eq!(run.connections(), 1);
    pending(run.verdict, "tls-handshake");
}

#[test]
fn a_certificate_that_does_not_hold_is_never_passed_over() {
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let fault = Fault::fix(
            "tls-certificate",
            "the certificate is for elsewhere.example",
        );
        let run = check(|| {
            encrypted(mode)
                .conversation([Step::send("S"), Step::TlsFault(fault.clone())])
                .conversation([Step::send(works())])
        });
        assert_eq!(run.connections(), 1);
        let misuse = misuse(run.verdict, "tls-certificate");
        assert_eq!(misuse.reason, "the certificate is for elsewhere.example");
    }
}

#[test]
fn plaintext_behind_the_consent_is_not_read() {
    let run = encrypted("require")
        .conversation([Step::send(b"S\x52\0\0\0\x08\0\0\0\0")])
        .check::<Postgres>();
    pending(run.verdict, "tls-handshake");
}

#[test]
fn prefer_falls_back_where_tls_is_turned_away() {
    let rejected = error(
        "FATAL",
        "28000",
        "no pg_hba.conf entry for host \"x\", SSL encryption",
        "",
    );
    let with_tls = |first: &[u8]| {
        encrypted("prefer").conversation([Step::send("S"), Step::Tls, Step::send(first)])
    };
    let run = with_tls(&rejected)
        .conversation([Step::send(works())])
        .check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict), "tls"), Some("off"));
    // Turned away both ways: the first answer is the one that counts.
    let run = with_tls(&rejected)
        .conversation([Step::send(captured!("no-hba-entry"))])
        .check::<Postgres>();
    assert!(
        misuse(run.verdict, "not-authorized")
            .reason
            .ends_with("SSL encryption")
    );
    // A wrong password is no reason to try again: accounts get locked.
    let wrong = error("FATAL", "28P01", "password authentication failed", "");
    let run = with_tls(&wrong)
        .conversation([Step::send(works())])
        .check::<Postgres>();
    assert_eq!(run.connections(), 1);
    misuse(run.verdict, "wrong-password");
    // Nor is a role that does not exist, which shows after the proof.
    let run = with_tls(captured!("no-such-role"))
        .conversation([Step::send(works())])
        .check::<Postgres>();
    assert_eq!(run.connections(), 1);
    misuse(run.verdict, "not-authorized");
}

#[test]
fn allow_turns_to_tls_where_plaintext_is_turned_away() {
    let first = || encrypted("allow").conversation([Step::send(captured!("nossl-but-hostssl"))]);
    let run = first()
        .conversation([Step::send("S"), Step::Tls, Step::send(works())])
        .check::<Postgres>();
    assert_eq!(fact(&ready(run.verdict.clone()), "tls"), Some("on"));
    assert!(run.sent(1).starts_with(SSL_REQUEST));

    let run = first().conversation([Step::send("N")]).check::<Postgres>();
    misuse(run.verdict, "not-authorized");

    let wanted = error("FATAL", "08P01", "SSL required", "");
    let run = encrypted("allow")
        .conversation([Step::send(&wanted)])
        .conversation([Step::send("S"), Step::Tls, Step::send(works())])
        .check::<Postgres>();
    ready(run.verdict);
    let run = encrypted("disable")
        .conversation([Step::send(&wanted)])
        .check::<Postgres>();
    misuse(run.verdict, "tls-required");

    let run = encrypted("allow")
        .conversation([Step::send(works())])
        .check::<Postgres>();
    assert_eq!(run.connections(), 1);
    assert_eq!(fact(&ready(run.verdict), "tls"), Some("off"));
}

#[test]
fn direct_tls_begins_with_the_handshake_and_names_its_protocol() {
    let direct = || encrypted("require").value("sslnegotiation", "direct");
    let run = check(|| direct().conversation([Step::Tls, Step::send(works())]));
    ready(run.verdict.clone());
    assert_eq!(run.tls(0)[0].protocols, ["postgresql"]);
    assert!(run.sent(0).starts_with(b"\0\0\0\x39\0\x03\0\0"));

    let run = direct()
        .conversation([handshake_fails()])
        .check::<Postgres>();
    let pending = pending(run.verdict, "tls-handshake");
    assert!(
        pending.reason.contains("PostgreSQL 17"),
        "{}",
        pending.reason
    );

    for mode in ["disable", "allow", "prefer"] {
        let misuse = encrypted(mode)
            .value("sslnegotiation", "direct")
            .validate::<Postgres>();
        assert_eq!(misuse.unwrap().param.as_deref(), Some("sslmode"));
    }
}

#[test]
fn a_unix_socket_is_never_encrypted() {
    for mode in ["prefer", "require", "verify-full"] {
        let run = Session::unix("postgres", "/run/postgresql/.s.PGSQL.5432")
            .value("user", "app")
            .value("sslmode", mode)
            .conversation([Step::send(works())])
            .check::<Postgres>();
        assert_eq!(fact(&ready(run.verdict.clone()), "tls"), Some("off"));
        assert!(run.tls(0).is_empty());
    }
}
