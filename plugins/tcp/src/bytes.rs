//! Users write bytes as text with escapes or in hexadecimal, and read them
//! back as printable text: the ways between the two.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How many characters of an answer are shown.
const MAX_EXCERPT: usize = 80;

/// Why a text does not stand for bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    /// What is wrong, and where.
    pub(crate) what: String,
    /// What to write in its place.
    pub(crate) hint: &'static str,
}

/// The bytes of a text, in which `\r`, `\n`, `\t`, `\\` and `\xHH` stand for
/// one byte each.
pub(crate) fn from_text(text: &str) -> Result<Vec<u8>, Bad> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let digits = (rest.next().and_then(nibble), rest.next().and_then(nibble));
                match digits {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => {
                        return Err(bad_escape(
                            "`\\x` is not followed by two hexadecimal digits",
                        ));
                    }
                }
            }
            Some(other) => return Err(bad_escape(&format!("`\\{other}` is no escape"))),
            None => return Err(bad_escape("it ends in a single `\\`")),
        });
    }
    Ok(bytes)
}

fn bad_escape(what: &str) -> Bad {
    Bad {
        what: what.into(),
        hint: "write \\r, \\n, \\t, \\xHH, and \\\\ for a backslash",
    }
}

/// The bytes that pairs of hexadecimal digits stand for; spaces and colons
/// between pairs are allowed.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, Bad> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for character in text.chars() {
        if high.is_none() && matches!(character, ' ' | ':') {
            continue;
        }
        let Some(digit) = nibble(character) else {
            return Err(bad_hex(format!("`{character}` is no hexadecimal digit")));
        };
        high = match high {
            None => Some(digit),
            Some(high) => {
                bytes.push(high << 4 | digit);
                None
            }
        };
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(bad_hex("the last byte has only one digit".into())),
    }
}

fn bad_hex(what: String) -> Bad {
    Bad {
        what,
        hint: "write two hexadecimal digits a byte, as in 0d0a",
    }
}

fn nibble(character: char) -> Option<u8> {
    character
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// The beginning of some bytes in printable characters, escaped as users
/// write them.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let shown = match byte {
            b'\r' => "\\r".into(),
            b'\n' => "\\n".into(),
            b'\t' => "\\t".into(),
            b'\\' => "\\\\".into(),
            b' '..=b'~' => String::from(char::from(*byte)),
            _ => format!("\\x{byte:02x}"),
        };
        if text.len() + shown.len() > MAX_EXCERPT {
            text.push_str("...");
            break;
        }
        text.push_str(&shown);
    }
    text
}

/// Whether `needle` is somewhere in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len().max(1))
        .any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_every_escape() {
        assert_eq!(
            from_text("a\\r\\n\\t\\\\\\x00\\xfFé"),
            Ok(b"a\r\n\t\\\x00\xff\xc3\xa9".to_vec())
        );
    }

    #[test]
    fn bad_escapes_are_named() {
        for (text, what) in [
            ("\\", "it ends in a single `\\`"),
            ("a\\q", "`\\q` is no escape"),
            ("\\x1", "`\\x` is not followed by two hexadecimal digits"),
            ("\\xg0", "`\\x` is not followed by two hexadecimal digits"),
        ] {
            assert_eq!(from_text(text).map_err(|bad| bad.what), Err(what.into()));
        }
    }

    #[test]
    fn hexadecimal_with_and_without_separators() {
        for text in ["0d0aFF", "0d 0a ff", "0D:0a:ff"] {
            assert_eq!(from_hex(text), Ok(b"\r\n\xff".to_vec()));
        }
    }

    #[test]
    fn bad_hexadecimal_is_named() {
        for (text, what) in [
            ("0d0", "the last byte has only one digit"),
            ("zz", "`z` is no hexadecimal digit"),
            ("0 d", "` ` is no hexadecimal digit"),
        ] {
            assert_eq!(from_hex(text).map_err(|bad| bad.what), Err(what.into()));
        }
    }

    #[test]
    fn excerpts_are_printable_and_short() {
        assert_eq!(
            excerpt(b"220 hi\r\n\x00\x7f\\"),
            "220 hi\\r\\n\\x00\\x7f\\\\"
        );
        let long = excerpt(&[0xff; 500]);
        assert!(long.ends_with("\\xff..."), "{long}");
        assert!(long.len() <= MAX_EXCERPT + 3, "{long}");
    }

    #[test]
    fn search_needs_the_whole_needle() {
        assert!(find(b"abc", b"bc"));
        assert!(!find(b"abc", b"bd"));
        assert!(!find(b"", b"a"));
    }
}
