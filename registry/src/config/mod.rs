//! What a project wants: `waitfor.toml`, read with the line of every mistake,
//! and edited without touching what a person wrote beside it.
//!
//! ```toml
//! [plugins]
//! vertica = "1.2"
//! redis = "*"
//! "acme/billing" = { version = "1", registry = "registry.acme.example/ci/probes" }
//!
//! [registries]
//! default = "registry.example.com/probes"
//! acme = { location = "127.0.0.1:5000/ci", ca-file = "ci/ca.pem", mirrors = ["mirror.example/ci"] }
//!
//! [vendor]
//! folder = "probes"
//! ```
//!
//! Other tables belong to others and are left alone. Paths are relative to
//! the folder of the file.

mod edit;
mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::location::Remote;
use crate::{Error, Location, Name, Reference, Result, toml_file};

/// The name of the file.
pub const FILE: &str = "waitfor.toml";

/// What stands for the newest release.
pub const NEWEST: &str = "*";

/// The key of the registry for names without a team.
pub const DEFAULT: &str = "default";

/// A requirement as it is written in configuration and lock.
pub fn requirement(reference: &Reference) -> String {
    match reference {
        Reference::Newest => NEWEST.to_owned(),
        Reference::Version(requirement) => requirement.to_string(),
        Reference::Bytes(digest) => digest.to_string(),
    }
}

/// Reads what [`requirement`] writes.
///
/// # Errors
/// Where `text` is no requirement.
pub fn parse_requirement(text: &str) -> Result<Reference> {
    match text {
        NEWEST => Ok(Reference::Newest),
        _ => text.parse(),
    }
}

/// A plugin that a project wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which plugin.
    pub name: Name,
    /// Which of its versions.
    pub reference: Reference,
    /// Where from, where the entry says so itself.
    pub registry: Option<Location>,
}

impl Wanted {
    /// The requirement as it is written.
    pub fn requirement(&self) -> String {
        requirement(&self.reference)
    }
}

/// How a registry is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where the plugins are.
    pub location: Location,
    /// The certificates to trust beside the system's, as a path that holds
    /// wherever the program runs.
    pub ca_file: Option<PathBuf>,
    /// Whether plain HTTP is wanted.
    pub plain_http: bool,
    /// Where to read before the registry itself is asked, in this order.
    pub mirrors: Vec<Remote>,
}

impl Binding {
    /// A location that nothing more is said of.
    pub fn to(location: Location) -> Self {
        Self {
            location,
            ca_file: None,
            plain_http: false,
            mirrors: Vec::new(),
        }
    }
}

/// The part of `waitfor.toml` that is about plugins.
#[derive(Debug, Clone)]
pub struct Config {
    path: PathBuf,
    text: String,
    plugins: Vec<Wanted>,
    registries: BTreeMap<String, Binding>,
    vendor: Option<PathBuf>,
}

impl Config {
    /// The configuration of a project that has none, to stand at `path`.
    pub fn empty(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            text: String::new(),
            plugins: Vec::new(),
            registries: BTreeMap::new(),
            vendor: None,
        }
    }

    /// Reads the file at `path`; none where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or used; see [`Config::parse`].
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match toml_file::read(toml_file::Role::Config, path)? {
            Some(text) => Self::parse(path, &text).map(Some),
            None => Ok(None),
        }
    }

    /// Reads `text`, which stands at `path`.
    ///
    /// # Errors
    /// [`Error::Unusable`] with line and column, where it is no TOML, or has
    /// a plugin or a registry that cannot be used.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        read::config(path, text)
    }

    /// Where it stands, or would.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the file, to which its paths are relative.
    pub fn folder(&self) -> &Path {
        toml_file::folder(&self.path)
    }

    /// The plugins that are wanted, by name.
    pub fn plugins(&self) -> &[Wanted] {
        &self.plugins
    }

    /// What is wanted of a plugin; none where it is not wanted.
    pub fn wanted(&self, name: &Name) -> Option<&Wanted> {
        self.plugins.iter().find(|wanted| wanted.name == *name)
    }

    /// The registries, by team; that of names without one is [`DEFAULT`].
    pub fn registries(&self) -> &BTreeMap<String, Binding> {
        &self.registries
    }

    /// The registry of a plugin: the one that its own entry names, else the
    /// one bound to its team, or to [`DEFAULT`] where it has none. Names
    /// without a team come from the program itself where nothing is bound.
    ///
    /// # Errors
    /// [`Error::NoRegistry`] where nothing is bound to its team.
    pub fn binding(&self, name: &Name) -> Result<Binding> {
        if let Some(location) = self.wanted(name).and_then(|it| it.registry.as_ref()) {
            return Ok(self.binding_at(location));
        }
        match (
            self.registries.get(name.team().unwrap_or(DEFAULT)),
            name.team(),
        ) {
            (Some(binding), _) => Ok(binding.clone()),
            (None, None) => Ok(Binding::to(Location::Official)),
            (None, Some(_)) => Err(Error::NoRegistry {
                name: name.clone(),
                path: self.path.clone(),
            }),
        }
    }

    /// How `location` is reached: as it is bound here, or, where only its
    /// host is, with the certificates for that one.
    pub fn binding_at(&self, location: &Location) -> Binding {
        let bound = self.registries.values();
        if let Some(binding) = bound.clone().find(|one| one.location == *location) {
            return binding.clone();
        }
        let binding = Binding::to(location.clone());
        let Location::Remote(remote) = location else {
            return binding;
        };
        let same_host = bound.clone().find(|one| {
            matches!(&one.location, Location::Remote(other) if other.authority == remote.authority)
        });
        match same_host {
            Some(other) => Binding {
                ca_file: other.ca_file.clone(),
                plain_http: other.plain_http,
                ..binding
            },
            None => binding,
        }
    }

    /// The folder of vendored plugins, as a path that holds wherever the
    /// program runs.
    pub fn vendor(&self) -> Option<PathBuf> {
        let folder = self.vendor.as_ref()?;
        Some(self.folder().join(folder))
    }
}

impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
