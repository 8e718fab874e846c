//! Output under all circumstances: readers that leave early, closed and full streams, `-q`, `-v`.

use waitfor_tests::process::free_port;

use crate::support::{bash, contains, expect, ready, redis_at};

/// How often each pipe is tried: whether a reader leaves in time to matter is a race.
const TIMES: u32 = 50;

/// Runs `$W … | reader` many times as it is, and some times under `stdbuf`, which would change
/// only what a C library buffers.
#[track_caller]
fn many_times(line: &str) {
    for (buffer, times) in [
        ("", TIMES),
        ("stdbuf -o0 ", TIMES / 5),
        ("stdbuf -oL ", TIMES / 5),
    ] {
        let line = line.replace("$W", &format!("{buffer}\"$W\""));
        let script = format!(
            "for n in $(seq {times}); do {line} || {{ echo \"run $n: exit code $?\" >&2; exit 1; }}; done"
        );
        let (code, stdout, stderr) = bash(&script, &[]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{script}\n{stdout}");
    }
}

#[test]
fn lists_survive_readers_that_leave() {
    many_times("$W plugin list | grep -q redis");
    many_times("$W plugin list | head -1");
    many_times("$W plugin list | true");
    many_times("$W plugin list --output json | head -c 1");
}

#[test]
fn help_survives_readers_that_leave() {
    many_times("$W --help | head -1");
    many_times("$W --help | true");
    many_times("$W --version | true");
}

#[test]
fn help_of_probes_survives_readers_that_leave() {
    many_times("$W redis --help | true");
}

#[test]
fn json_survives_readers_that_leave() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    many_times(&format!("$W --output json {url} | head -1"));
}

#[test]
fn text_survives_readers_that_leave() {
    let Some(redis) = ready() else { return };
    let url = redis_at(redis.port);
    many_times(&format!("$W -vv {url} 2>&1 >/dev/null | true"));
}

#[test]
fn a_reader_that_left_does_not_change_the_verdict() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    for (args, wanted) in [
        (format!("--output json -t 200ms {closed}"), 124),
        (format!("--output json {good} -- sh -c 'exit 7'"), 7),
    ] {
        let script = format!("\"$W\" {args} | true; exit ${{PIPESTATUS[0]}}");
        let (code, _, stderr) = bash(&script, &[]);
        assert_eq!((code, stderr.as_str()), (Some(wanted), ""), "{script}");
    }
    // The report goes to standard error, whose reader leaves.
    let script = format!("\"$W\" -t 200ms {closed} 2>&1 | true; exit ${{PIPESTATUS[0]}}");
    assert_eq!(bash(&script, &[]).0, Some(124));
}

/// What prints to standard output without waiting.
const ANSWERS: [&str; 6] = [
    "plugin list",
    "plugin list --output json",
    "plugin info redis",
    "--help",
    "redis --help",
    "--version",
];

