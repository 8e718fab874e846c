//! Counts the instructions of a program as callgrind does: the same total each time, whatever else
//! the machine is doing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::install::Installed;

/// `valgrind`, about to count into `file`; the program and its arguments are to be added.
pub fn counting(valgrind: &Installed, file: &Path) -> Command {
    let mut command = Command::new(valgrind.program("valgrind"));
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", file.display()));
    command
}

/// The total in a file that was counted into (callgrind's format: `summary:`, or `totals:` where
/// there is one part).
///
/// # Errors
/// Where nothing was counted, as of a program that did not start.
pub fn total(file: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("nothing was counted: {e}"))?;
    let line = text.lines().find_map(|line| {
        line.strip_prefix("summary: ")
            .or(line.strip_prefix("totals: "))
    });
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| "nothing was counted".to_owned())
}
