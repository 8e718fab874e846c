//! Deeds that take memory: the guest's own, and the host's.

use std::hint::black_box;

use wasip2::clocks::monotonic_clock;
use wasip2::random::{insecure, random};

use crate::exports::waitfor::probe::probing::{Endpoint, Misuse, Success, Verdict};
use crate::waitfor::probe::{entropy, net, params, report};
use crate::{fact, pending, ready};

/// Most of what a guest may have.
const MUCH: usize = 96 << 20;

pub fn act(deed: &str, targets: &[Endpoint]) -> Option<Verdict> {
    match deed {
        "memory-much" => {
            let mut taken = Vec::new();
            for _ in 0..(MUCH >> 20) {
                taken.push(black_box(vec![1_u8; 1 << 20]));
            }
            return Some(ready("held", vec![fact("mib", taken.len())]));
        }
        "memory-past" => {
            let mut taken = Vec::new();
            loop {
                taken.push(black_box(vec![1_u8; 1 << 20]));
                report::stage("taking memory");
            }
        }
        "memory-at-once" => {
            black_box(vec![1_u8; 1 << 30]);
        }
        "recurse" => {
            black_box(recurse(1));
        }
        "recurse-wide" => {
            black_box(recurse_wide(1));
        }
        "wishes" => {
            let mut kept = Vec::new();
            loop {
                kept.push(net::TlsOptions::new());
            }
        }
        "pollables" => {
            let mut kept = Vec::new();
            loop {
                kept.push(monotonic_clock::subscribe_duration(u64::MAX));
            }
        }
        "many-secrets" => {
            let mut kept = Vec::new();
            loop {
                kept.extend(params::secrets("key"));
            }
        }
        "ask-entropy" => {
            let drawn = entropy::bytes(u32::MAX).len();
            return Some(ready("drawn", vec![fact("bytes", drawn)]));
        }
        "ask-random" => {
            black_box(random::get_random_bytes(1 << 31));
        }
        "ask-insecure-random" => {
            black_box(insecure::get_insecure_random_bytes(1 << 31));
        }
        "ask-read" => return Some(ask_read(targets.first()?)),
        "give-stage" => report::stage(&large()),
        "give-level" => report::log(&large(), "x"),
        "give-log" => report::log("info", &large()),
        "give-name" => {
            black_box(params::values(&large()));
        }
        "give-host" => {
            black_box(net::discover(&large(), 1).err());
        }
        "give-wish" => net::TlsOptions::new().server_name(&large()),
        "give-protocols" => net::TlsOptions::new().protocols(&vec![String::new(); 4 << 20]),
        "give-bytes" => {
            let bytes = vec![0; MUCH];
            let given = targets.first()?.connect().and_then(|to| to.write(&bytes));
            if let Err(fault) = given {
                return Some(pending(&fault.code, &fault.detail));
            }
        }
        "give-facts" => {
            let facts = (0..400).map(|at| fact(at, "x".repeat(100_000))).collect();
            return Some(ready("given", facts));
        }
        "give-many-facts" => {
            return Some(ready(
                "given",
                vec![(String::new(), String::new()); 1 << 20],
            ));
        }
        "give-some-facts" => {
            let facts = (0..5000).map(|at| fact(at, "é".repeat(1000))).collect();
            return Some(ready("given", facts));
        }
        "give-summary" => {
            return Some(Verdict::Ready(Success {
                summary: large(),
                facts: Vec::new(),
            }));
        }
        "give-misuse" => {
            return Some(Verdict::Misconfigured(Misuse {
                code: large(),
                param: None,
                reason: String::new(),
                hint: None,
                facts: Vec::new(),
            }));
        }
        _ => return None,
    }
    Some(ready("still here", Vec::new()))
}

/// Most of a guest's memory as one text.
fn large() -> String {
    "x".repeat(MUCH)
}

/// Not a tail call, and nothing on the stack that lies in linear memory.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    recurse(black_box(depth + 1)).rotate_left(7) ^ depth
}

/// With much on the stack that lies in linear memory.
#[inline(never)]
fn recurse_wide(depth: u64) -> u64 {
    let mut frame = black_box([depth; 4096]);
    if depth == u64::MAX {
        return 0;
    }
    frame[7] = recurse_wide(depth + 1);
    black_box(frame)[7].rotate_left(7) ^ depth
}

/// As much as a call can ask for, of a server that sends without end.
fn ask_read(target: &Endpoint) -> Verdict {
    match target
        .connect()
        .and_then(|connection| connection.read(u32::MAX))
    {
        Ok(bytes) => ready(
            "read",
            vec![fact("some", !bytes.is_empty() && bytes.len() < 1 << 20)],
        ),
        Err(fault) => pending(&fault.code, &fault.detail),
    }
}
