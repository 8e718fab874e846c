//! Odd surroundings: streams that are closed, an environment that is empty or strange, no home, a
//! folder that is gone, a clock that is wrong or jumps.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Command, Stdio};

use waitfor_tests::cli::{Cli, Outcome, binary};
use waitfor_tests::install::{Component, Installed, require};
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::tls::Tls;

use crate::support::Running;

fn redis() -> Option<Redis> {
    require(Component::Redis).map(|installed| Redis::ready(&installed))
}

fn at(redis: &Redis) -> String {
    format!("redis://127.0.0.1:{}", redis.port)
}

/// Runs it by a script of sh in which `"$0" "$@"` is the program with its arguments.
fn by(script: &str, args: &[&str]) -> Outcome {
    Cli::new().args(args).within(["sh", "-c", script]).run()
}

#[test]
fn streams_that_are_closed() {
    let Some(redis) = redis() else { return };
    let (ready, closed) = (at(&redis), format!("redis://127.0.0.1:{}", free_port()));
    for closing in ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let script = format!("exec \"$0\" \"$@\" {closing}");
        for (args, code) in [
            (vec![ready.as_str()], 0),
            (vec![ready.as_str(), "--output", "json", "-vv"], 0),
            (vec![ready.as_str(), "--", "sh", "-c", "exit 9"], 9),
            (vec!["-t", "100ms", closed.as_str()], 124),
            (
                vec!["--output", "json", "-t", "100ms", closed.as_str()],
                124,
            ),
            (vec!["--help"], 0),
            (vec!["plugin", "list"], 0),
            (vec!["--no-such-option"], 2),
        ] {
            let found = by(&script, &args);
            assert_eq!(found.code, code, "{args:?} {closing}: {found:#?}");
        }
    }
}

/// A file that the program opens never gets the number of a closed stream, so nothing is written
/// into it by accident.
#[test]
fn a_report_never_goes_into_a_file_of_ours() {
    let project = temp_dir("closed");
    let store = project.path().join("store");
    let store = store.display().to_string();
    let script = format!(
        "cd {} && exec \"$0\" \"$@\" >&- 2>&-",
        project.path().display()
    );
    let found = by(&script, &["--store", &store, "plugin", "add", "redis@1"]);
    assert_eq!(found.code, 0, "{found:#?}");
    for file in ["waitfor.toml", "waitfor.lock"] {
        let text = fs::read_to_string(project.path().join(file)).expect("a file");
        assert!(!text.contains("added"), "{file}: {text}");
    }
    let found = Cli::new().args(["--store", &store, "plugin", "verify"]);
    let found = found.current_dir(project.path()).run();
    assert_eq!(found.code, 0, "{found:#?}");
}

/// A command with this environment alone.
fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).env_clear();
    command
}

#[test]
fn an_environment_that_is_empty_or_strange() {
    let Some(redis) = redis() else { return };
    let ready = at(&redis);
    let odd = OsString::from_vec(b"\xff\xfe".to_vec());
    let folder = temp_dir("home");
    let unreadable = folder.path().join("unreadable");
    fs::create_dir(&unreadable).expect("a folder");
    fs::set_permissions(
        &unreadable,
        std::os::unix::fs::PermissionsExt::from_mode(0o000),
    )
    .expect("ours");
    let settings: [(&str, OsString); 9] = [
        ("HOME", "".into()),
        ("HOME", "relative".into()),
        ("HOME", "/nonexistent".into()),
        ("HOME", unreadable.into()),
        ("HOME", odd.clone()),
        ("PATH", odd.clone()),
        ("LANG", odd.clone()),
        ("SOMETHING", odd.clone()),
        ("TERM", odd),
    ];
    let run = |command: Command| Running::start(command).end();
    let ended = run(bare(&[&ready]));
    assert_eq!(ended.code, 0, "{ended:#?}");
    for (name, value) in settings {
        for args in [vec![ready.as_str()], vec!["plugin", "list"], vec!["--help"]] {
            let mut command = bare(&args);
            command.env(name, &value);
            let ended = run(command);
            assert_eq!(ended.code, 0, "{name}={value:?} {args:?}: {ended:#?}");
        }
    }
    // The command is looked for where the system looks when nobody says where.
    let ended = run(bare(&[&ready, "--", "true"]));
    assert_eq!(ended.code, 0, "{ended:#?}");
    let mut command = bare(&[&ready, "--", "no-such-command"]);
    command.env("PATH", "");
    assert_eq!(run(command).code, 127);
}

/// What is for us and no text is refused, with its name and without its value.
#[test]
fn a_setting_that_is_no_text() {
    for name in ["WAITFOR_TIMEOUT", "WAITFOR_STORE", "WAITFOR_OUTPUT"] {
        let mut command = bare(&["-t", "100ms", "redis://127.0.0.1:1"]);
        command.env(name, OsString::from_vec(b"\xff\xfe".to_vec()));
        let ended = Running::start(command).end();
        assert!([2, 124].contains(&ended.code), "{name}: {ended:#?}");
        assert!(
            !ended.killed && !ended.stderr.contains("panicked"),
            "{name}: {ended:#?}"
        );
    }
}

