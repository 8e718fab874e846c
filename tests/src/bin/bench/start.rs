//! From start to verdict on a service that is ready: what everybody pays in front of every run.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use waitfor_tests::install::Component;
use waitfor_tests::process::temp_dir;
use waitfor_tests::servers::openbao::{OpenBao, bao};
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

use crate::clock::timed;
use crate::peers::{Waiter, have, open_port, waiters, waitfor};
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// Disciplines, as other modules look for them.
pub(crate) const REDIS: &str = "start to verdict, ready Redis";
pub(crate) const POSTGRES: &str = "start to verdict, ready PostgreSQL";
pub(crate) const OPENBAO: &str = "start to verdict, ready OpenBao";
pub(crate) const TCP: &str = "start to verdict, open port";
pub(crate) const NOTHING: &str = "a program that does nothing (`true`)";

/// How long a command may take to be run as often as the others, in milliseconds.
const QUICK: f64 = 60.0;

/// A command with the name it has in the table.
struct Contestant {
    name: String,
    command: Command,
}

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let waiters = waiters(report);
    let others: Vec<Waiter> = waiters
        .iter()
        .filter(|one| one.is_other())
        .cloned()
        .collect();
    let curl = have(Component::Curl, report);
    let peer = open_port();
    race(settings, report, TCP, ports(&waiters, peer.port()));
    drop(peer);
    if let Some(installed) = have(Component::Redis, report) {
        let redis = Redis::ready(&installed);
        let mut all = vec![ours(&format!("redis://127.0.0.1:{}", redis.port))];
        let mut client = Command::new(installed.program("redis-cli"));
        client.args(["-p", &redis.port.to_string(), "ping"]);
        all.push(contestant("redis-cli ping", client));
        all.extend(ports(&others, redis.port));
        race(settings, report, REDIS, all);
        by_hyperfine(settings, report, &redis, &installed.program("redis-cli"));
    }
    if let Some(installed) = have(Component::Postgres, report) {
        let postgres = Postgres::ready(&installed);
        let url = format!("postgres://trusted@127.0.0.1:{}/postgres", postgres.port);
        let mut all = vec![ours(&url)];
        let mut client = Command::new(installed.program("pg_isready"));
        client.args(["-q", "-h", "127.0.0.1", "-p", &postgres.port.to_string()]);
        all.push(contestant("pg_isready", client));
        let mut query = Command::new(installed.program("psql"));
        query.args(["-XAtqc", "SELECT 1", "-h", "127.0.0.1", "-U", "trusted"]);
        query.args(["-p", &postgres.port.to_string(), "-d", "postgres"]);
        all.push(contestant("psql -c 'SELECT 1'", query));
        all.extend(ports(&others, postgres.port));
        race(settings, report, POSTGRES, all);
    }
    if let Some(installed) = have(Component::OpenBao, report) {
        let server = OpenBao::dev(&installed);
        let mut all = vec![ours(&format!("vault+http://127.0.0.1:{}", server.port))];
        let address = format!("http://127.0.0.1:{}", server.port);
        let health = format!("{address}/v1/sys/health");
        let mut client = bao(&installed);
        client.env("BAO_ADDR", &address).arg("status");
        all.push(contestant("bao status", client));
        if let Some(curl) = &curl {
            let mut client = Command::new(curl.program("curl"));
            client.args(["-fsS", "-o", "/dev/null", &health]);
            all.push(contestant("curl of the health page", client));
        }
        for waiter in &others {
            let page = waiter.page(&health).map(|command| (waiter, command));
            all.extend(page.map(|(waiter, command)| contestant(waiter.name(), command)));
        }
        race(settings, report, OPENBAO, all);
    }
}

fn ours(url: &str) -> Contestant {
    contestant("waitfor", waitfor(&["-q", url]))
}

fn contestant(name: &str, command: Command) -> Contestant {
    let name = name.to_owned();
    Contestant { name, command }
}

fn ports(waiters: &[Waiter], port: u16) -> Vec<Contestant> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    waiters
        .iter()
        .map(|waiter| contestant(waiter.name(), waiter.port(address)))
        .collect()
}

/// Runs all in turns, beginning with another one each time; slow ones sit out three turns of four.
fn race(settings: &Settings, report: &mut Report, what: &str, mut all: Vec<Contestant>) {
    all.push(contestant(NOTHING, Command::new("true")));
    let mut slow = Vec::new();
    // Twice before it counts, so that all find their files in memory.
    for one in &mut all {
        let once = timed(&mut one.command);
        match once.and_then(|once| Ok(once.min(timed(&mut one.command)?))) {
            Ok(took) => slow.push(took > QUICK),
            Err(why) => {
                report.skip(&format!("{what}: {}", one.name), &why);
                slow.push(false);
                one.name.clear();
            }
        }
    }
    // The rows stand in this order, whoever begins.
    for turn in 0..settings.runs {
        for place in 0..all.len() {
            let place = if turn == 0 {
                place
            } else {
                (turn + place) % all.len()
            };
            let one = &mut all[place];
            if one.name.is_empty() || (slow[place] && turn % 4 != 0) {
                continue;
            }
            match timed(&mut one.command) {
                Ok(took) => report.add(what, &one.name, Unit::Ms, took),
                Err(why) => report.skip(&format!("{what}: {}", one.name), &why),
            }
        }
    }
}

/// The same by another clock.
fn by_hyperfine(settings: &Settings, report: &mut Report, redis: &Redis, client: &std::path::Path) {
    let Some(hyperfine) = have(Component::Hyperfine, report) else {
        return;
    };
    let what = "the same, timed by hyperfine";
    let folder = temp_dir("hyperfine");
    let file = folder.path().join("times.json");
    let ours = waitfor(&["-q", &format!("redis://127.0.0.1:{}", redis.port)]);
    let mut command = Command::new(hyperfine.program("hyperfine"));
    command.args(["-N", "--warmup", "3", "--style", "none"]);
    command.args(["--runs", &settings.runs.max(2).to_string()]);
    command.arg("--export-json").arg(&file);
    crate::clock::environment(&mut command, &ours);
    let line = crate::clock::words(&ours);
    let line: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
    command.arg(line.join(" "));
    command.arg(format!("{} -p {} ping", client.display(), redis.port));
    if let Err(why) = timed(&mut command) {
        return report.skip(what, &why);
    }
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let found: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    for (place, who) in ["waitfor", "redis-cli ping"].into_iter().enumerate() {
        let times = found["results"][place]["times"].as_array();
        for time in times.into_iter().flatten().filter_map(|time| time.as_f64()) {
            report.add(what, who, Unit::Ms, time * 1000.0);
        }
    }
}
