//! The host's own options: their forms, their variables, the command.

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::report::{Color, Format};
use crate::wait::WaitSettings;

fn wait(surroundings: Surroundings, args: &[&str]) -> WaitSettings {
    let args: Vec<&str> = ["redis://h"].iter().chain(args).copied().collect();
    surroundings
        .plan(&args)
        .unwrap_or_else(|error| panic!("{args:?}: {error}"))
        .wait
}

#[test]
fn the_defaults_are_the_designs() {
    let second = Duration::from_secs(1);
    assert_eq!(
        wait(Surroundings::default(), &[]),
        WaitSettings {
            timeout: Some(60 * second),
            interval: second,
            successes: NonZeroU32::MIN,
            stable_for: Duration::ZERO,
            any: false,
            not: false,
            grace: 3 * second,
        }
    );
    let output = Surroundings::default().plan(&["redis://h"]).unwrap().output;
    assert_eq!(
        (output.format, output.quiet, output.verbose, output.color),
        (Format::Text, false, 0, Color::Auto)
    );
}

#[test]
fn timeouts_have_units_and_zero_is_no_limit() {
    let seconds = |args: &[&str]| {
        wait(Surroundings::default(), args)
            .timeout
            .map(|time| time.as_secs_f64())
    };
    assert_eq!(seconds(&["-t", "5"]), Some(5.0));
    assert_eq!(seconds(&["-t5"]), Some(5.0));
    assert_eq!(seconds(&["-t=5s"]), Some(5.0));
    assert_eq!(seconds(&["--timeout=1m30s"]), Some(90.0));
    assert_eq!(seconds(&["--timeout", "500ms"]), Some(0.5));
    assert_eq!(seconds(&["--timeout", "0"]), None);
    assert_eq!(seconds(&["-qt", "0s"]), None);
    let variable = Surroundings::default().var("WAITFOR_TIMEOUT", "7");
    assert_eq!(
        wait(variable.clone(), &[]).timeout,
        Some(Duration::from_secs(7))
    );
    assert_eq!(
        wait(variable, &["-t8"]).timeout,
        Some(Duration::from_secs(8))
    );
    let plan = Surroundings::default()
        .plan(&["redis://h", "-t", "5000"])
        .unwrap();
    assert_eq!(
        plan.warnings,
        ["`--timeout 5000` is in seconds; write 5000ms for milliseconds"]
    );
}

#[test]
fn every_setting_has_an_option_and_a_variable() {
    let line = [
        "-i200ms",
        "--attempt-timeout",
        "2s",
        "--successes=3",
        "--stable-for",
        "4s",
        "--any",
        "--not",
        "--grace",
        "0",
    ];
    let variables = [
        ("WAITFOR_INTERVAL", "200ms"),
        ("WAITFOR_ATTEMPT_TIMEOUT", "2s"),
        ("WAITFOR_SUCCESSES", "3"),
        ("WAITFOR_STABLE_FOR", "4s"),
        ("WAITFOR_ANY", "1"),
        ("WAITFOR_NOT", "true"),
        ("WAITFOR_GRACE", "0"),
    ];
    let expected = WaitSettings {
        timeout: Some(Duration::from_secs(60)),
        interval: Duration::from_millis(200),
        successes: NonZeroU32::new(3).unwrap(),
        stable_for: Duration::from_secs(4),
        any: true,
        not: true,
        grace: Duration::ZERO,
    };
    assert_eq!(wait(Surroundings::default(), &line), expected);
    let set = |variables: &[(&str, &str)]| {
        variables
            .iter()
            .fold(Surroundings::default(), |all, (name, value)| {
                all.var(name, value)
            })
    };
    assert_eq!(wait(set(&variables), &[]), expected);
    assert_eq!(
        job(&["redis://h", "--attempt-timeout", "2s"]).attempt_timeout,
        Duration::from_secs(2)
    );
    assert_eq!(
        set(&variables).job(&["redis://h"]).attempt_timeout,
        Duration::from_secs(2)
    );
    let output = |surroundings: Surroundings, args: &[&str]| {
        let args: Vec<&str> = ["redis://h"].iter().chain(args).copied().collect();
        let output = surroundings.plan(&args).unwrap().output;
        (output.format, output.quiet, output.verbose, output.color)
    };
    let none = Surroundings::default;
    let all = set(&[
        ("WAITFOR_OUTPUT", "json"),
        ("WAITFOR_VERBOSE", "2"),
        ("WAITFOR_COLOR", "always"),
    ]);
    assert_eq!(
        output(none(), &["--output", "json", "-vv"]),
        (Format::Json, false, 2, Color::Auto)
    );
    assert_eq!(
        output(all.clone(), &[]),
        (Format::Json, false, 2, Color::Always)
    );
    assert_eq!(
        output(all, &["--output=text", "-q", "--color=never"]),
        (Format::Text, true, 0, Color::Never)
    );
    assert_eq!(
        output(set(&[("WAITFOR_QUIET", "1")]), &["-v"]),
        (Format::Text, false, 1, Color::Auto)
    );
    let allow = none()
        .job(&["redis://h", "--allow", "Other:1", "--allow=[::1]:2"])
        .allow;
    assert_eq!(allow, [("other".to_owned(), 1), ("::1".to_owned(), 2)]);
    assert_eq!(
        set(&[("WAITFOR_ALLOW", "a:1,b:2")])
            .job(&["redis://h"])
            .allow
            .len(),
        2
    );
    let server = none()
        .job(&["redis://h", "--tls-server-name", "x"])
        .tls
        .server_name;
    assert_eq!(server.as_deref(), Some("x"));
}

