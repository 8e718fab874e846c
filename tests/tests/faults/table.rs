//! The expected cells, read from `tests/faults/*.toml`, and the document with the found ones.

use std::fs;
use std::path::PathBuf;

use toml_edit::{DocumentMut, Table};

use crate::subject::Subject;

/// Where a fault makes no sense.
const NOTHING: &str = "-";

/// The files, in the order of the document.
const FILES: [&str; 6] = [
    "connections",
    "conversations",
    "strangers",
    "lies",
    "encryption",
    "names",
];

/// One file: faults of one kind.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    title: String,
    about: String,
    pub(crate) rows: Vec<Row>,
}

/// One fault.
pub(crate) struct Row {
    pub(crate) fault: String,
    about: String,
    cells: Vec<(Subject, String)>,
}

impl Row {
    /// What is expected of this subject; none where the fault makes no sense for it.
    pub(crate) fn expected(&self, subject: Subject) -> Option<&str> {
        let (_, label) = self.cells.iter().find(|(other, _)| *other == subject)?;
        (label != NOTHING).then_some(label)
    }
}

/// Reads all of them; panics where one cannot be read or leaves a cell open.
pub(crate) fn read() -> Vec<Group> {
    FILES.iter().map(|name| group(name)).collect()
}

fn group(name: &'static str) -> Group {
    let path = root().join("tests/faults").join(format!("{name}.toml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let data: DocumentMut = text
        .parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let faults = data["fault"]
        .as_array_of_tables()
        .unwrap_or_else(|| panic!("{}: it has no [[fault]]", path.display()));
    Group {
        name,
        title: word(data.as_table(), "title"),
        about: word(data.as_table(), "about"),
        rows: faults.iter().map(row).collect(),
    }
}

fn row(table: &Table) -> Row {
    let fault = word(table, "id");
    for (key, _) in table {
        let known = ["id", "about", "all", "plain", "tls"].contains(&key)
            || subjects().any(|subject| subject.name() == key);
        assert!(known, "{fault}: `{key}` is no column");
    }
    let cells = subjects()
        .map(|subject| {
            let kind = if subject.has_tls() { "tls" } else { "plain" };
            let cell = [subject.name(), kind, "all"]
                .iter()
                .find_map(|key| table.get(key)?.as_str())
                .unwrap_or_else(|| panic!("{fault}: nothing is said of {}", subject.name()));
            (subject, cell.to_owned())
        })
        .collect();
    Row {
        about: word(table, "about"),
        fault,
        cells,
    }
}

fn word(table: &Table, key: &str) -> String {
    let found = table.get(key).and_then(|item| item.as_str());
    found
        .unwrap_or_else(|| panic!("no text `{key}` in {table}"))
        .to_owned()
}

/// All columns.
pub(crate) fn subjects() -> impl Iterator<Item = Subject> {
    Subject::PLAIN.into_iter().chain(Subject::TLS)
}

/// The document; `found` gives the label of a cell.
pub(crate) fn document(
    groups: &[Group],
    head: &str,
    found: impl Fn(&str, Subject) -> Option<String>,
) -> String {
    let mut text = head.to_owned();
    for group in groups {
        text.push_str(&format!("\n## {}\n\n{}\n", group.title, group.about.trim()));
        for columns in [&Subject::PLAIN[..], &Subject::TLS[..]] {
            let some = |row: &&Row| {
                columns
                    .iter()
                    .any(|subject| row.expected(*subject).is_some())
            };
            let rows: Vec<&Row> = group.rows.iter().filter(some).collect();
            if rows.is_empty() {
                continue;
            }
            let heads = columns.iter().map(|subject| subject.shown());
            let heads: Vec<&str> = std::iter::once("fault").chain(heads).collect();
            text.push_str(&format!(
                "\n| {} |\n|{}\n",
                heads.join(" | "),
                " --- |".repeat(heads.len())
            ));
            for row in rows {
                let cells = columns.iter().map(|subject| {
                    let found = found(&row.fault, *subject);
                    let expected = row.expected(*subject);
                    match found {
                        Some(found) if Some(found.as_str()) == expected => shown(&found),
                        Some(found) => format!("**{}**", shown(&found)),
                        None => "–".to_owned(),
                    }
                });
                let cells: Vec<String> = std::iter::once(row.about.clone()).chain(cells).collect();
                text.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
    }
    text
}

/// `not-ready refused` becomes: not ready, `refused`.
fn shown(label: &str) -> String {
    let (verdict, code) = label.split_once(' ').unwrap_or((label, ""));
    let verdict = verdict.replace('-', " ");
    if code.is_empty() {
        verdict
    } else {
        format!("{verdict} `{code}`")
    }
}

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
