//! A project is a folder with `waitfor.toml` and `waitfor.lock`: it is found
//! from below, and edited by one process at a time.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::toml_file::folder;
use crate::{Config, Error, Location, Lock, Name, Reference, Result, Version, config, lock, write};

/// A configuration and its lock.
#[derive(Debug, Clone)]
pub struct Project {
    /// What is wanted; empty where there is no file.
    pub config: Config,
    /// What is locked; none where there is no file.
    pub lock: Option<Lock>,
    config_path: PathBuf,
    lock_path: PathBuf,
    has_config: bool,
}

/// Where configuration and lock say different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disagreement {
    /// Wanted, and not locked.
    Missing {
        /// The plugin.
        name: Name,
        /// What is wanted.
        wanted: Reference,
    },
    /// Locked for another requirement, which the locked version meets.
    Requirement {
        /// The plugin.
        name: Name,
        /// What is wanted.
        wanted: Reference,
        /// What was wanted when it was locked.
        locked: Reference,
    },
    /// Locked with a version that is not one of those wanted.
    Version {
        /// The plugin.
        name: Name,
        /// What is wanted.
        wanted: Reference,
        /// What is locked.
        version: Version,
    },
    /// Locked from another registry.
    Registry {
        /// The plugin.
        name: Name,
        /// Where it is to come from.
        wanted: Location,
        /// Where it came from.
        locked: Location,
    },
    /// Locked, and not wanted.
    Unwanted {
        /// The plugin.
        name: Name,
        /// What is locked.
        version: Version,
    },
}

impl Disagreement {
    /// The plugin that it is about.
    pub fn name(&self) -> &Name {
        match self {
            Self::Missing { name, .. }
            | Self::Requirement { name, .. }
            | Self::Version { name, .. }
            | Self::Registry { name, .. }
            | Self::Unwanted { name, .. } => name,
        }
    }
}

