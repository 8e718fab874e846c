//! Another protocol on Vertica's port: said by name, since waiting will not change it.

use alloc::format;

use waitfor_sdk::Misuse;

/// How long to listen for more of a stranger's words, in milliseconds.
pub(crate) const PATIENCE: u32 = 200;

/// How many bytes tell who it is, if any do.
pub(crate) const ENOUGH: usize = 12;

const POSTGRES: &str = "PostgreSQL";

/// The services that give themselves away by their first bytes.
const STRANGERS: [(&[u8], &str); 14] = [
    (b"HTTP/", "an HTTP server"),
    (b"<html", "an HTTP server"),
    (b"\x15\x03", "a server that speaks TLS from the first byte"),
    (b"SSH-", "an SSH server"),
    (b"220", "a mail or FTP server"),
    (b"AMQP", "an AMQP broker"),
    (b"INFO {", "a NATS server"),
    (b"RFB ", "a VNC server"),
    (b"-ERR", "a Redis server"),
    (b"-NOAUTH", "a Redis server"),
    (b"-DENIED", "a Redis server"),
    (b"-LOADING", "a Redis server"),
    (b"ERROR\r\n", "a memcached server"),
    (b"\0\0\x12\x04\0\0\0\0\0", "an HTTP/2 server"),
];

/// What to call whoever sent these bytes.
pub(crate) fn name_of(seen: &[u8]) -> Option<&'static str> {
    let known = STRANGERS
        .iter()
        .find(|(first, _)| seen.starts_with(first))
        .map(|(_, name)| *name);
    // A packet's length in three bytes, its number 0, and protocol 10, or 255 for an error.
    known.or(match seen {
        [_, _, 0, 0, 10 | 255, ..] => Some("a MySQL or MariaDB server"),
        // PostgreSQL offers its own version of the protocol.
        [b'v', 0, 0, ..] => Some(POSTGRES),
        _ => None,
    })
}

/// The verdict on a stranger who sent these bytes.
pub(crate) fn wrong_protocol(seen: &[u8]) -> Misuse {
    let who = match name_of(seen) {
        Some(name) => format!("{name} answers there, not Vertica"),
        None => "what answers there does not speak Vertica's protocol".into(),
    };
    look_at_the_port(&who)
}

/// The verdict on a PostgreSQL server, whose protocol is close enough to answer.
pub(crate) fn postgres() -> Misuse {
    look_at_the_port(&format!("{POSTGRES} answers there, not Vertica"))
}

fn look_at_the_port(who: &str) -> Misuse {
    Misuse::new("wrong-protocol", who)
        .hint("check host and port: Vertica listens for clients on 5433 unless told otherwise")
}
