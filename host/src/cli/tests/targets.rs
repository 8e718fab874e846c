//! What a target's text means: probe, scheme, addresses, label.

use super::*;

#[test]
fn urls_name_probe_scheme_and_addresses() {
    // target, probe, scheme, addresses, label
    let cases = [
        (
            "redis://cache",
            "redis",
            "redis",
            "cache:6379",
            "redis://cache",
        ),
        (
            "REDISS://Cache:7000/",
            "redis",
            "rediss",
            "Cache:7000",
            "rediss://Cache:7000/",
        ),
        (
            "redis://[::1]/2",
            "redis",
            "redis",
            "[::1]:6379",
            "redis://[::1]/2",
        ),
        (
            "redis://[fe80::1%25eth0]:7/2",
            "redis",
            "redis",
            "[fe80::1%eth0]:7",
            "redis://[fe80::1%25eth0]:7/2",
        ),
        (
            "vault+http://vault:8200",
            "vault",
            "vault+http",
            "vault:8200",
            "vault+http://vault:8200",
        ),
        (
            "vault://vault/",
            "vault",
            "vault",
            "vault:8200",
            "vault://vault/",
        ),
        ("tcp://db:1", "tcp", "tcp", "db:1", "tcp://db:1"),
        ("db:5432", "tcp", "tcp", "db:5432", "db:5432"),
        ("[::1]:80", "tcp", "tcp", "[::1]:80", "[::1]:80"),
        (
            "unix:///run/x.sock",
            "tcp",
            "unix",
            "/run/x.sock",
            "unix:///run/x.sock",
        ),
        ("unix://@name", "tcp", "unix", "@name", "unix://@name"),
        (
            "redis+unix://:hunter2@/run/r%20s.sock?db=3",
            "redis",
            "redis+unix",
            "/run/r s.sock",
            "redis+unix:///run/r%20s.sock?db=3",
        ),
        (
            "postgres://app:hunter2@db/shop",
            "postgres",
            "postgres",
            "db:5432",
            "postgres://app@db/shop",
        ),
        (
            "postgresql+psycopg2://app@db/shop",
            "postgres",
            "postgresql",
            "db:5432",
            "postgresql://app@db/shop",
        ),
        (
            "postgres+asyncpg+x://db",
            "postgres",
            "postgres",
            "db:5432",
            "postgres://db",
        ),
        (
            "jdbc:postgresql://db/shop?user=app&password=hunter2",
            "postgres",
            "postgresql",
            "db:5432",
            "postgresql://db/shop?user=app&password=***",
        ),
        (
            "postgres://a,b:1,[::1]:2/x",
            "postgres",
            "postgres",
            "a:5432 b:1 [::1]:2",
            "postgres://a,b:1,[::1]:2/x",
        ),
        (
            "postgres://%2Fvar%2Frun/x",
            "postgres",
            "postgres",
            "/var/run/.s.PGSQL.5432",
            "postgres://%2Fvar%2Frun/x",
        ),
        (
            "postgres:///x?host=/var/run&port=7",
            "postgres",
            "postgres",
            "/var/run/.s.PGSQL.7",
            "postgres:///x?host=/var/run&port=7",
        ),
        (
            "postgres://db:9/x?host=a,b",
            "postgres",
            "postgres",
            "a:5432 b:5432",
            "postgres://db:9/x?host=a,b",
        ),
        (
            "postgres:///x",
            "postgres",
            "postgres",
            "localhost:5432",
            "postgres://localhost:5432/x",
        ),
        (
            "postgres://:7/x",
            "postgres",
            "postgres",
            "localhost:7",
            "postgres://:7/x",
        ),
        (
            "postgres://db:/x",
            "postgres",
            "postgres",
            "db:5432",
            "postgres://db:/x",
        ),
        (
            "http://h/a%20b?x=1&token=hunter2",
            "http",
            "http",
            "h:80",
            "http://h/a%20b?x=***&token=***",
        ),
    ];
    for (text, plugin, scheme, places, label) in cases {
        let job = job(&[text]);
        assert_eq!(job.plugin_name, plugin, "{text}");
        assert_eq!(job.scheme, scheme, "{text}");
        assert_eq!(addresses(&job), places, "{text}");
        assert_eq!(job.label, label, "{text}");
    }
}

