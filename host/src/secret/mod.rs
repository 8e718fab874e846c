//! Values that must not be shown, and the scrubbing of every text that comes
//! from outside: a plugin that saw a secret, or a server that was sent it, may
//! repeat it. `docs/secrets.md` has the rule,
//! `docs/decisions/0008-redaction.md` why it is this one.

pub mod guard;
mod known;
mod lists;
mod views;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use known::Known;
pub use words::{Component, Public};

/// What stands in a text where a secret was.
const BLANK: &str = "(secret)";

/// The most bytes of a text that are looked at; what is beyond is cut off. It
/// is more than any report shows of one text.
pub const LOOKED_AT: usize = 8192;

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

/// Blanks known secrets in texts, however they are written there.
#[derive(Clone, Default)]
pub struct Scrubber {
    known: Option<Arc<Known>>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scrubber").finish_non_exhaustive()
    }
}

impl Scrubber {
    /// A scrubber for these secrets, but for those that a report would show
    /// anyway: `public` knows what that is.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>, public: Public) -> Self {
        let known = Known::new(secrets.into_iter().map(Secret::reveal), public);
        Self {
            known: known.map(Arc::new),
        }
    }

    /// The text without secrets, and not longer than [`LOOKED_AT`].
    pub fn scrub(&self, text: &str) -> String {
        let text = &text[..text.floor_char_boundary(LOOKED_AT)];
        match &self.known {
            Some(known) => blanked(text, &known.places(text.as_bytes())),
            None => text.to_owned(),
        }
    }
}

/// The text with a blank in each place; the places are byte ranges in order
/// that do not touch.
fn blanked(text: &str, places: &[(usize, usize)]) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for (start, end) in places {
        // What lies between two characters belongs to the first.
        let start = text.floor_char_boundary(*start).max(from);
        clean.push_str(&text[from..start]);
        clean.push_str(BLANK);
        from = text.ceil_char_boundary(*end).max(start);
    }
    clean.push_str(&text[from..]);
    clean
}
