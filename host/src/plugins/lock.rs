//! `waitfor plugin lock`: makes `waitfor.lock` fit `waitfor.toml`, and changes
//! nothing that fits already.

use waitfor_registry::{Locked, Name, Wanted};

use super::row::{Action, Row, Rows};
use super::session::{Session, shown};
use super::take;
use crate::error::{Error, Result};

pub(super) fn run(session: &mut Session) -> Result<Rows> {
    let wanted = wanted(session)?;
    session.supply().check_locked()?;
    let mut rows = Vec::new();
    for one in &wanted {
        rows.push(lock(session, one)?);
    }
    let unwanted: Vec<Locked> = session
        .supply()
        .all_locked()
        .filter(|locked| !wanted.iter().any(|one| one.name == locked.name))
        .cloned()
        .collect();
    let names: Vec<Name> = unwanted.iter().map(|locked| locked.name.clone()).collect();
    rows.extend(
        unwanted
            .into_iter()
            .map(|locked| Row::new(Action::Removed, locked)),
    );
    if !session.supply().options().locked {
        let now: Vec<Locked> = rows
            .iter()
            .filter(|row| !names.contains(&row.name))
            .filter_map(|row| row.locked.clone())
            .collect();
        session.commit(|project| {
            for locked in now {
                // Somebody may have removed it meanwhile.
                if project.config.wanted(&locked.name).is_some() {
                    project.lock_mut().set(locked);
                }
            }
            for name in &names {
                // Or added it.
                if project.config.wanted(name).is_none() {
                    project.lock_mut().remove(name);
                }
            }
            Ok(())
        })?;
    }
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Rows::of("lock", rows))
}

/// What the project wants.
fn wanted(session: &Session) -> Result<Vec<Wanted>> {
    let missing = |place: String| {
        Error::usage(format!("there is no waitfor.toml{place}"))
            .hint("`waitfor plugin add NAME` writes it")
    };
    match session.supply().project() {
        Some(project) if project.has_config() => Ok(project.config.plugins().to_vec()),
        // An empty one would make an empty lock of the one that is there.
        Some(project) => Err(missing(format!(
            ": {} is missing",
            shown(project.config_path().to_owned())
        ))),
        None => Err(missing(", neither here nor in a folder above".to_owned())),
    }
}

fn lock(session: &mut Session, wanted: &Wanted) -> Result<Row> {
    let binding = session.supply().binding(&wanted.name)?;
    let before = session.supply().locked(&wanted.name).cloned();
    if let Some(before) = &before
        && before.registry == binding.location
        && before.satisfies(&wanted.reference)
    {
        let standing = session.supply().last_standing(before);
        session.warn_of(&before.name, &before.version, &standing);
        let mut locked = Locked {
            requirement: wanted.reference.clone(),
            ..before.clone()
        };
        let mut action = Action::Kept;
        // Bytes that are altered or do not work are for `verify` to tell.
        if let Ok(Some(own)) = take::own_words(session, before) {
            for difference in own.differences(before) {
                session.warn(format!("{} {}: {difference}", before.name, before.version));
                if !session.supply().options().locked {
                    action = Action::Locked;
                }
            }
            locked.schemes = own.schemes();
            locked.abi = own.abi;
        }
        return Ok(Row::new(action, locked).standing(standing));
    }
    let resolved = take::find(session.supply(), &wanted.name, &wanted.reference, &binding)?;
    let taken = take::take_up(session, resolved, wanted.reference.clone(), &binding)?;
    session.warn_of_clashes(&taken.locked)?;
    let from = before
        .map(|before| before.version)
        .filter(|version| *version != taken.locked.version);
    let row = Row::new(Action::Locked, taken.locked).from(from);
    Ok(row.standing(taken.standing).passed(taken.passed))
}
