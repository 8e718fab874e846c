//! Fills the matrix of probes and faults, and writes `docs/faults.md`.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::sync::Mutex;
use std::thread;

use waitfor_tests::faults::greetings::GREETINGS;
use waitfor_tests::faults::names;
use waitfor_tests::install::all_required;

use crate::cell::{CEILING, Found, fill};
use crate::subject::Subject;
use crate::table::{self, Group};
use crate::world::World;

/// The group that needs a hosts file of its own.
const NAMES: &str = "names";

/// Most of a cell's time is waiting.
const WORKERS: usize = 12;

const HEAD: &str = "\
# Faults

What each probe says when the network, the port, the certificate or the server is not what it should
be. This table is written by the tests (`make test`, `tests/tests/faults`): each cell is a run of
`waitfor` against that fault, staged by peers and proxies of ours (`tests/src/faults`), in front of a
real server where the fault comes in mid-conversation (Vertica: a simulated one). The expected verdicts
are data, `tests/faults/*.toml`; a cell in **bold** was found to differ, and fails the tests. In every
cell the run ended by itself within its time, nothing panicked, and the process had less than CEILING of
memory.

*Not ready* is what waiting may mend, *misconfigured* what it cannot; see [waiting](waiting.md). A dash
is a fault that cannot happen to that probe.
";

type Cell = (String, Subject);

#[test]
fn every_fault_has_its_verdict() {
    let groups = table::read();
    for greeting in GREETINGS {
        let fault = format!("speaks-{}", greeting.name);
        let listed = groups.iter().flat_map(|group| &group.rows);
        assert!(
            listed.into_iter().any(|row| row.fault == fault),
            "{fault} is not in the data"
        );
    }
    let Some(world) = World::start() else {
        return;
    };
    let named = names::possible();
    if !named {
        assert!(
            !all_required(),
            "names need a mount namespace, which this user may not make"
        );
        // Not `println!`: what a passing test prints that way is kept from the user.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: faults of names: no mount namespace can be made here"
        );
    }
    let found = fill_all(&world, work(&groups, named));
    let mut wrong = Vec::new();
    for ((fault, subject), (expected, cell)) in &found {
        let label = cell.as_ref().map(|cell| cell.label.as_str());
        if label != Some(expected) {
            wrong.push(format!(
                "{fault} × {}\n    expected {expected}\n    found    {}\n    {}",
                subject.name(),
                label.unwrap_or("nothing: the fault cannot be staged"),
                cell.as_ref().map_or("", |cell| cell.detail.trim())
            ));
        }
    }
    let peak = found
        .values()
        .filter_map(|(_, cell)| cell.as_ref())
        .map(|cell| cell.peak)
        .max();
    let _ = writeln!(
        std::io::stderr(),
        "{} cells; the most memory of a run was {} MiB",
        found.len(),
        peak.unwrap_or_default() / 1024
    );
    if named {
        write(&groups, &found);
    }
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {} cells are not as expected:\n{}",
        wrong.len(),
        found.len(),
        wrong.join("\n")
    );
}

type Filled = HashMap<Cell, (String, Option<Found>)>;

/// What is to be done, the longest first. `WAITFOR_FAULT` names the one fault of interest.
fn work(groups: &[Group], named: bool) -> Vec<(Cell, String)> {
    let only = std::env::var("WAITFOR_FAULT").ok();
    let mut work = Vec::new();
    let possible = groups.iter().filter(|group| named || group.name != NAMES);
    for row in possible.flat_map(|group| &group.rows) {
        if only.as_ref().is_some_and(|only| *only != row.fault) {
            continue;
        }
        for subject in table::subjects() {
            if let Some(expected) = row.expected(subject) {
                work.push(((row.fault.clone(), subject), expected.to_owned()));
            }
        }
    }
    // Taken from the end.
    work.sort_by_key(|((fault, _), _)| fault.ends_with("everywhere"));
    work
}

fn fill_all(world: &World, work: Vec<(Cell, String)>) -> Filled {
    let work = Mutex::new(work);
    let done = Mutex::new(Filled::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = work.lock().expect("no worker panics with it").pop();
                    let Some(((fault, subject), expected)) = next else {
                        return;
                    };
                    let found = fill(&fault, world, subject, &expected);
                    done.lock()
                        .expect("no worker panics with it")
                        .insert((fault, subject), (expected, found));
                }
            });
        }
    });
    done.into_inner().expect("no worker panicked")
}

/// Writes the document where all of it is known.
fn write(groups: &[Group], found: &Filled) {
    if std::env::var_os("WAITFOR_FAULT").is_some() {
        return;
    }
    let head = HEAD.replace("CEILING", &format!("{} MiB", CEILING / 1024));
    let text = table::document(groups, &head, |fault, subject| {
        let (_, cell) = found.get(&(fault.to_owned(), subject))?;
        cell.as_ref().map(|cell| cell.label.clone())
    });
    let path = table::root().join("docs/faults.md");
    if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
        fs::write(&path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    }
}
