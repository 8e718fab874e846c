//! The file that keeps the counts: `tests/instructions.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use toml_edit::{DocumentMut, Item, Table, value};

use crate::count::Counted;
use crate::runs::Run;

/// What stands before the counts.
const HEAD: &str = "\
# How many instructions fixed runs of waitfor take, as callgrind counts them:
# written by `make instructions-update`, compared by `make instructions`.
#
# `instructions` is the least of five counts, since what chance does, it does on
# top: where memory lies, how hash tables are seeded, how long servers take.
# `scatter` is how far the middle one was above it, and `let-pass` by how much a
# later count may differ, both in percent.

";

/// The count of one run.
pub(crate) struct Kept {
    /// The least of those that were counted.
    pub(crate) instructions: u64,
}

/// The whole file.
pub(crate) struct File {
    /// What the counts were made with.
    pub(crate) made_with: BTreeMap<String, String>,
    /// The counts by the names of their runs.
    pub(crate) runs: BTreeMap<String, Kept>,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.toml")
}

/// Reads it.
pub(crate) fn read() -> Result<File, String> {
    let text = fs::read_to_string(path()).map_err(|e| {
        format!("cannot read tests/instructions.toml: {e}\nhint: run `make instructions-update`")
    })?;
    let document: DocumentMut = text
        .parse()
        .map_err(|e| format!("cannot read tests/instructions.toml: {e}"))?;
    let table = |name: &str| {
        let found = document.get(name).and_then(Item::as_table);
        found.ok_or_else(|| format!("tests/instructions.toml has no table `{name}`"))
    };
    let mut file = File {
        made_with: BTreeMap::new(),
        runs: BTreeMap::new(),
    };
    for (name, item) in table("made-with")? {
        let text = item.as_str().unwrap_or_default();
        file.made_with.insert(name.to_owned(), text.to_owned());
    }
    for (name, item) in table("runs")? {
        let instructions = item
            .get("instructions")
            .and_then(Item::as_integer)
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| format!("tests/instructions.toml has no count for `{name}`"))?;
        file.runs.insert(name.to_owned(), Kept { instructions });
    }
    Ok(file)
}

/// Writes it anew.
pub(crate) fn write(
    surroundings: &BTreeMap<String, String>,
    found: &[(Run, Counted)],
) -> Result<(), String> {
    let mut document = DocumentMut::new();
    let mut made_with = Table::new();
    for (name, text) in surroundings {
        made_with[name] = value(text.as_str());
    }
    made_with.decor_mut().set_prefix(HEAD);
    document["made-with"] = Item::Table(made_with);
    let mut runs = Table::new();
    runs.set_implicit(true);
    for (run, counted) in found {
        let mut table = Table::new();
        let count = i64::try_from(counted.least).unwrap_or(i64::MAX);
        table["instructions"] = value(count);
        table["scatter"] = value((counted.scatter * 100.0).ceil() / 100.0);
        table["let-pass"] = value(run.tolerance);
        runs[run.name] = Item::Table(table);
    }
    document["runs"] = Item::Table(runs);
    fs::write(path(), document.to_string())
        .map_err(|e| format!("cannot write tests/instructions.toml: {e}"))
}
