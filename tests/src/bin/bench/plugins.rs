//! The first run of a plugin that was never compiled before, and the runs after it.

use std::fs;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use waitfor_tests::install::Component;
use waitfor_tests::process::{own_dir, temp_dir};
use waitfor_tests::servers::redis::Redis;

use crate::clock::timed;
use crate::peers::{have, official_blobs, open_port, plugins, waitfor};
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// The contestants, as other modules look for them.
pub(crate) const COLD: &str = "waitfor, plugin never compiled before";
const WARM: &str = "waitfor, the same, run before";
const OFF: &str = "waitfor, the same, --no-native-cache";
const INSIDE: &str = "waitfor, the same probe from the binary";

/// The probes that are made foreign ones: the smallest, and one that a team's own resembles.
pub(crate) const PROBES: [&str; 2] = ["tcp", "redis"];

/// The discipline of a probe.
pub(crate) fn discipline(probe: &str) -> String {
    format!("start to verdict, pulled plugin like {probe}")
}

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let peer = open_port();
    let url = format!("tcp://127.0.0.1:{}?hold=0", peer.port());
    races(settings, report, PROBES[0], &url);
    drop(peer);
    if let Some(installed) = have(Component::Redis, report) {
        let redis = Redis::ready(&installed);
        let url = format!("redis://127.0.0.1:{}", redis.port);
        races(settings, report, PROBES[1], &url);
    }
}

/// A project that has locked a plugin, with the store that holds it.
struct Project {
    folder: TempDir,
    name: String,
}

impl Project {
    /// Publishes the probe of that name as somebody else's plugin: the same code, other bytes.
    fn new(probe: &str) -> Result<Self, String> {
        let folder = temp_dir("bench-plugin");
        let file = folder.path().join("plugin.wasm");
        fs::write(&file, foreign(probe)?).map_err(|e| format!("cannot write the plugin: {e}"))?;
        let name = format!("bench/{probe}");
        let made = Self { folder, name };
        let version = format!("{}@1.0.0", made.name);
        timed(&mut made.waitfor(
            made.folder.path(),
            &[
                "plugin",
                "publish",
                &version,
                "plugin.wasm",
                "--to",
                "oci:registry",
            ],
        ))?;
        let wanted = format!("{}@1", made.name);
        timed(&mut made.waitfor(
            made.folder.path(),
            &["plugin", "add", &wanted, "--registry", "oci:registry"],
        ))?;
        Ok(made)
    }

    /// A command in the project, with this folder for a home and the caches in it.
    fn waitfor(&self, home: &Path, args: &[&str]) -> Command {
        let mut command = waitfor(args);
        command
            .current_dir(self.folder.path())
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("WAITFOR_STORE", self.folder.path().join("store"));
        command
    }

    fn wait(&self, home: &Path, url: &str, more: &[&str]) -> Command {
        let mut args = vec!["-q", "--frozen", "--plugin", &self.name];
        args.extend(more);
        args.push(url);
        self.waitfor(home, &args)
    }
}

/// Runs the plugin cold, warm and without a cache in turns, beside the probe in the binary.
fn races(settings: &Settings, report: &mut Report, probe: &str, url: &str) {
    let what = discipline(probe);
    let project = match Project::new(probe) {
        Ok(project) => project,
        Err(why) => return report.skip(&what, &why),
    };
    // Compiled code is not kept in a folder of somebody else's.
    let warm = own_dir("bench-warm");
    let cached = timed(&mut project.wait(warm.path(), url, &["--no-native-cache"])).is_ok();
    if !cached {
        report.skip(
            &format!("{what}: a cache"),
            "this build has no --no-native-cache",
        );
    }
    // The first of these fills the cache of the others.
    for turn in 0..=settings.runs.div_ceil(2) {
        let fresh = own_dir("bench-cold");
        let mut all = vec![
            (COLD, project.wait(fresh.path(), url, &[])),
            (WARM, project.wait(warm.path(), url, &[])),
        ];
        if cached {
            let off = project.wait(warm.path(), url, &["--no-native-cache"]);
            all.push((OFF, off));
        }
        all.push((INSIDE, project.waitfor(warm.path(), &["-q", url])));
        for (who, mut command) in all {
            match timed(&mut command) {
                Ok(_) if turn == 0 => {}
                Ok(took) => report.add(&what, who, Unit::Ms, took),
                Err(why) => report.skip(&format!("{what}: {who}"), &why),
            }
        }
    }
}

/// The bytes of an official probe with a section more, that nobody has seen before.
fn foreign(probe: &str) -> Result<Vec<u8>, String> {
    let plugins = plugins()?;
    let digest = plugins
        .iter()
        .find(|plugin| plugin["name"] == probe && plugin["origin"] == "official")
        .and_then(|plugin| plugin["sha256"].as_str())
        .ok_or_else(|| format!("no official probe `{probe}`"))?;
    let mut bytes = fs::read(official_blobs().join(digest))
        .map_err(|e| format!("the component of `{probe}` is not in this checkout: {e}"))?;
    // A custom section: its number, its length, and a name, with the length of that.
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let name = Sha256::digest(now.as_nanos().to_be_bytes());
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let length = u8::try_from(name.len()).unwrap_or_default();
    bytes.extend([0, length + 1, length]);
    bytes.extend(name.as_bytes());
    Ok(bytes)
}
