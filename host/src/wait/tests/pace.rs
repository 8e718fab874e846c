//! The bounds that hold for every pause, whatever was seen.

use proptest::prelude::*;

use super::super::attempt::Road;
use super::super::budget::Affordable;
use super::super::pace::{Answer, Mood, Pace};
use super::super::streak::Due;
use super::*;

fn durations(most_ms: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0..=most_ms * 1_000).prop_map(Duration::from_micros),
        1 => Just(Duration::ZERO),
    ]
}

fn moods() -> impl Strategy<Value = Mood> {
    prop_oneof![
        Just(Mood::Refused),
        Just(Mood::NameUnknown),
        Just(Mood::Closed),
        Just(Mood::Usual),
        Just(Mood::Broken),
        durations(60_000).prop_map(Mood::Suspect),
        durations(60_000).prop_map(|due| Mood::Good(Due::In(due))),
        durations(60_000).prop_map(|due| Mood::Good(Due::Within(due))),
    ]
}

fn roads() -> impl Strategy<Value = Road> {
    (durations(1_000), proptest::option::of(durations(1_000)))
        .prop_map(|(lookup, connect)| Road { lookup, connect })
}

fn answers() -> impl Strategy<Value = Answer> {
    let affordable = durations(1_000).prop_map(|steady| Affordable {
        steady,
        now: steady,
    });
    (
        moods(),
        any::<bool>(),
        durations(600_000),
        durations(10_000),
        roads(),
        proptest::option::of(durations(100_000)),
        affordable,
    )
        .prop_map(|(mood, news, calm, took, road, hint, affordable)| Answer {
            mood,
            news,
            calm,
            took,
            road,
            hint,
            affordable,
        })
}

/// Where nobody listens, nobody is bothered.
fn least(answer: &Answer) -> Duration {
    match answer.mood {
        Mood::Refused => ms(1),
        _ => ms(4),
    }
}

