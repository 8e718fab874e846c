//! The probe against peers that stay, speak, keep silent, or hang up.

use waitfor_probe_tcp::Tcp;
use waitfor_sdk::native::{Run, Session, Step};
use waitfor_sdk::{Fault, TlsOptions, Verdict};

fn port(steps: &[Step]) -> Session {
    Session::new("tcp", "app", 9000).conversation(steps.to_vec())
}

/// Runs the probe on whole answers and on single bytes; the verdict must be
/// the same.
fn check(session: impl Fn() -> Session) -> Run {
    let whole = session().check::<Tcp>();
    let pieces = session().in_pieces_of(1).check::<Tcp>();
    assert_eq!(whole.verdict.code(), pieces.verdict.code());
    whole
}

fn fact<'a>(verdict: &'a Verdict, name: &str) -> Option<&'a str> {
    let facts = match verdict {
        Verdict::Ready(ready) => &ready.facts,
        Verdict::NotReady(pending) => &pending.facts,
        Verdict::Misconfigured(misuse) => &misuse.facts,
    };
    facts
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn staying_open_is_ready() {
    let run = check(|| port(&[Step::Silence]));
    assert_eq!(run.verdict.code(), "ready");
    assert_eq!(
        run.verdict.reason(),
        "accepts connections and keeps them open for 200 ms"
    );
    assert!(run.sent(0).is_empty());
    let run = check(|| {
        Session::unix("unix", "/run/app.sock")
            .value("hold", "50")
            .conversation([Step::Silence])
    });
    assert_eq!(
        run.verdict.reason(),
        "accepts connections and keeps them open for 50 ms"
    );
}

#[test]
fn speaking_is_ready_at_once() {
    let run = port(&[Step::send("220 mail\r\n")]).check::<Tcp>();
    assert_eq!(run.verdict.code(), "ready");
    assert_eq!(fact(&run.verdict, "received"), Some("220 mail\\r\\n"));
    check(|| port(&[Step::send("\0")]));
}

#[test]
fn closing_at_once_is_not_ready() {
    for steps in [vec![], vec![Step::reset()]] {
        for (name, value) in [("hold", "200"), ("expect", "220"), ("send", "hi")] {
            let run = check(|| port(&steps).value(name, value));
            assert_eq!(run.verdict.code(), "closed", "{name}");
            assert_eq!(
                run.verdict.reason(),
                "accepts connections and closes them at once"
            );
        }
    }
}

#[test]
fn without_a_hold_accepting_is_enough() {
    let run = check(|| port(&[]).value("hold", "0"));
    assert_eq!(run.verdict.reason(), "accepts connections");
}

#[test]
fn nobody_there() {
    let run = Session::new("tcp", "app", 9000).check::<Tcp>();
    assert_eq!(run.verdict.code(), "refused");
    let run = Session::new("tcp", "app", 9000)
        .unreachable(Fault::retry("name-unknown", "no address for `app`"))
        .check::<Tcp>();
    assert_eq!(run.verdict.code(), "name-unknown");
}

#[test]
fn an_expected_answer_is_ready() {
    for (name, value) in [
        ("expect", "VERSION 1."),
        ("expect", "\\x56ERSION"),
        ("expect-hex", "56 45 52"),
    ] {
        let run = check(|| {
            port(&[Step::send("VERSION 1.6.18\r\n"), Step::Silence])
                .value("send", "version\\r\\n")
                .value(name, value)
        });
        assert_eq!(run.verdict.code(), "ready", "{value}");
        assert_eq!(run.sent(0), b"version\r\n");
    }
    let run = check(|| {
        port(&[Step::send("\x01\x02\x03")])
            .value("send-hex", "00:ff")
            .value("expect-hex", "0203")
    });
    assert_eq!(run.verdict.reason(), "answers with `\\x02\\x03`");
    assert_eq!(run.sent(0), b"\x00\xff");
}

