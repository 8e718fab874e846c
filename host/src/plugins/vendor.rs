//! `waitfor plugin vendor`: copies what is locked into a folder of the
//! project, for machines that reach no registry.

use std::path::{Path, PathBuf};

use waitfor_registry::supply::Refusal;
use waitfor_registry::{
    Digest, Error as Failure, Layout, Location, Locked, Name, Project, Published, Registry,
    Standing, Version, write,
};

use super::row::{Action, Row, Rows};
use super::session::{Session, shown};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Where the folder is when the user names none.
const DEFAULT: &str = "vendor/waitfor";

pub(super) fn run(session: &mut Session, folder: Option<&Path>) -> Result<Rows> {
    let project = session.locked_project()?;
    let relative = place(project, folder)?;
    let root = project.folder().join(&relative);
    let is_ours = project.config.vendor().as_ref() == Some(&root);
    if !is_ours {
        session.may_write("vendor", waitfor_registry::config::FILE)?;
    }
    let all: Vec<Locked> = session.supply().all_locked().cloned().collect();
    refuse_others(&root, &all, is_ours)?;
    let layout = Layout::create(&root).map_err(|error| broken(error, &root))?;
    let is_locked = |name: &Name, version: &Version, component: &Digest| {
        all.iter().any(|locked| {
            (&locked.name, &locked.version, &locked.component) == (name, version, component)
        })
    };
    // What stands under a locked version with other bytes is in the way.
    let removed = layout.retain(|one| {
        let same = |locked: &Locked| locked.name == one.name && locked.version == one.version;
        is_locked(&one.name, &one.version, &one.component) || !all.iter().any(same)
    });
    removed.map_err(|error| broken(error, &root))?;
    let mut rows = Vec::new();
    for locked in &all {
        let row = match there(&layout, locked) {
            Some(found) => {
                let standing = refresh(session, &layout, locked, &found)?;
                Row::new(Action::Kept, locked.clone()).standing(standing)
            }
            None => {
                let standing = copy(session, &layout, locked)?;
                let action = Action::Vendored(relative.display().to_string());
                Row::new(action, locked.clone()).standing(standing)
            }
        };
        rows.push(row);
    }
    layout.retain(|one| is_locked(&one.name, &one.version, &one.component))?;
    layout.prune()?;
    if !is_ours {
        session.commit(|project| project.config.set_vendor(Some(&relative)).map(|_| ()))?;
    }
    Ok(Rows::of("vendor", rows))
}

/// The error for a folder that is no whole layout; what is in it can be had
/// again.
fn broken(error: Failure, root: &Path) -> Error {
    match error {
        Failure::Malformed { .. } | Failure::Missing { .. } | Failure::Altered { .. } => {
            Error::from(error).hint(format!(
                "remove {} and run `waitfor plugin vendor` again",
                shown(root.to_owned())
            ))
        }
        error => error.into(),
    }
}

/// The folder, relative to that of the project.
fn place(project: &Project, folder: Option<&Path>) -> Result<PathBuf> {
    let Some(folder) = folder else {
        let before = project.config.vendor();
        let before =
            before.and_then(|path| path.strip_prefix(project.folder()).map(Path::to_owned).ok());
        return Ok(before.unwrap_or_else(|| PathBuf::from(DEFAULT)));
    };
    let outside = || {
        Error::usage(format!(
            "the folder {} is not inside of the project, {}",
            shown(folder.to_owned()),
            shown(project.folder().to_owned())
        ))
        .hint("what is vendored is committed with the project")
    };
    let absolute = std::path::absolute(folder).map_err(|_| outside())?;
    let relative = absolute
        .strip_prefix(project.folder())
        .map_err(|_| outside())?;
    if relative.to_str().is_none() {
        return Err(Error::usage(format!(
            "the path {} is not UTF-8, and waitfor.toml cannot name it",
            shown(relative.to_owned())
        )));
    }
    let is_plain = relative
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if relative.as_os_str().is_empty() || !is_plain || leads_out(project.folder(), &absolute) {
        return Err(outside());
    }
    Ok(relative.to_owned())
}

/// Whether links on the way to a folder, which need not be there yet, lead out
/// of the project.
fn leads_out(project: &Path, folder: &Path) -> bool {
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let Some(deepest) = folder.ancestors().find(is_there) else {
        return true;
    };
    match (project.canonicalize(), deepest.canonicalize()) {
        (Ok(project), Ok(deepest)) => !deepest.starts_with(project),
        _ => true,
    }
}

