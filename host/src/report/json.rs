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
use crate::secret::Scrubber;
use crate::wait::{Event, Fate, Outcome, Progress, Span, TargetOutcome};

/// The version of the schema: goes up when a field goes away or changes its
/// meaning, and not when one is added.
const SCHEMA: u32 = 1;

/// Writes JSON, line by line.
pub(super) struct Json {
    out: Out,
    verbose: u8,
    scrubber: Scrubber,
}

impl Json {
    pub(super) fn new(out: Out, verbose: u8, scrubber: Scrubber) -> Self {
        Self {
            out,
            verbose,
            scrubber,
        }
    }

    fn clean(&self, text: &str) -> String {
        clean(text, &self.scrubber)
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

    fn answer(&self, event: &Event<'_>) -> Answer {
        Answer {
            target: self.clean(&event.target.label),
            plugin: self.clean(&event.target.plugin),
            at_ms: millis(event.at),
            attempt: event.attempt,
            done: event.progress == Progress::Met,
            state: self.state(event.verdict, event.verdict.hint()),
        }
    }

    fn state(&self, verdict: &Verdict, hint: Option<&str>) -> State {
        let mut facts = Map::new();
        for (name, value) in verdict.facts() {
            facts.insert(self.clean(name), Value::from(self.clean(value)));
        }
        State {
            verdict: verdict.word(),
            code: self.clean(verdict.code()),
            reason: self.clean(verdict.reason()),
            hint: hint.map(|hint| self.clean(hint)),
            facts,
        }
    }

    fn target(&self, target: &TargetOutcome) -> Target {
        let (met_ms, hint) = match target.fate {
            Fate::Met(at) => (Some(millis(at)), None),
            Fate::Waiting | Fate::Hopeless(_) => (None, hint(&target.verdict, &target.target)),
        };
        Target {
            target: self.clean(&target.target.label),
            plugin: self.clean(&target.target.plugin),
            version: self.clean(&target.target.version),
            sha256: self.clean(&target.target.sha256),
            state: self.state(&target.verdict, hint.as_deref()),
            attempts: target.attempts,
            done_ms: met_ms,
            timeline: target
                .timeline
                .spans()
                .map(|span| self.entry(span))
                .collect(),
            timeline_dropped: target.timeline.dropped(),
        }
    }

    fn entry(&self, span: &Span) -> Entry {
        Entry {
            from_ms: millis(span.from),
            verdict: span.verdict,
            code: self.clean(&span.code),
            reason: self.clean(&span.reason),
            attempts: span.attempts,
        }
    }
}

impl Reporter for Json {
    fn notice(&mut self, notice: &Notice) {
        let body = Told {
            level: notice.level(),
            text: clean_up_to(usize::MAX, notice.text(), &self.scrubber),
        };
        self.write("notice", body);
    }

    fn attempt(&mut self, event: &Event<'_>) {
        if self.verbose >= 2 {
            for log in event.logs {
                let body = Log {
                    target: self.clean(&event.target.label),
                    plugin: self.clean(&event.target.plugin),
                    at_ms: millis(event.at),
                    level: self.clean(&log.level),
                    text: self.clean(&log.text),
                };
                self.write("log", body);
            }
        }
        if self.verbose >= 1 {
            let body = Attempt {
                took_ms: event.took.as_micros() as f64 / 1_000.0,
                answer: self.answer(event),
            };
            self.write("attempt", body);
        }
    }

    fn change(&mut self, event: &Event<'_>) {
        // A change that makes a target done is told by `met`.
        if event.progress != Progress::Met {
            let body = self.answer(event);
            self.write("state", body);
        }
    }

    fn met(&mut self, event: &Event<'_>) {
        let body = self.answer(event);
        self.write("state", body);
    }

    fn finished(&mut self, outcome: &Outcome) {
        let body = Result {
            exit_code: outcome.exit.code(),
            elapsed_ms: millis(outcome.elapsed),
            targets: outcome
                .targets
                .iter()
                .map(|target| self.target(target))
                .collect(),
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
