//! Reports for programs, beside their documentation.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::json::Json;
use super::*;

const DOCUMENTATION: &str = include_str!("../../../../docs/json-output.md");

async fn lines(verbose: u8, settings: &WaitSettings, stories: Vec<Story>) -> Vec<Value> {
    let page = Page::default();
    let mut reporter = Json::new(Out::new(page.clone()), verbose);
    tell(&mut reporter, stories, settings).await;
    page.text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn stories() -> Vec<Story> {
    let loading = vec![
        (300, not_ready("refused", "connection refused")),
        (300, not_ready("loading", "1 %")),
        (1, ready()),
    ];
    vec![
        story("redis://cache", loading),
        story(
            "redis://other",
            vec![(900, not_ready("closed", "hung up")), (1, wrong_password())],
        ),
    ]
}

fn settings() -> WaitSettings {
    WaitSettings {
        grace: Duration::ZERO,
        ..WaitSettings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn every_change_is_a_line_and_the_result_is_the_last() {
    let lines = lines(0, &settings(), stories()).await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["event"].as_str().unwrap(), line["code"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("state", Some("refused")),
            ("state", Some("closed")),
            ("state", Some("loading")),
            ("state", Some("ready")),
            ("state", Some("wrong-password")),
            ("result", None),
        ]
    );
    assert!(lines.iter().all(|line| line["schema"] == 1));
    let result = lines.last().unwrap();
    assert_eq!(result["exit_code"], 3);
    assert_eq!(result["targets"][0]["verdict"], "ready");
    assert_eq!(result["targets"][0]["facts"]["version"], "7.0.15");
    assert_eq!(result["targets"][1]["hint"], "set --password-file");
    assert_eq!(
        result["targets"][1]["reason"],
        "the server refused (secret)"
    );
    assert_eq!(result["targets"][1]["done_ms"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_needs_several_answers_is_done_with_the_last() {
    let settings = WaitSettings {
        successes: std::num::NonZeroU32::new(2).unwrap(),
        ..settings()
    };
    let lines = lines(
        0,
        &settings,
        vec![story("redis://cache", vec![(1, ready())])],
    )
    .await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["at_ms"].as_u64(), line["done"].as_bool()))
        .collect();
    assert_eq!(
        told,
        [
            (Some(0), Some(false)),
            (Some(100), Some(true)),
            (None, None)
        ]
    );
}

/// The names of all fields in a value, and in what it holds.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                // The names of facts are the probes'.
                if name != "facts" {
                    fields(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_documentation_names_exactly_the_fields_there_are() {
    let lines = lines(2, &settings(), stories()).await;
    let events: BTreeSet<_> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    for event in ["state", "attempt", "log", "result"] {
        assert!(events.contains(event), "{event}");
        let heading = format!("## `{event}`");
        let section = DOCUMENTATION
            .split(&heading)
            .nth(1)
            .unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n## `").next().unwrap();
        let documented: BTreeSet<String> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .flat_map(|path| {
                path.split('.')
                    .map(|name| name.trim_end_matches("[]").to_owned())
            })
            .chain(["schema".to_owned(), "event".to_owned()])
            .collect();
        let mut found = BTreeSet::new();
        lines
            .iter()
            .filter(|line| line["event"] == event)
            .for_each(|line| fields(line, &mut found));
        assert_eq!(documented, found, "{event}");
    }
}

#[test]
fn the_documented_lines_are_json_of_this_schema() {
    let examples: Vec<&str> = DOCUMENTATION
        .lines()
        .filter(|line| line.starts_with('{'))
        .collect();
    assert!(examples.len() >= 4);
    for example in examples {
        let value: Value = serde_json::from_str(example).unwrap();
        assert_eq!(value["schema"], 1, "{example}");
    }
}
