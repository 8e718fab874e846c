//! What a long wait costs: the waiter's machine in CPU and wake-ups, the server's in connections and
//! packets. Each wait has a network namespace of its own, in which nothing else is counted.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::{Value, json};
use waitfor_tests::install::Component;
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

use crate::clock::{beside, usage};
use crate::peers::{Waiter, have, looped, waiters, waitfor};
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// What is waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// A port of this machine that nobody listens on.
    Refused,
    /// A Redis of this machine that says that it is loading.
    Loading,
    /// A PostgreSQL of this machine that says that it is starting up.
    Starting,
    /// An address beyond a link on which nobody answers.
    Swallowed,
}

impl Scene {
    const ALL: [Scene; 4] = [
        Scene::Refused,
        Scene::Loading,
        Scene::Starting,
        Scene::Swallowed,
    ];

    /// As it stands in the disciplines.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Scene::Refused => "refused local port",
            Scene::Loading => "local Redis that is loading",
            Scene::Starting => "local PostgreSQL that is starting",
            Scene::Swallowed => "remote address that swallows packets",
        }
    }
}

/// The discipline of a scene in one respect.
pub(crate) fn discipline(respect: &str, scene: Scene) -> String {
    format!("waiting, {}: {respect}", scene.title())
}

/// The respect that a figure to reach is about.
pub(crate) const CPU: &str = "CPU";

/// Where nobody answers: the other end of a link that leads nowhere.
const NOBODY: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 2), 6379);

/// Runs the part: all waits at the same time, since they sleep nearly always.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let isolated = isolation(report);
    let waiters = waiters(report);
    let redis = have(Component::Redis, report);
    let postgres = have(Component::Postgres, report);
    let mut waits = Vec::new();
    for scene in Scene::ALL {
        let names: Vec<&str> = match scene {
            Scene::Refused => waiters.iter().map(Waiter::name).collect(),
            Scene::Swallowed if isolated => waiters.iter().map(Waiter::name).collect(),
            Scene::Loading if redis.is_some() => vec!["waitfor", LOOP],
            Scene::Starting if postgres.is_some() => vec!["waitfor", LOOP],
            _ => Vec::new(),
        };
        waits.extend(names.into_iter().map(|name| (scene, name)));
    }
    let found = thread::scope(|scope| {
        let running: Vec<_> = waits
            .iter()
            .map(|(scene, who)| scope.spawn(|| outside(*scene, who, settings.wait, isolated)))
            .collect();
        let ended = running.into_iter().map(|wait| wait.join());
        ended
            .map(|wait| wait.unwrap_or_else(|_| Err("the measuring broke".to_owned())))
            .collect::<Vec<_>>()
    });
    for ((scene, who), found) in waits.iter().zip(found) {
        let who = match (*who, scene) {
            (LOOP, Scene::Loading) => "redis-cli ping in a loop, sleep 1",
            (LOOP, _) => "pg_isready in a loop, sleep 1",
            (who, _) => who,
        };
        match found {
            Ok(found) => note(report, *scene, who, &found),
            Err(why) => report.skip(&format!("waiting, {}: {who}", scene.title()), &why),
        }
    }
    // One respect after the other reads better than one scene after the other.
    report
        .rows
        .sort_by_key(|row| RESPECTS.iter().position(|(_, r, _)| row.what.ends_with(r)));
}

/// A service's client in a loop.
const LOOP: &str = "loop";

/// What is told of each wait: its key, its words and its unit.
const RESPECTS: [(&str, &str, Unit); 4] = [
    ("core", CPU, Unit::Core),
    ("wakeups", "wake-ups per second", Unit::Count),
    ("connections", "connections per minute", Unit::Count),
    ("packets", "packets per minute, both ways", Unit::Count),
];

fn note(report: &mut Report, scene: Scene, who: &str, found: &Value) {
    for (key, respect, unit) in RESPECTS {
        if let Some(value) = found[key].as_f64() {
            report.add(&discipline(respect, scene), who, unit, value);
        }
    }
}

/// Whether network namespaces can be made; notes it where they cannot.
fn isolation(report: &mut Report) -> bool {
    if have(Component::Iproute, report).is_none() {
        return false;
    }
    let tried = Command::new("unshare")
        .args(["--net", "ip", "link", "set", "lo", "up"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        let why = "no network namespace can be made here (that takes root)";
        report.skip("waiting: connections, packets, and a silent address", why);
    }
    works
}

/// Runs one wait in a process of its own, and reads what that has found.
fn outside(scene: Scene, who: &str, seconds: f64, isolated: bool) -> Result<Value, String> {
    let folder = temp_dir("waiting");
    let file = folder.path().join("found.json");
    let mut command = if isolated {
        let mut command = Command::new("unshare");
        command.args(["--net", "--"]).arg(beside("bench"));
        command
    } else {
        Command::new(beside("bench"))
    };
    let place = Scene::ALL.iter().position(|other| *other == scene);
    command
        .arg("inside")
        .arg(place.unwrap_or_default().to_string())
        .args([who, &seconds.to_string()])
        .arg(if isolated { "isolated" } else { "shared" })
        .arg(&file);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("it cannot be run: {e}"))?;
    let text = fs::read_to_string(&file).unwrap_or_default();
    serde_json::from_str(&text).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        format!("it failed: {}", last.unwrap_or("it gave no reason"))
    })
}