#[test]
fn a_full_disk_is_told() {
    for args in ANSWERS {
        let (code, _, stderr) = bash(&format!("\"$W\" {args} >/dev/full"), &[]);
        assert_eq!(code, Some(2), "{args}: {stderr}");
        let wanted = "error: cannot write to standard output: no space left on device";
        assert_eq!(stderr.lines().next(), Some(wanted), "{args}");
        assert!(!stderr.contains("panicked"), "{args}: {stderr}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_told_and_changes_no_verdict() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    for (args, wanted) in [
        (format!("--output json {good}"), 0),
        (format!("--output json -t 100ms {closed}"), 124),
    ] {
        let (code, _, stderr) = bash(&format!("\"$W\" {args} >/dev/full"), &[]);
        assert_eq!(code, Some(wanted), "{args}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args}: {stderr}");
        contains(&stderr.to_lowercase(), "no space left on device");
        assert_eq!(stderr.lines().count(), 1, "{args}: {stderr}");
        assert!(!stderr.contains("os error"), "{args}: {stderr}");
    }
    for (args, wanted) in [(good.clone(), 0), (format!("-t 100ms {closed}"), 124)] {
        let (code, stdout, _) = bash(&format!("\"$W\" {args} 2>/dev/full"), &[]);
        assert_eq!((code, stdout.as_str()), (Some(wanted), ""), "{args}");
    }
}

#[test]
fn closed_streams_are_no_panic() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    for args in ANSWERS {
        // A closed stream is opened to nowhere before any of our code runs.
        let (code, _, stderr) = bash(&format!("\"$W\" {args} >&-"), &[]);
        assert!(matches!(code, Some(0 | 2)), "{args}: {code:?} {stderr}");
        assert!(!stderr.contains("panicked"), "{args}: {stderr}");
    }
    for (args, wanted) in [
        (good.clone(), 0),
        (format!("--output json {good}"), 0),
        (format!("-t 100ms {closed}"), 124),
        (format!("--output json -t 100ms {closed}"), 124),
        ("--nosuch".to_owned(), 2),
    ] {
        for streams in [">&-", "2>&-", "<&- >&- 2>&-"] {
            let (code, stdout, stderr) = bash(&format!("\"$W\" {args} {streams}"), &[]);
            assert_eq!(code, Some(wanted), "{args} {streams}: {stdout}{stderr}");
        }
    }
    // The verdict's connection must not become the command's standard output.
    let script = format!("\"$W\" {good} -- sh -c 'echo for-nobody' >&-");
    let (code, _, stderr) = bash(&script, &[]);
    assert!(matches!(code, Some(0..=2)), "{code:?} {stderr}");
}

#[test]
fn quiet_prints_errors_only() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    let found = expect(0, &["-q", &good]);
    assert_eq!((found.stdout.as_str(), found.stderr.as_str()), ("", ""));
    for (code, args) in [
        (124, &["-q", "-t", "300ms", &good, &closed] as &[&str]),
        (2, &["-q", "--nosuch"]),
        // A bare number this large is worth a warning, which is no error.
        (2, &["-q", "-t", "5000", "--tls-ca", "/nosuch", &good]),
    ] {
        let found = expect(code, args);
        assert_eq!(found.stdout, "");
        let odd = found
            .stderr
            .lines()
            .find(|line| !line.starts_with("error: ") && !line.starts_with("hint: "));
        assert_eq!(odd, None, "{args:?}: {found:#?}");
        contains(&found.stderr, "error: ");
    }
    let found = expect(0, &["-q", "-t", "5000", &good]);
    assert_eq!(found.stderr, "");
    let found = expect(0, &["-t", "5000", &good]);
    contains(&found.stderr, "warning: `--timeout 5000` is in seconds");
}

#[test]
fn verbose_prints_attempts() {
    let Some(redis) = ready() else { return };
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    let found = expect(0, &["-v", "--successes", "3", &good]);
    for attempt in ["attempt 1 after ", "attempt 2 after ", "attempt 3 after "] {
        contains(&found.stderr, &format!("{good}: {attempt}"));
    }
    let plain = expect(0, &["--successes", "3", &good]);
    assert!(!plain.stderr.contains("attempt 1 after"), "{plain:#?}");
    let found = expect(124, &["-v", "-t", "300ms", &closed]);
    contains(&found.stderr, "attempt 2 after ");
    contains(&found.stderr, "not ready (refused)");
}

#[test]
fn text_without_a_terminal_has_no_escapes() {
    let Some(redis) = ready() else { return };
    let good = redis_at(redis.port);
    let found = expect(0, &[&good]);
    assert!(!found.stderr.contains('\u{1b}'), "{found:?}");
    let found = expect(0, &["--color", "always", &good]);
    contains(&found.stderr, "\u{1b}[");
    let found = expect(0, &["--color", "never", &good]);
    assert!(!found.stderr.contains('\u{1b}'), "{found:?}");
}
