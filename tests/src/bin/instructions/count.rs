//! Counts the instructions of one run, in surroundings that are the same everywhere.

use std::process::Stdio;

use waitfor_tests::callgrind::{counting, total};
use waitfor_tests::cli;
use waitfor_tests::install::Installed;
use waitfor_tests::process::temp_dir;

use crate::runs::Run;

/// What was counted.
pub(crate) struct Counted {
    /// The least of the counts: what chance does, it does on top.
    pub(crate) least: u64,
    /// How far the middle one of the counts is above the least, in percent.
    pub(crate) scatter: f64,
}

/// Counts a run so many times.
pub(crate) fn count(valgrind: &Installed, run: &Run, times: usize) -> Result<Counted, String> {
    let mut counts = Vec::new();
    for _ in 0..times {
        counts.push(once(valgrind, run)?);
    }
    counts.sort_unstable();
    let (least, middle) = (counts[0], counts[counts.len() / 2]);
    Ok(Counted {
        least,
        scatter: (middle as f64 / least as f64 - 1.0) * 100.0,
    })
}

/// One count: an empty home, which is the working folder, and nothing in the environment that the
/// caller might have.
fn once(valgrind: &Installed, run: &Run) -> Result<u64, String> {
    let (home, beside) = (temp_dir("counted"), temp_dir("counts"));
    let file = beside.path().join("out");
    let output = counting(valgrind, &file)
        .arg(cli::binary())
        .args(&run.args)
        .env_clear()
        .env("HOME", home.path())
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("valgrind cannot be run: {e}"))?;
    if output.status.code() != Some(run.code) {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or("it printed nothing");
        return Err(format!(
            "{}, and not with {}: {last}",
            output.status, run.code
        ));
    }
    total(&file)
}
