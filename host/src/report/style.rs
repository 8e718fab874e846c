//! Colours, in one place, so that they can be left out in one place.

use std::borrow::Cow;

use super::settings::Color;
use super::variable;

/// How text is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    colored: bool,
}

impl Style {
    /// The style for a stream that is a terminal or not, as the user and the
    /// variables `NO_COLOR` and `TERM` want it.
    pub fn new(color: Color, terminal: bool) -> Self {
        let (no_color, term) = (variable("NO_COLOR"), variable("TERM"));
        Self {
            colored: color.decide(terminal, no_color.as_deref(), term.as_deref()),
        }
    }

    /// For what is well.
    pub fn good<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("32", text)
    }

    /// For what is awaited.
    pub fn wait<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("33", text)
    }

    /// For what failed.
    pub fn bad<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("1;31", text)
    }

    /// For the next step.
    pub fn hint<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("36", text)
    }

    /// For what matters less.
    pub fn dim<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("2", text)
    }

    fn paint<'a>(self, code: &str, text: &'a str) -> Cow<'a, str> {
        if self.colored {
            Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
        } else {
            Cow::Borrowed(text)
        }
    }
}
