//! The restricted WASI 0.2 that plugins built with a standard library import:
//! output goes to the log, clocks and randomness work, and there is no file,
//! no variable, no argument and no network.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use super::limits;
use super::state::Notes;
use crate::secret::LOOKED_AT;

/// A context in which nothing can be reached. In one that is `pure` the clocks
/// stand still and chance repeats itself, so that a guest gives the same answer
/// every time.
pub(super) fn context(log: &LogStream, pure: bool) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    if pure {
        builder
            .secure_random(Deterministic::new((0..=255).collect()))
            .insecure_random(Deterministic::new((0..=255).collect()))
            .insecure_random_seed(0)
            .wall_clock(Still)
            .monotonic_clock(Still);
    }
    builder
        .max_random_size(limits::WASI_ENTROPY)
        .stdout(log.clone())
        .stderr(log.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

/// A clock that does not move.
struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// A guest's standard output and error, as lines of its log.
#[derive(Clone)]
pub(super) struct LogStream {
    notes: Notes,
    /// What no end of a line has followed yet.
    rest: Vec<u8>,
}

impl LogStream {
    pub(super) fn new(notes: Notes) -> Self {
        Self {
            notes,
            rest: Vec::new(),
        }
    }

    /// Takes what was written at once: it is rid of secrets as a whole, since
    /// one of several lines would not be known by its lines.
    fn take(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        let whole = bytes.len() - if last.ends_with(b"\n") { 0 } else { last.len() };
        let (whole, rest) = bytes.split_at(whole);
        if !whole.is_empty() {
            self.keep(whole);
            self.end_lines();
        }
        self.keep(rest);
    }

    /// Keeps as much as is looked at of a text.
    fn keep(&mut self, bytes: &[u8]) {
        let room = LOOKED_AT.saturating_sub(self.rest.len());
        self.rest.extend(bytes.iter().take(room));
    }

    fn end_lines(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if !self.notes.has_room() {
            return;
        }
        let text = self.notes.said(&String::from_utf8_lossy(&rest), LOOKED_AT);
        for line in text.lines().filter(|line| !line.is_empty()) {
            self.notes.log("info", line);
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_lines();
        Poll::Ready(Ok(()))
    }
}
