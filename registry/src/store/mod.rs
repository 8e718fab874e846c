//! Components at hand: a folder that many processes share, in which nothing
//! is ever half written, and from which nothing is used unverified.
//!
//! | in the folder | what it is |
//! | --- | --- |
//! | `version` | `waitfor-store 1`: the format of the rest |
//! | `lock` | held by writers together, and by [`Store::collect`] alone |
//! | `blobs/sha256/HEX` | components by digest |
//! | `records/HEX.json` | what was last seen of a version of a registry |
//! | `projects/HEX` | the path of a lock whose components stay |
//!
//! Every file is put into its place at once. A component is written before
//! the record that names it, and removed after it; so whoever is killed at
//! whatever moment leaves at most a file with the prefix
//! [`PREFIX`](crate::write::PREFIX), which nobody reads and the next
//! collection removes.

mod collect;
mod record;
mod verify;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

pub use collect::{Collected, Removed};
pub use record::Record;
pub use verify::Problem;

use crate::{Digest, Error, Name, Result, Standing, Version, input, write};

/// The format that this program reads and writes.
pub const VERSION: u64 = 1;

const MARKER: &str = "version";
const MAGIC: &str = "waitfor-store ";
/// The most bytes of the marker.
const MARKER_LENGTH: u64 = 64;
const LOCK: &str = "lock";
const BLOBS: &str = "blobs/sha256";
const RECORDS: &str = "records";
const PROJECTS: &str = "projects";

/// A folder of components.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// While it lives, nothing is removed from the store.
#[derive(Debug)]
#[must_use = "the store is only held while this lives"]
pub struct Held {
    _file: Option<File>,
}

