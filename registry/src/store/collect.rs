//! Removing what nobody counts on: components stay while a lock that still
//! exists names them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BLOBS, PROJECTS, RECORDS, Store, failed, is_left_over};
use crate::{Digest, Error, Lock, Result, input};

/// The most bytes of a path in the entry of a lock; no system has longer ones.
const MAX_PATH: u64 = 64 << 10;

/// What came of collecting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The components that no lock names, by digest.
    pub removed: Vec<Removed>,
    /// How many bytes went in all, with those of other files.
    pub bytes: u64,
    /// How many components stay.
    pub kept: usize,
    /// The locks that are counted on, by path.
    pub locks: Vec<PathBuf>,
    /// Locks that are there and cannot be read, each with the complaint, which
    /// names the file. Where there is one, every component stays.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// A component that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Which bytes.
    pub digest: Digest,
    /// How many.
    pub size: u64,
    /// What they were known as, as in `acme/billing@1.0.0`, sorted; may be
    /// empty.
    pub names: Vec<String>,
}

/// A removal, or what would be one.
struct Sweep<'a> {
    dry_run: bool,
    collected: &'a mut Collected,
}

impl Sweep<'_> {
    fn file(&mut self, path: &Path) -> Result<u64> {
        let size = fs::symlink_metadata(path).map_or(0, |found| found.len());
        if !self.dry_run {
            match fs::remove_file(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                Err(error) => return Err(failed("remove", path)(error)),
            }
        }
        self.collected.bytes += size;
        Ok(size)
    }
}

impl Store {
    /// Removes what no known lock names, or says what that would be.
    ///
    /// # Errors
    /// Where the store cannot be read or, without `dry_run`, written.
    pub fn collect(&self, dry_run: bool) -> Result<Collected> {
        let mut collected = Collected::default();
        if !self.is_there()? {
            return Ok(collected);
        }
        let _held = if dry_run {
            None
        } else {
            Some(self.hold_alone()?)
        };
        let (reachable, gone) = self.reachable(&mut collected)?;
        let names = self.names_by_digest()?;
        let keeps_all = !collected.unreadable.is_empty();
        let keeps = |digest: &Digest| keeps_all || reachable.contains(digest);
        let mut sweep = Sweep {
            dry_run,
            collected: &mut collected,
        };
        for path in gone {
            sweep.file(&path)?;
        }
        for folder in ["", RECORDS, PROJECTS, BLOBS] {
            for path in self.names(&self.root.join(folder))? {
                if is_left_over(&path) {
                    sweep.file(&path)?;
                }
            }
        }
        // A record never outlives what it names.
        for (path, record) in self.all_records()? {
            if record.is_ok_and(|record| !keeps(&record.published.component)) {
                sweep.file(&path)?;
            }
        }
        for path in self.names(&self.root.join(BLOBS))? {
            let Some(digest) = digest_of(&path) else {
                continue;
            };
            if keeps(&digest) {
                sweep.collected.kept += 1;
                continue;
            }
            let size = sweep.file(&path)?;
            sweep.collected.removed.push(Removed {
                digest,
                size,
                names: names.get(&digest).cloned().unwrap_or_default(),
            });
        }
        Ok(collected)
    }

    /// The components that locks name, and the entries of locks that are no
    /// more.
    fn reachable(&self, collected: &mut Collected) -> Result<(BTreeSet<Digest>, Vec<PathBuf>)> {
        let mut reachable = BTreeSet::new();
        let mut gone = Vec::new();
        for path in self.names(&self.root.join(PROJECTS))? {
            if is_left_over(&path) {
                continue;
            }
            let lock_path = match lock_path(&path) {
                Ok(lock_path) => lock_path,
                Err(problem) => {
                    let problem = format!("{}: {problem}", path.display());
                    collected.unreadable.push((path, problem));
                    continue;
                }
            };
            match Lock::read(&lock_path) {
                Ok(Some(lock)) => {
                    reachable.extend(lock.plugins().map(|locked| locked.component));
                    collected.locks.push(lock_path);
                }
                Ok(None) => gone.push(path),
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {
                    gone.push(path);
                }
                Err(error) => collected.unreadable.push((lock_path, error.to_string())),
            }
        }
        collected.locks.sort();
        collected.unreadable.sort();
        Ok((reachable, gone))
    }

    /// What the components are known as.
    pub(super) fn names_by_digest(&self) -> Result<BTreeMap<Digest, Vec<String>>> {
        let mut names: BTreeMap<Digest, BTreeSet<String>> = BTreeMap::new();
        for record in self.all_records()?.flat_map(|(_, record)| record) {
            let published = record.published;
            let name = format!("{}@{}", published.name, published.version);
            names.entry(published.component).or_default().insert(name);
        }
        let sorted = names.into_iter();
        Ok(sorted
            .map(|(digest, names)| (digest, names.into_iter().collect()))
            .collect())
    }
}

/// The digest that the name of a component's file says.
pub(super) fn digest_of(path: &Path) -> Option<Digest> {
    let name = path.file_name()?.to_str()?;
    Digest::from_hex(name).ok()
}

/// The path in the entry of a lock, or why there is none.
pub(super) fn lock_path(path: &Path) -> std::result::Result<PathBuf, String> {
    let bytes = input::at_most(path, MAX_PATH).map_err(|error| error.to_string())?;
    if digest_of(path) != Some(Digest::of(&bytes)) {
        return Err("it does not hold the path that it is named by".to_owned());
    }
    os_string(bytes)
        .map(PathBuf::from)
        .ok_or_else(|| "it holds no path".to_owned())
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}
