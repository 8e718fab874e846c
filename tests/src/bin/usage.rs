//! Runs a command for so many seconds at most and writes down what it has used: the kernel tells
//! that of all ended children together, so each measured command gets a small parent of its own.
//!
//! `usage FILE SECONDS COMMAND [ARG...]` writes one JSON object into the file; children that the
//! command has waited for count with it. Its exit code is 0 if the file could be written.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use rustix::process::{Pid, Signal, kill_process_group};

/// How often it is looked whether the command has ended, and how many threads it has.
const LOOK: Duration = Duration::from_millis(10);

/// How long a command may take to end when it is told to.
const LEAVE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next();
    let seconds = arguments
        .next()
        .and_then(|text| text.to_str()?.parse::<f64>().ok());
    let (Some(file), Some(seconds), Some(program)) = (file, seconds, arguments.next()) else {
        eprintln!("error: usage: usage FILE SECONDS COMMAND [ARG...]");
        return ExitCode::from(2);
    };
    let started = Instant::now();
    let child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("error: cannot run {}: {error}", program.to_string_lossy());
            return ExitCode::from(2);
        }
    };
    let threads = watch(&mut child, started + Duration::from_secs_f64(seconds));
    let elapsed = started.elapsed();
    let status = match end(&mut child) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: cannot wait for the command: {error}");
            return ExitCode::from(2);
        }
    };
    let written = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(std::io::Error::from)
        .and_then(|usage| {
            let micros = |time: TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
            let found = serde_json::json!({
                "code": status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
                "elapsed_us": u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
                "cpu_us": micros(usage.user_time()) + micros(usage.system_time()),
                "waits": usage.voluntary_context_switches(),
                "max_rss_kib": usage.max_rss(),
                "threads": threads,
            });
            fs::write(file, found.to_string())
        });
    if let Err(error) = written {
        eprintln!("error: cannot write down what was used: {error}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

/// Waits for the command's end, or for that moment; gives the most threads it was seen to have.
fn watch(child: &mut Child, until: Instant) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let threads = text.lines().find_map(|line| line.strip_prefix("Threads:"));
        most = most.max(threads.and_then(|n| n.trim().parse().ok()).unwrap_or(0));
        sleep(LOOK);
    }
    most
}

/// Ends the command with its group, unless it has ended.
fn end(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    let group = Pid::from_child(child);
    // It may be ending by itself, which is as good.
    let _ = kill_process_group(group, Signal::TERM);
    let told = Instant::now();
    while told.elapsed() < LEAVE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        sleep(LOOK);
    }
    let _ = kill_process_group(group, Signal::KILL);
    child.wait()
}
