//! Peers that hang up, say nothing, want TLS, or are another service.

use waitfor_probe_redis::Redis;
use waitfor_sdk::native::{Session, Step};
use waitfor_sdk::{Fault, TlsOptions};

use crate::support::{advice, capture, check, outcome};

fn plain(steps: &[Step]) -> Session {
    Session::new("redis", "cache", 6379).conversation(steps.to_vec())
}

fn secured(steps: &[Step]) -> Session {
    Session::new("rediss", "cache", 6379).conversation(steps.to_vec())
}

#[test]
fn accepting_and_closing_is_not_ready() {
    for steps in [vec![], vec![Step::reset()]] {
        let run = check(|| plain(&steps));
        assert_eq!(outcome(&run.verdict), "not-ready closed");
        assert_eq!(
            run.verdict.reason(),
            "accepts connections and closes them at once (as a port that wants tls does)"
        );
    }
    for steps in [vec![Step::Tls], vec![Step::Tls, Step::reset()]] {
        let run = check(|| secured(&steps));
        assert_eq!(outcome(&run.verdict), "not-ready closed");
        assert_eq!(
            run.verdict.reason(),
            "accepts connections and closes them at once"
        );
    }
}

#[test]
fn hanging_up_later_is_not_ready() {
    for answers in ["+OK\r\n", "+OK\r\n+PO", "+OK\r\n$5"] {
        let run = check(|| plain(&[Step::send(answers)]).secret("password", "x"));
        assert_eq!(outcome(&run.verdict), "not-ready closed", "{answers}");
    }
}

#[test]
fn nobody_there() {
    let run = Session::new("redis", "cache", 6379).check::<Redis>();
    assert_eq!(outcome(&run.verdict), "not-ready refused");
    let run = Session::new("redis", "cache", 6379)
        .unreachable(Fault::retry("name-unknown", "no address for `cache`"))
        .check::<Redis>();
    assert_eq!(outcome(&run.verdict), "not-ready name-unknown");
}

#[test]
fn silence() {
    let run = check(|| plain(&[Step::Silence]));
    assert_eq!(outcome(&run.verdict), "not-ready timed-out");
    assert_eq!(
        run.verdict.reason(),
        "accepts connections, but does not answer"
    );
}

#[test]
fn tls_is_verified_in_full_and_offers_no_protocol() {
    for scheme in ["rediss", "valkeys"] {
        let run = check(|| {
            Session::new(scheme, "cache", 6379)
                .conversation([Step::Tls, Step::send(capture("ready"))])
        });
        assert_eq!(outcome(&run.verdict), "ready");
        assert_eq!(run.tls(0), [TlsOptions::new()]);
        assert_eq!(run.stages, ["connecting", "securing", "querying"]);
    }
    let run = check(|| plain(&[Step::Tls, Step::send(capture("ready"))]).value("tls", "true"));
    assert_eq!(run.tls(0).len(), 1);
}

#[test]
fn tls_that_fails() {
    for (fault, expected) in [
        (
            Fault::fix("tls-certificate", "the certificate has expired"),
            "misconfigured tls-certificate",
        ),
        (
            Fault::retry("tls-handshake", "the peer does not speak tls"),
            "not-ready tls-handshake",
        ),
        (Fault::stop("timed-out", ""), "not-ready timed-out"),
        (Fault::retry("closed", ""), "not-ready closed"),
    ] {
        let run = check(|| secured(&[Step::TlsFault(fault.clone())]));
        assert_eq!(outcome(&run.verdict), expected);
    }
    let run = check(|| secured(&[Step::TlsFault(Fault::stop("timed-out", ""))]));
    assert_eq!(
        run.verdict.reason(),
        "does not answer the tls handshake, as a port without tls does not (redis://)"
    );
}

#[test]
fn a_tls_alert_asks_for_tls() {
    let run = check(|| plain(&[Step::send(b"\x15\x03\x01\x00\x02\x02\x46")]));
    assert_eq!(outcome(&run.verdict), "misconfigured tls-required");
    assert_eq!(
        advice(&run.verdict).1,
        Some("use rediss:// (or valkeys://, or --tls)")
    );
}

