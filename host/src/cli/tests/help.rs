//! Help, version and the commands with a word of their own.

use super::*;
use crate::report::Format;

fn parse(args: &[&str]) -> Result<Invocation> {
    crate::cli::parse(args.iter().map(OsString::from), &Surroundings::default())
}

fn help(args: &[&str]) -> String {
    match parse(args) {
        Ok(Invocation::Help(request)) => request.text(shelf()).unwrap(),
        other => panic!("{args:?}: {other:?}"),
    }
}

#[test]
fn help_of_the_program_is_short() {
    for args in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["-qh"],
        &["redis://a", "vault://b", "--help"],
    ] {
        let text = help(args);
        assert!(text.starts_with("Waits until"), "{args:?}: {text}");
        for part in [
            "Usage: waitfor [OPTIONS] TARGET... [-- COMMAND [ARG...]]",
            "--timeout",
            "Probes: http, postgres",
            "124 not ready",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().count() < 70, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }
}

#[test]
fn help_of_a_probe_shows_its_options_first() {
    let ways: [&[&str]; 8] = [
        &["postgres", "--help"],
        &["postgres@1", "-h"],
        &["--plugin", "postgres", "--help"],
        &["--help", "--plugin=postgres"],
        &["postgres://db/x", "--help"],
        &["postgres", "--user", "--help"],
        &["help", "postgres"],
        &["postgres", "--help", "--", "sh", "-c", "x"],
    ];
    for args in ways {
        let text = help(args);
        assert!(
            text.starts_with("postgres: a query is answered"),
            "{args:?}: {text}"
        );
        let places: Vec<_> = [
            "Options of postgres:",
            "--password-file <FILE>",
            "Target:",
            "Waiting:",
            "TLS:",
            "Output:",
            "Schemes:",
            "Examples:",
        ]
        .iter()
        .map(|part| {
            text.find(part)
                .unwrap_or_else(|| panic!("{part} is not in {text}"))
        })
        .collect();
        assert!(places.is_sorted(), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "[env: PGUSER]",
            "[default: your account's name]",
            "[one of: disable, allow",
            "postgres:// (port 5432)",
            "?database=…",
            "WAITFOR_POSTGRES_DATABASE",
            "waitfor postgres://app@db/app",
        ] {
            assert!(words.contains(part), "{part} is not in {text}");
        }
    }
}

#[test]
fn help_for_what_is_not_there_is_an_error() {
    let text = |args: &[&str]| match parse(args).unwrap() {
        Invocation::Help(request) => request
            .text(shelf())
            .map_err(|error| (error.exit(), error.to_string())),
        other => panic!("{args:?}: {other:?}"),
    };
    let (exit, message) = text(&["postgers", "--help"]).expect_err("a slip");
    assert_eq!(exit, Exit::Usage);
    assert!(message.contains("did you mean `postgres`?"), "{message}");
    let (exit, _) = text(&["nosuch@1", "--help"]).expect_err("no such plugin");
    assert_eq!(exit, Exit::PluginRefused);
}

#[test]
fn version_and_commands() {
    assert!(matches!(parse(&["--version"]), Ok(Invocation::Version)));
    assert!(matches!(parse(&["-V"]), Ok(Invocation::Version)));
    assert!(matches!(
        parse(&["plugin", "list"]),
        Ok(Invocation::PluginList { .. })
    ));
    assert!(matches!(parse(&["demo"]), Ok(Invocation::Demo { .. })));
    let json = parse(&["--output", "json", "plugin", "list", "-v"]);
    assert!(
        matches!(json, Ok(Invocation::PluginList { output }) if output.format == Format::Json && output.verbose == 1)
    );
    let late = parse(&["plugin", "list", "--output=json"]);
    assert!(matches!(late, Ok(Invocation::PluginList { output }) if output.format == Format::Json));
    let info = parse(&["plugin", "info", "redis@1.2"]);
    assert!(
        matches!(info, Ok(Invocation::PluginInfo { name, requirement, .. }) if name == "redis" && requirement.as_deref() == Some("1.2"))
    );
    for args in [
        &["plugin", "--help"][..],
        &["plugin", "info", "-h"],
        &["help", "plugin"],
    ] {
        assert!(help(args).contains("Usage: waitfor plugin"), "{args:?}");
    }
    assert!(help(&["demo", "--help"]).contains("Usage: waitfor demo"));
}

#[test]
fn wrong_commands_are_told() {
    let cases: [(&[&str], &str); 8] = [
        (&["plugin"], "`waitfor plugin` needs a command"),
        (&["plugin", "lst"], "there is no command `lst`"),
        (&["plugin", "info"], "`NAME[@VERSION]` is missing"),
        (&["plugin", "info", "no such"], "is not a probe's name"),
        (&["plugin", "list", "x"], "there is a word too many"),
        (
            &["plugin", "list", "--timeout", "5"],
            "there is no option `--timeout`",
        ),
        (
            &["plugin", "list", "--", "x"],
            "`waitfor plugin` runs no command",
        ),
        (&["demo", "--nosuch"], "there is no option `--nosuch`"),
    ];
    for (args, part) in cases {
        let error = parse(args).expect_err(part);
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains(part), "{args:?}: {error}");
    }
}
