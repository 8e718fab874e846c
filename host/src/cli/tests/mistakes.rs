//! Targets that cannot be used, and what the user is told about them.

use super::*;

#[test]
fn wrong_targets_are_told_with_a_next_step() {
    let cases: [(&[&str], &str); 43] = [
        (
            &[],
            "error: nothing to wait for\nhint: name a target, as in",
        ),
        (&["-q"], "nothing to wait for"),
        (&["--", "true"], "nothing to wait for"),
        (
            &[""],
            "target 1 is empty\nhint: is a variable in it not set?",
        ),
        (&["redis://h", " "], "target 2 is empty"),
        (&["--url", ""], "`--url` is empty"),
        (&["redis", "--host", ""], "the host is empty"),
        (
            &["localhost"],
            "`localhost` is no URL, no HOST:PORT and no probe's name\nhint: a host needs its port, as in `localhost:80`; a command goes after `--`; known probes: http, postgres, redis, tcp, vault",
        ),
        (&["postgers"], "hint: did you mean `postgres`?"),
        (&["db.example"], "`db.example` is no URL"),
        (
            &["redis://h", "redis"],
            "`redis` names a probe, and stands where a target should be",
        ),
        (&["db:1", "./run-tests.sh"], "a command goes after `--`"),
        (&["/run/x.sock"], "hint: write unix:///PATH for a socket"),
        (
            &["db:abc"],
            "the target `db:…` cannot be used: the port is not a number from 1 to 65535",
        ),
        (&["db:0"], "from 1 to 65535"),
        (&["db:65536"], "from 1 to 65535"),
        (&["db:"], "the port is missing"),
        (&[":80"], "the host is empty"),
        (&["::1:80"], "an IPv6 address needs brackets"),
        (&["[::1]"], "the port is missing"),
        (&["redis://h:0"], "from 1 to 65535"),
        (&["redis://h:99999"], "from 1 to 65535"),
        (&["redis://h:x"], "from 1 to 65535"),
        (&["redis://::1/"], "brackets, as in [::1]:80"),
        (
            &["redis://h/#x"],
            "holds a `#`\nhint: in a URL's user and password write",
        ),
        (
            &["redis://a,b"],
            "lists several hosts, and `redis` takes one\nhint: give several targets instead",
        ),
        (
            &["tcp://h"],
            "has no port, and `tcp` has no default\nhint: write tcp://HOST:PORT",
        ),
        (&["tcp://"], "names no host"),
        (
            &["unix://run/x"],
            "the socket's path does not start with `/`",
        ),
        (&["unix://"], "names no socket"),
        (
            &["kafka://h"],
            "no probe answers to the scheme `kafka` of `kafka://h`\nhint: known schemes: http, https, postgres",
        ),
        (&["postgre://h"], "hint: did you mean `postgres`"),
        (
            &["redis+sentinel://h"],
            "no probe answers to the scheme `redis+sentinel`",
        ),
        (
            &["postgres+ssl://h"],
            "no probe answers to the scheme `postgres+ssl`",
        ),
        (&["vault://h/v1"], "has a path, and `vault` takes none"),
        (&["vault://u@h"], "has a user, and `vault` takes none there"),
        (
            &["postgres://h/x?sslmod=require"],
            "`postgres` knows no parameter `sslmod` (in `postgres://h/x…`)\nhint: did you mean `sslmode`?",
        ),
        (
            &["postgres://h/x?timeout=5"],
            "hint: it is an option of the command line: `--timeout`",
        ),
        (
            &["redis://h?host=x"],
            "hint: it is an option of the command line: `--host`",
        ),
        (&["redis://h?db"], "`db` in `redis://h…` has no value"),
        (&["redis://h/1?db=2"], "`db` is given twice"),
        (
            &["redis://h/x"],
            "`db` in `redis://h/x` cannot be `x`\nhint: it must be a whole number",
        ),
        (
            &["redis://100%@h"],
            "hint: in a URL's user and password write",
        ),
    ];
    for (args, part) in cases {
        let error = error(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

#[test]
fn what_could_be_meant_in_two_ways_is_refused() {
    let cases: [(&[&str], &str); 9] = [
        (
            &["--plugin", "vault", "redis://h"],
            "no target is for the probe `vault`",
        ),
        (
            &["--plugin", "redis", "redis://h", "db:5432"],
            "hint: write its scheme, as in tcp://db:5432",
        ),
        (
            &["--plugin", "redis", "--plugin", "vault"],
            "several probes are named, and no target",
        ),
        (
            &["--plugin", "redis@1", "--plugin", "redis@1.2", "redis://h"],
            "named twice, with different versions",
        ),
        (
            &["redis", "--plugin", "redis@1"],
            "named twice, with different versions",
        ),
        (
            &["redis://h", "--port", "7"],
            "`--port` is for a target that is not given as a word",
        ),
        (
            &["--url", "redis://h", "--host", "x"],
            "`--url` and `--host` both name the target",
        ),
        (
            &["--url", "redis://h", "--port", "7"],
            "hint: write the port into the URL",
        ),
        (&["--host", "db"], "`--host` without a port or a probe"),
    ];
    for (args, part) in cases {
        let error = error(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

#[test]
fn a_plugin_that_is_not_there_is_refused_and_no_usage_error() {
    for args in [
        ["--plugin", "nosuch@1"],
        ["-q", "nosuch@1"],
        ["-q", "acme/nosuch"],
        ["-q", "redis@2"],
    ] {
        let error = Surroundings::default()
            .plan(&args)
            .expect_err("there is no such plugin");
        assert_eq!(error.exit(), Exit::PluginRefused, "{args:?}");
    }
    assert!(error(&["--plugin", "no such", "db:1"]).contains("is not a probe's name"));
    assert!(error(&["--plugin", "x@", "db:1"]).contains("is not a probe's name"));
}
