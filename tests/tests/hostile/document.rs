//! Writes the table of what was expected and found, so that a reader need not believe a claim.

use std::fs;
use std::path::Path;

use crate::run::Found;
use crate::table::{Form, Row};

const HEAD: &str = "\
# Hostile plugins

This page is written by the tests (`make test`). Each row is a component that tries one thing, taken
from a registry and run by the whole program, once with `--output json` and once with text, with all
details (`-vv`), beside a secret in its environment and two servers that count who comes. A row holds
if the exit code and the verdict's code are the expected ones, the report says why, the process ends by
itself and stays below the given memory, no server sees more than the given connections, nothing printed
has power over a terminal, a reader or a CI system, and the secret is not in it: plain, percent-encoded,
in base64 or hexadecimal, escaped, reversed.

The plugin's sources and the table, with the texts that the report must hold, are in
[`tests/hostile`](../tests/hostile). \"Connections\" are the most that the plugin's own target and, after
the plus sign, another server may see in one attempt. \"Memory\" is the ceiling of the whole process,
at its peak; what is found lies below.
";

/// Writes the page, if it is another than before.
pub(crate) fn write(found: &[(&Row, Found)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hostile-plugins.md");
    let text = page(found);
    if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

fn page(found: &[(&Row, Found)]) -> String {
    let highest = found.iter().map(|(row, _)| row.memory).max().unwrap_or(0);
    let beside = found.iter().filter(|(row, _)| row.beside).count();
    let wrong = found
        .iter()
        .filter(|(_, one)| !one.wrong.is_empty())
        .count();
    let mut text = format!(
        "{HEAD}\n{} plugins, {wrong} of them not held. No process needed more than {highest} MiB. Beside {beside} \
         of them, marked with ●, an honest\ntarget was waited for in the same run, and was found ready \
         and stayed so.\n",
        found.len()
    );
    let mut heading = "";
    for (row, one) in found {
        if row.heading != heading {
            heading = row.heading;
            text.push_str(&format!(
                "\n## {heading}\n\n| plugin | what it tries | expected | found | memory, MiB | connections |\n\
                 | --- | --- | --- | --- | --- | --- |\n"
            ));
        }
        text.push_str(&line(row, one));
    }
    let known: Vec<String> = found
        .iter()
        .filter(|(row, _)| !row.shows.is_empty())
        .map(|(row, _)| {
            let shows: Vec<&str> = row.shows.iter().map(String::as_str).collect();
            format!(
                "- `{}`: the report shows the secret {}.\n",
                row.name,
                shows.join(" and ")
            )
        })
        .collect();
    if !known.is_empty() {
        text.push_str(&format!(
            "\n## What is not contained\n\nA plugin that is given a secret can write it in a way that nobody \
             foresees. The table holds these to it:\n\n{}",
            known.concat()
        ));
    }
    text
}

fn line(row: &Row, found: &Found) -> String {
    let beside = if row.beside { " ●" } else { "" };
    let what = match &row.form {
        Form::Deed { function, .. } if function != "lie" => {
            format!("in `{function}`: {}", row.tries)
        }
        Form::Deed { .. } | Form::Static(_) => row.tries.clone(),
    };
    let expected = ending(row.exit, row.code.as_deref());
    let mut ended = ending(found.exit, found.code.as_deref());
    if !found.wrong.is_empty() {
        ended = format!("**{ended}, not held**");
    }
    let connections = match (row.connections, row.elsewhere) {
        (own, 0) => own.to_string(),
        (own, others) => format!("{own} + {others}"),
    };
    format!(
        "| `{}`{beside} | {} | {expected} | {ended} | ≤ {} | {connections} |\n",
        row.name,
        what.replace('|', "\\|"),
        row.memory,
    )
}

fn ending(exit: i32, code: Option<&str>) -> String {
    match code {
        Some(code) => format!("{exit} `{code}`"),
        None => exit.to_string(),
    }
}
