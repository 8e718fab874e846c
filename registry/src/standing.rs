//! What its publisher says of a version afterwards: a published version never
//! changes, so a warning has to be a statement beside it.

use std::fmt;

/// How a published version stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was said, or what was said was taken back.
    #[default]
    Good,
    /// It works and has a successor: users are told, and new resolutions
    /// still take it.
    Deprecated {
        /// Why, one line.
        reason: String,
    },
    /// It must not be taken up: users who have it are warned, and new
    /// resolutions pass it over.
    Yanked {
        /// Why, one line.
        reason: String,
    },
}

impl Standing {
    /// Whether new resolutions pass the version over.
    pub fn is_yanked(&self) -> bool {
        matches!(self, Self::Yanked { .. })
    }

    /// The word for it, also in documents: `good`, `deprecated`, `yanked`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Deprecated { .. } => "deprecated",
            Self::Yanked { .. } => "yanked",
        }
    }

    /// Why, where something is wrong.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Good => None,
            Self::Deprecated { reason } | Self::Yanked { reason } => Some(reason),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())?;
        match self.reason() {
            Some(reason) => write!(formatter, ": {reason}"),
            None => Ok(()),
        }
    }
}
