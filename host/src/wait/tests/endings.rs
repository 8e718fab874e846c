//! How a wait ends: in time, whatever happens, and with the right evidence.

use super::*;

fn within(timeout: u64) -> WaitSettings {
    WaitSettings {
        timeout: Some(ms(timeout)),
        ..settings()
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_holds_against_an_attempt_that_never_ends() {
    let log = Log::default();
    let outcome = wait_for(script(|_| (NEVER, ready())).logged(&log), &within(2_000)).await;
    assert_eq!((outcome.exit, outcome.elapsed), (Exit::NotReady, ms(2_000)));
    assert_eq!(log.under_way.get(), 0);
    assert_eq!(outcome.targets[0].verdict.code(), "timed-out");
    assert_eq!(outcome.targets[0].attempts, 1);
}

/// An attempt that is always busy.
struct Spinning(TargetInfo);

impl Attempt for Spinning {
    fn target(&self) -> &TargetInfo {
        &self.0
    }

    async fn attempt(&self, _deadline: Instant) -> Verdict {
        loop {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn the_timeout_holds_against_an_attempt_that_is_always_busy() {
    let target = Spinning(script(|_| ready()).target);
    let outcome = run(vec![target], &within(20), &mut Told::default(), pending()).await;
    assert_eq!(outcome.exit, Exit::NotReady);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_holds_to_the_millisecond_in_every_state() {
    for verdict in [
        not_ready("refused"),
        not_ready("loading"),
        not_ready("name-unknown"),
    ] {
        for takes in [0, 3, 90, 800] {
            let reply = verdict.clone();
            let target = script(move |_| (ms(takes), reply.clone()));
            let outcome = wait_for(target, &within(1_234)).await;
            assert_eq!((outcome.exit, outcome.elapsed), (Exit::NotReady, ms(1_234)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_the_wait_goes_on() {
    for timeout in [None, Some(Duration::MAX)] {
        let settings = WaitSettings {
            timeout,
            ..settings()
        };
        let slow = script(|now| {
            if now < ms(3_600_000) {
                not_ready("loading")
            } else {
                ready()
            }
        });
        let outcome = wait_for(slow, &settings).await;
        assert_eq!(outcome.exit, Exit::Ready);
    }
}

#[tokio::test(start_paused = true)]
async fn extreme_settings_are_borne() {
    let settings = WaitSettings {
        timeout: Some(ms(500)),
        interval: Duration::MAX,
        stable_for: Duration::MAX,
        grace: Duration::MAX,
        successes: NonZeroU32::MAX,
        ..settings()
    };
    for verdict in [
        ready(),
        not_ready("refused"),
        misconfigured("wrong-password"),
    ] {
        let outcome = wait_for(script(move |_| verdict.clone()), &settings).await;
        assert_ne!(outcome.exit, Exit::Ready);
    }
    let settings = WaitSettings {
        interval: Duration::ZERO,
        timeout: Some(ms(100)),
        ..WaitSettings::default()
    };
    let log = Log::default();
    wait_for(script(|_| not_ready("loading")).logged(&log), &settings).await;
    assert!(
        log.count() <= 110,
        "an interval of nothing is no busy loop: {}",
        log.count()
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_comes_just_before_the_end_is_seen() {
    for remote in [false, true] {
        let slow = script(|now| {
            (
                ms(20),
                if now >= ms(9_930) {
                    ready()
                } else {
                    not_ready("loading")
                },
            )
        });
        let target = if remote { slow.remote() } else { slow };
        let outcome = wait_for(target, &within(10_000)).await;
        assert_eq!(outcome.exit, Exit::Ready, "remote: {remote}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_cut_short_does_not_hide_what_is_known() {
    let target = script(|now| {
        let takes = if now < ms(1_950) {
            Duration::ZERO
        } else {
            NEVER
        };
        (takes, not_ready("loading"))
    });
    let outcome = wait_for(target, &within(2_000)).await;
    assert_eq!(outcome.targets[0].verdict.code(), "loading");
    assert_eq!(outcome.targets[0].timeline.kept(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_silence_until_the_end_is_evidence() {
    let target = script(|now| {
        let takes = if now < ms(500) { Duration::ZERO } else { NEVER };
        (takes, not_ready("refused"))
    });
    let outcome = wait_for(target, &within(4_000)).await;
    assert_eq!(outcome.targets[0].verdict.code(), "timed-out");
    let codes: Vec<_> = outcome.targets[0]
        .timeline
        .spans()
        .map(|span| span.code.clone())
        .collect();
    assert_eq!(codes, ["refused", "timed-out"]);
}

#[tokio::test(start_paused = true)]
async fn misconfigured_within_the_grace_is_told_when_the_time_is_up() {
    let settings = WaitSettings {
        grace: ms(60_000),
        ..within(5_000)
    };
    let log = Log::default();
    let outcome = wait_for(
        script(|_| misconfigured("wrong-password")).logged(&log),
        &settings,
    )
    .await;
    assert_eq!(
        (outcome.exit, outcome.elapsed),
        (Exit::Misconfigured, ms(5_000))
    );
    assert!(log.count() <= 10, "{}", log.count());
    let targets = vec![
        script(|_| misconfigured("wrong-password")),
        script(|_| not_ready("refused")),
    ];
    assert_eq!(wait(targets, &settings).await.exit, Exit::Misconfigured);
}

#[tokio::test(start_paused = true)]
async fn a_target_being_asked_once_more_when_the_time_is_up_stays_ready() {
    let number = Cell::new(0);
    let slow = script(move |_| {
        number.set(number.get() + 1);
        (
            if number.get() > 1 {
                NEVER
            } else {
                Duration::ZERO
            },
            ready(),
        )
    });
    let outcome = wait(vec![slow, ready_from(ms(1_900))], &within(2_000)).await;
    assert_eq!(outcome.exit, Exit::Ready);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_wait_with_its_own_code() {
    let interrupts = async {
        sleep(ms(1_500)).await;
        Exit::Terminated
    };
    let targets = vec![
        script(|_| not_ready("loading")),
        script(|_| (NEVER, ready())),
    ];
    let outcome = run(targets, &settings(), &mut Told::default(), interrupts).await;
    assert_eq!(
        (outcome.exit, outcome.elapsed),
        (Exit::Terminated, ms(1_500))
    );
    assert_eq!(outcome.targets[0].verdict.code(), "loading");
    assert_eq!(outcome.targets[1].verdict.code(), "no-answer");
}

#[tokio::test(start_paused = true)]
async fn nothing_to_wait_for_is_an_error() {
    for any in [false, true] {
        let settings = WaitSettings { any, ..settings() };
        assert_eq!(wait(Vec::new(), &settings).await.exit, Exit::Usage);
    }
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_once_and_in_order() {
    let mut told = Told::default();
    let target = script(|now| match now.as_millis() {
        0..500 => not_ready("refused"),
        500..1_000 => not_ready("loading"),
        _ => ready(),
    });
    let settings = WaitSettings {
        successes: successes(2),
        ..settings()
    };
    let outcome = run(vec![target], &settings, &mut told, pending()).await;
    assert_eq!(
        told.0,
        ["0 refused", "0 loading", "0 ready", "0 met", "exit 0"]
    );
    let spans: Vec<_> = outcome.targets[0].timeline.spans().collect();
    assert_eq!(
        spans.iter().map(|span| span.attempts).sum::<u64>(),
        outcome.targets[0].attempts
    );
    assert!(spans[1].from >= ms(500) && spans[2].from >= ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_local_port_is_cheap() {
    let log = Log::default();
    wait_for(
        script(|_| (ms(1), not_ready("refused"))).logged(&log),
        &within(10_000),
    )
    .await;
    assert!(log.count() < 1_200, "{}", log.count());
    // However little it takes, a pause is 8 ms, more or less.
    let log = Log::default();
    wait_for(
        script(|_| not_ready("refused")).logged(&log),
        &within(10_000),
    )
    .await;
    assert!(log.count() < 1_350, "{}", log.count());
    // Where an attempt is dear, there are fewer.
    let log = Log::default();
    let dear = script(|_| not_ready("refused")).costs(ms(1));
    wait_for(dear.logged(&log), &within(10_000)).await;
    assert!(log.count() < 190, "{}", log.count());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_flaps_is_not_asked_faster_for_it() {
    let count = |flaps: bool| async move {
        let log = Log::default();
        let number = Cell::new(0);
        let target = script(move |_| {
            number.set(number.get() + 1);
            not_ready(if flaps && number.get() % 2 == 0 {
                "reset"
            } else {
                "closed"
            })
        });
        wait_for(target.logged(&log), &within(30_000)).await;
        log.count()
    };
    // The pause grows with the time without news, in either case.
    let (steady, flapping) = (count(false).await, count(true).await);
    assert!(steady < 1_300, "{steady}");
    assert!(flapping < steady + 60, "{flapping} against {steady}");
}

#[tokio::test(start_paused = true)]
async fn very_many_targets_take_turns() {
    let log = Log::default();
    let spent = Rc::default();
    let targets = (0..2_000)
        .map(|_| {
            script(|now| {
                (
                    ms(10),
                    if now < ms(3_000) {
                        not_ready("loading")
                    } else {
                        ready()
                    },
                )
            })
            .logged(&log)
            .costs_of(&spent, Duration::from_micros(30))
        })
        .collect();
    let outcome = wait(targets, &settings()).await;
    assert_eq!(outcome.exit, Exit::Ready);
    assert!(log.most.get() <= 1_024, "{}", log.most.get());
    // Without a budget it would be 13 s; the interval bounds every pause.
    let spent: Duration = spent.get();
    assert!(spent < ms(1_000), "they share a budget: {spent:?}");
    assert!(outcome.elapsed < ms(4_300), "{:?}", outcome.elapsed);
}
