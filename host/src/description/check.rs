//! The checks that a plugin's description must pass before anybody sees it:
//! a stranger's words become options, variables and help texts of ours.

use std::collections::BTreeSet;

use super::{DefaultFrom, Description, HostOption, Kind, Param, RawDescription};
use crate::cli::{options, values};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Facts};
use crate::report::is_treacherous;
use crate::wait::is_local;

/// The most schemes of a plugin.
const MOST_SCHEMES: usize = 16;
/// The most parameters of a plugin: what a help page can hold.
const MOST_PARAMS: usize = 64;
/// The most examples of a plugin.
const MOST_EXAMPLES: usize = 16;
/// The most facts in one list.
const MOST_FACTS: usize = 128;
/// The longest name of a parameter or scheme, in bytes.
const LONGEST_NAME: usize = 40;
/// The longest text of any kind, in bytes.
const LONGEST_TEXT: usize = 400;

/// Variables by which machines and pipelines work, or in which they keep their
/// own credentials: a plugin that wants one does not get it because it is set.
/// The user can hand it over by the parameter's own `WAITFOR_…` variable.
const OTHERS_VARIABLES: &[&str] = &[
    "CI", "DEBUG", "DISPLAY", "EDITOR", "EUID", "HOME", "HOSTNAME", "IFS", "LANG", "LOGNAME",
    "MAIL", "OLDPWD", "PATH", "PWD", "RANDOM", "SHELL", "SHLVL", "TEMP", "TERM", "TMP", "TMPDIR",
    "TZ", "UID", "USER", "USERNAME",
];

/// The same, by what they begin with.
const OTHERS_PREFIXES: &[&str] = &[
    "WAITFOR_",
    "ACTIONS_",
    "ANSIBLE_",
    "AWS_",
    "AZURE_",
    "BITBUCKET_",
    "BUILDKITE_",
    "CARGO_",
    "CI_",
    "CIRCLE_",
    "CLOUDSDK_",
    "DBUS_",
    "DIGITALOCEAN_",
    "DOCKER_",
    "DYLD_",
    "GCP_",
    "GH_",
    "GIT_",
    "GITEA_",
    "GITHUB_",
    "GITLAB_",
    "GOOGLE_",
    "GPG_",
    "JENKINS_",
    "KUBE",
    "LC_",
    "LD_",
    "NODE_AUTH_",
    "NPM_",
    "NUGET_",
    "PIP_",
    "PYPI_",
    "REGISTRY_AUTH",
    "RUNNER_",
    "SONAR_",
    "SSH_",
    "SUDO_",
    "SYSTEM_",
    "TF_",
    "TRAVIS_",
    "TWINE_",
    "UV_",
    "XDG_",
];

fn refused(plugin: &str, what: impl AsRef<str>) -> Error {
    Error::new(
        Exit::PluginRefused,
        format!(
            "the plugin `{plugin}` describes itself wrongly: {}",
            what.as_ref()
        ),
    )
    .hint("use another version of the plugin, or tell its authors")
}

/// Sizes, characters and numbers of the texts as they came.
pub(super) fn raw(plugin: &str, raw: &RawDescription) -> Result<()> {
    let count = |what: &str, number: usize, most: usize| {
        if number > most {
            return Err(refused(
                plugin,
                format!("{number} {what}, and at most {most} are allowed"),
            ));
        }
        Ok(())
    };
    count("schemes", raw.schemes.len(), MOST_SCHEMES)?;
    count("parameters", raw.params.len(), MOST_PARAMS)?;
    count("examples", raw.examples.len(), MOST_EXAMPLES)?;
    line(plugin, "the summary", &raw.summary)?;
    facts(plugin, "the description", &raw.more)?;
    for example in &raw.examples {
        line(plugin, "an example", example)?;
    }
    for (at, scheme) in raw.schemes.iter().enumerate() {
        if !is_scheme(&scheme.name) {
            return Err(refused(
                plugin,
                format!("scheme {} has no usable name", at + 1),
            ));
        }
        facts(
            plugin,
            &format!("the scheme `{}`", scheme.name),
            &scheme.more,
        )?;
    }
    for (at, param) in raw.params.iter().enumerate() {
        if !is_kebab(&param.name) {
            return Err(refused(
                plugin,
                format!("the name of parameter {} is not kebab-case", at + 1),
            ));
        }
        let place = format!("the parameter `{}`", param.name);
        line(plugin, &place, &param.summary)?;
        line(plugin, &place, &param.kind)?;
        line(plugin, &place, param.default.as_deref().unwrap_or_default())?;
        facts(plugin, &place, &param.more)?;
        for (fact, value) in &param.more {
            if (fact == "min" || fact == "max") && value.parse::<i64>().is_err() {
                return Err(refused(
                    plugin,
                    format!("`{fact}` of {place} is not a number"),
                ));
            }
        }
    }
    Ok(())
}

