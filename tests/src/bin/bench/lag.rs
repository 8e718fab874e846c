//! The lag between the moment in which a service is ready and the end of the tool that waits for it.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use socket2::{Domain, Socket, Type};
use waitfor_tests::install::{Component, Installed};
use waitfor_tests::process::temp_dir;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

use crate::moment::Log;
use crate::peers::{Waiter, have, looped, waiters, waitfor};
use crate::report::{Report, Unit};
use crate::settings::Settings;

/// Disciplines, as other modules look for them.
pub(crate) const TCP: &str = "lag, a port that opens after 1.5 to 4.5 s";
pub(crate) const LATE: &str = "lag, a port that opens after 20 to 40 s";
pub(crate) const SOCKET: &str = "lag, a UNIX socket that appears after 1.5 to 4.5 s";
pub(crate) const REDIS: &str = "lag, Redis leaves LOADING after 1 to 3.5 s";
pub(crate) const POSTGRES: &str = "lag, PostgreSQL leaves its recovery after 1 to 3.5 s";

/// The error of the moments that servers tell.
const LATENESS: &str = "from a line in a log to the benchmark's knowing of it";

/// Redis looks at its clients every 20 ms then, 66 keys of the test's dump, as one with its own
/// settings does (every 2 MiB) that loads 100 MB a second.
const PACE: &str = "key-load-delay 300";

/// How long a tool may take to notice.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the part.
pub(crate) fn run(settings: &Settings, report: &mut Report) {
    let waiters = waiters(report);
    // Each has its own port and its own moments, in one row of time: they sleep nearly always.
    let lanes = waiters.into_iter().flat_map(|waiter| {
        let socket = waiter.socket(Path::new("/")).is_some();
        let port = (TCP, waiter.clone(), settings.moments);
        let socket = socket.then_some((SOCKET, waiter, settings.moments));
        [Some(port), socket].into_iter().flatten()
    });
    lanes_of(report, 1.5..4.5, lanes.collect());
    let late = vec![(LATE, Waiter::Connecting, 2); settings.moments.div_ceil(4)];
    lanes_of(report, 20.0..40.0, late);
    for _ in 0..settings.moments {
        match lateness() {
            Ok(late) => report.add(LATENESS, "the benchmark itself", Unit::Ms, late),
            Err(why) => report.skip(LATENESS, &why),
        }
    }
    if let Some(installed) = have(Component::Redis, report) {
        for _ in 0..settings.moments {
            redis(&installed, report);
        }
    }
    if let Some(installed) = have(Component::Postgres, report) {
        for _ in 0..settings.moments {
            postgres(&installed, report);
        }
    }
}

/// Runs so many waits of each tool, one after the other in each lane.
fn lanes_of(
    report: &mut Report,
    after: std::ops::Range<f64>,
    lanes: Vec<(&'static str, Waiter, usize)>,
) {
    let found = thread::scope(|scope| {
        let running: Vec<_> = lanes
            .into_iter()
            .map(|(what, waiter, times)| {
                let after = after.clone();
                let all = move || {
                    let lags = (0..times).map(|_| match what {
                        SOCKET => socket(&waiter, between(&after)),
                        _ => port(&waiter, between(&after)),
                    });
                    (what, waiter.name(), lags.collect::<Vec<_>>())
                };
                scope.spawn(all)
            })
            .collect();
        let ended = running.into_iter().filter_map(|lane| lane.join().ok());
        ended.collect::<Vec<_>>()
    });
    for (what, who, lags) in found {
        for lag in lags {
            match lag {
                Ok(lag) => report.add(what, who, Unit::Ms, lag),
                Err(why) => report.skip(&format!("{what}: {who}"), &why),
            }
        }
    }
}

/// One wait for a UNIX socket that appears after so long; the moment is that before it is made.
fn socket(waiter: &Waiter, after: Duration) -> Result<f64, String> {
    let folder = temp_dir("socket");
    let path = folder.path().join("s");
    let tool = waiter.socket(&path).ok_or("it cannot")?;
    let tool = Waiting::start(tool)?;
    sleep(after);
    let ready = Instant::now();
    let listener = UnixListener::bind(&path).map_err(|e| format!("no socket: {e}"))?;
    let lag = tool.lag(ready);
    drop(listener);
    lag
}

/// One wait for a port that opens after so long. The moment is that before `listen`, so the lag is
/// never told too short.
fn port(waiter: &Waiter, after: Duration) -> Result<f64, String> {
    let say = |e: std::io::Error| format!("no port to wait for: {e}");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(say)?;
    // Bound and not yet listening, it refuses connections and cannot be another's.
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).map_err(say)?;
    let address = socket.local_addr().map_err(say)?.as_socket();
    let tool = Waiting::start(waiter.port(address.ok_or("no port to wait for")?))?;
    sleep(after);
    let ready = Instant::now();
    socket.listen(128).map_err(say)?;
    tool.lag(ready)
}

