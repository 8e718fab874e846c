//! The tools that people would use instead, each as its users call it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use waitfor_tests::cli::Cli;
use waitfor_tests::faults::peer::Peer;
use waitfor_tests::install::{self, Component, Installed};

use crate::report::Report;

/// The names of ours, as other modules look for them.
pub(crate) const CONNECTING: &str = "waitfor, hold=0";
pub(crate) const HOLDING: &str = "waitfor, holding for 200 ms";

/// A tool that waits for a port.
#[derive(Clone)]
pub(crate) enum Waiter {
    /// The one that is built here, as far as a mere connect, as the others do it.
    Connecting,
    /// The same with its defaults: the connection must stay open for 200 ms.
    Holding,
    /// Another one.
    Other(Installed),
}

/// The tools that wait for ports, ours in two ways first; those that cannot be had are noted as
/// skipped.
pub(crate) fn waiters(report: &mut Report) -> Vec<Waiter> {
    let others = [
        Component::WaitForItScript,
        Component::WaitForThem,
        Component::WaitForItPython,
        Component::WaitPort,
        Component::WaitOn,
    ];
    let mut all = vec![Waiter::Connecting, Waiter::Holding];
    for component in others {
        all.extend(have(component, report).map(Waiter::Other));
    }
    all
}

/// A component, or a note that it was skipped.
pub(crate) fn have(component: Component, report: &mut Report) -> Option<Installed> {
    match install::provide(component) {
        Ok(found) => {
            if !report.versions.contains(&found.version) {
                report.versions.push(found.version.clone());
            }
            Some(found)
        }
        Err(why) => {
            report.skip(&component.to_string(), &why);
            None
        }
    }
}

impl Waiter {
    /// Whether it is another's.
    pub(crate) fn is_other(&self) -> bool {
        matches!(self, Waiter::Other(_))
    }

    /// As it is named in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Waiter::Connecting => CONNECTING,
            Waiter::Holding => HOLDING,
            Waiter::Other(other) => match other.component {
                Component::WaitForItScript => "wait-for-it.sh",
                Component::WaitForThem => "wait-for-them",
                Component::WaitForItPython => "wait-for-it (PyPI)",
                Component::WaitPort => "wait-port (npm)",
                _ => "wait-on (npm)",
            },
        }
    }

    /// Waits without a limit until a port accepts connections, and is silent.
    pub(crate) fn port(&self, address: SocketAddr) -> Command {
        let place = address.to_string();
        match self {
            Waiter::Connecting => waitfor(&["-q", "-t", "0", &format!("tcp://{place}?hold=0")]),
            Waiter::Holding => waitfor(&["-q", "-t", "0", &format!("tcp://{place}")]),
            Waiter::Other(other) => {
                let mut command = starter(other);
                match other.component {
                    Component::WaitForItScript => command.args(["-q", "-t", "0", &place]),
                    Component::WaitForThem => command.args(["-s", &place]),
                    Component::WaitForItPython => command.args(["-q", "-t", "0", "-s", &place]),
                    Component::WaitPort => command.args(["-o", "silent", &place]),
                    _ => command.arg(format!("tcp:{place}")),
                };
                command
            }
        }
    }

    /// Waits without a limit until a UNIX socket accepts connections, if the tool can.
    pub(crate) fn socket(&self, path: &Path) -> Option<Command> {
        let path = path.display();
        match self {
            Waiter::Connecting => Some(waitfor(&[
                "-q",
                "-t",
                "0",
                &format!("unix://{path}?hold=0"),
            ])),
            Waiter::Holding => Some(waitfor(&["-q", "-t", "0", &format!("unix://{path}")])),
            Waiter::Other(other) => match other.component {
                Component::WaitOn => {
                    let mut command = starter(other);
                    command.arg(format!("socket:{path}"));
                    Some(command)
                }
                _ => None,
            },
        }
    }

    /// Waits until this URL answers well; nothing where the tool cannot, or it is ours.
    pub(crate) fn page(&self, url: &str) -> Option<Command> {
        let Waiter::Other(other) = self else {
            return None;
        };
        let mut command = starter(other);
        match other.component {
            Component::WaitForThem => command.args(["-s", url]),
            Component::WaitPort => command.args(["-o", "silent", url]),
            Component::WaitOn => command.arg(url.replacen("http:", "http-get:", 1)),
            _ => return None,
        };
        Some(command)
    }
}

fn starter(other: &Installed) -> Command {
    match other.component {
        Component::WaitForItScript => Command::new(other.program("wait-for-it")),
        Component::WaitForThem => Command::new(other.program("wait-for-them")),
        Component::WaitPort => Command::new(other.program("wait-port")),
        Component::WaitForItPython => {
            let mut command = Command::new(python());
            command
                .env("PYTHONPATH", &other.dir)
                .args(["-m", "wait_for_it"]);
            command
        }
        _ => Command::new(other.program("wait-on")),
    }
}

/// `waitfor` with a clean environment and an own home.
pub(crate) fn waitfor(args: &[&str]) -> Command {
    Cli::new().args(args).command()
}

/// What is known of the plugins at hand (`docs/plugin-json.md`).
pub(crate) fn plugins() -> Result<Vec<Value>, String> {
    let listed = waitfor(&["plugin", "list", "--output", "json"])
        .output()
        .map_err(|e| format!("it cannot be run: {e}"))?;
    let mut listed: Value =
        serde_json::from_slice(&listed.stdout).map_err(|e| format!("the list of plugins: {e}"))?;
    match listed["plugins"].take() {
        Value::Array(plugins) => Ok(plugins),
        _ => Err("the list of plugins has none".to_owned()),
    }
}

/// Where this checkout has the components of the official probes, by the digits of their digests,
/// and their documents.
pub(crate) fn official_blobs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../registry/official/blobs/sha256")
}

/// A port at which each connection is held until the client leaves: one that closes at once would
/// not be taken for a service that works.
pub(crate) fn open_port() -> Peer {
    Peer::start(|mut stream, _| {
        // However it ends, it has ended.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

/// The interpreter itself: what is first on the path may be a script that looks for it.
fn python() -> &'static Path {
    static FOUND: LazyLock<PathBuf> = LazyLock::new(|| {
        let asked = Command::new("python3")
            .args(["-c", "import sys; print(sys.executable)"])
            .output();
        let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        PathBuf::from(
            said.ok()
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| "python3".to_owned()),
        )
    });
    &FOUND
}

/// A service's client in a loop, once a second, as scripts and entry points have it.
pub(crate) fn looped(client: &Command, test: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("until {test}; do sleep 1; done"), "loop"]);
    crate::clock::within(&mut shell, client);
    shell
}
