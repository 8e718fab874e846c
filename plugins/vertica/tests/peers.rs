//! What is at the other end before Vertica's protocol has begun: TLS, load balancing, proxies, strangers.

mod common;

use common::{auth, contains, error, expect, fact, greeting, hint, judged, node_up, plain, target};
use waitfor_probe_vertica::Vertica;
use waitfor_sdk::native::{Run, Step};
use waitfor_sdk::{Fault, Verification};

fn works() -> Step {
    Step::send([auth(0, &[]), greeting(), node_up()].concat())
}

fn with(mode: &str, steps: Vec<Step>) -> Run {
    judged(|| target().value("tlsmode", mode).conversation(steps.clone()))
}

#[test]
fn each_tls_mode_verifies_as_much_as_it_says() {
    for (mode, verification) in [
        ("prefer", Verification::None),
        ("allow", Verification::None),
        ("require", Verification::None),
        ("server", Verification::None),
        ("verify-ca", Verification::Chain),
        ("verify_ca", Verification::Chain),
        ("verify-full", Verification::Full),
        ("verify_full", Verification::Full),
        ("server-strict", Verification::Full),
    ] {
        let run = with(mode, vec![Step::send(b"S"), Step::Tls, works()]);
        expect(&run, "ready", "ready");
        assert_eq!(run.tls(0).len(), 1, "{mode}");
        assert_eq!(run.tls(0)[0].verification, verification, "{mode}");
        assert_eq!(run.tls(0)[0].protocols, [""; 0], "{mode}");
        assert_eq!(fact(&run, "tls"), Some("yes"), "{mode}");
    }
    for mode in ["disable", "none"] {
        let run = with(mode, vec![works()]);
        expect(&run, "ready", "ready");
        assert!(run.tls(0).is_empty());
        assert!(!contains(run.sent(0), &[0x04, 0xd2, 0x16, 0x2f]), "{mode}");
    }
}

#[test]
fn a_server_without_tls_is_final_where_tls_is_wanted() {
    for mode in ["prefer", "allow"] {
        let run = with(mode, vec![Step::send(b"N"), works()]);
        expect(&run, "ready", "ready");
        assert_eq!(fact(&run, "tls"), Some("no"));
    }
    for mode in [
        "require",
        "verify-ca",
        "verify-full",
        "server",
        "server-strict",
    ] {
        let run = with(mode, vec![Step::send(b"N"), works()]);
        expect(&run, "misconfigured", "tls-unsupported");
        assert!(!contains(run.sent(0), b"dbadmin"), "{mode}");
    }
}

#[test]
fn an_error_in_place_of_the_answer_is_read() {
    let starting = error("57V03", 4149, "Node startup/recovery in progress");
    let run = with("prefer", vec![Step::send(&starting)]);
    expect(&run, "not-ready", "starting-up");
    let run = with("prefer", vec![Step::send(b"ERROR\r\n")]);
    expect(&run, "misconfigured", "wrong-protocol");
    assert!(run.verdict.reason().contains("memcached"));
}

#[test]
fn failed_handshakes_keep_the_hosts_words() {
    let expired = Fault::fix("tls-certificate", "the certificate has expired");
    let run = with(
        "verify-full",
        vec![Step::send(b"S"), Step::TlsFault(expired)],
    );
    expect(&run, "misconfigured", "tls-certificate");
    let broken = Fault::retry("tls-handshake", "the peer does not speak tls");
    let run = with("require", vec![Step::send(b"S"), Step::TlsFault(broken)]);
    expect(&run, "not-ready", "tls-handshake");
}

#[test]
fn plain_text_behind_the_answer_never_becomes_the_servers_word() {
    // The bytes stay in the socket, where the handshake meets them; none is read as an answer.
    let injected = [b"S".to_vec(), auth(0, &[]), greeting(), node_up()].concat();
    let run = with("require", vec![Step::send(injected)]);
    assert_ne!(run.verdict.code(), "ready");
    assert!(!contains(run.sent(0), b"dbadmin"));
}

#[test]
fn a_hang_up_without_a_word_is_waited_for() {
    for mode in ["disable", "prefer", "require"] {
        let run = with(mode, vec![]);
        expect(&run, "not-ready", "closed");
        assert!(run.verdict.reason().contains("without a word"), "{mode}");
        let run = with(mode, vec![Step::reset()]);
        expect(&run, "not-ready", "closed");
        let run = with(mode, vec![Step::Silence]);
        expect(&run, "not-ready", "timed-out");
    }
    // After a first word it is a server that went away.
    let run = with("prefer", vec![Step::send(b"N")]);
    expect(&run, "not-ready", "closed");
    let cut = &auth(66048, &[0; 24])[..9];
    for end in [vec![], vec![Step::reset()]] {
        let run = with("disable", [vec![Step::send(cut)], end].concat());
        expect(&run, "not-ready", "closed");
    }
}

#[test]
fn nobody_at_home_is_waited_for() {
    let run = target().check::<Vertica>();
    expect(&run, "not-ready", "refused");
}

