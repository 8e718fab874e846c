//! The command after `--`: it takes the place of the process, and gets exactly what was typed.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};

use waitfor_tests::cli::Cli;

use crate::support::{Running, contains, expect, ready, redis_at};

#[test]
fn arguments_arrive_byte_for_byte() {
    let Some(redis) = ready() else { return };
    let words: Vec<OsString> = [
        b"$HOME" as &[u8],
        b"a b",
        b"\"double\" and 'single'",
        b"two\nlines",
        b"*",
        b"--timeout",
        b"-h",
        b"--",
        b"\\",
        b"",
        b"not UTF-8: \xff\xfe",
        b"redis://user:password@host",
    ]
    .map(|bytes| OsString::from_vec(bytes.to_vec()))
    .into();
    let output = Cli::new()
        .args([&redis_at(redis.port), "--", "printf", "%s\\0"])
        .args(&words)
        .command()
        .stdin(Stdio::null())
        .output()
        .expect("waitfor runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut wanted: Vec<u8> = Vec::new();
    for word in &words {
        wanted.extend(word.as_bytes());
        wanted.push(0);
    }
    assert_eq!(output.stdout, wanted, "{output:?}");
}

#[test]
fn a_program_may_have_any_name() {
    let Some(redis) = ready() else { return };
    let dir = waitfor_tests::process::temp_dir("odd");
    let program = dir.path().join(OsStr::from_bytes(b"odd \xff name"));
    std::os::unix::fs::symlink("/bin/echo", &program).expect("a link");
    let found = Cli::new()
        .args([&redis_at(redis.port), "--"])
        .args([&program])
        .args(["ran"])
        .run();
    assert_eq!((found.code, found.stdout.as_str()), (0, "ran\n"));
}

#[test]
fn it_replaces_the_process() {
    let Some(redis) = ready() else { return };
    let running = Running::start(&Cli::new().args([
        &redis_at(redis.port),
        "--",
        "sh",
        "-c",
        "echo $$ $PPID",
    ]));
    let pid = running.pid();
    let (code, stdout, _) = running.end();
    assert_eq!(code, Some(0));
    assert_eq!(stdout, format!("{pid} {}\n", std::process::id()));
}

#[test]
fn it_reads_the_standard_input() {
    let Some(redis) = ready() else { return };
    let mut child = Cli::new()
        .args([&redis_at(redis.port), "--", "cat"])
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("waitfor runs");
    // There before the command is: nothing of it may be eaten while waiting.
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"first\nsecond\n").expect("room in a pipe");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.stdout, b"first\nsecond\n");
}

#[test]
fn it_gets_the_environment_and_the_folder() {
    let Some(redis) = ready() else { return };
    let dir = waitfor_tests::process::temp_dir("folder");
    let found = Cli::new()
        .env("MARK", "of the caller")
        .env("WAITFOR_TIMEOUT", "9s")
        .current_dir(dir.path())
        .args([&redis_at(redis.port), "--", "sh", "-c"])
        .args(["echo \"$MARK\" $WAITFOR_TIMEOUT; pwd -P"])
        .run();
    let folder = dir.path().canonicalize().expect("a folder");
    let wanted = format!("of the caller 9s\n{}\n", folder.display());
    assert_eq!(found.stdout, wanted, "{found:#?}");
}

#[test]
fn it_gets_the_usual_signals_and_no_further_files() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    let found = expect(0, &[&url, "--", "cat", "/proc/self/status"]);
    for set in ["SigBlk:", "SigIgn:", "SigCgt:"] {
        let line = found.stdout.lines().find(|line| line.starts_with(set));
        let digits = line.and_then(|line| line.split_whitespace().nth(1));
        let mask = u64::from_str_radix(digits.unwrap_or(""), 16).expect("hexadecimal digits");
        // Those from 32 on belong to the C library, and whoever started this test may ignore them.
        assert_eq!(mask & 0x7fff_ffff, 0, "{set} {mask:x}");
    }
    // Whatever the caller left open is the caller's affair.
    let plain = Command::new("ls").arg("/proc/self/fd").output();
    let plain = String::from_utf8_lossy(&plain.expect("ls runs").stdout).into_owned();
    let found = expect(0, &[&url, "--", "ls", "/proc/self/fd"]);
    assert_eq!(found.stdout, plain, "{found:#?}");
}

#[test]
fn json_comes_before_what_the_command_prints() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    let found = expect(0, &["--output", "json", &url, "--", "echo", "mine"]);
    let before = found.stdout.strip_suffix("mine\n");
    let before = before.unwrap_or_else(|| panic!("{found:#?}"));
    contains(before.lines().last().unwrap_or(""), "\"event\":\"result\"");
    assert_eq!(found.stderr, "");
}
