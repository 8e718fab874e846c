//! What several of these tests need: one ready Redis for all, peers that misbehave, and readers
//! of what the program printed.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use waitfor_tests::cli::{Cli, Outcome, binary};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::{PATIENCE, wait_for};
use waitfor_tests::servers::redis::Redis;

/// A Redis that is ready, and that no test may change or stop.
pub(crate) fn ready() -> Option<&'static Redis> {
    static READY: LazyLock<Option<Redis>> =
        LazyLock::new(|| require(Component::Redis).map(|installed| Redis::ready(&installed)));
    READY.as_ref()
}

/// The URL of a server on `127.0.0.1`.
pub(crate) fn redis_at(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Runs `waitfor` with these arguments.
pub(crate) fn run(args: &[&str]) -> Outcome {
    Cli::new().args(args).run()
}

/// Runs `waitfor` and wants this exit code.
#[track_caller]
pub(crate) fn expect(code: i32, args: &[&str]) -> Outcome {
    let found = run(args);
    assert_eq!(found.code, code, "waitfor {args:?}: {found:#?}");
    found
}

/// Wants a part of a text.
#[track_caller]
pub(crate) fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "expected {part:?} in:\n{text}");
}

/// The lines of `--output json`, each of them read.
#[track_caller]
pub(crate) fn json_lines(stdout: &str) -> Vec<Value> {
    let read = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON: {e}: {line:?}"))
    };
    stdout.lines().map(read).collect()
}

/// The result, which must be the last line of `--output json` and the only one of its kind.
#[track_caller]
pub(crate) fn result(stdout: &str) -> Value {
    let mut lines = json_lines(stdout);
    let last = lines.pop().unwrap_or_else(|| panic!("nothing was printed"));
    assert_eq!(last["event"], "result", "{stdout}");
    assert!(
        lines.iter().all(|line| line["event"] != "result"),
        "{stdout}"
    );
    last
}

/// A number of milliseconds.
#[track_caller]
pub(crate) fn millis(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no whole number: {value}"))
}

/// Runs a script of bash under `pipefail`, in which `$W` is the program; the exit code, and what
/// went to standard output and standard error.
pub(crate) fn bash(script: &str, env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new("bash");
    command
        .args(["-c", &format!("set -o pipefail; {script}")])
        .env("W", binary())
        .envs(env.iter().copied())
        .stdin(Stdio::null());
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("cannot run bash: {e}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A running `waitfor`, whose standard error can be watched; killed on drop.
pub(crate) struct Running {
    child: Child,
    seen: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    stdout: Option<ChildStdout>,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(cli: &Cli) -> Self {
        Self::spawn(cli.command())
    }

    /// Starts another command that becomes `waitfor`.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run waitfor: {e}"));
        let seen = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("a pipe");
        let reader = thread::spawn({
            let seen = Arc::clone(&seen);
            move || watch(stderr, &seen)
        });
        Self {
            stdout: child.stdout.take(),
            child,
            seen,
            reader: Some(reader),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until standard error holds this.
    #[track_caller]
    pub(crate) fn until_it_says(&self, part: &str) {
        wait_for(&format!("{part:?} on standard error"), PATIENCE, || {
            let seen = self.stderr();
            if seen.contains(part) {
                Ok(())
            } else {
                Err(seen)
            }
        });
    }

    /// Reads standard output until it holds this; returns what was read.
    #[track_caller]
    pub(crate) fn until_it_prints(&mut self, part: &str) -> String {
        let pipe = self.stdout.as_mut().expect("a pipe");
        let mut seen = Vec::new();
        let mut byte = [0u8];
        while !String::from_utf8_lossy(&seen).contains(part) {
            match pipe.read(&mut byte) {
                Ok(1) => seen.push(byte[0]),
                other => panic!("no {part:?}: {other:?}: {}", String::from_utf8_lossy(&seen)),
            }
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a running process takes it");
    }

    /// Waits for its end: exit code (none after a deadly signal), standard output and error.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let mut stdout = String::new();
        if let Some(mut pipe) = self.stdout.take() {
            pipe.read_to_string(&mut stdout).expect("UTF-8");
        }
        let status = self.child.wait().expect("a child can be waited for");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends with the pipe");
        }
        (status.code(), stdout, self.stderr())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(mut from: ChildStderr, seen: &Mutex<String>) {
    let mut bytes = [0u8; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..count]);
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(&text);
    }
}

/// Serves every connection by `serve` in a thread of its own, while the test binary runs; returns
/// the port.
pub(crate) fn serve(
    address: IpAddr,
    port: u16,
    serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind(SocketAddr::new(address, port))
        .unwrap_or_else(|e| panic!("cannot listen on {address} port {port}: {e}"));
    let port = listener
        .local_addr()
        .expect("a listener has an address")
        .port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            // A peer that leaves early ends its own conversation only.
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// A peer that accepts, reads, and never says anything.
pub(crate) fn silent_peer() -> u16 {
    serve(IpAddr::from([127, 0, 0, 1]), 0, |mut stream| {
        io::copy(&mut stream, &mut io::sink()).map(drop)
    })
}

/// Passes connections on to the port of `127.0.0.1` that `to` holds at the time.
pub(crate) fn proxy(address: IpAddr, port: u16, to: Arc<AtomicU16>) -> u16 {
    serve(address, port, move |client| {
        let server = TcpStream::connect(("127.0.0.1", to.load(Ordering::SeqCst)))?;
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        let up = thread::spawn(move || pass(from_client, to_server));
        pass(server, client)?;
        up.join().unwrap_or(Ok(()))
    })
}

fn pass(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.flush()?;
    to.shutdown(Shutdown::Write)
}
