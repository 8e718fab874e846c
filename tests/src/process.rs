//! Owns the servers a test starts, so that none outlives it: not when a test panics, and not
//! when the whole test binary is killed.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, WaitId, WaitIdOptions, geteuid, kill_process, kill_process_group, waitid,
};
use tempfile::TempDir;

pub use rustix::process::Signal;

/// How long a server may take to do what it was told, unless a caller knows better.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(20);

/// Ports the tests may use: below the range from which kernels take ports for outgoing
/// connections, so that no client can sit on one between its choice and its use.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A child process in its own process group, ended when dropped.
pub struct Server {
    name: String,
    child: Child,
    status: Option<ExitStatus>,
    log: PathBuf,
    stop: Signal,
    patience: Duration,
}

impl Server {
    /// Starts `command` with its output going to a log file.
    ///
    /// On drop the group gets `SIGTERM` and, if it lives on for 5 s, `SIGKILL`; see
    /// [`Server::stop_with`]. As root, call [`as_server_user`] on the command first.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let log = scratch().join(format!("{name}-{}.log", unique()));
        let out = File::create(&log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        let err = out
            .try_clone()
            .unwrap_or_else(|e| panic!("{}: {e}", log.display()));
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name} ({command:?}): {e}"));
        reaper(&format!("+{}", child.id()));
        Self {
            name: name.to_owned(),
            child,
            status: None,
            log,
            stop: Signal::TERM,
            patience: Duration::from_secs(5),
        }
    }

    /// Chooses the signal sent on drop, and how long to wait before `SIGKILL`.
    #[must_use]
    pub fn stop_with(mut self, signal: Signal, patience: Duration) -> Self {
        self.stop = signal;
        self.patience = patience;
        self
    }

    /// The process id, which is the group's id too.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything the server printed so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The file that the server's output goes to.
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Whether it has not ended yet. What an ended server left of its group is ended here, while
    /// the unreaped leader still keeps the group's number from being given to others.
    pub fn is_running(&mut self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if self.status.is_none()
            && let Ok(Some(_)) = waitid(WaitId::Pid(self.id()), look)
        {
            self.kill();
        }
        self.status.is_none()
    }

    /// Sends a signal to the server's first process only, as an operator would.
    pub fn signal(&mut self, signal: Signal) {
        if self.is_running() {
            // It may end on its own in between: that is no failure of the test.
            let _ = kill_process(self.id(), signal);
        }
    }

    /// Sends a signal to the server's whole process group.
    pub fn signal_group(&mut self, signal: Signal) {
        if self.is_running() {
            let _ = kill_process_group(self.id(), signal);
        }
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until `ready` returns `Ok`; panics with the last `Err` and the tail of the log
    /// when the server ends first or `deadline` passes. `what` completes "waiting for …".
    pub fn wait_until<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        mut ready: impl FnMut() -> Result<T, String>,
    ) -> T {
        let end = Instant::now() + deadline;
        loop {
            let alive = self.is_running();
            let why = match ready() {
                Ok(value) => return value,
                Err(why) => why,
            };
            let ended = if !alive {
                "it ended"
            } else if Instant::now() > end {
                "it took too long"
            } else {
                sleep(POLL);
                continue;
            };
            panic!(
                "{}: waiting for {what}: {ended}; last seen: {why}\n--- tail of its log\n{}",
                self.name,
                tail(&self.log(), 25)
            );
        }
    }

    /// Waits for the server to end by itself.
    pub fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let end = Instant::now() + deadline;
        while self.is_running() {
            assert!(
                Instant::now() < end,
                "{}: it did not end\n--- tail of its log\n{}",
                self.name,
                tail(&self.log(), 25)
            );
            sleep(POLL);
        }
        self.status
            .expect("a server that is not running has a status")
    }

    /// Ends the server now: the chosen signal, then `SIGKILL` for what is left of its group.
    pub fn stop(&mut self) {
        self.signal(self.stop);
        let end = Instant::now() + self.patience;
        while self.is_running() && Instant::now() < end {
            sleep(POLL);
        }
        self.kill();
    }

    /// Ends the server and its whole group at once, as a crash would.
    pub fn kill(&mut self) {
        let group = self.id();
        if self.status.is_none() {
            // It may have ended already, which is as good.
            let _ = kill_process_group(group, Signal::KILL);
            if let Ok(status) = self.child.wait() {
                self.status = Some(status);
            }
            reaper(&format!("-{}", self.child.id()));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits until `ready` returns `Ok`; panics with the last `Err` after `deadline`.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut ready: impl FnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        match ready() {
            Ok(value) => return value,
            Err(why) if Instant::now() > end => panic!("waiting for {what}: {why}"),
            Err(_) => sleep(POLL),
        }
    }
}