#[test]
fn other_services_are_named() {
    for (greeting, who) in [
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n".as_slice(),
            "a web server",
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "an ssh server"),
        (b"220 mail ESMTP\r\n", "a mail or ftp server"),
        (b"INFO {\"server_id\":\"N\"}\r\n", "a nats server"),
        (b"AMQP\x00\x00\x09\x01", "an amqp broker"),
        (b"RFB 003.008\n", "a vnc server"),
        (b"ERROR\r\nERROR\r\n", "a memcached server"),
        (b"J\x00\x00\x00\x0a8.0.36\x00", "a mysql server"),
        (
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03",
            "an http/2 server",
        ),
        (b"E\x00\x00\x00\x8cSFATAL\x00", "a postgresql server"),
        (
            b"%1\r\n+a\r\n+b\r\n",
            "a server of the protocol's version 3",
        ),
    ] {
        let run = check(|| plain(&[Step::send(greeting), Step::Silence]));
        assert_eq!(outcome(&run.verdict), "misconfigured wrong-protocol");
        assert!(
            run.verdict
                .reason()
                .starts_with(&format!("this is {who}, not a redis: it says `")),
            "{}",
            run.verdict.reason()
        );
    }
    let run = check(|| plain(&[Step::send("hello there\r\n")]));
    assert_eq!(
        run.verdict.reason(),
        "does not speak the protocol of redis: it says `hello there`"
    );
}

#[test]
fn answers_that_fit_the_protocol_but_not_the_question() {
    for answer in [
        "+OK POP3 ready\r\n",
        ":1\r\n",
        "$4\r\nPONG\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*1\r\n+PONG\r\n",
        "* OK IMAP4rev1\r\n",
        "$99999999\r\n",
        "$-2\r\n",
        "*9999999\r\n",
        ":one\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+deep\r\n",
        "+PONG PONG\r\n",
    ] {
        let run = check(|| plain(&[Step::send(answer)]));
        assert_eq!(
            outcome(&run.verdict),
            "misconfigured wrong-protocol",
            "{answer}"
        );
    }
}

#[test]
fn endless_lines_are_cut() {
    let run = check(|| plain(&[Step::send("-ERR ".to_string() + &"x".repeat(100_000))]));
    assert_eq!(outcome(&run.verdict), "misconfigured wrong-protocol");
    let run = check(|| plain(&[Step::send(format!("-ERR {}\r\n", "y".repeat(5000)))]));
    assert_eq!(outcome(&run.verdict), "not-ready server-error");
    assert!(run.verdict.reason().len() < 300, "{}", run.verdict.reason());
}

#[test]
fn control_characters_are_not_passed_on() {
    let run = check(|| plain(&[Step::send("-ERR \x1b[31mred\x07\r\n")]));
    assert_eq!(
        run.verdict.reason(),
        "answers PING with an error: ERR .[31mred."
    );
}

/// Answers made of pieces of the protocol, chosen by a fixed generator.
#[test]
fn garbage_is_never_ready_and_never_panics() {
    let pieces: [&[u8]; 16] = [
        b"+",
        b"-",
        b":",
        b"$",
        b"*",
        b"\r\n",
        b"\n",
        b"0",
        b"-1",
        b"7",
        b"4294967296",
        b"LOADING ",
        b"ERR ",
        b"\xff\xfe\x00",
        b"role:slave",
        b"OK",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..3_000 {
        let mut bytes = Vec::new();
        for _ in 0..12 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let index = usize::try_from(state % 16).unwrap_or(0);
            bytes.extend_from_slice(pieces[index]);
        }
        for scheme in ["redis", "redis+sentinel"] {
            let run = Session::new(scheme, "cache", 1)
                .value("database", if scheme == "redis" { "1" } else { "main" })
                .value("cluster", "true")
                .value("expect-key", "k")
                .secret("password", "x")
                .conversation([Step::send(&bytes)])
                .check::<Redis>();
            assert_ne!(outcome(&run.verdict), "ready", "{bytes:?}");
        }
    }
}

#[test]
fn captures_cut_anywhere_are_never_better_than_whole() {
    let whole = capture("cluster-no-slots");
    for len in 0..whole.len() {
        let run = plain(&[Step::send(&whole[..len])])
            .value("cluster", "true")
            .check::<Redis>();
        assert_ne!(outcome(&run.verdict), "ready", "{len}");
    }
}
