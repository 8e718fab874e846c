//! Fills one cell of a table: runs `waitfor` against a fault and says what it found.

use std::time::Duration;

use waitfor_tests::faults::watched::{self, Watched};

use crate::stage::{Proof, Stage, stage};
use crate::subject::Subject;
use crate::world::World;

/// The most resident memory that a run may have, in KiB. The program with a compiled probe takes
/// some 40 MiB; the faults without an end send as much again and more, none of which may stay.
pub(crate) const CEILING: u64 = 64 * 1024;

/// A run that takes longer hangs; the longest are told to end after five minutes.
const LIMIT: Duration = Duration::from_secs(400);

/// What was found.
pub(crate) struct Found {
    /// As in the data: `not-ready refused`, `ready`, or what must never be, such as `panicked`.
    pub(crate) label: String,
    /// For a failure's report.
    pub(crate) detail: String,
    /// The most resident memory that was seen, in KiB.
    pub(crate) peak: u64,
}

/// Tries a fault; none where it makes no sense for this subject.
pub(crate) fn fill(fault: &str, world: &World, subject: Subject, expected: &str) -> Option<Found> {
    let stage = stage(fault, world, subject)?;
    // A state that does not pass is as telling after a second; what must succeed has time.
    let (timeout, attempt, grace) = match expected.split(' ').next() {
        _ if stage.patient => ("300s", "10s", "0s"),
        Some("not-ready") if fault == "drip" => ("3s", "2500ms", "0s"),
        Some("not-ready") => ("2500ms", "1200ms", "0s"),
        _ => ("20s", "5s", "0s"),
    };
    let mut args: Vec<String> = [
        "--timeout",
        timeout,
        "--attempt-timeout",
        attempt,
        "--grace",
        grace,
    ]
    .map(str::to_owned)
    .into();
    args.extend(subject.target(world, &stage.host, stage.port));
    for word in &stage.more {
        // An option may be given once: the fault's word stands in for the subject's.
        if word == "--tls-ca"
            && let Some(at) = args.iter().position(|arg| arg == word)
        {
            args.drain(at..=at + 1);
        }
        args.push(word.clone());
    }
    Some(
        match watched::run(&stage.cli, &args, LIMIT, &stage.on_line) {
            Ok(watched) => judge(&stage, &watched),
            Err(why) => Found {
                label: "hung".to_owned(),
                detail: why,
                peak: 0,
            },
        },
    )
}

fn judge(stage: &Stage, watched: &Watched) -> Found {
    let outcome = &watched.outcome;
    let (mut label, attempts) = match &watched.verdict {
        Ok(verdict) => {
            let label = match verdict.code.as_str() {
                "" => verdict.verdict.clone(),
                code if code == verdict.verdict => verdict.verdict.clone(),
                code => format!("{} {code}", verdict.verdict),
            };
            (label, verdict.attempts)
        }
        Err(why) => (format!("no verdict: {why}"), 0),
    };
    let exit = match label.split(' ').next() {
        Some("ready") => 0,
        Some("misconfigured") => 3,
        _ => 124,
    };
    if outcome.code != exit {
        label.push_str(&format!(", exit code {}", outcome.code));
    }
    if outcome.stderr.contains("panicked") || outcome.stdout.contains("panicked") {
        label.push_str(", panicked");
    }
    if watched.peak > CEILING {
        label.push_str(&format!(", {} MiB of memory", watched.peak / 1024));
    }
    match stage.proof {
        Proof::Attempts(wanted) if attempts != wanted => {
            label.push_str(&format!(", {attempts} attempts in place of {wanted}"));
        }
        Proof::MoreThan(least) if attempts <= least => {
            label.push_str(&format!(", {attempts} attempts"));
        }
        Proof::Connections(wanted) if stage.connections() < wanted => {
            let had = stage.connections();
            label.push_str(&format!(", after {had} of {wanted} connections"));
        }
        _ => {}
    }
    Found {
        label,
        detail: format!("{}{}", outcome.stdout, outcome.stderr),
        peak: watched.peak,
    }
}
