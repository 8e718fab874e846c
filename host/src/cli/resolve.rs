//! The value of each parameter, from the first place that has one: command
//! line, target, environment, password file, another value, default.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;

use super::environment::{self, Environment};
use super::target::{Held, Target};
use super::{options, parser, pgpass, redact, values};
use crate::description::{DefaultFrom, Description, HostOption, Param, UrlPart};
use crate::error::{Error, Result};
use crate::model::Address;
use crate::secret::Secret;

/// Where a value was found, from the strongest to the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    CommandLine,
    Target,
    Environment,
    Default,
}

/// A value for an option of the host that a parameter set.
#[derive(Debug, Clone)]
pub(crate) struct ForHost {
    pub(crate) value: String,
    pub(crate) rank: Rank,
    /// `--sslrootcert`, `PGSSLROOTCERT`, for messages.
    pub(crate) origin: String,
}

/// The parameters of one target, all checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolved {
    pub(crate) values: BTreeMap<String, Vec<String>>,
    pub(crate) secrets: BTreeMap<String, Vec<Secret>>,
    /// In the order of the parameters.
    pub(crate) for_host: Vec<(HostOption, ForHost)>,
}

impl Resolved {
    /// The value that the parameters have for an option of the host.
    pub(crate) fn host_value(&self, option: &HostOption) -> Option<&ForHost> {
        self.for_host
            .iter()
            .filter(|(set, _)| set == option)
            .map(|(_, value)| value)
            .min_by_key(|value| value.rank)
    }

    /// The attempt's time that the parameters ask for; zero says nothing.
    pub(crate) fn attempt_timeout(&self) -> Option<(Duration, Rank)> {
        let set = self.host_value(&HostOption::AttemptTimeout)?;
        let millis: u64 = set.value.parse().ok()?;
        (millis > 0).then(|| (Duration::from_millis(millis), set.rank))
    }
}

/// Finds values for the probes' parameters.
pub(crate) struct Resolver<'a> {
    pub(crate) matches: &'a ArgMatches,
    pub(crate) environment: &'a dyn Environment,
    pub(crate) warnings: RefCell<Vec<String>>,
    /// Files read before: a pipe gives its content once, and several targets
    /// may use it.
    pub(crate) files: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
}

