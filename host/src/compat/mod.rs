//! Compares what two versions of a plugin say of themselves: whatever a user
//! of the older one can have written must go on working within a major
//! version, and in 0.x within a minor one.
//!
//! Only the outer form is compared. Whether a probe still means the same by
//! `ready` no program can tell; a changed summary is told for that reason.

mod params;
#[cfg(test)]
mod tests;

use std::fmt;

use waitfor_registry::Version;

use crate::description::{Description, Scheme, UrlPart};

/// One difference between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// One line; names the parameter or the scheme.
    pub what: String,
    /// Whether something that users can have written stops working or means
    /// something else.
    pub breaking: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

/// All differences that users can notice, schemes first, then parameters in
/// the order of the older version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// From what the older version says to what the newer one says.
    pub fn between(older: &Description, newer: &Description) -> Self {
        let mut changes = Self::default();
        schemes(older, newer, &mut changes);
        params::compare(older, newer, &mut changes);
        targets(older, newer, &mut changes);
        if older.summary != newer.summary {
            changes.told(format!("`ready` now means: {}", newer.summary));
        }
        changes
    }

    /// The least version that the newer one may have, where `older` is the
    /// version of the older one; none where every greater version will do.
    pub fn least(&self, older: &Version) -> Option<Version> {
        self.0
            .iter()
            .any(|change| change.breaking)
            .then(|| older.next_line())
    }

    /// What does not fit in `newer` as a version after `older`; empty where
    /// nothing stands against it.
    pub fn against<'a>(
        &'a self,
        older: &Version,
        newer: &Version,
    ) -> impl Iterator<Item = &'a Change> {
        let in_line = newer.is_in_line_with(older);
        self.iter().filter(move |change| in_line && change.breaking)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    fn breaking(&mut self, what: String) {
        self.0.push(Change {
            what,
            breaking: true,
        });
    }

    fn told(&mut self, what: String) {
        self.0.push(Change {
            what,
            breaking: false,
        });
    }
}

fn schemes(older: &Description, newer: &Description, changes: &mut Changes) {
    for scheme in &older.schemes {
        match newer.scheme(&scheme.name) {
            Some(now) => scheme_changes(scheme, now, changes),
            None => changes.breaking(format!("the scheme `{}` is gone", scheme.name)),
        }
    }
    for scheme in &newer.schemes {
        if older.scheme(&scheme.name).is_none() {
            changes.told(format!("the scheme `{}` is new", scheme.name));
        }
    }
    if let (Some(before), Some(now)) = (older.schemes.first(), newer.schemes.first())
        && before.name != now.name
        && newer.scheme(&before.name).is_some()
    {
        changes.breaking(format!(
            "targets without a URL are now `{}`, and were `{}`",
            now.name, before.name
        ));
    }
}

fn scheme_changes(before: &Scheme, now: &Scheme, changes: &mut Changes) {
    let name = &before.name;
    match (before.default_port, now.default_port) {
        (Some(port), Some(other)) if port != other => changes.breaking(format!(
            "the port of the scheme `{name}` is now {other}, and was {port}"
        )),
        (Some(port), None) => changes.breaking(format!(
            "the scheme `{name}` has no port of its own any more, and had {port}"
        )),
        (None, Some(port)) => {
            changes.told(format!("the scheme `{name}` has the port {port} now"));
        }
        _ => {}
    }
    if before.unix != now.unix {
        let what = if now.unix { "now" } else { "no longer" };
        changes.breaking(format!(
            "the scheme `{name}` is {what} that of a UNIX socket"
        ));
    }
}

/// The ways to name a target besides a URL's scheme.
fn targets(older: &Description, newer: &Description, changes: &mut Changes) {
    let variables = [
        ("URL", older.url_env(), newer.url_env()),
        ("host", older.host_env(), newer.host_env()),
        ("port", older.port_env(), newer.port_env()),
    ];
    for (what, before, now) in variables {
        for name in before.iter().filter(|name| !now.contains(name)) {
            changes.breaking(format!(
                "the target's {what} is no longer taken from the variable `{name}`"
            ));
        }
        for name in now.iter().filter(|name| !before.contains(name)) {
            changes.told(format!(
                "the target's {what} is also taken from the variable `{name}`"
            ));
        }
    }
    for (from, to) in mapped_schemes(older) {
        if newer.url_env_scheme(from) != Some(to) {
            changes.breaking(format!(
                "a variable's URL with the scheme `{from}` no longer means `{to}`"
            ));
        }
    }
    match (older.default_host(), newer.default_host()) {
        (Some(before), Some(now)) if before != now => changes.breaking(format!(
            "the host where none is given is now `{now}`, and was `{before}`"
        )),
        (Some(before), None) => changes.breaking(format!(
            "a target must name its host, and without one it was `{before}`"
        )),
        (None, Some(now)) => {
            changes.told(format!("the host where none is given is `{now}` now"));
        }
        _ => {}
    }
    let abilities = [
        (
            older.many_hosts(),
            newer.many_hosts(),
            "a URL may list several hosts",
        ),
        (
            older.libpq(),
            newer.libpq(),
            "a target may be a key=value string",
        ),
    ];
    for (before, now, what) in abilities {
        if before && !now {
            changes.breaking(format!("no longer: {what}"));
        } else if now && !before {
            changes.told(format!("new: {what}"));
        }
    }
    for (_, key) in older.more.iter().filter(|(name, _)| name == "ignored-key") {
        if newer.ignores_key(key) {
            continue;
        }
        if let Some(param) = newer.param_for_key(key) {
            changes.told(format!(
                "the URL's key `{key}` was passed over, and is the parameter `{}` now",
                param.name
            ));
        } else {
            changes.breaking(format!("the URL's key `{key}` is no longer passed over"));
        }
    }
    if older.param_in(UrlPart::RequestTarget).is_none()
        && let Some(param) = newer.param_in(UrlPart::RequestTarget)
    {
        changes.breaking(format!(
            "the URL's query is now part of the parameter `{}`, and held parameters before",
            param.name
        ));
    }
}

fn mapped_schemes(description: &Description) -> impl Iterator<Item = (&str, &str)> {
    description
        .more
        .iter()
        .filter(|(name, _)| name == "url-env-scheme")
        .filter_map(|(_, value)| value.split_once('='))
}
