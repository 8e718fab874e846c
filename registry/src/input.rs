//! Files that others put where we read: a pipe, a device or a file without an
//! end keeps nobody waiting there.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens the file at `path` for reading, and only where it is a file:
/// opening a pipe would wait for a writer.
///
/// # Errors
/// Where there is none, it cannot be opened, or it is a folder, a pipe or a
/// device.
pub fn open(path: &Path) -> io::Result<File> {
    check(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // What was a file may be a pipe by now.
        options.custom_flags(nix::libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// The first `limit` bytes of the file at `path`, or all where it has fewer.
///
/// # Errors
/// As [`open`], and where it cannot be read.
pub fn at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the file at `path` holds `bytes` and nothing else.
pub(crate) fn holds(path: &Path, bytes: &[u8]) -> bool {
    let longer = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    at_most(path, longer.saturating_add(1)).is_ok_and(|found| found == bytes)
}

/// Refuses what is no regular file.
pub(crate) fn check(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    if found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        ));
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is a pipe or a device, and not a file",
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes a pipe that nobody writes to.
    #[cfg(unix)]
    pub(crate) fn pipe(path: &Path) {
        let status = std::process::Command::new("mkfifo").arg(path).status();
        assert!(status.unwrap().success());
    }

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(at_most(&path, 3).unwrap(), b"123");
        assert_eq!(at_most(&path, 9).unwrap(), b"12345");
        assert!(holds(&path, b"12345"));
        assert!(!holds(&path, b"1234") && !holds(&path, b"123456"));
        let missing = open(&folder.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let error = open(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "it is a folder");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let pipe = folder.path().join("pipe");
        self::pipe(&pipe);
        for path in [path, pipe] {
            let error = open(&path).unwrap_err().to_string();
            assert_eq!(error, "it is a pipe or a device, and not a file");
            assert!(!holds(&path, b""));
        }
    }
}
