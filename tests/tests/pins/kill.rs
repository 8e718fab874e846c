//! `kill -9` at a thousand random moments of `publish`, `add` and `fetch`: afterwards everything
//! that was committed is there and whole, and the same command, once more, does the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use toml_edit::DocumentMut;
use waitfor_registry::Layout;
use waitfor_tests::guests::versioned;
use waitfor_tests::servers::lying_registry::digest;
use waitfor_tests::servers::registry::DockerRegistry;

use crate::support::{Workspace, registry, versions};

/// How often a command is killed, in all.
const KILLS: usize = 1000;
/// How many projects are worked on at the same time; they share the store.
const WORKERS: usize = 4;

/// Numbers that differ from run to run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

/// Runs a command and kills it after a while, if it still runs then; whether it was killed.
#[track_caller]
fn kill_in(project: &Workspace, line: &str, after: Duration) -> bool {
    let mut child = project
        .cli(line.split(' '))
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run waitfor: {e}"));
    thread::sleep(after);
    // It may have ended by itself.
    let _ = child.kill();
    let output = child.wait_with_output().expect("a child can be waited for");
    match output.status.code() {
        Some(0) => false,
        None if output.status.signal() == Some(9) => true,
        _ => panic!(
            "waitfor {line}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// How long a command takes that nobody kills.
fn time(project: &Workspace, line: &str) -> Duration {
    let begin = Instant::now();
    project.expect(0, line);
    begin.elapsed()
}

/// Both files, which must be whole at any moment.
#[track_caller]
fn whole(project: &Workspace) -> (String, String) {
    let read = |file: &str| {
        let text = project.read(file);
        let parsed = text.parse::<DocumentMut>();
        assert!(parsed.is_ok(), "{file} is not whole:\n{text}");
        assert!(
            text.contains("redis"),
            "{file} lost what was there:\n{text}"
        );
        text
    };
    (read("waitfor.toml"), read("waitfor.lock"))
}

/// Either nothing is to be done, or a command is named that mends it.
#[track_caller]
fn verify(project: &Workspace) {
    let found = project.run("plugin verify");
    if found.code == 0 {
        return;
    }
    assert_eq!(found.code, 4, "{found:#?}");
    let text = format!("{}{}", found.stdout, found.stderr);
    let named = ["plugin lock", "plugin fetch"]
        .into_iter()
        .find(|command| text.contains(&format!("waitfor {command}")));
    let named = named.unwrap_or_else(|| panic!("it does not say what to repeat: {text}"));
    project.expect(0, named);
    if named == "plugin lock" {
        project.expect(0, "plugin fetch");
    }
    project.expect(0, "plugin verify");
}

#[test]
fn a_thousand_kills_lose_nothing() {
    let (Some(registry), Some([first, second])) = (registry(), versions(["1.0.0", "1.0.1"])) else {
        return;
    };
    let at = registry.location("probes");
    let publisher = Workspace::bound("kill", &at);
    for version in [&first, &second] {
        let file = format!("{}.wasm", version.version);
        publisher.write(&file, &version.bytes);
        publisher.expect(
            0,
            &format!("plugin publish acme/billing@{} {file}", version.version),
        );
    }
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(1, |now| now.subsec_nanos().into());
    let killed = Mutex::new(0);
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (at, publisher, first, killed) = (&registry, &publisher, &first, &killed);
            scope.spawn(move || {
                let mut random = Random((seed << 8) | (worker as u64 + 1));
                let count = Worker::new(worker, at, publisher).work(&mut random, &first.bytes);
                if let Ok(mut killed) = killed.lock() {
                    *killed += count;
                }
            });
        }
    });
    let killed = killed.into_inner().unwrap_or_default();
    assert!(killed >= KILLS, "only {killed} were killed, seed {seed}");
}

struct Worker<'a> {
    number: usize,
    registry: &'a DockerRegistry,
    project: Workspace,
    store_of: &'a Workspace,
    /// Version to digest, in the registry.
    published: BTreeMap<String, String>,
    /// The same in the folder.
    kept: BTreeMap<String, String>,
}

