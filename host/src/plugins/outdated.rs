//! `waitfor plugin outdated`: which locked plugins have newer versions, those
//! that `waitfor.toml` does not allow included.

use waitfor_registry::{Binding, Error, Locked, Passed, Reference, Resolved, Standing};

use super::row::{Action, Row, Rows};
use super::session::Session;
use super::{back, take, update};
use crate::error::Result;

pub(super) fn run(session: &mut Session) -> Result<Rows> {
    session.locked_project()?;
    let all: Vec<Locked> = session.supply().all_locked().cloned().collect();
    let mut rows = Vec::new();
    for locked in all {
        rows.push(compare(session, locked)?);
    }
    Ok(Rows::of("outdated", rows))
}

fn compare(session: &mut Session, locked: Locked) -> Result<Row> {
    let (requirement, binding) = update::wanted(session, &locked)?;
    let locked = Locked {
        requirement,
        ..locked
    };
    let asked = &locked.requirement;
    let allowed = match find(session, &locked, asked, &binding)? {
        Found::Version(found) => Some(*found),
        Found::None => None,
        Found::NoPlugin(error) => return Ok(lost(locked, &error)),
    };
    let newest = match asked {
        Reference::Newest => allowed.clone(),
        _ => match find(session, &locked, &Reference::Newest, &binding)? {
            Found::Version(found) => Some(*found),
            Found::None | Found::NoPlugin(_) => None,
        },
    };
    let standing = standing(session, &locked, &binding)?;
    let older = allowed.as_ref().filter(|found| {
        let version = &found.published.version;
        back::is_way_back(&locked, version, asked, &binding.location)
    });
    match older {
        Some(older) => session.warn(back::why(&locked, older, &standing)),
        None => session.warn_of(&locked.name, &locked.version, &standing),
    }
    let version = |found: &Option<Resolved>| {
        let published = found.as_ref().map(|resolved| &resolved.published);
        published.map(|published| published.version.clone())
    };
    let action = Action::Compared {
        allowed: version(&allowed),
        newest: version(&newest),
    };
    let mut passed: Vec<Passed> = [allowed, newest]
        .into_iter()
        .flatten()
        .flat_map(|found| found.passed)
        .collect();
    passed.sort_by(|one, other| other.version.cmp(&one.version));
    passed.dedup();
    // Its own standing was told already.
    passed.retain(|one| one.version != locked.version);
    Ok(Row::new(action, locked).standing(standing).passed(passed))
}

/// How the locked version stands now; as it stood where the registry shows it
/// no longer.
fn standing(session: &Session, locked: &Locked, binding: &Binding) -> Result<Standing> {
    let registry = session.supply().registry(binding)?;
    Ok(match registry.find(&locked.name, &locked.version)? {
        Some(published) => {
            // A store that cannot be written is not what was asked about.
            let _ = session.supply().remember(&binding.location, &published);
            published.standing
        }
        None => session.supply().last_standing(locked),
    })
}

/// The row of a plugin that its registry does not know.
fn lost(locked: Locked, error: &Error) -> Row {
    let action = Action::Failed {
        problems: vec![error.to_string()],
        hints: error.hint().into_iter().collect(),
    };
    Row::new(action, locked)
}

/// What came of looking for a version.
enum Found {
    Version(Box<Resolved>),
    /// None will do.
    None,
    /// The registry has no version at all.
    NoPlugin(Error),
}

/// The version that would be taken.
fn find(
    session: &Session,
    locked: &Locked,
    reference: &Reference,
    binding: &Binding,
) -> Result<Found> {
    match take::find(session.supply(), &locked.name, reference, binding) {
        Ok(resolved) => Ok(Found::Version(Box::new(resolved))),
        Err(Error::NoVersion { .. } | Error::NoSuchBytes { .. } | Error::NoneUsable { .. }) => {
            Ok(Found::None)
        }
        Err(error @ (Error::NotPublished { .. } | Error::UnknownPlugin { .. })) => {
            Ok(Found::NoPlugin(error))
        }
        Err(error) => Err(error.into()),
    }
}
