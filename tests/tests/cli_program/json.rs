//! `--output json`: every line is as `docs/json-output.md` says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use waitfor_tests::cli::Cli;
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::free_port;
use waitfor_tests::servers::redis::Redis;

use crate::support::{Running, expect, json_lines, millis, ready, redis_at, result, run};

/// The names and types of the fields in the document, by event.
fn documented() -> BTreeMap<String, BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json-output.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut event = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            event = heading.trim_matches('`').to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`'));
            let (name, kind) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
            all.entry(event.clone())
                .or_default()
                .insert(name.to_owned(), kind.to_owned());
        }
    }
    all
}

/// Every field of a value with its path, as the document writes paths.
fn fields(prefix: &str, value: &Value, found: &mut BTreeMap<String, Vec<Value>>) {
    let Value::Object(object) = value else {
        return;
    };
    for (name, value) in object {
        let mut path = format!("{prefix}{name}");
        let items = match value {
            Value::Array(items) => {
                path.push_str("[]");
                items.as_slice()
            }
            // What is in there is the probe's.
            _ if name == "facts" => &[],
            _ => std::slice::from_ref(value),
        };
        found.entry(path.clone()).or_default().push(value.clone());
        for item in items {
            fields(&format!("{path}."), item, found);
        }
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    kind.split(" or ").any(|kind| match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("the document has the type {other:?}"),
    })
}

/// Wants the line to have all documented fields of its event, and no other.
#[track_caller]
fn follows(documented: &BTreeMap<String, BTreeMap<String, String>>, line: &Value) {
    assert_eq!(line["schema"], 1, "{line}");
    let event = line["event"].as_str().expect("an event");
    let wanted = documented
        .get(event)
        .unwrap_or_else(|| panic!("no such event in the document: {line}"));
    let mut found = BTreeMap::new();
    fields("", line, &mut found);
    found.remove("schema");
    found.remove("event");
    let names: BTreeSet<&String> = found.keys().collect();
    assert_eq!(names, wanted.keys().collect(), "{line}");
    for (name, values) in &found {
        let kind = &wanted[name];
        for value in values {
            assert!(is_a(kind, value), "`{name}` is no {kind}: {value}");
        }
    }
}

#[test]
fn lines_are_as_documented() {
    let Some(redis) = ready() else { return };
    let documented = documented();
    let events: Vec<&str> = documented.keys().map(String::as_str).collect();
    assert_eq!(events, ["attempt", "log", "notice", "result", "state"]);
    let (good, closed) = (redis_at(redis.port), redis_at(free_port()));
    let wrong = format!("{good}/99");
    for (args, events) in [
        (&[good.as_str()] as &[&str], &["result", "state"] as &[&str]),
        (&[&good, &closed], &["result", "state"]),
        (
            &["-v", "--successes", "2", &good],
            &["attempt", "result", "state"],
        ),
        (&["--grace", "0s", &wrong], &["result", "state"]),
        (&["--not", &good], &["result", "state"]),
        // Not pinned, which is worth a note.
        (
            &["--plugin", "redis@1", &good],
            &["notice", "result", "state"],
        ),
    ] {
        let mut all = vec!["--output", "json", "--timeout", "500ms"];
        all.extend(args);
        let found = run(&all);
        assert_eq!(found.stderr, "", "{args:?}");
        let lines = json_lines(&found.stdout);
        let mut seen = BTreeSet::new();
        for line in &lines {
            follows(&documented, line);
            seen.insert(line["event"].as_str().expect("an event"));
        }
        assert_eq!(Vec::from_iter(seen), events, "{args:?}: {}", found.stdout);
        let result = result(&found.stdout);
        assert_eq!(result["exit_code"], found.code, "{args:?}");
    }
    // Whether the probe logs is its own affair; what it logs must be well-formed.
    let found = expect(0, &["--output", "json", "-vv", &good]);
    for line in json_lines(&found.stdout) {
        follows(&documented, &line);
    }
}

#[test]
fn states_tell_the_way_of_a_server() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::loading(&installed, &[]);
    let args = ["--output", "json", "-t", "60s", &redis_at(redis.port)];
    let mut running = Running::start(&Cli::new().args(args));
    let mut stdout = running.until_it_prints("\"loading\"");
    redis.finish_loading();
    let (code, rest, stderr) = running.end();
    stdout.push_str(&rest);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines = json_lines(&stdout);
    let states: Vec<(&str, bool)> = lines
        .iter()
        .filter(|line| line["event"] == "state")
        .map(|line| (line["code"].as_str().unwrap_or(""), line["done"] == true))
        .collect();
    assert_eq!(states, [("loading", false), ("ready", true)], "{stdout}");
    let target = &result(&stdout)["targets"][0];
    let timeline = target["timeline"].as_array().expect("a timeline");
    let codes: Vec<&Value> = timeline.iter().map(|span| &span["code"]).collect();
    assert_eq!(codes, ["loading", "ready"]);
    let counted: u64 = timeline.iter().map(|span| millis(&span["attempts"])).sum();
    assert_eq!(target["attempts"], counted);
    assert_eq!(target["hint"], Value::Null);
    assert!(target["done_ms"].is_u64(), "{target}");
}

#[test]
fn warnings_are_not_between_the_lines() {
    let Some(redis) = ready() else { return };
    let good = redis_at(redis.port);
    // A bare number this large is worth a warning.
    let found = expect(0, &["--output", "json", "--timeout", "5000", &good]);
    json_lines(&found.stdout);
    assert_eq!(
        found.stderr, "",
        "the document says: nothing to standard error"
    );
}

#[test]
fn errors_of_the_command_line_are_not_json() {
    let found = expect(2, &["--output", "json", "--nosuch", "redis://127.0.0.1"]);
    assert_eq!(found.stdout, "");
    assert!(found.stderr.starts_with("error: "), "{found:#?}");
}
