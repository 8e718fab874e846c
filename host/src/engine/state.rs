//! What one attempt may use, and what it has used so far: the data of its
//! store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::Result;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::knock::Trail;
use super::limits::{self, StoreLimits};
use super::net::Budget;
use super::wasi::{self, LogStream};
use crate::model::{Address, Job};
use crate::net::dial::Dialer;
use crate::net::policy::NamedBy;
use crate::net::tls::Trust;
use crate::secret::Scrubber;

/// The contract's `endpoint`.
pub struct Endpoint {
    pub(super) address: Address,
    pub(super) named_by: NamedBy,
}

/// What a guest says besides its verdict; it outlives the store, so that an
/// attempt that was cut off still has its evidence. Whatever a guest says is
/// without secrets before anything else is done with it.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    shared: Arc<Mutex<Noted>>,
    scrubber: Scrubber,
}

#[derive(Debug, Default)]
struct Noted {
    stage: Option<String>,
    logs: Vec<(String, String)>,
    lookup: Duration,
    connect: Option<Duration>,
    computing: bool,
    overtime: u32,
    memory_refused: bool,
}

impl Notes {
    /// Nothing yet, and from then on without these secrets.
    pub fn without(scrubber: Scrubber) -> Self {
        Self {
            shared: Arc::default(),
            scrubber,
        }
    }

    /// A text of the guest's without secrets, cut to so many bytes.
    pub(super) fn said(&self, text: &str, longest: usize) -> String {
        let mut text = self.scrubber.scrub(text);
        text.truncate(text.floor_char_boundary(longest));
        text
    }

    /// The step that the guest reported last.
    pub fn stage(&self) -> Option<String> {
        self.with(|noted| noted.stage.clone()).flatten()
    }

    /// The lines that the guest logged, each with its level.
    pub fn logs(&self) -> Vec<(String, String)> {
        self.with(|noted| noted.logs.clone()).unwrap_or_default()
    }

    /// How long name look-ups took together, and the quickest connection.
    pub fn road(&self) -> (Duration, Option<Duration>) {
        self.with(|noted| (noted.lookup, noted.connect))
            .unwrap_or_default()
    }

    pub(super) fn add_to_road(&self, lookup: Duration, connect: Option<Duration>) {
        self.with(|noted| {
            noted.lookup += lookup;
            noted.connect = noted.connect.into_iter().chain(connect).min();
        });
    }

    /// Whether the guest computes, rather than waits for a call to the host,
    /// and has done so for long enough since its attempt's time was over.
    pub fn is_overdue(&self) -> bool {
        self.with(|noted| {
            noted.computing && limits::TICK.saturating_mul(noted.overtime) >= limits::OVERTIME
        })
        .unwrap_or_default()
    }

    pub(super) fn set_stage(&self, name: &str) {
        let name = self.said(name, limits::LOG_LINE);
        self.with(|noted| noted.stage = Some(name));
    }

    pub(super) fn set_computing(&self, computing: bool) {
        self.with(|noted| noted.computing = computing);
    }

    fn add_overtime(&self) {
        self.with(|noted| noted.overtime = noted.overtime.saturating_add(1));
    }

    /// Whether the guest was refused the memory that it asked for last.
    pub(super) fn memory_refused(&self) -> bool {
        self.with(|noted| noted.memory_refused).unwrap_or_default()
    }

    pub(super) fn set_memory_refused(&self, refused: bool) {
        self.with(|noted| noted.memory_refused = refused);
    }

    pub(super) fn log(&self, level: &str, text: &str) {
        if self.has_room() {
            let said = |text| self.said(text, limits::LOG_LINE);
            let line = (said(level), said(text));
            self.with(|noted| noted.logs.push(line));
        }
    }

    /// Says again what a guest logged that would say the same.
    pub(super) fn repeat(&self, logs: &[(String, String)]) {
        self.with(|noted| noted.logs = logs.to_vec());
    }

    /// Whether another line would be kept.
    pub(super) fn has_room(&self) -> bool {
        self.with(|noted| noted.logs.len() < limits::LOG_LINES)
            .unwrap_or_default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Noted) -> T) -> Option<T> {
        self.shared.lock().ok().map(|mut noted| act(&mut noted))
    }
}

/// The data of one attempt's store.
pub struct State {
    pub(super) table: ResourceTable,
    pub(super) store_limits: StoreLimits,
    pub(super) job: Arc<Job>,
    pub(super) trust: Arc<Trust>,
    pub(super) notes: Notes,
    /// By when every call to the host has ended.
    pub(super) deadline: Instant,
    /// Whether a secret was revealed: from then on nothing is discovered.
    pub(super) revealed: bool,
    pub(super) connections: u32,
    pub(super) dialer: Dialer,
    pub(super) trail: Trail,
    pub(super) received: u64,
    pub(super) sent: u64,
    calls: u32,
    /// How many ticks the guest was seen at work since it last asked the host
    /// for anything.
    ticks: u32,
    /// Whether parameters and endpoints are to be had; not in `describe`.
    pub(super) open: bool,
    wasi: Option<WasiCtx>,
}

impl State {
    pub(super) fn new(
        job: Arc<Job>,
        trust: Arc<Trust>,
        dialer: Dialer,
        notes: Notes,
        deadline: Instant,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::HANDLES);
        Self {
            table,
            store_limits: StoreLimits::new(notes.clone()),
            job,
            trust,
            notes,
            deadline,
            revealed: false,
            connections: 0,
            dialer,
            trail: Trail::default(),
            received: 0,
            sent: 0,
            calls: 0,
            ticks: 0,
            open: true,
            wasi: None,
        }
    }

    /// The guest asks the host for something, and does not compute till it
    /// has the answer.
    pub(super) fn asked(&mut self) {
        self.calls = self.calls.saturating_add(1);
        self.ticks = 0;
        self.notes.set_computing(false);
    }

    /// Ends a guest that has made too many calls.
    pub(super) fn count_calls(&self) -> Result<()> {
        if self.calls > limits::CALLS {
            return Err(Budget::used_up(format!(
                "it made more than {} calls to the host",
                limits::CALLS
            )));
        }
        Ok(())
    }

    /// The guest was seen at work; ends one that only computes, or that has
    /// made too many calls of WASI, which cannot fail themselves.
    pub(super) fn tick(&mut self) -> Result<()> {
        self.count_calls()?;
        self.notes.set_computing(true);
        if Instant::now() >= self.deadline {
            self.notes.add_overtime();
        }
        self.ticks = self.ticks.saturating_add(1);
        if limits::TICK.saturating_mul(self.ticks) > limits::COMPUTING {
            return Err(Budget::cpu_time(format!(
                "it computed for {} s without asking for anything",
                limits::COMPUTING.as_secs()
            )));
        }
        Ok(())
    }
}

impl WasiView for State {
    /// Every call of WASI begins here.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.asked();
        // It has clocks, and chance.
        self.trail.leave();
        let (notes, pure) = (&self.notes, !self.open);
        WasiCtxView {
            ctx: self
                .wasi
                .get_or_insert_with(|| wasi::context(&LogStream::new(notes.clone()), pure)),
            table: &mut self.table,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overtime_is_what_was_seen() {
        let notes = Notes::default();
        notes.set_computing(true);
        let ticks = limits::OVERTIME.as_millis() / limits::TICK.as_millis();
        for _ in 1..ticks {
            notes.add_overtime();
        }
        assert!(!notes.is_overdue());
        notes.add_overtime();
        assert!(notes.is_overdue());
        notes.set_computing(false);
        assert!(!notes.is_overdue(), "it waits for the host");
    }
}
