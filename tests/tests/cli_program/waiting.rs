//! How to wait: several targets, `--any`, `--not`, steadiness, grace, and every limit of time.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use waitfor_tests::cli::Cli;
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::free_port;
use waitfor_tests::servers::redis::Redis;

use crate::support::{
    Running, contains, expect, json_lines, millis, proxy, ready, redis_at, result, silent_peer,
};

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// The attempts in the lines of `-v --output json`.
fn attempts(stdout: &str) -> Vec<Value> {
    let mut lines = json_lines(stdout);
    lines.retain(|line| line["event"] == "attempt");
    lines
}

#[test]
fn all_targets_must_be_ready() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    let tcp = format!("127.0.0.1:{}", redis.port);
    let found = expect(0, &[&good, &tcp]);
    contains(&found.stderr, &format!("ready: {good} after "));
    contains(&found.stderr, &format!("ready: {tcp} after "));
    let found = expect(124, &["-t", "300ms", &good, &closed]);
    contains(&found.stderr, &format!("ready: {good} after "));
    contains(&found.stderr, &format!("error: {closed}: not ready"));
    assert!(!found.stderr.contains(&format!("error: {good}")));
}

#[test]
fn a_hopeless_target_ends_the_wait_for_all() {
    let Some(redis) = ready() else { return };
    let closed = redis_at(free_port());
    let hopeless = format!("{}/99", redis_at(redis.port));
    let found = expect(3, &["--grace", "0s", "-t", "60s", &closed, &hopeless]);
    contains(&found.stderr, "(unknown-database)");
}

#[test]
fn any_ready_target_is_enough() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    let hopeless = format!("{good}/99");
    let found = expect(0, &["--any", &closed, &good, "--", "echo", "ran"]);
    assert_eq!(found.stdout, "ran\n");
    // What is hopeless stays so, and another target can still be the one.
    expect(0, &["--any", "--grace", "0s", &hopeless, &good]);
    let other = redis_at(free_port());
    expect(124, &["--any", "-t", "300ms", &closed, &other]);
    expect(3, &["--any", "-t", "60s", "--grace", "0s", &hopeless]);
}

#[test]
fn not_waits_until_a_server_goes() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let mut redis = Redis::ready(&installed);
    let url = redis_at(redis.port);
    let still = expect(124, &["--not", "-t", "300ms", &url]);
    contains(&still.stderr, &format!("error: {url}: still ready after "));
    let running = Running::start(&Cli::new().args(["--not", "-t", "60s", &url]));
    running.until_it_says(&format!("{url}: ready after "));
    redis.stop();
    let (code, _, stderr) = running.end();
    assert_eq!(code, Some(0), "{stderr}");
    contains(&stderr, &format!("not ready, as wished: {url} after "));
    expect(0, &["--not", "-t", "5s", &url]);
}

#[test]
fn not_is_never_met_by_an_error_of_ours() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    let missing_ca = ["--not", "--tls-ca", "/no/such/ca.pem", &closed];
    let found = expect(2, &missing_ca);
    contains(&found.stderr, "/no/such/ca.pem");
    let unknown = ["--not", "-t", "500ms", "redis://no-such-name.invalid"];
    let found = expect(124, &unknown);
    contains(&found.stderr, "(name-unknown)");
    let wrong_database = format!("{good}/99");
    expect(3, &["--not", "--grace", "0s", "-t", "5s", &wrong_database]);
    expect(4, &["--not", "--plugin", "redis@9", &closed]);
    expect(2, &["--not", "--nosuch", &closed]);
    expect(2, &["--not"]);
    // A peer that never says that it is a Redis has not gone away, and is not ready either.
    let typo = format!("redsi://127.0.0.1:{}", redis.port);
    expect(2, &["--not", &typo]);
    let dir = waitfor_tests::process::temp_dir("ca");
    let junk = dir.path().join("junk.pem");
    std::fs::write(&junk, "no certificate at all\n").expect("a file");
    let junk = junk.display().to_string();
    let tls = format!("rediss://127.0.0.1:{}", redis.port);
    let found = expect(2, &["--not", "-t", "2s", "--tls-ca", &junk, &tls]);
    contains(&found.stderr, &junk);
}

