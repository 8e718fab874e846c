//! The signals that end a wait, as exit codes.

use std::fs;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Resolves when the process is asked to end.
pub async fn interrupts() -> Exit {
    let ignored = ignored();
    tokio::select! {
        () = received(SignalKind::interrupt(), ignored) => Exit::Interrupted,
        () = received(SignalKind::terminate(), ignored) => Exit::Terminated,
        () = received(SignalKind::hangup(), ignored) => Exit::HungUp,
    }
}

/// Resolves with the first signal of the kind; never where the caller had it
/// ignored, as `nohup` does, or where the system does not let us listen.
async fn received(kind: SignalKind, ignored: u64) {
    let bit = u32::try_from(kind.as_raw_value() - 1).ok();
    let is_ignored = bit
        .and_then(|bit| ignored.checked_shr(bit))
        .is_some_and(|rest| rest & 1 == 1);
    let listening: Option<Signal> = if is_ignored { None } else { signal(kind).ok() };
    match listening {
        Some(mut listening) => {
            listening.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that the process was started to ignore, a bit each, the first
/// for signal 1 (proc(5), `SigIgn`); none where the system does not tell.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
