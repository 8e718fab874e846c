//! The engine, and a plugin that it has compiled and linked: ready for as
//! many attempts as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{
    Config, OptLevel, RegallocAlgorithm, Store, UpdateDeadline, WasmBacktraceDetails, WasmFeatures,
};

use super::bindings::{Probe, ProbePre};
use super::state::State;
use super::ticker::{Guard, Ticker};
use super::watch::{Failure, watched};
use super::{limits, structure};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::net::dial::Dialer;
use crate::surroundings;

/// What the contract's instance is called, without its version.
const CONTRACT: &str = "waitfor:probe/";

/// What a component may need of the engine: what compilers for Rust, C, Go,
/// JavaScript and Python emit by default. All else is code that is seldom
/// used, and therefore seldom tested.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::COMPONENT_MODEL);

/// The one engine of a run.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    ticker: Ticker,
    /// What opens the connections of all plugins.
    pub(super) dialer: Dialer,
    /// Whether a compiler was left behind, still at work.
    pub(super) exhausted: Arc<AtomicBool>,
}

/// A plugin, compiled and linked.
#[derive(Clone)]
pub struct Plugin {
    pub(super) pre: ProbePre<State>,
    pub(super) engine: Engine,
    pub(super) name: Arc<str>,
}

fn broken(what: &str, error: &wasmtime::Error) -> Error {
    Error::new(Exit::PluginBroke, format!("{what}: {}", first_line(error)))
}

/// The innermost cause, one line: wasmtime's outer text is a back-trace.
pub(super) fn first_line(error: &wasmtime::Error) -> String {
    error
        .root_cause()
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

impl Engine {
    /// An engine with the settings that every attempt relies on.
    ///
    /// # Errors
    /// Where this machine cannot run compiled code.
    pub fn new() -> Result<Self> {
        let mut config = Config::new();
        config.wasm_features(!FEATURES, false);
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
        config.epoch_interruption(true);
        config.concurrency_support(false);
        // A probe runs for milliseconds: code that is compiled quickly beats
        // code that runs quickly.
        config.cranelift_opt_level(OptLevel::None);
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        // A probe's memory is small: it need not reserve the address space
        // that a large program would, and hardly any where it is rationed. One
        // that outgrows it is moved once: both places count while it is moved.
        let (reserved, for_growth) = match surroundings::is_address_space_rationed() {
            true => (0, 1 << 20),
            false => (16 << 20, limits::MEMORY as u64),
        };
        config.memory_reservation(reserved);
        config.memory_guard_size(64 << 10);
        config.memory_reservation_for_growth(for_growth);
        let engine = wasmtime::Engine::new(&config)
            .map_err(|error| broken("the engine cannot start", &error))?;
        Ok(Self {
            engine,
            ticker: Ticker::new(),
            dialer: Dialer::default(),
            exhausted: Arc::default(),
        })
    }

    /// Compiles and links a component; `name` is for messages.
    ///
    /// # Errors
    /// [`Exit::PluginRefused`] where the bytes are no component of the
    /// contract that this host speaks; [`Exit::PluginBroke`] where the system
    /// gives no threads to compile with.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Plugin> {
        let refused = |why: String| {
            Error::new(
                Exit::PluginRefused,
                format!("the plugin `{name}` was refused: {why}"),
            )
        };
        let component = self.compile(bytes).map_err(|refusal| match refusal {
            Refusal::Strange(why) => refused(format!("it is not a component: {why}")),
            Refusal::Excessive(why) => refused(why).hint(
                "no probe needs that much: build it for release, and do not use one \
                 whose source you do not know",
            ),
            Refusal::NoThreads(threads) => Error::new(
                Exit::PluginBroke,
                format!("the system gives no {threads} threads to compile with"),
            )
            .hint(surroundings::MORE),
        })?;
        let mut linker = Linker::new(&self.engine);
        Probe::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)
            .map_err(|error| broken("the contract cannot be linked", &error))?;
        let mut wants_wasi = false;
        for (import, _) in component.component_type().imports(&self.engine) {
            if import.starts_with("wasi:") {
                wants_wasi = true;
            } else if !import.starts_with(CONTRACT) {
                return Err(
                    refused(format!("it asks for `{import}`, which no probe is given")).hint(
                        "a probe may import waitfor:probe, and WASI 0.2 in its restricted form",
                    ),
                );
            }
        }
        if wants_wasi {
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)
                .map_err(|error| broken("WASI cannot be linked", &error))?;
        }
        let pre = linker
            .instantiate_pre(&component)
            .and_then(ProbePre::new)
            .map_err(|error| {
                refused(format!(
                    "it does not fit the contract: {}",
                    first_line(&error)
                ))
            })?;
        Ok(Plugin {
            pre,
            engine: self.clone(),
            name: Arc::from(name),
        })
    }

    /// Compiles within the bounds. The first component that breaks them is
    /// the last of this engine, since its compiler is still at work.
    fn compile(&self, bytes: &[u8]) -> std::result::Result<Component, Refusal> {
        structure::check(bytes).map_err(|what| Refusal::Excessive(format!("it {what}")))?;
        if self.exhausted.load(Ordering::Relaxed) {
            let why = "another one took too much to compile, and is still at it";
            return Err(Refusal::Excessive(why.to_owned()));
        }
        let engine = self.engine.clone();
        let bytes = bytes.to_vec();
        match watched(move || Component::from_binary(&engine, &bytes)) {
            Ok(compiled) => compiled.map_err(|error| Refusal::Strange(first_line(&error))),
            Err(Failure::Work(what)) => {
                self.exhausted.store(true, Ordering::Relaxed);
                Err(Refusal::Excessive(format!("compiling it {what}")))
            }
            Err(Failure::NoThreads(threads)) => Err(Refusal::NoThreads(threads)),
        }
    }
}

/// Why bytes are not compiled.
enum Refusal {
    /// They are no component of the kind that this engine takes.
    Strange(String),
    /// They are too much.
    Excessive(String),
    /// Nothing is wrong with them: the system gives no threads.
    NoThreads(usize),
}

impl Plugin {
    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A store for one use of the plugin, with all limits in force while the
    /// guard lives.
    pub(super) fn store(&self, state: State) -> (Store<State>, Guard) {
        let mut store = Store::new(&self.engine.engine, state);
        store.limiter(|state| &mut state.store_limits);
        store.set_hostcall_fuel(limits::COPIED);
        store.set_epoch_deadline(1);
        // Yielding lets the attempt's deadline be noticed while a guest
        // computes; only a guest that never asks for anything is trapped.
        store.epoch_deadline_callback(|mut context| {
            context.data_mut().tick()?;
            Ok(UpdateDeadline::Yield(1))
        });
        let guard = self.engine.ticker.guard(&self.engine.engine);
        (store, guard)
    }
}
