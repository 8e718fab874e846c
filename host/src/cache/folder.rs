//! A folder that nobody but the user can have written to. What it holds is
//! reached through the very folder that was looked at, never by a path that
//! may lead elsewhere by now.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use waitfor_registry::{interrupt, write};

use super::Doubt;
use crate::net::fault::plain;

/// A folder of ours, open.
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// A file in the folder, by its name.
pub(super) struct Listed {
    pub(super) name: String,
    /// In bytes.
    pub(super) size: u64,
    /// When it was written, or used last.
    pub(super) modified: SystemTime,
}

/// What [`Folder::put`] does where there is such a file already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// The new one takes its place.
    Replaced,
    /// It stays.
    Kept,
}

impl Folder {
    /// The folder at `path`; none where there is nothing.
    ///
    /// # Errors
    /// Where it is a link or no folder, another user's, or open to others.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Doubt> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(said(path, "is no folder")),
            Err(error) => return Err(failed("open", path, &error.into())),
        };
        let folder = File::from(fd);
        let found = folder
            .metadata()
            .map_err(|error| failed("read", path, &error))?;
        is_private(&found).map_err(|what| said(path, &what))?;
        Ok(Some(Self {
            fd: folder.into(),
            path: path.to_owned(),
        }))
    }

    /// As [`Folder::open`]; made where there is nothing, together with the
    /// folders above it.
    ///
    /// # Errors
    /// As [`Folder::open`], and where it cannot be made, or would lie in
    /// another user's folder.
    pub(super) fn make(path: &Path) -> Result<Self, Doubt> {
        if let Some(folder) = Self::open(path)? {
            return Ok(folder);
        }
        // Root, with the home of another, would leave there what that user
        // can neither use nor remove.
        let mut above = path.ancestors().skip(1);
        let above = above.find_map(|above| Some((above, fs::metadata(above).ok()?)));
        if let Some((above, found)) = above
            && ![user(), 0].contains(&found.uid())
        {
            return Err(said(above, "is another user's"));
        }
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(path);
        made.map_err(|error| failed("make", path, &error))?;
        Self::open(path)?.ok_or_else(|| said(path, "is gone again"))
    }

    /// The file with that name, and what it holds; none where there is none.
    ///
    /// # Errors
    /// Where it is no file, another user's, open to others, larger than
    /// `most` bytes, or cannot be read.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Option<(File, Vec<u8>)>, Doubt> {
        let path = self.path.join(name);
        // What others put there may be a pipe, which keeps its reader waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(said(&path, "is a link")),
            Err(error) => return Err(failed("open", &path, &error.into())),
        };
        let unread = |error| failed("read", &path, &error);
        let found = file.metadata().map_err(unread)?;
        if !found.is_file() {
            return Err(said(&path, "is no file"));
        }
        is_private(&found).map_err(|what| said(&path, &what))?;
        if found.len() > most {
            return Err(said(&path, "is too large"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        (&file).take(most).read_to_end(&mut bytes).map_err(unread)?;
        Ok(Some((file, bytes)))
    }

    /// Writes a file that holds these parts, one after the other: beside its
    /// place first, then to the disk, then into its place. Whether it is there
    /// now and was not there before, or was replaced.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub(super) fn put(&self, name: &str, parts: &[&[u8]], existing: Existing) -> io::Result<bool> {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance)?;
        let chance = u64::from_ne_bytes(chance);
        let beside = format!("{}{name}-{chance:016x}", write::PREFIX);
        // A signal that comes now finds the file in its place, and none beside it.
        let _whole = interrupt::hold();
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, &*beside, flags, Mode::RUSR | Mode::WUSR)?;
        let placed = self.fill(File::from(fd), parts).and_then(|()| {
            let (from, to) = (&*beside, name);
            match existing {
                Existing::Replaced => rustix::fs::renameat(&self.fd, from, &self.fd, to)?,
                Existing::Kept => {
                    let linked = rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty());
                    rustix::fs::unlinkat(&self.fd, from, AtFlags::empty())?;
                    match linked {
                        Err(Errno::EXIST) => return Ok(false),
                        linked => linked?,
                    }
                }
            }
            Ok(true)
        });
        if placed.is_err() {
            // It may be gone already.
            let _ = rustix::fs::unlinkat(&self.fd, &*beside, AtFlags::empty());
        }
        let placed = placed?;
        // Some network file systems have no such call for folders.
        let _ = rustix::fs::fsync(&self.fd);
        Ok(placed)
    }

    fn fill(&self, mut file: File, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()
    }

    /// Removes what has that name, where it is the user's own; whether it did.
    pub(super) fn remove(&self, name: &str) -> bool {
        let own = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| found.st_uid == user());
        own && rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()).is_ok()
    }

    /// The files in it, the one that was used last at the end. What cannot be
    /// looked at is left out.
    pub(super) fn list(&self) -> Vec<Listed> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut files: Vec<Listed> = entries
            .filter_map(|entry| {
                let found = entry.metadata().ok()?;
                Some(Listed {
                    name: entry.file_name().into_string().ok()?,
                    size: found.len(),
                    modified: found.modified().ok()?,
                })
            })
            .collect();
        files.sort_by_key(|file| file.modified);
        files
    }
}

/// What makes others able to write or to read it, after its name.
fn is_private(found: &Metadata) -> Result<(), String> {
    if found.uid() != user() {
        return Err("is another user's".to_owned());
    }
    match found.mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(format!("is open to others (mode {mode:03o})")),
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn said(path: &Path, what: &str) -> Doubt {
    Doubt(format!("`{}` {what}", path.display()))
}

pub(super) fn failed(action: &str, path: &Path, error: &io::Error) -> Doubt {
    Doubt(format!(
        "cannot {action} `{}`: {}",
        path.display(),
        plain(error)
    ))
}
