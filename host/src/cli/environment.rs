//! What the command line takes from outside of its arguments: variables, the
//! user, and files. A trait, so that what is decided from them can be tested
//! without touching the process.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The largest file that is read for a secret or for TLS, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

/// Where the command line looks besides its arguments.
pub trait Environment {
    /// A variable's value.
    fn var(&self, name: &str) -> Option<OsString>;
    /// The name of the user who runs the program.
    fn os_user(&self) -> Option<String>;
    /// The user's home.
    fn home(&self) -> Option<PathBuf>;
    /// A file's content.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether the path is a plain file that neither group nor others may use.
    ///
    /// # Errors
    /// Where it cannot be looked at.
    fn is_private(&self, path: &Path) -> io::Result<bool>;

    /// A variable's value; an empty one counts as not set.
    fn given(&self, name: &str) -> Option<OsString> {
        self.var(name).filter(|value| !value.is_empty())
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    #[cfg(unix)]
    fn os_user(&self) -> Option<String> {
        // As libpq does: the account, not a variable that `su` may leave behind.
        let account = nix::unistd::User::from_uid(nix::unistd::geteuid());
        match account {
            Ok(Some(user)) => Some(user.name),
            _ => self.given("USER").and_then(|name| name.into_string().ok()),
        }
    }

    #[cfg(not(unix))]
    fn os_user(&self) -> Option<String> {
        self.given("USERNAME")
            .and_then(|name| name.into_string().ok())
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        std::fs::File::open(path)?
            .take(LARGEST_FILE + 1)
            .read_to_end(&mut content)?;
        if content.len() as u64 > LARGEST_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content)
    }

    #[cfg(unix)]
    fn is_private(&self, path: &Path) -> io::Result<bool> {
        use std::os::unix::fs::PermissionsExt;
        let about = std::fs::metadata(path)?;
        Ok(about.is_file() && about.permissions().mode() & 0o077 == 0)
    }

    #[cfg(not(unix))]
    fn is_private(&self, path: &Path) -> io::Result<bool> {
        Ok(std::fs::metadata(path)?.is_file())
    }
}

/// A variable's value as text; none where it is not set or empty.
pub(crate) fn variable_text(environment: &dyn Environment, name: &str) -> Result<Option<String>> {
    match environment.given(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Error::usage(format!("the variable `{name}` is not UTF-8"))),
    }
}

/// Why a file could not be read, in a few words.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::FileTooLarge => format!("it is larger than {} MiB", LARGEST_FILE >> 20),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_its_user_and_files() {
        let environment = SystemEnvironment;
        assert!(environment.os_user().is_some_and(|name| !name.is_empty()));
        let missing = environment.read(Path::new("/no/such/file"));
        assert_eq!(
            missing.as_ref().map_err(reason),
            Err("no such file".to_owned())
        );
        let folder = environment.read(&std::env::temp_dir());
        assert_eq!(
            folder.as_ref().map_err(reason),
            Err("it is a folder".to_owned())
        );
    }

    #[cfg(unix)]
    #[test]
    fn files_that_others_may_read_are_not_private() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("waitfor-private-{}", std::process::id()));
        std::fs::write(&path, "x").unwrap();
        let with = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            SystemEnvironment.is_private(&path).unwrap()
        };
        let found = [with(0o600), with(0o640), with(0o604), with(0o400)];
        std::fs::remove_file(&path).unwrap();
        assert_eq!(found, [true, false, false, true]);
    }
}
