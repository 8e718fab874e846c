//! Texts from a registry end up on terminals and in reports, so each is one
//! line of bounded length before it goes there.

/// The most characters that such a line may have.
pub const MAX_LINE: usize = 500;

/// What keeps `text` from being one line that can be shown, to be said after
/// what the text is, as in `its summary`; none where nothing does.
pub fn line_problem(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("is empty")
    } else if text.contains(char::is_control) {
        Some("is more than one line")
    } else if text.chars().count() > MAX_LINE {
        Some("is longer than 500 characters")
    } else {
        None
    }
}

/// `text` as one line: its first one, without control characters, at most
/// [`MAX_LINE`] characters.
pub fn one_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars()
        .filter(|letter| !letter.is_control())
        .take(MAX_LINE)
        .collect()
}

/// Whether `text` is the scheme of a URL in lower case (RFC 3986, section
/// 3.1).
pub fn is_scheme(text: &str) -> bool {
    let allowed = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.')
    };
    text.starts_with(|letter: char| letter.is_ascii_lowercase()) && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_why_a_text_is_not_one_line() {
        let long = "ä".repeat(MAX_LINE + 1);
        let cases = [
            ("works", None),
            (" ", Some("is empty")),
            ("a\nb", Some("is more than one line")),
            ("a\u{1b}[2J", Some("is more than one line")),
            (&long, Some("is longer than 500 characters")),
        ];
        for (text, expected) in cases {
            assert_eq!(line_problem(text), expected, "{text}");
        }
    }

    #[test]
    fn keeps_the_first_line() {
        assert_eq!(
            one_line("\n  works \u{1b}[31mwell\r\nand more"),
            "works [31mwell"
        );
    }

    proptest! {
        #[test]
        fn every_text_becomes_one_line(text in "(?s).{0,40}") {
            let line = one_line(&text);
            prop_assert!(!line.contains(char::is_control));
            prop_assert!(line.chars().count() <= MAX_LINE);
        }
    }
}
