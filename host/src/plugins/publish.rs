//! `waitfor plugin publish`: makes sure of a component before it becomes a
//! version that can never be taken back.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde_json::json;
use waitfor_registry::oci::Annotations;
use waitfor_registry::{
    Added, Binding, Error as RegistryError, Layout, Location, Name, Published, Reference, Registry,
    Release, SPOKEN, Standing, Version, component, input, oci, release,
};

use super::place;
use super::row::{Action, Row, Rows, as_locked, line};
use super::session::{Session, shown};
use crate::cli::Publication;
use crate::compat::Changes;
use crate::description::Description;
use crate::error::{Error, Result};
use crate::exit::Exit;

pub(super) fn run(session: &mut Session, publication: &Publication) -> Result<Rows> {
    let Publication { name, version, .. } = publication;
    let bytes = read(&publication.file)?;
    let description = introduce(session, publication, &bytes)?;
    let binding = place::binding(session.supply(), name, publication.to.as_ref(), "--to")?;
    let release = Release {
        name: name.clone(),
        version: version.clone(),
        component: &bytes,
        schemes: description
            .schemes
            .iter()
            .map(|scheme| scheme.name.clone())
            .collect(),
        summary: description.summary.clone(),
        licenses: publication.license.clone(),
        source: publication.source.clone(),
        revision: publication.revision.clone(),
    };
    let prepared = release.prepare()?;
    let registry = registry(session, &binding, publication.dry_run)?;
    let there = match &registry {
        Some(registry) => registry.find(name, version)?,
        None => None,
    };
    let mut compared = None;
    let mut added = match &there {
        Some(there) => release::same(there, &prepared.published)
            .map_err(|error| clash(error, there, &prepared.published))?,
        None => {
            if let Some(registry) = &registry {
                compared = compare(session, &**registry, publication, &description)?;
            }
            Added::New
        }
    };
    if let Some(registry) = registry.filter(|_| !publication.dry_run) {
        added = registry.publish(&release)?;
    }
    let action = match added {
        Added::Same => Action::Same,
        Added::New | Added::Replaced => Action::Published,
    };
    let requirement: Reference = version.to_string().parse()?;
    let locked = as_locked(&prepared.published, requirement, &binding.location);
    let standing = there.map(|there| there.standing).unwrap_or_default();
    session.warn_of(name, version, &standing);
    let row = Row::new(action, locked)
        .standing(standing)
        .with("manifest", prepared.published.manifest.hex())
        .with(
            "compared_with",
            compared
                .as_ref()
                .map(|(before, _)| before.version.to_string()),
        )
        .with(
            "changes",
            compared
                .iter()
                .flat_map(|(_, changes)| changes.iter())
                .map(|change| json!({"text": change.what, "breaking": change.breaking}))
                .collect::<Vec<_>>(),
        );
    Ok(Rows {
        dry_run: publication.dry_run,
        ..Rows::of("publish", vec![row])
    })
}

/// The file, no more of it than can be published.
fn read(path: &Path) -> Result<Vec<u8>> {
    let read = input::at_most(path, oci::MAX_COMPONENT.saturating_add(1));
    let bytes = read.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            // What is neither.
            io::ErrorKind::InvalidInput => error.to_string(),
            kind => kind.to_string(),
        };
        Error::usage(format!("cannot read {}: {why}", shown(path.to_owned())))
    })?;
    if bytes.len() as u64 > oci::MAX_COMPONENT {
        return Err(Error::new(
            Exit::PluginRefused,
            format!(
                "{} has more than {} bytes, the most that a plugin may have",
                shown(path.to_owned()),
                oci::MAX_COMPONENT
            ),
        )
        .hint("build it for release, and strip it"));
    }
    Ok(bytes)
}

/// Looks at the component, and asks it in the sandbox what it takes.
fn introduce(session: &Session, publication: &Publication, bytes: &[u8]) -> Result<Description> {
    let file = shown(publication.file.clone());
    let probe = component::inspect(bytes).map_err(|error| match error {
        RegistryError::NotAProbe { problem } => {
            let told = Error::new(
                Exit::PluginRefused,
                format!("{file} is not a probe: {problem}"),
            );
            if problem.starts_with("it imports ") {
                return told.hint(
                    "leave that import out: a probe reaches its target by waitfor:probe/net alone",
                );
            }
            match (RegistryError::NotAProbe { problem }).hint() {
                Some(hint) => told.hint(hint),
                None => told,
            }
        }
        other => other.into(),
    })?;
    if !SPOKEN.speaks(probe.abi) {
        return Err(Error::new(
            Exit::PluginRefused,
            format!(
                "{file} needs waitfor:probe {}, and this waitfor speaks {SPOKEN}",
                probe.abi
            ),
        )
        .hint("publish it with a waitfor that can run it"));
    }
    let introduced = session
        .catalogue
        .introduce(publication.name.as_str(), bytes);
    // Its author is the one who reads this.
    introduced
        .map(|(_, description)| description)
        .map_err(|error| match error.exit() {
            Exit::PluginRefused => error.hint("mend it in the probe, and build it anew"),
            _ => error,
        })
}