/// Other plugins in the folder would be removed: they may be somebody's
/// registry.
fn refuse_others(root: &Path, all: &[Locked], is_ours: bool) -> Result<()> {
    if is_ours {
        return Ok(());
    }
    let empty = "name an empty folder";
    if !root.join("index.json").exists() {
        if !has_blobs(root) {
            return Ok(());
        }
        return Err(Error::new(
            Exit::PluginRefused,
            format!(
                "{} holds blobs, and no index that says what they are",
                shown(root.to_owned())
            ),
        )
        .hint(empty));
    }
    let foreign = |error: Failure| Error::from(error).hint(empty);
    let published = Layout::open(root).map_err(foreign)?;
    let published = published.published().map_err(foreign)?;
    let other = published
        .iter()
        .find(|one| !all.iter().any(|locked| locked.name == one.name));
    match other {
        None => Ok(()),
        Some(other) => Err(Error::new(
            Exit::PluginRefused,
            format!(
                "{} holds {}@{}, which is not locked, and would be removed",
                shown(root.to_owned()),
                other.name,
                other.version
            ),
        )
        .hint(empty)),
    }
}

/// Whether there are blobs in a folder, of which a killed copy leaves none
/// before there is an index.
fn has_blobs(root: &Path) -> bool {
    let entries = root.join("blobs").join("sha256").read_dir();
    entries.is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| !write::is_left_over(&entry.file_name()))
    })
}

/// The plugin as it is locked, where the folder has it byte for byte.
fn there(layout: &Layout, locked: &Locked) -> Option<Published> {
    let found = layout.find(&locked.name, &locked.version).ok()??;
    let is_whole = found.component == locked.component
        && layout.component(&found).is_ok()
        && Registry::documents(layout, &found).is_ok();
    is_whole.then_some(found)
}

/// Brings what is said of a version that is in the folder up to date.
fn refresh(
    session: &mut Session,
    layout: &Layout,
    locked: &Locked,
    found: &Published,
) -> Result<Standing> {
    let supply = session.supply();
    let is_remote = matches!(locked.registry, Location::Remote(_));
    let mut standing = supply.last_standing(locked);
    if is_remote && !supply.options().offline {
        let asked = supply
            .registry(&supply.binding_at(&locked.registry))
            .and_then(|registry| supply.check_unmoved(&*registry, locked));
        match asked {
            Ok(published) => {
                // A store that cannot be written is not what was asked for.
                let _ = supply.remember(&locked.registry, &published);
                standing = published.standing;
                declare(layout, found, &standing)?;
            }
            // Going on quietly would hide that the version was exchanged.
            Err(Failure::Refused(refusal)) if matches!(*refusal, Refusal::Moved { .. }) => {
                return Err(Failure::Refused(refusal).into());
            }
            Err(error) => session.warn(format!("{error}; what is in the folder stays")),
        }
    } else if standing != Standing::Good || !is_remote {
        declare(layout, found, &standing)?;
    }
    session.warn_of(&locked.name, &locked.version, &standing);
    Ok(standing)
}

/// Says of the copy what is said of the version, for machines that hear of it
/// in no other way.
fn declare(layout: &Layout, copy: &Published, standing: &Standing) -> waitfor_registry::Result<()> {
    if copy.standing == *standing {
        return Ok(());
    }
    layout.declare(copy, standing)
}

fn copy(session: &mut Session, layout: &Layout, locked: &Locked) -> Result<Standing> {
    let supply = session.supply();
    let registry = supply.registry(&supply.binding_at(&locked.registry))?;
    let published = supply.check_unmoved(&*registry, locked)?;
    let documents = registry.documents(&published)?;
    let kept = supply
        .store()
        .and_then(|store| store.component(&locked.component, locked.size));
    let bytes = match kept {
        Ok(Some(bytes)) => bytes,
        _ => registry.component(&published)?,
    };
    layout.import(&published, &documents, &bytes)?;
    let standing = published.standing.clone();
    if let Some(copy) = layout.find(&locked.name, &locked.version)? {
        declare(layout, &copy, &standing)?;
    }
    if let Location::Remote(_) = locked.registry {
        // A store that cannot be written is not what was asked for.
        let _ = supply.remember(&locked.registry, &published);
    }
    session.warn_of(&locked.name, &locked.version, &standing);
    Ok(standing)
}