#[test]
fn urls_hold_parameters_however_odd_the_password() {
    // URL, user, password, database
    let cases = [
        ("postgres://app:p%40ss@db/shop", "app", Some("p@ss"), "shop"),
        ("postgres://app:p@ss@db/shop", "app", Some("p@ss"), "shop"),
        ("postgres://app:p:ss@db/shop", "app", Some("p:ss"), "shop"),
        (
            "postgres://app:p%2Fs%3Fs%23%26%25@db/shop",
            "app",
            Some("p/s?s#&%"),
            "shop",
        ),
        ("postgres://app:p&s+s@db/shop", "app", Some("p&s+s"), "shop"),
        (
            "postgres://a%40b:x@db/my%20shop",
            "a@b",
            Some("x"),
            "my shop",
        ),
        ("postgres://app:@db/shop", "app", None, "shop"),
        (
            "postgres://db?user=app&password=p%26s&dbname=shop",
            "app",
            Some("p&s"),
            "shop",
        ),
        ("postgres://app@db", "app", None, "app"),
        ("postgres://db", "me", None, "me"),
    ];
    for (text, user, password, database) in cases {
        let job = job(&[text]);
        assert_eq!(value(&job, "user"), Some(user), "{text}");
        assert_eq!(secret(&job, "password"), password, "{text}");
        assert_eq!(value(&job, "database"), Some(database), "{text}");
    }
    let redis = job(&["redis://:p%40ss@cache/3?cluster"]);
    assert_eq!(value(&redis, "user"), None);
    assert_eq!(secret(&redis, "password"), Some("p@ss"));
    assert_eq!(value(&redis, "db"), Some("3"));
    assert_eq!(value(&redis, "cluster"), Some("true"));
    let http = job(&["http://h?a=b/c&header=x"]);
    assert_eq!(value(&http, "target"), Some("/?a=b/c&header=x"));
    assert_eq!(
        value(&job(&["http://h/@scope/x"]), "target"),
        Some("/@scope/x")
    );
    assert_eq!(value(&job(&["http://h"]), "target"), Some("/"));
    assert_eq!(value(&job(&["http://h/"]), "target"), Some("/"));
    let tables = job(&["postgres://db/x?expect_table=a&expect-table=b&schema=z"]);
    assert_eq!(tables.values["expect-table"], ["a", "b"]);
}