#[test]
fn strangers_are_named() {
    for (bytes, name) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP"),
        (b"-ERR unknown command\r\n", "Redis"),
        (b"\x15\x03\x03\0\x02\x02\x46", "TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"220 mail.example ESMTP\r\n", "mail"),
        (b"AMQP\0\0\x09\x01", "AMQP"),
        (b"INFO {\"server_id\":1}\r\n", "NATS"),
        (b"RFB 003.008\n", "VNC"),
        (b"J\0\0\0\x0a8.0.36\0", "MySQL"),
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03", "HTTP/2"),
        (b"????", "does not speak"),
    ] {
        let run = with("disable", vec![Step::send(bytes)]);
        expect(&run, "misconfigured", "wrong-protocol");
        assert!(run.verdict.reason().contains(name), "{name}");
        assert!(hint(&run).contains("5433"));
        // The SSH server's first letter is the answer yes to a request for TLS.
        if name != "SSH" {
            let run = with("prefer", vec![Step::send(bytes)]);
            expect(&run, "misconfigured", "wrong-protocol");
            assert!(run.verdict.reason().contains(name), "{name}");
        }
    }
}

#[test]
fn postgresql_is_told_from_vertica() {
    // What PostgreSQL 15 answered to the probe: it offers protocol 3.0 first.
    let real = b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0R\0\0\0\x08\0\0\0\0E\0\0\0cSFATAL\0VFATAL\0C28000\0\
        Mrole \"dbadmin\" does not exist\0Fmiscinit.c\0L768\0RInitializeSessionUserId\0\0";
    let run = with("prefer", vec![Step::send(b"N"), Step::send(real)]);
    expect(&run, "misconfigured", "wrong-protocol");
    assert!(run.verdict.reason().contains("PostgreSQL"));
    // Its errors have a word where Vertica has a number, and an SQLSTATE that Vertica lacks.
    let run = with("disable", vec![Step::send(&real[22..])]);
    expect(&run, "misconfigured", "wrong-protocol");
    assert!(run.verdict.reason().contains("PostgreSQL"));
    let old = b"SFATAL\0C08P01\0Minvalid startup packet\0\0";
    let run = with("disable", vec![Step::send(common::message(b'E', old))]);
    expect(&run, "misconfigured", "wrong-protocol");
}

#[test]
fn impossible_lengths_are_refused() {
    // Nothing has been said yet: another protocol.
    for length in [0_u32, 3, 1 << 24, u32::MAX] {
        let bytes = [b"R".as_slice(), &length.to_be_bytes()].concat();
        let run = with("disable", vec![Step::send(bytes)]);
        expect(&run, "misconfigured", "wrong-protocol");
        // In mid-conversation: a broken server.
        let bytes = [auth(0, &[]), b"S".to_vec(), length.to_be_bytes().to_vec()].concat();
        let run = with("disable", vec![Step::send(bytes)]);
        expect(&run, "not-ready", "protocol-error");
    }
}

fn balanced(host: &str, port: u32) -> Vec<u8> {
    let body = [port.to_be_bytes().as_slice(), host.as_bytes(), b"\0"].concat();
    common::message(b'Y', &body)
}

#[test]
fn load_balancing_is_not_asked_for_by_default() {
    let run = judged(|| plain().conversation([works()]));
    assert!(!contains(run.sent(0), &[0x04, 0xd3, 0, 0]));
}

#[test]
fn load_balancing_is_followed_where_the_user_allows_the_address() {
    let asking = || plain().value("connection-load-balance", "true");
    let run = judged(|| {
        asking()
            .allow("10.0.0.2", 5433)
            .conversation([Step::send(balanced("10.0.0.2", 5433))])
            .conversation([works()])
    });
    expect(&run, "ready", "ready");
    assert_eq!(run.connections(), 2);
    assert_eq!(run.address(1), "10.0.0.2:5433");
    assert_eq!(run.sent(0).len(), 8, "no start-up for the first node");
    assert!(contains(run.sent(1), b"dbadmin"));

    let run = judged(|| asking().conversation([Step::send(balanced("10.0.0.2", 5433))]));
    expect(&run, "misconfigured", "policy-denied");
    assert!(hint(&run).contains("--allow 10.0.0.2:5433"));

    // Pointed to where it already is, it stays.
    let run = judged(|| asking().conversation([Step::send(balanced("dw", 5433)), works()]));
    expect(&run, "ready", "ready");
    assert_eq!(run.connections(), 1);
}

#[test]
fn odd_load_balancing_answers_are_no_panic() {
    for answer in [
        balanced("", 5433),
        balanced("dw", 0),
        balanced("dw", 70_000),
        [b"Y".as_slice(), &4_u32.to_be_bytes()].concat(),
        [b"Y".as_slice(), &u32::MAX.to_be_bytes()].concat(),
    ] {
        let run = judged(|| {
            plain()
                .value("connection-load-balance", "true")
                .conversation([Step::send(&answer)])
        });
        expect(&run, "not-ready", "protocol-error");
    }
}
