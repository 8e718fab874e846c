//! Failed host calls in the words of this protocol: who hung up, and when,
//! says more than the call that failed.

use alloc::format;
use alloc::string::String;

use waitfor_sdk::{Connection, Fault, Misuse, Pending, Remedy, Unready};

/// A connection that failed while the login went on.
pub(crate) fn at_login(fault: Fault, connection: &Connection, encrypted: bool) -> Unready {
    if fault.is_hang_up() {
        let reason = match (connection.received(), encrypted) {
            (0, _) => "accepts connections and closes them at once",
            (_, true) => "closed the connection after the tls handshake, before the login",
            (_, false) => "closed the connection during the login",
        };
        return Pending::new("closed", reason).into();
    }
    slow(
        fault,
        "took the connection, but did not answer the login in time",
    )
}

/// A connection that failed while a query was being answered.
pub(crate) fn at_query(fault: Fault) -> Unready {
    if fault.is_hang_up() {
        return Pending::new(
            "closed",
            "let the user log in, then closed the connection instead of answering the query",
        )
        .into();
    }
    slow(
        fault,
        "let the user log in, but did not answer the query in time",
    )
}

/// A TLS handshake that failed.
pub(crate) fn at_handshake(fault: Fault, direct: bool) -> Unready {
    match (fault.code.as_str(), fault.remedy) {
        ("tls-certificate", Remedy::Fix) => Misuse::new("tls-certificate", fault.detail)
            .param("sslrootcert")
            .hint(
                "give the authority that signed it with sslrootcert=FILE (or --tls-ca), \
                 and check that the host's name is in the certificate",
            )
            .into(),
        ("tls-handshake", _) | ("closed" | "reset", Remedy::Retry) => {
            let reason = if direct {
                format!(
                    "no tls from the first byte, which only PostgreSQL 17 and later speak: {}",
                    fault.detail
                )
            } else {
                format!("agreed to tls, but the handshake failed: {}", fault.detail)
            };
            Pending::new("tls-handshake", reason).into()
        }
        _ => slow(
            fault,
            "agreed to tls, but did not finish the handshake in time",
        ),
    }
}

fn slow(fault: Fault, reason: &str) -> Unready {
    if fault.is_timeout() {
        return Pending::new("timed-out", reason).into();
    }
    fault.into()
}

/// The server's text as one printable line of bounded length.
pub(crate) fn line(bytes: &[u8]) -> String {
    const LONGEST: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let mut line = String::new();
    for (count, word) in text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .enumerate()
    {
        if count > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    while line.ends_with('.') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::line;
    use alloc::string::String;

    #[test]
    fn a_server_cannot_break_the_line() {
        assert_eq!(line(b" a\r\n\x1b[31m\tb\0c. "), "a [31m b c");
        assert_eq!(line(&[0xff, b'x']), "\u{fffd}x");
        assert_eq!(line("é".repeat(400).as_bytes()).chars().count(), 301);
        assert_eq!(line(b""), String::new());
    }
}
