//! The host's own settings, from its options or their environment variables.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::environment::Environment;
use super::{duration, options, redact, suggest, values};
use crate::error::{Error, Result};
use crate::report::{Color, Format, OutputSettings};
use crate::wait::WaitSettings;

/// From this many seconds on, a bare number is taken for a slip: some other
/// tools count in milliseconds.
const LIKELY_MILLISECONDS: u64 = 1000;

/// Where plugins may come from, as the user said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplyOptions {
    /// Nothing runs that is not locked, and the lock fits the configuration
    /// (`--locked`, `--frozen`).
    pub locked: bool,
    /// No registry is asked (`--offline`, `--frozen`).
    pub offline: bool,
    /// The configuration, where it is not to be looked for.
    pub config: Option<PathBuf>,
    /// The lock, where it is not beside the configuration.
    pub lock_file: Option<PathBuf>,
    /// The folder of downloaded plugins, where it is not in the user's cache.
    pub store: Option<PathBuf>,
    /// Whether compiled code is neither used nor kept (`--no-native-cache`).
    pub no_native_cache: bool,
    /// How long a registry may stay silent.
    pub network_timeout: Duration,
}

impl Default for SupplyOptions {
    /// What is in force where nothing is said.
    fn default() -> Self {
        Self {
            locked: false,
            offline: false,
            config: None,
            lock_file: None,
            store: None,
            no_native_cache: false,
            network_timeout: options::default_length("network-timeout"),
        }
    }
}

/// A value that the user gave to an option of the host.
#[derive(Clone)]
pub(crate) struct Given {
    /// The value, as it came.
    pub(crate) value: OsString,
    /// `--timeout` or `WAITFOR_TIMEOUT`.
    pub(crate) origin: String,
    /// Whether it stands on the command line.
    pub(crate) explicit: bool,
}

impl Given {
    /// The value as text.
    pub(crate) fn text(&self) -> Result<&str> {
        self.value
            .to_str()
            .ok_or_else(|| Error::usage(format!("the value of `{}` is not UTF-8", self.origin)))
    }

    /// The error for a value that cannot be used.
    fn wrong(&self, expected: &str) -> Error {
        let value = redact::shown(&self.value.to_string_lossy());
        Error::usage(format!("`{}` cannot be `{value}`", self.origin)).hint(expected)
    }
}

/// The options of the host, read from the command line and the environment.
pub(crate) struct Options<'a> {
    matches: &'a ArgMatches,
    environment: &'a dyn Environment,
}

impl<'a> Options<'a> {
    pub(crate) fn new(matches: &'a ArgMatches, environment: &'a dyn Environment) -> Self {
        Self {
            matches,
            environment,
        }
    }

    /// The value of an option, wherever it stands.
    pub(crate) fn given(&self, name: &str) -> Option<Given> {
        let value = self.matches.try_get_one::<OsString>(name).ok().flatten();
        if let Some(value) = value {
            return Some(Given {
                value: value.clone(),
                origin: format!("--{name}"),
                explicit: true,
            });
        }
        self.in_environment(name)
    }

    fn in_environment(&self, name: &str) -> Option<Given> {
        let variable = options::variable(name);
        self.environment.given(&variable).map(|value| Given {
            value,
            origin: variable,
            explicit: false,
        })
    }

    /// The values of an option that may be repeated; in the environment they
    /// are separated by commas or spaces.
    pub(crate) fn all(&self, name: &str) -> Result<Vec<Given>> {
        if let Ok(Some(values)) = self.matches.try_get_many::<OsString>(name) {
            return Ok(values
                .map(|value| Given {
                    value: value.clone(),
                    origin: format!("--{name}"),
                    explicit: true,
                })
                .collect());
        }
        let Some(given) = self.in_environment(name) else {
            return Ok(Vec::new());
        };
        Ok(given
            .text()?
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(|word| Given {
                value: word.into(),
                ..given.clone()
            })
            .collect())
    }