#[test]
fn successes_are_counted_in_a_row() {
    let Some(redis) = ready() else { return };
    let good = redis_at(redis.port);
    let found = expect(
        0,
        &[
            "--successes",
            "4",
            "-i",
            "100ms",
            "-v",
            "--output",
            "json",
            &good,
        ],
    );
    let attempts = attempts(&found.stdout);
    assert_eq!(attempts.len(), 4, "{}", found.stdout);
    let done: Vec<bool> = attempts.iter().map(|line| line["done"] == true).collect();
    assert_eq!(done, [false, false, false, true]);
    assert_eq!(result(&found.stdout)["targets"][0]["attempts"], 4);
    let found = expect(124, &["--successes", "100000", "-t", "400ms", &good]);
    contains(&found.stderr, "not steadily ready");
    contains(&found.stderr, "good answers in a row of 100000");
}

/// Wants the target done only when the incarnation seen last had been good for so long.
#[track_caller]
fn steady_since_the_restart(stdout: &str, window: u64) {
    let attempts = attempts(stdout);
    let named: Vec<(&str, u64)> = attempts
        .iter()
        .filter_map(|line| {
            let incarnation = line["facts"]["incarnation"].as_str()?;
            Some((incarnation, millis(&line["at_ms"])))
        })
        .collect();
    let (last, _) = named.last().expect("a good answer");
    assert_ne!(named[0].0, *last, "the restart was not seen: {stdout}");
    let first_of_last = named
        .iter()
        .find(|(incarnation, _)| incarnation == last)
        .expect("it is there")
        .1;
    let done = millis(&result(stdout)["targets"][0]["done_ms"]);
    // Both are cut to whole milliseconds.
    assert!(
        done + 1 >= first_of_last + window,
        "done at {done} ms, {first_of_last} ms was the restart"
    );
}

#[test]
fn a_restart_begins_a_stable_window_anew() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::build(&installed)
        .line("enable-debug-command yes")
        .start();
    let args = ["--stable-for", "2s", "-v", "--output", "json"];
    let mut running = Running::start(&Cli::new().args(args).args([redis_at(redis.port)]));
    let mut stdout = running.until_it_prints("\"attempt\":3,");
    // The same process and port, with a new life. There is no answer to this command.
    redis.cli(&["DEBUG", "RESTART"]);
    let (code, rest, _) = running.end();
    stdout.push_str(&rest);
    assert_eq!(code, Some(0), "{stdout}");
    steady_since_the_restart(&stdout, 2000);
}

#[test]
fn another_server_behind_the_same_address_is_another_incarnation() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let (one, two) = (Redis::ready(&installed), Redis::ready(&installed));
    let to = Arc::new(AtomicU16::new(one.port));
    let port = proxy(LOOPBACK, 0, Arc::clone(&to));
    for steadiness in [["--stable-for", "1s"], ["--successes", "12"]] {
        to.store(one.port, Ordering::SeqCst);
        let cli = Cli::new().args(steadiness).args(["-v", "--output", "json"]);
        let mut running = Running::start(&cli.args([redis_at(port)]));
        let mut stdout = running.until_it_prints("\"attempt\":3,");
        to.store(two.port, Ordering::SeqCst);
        let (code, rest, _) = running.end();
        stdout.push_str(&rest);
        assert_eq!(code, Some(0), "{stdout}");
        let all = attempts(&stdout);
        assert!(
            all.iter().all(|line| line["verdict"] == "ready"),
            "{stdout}"
        );
        if steadiness[0] == "--stable-for" {
            steady_since_the_restart(&stdout, 1000);
        } else {
            let last = all.last().expect("attempts")["facts"]["incarnation"].clone();
            assert_ne!(all[0]["facts"]["incarnation"], last, "{stdout}");
            let of_last = all
                .iter()
                .filter(|line| line["facts"]["incarnation"] == last);
            assert_eq!(of_last.count(), 12, "{stdout}");
        }
    }
}

