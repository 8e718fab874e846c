//! Names the protocol of a peer that is not PostgreSQL by its first bytes,
//! since "wrong port" is the most frequent mistake and the least obvious.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use waitfor_sdk::{Connection, Misuse, Pending, Unready};

use crate::fault::line;

/// How many bytes tell protocols apart.
const ENOUGH: usize = 8;
/// How long to wait for them, in milliseconds: the peer has begun to speak.
const PATIENCE: u32 = 200;

/// The verdict on a peer whose answer, `seen` so far, is none of PostgreSQL.
pub(crate) fn verdict(connection: &mut Connection, seen: &[u8]) -> Unready {
    let bytes = gather(connection, seen, ENOUGH);
    misuse(&bytes).into()
}

/// The verdict on an answer that begins as an error, but not as one of
/// protocol 3.0: `E` and a text is how the server says that it cannot start a
/// process for the connection.
pub(crate) fn bare_error(connection: &mut Connection, seen: &[u8]) -> Unready {
    const LONGEST: usize = 1024;
    if name(seen).is_some() {
        return verdict(connection, seen);
    }
    let bytes = gather(connection, seen, LONGEST);
    let text = bytes.get(1..).unwrap_or_default();
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    Pending::new(
        "server-error",
        format!("could not take up the connection: {}", line(text)),
    )
    .into()
}

/// What was seen and what follows, until `enough` or until nothing comes.
fn gather(connection: &mut Connection, seen: &[u8], enough: usize) -> Vec<u8> {
    let mut bytes = seen.to_vec();
    connection.limit(PATIENCE);
    while bytes.len() < enough {
        match connection.read_some() {
            Ok(more) if !more.is_empty() => bytes.extend_from_slice(&more),
            _ => break,
        }
    }
    bytes.truncate(enough);
    bytes
}

fn misuse(bytes: &[u8]) -> Misuse {
    if bytes.starts_with(b"\x15\x03") {
        return Misuse::new(
            "tls-required",
            "the port wants tls from the first byte, and was spoken to in plaintext",
        )
        .param("sslnegotiation")
        .hint(
            "for PostgreSQL 17 or a proxy that ends tls: sslmode=require&sslnegotiation=direct; \
             else check the port",
        );
    }
    let reason = match name(bytes) {
        Some(name) => format!("that is {name}, not PostgreSQL"),
        None => format!(
            "the answer is none of PostgreSQL's: it begins with {}",
            hex(bytes)
        ),
    };
    Misuse::new("wrong-protocol", reason).hint("check the host and the port")
}

/// Whose first bytes these are.
fn name(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 13] = [
        (b"HTTP/", "a web server (HTTP)"),
        (b"SSH-", "an SSH server"),
        (b"AMQP", "an AMQP broker, such as RabbitMQ"),
        (b"INFO ", "a NATS server"),
        (b"RFB ", "a VNC server"),
        (b"220", "a mail or FTP server"),
        (b"* OK", "an IMAP server"),
        (b"-ERR", "a Redis server"),
        (b"-NOAUTH", "a Redis server"),
        (b"-DENIED", "a Redis server"),
        (b"+OK", "a Redis or POP3 server"),
        (b"ERROR", "a memcached server"),
        (b"<", "a web server or XML service"),
    ];
    if let Some((_, name)) = starts.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(name);
    }
    match bytes {
        // A greeting: three bytes of length, number 0, then version 10, or
        // 255 where it is an error.
        [_, _, 0, 0, 0x0a | 0xff, ..] => Some("a MySQL or MariaDB server"),
        // The same after its first byte was taken for `N`, "no TLS".
        [_, 0, 0, 0x0a | 0xff, b'0'..=b'9', ..] => Some("a MySQL or MariaDB server"),
        // A SETTINGS frame.
        [0, 0, _, 4, 0, 0, 0, 0] => Some("an HTTP/2 or gRPC server"),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> alloc::string::String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if pairs.is_empty() {
        "nothing".to_string()
    } else {
        pairs.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_peers_are_named() {
        for (bytes, word) in [
            (&b"HTTP/1.1"[..], "web server"),
            (b"SSH-2.0-", "SSH"),
            (b"INFO {\"s", "NATS"),
            (b"-ERR unk", "Redis"),
            (b"\x4a\0\0\0\x0a5.7", "MySQL"),
            (b"\0\0\0\x0a10.1", "MySQL"),
            (b"\0\0\x06\x04\0\0\0\0", "HTTP/2"),
            (b"220 mail", "mail"),
        ] {
            let misuse = misuse(bytes);
            assert_eq!(misuse.code, "wrong-protocol");
            assert!(misuse.reason.contains(word), "{}", misuse.reason);
        }
    }

    #[test]
    fn an_unknown_peer_is_shown_by_its_bytes() {
        assert!(misuse(b"\x01\xfe").reason.ends_with("01 fe"));
        assert_eq!(misuse(b"\x15\x03\x03\0\x02\x02").code, "tls-required");
    }
}
