//! Holds a run against its row, and against what no run may do.

use serde_json::Value;
use waitfor_tests::cli::Outcome;

use crate::run::Run;
use crate::servers::Server;
use crate::table::Row;

/// What every plugin is given to keep to itself.
pub(crate) const SECRET: &str = "s3cr3t&C4n4ry/+=9zQ";

/// The most that is printed for one attempt with all details: 200 lines of the
/// log, and a verdict.
const PRINTED: usize = 512 << 10;

/// The verdict's code, where the run got as far as a verdict.
pub(crate) fn code(run: &Run) -> Option<String> {
    let target = &result(run)?["targets"][0];
    match target["verdict"].as_str()? {
        "ready" => Some("ready".to_owned()),
        _ => Some(target["code"].as_str()?.to_owned()),
    }
}

fn result(run: &Run) -> Option<&Value> {
    run.events.last().filter(|last| last["event"] == "result")
}

/// What is not as it must be.
pub(crate) fn run(row: &Row, run: &Run, target: &Server, elsewhere: &Server) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{}: {what}", run.form));
        }
    };
    let outcome = &run.outcome;
    let printed = format!("{}{}", outcome.stdout, outcome.stderr);
    let tail = tail(&printed);
    // Help is asked for by those who got something wrong: how it ends is no matter.
    let waited = run.form != "help";
    must(
        !waited || outcome.code == row.exit,
        format!("exit {}, not {}: {tail}", outcome.code, row.exit),
    );
    if let Some(says) = row.says.as_ref().filter(|_| waited) {
        must(
            printed.contains(says.as_str()),
            format!("does not say `{says}`: {tail}"),
        );
    }
    // A plugin that panics says so in its log, behind the target's name.
    let panicked = |line: &str| line.starts_with("thread '") && line.contains("panicked");
    must(
        !printed.lines().any(panicked),
        format!("it panicked: {tail}"),
    );
    must(
        run.memory <= row.memory,
        format!("{} MiB, more than {}", run.memory, row.memory),
    );
    // One more may have been cut off by the end of the wait.
    let attempts = attempts(run) + 1;
    let most = PRINTED * usize::try_from(attempts).unwrap_or(usize::MAX);
    must(
        printed.len() <= most,
        format!("printed {} bytes in {attempts} attempts", printed.len()),
    );
    must(
        target.connections() <= row.connections * attempts,
        format!(
            "its target saw {} connections in {attempts} attempts",
            target.connections()
        ),
    );
    must(
        elsewhere.connections() <= row.elsewhere * attempts,
        format!("another server saw {} connections", elsewhere.connections()),
    );
    must(
        row.elsewhere > 0 || elsewhere.received().is_empty(),
        "another server was sent something".to_owned(),
    );
    wrong.extend(foul(run).map(|what| format!("{}: {what}", run.form)));
    wrong.extend(shown(row, &printed, waited).map(|what| format!("{}: {what}", run.form)));
    if run.form == "json" {
        wrong.extend(json(row, run).map(|what| format!("{what}: {tail}")));
    }
    wrong
}

/// How many attempts were made, as far as the report tells.
fn attempts(run: &Run) -> u64 {
    match result(run) {
        Some(result) => result["targets"][0]["attempts"].as_u64().unwrap_or(0),
        None => run.outcome.stderr.matches(": attempt ").count() as u64,
    }
}

/// The report in JSON: what it holds, and that nobody but the program wrote it.
fn json(row: &Row, run: &Run) -> impl Iterator<Item = String> {
    let mut wrong = Vec::new();
    let results = run.events.iter().filter(|one| one["event"] == "result");
    let verdicts = usize::from(row.has_verdict());
    if results.count() != verdicts {
        wrong.push(format!("not {verdicts} results"));
    }
    if run.events.iter().any(|event| event["schema"] != 1) {
        wrong.push("a line is no event".to_owned());
    }
    if row.code.is_some() && code(run) != row.code {
        let shown = |code: Option<String>| code.unwrap_or_else(|| "none".to_owned());
        wrong.push(format!(
            "the code is {}, not {}",
            shown(code(run)),
            shown(row.code.clone())
        ));
    }
    if let Some(result) = result(run) {
        if result["exit_code"] != row.exit {
            wrong.push("another exit code in the report".to_owned());
        }
        let facts = &result["targets"][0]["facts"];
        for (name, value) in &row.facts {
            if facts[name] != value.as_str() {
                wrong.push(format!("the fact {name} is {}, not {value}", facts[name]));
            }
        }
    }
    wrong.into_iter()
}

