//! Captures, and a check that runs each conversation whole and byte by byte.

use waitfor_probe_redis::Redis;
use waitfor_sdk::Verdict;
use waitfor_sdk::native::{Run, Session, Step};

/// The bytes of a capture.
pub(crate) fn capture(name: &str) -> Vec<u8> {
    let path = format!("{}/captures/{name}.bin", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A server at `cache:6379` that answers with captures, one after the other.
pub(crate) fn server(captures: &[&str]) -> Session {
    let answers = captures.iter().map(|name| Step::send(capture(name)));
    Session::new("redis", "cache", 6379).conversation(answers)
}

/// Runs the probe twice, on whole answers and on single bytes; the verdict
/// must be the same.
pub(crate) fn check(session: impl Fn() -> Session) -> Run {
    let whole = session().check::<Redis>();
    let pieces = session().in_pieces_of(1).check::<Redis>();
    assert_eq!(whole.verdict, pieces.verdict);
    whole
}

/// The verdict's word and its code, as in `not-ready loading`.
pub(crate) fn outcome(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Ready(_) => "ready".to_string(),
        Verdict::NotReady(pending) => format!("not-ready {}", pending.code),
        Verdict::Misconfigured(misuse) => format!("misconfigured {}", misuse.code),
    }
}

/// The value of a fact.
pub(crate) fn fact<'a>(verdict: &'a Verdict, name: &str) -> Option<&'a str> {
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

/// The parameter and the hint of a verdict that says misconfigured.
pub(crate) fn advice(verdict: &Verdict) -> (Option<&str>, Option<&str>) {
    match verdict {
        Verdict::Misconfigured(misuse) => (misuse.param.as_deref(), misuse.hint.as_deref()),
        other => panic!("{}: {}", outcome(other), other.reason()),
    }
}