#[test]
fn a_folder_that_is_gone() {
    let Some(redis) = redis() else { return };
    let folder = temp_dir("gone");
    let gone = folder.path().join("gone").display().to_string();
    let script = format!("mkdir {gone} && cd {gone} && rmdir {gone} && exec \"$0\" \"$@\"");
    let found = by(&script, &[&at(&redis), "--", "true"]);
    assert_eq!(found.code, 0, "{found:#?}");
    let found = by(&script, &["plugin", "add", "redis@1"]);
    assert!([2, 4].contains(&found.code), "{found:#?}");
    assert!(found.stderr.starts_with("error: "), "{found:#?}");
}

/// `waitfor` with the clock of another day; how time passes stays as it is.
fn on(faketime: &Installed, day: &str, args: &[&str]) -> Outcome {
    let program = faketime.program("faketime").display().to_string();
    Cli::new()
        .args(args)
        .within([program.as_str(), "--exclude-monotonic", day])
        .run()
}

const DAYS: [(&str, &str); 2] = [
    ("1970-01-02 00:00:00", "is not valid before"),
    ("2100-01-01 00:00:00", "expired on"),
];

#[test]
fn a_wrong_clock_is_named_where_a_certificate_is_refused_for_it() {
    let (Some(faketime), Some(installed)) =
        (require(Component::Faketime), require(Component::Redis))
    else {
        return;
    };
    let tls = Tls::new();
    let redis = Redis::with_tls(&installed, &tls, false);
    let url = format!("rediss://localhost:{}", redis.port);
    let ca = tls.ca.display().to_string();
    let args = [
        "--tls-ca",
        ca.as_str(),
        "--grace",
        "0s",
        "-t",
        "20s",
        url.as_str(),
    ];
    let found = Cli::new().args(args).run();
    assert_eq!(found.code, 0, "{found:#?}");
    for (day, what) in [DAYS[0], ("5000-01-01 00:00:00", "expired on")] {
        let found = on(&faketime, day, &args);
        assert_eq!(found.code, 3, "{day}: {found:#?}");
        assert!(found.stderr.contains(what), "{day}: {found:#?}");
        let hint = "is this machine's clock right? it says ";
        assert!(found.stderr.contains(hint), "{day}: {found:#?}");
    }
}

#[test]
fn a_wrong_clock_changes_nothing_else() {
    let (Some(faketime), Some(redis)) = (require(Component::Faketime), redis()) else {
        return;
    };
    let closed = format!("redis://127.0.0.1:{}", free_port());
    let project = temp_dir("clock");
    let store = project.path().join("store").display().to_string();
    for (day, _) in DAYS {
        let found = on(&faketime, day, &[&at(&redis), "--stable-for", "300ms"]);
        assert_eq!(found.code, 0, "{day}: {found:#?}");
        let found = on(&faketime, day, &["-t", "300ms", &closed]);
        assert_eq!(found.code, 124, "{day}: {found:#?}");
        for line in [
            "plugin add redis@1",
            "plugin add tcp",
            "plugin verify",
            "plugin gc",
        ] {
            let args: Vec<&str> = ["--store", &store]
                .into_iter()
                .chain(line.split(' '))
                .collect();
            let program = faketime.program("faketime").display().to_string();
            let found = Cli::new()
                .args(args)
                .within([program.as_str(), "--exclude-monotonic", day])
                .current_dir(project.path())
                .run();
            assert_eq!(found.code, 0, "{day}: {line}: {found:#?}");
        }
    }
}

/// The clock of a wait is not that of the wall: libfaketime reads the day from a file at each
/// look, so that it jumps while the wait goes on.
#[test]
fn a_clock_that_jumps_neither_ends_nor_prolongs_a_wait() {
    let Some(faketime) = require(Component::Faketime) else {
        return;
    };
    let folder = temp_dir("jump");
    let day = folder.path().join("day");
    fs::write(&day, "@2030-01-01 00:00:00\n").expect("a file");
    let closed = format!("redis://127.0.0.1:{}", free_port());
    let mut command = Cli::new()
        .args(["-t", "1500ms", "--output", "json", "-v", &closed])
        .within([
            faketime.program("faketime").display().to_string().as_str(),
            "--exclude-monotonic",
            "-f",
            "+0",
        ])
        .command();
    command
        .env("FAKETIME_TIMESTAMP_FILE", &day)
        .env("FAKETIME_NO_CACHE", "1")
        .stdin(Stdio::null());
    let mut running = Running::start(command);
    for text in ["@1975-01-01 00:00:00\n", "@2090-01-01 00:00:00\n"] {
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!running.has_ended(), "the jump ended it");
        replace(&day, text);
    }
    let ended = running.end();
    assert_eq!(ended.code, 124, "{ended:#?}");
    let last = ended.stdout.lines().last().unwrap_or_default();
    let result: serde_json::Value = serde_json::from_str(last).expect("JSON");
    let elapsed = result["elapsed_ms"].as_u64().expect("a number");
    // What it says is what passed, and no part of the decades.
    assert!((1500..60_000).contains(&elapsed), "{last}");
}

fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a file");
    fs::rename(new, path).expect("ours");
}
