//! Times whole commands, as a user would wait for them, and asks what they used.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use waitfor_tests::process::temp_dir;

/// How long a command may take that should take much less.
const LIMIT: Duration = Duration::from_secs(90);

/// From before the start to after the end of a command that must succeed; milliseconds.
pub(crate) fn timed(command: &mut Command) -> Result<f64, String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // The one that ends a command which hangs is there before the clock starts.
    let (tell, told) = mpsc::channel();
    let watch = thread::spawn(move || {
        if let Ok(pid) = told.recv()
            && let Err(RecvTimeoutError::Timeout) = told.recv_timeout(LIMIT)
            && let Some(pid) = Pid::from_raw(pid)
        {
            // It is not reaped before it has ended.
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let started = Instant::now();
    let status = command.spawn().and_then(|mut child| {
        let pid = i32::try_from(child.id()).unwrap_or_default();
        let _ = tell.send(pid);
        child.wait()
    });
    let took = started.elapsed();
    drop(tell);
    let _ = watch.join();
    match status {
        Ok(status) if status.success() => Ok(millis(took)),
        Ok(status) => Err(format!("it ended with {status}")),
        Err(error) => Err(format!("it cannot be run: {error}")),
    }
}

/// A duration in milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What a command has used, itself and the children that it waited for.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Usage {
    /// Its exit code; `128 + n` when signal `n` ended it.
    pub(crate) code: i32,
    /// From start to end.
    pub(crate) elapsed_us: f64,
    /// User and system time.
    pub(crate) cpu_us: f64,
    /// How often it went to sleep by itself.
    pub(crate) waits: f64,
    /// The most memory that was resident at once.
    pub(crate) max_rss_kib: f64,
    /// The most threads that were seen, looked for every 10 ms.
    pub(crate) threads: f64,
}

/// Runs a command for so long at most and says what it used. Its output goes nowhere.
pub(crate) fn usage(command: &Command, limit: Duration) -> Result<Usage, String> {
    usage_with(command, limit, Stdio::null()).map(|(usage, _)| usage)
}

/// As [`usage`], with what the command wrote on its standard output.
pub(crate) fn usage_with_output(
    command: &Command,
    limit: Duration,
) -> Result<(Usage, String), String> {
    usage_with(command, limit, Stdio::piped())
}

fn usage_with(
    command: &Command,
    limit: Duration,
    stdout: Stdio,
) -> Result<(Usage, String), String> {
    let folder = temp_dir("usage");
    let file = folder.path().join("usage.json");
    let mut runner = Command::new(beside("usage"));
    runner.arg(&file).arg(limit.as_secs_f64().to_string());
    within(&mut runner, command);
    let output = runner
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .output()
        .map_err(|e| format!("its watcher cannot be run: {e}"))?;
    let text = std::fs::read_to_string(&file).map_err(|_| "it cannot be run".to_owned())?;
    let usage = serde_json::from_str(&text).map_err(|e| format!("its watcher wrote {e}"))?;
    Ok((usage, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Makes a command an argument of another, which gets its environment and folder.
pub(crate) fn within(outer: &mut Command, inner: &Command) {
    outer.arg(inner.get_program()).args(inner.get_args());
    environment(outer, inner);
}

/// Gives one command the environment and the folder of another.
pub(crate) fn environment(outer: &mut Command, inner: &Command) {
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = inner.get_current_dir() {
        outer.current_dir(folder);
    }
}

/// A program that is built with this one.
pub(crate) fn beside(name: &str) -> PathBuf {
    std::env::current_exe()
        .unwrap_or_default()
        .with_file_name(name)
}

/// The words of a command, for those who hand it on.
pub(crate) fn words(command: &Command) -> Vec<OsString> {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsString::from)
        .collect()
}