/// One wait of each tool for the same Redis.
fn redis(installed: &Installed, report: &mut Report) {
    let mut redis = Redis::loading(installed, &[PACE]);
    let port = redis.port.to_string();
    let mut client = Command::new(installed.program("redis-cli"));
    client.args(["-p", &port, "ping"]);
    let tools = [
        ("waitfor", ours(&format!("redis://127.0.0.1:{port}"))),
        (
            "redis-cli ping in a loop, sleep 1",
            looped(&client, "\"$@\" | grep -q PONG"),
        ),
    ];
    let log = Log::watch(redis.server().log_file());
    observe(
        report,
        REDIS,
        tools,
        log,
        "Ready to accept connections",
        || redis.finish_loading(),
    );
}

/// One wait of each tool for the same PostgreSQL.
fn postgres(installed: &Installed, report: &mut Report) {
    let mut postgres = Postgres::recovering(installed);
    let port = postgres.port.to_string();
    let mut client = Command::new(installed.program("pg_isready"));
    client.args(["-q", "-h", "127.0.0.1", "-p", &port]);
    let url = format!("postgres://trusted@127.0.0.1:{port}/postgres");
    let tools = [
        ("waitfor", ours(&url)),
        ("pg_isready in a loop, sleep 1", looped(&client, "\"$@\"")),
    ];
    let log = Log::watch(postgres.server().log_file());
    let words = "database system is ready to accept connections";
    observe(report, POSTGRES, tools, log, words, || postgres.release());
}

/// How late we know of a line that is written to a log.
fn lateness() -> Result<f64, String> {
    let say = |e: std::io::Error| format!("no log to write: {e}");
    let folder = temp_dir("log");
    let path = folder.path().join("log");
    let mut file = File::create(&path).map_err(say)?;
    let mut log = Log::watch(&path)?;
    let writer = thread::spawn(move || {
        sleep(Duration::from_millis(20));
        let before = Instant::now();
        file.write_all(b"ready\n").map(|()| before)
    });
    let known = log.moment("ready", PATIENCE)?;
    let written = writer.join().map_err(|_| "no log to write")?.map_err(say)?;
    Ok(crate::clock::millis(known - written))
}

fn ours(url: &str) -> Command {
    waitfor(&["-q", "-t", "0", url])
}

/// Starts the tools, lets the server go on at a random moment, and takes the time from its word.
fn observe(
    report: &mut Report,
    what: &str,
    tools: [(&str, Command); 2],
    log: Result<Log, String>,
    words: &str,
    go_on: impl FnOnce(),
) {
    let started = tools.map(|(who, command)| (who, Waiting::start(command)));
    sleep(between(&(1.0..3.5)));
    let told = log.and_then(|mut log| {
        go_on();
        log.moment(words, PATIENCE)
    });
    for (who, tool) in started {
        let lag = told.clone().and_then(|ready| tool?.lag(ready));
        match lag {
            Ok(lag) => report.add(what, who, Unit::Ms, lag),
            Err(why) => report.skip(&format!("{what}: {who}"), &why),
        }
    }
}

fn between(range: &std::ops::Range<f64>) -> Duration {
    Duration::from_secs_f64(range.start + fastrand::f64() * (range.end - range.start))
}

/// A tool that waits; a thread of ours sleeps until it ends.
struct Waiting {
    group: Pid,
    ended: mpsc::Receiver<(Instant, bool)>,
}

impl Waiting {
    fn start(mut command: Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("it cannot be run: {e}"))?;
        let group = Pid::from_child(&child);
        let (tell, ended) = mpsc::channel();
        thread::spawn(move || {
            let status = child.wait();
            let now = Instant::now();
            // Nobody may be there any more to hear it.
            let _ = tell.send((now, status.is_ok_and(|status| status.success())));
        });
        Ok(Self { group, ended })
    }

    /// How long after this moment it ended, in milliseconds; below zero if it was too early.
    fn lag(self, ready: Instant) -> Result<f64, String> {
        match self.ended.recv_timeout(PATIENCE) {
            Ok((at, true)) if at >= ready => Ok(crate::clock::millis(at - ready)),
            Ok((at, true)) => Ok(-crate::clock::millis(ready - at)),
            Ok((_, false)) => Err("it failed".to_owned()),
            Err(_) => {
                // It is not reaped before it has ended: the number is still its own.
                let _ = kill_process_group(self.group, Signal::KILL);
                Err("it did not notice".to_owned())
            }
        }
    }
}
