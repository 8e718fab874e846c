//! Values that must not be shown, and the scrubbing of every text that leaves
//! the program.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// What stands in a text where a secret was.
const BLANK: &str = "(secret)";

/// Values shorter than this are not blanked: a one-letter password would turn
/// every report into blanks and betray itself by their places.
const SHORTEST: usize = 4;

/// A value that must not be shown; it shows itself as `(secret)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Wraps the bytes of a secret.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(Arc::from(bytes.as_ref()))
    }

    /// The bytes.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(BLANK)
    }
}

/// Blanks known secrets in texts: as they are, and as a URL would write them.
#[derive(Debug, Clone, Default)]
pub struct Scrubber {
    forms: Arc<[Form]>,
}

#[derive(Clone)]
struct Form(String);

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(BLANK)
    }
}

impl Scrubber {
    /// A scrubber for these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets {
            let Ok(text) = std::str::from_utf8(secret.reveal()) else {
                continue;
            };
            if text.chars().count() < SHORTEST {
                continue;
            }
            let encoded = percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
            forms.extend([
                text.to_owned(),
                encoded.to_lowercase(),
                encoded,
                json_form(text),
            ]);
        }
        // Longest first, so that no secret is cut by one that it contains.
        forms.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        Self {
            forms: forms.into_iter().map(Form).collect(),
        }
    }

    /// The text without secrets.
    pub fn scrub(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for Form(form) in self.forms.iter() {
            if clean.contains(form.as_str()) {
                clean = clean.replace(form.as_str(), BLANK);
            }
        }
        clean
    }
}

/// The text as it stands inside a JSON string.
fn json_form(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber(secret: &str) -> Scrubber {
        Scrubber::new([&Secret::new(secret)])
    }

    #[test]
    fn blanks_a_secret_in_every_form_that_texts_hold() {
        let scrubber = scrubber("p@ss \"w/rd");
        assert_eq!(scrubber.scrub("x p@ss \"w/rd y"), "x (secret) y");
        assert_eq!(
            scrubber.scrub("redis://:p%40ss%20%22w%2Frd@h"),
            "redis://:(secret)@h"
        );
        assert_eq!(
            scrubber.scrub("redis://:p%40ss%20%22w%2frd@h"),
            "redis://:(secret)@h"
        );
        assert_eq!(
            scrubber.scrub(r#"{"a":"p@ss \"w/rd"}"#),
            r#"{"a":"(secret)"}"#
        );
    }

    #[test]
    fn leaves_very_short_secrets_alone() {
        assert_eq!(scrubber("abc").scrub("abc abcd"), "abc abcd");
    }

    #[test]
    fn a_secret_never_shows_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "(secret)");
        assert_eq!(
            format!("{:?}", scrubber("hunter2")),
            "Scrubber { forms: [(secret)] }"
        );
    }
}
