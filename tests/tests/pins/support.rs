//! What these tests share: projects in folders of their own, and texts without what differs from
//! run to run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use regex_lite::Regex;
use serde_json::Value;
use tempfile::TempDir;
use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::guests::{Form, billing, versioned};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::temp_dir;
use waitfor_tests::servers::lying_registry::{LyingRegistry, digest};
use waitfor_tests::servers::registry::DockerRegistry;

/// A folder with a project, a home and a store of its own; removed on drop.
pub(crate) struct Workspace {
    dir: TempDir,
    store: PathBuf,
    names: Mutex<Vec<(String, String)>>,
}

impl Workspace {
    /// An empty project.
    pub(crate) fn new(name: &str) -> Self {
        let dir = temp_dir(name);
        for folder in ["project", "home"] {
            fs::create_dir(dir.path().join(folder)).expect("a folder");
        }
        let found = Self {
            names: Mutex::default(),
            store: dir.path().join("store"),
            dir,
        };
        for (text, name) in official() {
            found.named(text, name);
        }
        found.named(&found.store().display().to_string(), "<store>");
        found.named(&found.project().display().to_string(), "<project>");
        found.named(&found.dir.path().display().to_string(), "<folder>");
        found
    }

    /// A project whose team `acme` has its plugins there.
    pub(crate) fn bound(name: &str, location: &str) -> Self {
        let found = Self::new(name);
        found.bind(location);
        found
    }

    /// Binds the team `acme` in a fresh `waitfor.toml`.
    pub(crate) fn bind(&self, location: &str) {
        self.write(
            "waitfor.toml",
            format!("[registries]\nacme = \"{location}\"\n"),
        );
    }

    /// The folder of `waitfor.toml`.
    pub(crate) fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// The folder of the store; it is not there before something is in it.
    pub(crate) fn store(&self) -> PathBuf {
        self.store.clone()
    }

    /// Uses the store of another project from now on.
    pub(crate) fn share_store(&mut self, with: &Workspace) {
        self.store = with.store();
    }

    /// The folder that is `HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The folder around all of it.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// A file of the project.
    #[track_caller]
    pub(crate) fn read(&self, file: &str) -> String {
        let path = self.project().join(file);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Writes a file of the project.
    #[track_caller]
    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.project().join(file);
        fs::write(&path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }

    /// Changes a file of the project.
    #[track_caller]
    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let before = self.read(file);
        let after = change(before.clone());
        assert_ne!(before, after, "the edit of {file} changes nothing");
        self.write(file, after);
    }

    /// A command line in the project.
    pub(crate) fn cli<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cli {
        Cli::new()
            .args(args)
            .home(&self.home())
            .env("WAITFOR_STORE", self.store())
            .current_dir(&self.project())
    }

    /// Runs a command line of words without spaces.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        self.cli(line.split_whitespace()).run()
    }

    /// Runs it and wants this exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, line: &str) -> Outcome {
        let found = self.run(line);
        assert_eq!(found.code, code, "waitfor {line}: {found:#?}");
        found
    }

    /// Runs it and shows what it printed, and the exit code.
    pub(crate) fn show(&self, line: &str) -> String {
        self.shown(&self.run(line))
    }

    /// What a run printed, standard output first, and its exit code; without what differs from run
    /// to run.
    pub(crate) fn shown(&self, found: &Outcome) -> String {
        self.steady(&format!(
            "{}{}exit {}",
            found.stdout, found.stderr, found.code
        ))
    }

    /// The JSON of a command that must succeed, one line a plugin and without what differs.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> String {
        let found = self.expect(0, &format!("{line} --output json"));
        assert_eq!(found.stdout.lines().count(), 1, "{}", found.stdout);
        let mut value: Value = serde_json::from_str(&found.stdout)
            .unwrap_or_else(|e| panic!("not JSON: {e}: {}", found.stdout));
        let mut lines = Vec::new();
        for list in ["plugins", "params", "removed"] {
            if let Some(items) = value.get_mut(list).and_then(Value::as_array_mut) {
                for (number, item) in items.iter_mut().enumerate() {
                    lines.push(format!("{list} {number}: {item}"));
                    *item = number.into();
                }
            }
        }
        lines.insert(0, value.to_string());
        self.steady(&lines.join("\n"))
    }

    /// From now on this text is shown as `name`.
    pub(crate) fn named(&self, text: &str, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.push((text.to_owned(), name.to_owned()));
        // The longest first: one folder is inside of another.
        names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// From now on the digest and the size of these bytes are shown as `<NAME>` and `<size>`.
    pub(crate) fn know(&self, name: &str, bytes: &[u8]) {
        let digest = digest(bytes);
        let hex = digest.trim_start_matches("sha256:");
        for (text, name) in shown_as(name, hex, bytes.len() as u64) {
            self.named(&text, &name);
        }
    }

    /// A text without what differs from run to run.
    pub(crate) fn steady(&self, text: &str) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for (from, to) in names.iter() {
            text = text.replace(from, to);
        }
        for (pattern, to) in [
            (r"(localhost|127\.0\.0\.1):\d+", "$1:<port>"),
            (r"\b\d+(\.\d+)? ?(ms|s)\b", "<time>"),
            ("(_ms\":) ?\\d+", "$1<time>"),
            ("(\"bytes\":)\\d+", "$1<some>"),
            (r"(compiled code of .*) \(\d+ bytes\)", "$1 (<some> bytes)"),
            (r"\b[0-9a-f]{64}\b", "<digest>"),
        ] {
            let pattern = Regex::new(pattern).expect("a pattern");
            text = pattern.replace_all(&text, to).into_owned();
        }
        text
    }
}

