//! Keeping what is locked where a registry shows only older versions of it: a
//! mirror that lags, or a version that was taken back, must not lead anybody
//! to an older one unasked.

use waitfor_registry::supply::Refusal;
use waitfor_registry::{
    Binding, Error, Location, Locked, Reference, Resolved, Standing, Version, Why,
};

use super::row::{Action, Row};
use super::session::Session;
use crate::catalogue::said_of;
use crate::error::Result;

/// Whether taking `found` would be a way back from what is locked, which is
/// one of the versions that are asked for as well.
pub(super) fn is_way_back(
    locked: &Locked,
    found: &Version,
    asked: &Reference,
    registry: &Location,
) -> bool {
    let is_asked_for = match asked {
        Reference::Newest => !locked.version.is_prerelease(),
        asked => locked.satisfies(asked),
    };
    is_asked_for && locked.registry == *registry && *found < locked.version
}

/// The row of a plugin that stays as it is locked, though `resolved` is the
/// newest that could be taken; warns of that.
///
/// # Errors
/// Where the registry cannot be asked, or shows other bytes under the locked
/// version.
pub(super) fn stay(
    session: &mut Session,
    locked: Locked,
    resolved: Resolved,
    binding: &Binding,
) -> Result<Row> {
    let standing = standing(session, &locked, binding)?;
    let warning = why(&locked, &resolved, &standing);
    session.warn(warning);
    let mut passed = resolved.passed;
    // Its own standing was told already.
    passed.retain(|one| one.version != locked.version);
    Ok(Row::new(Action::Kept, locked)
        .standing(standing)
        .passed(passed))
}

/// How the locked version stands now; as it stood where the registry shows it
/// no longer.
fn standing(
    session: &Session,
    locked: &Locked,
    binding: &Binding,
) -> waitfor_registry::Result<Standing> {
    let supply = session.supply();
    let registry = supply.registry(binding)?;
    match supply.check_unmoved(&*registry, locked) {
        Ok(published) => {
            // A store that cannot be written is not what was asked about.
            let _ = supply.remember(&binding.location, &published);
            Ok(published.standing)
        }
        Err(Error::Refused(refusal)) if matches!(*refusal, Refusal::Gone { .. }) => {
            Ok(supply.last_standing(locked))
        }
        Err(error) => Err(error),
    }
}

/// Why the locked version is not the one that was found, and what goes back.
pub(super) fn why(locked: &Locked, resolved: &Resolved, standing: &Standing) -> String {
    let Locked {
        name,
        version,
        registry,
        ..
    } = locked;
    let found = &resolved.published.version;
    let passed = resolved.passed.iter().find(|one| one.version == *version);
    let said = said_of(name, version, standing).filter(|_| standing.is_yanked());
    let why = match (said, passed.map(|passed| &passed.why)) {
        (Some(said), _) => said,
        (None, Some(Why::Yanked(reason))) => format!("{name} {version} was yanked: {reason}"),
        (None, Some(Why::Abi { needed, spoken })) => format!(
            "{name} {version} needs waitfor:probe {needed}, and this waitfor speaks {spoken}"
        ),
        (None, None) => {
            format!("{registry} shows nothing newer than {name} {found}, and {version} is locked")
        }
    };
    let older = Locked {
        version: found.clone(),
        component: resolved.published.component,
        ..locked.clone()
    };
    let way = match older.satisfies(&locked.requirement) {
        true => format!("update {name} --precise {found}"),
        false => format!("add {name}@{found}"),
    };
    format!("{why}; `waitfor plugin {way}` goes back")
}
