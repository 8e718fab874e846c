//! The three signals at every stage of a wait: the code is the documented one, and the process
//! gives it itself, as the first process of a container must.

use std::fs::{self, File};
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use waitfor_tests::cli::{Cli, binary};
use waitfor_tests::process::{PATIENCE, Signal, free_port, run, temp_dir, wait_for};

use crate::support::{Ended, Running, SIGNALS, Silent};

/// `waitfor` with these arguments and the default handling of signals, as a shell starts it.
fn waitfor(args: &[&str]) -> Command {
    Cli::new().args(args).command()
}

#[track_caller]
fn ended_by(code: i32, ended: &Ended) {
    assert_eq!((ended.code, ended.killed), (code, false), "{ended:#?}");
}

#[test]
fn while_a_file_of_a_password_is_read() {
    let folder = temp_dir("fifo");
    let path = folder.path().join("password");
    run(Command::new("mkfifo").arg(&path));
    for (signal, code) in SIGNALS {
        let file = path.display().to_string();
        let running = Running::start(waitfor(&["redis://127.0.0.1:1", "--password-file", &file]));
        // Opening it waits for the reader that is to be interrupted.
        let (send, receive) = mpsc::channel();
        let path = path.clone();
        thread::spawn(move || send.send(File::options().write(true).open(path)));
        let writer = receive.recv_timeout(PATIENCE).expect("it reads the file");
        running.signal(signal);
        ended_by(code, &running.end());
        drop(writer);
    }
}

#[test]
fn while_plugins_are_compiled() {
    for (signal, code) in SIGNALS {
        let peer = Silent::listen();
        let targets = ["http", "vertica", "vault+http", "postgres"]
            .map(|scheme| format!("{scheme}://127.0.0.1:{}", peer.port));
        let lasting = ["-t", "0", "--attempt-timeout", "1h", "--no-native-cache"];
        let all: Vec<&str> = lasting
            .into_iter()
            .chain(targets.iter().map(String::as_str))
            .collect();
        // Where address space is rationed, the official probes are compiled as others are.
        let rationed = Cli::new().args(all).within(["prlimit", "--as=16000000000"]);
        let running = Running::start(rationed.command());
        // They come and go within some tens of milliseconds.
        let begin = Instant::now();
        while !running.has_thread("compiler") {
            assert!(begin.elapsed() < PATIENCE, "no thread compiles");
            thread::yield_now();
        }
        running.signal(signal);
        ended_by(code, &running.end());
    }
}

/// A run whose only attempt has reached a server that says nothing.
fn under_way() -> (Silent, Running) {
    let peer = Silent::listen();
    let url = format!("redis://127.0.0.1:{}", peer.port);
    let lasting = ["-t", "0", "--attempt-timeout", "1h"];
    let running = Running::start(waitfor(
        &[&lasting[..], &["--output", "json", &url]].concat(),
    ));
    peer.until_somebody_came();
    (peer, running)
}

#[test]
fn while_an_attempt_is_under_way() {
    for (signal, code) in SIGNALS {
        let (_peer, running) = under_way();
        running.signal(signal);
        let ended = running.end();
        ended_by(code, &ended);
        let last = ended.stdout.lines().last().unwrap_or_default();
        assert!(
            last.contains(&format!("\"exit_code\":{code}")),
            "{ended:#?}"
        );
    }
}

/// `timeout` sends its signal to the process and again to the group: the second one cuts nothing
/// off.
#[test]
fn the_same_signal_twice_leaves_the_report_whole() {
    for (signal, code) in SIGNALS {
        let (_peer, running) = under_way();
        for _ in 0..3 {
            running.signal(signal);
        }
        let ended = running.end();
        ended_by(code, &ended);
        assert!(ended.stdout.ends_with("}\n"), "{ended:#?}");
        assert!(ended.stdout.contains("\"event\":\"result\""), "{ended:#?}");
    }
}

/// A pipe is full, and nobody reads it.
#[test]
fn while_the_report_goes_to_a_pipe_that_nobody_reads() {
    for (signal, code) in SIGNALS {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        // As much as a pipe of Linux holds (pipe(7)).
        writer.write_all(&[b' '; 65536]).expect("an empty pipe");
        let closed = format!("redis://127.0.0.1:{}", free_port());
        let mut command = waitfor(&["-t", "0", "--output", "json", &closed]);
        command.stdout(writer).stderr(Stdio::null());
        let running = Running::start_as_it_is(command);
        // It sleeps where it writes: nothing else keeps it from asking.
        wait_for("the handlers", PATIENCE, || {
            if running.has_thread("epoch") {
                Ok(())
            } else {
                Err("it has not asked its plugin yet".to_owned())
            }
        });
        running.signal(signal);
        ended_by(code, &running.end());
        drop(reader);
    }
}

#[test]
fn in_the_demo() {
    for (signal, code) in SIGNALS {
        let running = Running::start(waitfor(&["demo"]));
        while !running.has_thread("epoch") {
            thread::yield_now();
        }
        running.signal(signal);
        ended_by(code, &running.end());
    }
}

/// At random moments, from before the command line is read to after the report.
#[test]
fn at_any_moment() {
    let closed = format!("redis://127.0.0.1:{}", free_port());
    for step in 0..90 {
        let (signal, code) = SIGNALS[step % 3];
        let mut command = waitfor(&["-t", "30", &closed]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running::start_as_it_is(command);
        thread::sleep(std::time::Duration::from_micros(step as u64 * 700));
        running.signal(signal);
        let ended = running.end();
        // Before its first instruction the system ends it.
        assert_eq!(ended.code, code, "step {step}: {ended:#?}");
    }
}

#[test]
fn what_is_ignored_stays_ignored_before_the_wait() {
    let folder = temp_dir("nohup");
    let path = folder.path().join("password");
    run(Command::new("mkfifo").arg(&path));
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP INT TERM; exec \"$0\" \"$@\""])
        .arg(binary())
        .args(["redis://127.0.0.1:1", "-t", "100ms", "--password-file"])
        .arg(&path);
    let running = Running::start(command);
    let mut writer = File::options().write(true).open(&path).expect("a reader");
    for (signal, _) in SIGNALS {
        running.signal(signal);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid().as_raw_nonzero()));
    let caught = status.expect("it runs");
    let caught = caught
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .expect("a set of signals");
    let of = |signal: Signal| 1 << (signal.as_raw() - 1);
    for (signal, _) in SIGNALS {
        assert_eq!(caught & of(signal), 0, "{signal:?} in {caught:x}");
    }
    writer.write_all(b"secret\n").expect("it reads");
    drop(writer);
    assert_eq!(running.end().code, 124);
}
