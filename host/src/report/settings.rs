//! What the user asked of the output.

/// The form of the output (`--output`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people, on stderr.
    #[default]
    Text,
    /// One JSON object a line, on stdout; `docs/json-output.md` has the schema.
    Json,
}

/// When text is coloured (`--color`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Always, whatever `NO_COLOR` says.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to colour, for a stream that is a terminal or not.
    /// `no_color` and `term` are the values of the variables of these names;
    /// an empty `NO_COLOR` counts as unset (no-color.org).
    pub fn decide(self, terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb"),
        }
    }
}

/// The options of the host that say what is told, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputSettings {
    /// Text or JSON.
    pub format: Format,
    /// Nothing but what failed (`-q`).
    pub quiet: bool,
    /// `-v`: every attempt; `-vv`: what plugins log, too.
    pub verbose: u8,
    /// Colours.
    pub color: Color,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_terminal_and_the_conventions() {
        assert!(Color::Auto.decide(true, None, Some("xterm")));
        assert!(Color::Auto.decide(true, Some(""), None));
        assert!(!Color::Auto.decide(true, Some("1"), None));
        assert!(!Color::Auto.decide(true, None, Some("dumb")));
        assert!(!Color::Auto.decide(false, None, None));
        assert!(Color::Always.decide(false, Some("1"), Some("dumb")));
        assert!(!Color::Never.decide(true, None, None));
    }
}