/// Values found in one place.
struct Found {
    rank: Rank,
    /// The place, for messages.
    origin: String,
    values: Vec<Vec<u8>>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(matches: &'a ArgMatches, environment: &'a dyn Environment) -> Self {
        Self {
            matches,
            environment,
            warnings: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// Says something once, however many targets it concerns.
    pub(crate) fn warn(&self, warning: String) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// All values of a target's parameters.
    pub(crate) fn resolve(
        &self,
        plugin: &str,
        description: &Description,
        target: &Target,
    ) -> Result<Resolved> {
        let mut resolved = Resolved::default();
        let mut missing: Vec<&Param> = Vec::new();
        for param in &description.params {
            match self.find(plugin, param, &target.held)? {
                Some(found) => keep(param, found, &target.label, &mut resolved)?,
                None => missing.push(param),
            }
        }
        for param in &missing {
            if let Some(text) =
                self.stand_in(description, param, &resolved, description.params.len())
            {
                keep(param, by_default(text), &target.label, &mut resolved)?;
            }
        }
        for param in missing {
            if param.is_secret() && param.pgpass {
                self.password_file(description, param, target, &mut resolved)?;
            }
            let nothing = !resolved.values.contains_key(&param.name)
                && !resolved.secrets.contains_key(&param.name)
                && param.host_option.is_none();
            if param.required && nothing {
                return Err(required(plugin, param, &target.label));
            }
        }
        Ok(resolved)
    }

    /// The user's value: command line, target, environment.
    fn find(&self, plugin: &str, param: &Param, held: &[Held]) -> Result<Option<Found>> {
        if let Some(found) = self.on_command_line(plugin, param)? {
            return Ok(Some(found));
        }
        let values: Vec<Vec<u8>> = held
            .iter()
            .filter(|held| held.param == param.name)
            .map(|held| held.value.clone())
            .collect();
        if !values.is_empty() {
            return Ok(Some(Found {
                rank: Rank::Target,
                origin: param.name.clone(),
                values,
            }));
        }
        self.in_environment(plugin, param)
    }

    fn on_command_line(&self, plugin: &str, param: &Param) -> Result<Option<Found>> {
        let values = self
            .matches
            .try_get_many::<OsString>(&parser::param_id(param))
            .ok()
            .flatten();
        let file = param
            .is_secret()
            .then(|| {
                self.matches
                    .try_get_one::<OsString>(&parser::file_id(param))
                    .ok()
                    .flatten()
            })
            .flatten();
        let option = format!("--{}", param.name);
        let file_option = format!("--{}", parser::file_option(param));
        let found = match (values, file) {
            (Some(_), Some(_)) => {
                return Err(Error::usage(format!(
                    "`{option}` and `{file_option}` cannot be used together"
                )));
            }
            (Some(values), None) => Found {
                rank: Rank::CommandLine,
                origin: option.clone(),
                values: values
                    .map(|value| value.as_encoded_bytes().to_vec())
                    .collect(),
            },
            (None, Some(file)) => Found {
                rank: Rank::CommandLine,
                values: vec![self.secret_file(file, &file_option)?],
                origin: file_option,
            },
            (None, None) => return Ok(None),
        };
        if param.is_secret() && values_on_line(self.matches, param) {
            let variable = options::variable(&format!("{plugin}-{}", param.name));
            self.warn(format!(
                "the value of `{option}` can be read by everybody who may list this machine's processes; \
                 use `--{}` or the variable `{variable}`",
                parser::file_option(param)
            ));
        }
        Ok(Some(found))
    }

    fn in_environment(&self, plugin: &str, param: &Param) -> Result<Option<Found>> {
        let own = options::variable(&format!("{plugin}-{}", param.name));
        let found = |name: &str, value: Vec<u8>| {
            Some(Found {
                rank: Rank::Environment,
                origin: name.to_owned(),
                values: vec![value],
            })
        };
        if let Some(value) = self.environment.given(&own) {
            return Ok(found(&own, value.into_encoded_bytes()));
        }
        if param.is_secret() {
            let file = format!("{own}_FILE");
            if let Some(path) = self.environment.given(&file) {
                return Ok(found(&file, self.secret_file(&path, &file)?));
            }
        }
        for name in &param.env {
            if let Some(value) = self.environment.given(name) {
                return Ok(found(name, value.into_encoded_bytes()));
            }
        }
        Ok(None)
    }

    /// The content of a secret's file, without the newline at its end.
    fn secret_file(&self, path: &OsStr, origin: &str) -> Result<Vec<u8>> {
        let mut content = self.read(Path::new(path), origin)?;
        if content.ends_with(b"\n") {
            content.pop();
            if content.ends_with(b"\r") {
                content.pop();
            }
        }
        if content.is_empty() {
            return Err(Error::usage(format!(
                "the file of `{origin}` is empty: `{}`",
                shown_path(path)
            ))
            .hint("put the secret into it, on one line"));
        }
        Ok(content)
    }

    /// The content of a file that the user named.
    pub(crate) fn read(&self, path: &Path, origin: &str) -> Result<Vec<u8>> {
        if let Some(content) = self.files.borrow().get(path) {
            return Ok(content.clone());
        }
        let content = self.environment.read(path).map_err(|error| {
            Error::usage(format!(
                "cannot read the file of `{origin}`, `{}`: {}",
                shown_path(path.as_os_str()),
                environment::reason(&error)
            ))
        })?;
        self.files
            .borrow_mut()
            .insert(path.to_owned(), content.clone());
        Ok(content)
    }

    /// What stands in for a value that nobody gave, in its final form;
    /// `depth` bounds the way through other parameters.
    fn stand_in(
        &self,
        description: &Description,
        param: &Param,
        resolved: &Resolved,
        depth: usize,
    ) -> Option<String> {
        let other = match &param.default_from {
            Some(DefaultFrom::OsUser) => self.environment.os_user(),
            Some(DefaultFrom::Param(source)) if depth > 0 => {
                let given = resolved
                    .values
                    .get(source)
                    .and_then(|values| values.first().cloned());
                given.or_else(|| {
                    self.stand_in(description, description.param(source)?, resolved, depth - 1)
                })
            }
            Some(DefaultFrom::Param(_)) | None => None,
        };
        other.or_else(|| values::canonical(param, param.default.as_deref()?).ok())
    }

    /// Looks the password up in `~/.pgpass`, or where `PGPASSFILE` says.
    fn password_file(
        &self,
        description: &Description,
        param: &Param,
        target: &Target,
        resolved: &mut Resolved,
    ) -> Result<()> {
        let path = match self.environment.given("PGPASSFILE") {
            Some(path) => PathBuf::from(path),
            None => match self.environment.home() {
                Some(home) => home.join(".pgpass"),
                None => return Ok(()),
            },
        };
        match self.environment.is_private(&path) {
            Ok(true) => {}
            Ok(false) => {
                self.warn(format!(
                    "the password file `{}` is not used: group or others may use it; `chmod 0600` it",
                    shown_path(path.as_os_str())
                ));
                return Ok(());
            }
            // libpq, too, takes a file that is not there for none.
            Err(_) => return Ok(()),
        }
        let content = self.read(&path, "PGPASSFILE")?;
        let value_in = |part: UrlPart| {
            let param = description.param_in(part)?;
            resolved
                .values
                .get(&param.name)?
                .first()
                .map(String::as_str)
        };
        let database = value_in(UrlPart::Path).unwrap_or_default();
        let user = value_in(UrlPart::Username).unwrap_or_default();
        let found = target.addresses.iter().find_map(|address| {
            let (hosts, port) = password_file_host(address, target.server_name.as_deref());
            pgpass::find(
                &content,
                pgpass::Wanted {
                    hosts: &hosts,
                    port,
                    database,
                    user,
                },
            )
        });
        if let Some(password) = found {
            resolved
                .secrets
                .insert(param.name.clone(), vec![Secret::new(password)]);
        }
        Ok(())
    }
}

/// The names under which an address may stand in a password file.
fn password_file_host(address: &Address, name: Option<&str>) -> (Vec<String>, u16) {
    match address {
        Address::Tcp { host, port } => (vec![name.unwrap_or(host).to_owned()], *port),
        Address::Unix(path) => {
            let text = path.to_string_lossy();
            let (folder, file) = text.rsplit_once('/').unwrap_or(("", &text));
            let port = file
                .rsplit_once('.')
                .and_then(|(_, port)| port.parse().ok());
            (
                vec![folder.to_owned(), "localhost".to_owned()],
                port.unwrap_or_default(),
            )
        }
    }
}

/// A path for a message.
fn shown_path(path: &OsStr) -> String {
    redact::shown(&path.to_string_lossy())
}

fn values_on_line(matches: &ArgMatches, param: &Param) -> bool {
    matches
        .try_contains_id(&parser::param_id(param))
        .unwrap_or(false)
}

fn by_default(text: String) -> Found {
    Found {
        rank: Rank::Default,
        origin: String::new(),
        values: vec![text.into_bytes()],
    }
}

/// Checks values and puts them where they belong.
fn keep(param: &Param, found: Found, label: &str, resolved: &mut Resolved) -> Result<()> {
    let place = match found.rank {
        Rank::Target => format!("`{}` in `{label}`", found.origin),
        Rank::Default => format!("the default of `{}`", param.name),
        Rank::CommandLine | Rank::Environment => format!("`{}`", found.origin),
    };
    if param.is_secret() {
        if found.values.iter().any(|value| value.contains(&0)) {
            return Err(Error::usage(format!(
                "{place} cannot be used: it holds a NUL"
            )));
        }
        let secrets = found.values.iter().map(Secret::new).collect();
        resolved.secrets.insert(param.name.clone(), secrets);
        return Ok(());
    }
    let mut texts = Vec::new();
    for value in &found.values {
        let text = std::str::from_utf8(value)
            .map_err(|_| Error::usage(format!("{place} is not UTF-8")))?;
        let canonical = match found.rank {
            Rank::Default => Ok(text.to_owned()),
            _ => values::canonical(param, text),
        };
        texts.push(canonical.map_err(|expected| {
            Error::usage(format!("{place} cannot be `{}`", redact::shown(text))).hint(expected)
        })?);
    }
    match (&param.host_option, texts.pop()) {
        (Some(HostOption::Unknown(_)), _) if found.rank == Rank::Default => {}
        (Some(HostOption::Unknown(option)), _) => {
            return Err(Error::usage(format!(
                "{place} sets `{option}`, which this version does not know"
            ))
            .hint("use a newer version of waitfor, or do without it"));
        }
        (Some(option), Some(value)) => {
            let origin = match found.rank {
                Rank::Target | Rank::Default => param.name.clone(),
                Rank::CommandLine | Rank::Environment => found.origin,
            };
            resolved.for_host.push((
                option.clone(),
                ForHost {
                    value,
                    rank: found.rank,
                    origin,
                },
            ));
        }
        (None, Some(last)) => {
            texts.push(last);
            resolved.values.insert(param.name.clone(), texts);
        }
        (_, None) => {}
    }
    Ok(())
}

fn required(plugin: &str, param: &Param, label: &str) -> Error {
    let mut ways = vec![];
    if param.is_secret() {
        ways.push(format!("--{}", parser::file_option(param)));
    } else {
        ways.push(format!("--{}", param.name));
    }
    ways.extend(param.env.first().cloned());
    ways.push(options::variable(&format!("{plugin}-{}", param.name)));
    Error::usage(format!("`{plugin}` needs `{}` for `{label}`", param.name))
        .hint(format!("give it by {}", super::suggest::listed(&ways)))
}