#[test]
fn wrong_settings_are_told() {
    let cases: [(&[&str], &str); 20] = [
        (
            &["-t", "soon"],
            "`--timeout` cannot be `soon`\nhint: write a number and a unit",
        ),
        (&["-t", "-5"], "`--timeout` cannot be `-5`"),
        (&["-t=-5"], "`--timeout` cannot be `-5`"),
        (&["-t", ""], "`--timeout` cannot be ``"),
        (&["-t"], "`--timeout` needs a value"),
        (
            &["-t", "1s", "--timeout", "2s"],
            "`--timeout` is given twice",
        ),
        (
            &["-i", "0"],
            "`--interval` cannot be `0`\nhint: it must be more than 0",
        ),
        (&["--attempt-timeout=0s"], "it must be more than 0"),
        (&["--successes", "0"], "write a whole number from 1 on"),
        (&["--successes", "x"], "write a whole number from 1 on"),
        (&["--any", "--any"], "`--any` is given twice"),
        (&["--any=yes"], "`--any` takes no value"),
        (
            &["--output", "xml"],
            "`--output` cannot be `xml`\nhint: write `text` or `json`",
        ),
        (
            &["--color", "red"],
            "hint: write `auto`, `always` or `never`",
        ),
        (
            &["-q", "-v"],
            "`--quiet` and `--verbose` cannot be used together",
        ),
        (
            &["--allow", "h"],
            "`--allow` cannot be `h`: the port is missing",
        ),
        (
            &["--tls-ca", "/no.pem"],
            "cannot read the file of `--tls-ca`, `/no.pem`: no such file",
        ),
        (&["--tls-ca", ""], "`--tls-ca` is empty"),
        (
            &["--tls-key", "/no.pem"],
            "cannot read the file of `--tls-key`",
        ),
        (&["--"], "no command follows `--`"),
    ];
    for (args, part) in cases {
        let args: Vec<&str> = ["redis://h"].iter().chain(args).copied().collect();
        let error = error(&args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    let variable = |name: &str, text: &str| {
        Surroundings::default()
            .var(name, text)
            .error(&["redis://h"])
    };
    assert!(variable("WAITFOR_TIMEOUT", "2x").contains("`WAITFOR_TIMEOUT` cannot be `2x`"));
    assert!(variable("WAITFOR_ANY", "perhaps").contains("`WAITFOR_ANY` cannot be `perhaps`"));
    assert!(variable("WAITFOR_VERBOSE", "much").contains("`WAITFOR_VERBOSE` cannot be `much`"));
    assert!(variable("WAITFOR_PLUGIN", "vault").contains("no target is for the probe `vault`"));
}

#[test]
fn the_command_stays_as_it_is() {
    let words = [
        "sh",
        "-c",
        "for i in 1 2; do echo \"$i ${HOME}\"; done",
        "--",
        "--help",
        "",
        "*",
    ];
    let args: Vec<&str> = ["redis://h", "--"].iter().chain(&words).copied().collect();
    let plan = Surroundings::default()
        .var("HOME", "/x")
        .plan(&args)
        .unwrap();
    assert_eq!(plan.command, words.map(OsString::from));
    assert!(
        Surroundings::default()
            .plan(&["redis://h"])
            .unwrap()
            .command
            .is_empty()
    );
    assert!(error(&["redis://h", "--", ""]).contains("no command follows `--`"));
}