/// Runs a command to its end and returns what it printed; panics unless it exits with 0.
pub fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The last `lines` lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A loopback port that nothing listens on and that no other test will be given while this
/// test binary runs.
pub fn free_port() -> u16 {
    static HELD: LazyLock<Mutex<HashMap<u16, File>>> = LazyLock::new(Mutex::default);
    let dir = std::env::temp_dir().join(format!("waitfor-test-ports-{}", geteuid().as_raw()));
    fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("cannot create {}: {e}", dir.display()));
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    // Binaries that start at different places seldom try the same port.
    let span = PORTS.end - PORTS.start;
    let start = (std::process::id().wrapping_mul(131) % u32::from(span)) as u16;
    for step in 0..span {
        let port = PORTS.start + (start + step) % span;
        if held.contains_key(&port) {
            continue;
        }
        let path = dir.join(port.to_string());
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap_or_else(|e| panic!("cannot open {}: {e}", path.display()));
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            held.insert(port, lock);
            return port;
        }
    }
    panic!("no free port between {} and {}", PORTS.start, PORTS.end)
}

/// The folder of this test binary's logs and data, removed when the binary has ended.
///
/// Its path is short (unix sockets allow some 100 bytes) and everybody may pass through it.
pub fn scratch() -> &'static Path {
    static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
        let dir = tempfile::Builder::new()
            .prefix("waitfor-tests-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a folder for temporary files")
            .keep();
        reaper(&format!("={}", dir.display()));
        dir
    });
    &SCRATCH
}

/// A fresh folder below [`scratch`], owned by the user that servers run as; removed on drop.
///
/// Keep it in a field after the [`Server`] that uses it: fields are dropped in order.
pub fn temp_dir(name: &str) -> TempDir {
    let dir = own_dir(name);
    give_to_server_user(dir.path());
    dir
}

/// A fresh folder below [`scratch`] that stays the caller's own, as a home is; removed on drop.
pub fn own_dir(name: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(scratch())
        .expect("a folder for temporary files")
}

/// The ordinary user and group that servers run as when the tests run as root.
///
/// PostgreSQL refuses root, and no server should need it.
pub fn server_user() -> Option<(u32, u32)> {
    static NOBODY: LazyLock<(u32, u32)> = LazyLock::new(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        users
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                let uid = fields.nth(1)?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                (name == "nobody").then_some((uid, gid))
            })
            .next()
            .unwrap_or((65_534, 65_534))
    });
    geteuid().is_root().then(|| *NOBODY)
}

/// Makes a command run as the ordinary user, if we are root; else as ourselves.
pub fn as_server_user(command: &mut Command) -> &mut Command {
    if let Some((uid, gid)) = server_user() {
        command.uid(uid).gid(gid);
    }
    command.current_dir(scratch())
}

/// Hands a file, or a folder with all that is in it, to the user that servers run as.
pub fn give_to_server_user(path: &Path) {
    let Some((uid, gid)) = server_user() else {
        return;
    };
    chown(path, Some(uid), Some(gid)).unwrap_or_else(|e| panic!("chown {}: {e}", path.display()));
    if path.is_dir() && !path.is_symlink() {
        let entries = fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for entry in entries.flatten() {
            give_to_server_user(&entry.path());
        }
    }
}

/// A path of `program` that the server user can execute, even if it lies in root's home:
/// there it is linked, or else copied, into [`scratch`].
pub fn reachable(program: &Path) -> PathBuf {
    static MADE: LazyLock<Mutex<HashMap<PathBuf, PathBuf>>> = LazyLock::new(Mutex::default);
    let hidden = program
        .ancestors()
        .skip(1)
        .any(|dir| fs::metadata(dir).is_ok_and(|found| found.permissions().mode() & 0o001 == 0));
    if server_user().is_none() || !hidden {
        return program.to_owned();
    }
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(program.to_owned())
        .or_insert_with(|| {
            let name = program.file_name().unwrap_or_default();
            let place = scratch().join(name);
            fs::hard_link(program, &place)
                .or_else(|_| fs::copy(program, &place).map(drop))
                .unwrap_or_else(|e| panic!("cannot copy {}: {e}", program.display()));
            place
        })
        .clone()
}

/// A number that no other call in this process returned.
fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// What the reaper runs: it learns of groups (`+ID`, `-ID`) and of the scratch folder (`=PATH`)
/// on its input, and when that ends, because the test binary has ended in whatever way, it ends
/// the groups that are left and removes the folder.
const REAPER: &str = r#"
groups=" "
dir=""
while read -r line; do
  rest="${line#?}"
  case "$line" in
    +*) groups="$groups$rest " ;;
    -*) case "$groups" in *" $rest "*) groups="${groups%% $rest *} ${groups#* $rest }" ;; esac ;;
    =*) dir="$rest" ;;
  esac
done
for id in $groups; do kill -s TERM -- "-$id" 2>/dev/null; done
if [ "$groups" != " " ]; then sleep 1; fi
for id in $groups; do kill -s KILL -- "-$id" 2>/dev/null; done
if [ -n "$dir" ]; then rm -rf -- "$dir"; fi
"#;

fn reaper(line: &str) {
    static SHELL: LazyLock<Mutex<Child>> = LazyLock::new(|| {
        let child = Command::new("/bin/sh")
            .args(["-c", REAPER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .current_dir("/")
            .spawn();
        Mutex::new(child.expect("a shell to clean up with"))
    });
    let mut shell = SHELL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(input) = &mut shell.stdin {
        // Without the reaper the drop guards still work.
        let _ = writeln!(input, "{line}");
    }
}
