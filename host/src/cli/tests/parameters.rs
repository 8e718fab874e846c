//! Which place a parameter's value comes from, and in which form it ends.

use super::*;

#[test]
fn the_strongest_place_wins() {
    let one = Surroundings::default;
    let own = one()
        .var("PGUSER", "pg")
        .var("WAITFOR_POSTGRES_USER", "own");
    // surroundings, arguments, user
    let cases: [(Surroundings, &[&str], &str); 7] = [
        (own.clone(), &["postgres://url@h", "--user", "line"], "line"),
        (own.clone(), &["--user=line", "postgres://url@h"], "line"),
        (own.clone(), &["postgres://url@h"], "url"),
        (own, &["postgres://h"], "own"),
        (one().var("PGUSER", "pg"), &["postgres://h"], "pg"),
        (one().var("PGUSER", ""), &["postgres://h"], "me"),
        (one(), &["postgres", "--host", "h", "--user", ""], ""),
    ];
    for (surroundings, args, user) in cases {
        assert_eq!(
            value(&surroundings.job(args), "user"),
            Some(user),
            "{args:?}"
        );
    }
    let database = |surroundings: Surroundings, args: &[&str]| {
        value(&surroundings.job(args), "database").map(str::to_owned)
    };
    assert_eq!(
        database(one(), &["postgres://app@h"]).as_deref(),
        Some("app")
    );
    assert_eq!(
        database(one().var("PGDATABASE", "x"), &["postgres://app@h"]).as_deref(),
        Some("x")
    );
    assert_eq!(
        database(
            one(),
            &["postgres", "--dbname", "x"].map(|arg| if arg == "--dbname" {
                "--database"
            } else {
                arg
            })
        )
        .as_deref(),
        Some("x")
    );
}

