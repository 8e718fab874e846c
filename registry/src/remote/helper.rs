//! Credential helpers are programs of others that may never answer: they are
//! waited for no longer than a registry is, and end with this program.
//!
//! The protocol is docker's: `docker-credential-NAME get` reads the registry
//! on standard input and prints `{"Username": …, "Secret": …}`; the name
//! `<token>` says that the secret is an identity token.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::account::Account;
use crate::{interrupt, text};

/// What a helper prints for a registry that it does not know.
const NOT_FOUND: &str = "credentials not found";

/// The most bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// How often a helper is looked after.
const POLL: Duration = Duration::from_millis(5);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks the helper `name` for the account of `key`; none where it knows none.
///
/// # Errors
/// In words, where it cannot be run, fails, or takes longer than `limit`.
pub(super) fn ask(name: &str, key: &str, limit: Duration) -> Result<Option<Account>, String> {
    let program = format!("docker-credential-{name}");
    let shown = text::one_line(&program);
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("`{shown}`, named there, was not found"),
        kind => format!("`{shown}`, named there, cannot be run: {kind}"),
    };
    let end = Instant::now() + limit;
    // Signals end it first, and then us.
    let _held = interrupt::hold();
    let mut helper = Helper::start(&program).map_err(cannot)?;
    let (stdout, stderr) = helper.listen().map_err(cannot)?;
    helper.tell(key).map_err(cannot)?;
    let status = match helper.wait(end) {
        Ok(Some(status)) => status,
        Ok(None) => {
            return Err(format!(
                "`{shown}`, named there, has not answered within {} s; \
                 --network-timeout gives it longer",
                limit.as_secs_f32()
            ));
        }
        Err(error) => return Err(cannot(error)),
    };
    let left = || end.saturating_duration_since(Instant::now());
    let stdout = stdout.recv_timeout(left()).unwrap_or_default();
    if !status.success() {
        let stderr = stderr.recv_timeout(left()).unwrap_or_default();
        let says_so = |said: &[u8]| String::from_utf8_lossy(said).contains(NOT_FOUND);
        if says_so(&stdout) || says_so(&stderr) {
            return Ok(None);
        }
        return Err(format!("`{shown}`, named there, failed"));
    }
    let answer: Answer = serde_json::from_slice(&stdout)
        .map_err(|_| format!("`{shown}`, named there, gives no account"))?;
    Ok(Some(if answer.username == "<token>" {
        Account::Identity(answer.secret)
    } else {
        Account::Password {
            user: answer.username,
            password: answer.secret,
        }
    }))
}

/// What somebody will have said at the end.
type Said = Receiver<Vec<u8>>;

/// A helper, which ends with whatever it started when this is dropped.
struct Helper(Child);

impl Helper {
    fn start(program: &str) -> io::Result<Self> {
        Command::new(program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own can be ended as a whole.
            .process_group(0)
            .spawn()
            .map(Self)
    }

    fn tell(&mut self, key: &str) -> io::Result<()> {
        let Some(mut stdin) = self.0.stdin.take() else {
            return Ok(());
        };
        match stdin.write_all(key.as_bytes()) {
            // It may know the answer without the question.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            told => told,
        }
    }

    /// What it will have printed, on standard output and standard error.
    fn listen(&mut self) -> io::Result<(Said, Said)> {
        Ok((drain(self.0.stdout.take())?, drain(self.0.stderr.take())?))
    }

    /// Its end; none where it does not come in time, or the program is to end.
    fn wait(&mut self, end: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end || interrupt::pending().is_some() {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let group = i32::try_from(self.0.id()).map(nix::unistd::Pid::from_raw);
            if let Ok(group) = group {
                // It may end by itself in between.
                let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
            }
            let _ = self.0.wait();
        }
    }
}

/// Reads to the end, or to where nobody has so much to say.
fn drain(from: Option<impl Read + Send + 'static>) -> io::Result<Said> {
    let (send, receive) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            // What came before an error may be enough.
            let _ = from.take(MAX_ANSWER).read_to_end(&mut bytes);
        }
        // Nobody may want it any more.
        let _ = send.send(bytes);
    })?;
    Ok(receive)
}