proptest! {
    #[test]
    fn no_pause_is_beyond_what_was_asked_for_or_below_what_is_polite(
        interval in durations(5_000),
        local in any::<bool>(),
        seed in any::<u64>(),
        answers in proptest::collection::vec(answers(), 1..40),
    ) {
        let mut pace = Pace::new(interval, local, seed);
        let interval = interval.max(ms(1));
        let mut slowest = Duration::ZERO;
        for answer in answers {
            let pause = pace.pause(&answer);
            slowest = slowest.max(answer.took);
            // Only a server that took long is left alone for longer.
            let rest = if slowest < ms(100) { slowest * 2 } else { interval * 5 };
            let most = interval.max(rest.min(interval * 5).mul_f64(1.2));
            prop_assert!(pause <= most, "{pause:?} > {most:?}: {answer:?}");
            let least = least(&answer).min(interval);
            prop_assert!(pause >= least, "{pause:?} < {least:?}: {answer:?}");
        }
    }

    #[test]
    fn no_attempt_is_planned_past_the_deadline_and_none_is_left_out_needlessly(
        local in any::<bool>(),
        seed in any::<u64>(),
        answer in answers(),
        remaining in durations(3_000),
    ) {
        let mut pace = Pace::new(ms(1_000), local, seed);
        let pause = pace.pause(&answer);
        prop_assert_eq!(pace.fit(pause, &answer, None), Some(pause));
        match pace.fit(pause, &answer, Some(remaining)) {
            Some(fitted) => {
                prop_assert!(fitted < remaining);
                prop_assert!(fitted <= pause);
                prop_assert!(fitted >= least(&answer));
            }
            None => {
                // Only where not even the shortest decent pause fits.
                let decent = match answer.mood {
                    Mood::Suspect(_) => ms(250),
                    Mood::NameUnknown | Mood::Broken => ms(100),
                    _ => least(&answer),
                };
                prop_assert!(remaining <= decent);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses(seed in any::<u64>(), answers in proptest::collection::vec(answers(), 1..20)) {
        let pauses = || {
            let mut pace = Pace::new(ms(1_000), false, seed);
            answers.iter().map(|answer| pace.pause(answer)).collect::<Vec<_>>()
        };
        prop_assert_eq!(pauses(), pauses());
    }
}

fn seen(mood: Mood) -> Answer {
    Answer {
        mood,
        news: false,
        calm: Duration::ZERO,
        took: Duration::ZERO,
        road: Road::default(),
        hint: None,
        affordable: Affordable::default(),
    }
}

/// The pauses after so many of these answers in a row.
fn pauses(pace: &mut Pace, answer: &Answer, count: usize) -> Vec<Duration> {
    (0..count).map(|_| pace.pause(answer)).collect()
}

#[test]
fn attempts_are_close_together_after_news_and_move_apart() {
    for local in [true, false] {
        let mut pace = Pace::new(ms(1_000), local, 7);
        let mut pauses = Vec::new();
        for number in 0..300_u32 {
            let answer = Answer {
                news: number == 0,
                calm: ms(20) * number * number,
                ..seen(Mood::Usual)
            };
            pauses.push(pace.pause(&answer));
        }
        assert!(pauses[0] <= ms(5), "{:?}", pauses[0]);
        assert!(pauses[20] <= ms(60), "{:?}", pauses[20]);
        assert!(pauses[299] >= ms(800), "{:?}", pauses[299]);
        let again = pace.pause(&Answer {
            news: true,
            ..seen(Mood::Usual)
        });
        assert!(again <= ms(5), "{again:?}");
    }
}

#[test]
fn a_refused_local_port_is_asked_often_for_ever() {
    let mut pace = Pace::new(ms(1_000), true, 7);
    let answer = Answer {
        calm: ms(600_000),
        took: Duration::from_micros(50),
        ..seen(Mood::Refused)
    };
    let last = pauses(&mut pace, &answer, 50).pop().unwrap();
    assert!(last >= ms(6) && last <= ms(10), "{last:?}");
}

#[test]
fn what_this_machine_cannot_afford_is_not_done() {
    for mood in [Mood::Refused, Mood::Usual, Mood::Closed] {
        let mut pace = Pace::new(ms(1_000), true, 7);
        let answer = Answer {
            affordable: Affordable {
                steady: ms(100),
                now: Duration::ZERO,
            },
            took: ms(1),
            ..seen(mood)
        };
        let last = pauses(&mut pace, &answer, 50).pop().unwrap();
        assert!(last >= ms(79) && last <= ms(120), "{mood:?}: {last:?}");
    }
}

#[test]
fn who_is_in_debt_does_not_begin_close_together() {
    let mut pace = Pace::new(ms(1_000), true, 7);
    let debt = Affordable {
        steady: ms(100),
        now: ms(100),
    };
    let answer = Answer {
        news: true,
        affordable: debt,
        ..seen(Mood::Refused)
    };
    assert!(pace.pause(&answer) >= ms(80));
}

#[test]
fn pauses_are_spread_near_and_far() {
    for local in [true, false] {
        let mut pace = Pace::new(ms(1_000), local, 7);
        let answer = Answer {
            calm: ms(100_000),
            ..seen(Mood::Usual)
        };
        let pauses = pauses(&mut pace, &answer, 100).split_off(20);
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*most >= least.mul_f64(1.4), "{least:?} to {most:?}");
        let middle = if local { ms(250) } else { ms(500) };
        assert!(*least >= middle.mul_f64(0.8), "{least:?} to {most:?}");
        assert!(*most <= middle.mul_f64(1.2), "{least:?} to {most:?}");
    }
}

#[test]
fn a_busy_server_rests_and_a_far_one_need_not() {
    let busy = Answer {
        took: ms(300),
        road: Road {
            lookup: Duration::ZERO,
            connect: Some(Duration::from_micros(100)),
        },
        ..seen(Mood::Usual)
    };
    let mut pace = Pace::new(ms(1_000), false, 7);
    let pause = pace.pause(&busy);
    assert!(pause >= ms(470) && pause <= ms(720), "{pause:?}");
    // A hiccup of the machine is none of the server's.
    let quick = Answer {
        took: ms(1),
        ..busy
    };
    let mut pace = Pace::new(ms(1_000), false, 7);
    pauses(&mut pace, &quick, 30);
    assert!(pace.pause(&busy) <= ms(13));
    // One that stays so has others to attend to, more and more.
    let pauses_then = pauses(&mut pace, &busy, 6);
    assert!(pauses_then[0] >= ms(900), "{pauses_then:?}");
    assert!(pauses_then[5] >= ms(4_000), "{pauses_then:?}");
    // It is not forgotten at once, nor remembered for ever.
    assert!(pace.pause(&quick) >= ms(3_000));
    assert!(pauses(&mut pace, &quick, 70).pop().unwrap() <= ms(13));
    let far = Answer {
        road: Road {
            lookup: ms(60),
            connect: Some(ms(40)),
        },
        ..busy
    };
    let mut pace = Pace::new(ms(1_000), false, 7);
    assert!(pauses(&mut pace, &far, 30).pop().unwrap() <= ms(13));
}

#[test]
fn a_connection_that_was_held_is_followed_by_the_next() {
    let held = Answer {
        took: ms(5_000),
        calm: ms(60_000),
        ..seen(Mood::Closed)
    };
    let mut pace = Pace::new(ms(1_000), true, 7);
    let pauses = pauses(&mut pace, &held, 20);
    assert!(pauses.iter().all(|pause| *pause <= ms(12)), "{pauses:?}");
}
