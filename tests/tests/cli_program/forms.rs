//! The ways in which a target is named: words, options, variables, sockets, both families of IP.

use std::net::{IpAddr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU16;

use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::free_port;
use waitfor_tests::servers::redis::Redis;

use crate::support::{contains, expect, json_lines, proxy, ready, redis_at, result};

#[track_caller]
fn is_ready(found: &Outcome, label: &str) {
    assert_eq!(found.code, 0, "{found:#?}");
    contains(&found.stderr, &format!("ready: {label} after "));
}

#[test]
fn words_and_options_name_the_same_target() {
    let Some(redis) = ready() else { return };
    let (url, port) = (redis_at(redis.port), redis.port.to_string());
    let address = format!("127.0.0.1:{port}");
    for args in [
        &["redis", "--host", "127.0.0.1", "--port", &port] as &[&str],
        &["--plugin", "redis", "--host", "127.0.0.1", "--port", &port],
        &["--port", &port, "--plugin=redis", "--host=127.0.0.1"],
        &["redis", "--url", &url],
        &["--url", &url],
        &["redis", &url],
        &["redis", &address],
        &["--plugin", "redis", &address],
        &[
            "redis@1",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--database",
            "1",
        ],
    ] {
        let found = expect(0, args);
        contains(&found.stderr, "answers PING");
    }
    is_ready(&expect(0, &[&address]), &address);
    is_ready(
        &expect(0, &["--host", "127.0.0.1", "--port", &port]),
        &format!("tcp://{address}"),
    );
    let wrong = expect(3, &["--grace", "0s", "redis", &address, "--database", "99"]);
    contains(&wrong.stderr, "(unknown-database)");
    let wrong = expect(3, &["--grace", "0s", &format!("{url}?database=99")]);
    contains(&wrong.stderr, "(unknown-database)");
}

#[test]
fn variables_name_the_target() {
    let Some(redis) = ready() else { return };
    let (url, port) = (redis_at(redis.port), redis.port.to_string());
    let closed = redis_at(free_port());
    let with = |env: &[(&str, &str)], args: &[&str]| {
        env.iter()
            .fold(Cli::new().args(args), |cli, (name, value)| {
                cli.env(name, value)
            })
            .run()
    };
    for (env, args) in [
        (
            &[("REDIS_URL", url.as_str())] as &[(&str, &str)],
            &["redis"] as &[&str],
        ),
        (&[("VALKEY_URL", &url)], &["redis"]),
        (
            &[("REDIS_HOST", "127.0.0.1"), ("REDIS_PORT", &port)],
            &["redis"],
        ),
        (&[("WAITFOR_URL", &url)], &[]),
        (
            &[("WAITFOR_HOST", "127.0.0.1"), ("WAITFOR_PORT", &port)],
            &["redis"],
        ),
        (&[("WAITFOR_PLUGIN", "redis"), ("REDIS_URL", &url)], &[]),
        // The command line says more than a variable.
        (&[("REDIS_URL", &closed)], &["redis", "--url", &url]),
        (&[("REDIS_URL", &closed)], &[&url]),
        (&[("WAITFOR_URL", &closed)], &[&url]),
        // Set to nothing is not set.
        (&[("REDIS_URL", ""), ("WAITFOR_TIMEOUT", "")], &[&url]),
    ] {
        let found = with(env, args);
        assert_eq!(found.code, 0, "{env:?} {args:?}: {found:#?}");
    }
    let found = with(&[("REDIS_URL", &url)], &[]);
    assert_eq!(
        found.code, 2,
        "a variable of a probe alone is no target: {found:#?}"
    );
    let found = with(
        &[("WAITFOR_REDIS_DATABASE", "99"), ("WAITFOR_GRACE", "0s")],
        &[&url],
    );
    assert_eq!(found.code, 3, "{found:#?}");
}

#[test]
fn variables_stand_for_options() {
    let closed = redis_at(free_port());
    let cli = Cli::new()
        .env("WAITFOR_TIMEOUT", "300ms")
        .env("WAITFOR_OUTPUT", "json");
    let found = cli.clone().args([&closed]).run();
    assert_eq!(found.code, 124, "{found:#?}");
    let elapsed = crate::support::millis(&result(&found.stdout)["elapsed_ms"]);
    assert!((300..=800).contains(&elapsed), "{elapsed} ms");
    let found = cli.args(["-t", "600ms", &closed]).run();
    let elapsed = crate::support::millis(&result(&found.stdout)["elapsed_ms"]);
    assert!((600..=1100).contains(&elapsed), "{elapsed} ms");
    let found = Cli::new()
        .env("WAITFOR_TIMEOUT", "soon")
        .args([&closed])
        .run();
    assert_eq!(found.code, 2, "{found:#?}");
    contains(&found.stderr, "`WAITFOR_TIMEOUT` cannot be `soon`");
}

#[test]
fn sockets_have_paths() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::on_unix_socket(&installed);
    let path = redis.socket().display().to_string();
    let url = format!("redis+unix://{path}");
    is_ready(&expect(0, &[&url]), &url);
    for args in [
        &["redis", "--unix", &path] as &[&str],
        &["--plugin", "redis", "--unix", &path],
        &["--unix", &path],
        &[&format!("unix://{path}")],
        &[&format!("{url}?database=1")],
    ] {
        expect(0, args);
    }
    let missing = format!("{url}.nosuch");
    let found = expect(124, &["-t", "200ms", &missing]);
    contains(&found.stderr, "(no-socket)");
}

