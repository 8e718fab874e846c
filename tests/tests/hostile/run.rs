//! Runs a plugin as a user would: found in a registry, with a secret in the environment.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::guests;
use waitfor_tests::process::temp_dir;
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::judge::{self, SECRET};
use crate::servers::Server;
use crate::table::{Form, Row};

/// The program must end by itself well before this: no row waits for longer than 40 s, and no
/// component may be compiled for more than 60 s of the processor's time.
const KILLED: Duration = Duration::from_secs(300);

/// A registry with all plugins, and a project that uses it.
pub(crate) struct Bench {
    registry: LyingRegistry,
    dir: TempDir,
}

/// What came of a row.
pub(crate) struct Found {
    /// The exit code and the verdict's code of the JSON report.
    pub(crate) exit: i32,
    pub(crate) code: Option<String>,
    /// In MiB, rounded up.
    pub(crate) memory: u64,
    /// What was not as the row says; empty where all was.
    pub(crate) wrong: Vec<String>,
}

/// One run of the program.
pub(crate) struct Run {
    pub(crate) form: &'static str,
    pub(crate) outcome: Outcome,
    /// In MiB, rounded up.
    pub(crate) memory: u64,
    /// The events of a report in JSON.
    pub(crate) events: Vec<Value>,
}

impl Bench {
    /// None where the plugin cannot be built; that was told.
    pub(crate) fn open() -> Option<Self> {
        guests::hostile("check", "nothing")?;
        let dir = temp_dir("hostile");
        let registry = LyingRegistry::start();
        fs::create_dir(dir.path().join("project")).expect("a folder");
        let toml = format!("[registries]\nacme = \"{}\"\n", registry.location());
        fs::write(dir.path().join("project/waitfor.toml"), toml).expect("the configuration");
        Some(Self { registry, dir })
    }

    /// Runs a row in each form of the report.
    pub(crate) fn run(&self, row: &Row) -> Found {
        let component = match &row.form {
            Form::Deed { function, deed } => {
                guests::hostile(function, deed).expect("it was built before")
            }
            Form::Static(name) => crate::table::component(name),
        };
        let plugin = format!("acme/{}", row.name);
        self.registry
            .put_changed(&plugin, "1.0.0", &component, |manifest| {
                manifest["annotations"]["dev.waitfor.schemes"] = row.scheme().into();
            });
        let mut wrong = Vec::new();
        let mut memory = 0;
        let mut found = (0, None);
        for form in ["json", "text", "help"] {
            if form == "help" && !row.describes() {
                continue;
            }
            let elsewhere = Server::start("silent");
            let target = self.target(row, &elsewhere);
            let args = self.args(row, &row.timeout, &target, &elsewhere);
            let run = self.once(row, form, &args);
            wrong.extend(judge::run(row, &run, &target, &elsewhere));
            memory = memory.max(run.memory);
            if form == "json" {
                found = (run.outcome.code, judge::code(&run));
            }
        }
        // Where the row leaves the code open, it may be another each time.
        let code = found.1.filter(|_| row.code.is_some());
        if row.beside {
            wrong.extend(self.beside(row));
        }
        Found {
            exit: found.0,
            code,
            memory,
            wrong,
        }
    }

    /// With an honest target beside it, which must be found ready and stay so for a while.
    fn beside(&self, row: &Row) -> Option<String> {
        let elsewhere = Server::start("silent");
        let target = self.target(row, &elsewhere);
        let honest = Server::start("silent");
        let mut args = self.args(row, "30s", &target, &elsewhere);
        let tcp = format!("tcp://127.0.0.1:{}", honest.port);
        args.extend(["--any", "--stable-for", "700ms", &tcp].map(str::to_owned));
        let run = self.once(row, "json", &args);
        let result = run.events.last().cloned().unwrap_or_default();
        let ready = result["targets"].as_array().is_some_and(|targets| {
            targets
                .iter()
                .any(|one| one["plugin"] == "tcp" && one["verdict"] == "ready")
        });
        let fine = run.outcome.code == 0 && ready;
        (!fine).then(|| {
            format!(
                "an honest target beside it was disturbed (exit {}): {result}",
                run.outcome.code
            )
        })
    }

    fn target(&self, row: &Row, elsewhere: &Server) -> Server {
        Server::start(
            &row.server
                .replace("{elsewhere}", &elsewhere.port.to_string()),
        )
    }

    fn args(&self, row: &Row, timeout: &str, target: &Server, elsewhere: &Server) -> Vec<String> {
        let mut args: Vec<String> = [
            "--plugin",
            &format!("acme/{}@1", row.name),
            "--timeout",
            timeout,
            "--attempt-timeout",
            &row.attempt,
            "--grace",
            "0s",
        ]
        .map(str::to_owned)
        .into();
        let own = row.args.iter().map(|arg| {
            arg.replace("{elsewhere}", &elsewhere.port.to_string())
                .replace("{target}", &target.port.to_string())
        });
        args.extend(own);
        args.push(format!("{}://127.0.0.1:{}", row.scheme(), target.port));
        args
    }

    fn once(&self, row: &Row, form: &'static str, args: &[String]) -> Run {
        let peak = self.file(&format!("{}-{form}.peak", row.name));
        let variable: String = row
            .name
            .chars()
            .map(|letter| match letter {
                '-' => '_',
                other => other.to_ascii_uppercase(),
            })
            .collect();
        let plugin = format!("acme/{}@1", row.name);
        let outcome = Cli::new()
            .within([
                env!("CARGO_BIN_EXE_peak").to_owned(),
                peak.display().to_string(),
            ])
            .args(match form {
                "help" => vec![plugin, "--help".to_owned()],
                _ => ["-vv", "--output", form]
                    .map(str::to_owned)
                    .into_iter()
                    .chain(args.iter().cloned())
                    .collect(),
            })
            .env("WAITFOR_STORE", self.file(&format!("store-{}", row.name)))
            .env(format!("WAITFOR_ACME_{variable}_KEY"), SECRET)
            .home(&self.file("home"))
            .current_dir(&self.file("project"))
            .kill_after(KILLED)
            .run();
        let kib: u64 = fs::read_to_string(&peak)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("{}: its memory was not measured", row.name));
        let lines = outcome.stdout.lines();
        let events = lines
            .map(|line| serde_json::from_str(line).unwrap_or(Value::Null))
            .collect();
        Run {
            form,
            outcome,
            memory: kib.div_ceil(1024),
            events,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
