//! Which version a run takes of a plugin: the locked one where there is a
//! lock, else the newest that will do.

use super::{Refusal, Supply};
use crate::config::{self, Binding};
use crate::remote::Failure;
use crate::resolve::{resolve, resolve_among};
use crate::{Error, Location, Locked, Name, Published, Reference, Result, SPOKEN, Standing};

/// What a run takes of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Which bytes; its requirement is the one in force.
    pub plugin: Locked,
    /// Whether the lock says so.
    pub pinned: bool,
    /// What is known of its standing.
    pub standing: Standing,
    /// What the user should know of how it was chosen, one line each.
    pub warnings: Vec<String>,
}

impl Chosen {
    /// How to pin what was taken, where that may be another version tomorrow:
    /// it is neither locked, nor named by its whole version or its bytes, nor
    /// simply the official probe of this program.
    pub fn note(&self) -> Option<String> {
        let exact = match &self.plugin.requirement {
            Reference::Newest => self.plugin.registry == Location::Official,
            Reference::Version(requirement) => {
                requirement.to_string() == self.plugin.version.to_string()
            }
            Reference::Bytes(_) => true,
        };
        if self.pinned || exact {
            return None;
        }
        let asked = match &self.plugin.requirement {
            Reference::Newest => self.plugin.name.to_string(),
            reference => format!("{}@{}", self.plugin.name, config::requirement(reference)),
        };
        Some(format!(
            "{asked} is not pinned, and {} was taken; `waitfor plugin add {asked}` pins it",
            self.plugin.version
        ))
    }
}

impl Supply {
    /// What a run takes of a plugin, of which it asks for `reference`.
    ///
    /// # Errors
    /// Where lock, configuration and request exclude each other, or nothing
    /// will do.
    pub fn choose(&self, name: &Name, reference: &Reference) -> Result<Chosen> {
        let wanted = self
            .project()
            .and_then(|project| project.config.wanted(name));
        if let Some(locked) = self.locked(name) {
            return self.choose_locked(locked, reference, wanted.map(|one| &one.reference));
        }
        if let Some(project) = self.project()
            && project.lock.is_some()
            && wanted.is_some()
        {
            return Err(Refusal::NotLocked {
                name: name.clone(),
                lock: project.lock_path().to_owned(),
            }
            .into());
        }
        if self.options.locked {
            return Err(Refusal::Loose { name: name.clone() }.into());
        }
        let asked = match (reference, wanted) {
            (Reference::Newest, Some(wanted)) => &wanted.reference,
            _ => reference,
        };
        let chosen = self.choose_loose(name, asked, wanted.is_some())?;
        match wanted {
            Some(wanted) if !chosen.plugin.satisfies(&wanted.reference) => {
                Err(Refusal::Incompatible {
                    name: name.clone(),
                    configured: wanted.reference.clone(),
                    wanted: reference.clone(),
                    version: chosen.plugin.version,
                }
                .into())
            }
            _ => Ok(chosen),
        }
    }

    fn choose_locked(
        &self,
        locked: &Locked,
        reference: &Reference,
        wanted: Option<&Reference>,
    ) -> Result<Chosen> {
        if !locked.satisfies(reference) {
            return Err(Refusal::Locked {
                name: locked.name.clone(),
                version: locked.version.clone(),
                wanted: reference.clone(),
            }
            .into());
        }
        if let Some(wanted) = wanted.filter(|wanted| !locked.satisfies(wanted)) {
            return Err(Refusal::Stale {
                name: locked.name.clone(),
                version: locked.version.clone(),
                wanted: wanted.clone(),
            }
            .into());
        }
        Ok(Chosen {
            plugin: locked.clone(),
            pinned: true,
            standing: self.last_standing(locked),
            warnings: Vec::new(),
        })
    }

    /// The newest that will do. A plain name that the project does not speak
    /// of means the probe inside the program, if there is one.
    fn choose_loose(&self, name: &Name, reference: &Reference, wanted: bool) -> Result<Chosen> {
        let official = self.official()?;
        let plain = *reference == Reference::Newest && !wanted;
        if plain && official.iter().any(|one| one.name == *name) {
            let found = resolve_among(official, name, reference)?;
            return Ok(taken(found, reference, &Location::Official, Vec::new()));
        }
        let binding = match self.binding(name) {
            Ok(binding) => binding,
            // There is no such probe, and no word on where to look for more.
            Err(Error::NoRegistry { .. }) if self.project.is_none() => {
                return resolve_among(official, name, reference)
                    .map(|found| taken(found, reference, &Location::Official, Vec::new()));
            }
            Err(error) => return Err(error),
        };
        let remote = matches!(binding.location, Location::Remote(_));
        if remote && self.options.offline {
            return self.choose_kept(name, reference, &binding, Vec::new());
        }
        if binding.location == Location::Official {
            let found = resolve_among(official, name, reference)?;
            return Ok(taken(found, reference, &binding.location, Vec::new()));
        }
        let registry = self.registry(&binding)?;
        match resolve(&*registry, name, reference, SPOKEN) {
            Ok(resolved) => {
                let mut warnings = Vec::new();
                if let Err(error) = self.remember(&binding.location, &resolved.published) {
                    warnings.push(format!(
                        "what {} says is not kept: {error}",
                        binding.location
                    ));
                }
                Ok(taken(
                    &resolved.published,
                    reference,
                    &binding.location,
                    warnings,
                ))
            }
            Err(Error::Remote(failure)) if failure.passes_on() => {
                self.choose_without(name, reference, &binding, failure)
            }
            Err(error) => Err(error),
        }
    }

