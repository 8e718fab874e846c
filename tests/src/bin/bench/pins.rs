//! What pinning costs: a run with a lock beside one without, and a plugin
//! taken from a registry on loopback, beside the registry's own client.

use std::fs;
use std::path::Path;
use std::process::Command;

use waitfor_tests::guests::{self, Form};
use waitfor_tests::install::Component;
use waitfor_tests::process::temp_dir;
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::servers::registry::DockerRegistry;

use crate::clock::timed;
use crate::peers::have;
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    locked_run(settings, report);
    add_from_registry(settings, report);
}

/// `waitfor` in a folder, with a store and a home of its own.
fn waitfor(folder: &Path, args: &[&str]) -> Command {
    let mut command = crate::peers::waitfor(args);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("WAITFOR_STORE", folder.join("store"));
    command
}

/// The same run in a folder with a lock and in one without.
fn locked_run(settings: &Settings, report: &mut Report) {
    let what = "start to verdict, ready Redis, probe in the binary";
    let Some(installed) = have(Component::Redis, report) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let (plain, pinned) = (temp_dir("bench-plain"), temp_dir("bench-pinned"));
    if let Err(why) = timed(&mut waitfor(pinned.path(), &["plugin", "add", "redis"])) {
        return report.skip(what, &why);
    }
    for _ in 0..settings.runs {
        for (who, mut command) in [
            (
                "waitfor without a lock",
                waitfor(plain.path(), &["-q", &url]),
            ),
            (
                "waitfor with one, --frozen",
                waitfor(pinned.path(), &["-q", "--frozen", &url]),
            ),
        ] {
            match timed(&mut command) {
                Ok(took) => report.add(what, who, Unit::Ms, took),
                Err(why) => report.skip(&format!("{what}: {who}"), &why),
            }
        }
    }
}

/// A plugin from the registry into an empty store, beside `wkg oci pull`.
fn add_from_registry(settings: &Settings, report: &mut Report) {
    let (Some(server), Some(component)) = (
        have(Component::DockerRegistry, report),
        guests::billing(Form::First),
    ) else {
        return;
    };
    let what = format!(
        "a plugin of {} bytes from a registry on loopback, empty store",
        component.len()
    );
    let registry = DockerRegistry::start(&server);
    let home = temp_dir("bench-publish");
    let file = home.path().join("billing.wasm");
    fs::write(&file, &component).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let location = registry.location("probes");
    let mut publish = waitfor(home.path(), &["plugin", "publish", "acme/billing@1.0.0"]);
    publish.args(["billing.wasm", "--to", &location]);
    if let Err(why) = timed(&mut publish) {
        return report.skip(&what, &why);
    }
    let wkg = have(Component::Wkg, report);
    let reference = format!("{location}/acme/billing:1.0.0");
    for _ in 0..settings.runs.div_ceil(2) {
        let folder = temp_dir("bench-add");
        let add = ["plugin", "add", "acme/billing@1", "--registry", &location];
        let mut all = vec![("waitfor plugin add", waitfor(folder.path(), &add))];
        if let Some(wkg) = &wkg {
            let mut pull = Command::new(wkg.program("wkg"));
            pull.current_dir(folder.path()).env("HOME", folder.path());
            pull.args(["oci", "pull", &reference, "-o", "pulled.wasm"]);
            pull.args(["--insecure", &registry.authority()]);
            all.push(("wkg oci pull", pull));
        }
        for (who, mut command) in all {
            match timed(&mut command) {
                Ok(took) => report.add(&what, who, Unit::Ms, took),
                Err(why) => report.skip(&format!("{what}: {who}"), &why),
            }
        }
    }
}
