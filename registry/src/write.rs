//! A file is replaced as a whole or not at all: whoever reads it, and whoever
//! comes back after the power went, sees what was there before or what is
//! there now.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::Path;

use nix::errno::Errno;
use tempfile::NamedTempFile;

use crate::toml_file::folder;
use crate::{Error, Result, input, interrupt};

/// What the name of a file begins with that is not in its place yet. One that
/// is left over belonged to a process that was killed.
pub const PREFIX: &str = ".writing-";

/// Puts `bytes` at `path`: beside it first, then to the disk, then into its
/// place, and the place to the disk as well.
///
/// A file that is there keeps its permissions; a new one gets those of any
/// other new file. A symbolic link is replaced itself, and what it points to
/// stays as it is: others may have put it there.
///
/// # Errors
/// Where the folder is missing, full or cannot be written, or `path` is a
/// folder, a pipe or a device; `path` then is what it was before.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, bytes).map_err(failed(path))
}

/// As [`replace`], for files that users may keep elsewhere: where `path` is a
/// symbolic link, the file that it points to is replaced.
///
/// # Errors
/// As [`replace`], and where the link leads to no file.
pub fn replace_target(path: &Path, bytes: &[u8]) -> Result<()> {
    let put = || match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => put(&fs::canonicalize(path)?, bytes),
        _ => put(path, bytes),
    };
    put().map_err(failed(path))
}

/// Puts `bytes` at `path` where nothing is yet; what is there stays.
///
/// # Errors
/// Where the folder is missing, full or cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    let create = || {
        let _whole = interrupt::hold();
        let file = beside(path, bytes, None)?;
        match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            // Some file systems cannot tell; there, the last one counts.
            Err(error) => drop(error.file.persist(path).map_err(|error| error.error)?),
        }
        sync_folder(folder(path))
    };
    create().map_err(failed(path))
}

/// Whether `name` is that of a file which [`replace`] had not put into its
/// place yet.
pub fn is_left_over(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Whether `name` is left over from replacing the file `of`.
pub fn is_left_over_of(name: &OsStr, of: &OsStr) -> bool {
    let rest = name.as_encoded_bytes().strip_prefix(PREFIX.as_bytes());
    rest.and_then(|rest| rest.strip_prefix(of.as_encoded_bytes()))
        .is_some_and(|rest| rest.first() == Some(&b'-'))
}

/// Whether a file system has no locks; where nobody can lock, nobody waits.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    // Network file systems say that a folder, or any file, is not lockable.
    let numbers = [Errno::EBADF, Errno::ENOLCK, Errno::EOPNOTSUPP].map(|errno| errno as i32);
    error.kind() == io::ErrorKind::Unsupported
        || error
            .raw_os_error()
            .is_some_and(|number| numbers.contains(&number))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Io {
        action: "write",
        path,
        source,
    }
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => None,
        Ok(found) => {
            input::check(&found)?;
            Some(found.permissions())
        }
        // Where it cannot be seen, it cannot be written either.
        Err(_) => None,
    };
    // A signal that comes now finds the file in its place, and none beside it.
    let _whole = interrupt::hold();
    let file = beside(path, bytes, before)?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder(path))
}

/// Writes `bytes` to the disk under another name in the folder of `path`,
/// with the permissions `before` where something stands there.
fn beside(path: &Path, bytes: &[u8], before: Option<Permissions>) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(PREFIX);
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // The umask takes from a new file what the user wants taken; one that
        // is replaced may be secret until it has its permissions.
        options.mode(if before.is_some() { 0o600 } else { 0o666 });
    }
    // The system's own words: the name of the file beside says nothing to a
    // user.
    let mut refused = None;
    let made = tempfile::Builder::new()
        .prefix(&prefix)
        .make_in(folder(path), |path| {
            let opened = options.open(path);
            opened.inspect_err(|error| refused = error.raw_os_error())
        });
    let mut file = made.map_err(|error| refused.map_or(error, io::Error::from_raw_os_error))?;
    file.as_file_mut().write_all(bytes)?;
    if let Some(before) = before {
        file.as_file().set_permissions(before)?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes the names in `folder` outlive a power cut.
///
/// # Errors
/// Where the folder cannot be opened, or the disk refuses.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Some network file systems have no such call for folders.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_and_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waitfor.lock");
        replace(&path, b"one").unwrap();
        replace(&path, b"two and more").unwrap();
        replace(&path, b"3").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"3");
        assert_eq!(names(folder.path()), ["waitfor.lock"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay_as_they_are() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        symlink("config", &link).unwrap();
        replace_target(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        let ours = folder.path().join("ours");
        replace(&ours, b"").unwrap();
        assert_eq!(
            fs::metadata(&ours).unwrap().permissions(),
            fs::metadata(&plain).unwrap().permissions()
        );
    }

    #[test]
    fn what_cannot_be_written_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing").join("file");
        let error = replace(&missing, b"one").unwrap_err();
        let text = error.to_string();
        let reason = io::Error::from_raw_os_error(Errno::ENOENT as i32);
        assert_eq!(
            text,
            format!("cannot write `{}`: {reason}", missing.display())
        );
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        replace(&taken, b"one").unwrap_err();
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link_or_into_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("victim"), "one").unwrap();
        for (link, target) in [("link", "victim"), ("dangling", "nowhere")] {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
            replace(&at(link), b"two").unwrap();
            assert!(fs::symlink_metadata(at(link)).unwrap().is_file());
            assert_eq!(fs::read(at(link)).unwrap(), b"two");
        }
        assert_eq!(fs::read(at("victim")).unwrap(), b"one");
        input::tests::pipe(&at("pipe"));
        std::os::unix::fs::symlink("pipe", at("to-pipe")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("to-nothing")).unwrap();
        replace(&at("pipe"), b"two").unwrap_err();
        replace_target(&at("to-pipe"), b"two").unwrap_err();
        replace_target(&at("to-nothing"), b"two").unwrap_err();
        assert!(!fs::symlink_metadata(at("pipe")).unwrap().is_file());
        assert!(fs::symlink_metadata(at("to-pipe")).unwrap().is_symlink());
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn what_is_there_is_not_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marker");
        create(&path, b"one").unwrap();
        create(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["marker"]);
        create(&folder.path().join("missing/marker"), b"one").unwrap_err();
    }

    #[test]
    fn what_a_killed_process_left_is_known_by_its_name() {
        assert!(is_left_over(OsStr::new(".writing-waitfor.lock-a1b2c3")));
        assert!(!is_left_over(OsStr::new("waitfor.lock")));
        for (name, expected) in [
            (".writing-waitfor.lock-a1b2c3", true),
            (".writing-waitfor.lock", false),
            (".writing-waitfor.lock.old-a1b2c3", false),
            ("waitfor.lock", false),
        ] {
            let found = is_left_over_of(OsStr::new(name), OsStr::new("waitfor.lock"));
            assert_eq!(found, expected, "{name}");
        }
    }
}
