//! `make bench`: what can be measured beside the tools that people would use
//! instead, in one run, as ratios. Single figures of one machine mean little.
//!
//! `bench [PART...]` measures the parts (all by default), keeps their raw results
//! below the target folder, prints one table of all that is kept, and writes the
//! page with its plots.

mod attempt;
mod clock;
mod goals;
mod lag;
mod machine;
mod memory;
mod moment;
mod page;
mod peers;
mod pins;
mod plot;
mod plugins;
mod report;
mod settings;
mod size;
mod start;
mod table;
mod targets;
mod waiting;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use sha2::{Digest, Sha256};
use waitfor_tests::cli::{self, Cli};

use self::report::Report;
use self::settings::Settings;

/// The parts, in the order of the page.
const PARTS: [&str; 9] = [
    "start", "lag", "waiting", "attempt", "targets", "plugins", "pins", "memory", "size",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        // Itself, in a namespace of its own.
        Some((first, rest)) if first == "inside" => waiting::inside(rest),
        _ => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(wanted: &[String]) -> Result<(), String> {
    if let Some(unknown) = wanted.iter().find(|part| !PARTS.contains(&part.as_str())) {
        let known = PARTS.join(", ");
        return Err(format!(
            "there is no part `{unknown}`\nhint: there are {known}"
        ));
    }
    let settings = Settings::read();
    let load = machine::load();
    if load > 1.0 {
        eprintln!("note: others are at work here (load {load:.2}): times will be too long");
    }
    let ours = Cli::new().args(["--version"]).run().stdout;
    let build = std::fs::read(cli::binary())
        .map_err(|e| format!("cannot read {}: {e}", cli::binary().display()))?;
    let build: String = Sha256::digest(&build)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = report::folder(settings.short);
    for part in PARTS {
        if !wanted.is_empty() && !wanted.iter().any(|other| other == part) {
            continue;
        }
        eprintln!("measuring: {part}");
        let started = Instant::now();
        let mut report = Report::default();
        report.versions.push(ours.trim().to_owned());
        match part {
            "start" => start::run(&settings, &mut report),
            "lag" => lag::run(&settings, &mut report),
            "waiting" => waiting::run(&settings, &mut report),
            "attempt" => attempt::run(&settings, &mut report),
            "targets" => targets::run(&settings, &mut report),
            "plugins" => plugins::run(&settings, &mut report),
            "pins" => pins::run(&settings, &mut report),
            "memory" => memory::run(&settings, &mut report),
            _ => size::run(&mut report),
        }
        report.group();
        report.took = started.elapsed().as_secs_f64();
        report.build.clone_from(&build);
        report::keep(&folder, part, &report)?;
        eprintln!("measured: {part} in {:.0} s", report.took);
    }
    let mut reports: Vec<(&str, Report)> = Vec::new();
    for part in PARTS {
        match report::kept(&folder, part) {
            Some(report) if report.build == build => reports.push((part, report)),
            Some(_) => eprintln!("note: {part} was measured with another build, and is left out"),
            None => eprintln!("note: {part} was not measured yet, and is left out"),
        }
    }
    println!("{}", table::text(&reports));
    let find = |name: &str| {
        let found = reports.iter().find(|(part, _)| *part == name);
        found.map(|(_, report)| report.clone())
    };
    println!("{}", goals::text(&goals::all(&find)));
    let docs = if settings.short {
        folder
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
    };
    for file in page::write(&docs, &reports, load)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        eprintln!("written: {name}");
    }
    Ok(())
}
