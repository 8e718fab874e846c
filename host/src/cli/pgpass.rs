//! PostgreSQL's password file: `host:port:database:user:password` lines, as
//! its documentation says (postgresql.org/docs/current/libpq-pgpass.html).

/// What a line must match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The names under which the host may stand there: for a socket its
    /// folder and `localhost`.
    pub(crate) hosts: &'a [String],
    /// The port.
    pub(crate) port: u16,
    /// The database.
    pub(crate) database: &'a str,
    /// The user.
    pub(crate) user: &'a str,
}

/// The password of the first line that matches.
pub(crate) fn find(content: &[u8], wanted: Wanted<'_>) -> Option<Vec<u8>> {
    let port = wanted.port.to_string();
    content.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b"#") {
            return None;
        }
        let (host, rest) = field(line)?;
        let (found_port, rest) = field(rest)?;
        let (database, rest) = field(rest)?;
        let (user, password) = field(rest)?;
        let fits = |field: &Field, text: &str| field.any || field.text == text.as_bytes();
        let matches = wanted.hosts.iter().any(|name| fits(&host, name))
            && fits(&found_port, &port)
            && fits(&database, wanted.database)
            && fits(&user, wanted.user);
        let password = unescaped(password);
        (matches && !password.is_empty()).then_some(password)
    })
}

struct Field {
    text: Vec<u8>,
    /// A bare `*`.
    any: bool,
}

/// The field up to the next `:` that no backslash precedes, and the rest.
fn field(line: &[u8]) -> Option<(Field, &[u8])> {
    let mut at = 0;
    while *line.get(at)? != b':' {
        at += if line[at] == b'\\' { 2 } else { 1 };
    }
    let raw = &line[..at];
    let field = Field {
        text: unescaped(raw),
        any: raw == b"*",
    };
    Some((field, &line[at + 1..]))
}

/// The text with each backslash taken away and what follows it kept; a
/// password ends at a `:` that stands bare.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => text.extend(bytes.next()),
            b':' => break,
            _ => text.push(*byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(content: &str, host: &str, database: &str) -> Option<String> {
        let hosts = [host.to_owned(), "localhost".to_owned()];
        let wanted = Wanted {
            hosts: &hosts,
            port: 5432,
            database,
            user: "app",
        };
        find(content.as_bytes(), wanted).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_first_line_that_matches_wins() {
        let content = "# db:5432:shop:app:commented\n\
                       db:5433:shop:app:other-port\n\
                       db:5432:shop:root:other-user\n\
                       db:5432:shop:app:right\r\n\
                       *:*:*:*:anything\n";
        assert_eq!(password(content, "db", "shop").as_deref(), Some("right"));
        assert_eq!(password(content, "db", "else").as_deref(), Some("anything"));
        assert_eq!(
            password("localhost:*:*:app:socket", "/run", "x").as_deref(),
            Some("socket")
        );
        assert_eq!(
            password("/run:*:*:app:folder", "/run", "x").as_deref(),
            Some("folder")
        );
        assert_eq!(password("", "db", "shop"), None);
    }

    #[test]
    fn backslashes_keep_what_follows() {
        assert_eq!(
            password(r"fe80\:\:1:5432:*:app:a\:b\\c", "fe80::1", "x").as_deref(),
            Some(r"a:b\c")
        );
        assert_eq!(password(r"\*:*:*:*:only-a-star", "db", "x"), None);
    }

    #[test]
    fn broken_lines_are_passed_over() {
        for line in [
            "db",
            "db:5432",
            "db:5432:x:app",
            "db:5432:x:app:",
            r"db:5432:x:app\",
            "\\",
        ] {
            assert_eq!(password(line, "db", "x"), None, "{line}");
        }
    }
}
