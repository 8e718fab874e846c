//! Times and numbers as people write them.

use std::time::Duration;

/// A length of time: `340 ms`, `1.2 s`, `30 s`, `2 min 5 s`, `1 h 2 min`.
pub fn human(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    let tenths = (millis + 50) / 100;
    if tenths < 600 {
        return match (tenths / 10, tenths % 10) {
            (seconds, 0) => format!("{seconds} s"),
            (seconds, tenth) => format!("{seconds}.{tenth} s"),
        };
    }
    let seconds = (millis + 500) / 1_000;
    let (large, small, units) = if seconds < 3_600 {
        (seconds / 60, seconds % 60, ("min", "s"))
    } else {
        let minutes = (seconds + 30) / 60;
        (minutes / 60, minutes % 60, ("h", "min"))
    };
    match small {
        0 => format!("{large} {}", units.0),
        _ => format!("{large} {} {small} {}", units.0, units.1),
    }
}

/// How long one attempt took: like [`human`], with a digit more below 10 ms.
pub(super) fn brief(time: Duration) -> String {
    if time < Duration::from_millis(10) {
        format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
    } else {
        human(time)
    }
}

/// A number of things: `1 attempt`, `14 attempts`.
pub(super) fn count(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (millis, text) in [
            (0, "0 ms"),
            (340, "340 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (1_240, "1.2 s"),
            (1_250, "1.3 s"),
            (30_000, "30 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min"),
            (60_000, "1 min"),
            (125_400, "2 min 5 s"),
            (3_599_499, "59 min 59 s"),
            (3_599_500, "1 h"),
            (3_720_000, "1 h 2 min"),
            (90_000_000, "25 h"),
        ] {
            assert_eq!(human(Duration::from_millis(millis)), text, "{millis}");
        }
        assert!(human(Duration::MAX).ends_with('h') || human(Duration::MAX).ends_with("min"));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0, "attempt"), "0 attempts");
        assert_eq!(count(1, "attempt"), "1 attempt");
        assert_eq!(count(14, "attempt"), "14 attempts");
    }
}
