//! A plugin that tries what no plugin must be able to do. Which thing it tries,
//! and in which of its functions, stands in 64 bytes of its data that the tests
//! overwrite: each deed is a component of its own, and all come from one build.
//!
//! What must happen then is in the table beside these sources.

wit_bindgen::generate!({
    path: "../../wit",
    world: "probe",
    generate_all,
});

mod lies;
mod memory;
mod network;
mod output;
mod secrets;
mod time;
mod wasi;

use std::hint::black_box;

use exports::waitfor::probe::probing::{
    Description, Endpoint, Guest, Misuse, Param, Pending, Scheme, Success, Verdict,
};
use waitfor::probe::params;

/// What the tests look for, and what they write behind it: `FUNCTION:DEED`, and
/// dots to the end.
static TOLD: [u8; 64] = *b"hostile-deed=check:nothing......................................";

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Description {
        let (function, deed) = told();
        match function.as_str() {
            "describe" => {
                act(&deed, &[]);
                honest()
            }
            "lie" => lies::tell(&deed, honest()),
            _ => honest(),
        }
    }

    fn validate() -> Option<Misuse> {
        let (function, deed) = told();
        if function != "validate" {
            return None;
        }
        match act(&deed, &[]) {
            Verdict::Misconfigured(misuse) => Some(misuse),
            Verdict::Ready(_) | Verdict::NotReady(_) => None,
        }
    }

    fn check(targets: Vec<Endpoint>) -> Verdict {
        let (function, deed) = told();
        if function == "check" {
            act(&deed, &targets)
        } else {
            ready("it did what it was to do before it was asked", Vec::new())
        }
    }
}

export!(Hostile);

/// The function and the deed.
fn told() -> (String, String) {
    let told = String::from_utf8_lossy(black_box(&TOLD)).into_owned();
    let told = told.trim_end_matches('.');
    let told = told.split_once('=').map_or(told, |(_, told)| told);
    let (function, deed) = told.split_once(':').unwrap_or(("check", "nothing"));
    (function.to_owned(), deed.to_owned())
}

/// Does it; many of these do not come back.
fn act(deed: &str, targets: &[Endpoint]) -> Verdict {
    let families = [
        time::act,
        memory::act,
        output::act,
        network::act,
        secrets::act,
        wasi::act,
    ];
    families
        .iter()
        .find_map(|family| family(deed, targets))
        .unwrap_or_else(|| ready("no such deed", Vec::new()))
}

type Facts = Vec<(String, String)>;

fn fact(name: impl ToString, value: impl ToString) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn ready(summary: &str, facts: Facts) -> Verdict {
    Verdict::Ready(Success {
        summary: summary.to_owned(),
        facts,
    })
}

fn pending(code: &str, reason: &str) -> Verdict {
    Verdict::NotReady(Pending {
        code: code.to_owned(),
        reason: reason.to_owned(),
        wait_hint: None,
        facts: Vec::new(),
    })
}

/// The first value of a parameter.
fn value(name: &str) -> String {
    params::values(name).into_iter().next().unwrap_or_default()
}

/// A description that nobody can object to.
fn honest() -> Description {
    Description {
        summary: "the deed was done".to_owned(),
        schemes: vec![scheme("deed")],
        params: vec![
            param("address", "text", "an address for the deed"),
            param("key", "secret", "a secret for the deed"),
        ],
        examples: Vec::new(),
        more: Vec::new(),
    }
}

fn scheme(name: &str) -> Scheme {
    Scheme {
        name: name.to_owned(),
        default_port: None,
        more: Vec::new(),
    }
}

fn param(name: &str, kind: &str, summary: &str) -> Param {
    Param {
        name: name.to_owned(),
        kind: kind.to_owned(),
        summary: summary.to_owned(),
        required: false,
        default: None,
        more: Vec::new(),
    }
}
