//! What each option means, to the letter.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_ready_target_is_asked_once_and_no_time_passes() {
    let log = Log::default();
    let outcome = wait_for(script(|_| ready()).logged(&log), &settings()).await;
    assert_eq!(
        (outcome.exit, outcome.elapsed, log.count()),
        (Exit::Ready, Duration::ZERO, 1)
    );
    assert_eq!(outcome.targets[0].fate, Fate::Met(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_comes_up_is_noticed_within_20_ms() {
    for at in [1, 37, 250, 999, 1_500, 3_000, 20_000, 59_000] {
        let outcome = wait_for(ready_from(ms(at)), &settings()).await;
        assert_eq!(outcome.exit, Exit::Ready);
        let lag = outcome.elapsed - ms(at);
        assert!(lag <= ms(20), "{at} ms: {lag:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn successes_must_be_in_a_row() {
    // The third of every three answers is bad, until 2 s.
    let number = Cell::new(0);
    let flapping = script(move |now| {
        number.set(number.get() + 1);
        if number.get() % 3 == 0 && now < ms(2_000) {
            not_ready("loading")
        } else {
            ready()
        }
    });
    let log = Log::default();
    let settings = WaitSettings {
        successes: successes(3),
        ..settings()
    };
    let outcome = wait_for(flapping.logged(&log), &settings).await;
    assert_eq!(outcome.exit, Exit::Ready);
    let asked = log.asked.borrow();
    let row = asked
        .iter()
        .rev()
        .take_while(|asked| asked.verdict == ready())
        .count();
    assert_eq!(row, 3, "as soon as there are three, and no sooner");
    assert!(outcome.elapsed >= ms(2_000));
}

#[tokio::test(start_paused = true)]
async fn stable_for_is_the_time_between_the_first_and_the_last_good_answer() {
    for takes in [0, 7, 200] {
        let log = Log::default();
        let target = script(move |now| {
            let verdict = if now < ms(100) {
                not_ready("loading")
            } else {
                ready()
            };
            (ms(takes), verdict)
        });
        let settings = WaitSettings {
            stable_for: ms(1_000),
            ..settings()
        };
        let outcome = wait_for(target.logged(&log), &settings).await;
        assert_eq!(outcome.exit, Exit::Ready);
        let asked = log.asked.borrow();
        let first = asked.iter().find(|asked| asked.verdict == ready()).unwrap();
        let last = asked.last().unwrap();
        assert!(last.started - first.ended >= ms(1_000));
        assert!(
            last.started - first.ended <= ms(1_000) + ms(takes + 5),
            "no longer than asked for"
        );
        assert!(asked.len() > 4, "looks in between: {}", asked.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_no_attempt_saw_starts_the_window_again() {
    let target = script(|now| of_incarnation(Some(if now < ms(600) { "first" } else { "second" })));
    let settings = WaitSettings {
        stable_for: ms(1_000),
        ..settings()
    };
    let outcome = wait_for(target, &settings).await;
    assert_eq!(outcome.exit, Exit::Ready);
    assert!(outcome.elapsed >= ms(1_600), "{:?}", outcome.elapsed);
}

#[tokio::test(start_paused = true)]
async fn any_needs_one_and_drops_the_others() {
    let log = Log::default();
    let hanging = script(|_| (NEVER, ready())).logged(&log);
    let wrong = script(|_| misconfigured("wrong-password"));
    let settings = WaitSettings {
        any: true,
        ..settings()
    };
    let outcome = wait(vec![hanging, wrong, ready_from(ms(5_000))], &settings).await;
    assert_eq!(outcome.exit, Exit::Ready);
    assert_eq!(outcome.targets[0].fate, Fate::Waiting);
    assert_eq!(outcome.targets[1].fate, Fate::Hopeless(Exit::Misconfigured));
    assert!(matches!(outcome.targets[2].fate, Fate::Met(_)));
    assert_eq!(log.under_way.get(), 0, "the attempt under way was dropped");
}

#[tokio::test(start_paused = true)]
async fn any_gives_up_when_all_are_hopeless() {
    let settings = WaitSettings {
        any: true,
        ..settings()
    };
    let targets = vec![
        script(|_| misconfigured("wrong-password")),
        script(|_| broken()),
    ];
    let outcome = wait(targets, &settings).await;
    assert_eq!(outcome.exit, Exit::Misconfigured);
    assert!(outcome.elapsed < ms(5_000));
}

#[tokio::test(start_paused = true)]
async fn any_is_not_ready_while_one_target_may_come() {
    let settings = WaitSettings {
        any: true,
        timeout: Some(ms(10_000)),
        ..settings()
    };
    let targets = vec![
        script(|_| misconfigured("wrong-password")),
        script(|_| not_ready("refused")),
    ];
    let outcome = wait(targets, &settings).await;
    assert_eq!(
        (outcome.exit, outcome.elapsed),
        (Exit::NotReady, ms(10_000))
    );
}

#[tokio::test(start_paused = true)]
async fn all_targets_are_asked_at_once() {
    let settings = settings();
    let targets = vec![
        ready_from(ms(1_000)),
        ready_from(ms(1_000)),
        ready_from(ms(1_000)),
    ];
    let outcome = wait(targets, &settings).await;
    assert_eq!(outcome.exit, Exit::Ready);
    assert!(outcome.elapsed < ms(1_030), "{:?}", outcome.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_went_away_while_others_came_is_not_ready() {
    let restarting = script(|now| match now.as_millis() {
        0..2_000 | 8_000.. => ready(),
        _ => not_ready("loading"),
    });
    let log = Log::default();
    let outcome = wait(
        vec![restarting.logged(&log), ready_from(ms(5_000))],
        &settings(),
    )
    .await;
    assert_eq!(outcome.exit, Exit::Ready);
    assert!(outcome.elapsed >= ms(8_000));
    assert_eq!(log.starts()[0], Duration::ZERO);
    assert!(
        log.starts()[1] >= ms(5_000),
        "left alone until the other came"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_stayed_is_asked_once_more_at_the_end() {
    let log = Log::default();
    let mut told = Told::default();
    let targets = vec![script(|_| ready()).logged(&log), ready_from(ms(5_000))];
    let outcome = run(targets, &settings(), &mut told, pending()).await;
    assert_eq!((outcome.exit, log.count()), (Exit::Ready, 2));
    assert_eq!(outcome.targets[0].fate, Fate::Met(Duration::ZERO));
    assert_eq!(
        told.0,
        [
            "0 ready",
            "0 met",
            "1 refused",
            "1 ready",
            "1 met",
            "exit 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn not_waits_until_the_target_is_gone() {
    let settings = WaitSettings {
        not: true,
        ..settings()
    };
    for code in [
        "refused",
        "no-socket",
        "closed",
        "loading",
        "timed-out",
        "unreachable",
    ] {
        let going = script(move |now| {
            if now < ms(700) {
                ready()
            } else {
                not_ready(code)
            }
        });
        let outcome = wait_for(going, &settings).await;
        assert_eq!(outcome.exit, Exit::Ready, "{code}");
        assert!(outcome.elapsed >= ms(700));
    }
}

#[tokio::test(start_paused = true)]
async fn not_never_takes_an_error_of_ours_for_a_success() {
    let settings = WaitSettings {
        not: true,
        ..settings()
    };
    for code in [
        "io",
        "quota",
        "not-permitted",
        "policy-denied",
        "tls-config",
        "name-unknown",
    ] {
        let outcome = wait_for(script(move |_| not_ready(code)), &settings).await;
        assert_eq!(outcome.exit, Exit::NotReady, "{code}");
    }
    let outcome = wait_for(script(|_| misconfigured("tls-certificate")), &settings).await;
    assert_eq!(outcome.exit, Exit::Misconfigured);
    let outcome = wait_for(script(|_| broken()), &settings).await;
    assert_eq!(outcome.exit, Exit::PluginBroke);
    let outcome = wait_for(script(|_| ready()), &settings).await;
    assert_eq!(outcome.exit, Exit::NotReady);
}

#[tokio::test(start_paused = true)]
async fn not_takes_an_unknown_name_only_after_it_was_known() {
    let settings = WaitSettings {
        not: true,
        ..settings()
    };
    let going = script(|now| {
        if now < ms(50) {
            ready()
        } else {
            not_ready("name-unknown")
        }
    });
    assert_eq!(wait_for(going, &settings).await.exit, Exit::Ready);
    // A name server that does not answer proves nothing about the name.
    let unknown = script(|now| not_ready(if now < ms(50) { "io" } else { "name-unknown" }));
    assert_eq!(wait_for(unknown, &settings).await.exit, Exit::NotReady);
}

#[tokio::test(start_paused = true)]
async fn not_does_not_take_an_attempt_that_the_timeout_cut_off() {
    let settings = WaitSettings {
        not: true,
        timeout: Some(ms(2_000)),
        ..settings()
    };
    let outcome = wait_for(script(|_| (NEVER, ready())), &settings).await;
    assert_eq!(outcome.exit, Exit::NotReady);
    let obedient = script(|_| (ms(2_000), not_ready("timed-out")));
    let outcome = wait_for(obedient, &settings).await;
    assert_eq!((outcome.exit, outcome.elapsed), (Exit::NotReady, ms(2_000)));
}

#[tokio::test(start_paused = true)]
async fn not_counts_successes_too() {
    let settings = WaitSettings {
        not: true,
        stable_for: ms(500),
        ..settings()
    };
    let flapping = script(|now| match now.as_millis() {
        0..300 | 600..900 => not_ready("refused"),
        300..600 => ready(),
        _ => not_ready("closed"),
    });
    let outcome = wait_for(flapping, &settings).await;
    assert_eq!(outcome.exit, Exit::Ready);
    assert!(outcome.elapsed >= ms(1_100), "{:?}", outcome.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_answer_must_persist_for_the_grace() {
    let log = Log::default();
    let outcome = wait_for(
        script(|_| misconfigured("wrong-password")).logged(&log),
        &settings(),
    )
    .await;
    assert_eq!(
        (outcome.exit, outcome.elapsed),
        (Exit::Misconfigured, ms(3_000))
    );
    assert!(
        log.count() <= 6,
        "accounts must not be locked: {}",
        log.count()
    );
}

#[tokio::test(start_paused = true)]
async fn no_grace_gives_up_at_once() {
    let settings = WaitSettings {
        grace: Duration::ZERO,
        ..settings()
    };
    let outcome = wait_for(script(|_| misconfigured("wrong-password")), &settings).await;
    assert_eq!(
        (outcome.exit, outcome.elapsed),
        (Exit::Misconfigured, Duration::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_answer_that_passes_is_forgiven() {
    let target = script(|now| match now.as_millis() {
        0..2_500 | 3_500..6_000 => misconfigured("unknown-database"),
        2_500..3_500 => not_ready("starting-up"),
        _ => ready(),
    });
    let outcome = wait_for(target, &settings()).await;
    assert_eq!(outcome.exit, Exit::Ready);
}

#[tokio::test(start_paused = true)]
async fn another_code_starts_the_grace_again() {
    let target = script(|now| {
        misconfigured(if now < ms(2_000) {
            "wrong-password"
        } else {
            "unknown-database"
        })
    });
    let outcome = wait_for(target, &settings()).await;
    assert_eq!(outcome.exit, Exit::Misconfigured);
    assert!(outcome.elapsed >= ms(5_000), "{:?}", outcome.elapsed);
}

#[tokio::test(start_paused = true)]
async fn one_misconfigured_target_ends_the_wait_for_all() {
    let targets = vec![
        script(|_| not_ready("refused")),
        script(|_| misconfigured("wrong-password")),
    ];
    let outcome = wait(targets, &settings()).await;
    assert_eq!(
        (outcome.exit, outcome.elapsed),
        (Exit::Misconfigured, ms(3_000))
    );
    assert_eq!(outcome.targets[0].fate, Fate::Waiting);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_may_break_twice_and_not_thrice() {
    let breaking = |times: u32| {
        let number = Cell::new(0);
        script(move |_| {
            number.set(number.get() + 1);
            if number.get() <= times {
                broken()
            } else {
                ready()
            }
        })
    };
    assert_eq!(wait_for(breaking(2), &settings()).await.exit, Exit::Ready);
    let outcome = wait_for(breaking(3), &settings()).await;
    assert_eq!(outcome.exit, Exit::PluginBroke);
    assert!(outcome.elapsed < ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn the_interval_bounds_every_pause_and_a_hint_cannot_exceed_it() {
    for local in [true, false] {
        let log = Log::default();
        let mut target = script(|_| Verdict::NotReady {
            code: "busy".to_owned(),
            reason: String::new(),
            wait_hint: Some(Duration::from_secs(3_600)),
            facts: Vec::new(),
        });
        target.target.local = local;
        let settings = WaitSettings {
            interval: ms(300),
            timeout: Some(ms(10_000)),
            ..settings()
        };
        wait_for(target.logged(&log), &settings).await;
        let starts = log.starts();
        assert!(
            starts.windows(2).all(|pair| pair[1] - pair[0] <= ms(302)),
            "{starts:?}"
        );
        assert!(starts.len() < 45, "the hint slows down: {}", starts.len());
    }
}