#[test]
fn values_take_their_final_form() {
    let cases: [(&[&str], &str, Option<&str>); 13] = [
        (&["redis://h", "--cluster"], "cluster", Some("true")),
        (&["redis://h", "--cluster=off"], "cluster", Some("false")),
        (&["redis://h?cluster=no"], "cluster", Some("false")),
        (&["redis://h?cluster"], "cluster", Some("true")),
        (&["redis://h"], "cluster", None),
        (&["redis://h"], "db", Some("0")),
        (&["redis://h", "--db", "+07"], "db", Some("7")),
        (&["tcp://h:1"], "stay", Some("200")),
        (&["tcp://h:1", "--stay", "3"], "stay", Some("3000")),
        (&["tcp://h:1?stay=1m30s"], "stay", Some("90000")),
        (
            &["postgres://h?sslmode=require"],
            "sslmode",
            Some("require"),
        ),
        (&["tcp://h:1", "--expect", ""], "expect", Some("")),
        (&["tcp://h:1", "--expect=--x"], "expect", Some("--x")),
    ];
    for (args, name, expected) in cases {
        assert_eq!(value(&job(args), name), expected, "{args:?}");
    }
    let wrong: [(&[&str], &str); 9] = [
        (
            &["redis://h", "--db", "x"],
            "`--db` cannot be `x`\nhint: it must be a whole number",
        ),
        (
            &["redis://h", "--db", "-1"],
            "hint: it must be from 0 to 1000",
        ),
        (
            &["redis://h?db=1001"],
            "`db` in `redis://h?db=1001` cannot be `1001`\nhint: it must be from 0 to 1000",
        ),
        (
            &["redis://h", "--cluster=maybe"],
            "hint: it must be true or false",
        ),
        (&["redis://h?cluster="], "hint: it must be true or false"),
        (
            &["tcp://h:1", "--stay", "soon"],
            "hint: write a number and a unit",
        ),
        (
            &["postgres://h?sslmode=Require"],
            "hint: did you mean `require`?",
        ),
        (
            &["vault://h", "--later", "x"],
            "sets `tls-hologram`, which this version does not know",
        ),
        (
            &["redis://h", "--expect-key", "a\0b"],
            "hint: it holds a NUL",
        ),
    ];
    for (args, part) in wrong {
        let error = error(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    let error = Surroundings::default()
        .var("WAITFOR_REDIS_DB", "x")
        .error(&["redis://h"]);
    assert!(
        error.contains("`WAITFOR_REDIS_DB` cannot be `x`"),
        "{error}"
    );
}

#[test]
fn options_of_probes_are_told_apart() {
    let cases: [(&[&str], &str); 12] = [
        (
            &["postgres://h", "--expect-key", "x"],
            "`--expect-key` is an option of `redis`, which is not among the targets",
        ),
        (
            &["--user", "app"],
            "`--user` is an option of `http`, `postgres` or `redis`",
        ),
        (
            &["postgres://h", "--expect-tabel", "x"],
            "there is no option `--expect-tabel`\nhint: did you mean `--expect-table`?",
        ),
        (
            &["postgres://h", "--timout", "x"],
            "hint: did you mean `--timeout`?",
        ),
        (&["postgres://h", "-p", "x"], "there is no option `-p`"),
        (
            &["postgres://h", "redis://h", "--sslmode", "require"],
            "`--sslmode` cannot be used with targets of several probes\nhint: write it into the URL as `?sslmode=…`, or set `WAITFOR_POSTGRES_SSLMODE`",
        ),
        (
            &["postgres://h", "redis://h", "--user", "x"],
            "`--user` cannot be used with targets of several probes",
        ),
        (
            &["postgres://h", "db:1", "--password-file", "x"],
            "hint: write it into the URL, or set `WAITFOR_POSTGRES_PASSWORD`",
        ),
        (
            &["postgres://h", "--user", "a", "--user", "b"],
            "`--user` is given twice",
        ),
        (&["postgres://h", "--user"], "`--user` needs a value"),
        (&["redis://h", "--cluster", "yes"], "`yes` is no URL"),
        (
            &["postgres://h", "--password", "--user", "x"],
            "`--password` needs a value\nhint: a value that starts with a dash is written `--password=-…`",
        ),
    ];
    for (args, part) in cases {
        let error = error(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    let two = Surroundings::default()
        .plan(&["postgres://a", "postgres://b", "--user", "x"])
        .unwrap();
    assert!(two.jobs.iter().all(|job| value(job, "user") == Some("x")));
}

#[test]
fn parameters_set_options_of_the_host() {
    let files = Surroundings::default()
        .file("/a.pem", "A")
        .file("/b.pem", "B")
        .file("/c.pem", "C")
        .file("/d.pem", "D");
    let root = |surroundings: Surroundings, args: &[&str]| {
        let ca = surroundings.job(args).tls.ca;
        ca.map(|path| path.display().to_string())
    };
    let all = files
        .clone()
        .var("WAITFOR_TLS_CA", "/c.pem")
        .var("PGSSLROOTCERT", "/d.pem");
    let url = "postgres://h?sslrootcert=/b.pem";
    assert_eq!(
        root(all.clone(), &[url, "--tls-ca", "/a.pem"]).as_deref(),
        Some("/a.pem")
    );
    assert_eq!(root(all.clone(), &[url]).as_deref(), Some("/b.pem"));
    assert_eq!(
        root(all.clone(), &["postgres://h"]).as_deref(),
        Some("/c.pem")
    );
    assert_eq!(
        root(
            files.clone().var("PGSSLROOTCERT", "/d.pem"),
            &["postgres://h"]
        )
        .as_deref(),
        Some("/d.pem")
    );
    assert_eq!(
        root(files.clone(), &["postgres://h", "--sslrootcert", "/b.pem"]).as_deref(),
        Some("/b.pem")
    );
    assert_eq!(
        root(all.clone(), &["postgres://h?sslrootcert=system"]),
        None
    );
    assert_eq!(root(all, &["postgres://h", "--tls-ca", "system"]), None);
    let job = files.clone().job(&["postgres://h?sslrootcert=/b.pem"]);
    assert_eq!(
        value(&job, "sslrootcert"),
        None,
        "the probe does not see it"
    );
    let insecure = |surroundings: Surroundings, args: &[&str]| surroundings.job(args).tls.insecure;
    let skip = files.clone().var("VAULT_SKIP_VERIFY", "TRUE");
    assert!(insecure(skip.clone(), &["vault://h"]));
    assert!(!insecure(
        skip.clone().var("WAITFOR_TLS_INSECURE", "false"),
        &["vault://h"]
    ));
    assert!(!insecure(skip, &["vault://h?skip_verify=false"]));
    assert!(insecure(files.clone(), &["redis://h", "--tls-insecure"]));
    assert!(!insecure(files.clone(), &["redis://h"]));
    let error = files
        .clone()
        .var("PGSSLROOTCERT", "/no.pem")
        .error(&["postgres://h"]);
    assert!(
        error.contains("cannot read the file of `PGSSLROOTCERT`, `/no.pem`: no such file"),
        "{error}"
    );
    let error = files.clone().error(&["redis://h", "--tls-cert", "/a.pem"]);
    assert!(
        error.contains("the client's certificate is given alone\nhint: add --tls-key"),
        "{error}"
    );
    let both = files
        .job(&["redis://h", "--tls-cert", "/a.pem", "--tls-key", "/a.pem"])
        .tls;
    assert_eq!(both.cert, both.key);
}

#[test]
fn the_time_of_an_attempt_has_one_master() {
    let millis = |surroundings: Surroundings, args: &[&str]| {
        surroundings.job(args).attempt_timeout.as_millis()
    };
    let plain = Surroundings::default;
    let libpq = plain().var("PGCONNECT_TIMEOUT", "10");
    assert_eq!(millis(plain(), &["postgres://h"]), 5_000);
    assert_eq!(millis(libpq.clone(), &["postgres://h"]), 10_000);
    assert_eq!(
        millis(libpq.clone(), &["postgres://h?connect_timeout=3"]),
        3_000
    );
    assert_eq!(
        millis(libpq.clone(), &["postgres://h?connect_timeout=0"]),
        5_000
    );
    assert_eq!(
        millis(
            libpq.clone().var("WAITFOR_ATTEMPT_TIMEOUT", "2s"),
            &["postgres://h"]
        ),
        2_000
    );
    assert_eq!(
        millis(
            libpq.clone().var("WAITFOR_ATTEMPT_TIMEOUT", "2s"),
            &["postgres://h?connect_timeout=3"]
        ),
        3_000
    );
    assert_eq!(
        millis(
            libpq,
            &["postgres://h?connect_timeout=3", "--attempt-timeout", "1s"]
        ),
        1_000
    );
}