    /// Whether an option without a value is on; none if nobody said.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<(bool, bool)>> {
        if self.matches.value_source(name) == Some(ValueSource::CommandLine) {
            return Ok(Some((self.matches.get_flag(name), true)));
        }
        let Some(given) = self.in_environment(name) else {
            return Ok(None);
        };
        match values::switch(given.text()?) {
            Some(on) => Ok(Some((on, false))),
            None => Err(given.wrong("write true or false")),
        }
    }

    fn is_on(&self, name: &str) -> Result<bool> {
        Ok(self.switch(name)?.is_some_and(|(on, _)| on))
    }

    fn duration(&self, name: &str, warnings: &mut Vec<String>) -> Result<Option<Duration>> {
        let Some(given) = self.given(name) else {
            return Ok(None);
        };
        let text = given.text()?;
        let Some(length) = duration::parse(text) else {
            return Err(given.wrong(duration::FORM));
        };
        if text
            .trim()
            .parse::<u64>()
            .is_ok_and(|number| number >= LIKELY_MILLISECONDS)
        {
            warnings.push(format!(
                "`{} {}` is in seconds; write {}ms for milliseconds",
                given.origin,
                text.trim(),
                text.trim()
            ));
        }
        Ok(Some(length))
    }

    /// As [`duration`](Self::duration), where nothing is no answer.
    fn above_zero(&self, name: &str, warnings: &mut Vec<String>) -> Result<Option<Duration>> {
        let length = self.duration(name, warnings)?;
        match self.given(name) {
            Some(given) if length == Some(Duration::ZERO) => {
                Err(given.wrong("it must be more than 0"))
            }
            _ => Ok(length),
        }
    }

    /// The attempt's time, if the user set it.
    pub(crate) fn attempt_timeout(&self) -> Result<Option<(Duration, bool)>> {
        let explicit = self
            .given("attempt-timeout")
            .is_some_and(|given| given.explicit);
        let length = self.above_zero("attempt-timeout", &mut Vec::new())?;
        Ok(length.map(|length| (length, explicit)))
    }

    /// How to wait.
    pub(crate) fn wait(&self, warnings: &mut Vec<String>) -> Result<WaitSettings> {
        let successes = match self.given("successes") {
            Some(given) => match given.text()?.parse::<NonZeroU32>() {
                Ok(number) => number,
                Err(_) => return Err(given.wrong("write a whole number from 1 on")),
            },
            None => NonZeroU32::MIN,
        };
        let timeout = match self.duration("timeout", warnings)? {
            Some(Duration::ZERO) => None,
            Some(length) => Some(length),
            None => Some(options::default_length("timeout")),
        };
        Ok(WaitSettings {
            timeout,
            interval: self
                .above_zero("interval", warnings)?
                .unwrap_or_else(|| options::default_length("interval")),
            successes,
            stable_for: self
                .duration("stable-for", warnings)?
                .unwrap_or_else(|| options::default_length("stable-for")),
            any: self.is_on("any")?,
            not: self.is_on("not")?,
            grace: self
                .duration("grace", warnings)?
                .unwrap_or_else(|| options::default_length("grace")),
        })
    }

    /// Where plugins may come from.
    pub(crate) fn supply(&self) -> Result<SupplyOptions> {
        let frozen = self.is_on("frozen")?;
        Ok(SupplyOptions {
            locked: self.is_on("locked")? || frozen,
            offline: self.is_on("offline")? || frozen,
            config: self.path("config")?,
            lock_file: self.path("lock-file")?,
            store: self.path("store")?,
            no_native_cache: self.is_on("no-native-cache")?,
            network_timeout: self
                .above_zero("network-timeout", &mut Vec::new())?
                .unwrap_or_else(|| options::default_length("network-timeout")),
        })
    }

    fn path(&self, name: &str) -> Result<Option<PathBuf>> {
        match self.given(name) {
            Some(given) if given.value.is_empty() => {
                Err(Error::usage(format!("`{}` is empty", given.origin))
                    .hint("is a variable in it not set?"))
            }
            given => Ok(given.map(|given| PathBuf::from(given.value))),
        }
    }

    /// What to print.
    pub(crate) fn output(&self) -> Result<OutputSettings> {
        let format = self.word("output", &[("text", Format::Text), ("json", Format::Json)])?;
        let color = self.word(
            "color",
            &[
                ("auto", Color::Auto),
                ("always", Color::Always),
                ("never", Color::Never),
            ],
        )?;
        let explicit = self.matches.value_source("quiet") == Some(ValueSource::CommandLine);
        let verbose = match self.matches.get_count("verbose") {
            // What stands on the command line says more than a variable.
            0 if explicit => 0,
            0 => self.verbosity()?,
            count => count,
        };
        let said = self.matches.get_count("verbose") > 0;
        if said && explicit {
            return Err(Error::usage(
                "`--quiet` and `--verbose` cannot be used together",
            ));
        }
        Ok(OutputSettings {
            format: format.unwrap_or_default(),
            quiet: !said && self.is_on("quiet")?,
            verbose,
            color: color.unwrap_or_default(),
        })
    }

    fn verbosity(&self) -> Result<u8> {
        let Some(given) = self.in_environment("verbose") else {
            return Ok(0);
        };
        match given.text()?.parse() {
            Ok(count) => Ok(count),
            Err(_) => match values::switch(given.text()?) {
                Some(on) => Ok(u8::from(on)),
                None => Err(given.wrong("write 0, 1 or 2")),
            },
        }
    }

    fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(given) = self.given(name) else {
            return Ok(None);
        };
        let text = given.text()?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(given.wrong(&format!("write {}", suggest::listed(&known))))
            }
        }
    }
}
