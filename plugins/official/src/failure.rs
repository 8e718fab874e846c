//! What is told to whoever publishes when something fails: what, with which
//! input, and the next step.

use std::fmt;
use std::io;
use std::path::Path;

/// An error that ends the program.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
}

/// The result of whatever may fail here.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// An error; `message` is lower case and names the input.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the operating system refused to do with `path`.
    pub fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot {action} `{}`: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<waitfor_registry::Error> for Failure {
    fn from(error: waitfor_registry::Error) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}
