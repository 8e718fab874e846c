//! Signals during `waitfor plugin …`: at a stalled network, at a lock that others hold, at a
//! credential helper that never answers, and at random moments. No file is left beside its place,
//! no child lives on, and the same command, once more, does the rest.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::guests::{Form, billing, versioned};
use waitfor_tests::process::{PATIENCE, temp_dir, wait_for};
use waitfor_tests::servers::lying_registry::{Fault, LyingRegistry, Seen};

use crate::support::{Running, SIGNALS, half_written, lives};

/// A project bound to a registry that has `acme/billing@1.0.0`.
struct Project {
    registry: LyingRegistry,
    dir: TempDir,
}

impl Project {
    /// None where the probe cannot be built.
    fn new() -> Option<Self> {
        let component = versioned(&billing(Form::First)?, "1.0.0");
        let dir = temp_dir("signals");
        for folder in ["project", "home"] {
            fs::create_dir(dir.path().join(folder)).expect("a folder");
        }
        let registry = LyingRegistry::start();
        registry.put("acme/billing", "1.0.0", &component);
        let found = Self { registry, dir };
        let binding = format!("[registries]\nacme = \"{}\"\n", found.registry.location());
        fs::write(found.folder().join("waitfor.toml"), binding).expect("a file");
        fs::write(found.folder().join("mine.wasm"), component).expect("a file");
        Some(found)
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn cli(&self, line: &str) -> Cli {
        Cli::new()
            .args(line.split_whitespace())
            .home(&self.dir.path().join("home"))
            .env("WAITFOR_STORE", self.store())
            .current_dir(&self.folder())
    }

    fn command(&self, line: &str) -> Command {
        self.cli(line).command()
    }

    #[track_caller]
    fn expect(&self, code: i32, line: &str) -> Outcome {
        let found = self.cli(line).run();
        assert_eq!(found.code, code, "waitfor {line}: {found:#?}");
        found
    }

    #[track_caller]
    fn is_clean(&self) {
        assert_eq!(half_written(self.dir.path()), [] as [&Path; 0]);
    }
}

#[test]
fn while_a_registry_is_silent() {
    let Some(project) = Project::new() else {
        return;
    };
    let before = fs::read(project.folder().join("waitfor.toml")).expect("a file");
    for (line, part, fault) in [
        (
            "plugin add acme/billing",
            "GET /v2/probes/acme/billing/tags",
            Fault::Silence,
        ),
        (
            "plugin add acme/billing",
            "GET /v2/probes/acme/billing/blobs",
            Fault::Drip,
        ),
        (
            "plugin publish acme/mine@1.0.0 mine.wasm",
            "POST",
            Fault::Silence,
        ),
        (
            "plugin publish acme/mine@2.0.0 mine.wasm",
            "PUT",
            Fault::Silence,
        ),
        ("plugin outdated", "GET", Fault::Silence),
    ] {
        for (signal, code) in SIGNALS {
            project.registry.repent();
            if line == "plugin outdated" {
                project.expect(0, "plugin add acme/billing");
            }
            project.registry.repent();
            project.registry.lie(part, fault.clone());
            let running = Running::start(project.command(line));
            wait_for("the request", PATIENCE, || {
                let seen = project.registry.seen();
                let is_it = |one| is_about(one, part);
                seen.iter()
                    .any(is_it)
                    .then_some(())
                    .ok_or(format!("{seen:?}"))
            });
            running.signal(signal);
            let ended = running.end();
            assert_eq!(
                (ended.code, ended.killed),
                (code, false),
                "{line}: {ended:#?}"
            );
            project.is_clean();
        }
        if line.contains("add") {
            let now = fs::read(project.folder().join("waitfor.toml")).expect("a file");
            assert_eq!(before, now, "{line}");
        }
        project.registry.repent();
        project.expect(0, line);
        if line.contains("add") {
            project.expect(0, "plugin remove acme/billing");
            fs::write(project.folder().join("waitfor.toml"), &before).expect("a file");
            fs::remove_dir_all(project.store()).expect("the store");
        }
    }
}

fn is_about(seen: &Seen, part: &str) -> bool {
    format!("{} {}", seen.method, seen.path).contains(part)
}

/// The first plugin of a run may be fetched before the wait begins.
#[test]
fn while_a_locked_plugin_is_fetched_for_a_wait() {
    let Some(project) = Project::new() else {
        return;
    };
    project.expect(0, "plugin add acme/billing");
    for (signal, code) in SIGNALS {
        fs::remove_dir_all(project.store()).expect("the store");
        project.registry.repent();
        project.registry.lie("blobs", Fault::Silence);
        let running = Running::start(project.command("billing://127.0.0.1:1 -t 0"));
        wait_for("the request", PATIENCE, || {
            match project.registry.seen().is_empty() {
                true => Err("nothing was asked".to_owned()),
                false => Ok(()),
            }
        });
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code, ended.killed), (code, false), "{ended:#?}");
        project.is_clean();
        project.registry.repent();
        project.expect(0, "plugin fetch");
    }
}

