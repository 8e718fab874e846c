//! Runs the user's command in place of this process, so that signals and the
//! exit code are the command's own.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::error::Error;
use crate::exit::Exit;

/// Replaces the process; comes back only with the reason why it could not.
///
/// The command gets the environment, the working folder and the standard
/// streams as they are, and the default handling of `SIGPIPE`.
pub fn replace_process(command: &[OsString]) -> Error {
    let Some((program, arguments)) = command.split_first() else {
        return Error::usage("there is no command after `--`");
    };
    let error = Command::new(program).args(arguments).exec();
    let name = program.to_string_lossy();
    if error.kind() == io::ErrorKind::NotFound {
        return Error::new(
            Exit::CommandNotFound,
            format!("the command `{name}` was not found"),
        )
        .hint("a shell's own words need the shell: -- sh -c '…'");
    }
    Error::new(
        Exit::CommandNotRunnable,
        format!(
            "the command `{name}` cannot be run: {}",
            crate::net::fault::plain(&error)
        ),
    )
}
