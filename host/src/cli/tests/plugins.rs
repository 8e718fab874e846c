//! The commands about plugins, and where plugins come from.

use super::*;
use crate::cli::{PluginCommand, Publication, RegistryChoice, Statement, SupplyOptions};
use crate::report::Format;

fn parse_in(surroundings: &Surroundings, args: &[&str]) -> Result<Invocation> {
    crate::cli::parse(args.iter().map(OsString::from), surroundings)
}

fn command_in(surroundings: &Surroundings, args: &[&str]) -> PluginCommand {
    let args: Vec<&str> = ["plugin"].iter().chain(args).copied().collect();
    match parse_in(surroundings, &args) {
        Ok(Invocation::Plugin { command, .. }) => command,
        other => panic!("{args:?}: {other:?}"),
    }
}

fn command(args: &[&str]) -> PluginCommand {
    command_in(&Surroundings::default(), args)
}

/// The error for a command, as the user sees it.
fn wrong(args: &[&str]) -> String {
    let args: Vec<&str> = ["plugin"].iter().chain(args).copied().collect();
    match parse_in(&Surroundings::default(), &args) {
        Err(error) => {
            assert_eq!(error.exit(), Exit::Usage, "{args:?}: {error}");
            error.to_string()
        }
        Ok(other) => panic!("{args:?}: {other:?}"),
    }
}

