//! Lengths of time as people write them on a command line.

use std::time::Duration;

/// The longest that is taken: beyond it, arithmetic on clocks may overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What the hint of an error says about the form.
pub(crate) const FORM: &str =
    "write a number and a unit, as in 500ms, 30s, 1m30s or 2h; a bare number is seconds";

/// Reads `500ms`, `30s`, `1m30s`, `1.5h`, or a bare number of seconds; none if
/// the text is nothing of the sort, or more than a year.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if !number.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let number: f64 = number.parse().ok()?;
        let letters = after
            .find(|letter: char| !letter.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale = match unit {
            "" if digits == text.len() => 1.0,
            "ms" => 0.001,
            "s" | "sec" | "secs" => 1.0,
            "m" | "min" | "mins" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86400.0,
            _ => return None,
        };
        seconds += number * scale;
        rest = after.trim_start();
    }
    let millis = (seconds * 1000.0).round();
    // The cast saturates, and what is beyond the bound is refused.
    let duration = Duration::from_millis(millis as u64);
    (duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("0", 0),
            ("5", 5_000),
            ("0.5", 500),
            ("500ms", 500),
            ("1ms", 1),
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("1.5s", 1_500),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("2min", 120_000),
            (" 7s ", 7_000),
            ("1.001s", 1_001),
            ("2.675s", 2_675),
        ];
        for (text, millis) in cases {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn takes_nothing_else() {
        for text in [
            "",
            " ",
            "s",
            "-1",
            "-1s",
            "+1s",
            "1x",
            "1m30",
            "30 s",
            "1e3",
            "1..2s",
            ".5s",
            "1,5s",
            "inf",
            "NaN",
            "99999999d",
            "5S",
            "ten",
            "1s!",
            "\u{665}s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_length_can_be_written_in_each_unit(
            millis in 0..=LONGEST.as_millis() as u64,
        ) {
            let length = Duration::from_millis(millis);
            let parts = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
            let mut rest = millis;
            let mut mixed = String::new();
            for (unit, word) in parts {
                mixed += &format!("{}{word} ", rest / unit);
                rest %= unit;
            }
            let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
            for text in [format!("{millis}ms"), mixed, format!("{seconds}s"), seconds] {
                prop_assert_eq!(parse(&text), Some(length), "{}", text);
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "([0-9]{1,400}|[0-9.a-z ]{0,6}|\\PC){0,4}") {
            if let Some(length) = parse(&text) {
                prop_assert!(length <= LONGEST);
            }
        }
    }
}
