//! Help, version and the commands with a word of their own.

use super::*;

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
    assert!(matches!(parse(&["demo"]), Ok(Invocation::Demo { .. })));
    for args in [
        &["plugin", "--help"][..],
        &["plugin", "nosuch", "-h"],
        &["help", "plugin"],
    ] {
        let text = help(args);
        for part in [
            "Usage: waitfor plugin [OPTIONS] [COMMAND]",
            "  outdated ",
            "--network-timeout <DURATION>",
        ] {
            assert!(text.contains(part), "{args:?}: {part}: {text}");
        }
    }
    for args in [
        &["plugin", "update", "--help"][..],
        &["--locked", "plugin", "update", "redis", "-h"],
        &["help", "plugin", "update"],
    ] {
        let text = help(args);
        for part in [
            "Moves locked probes",
            "Usage: waitfor plugin update [OPTIONS] [NAME]...",
            "--precise <VERSION>",
            "--store <DIR>",
            "--quiet",
        ] {
            assert!(text.contains(part), "{args:?}: {part}: {text}");
        }
    }
    assert!(help(&["demo", "--help"]).contains("Usage: waitfor demo"));
}

#[test]
fn wrong_commands_are_told() {
    let cases: [(&[&str], &str); 9] = [
        (&["plugin"], "`waitfor plugin` needs a command"),
        (&["plugin", "lst"], "there is no command `lst`"),
        (&["plugin", "instal"], "there is no command `instal`"),
        (&["plugin", "info"], "`NAME[@REQ]` is missing"),
        (&["plugin", "info", "no such"], "is not a plugin's name"),
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
