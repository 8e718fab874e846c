//! What is told to the user when the program cannot go on: what failed, with
//! which input, and the next step.

use std::fmt;

use crate::exit::Exit;

/// An error that ends the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

/// The result of whatever may end the program.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with its exit code; `message` is lower case, without a final
    /// period, and names the input.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// A mistake in the command line, the environment or a file it names.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What failed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The next step, if there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
