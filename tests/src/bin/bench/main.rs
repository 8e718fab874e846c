//! `make bench`: what can be measured beside the services' own clients, in one
//! run, as ratios. Single figures of one machine mean little.

mod pins;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use waitfor_tests::cli::{self, Cli};
use waitfor_tests::install::{self, Component, Installed};
use waitfor_tests::servers::redis::Redis;

/// How often each command is run, in turn with the other.
const RUNS: usize = 40;

fn main() -> ExitCode {
    sizes();
    match install::require(Component::Redis) {
        Some(redis) => {
            start_to_exit(&redis);
            pins::locked_run(&redis);
        }
        None => return ExitCode::FAILURE,
    }
    pins::add_from_registry();
    ExitCode::SUCCESS
}

/// The components' sizes, as published.
fn sizes() {
    let listed = Cli::new()
        .args(["plugin", "list", "--output", "json"])
        .run();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap_or_default();
    println!("component            bytes");
    for plugin in listed["plugins"].as_array().into_iter().flatten() {
        let name = format!(
            "{}@{}",
            plugin["name"].as_str().unwrap_or("?"),
            plugin["version"].as_str().unwrap_or("?")
        );
        println!(
            "{name:<18} {:>7}",
            plugin["size"].as_u64().unwrap_or_default()
        );
    }
}

/// From start to exit against a ready Redis, beside its own client.
fn start_to_exit(installed: &Installed) {
    let redis = Redis::ready(installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let port = redis.port.to_string();
    let client = installed.program("redis-cli");
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..RUNS {
        ours.push(timed(Command::new(cli::binary()).args(["-q", &url])));
        theirs.push(timed(Command::new(&client).args(["-p", &port, "ping"])));
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    println!("\nstart to exit, ready Redis, median of {RUNS} runs in turn");
    println!("waitfor            {:>7.1} ms", millis(ours));
    println!("redis-cli ping     {:>7.1} ms", millis(theirs));
    println!("ratio              {:>7.1}", ratio(ours, theirs));
}

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let took = started.elapsed();
    assert!(
        status.is_ok_and(|status| status.success()),
        "a measured command failed"
    );
    took
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
