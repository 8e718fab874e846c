//! libpq's `key=value` strings, quoted as its documentation says
//! (postgresql.org/docs/current/libpq-connect.html, "Keyword/Value
//! Connection Strings").

use std::iter::Peekable;
use std::str::Chars;

/// Whether the text is such a string, and no URL, word or address: it starts
/// with a word and `=`.
pub(crate) fn looks_like(text: &str) -> bool {
    text.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The pairs of the string in their order. Reasons never repeat a value.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        skip_space(&mut letters);
        if letters.peek().is_none() {
            return Ok(pairs);
        }
        let mut key = String::new();
        while let Some(letter) = letters.next_if(|letter| *letter != '=' && !letter.is_whitespace())
        {
            key.push(letter);
        }
        skip_space(&mut letters);
        if key.is_empty() || letters.next() != Some('=') {
            // The stray word may be the rest of a password with a space.
            return Err("a word is not followed by `=`".to_owned());
        }
        skip_space(&mut letters);
        let value = match letters.next_if_eq(&'\'') {
            Some(_) => quoted(&mut letters)
                .ok_or_else(|| format!("the value of `{key}` lacks its closing quote"))?,
            None => bare(&mut letters),
        };
        pairs.push((key, value));
    }
}

fn skip_space(letters: &mut Peekable<Chars<'_>>) {
    while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
}

fn quoted(letters: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut value = String::new();
    loop {
        match letters.next()? {
            '\'' => return Some(value),
            '\\' => value.push(letters.next()?),
            letter => value.push(letter),
        }
    }
}

fn bare(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
        if letter == '\\' {
            value.extend(letters.next());
        } else {
            value.push(letter);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_libpq_reads() {
        let cases: [(&str, &[(&str, &str)]); 8] = [
            ("", &[]),
            ("host=db dbname=app", &[("host", "db"), ("dbname", "app")]),
            ("host = db\tport =\n5", &[("host", "db"), ("port", "5")]),
            (
                "dbname='my app' user=''",
                &[("dbname", "my app"), ("user", "")],
            ),
            (r"password='it\'s \\ so'", &[("password", r"it's \ so")]),
            (r"password=a\ b\'c", &[("password", "a b'c")]),
            ("password=a'b=c", &[("password", "a'b=c")]),
            ("user= password='x'", &[("user", "password='x'")]),
        ];
        for (text, pairs) in cases {
            let found = parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"));
            let found: Vec<_> = found
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect();
            assert_eq!(found, pairs, "{text}");
        }
        for wrong in [
            "host",
            "host=db hunter2",
            "=x",
            "password='hunter2",
            r"password='hunter2\",
        ] {
            let reason = parse(wrong).expect_err(wrong);
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }

    #[test]
    fn tells_itself_from_other_targets() {
        assert!(looks_like("host=db"));
        assert!(looks_like(" dbname = x"));
        for text in ["db:5432", "postgres://h/d?a=b", "db", "=x", ""] {
            assert!(!looks_like(text), "{text}");
        }
    }
}
