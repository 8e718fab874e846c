//! What these tests share: a running `waitfor` that gets signals, and peers that it waits for.

use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use waitfor_tests::install::all_required;
use waitfor_tests::process::{PATIENCE, wait_for};

/// The signals that end the program, with their exit codes.
pub(crate) const SIGNALS: [(Signal, i32); 3] =
    [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// A running command with its own group, killed on drop.
pub(crate) struct Running {
    child: Child,
    readers: Vec<JoinHandle<String>>,
}

/// What it left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `128 + n` when signal `n` killed it.
    pub(crate) code: i32,
    /// Whether a signal killed it, in place of an exit code of its own.
    pub(crate) killed: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts it with both outputs read.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start_as_it_is(command)
    }

    /// Starts it with the streams that it was given, and reads those that are pipes of ours.
    pub(crate) fn start_as_it_is(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        Self {
            child,
            readers: stdout.into_iter().chain(stderr).collect(),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether one of its threads has a name that begins so.
    pub(crate) fn has_thread(&self, name: &str) -> bool {
        let folder = format!("/proc/{}/task", self.child.id());
        let tasks = fs::read_dir(folder).into_iter().flatten().flatten();
        tasks
            .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
            .any(|found| found.starts_with(name))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a running process takes it");
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for its end; one that does not come is a failure.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < end, "it lives on");
            thread::sleep(Duration::from_millis(3));
        };
        let mut texts = self
            .readers
            .drain(..)
            .map(|reader| reader.join().unwrap_or_default());
        Ended {
            code: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            killed: status.signal().is_some(),
            stdout: texts.next().unwrap_or_default(),
            stderr: texts.next().unwrap_or_default(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is still worth showing.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A peer that accepts, reads and says nothing; it counts those who came.
pub(crate) struct Silent {
    pub(crate) port: u16,
    came: Arc<AtomicUsize>,
}

impl Silent {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let came = Arc::<AtomicUsize>::default();
        thread::spawn({
            let came = Arc::clone(&came);
            move || {
                for stream in listener.incoming().flatten() {
                    came.fetch_add(1, Ordering::SeqCst);
                    thread::spawn(move || swallow(stream));
                }
            }
        });
        Self { port, came }
    }

    /// Waits till somebody is connected.
    pub(crate) fn until_somebody_came(&self) {
        wait_for("a connection", PATIENCE, || {
            match self.came.load(Ordering::SeqCst) {
                0 => Err("nobody came".to_owned()),
                _ => Ok(()),
            }
        });
    }
}

fn swallow(mut stream: TcpStream) {
    // Whoever asks may leave at any moment.
    let _ = io::copy(&mut stream, &mut io::sink());
}

/// Whether a process of this number is there and has not ended.
pub(crate) fn lives(pid: i32) -> bool {
    let is_there = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    is_there && !stat.contains(") Z ")
}

/// The files below a folder that are not in their place yet.
pub(crate) fn half_written(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                half_written(&path)
            } else if entry.file_name().to_string_lossy().starts_with(".writing-") {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}

/// Whether a test can have what it needs; else it is skipped with a line, or fails where nothing
/// may be skipped.
pub(crate) fn possible(what: &str, probe: &mut Command) -> bool {
    let works = probe
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(
        works || !all_required(),
        "{what}: not here, and WAITFOR_TEST_REQUIRE=all"
    );
    if !works {
        use std::io::Write;
        // Not `println!`: what a passing test prints that way is kept from the user.
        let _ = writeln!(io::stderr(), "skipped: {what}: not permitted here");
    }
    works
}
