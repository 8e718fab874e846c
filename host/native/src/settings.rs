//! The settings of the engine, in one place: code that was compiled with
//! others is refused by the engine that should run it.

use wasmtime::{Config, OptLevel, RegallocAlgorithm, WasmBacktraceDetails, WasmFeatures};

/// What a component may need of the engine: what compilers for Rust, C, Go,
/// JavaScript and Python emit by default. All else is code that is seldom
/// used, and therefore seldom tested.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::COMPONENT_MODEL);

/// What an engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use<'a> {
    /// Compiling ahead of time for a platform, by its target triple, with no
    /// more than what each of its processors can do. It is compiled once, so
    /// it is compiled well.
    Ahead(&'a str),
    /// Running on this machine. What has to be compiled here is compiled
    /// quickly: a probe computes for a millisecond.
    Here,
    /// The same where address space is rationed. Code that was compiled for
    /// the other two is not taken then.
    Rationed,
}

/// The settings that every attempt relies on.
///
/// # Errors
/// Where this build of the engine cannot compile for the platform.
pub fn settings(purpose: Use<'_>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config.wasm_features(!FEATURES, false);
    // A probe that breaks is told by its own last words, not by a back-trace;
    // the tables for one are half of the code's size.
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    config.native_unwind_info(false);
    config.epoch_interruption(true);
    config.concurrency_support(false);
    config.memory_guard_size(64 << 10);
    // A few kilobytes are copied sooner than a file in memory is made of them.
    config.memory_init_cow(false);
    match purpose {
        Use::Ahead(target) => {
            config.target(target)?;
            config.cranelift_opt_level(OptLevel::Speed);
        }
        Use::Here | Use::Rationed => {
            config.cranelift_opt_level(OptLevel::None);
            config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        }
    }
    match purpose {
        // Every address that a memory can have is reserved, so that no access
        // needs a check: a fifth less to compile. Nothing of it is used.
        Use::Ahead(_) | Use::Here => config.memory_reservation(4 << 30),
        // A memory that outgrows its place is moved, a little at a time.
        Use::Rationed => config
            .memory_reservation(0)
            .memory_reservation_for_growth(1 << 20),
    };
    Ok(config)
}
