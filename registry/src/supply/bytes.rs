//! The bytes of a plugin: from the nearest place that holds them, hashed
//! there, and never another version's.

use std::borrow::Cow;

use super::{Chosen, Mend, Origin, Refusal, Supplied, Supply};
use crate::layout::Layout;
use crate::{Error, Location, Locked, Published, Registry, Result, oci};

impl Supply {
    /// The component of a locked or chosen plugin, from the nearest place
    /// that holds it; what comes from a registry is kept in the store.
    ///
    /// # Errors
    /// Where a place holds other bytes under the same digest or version, or
    /// none holds them; the error says which places those are.
    pub fn bytes(&self, chosen: &Chosen) -> Result<Supplied> {
        let plugin = &chosen.plugin;
        let altered = match self.at_hand(plugin) {
            Ok(Some(supplied)) => return Ok(supplied),
            Ok(None) => return self.fetch(plugin),
            Err(error) => error,
        };
        // With a lock somebody has to look into it; without one, the registry
        // has just said which bytes it means.
        match altered {
            Error::Refused(mut refusal) if !chosen.pinned => {
                let Refusal::Altered { pinned, mend, .. } = &mut *refusal else {
                    return Err(Error::Refused(refusal));
                };
                *pinned = false;
                if *mend != Mend::Store || self.options.offline {
                    return Err(Error::Refused(refusal));
                }
                let mut supplied = self.fetch(plugin)?;
                supplied
                    .warnings
                    .push(format!("{refusal}; it was fetched again"));
                Ok(supplied)
            }
            error => Err(error),
        }
    }

    /// The component where it is on this machine; none where it is not.
    ///
    /// # Errors
    /// Where a place holds other bytes under its digest.
    pub fn at_hand(&self, locked: &Locked) -> Result<Option<Supplied>> {
        let supplied = |bytes, origin| {
            Ok(Some(Supplied {
                bytes,
                origin,
                warnings: Vec::new(),
            }))
        };
        if let Some(size) = self.official.size_of(&locked.component) {
            check_size(locked, size)?;
        }
        if let Some(bytes) = self.official.holding(&locked.component, locked.size)? {
            return supplied(Cow::Borrowed(bytes), Origin::Official);
        }
        if let Some(vendor) = self.vendor()?
            && let Some(bytes) = held(locked, &vendor, Mend::Vendor)?
        {
            let origin = Origin::Vendor(vendor.root().to_owned());
            return supplied(Cow::Owned(bytes), origin);
        }
        if let Location::Folder(folder) = &locked.registry {
            let layout = Layout::open(self.folder(folder))?;
            self.check_unmoved(&layout, locked)?;
            if let Some(bytes) = held(locked, &layout, Mend::Registry)? {
                let origin = Origin::Registry(locked.registry.clone());
                return supplied(Cow::Owned(bytes), origin);
            }
        }
        if let Some(store) = &self.store
            && let Some(bytes) =
                store
                    .component(&locked.component, locked.size)
                    .map_err(|error| {
                        let size = store.path_of(&locked.component).metadata();
                        let other = |size| store.component(&locked.component, size);
                        let right = size.map_or(locked.size, |about| about.len());
                        altered(locked, error, Mend::Store, right, |size| {
                            other(size).is_ok()
                        })
                    })?
        {
            let origin = Origin::Store(store.path_of(&locked.component));
            return supplied(Cow::Owned(bytes), origin);
        }
        Ok(None)
    }

    /// Downloads a component, whether it is at hand or not, and keeps it in
    /// the store.
    ///
    /// # Errors
    /// Where the registry cannot be asked, or publishes other bytes than
    /// were locked.
    pub fn fetch(&self, locked: &Locked) -> Result<Supplied> {
        if locked.registry == Location::Official {
            return Err(Refusal::NotInside {
                name: locked.name.clone(),
                version: locked.version.clone(),
            }
            .into());
        }
        if self.options.offline {
            return Err(Refusal::NotAtHand {
                name: locked.name.clone(),
                version: locked.version.clone(),
                places: self.places(locked),
            }
            .into());
        }
        let registry = self.registry(&self.binding_at(&locked.registry))?;
        let published = self.check_unmoved(&*registry, locked)?;
        let bytes = registry.component(&published)?;
        let warnings = match self.keep(&locked.registry, &published, &bytes) {
            Ok(()) => Vec::new(),
            // The run has its bytes; only the next one has to fetch again.
            Err(error) => vec![format!(
                "{}@{} was fetched and could not be kept: {error}",
                locked.name, locked.version
            )],
        };
        Ok(Supplied {
            bytes: Cow::Owned(bytes),
            origin: Origin::Registry(locked.registry.clone()),
            warnings,
        })
    }