    /// What is kept of a registry that does not answer; its silence is the
    /// error where nothing is.
    fn choose_without(
        &self,
        name: &Name,
        reference: &Reference,
        binding: &Binding,
        failure: Box<Failure>,
    ) -> Result<Chosen> {
        let warning = format!("{failure}; what was fetched before is used");
        self.choose_kept(name, reference, binding, vec![warning])
            .map_err(|_| Error::Remote(failure))
    }

    fn choose_kept(
        &self,
        name: &Name,
        reference: &Reference,
        binding: &Binding,
        warnings: Vec<String>,
    ) -> Result<Chosen> {
        let kept = self.kept(name, &binding.location)?;
        if kept.is_empty() {
            return Err(Refusal::NoneAtHand {
                name: name.clone(),
                registry: binding.location.clone(),
            }
            .into());
        }
        let found = resolve_among(&kept, name, reference)?;
        Ok(taken(found, reference, &binding.location, warnings))
    }

    /// The versions of a plugin whose components the store holds.
    fn kept(&self, name: &Name, registry: &Location) -> Result<Vec<Published>> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        let registry = registry.to_string();
        let records = store.records()?.into_iter();
        Ok(records
            .filter(|record| record.registry == registry && record.published.name == *name)
            .map(|record| record.published)
            .collect())
    }

    /// What is at hand, by name: everything that is locked, and the newest of
    /// each plugin that the program and, with `store`, the store holds of the
    /// registries that are bound.
    ///
    /// # Errors
    /// Where the store cannot be read or is not to be trusted.
    pub fn at_hand_all(&self, store: bool) -> Result<Vec<Chosen>> {
        let mut all: Vec<Chosen> = self
            .all_locked()
            .map(|locked| Chosen {
                plugin: locked.clone(),
                pinned: true,
                standing: self.last_standing(locked),
                warnings: Vec::new(),
            })
            .collect();
        let mut add = |published: &[Published], registry: &dyn Fn(&Name) -> Option<Location>| {
            for one in published {
                let known = all.iter().any(|chosen| chosen.plugin.name == one.name);
                let newest = Reference::Newest;
                if !known
                    && let Some(registry) = registry(&one.name)
                    && let Ok(found) = resolve_among(published, &one.name, &newest)
                {
                    all.push(taken(found, &newest, &registry, Vec::new()));
                }
            }
        };
        add(self.official()?, &|_| Some(Location::Official));
        // Without a word on registries nothing in the store can be meant.
        if let Some(project) = self.project()
            && project.has_config()
            && let Some(store) = self.store.as_ref().filter(|_| store)
        {
            let bound = |name: &Name| project.config.binding(name).ok().map(|one| one.location);
            let records = store.records()?.into_iter();
            let kept: Vec<Published> = records
                .filter(|record| {
                    bound(&record.published.name)
                        .is_some_and(|location| location.to_string() == record.registry)
                })
                .map(|record| record.published)
                .collect();
            add(&kept, &bound);
        }
        all.sort_by(|one, other| one.plugin.name.cmp(&other.plugin.name));
        Ok(all)
    }

    /// What a URL's scheme can mean, the first that answers to it first: the
    /// probes inside the program, then what is locked. What the store holds
    /// besides counts only where there is no lock: what others fetched must
    /// not decide what a project with pins runs.
    ///
    /// A store that cannot be read is no reason to fail; why it cannot is
    /// the second part.
    ///
    /// # Errors
    /// Where the program's own probes do not hold together.
    pub fn routable(&self) -> Result<(Vec<Chosen>, Option<String>)> {
        let has_lock = self.project().is_some_and(|one| one.lock.is_some());
        let (mut all, problem) = match self.at_hand_all(!has_lock && !self.options.locked) {
            Ok(all) => (all, None),
            Err(error) => (self.at_hand_all(false)?, Some(error.to_string())),
        };
        let official = self.official()?;
        all.sort_by_key(|chosen| {
            let is_official = official.iter().any(|one| one.name == chosen.plugin.name);
            (!is_official, !chosen.pinned)
        });
        Ok((all, problem))
    }

    /// The plugins that the configuration wants and that are neither locked
    /// nor inside the program: which schemes they answer to is not known.
    ///
    /// # Errors
    /// Where the program's own probes do not hold together.
    pub fn wanting(&self) -> Result<Vec<Name>> {
        let official = self.official()?;
        let wanted = self.project().map(|project| project.config.plugins());
        Ok(wanted
            .into_iter()
            .flatten()
            .map(|wanted| wanted.name.clone())
            .filter(|name| self.locked(name).is_none())
            .filter(|name| !official.iter().any(|one| one.name == *name))
            .collect())
    }
}

fn taken(
    published: &Published,
    reference: &Reference,
    registry: &Location,
    warnings: Vec<String>,
) -> Chosen {
    Chosen {
        plugin: Locked {
            name: published.name.clone(),
            requirement: reference.clone(),
            version: published.version.clone(),
            registry: registry.clone(),
            component: published.component,
            size: published.size,
            abi: published.abi,
            schemes: published.schemes.clone(),
        },
        pinned: false,
        standing: published.standing.clone(),
        warnings,
    }
}
