//! Many targets in one process: time, memory, CPU and threads, as their number grows.

use std::net::Ipv4Addr;
use std::time::Duration;

use waitfor_tests::install::Component;
use waitfor_tests::process::free_port;
use waitfor_tests::servers::redis::Redis;

use crate::clock::{Usage, usage};
use crate::peers::{have, open_port, waitfor};
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// How long those that never get ready are waited for.
const VAIN: &str = "5";

/// Longer than any run may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The kinds of targets, as other modules look for them.
pub(crate) const KINDS: [&str; 4] = [
    "open port",
    "ready Redis",
    "refused ports",
    "Redis that is loading",
];

/// The discipline of one respect and kind.
pub(crate) fn discipline(kind: &str, respect: &str) -> String {
    format!("many targets, {kind}: {respect}")
}

/// The respects.
pub(crate) const TIME: &str = "time";
pub(crate) const MEMORY: &str = "peak memory";
const CPU: &str = "CPU";
const THREADS: &str = "threads";

/// The numbers of targets that are tried.
pub(crate) fn numbers(most: usize) -> Vec<usize> {
    let tens = [1, 10, 100, 1000];
    tens.into_iter().filter(|count| *count <= most).collect()
}

/// How a row is called.
pub(crate) fn who(count: usize) -> String {
    format!(
        "waitfor, {count} target{}",
        if count == 1 { "" } else { "s" }
    )
}

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let peer = open_port();
    let url = format!("tcp://127.0.0.1:{}?hold=0", peer.port());
    ready(settings, report, KINDS[0], &url);
    drop(peer);
    let redis = have(Component::Redis, report);
    if let Some(installed) = &redis {
        let server = Redis::ready(installed);
        let url = format!("redis://127.0.0.1:{}", server.port);
        ready(settings, report, KINDS[1], &url);
    }
    // Each at an address of its own, all of which are this machine.
    let port = free_port();
    let refused = |number: usize| {
        let number = u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
        let address = Ipv4Addr::new(127, 1, number[0], number[1]);
        format!("tcp://{address}:{port}")
    };
    vain(settings, report, KINDS[2], refused);
    if let Some(installed) = &redis {
        let server = Redis::loading(installed, &["key-load-delay 20000"]);
        let url = format!("redis://127.0.0.1:{}", server.port);
        vain(settings, report, KINDS[3], |_| url.clone());
    }
}

/// All of them ready: until the last is told.
fn ready(settings: &Settings, report: &mut Report, kind: &str, url: &str) {
    for count in numbers(settings.targets) {
        for _ in 0..settings.runs.div_ceil(8) {
            let urls = vec![url; count];
            let mut arguments = vec!["-q"];
            arguments.extend(urls);
            match usage(&waitfor(&arguments), LIMIT) {
                Ok(used) if used.code == 0 => note(report, kind, count, &used, true),
                Ok(used) => skip(report, kind, count, used.code),
                Err(why) => return report.skip(&discipline(kind, TIME), &why),
            }
        }
    }
}

/// None of them ready: over some seconds.
fn vain(settings: &Settings, report: &mut Report, kind: &str, url: impl Fn(usize) -> String) {
    for count in numbers(settings.targets) {
        let urls: Vec<String> = (0..count).map(&url).collect();
        let mut arguments = vec!["-q", "-t", VAIN];
        arguments.extend(urls.iter().map(String::as_str));
        match usage(&waitfor(&arguments), LIMIT) {
            Ok(used) if used.code == 124 => note(report, kind, count, &used, false),
            Ok(used) => skip(report, kind, count, used.code),
            Err(why) => return report.skip(&discipline(kind, TIME), &why),
        }
    }
}

fn skip(report: &mut Report, kind: &str, count: usize, code: i32) {
    let what = format!("{}, {count}", discipline(kind, TIME));
    report.skip(&what, &format!("it ended with {code}"));
}

fn note(report: &mut Report, kind: &str, count: usize, used: &Usage, whole: bool) {
    let who = who(count);
    let mut add = |respect, unit, value| report.add(&discipline(kind, respect), &who, unit, value);
    if whole {
        add(TIME, Unit::Ms, used.elapsed_us / 1000.0);
        add(CPU, Unit::Ms, used.cpu_us / 1000.0);
    } else {
        add(CPU, Unit::Core, used.cpu_us / used.elapsed_us * 100.0);
    }
    add(MEMORY, Unit::Mib, used.max_rss_kib / 1024.0);
    // A run that ends between two looks shows none.
    if used.threads > 0.0 {
        add(THREADS, Unit::Count, used.threads);
    }
}
