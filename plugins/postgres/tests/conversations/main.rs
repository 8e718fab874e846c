//! Whole conversations against the probe: captured from real servers where
//! one could be brought to say it, else made by hand; each also delivered one
//! byte at a time, since a server may send in pieces of any length.

mod hosts;
mod login;
mod malice;
mod queries;
mod tls;

use waitfor_probe_postgres::Postgres;
use waitfor_sdk::native::{Run, Session, Step};
use waitfor_sdk::{Misuse, Pending, Ready, Verdict};

/// The bytes that a real server sent.
macro_rules! captured {
    ($name:literal) => {
        include_bytes!(concat!("../../captures/", $name, ".res.bin")).as_slice()
    };
}
pub(crate) use captured;

/// A target with a user, a database and a password, and TLS switched off.
fn target() -> Session {
    encrypted("disable").secret("password", "pencil")
}

/// A target with a user and a database, and the `sslmode`.
fn encrypted(sslmode: &str) -> Session {
    Session::new("postgres", "db", 5432)
        .value("user", "app")
        .value("dbname", "shop")
        .value("sslmode", sslmode)
}

/// Runs the conversation whole and byte by byte; both must end alike.
fn check(make: impl Fn() -> Session) -> Run {
    let whole = make().check::<Postgres>();
    let in_bytes = make().in_pieces_of(1).check::<Postgres>();
    assert_eq!(whole.verdict, in_bytes.verdict);
    whole
}

/// The verdict on a server that sends `bytes` in plaintext and closes.
fn answer(bytes: &[u8]) -> Verdict {
    check(|| target().conversation([Step::send(bytes)])).verdict
}

#[track_caller]
fn ready(verdict: Verdict) -> Ready {
    match verdict {
        Verdict::Ready(ready) => ready,
        other => panic!("{}: {}", other.code(), other.reason()),
    }
}

#[track_caller]
fn pending(verdict: Verdict, code: &str) -> Pending {
    match verdict {
        Verdict::NotReady(pending) if pending.code == code => pending,
        other => panic!("{}: {}", other.code(), other.reason()),
    }
}

#[track_caller]
fn misuse(verdict: Verdict, code: &str) -> Misuse {
    match verdict {
        Verdict::Misconfigured(misuse) if misuse.code == code => {
            assert!(misuse.hint.is_some(), "no hint for {}", misuse.reason);
            misuse
        }
        other => panic!("{}: {}", other.code(), other.reason()),
    }
}

fn fact<'a>(ready: &'a Ready, name: &str) -> Option<&'a str> {
    let mut facts = ready.facts.iter();
    facts
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// A message of the server.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// An error of the server.
fn error(severity: &str, code: &str, text: &str, detail: &str) -> Vec<u8> {
    let mut body = format!("S{severity}\0V{severity}\0C{code}\0M{text}\0");
    if !detail.is_empty() {
        body += &format!("D{detail}\0");
    }
    body.push('\0');
    message(b'E', body.as_bytes())
}

/// What a server of this version says from the proof to its readiness.
fn welcome(status: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = message(b'R', &[0, 0, 0, 0]);
    for (name, value) in status {
        bytes.extend(message(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    bytes.extend(message(b'K', &[0; 8]));
    bytes.extend(idle());
    bytes
}

/// What PostgreSQL 14 and later say that matters.
fn modern(standby: bool, read_only: bool) -> Vec<u8> {
    let word = |on| if on { "on" } else { "off" };
    welcome(&[
        ("server_version", "15.20"),
        ("in_hot_standby", word(standby)),
        ("default_transaction_read_only", word(read_only)),
    ])
}

/// Ready for a query.
fn idle() -> Vec<u8> {
    message(b'Z', b"I")
}

/// The answer to a simple query: a row of one column for each value.
fn rows(values: &[&str]) -> Vec<u8> {
    let mut bytes = message(b'T', b"\0\0");
    for value in values {
        let mut row = vec![0, 1];
        row.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
        row.extend_from_slice(value.as_bytes());
        bytes.extend(message(b'D', &row));
    }
    bytes.extend(message(b'C', b"SELECT\0"));
    bytes.extend(idle());
    bytes
}
