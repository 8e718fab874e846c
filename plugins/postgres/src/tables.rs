//! Names of tables as users write them, checked offline so that a slip is a
//! usage error and not an answer of the server.

use alloc::format;

use waitfor_sdk::Misuse;

/// Asks for a relation by name; NULL-safe, and without the right to read it.
/// `to_regclass` takes the text as SQL would read it, so the name is bound
/// as a value and never becomes a part of the statement.
pub(crate) const EXISTS: &str = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";

/// Checks that `name` is `table` or `schema.table`, quoted or not.
pub(crate) fn check(name: &str) -> Result<(), Misuse> {
    let mut rest = name;
    for part in 0..2 {
        rest = match identifier(rest) {
            Some("") => return Ok(()),
            Some(after) => match after.strip_prefix('.') {
                Some(next) if part == 0 => next,
                _ => break,
            },
            None => break,
        };
    }
    Err(Misuse::new(
        "bad-parameter",
        format!("`{name}` is not the name of a table"),
    )
    .param("expect-table")
    .hint("write `name` or `schema.name`, and double quotes around a part that has other letters: 'app.\"Order Items\"'"))
}

/// What follows the identifier that `text` begins with.
fn identifier(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('"') {
        return after_quoted(quoted);
    }
    let end = text
        .char_indices()
        .find(|(at, letter)| !belongs(*letter, *at == 0))
        .map_or(text.len(), |(at, _)| at);
    if end == 0 { None } else { text.get(end..) }
}

fn belongs(letter: char, first: bool) -> bool {
    letter == '_'
        || letter.is_ascii_alphabetic()
        || !letter.is_ascii()
        || !first && (letter.is_ascii_digit() || letter == '$')
}

fn after_quoted(text: &str) -> Option<&str> {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\0' {
            return None;
        }
        if letter == '"' {
            if letters.peek().is_some_and(|(_, next)| *next == '"') {
                letters.next();
            } else if at == 0 {
                return None;
            } else {
                return text.get(at + 1..);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_as_sql_writes_them_pass() {
        for name in [
            "users",
            "app.users",
            "_x$1",
            "\"Order Items\"",
            "app.\"a\"\"b\"",
            "\"x.y\".\"z\"",
            "grün",
        ] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn anything_else_is_a_usage_error() {
        for name in [
            "", ".", "a.", ".a", "a.b.c", "1a", "a b", "a;b", "\"\"", "\"a", "\"a\"b", "a'b",
            "a\0", "\"a\0\"", "a--", "a.b ",
        ] {
            let misuse = check(name).expect_err(name);
            assert_eq!(misuse.code, "bad-parameter");
        }
    }
}
