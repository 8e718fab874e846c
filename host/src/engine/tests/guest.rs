//! What the engine's tests share: the guests built and loaded, a deed for
//! them, and a port that counts who comes.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::attempt::Notes;
use crate::engine::{Engine, Plugin};
use crate::model::{Address, Job, TlsSettings, Verdict};
use crate::net::tls::Trust;
use crate::secret::Secret;

/// The target of the guests.
const TARGET: &str = "wasm32-wasip2";

/// Long enough for a deed that ends by itself, on a machine that is slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// For a deed that never ends.
pub(super) const SHORT: Duration = Duration::from_secs(1);

/// The guests, built once: `None` where the target is not installed.
fn guests() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let required = std::env::var("WAITFOR_TEST_REQUIRE").is_ok_and(|what| what == "all");
    let printed = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .expect("rustc runs");
    let sysroot = String::from_utf8(printed.stdout).expect("a path in UTF-8");
    let library = Path::new(sysroot.trim()).join(format!("lib/rustlib/{TARGET}/lib"));
    if !library.is_dir() {
        assert!(!required, "{TARGET} is not installed");
        eprintln!("skipped: guests: {TARGET} is not installed");
        return None;
    }
    // Beside this test's own artifacts: target/PROFILE/deps/waitfor-HASH.
    let own = std::env::current_exe().expect("the test's own path");
    let target = own
        .ancestors()
        .nth(3)
        .expect("a target folder")
        .join("guests");
    let status = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests"))
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the guests do not build ({status})");
    Some(target.join(TARGET).join("release"))
}

pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new().expect("an engine"))
}

pub(super) fn load(guest: &str) -> Option<Plugin> {
    let bytes = std::fs::read(guests()?.join(format!("guest_{guest}.wasm"))).expect("a guest");
    Some(engine().load(guest, &bytes).expect("a plugin"))
}

/// The guest that does what it is told, compiled once.
pub(super) fn with_std() -> Option<&'static Plugin> {
    static PLUGIN: OnceLock<Option<Plugin>> = OnceLock::new();
    PLUGIN.get_or_init(|| load("with_std")).as_ref()
}

/// A deed for the guest, and what is within its reach.
pub(super) struct Deed {
    pub(super) job: Job,
}

impl Deed {
    pub(super) fn new(word: &str) -> Self {
        Self {
            job: Job {
                label: "the test".to_owned(),
                plugin: 0,
                plugin_name: "with-std".to_owned(),
                scheme: "deed".to_owned(),
                addresses: vec![tcp(1)],
                values: BTreeMap::from([("do".to_owned(), vec![word.to_owned()])]),
                secrets: BTreeMap::from([("key".to_owned(), vec![Secret::new("sesame")])]),
                tls: TlsSettings::default(),
                allow: Vec::new(),
                attempt_timeout: PATIENCE,
            },
        }
    }

    pub(super) fn within(mut self, attempt_timeout: Duration) -> Self {
        self.job.attempt_timeout = attempt_timeout;
        self
    }

    pub(super) fn at(mut self, address: Address) -> Self {
        self.job.addresses = vec![address];
        self
    }

    /// Tells the guest an address that is not its target.
    pub(super) fn about(mut self, port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        self.job.values.insert("address".to_owned(), vec![address]);
        self
    }

    pub(super) fn allowing(mut self, port: u16) -> Self {
        self.job.allow.push(("127.0.0.1".to_owned(), port));
        self
    }

    /// One attempt, on the runtime that the program has.
    pub(super) fn outcome(self) -> Option<Outcome> {
        Some(runtime().block_on(self.attempt(with_std()?)))
    }

    pub(super) async fn attempt(self, plugin: &Plugin) -> Outcome {
        let notes = Notes::default();
        let trust = Arc::new(Trust::new(TlsSettings::default()));
        let deadline = Instant::now() + 2 * PATIENCE;
        let verdict = plugin
            .check(&Arc::new(self.job), &trust, &notes, deadline, &mut None)
            .await;
        Outcome { verdict, notes }
    }
}

pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) notes: Notes,
}

impl Outcome {
    #[track_caller]
    pub(super) fn is(&self, word: &str, code: &str) -> &Self {
        assert_eq!(
            (self.verdict.word(), self.verdict.code()),
            (word, code),
            "{:.300}",
            self.verdict.reason()
        );
        self
    }

    #[track_caller]
    pub(super) fn because(&self, reason: &str) -> &Self {
        assert_eq!(self.verdict.reason(), reason);
        self
    }

    #[track_caller]
    pub(super) fn told(&self, expected: &[(&str, &str)]) {
        let facts: Vec<(&str, &str)> = self
            .verdict
            .facts()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(facts, expected);
    }

    pub(super) fn logged(&self) -> Vec<String> {
        self.notes
            .logs()
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(super) fn tcp(port: u16) -> Address {
    Address::Tcp {
        host: "127.0.0.1".to_owned(),
        port,
    }
}

/// A port that takes connections and says nothing.
pub(super) struct Silent {
    listener: TcpListener,
}

impl Silent {
    pub(super) fn new() -> Self {
        Self::on(0)
    }

    pub(super) fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
        listener.set_nonblocking(true).expect("not blocking");
        Self { listener }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().expect("an address").port()
    }

    /// How many connections came in since the last count.
    pub(super) fn connections(&self) -> usize {
        let mut count = 0;
        loop {
            match self.listener.accept() {
                Ok(_) => count += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
                Err(error) => panic!("accept: {error}"),
            }
        }
    }
}