#[test]
fn while_another_holds_the_store() {
    let Some(project) = Project::new() else {
        return;
    };
    project.expect(0, "plugin add acme/billing");
    for (signal, code) in SIGNALS {
        let held = File::open(project.store().join("lock")).expect("the lock of the store");
        held.lock_shared().expect("nobody holds it alone");
        let running = Running::start(project.command("plugin gc"));
        // Others that wait for a lock are listed after `->`.
        wait_for("the wait for the lock", PATIENCE, || {
            let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
            let pid = format!(" {} ", running.pid().as_raw_nonzero());
            let waits = |line: &str| line.contains("->") && line.contains(&pid);
            locks.lines().any(waits).then_some(()).ok_or(locks)
        });
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code, ended.killed), (code, false), "{ended:#?}");
        drop(held);
        project.expect(0, "plugin gc");
        project.is_clean();
    }
}

/// Files are whole and in their place whenever a signal comes.
#[test]
fn at_any_moment() {
    let Some(project) = Project::new() else {
        return;
    };
    let lines = [
        "plugin add acme/billing",
        "plugin fetch",
        "plugin publish acme/mine@1.0.0 mine.wasm --to oci:layout",
        "plugin vendor vendored",
    ];
    let mut ended_early = 0;
    for step in 0..160_u64 {
        let line = lines[(step % 4) as usize];
        if line == "plugin fetch" {
            project.expect(0, "plugin add acme/billing");
            fs::remove_dir_all(project.store()).expect("the store");
        }
        if line.contains("publish") {
            let _ = fs::remove_dir_all(project.folder().join("layout"));
        }
        if line.contains("vendor") {
            let _ = fs::remove_dir_all(project.folder().join("vendored"));
        }
        let (signal, code) = SIGNALS[(step % 3) as usize];
        // What compiles takes ten times as long as what finds it done.
        let (more, moment) = match (step / 4) % 2 {
            0 => (" --no-native-cache", step * 450),
            _ => ("", step * 60),
        };
        let mut running = Running::start(project.command(&format!("{line}{more}")));
        thread::sleep(Duration::from_micros(moment));
        if !running.has_ended() {
            running.signal(signal);
        }
        let ended = running.end();
        assert!(
            ended.code == code || ended.code == 0,
            "step {step}: {line}: {ended:#?}"
        );
        ended_early += u32::from(ended.code == code);
        project.is_clean();
        project.expect(0, line);
        project.expect(0, "plugin add acme/billing");
        project.expect(0, "plugin verify");
    }
    assert!(ended_early > 40, "only {ended_early} met a signal");
}

