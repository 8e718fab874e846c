//! Places that a container makes: the first process of its own, a file system that cannot be
//! written, a system without `/proc` or `/tmp`, a user without a name.

use std::fs;
use std::process::Command;

use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::{PATIENCE, Signal, free_port, reachable, run, temp_dir, wait_for};
use waitfor_tests::servers::redis::Redis;

use crate::support::{Running, SIGNALS, Silent, possible};

const PID_NAMESPACE: [&str; 5] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

fn may_unshare() -> bool {
    let mut probe = Command::new(PID_NAMESPACE[0]);
    possible(
        "a namespace of processes",
        probe.args(&PID_NAMESPACE[1..]).arg("true"),
    )
}

/// The first process inside, by its number outside.
fn first_process(running: &Running) -> rustix::process::Pid {
    let pid = running.pid().as_raw_nonzero();
    let path = format!("/proc/{pid}/task/{pid}/children");
    wait_for("the first process", PATIENCE, || {
        let children = fs::read_to_string(&path).unwrap_or_default();
        let first = children
            .split_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok());
        first
            .and_then(rustix::process::Pid::from_raw)
            .ok_or("none yet".to_owned())
    })
}

/// The system drops what the first process has no handler for.
#[test]
fn the_first_process_hears_signals_at_every_stage() {
    if !may_unshare() {
        return;
    }
    let folder = temp_dir("first");
    let path = folder.path().join("password");
    run(Command::new("mkfifo").arg(&path));
    let file = path.display().to_string();
    for (signal, code) in SIGNALS {
        let peer = Silent::listen();
        let url = format!("redis://127.0.0.1:{}", peer.port);
        // While the plan is made.
        let args = [url.as_str(), "-t", "0", "--password-file", file.as_str()];
        let running = Running::start(Cli::new().args(args).within(PID_NAMESPACE).command());
        let writer = fs::File::options().write(true).open(&path);
        kill(&running, signal);
        assert_eq!(running.end().code, code, "{signal:?} before the wait");
        drop(writer);
        // While an attempt is under way.
        let args = [url.as_str(), "-t", "0", "--attempt-timeout", "1h"];
        let running = Running::start(Cli::new().args(args).within(PID_NAMESPACE).command());
        peer.until_somebody_came();
        kill(&running, signal);
        assert_eq!(running.end().code, code, "{signal:?} in the wait");
    }
}

fn kill(running: &Running, signal: Signal) {
    let first = first_process(running);
    rustix::process::kill_process(first, signal).expect("it runs");
}

#[test]
fn the_first_process_becomes_its_command() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    if !may_unshare() {
        return;
    }
    let redis = Redis::ready(&installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let args = [url.as_str(), "--", "sh", "-c", "echo $$; exit 9"];
    let found = Cli::new().args(args).within(PID_NAMESPACE).run();
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (9, "1\n"),
        "{found:#?}"
    );
}

/// Runs a wait in file systems that a script has changed for it alone; none where that is not
/// permitted.
fn with_mounts(script: &str, args: &[&str]) -> Option<Outcome> {
    let mut probe = Command::new("unshare");
    let mount = "mount -t tmpfs none /mnt && umount /mnt";
    if !possible(
        "a namespace of mounts",
        probe.args(["--mount", "sh", "-c", mount]),
    ) {
        return None;
    }
    let script = format!("{script} && exec \"$0\" \"$@\"");
    let within = ["unshare", "--mount", "sh", "-c", &script];
    Some(Cli::new().args(args).within(within).run())
}

#[test]
fn a_wait_writes_nothing_and_needs_no_system_around_it() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let url = format!("redis://localhost:{}", redis.port);
    for script in [
        "mount -o remount,bind,ro / && ! touch /waitfor-was-here 2>/dev/null",
        "mount -t tmpfs -o ro none /tmp",
        "mount -t tmpfs none /proc",
        "mount -t tmpfs none /dev",
        "mount -t tmpfs none /sys",
        "mount -t tmpfs none /root",
    ] {
        // The program itself may lie in one of them.
        let program = waitfor_tests::cli::binary().display().to_string();
        let hides = script.split(' ').next_back().unwrap_or_default();
        if hides != "/" && hides != "2>/dev/null" && program.starts_with(hides) {
            continue;
        }
        let Some(found) = with_mounts(script, &[&url]) else {
            return;
        };
        assert_eq!(found.code, 0, "{script}: {found:#?}");
    }
}

#[test]
fn what_must_be_written_and_cannot_be_is_told() {
    let project = temp_dir("read-only");
    let script = format!(
        "mount --bind {0} {0} && mount -o remount,bind,ro {0} && cd {0}",
        project.path().display()
    );
    let store = project.path().join("store");
    let args = [
        "--store",
        &store.display().to_string(),
        "plugin",
        "add",
        "redis@1",
    ];
    let Some(found) = with_mounts(&script, &args) else {
        return;
    };
    assert_eq!(found.code, 4, "{found:#?}");
    assert!(found.stderr.contains("Read-only file system"), "{found:#?}");
    assert!(!found.stderr.contains("panicked"), "{found:#?}");
}

#[test]
fn a_user_without_a_name_waits_like_any_other() {
    let mut probe = Command::new("setpriv");
    let user = ["--reuid=54322", "--regid=54322", "--clear-groups"];
    if !possible("another user", probe.args(user).arg("true")) {
        return;
    }
    let program = reachable(waitfor_tests::cli::binary());
    let port = free_port();
    let at = |name: &str| format!("postgres://{name}127.0.0.1:{port}/app");
    // Its name is asked for where a probe would take it from the system.
    for (url, code, says) in [
        (at("ann@"), 124, "not ready"),
        (at(""), 2, "no user to log in as"),
    ] {
        let mut command = Command::new("setpriv");
        command.args(user).arg(&program);
        command.args(["-t", "100ms", &url]);
        command.env("HOME", "/nonexistent").env_remove("USER");
        let ended = Running::start(command).end();
        assert_eq!(ended.code, code, "{ended:#?}");
        assert!(ended.stderr.contains(says), "{ended:#?}");
    }
}
