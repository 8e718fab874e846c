//! What pinning costs: a run with a lock beside one without, and a plugin
//! taken from a registry on loopback, beside the registry's own client.

use std::fs;
use std::path::Path;
use std::process::Command;

use waitfor_tests::cli;
use waitfor_tests::guests::{self, Form};
use waitfor_tests::install::{self, Component, Installed};
use waitfor_tests::process::temp_dir;
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::servers::registry::DockerRegistry;

use crate::{RUNS, median, millis, ratio, timed};

/// How often a plugin is taken from the registry: each time costs a folder.
const ADDS: usize = 20;

/// `waitfor` in a folder, with a store and a home of its own.
fn waitfor(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(cli::binary());
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("WAITFOR_STORE", folder.join("store"))
        .args(args);
    command
}

/// The same run in a folder with a lock and in one without.
pub(crate) fn locked_run(installed: &Installed) {
    let redis = Redis::ready(installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let (plain, pinned) = (temp_dir("bench-plain"), temp_dir("bench-pinned"));
    timed(&mut waitfor(pinned.path(), &["plugin", "add", "redis"]));
    let mut without = Vec::new();
    let mut with = Vec::new();
    for _ in 0..RUNS {
        without.push(timed(&mut waitfor(plain.path(), &["-q", &url])));
        with.push(timed(&mut waitfor(
            pinned.path(),
            &["-q", "--frozen", &url],
        )));
    }
    let (without, with) = (median(&mut without), median(&mut with));
    println!("\nstart to exit, ready Redis, official probe, median of {RUNS} runs in turn");
    println!("without a lock     {:>7.1} ms", millis(without));
    println!("with one, --frozen {:>7.1} ms", millis(with));
    println!("ratio              {:>7.2}", ratio(with, without));
}

/// A plugin from the registry into an empty store, beside `wkg oci pull`.
pub(crate) fn add_from_registry() {
    let (Some(server), Some(component)) = (
        install::require(Component::DockerRegistry),
        guests::billing(Form::First),
    ) else {
        return;
    };
    let registry = DockerRegistry::start(&server);
    let home = temp_dir("bench-publish");
    let file = home.path().join("billing.wasm");
    fs::write(&file, &component).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let location = registry.location("probes");
    timed(&mut waitfor(
        home.path(),
        &[
            "plugin",
            "publish",
            "acme/billing@1.0.0",
            "billing.wasm",
            "--to",
            &location,
        ],
    ));
    let wkg = install::require(Component::Wkg);
    let reference = format!("{location}/acme/billing:1.0.0");
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..ADDS {
        let folder = temp_dir("bench-add");
        ours.push(timed(&mut waitfor(
            folder.path(),
            &["plugin", "add", "acme/billing@1", "--registry", &location],
        )));
        if let Some(wkg) = &wkg {
            let mut pull = Command::new(wkg.program("wkg"));
            pull.current_dir(folder.path()).env("HOME", folder.path());
            pull.args(["oci", "pull", &reference, "-o", "pulled.wasm"]);
            pull.args(["--insecure", &registry.authority()]);
            theirs.push(timed(&mut pull));
        }
    }
    let ours = median(&mut ours);
    println!(
        "\na plugin of {} bytes from a registry on loopback, empty store, median of {ADDS} in turn",
        component.len()
    );
    println!("waitfor plugin add {:>7.1} ms", millis(ours));
    if !theirs.is_empty() {
        let theirs = median(&mut theirs);
        println!("wkg oci pull       {:>7.1} ms", millis(theirs));
        println!("ratio              {:>7.2}", ratio(ours, theirs));
    }
}
