//! The table of what must happen: data, beside the sources of the plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use toml_edit::{DocumentMut, Item, Table};
use waitfor_tests::guests;
use waitfor_tests::hostile_components::{Hostile, loading};

/// A part of the table: its file, and its heading.
pub(crate) struct Family {
    pub(crate) file: &'static str,
    pub(crate) heading: &'static str,
}

/// All of the table, in the order of the document.
pub(crate) const FAMILIES: [Family; 8] = [
    family("components", "Components that are none, or too much"),
    family("descriptions", "Descriptions that mislead"),
    family("time", "Time"),
    family("memory", "Memory"),
    family("output", "Floods, and texts that would fool a reader"),
    family("network", "The network"),
    family("secrets", "The user's secret"),
    family("wasi", "WASI"),
];

const fn family(file: &'static str, heading: &'static str) -> Family {
    Family { file, heading }
}

/// Which component a row is about.
pub(crate) enum Form {
    /// The plugin of `tests/hostile`, told what to do in which function.
    Deed { function: String, deed: String },
    /// One of those that are written out, by its name.
    Static(String),
}

/// One thing that a plugin tries.
pub(crate) struct Row {
    /// The plugin's name, too.
    pub(crate) name: String,
    pub(crate) heading: &'static str,
    /// A sentence without its full stop.
    pub(crate) tries: String,
    pub(crate) form: Form,
    /// What the plugin's target does; see [`crate::servers`].
    pub(crate) server: String,
    /// Further arguments; `{elsewhere}` and `{target}` become ports.
    pub(crate) args: Vec<String>,
    pub(crate) timeout: String,
    pub(crate) attempt: String,
    /// The exit code.
    pub(crate) exit: i32,
    /// The verdict's code, where there is a verdict.
    pub(crate) code: Option<String>,
    /// What the report must say.
    pub(crate) says: Option<String>,
    /// What the verdict's facts must be.
    pub(crate) facts: BTreeMap<String, String>,
    /// How many connections the target may see in one attempt.
    pub(crate) connections: u64,
    /// How many connections another server may see in one attempt.
    pub(crate) elsewhere: u64,
    /// The most memory of the process, in MiB.
    pub(crate) memory: u64,
    /// Forms of the secret that the report is known to show.
    pub(crate) shows: BTreeSet<String>,
    /// Whether an honest target beside it is watched.
    pub(crate) beside: bool,
}

impl Row {
    /// Whether the run gets as far as a verdict on the target.
    pub(crate) fn has_verdict(&self) -> bool {
        let checked = matches!(&self.form, Form::Deed { function, .. } if function == "check");
        checked || self.code.is_some() || [0, 3, 124].contains(&self.exit)
    }

    /// The scheme that it answers to.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.form {
            Form::Deed { .. } => "deed",
            Form::Static(_) => "hostile",
        }
    }

    /// Whether what it says of itself is the matter.
    pub(crate) fn describes(&self) -> bool {
        matches!(&self.form, Form::Deed { function, .. } if ["lie", "describe"].contains(&function.as_str()))
    }

    /// Whether it is meant by a name, or by the beginning of one with `*`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        match name.strip_suffix('*') {
            Some(beginning) => self.name.starts_with(beginning),
            None => self.name == name,
        }
    }
}

/// The most memory of the process, where a row does not say more.
const MEMORY: u64 = 100;

/// The rows of a family.
pub(crate) fn read(family: &Family) -> Vec<Row> {
    let path = folder().join(format!("{}.toml", family.file));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let document: DocumentMut = text
        .parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let rows = document["row"]
        .as_array_of_tables()
        .unwrap_or_else(|| panic!("{} has no rows", path.display()));
    rows.iter().map(|row| row_of(row, family)).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile/table")
}

