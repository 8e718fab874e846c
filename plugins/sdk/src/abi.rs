//! The component's side of the contract: host calls as a backend, a probe as
//! the export, and the runtime that a `no_std` guest must bring along.
//!
//! This is the only module with `unsafe`. Its contract: `cabi_realloc` is
//! called by the canonical ABI alone, with pointers that it returned itself
//! and the layouts it was asked for.
#![allow(unsafe_code, reason = "the canonical ABI's allocator entry point")]

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::marker::PhantomData;

use crate::backend::{Host, Stream, Target};
use crate::bindings::exports::waitfor::probe::probing as wit;
use crate::bindings::waitfor::probe::{entropy, net, params, report, types};
use crate::connection::{Endpoint, TlsOptions, Verification};
use crate::context::Context;
use crate::params::{Secret, Spec};
use crate::verdict::{Fault, Misuse, Remedy, Verdict};
use crate::{About, Probe};

// The target's C library gives the compiler its `memcmp` and kin; nothing that
// would import WASI is taken from it.
#[link(name = "c")]
unsafe extern "C" {}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Logs the message, since a trap alone says only where, then traps.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report::log("error", &format!("the probe panicked: {}", info.message()));
    core::arch::wasm32::unreachable()
}

/// The canonical ABI's allocator. Exported here since the linker drops
/// wit-bindgen's own under link-time optimisation.
///
/// # Safety
/// `old` was returned by this function for `old_len` and `align`, or
/// `old_len` is zero.
#[unsafe(export_name = "cabi_realloc")]
pub unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_len: usize,
    align: usize,
    new_len: usize,
) -> *mut u8 {
    let allocated = if old_len == 0 {
        if new_len == 0 {
            return core::ptr::without_provenance_mut(align);
        }
        let Ok(layout) = Layout::from_size_align(new_len, align) else {
            core::arch::wasm32::unreachable()
        };
        // SAFETY: the size is not zero.
        unsafe { alloc::alloc::alloc(layout) }
    } else {
        let Ok(layout) = Layout::from_size_align(old_len, align) else {
            core::arch::wasm32::unreachable()
        };
        // SAFETY: the canonical ABI gives back what it got here, with the
        // same layout, and never shrinks to nothing.
        unsafe { alloc::alloc::realloc(old, layout, new_len) }
    };
    if allocated.is_null() {
        core::arch::wasm32::unreachable()
    }
    allocated
}

/// The export of a probe; [`export!`](crate::export!) names it.
pub struct Exported<P>(PhantomData<P>);

impl<P: Probe> wit::Guest for Exported<P> {
    fn describe() -> wit::Description {
        describe(&P::ABOUT, crate::specs::<P>())
    }

    fn validate() -> Option<wit::Misuse> {
        crate::validate::<P>(&Component).map(misuse)
    }

    fn check(targets: Vec<net::Endpoint>) -> wit::Verdict {
        let mut endpoints = targets
            .into_iter()
            .map(|endpoint| Endpoint::new(Box::new(Handle { endpoint })));
        let Some(first) = endpoints.next() else {
            return wit::Verdict::Misconfigured(misuse(Misuse::new(
                "no-target",
                "the host gave no target",
            )));
        };
        match crate::check::<P>(&Context::new(&Component, first, endpoints.collect())) {
            Verdict::Ready(ready) => wit::Verdict::Ready(wit::Success {
                summary: ready.summary,
                facts: ready.facts,
            }),
            Verdict::NotReady(pending) => wit::Verdict::NotReady(wit::Pending {
                code: pending.code,
                reason: pending.reason,
                wait_hint: pending.wait_hint,
                facts: pending.facts,
            }),
            Verdict::Misconfigured(mistake) => wit::Verdict::Misconfigured(misuse(mistake)),
        }
    }
}

fn misuse(misuse: Misuse) -> wit::Misuse {
    wit::Misuse {
        code: misuse.code,
        param: misuse.param,
        reason: misuse.reason,
        hint: misuse.hint,
        facts: misuse.facts,
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

fn describe(about: &About, specs: Vec<Spec>) -> wit::Description {
    let schemes = about.schemes.iter().map(|scheme| {
        let mut more = owned(&[("summary", scheme.summary)]);
        if scheme.unix {
            more.push(("transport".to_string(), "unix".to_string()));
        }
        wit::Scheme {
            name: scheme.name.to_string(),
            default_port: scheme.default_port,
            more,
        }
    });
    let params = specs.into_iter().map(|spec| {
        let mut more: Vec<_> = spec
            .more
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        more.extend(
            spec.choices
                .iter()
                .map(|word| ("choice".to_string(), word.to_string())),
        );
        if spec.multiple {
            more.push(("multiple".to_string(), "true".to_string()));
        }
        wit::Param {
            name: spec.name,
            kind: spec.kind.to_string(),
            summary: spec.summary,
            required: spec.required,
            default: spec.default.map(ToString::to_string),
            more,
        }
    });
    wit::Description {
        summary: about.summary.to_string(),
        schemes: schemes.collect(),
        params: params.collect(),
        examples: about.examples.iter().map(ToString::to_string).collect(),
        more: owned(about.more),
    }
}

/// The host behind the contract's imports.
struct Component;

impl Host for Component {
    fn values(&self, name: &str) -> Vec<String> {
        params::values(name)
    }

    fn secrets(&self, name: &str) -> Vec<Secret> {
        params::secrets(name)
            .into_iter()
            .map(|secret| Secret::new(move || secret.reveal()))
            .collect()
    }

    fn discover(&self, host: &str, port: u16) -> Result<Box<dyn Target>, Fault> {
        let endpoint = net::discover(host, port).map_err(fault)?;
        Ok(Box::new(Handle { endpoint }))
    }

    fn entropy(&self, len: u32) -> Vec<u8> {
        entropy::bytes(len)
    }

    fn stage(&self, name: &str) {
        report::stage(name);
    }

    fn log(&self, level: &str, text: &str) {
        report::log(level, text);
    }
}

struct Handle {
    endpoint: net::Endpoint,
}

impl Target for Handle {
    fn label(&self) -> String {
        self.endpoint.label()
    }

    fn scheme(&self) -> String {
        self.endpoint.scheme()
    }

    fn host(&self) -> Option<String> {
        self.endpoint.host()
    }

    fn port(&self) -> Option<u16> {
        self.endpoint.port()
    }

    fn connect(&self) -> Result<Box<dyn Stream>, Fault> {
        let connection = self.endpoint.connect().map_err(fault)?;
        Ok(Box::new(Wire { connection }))
    }
}

struct Wire {
    connection: net::Connection,
}

impl Stream for Wire {
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Fault> {
        self.connection.read(max).map_err(fault)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.connection.write(bytes).map_err(fault)
    }

    fn start_tls(&mut self, options: &TlsOptions) -> Result<(), Fault> {
        let wish = net::TlsOptions::new();
        if let Some(name) = &options.server_name {
            wish.server_name(name);
        }
        wish.protocols(&options.protocols);
        wish.verification(match options.verification {
            Verification::Full => "full",
            Verification::Chain => "chain",
            Verification::None => "none",
        });
        self.connection.start_tls(wish).map_err(fault)
    }

    fn limit(&mut self, each_call: u32) {
        self.connection.limit(each_call);
    }
}

fn fault(fault: types::Fault) -> Fault {
    Fault {
        remedy: match fault.remedy {
            types::Remedy::Retry => Remedy::Retry,
            types::Remedy::Fix => Remedy::Fix,
            types::Remedy::Stop => Remedy::Stop,
        },
        code: fault.code,
        detail: fault.detail,
    }
}
