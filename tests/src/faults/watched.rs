//! Runs `waitfor` and watches it from outside: that it ends by itself, that it does not panic, and
//! how much memory it has had at most.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::cli::{Cli, Outcome, Verdict, read_verdict};

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What `waitfor` said; `Err` says why that cannot be read.
    pub verdict: Result<Verdict, String>,
    /// The exit code and what was printed.
    pub outcome: Outcome,
    /// The most resident memory that was seen, in KiB. A peak in the last 5 ms may be missing.
    pub peak: u64,
}

/// Runs `waitfor --output json` with these arguments; `on_line` gets each line of its output at
/// once. `Err` where it had to be killed after `limit`, with what it had printed until then.
pub fn run(
    cli: &Cli,
    args: &[String],
    limit: Duration,
    on_line: impl Fn(&str) + Send,
) -> Result<Watched, String> {
    thread::scope(|scope| run_within(scope, cli, args, limit, on_line))
}

fn run_within<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    cli: &Cli,
    args: &[String],
    limit: Duration,
    on_line: impl Fn(&str) + Send + 'scope,
) -> Result<Watched, String> {
    let shown = cli.clone().args(args).shown();
    let mut command = cli.clone().args(["--output", "json"]).args(args).command();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|e| format!("cannot run waitfor {shown}: {e}"))?;
    let stdout = child
        .stdout
        .take()
        .map(|from| scope.spawn(move || drain(from, on_line)));
    let stderr = child
        .stderr
        .take()
        .map(|from| scope.spawn(move || drain(from, |_| ())));
    let mut peak = 0;
    let mut killed = false;
    let status = loop {
        peak = peak.max(high_water(child.id()).unwrap_or_default());
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begin.elapsed() > limit => {
                killed = true;
                // It may have ended in between, which is as good.
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                break child
                    .wait()
                    .map_err(|e| format!("cannot wait for waitfor {shown}: {e}"))?;
            }
            Ok(None) => sleep(LOOK),
            Err(e) => return Err(format!("cannot wait for waitfor {shown}: {e}")),
        }
    };
    let collect = |reader: Option<thread::ScopedJoinHandle<String>>| {
        reader.and_then(|r| r.join().ok()).unwrap_or_default()
    };
    let outcome = Outcome {
        code: status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        stdout: collect(stdout),
        stderr: collect(stderr),
        elapsed: begin.elapsed(),
    };
    if killed {
        return Err(format!(
            "waitfor {shown} did not end within {limit:?}\n--- stdout\n{}--- stderr\n{}",
            outcome.stdout, outcome.stderr
        ));
    }
    Ok(Watched {
        verdict: read_verdict(&outcome, &shown),
        outcome,
        peak,
    })
}

/// The most resident memory that a process has had, in KiB.
fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Reads to the end; what was read before an error is still worth showing.
fn drain(from: impl Read, on_line: impl Fn(&str)) -> String {
    let mut from = BufReader::new(from);
    let mut text = String::new();
    let mut line = Vec::new();
    while let Ok(1..) = from.read_until(b'\n', &mut line) {
        let read = String::from_utf8_lossy(&line);
        on_line(&read);
        text.push_str(&read);
        line.clear();
    }
    text
}
