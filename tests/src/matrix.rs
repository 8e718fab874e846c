//! Writes the table of states: for each state of a real server the expected and the found
//! verdict, so that a reader need not believe a claim.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::cli::Verdict;
use crate::process::scratch;
use crate::servers::{openbao, postgres, redis};

/// One state and what `waitfor` said about it.
struct Row {
    state: String,
    server: String,
    args: String,
    expected: String,
    found: String,
    reason: String,
}

/// The table of one probe, `docs/states/<probe>.md`.
pub struct Matrix {
    probe: String,
    server: String,
    rows: Vec<Row>,
    complete: bool,
    replaced: Vec<(String, String)>,
}

impl Matrix {
    /// An empty table; `server` is the version that most rows were seen on.
    pub fn new(probe: &str, server: &str) -> Self {
        Self {
            probe: probe.to_owned(),
            server: server.to_owned(),
            rows: Vec::new(),
            complete: true,
            replaced: [
                (postgres::PASSWORD, "PASSWORD"),
                (redis::PASSWORD, "PASSWORD"),
                (openbao::DEV_TOKEN, "TOKEN"),
            ]
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .to_vec(),
        }
    }

    /// Shows `to` wherever a row would show `from`: for values that differ from run to run
    /// and that the general rules (ports, times, scratch folders, passwords) do not cover.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.replaced.push((from.to_owned(), to.to_owned()));
    }

    /// Says that a server could not be had: the document is left as it is.
    pub fn skip(&mut self) {
        self.complete = false;
    }

    /// Adds a row for the server the table was made for.
    ///
    /// `state` says how the server was brought there; `verdict` and `code` are what the
    /// specification asks for.
    pub fn row(&mut self, state: &str, verdict: &str, code: &str, found: &Verdict) {
        let server = self.server.clone();
        self.row_on(state, &server, verdict, code, found);
    }

    /// As [`Matrix::row`], for another server or version, or `simulated`.
    pub fn row_on(
        &mut self,
        state: &str,
        server: &str,
        verdict: &str,
        code: &str,
        found: &Verdict,
    ) {
        self.rows.push(Row {
            state: state.to_owned(),
            server: server.to_owned(),
            args: self.steady_args(&found.shown),
            expected: label(verdict, code),
            found: label(&found.verdict, &found.code),
            reason: self.steady(&found.reason),
        });
    }

    /// Writes the document, then panics with every row whose verdict was not the expected one.
    pub fn finish(self) {
        if self.complete {
            let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/states");
            let path = dir.join(format!("{}.md", self.probe));
            let text = self.document();
            if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
                fs::create_dir_all(&dir)
                    .and_then(|()| fs::write(&path, text))
                    .unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
            }
        }
        let wrong: Vec<String> = self
            .rows
            .iter()
            .filter(|row| row.expected != row.found)
            .map(|row| {
                format!(
                    "  {} (waitfor {})\n    expected {}\n    found    {}: {}",
                    row.state, row.args, row.expected, row.found, row.reason
                )
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{} of {} states of {} were judged wrongly:\n{}",
            wrong.len(),
            self.rows.len(),
            self.probe,
            wrong.join("\n")
        );
    }

    fn document(&self) -> String {
        let mut text = format!(
            "# States of {}\n\nThis table is written by the tests (`make test`): each row is a server in \
             that state, the command that was run, and the verdict that was expected and found.\n\n\
             | state | server | `waitfor …` | expected | found | reason |\n\
             | --- | --- | --- | --- | --- | --- |\n",
            self.probe
        );
        for row in &self.rows {
            let found = if row.found == row.expected {
                row.found.clone()
            } else {
                format!("**{}**", row.found)
            };
            let cells = [
                &row.state,
                &row.server,
                &format!("`{}`", row.args),
                &row.expected,
                &found,
                &row.reason,
            ];
            let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }

    /// A command line, the same for every run: without ports and scratch folders.
    fn steady_args(&self, text: &str) -> String {
        static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&PLACES));
        let mut text = text.to_owned();
        for (from, to) in &self.replaced {
            text = text.replace(from.as_str(), to);
        }
        apply(&RULES, without_scratch(text))
    }

    /// A reason, the same for every run: also without times, process ids and percentages.
    fn steady(&self, text: &str) -> String {
        static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&AMOUNTS));
        apply(&RULES, self.steady_args(text))
    }
}