/// What a store is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Store {
    /// The store in `root`, which need not be there yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a user's store is when nothing else was said:
    /// `~/.cache/waitfor/store`, or what the system has in its place. None
    /// for a user without a home, or with one that is another in every folder.
    pub fn default_root() -> Option<PathBuf> {
        let folders = directories::ProjectDirs::from("", "", "waitfor")?;
        root_in(folders.cache_dir())
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a component is, or would be.
    pub fn path_of(&self, component: &Digest) -> PathBuf {
        self.root.join(BLOBS).join(component.hex())
    }

    /// A component, its size and digest verified; none where it is not there.
    ///
    /// # Errors
    /// [`Error::StoreAltered`] where it holds other bytes; where the store
    /// cannot be read or is not to be trusted.
    pub fn component(&self, component: &Digest, size: u64) -> Result<Option<Vec<u8>>> {
        if !self.is_there()? {
            return Ok(None);
        }
        let path = self.path_of(component);
        let altered = |found: String| Error::StoreAltered {
            digest: *component,
            path: path.clone(),
            found,
        };
        match fs::metadata(&path) {
            Ok(found) if !found.is_file() => return Err(altered("no file".to_owned())),
            Ok(found) if found.len() != size => {
                return Err(altered(format!("{} bytes, not {size}", found.len())));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        }
        let bytes = match input::at_most(&path, size.saturating_add(1)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let found = Digest::of(&bytes);
        if found != *component {
            return Err(altered(found.to_string()));
        }
        Ok(Some(bytes))
    }

    /// Keeps a component, in place of altered bytes under its digest.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let size = bytes.len() as u64;
        // Nothing is written where nothing has to be: the store may be one
        // that cannot be.
        if matches!(self.component(&digest, size), Ok(Some(_))) {
            return Ok(digest);
        }
        let _held = self.hold()?;
        self.write(&self.path_of(&digest), bytes)?;
        Ok(digest)
    }

    /// Keeps what was seen of a version, in place of what was seen before.
    /// Where the component is to be kept as well, it is [put](Store::put)
    /// first.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn remember(&self, record: &Record) -> Result<()> {
        let path = self.record_path(
            &record.registry,
            &record.published.name,
            &record.published.version,
        );
        let bytes = record.to_json();
        if self.is_there()? && input::holds(&path, &bytes) {
            return Ok(());
        }
        let _held = self.hold()?;
        self.write(&path, &bytes)
    }

    /// Every record whose component is at hand, by registry, name and
    /// version. Records that are broken or of a later program are passed
    /// over; [`Store::verify`] names them.
    ///
    /// # Errors
    /// Where the store cannot be read or is not to be trusted.
    pub fn records(&self) -> Result<Vec<Record>> {
        if !self.is_there()? {
            return Ok(Vec::new());
        }
        let mut records: Vec<Record> = self.all_records()?.flat_map(|(_, record)| record).collect();
        records.retain(|record| {
            let path = self.path_of(&record.published.component);
            fs::metadata(path).is_ok_and(|found| found.len() == record.published.size)
        });
        records.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(records)
    }

    /// What was seen of a version at the last contact with `registry`,
    /// whether its component is at hand or not; none where nothing was.
    ///
    /// # Errors
    /// Where the store cannot be read or is not to be trusted.
    pub fn record(&self, registry: &str, name: &Name, version: &Version) -> Result<Option<Record>> {
        if !self.is_there()? {
            return Ok(None);
        }
        let path = self.record_path(registry, name, version);
        match input::at_most(&path, record::MAX_LENGTH) {
            Ok(bytes) => Ok(Record::parse(&bytes)
                .ok()
                .filter(|record| record.key() == (registry, name, version))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// How a version stood at the last contact with `registry`; none where
    /// there was none.
    ///
    /// # Errors
    /// Where the store cannot be read or is not to be trusted.
    pub fn standing_of(
        &self,
        registry: &str,
        name: &Name,
        version: &Version,
    ) -> Result<Option<Standing>> {
        let record = self.record(registry, name, version)?;
        Ok(record.map(|record| record.published.standing))
    }

    /// Keeps the components that the lock at `lock_path` names, from now on
    /// and for as long as there is such a file.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn count_on(&self, lock_path: &Path) -> Result<()> {
        let lock_path = fs::canonicalize(lock_path)
            .or_else(|_| std::path::absolute(lock_path))
            .map_err(failed("find", lock_path))?;
        let bytes = lock_path.as_os_str().as_encoded_bytes();
        let path = self.root.join(PROJECTS).join(Digest::of(bytes).hex());
        if self.is_there()? && input::holds(&path, bytes) {
            return Ok(());
        }
        let _held = self.hold()?;
        self.write(&path, bytes)
    }

    /// Keeps [`Store::collect`] waiting: for those who put a component first
    /// and lock it afterwards.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn hold(&self) -> Result<Held> {
        self.lock(File::lock_shared)
    }

    /// Keeps all others waiting.
    fn hold_alone(&self) -> Result<Held> {
        self.lock(File::lock)
    }

    fn lock(&self, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<Held> {
        self.prepare()?;
        let path = self.root.join(LOCK);
        // Opening a pipe would wait for a reader.
        if let Ok(found) = fs::metadata(&path) {
            input::check(&found).map_err(failed("lock", &path))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed("lock", &path))?;
        match lock(&file) {
            Ok(()) => Ok(Held { _file: Some(file) }),
            Err(error) if write::is_unsupported(&error) => Ok(Held { _file: None }),
            Err(error) => Err(failed("lock", &path)(error)),
        }
    }

    /// Whether there is a store to read.
    fn is_there(&self) -> Result<bool> {
        let found = match fs::metadata(&self.root) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed("read", &self.root)(error)),
        };
        if !found.is_dir() {
            return Err(self.not_a_store("it is not a folder"));
        }
        self.check_owner(owner(&found), Access::Read)?;
        let mut marker = self.marker()?;
        if marker.is_none() {
            // One that is being made has nothing but half a marker, and comes
            // by it before anything else, perhaps just now.
            if self
                .names(&self.root)?
                .iter()
                .all(|path| is_left_over(path))
            {
                return Ok(false);
            }
            marker = self.marker()?;
        }
        let marker =
            marker.ok_or_else(|| self.not_a_store("it has files, and none is `version`"))?;
        let version = marker
            .strip_prefix(MAGIC)
            .and_then(|version| version.trim_end().parse::<u64>().ok());
        match version {
            Some(VERSION) => Ok(true),
            Some(found) if found > VERSION => Err(Error::NewerFormat {
                path: self.root.clone(),
                found,
                reads: VERSION,
                install: None,
            }),
            _ => Err(self.not_a_store("its file `version` is of another program")),
        }
    }

    /// What the marker says; none where there is no marker.
    fn marker(&self) -> Result<Option<String>> {
        let path = self.root.join(MARKER);
        match input::at_most(&path, MARKER_LENGTH) {
            Ok(marker) => Ok(Some(String::from_utf8(marker).unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Makes the store where there is none, and refuses one that is not ours
    /// to write.
    fn prepare(&self) -> Result<()> {
        if !self.is_there()? {
            self.create(&self.root)?;
            if !self.is_there()? {
                let marker = format!("{MAGIC}{VERSION}\n");
                let written = self.write(&self.root.join(MARKER), marker.as_bytes());
                // There is no lock yet: another process may have made the
                // store, and a collection have taken what we had half written.
                if !self.is_there()? {
                    written?;
                }
            }
        }
        let found = fs::metadata(&self.root).map_err(failed("read", &self.root))?;
        self.check_owner(owner(&found), Access::Write)?;
        for name in [BLOBS, RECORDS, PROJECTS] {
            self.create(&self.root.join(name))?;
        }
        Ok(())
    }

    /// Makes a folder and those above it, for this user alone.
    fn create(&self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(folder).map_err(failed("create", folder))?;
        if let Some(above) = folder.parent() {
            // A folder above that nobody may list cannot be opened for it.
            let _ = write::sync_folder(above);
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        write::replace(path, bytes).map_err(|error| match error {
            Error::Io {
                action,
                path,
                source,
            } => Error::Store {
                action,
                path,
                source,
            },
            other => other,
        })
    }

    /// What is in a folder of the store, by name; nothing where it is not
    /// there.
    fn names(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", folder)(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(failed("read", folder))?.path());
        }
        paths.sort();
        Ok(paths)
    }

    fn record_path(&self, registry: &str, name: &Name, version: &Version) -> PathBuf {
        // None of the three has a line break.
        let key = Digest::of(format!("{registry}\n{name}\n{version}").as_bytes());
        self.root.join(RECORDS).join(format!("{}.json", key.hex()))
    }

    /// Every record file with what it holds.
    fn all_records(
        &self,
    ) -> Result<impl Iterator<Item = (PathBuf, std::result::Result<Record, String>)>> {
        let paths = self.names(&self.root.join(RECORDS))?.into_iter();
        Ok(paths.filter(|path| !is_left_over(path)).map(|path| {
            let record = input::at_most(&path, record::MAX_LENGTH)
                .map_err(|error| error.to_string())
                .and_then(|bytes| Record::parse(&bytes))
                .and_then(|record| {
                    let (registry, name, version) = record.key();
                    if self.record_path(registry, name, version) == path {
                        Ok(record)
                    } else {
                        Err("it is a record of something else".to_owned())
                    }
                });
            (path, record)
        }))
    }

    /// Whoever owns the folder says what is in it. Root can do that to every
    /// folder, so what root has put there is as good as our own to read.
    fn check_owner(&self, owner: u32, access: Access) -> Result<()> {
        if owner == user() || (owner == 0 && access == Access::Read) {
            return Ok(());
        }
        Err(Error::ForeignStore {
            path: self.root.clone(),
            owner,
        })
    }

    fn not_a_store(&self, problem: &'static str) -> Error {
        Error::NotAStore {
            path: self.root.clone(),
            problem,
        }
    }
}

/// The store in a user's folder for such things, where that is the same from
/// wherever the program runs.
fn root_in(cache: &Path) -> Option<PathBuf> {
    cache.is_absolute().then(|| cache.join("store"))
}

fn is_left_over(path: &Path) -> bool {
    path.file_name().is_some_and(write::is_left_over)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Store {
        action,
        path,
        source,
    }
}

#[cfg(unix)]
fn owner(found: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(found)
}

#[cfg(unix)]
fn user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Where files have no owner, all of them are ours.
#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> u32 {
    user()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

#[cfg(test)]
mod tests;