#[test]
fn grace_lets_a_misconfigured_answer_pass() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::build(&installed)
        .line("user app on >pw-of-app ~* &* +@all")
        .line("user later off")
        .start();
    let url = format!("redis://later:pw-of-later@127.0.0.1:{}", redis.port);
    let running = Running::start(&Cli::new().args(["--grace", "50s", "-t", "60s", &url]));
    running.until_it_says("misconfigured (");
    let made = redis.cli(&[
        "ACL",
        "SETUSER",
        "later",
        "on",
        ">pw-of-later",
        "~*",
        "+@all",
    ]);
    assert_eq!(made, "OK");
    let (code, _, stderr) = running.end();
    assert_eq!(code, Some(0), "{stderr}");
    contains(&stderr, "ready: ");
    let wrong = format!("redis://nobody:pw-of-nobody@127.0.0.1:{}", redis.port);
    let args = ["--grace", "700ms", "--output", "json", "-v", &wrong];
    let found = expect(3, &args);
    let elapsed = millis(&result(&found.stdout)["elapsed_ms"]);
    assert!(elapsed >= 700, "gave up after {elapsed} ms");
    assert!(attempts(&found.stdout).len() > 1, "{}", found.stdout);
    // Not ready in time, and the reason is known: that is the better news.
    expect(3, &["--grace", "60s", "--timeout", "500ms", &wrong]);
}

#[test]
fn a_silent_server_is_given_up_attempt_by_attempt() {
    let port = silent_peer();
    for (url, words) in [
        (format!("redis://127.0.0.1:{port}"), "does not answer"),
        (format!("rediss://127.0.0.1:{port}"), "handshake"),
        (format!("postgres://a@127.0.0.1:{port}/b"), "login"),
        (format!("http://127.0.0.1:{port}/"), "answer"),
        (format!("vault+http://127.0.0.1:{port}"), "answer"),
        (format!("vertica://a@127.0.0.1:{port}/b"), "answer"),
    ] {
        let found = expect(
            124,
            &[
                "--attempt-timeout",
                "200ms",
                "-t",
                "1500ms",
                "-v",
                "--output",
                "json",
                &url,
            ],
        );
        let attempts = attempts(&found.stdout);
        assert!(attempts.len() >= 2, "{url}: {}", found.stdout);
        for attempt in &attempts {
            let took = attempt["took_ms"].as_f64().expect("a number");
            assert!(took < 1000.0, "{url}: {attempt}");
        }
        let target = &result(&found.stdout)["targets"][0];
        assert_eq!(target["code"], "timed-out", "{url}");
        let reason = target["reason"].as_str().expect("a reason");
        assert!(reason.contains(words), "{url}: {words:?} in {reason:?}");
        let bare = reason.starts_with("no answer within ") && reason.ends_with(" ms");
        assert!(!bare, "{url}: no word of what was waited for: {reason:?}");
    }
}

#[test]
fn the_timeout_holds_during_an_attempt() {
    let port = silent_peer();
    for url in [redis_at(port), format!("rediss://127.0.0.1:{port}")] {
        let args = [
            "--attempt-timeout",
            "1h",
            "-t",
            "1s",
            "--output",
            "json",
            &url,
        ];
        let found = expect(124, &args);
        let elapsed = millis(&result(&found.stdout)["elapsed_ms"]);
        assert!((900..=1500).contains(&elapsed), "{url}: {elapsed} ms");
    }
}

#[test]
fn a_server_that_comes_up_late_is_found() {
    let Some(redis) = ready() else { return };
    let to = Arc::new(AtomicU16::new(redis.port));
    let port = free_port();
    let running = Running::start(&Cli::new().args(["-t", "60s", &redis_at(port), "--", "true"]));
    running.until_it_says("not ready (refused)");
    proxy(LOOPBACK, port, to);
    let (code, _, stderr) = running.end();
    assert_eq!(code, Some(0), "{stderr}");
    contains(&stderr, &format!("ready: {} after ", redis_at(port)));
}
