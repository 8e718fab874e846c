//! Reports for people.

use super::super::text::Text;
use super::*;

fn output() -> OutputSettings {
    OutputSettings {
        color: Color::Never,
        ..OutputSettings::default()
    }
}

async fn text(output: &OutputSettings, settings: &WaitSettings, stories: Vec<Story>) -> String {
    let page = Page::default();
    let style = Style::new(output.color, false);
    let mut reporter = Text::new(Out::new(page.clone()), output, style);
    tell(&mut reporter, stories, settings).await;
    page.text()
}

fn within(secs: u64) -> WaitSettings {
    WaitSettings {
        timeout: Some(Duration::from_secs(secs)),
        ..WaitSettings::default()
    }
}

/// The report with `#` for each digit, so that it does not depend on the pace.
fn shape(report: &str) -> String {
    let mut shape = String::new();
    for character in report.chars() {
        if !character.is_ascii_digit() {
            shape.push(character);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape.replace("#.#", "#")
}

#[tokio::test(start_paused = true)]
async fn a_success_is_told_change_by_change() {
    let stories = vec![story(
        "redis://cache",
        vec![
            (500, not_ready("refused", "connection refused")),
            (700, not_ready("loading", "reading its data")),
            (1, ready()),
        ],
    )];
    assert_eq!(
        shape(&text(&output(), &within(60), stories).await),
        "redis://cache: not ready (refused) after # ms: connection refused\n\
         redis://cache: not ready (loading) after # ms: reading its data\n\
         ready: redis://cache after # s (# attempts): answered PONG\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_shows_when_what_was_seen_and_what_to_do() {
    let stories = vec![
        story("redis://good", vec![(1, ready())]),
        story(
            "redis://cache",
            vec![
                (500, not_ready("closed", "hung up at once")),
                (1, not_ready("refused", "connection refused")),
            ],
        ),
    ];
    assert_eq!(
        shape(&text(&output(), &within(30), stories).await),
        "ready: redis://good after # ms (# attempt): answered PONG\n\
         redis://cache: not ready (closed) after # ms: hung up at once\n\
         redis://cache: not ready (refused) after # ms: connection refused\n\
         error: redis://cache: not ready after # s and # attempts (refused): connection refused\n\
         \x20      # ms  not ready (closed), # attempts: hung up at once\n\
         \x20    # ms  not ready (refused), # attempts: connection refused\n\
         hint: nothing listens there: is the service started, and is this its port?\n"
    );
}

#[tokio::test(start_paused = true)]
async fn quiet_tells_only_what_failed() {
    let quiet = OutputSettings {
        quiet: true,
        verbose: 2,
        ..output()
    };
    let stories = || {
        vec![story(
            "redis://cache",
            vec![(500, not_ready("refused", "no")), (1, wrong_password())],
        )]
    };
    assert_eq!(
        text(&quiet, &within(60), stories()).await,
        "error: redis://cache: misconfigured (wrong-password): the server refused (secret)\n\
         hint: set --password-file\n"
    );
    assert_eq!(
        text(
            &quiet,
            &within(60),
            vec![story("redis://cache", vec![(1, ready())])]
        )
        .await,
        ""
    );
}

#[tokio::test(start_paused = true)]
async fn verbose_tells_every_attempt_and_twice_verbose_the_logs() {
    let settings = WaitSettings {
        successes: std::num::NonZeroU32::new(2).unwrap(),
        ..within(60)
    };
    let stories = || vec![story("redis://cache", vec![(1, ready())])];
    let once = text(
        &OutputSettings {
            verbose: 1,
            ..output()
        },
        &settings,
        stories(),
    )
    .await;
    assert_eq!(
        once,
        "redis://cache: attempt 1 after 0 ms, took 0.0 ms: ready: answered PONG\n\
         redis://cache: attempt 2 after 100 ms, took 0.0 ms: ready: answered PONG\n\
         ready: redis://cache after 100 ms (2 attempts): answered PONG\n"
    );
    let twice = text(
        &OutputSettings {
            verbose: 2,
            ..output()
        },
        &settings,
        stories(),
    )
    .await;
    assert!(
        twice.starts_with("redis://cache: debug: sent PING, with (secret)\n"),
        "{twice}"
    );
}

#[tokio::test(start_paused = true)]
async fn good_answers_that_do_not_suffice_are_not_told_as_ready() {
    let flapping = (0..40)
        .flat_map(|_| [(250, ready()), (250, not_ready("loading", "again"))])
        .collect();
    let settings = WaitSettings {
        stable_for: Duration::from_secs(1),
        ..within(5)
    };
    let report = text(&output(), &settings, vec![story("redis://cache", flapping)]).await;
    assert!(
        report
            .starts_with("redis://cache: ready after 0 ms, 1 good answer so far: answered PONG\n"),
        "{report}"
    );
    assert!(!report.contains("\nready:"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn an_unsteady_service_is_told_apart_from_an_absent_one() {
    let late = vec![(4_500, not_ready("loading", "reading")), (1, ready())];
    let settings = WaitSettings {
        stable_for: Duration::from_secs(2),
        ..within(5)
    };
    let report = text(&output(), &settings, vec![story("redis://cache", late)]).await;
    assert!(shape(&report).contains("error: redis://cache: not steadily ready after # s and # attempts: # good answers in a row within # ms of # s"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn not_speaks_of_the_wish() {
    let settings = WaitSettings {
        not: true,
        ..within(5)
    };
    let going = story(
        "redis://cache",
        vec![
            (100, ready()),
            (1, not_ready("refused", "connection refused")),
        ],
    );
    let report = text(&output(), &settings, vec![going]).await;
    assert!(
        shape(&report).ends_with("not ready, as wished: redis://cache after # ms (# attempts): refused: connection refused\n"),
        "{report}"
    );
    let report = text(
        &output(),
        &settings,
        vec![story("redis://cache", vec![(1, ready())])],
    )
    .await;
    assert!(
        shape(&report).contains("error: redis://cache: still ready after # s and # attempts"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_broken_plugin_is_named() {
    let broken = Verdict::Broken {
        code: "trap".to_owned(),
        reason: "unreachable code".to_owned(),
    };
    let report = text(
        &output(),
        &within(5),
        vec![story("redis://cache", vec![(1, broken)])],
    )
    .await;
    assert!(
        report.contains(
            "error: redis://cache: the plugin redis 1.0.0 broke (trap): unreachable code\n"
        ),
        "{report}"
    );
    assert!(
        report.contains("hint: this is a fault of the plugin"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_from_outside_can_break_out_of_its_line() {
    let hostile = "\u{1b}[2J\nready: fooled\r##[error]\u{202e}";
    let verdict = Verdict::NotReady {
        code: hostile.to_owned(),
        reason: hostile.to_owned(),
        wait_hint: None,
        facts: vec![(hostile.to_owned(), hostile.to_owned())],
    };
    let mut target = story(hostile, vec![(1, verdict)]);
    target.target.version = hostile.to_owned();
    for verbose in [0, 2] {
        let page = text(
            &OutputSettings {
                verbose,
                ..output()
            },
            &within(1),
            vec![story(hostile, target.answers.clone())],
        )
        .await;
        assert!(!page.contains(['\u{1b}', '\r', '\u{202e}']), "{page}");
        assert!(!page.contains("##"), "{page}");
        assert!(
            page.lines().all(|line| !line.starts_with("ready:")),
            "{page}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn colours_are_used_only_where_they_are_wanted() {
    let stories = || vec![story("redis://cache", vec![(1, ready())])];
    let plain = text(&output(), &within(5), stories()).await;
    let colored = OutputSettings {
        color: Color::Always,
        ..OutputSettings::default()
    };
    let colored = text(&colored, &within(5), stories()).await;
    assert!(!plain.contains('\u{1b}'));
    assert!(
        colored.starts_with("\u{1b}[32mready:\u{1b}[0m "),
        "{colored}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_timeline_shows_both_ends() {
    let states = (0..300)
        .map(|number| (400, not_ready(&format!("c{number}"), "")))
        .collect();
    let report = text(&output(), &within(60), vec![story("redis://cache", states)]).await;
    let explained = report.split("error:").nth(1).unwrap();
    assert!(
        explained.contains("(c0)") && explained.contains("(c3)"),
        "{explained}"
    );
    assert!(!explained.contains("(c4)"), "{explained}");
    assert!(explained.contains(" more states\n"), "{explained}");
    assert!(explained.lines().count() < 18, "{explained}");
}

#[tokio::test(start_paused = true)]
async fn of_many_failures_some_are_explained_and_the_rest_counted() {
    let stories = (0..50)
        .map(|number| {
            story(
                &format!("redis://n{number}"),
                vec![(1, not_ready("refused", "no"))],
            )
        })
        .collect();
    let report = text(&output(), &within(2), stories).await;
    assert_eq!(report.matches("error:").count(), 20);
    assert_eq!(report.matches("hint:").count(), 1, "the same for all");
    assert!(
        report.ends_with("and 30 more of 50 targets: 30 not ready (refused)\n"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_does_not_end_the_wait() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let mut reporter = Text::new(Out::new(Gone), &output(), Style::default());
    let answers = vec![(900, not_ready("refused", "no")), (1, ready())];
    let outcome = tell(
        &mut reporter,
        vec![story("redis://cache", answers)],
        &within(5),
    )
    .await;
    assert_eq!(outcome.exit, crate::exit::Exit::Ready);
}

#[test]
fn an_error_of_the_program_is_whole() {
    let page = Page::default();
    let digest = "9f".repeat(300);
    let error =
        Error::usage(format!("digest {digest} of (secret)\nx")).hint("see `waitfor plugin verify`");
    complain_on(&mut Out::new(page.clone()), &error, Style::default());
    assert_eq!(
        page.text(),
        format!("error: digest {digest} of (secret) x\nhint: see `waitfor plugin verify`\n")
    );
}

#[tokio::test(start_paused = true)]
async fn very_many_targets_are_told_of_together() {
    let stories = (0..200)
        .map(|number| {
            let refused = not_ready("refused", "no");
            let loading = not_ready("loading", "reading its data");
            let url = format!("redis://n{number}");
            match number {
                0..150 => story(&url, vec![(300, refused), (1, ready())]),
                150..197 => story(&url, vec![(300, refused), (4_000, loading), (1, ready())]),
                _ => story(&url, vec![(9_000, refused), (1, ready())]),
            }
        })
        .collect();
    let report = text(&output(), &within(60), stories).await;
    assert!(report.lines().count() <= 10, "{report}");
    for line in [
        "200 targets after 1 s: 150 done, 47 not ready (loading), 3 not ready (refused)\n",
        ": 197 done, 3 not ready (refused): redis://n197, redis://n198, redis://n199\n",
    ] {
        assert!(report.contains(line), "{report}");
    }
    let last = report.lines().last().map(shape);
    let expected = "ready: # targets after # s (# attempts)";
    assert_eq!(last.as_deref(), Some(expected), "{report}");
}