type Rule = (Regex, &'static str);

const PLACES: [(&str, &str); 3] = [
    (r"(localhost|127\.0\.0\.1|\[::1\]|::1):\d{2,5}\b", "$1:PORT"),
    (r"\b(port(?: is|=|:)? ?)\d{2,5}\b", "${1}PORT"),
    (r"(\.s\.PGSQL\.)\d+", "${1}PORT"),
];

const AMOUNTS: [(&str, &str); 5] = [
    (r"\b(pid|process)([ =:]+)\d+", "${1}${2}PID"),
    (
        r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}[.\d]*(?: ?UTC|Z|[+-]\d{2}:?\d{2})?",
        "TIME",
    ),
    (r"\b\d{4}-\d{2}-\d{2}\b", "DATE"),
    (
        r"\b\d+(?:\.\d+)? ?(ms|milliseconds|s|seconds?|min|minutes?|hours?|h)\b",
        "N $1",
    ),
    (r"\b\d+(?:\.\d+)? ?%", "N %"),
];

fn rules(source: &[(&str, &'static str)]) -> Vec<Rule> {
    source
        .iter()
        .map(|(rule, to)| {
            (
                Regex::new(rule).expect("a rule is a regular expression"),
                *to,
            )
        })
        .collect()
}

fn apply(rules: &[Rule], text: String) -> String {
    rules.iter().fold(text, |text, (rule, to)| {
        rule.replace_all(&text, *to).into_owned()
    })
}

/// Shows a scratch folder, and the folder with a random name in it, as `/tmp/dir`.
fn without_scratch(mut text: String) -> String {
    let scratch = scratch().display().to_string();
    while let Some(at) = text.find(&scratch) {
        let rest = &text[at + scratch.len()..];
        let folder = rest
            .strip_prefix('/')
            .and_then(|r| r.split(['/', ' ', ':', '?', '&']).next());
        let skip = folder
            .filter(|f| f.contains('-'))
            .map_or(0, |f| f.len() + 1);
        text = format!("{}/tmp/dir{}", &text[..at], &rest[skip..]);
    }
    text
}

fn label(verdict: &str, code: &str) -> String {
    if code.is_empty() || code == verdict {
        verdict.to_owned()
    } else {
        format!("{verdict} `{code}`")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_changes_from_run_to_run_is_left_out() {
        let mut matrix = Matrix::new("redis", "Redis 7");
        matrix.replace("s3cret-nonce", "NONCE");
        let dir = scratch().join("redis-Ab12/r.sock");
        for (text, steady) in [
            (
                "redis://:pw@127.0.0.1:20113/0?x=1",
                "redis://:pw@127.0.0.1:PORT/0?x=1",
            ),
            ("http://[::1]:80/", "http://[::1]:PORT/"),
            ("loading 7.91 %, 23 s left", "loading N %, N s left"),
            (
                "no answer within 1500ms (port 20113)",
                "no answer within N ms (port PORT)",
            ),
            ("not after 2020-01-01 00:00:00 UTC", "not after TIME"),
            ("with s3cret-nonce", "with NONCE"),
            (
                &format!("unix://{}?db=0", dir.display()),
                "unix:///tmp/dir/r.sock?db=0",
            ),
            (
                "PostgreSQL 15, 3 of 5 shares",
                "PostgreSQL 15, 3 of 5 shares",
            ),
        ] {
            assert_eq!(matrix.steady(text), steady);
        }
        let args = "redis://127.0.0.1:20113 --stable-for 3s";
        assert_eq!(
            matrix.steady_args(args),
            "redis://127.0.0.1:PORT --stable-for 3s"
        );
    }

    fn verdict(verdict: &str, code: &str) -> Verdict {
        Verdict {
            verdict: verdict.to_owned(),
            code: code.to_owned(),
            reason: "it said a|b after 12ms".to_owned(),
            hint: None,
            facts: BTreeMap::new(),
            attempts: 1,
            exit: 0,
            elapsed: Duration::ZERO,
            shown: "redis://127.0.0.1:20113".to_owned(),
            raw: serde_json::Value::Null,
        }
    }

    #[test]
    fn rows_become_a_table() {
        let mut matrix = Matrix::new("redis", "Redis 7");
        matrix.row("just started", "ready", "", &verdict("ready", ""));
        matrix.row_on(
            "imitated",
            "simulated",
            "not-ready",
            "loading",
            &verdict("ready", ""),
        );
        let text = matrix.document();
        let rows: Vec<&str> = text.lines().rev().take(2).collect();
        let command = "`redis://127.0.0.1:PORT`";
        let reason = r"it said a\|b after N ms";
        assert_eq!(
            rows,
            [
                format!(
                    "| imitated | simulated | {command} | not-ready `loading` | **ready** | {reason} |"
                ),
                format!("| just started | Redis 7 | {command} | ready | ready | {reason} |"),
            ]
        );
    }

    #[test]
    #[should_panic(expected = "1 of 2 states of redis were judged wrongly")]
    fn a_wrong_verdict_fails() {
        let mut matrix = Matrix::new("redis", "Redis 7");
        matrix.row("good", "ready", "", &verdict("ready", ""));
        matrix.row(
            "bad",
            "not-ready",
            "loading",
            &verdict("not-ready", "refused"),
        );
        matrix.skip();
        matrix.finish();
    }
}
