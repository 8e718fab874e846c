//! The exit codes that scripts depend upon.

use std::os::unix::fs::PermissionsExt;

use waitfor_tests::cli::Cli;
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::redis::{PASSWORD, Redis};

use crate::support::{contains, expect, json_lines, millis, ready, redis_at, result, run};

#[test]
fn a_ready_redis_is_0() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    let found = expect(0, &[&url]);
    assert_eq!(found.stdout, "");
    contains(&found.stderr, &format!("ready: {url} after "));
}

#[test]
fn a_closed_port_is_124_within_its_bound() {
    let url = redis_at(free_port());
    let found = expect(124, &["--output", "json", "--timeout", "2s", &url]);
    let result = result(&found.stdout);
    assert_eq!(result["exit_code"], 124);
    let elapsed = millis(&result["elapsed_ms"]);
    assert!((2000..=2500).contains(&elapsed), "{elapsed} ms");
    assert_eq!(result["targets"][0]["verdict"], "not-ready");
    assert_eq!(result["targets"][0]["code"], "refused");
    let text = expect(124, &["--timeout", "200ms", &url]);
    contains(&text.stderr, &format!("error: {url}: not ready after "));
    contains(&text.stderr, "\nhint: ");
}

#[test]
fn a_wrong_password_is_3() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::with_password(&installed);
    let url = format!("redis://:not-the-password@127.0.0.1:{}", redis.port);
    let found = expect(3, &["--grace", "0s", &url]);
    contains(&found.stderr, "misconfigured (wrong-password)");
    contains(&found.stderr, "hint: ");

    let found = Cli::new()
        .args(["--grace", "300ms", "--output", "json", &url])
        .run();
    assert_eq!(found.code, 3, "{found:#?}");
    let result = result(&found.stdout);
    let elapsed = millis(&result["elapsed_ms"]);
    assert!(
        (300..60_000).contains(&elapsed),
        "gave up after {elapsed} ms"
    );

    let right = format!("redis://:{PASSWORD}@127.0.0.1:{}", redis.port);
    expect(0, &[&right]);
}

#[test]
fn what_cannot_be_used_is_2() {
    let found = expect(2, &[]);
    contains(&found.stderr, "error: nothing to wait for\nhint: ");
    assert_eq!(found.stdout, "");
    for (args, part) in [
        (&["--", "true"] as &[&str], "nothing to wait for"),
        (&["redis://127.0.0.1", "--"], "no command follows `--`"),
        (&["redis://127.0.0.1", "--", ""], "no command follows `--`"),
        (&[""], "is empty"),
        (&["redis://127.0.0.1", ""], "target 2 is empty"),
        (&["redis://127.0.0.1", "--timeout", "soon"], "soon"),
        (&["redis://127.0.0.1", "--successes", "0"], "--successes"),
        (&["redis://127.0.0.1", "--interval", "0"], "--interval"),
        (&["redis://127.0.0.1", "--output", "yaml"], "yaml"),
        (&["redis://127.0.0.1", "-q", "-v"], "--verbose"),
        (&["127.0.0.1:99999"], "port"),
        (&["--port", "80"], "--host"),
        (&["--host", "127.0.0.1"], "without a port"),
        (&["plugin"], "plugin list"),
        (&["plugin", "info"], "NAME"),
        (
            &["redis", "--host", "a", "--url", "redis://b"],
            "both name the target",
        ),
    ] {
        let found = expect(2, args);
        assert!(found.stderr.starts_with("error: "), "{args:?}: {found:#?}");
        contains(&found.stderr, part);
        assert_eq!(found.stdout, "", "{args:?}");
    }
}

#[test]
fn a_refused_plugin_is_4() {
    let found = expect(4, &["--plugin", "nosuch@1"]);
    contains(&found.stderr, "`nosuch`");
    contains(&found.stderr, "\nhint: ");
    let found = expect(4, &["redis@9", "--host", "127.0.0.1"]);
    contains(&found.stderr, "no version of `redis` matches 9");
    expect(4, &["redis@9"]);
    expect(4, &["--plugin", "redis@9", "redis://127.0.0.1"]);
    expect(4, &["plugin", "info", "nosuch"]);
    expect(4, &["redis@9", "--host", "127.0.0.1", "--", "true"]);
}

#[test]
fn versions_at_hand_are_taken() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    for version in ["redis@1", "redis@1.0", "redis@1.0.0"] {
        expect(0, &["--plugin", version, &url]);
    }
    let shown = expect(0, &["plugin", "info", "redis", "--output", "json"]);
    let digest = json_lines(&shown.stdout)[0]["sha256"].clone();
    let digest = digest.as_str().expect("a digest");
    let found = expect(0, &["--plugin", &format!("redis@sha256:{digest}"), &url]);
    contains(&found.stderr, "ready: ");
    let other = digest.chars().rev().collect::<String>().replace('0', "1");
    expect(4, &["--plugin", &format!("redis@sha256:{other}"), &url]);
}

#[test]
fn the_commands_own_code_is_passed_on() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    expect(7, &[&url, "--", "sh", "-c", "exit 7"]);
    expect(0, &[&url, "--", "true"]);
    // As a shell would say of a command that a signal ended.
    let killed = run(&[&url, "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.code, 128 + 9);

    let found = expect(127, &[&url, "--", "no-such-command-anywhere"]);
    contains(&found.stderr, "`no-such-command-anywhere`");
    let found = expect(127, &[&url, "--", "/no/such/folder/command"]);
    contains(&found.stderr, "/no/such/folder/command");

    let dir = temp_dir("command");
    let file = dir.path().join("not-executable");
    std::fs::write(&file, "#!/bin/sh\nexit 0\n").expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    let file = file.display().to_string();
    let found = expect(126, &[&url, "--", &file]);
    contains(&found.stderr, &file);
    let folder = dir.path().display().to_string();
    expect(126, &[&url, "--", &folder]);
}

#[test]
fn no_command_runs_after_a_failure() {
    let Some(redis) = ready() else { return };
    let good = redis_at(redis.port);
    let closed = redis_at(free_port());
    let dir = temp_dir("never");
    let mark = dir.path().join("ran").display().to_string();
    let bad_database = format!("{good}/99");
    for (code, args) in [
        (124, &["--timeout", "200ms", &closed] as &[&str]),
        (124, &["--timeout", "200ms", &good, &closed]),
        (124, &["--timeout", "200ms", "--not", &good]),
        (3, &["--grace", "0s", &bad_database]),
        (4, &["--plugin", "nosuch", &good]),
        (2, &["--nosuch", &good]),
        (2, &[]),
    ] {
        let mut args = args.to_vec();
        args.extend(["--", "touch", &mark]);
        expect(code, &args);
        assert!(!std::path::Path::new(&mark).exists(), "{args:?}");
    }
    expect(0, &[&good, "--", "touch", &mark]);
    assert!(std::path::Path::new(&mark).exists());
}
