//! What may be shown of a text that may hold a password and that could not be
//! understood, so that nobody knows where in it the password stands.

/// The longest text that an error repeats, in characters.
const LONGEST: usize = 120;

/// The text for a message: shortened, control characters written as escapes.
pub(crate) fn shown(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST).flat_map(escape).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// The whole text, control characters written as escapes.
pub(crate) fn clean(text: &str) -> String {
    text.chars().flat_map(escape).collect()
}

fn escape(letter: char) -> impl Iterator<Item = char> {
    let escaped = letter.is_control().then(|| letter.escape_default());
    let plain = escaped.is_none().then_some(letter);
    escaped.into_iter().flatten().chain(plain)
}

/// A target for a message, without whatever may be a password: what stands
/// before an `@`, what follows `?`, `#` or `=`, and a port that is none.
pub(crate) fn target(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if super::url::is_scheme(scheme) => (format!("{scheme}://"), rest),
        _ => (String::new(), text),
    };
    let end = rest.find(['?', '#', '=']);
    let tail = match (rest.rfind('@'), end) {
        (Some(at), Some(end)) if end < at => return format!("{scheme}***"),
        (Some(at), end) => (
            format!("{scheme}***@"),
            &rest[at + 1..end.unwrap_or(rest.len())],
        ),
        (None, end) => (scheme, &rest[..end.unwrap_or(rest.len())]),
    };
    let (mut line, rest) = tail;
    line.push_str(&shown(&without_odd_port(rest)));
    if end.is_some() {
        line.push('…');
    }
    line
}

/// `user:secret` looks like `host:port`, so only digits are shown as a port.
fn without_odd_port(rest: &str) -> String {
    if rest.starts_with('[') {
        return rest.to_owned();
    }
    match rest.split_once(':') {
        Some((host, after)) => {
            let port = after.split(['/', ',']).next().unwrap_or_default();
            if port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) {
                rest.to_owned()
            } else {
                format!("{host}:…")
            }
        }
        None => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_what_may_be_a_password() {
        let cases = [
            ("db:5432", "db:5432"),
            ("redis://h:6379/0", "redis://h:6379/0"),
            ("redis://:hunter2@h:6379/0", "redis://***@h:6379/0"),
            (
                "postgres://u:hunter2@h/db?password=hunter2",
                "postgres://***@h/db…",
            ),
            ("postgres://u:hun/ter2@h/db", "postgres://***@h/db"),
            ("postgres://u:hun?ter2@h/db", "postgres://***"),
            ("postgres://u:hun#ter2@h/db", "postgres://***"),
            ("postgres://u:hun=ter2@h/db", "postgres://***"),
            ("postgres://u:p@hunter2@h/db", "postgres://***@h/db"),
            ("postgres://h/db?password=hunt@er2", "postgres://***"),
            ("postgres://u:hunter2", "postgres://u:…"),
            ("postgres://u:hunter2/db", "postgres://u:…"),
            ("u:hunter2@h:1", "***@h:1"),
            ("host=db password=hunter2", "host…"),
            ("h:1?password=hunter2", "h:1…"),
            ("[::1]:x", "[::1]:x"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("", ""),
        ];
        for (text, line) in cases {
            assert_eq!(target(text), line, "{text}");
        }
    }

    #[test]
    fn shortens_what_is_long() {
        let line = shown(&"é".repeat(500));
        assert_eq!(line.chars().count(), LONGEST + 1);
    }
}