/// Characters with power over terminals and readers, and lines with power over CI systems.
fn foul(run: &Run) -> impl Iterator<Item = String> {
    let Outcome { stdout, stderr, .. } = &run.outcome;
    let mut wrong = Vec::new();
    for text in [stdout, stderr] {
        let odd = text.chars().find(|letter| {
            (letter.is_control() && *letter != '\n')
                || matches!(letter,
                    '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        });
        if let Some(odd) = odd {
            wrong.push(format!("it printed {}", odd.escape_unicode()));
        }
        for line in text.lines() {
            if line.contains("##[") || line.contains("##vso") || line.trim_start().starts_with("::")
            {
                wrong.push(format!("CI systems would act on {line}"));
            }
            if line.starts_with("ready: deed://forged") {
                wrong.push("a plugin's line looks like the program's own".to_owned());
            }
        }
    }
    wrong.into_iter()
}

/// The secret, in every form that is looked for, but those that the row owns up to.
fn shown(row: &Row, printed: &str, waited: bool) -> impl Iterator<Item = String> {
    let mut wrong = Vec::new();
    for (name, forms) in forms() {
        let seen = forms.iter().any(|form| printed.contains(form.as_str()));
        let known = row.shows.contains(name);
        if seen && !known {
            wrong.push(format!("the secret was shown, {name}"));
        }
        if waited && known && !seen {
            wrong.push(format!(
                "the secret was not shown {name}, but the row says so"
            ));
        }
    }
    wrong.into_iter()
}

/// The secret as a plugin may write it, by what the forms are called.
fn forms() -> Vec<(&'static str, Vec<String>)> {
    let each = |form: fn(u8) -> String| SECRET.bytes().map(form).collect::<String>();
    let reserved = |upper: bool| {
        let escape = |byte: u8| match (byte.is_ascii_alphanumeric(), upper) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        };
        SECRET.bytes().map(escape).collect::<String>()
    };
    let within: Vec<String> = (0..3)
        .flat_map(|before| {
            let text = format!("{}{SECRET}", "x".repeat(before));
            // What depends on the neighbours is left out.
            let core = |text: String| text[4..text.len() - 4].to_owned();
            let plain = base64(text.as_bytes());
            let for_urls = plain.replace('+', "-").replace('/', "_");
            [core(plain), core(for_urls)]
        })
        .collect();
    vec![
        ("plain", vec![SECRET.to_owned()]),
        (
            "percent-encoded",
            vec![
                each(|byte| format!("%{byte:02X}")),
                each(|byte| format!("%{byte:02x}")),
                reserved(true),
                reserved(false),
            ],
        ),
        ("in base64", within),
        (
            "in hexadecimal",
            vec![
                each(|byte| format!("{byte:02x}")),
                each(|byte| format!("{byte:02X}")),
            ],
        ),
        (
            "escaped",
            vec![
                each(|byte| format!("\\u{byte:04x}")),
                each(|byte| format!("\\\\u{byte:04x}")),
            ],
        ),
        ("reversed", vec![SECRET.chars().rev().collect()]),
        (
            "spaced",
            vec![each(|byte| format!("{} ", char::from(byte)))],
        ),
        ("in halves", vec![SECRET[..SECRET.len() / 2].to_owned()]),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |place: usize| u32::from(*group.get(place).unwrap_or(&0));
        let number = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = (number >> (18 - 6 * place)) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}

/// The end of what was printed, for a failure's message.
fn tail(printed: &str) -> String {
    let from = printed.len().saturating_sub(600);
    printed[printed.floor_char_boundary(from)..].to_owned()
}
