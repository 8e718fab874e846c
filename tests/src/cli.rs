//! Runs the built `waitfor` as a user would, and reads its verdict from the documented JSON.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::process::scratch;

/// Variables from the caller's environment that would change what a probe asks for, which account
/// a registry sees, or what a published plugin says of its source.
const CLEARED: [&str; 20] = [
    "PG",
    "V_",
    "VAULT_",
    "BAO_",
    "REDIS",
    "VALKEY",
    "VSQL_",
    "VERTICA",
    "WAITFOR_",
    "DATABASE_URL",
    "SSL_CERT_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "DOCKER_",
    "REGISTRY_AUTH",
    "GITHUB_",
    "CI_",
    "GITLAB_",
];

/// What a run of `waitfor` left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code; `128 + n` when signal `n` ended it, as a shell would say.
    pub code: i32,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// The verdict of one target, from the `result` event of `--output json`.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `ready`, `not-ready`, `misconfigured` or what else the host says.
    pub verdict: String,
    /// The kebab-case code, such as `loading`.
    pub code: String,
    /// The one-line reason.
    pub reason: String,
    /// What the user should do.
    pub hint: Option<String>,
    /// What the probe learned.
    pub facts: BTreeMap<String, String>,
    /// How many attempts were made.
    pub attempts: u64,
    /// The exit code of the run.
    pub exit: i32,
    /// How long the run took.
    pub elapsed: Duration,
    /// The command line as it was typed, without the options that the harness adds.
    pub shown: String,
    /// The target's whole object.
    pub raw: Value,
}

impl Verdict {
    /// The value of a fact that must be there.
    #[track_caller]
    pub fn fact(&self, name: &str) -> &str {
        self.facts
            .get(name)
            .unwrap_or_else(|| panic!("no fact `{name}` in {:?}", self.facts))
    }
}

/// A command line of `waitfor`, with a clean environment.
#[derive(Clone, Debug)]
pub struct Cli {
    program: PathBuf,
    args: Vec<OsString>,
    within: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    home: PathBuf,
    dir: Option<PathBuf>,
    limit: Duration,
    timeout: String,
    grace: String,
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

impl Cli {
    /// No arguments; a `HOME` of this test binary's own, empty but for what `waitfor` puts there.
    pub fn new() -> Self {
        static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
            let home = scratch().join("home");
            std::fs::create_dir_all(&home).expect("a folder for the home of waitfor");
            home
        });
        Self {
            program: binary().to_owned(),
            args: Vec::new(),
            within: Vec::new(),
            env: Vec::new(),
            home: HOME.clone(),
            dir: None,
            limit: Duration::from_secs(60),
            timeout: "3s".to_owned(),
            grace: "0s".to_owned(),
        }
    }

    /// Runs another build than [`binary`].
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Uses another home folder, for instance one with a `.pgpass`.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        home.clone_into(&mut self.home);
        self
    }

    /// Runs in this folder.
    #[must_use]
    pub fn current_dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Runs it by another program, such as `setpriv` with its options.
    #[must_use]
    pub fn within<S: AsRef<OsStr>>(mut self, program: impl IntoIterator<Item = S>) -> Self {
        self.within = program.into_iter().map(|p| p.as_ref().to_owned()).collect();
        self
    }

    /// Kills the run after this long (60 s), whatever `waitfor` itself was told.
    #[must_use]
    pub fn kill_after(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The `--timeout` of [`Cli::attempt`]: `3s` unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: &str) -> Self {
        timeout.clone_into(&mut self.timeout);
        self
    }

    /// The `--grace` of [`Cli::attempt`]: `0s` unless set.
    #[must_use]
    pub fn grace(mut self, grace: &str) -> Self {
        grace.clone_into(&mut self.grace);
        self
    }

    /// The process to be, for tests that want to start and watch it themselves.
    pub fn command(&self) -> Command {
        let mut command = match self.within.split_first() {
            Some((program, args)) => {
                let mut command = Command::new(program);
                command.args(args).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            if CLEARED.iter().any(|prefix| text.starts_with(prefix)) || text.starts_with("XDG_") {
                command.env_remove(name);
            }
        }
        command.env("HOME", &self.home).args(&self.args);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    /// Runs it to its end.
    pub fn run(&self) -> Outcome {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let begin = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|e| {
            panic!(
                "cannot run {}: {e}\nhint: build it first, or set WAITFOR_BIN",
                binary().display()
            )
        });
        let stdout = child.stdout.take().map(drain);
        let stderr = child.stderr.take().map(drain);
        let mut killed = false;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if begin.elapsed() > self.limit => {
                    killed = true;
                    // The group: a command after `--` may have children of its own.
                    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                    break child.wait().expect("a killed process can be waited for");
                }
                Ok(None) => sleep(Duration::from_millis(3)),
                Err(e) => panic!("cannot wait for waitfor: {e}"),
            }
        };
        let elapsed = begin.elapsed();
        let collect = |reader: Option<thread::JoinHandle<String>>| {
            reader.and_then(|r| r.join().ok()).unwrap_or_default()
        };
        let outcome = Outcome {
            code: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: collect(stdout),
            stderr: collect(stderr),
            elapsed,
        };
        assert!(
            !killed,
            "waitfor {} did not end within {:?}\n--- stdout\n{}--- stderr\n{}",
            self.shown(),
            self.limit,
            outcome.stdout,
            outcome.stderr
        );
        outcome
    }

    /// Runs `waitfor --output json --timeout 3s --grace 0s` with the arguments for one target
    /// and returns that target's verdict. Panics with the output when there is no result event.
    pub fn attempt<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Verdict {
        let user = self.clone().args(args);
        let mut full = user.clone();
        let own = [
            "--output",
            "json",
            "--timeout",
            &self.timeout,
            "--grace",
            &self.grace,
        ];
        full.args.splice(0..0, own.map(OsString::from));
        let outcome = full.run();
        let shown = user.shown();
        read_verdict(&outcome, &shown).unwrap_or_else(|why| {
            panic!(
                "waitfor {shown}: {why} (exit code {})\n--- stdout\n{}--- stderr\n{}",
                outcome.code, outcome.stdout, outcome.stderr
            )
        })
    }

    /// The arguments as one line.
    pub(crate) fn shown(&self) -> String {
        let words = self.args.iter().map(|arg| {
            let text = arg.to_string_lossy();
            if text.is_empty() || text.contains([' ', '"', '&', '$', '*', '|', ';', '(']) {
                format!("'{text}'")
            } else {
                text.into_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The built program: `$WAITFOR_BIN`, else `release/waitfor` beside the folder of this test.
pub fn binary() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        if let Some(set) = std::env::var_os("WAITFOR_BIN").filter(|v| !v.is_empty()) {
            return PathBuf::from(set);
        }
        let own = std::env::current_exe().expect("the path of this program");
        // A test is <target>/<profile>/deps/NAME, a program <target>/<profile>/NAME.
        let deps = own.parent().is_some_and(|folder| folder.ends_with("deps"));
        let target = own
            .ancestors()
            .nth(if deps { 3 } else { 2 })
            .expect("it lies in a target folder");
        target.join("release/waitfor")
    });
    &BINARY
}

fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth showing.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The verdict of the one target that a run with `--output json` was about; says why there is none.
pub(crate) fn read_verdict(outcome: &Outcome, shown: &str) -> Result<Verdict, String> {
    let line = outcome
        .stdout
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty());
    if line.is_none() && outcome.code == USAGE {
        return Ok(usage(outcome, shown));
    }
    let line = line.ok_or("it printed nothing")?;
    let event: Value =
        serde_json::from_str(line).map_err(|e| format!("its last line is not JSON: {e}"))?;
    if event["event"] != "result" {
        return Err("its last line is not the result event".to_owned());
    }
    let target = event["targets"].get(0).ok_or("the result has no target")?;
    let text = |name: &str| match &target[name] {
        Value::String(text) => Ok(text.clone()),
        _ => Err(format!("the target has no text `{name}`")),
    };
    let facts = target["facts"]
        .as_object()
        .ok_or("the target has no facts")?;
    let facts = facts.iter().map(|(name, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), value)
    });
    let told = event["exit_code"].as_i64();
    if told != Some(i64::from(outcome.code)) {
        return Err(format!("the result says exit code {told:?}"));
    }
    Ok(Verdict {
        verdict: text("verdict")?,
        code: text("code").unwrap_or_default(),
        reason: text("reason").unwrap_or_default(),
        hint: text("hint").ok(),
        facts: facts.collect(),
        attempts: target["attempts"]
            .as_u64()
            .ok_or("the target has no attempts")?,
        exit: outcome.code,
        elapsed: outcome.elapsed,
        shown: shown.to_owned(),
        raw: target.clone(),
    })
}