/// Whether this machine has IPv6; says so where it has not.
fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        eprintln!("skipped: this machine has no IPv6");
    }
    has
}

#[test]
fn ipv6_addresses_stand_in_brackets() {
    let Some(redis) = ready() else { return };
    if !has_ipv6() {
        return;
    }
    let to = Arc::new(AtomicU16::new(redis.port));
    let port = proxy(IpAddr::V6(Ipv6Addr::LOCALHOST), 0, to);
    let url = format!("redis://[::1]:{port}");
    is_ready(&expect(0, &[&url]), &url);
    let text = port.to_string();
    expect(0, &["redis", "--host", "::1", "--port", &text]);
    expect(0, &["redis", "--host", "[::1]", "--port", &text]);
    expect(0, &[&format!("[::1]:{port}")]);
    let found = expect(2, &[&format!("::1:{port}")]);
    contains(&found.stderr, "brackets");
}

#[test]
fn localhost_is_either_family() {
    let Some(redis) = ready() else { return };
    // The server listens on 127.0.0.1 only.
    let url = format!("redis://localhost:{}", redis.port);
    is_ready(&expect(0, &["-t", "5s", &url]), &url);
    if !has_ipv6() {
        return;
    }
    // Nothing listens on this port of 127.0.0.1.
    let port = free_port();
    let to = Arc::new(AtomicU16::new(redis.port));
    proxy(IpAddr::V6(Ipv6Addr::LOCALHOST), port, to);
    let url = format!("redis://localhost:{port}");
    if std::fs::read_to_string("/etc/hosts")
        .unwrap_or_default()
        .lines()
        .any(|line| line.starts_with("::1") && line.split_whitespace().any(|w| w == "localhost"))
    {
        is_ready(&expect(0, &["-t", "5s", &url]), &url);
    } else {
        eprintln!("skipped: localhost has no IPv6 address here");
    }
}

#[test]
fn mistakes_are_answered_with_a_suggestion() {
    for (args, error, hint) in [
        (
            &["foo://db"] as &[&str],
            "no probe answers to the scheme `foo`",
            "known schemes: ",
        ),
        (&["postgre://db"], "`postgre`", "did you mean `postgres`"),
        (
            &["redis", "--databse", "1"],
            "there is no option `--databse`",
            "did you mean `--database`?",
        ),
        (
            &["redis://h", "--timeot", "3"],
            "there is no option `--timeot`",
            "did you mean `--timeout`?",
        ),
        (&["redsi"], "`redsi`", "did you mean `redis`?"),
        (&["cache"], "`cache`", "cache:80"),
        (&["redis://h", "redis"], "names a probe", "put it first"),
        (&["redis://h?databse=1"], "databse", "database"),
        (
            &["redis://h", "--sslmode", "require"],
            "--sslmode",
            "postgres",
        ),
        (&["redis://h", "--role", "mastr"], "role", "master"),
        (
            &["/var/run/redis.sock"],
            "neither a URL nor HOST:PORT",
            "unix:///PATH",
        ),
    ] {
        let found = expect(2, args);
        assert_eq!(found.stdout, "", "{args:?}");
        let shown = found.stderr.to_lowercase();
        let line = shown.lines().next().unwrap_or("");
        assert!(line.starts_with("error: "), "{args:?}: {found:#?}");
        contains(line, &error.to_lowercase());
        contains(&shown, &hint.to_lowercase());
    }
}

#[test]
fn plugins_are_listed_and_shown() {
    let listed = expect(0, &["plugin", "list", "--output", "json"]);
    let listed = &json_lines(&listed.stdout)[0];
    let plugins = listed["plugins"].as_array().expect("plugins");
    let names: Vec<&str> = plugins
        .iter()
        .filter_map(|plugin| plugin["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["http", "postgres", "redis", "tcp", "vault", "vertica"]
    );
    let table = expect(0, &["plugin", "list"]);
    assert_eq!(table.stdout.lines().count(), 1 + names.len());
    for plugin in plugins {
        let name = plugin["name"].as_str().expect("a name");
        let shown = expect(0, &["plugin", "info", name, "--output", "json"]);
        let info = &json_lines(&shown.stdout)[0];
        for field in ["name", "version", "sha256", "size", "abi", "summary"] {
            assert_eq!(info[field], plugin[field], "{name}: {field}");
        }
        let digest = info["sha256"].as_str().expect("a digest");
        assert_eq!(digest.len(), 64);
        contains(&table.stdout, &digest[..12]);
        let schemes = info["schemes"].as_array().expect("schemes").iter();
        let schemes: Vec<_> = schemes.map(|scheme| scheme["name"].clone()).collect();
        assert_eq!(
            plugin["schemes"],
            serde_json::Value::from(schemes),
            "{name}"
        );
        let text = expect(0, &["plugin", "info", name]);
        let help = expect(0, &[name, "--help"]);
        assert_eq!(help.stdout, expect(0, &["--plugin", name, "--help"]).stdout);
        contains(&text.stdout, digest);
        for param in info["params"].as_array().expect("parameters") {
            let option = format!("--{}", param["name"].as_str().expect("a name"));
            contains(&text.stdout, &option);
            contains(&help.stdout, &option);
        }
    }
}