impl Project {
    /// The project of the nearest folder, from `start` upwards, that has one
    /// of the two files; none where there is none, or where the current
    /// folder, to which `start` is relative, was deleted.
    ///
    /// # Errors
    /// Where a file cannot be read or used, or cannot be seen: a lock that is
    /// out of sight counts all the same.
    pub fn discover(start: &Path) -> Result<Option<Self>> {
        let start = match absolute(start) {
            Ok(start) => start,
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        nearest(&start, &[config::FILE, lock::FILE])?
            .map(|folder| Self::load(folder.join(config::FILE), folder.join(lock::FILE)))
            .transpose()
    }

    /// The project of files that the user named. A lock that is not named
    /// stands beside the configuration; a configuration that is not is the
    /// nearest from the current folder upwards, or would be in that folder.
    /// With none named, both are those of the current folder. Neither has to
    /// be there.
    ///
    /// # Errors
    /// Where a file cannot be read or used, or cannot be seen.
    pub fn at(config: Option<&Path>, lock: Option<&Path>) -> Result<Self> {
        let current = match config {
            // The current folder may be gone, and nothing be looked for in it.
            Some(_) => PathBuf::new(),
            None => absolute(Path::new("."))?,
        };
        Self::named(config, lock, &current)
    }

    /// [`Self::at`] with `current` as the current folder.
    fn named(config: Option<&Path>, lock: Option<&Path>, current: &Path) -> Result<Self> {
        let config_path = match (config, lock) {
            (Some(config), _) => current.join(config),
            (None, None) => current.join(config::FILE),
            (None, Some(_)) => nearest(current, &[config::FILE])?
                .unwrap_or(current)
                .join(config::FILE),
        };
        let lock_path = match lock {
            Some(lock) => current.join(lock),
            None => folder(&config_path).join(lock::FILE),
        };
        Self::load(absolute(&config_path)?, absolute(&lock_path)?)
    }

    fn load(config_path: PathBuf, lock_path: PathBuf) -> Result<Self> {
        let config = Config::read(&config_path)?;
        Ok(Self {
            has_config: config.is_some(),
            config: config.unwrap_or_else(|| Config::empty(&config_path)),
            lock: Lock::read(&lock_path)?,
            config_path,
            lock_path,
        })
    }

    /// The folder of the configuration, to which its paths are relative.
    pub fn folder(&self) -> &Path {
        folder(&self.config_path)
    }

    /// Where the configuration stands, or would.
    pub fn config_path(&self) -> &Path {
        &self.config_path
    }

    /// Where the lock stands, or would.
    pub fn lock_path(&self) -> &Path {
        &self.lock_path
    }

    /// Whether there is a configuration file.
    pub fn has_config(&self) -> bool {
        self.has_config
    }

    /// The lock, made where there was none.
    pub fn lock_mut(&mut self) -> &mut Lock {
        let path = &self.lock_path;
        self.lock.get_or_insert_with(|| Lock::new(path))
    }

    /// The folder of a [`Location::Folder`].
    pub fn resolve(&self, folder: &Path) -> PathBuf {
        self.folder().join(folder)
    }

    /// Changes the project as it stands on disk at that moment, with every
    /// other editor of it waiting, and then writes what has changed: nothing
    /// where `change` fails. To be kept short: look up and download before.
    /// It must not be called within itself.
    ///
    /// The configuration is written first. A process that is killed between
    /// the two files leaves a plugin that is wanted and not locked, or locked
    /// and not wanted; `waitfor plugin lock` mends both.
    ///
    /// # Errors
    /// What `change` returns; where a file cannot be read, used or written.
    pub fn edit<T, E: From<Error>>(
        &mut self,
        change: impl FnOnce(&mut Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let _held = self.hold()?;
        let before = Self::load(self.config_path.clone(), self.lock_path.clone())?;
        let mut after = before.clone();
        let result = change(&mut after)?;
        after.save(&before)?;
        *self = after;
        Ok(result)
    }

    fn save(&mut self, before: &Self) -> Result<()> {
        let text = self.config.to_string();
        if text != before.config.to_string() {
            write::replace_target(&self.config_path, text.as_bytes())?;
            self.has_config = true;
        }
        if let Some(lock) = &self.lock {
            let text = lock.to_string();
            if before.lock.as_ref().map(Lock::to_string).as_ref() != Some(&text) {
                write::replace_target(&self.lock_path, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Keeps other editors waiting for as long as the files live, which are
    /// the folders themselves: no other file has to be left beside them.
    fn hold(&self) -> Result<Vec<File>> {
        let mut folders = BTreeSet::new();
        for path in [&self.config_path, &self.lock_path] {
            let folder = folder(path);
            let found = fs::canonicalize(folder).map_err(|source| Error::Io {
                action: "find",
                path: folder.to_owned(),
                source,
            })?;
            folders.insert(found);
        }
        // In the order of their names, so that no two editors wait for each
        // other.
        let mut held = Vec::new();
        for folder in folders {
            let locked = File::open(&folder).and_then(|file| match file.lock() {
                Ok(()) => Ok(Some(file)),
                Err(error) if write::is_unsupported(&error) => Ok(None),
                Err(error) => Err(error),
            });
            let locked = locked.map_err(|source| Error::Io {
                action: "lock",
                path: folder.clone(),
                source,
            })?;
            if let Some(file) = locked {
                self.sweep(&folder);
                held.push(file);
            }
        }
        Ok(held)
    }

    /// Removes what killed editors left. What cannot be removed is in nobody's
    /// way.
    fn sweep(&self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let ours = [&self.config_path, &self.lock_path]
                .into_iter()
                .filter_map(|path| path.file_name())
                .any(|file| write::is_left_over_of(&name, file));
            if ours {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Where configuration and lock say different things, by name.
    ///
    /// # Errors
    /// Where a team of a wanted plugin has no registry.
    pub fn disagreements(&self) -> Result<Vec<Disagreement>> {
        let mut all = Vec::new();
        for wanted in self.config.plugins() {
            let name = || wanted.name.clone();
            let reference = || wanted.reference.clone();
            let Some(locked) = self.locked(&wanted.name) else {
                all.push(Disagreement::Missing {
                    name: name(),
                    wanted: reference(),
                });
                continue;
            };
            if !locked.satisfies(&wanted.reference) {
                all.push(Disagreement::Version {
                    name: name(),
                    wanted: reference(),
                    version: locked.version.clone(),
                });
            } else if locked.requirement != wanted.reference {
                all.push(Disagreement::Requirement {
                    name: name(),
                    wanted: reference(),
                    locked: locked.requirement.clone(),
                });
            }
            let location = self.config.binding(&wanted.name)?.location;
            if location != locked.registry {
                all.push(Disagreement::Registry {
                    name: name(),
                    wanted: location,
                    locked: locked.registry.clone(),
                });
            }
        }
        let locked = self.lock.iter().flat_map(Lock::plugins);
        for locked in locked.filter(|locked| self.config.wanted(&locked.name).is_none()) {
            all.push(Disagreement::Unwanted {
                name: locked.name.clone(),
                version: locked.version.clone(),
            });
        }
        all.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(all)
    }

    fn locked(&self, name: &Name) -> Option<&lock::Locked> {
        self.lock.as_ref()?.get(name)
    }
}

/// The nearest folder, from `start` upwards, that has something of one of the
/// names, whatever it is.
fn nearest<'a>(start: &'a Path, names: &[&str]) -> Result<Option<&'a Path>> {
    for folder in start.ancestors() {
        for name in names {
            let path = folder.join(name);
            match fs::symlink_metadata(&path) {
                Ok(_) => return Ok(Some(folder)),
                Err(error) if is_absence(&error) => {}
                Err(source) => {
                    return Err(Error::Io {
                        action: "look for",
                        path,
                        source,
                    });
                }
            }
        }
    }
    Ok(None)
}

/// Whether the answer is that there is no such file, and not that nobody can
/// tell.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|source: io::Error| Error::Io {
        action: "find",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
