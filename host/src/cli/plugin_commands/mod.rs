//! `waitfor plugin …`: the commands that find, pin, publish and keep plugins,
//! each read into checked words before anything is looked up.

mod args;
mod facts;
mod words;

use std::path::PathBuf;

use clap::ArgMatches;
use waitfor_registry::{Location, Name, PluginRef, Version};

use super::environment::{self, Environment};
use crate::error::{Error, Result};

pub(super) use args::subcommands;

use words::{Words, checked, usage};

/// A command about plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginCommand {
    /// `list`
    List,
    /// `info NAME[@REQ]`
    Info {
        /// Which plugin.
        plugin: PluginRef,
    },
    /// `add NAME[@REQ]`
    Add {
        /// Which plugin, and which versions of it will do.
        plugin: PluginRef,
        /// `--registry`
        registry: Option<RegistryChoice>,
    },
    /// `remove NAME...`
    Remove {
        /// Each once, at least one.
        names: Vec<Name>,
    },
    /// `lock`
    Lock,
    /// `update [NAME...]`
    Update {
        /// Each once; none for all.
        names: Vec<Name>,
        /// `--precise`, which goes with one name.
        precise: Option<Version>,
        /// `--dry-run`
        dry_run: bool,
    },
    /// `fetch`
    Fetch,
    /// `verify`
    Verify,
    /// `outdated`
    Outdated,
    /// `publish NAME@VERSION FILE`
    Publish(Box<Publication>),
    /// `yank NAME@VERSION`
    Yank {
        /// Which plugin.
        name: Name,
        /// Which version of it.
        version: Version,
        /// What is said of it.
        statement: Statement,
        /// `--registry`
        registry: Option<RegistryChoice>,
    },
    /// `vendor [DIR]`
    Vendor {
        /// As given.
        folder: Option<PathBuf>,
    },
    /// `gc`
    Gc {
        /// `--dry-run`
        dry_run: bool,
    },
}

/// A registry as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryChoice {
    /// A key of `[registries]` in `waitfor.toml`.
    Key(String),
    /// A place of its own.
    Location(Location),
}

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Under which name.
    pub name: Name,
    /// As which version.
    pub version: Version,
    /// The component.
    pub file: PathBuf,
    /// `--to`
    pub to: Option<RegistryChoice>,
    /// A URL of the source: `--source`, or the pipeline's variables.
    pub source: Option<String>,
    /// The state of the source: `--revision`, or the pipeline's variables.
    pub revision: Option<String>,
    /// `--license`, an SPDX expression.
    pub license: Option<String>,
    /// `--dry-run`
    pub dry_run: bool,
}

/// What a publisher says of a version afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// It must not be taken up.
    Yank {
        /// Why.
        reason: String,
    },
    /// It works and has a successor.
    Deprecate {
        /// Why.
        reason: String,
    },
    /// What was said is taken back.
    Undo,
}

/// Reads the words of a subcommand.
pub(super) fn read(
    command: &str,
    matches: &ArgMatches,
    environment: &dyn Environment,
) -> Result<PluginCommand> {
    let words = Words { command, matches };
    Ok(match command {
        "info" => PluginCommand::Info {
            plugin: words.plugin()?,
        },
        "add" => PluginCommand::Add {
            plugin: words.plugin()?,
            registry: words.registry("registry")?,
        },
        "remove" => PluginCommand::Remove {
            names: words.names()?,
        },
        "lock" => PluginCommand::Lock,
        "update" => update(&words)?,
        "fetch" => PluginCommand::Fetch,
        "verify" => PluginCommand::Verify,
        "outdated" => PluginCommand::Outdated,
        "publish" => publish(&words, environment)?,
        "yank" => yank(&words)?,
        "vendor" => PluginCommand::Vendor {
            folder: words.path("folder")?,
        },
        "gc" => PluginCommand::Gc {
            dry_run: words.is_on("dry-run"),
        },
        _ => PluginCommand::List,
    })
}

fn update(words: &Words<'_>) -> Result<PluginCommand> {
    let names = words.names()?;
    let precise = match words.text("precise")? {
        Some(text) => Some(text.parse::<Version>().map_err(|error| usage(&error))?),
        None => None,
    };
    if precise.is_some() && names.len() != 1 {
        return Err(Error::usage("`--precise` goes with one name")
            .hint("write `waitfor plugin update NAME --precise VERSION`"));
    }
    Ok(PluginCommand::Update {
        names,
        precise,
        dry_run: words.is_on("dry-run"),
    })
}

fn publish(words: &Words<'_>, environment: &dyn Environment) -> Result<PluginCommand> {
    let (name, version) = words.release()?;
    let source = match words.line("source")? {
        Some(source) => Some(source),
        None => pipeline_source(environment)?,
    };
    if let Some(source) = &source {
        facts::check_source(source)?;
    }
    let license = words.line("license")?;
    if let Some(license) = &license {
        facts::check_license(license)?;
    }
    let revision = match words.line("revision")? {
        Some(revision) => Some(revision),
        None => first_variable(environment, &["GITHUB_SHA", "CI_COMMIT_SHA"])?,
    };
    Ok(PluginCommand::Publish(Box::new(Publication {
        name,
        version,
        file: words.path("file")?.unwrap_or_default(),
        to: words.registry("to")?,
        source,
        revision,
        license,
        dry_run: words.is_on("dry-run"),
    })))
}

fn yank(words: &Words<'_>) -> Result<PluginCommand> {
    let (name, version) = words.release()?;
    let undo = words.is_on("undo");
    let deprecate = words.is_on("deprecate");
    let statement = match words.line("reason")? {
        Some(_) if undo => {
            return Err(Error::usage(
                "`--reason` and `--undo` cannot be used together",
            ));
        }
        None if undo && deprecate => {
            return Err(Error::usage(
                "`--deprecate` and `--undo` cannot be used together",
            ));
        }
        None if undo => Statement::Undo,
        None => {
            return Err(Error::usage("`--reason` is missing")
                .hint("say why in one line: those who use the version see it"));
        }
        Some(reason) if deprecate => Statement::Deprecate { reason },
        Some(reason) => Statement::Yank { reason },
    };
    Ok(PluginCommand::Yank {
        name,
        version,
        statement,
        registry: words.registry("registry")?,
    })
}

/// Where the pipeline that runs us says that the source is.
fn pipeline_source(environment: &dyn Environment) -> Result<Option<String>> {
    let server = first_variable(environment, &["GITHUB_SERVER_URL"])?;
    let repository = first_variable(environment, &["GITHUB_REPOSITORY"])?;
    match (server, repository) {
        (Some(server), Some(repository)) => Ok(Some(format!(
            "{}/{repository}",
            server.trim_end_matches('/')
        ))),
        _ => first_variable(environment, &["CI_PROJECT_URL"]),
    }
}

fn first_variable(environment: &dyn Environment, names: &[&str]) -> Result<Option<String>> {
    for name in names {
        if let Some(text) = environment::variable_text(environment, name)? {
            return checked(&text, name).map(Some);
        }
    }
    Ok(None)
}