#[test]
fn keyword_strings_stand_in_for_urls() {
    let text = r"host=db port=7 dbname='my shop' user=app password='hun\'ter2'";
    for args in [
        ["--plugin", "postgres", text],
        ["postgres", "--url", text],
        ["-q", "postgres", text],
    ] {
        let job = job(&args);
        assert_eq!(addresses(&job), "db:7", "{args:?}");
        assert_eq!(job.label, "postgres://db:7", "{args:?}");
        assert_eq!(value(&job, "database"), Some("my shop"), "{args:?}");
        assert_eq!(secret(&job, "password"), Some("hun'ter2"), "{args:?}");
    }
    let several = job(&["postgres", "host=a,b port=1,2 hostaddr="]);
    assert_eq!(addresses(&several), "a:1 b:2");
    let dialled = job(&["postgres", "host=db.example hostaddr=10.0.0.7"]);
    assert_eq!(addresses(&dialled), "10.0.0.7:5432");
    assert_eq!(dialled.tls.server_name.as_deref(), Some("db.example"));
    assert_eq!(
        addresses(&job(&["postgres", "host=/run/pg"])),
        "/run/pg/.s.PGSQL.5432"
    );
    assert_eq!(addresses(&job(&["postgres", "dbname=x"])), "localhost:5432");
    for (args, part) in [
        (
            ["postgres", "host=db hunter2"],
            "a word is not followed by `=`",
        ),
        (["postgres", "password='hunter2"], "lacks its closing quote"),
        (["postgres", "host=a,b port=1,2,3"], "differ in length"),
        (["postgres", "host=db user=a user=b"], "given twice"),
        (["postgres", "hostt=db"], "knows no parameter `hostt`"),
        (
            ["redis", "host=db password=hunter2"],
            "no probe that reads them is named",
        ),
    ] {
        let error = error(&args);
        assert!(
            error.contains(part) && !error.contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn a_named_probe_takes_its_target_in_many_ways() {
    // arguments, scheme, addresses, label
    let cases: [(&[&str], &str, &str, &str); 13] = [
        (&["postgres", "db:7"], "postgres", "db:7", "postgres://db:7"),
        (
            &["--plugin", "postgres@1.2", "db:7"],
            "postgres",
            "db:7",
            "postgres://db:7",
        ),
        (
            &["postgres@1", "postgresql://db/x"],
            "postgresql",
            "db:5432",
            "postgresql://db/x",
        ),
        (
            &["postgres"],
            "postgres",
            "localhost:5432",
            "postgres://localhost:5432",
        ),
        (
            &["--plugin=redis", "--host", "cache"],
            "redis",
            "cache:6379",
            "redis://cache:6379",
        ),
        (
            &["redis", "--host", "::1", "--port", "7"],
            "redis",
            "[::1]:7",
            "redis://[::1]:7",
        ),
        (
            &["redis", "--port", "7"],
            "redis",
            "127.0.0.1:7",
            "redis://127.0.0.1:7",
        ),
        (
            &["redis", "--unix", "/run/r.sock"],
            "redis+unix",
            "/run/r.sock",
            "redis+unix:///run/r.sock",
        ),
        (
            &["postgres", "--unix", "/run/pg", "--port", "7"],
            "postgres",
            "/run/pg/.s.PGSQL.7",
            "postgres:///run/pg/.s.PGSQL.7",
        ),
        (
            &["redis", "--url", "rediss://cache"],
            "rediss",
            "cache:6379",
            "rediss://cache",
        ),
        (&["--url", "vault://v"], "vault", "v:8200", "vault://v"),
        (&["--host", "h", "--port", "7"], "tcp", "h:7", "tcp://h:7"),
        (&["--unix", "@x"], "unix", "@x", "unix://@x"),
    ];
    for (args, scheme, places, label) in cases {
        let job = job(args);
        assert_eq!(job.scheme, scheme, "{args:?}");
        assert_eq!(addresses(&job), places, "{args:?}");
        assert_eq!(job.label, label, "{args:?}");
    }
}

/// Variables, arguments, and what they come to.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    &'static str,
);

#[test]
fn variables_name_the_target_of_a_named_probe() {
    // variables, arguments, scheme and addresses
    let cases: [Case; 18] = [
        (
            &[("PGHOST", "db"), ("PGPORT", "7")],
            &["postgres"],
            "postgres db:7",
        ),
        (
            &[("PGHOST", "a,b"), ("PGPORT", "1,2")],
            &["postgres"],
            "postgres a:1 b:2",
        ),
        (
            &[("PGHOST", "/run/pg")],
            &["postgres"],
            "postgres /run/pg/.s.PGSQL.5432",
        ),
        (
            &[("PGHOST", ""), ("PGPORT", "7")],
            &["postgres"],
            "postgres localhost:7",
        ),
        (
            &[("PGHOST", "db"), ("PGPORT", "7")],
            &["postgres", "--host", "other"],
            "postgres other:7",
        ),
        (
            &[("PGHOST", "db"), ("PGPORT", "7")],
            &["postgres:///x"],
            "postgres db:7",
        ),
        (&[("PGPORT", "7")], &["postgres://db/x"], "postgres db:7"),
        (
            &[("PGHOST", "db")],
            &["postgres://other/x"],
            "postgres other:5432",
        ),
        (
            &[("REDIS_URL", "rediss://cache:7")],
            &["redis"],
            "rediss cache:7",
        ),
        (
            &[("REDIS_URL", "redis://cache:7"), ("REDIS_HOST", "x")],
            &["redis"],
            "redis cache:7",
        ),
        (
            &[("REDIS_URL", "redis://cache:7")],
            &["redis", "--host", "x"],
            "redis x:6379",
        ),
        (
            &[("REDIS_HOST", "h"), ("REDIS_PORT", "tcp://10.0.0.1:6379")],
            &["redis"],
            "redis h:6379",
        ),
        (
            &[("VAULT_ADDR", "https://v:7"), ("BAO_ADDR", "")],
            &["vault"],
            "vault v:7",
        ),
        (
            &[("VAULT_ADDR", "http://v:7/")],
            &["vault"],
            "vault+http v:7",
        ),
        (&[("WAITFOR_URL", "redis://cache")], &[], "redis cache:6379"),
        (
            &[("WAITFOR_PLUGIN", "redis"), ("WAITFOR_HOST", "h")],
            &[],
            "redis h:6379",
        ),
        (
            &[("WAITFOR_HOST", "h"), ("WAITFOR_PORT", "7")],
            &["redis"],
            "redis h:7",
        ),
        (
            &[
                ("WAITFOR_URL", "redis://a"),
                ("WAITFOR_PORT", "tcp://1.1.1.1:1"),
            ],
            &["redis://b"],
            "redis b:6379",
        ),
    ];
    for (variables, args, expected) in cases {
        let surroundings = variables
            .iter()
            .fold(Surroundings::default(), |all, (name, value)| {
                all.var(name, value)
            });
        let job = surroundings.job(args);
        assert_eq!(
            format!("{} {}", job.scheme, addresses(&job)),
            expected,
            "{variables:?} {args:?}"
        );
    }
    let wrong: [(&str, &str, &[&str], &str); 6] = [
        (
            "VAULT_ADDR",
            "mysql://u:hunter2@v",
            &["vault"],
            "the variable `VAULT_ADDR` holds no URL for `vault`: `mysql://***@v`",
        ),
        (
            "VAULT_ADDR",
            "v:8200",
            &["vault"],
            "the variable `VAULT_ADDR` holds no URL for `vault`",
        ),
        (
            "PGPORT",
            "70000",
            &["postgres"],
            "`PGPORT` cannot be used: the port",
        ),
        ("PGHOST", "a,,b", &["postgres"], "a host in it is empty"),
        (
            "REDIS_URL",
            "redis://h",
            &["redis", "--port", "7"],
            "`--port` without `--host`, and `REDIS_URL` names the target",
        ),
        ("WAITFOR_PORT", "7", &[], "nothing to wait for"),
    ];
    for (name, text, args, part) in wrong {
        let error = Surroundings::default().var(name, text).error(args);
        assert!(
            error.contains(part) && !error.contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn keys_of_other_clients_in_a_shared_variable_are_passed_over() {
    let surroundings = Surroundings::default().var("REDIS_URL", "redis://h/1?protocol=3&x=hunter2");
    let plan = surroundings.plan(&["redis"]).unwrap();
    assert_eq!(value(&plan.jobs[0], "db"), Some("1"));
    assert_eq!(plan.jobs[0].label, "redis://h/1?protocol=***&x=***");
    assert_eq!(
        plan.warnings,
        [
            "`protocol` in `redis://h/1…` means nothing to `redis`",
            "`x` in `redis://h/1…` means nothing to `redis`",
        ]
    );
}

#[test]
fn several_targets_go_to_their_probes() {
    let plan = Surroundings::default()
        .plan(&[
            "-t5",
            "postgres://app@db/app",
            "redis://cache",
            "vault+http://v:8200",
            "db:1",
        ])
        .unwrap();
    let found: Vec<_> = plan
        .jobs
        .iter()
        .map(|job| (job.plugin, job.plugin_name.as_str()))
        .collect();
    assert_eq!(
        found,
        [(1, "postgres"), (2, "redis"), (4, "vault"), (3, "tcp")]
    );
    let pinned = Surroundings::default().plan(&[
        "--plugin",
        "redis@1",
        "--plugin",
        "vault",
        "redis://a",
        "vault://b",
    ]);
    assert_eq!(pinned.unwrap().jobs.len(), 2);
}

#[test]
fn an_option_may_have_a_url_for_its_value() {
    let expecting = job(&["--expect", "http://x", "tcp://h:1"]);
    assert_eq!(expecting.plugin_name, "tcp");
    assert_eq!(value(&expecting, "expect"), Some("http://x"));
    let header = job(&["http://h", "--header", "Referer: redis://x", "--header=a:1"]);
    assert_eq!(header.values["header"], ["Referer: redis://x", "a:1"]);
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(b"a\xffb".to_vec());
    let plan = |args: Vec<OsString>| Surroundings::default().plan_os(args);
    let mut target = odd.clone().into_encoded_bytes();
    target.extend(b":80");
    let error = plan(vec![OsString::from_vec(target)]).expect_err("no target");
    assert_eq!(error.message(), "target 1 is not UTF-8");
    let args = ["tcp://h:1", "--expect"].map(OsString::from);
    let error = plan(args.into_iter().chain([odd.clone()]).collect()).expect_err("no value");
    assert_eq!(error.message(), "`--expect` is not UTF-8");
    let args = ["redis", "--unix"].map(OsString::from);
    let socket = plan(args.into_iter().chain([odd.clone()]).collect()).unwrap();
    assert_eq!(
        socket.jobs[0].addresses,
        [Address::Unix(odd.clone().into())]
    );
    let args = ["redis://h", "--"].map(OsString::from);
    let command = plan(args.into_iter().chain([odd.clone()]).collect()).unwrap();
    assert_eq!(command.command, [odd]);
}
