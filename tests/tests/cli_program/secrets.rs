//! A password never shows: not in reports, not in errors, not in what other processes can see.

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;

use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::redis::Redis;

use crate::support::{Running, contains, serve};

/// A password with everything that is special somewhere.
const CANARY: &str = "p@ss:w/rd?#&\"'\\ %41 ü";

/// As a URL must hold it.
const ENCODED: &str = "p%40ss%3Aw%2Frd%3F%23%26%22%27%5C%20%2541%20%C3%BC";

/// Parts of the password in each form in which a text may hold it; none is a part of other texts.
const PARTS: [&str; 16] = [
    "p@ss",
    "ss:w",
    "w/rd",
    "rd?#",
    "&\"'",
    "%41 ",
    "' \\",
    " ü",
    "p%40ss",
    "w%2frd",
    "%2541",
    "%3f%23",
    "\\\"'\\\\",
    "\\u00fc",
    "\\xc3",
    "%5c%20",
];

/// The part of the password that a text shows.
fn shown_in(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    PARTS.into_iter().find(|part| lower.contains(part))
}

#[track_caller]
fn is_free_of_it(what: &str, text: &str) {
    let shown = shown_in(text);
    assert_eq!(shown, None, "{what} shows it:\n{text}");
}

#[test]
fn the_tests_would_find_it() {
    for text in [
        CANARY.to_owned(),
        ENCODED.to_owned(),
        ENCODED.to_lowercase(),
        serde_json::Value::from(CANARY).to_string(),
        format!("{CANARY:?}"),
        CANARY.escape_default().to_string(),
        CANARY.chars().take(8).collect(),
        CANARY.chars().skip(8).collect(),
    ] {
        assert!(shown_in(&text).is_some(), "{text}");
    }
    assert_eq!(shown_in("redis://(secret)@127.0.0.1:6379?role=any#"), None);
}

#[track_caller]
fn shows_nothing(what: &str, found: &Outcome) {
    is_free_of_it(what, &found.stdout);
    is_free_of_it(what, &found.stderr);
}

fn with_password(installed: &waitfor_tests::install::Installed, password: &str) -> Redis {
    let bytes: String = password
        .bytes()
        .map(|byte| format!("\\x{byte:02x}"))
        .collect();
    Redis::build(installed)
        .line(&format!("requirepass \"{bytes}\""))
        .start()
}

/// The ways to give the password for a port, with a word for each.
fn ways(port: u16, file: &str) -> Vec<(&'static str, Cli)> {
    let plain = format!("redis://127.0.0.1:{port}");
    let with = |url: &str| Cli::new().args([url]);
    let whole = format!("redis://:{ENCODED}@127.0.0.1:{port}");
    vec![
        ("a URL", with(&whole)),
        (
            "a URL with small digits",
            with(&whole.replace("%C3%BC", "%c3%bc")),
        ),
        ("a query", with(&format!("{plain}?password={ENCODED}"))),
        ("a URL in --url", Cli::new().args(["--url", &whole])),
        (
            "REDIS_URL",
            Cli::new().args(["redis"]).env("REDIS_URL", &whole),
        ),
        ("WAITFOR_URL", Cli::new().env("WAITFOR_URL", &whole)),
        ("REDIS_PASSWORD", with(&plain).env("REDIS_PASSWORD", CANARY)),
        ("REDISCLI_AUTH", with(&plain).env("REDISCLI_AUTH", CANARY)),
        (
            "WAITFOR_REDIS_PASSWORD",
            with(&plain).env("WAITFOR_REDIS_PASSWORD", CANARY),
        ),
        ("--password", with(&plain).args(["--password", CANARY])),
        (
            "--password-file",
            with(&plain).args(["--password-file", file]),
        ),
    ]
}

const OUTPUTS: [&[&str]; 3] = [&[], &["-vv"], &["-vv", "--output", "json"]];

#[test]
fn success_and_failure_show_nothing() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let right = with_password(&installed, CANARY);
    let wrong = with_password(&installed, "of another server");
    let loading = Redis::loading(&installed, &["requirepass another"]);
    let closed = free_port();
    let dir = temp_dir("secret");
    let file = dir.path().join("password");
    std::fs::write(&file, format!("{CANARY}\n")).expect("a file");
    let file = file.display().to_string();
    for (port, code, state) in [
        (right.port, 0, "ready"),
        (wrong.port, 3, "wrong-password"),
        (loading.port, 3, "wrong-password"),
        (closed, 124, "refused"),
    ] {
        for (number, (way, cli)) in ways(port, &file).into_iter().enumerate() {
            // Each way with one of the outputs; the first with all of them.
            for (at, output) in OUTPUTS.iter().enumerate() {
                if number != 0 && at != number % OUTPUTS.len() {
                    continue;
                }
                let what = format!("{way} {output:?}, {state}");
                let limits = ["--grace", "0s", "--timeout"];
                let timeout = if code == 124 { "100ms" } else { "20s" };
                let found = cli.clone().args(limits).args([timeout]).args(*output).run();
                assert_eq!(found.code, code, "{what}: {found:#?}");
                contains(&format!("{}{}", found.stdout, found.stderr), state);
                shows_nothing(&what, &found);
            }
        }
    }
}