#[test]
fn another_answer_is_not_ready() {
    for (last, ending) in [
        (Some(Step::Silence), "and no more"),
        (Some(Step::reset()), "and hung up"),
        (None, "and closed the connection"),
    ] {
        let steps: Vec<Step> = [Step::send("421 busy\r\n")]
            .into_iter()
            .chain(last)
            .collect();
        let run = check(|| port(&steps).value("expect", "220"));
        assert_eq!(run.verdict.code(), "unexpected-answer");
        assert_eq!(
            run.verdict.reason(),
            format!("expected `220`, but the service said `421 busy\\r\\n` {ending}")
        );
        assert_eq!(fact(&run.verdict, "received"), Some("421 busy\\r\\n"));
    }
}

#[test]
fn an_answer_without_end_is_cut() {
    let run = check(|| port(&[Step::send(vec![b'x'; 66_000])]).value("expect", "y"));
    assert_eq!(run.verdict.code(), "unexpected-answer");
    assert!(run.verdict.reason().len() < 200, "{}", run.verdict.reason());
}

#[test]
fn an_answer_may_come_in_parts_and_after_other_bytes() {
    let run = check(|| {
        port(&[
            Step::send("aab"),
            Step::send("aabaab"),
            Step::send("c"),
            Step::Silence,
        ])
        .value("expect", "aabaabc")
    });
    assert_eq!(run.verdict.code(), "ready");
}

#[test]
fn silence_is_no_answer() {
    let run = check(|| port(&[Step::Silence]).value("expect", "220"));
    assert_eq!(run.verdict.code(), "timed-out");
    assert_eq!(
        run.verdict.reason(),
        "accepts connections, but says nothing of what is expected"
    );
}

#[test]
fn an_attempt_that_is_over_is_not_ready() {
    let run = port(&[Step::Fail(Fault::stop("timed-out", "the attempt is over"))]).check::<Tcp>();
    assert_eq!(run.verdict.code(), "timed-out");
    assert!(matches!(run.verdict, Verdict::NotReady(_)));
}

#[test]
fn tls_comes_first() {
    let run = check(|| {
        port(&[Step::Tls, Step::send("220 hi")])
            .value("tls", "true")
            .value("expect", "220")
    });
    assert_eq!(run.verdict.code(), "ready");
    assert_eq!(run.tls(0), [TlsOptions::new()]);
    assert_eq!(run.stages, ["connecting", "securing", "expecting"]);
}

#[test]
fn tls_that_fails() {
    for (fault, code, misconfigured) in [
        (
            Fault::fix("tls-certificate", "expired"),
            "tls-certificate",
            true,
        ),
        (
            Fault::retry("tls-handshake", "no tls"),
            "tls-handshake",
            false,
        ),
        (Fault::retry("closed", ""), "closed", false),
        (Fault::stop("timed-out", ""), "timed-out", false),
    ] {
        let run = check(|| port(&[Step::TlsFault(fault.clone())]).value("tls", "true"));
        assert_eq!(run.verdict.code(), code);
        assert_eq!(
            matches!(run.verdict, Verdict::Misconfigured(_)),
            misconfigured,
            "{code}"
        );
    }
}

#[test]
fn parameters_are_checked_before_any_connection() {
    for (parameters, param) in [
        ([("send", "\\q"), ("hold", "1")].as_slice(), "send"),
        (&[("expect", "")], "expect"),
        (&[("expect", "\\x0")], "expect"),
        (&[("send-hex", "0g")], "send-hex"),
        (&[("expect-hex", "012")], "expect-hex"),
        (&[("send", "a"), ("send-hex", "00")], "send-hex"),
        (&[("expect", "a"), ("expect-hex", "00")], "expect-hex"),
    ] {
        let session = || {
            parameters
                .iter()
                .fold(port(&[Step::Silence]), |session, (name, value)| {
                    session.value(name, value)
                })
        };
        let misuse = session().validate::<Tcp>();
        assert_eq!(
            misuse.and_then(|misuse| misuse.param).as_deref(),
            Some(param)
        );
        let run = session().check::<Tcp>();
        assert_eq!(run.verdict.code(), "bad-parameter");
        assert_eq!(run.connections(), 0);
    }
    assert_eq!(port(&[]).validate::<Tcp>(), None);
}
