//! The words of a command about plugins, each checked as it is read.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use waitfor_registry::{Name, PluginRef, Version};

use super::RegistryChoice;
use crate::cli::redact;
use crate::error::{Error, Result};

/// The longest text that may be published with a plugin, in bytes.
const LONGEST_TEXT: usize = 400;

/// One line that may be published.
pub(super) fn checked(text: &str, origin: &str) -> Result<String> {
    let text = text.trim();
    let wrong = |problem: &str| Err(Error::usage(format!("`{origin}` {problem}")));
    if text.is_empty() {
        wrong("is empty")
    } else if text.len() > LONGEST_TEXT {
        wrong(&format!("is longer than {LONGEST_TEXT} bytes"))
    } else if text.chars().any(char::is_control) {
        wrong("is not one line of text")
    } else {
        Ok(text.to_owned())
    }
}

/// An error about a word of the command line.
pub(super) fn usage(error: &waitfor_registry::Error) -> Error {
    let told = Error::usage(redact::clean(&error.to_string()));
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The words that clap found.
pub(super) struct Words<'a> {
    pub(super) command: &'a str,
    pub(super) matches: &'a ArgMatches,
}

impl Words<'_> {
    pub(super) fn is_on(&self, id: &str) -> bool {
        self.matches.get_flag(id)
    }

    pub(super) fn path(&self, id: &str) -> Result<Option<PathBuf>> {
        match self.matches.get_one::<OsString>(id) {
            Some(path) if path.is_empty() => Err(Error::usage(format!(
                "a path of `plugin {}` is empty",
                self.command
            ))
            .hint("is a variable in it not set?")),
            path => Ok(path.map(PathBuf::from)),
        }
    }

    pub(super) fn text(&self, id: &str) -> Result<Option<&str>> {
        match self.matches.get_one::<OsString>(id) {
            None => Ok(None),
            Some(value) => self.utf8(value).map(Some),
        }
    }

    fn utf8<'a>(&self, value: &'a OsString) -> Result<&'a str> {
        value.to_str().ok_or_else(|| {
            Error::usage(format!("a word of `plugin {}` is not UTF-8", self.command))
        })
    }

    pub(super) fn line(&self, id: &str) -> Result<Option<String>> {
        match self.text(id)? {
            Some(text) => checked(text, &format!("--{id}")).map(Some),
            None => Ok(None),
        }
    }

    /// The words `NAME[@REQ]`.
    pub(super) fn plugin(&self) -> Result<PluginRef> {
        let text = self.text("name")?.unwrap_or_default();
        self.refuse_targets(text)?;
        text.parse().map_err(|error| usage(&error))
    }

    /// The words `NAME@VERSION`.
    pub(super) fn release(&self) -> Result<(Name, Version)> {
        let text = self.text("name")?.unwrap_or_default();
        self.refuse_targets(text)?;
        let Some((name, version)) = text.split_once('@') else {
            let name: Name = text.parse().map_err(|error| usage(&error))?;
            return Err(Error::usage(format!("`{name}` stands without a version"))
                .hint(format!("write it behind the name, as in {name}@1.0.0")));
        };
        Ok((
            name.parse().map_err(|error| usage(&error))?,
            version.parse().map_err(|error| usage(&error))?,
        ))
    }

    pub(super) fn names(&self) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for word in self
            .matches
            .get_many::<OsString>("names")
            .into_iter()
            .flatten()
        {
            let text = self.utf8(word)?;
            self.refuse_targets(text)?;
            if let Some((name, _)) = text.split_once('@') {
                let name: Name = name.parse().map_err(|error| usage(&error))?;
                return Err(Error::usage(format!(
                    "`plugin {}` takes names without a version, not `{}`",
                    self.command,
                    redact::shown(text)
                ))
                .hint(format!(
                    "`waitfor plugin add {name}@REQ` changes what is wanted, `waitfor plugin update {name} --precise VERSION` what is locked"
                )));
            }
            let name: Name = text.parse().map_err(|error| usage(&error))?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// A URL or a key=value string may hold a password, so it is not repeated.
    fn refuse_targets(&self, text: &str) -> Result<()> {
        if let Some((name, wanted)) = text.split_once('@')
            && wanted.starts_with('=')
            && let Ok(name) = name.parse::<Name>()
        {
            return Err(Error::usage(format!(
                "`=` behind `{name}@` does not say which version is wanted"
            ))
            .hint(format!(
                "a whole version takes that one alone, as in {name}@1.0.0"
            )));
        }
        if text.contains("://") || text.contains('=') && !text.contains("@>=") {
            return Err(Error::usage(format!(
                "`{}` of `plugin {}` is not a probe's name",
                redact::target(text),
                self.command
            ))
            .hint("write NAME, NAME@1.2 or NAME@sha256:…; see `waitfor plugin list`"));
        }
        Ok(())
    }

    pub(super) fn registry(&self, id: &str) -> Result<Option<RegistryChoice>> {
        let Some(text) = self.text(id)? else {
            return Ok(None);
        };
        // A team's name, or `default`, which has the same form.
        let is_key = !matches!(text, "official" | "localhost")
            && !text.contains('/')
            && format!("{text}/any").parse::<Name>().is_ok();
        if is_key {
            return Ok(Some(RegistryChoice::Key(text.to_owned())));
        }
        match text.parse() {
            Ok(location) => Ok(Some(RegistryChoice::Location(location))),
            Err(error) => Err(usage(&error)),
        }
    }
}