fn publication(surroundings: &Surroundings, more: &[&str]) -> Publication {
    let args: Vec<&str> = ["publish", "acme/billing@1.0.0", "b.wasm"]
        .iter()
        .chain(more)
        .copied()
        .collect();
    match command_in(surroundings, &args) {
        PluginCommand::Publish(publication) => *publication,
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_become_commands() {
    let billing = || "acme/billing".parse().unwrap();
    let version = |text: &str| text.parse().unwrap();
    let cases: [(&[&str], PluginCommand); 16] = [
        (&["list"], PluginCommand::List),
        (
            &["info", "redis@^1.2"],
            PluginCommand::Info {
                plugin: "redis@^1.2".parse().unwrap(),
            },
        ),
        (
            &["add", "acme/billing@>=1", "--registry", "acme"],
            PluginCommand::Add {
                plugin: "acme/billing@>=1".parse().unwrap(),
                registry: Some(RegistryChoice::Key("acme".to_owned())),
            },
        ),
        (
            &["add", "redis", "--registry", "default"],
            PluginCommand::Add {
                plugin: "redis".parse().unwrap(),
                registry: Some(RegistryChoice::Key("default".to_owned())),
            },
        ),
        (
            &["add", "redis", "--registry=oci:probes"],
            PluginCommand::Add {
                plugin: "redis".parse().unwrap(),
                registry: Some(RegistryChoice::Location("oci:probes".parse().unwrap())),
            },
        ),
        (
            &["remove", "acme/billing", "redis", "redis"],
            PluginCommand::Remove {
                names: vec![billing(), "redis".parse().unwrap()],
            },
        ),
        (&["lock"], PluginCommand::Lock),
        (
            &["update", "--dry-run"],
            PluginCommand::Update {
                names: vec![],
                precise: None,
                dry_run: true,
            },
        ),
        (
            &["update", "--precise", "1.0.0-rc.1", "acme/billing"],
            PluginCommand::Update {
                names: vec![billing()],
                precise: Some(version("1.0.0-rc.1")),
                dry_run: false,
            },
        ),
        (&["fetch"], PluginCommand::Fetch),
        (&["verify"], PluginCommand::Verify),
        (&["outdated"], PluginCommand::Outdated),
        (
            &["yank", "acme/billing@1.0.0", "--reason", " wrong codes "],
            PluginCommand::Yank {
                name: billing(),
                version: version("1.0.0"),
                statement: Statement::Yank {
                    reason: "wrong codes".to_owned(),
                },
                registry: None,
            },
        ),
        (
            &[
                "yank",
                "acme/billing@1.0.0",
                "--reason=x",
                "--deprecate",
                "--registry=localhost:5000/a",
            ],
            PluginCommand::Yank {
                name: billing(),
                version: version("1.0.0"),
                statement: Statement::Deprecate {
                    reason: "x".to_owned(),
                },
                registry: Some(RegistryChoice::Location(
                    "localhost:5000/a".parse().unwrap(),
                )),
            },
        ),
        (
            &["vendor", "third/party"],
            PluginCommand::Vendor {
                folder: Some("third/party".into()),
            },
        ),
        (&["gc", "--dry-run"], PluginCommand::Gc { dry_run: true }),
    ];
    for (args, expected) in cases {
        assert_eq!(command(args), expected, "{args:?}");
    }
}

#[test]
fn a_publication_takes_its_source_from_the_pipeline() {
    let bare = publication(&Surroundings::default(), &[]);
    assert_eq!(
        bare,
        Publication {
            name: "acme/billing".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            file: "b.wasm".into(),
            to: None,
            source: None,
            revision: None,
            license: None,
            dry_run: false,
        }
    );
    let github = Surroundings::default()
        .var("GITHUB_SERVER_URL", "https://git.example/")
        .var("GITHUB_REPOSITORY", "acme/billing")
        .var("GITHUB_SHA", "abc");
    let gitlab = Surroundings::default()
        .var("CI_PROJECT_URL", "https://lab.example/acme/billing")
        .var("CI_COMMIT_SHA", "def");
    let of = |publication: Publication| (publication.source, publication.revision);
    let some = |source: &str, revision: &str| (Some(source.to_owned()), Some(revision.to_owned()));
    assert_eq!(
        of(publication(&github, &[])),
        some("https://git.example/acme/billing", "abc")
    );
    assert_eq!(
        of(publication(&gitlab, &[])),
        some("https://lab.example/acme/billing", "def")
    );
    assert_eq!(
        of(publication(
            &gitlab,
            &["--source", "https://h/x", "--revision=v1"]
        )),
        some("https://h/x", "v1")
    );
    let args = [
        "plugin",
        "publish",
        "a@1.0.0",
        "f",
        "--source",
        "https://ann:hunter2@h/x",
    ];
    let error = parse_in(&Surroundings::default(), &args).expect_err("an account");
    assert!(
        error.to_string().contains("has an account in it"),
        "{error}"
    );
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn wrong_words_are_told() {
    let cases: [(&[&str], &str); 20] = [
        (&["add", "Redis"], "`Redis` is not a plugin's name"),
        (
            &["add", "../billing"],
            "`../billing` is not a plugin's name",
        ),
        (&["add", "a/b/c"], "it has more than one `/`"),
        (&["add", "redis@latest"], "which version is wanted"),
        (&["add", "redis@"], "which version is wanted"),
        (&["add", "redis@sha256:12"], "is not a digest"),
        (&["add", "demo"], "reserved"),
        (
            &["add", "redis", "--registry", "a/b"],
            "where plugins are kept",
        ),
        (
            &["add", "redis", "--registry"],
            "`--registry` needs a value",
        ),
        (&["remove"], "is missing"),
        (&["remove", "redis@1"], "takes names without a version"),
        (&["update", "--precise", "1.0.0"], "goes with one name"),
        (
            &["update", "a", "b", "--precise=1.0.0"],
            "goes with one name",
        ),
        (&["update", "a", "--precise=1"], "`1` is not a version"),
        (
            &["publish", "acme/billing", "f"],
            "stands without a version",
        ),
        (
            &["publish", "acme/billing@1.0", "f"],
            "`1.0` is not a version",
        ),
        (&["yank", "a@1.0.0"], "`--reason` is missing"),
        (
            &["yank", "a@1.0.0", "--undo", "--reason=x"],
            "cannot be used together",
        ),
        (&["yank", "a@1.0.0", "--reason", "a\nb"], "is not one line"),
        (&["yank", "a@1.0.0", "--reason", " "], "`--reason` is empty"),
    ];
    for (args, part) in cases {
        let error = wrong(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    let cases: [(&[&str], &str); 7] = [
        (&["remove"], "error: `NAME` is missing"),
        (&["nosuch"], "hint: see `waitfor plugin --help`"),
        (&["lock", "extra"], "there is a word too many: `extra`"),
        (&["lock", "extra"], "hint: see `waitfor plugin lock --help`"),
        (&["add", "acme/billing@=1"], "`=` behind `acme/billing@`"),
        (
            &["publish", "a@1.0.0", "f", "--license", "Not SPDX!!"],
            "is not an SPDX expression",
        ),
        (
            &["publish", "a@1.0.0", "f", "--source", "not a url"],
            "is not one of http:// or https://",
        ),
    ];
    for (args, part) in cases {
        let error = wrong(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    let hint = wrong(&["ad", "redis"]);
    assert!(hint.contains("did you mean `add`?"), "{hint}");
    for target in [
        "postgres://u:hunter2@h/db",
        "redis:hunter2@://",
        "password=hunter2",
    ] {
        for command in ["add", "info", "remove", "update"] {
            let error = wrong(&[command, target]);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn the_output_and_the_supply_stand_anywhere() {
    let surroundings = Surroundings::default()
        .var("WAITFOR_LOCKED", "true")
        .var("WAITFOR_STORE", "/var/store");
    let args = [
        "--output",
        "json",
        "--config",
        "c.toml",
        "plugin",
        "list",
        "-v",
        "--offline",
    ];
    match parse_in(&surroundings, &args) {
        Ok(Invocation::Plugin {
            command,
            supply,
            output,
        }) => {
            assert_eq!(command, PluginCommand::List);
            assert_eq!((output.format, output.verbose), (Format::Json, 1));
            assert_eq!(
                supply,
                SupplyOptions {
                    locked: true,
                    offline: true,
                    config: Some("c.toml".into()),
                    store: Some("/var/store".into()),
                    ..SupplyOptions::default()
                }
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Where the plugins of a wait come from.
fn supply(surroundings: &Surroundings, args: &[&str]) -> Result<SupplyOptions> {
    let args: Vec<&str> = ["redis://h"].iter().chain(args).copied().collect();
    match parse_in(surroundings, &args)? {
        Invocation::Wait(request) => Ok(request.supply().clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wait_knows_its_supply_before_the_probes_are_asked() {
    let plain = Surroundings::default();
    let default = SupplyOptions::default();
    assert_eq!(supply(&plain, &[]).unwrap(), default);
    assert_eq!(default.network_timeout.as_secs(), 30);
    // What only a probe knows does not disturb.
    let found = supply(&plain, &["--expect-key", "x", "--frozen", "--no-such=1"]).unwrap();
    assert_eq!((found.locked, found.offline), (true, true));
    let args = [
        "--lock-file=l",
        "--store",
        "s",
        "--network-timeout",
        "5s",
        "--no-native-cache",
        "--offline",
    ];
    let found = supply(&plain, &args).unwrap();
    assert_eq!(
        found,
        SupplyOptions {
            offline: true,
            lock_file: Some("l".into()),
            store: Some("s".into()),
            no_native_cache: true,
            network_timeout: std::time::Duration::from_secs(5),
            ..SupplyOptions::default()
        }
    );
    assert!(!supply(&plain, &["--", "--offline"]).unwrap().offline);
    let variables = Surroundings::default()
        .var("WAITFOR_FROZEN", "1")
        .var("WAITFOR_CONFIG", "/c")
        .var("WAITFOR_LOCK_FILE", "/l")
        .var("WAITFOR_NO_NATIVE_CACHE", "true")
        .var("WAITFOR_NETWORK_TIMEOUT", "1m");
    let found = supply(&variables, &[]).unwrap();
    assert_eq!(
        found,
        SupplyOptions {
            locked: true,
            offline: true,
            config: Some("/c".into()),
            lock_file: Some("/l".into()),
            store: None,
            no_native_cache: true,
            network_timeout: std::time::Duration::from_secs(60),
        }
    );
    assert!(
        plain
            .plan(&["redis://h", "--locked", "--store", "/s"])
            .is_ok()
    );
}

#[test]
fn a_wrong_supply_is_told() {
    let plain = Surroundings::default();
    let cases: [(&[&str], &str); 5] = [
        (&["--store"], "`--store` needs a value"),
        (&["--config="], "`--config` is empty"),
        (
            &["--network-timeout", "soon"],
            "`--network-timeout` cannot be `soon`",
        ),
        (&["--network-timeout=0"], "it must be more than 0"),
        (&["--store=a", "--store=b"], "`--store` is given twice"),
    ];
    for (args, part) in cases {
        let error = supply(&plain, args).expect_err(part);
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains(part), "{args:?}: {error}");
    }
    let variable = Surroundings::default().var("WAITFOR_OFFLINE", "perhaps");
    let error = supply(&variable, &[]).expect_err("no switch");
    assert!(error.to_string().contains("WAITFOR_OFFLINE"), "{error}");
    // Help is shown all the same.
    let help = parse_in(&variable, &["redis://h", "--help"]);
    assert!(matches!(help, Ok(Invocation::Help(_))));
}
