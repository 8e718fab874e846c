//! Moves the engine's epoch on while guests run, and sleeps while none does,
//! so that waiting costs nothing.

use std::sync::{Arc, Condvar, Mutex};

use wasmtime::Engine;

use super::limits::TICK;

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

    /// A guest is at work until the guard is dropped. The thread is started
    /// with the first guest.
    pub(super) fn guard(&self, engine: &Engine) -> Guard {
        if let Ok(mut running) = self.shared.running.lock() {
            running.guests += 1;
            if !running.started {
                running.started = true;
                let shared = self.shared.clone();
                let engine = engine.clone();
                // Without the thread a guest that never ends would not be
                // stopped; the attempt's own deadline still ends the wait.
                let _ = std::thread::Builder::new()
                    .name("epoch".to_owned())
                    .spawn(move || tick(&shared, &engine));
            }
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
