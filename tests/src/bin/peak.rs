//! Runs a command and writes down the most memory that it had resident at once: a test cannot ask
//! that of its own children one by one.
//!
//! `peak FILE COMMAND [ARG...]` writes the number of KiB into the file, and ends as the command did.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

use nix::sys::resource::{Resource, UsageWho, getrusage, setrlimit};

/// What a command may have of data before it is refused more: no test is to bring a machine down.
const MOST: u64 = 4 << 30;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (arguments.next(), arguments.next()) else {
        eprintln!("error: usage: peak FILE COMMAND [ARG...]");
        return ExitCode::from(2);
    };
    if let Err(error) = setrlimit(Resource::RLIMIT_DATA, MOST, MOST) {
        eprintln!("error: cannot bound the memory: {error}");
        return ExitCode::from(2);
    }
    let status = match Command::new(program).args(arguments).status() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: cannot run the command: {error}");
            return ExitCode::from(2);
        }
    };
    let written = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(std::io::Error::from)
        .and_then(|usage| std::fs::write(file, usage.max_rss().to_string()));
    if let Err(error) = written {
        eprintln!("error: cannot write down the memory: {error}");
        return ExitCode::from(2);
    }
    let signal = || 128 + status.signal().unwrap_or_default();
    let code = status.code().unwrap_or_else(signal);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