/// The exit code of a command line that cannot be used.
const USAGE: i32 = 2;

/// What is refused before the first attempt has no result event: it is told on
/// standard error.
fn usage(outcome: &Outcome, shown: &str) -> Verdict {
    let told = |mark: &str| {
        let line = outcome
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix(mark));
        line.map(str::to_owned)
    };
    Verdict {
        verdict: "usage".to_owned(),
        code: String::new(),
        reason: told("error: ").unwrap_or_default(),
        hint: told("hint: "),
        facts: BTreeMap::new(),
        attempts: 0,
        exit: outcome.code,
        elapsed: outcome.elapsed,
        shown: shown.to_owned(),
        raw: Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stdout: &str, code: i32) -> Outcome {
        Outcome {
            code,
            stdout: stdout.to_owned(),
            stderr: String::new(),
            elapsed: Duration::from_secs(1),
        }
    }

    #[test]
    fn reads_the_last_line() {
        let text = concat!(
            "{\"schema\":1,\"event\":\"change\"}\n",
            "{\"schema\":1,\"event\":\"result\",\"exit_code\":124,\"elapsed_ms\":3000,\"targets\":[",
            "{\"target\":\"redis://h\",\"verdict\":\"not-ready\",\"code\":\"loading\",",
            "\"reason\":\"loading\",\"hint\":null,\"attempts\":4,\"facts\":{\"k\":\"v\",\"n\":7}}]}\n",
        );
        let found = read_verdict(&outcome(text, 124), "redis://h").expect("a verdict");
        assert_eq!(
            (found.verdict.as_str(), found.code.as_str()),
            ("not-ready", "loading")
        );
        assert_eq!((found.hint, found.attempts), (None, 4));
        assert_eq!(found.facts["n"], "7");
    }

    #[test]
    fn refuses_what_is_no_result() {
        let wrong = "{\"event\":\"result\",\"exit_code\":0,\"targets\":[{\"facts\":{}}]}";
        for (text, part) in [
            ("", "nothing"),
            ("hello", "not JSON"),
            ("{\"event\":\"change\"}", "not the result"),
            ("{\"event\":\"result\",\"targets\":[]}", "no target"),
            (wrong, "exit code"),
        ] {
            let why = read_verdict(&outcome(text, 1), "").expect_err(text);
            assert!(why.contains(part), "{why}");
        }
    }
}
