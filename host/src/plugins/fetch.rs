//! `waitfor plugin fetch`: brings what is locked onto this machine, and hears
//! what its publishers have said of it since.

use std::borrow::Cow;

use waitfor_registry::supply::{Mend, Origin, Refusal, Supplied};
use waitfor_registry::{Error, Location, Locked, Standing};

use super::row::{Action, Row, Rows};
use super::session::Session;
use crate::error::Result;

pub(super) fn run(session: &mut Session) -> Result<Rows> {
    session.locked_project()?;
    let all: Vec<Locked> = session.supply().all_locked().cloned().collect();
    let mut rows = Vec::new();
    for locked in all {
        let row = fetch(session, locked.clone())?;
        compile(session, &locked);
        rows.push(row);
    }
    session.count_on_lock()?;
    Ok(Rows::of("fetch", rows))
}

/// Spares the next run the work of compiling. What cannot be compiled is for
/// that run to tell, if it uses it at all.
fn compile(session: &Session, locked: &Locked) {
    if let Ok(Some(supplied)) = session.supply().at_hand(locked) {
        let name = locked.name.as_str();
        let _ = session.catalogue.warm(name, &supplied.bytes);
    }
}

fn fetch(session: &mut Session, locked: Locked) -> Result<Row> {
    let altered = session.supply().store().is_ok_and(|store| {
        let stored = store.component(&locked.component, locked.size);
        matches!(stored, Err(Error::StoreAltered { .. }))
    });
    let is_remote = matches!(locked.registry, Location::Remote(_));
    let is_online = is_remote && !session.supply().options().offline;
    let at_hand = match session.supply().at_hand(&locked) {
        Ok(supplied) => supplied,
        Err(Error::Refused(refusal)) => match mend(&refusal) {
            // What the store holds can be put right here.
            Some(Mend::Store) => None,
            // The vendored folder cannot, and the store all the same.
            Some(Mend::Vendor) if is_online => {
                session.warn(format!("{refusal}; {}", refusal.hint()));
                in_store(session, &locked)
            }
            _ => return Err(Error::Refused(refusal).into()),
        },
        Err(error) => return Err(error.into()),
    };
    let Some(supplied) = at_hand else {
        if !is_online {
            // Says where it was looked for.
            session.supply().fetch(&locked)?;
        }
        session.hold_store()?;
        return download(session, locked);
    };
    if altered {
        session.hold_store()?;
        session.supply().store()?.put(&supplied.bytes)?;
    } else if matches!(supplied.origin, Origin::Store(_)) {
        // Nobody takes anything out of one that cannot be written.
        let _ = session.hold_store();
    }
    let mut heard = None;
    if is_online {
        match hear(session, &locked) {
            Ok(standing) => heard = Some(standing),
            // Going on quietly would hide that the version was exchanged.
            Err(Error::Refused(refusal)) if matches!(*refusal, Refusal::Moved { .. }) => {
                return Err(Error::Refused(refusal).into());
            }
            // The bytes are here: a registry that does not answer is no failure.
            Err(error) => session.warn(format!("{error}; what is at hand is used")),
        }
    }
    let standing = heard.unwrap_or_else(|| session.supply().last_standing(&locked));
    session.warn_of(&locked.name, &locked.version, &standing);
    Ok(Row::new(Action::AtHand(supplied.origin.word()), locked).standing(standing))
}

/// What puts an altered copy right, where that is what is wrong.
fn mend(refusal: &Refusal) -> Option<Mend> {
    match refusal {
        Refusal::Altered { mend, .. } => Some(*mend),
        _ => None,
    }
}

/// What the store holds of a plugin, where that is as it was locked.
fn in_store(session: &Session, locked: &Locked) -> Option<Supplied> {
    let store = session.supply().store().ok()?;
    let bytes = store.component(&locked.component, locked.size).ok()??;
    Some(Supplied {
        bytes: Cow::Owned(bytes),
        origin: Origin::Store(store.path_of(&locked.component)),
        warnings: Vec::new(),
    })
}

fn download(session: &mut Session, locked: Locked) -> Result<Row> {
    let supply = session.supply();
    let registry = supply.registry(&supply.binding_at(&locked.registry))?;
    let published = supply.check_unmoved(&*registry, &locked)?;
    let bytes = registry.component(&published)?;
    supply.keep(&locked.registry, &published, &bytes)?;
    session.warn_of(&locked.name, &locked.version, &published.standing);
    Ok(Row::new(Action::Fetched, locked).standing(published.standing))
}

/// What the registry says of the version now.
fn hear(session: &Session, locked: &Locked) -> waitfor_registry::Result<Standing> {
    let supply = session.supply();
    let registry = supply.registry(&supply.binding_at(&locked.registry))?;
    let published = supply.check_unmoved(&*registry, locked)?;
    // A store that cannot be written still has the bytes.
    let _ = supply.remember(&locked.registry, &published);
    Ok(published.standing)
}
