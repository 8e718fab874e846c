//! Names a protocol by the first bytes that its server sends, so that "not
//! http" can say what it is instead.

/// The protocol of a server that begins with `bytes`; none where they do not
/// tell. Sixteen bytes are enough.
pub fn protocol_of(bytes: &[u8]) -> Option<&'static str> {
    const TEXTS: [(&[u8], &str); 15] = [
        (b"SSH-", "ssh"),
        (b"220 ", "smtp or ftp"),
        (b"220-", "smtp or ftp"),
        (b"AMQP", "amqp"),
        (b"INFO {", "nats"),
        (b"RFB ", "vnc"),
        (b"* OK", "imap"),
        (b"-ERR", "redis"),
        (b"-NOAUTH", "redis"),
        (b"-DENIED", "redis"),
        (b"-LOADING", "redis"),
        (b"-MASTERDOWN", "redis"),
        (b"+OK", "pop3 or redis"),
        (b"+PONG", "redis"),
        (b"ERROR\r\n", "memcached"),
    ];
    if let Some((_, name)) = TEXTS.iter().find(|(text, _)| bytes.starts_with(text)) {
        return Some(name);
    }
    match *bytes {
        [0x15 | 0x16, 3, 0..=4, ..] => Some("tls"),
        // A SETTINGS frame of at most 255 bytes on stream 0.
        [0, 0, _, 4, _, 0, 0, 0, 0, ..] => Some("http/2"),
        // A MySQL packet, number 0: a greeting of version 10, or an error.
        [_, _, 0, 0, 10 | 0xff, ..] => Some("mysql"),
        // An ErrorResponse of version 3: its length, then field S.
        [b'E', 0, 0, _, _, b'S', ..] => Some("postgresql"),
        [0x30, 0x0c, 2, 1, ..] => Some("ldap"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::protocol_of;

    #[test]
    fn names_what_the_first_bytes_tell() {
        for (bytes, name) in [
            (&b"\x15\x03\x01\x00\x02\x02\x0a"[..], "tls"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
            (b"-ERR unknown command\r\n", "redis"),
            (b"-NOAUTH Authentication required.\r\n", "redis"),
            (b"220 mail ESMTP\r\n", "smtp or ftp"),
            (b"AMQP\0\0\x09\x01", "amqp"),
            (b"INFO {\"server_id\"", "nats"),
            (b"RFB 003.008\n", "vnc"),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", "http/2"),
            (b"\x4a\0\0\0\x0a5.5.5-10.11", "mysql"),
            (b"\x47\0\0\0\xff\x10\x04Too many", "mysql"),
            (b"E\0\0\0\x82SFATAL\0", "postgresql"),
        ] {
            assert_eq!(protocol_of(bytes), Some(name), "{bytes:?}");
        }
    }

    #[test]
    fn keeps_silent_about_others() {
        for bytes in [&b""[..], b"\0", b"HTTP/1.1 200 OK", b"hello", b"\x30\x0c"] {
            assert_eq!(protocol_of(bytes), None, "{bytes:?}");
        }
    }
}
