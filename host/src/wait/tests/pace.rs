//! The bounds that hold for every pause, whatever was seen.

use proptest::prelude::*;

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
        Just(Mood::Usual),
        Just(Mood::Broken),
        durations(60_000).prop_map(Mood::Suspect),
        durations(60_000).prop_map(|due| Mood::Good(Due::In(due))),
        durations(60_000).prop_map(|due| Mood::Good(Due::Within(due))),
    ]
}

fn answers() -> impl Strategy<Value = Answer> {
    (
        moods(),
        any::<bool>(),
        durations(600_000),
        durations(10_000),
        proptest::option::of(durations(100_000)),
        1..2_000_u32,
    )
        .prop_map(|(mood, news, calm, took, hint, crowd)| Answer {
            mood,
            news,
            calm,
            took,
            hint,
            crowd,
        })
}

proptest! {
    #[test]
    fn no_pause_is_beyond_the_interval_or_below_what_is_polite(
        interval in durations(5_000),
        local in any::<bool>(),
        seed in any::<u64>(),
        answers in proptest::collection::vec(answers(), 1..40),
    ) {
        let mut pace = Pace::new(interval, local, seed);
        let interval = interval.max(ms(1));
        for answer in answers {
            let pause = pace.pause(&answer);
            prop_assert!(pause <= interval, "{pause:?} > {interval:?}: {answer:?}");
            let least = answer.took.max(ms(4)).min(interval);
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
                prop_assert!(fitted >= answer.took.max(ms(4)).min(ms(1_000)));
            }
            None => {
                // Only where not even the shortest decent pause fits.
                let decent = match answer.mood {
                    Mood::Suspect(_) => ms(250),
                    Mood::NameUnknown | Mood::Broken => ms(100),
                    _ => ms(4),
                };
                prop_assert!(remaining <= decent.max(answer.took));
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
        hint: None,
        crowd: 1,
    }
}

#[test]
fn attempts_are_close_together_after_news_and_move_apart() {
    for local in [true, false] {
        let mut pace = Pace::new(ms(1_000), local, 7);
        let mut pauses = Vec::new();
        for number in 0..200_u32 {
            let answer = Answer {
                news: number == 0,
                calm: ms(20) * number * number,
                ..seen(Mood::Usual)
            };
            pauses.push(pace.pause(&answer));
        }
        assert!(pauses[0] <= ms(12), "{:?}", pauses[0]);
        assert!(pauses[199] >= ms(800), "{:?}", pauses[199]);
        let again = pace.pause(&Answer {
            news: true,
            ..seen(Mood::Usual)
        });
        assert!(again <= ms(12), "{again:?}");
    }
}

#[test]
fn a_refused_local_port_is_asked_often_for_ever() {
    for (took, steady) in [(50, 12), (200, 16), (300, 20), (5_000, 20)] {
        let mut pace = Pace::new(ms(1_000), true, 7);
        let answer = Answer {
            calm: ms(600_000),
            took: Duration::from_micros(took),
            ..seen(Mood::Refused)
        };
        let last = (0..50).map(|_| pace.pause(&answer)).last();
        assert_eq!(last, Some(ms(steady)), "{took} µs");
    }
}

#[test]
fn remote_pauses_are_spread() {
    let mut pace = Pace::new(ms(1_000), false, 7);
    let answer = Answer {
        calm: ms(10_000),
        ..seen(Mood::Usual)
    };
    let pauses: Vec<_> = (0..100).map(|_| pace.pause(&answer)).skip(20).collect();
    let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(*most - *least > ms(60), "{least:?} to {most:?}");
    assert!(
        *least >= ms(200) && *most <= ms(300),
        "{least:?} to {most:?}"
    );
}
