//! A signal that ends the program does so at once, at whatever it works, but
//! never in the middle of what must not stay half done: a file beside its
//! place, a credential helper that would live on.
//!
//! The handlers themselves end the process, since as the first process of a
//! container it would otherwise not hear these signals at all, and since
//! neither a look-up of a name nor a compilation can be told to stop. While
//! something is [held](hold), they only take note; whoever holds lets go
//! soon, and the process ends then.

use std::fs;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals that end the program, by their numbers.
pub const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Whether a signal ends the process where it finds it.
static AT_ONCE: AtomicBool = AtomicBool::new(true);
/// The last signal that came, by its number; 0 for none.
static PENDING: AtomicUsize = AtomicUsize::new(0);
/// How much is held.
static HOLDS: Mutex<usize> = Mutex::new(0);

/// Listens to [`SIGNALS`] from now on: the process ends with the exit code
/// 128 + the number of the signal. What the process was started to ignore, as
/// by `nohup`, it goes on ignoring. Called once, as early as can be.
pub fn listen() {
    let ignored = ignored();
    for signal in SIGNALS {
        let number = usize::try_from(signal).unwrap_or_default();
        if is_in(ignored, signal) {
            continue;
        }
        // Where the system does not let us listen, it ends us in its own way.
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, &AT_ONCE)
            .and_then(|_| flag::register_usize(signal, &PENDING, number));
    }
}

/// Whether the process was started to ignore the signal; no where the system
/// does not tell.
pub fn is_ignored(signal: i32) -> bool {
    is_in(ignored(), signal)
}

/// The signal that asked the process to end and has not yet, as something is
/// held.
pub fn pending() -> Option<i32> {
    let number = PENDING.load(Ordering::SeqCst);
    i32::try_from(number).ok().filter(|number| *number != 0)
}

/// While it lives, signals are only taken note of; the last one to go ends
/// the process where one came.
#[must_use = "signals are only held off while this lives"]
#[derive(Debug)]
pub struct Hold(());

/// Keeps signals from ending the process; for work that is short, or that
/// looks for what is [`pending`].
pub fn hold() -> Hold {
    let mut holds = HOLDS.lock().unwrap_or_else(PoisonError::into_inner);
    *holds += 1;
    AT_ONCE.store(false, Ordering::SeqCst);
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = HOLDS.lock().unwrap_or_else(PoisonError::into_inner);
        *holds = holds.saturating_sub(1);
        if *holds > 0 {
            return;
        }
        AT_ONCE.store(true, Ordering::SeqCst);
        // One that comes between the two lines ends the process itself.
        if let Some(signal) = pending() {
            process::exit(128 + signal);
        }
    }
}

/// The signals that the process ignores, a bit each, the first for signal 1
/// (proc(5), `SigIgn`); none where the system does not tell.
fn ignored() -> u64 {
    static AT_START: OnceLock<u64> = OnceLock::new();
    *AT_START.get_or_init(|| {
        let status = fs::read("/proc/self/status").unwrap_or_default();
        let status = String::from_utf8_lossy(&status);
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or_default()
    })
}

fn is_in(signals: u64, signal: i32) -> bool {
    let bit = u32::try_from(signal - 1).ok();
    bit.and_then(|bit| signals.checked_shr(bit))
        .is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_signals_has_a_bit_for_each() {
        let hangup_and_terminate = 0b100_0000_0000_0001;
        assert!(is_in(hangup_and_terminate, SIGHUP));
        assert!(is_in(hangup_and_terminate, SIGTERM));
        assert!(!is_in(hangup_and_terminate, SIGINT));
        assert!(!is_in(u64::MAX, 0) && !is_in(u64::MAX, 65));
    }

    #[test]
    fn holds_nest() {
        let outer = hold();
        drop(hold());
        assert!(!AT_ONCE.load(Ordering::SeqCst));
        drop(outer);
        assert_eq!(pending(), None);
    }
}