/// Puts a credential helper in place that does this after it was asked; the command that asks it.
fn asking_a_helper(project: &Project, limit: &str, deed: &str) -> (Cli, PathBuf) {
    let pids = project.dir.path().join("pids");
    let bin = project.dir.path().join("bin");
    let docker = project.dir.path().join("docker");
    for folder in [&bin, &docker] {
        fs::create_dir_all(folder).expect("a folder");
    }
    let helper = bin.join("docker-credential-stuck");
    let script = format!("#!/bin/sh\ncat >/dev/null\n{deed}\n");
    fs::write(&helper, script.replace("PIDS", &pids.display().to_string())).expect("a file");
    fs::set_permissions(&helper, Permissions::from_mode(0o755)).expect("ours");
    fs::write(docker.join("config.json"), r#"{"credsStore":"stuck"}"#).expect("a file");
    let challenge = "Basic realm=\"r\"".to_owned();
    project.registry.lie("GET", Fault::Challenge(challenge));
    let path = std::env::var("PATH").unwrap_or_default();
    let cli = project
        .cli(&format!(
            "plugin add acme/billing --network-timeout {limit}"
        ))
        .env("DOCKER_CONFIG", &docker)
        .env("PATH", format!("{}:{path}", bin.display()));
    (cli, pids)
}

/// A shell and its child, which both would live on; their numbers are in the file `PIDS`.
const STUCK: &str = "sleep 1000 &\necho \"$$ $!\" >PIDS.new\nmv PIDS.new PIDS\nwait";

#[track_caller]
fn all_gone(pids: &Path) {
    let pids = fs::read_to_string(pids).expect("what the helper wrote");
    let pids: Vec<i32> = pids.split_whitespace().flat_map(str::parse).collect();
    assert_eq!(pids.len(), 2);
    wait_for("the end of the helper", PATIENCE, || {
        match pids.iter().find(|pid| lives(**pid)) {
            Some(pid) => Err(format!("{pid} lives on")),
            None => Ok(()),
        }
    });
}

#[test]
fn a_credential_helper_ends_with_us() {
    for (signal, code) in SIGNALS {
        let Some(project) = Project::new() else {
            return;
        };
        let (cli, pids) = asking_a_helper(&project, "1h", STUCK);
        let running = Running::start(cli.command());
        wait_for("the helper", PATIENCE, || {
            pids.exists()
                .then_some(())
                .ok_or("it was not asked".to_owned())
        });
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code, ended.killed), (code, false), "{ended:#?}");
        all_gone(&pids);
        project.is_clean();
    }
}

#[test]
fn a_credential_helper_has_its_time() {
    let Some(project) = Project::new() else {
        return;
    };
    let (cli, pids) = asking_a_helper(&project, "1s", STUCK);
    let found = cli.run();
    assert_eq!(found.code, 4, "{found:#?}");
    let told = "`docker-credential-stuck`, named there, has not answered within 1 s; \
                --network-timeout gives it longer";
    assert!(found.stderr.contains(told), "{}", found.stderr);
    all_gone(&pids);
}

/// One that leaves a child behind with its pipes, as agents do, has answered all the same.
#[test]
fn a_credential_helper_may_leave_an_agent() {
    let Some(project) = Project::new() else {
        return;
    };
    let answer = "sleep 1000 >/dev/null 2>&1 &\necho \"$$ $!\" >PIDS\n\
                  echo '{\"Username\":\"ann\",\"Secret\":\"hunter2\"}'";
    let (cli, pids) = asking_a_helper(&project, "30s", answer);
    let found = cli.run();
    let agent = fs::read_to_string(&pids).unwrap_or_default();
    let agent = agent
        .split_whitespace()
        .nth(1)
        .and_then(|pid| pid.parse().ok());
    let agent: i32 = agent.expect("the number of the agent");
    assert!(lives(agent), "an agent is not ours to end");
    let ours = rustix::process::Pid::from_raw(agent).expect("a number");
    rustix::process::kill_process(ours, rustix::process::Signal::KILL).expect("it runs");
    assert_eq!(found.code, 0, "{found:#?}");
    assert!(!format!("{found:?}").contains("hunter2"));
}
