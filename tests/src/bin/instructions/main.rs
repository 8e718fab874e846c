//! A check of speed that does not depend on the machine's mood: how many instructions fixed runs of
//! `waitfor` take, as callgrind counts them, against the counts that are kept in the repository.
//!
//! `instructions check` compares, `instructions update` writes `tests/instructions.toml` anew.

mod count;
mod kept;
mod runs;
mod surroundings;

use std::process::ExitCode;

use waitfor_tests::install::{self, Component};

use self::count::Counted;
use self::kept::Kept;
use self::runs::Run;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    let done = match wanted.as_deref() {
        Some("check") => check(),
        Some("update") => update(),
        _ => {
            eprintln!("error: usage: instructions check|update");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Counts all runs that can be had here, so many times each.
fn counted(times: usize) -> Result<Vec<(Run, Counted)>, String> {
    let Some(valgrind) = install::require(Component::Valgrind) else {
        return Ok(Vec::new());
    };
    let servers = runs::Servers::start();
    let mut all = Vec::new();
    for run in runs::all(&servers) {
        let found = count::count(&valgrind, &run, times).map_err(|why| {
            let shown = run.shown();
            format!("`{shown}`: {why}")
        })?;
        all.push((run, found));
    }
    Ok(all)
}

/// How often each run is counted for the file, to learn how far its counts scatter.
const TIMES_KEPT: usize = 5;

/// How often each run is counted for a comparison.
const TIMES_COMPARED: usize = 3;

fn update() -> Result<bool, String> {
    let found = counted(TIMES_KEPT)?;
    if found.is_empty() {
        return Ok(false);
    }
    for (run, counted) in &found {
        println!(
            "{:<16} {:>12}  scatters by {:.2} %",
            run.name, counted.least, counted.scatter
        );
        if counted.scatter > run.tolerance {
            return Err(format!(
                "the counts of `{}` scatter by {:.2} %, more than the {} % that are let pass",
                run.name, counted.scatter, run.tolerance
            ));
        }
    }
    kept::write(&surroundings::here(), &found)?;
    Ok(true)
}

fn check() -> Result<bool, String> {
    let kept = kept::read()?;
    let here = surroundings::here();
    let found = counted(TIMES_COMPARED)?;
    let mut held = true;
    println!("run                   kept         found     differs   let pass");
    for (run, counted) in &found {
        let Some(Kept { instructions }) = kept.runs.get(run.name) else {
            println!("{:<16} {:>12}  {:>12}", run.name, "-", counted.least);
            held = false;
            continue;
        };
        let differs = (counted.least as f64 / *instructions as f64 - 1.0) * 100.0;
        let passes = differs.abs() <= run.tolerance;
        held &= passes;
        println!(
            "{:<16} {:>12}  {:>12}  {:>+7.2} %  {:>6.1} %{}",
            run.name,
            instructions,
            counted.least,
            differs,
            run.tolerance,
            if passes { "" } else { "  <-" }
        );
    }
    let known = |name: &str| runs::NAMES.contains(&name);
    if let Some(gone) = kept.runs.keys().find(|name| !known(name)) {
        println!("{gone}: it is kept, and there is no such run any more");
        held = false;
    }
    if held {
        return Ok(true);
    }
    let other: Vec<String> = kept
        .made_with
        .iter()
        .filter(|(name, value)| here.get(*name) != Some(*value))
        .map(|(name, value)| {
            let mine = here.get(name).map_or("unknown", String::as_str);
            format!("{name}: there {value}, here {mine}")
        })
        .collect();
    if !other.is_empty() {
        // The C library and the crates choose their code by what the processor can do.
        println!(
            "skipped: the counts were kept in other surroundings, which alone can be the reason:"
        );
        for line in other {
            println!("  {line}");
        }
        println!("hint: compare two builds here, by `make instructions-update` before the change");
        return Ok(true);
    }
    Err(
        "runs take other numbers of instructions than those in tests/instructions.toml\n\
         hint: where that is as it should be, run `make instructions-update` and commit the file; \
         to see where they go, run the command under `valgrind --tool=callgrind` and read its file \
         with `callgrind_annotate`"
            .to_owned(),
    )
}
