//! A Vertica server's bytes, for scripts; written apart from the probe's own framing.
#![allow(dead_code, reason = "each test binary uses its own part")]

use waitfor_probe_vertica::Vertica;
use waitfor_sdk::Verdict;
use waitfor_sdk::native::{Run, Session, Step};

/// Runs the same attempt twice, the second time with the server's bytes one by one, and returns the
/// first: the verdict must not hang on how the network cuts them.
pub(crate) fn judged(make: impl Fn() -> Session) -> Run {
    let whole = make().check::<Vertica>();
    let pieces = make().in_pieces_of(1).check::<Vertica>();
    assert_eq!(whole.verdict, pieces.verdict, "in pieces of one byte");
    assert_eq!(whole.sent(0), pieces.sent(0), "in pieces of one byte");
    whole
}

/// A target with user `dbadmin` and database `db`, without TLS unless the test says so.
pub(crate) fn target() -> Session {
    Session::new("vertica", "dw", 5433)
        .value("user", "dbadmin")
        .value("database", "db")
}

/// The same, with TLS off.
pub(crate) fn plain() -> Session {
    target().value("tlsmode", "disable")
}

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

pub(crate) fn auth(code: u32, extra: &[u8]) -> Vec<u8> {
    message(b'R', &[code.to_be_bytes().as_slice(), extra].concat())
}

pub(crate) fn error(sqlstate: &str, number: u32, text: &str) -> Vec<u8> {
    let body = format!("SFATAL\0C{sqlstate}\0M{text}\0Fx.cpp\0L1\0Rf\0V{number}\0\0");
    message(b'E', body.as_bytes())
}

/// An error without Vertica's number, as some texts of the documentation have none.
pub(crate) fn plain_error(sqlstate: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0C{sqlstate}\0M{text}\0\0").as_bytes())
}

pub(crate) fn notice(text: &str) -> Vec<u8> {
    message(b'N', format!("SNOTICE\0C00000\0M{text}\0\0").as_bytes())
}

pub(crate) fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// What follows a right password.
pub(crate) fn greeting() -> Vec<u8> {
    [
        auth(0, &[]),
        message(b'S', b"server_version\0v24.1.0-0\0"),
        message(b'S', b"protocol_version\x00196624\0"),
        message(b'K', &[0, 0, 0x10, 0x92, 0, 0, 0, 7]),
        ready(),
    ]
    .concat()
}

/// A result: a description in Vertica's shape, the rows, and the end.
pub(crate) fn rows(rows: &[&[Option<&str>]]) -> Vec<u8> {
    let columns = rows.first().map_or(1, |row| row.len());
    let mut description = (columns as u16).to_be_bytes().to_vec();
    description.extend([0; 4]);
    for place in 0..columns {
        // Name, table 0, place, native type, type 9, size, null, identity, modifier, format.
        description.extend(format!("c{place}\0").as_bytes());
        description.extend([0; 8]);
        description.extend((place as u16 + 1).to_be_bytes());
        description.extend([
            0, 0, 0, 0, 9, 0xff, 0xff, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0,
        ]);
    }
    let mut bytes = message(b'T', &description);
    for row in rows {
        let mut body = (row.len() as u16).to_be_bytes().to_vec();
        for value in *row {
            match value {
                Some(text) => {
                    body.extend((text.len() as i32).to_be_bytes());
                    body.extend(text.as_bytes());
                }
                None => body.extend((-1_i32).to_be_bytes()),
            }
        }
        bytes.extend(message(b'D', &body));
    }
    bytes.extend(message(b'C', b"SELECT\0"));
    bytes.extend(ready());
    bytes
}

/// One row of `SELECT 1`.
pub(crate) fn one() -> Vec<u8> {
    rows(&[&[Some("1")]])
}

/// The node that the session is on, up and writable.
pub(crate) fn node_up() -> Vec<u8> {
    rows(&[&[Some("v_db_node0001"), Some("UP"), Some("t"), Some("f")]])
}

/// An error of a query, and the session goes on.
pub(crate) fn failed(sqlstate: &str, number: u32, text: &str) -> Vec<u8> {
    [error(sqlstate, number, text), ready()].concat()
}

/// The server's side of one connection.
pub(crate) fn says(parts: &[Vec<u8>]) -> [Step; 1] {
    [Step::send(parts.concat())]
}

pub(crate) fn verdict(run: &Run) -> (&str, &str) {
    let word = match &run.verdict {
        Verdict::Ready(_) => "ready",
        Verdict::NotReady(_) => "not-ready",
        Verdict::Misconfigured(_) => "misconfigured",
    };
    (word, run.verdict.code())
}

#[track_caller]
pub(crate) fn expect(run: &Run, word: &str, code: &str) {
    assert_eq!(verdict(run), (word, code), "{:?}", run.verdict);
    let reason = run.verdict.reason();
    assert!(!reason.ends_with('.'), "{reason}");
    assert!(!reason.contains('\n'), "{reason}");
    assert!(
        !reason.starts_with(|c: char| c.is_uppercase())
            || ["PostgreSQL", "HTTP"]
                .iter()
                .any(|name| reason.starts_with(name)),
        "{reason}"
    );
}

/// A fact of the verdict.
pub(crate) fn fact<'a>(run: &'a Run, name: &str) -> Option<&'a str> {
    let facts = match &run.verdict {
        Verdict::Ready(ready) => &ready.facts,
        Verdict::NotReady(pending) => &pending.facts,
        Verdict::Misconfigured(misuse) => &misuse.facts,
    };
    facts
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// The hint of a mistake.
pub(crate) fn hint(run: &Run) -> &str {
    match &run.verdict {
        Verdict::Misconfigured(misuse) => misuse.hint.as_deref().unwrap_or_default(),
        _ => "",
    }
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
