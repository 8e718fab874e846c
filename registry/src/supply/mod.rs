//! Where the plugins of one run come from: the project's pins, the program
//! itself, the vendored folder, the store and the registries, in one place, so
//! that runs and commands can never differ in what they take.

mod bytes;
mod choose;
mod refusal;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Binding;
use crate::layout::Layout;
use crate::remote::{RemoteRegistry, RemoteSettings};
use crate::store::{Record, Store};
use crate::{
    Config, Digest, Embedded, Location, Locked, Name, Project, Published, Registry, Result,
    Standing, published,
};

pub use choose::Chosen;
pub use refusal::{Mend, Refusal};

/// What the user decides about where plugins come from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether only what is locked may be used, and lock and configuration
    /// must agree.
    pub locked: bool,
    /// Whether no registry may be asked.
    pub offline: bool,
    /// The configuration, in place of the nearest one upwards.
    pub config: Option<PathBuf>,
    /// The lock, in place of the one beside the configuration.
    pub lock_file: Option<PathBuf>,
    /// The store, in place of the user's own.
    pub store: Option<PathBuf>,
    /// How long a registry may be silent.
    pub timeout: Duration,
}

/// A component that is ready to be loaded: its digest was taken of these very
/// bytes.
#[derive(Debug, Clone)]
pub struct Supplied {
    /// The component.
    pub bytes: Cow<'static, [u8]>,
    /// Where it came from.
    pub origin: Origin,
    /// What went wrong on the side, one line each.
    pub warnings: Vec<String>,
}

/// Where bytes came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program itself.
    Official,
    /// The vendored folder.
    Vendor(PathBuf),
    /// The store.
    Store(PathBuf),
    /// Its registry, just now.
    Registry(Location),
}

impl Origin {
    /// The word for it in documents: `official`, `vendor`, `store` or
    /// `registry`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Vendor(_) => "vendor",
            Self::Store(_) => "store",
            Self::Registry(_) => "registry",
        }
    }
}

/// Where the plugins of one run come from.
#[derive(Debug)]
pub struct Supply {
    official: Embedded,
    published: OnceCell<Vec<Published>>,
    project: Option<Project>,
    store: Option<Store>,
    options: Options,
}

impl Supply {
    /// Finds the project from `folder` upwards, or reads the files that
    /// `options` name. Touches neither the store nor the network.
    ///
    /// # Errors
    /// Where configuration or lock cannot be read or used.
    pub fn open(official: Embedded, options: Options, folder: &Path) -> Result<Self> {
        let named = options.config.is_some() || options.lock_file.is_some();
        let project = if named {
            Some(Project::at(
                options.config.as_deref(),
                options.lock_file.as_deref(),
            )?)
        } else {
            Project::discover(folder)?
        };
        let root = options.store.clone().or_else(Store::default_root);
        Ok(Self {
            official,
            published: OnceCell::new(),
            project,
            store: root.map(Store::at),
            options,
        })
    }

    /// The program's own plugins and no others.
    pub fn official_only(official: Embedded) -> Self {
        Self {
            official,
            published: OnceCell::new(),
            project: None,
            store: None,
            options: Options {
                locked: false,
                offline: true,
                config: None,
                lock_file: None,
                store: None,
                timeout: Duration::ZERO,
            },
        }
    }

    /// The project, where there is one.
    pub fn project(&self) -> Option<&Project> {
        self.project.as_ref()
    }

    /// The project to be edited; made in the current folder, as yet without
    /// files, where there is none.
    ///
    /// # Errors
    /// Where a file cannot be read or used.
    pub fn project_mut(&mut self) -> Result<&mut Project> {
        let project = match self.project.take() {
            Some(project) => project,
            None => Project::at(None, None)?,
        };
        Ok(self.project.insert(project))
    }

    /// What the user decided.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The probes inside the program, by name and version; read once.
    ///
    /// # Errors
    /// Where they do not hold together.
    pub fn official(&self) -> Result<&[Published]> {
        if let Some(known) = self.published.get() {
            return Ok(known);
        }
        let found = self.official.published()?;
        Ok(self.published.get_or_init(|| found))
    }

