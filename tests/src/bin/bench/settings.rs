//! How much is measured: whole for the page, less while something is tried out.

/// The numbers, each from its variable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Whether it is only tried out (`BENCH_SHORT=1`): nothing of it goes into the documents.
    pub(crate) short: bool,
    /// How often each command is run (`BENCH_RUNS`).
    pub(crate) runs: usize,
    /// How many moments of readiness are awaited (`BENCH_MOMENTS`).
    pub(crate) moments: usize,
    /// How many seconds the long wait lasts (`BENCH_WAIT`).
    pub(crate) wait: f64,
    /// The most targets at once (`BENCH_TARGETS`).
    pub(crate) targets: usize,
}

impl Settings {
    /// From the environment. `BENCH_SHORT=1` makes all of it small: enough to see that it works.
    pub(crate) fn read() -> Self {
        let short = std::env::var_os("BENCH_SHORT").is_some_and(|value| value == "1");
        let number = |name: &str, whole: usize, small: usize| {
            std::env::var(name)
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(if short { small } else { whole })
        };
        Self {
            short,
            runs: number("BENCH_RUNS", 40, 3).max(1),
            moments: number("BENCH_MOMENTS", 50, 2).max(1),
            wait: number("BENCH_WAIT", 60, 5).max(1) as f64,
            targets: number("BENCH_TARGETS", 1000, 100).max(1),
        }
    }
}
