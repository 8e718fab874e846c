//! Signals while waiting: the exit code tells which, and the report is printed all the same.

use std::io;
use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use waitfor_tests::cli::{Cli, binary};
use waitfor_tests::process::{PATIENCE, Signal, free_port, wait_for};

use crate::support::{Running, contains, ready, redis_at, result, serve};

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

#[test]
fn the_exit_code_tells_the_signal() {
    let url = redis_at(free_port());
    for (signal, code) in SIGNALS {
        // Without a limit: only the signal can end it.
        let running = Running::start(&Cli::new().args(["--timeout", "0", &url]));
        running.until_it_says("not ready (refused)");
        running.signal(signal);
        let (found, stdout, stderr) = running.end();
        assert_eq!((found, stdout.as_str()), (Some(code), ""), "{stderr}");
        contains(&stderr, "interrupted after ");
        contains(&stderr, &format!("error: {url}: not ready after "));
        contains(&stderr, "hint: ");
    }
}

#[test]
fn the_json_report_is_printed() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    for (signal, code) in SIGNALS {
        let args = [
            "--output", "json", "-t", "0", &good, &closed, "--", "echo", "ran",
        ];
        let mut running = Running::start(&Cli::new().args(args));
        let mut stdout = running.until_it_prints("\"refused\"");
        if !stdout.contains("\"done\":true") {
            // The closed port may answer before the server does.
            stdout.push_str(&running.until_it_prints("\"done\":true"));
        }
        running.signal(signal);
        let (found, rest, stderr) = running.end();
        assert_eq!((found, stderr.as_str()), (Some(code), ""), "{stdout}{rest}");
        stdout.push_str(&rest);
        let result = result(&stdout);
        assert_eq!(result["exit_code"], code);
        assert_eq!(result["targets"][0]["verdict"], "ready");
        assert_eq!(result["targets"][1]["code"], "refused");
    }
}

#[test]
fn an_attempt_under_way_is_given_up_at_once() {
    let came = Arc::<AtomicBool>::default();
    let port = serve(IpAddr::from([127, 0, 0, 1]), 0, {
        let came = Arc::clone(&came);
        move |mut stream| {
            came.store(true, Ordering::SeqCst);
            io::copy(&mut stream, &mut io::sink()).map(drop)
        }
    });
    let url = redis_at(port);
    let args = [
        "-t",
        "0",
        "--attempt-timeout",
        "1h",
        "--output",
        "json",
        &url,
    ];
    let running = Running::start(&Cli::new().args(args));
    wait_for("a connection", PATIENCE, || {
        match came.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err("nobody came".to_owned()),
        }
    });
    running.signal(Signal::INT);
    let (code, stdout, _) = running.end();
    assert_eq!(code, Some(130));
    assert_eq!(result(&stdout)["exit_code"], 130);
}

/// `waitfor` as `nohup` starts it, or a shell without job control for `waitfor … &`.
fn deaf(args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP INT; exec \"$0\" \"$@\""])
        .arg(binary())
        .args(args);
    command
}

/// A set of signals from the text of `/proc/PID/status`.
fn set(status: &str, name: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(name));
    let digits = line.and_then(|line| line.split_whitespace().nth(1));
    u64::from_str_radix(digits.unwrap_or("0"), 16).expect("hexadecimal digits")
}

#[test]
fn the_command_ignores_what_the_caller_ignores() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    let output = deaf(&[&url, "--", "cat", "/proc/self/status"])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let ignored = set(&text, "SigIgn:");
    assert_eq!(
        ignored & 0b11,
        0b11,
        "SIGHUP and SIGINT in {ignored:x}: the command hears what the caller shut out"
    );
}

#[test]
fn a_wait_lives_on_after_a_signal_that_the_caller_ignores() {
    let closed = redis_at(free_port());
    let running = Running::spawn(deaf(&["-t", "0", &closed]));
    running.until_it_says("not ready (refused)");
    let path = format!("/proc/{}/status", running.pid());
    let caught = set(&std::fs::read_to_string(path).expect("it runs"), "SigCgt:");
    assert_eq!(caught & 0b11, 0, "SIGHUP and SIGINT in {caught:x}");
    running.signal(Signal::HUP);
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    let (code, _, stderr) = running.end();
    assert_eq!(code, Some(143), "{stderr}");
}

#[test]
fn the_commands_signals_are_its_own() {
    let Some(redis) = ready() else { return };
    let script = "trap 'echo got it; exit 9' TERM; echo up; while :; do sleep 0.05; done";
    let args = [&redis_at(redis.port), "--", "sh", "-c", script];
    let mut running = Running::start(&Cli::new().args(args));
    let mut stdout = running.until_it_prints("up\n");
    running.signal(Signal::TERM);
    let (code, rest, _) = running.end();
    stdout.push_str(&rest);
    assert_eq!((code, stdout.as_str()), (Some(9), "up\ngot it\n"));
}