    /// The component with a digest, where it is inside the program.
    ///
    /// # Errors
    /// Where the program's own bytes are not what they were.
    pub fn inside(&self, component: &Digest, size: u64) -> Result<Option<&'static [u8]>> {
        self.official.holding(component, size)
    }

    /// The store.
    ///
    /// # Errors
    /// [`Refusal::NoStore`] where there is no folder for one.
    pub fn store(&self) -> Result<&Store> {
        self.store.as_ref().ok_or_else(|| Refusal::NoStore.into())
    }

    /// What is locked of a plugin.
    pub fn locked(&self, name: &Name) -> Option<&Locked> {
        self.project.as_ref()?.lock.as_ref()?.get(name)
    }

    /// Everything that is locked, by name.
    pub fn all_locked(&self) -> impl Iterator<Item = &Locked> {
        let lock = self.project.as_ref().and_then(|one| one.lock.as_ref());
        lock.into_iter().flat_map(|lock| lock.plugins())
    }

    /// Whether the configuration that the user named is there: a slip of the
    /// pen must not mean that there is none.
    ///
    /// # Errors
    /// [`Refusal::NoFile`].
    pub fn check_config(&self) -> Result<()> {
        is_there(self.options.config.as_deref())
    }

    /// As [`Supply::check_config`], for those who read the lock as well.
    ///
    /// # Errors
    /// [`Refusal::NoFile`].
    pub fn check_files(&self) -> Result<()> {
        self.check_config()?;
        is_there(self.options.lock_file.as_deref())
    }

    /// Where lock and configuration disagree, with `--locked`.
    ///
    /// # Errors
    /// [`Refusal::Disagree`].
    pub fn check_locked(&self) -> Result<()> {
        let Some(project) = self.project.as_ref().filter(|_| self.options.locked) else {
            return Ok(());
        };
        // A lock alone has nothing to disagree with.
        if !project.has_config() {
            return Ok(());
        }
        let found = project.disagreements()?;
        if found.is_empty() {
            return Ok(());
        }
        if project.lock.is_none() {
            return Err(Refusal::NoLock {
                lock: project.lock_path().to_owned(),
            }
            .into());
        }
        Err(Refusal::Disagree {
            lock: project.lock_path().to_owned(),
            found,
        }
        .into())
    }

    /// The registry that a plugin belongs to.
    ///
    /// # Errors
    /// Where nothing is bound to its team.
    pub fn binding(&self, name: &Name) -> Result<Binding> {
        match &self.project {
            Some(project) => project.config.binding(name),
            None => Config::empty(crate::config::FILE).binding(name),
        }
    }

    /// How a registry is reached that is named by its location.
    pub fn binding_at(&self, location: &Location) -> Binding {
        match &self.project {
            Some(project) => project.config.binding_at(location),
            None => Config::empty(crate::config::FILE).binding_at(location),
        }
    }

    /// A registry, to read or to write.
    ///
    /// # Errors
    /// [`Refusal::Offline`] where it is a remote one and the network is
    /// forbidden; where a folder is no OCI image layout.
    pub fn registry(&self, binding: &Binding) -> Result<Box<dyn Registry>> {
        Ok(match &binding.location {
            Location::Official => Box::new(self.official),
            Location::Folder(folder) => Box::new(Layout::open(self.folder(folder))?),
            Location::Remote(remote) => {
                if self.options.offline {
                    return Err(Refusal::Offline {
                        registry: binding.location.clone(),
                    }
                    .into());
                }
                let settings = RemoteSettings {
                    ca_file: binding.ca_file.clone(),
                    plain_http: binding.plain_http,
                    mirrors: binding.mirrors.clone(),
                    timeout: self.options.timeout,
                    ..RemoteSettings::default()
                };
                Box::new(RemoteRegistry::new(remote, settings)?)
            }
        })
    }

    /// The path of a [`Location::Folder`]: relative to the project's folder,
    /// or to the current one where there is no project.
    pub fn folder(&self, folder: &Path) -> PathBuf {
        match &self.project {
            Some(project) => project.resolve(folder),
            None => folder.to_owned(),
        }
    }

    /// The vendored folder, where the project has one.
    ///
    /// # Errors
    /// Where it is missing, or no OCI image layout.
    pub fn vendor(&self) -> Result<Option<Layout>> {
        let Some(folder) = self.project.as_ref().and_then(|one| one.config.vendor()) else {
            return Ok(None);
        };
        if !folder.exists() {
            return Err(Refusal::NoVendor { folder }.into());
        }
        Layout::open(folder).map(Some)
    }

    /// Keeps what came from a remote registry in the store.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn keep(&self, registry: &Location, published: &Published, bytes: &[u8]) -> Result<()> {
        let store = self.store()?;
        let _held = store.hold()?;
        store.put(bytes)?;
        self.remember(registry, published)?;
        match &self.project {
            Some(project) if project.lock.is_some() => store.count_on(project.lock_path()),
            _ => Ok(()),
        }
    }

    /// Keeps what a remote registry said of a version, for runs that do not
    /// ask it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn remember(&self, registry: &Location, published: &Published) -> Result<()> {
        if !matches!(registry, Location::Remote(_)) {
            return Ok(());
        }
        self.store()?.remember(&Record {
            registry: registry.to_string(),
            published: published.clone(),
        })
    }

    /// How a version stood when its registry was last asked; a folder and the
    /// program are asked at once. What cannot be told is good.
    pub fn last_standing(&self, locked: &Locked) -> Standing {
        let found = |registry: &dyn Registry| {
            let found = registry.find(&locked.name, &locked.version);
            found.ok().flatten().map(|published| published.standing)
        };
        let standing = match &locked.registry {
            Location::Official => self.official().ok().and_then(|all| {
                let found = published::find(all, &locked.name, &locked.version);
                found.map(|published| published.standing.clone())
            }),
            Location::Folder(folder) => Layout::open(self.folder(folder))
                .ok()
                .and_then(|layout| found(&layout)),
            Location::Remote(_) => {
                let registry = locked.registry.to_string();
                let stored = self.store.as_ref().and_then(|store| {
                    let said = store.standing_of(&registry, &locked.name, &locked.version);
                    said.ok().flatten()
                });
                // The store may never have heard what was vendored with it.
                stored
                    .filter(|standing| *standing != Standing::Good)
                    .or_else(|| {
                        self.vendor()
                            .ok()
                            .flatten()
                            .and_then(|layout| found(&layout))
                    })
            }
        };
        standing.unwrap_or_default()
    }
}

fn is_there(path: Option<&Path>) -> Result<()> {
    match path.filter(|path| !path.is_file()) {
        None => Ok(()),
        Some(path) => Err(Refusal::NoFile {
            path: path.to_owned(),
        }
        .into()),
    }
}