fn row_of(table: &Table, family: &Family) -> Row {
    const KNOWN: [&str; 17] = [
        "name",
        "tries",
        "do",
        "static",
        "server",
        "args",
        "timeout",
        "attempt",
        "exit",
        "code",
        "says",
        "facts",
        "connections",
        "elsewhere",
        "memory",
        "shows",
        "beside",
    ];
    let name =
        text(table, "name").unwrap_or_else(|| panic!("{}: a row without a name", family.file));
    for (key, _) in table.iter() {
        assert!(KNOWN.contains(&key), "{name}: `{key}` means nothing");
    }
    let number = |key: &str, default: i64| {
        let found = table.get(key).and_then(Item::as_integer).unwrap_or(default);
        u64::try_from(found).unwrap_or_else(|_| panic!("{name}: `{key}` is negative"))
    };
    let form = match (text(table, "do"), text(table, "static")) {
        (Some(told), None) => {
            let (function, deed) = told
                .split_once(':')
                .unwrap_or_else(|| panic!("{name}: `do` is FUNCTION:DEED"));
            Form::Deed {
                function: function.to_owned(),
                deed: deed.to_owned(),
            }
        }
        (None, Some(found)) => Form::Static(found),
        _ => panic!("{name}: either `do` or `static`"),
    };
    let exit = table.get("exit").and_then(Item::as_integer);
    let exit = exit.unwrap_or_else(|| panic!("{name}: no exit code"));
    // What ends by itself may take its time, on a machine that is busy.
    let spans = match exit {
        124 => ("1s", "700ms"),
        _ => ("30s", "30s"),
    };
    Row {
        heading: family.heading,
        tries: text(table, "tries").unwrap_or_else(|| panic!("{name}: it tries nothing")),
        form,
        server: text(table, "server").unwrap_or_else(|| "silent".to_owned()),
        args: list(table, "args"),
        timeout: text(table, "timeout").unwrap_or_else(|| spans.0.to_owned()),
        attempt: text(table, "attempt").unwrap_or_else(|| spans.1.to_owned()),
        exit: i32::try_from(exit).unwrap_or_default(),
        code: text(table, "code"),
        says: text(table, "says"),
        facts: facts(table),
        connections: number("connections", 0),
        elsewhere: number("elsewhere", 0),
        memory: number("memory", i64::try_from(MEMORY).unwrap_or_default()),
        shows: list(table, "shows").into_iter().collect(),
        beside: table.get("beside").and_then(Item::as_bool).unwrap_or(false),
        name,
    }
}

fn text(table: &Table, key: &str) -> Option<String> {
    table.get(key).and_then(Item::as_str).map(str::to_owned)
}

fn list(table: &Table, key: &str) -> Vec<String> {
    let items = table.get(key).and_then(Item::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn facts(table: &Table) -> BTreeMap<String, String> {
    let items = table.get("facts").and_then(Item::as_inline_table);
    items
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned())))
        .collect()
}

/// No two rows have one name, what a row says can be checked, and none of the components that are
/// written out is left out.
pub(crate) fn check(rows: &[Row]) {
    let mut names = BTreeSet::new();
    for row in rows {
        assert!(names.insert(&row.name), "two rows are called {}", row.name);
        assert!(
            row.facts.is_empty() || row.has_verdict(),
            "{} has facts and no verdict",
            row.name
        );
    }
    let used = |name: &str| {
        rows.iter()
            .any(|row| matches!(&row.form, Form::Static(used) if used == name))
    };
    for hostile in statics() {
        assert!(used(hostile.name), "{} is in no row", hostile.name);
    }
}

/// The components that are written out.
fn statics() -> &'static [Hostile] {
    static ALL: LazyLock<Vec<Hostile>> = LazyLock::new(loading);
    &ALL
}

/// A component that is written out, by its name.
pub(crate) fn component(name: &str) -> Vec<u8> {
    match name {
        "other-world" => guests::other_world(),
        "without-functions" => guests::without_functions(),
        other => {
            let found = statics().iter().find(|one| one.name == other);
            found
                .unwrap_or_else(|| panic!("no component is called {other}"))
                .bytes
                .clone()
        }
    }
}
