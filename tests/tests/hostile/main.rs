//! Plugins that try what no plugin must be able to do, each against the whole program: what the
//! table in `tests/hostile/table` says must happen, and what did, becomes `docs/hostile-plugins.md`.

mod document;
mod judge;
mod run;
mod servers;
mod table;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

use run::{Bench, Found};
use table::{FAMILIES, Row};

/// How many rows are tried at once.
const AT_ONCE: usize = 2;

#[test]
fn no_plugin_gets_further_than_the_table_says() {
    let Some(bench) = Bench::open() else {
        return;
    };
    let rows: Vec<Row> = FAMILIES.iter().flat_map(table::read).collect();
    table::check(&rows);
    // Only a look at some of them, for whoever works on a row.
    let only = std::env::var("WAITFOR_TEST_ROWS").unwrap_or_default();
    let wanted = |row: &Row| only.is_empty() || only.split(',').any(|name| row.is_called(name));
    let waiting: Mutex<VecDeque<(usize, &Row)>> =
        Mutex::new(rows.iter().filter(|row| wanted(row)).enumerate().collect());
    let found: Mutex<Vec<(usize, &Row, Found)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((at, row)) = take(&waiting) {
                    let one = bench.run(row);
                    println!("{:>5} MiB of {:>5}: {}", one.memory, row.memory, row.name);
                    for what in &one.wrong {
                        println!("{}: {what}", row.name);
                    }
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.push((at, row, one));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(at, ..)| *at);
    let found: Vec<(&Row, Found)> = found.into_iter().map(|(_, row, one)| (row, one)).collect();
    if only.is_empty() {
        document::write(&found);
    }
    let wrong: Vec<String> = found
        .iter()
        .flat_map(|(row, one)| one.wrong.iter().map(|what| format!("{}: {what}", row.name)))
        .collect();
    let (worst, most) = found
        .iter()
        .map(|(row, one)| (row.name.as_str(), one.memory))
        .max_by_key(|(_, memory)| *memory)
        .unwrap_or_default();
    println!(
        "{} plugins; the most memory, {most} MiB, took {worst}",
        found.len()
    );
    assert!(
        wrong.is_empty(),
        "{} things went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn take<'a>(waiting: &Mutex<VecDeque<(usize, &'a Row)>>) -> Option<(usize, &'a Row)> {
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}
