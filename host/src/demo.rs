//! `waitfor demo`: shows in a few seconds, with nothing to install, what a
//! TCP check misses and a probe sees.
//!
//! The server is a script inside this process that behaves as Redis behind
//! docker's proxy does: first something accepts and closes, then the server
//! loads its data, then it answers. The probe is the real one.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use waitfor_registry::interrupt;

use crate::catalogue::Catalogue;
use crate::cli::{self, Invocation, SystemEnvironment};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::report::{self, Out, OutputSettings, human};
use crate::run::target;
use crate::secret::Scrubber;
use crate::{signals, wait};

/// How long connections are accepted and closed at once.
const PROXY_ALONE: Duration = Duration::from_millis(1200);

/// How long the server loads after that.
const LOADING: Duration = Duration::from_millis(2000);

/// How much the data weighs that it says it loads, in bytes.
const DATA: u64 = 100_000_000;

/// The longest command line that the server reads, in bytes.
const LINE: u64 = 512;

/// Runs the demonstration.
///
/// # Errors
/// Where no port can be had.
pub fn run(catalogue: &Catalogue, output: &OutputSettings) -> Result<Exit> {
    let failed = |error: io::Error| {
        Error::usage(format!(
            "the demo cannot use a local port: {}",
            crate::net::fault::plain(&error)
        ))
    };
    let runtime = catalogue.runtime();
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let url = format!("redis://{address}");

    let arguments = [url.as_str(), "--timeout", "30s"].map(OsString::from);
    let environment = SystemEnvironment;
    let Invocation::Wait(request) = cli::parse(arguments, &environment)? else {
        return Err(Error::usage(
            "the demo's own command line is not understood",
        ));
    };
    let plan = request.plan(catalogue, &environment)?;
    let scrubber = Scrubber::default();
    let targets = plan
        .jobs
        .iter()
        .map(|job| target(catalogue, job, &scrubber))
        .collect::<Result<Vec<_>>>()?;

    let mut out = Out::stderr();
    out.line(&format!(
        "demo: a server starts on {address}; what stands in front of it accepts connections already"
    ));
    let started = Instant::now();
    let server = runtime.spawn(serve(listener, started));
    out.line(&format!(
        "demo: a tcp check: {}",
        runtime.block_on(naive(address))
    ));
    out.line(&format!("demo: waitfor {url}"));
    let mut reporter = report::reporter(output);
    let held = interrupt::hold();
    let outcome = runtime.block_on(wait::run(
        targets,
        &plan.wait,
        reporter.as_mut(),
        signals::interrupts(),
    ));
    drop(held);
    if outcome.exit == Exit::Ready {
        let answer = runtime
            .block_on(ask(address))
            .unwrap_or_else(|error| crate::net::fault::plain(&error));
        out.line(&format!(
            "demo: the first command then gets: {}",
            answer.trim_end()
        ));
    }
    server.abort();
    Ok(outcome.exit)
}

/// What a check by `connect` alone says, and what comes of it.
async fn naive(address: SocketAddr) -> String {
    let started = Instant::now();
    match TcpStream::connect(address).await {
        Err(error) => format!("not ready ({})", crate::net::fault::plain(&error)),
        Ok(_) => {
            let after = human(started.elapsed());
            let fate = match ask(address).await {
                Ok(answer) if answer.is_empty() => "the connection is closed".to_owned(),
                Ok(answer) => answer.trim_end().to_owned(),
                Err(error) => crate::net::fault::plain(&error),
            };
            format!("\"ready\" after {after}; the first command then gets: {fate}")
        }
    }
}

/// One PING, as a test would send it.
async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = String::new();
    BufReader::new(stream)
        .take(LINE)
        .read_line(&mut answer)
        .await?;
    Ok(answer)
}

async fn serve(listener: TcpListener, started: Instant) {
    while let Ok((stream, _)) = listener.accept().await {
        if started.elapsed() >= PROXY_ALONE {
            // A client that hangs up early is its own business.
            tokio::spawn(async move { converse(stream, started).await.unwrap_or_default() });
        }
    }
}

async fn converse(stream: TcpStream, started: Instant) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(command) = read_command(&mut stream).await? {
        let loaded = started.elapsed().saturating_sub(PROXY_ALONE);
        stream
            .write_all(answer(&command, loaded).as_bytes())
            .await?;
    }
    Ok(())
}

/// One command, inline or as an array of bulk strings; none at the end.
async fn read_command(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<String>>> {
    let Some(line) = read_line(stream).await? else {
        return Ok(None);
    };
    let Some(count) = line.strip_prefix('*') else {
        return Ok(Some(line.split_whitespace().map(str::to_owned).collect()));
    };
    let mut words = Vec::new();
    for _ in 0..count.parse::<u8>().unwrap_or_default() {
        // The length; words here hold no line ends, so the line is the word.
        read_line(stream).await?;
        words.extend(read_line(stream).await?);
    }
    Ok(Some(words))
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.take(LINE).read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

/// What Redis 7 answers; the texts are those of a real one.
fn answer(command: &[String], loaded: Duration) -> String {
    let loading = loaded < LOADING;
    let word = command
        .first()
        .map(|word| word.to_ascii_uppercase())
        .unwrap_or_default();
    match word.as_str() {
        "INFO" => {
            let text = info(loading, loaded);
            format!("${}\r\n{text}\r\n", text.len())
        }
        "SELECT" => "+OK\r\n".to_owned(),
        _ if loading => "-LOADING Redis is loading the dataset in memory\r\n".to_owned(),
        "PING" => "+PONG\r\n".to_owned(),
        _ => format!("-ERR unknown command '{word}', with args beginning with: \r\n"),
    }
}

fn info(loading: bool, loaded: Duration) -> String {
    let server = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\
                  run_id:0123456789abcdef0123456789abcdef01234567\r\n";
    let mut text = format!("{server}# Persistence\r\nloading:{}\r\n", u8::from(loading));
    if loading {
        let share = loaded.as_secs_f64() / LOADING.as_secs_f64();
        let left = LOADING.saturating_sub(loaded).as_secs_f64().ceil();
        text.push_str(&format!(
            "loading_total_bytes:{DATA}\r\nloading_loaded_perc:{:.2}\r\nloading_eta_seconds:{left}\r\n",
            share * 100.0
        ));
    }
    text.push_str("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n");
    text
}