/// The refusal of a version that is published already, with what differs.
fn clash(error: RegistryError, there: &Published, offered: &Published) -> Error {
    let differing = differing(&there.annotations, &offered.annotations);
    let is_about_facts = matches!(&error, RegistryError::Immutable(_))
        && there.component == offered.component
        && !differing.is_empty();
    if !is_about_facts {
        return error.into();
    }
    let told = Error::new(
        Exit::PluginRefused,
        format!(
            "`{}@{}` is published already, and these facts of it differ: {}",
            offered.name,
            offered.version,
            differing.join("; ")
        ),
    );
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The notes of two manifests that differ, one after the other.
pub(super) fn differing(there: &Annotations, offered: &Annotations) -> Vec<String> {
    let keys: BTreeSet<&String> = there.keys().chain(offered.keys()).collect();
    let shown = |value: Option<&String>| match value {
        Some(value) => format!("`{}`", line(value)),
        None => "nothing".to_owned(),
    };
    keys.into_iter()
        .map(|key| (key, there.get(key), offered.get(key)))
        .filter(|(_, before, now)| before != now)
        .map(|(key, before, now)| format!("{} is {}, not {}", line(key), shown(before), shown(now)))
        .collect()
}

/// The registry to write to; none where it is a folder that is not there yet,
/// and nothing is to be written.
fn registry(
    session: &mut Session,
    binding: &Binding,
    dry_run: bool,
) -> Result<Option<Box<dyn Registry>>> {
    let supply = session.supply();
    let Location::Folder(folder) = &binding.location else {
        return Ok(Some(supply.registry(binding)?));
    };
    let folder = supply.folder(folder);
    if !dry_run {
        return Ok(Some(Box::new(Layout::create(folder)?)));
    }
    match folder.exists() {
        true => Ok(Some(Box::new(Layout::open(folder)?))),
        false => Ok(None),
    }
}

/// Compares with the version before, and refuses what would break its users.
fn compare(
    session: &mut Session,
    registry: &dyn Registry,
    publication: &Publication,
    description: &Description,
) -> Result<Option<(Published, Changes)>> {
    let Publication { name, version, .. } = publication;
    let Some(before) = before(registry, name, version)? else {
        return Ok(None);
    };
    let bytes = registry.component(&before)?;
    let described = match session.catalogue.introduce(name.as_str(), &bytes) {
        Ok((_, described)) => described,
        Err(error) => {
            session.warn(format!(
                "{name}@{version} cannot be compared with {}: {}",
                before.version,
                error.message()
            ));
            return Ok(None);
        }
    };
    let changes = Changes::between(&described, description);
    let against: Vec<String> = changes
        .against(&before.version, version)
        .map(ToString::to_string)
        .collect();
    if !against.is_empty() {
        let error = Error::new(
            Exit::PluginRefused,
            format!(
                "{name}@{version} would break what users of {} can have written: {}",
                before.version,
                against.join("; ")
            ),
        );
        return Err(match changes.least(&before.version) {
            Some(least) => error.hint(format!(
                "keep what was there, or publish it as {name}@{least}"
            )),
            None => error,
        });
    }
    for change in changes.iter() {
        session.note(format!("since {}: {change}", before.version));
    }
    Ok(Some((before, changes)))
}

/// The greatest release below a version that its publisher did not take back:
/// a pre-release promises nothing, and nobody is to stay with a yanked one.
fn before(registry: &dyn Registry, name: &Name, version: &Version) -> Result<Option<Published>> {
    let mut versions = registry.versions(name)?;
    versions.retain(|one| one < version && !one.is_prerelease());
    versions.sort();
    for one in versions.iter().rev() {
        match registry.find(name, one)? {
            Some(found) if !matches!(found.standing, Standing::Yanked { .. }) => {
                return Ok(Some(found));
            }
            _ => {}
        }
    }
    Ok(None)
}
