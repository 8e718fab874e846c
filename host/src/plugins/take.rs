//! Taking a version up: found in its registry, downloaded, hashed, and asked
//! in the sandbox what it takes, before any file of the project changes.

use waitfor_registry::{
    Abi, Binding, Location, Locked, Name, Passed, Reference, Resolved, SPOKEN, Standing, Supply,
    resolve, resolve_among,
};

use super::row::as_locked;
use super::session::Session;
use crate::description::Description;
use crate::error::Result;

/// A version that can be locked.
pub(super) struct Taken {
    pub(super) locked: Locked,
    pub(super) description: Description,
    pub(super) standing: Standing,
    pub(super) passed: Vec<Passed>,
}

/// The version of a plugin to take.
///
/// # Errors
/// Where none will do, or the registry cannot be asked.
pub(super) fn find(
    supply: &Supply,
    name: &Name,
    reference: &Reference,
    binding: &Binding,
) -> waitfor_registry::Result<Resolved> {
    if binding.location == Location::Official {
        // Its errors name the other probes that there are.
        let all = supply.official()?;
        return Ok(Resolved {
            published: resolve_among(all, name, reference)?.clone(),
            passed: Vec::new(),
        });
    }
    let registry = supply.registry(binding)?;
    resolve(&*registry, name, reference, SPOKEN)
}

/// Takes up what [`find`] found; `requirement` is what will be written.
///
/// # Errors
/// Where the component cannot be had, is not what its registry says, is no
/// probe of this contract, or cannot be kept.
pub(super) fn take_up(
    session: &mut Session,
    resolved: Resolved,
    requirement: Reference,
    binding: &Binding,
) -> Result<Taken> {
    let Resolved {
        mut published,
        passed,
    } = resolved;
    let locked = as_locked(&published, requirement, &binding.location);
    let is_remote = matches!(binding.location, Location::Remote(_));
    if is_remote {
        session.hold_store()?;
    }
    // Altered copies at hand are no reason to fail: good bytes replace them.
    let bytes = match session.supply().at_hand(&locked) {
        Ok(Some(supplied)) => supplied.bytes.into_owned(),
        Ok(None) | Err(_) => {
            let registry = session.supply().registry(binding)?;
            registry.component(&published)?
        }
    };
    let name = locked.name.as_str();
    // What the manifest says of it may be anything.
    published.abi = session.catalogue.inspect(name, &bytes)?.abi;
    let (_, description) = session.catalogue.introduce(name, &bytes)?;
    let schemes: Vec<String> = description
        .schemes
        .iter()
        .map(|scheme| scheme.name.clone())
        .collect();
    if !published.schemes.is_empty() && published.schemes != schemes {
        session.warn(format!(
            "{} {} is published for {}, and answers to {}",
            locked.name,
            locked.version,
            published.schemes.join(", "),
            schemes.join(", ")
        ));
    }
    published.schemes.clone_from(&schemes);
    if published.summary.is_empty() {
        published.summary.clone_from(&description.summary);
    }
    if is_remote {
        session
            .supply()
            .keep(&binding.location, &published, &bytes)?;
    }
    session.warn_of(&locked.name, &locked.version, &published.standing);
    Ok(Taken {
        locked: Locked {
            schemes,
            abi: published.abi,
            ..locked
        },
        description,
        standing: published.standing,
        passed,
    })
}

/// What the locked version says of itself, where it is at hand and works.
pub(super) fn described(session: &Session, locked: &Locked) -> Option<Description> {
    own_words(session, locked).ok()?.map(|own| own.description)
}

/// What a component says of itself.
pub(super) struct OwnWords {
    pub(super) abi: Abi,
    pub(super) description: Description,
}

impl OwnWords {
    /// The schemes that it answers to.
    pub(super) fn schemes(&self) -> Vec<String> {
        let schemes = self.description.schemes.iter();
        schemes.map(|scheme| scheme.name.clone()).collect()
    }

    /// Where the lock says something else, which nobody but an editor of the
    /// file can have written.
    pub(super) fn differences(&self, locked: &Locked) -> Vec<String> {
        let mut differences = Vec::new();
        if self.abi != locked.abi {
            differences.push(format!(
                "the lock says that it needs waitfor:probe {}, and it needs {}",
                locked.abi, self.abi
            ));
        }
        let schemes = self.schemes();
        if schemes != locked.schemes {
            differences.push(format!(
                "the lock says that it answers to {}, and it answers to {}",
                locked.schemes.join(", "),
                schemes.join(", ")
            ));
        }
        differences
    }
}

/// What the locked bytes say of themselves; none where they are not at hand.
///
/// # Errors
/// Where a copy is altered, or the bytes are no probe of this contract.
pub(super) fn own_words(session: &Session, locked: &Locked) -> Result<Option<OwnWords>> {
    let Some(supplied) = session.supply().at_hand(locked)? else {
        return Ok(None);
    };
    let name = locked.name.as_str();
    let probe = session.catalogue.inspect(name, &supplied.bytes)?;
    let (_, description) = session.catalogue.introduce(name, &supplied.bytes)?;
    Ok(Some(OwnWords {
        abi: probe.abi,
        description,
    }))
}