fn facts(plugin: &str, place: &str, facts: &Facts) -> Result<()> {
    if facts.len() > MOST_FACTS {
        return Err(refused(plugin, format!("{place} has too many facts")));
    }
    for (name, value) in facts {
        line(plugin, place, name)?;
        line(plugin, place, value)?;
    }
    Ok(())
}

/// One line that a terminal may be given.
fn line(plugin: &str, place: &str, text: &str) -> Result<()> {
    if text.len() > LONGEST_TEXT {
        return Err(refused(
            plugin,
            format!("{place} has a text that is too long"),
        ));
    }
    if text.chars().any(is_treacherous) {
        return Err(refused(
            plugin,
            format!("{place} has a control character, or one that hides or reorders text"),
        ));
    }
    // CI systems take their orders from lines of the log.
    let is_order = |rest: &str| rest.contains("::");
    if text.contains("##") || text.trim_start().strip_prefix("::").is_some_and(is_order) {
        return Err(refused(
            plugin,
            format!("{place} has a text that CI systems take for a command"),
        ));
    }
    Ok(())
}

fn is_kebab(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn is_scheme(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
        })
}

fn is_alias(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Names, defaults and references, each against the others and the host's.
pub(super) fn description(plugin: &str, description: &Description) -> Result<()> {
    if options::RESERVED_WORDS.contains(&plugin) {
        return Err(refused(plugin, "its name is a command of this program"));
    }
    if description.schemes.is_empty() {
        return Err(refused(plugin, "it has no scheme"));
    }
    let mut schemes = BTreeSet::new();
    for scheme in &description.schemes {
        if !schemes.insert(&scheme.name) {
            return Err(refused(
                plugin,
                format!("the scheme `{}` twice", scheme.name),
            ));
        }
        if scheme.default_port == Some(0) {
            return Err(refused(
                plugin,
                format!("the scheme `{}` has the port 0", scheme.name),
            ));
        }
    }
    names(plugin, description)?;
    for param in &description.params {
        values_of(plugin, description, param)?;
    }
    let variables = [
        description.url_env(),
        description.host_env(),
        description.port_env(),
    ];
    for name in variables.iter().flatten() {
        variable(plugin, "the description", name)?;
    }
    default_host(plugin, description)
}

/// Where the user names no host, what is asked is on this machine: a plugin
/// does not choose where the user's secrets go.
fn default_host(plugin: &str, description: &Description) -> Result<()> {
    let Some(host) = description.default_host() else {
        return Ok(());
    };
    let address = Address::Tcp {
        host: host.to_owned(),
        port: 1,
    };
    if is_local(&[address]) {
        return Ok(());
    }
    Err(refused(
        plugin,
        "its default host is not this machine, and only the user may name another",
    ))
}

/// No two names mean the same, and none is the host's.
fn names(plugin: &str, description: &Description) -> Result<()> {
    let mut taken = BTreeSet::new();
    let mut parts = Vec::new();
    for param in &description.params {
        let mut names = vec![param.name.clone()];
        if param.is_secret() {
            names.push(format!("{}-file", param.name));
        }
        for alias in &param.aliases {
            if !is_alias(alias) {
                return Err(refused(
                    plugin,
                    format!("an alias of the parameter `{}` is not usable", param.name),
                ));
            }
            names.push(alias.replace('_', "-"));
        }
        for name in names {
            if options::is_taken(&name) {
                return Err(refused(
                    plugin,
                    format!("the parameter name `{name}` is that of an option of this program"),
                ));
            }
            if !taken.insert(name.clone()) {
                return Err(refused(
                    plugin,
                    format!("the parameter name `{name}` twice"),
                ));
            }
        }
        let own = options::variable(&format!("{plugin}-{}", param.name));
        if options::OPTIONS
            .iter()
            .any(|option| option.variable() == own)
        {
            return Err(refused(
                plugin,
                format!(
                    "the variable of the parameter `{}` would be `{own}`, which is an option's",
                    param.name
                ),
            ));
        }
        for name in &param.env {
            variable(plugin, &format!("the parameter `{}`", param.name), name)?;
        }
        if let Some(part) = param.url_part {
            if parts.contains(&part) {
                return Err(refused(
                    plugin,
                    format!(
                        "the parameter `{}` stands in a part of the URL that another has",
                        param.name
                    ),
                ));
            }
            parts.push(part);
        }
    }
    Ok(())
}

/// A variable that a plugin may ask for: never one of the host's own, which
/// may be meant for another plugin, nor one of the machine's or pipeline's.
fn variable(plugin: &str, place: &str, name: &str) -> Result<()> {
    let upper = name.to_ascii_uppercase();
    if !is_variable(name)
        || OTHERS_VARIABLES.contains(&upper.as_str())
        || OTHERS_PREFIXES
            .iter()
            .any(|prefix| upper.starts_with(prefix))
    {
        return Err(refused(
            plugin,
            format!("{place} names a variable that it may not have"),
        ));
    }
    Ok(())
}

/// Defaults, bounds and references hold.
fn values_of(plugin: &str, description: &Description, param: &Param) -> Result<()> {
    let wrong = |what: &str| {
        Err(refused(
            plugin,
            format!("the parameter `{}` {what}", param.name),
        ))
    };
    if (param.kind == Kind::Choice) == param.choices.is_empty() {
        return wrong("must have choices just if it is a choice");
    }
    if let (Some(min), Some(max)) = (param.min, param.max)
        && min > max
    {
        return wrong("has a minimum above its maximum");
    }
    if param.is_secret() && (param.default.is_some() || param.default_from.is_some()) {
        return wrong("is a secret and has a default");
    }
    // Trust, identity and names are the user's: a stranger's default would
    // switch verification off, or name a file to show to a server.
    if matches!(
        param.host_option,
        Some(
            HostOption::TlsCa
                | HostOption::TlsCert
                | HostOption::TlsKey
                | HostOption::TlsServerName
                | HostOption::TlsInsecure
        )
    ) && (param.default.is_some() || param.default_from.is_some())
    {
        return wrong("has a default for an option that only the user may set");
    }
    if let Some(default) = &param.default
        && values::canonical(param, default).is_err()
    {
        return wrong("has a default that it does not allow");
    }
    let kinds: &[Kind] = match &param.host_option {
        Some(HostOption::TlsCa | HostOption::TlsCert | HostOption::TlsKey) => {
            &[Kind::Path, Kind::Text]
        }
        Some(HostOption::TlsServerName) => &[Kind::Text],
        Some(HostOption::TlsInsecure) => &[Kind::Switch],
        Some(HostOption::AttemptTimeout) => &[Kind::Duration],
        Some(HostOption::Unknown(_)) | None => &[param.kind],
    };
    if !kinds.contains(&param.kind) {
        return wrong("has a kind that does not suit the option it sets");
    }
    // Each step to another parameter's value must lead to one that is there,
    // and no walk may be longer than the list.
    let mut walk = param;
    for _ in 0..=description.params.len() {
        let Some(DefaultFrom::Param(source)) = &walk.default_from else {
            return Ok(());
        };
        match description.param(source) {
            Some(next) if next.kind == param.kind => walk = next,
            _ => return wrong("takes its default from one that is not there or not of its kind"),
        }
    }
    wrong("takes its default from itself")
}