impl<'a> Worker<'a> {
    fn new(number: usize, registry: &'a DockerRegistry, store_of: &'a Workspace) -> Self {
        let project = Workspace::bound("worker", &registry.location("probes"));
        Self {
            number,
            registry,
            project,
            store_of,
            published: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Kills its share, and looks at what is left; how many were killed.
    fn work(&mut self, random: &mut Random, component: &[u8]) -> usize {
        self.project.share_store(self.store_of);
        self.project.expect(0, "plugin add redis@1");
        let adding = time(&self.project, "plugin add acme/billing@1.0.0");
        let publishing = {
            self.project
                .write("mine.wasm", versioned(component, "measured"));
            let line = format!(
                "plugin publish acme/measured-{}@1.0.0 mine.wasm",
                self.number
            );
            time(&self.project, &line)
        };
        let fetching = {
            self.forget();
            time(&self.project, "plugin fetch")
        };
        let moment = |random: &mut Random, whole: Duration| {
            Duration::from_micros(random.below(whole.as_micros() as u64))
        };
        let (mut killed, mut round) = (0, 0);
        while killed < KILLS.div_ceil(WORKERS) {
            round += 1;
            killed += usize::from(match round % 6 {
                0 => self.publish(round, component, moment(random, publishing)),
                1 => self.publish_to_folder(round, component, moment(random, publishing)),
                2 | 3 => self.add(round, moment(random, adding)),
                _ => self.fetch(moment(random, fetching)),
            });
            if round % 50 == 0 {
                verify(&self.project);
            }
        }
        verify(&self.project);
        self.all_published();
        self.all_in_folder();
        killed
    }

    /// What was told to be published is there, with the bytes that it was published with; and what
    /// else is there is whole.
    fn all_published(&self) {
        let name = format!("probes/acme/worker-{}", self.number);
        let url = format!("http://{}/v2/{name}", self.registry.authority());
        let get = |path: &str| {
            let answer = minreq::get(format!("{url}/{path}"))
                .with_header("Accept", "application/vnd.oci.image.manifest.v1+json")
                .send()
                .unwrap_or_else(|e| panic!("{url}/{path}: {e}"));
            assert_eq!(answer.status_code, 200, "{url}/{path}");
            answer.into_bytes()
        };
        let tags: Value = serde_json::from_slice(&get("tags/list")).expect("JSON");
        let tags: BTreeSet<&str> = tags["tags"]
            .as_array()
            .map(|tags| tags.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        for version in self.published.keys() {
            assert!(tags.contains(version.as_str()), "{name}:{version} is gone");
        }
        for tag in tags {
            let manifest = get(&format!("manifests/{tag}"));
            let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
            let named = manifest["layers"][0]["digest"].as_str().unwrap_or_default();
            let component = get(&format!("blobs/{named}"));
            assert_eq!(digest(&component), named, "{name}:{tag}");
            if let Some(published) = self.published.get(tag) {
                assert_eq!(published, named, "{name}:{tag}");
            }
        }
    }

    fn publish(&mut self, round: usize, component: &[u8], after: Duration) -> bool {
        let version = format!("1.0.{round}");
        let bytes = versioned(component, &format!("{}-{round}", self.number));
        self.project.write("mine.wasm", &bytes);
        let line = format!(
            "plugin publish acme/worker-{}@{version} mine.wasm",
            self.number
        );
        let killed = kill_in(&self.project, &line, after);
        // Some of those that were killed are finished by the same command, the others stay as they
        // are: without a tag, or whole.
        let finish = round.is_multiple_of(24);
        if killed && finish {
            self.project.expect(0, &line);
        }
        if !killed || finish {
            self.published.insert(version, digest(&bytes));
        }
        killed
    }

    /// Into one folder that all share; so that the index grows little, half of the versions are
    /// known already.
    fn publish_to_folder(&mut self, round: usize, component: &[u8], after: Duration) -> bool {
        let version = format!("1.0.{}", round / 12);
        let bytes = versioned(component, &format!("{}-{version}", self.number));
        self.project.write("mine.wasm", &bytes);
        let folder = self.store_of.folder().file_name().unwrap_or_default();
        let folder = folder.to_string_lossy();
        let line = format!(
            "plugin publish acme/worker-{}@{version} mine.wasm --to oci:../../{folder}/project/probes",
            self.number
        );
        let killed = kill_in(&self.project, &line, after);
        if !killed {
            self.kept.insert(version, digest(&bytes));
        }
        killed
    }

    /// What was told to be in the folder is there, and every blob of it is whole.
    fn all_in_folder(&self) {
        let folder = self.store_of.project().join("probes");
        let layout = Layout::open(folder).expect("a layout");
        let published = layout.published().expect("an index");
        let own = format!("acme/worker-{}", self.number);
        let mut found = BTreeMap::new();
        for one in published.iter().filter(|one| one.name.as_str() == own) {
            let bytes = layout.component(one).expect("a component");
            found.insert(one.version.to_string(), digest(&bytes));
        }
        for (version, digest) in &self.kept {
            assert_eq!(found.get(version), Some(digest), "{own}@{version}");
        }
    }

    fn add(&mut self, round: usize, after: Duration) -> bool {
        let version = ["1.0.0", "1.0.1"][round % 2];
        let line = format!("plugin add acme/billing@{version}");
        let before = whole(&self.project);
        let killed = kill_in(&self.project, &line, after);
        let now = whole(&self.project);
        if !killed {
            assert!(
                now.0.contains(version) && now.1.contains(version),
                "{now:?}"
            );
        } else if now != before {
            // Once it began to write, the same command does the rest.
            self.project.expect(0, &line);
            self.project.expect(0, "plugin lock --locked");
        }
        killed
    }

    fn fetch(&mut self, after: Duration) -> bool {
        let lock = self.forget();
        let killed = kill_in(&self.project, "plugin fetch", after);
        assert_eq!(whole(&self.project).1, lock);
        killed
    }

    /// Takes the blob that is locked out of the store; the lock's text.
    fn forget(&self) -> String {
        let (_, lock) = whole(&self.project);
        let digest = lock
            .lines()
            .find_map(|line| line.strip_prefix("sha256 = \""))
            .map(|rest| rest.trim_end_matches('"'))
            .unwrap_or_else(|| panic!("no digest in {lock}"));
        // Another worker may have taken it away already.
        let _ = fs::remove_file(self.project.store().join("blobs/sha256").join(digest));
        lock
    }
}
