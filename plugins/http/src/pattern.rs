//! Regular expressions over a body, in the syntax of the `regex` crate, on
//! bytes: in linear time, so that a pattern cannot eat the attempt.

use alloc::format;
use alloc::string::String;

use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;

/// The most memory for a compiled pattern, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

/// A compiled pattern.
pub(crate) struct Pattern(PikeVM);

impl Pattern {
    /// Compiles a pattern. Classes as `\w` mean their ASCII members.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        PikeVM::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .nfa_size_limit(Some(MAX_SIZE)),
            )
            .build(text)
            .map(Self)
            .map_err(|error| format!("{error}"))
    }

    /// Whether it matches anywhere in the text.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        self.0.is_match(&mut self.0.create_cache(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn matches_as_users_expect() {
        for (pattern, text, matches) in [
            ("ready", "is ready now", true),
            ("^ready$", "is ready now", false),
            (r"(?m)^state:\s+(up|ok)$", "a\nstate:  up\nb", true),
            (r"(?i)READY", "ready", true),
            (r"\d{3}\b", "abc 123", true),
            ("a.c", "a\nc", false),
            ("(?s)a.c", "a\nc", true),
            ("caf\u{e9}", "caf\u{e9}", true),
            ("", "", true),
            (r"[^\x00-\x7f]", "\u{e9}", true),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(text.as_bytes()), matches, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none_and_what_is_too_large() {
        for pattern in ["(", "[a", "a{2,1}", r"\", "(a{1000}){1000}", "(?P<n"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn needs_no_time_for_what_backtrackers_choke_on() {
        let pattern = Pattern::new("(a*)*(a*)*b").unwrap();
        assert!(!pattern.matches("a".repeat(20_000).as_bytes()));
    }
}
