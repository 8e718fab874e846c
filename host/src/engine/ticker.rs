//! Moves the engine's epoch on while guests run, and sleeps while none does,
//! so that waiting costs nothing.

use std::io;
use std::sync::{Arc, Condvar, Mutex};

use wasmtime::Engine;

use super::limits::TICK;

/// The stack of the thread, in bytes.
const STACK: usize = 64 << 10;

/// Counts the guests at work.
#[derive(Clone)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    running: Mutex<Running>,
    changed: Condvar,
}

#[derive(Default)]
struct Running {
    guests: usize,
    started: bool,
    /// Whether the thread waits for a guest, rather than for the next tick.
    asleep: bool,
}

impl Ticker {
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                running: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Starts the thread that ticks, unless it runs.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(&self, engine: &Engine) -> io::Result<()> {
        match self.shared.running.lock() {
            Ok(mut running) => self.run(&mut running, engine),
            Err(_) => Ok(()),
        }
    }

    fn run(&self, running: &mut Running, engine: &Engine) -> io::Result<()> {
        if running.started {
            return Ok(());
        }
        let shared = self.shared.clone();
        let engine = engine.clone();
        std::thread::Builder::new()
            .name("epoch".to_owned())
            .stack_size(STACK)
            .spawn(move || tick(&shared, &engine))?;
        running.started = true;
        Ok(())
    }

    /// A guest is at work until the guard is dropped.
    pub(super) fn guard(&self, engine: &Engine) -> Guard {
        if let Ok(mut running) = self.shared.running.lock() {
            running.guests += 1;
            // No guest gets here before it was asked something that ends
            // where there is no thread.
            let _ = self.run(&mut running, engine);
            // Waking it is two changes of thread; the next tick is soon.
            if running.asleep {
                running.asleep = false;
                self.shared.changed.notify_one();
            }
        }
        Guard {
            shared: self.shared.clone(),
        }
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    loop {
        let Ok(mut running) = shared.running.lock() else {
            return;
        };
        if running.guests == 0 {
            running.asleep = true;
            let woken = shared.changed.wait_while(running, |running| running.asleep);
            if woken.is_err() {
                return;
            }
        } else {
            drop(running);
        }
        std::thread::sleep(TICK);
        engine.increment_epoch();
    }
}

/// One guest at work.
pub(super) struct Guard {
    shared: Arc<Shared>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Ok(mut running) = self.shared.running.lock() {
            running.guests = running.guests.saturating_sub(1);
        }
    }
}
