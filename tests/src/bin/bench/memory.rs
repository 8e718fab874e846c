//! The most memory that one run has resident, for each service beside its own client.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use waitfor_tests::cli::Cli;
use waitfor_tests::install::Component;
use waitfor_tests::servers::openbao::{OpenBao, bao};
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

use crate::clock::usage;
use crate::peers::{have, open_port, waiters};
use crate::report::{Report, Unit};
use crate::settings::Settings;
use crate::size::{STATIC_NAME, static_build};

/// The discipline of a service.
pub(crate) fn discipline(service: &str) -> String {
    format!("peak memory, one target, {service}")
}

/// The services, as other modules look for them.
pub(crate) const SERVICES: [&str; 4] = [
    "open port",
    "ready Redis",
    "ready PostgreSQL",
    "ready OpenBao",
];

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let all = waiters(report);
    let peer = open_port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, peer.port()));
    for waiter in &all {
        let command = waiter.port(address);
        note(settings, report, SERVICES[0], waiter.name(), &command);
    }
    drop(peer);
    if let Some(installed) = have(Component::Redis, report) {
        let redis = Redis::ready(&installed);
        let url = format!("redis://127.0.0.1:{}", redis.port);
        note_ours(settings, report, SERVICES[1], &url);
        let mut client = Command::new(installed.program("redis-cli"));
        client.args(["-p", &redis.port.to_string(), "ping"]);
        note(settings, report, SERVICES[1], "redis-cli ping", &client);
    }
    if let Some(installed) = have(Component::Postgres, report) {
        let postgres = Postgres::ready(&installed);
        let url = format!("postgres://trusted@127.0.0.1:{}/postgres", postgres.port);
        note_ours(settings, report, SERVICES[2], &url);
        let mut client = Command::new(installed.program("pg_isready"));
        client.args(["-q", "-h", "127.0.0.1", "-p", &postgres.port.to_string()]);
        note(settings, report, SERVICES[2], "pg_isready", &client);
    }
    if let Some(installed) = have(Component::OpenBao, report) {
        let server = OpenBao::dev(&installed);
        let address = format!("http://127.0.0.1:{}", server.port);
        let url = format!("vault+{address}");
        note_ours(settings, report, SERVICES[3], &url);
        let mut client = bao(&installed);
        client.env("BAO_ADDR", &address).arg("status");
        note(settings, report, SERVICES[3], "bao status", &client);
    }
}

/// Both of our builds, where there are two.
fn note_ours(settings: &Settings, report: &mut Report, service: &str, url: &str) {
    let ours = Cli::new().args(["-q", url]);
    note(settings, report, service, "waitfor", &ours.command());
    if let Some(binary) = static_build() {
        let command = ours.program(binary).command();
        note(settings, report, service, STATIC_NAME, &command);
    }
}

fn note(settings: &Settings, report: &mut Report, service: &str, who: &str, command: &Command) {
    let what = discipline(service);
    for _ in 0..settings.runs.div_ceil(8) {
        match usage(command, Duration::from_secs(20)) {
            Ok(used) if used.code == 0 => {
                report.add(&what, who, Unit::Mib, used.max_rss_kib / 1024.0);
            }
            Ok(used) => {
                let why = format!("it ended with {}", used.code);
                report.skip(&format!("{what}: {who}"), &why);
            }
            Err(why) => report.skip(&format!("{what}: {who}"), &why),
        }
    }
}
