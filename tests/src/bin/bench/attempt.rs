//! What one more attempt costs: the difference between runs with more and with fewer of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use waitfor_tests::callgrind::{counting, total};
use waitfor_tests::install::{Component, Installed};
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

use crate::clock::{timed, usage, usage_with_output};
use crate::peers::{have, open_port, waitfor};
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// The disciplines.
pub(crate) const CPU: &str = "one more attempt: CPU";
const INSTRUCTIONS: &str = "one more attempt: instructions";

/// Attempts of the shorter and of the longer run.
const FEW: u32 = 50;
const MANY: u32 = 250;

/// The same where instructions are counted, which is slow.
const FEW_COUNTED: u32 = 5;
const MANY_COUNTED: u32 = 15;

/// Long enough for the longest run.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let valgrind = have(Component::Valgrind, report);
    let turns = settings.runs.div_ceil(8);
    let peer = open_port();
    let tcp = format!("tcp://127.0.0.1:{}?hold=0", peer.port());
    answered(report, "waitfor, open port", &tcp, turns, valgrind.as_ref());
    if let Some(installed) = have(Component::Redis, report) {
        let redis = Redis::ready(&installed);
        let url = format!("redis://127.0.0.1:{}", redis.port);
        answered(
            report,
            "waitfor, ready Redis",
            &url,
            turns,
            valgrind.as_ref(),
        );
    }
    if let Some(installed) = have(Component::Postgres, report) {
        let postgres = Postgres::ready(&installed);
        let url = format!("postgres://trusted@127.0.0.1:{}/postgres", postgres.port);
        let who = "waitfor, ready PostgreSQL";
        answered(report, who, &url, turns, valgrind.as_ref());
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let who = "waitfor, refused port";
    for _ in 0..turns {
        match refused(address) {
            Ok(cost) => report.add(CPU, who, Unit::Ms, cost),
            Err(why) => report.skip(&format!("{CPU}: {who}"), &why),
        }
    }
}

/// So many good answers in a row, as close together as the pace allows.
fn successes(url: &str, count: u32) -> Command {
    let count = count.to_string();
    waitfor(&["-q", "-t", "0", "--successes", &count, "-i", "1ms", url])
}

fn answered(report: &mut Report, who: &str, url: &str, turns: usize, valgrind: Option<&Installed>) {
    for _ in 0..turns {
        let cpu = |count| {
            let used = usage(&successes(url, count), LIMIT)?;
            match used.code {
                0 => Ok(used.cpu_us),
                code => Err(format!("it ended with {code}")),
            }
        };
        let cost = cpu(FEW).and_then(|few| Ok((cpu(MANY)? - few) / f64::from(MANY - FEW)));
        match cost {
            Ok(cost) => report.add(CPU, who, Unit::Ms, cost / 1000.0),
            Err(why) => return report.skip(&format!("{CPU}: {who}"), &why),
        }
    }
    let Some(valgrind) = valgrind else {
        return;
    };
    let count = |attempts| instructions(valgrind, &successes(url, attempts));
    let more = f64::from(MANY_COUNTED - FEW_COUNTED);
    match count(FEW_COUNTED).and_then(|few| Ok((count(MANY_COUNTED)? - few) / more)) {
        Ok(cost) => report.add(INSTRUCTIONS, who, Unit::Kinstr, cost / 1000.0),
        Err(why) => report.skip(&format!("{INSTRUCTIONS}: {who}"), &why),
    }
}

/// The CPU time of one refused attempt, from a long and a short wait that say how many they made.
fn refused(address: SocketAddr) -> Result<f64, String> {
    let wait = |seconds: &str| {
        let url = format!("tcp://{address}");
        let command = waitfor(&["--output", "json", "-t", seconds, &url]);
        let (used, said) = usage_with_output(&command, LIMIT)?;
        let last = said.lines().last().unwrap_or_default();
        let result: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
        let attempts = result["targets"][0]["attempts"].as_f64();
        Ok::<_, String>((used.cpu_us, attempts.ok_or("it told no attempts")?))
    };
    let (short, long) = (wait("1s")?, wait("4s")?);
    Ok((long.0 - short.0) / (long.1 - short.1) / 1000.0)
}

/// How many instructions a command takes, as callgrind counts them.
fn instructions(valgrind: &Installed, command: &Command) -> Result<f64, String> {
    let folder = temp_dir("callgrind");
    let file = folder.path().join("out");
    let mut counted = counting(valgrind, &file);
    crate::clock::within(&mut counted, command);
    timed(&mut counted)?;
    total(&file).map(|total| total as f64)
}
