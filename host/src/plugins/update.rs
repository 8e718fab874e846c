//! `waitfor plugin update`: moves locked plugins to the newest version that
//! `waitfor.toml` allows, or to the one that the user names.

use waitfor_registry::{Binding, Locked, Name, Passed, Reference, Version, config};

use super::row::{Action, Row, Rows, as_locked};
use super::session::Session;
use super::{back, take};
use crate::compat::Changes;
use crate::error::{Error, Result};
use crate::exit::Exit;

pub(super) fn run(
    session: &mut Session,
    names: &[Name],
    precise: Option<&Version>,
    dry_run: bool,
) -> Result<Rows> {
    if !dry_run {
        session.may_write("update", waitfor_registry::lock::FILE)?;
    }
    session.locked_project()?;
    let all: Vec<Locked> = session.supply().all_locked().cloned().collect();
    for name in names {
        if !all.iter().any(|locked| locked.name == *name) {
            return Err(
                Error::new(Exit::PluginRefused, format!("{name} is not locked"))
                    .hint(format!("`waitfor plugin add {name}` takes it up")),
            );
        }
    }
    let mut rows = Vec::new();
    for locked in all
        .iter()
        .filter(|locked| names.is_empty() || names.contains(&locked.name))
    {
        rows.push(update(session, locked, precise, dry_run)?);
    }
    if !dry_run {
        let moved: Vec<Locked> = rows.iter().filter_map(|row| row.locked.clone()).collect();
        session.commit(|project| {
            for locked in moved {
                // Somebody may have removed it meanwhile.
                if project.lock_mut().get(&locked.name).is_some() {
                    project.lock_mut().set(locked);
                }
            }
            Ok(())
        })?;
    }
    Ok(Rows {
        dry_run,
        ..Rows::of("update", rows)
    })
}

fn update(
    session: &mut Session,
    locked: &Locked,
    precise: Option<&Version>,
    dry_run: bool,
) -> Result<Row> {
    let (requirement, binding) = wanted(session, locked)?;
    let asked = match precise {
        Some(version) => version.to_string().parse()?,
        None => requirement.clone(),
    };
    let resolved = match take::find(session.supply(), &locked.name, &asked, &binding) {
        Ok(resolved) => resolved,
        Err(waitfor_registry::Error::NoneUsable { passed, .. })
            if precise.is_none() && passed.iter().any(|one| one.version == locked.version) =>
        {
            return stuck(session, locked, requirement, passed, &binding);
        }
        Err(error) => return Err(error.into()),
    };
    let found = as_locked(&resolved.published, requirement.clone(), &binding.location);
    if precise.is_none()
        && back::is_way_back(locked, &found.version, &requirement, &binding.location)
    {
        let locked = Locked {
            requirement,
            ..locked.clone()
        };
        return back::stay(session, locked, resolved, &binding);
    }
    if precise.is_some() && !found.satisfies(&requirement) {
        return Err(Error::new(
            Exit::PluginRefused,
            format!(
                "waitfor.toml asks for {} `{}`, which {} is not",
                found.name,
                config::requirement(&requirement),
                found.version
            ),
        )
        .hint(format!(
            "`waitfor plugin add {}@{}` changes what is asked for",
            found.name, found.version
        )));
    }
    let stays = found.version == locked.version && found.registry == locked.registry;
    if stays {
        if found.component != locked.component {
            // A version whose bytes were exchanged is no update.
            let registry = session.supply().registry(&binding)?;
            session.supply().check_unmoved(&*registry, locked)?;
        }
        let standing = resolved.published.standing.clone();
        let _ = session
            .supply()
            .remember(&binding.location, &resolved.published);
        session.warn_of(&locked.name, &locked.version, &standing);
        let row = Row::new(
            Action::Kept,
            Locked {
                requirement,
                ..locked.clone()
            },
        );
        return Ok(row.standing(standing).passed(resolved.passed));
    }
    let from = Some(locked.version.clone());
    if dry_run {
        let standing = resolved.published.standing;
        let row = Row::new(Action::Updated, found).from(from);
        return Ok(row.standing(standing).passed(resolved.passed));
    }
    let before = take::described(session, locked);
    let taken = take::take_up(session, resolved, requirement, &binding)?;
    session.warn_of_clashes(&taken.locked)?;
    if let Some(before) = before {
        let changes = Changes::between(&before, &taken.description);
        for change in changes.iter() {
            session.note(format!(
                "{} {}: {change}",
                taken.locked.name, taken.locked.version
            ));
        }
    }
    let row = Row::new(Action::Updated, taken.locked).from(from);
    Ok(row.standing(taken.standing).passed(taken.passed))
}

/// A version that may not be taken up, and nothing else may: its users stay.
fn stuck(
    session: &mut Session,
    locked: &Locked,
    requirement: Reference,
    mut passed: Vec<Passed>,
    binding: &Binding,
) -> Result<Row> {
    passed.retain(|one| one.version != locked.version);
    let registry = session.supply().registry(binding)?;
    let published = session.supply().check_unmoved(&*registry, locked)?;
    let _ = session.supply().remember(&binding.location, &published);
    session.warn_of(&locked.name, &locked.version, &published.standing);
    let locked = Locked {
        requirement,
        ..locked.clone()
    };
    Ok(Row::new(Action::Kept, locked)
        .standing(published.standing)
        .passed(passed))
}

/// What is wanted of a locked plugin, and from where; where no configuration
/// speaks of it, what was wanted when it was locked.
pub(super) fn wanted(session: &Session, locked: &Locked) -> Result<(Reference, Binding)> {
    let supply = session.supply();
    let wanted = supply
        .project()
        .and_then(|project| project.config.wanted(&locked.name));
    Ok(match wanted {
        Some(wanted) => (wanted.reference.clone(), supply.binding(&locked.name)?),
        None => (
            locked.requirement.clone(),
            supply.binding_at(&locked.registry),
        ),
    })
}
