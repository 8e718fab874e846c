//! Deeds that take time: of the processor, of the host, of the user.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::exports::waitfor::probe::probing::{Endpoint, Pending, Verdict};
use crate::waitfor::probe::{entropy, report};
use crate::{fact, pending, ready};

/// Calls that an attempt may make, less what this component's own start takes.
const ALLOWED_CALLS: u32 = 99_000;

thread_local! {
    /// Would count across attempts, if anything outlived one.
    static ATTEMPTS: Cell<u32> = const { Cell::new(0) };
}

pub fn act(deed: &str, targets: &[Endpoint]) -> Option<Verdict> {
    match deed {
        "spin" => spin(),
        "spin-calls" => loop {
            report::stage("calling");
        },
        "spin-clock" => loop {
            black_box(Instant::now());
        },
        "spin-between-calls" => loop {
            work();
            report::stage("calling");
        },
        "spin-entropy" => loop {
            black_box(entropy::bytes(1024));
        },
        "many-calls" => {
            for _ in 0..ALLOWED_CALLS {
                report::stage("calling");
            }
        }
        "sleep" => std::thread::sleep(Duration::from_secs(3600)),
        "sleep-for-ever" => loop {
            std::thread::sleep(Duration::MAX);
        },
        "trap" => std::process::abort(),
        "panic" => panic!("told to panic"),
        "divide" => {
            black_box(1 / black_box(0));
        }
        "wait-hint" => {
            return Some(Verdict::NotReady(Pending {
                code: "come-back".to_owned(),
                reason: "in seven weeks".to_owned(),
                wait_hint: Some(u32::MAX),
                facts: Vec::new(),
            }));
        }
        "hundredth" => return Some(hundredth(targets.first()?)),
        "remember" => {
            let attempts = ATTEMPTS.with(|attempts| {
                attempts.set(attempts.get() + 1);
                attempts.get()
            });
            return Some(ready("counted", vec![fact("remembers", attempts)]));
        }
        _ => return None,
    }
    Some(ready("still here", Vec::new()))
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Some time of the processor, less than a guest may take at a stretch.
fn work() {
    for turn in 0..50_000_000_u64 {
        black_box(turn);
    }
}

/// Fine till the server says that it is asked for the hundredth time.
fn hundredth(target: &Endpoint) -> Verdict {
    let asked = target
        .connect()
        .and_then(|connection| connection.read(20))
        .map(|bytes| String::from_utf8_lossy(&bytes).trim().parse::<u32>());
    match asked {
        Ok(Ok(count)) if count < 100 => ready("so far so good", Vec::new()),
        Ok(Ok(_)) => {
            spin();
            pending("spun", "it stopped")
        }
        Ok(Err(_)) => pending("no-count", "the server says no number"),
        Err(fault) => pending(&fault.code, &fault.detail),
    }
}