/// The texts by which bytes are shown, and what stands for them in snapshots.
fn shown_as(name: &str, hex: &str, size: u64) -> Vec<(String, String)> {
    vec![
        (hex.to_owned(), format!("<{name}>")),
        (hex[..12].to_owned(), format!("<short of {name}>")),
        (format!("{size} bytes"), "<size> bytes".to_owned()),
        (format!("not {size}"), "not <size>".to_owned()),
        (format!("has {size}"), "has <size>".to_owned()),
        (format!("size = {size}"), "size = <size>".to_owned()),
        (format!("\"size\":{size}"), "\"size\":<size>".to_owned()),
    ]
}

/// The same for the probes inside the program, which change with it.
fn official() -> &'static [(String, String)] {
    static OFFICIAL: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let listed = Cli::new()
            .args(["plugin", "list", "--output", "json"])
            .run();
        let listed: Value = serde_json::from_str(&listed.stdout)
            .unwrap_or_else(|e| panic!("not JSON: {e}: {listed:#?}"));
        let plugins = listed["plugins"].as_array().cloned().unwrap_or_default();
        let named = plugins.iter().flat_map(|plugin| {
            let text = |key: &str| plugin[key].as_str().unwrap_or_default().to_owned();
            let size = plugin["size"].as_u64().unwrap_or_default();
            shown_as(&format!("official {}", text("name")), &text("sha256"), size)
        });
        named.collect()
    });
    &OFFICIAL
}

/// The probe `billing` in a version of its own.
pub(crate) struct Version {
    /// As in `1.0.0`.
    pub(crate) version: &'static str,
    /// The component.
    pub(crate) bytes: Vec<u8>,
}

/// The first form of the probe under some versions; none where it cannot be built.
pub(crate) fn versions<const N: usize>(all: [&'static str; N]) -> Option<[Version; N]> {
    let component = billing(Form::First)?;
    Some(all.map(|version| Version {
        version,
        bytes: versioned(&component, version),
    }))
}

impl Version {
    /// `sha256:…`.
    pub(crate) fn digest(&self) -> String {
        digest(&self.bytes)
    }

    /// The 64 digits.
    pub(crate) fn hex(&self) -> String {
        self.digest().trim_start_matches("sha256:").to_owned()
    }
}

/// A registry with three versions of `acme/billing`, one of which needs a newer `waitfor`, and
/// `acme/tax@0.3.0`; and a project that is bound to it.
pub(crate) fn team() -> Option<(LyingRegistry, Workspace)> {
    let [one, two, tax] = versions(["1.0.0", "1.1.0", "0.3.0"])?;
    let registry = LyingRegistry::start();
    let project = Workspace::bound("commands", &registry.location());
    registry.put("acme/billing", "1.0.0", &one.bytes);
    registry.put("acme/billing", "1.1.0", &two.bytes);
    let [newer] = versions(["1.2.0"])?;
    registry.put_changed("acme/billing", "1.2.0", &newer.bytes, |manifest| {
        manifest["annotations"]["dev.waitfor.abi"] = "1.9".into();
    });
    registry.put("acme/tax", "0.3.0", &tax.bytes);
    project.know("billing 1.0.0", &one.bytes);
    project.know("billing 1.1.0", &two.bytes);
    project.know("billing 1.2.0", &newer.bytes);
    project.know("tax 0.3.0", &tax.bytes);
    Some((registry, project))
}

/// A real registry of this test's own, plain and open to all; none where it cannot be had.
pub(crate) fn registry() -> Option<DockerRegistry> {
    Some(DockerRegistry::start(&require(Component::DockerRegistry)?))
}

/// Wants a part of a text.
#[track_caller]
pub(crate) fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "expected {part:?} in:\n{text}");
}

/// Every file below a folder with its bytes, sorted by path.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

/// The names of the blobs in a store, sorted.
pub(crate) fn stored(store: &Path) -> Vec<String> {
    let files = tree(&store.join("blobs/sha256")).into_iter();
    files
        .filter_map(|(path, _)| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect()
}
