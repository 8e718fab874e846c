//! Names that resolve to what a test wants, for one process: a hosts file of its own in a mount
//! namespace of its own, so that nothing of the machine is touched.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::cli::Cli;
use crate::process::temp_dir;

/// Puts the two files in place of the system's, then becomes the program.
const ENTER: &str = r#"
mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && shift 2 && exec "$@"
"#;

/// A hosts file that one run of `waitfor` sees in place of the system's.
pub struct Names {
    hosts: PathBuf,
    resolver: PathBuf,
    _dir: TempDir,
}

impl Names {
    /// Names as in a hosts file. No name server is asked for others.
    pub fn new(hosts: &str) -> Self {
        let dir = temp_dir("names");
        let resolver = dir.path().join("resolv.conf");
        // Nobody listens there, so every other name is unknown at once.
        fs::write(
            &resolver,
            "nameserver 127.0.0.199\noptions timeout:1 attempts:1\n",
        )
        .expect("a file for the resolver");
        let made = Self {
            hosts: dir.path().join("hosts"),
            resolver,
            _dir: dir,
        };
        made.set(hosts);
        made
    }

    /// Replaces the names; a process that runs sees the new ones with its next look.
    pub fn set(&self, hosts: &str) {
        fs::write(&self.hosts, hosts).expect("a file of names");
    }

    /// The same command line, seeing these names.
    pub fn seen_by(&self, cli: Cli) -> Cli {
        let mut words = enter();
        words.extend([
            self.hosts.display().to_string(),
            self.resolver.display().to_string(),
        ]);
        cli.within(words)
    }
}

/// Whether this user may make such a namespace here.
pub fn possible() -> bool {
    static POSSIBLE: LazyLock<bool> = LazyLock::new(|| {
        let words = enter();
        Command::new(&words[0])
            .args(&words[1..])
            .args(["/etc/hosts", "/etc/resolv.conf", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    *POSSIBLE
}

fn enter() -> Vec<String> {
    let mut words = vec!["unshare".to_owned(), "--mount".to_owned()];
    if !geteuid().is_root() {
        words.push("--map-root-user".to_owned());
    }
    words.extend(["sh", "-c", ENTER, "sh"].map(str::to_owned));
    words
}