/// One wait, within its namespace: `SCENE WHO SECONDS isolated|shared FILE`.
pub(crate) fn inside(arguments: &[String]) -> Result<(), String> {
    let [scene, who, seconds, isolated, file] = arguments else {
        return Err("a wait takes five words".to_owned());
    };
    let scene = scene.parse().ok().and_then(|at: usize| Scene::ALL.get(at));
    let scene = *scene.ok_or("there is no such scene")?;
    let seconds: f64 = seconds.parse().map_err(|_| "the seconds are no number")?;
    let isolated = isolated == "isolated";
    if isolated {
        lead_nowhere()?;
    }
    let mut report = Report::default();
    let (mut redis, mut postgres) = (None, None);
    let command = match scene {
        Scene::Refused => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            named(who, &mut report)?.port(address)
        }
        Scene::Swallowed => named(who, &mut report)?.port(NOBODY.into()),
        Scene::Loading => {
            let installed = have(Component::Redis, &mut report).ok_or("no Redis")?;
            // Slow enough that it loads for longer than the wait lasts.
            let server = redis.insert(Redis::loading(&installed, &["key-load-delay 20000"]));
            let mut client = Command::new(installed.program("redis-cli"));
            client.args(["-p", &server.port.to_string(), "ping"]);
            match who.as_str() {
                LOOP => looped(&client, "\"$@\" | grep -q PONG"),
                _ => endless(&format!("redis://127.0.0.1:{}", server.port)),
            }
        }
        Scene::Starting => {
            let installed = have(Component::Postgres, &mut report).ok_or("no PostgreSQL")?;
            let server = postgres.insert(Postgres::recovering(&installed));
            let port = server.port.to_string();
            let mut client = Command::new(installed.program("pg_isready"));
            client.args(["-q", "-h", "127.0.0.1", "-p", &port]);
            match who.as_str() {
                LOOP => looped(&client, "\"$@\""),
                _ => endless(&format!("postgres://trusted@127.0.0.1:{port}/postgres")),
            }
        }
    };
    // What the harness itself has said to the server has ended by then.
    sleep(Duration::from_millis(500));
    let before = counters();
    let used = usage(&command, Duration::from_secs_f64(seconds))?;
    let after = counters();
    drop((redis, postgres));
    if used.elapsed_us < seconds * 0.99e6 {
        return Err(format!("it ended early, with {}", used.code));
    }
    let minutes = used.elapsed_us / 60e6;
    let mut found = json!({
        "core": used.cpu_us / used.elapsed_us * 100.0,
        "wakeups": used.waits / used.elapsed_us * 1e6,
    });
    if isolated {
        found["connections"] = json!((after.0 - before.0) / minutes);
        found["packets"] = json!((after.1 - before.1) / minutes);
    }
    fs::write(file, found.to_string()).map_err(|e| format!("cannot write what was found: {e}"))
}

fn endless(url: &str) -> Command {
    waitfor(&["-q", "-t", "0", url])
}

fn named(who: &str, report: &mut Report) -> Result<Waiter, String> {
    let all = waiters(report);
    let found = all.into_iter().find(|waiter| waiter.name() == who);
    found.ok_or_else(|| format!("{who} cannot be had"))
}

/// Gives this namespace its loopback, and a link into which packets go and nothing comes back.
fn lead_nowhere() -> Result<(), String> {
    for line in [
        "link set lo up",
        "link add nowhere type veth peer name void",
        // The kernel has nothing to say on these links by itself.
        "link set nowhere addrgenmode none",
        "link set void addrgenmode none",
        "addr add 198.51.100.1/24 dev nowhere",
        "link set nowhere up",
        "link set void up",
        "neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev nowhere",
    ] {
        let done = Command::new("ip").args(line.split(' ')).output();
        match done {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("`ip {line}`: {}", said.trim()));
            }
            Err(error) => return Err(format!("`ip {line}`: {error}")),
        }
    }
    Ok(())
}

/// How many connections this namespace has opened, and how many packets have left by its links.
fn counters() -> (f64, f64) {
    let snmp = fs::read_to_string("/proc/self/net/snmp").unwrap_or_default();
    let mut tcp = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (tcp.next().unwrap_or(""), tcp.next().unwrap_or(""));
    let opened = names
        .split(' ')
        .zip(values.split(' '))
        .find(|(name, _)| *name == "ActiveOpens")
        .and_then(|(_, value)| value.parse().ok());
    let links = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    // Behind the name: eight numbers of what came, then bytes and packets of what went.
    let left = links.lines().filter_map(|line| {
        let (_, numbers) = line.split_once(':')?;
        numbers.split_whitespace().nth(9)?.parse::<f64>().ok()
    });
    (opened.unwrap_or(0.0), left.sum())
}