/// A server that repeats the password in its answer to the login, or to what follows it.
fn tell_tale(at_login: bool) -> u16 {
    serve(IpAddr::from([127, 0, 0, 1]), 0, move |stream| {
        let mut answers = stream.try_clone()?;
        let tale = format!("-ERR did you say '{CANARY}', or {ENCODED}?\r\n");
        for line in BufReader::new(stream).lines() {
            let answer = match line?.as_str() {
                CANARY if !at_login => "+OK\r\n",
                CANARY | "PING" | "INFO" => &tale,
                _ => continue,
            };
            answers.write_all(answer.as_bytes())?;
        }
        Ok(())
    })
}

#[test]
fn a_server_that_repeats_it_is_not_repeated() {
    for at_login in [true, false] {
        let port = tell_tale(at_login);
        for output in OUTPUTS {
            let found = Cli::new()
                .args([&format!("redis://:{ENCODED}@127.0.0.1:{port}")])
                .args(["--grace", "0s", "--timeout", "500ms"])
                .args(output)
                .run();
            assert_eq!(found.code, 124, "{found:#?}");
            contains(&format!("{}{}", found.stdout, found.stderr), "server-error");
            shows_nothing(&format!("{output:?} {at_login}"), &found);
            // Where the probe passes such a text on, the host blanks it.
            if !at_login {
                contains(
                    &format!("{}{}", found.stdout, found.stderr),
                    "did you say '(secret)', or (secret)?",
                );
            }
        }
    }
}

#[test]
fn mistakes_show_nothing() {
    let file = "/no/such/file";
    for args in [
        // Not encoded, as people write it first.
        &["redis://:p@ss:w/rd?#&\"'\\ %41 ü@127.0.0.1:1"] as &[&str],
        &["redis://:p@ss:w/rd@127.0.0.1:1"],
        &["redis://app:p@ss:w@127.0.0.1:1", "--nosuch"],
        &["redis://:p%40ss%3Aw%2Frd@127.0.0.1:99999"],
        &["redis://:p%40ss%3Aw%2Frd@127.0.0.1:1/a/b/c?nosuch=1"],
        &["rediss://:p%40ss%3Aw@h", "--tls-ca", file],
        &["nosuch://:p%40ss%3Aw%2Frd@127.0.0.1:1"],
        &["redis", "--pasword", CANARY],
        &["redis", "--pasword=p@ss:w/rd?#"],
        &[
            "redis",
            "--host",
            "127.0.0.1",
            "--password",
            CANARY,
            "--nosuch",
        ],
        &["redis", "--host", ":p@ss:w@127.0.0.1"],
        &["redis", "--port", "1", "--host", "redis://:p@ss:w@h"],
        &["postgres", "--url", "host=h password='p@ss:w/rd' nosuch=1"],
        &["host=h password=p@ss:w/rd"],
        &["redis://127.0.0.1:1?pasword=p%40ss%3Aw%2Frd"],
        &["app:p@ss:w@127.0.0.1:1"],
    ] {
        for more in [&[] as &[&str], &["--output", "json", "-vv"]] {
            let found = Cli::new()
                .args(args)
                .args(more)
                .env("WAITFOR_TIMEOUT", "200ms")
                .env("WAITFOR_GRACE", "0s")
                .run();
            assert_ne!(found.code, 0, "{args:?}: {found:#?}");
            assert!(!found.stderr.is_empty() || !found.stdout.is_empty());
            shows_nothing(&format!("{args:?}"), &found);
        }
    }
    let cli = Cli::new().args(["redis"]);
    let found = cli.env("REDIS_URL", format!("http://:{ENCODED}@h")).run();
    assert_eq!(found.code, 2, "{found:#?}");
    shows_nothing("REDIS_URL", &found);
}

/// What every process on this machine shows of itself to the others.
fn command_lines(of: impl Fn(u32, u32) -> bool) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").expect("the processes");
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            // One that has ended meanwhile shows nothing.
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            of(pid, parent.parse().ok()?)
                .then(|| (pid, String::from_utf8_lossy(&line).replace('\0', " ")))
        })
        .collect()
}

#[test]
fn other_processes_see_nothing() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let dir = temp_dir("secret");
    let file = dir.path().join("password");
    std::fs::write(&file, CANARY).expect("a file");
    let file = file.display().to_string();
    let closed = format!("redis://127.0.0.1:{}", free_port());
    for cli in [
        Cli::new().args(["--password-file", &file]),
        Cli::new().env("REDIS_PASSWORD", CANARY),
    ] {
        let running = Running::start(&cli.args(["-t", "60s", &closed]));
        running.until_it_says("not ready (refused)");
        let own = running.pid();
        let lines = command_lines(|pid, parent| pid == own || parent == own);
        assert_eq!(lines.len(), 1, "it has no children: {lines:?}");
        is_free_of_it("its command line", &lines[0].1);
    }
    let redis = with_password(&installed, CANARY);
    let url = format!("redis://:{ENCODED}@127.0.0.1:{}", redis.port);
    let script = "tr '\\0' ' ' </proc/self/cmdline; tr '\\0' ' ' </proc/$$/cmdline";
    let found = Cli::new().args([&url, "--", "sh", "-c", script]).run();
    assert_eq!(found.code, 0, "{found:#?}");
    contains(&found.stdout, "sh -c ");
    shows_nothing("the command", &found);
}
