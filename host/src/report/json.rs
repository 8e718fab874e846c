//! The report for programs: one JSON object a line. `docs/json-output.md`
//! documents it; a test compares the two.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::clean::{clean, clean_up_to};
use super::hints::hint;
use super::out::Out;
use super::{Notice, Reporter};
use crate::model::Verdict;
use crate::net::fault::plain;
use crate::wait::{Event, Fate, Outcome, Progress, Span, TargetOutcome};

/// The version of the schema: goes up when a field goes away or changes its
/// meaning, and not when one is added.
const SCHEMA: u32 = 1;

/// Writes JSON, line by line.
pub(super) struct Json {
    out: Out,
    verbose: u8,
}

impl Json {
    pub(super) fn new(out: Out, verbose: u8) -> Self {
        Self { out, verbose }
    }

    fn write(&mut self, event: &'static str, body: impl Serialize) {
        let line = Line {
            schema: SCHEMA,
            event,
            body,
        };
        if let Ok(line) = serde_json::to_string(&line) {
            self.out.line(&line);
        }
    }
}

fn answer(event: &Event<'_>) -> Answer {
    Answer {
        target: clean(&event.target.label),
        plugin: clean(&event.target.plugin),
        at_ms: millis(event.at),
        attempt: event.attempt,
        done: event.progress == Progress::Met,
        state: state(event.verdict, event.verdict.hint()),
    }
}

fn state(verdict: &Verdict, hint: Option<&str>) -> State {
    let mut facts = Map::new();
    for (name, value) in verdict.facts() {
        facts.insert(clean(name), Value::from(clean(value)));
    }
    State {
        verdict: verdict.word(),
        code: clean(verdict.code()),
        reason: clean(verdict.reason()),
        hint: hint.map(clean),
        facts,
    }
}

fn target(target: &TargetOutcome) -> Target {
    let (met_ms, hint) = match target.fate {
        Fate::Met(at) => (Some(millis(at)), None),
        Fate::Waiting | Fate::Hopeless(_) => (None, hint(&target.verdict, &target.target)),
    };
    Target {
        target: clean(&target.target.label),
        plugin: clean(&target.target.plugin),
        version: clean(&target.target.version),
        sha256: clean(&target.target.sha256),
        state: state(&target.verdict, hint.as_deref()),
        attempts: target.attempts,
        done_ms: met_ms,
        timeline: target.timeline.spans().map(entry).collect(),
        timeline_dropped: target.timeline.dropped(),
    }
}

fn entry(span: &Span) -> Entry {
    Entry {
        from_ms: millis(span.from),
        verdict: span.verdict,
        code: clean(&span.code),
        reason: clean(&span.reason),
        attempts: span.attempts,
    }
}

impl Reporter for Json {
    fn notice(&mut self, notice: &Notice) {
        if !notice.is_told(self.verbose) {
            return;
        }
        let body = Told {
            level: notice.level(),
            text: clean_up_to(usize::MAX, notice.text()),
        };
        self.write("notice", body);
    }

    fn attempt(&mut self, event: &Event<'_>) {
        if self.verbose >= 2 {
            for log in event.logs {
                let body = Log {
                    target: clean(&event.target.label),
                    plugin: clean(&event.target.plugin),
                    at_ms: millis(event.at),
                    level: clean(&log.level),
                    text: clean(&log.text),
                };
                self.write("log", body);
            }
        }
        if self.verbose >= 1 {
            let body = Attempt {
                took_ms: event.took.as_micros() as f64 / 1_000.0,
                answer: answer(event),
            };
            self.write("attempt", body);
        }
    }

    fn change(&mut self, event: &Event<'_>) {
        // A change that makes a target done is told by `met`.
        if event.progress != Progress::Met {
            let body = answer(event);
            self.write("state", body);
        }
    }

    fn met(&mut self, event: &Event<'_>) {
        let body = answer(event);
        self.write("state", body);
    }

    fn finished(&mut self, outcome: &Outcome) {
        let body = Result {
            exit_code: outcome.exit.code(),
            elapsed_ms: millis(outcome.elapsed),
            targets: outcome.targets.iter().map(target).collect(),
        };
        self.write("result", body);
        if let Some(error) = self.out.failure() {
            Out::stderr().line(&format!(
                "error: could not write the report to standard output: {}",
                plain(&error)
            ));
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct Line<T> {
    schema: u32,
    event: &'static str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct Told {
    level: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Answer {
    target: String,
    plugin: String,
    at_ms: u64,
    attempt: u64,
    #[serde(flatten)]
    state: State,
    done: bool,
}

#[derive(Serialize)]
struct Attempt {
    took_ms: f64,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct State {
    verdict: &'static str,
    code: String,
    reason: String,
    hint: Option<String>,
    facts: Map<String, Value>,
}

#[derive(Serialize)]
struct Log {
    target: String,
    plugin: String,
    at_ms: u64,
    level: String,
    text: String,
}

#[derive(Serialize)]
struct Result {
    exit_code: u8,
    elapsed_ms: u64,
    targets: Vec<Target>,
}

#[derive(Serialize)]
struct Target {
    target: String,
    plugin: String,
    version: String,
    sha256: String,
    #[serde(flatten)]
    state: State,
    attempts: u64,
    done_ms: Option<u64>,
    timeline: Vec<Entry>,
    timeline_dropped: u64,
}

#[derive(Serialize)]
struct Entry {
    from_ms: u64,
    verdict: &'static str,
    code: String,
    reason: String,
    attempts: u64,
}