    /// What a registry publishes under the version that is locked.
    ///
    /// # Errors
    /// [`Refusal::Moved`] and [`Refusal::Replaced`] where that is something
    /// else, [`Refusal::Gone`] where it is not there.
    pub fn check_unmoved(&self, registry: &dyn Registry, locked: &Locked) -> Result<Published> {
        let found = registry.find(&locked.name, &locked.version);
        let published = found
            .map_err(|error| match error {
                // What stands there now is not what was locked, if it is a
                // plugin at all.
                Error::Malformed { problem, .. } => Refusal::Replaced {
                    name: locked.name.clone(),
                    version: locked.version.clone(),
                    registry: locked.registry.clone(),
                    problem,
                }
                .into(),
                error => error,
            })?
            .ok_or_else(|| Refusal::Gone {
                name: locked.name.clone(),
                version: locked.version.clone(),
                registry: locked.registry.clone(),
            })?;
        if published.component == locked.component {
            check_size(locked, published.size)?;
            return Ok(published);
        }
        Err(Refusal::Moved {
            name: locked.name.clone(),
            version: locked.version.clone(),
            registry: locked.registry.clone(),
            locked: locked.component,
            found: published.component,
        }
        .into())
    }

    /// Where the bytes of a plugin could have been on this machine.
    fn places(&self, locked: &Locked) -> Vec<String> {
        let mut places = vec!["this program".to_owned()];
        let vendor = self.project.as_ref().and_then(|one| one.config.vendor());
        places.extend(vendor.map(|folder| format!("`{}`", folder.display())));
        if let Some(store) = &self.store {
            let path = store.path_of(&locked.component);
            places.push(format!("`{}`", path.display()));
        }
        places
    }
}

/// Whether the lock says how many bytes the component has, which it has.
fn check_size(locked: &Locked, found: u64) -> Result<()> {
    if found == locked.size {
        return Ok(());
    }
    Err(Refusal::WrongSize {
        name: locked.name.clone(),
        version: locked.version.clone(),
        component: locked.component,
        said: locked.size,
        found,
    }
    .into())
}

/// The component in a folder.
fn held(locked: &Locked, layout: &Layout, mend: Mend) -> Result<Option<Vec<u8>>> {
    let read = |size| layout.holding(&locked.component, size);
    read(locked.size).map_err(|error| {
        let right = layout.size_of(&locked.component).unwrap_or(locked.size);
        altered(locked, error, mend, right, |size| read(size).is_ok())
    })
}

/// The complaint about a copy that is not what was locked, with the plugin's
/// name; `size` is the copy's, and `is_right` tells whether its bytes are those
/// of the digest where that is what they should have.
fn altered(
    locked: &Locked,
    error: Error,
    mend: Mend,
    size: u64,
    is_right: impl Fn(u64) -> bool,
) -> Error {
    let (place, found) = match error {
        Error::Altered { place, found, .. } => (place, found),
        Error::StoreAltered { path, found, .. } => (format!("`{}`", path.display()), found),
        other => return other,
    };
    if let Err(wrong) = check_size(locked, size)
        && size <= oci::MAX_COMPONENT
        && is_right(size)
    {
        return wrong;
    }
    let found = match found.starts_with(crate::digest::PREFIX) {
        true => format!("{found}, not {}", locked.component),
        false => found,
    };
    Refusal::Altered {
        name: locked.name.clone(),
        version: locked.version.clone(),
        place,
        pinned: true,
        found,
        mend,
    }
    .into()
}
