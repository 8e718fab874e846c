//! Which of the published versions a user's words mean: the newest that
//! matches, that nobody took back, and that this program can run.

use std::fmt;

use crate::{
    Abi, Error, Name, PluginRef, Published, Reference, Registry, Result, Standing, Version,
    contract,
};

/// What a user's words mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The version to take.
    pub published: Published,
    /// Newer versions that match and were passed over, the newest first.
    pub passed: Vec<Passed>,
}

/// A version that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The version.
    pub version: Version,
    /// Why.
    pub why: Why,
}

/// Why a version was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its publisher took it back; the reason.
    Yanked(String),
    /// It needs a contract that the host does not speak.
    Abi {
        /// What it needs.
        needed: Abi,
        /// What the host speaks.
        spoken: Abi,
    },
}

impl fmt::Display for Passed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Yanked(reason) => write!(formatter, "{} is yanked: {reason}", self.version),
            Why::Abi { needed, spoken } => write!(
                formatter,
                "{} needs waitfor:probe {needed}, and this waitfor speaks {spoken}",
                self.version
            ),
        }
    }
}

/// The newest version in `registry` that `reference` means and that a host
/// which speaks `host` may take. A pre-release is taken only where the
/// reference names it.
///
/// The registry is asked for versions from the newest on, and no further than
/// the first that will do.
///
/// # Errors
/// Where the registry does not know the plugin, no version matches, or every
/// one that matches is passed over; the error says which and why, and names
/// the newest that can be used at all. Where the registry lists the version
/// to take and does not have it: an older one in its place would be a
/// downgrade that nobody asked for. And what the registry says.
pub fn resolve(
    registry: &dyn Registry,
    name: &Name,
    reference: &Reference,
    host: Abi,
) -> Result<Resolved> {
    let mut versions = registry.versions(name)?;
    if versions.is_empty() {
        return Err(Error::NotPublished {
            name: name.clone(),
            place: registry.place(),
        });
    }
    versions.sort_by(|a, b| b.cmp(a));
    let place = || registry.place();
    let (published, passed) = choose(name, reference, host, &versions, place, |version| {
        registry.find(name, version)
    })?;
    Ok(Resolved { published, passed })
}

/// As [`resolve`], among the versions at hand, for this program.
///
/// # Errors
/// Where no plugin has that name, and those of [`resolve`].
pub fn resolve_among<'a>(
    all: &'a [Published],
    name: &Name,
    reference: &Reference,
) -> Result<&'a Published> {
    let mut named: Vec<&Published> = all.iter().filter(|one| one.name == *name).collect();
    if named.is_empty() {
        let mut known: Vec<Name> = all.iter().map(|one| one.name.clone()).collect();
        known.sort();
        known.dedup();
        return Err(Error::UnknownPlugin {
            name: name.clone(),
            known,
        });
    }
    named.sort_by(|a, b| b.version.cmp(&a.version));
    let versions: Vec<Version> = named.iter().map(|one| one.version.clone()).collect();
    let find = |version: &Version| Ok(named.iter().copied().find(|one| one.version == *version));
    let place = || "what is at hand".to_owned();
    choose(name, reference, contract::SPOKEN, &versions, place, find).map(|(found, _)| found)
}

/// Chooses from `versions`, which `place` lists, the newest first.
fn choose<T: AsRef<Published>>(
    name: &Name,
    reference: &Reference,
    host: Abi,
    versions: &[Version],
    place: impl Fn() -> String,
    find: impl Fn(&Version) -> Result<Option<T>>,
) -> Result<(T, Vec<Passed>)> {
    let mut passed = Vec::new();
    let (mut seen, mut lost) = (Vec::new(), Vec::new());
    for version in versions {
        let may_match = match reference {
            Reference::Newest => !version.is_prerelease(),
            Reference::Version(requirement) => requirement.matches(version),
            Reference::Bytes(_) => true,
        };
        if !may_match {
            continue;
        }
        let Some(found) = find(version)? else {
            // The same bytes under another version are no other bytes.
            if matches!(reference, Reference::Bytes(_)) {
                lost.push(version.clone());
                continue;
            }
            return Err(Error::Lost {
                name: name.clone(),
                version: version.clone(),
                place: place(),
            });
        };
        let published = found.as_ref();
        if let Reference::Bytes(digest) = reference
            && published.component != *digest
        {
            seen.push((version.clone(), published.component));
            continue;
        }
        match obstacle(published, host) {
            Some(why) => passed.push(Passed {
                version: version.clone(),
                why,
            }),
            None => return Ok((found, passed)),
        }
    }
    if passed.is_empty() {
        return Err(no_match(name, reference, versions, seen, lost));
    }
    let mut usable = None;
    for version in versions.iter().filter(|version| !version.is_prerelease()) {
        if passed.iter().any(|one| one.version == *version) {
            continue;
        }
        if let Some(found) = find(version)?
            && obstacle(found.as_ref(), host).is_none()
        {
            usable = Some(version.clone());
            break;
        }
    }
    Err(Error::NoneUsable {
        wanted: Box::new(PluginRef {
            name: name.clone(),
            reference: reference.clone(),
        }),
        passed,
        usable,
    })
}

/// What keeps a host that speaks `host` from taking a version up.
fn obstacle(published: &Published, host: Abi) -> Option<Why> {
    match &published.standing {
        Standing::Yanked { reason } => Some(Why::Yanked(reason.clone())),
        _ if !host.speaks(published.abi) => Some(Why::Abi {
            needed: published.abi,
            spoken: host,
        }),
        _ => None,
    }
}

fn no_match(
    name: &Name,
    reference: &Reference,
    versions: &[Version],
    seen: Vec<(Version, crate::Digest)>,
    lost: Vec<Version>,
) -> Error {
    let wanted = match reference {
        Reference::Bytes(digest) => {
            return Error::NoSuchBytes {
                name: name.clone(),
                digest: *digest,
                available: seen,
                lost,
            };
        }
        Reference::Newest => "a release".to_owned(),
        Reference::Version(requirement) => requirement.to_string(),
    };
    Error::NoVersion {
        name: name.clone(),
        wanted,
        available: versions.to_vec(),
    }
}

#[cfg(test)]
mod tests;
