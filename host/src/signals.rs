//! The signals that end a wait, as exit codes. At all other times they end
//! the process where they find it: see [`waitfor_registry::interrupt`].

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use waitfor_registry::interrupt;

use crate::exit::Exit;

/// How often it is looked for signals where the system does not wake us.
const LOOK: Duration = Duration::from_millis(100);

/// Resolves when the process is asked to end, or was before.
pub async fn interrupts() -> Exit {
    tokio::select! {
        () = received(SignalKind::interrupt()) => Exit::Interrupted,
        () = received(SignalKind::terminate()) => Exit::Terminated,
        () = received(SignalKind::hangup()) => Exit::HungUp,
    }
}

/// Resolves with the first signal of the kind; never where the caller had it
/// ignored, as `nohup` does.
async fn received(kind: SignalKind) {
    let number = kind.as_raw_value();
    if interrupt::is_ignored(number) {
        return std::future::pending().await;
    }
    let mut listening: Option<Signal> = signal(kind).ok();
    // One that came before we listened wakes nobody.
    while interrupt::pending() != Some(number) {
        match &mut listening {
            Some(listening) => {
                listening.recv().await;
                return;
            }
            None => tokio::time::sleep(LOOK).await,
        }
    }
}
