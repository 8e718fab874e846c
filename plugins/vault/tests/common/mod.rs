//! What the tests of the vault probe share: answers, captured or written out,
//! and runs whose outcome must not depend on how the bytes arrive.

use waitfor_probe_vault::Vault;
use waitfor_sdk::native::{Run, Session, Step};

/// The bytes that a real OpenBao 2.7.2 sent.
#[macro_export]
macro_rules! captured {
    ($name:literal) => {
        include_bytes!(concat!("../captures/", $name, ".bin")).to_vec()
    };
}

/// An answer with a JSON body.
pub(crate) fn json(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A target without TLS.
pub(crate) fn plain() -> Session {
    Session::new("vault+http", "vault", 8200)
}

/// One attempt in which each connection gets one answer, made whole, in single
/// bytes and in sevens; all must end alike and leave no answer unused.
#[track_caller]
pub(crate) fn run(session: impl Fn() -> Session, answers: &[Vec<u8>]) -> Run {
    let attempt = |session: Session| {
        answers
            .iter()
            .fold(session, |session, answer| {
                session.conversation([Step::send(answer)])
            })
            .check::<Vault>()
    };
    let whole = attempt(session());
    assert_eq!(whole.unused, 0, "{:?}", whole.verdict);
    for len in [1, 7] {
        let pieces = attempt(session().in_pieces_of(len));
        assert_eq!(whole.verdict, pieces.verdict, "in pieces of {len}");
    }
    whole
}

/// A header's value in what was sent on a connection.
pub(crate) fn sent_header(run: &Run, connection: usize, name: &str) -> Option<String> {
    let text = String::from_utf8(run.sent(connection).to_vec()).unwrap();
    text.lines().find_map(|line| {
        line.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(": "))
            .map(str::to_owned)
    })
}

/// The first line that was sent on a connection.
pub(crate) fn request_line(run: &Run, connection: usize) -> String {
    let text = String::from_utf8(run.sent(connection).to_vec()).unwrap();
    text.lines().next().unwrap_or_default().to_owned()
}
