//! The engine, and a plugin that it has compiled and linked: ready for as
//! many attempts as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use waitfor_native::{Use, settings};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Store, UpdateDeadline};

use super::bindings::{Probe, ProbePre};
use super::identity::Identity;
use super::native::{Native, allow_in_place};
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

fn refused(name: &str, why: String) -> Error {
    Error::new(
        Exit::PluginRefused,
        format!("the plugin `{name}` was refused: {why}"),
    )
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
        let purpose = match surroundings::is_address_space_rationed() {
            true => Use::Rationed,
            false => Use::Here,
        };
        let engine = settings(purpose)
            .and_then(|mut settings| {
                allow_in_place(&mut settings);
                wasmtime::Engine::new(&settings)
            })
            .map_err(|error| broken("the engine cannot start", &error))?;
        Ok(Self {
            engine,
            ticker: Ticker::new(),
            dialer: Dialer::default(),
            exhausted: Arc::default(),
        })
    }

    /// Sees to it that a guest which computes for too long will be noticed.
    ///
    /// # Errors
    /// [`Exit::PluginBroke`] where the system gives no thread for that.
    pub(super) fn watch(&self) -> Result<()> {
        self.ticker.start(&self.engine).map_err(|_| {
            Error::new(
                Exit::PluginBroke,
                "the system gives none of the threads that watch a plugin",
            )
            .hint(surroundings::MORE)
        })
    }

    /// What the code that it makes depends on beside the component.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.engine)
    }

    /// Links a component that was compiled earlier; `name` is for messages.
    /// None where this engine does not take the code.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn revive(&self, name: &str, code: Native<'_>) -> Result<Option<Plugin>> {
        let component = code.revive(&self.engine);
        component
            .map(|component| self.link(name, &component))
            .transpose()
    }

    /// Compiles and links a component; `name` is for messages.
    ///
    /// # Errors
    /// [`Exit::PluginRefused`] where the bytes are no component of the
    /// contract that this host speaks; [`Exit::PluginBroke`] where the system
    /// gives no threads to compile with.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Plugin> {
        let component = self.compile(bytes).map_err(|refusal| match refusal {
            Refusal::Strange(why) => refused(name, format!("it is not a component: {why}")),
            Refusal::Excessive(why) => refused(name, why).hint(
                "no probe needs that much: build it for release, and do not use one \
                 whose source you do not know",
            ),
            Refusal::NoThreads(threads) => Error::new(
                Exit::PluginBroke,
                format!("the system gives no {threads} threads to compile with"),
            )
            .hint(surroundings::MORE),
        })?;
        self.link(name, &component)
    }

    fn link(&self, name: &str, component: &Component) -> Result<Plugin> {
        let mut linker = Linker::new(&self.engine);
        Probe::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)
            .map_err(|error| broken("the contract cannot be linked", &error))?;
        let mut wants_wasi = false;
        for (import, _) in component.component_type().imports(&self.engine) {
            if import.starts_with("wasi:") {
                wants_wasi = true;
            } else if !import.starts_with(CONTRACT) {
                let why = format!("it asks for `{import}`, which no probe is given");
                return Err(refused(name, why).hint(
                    "a probe may import waitfor:probe, and WASI 0.2 in its restricted form",
                ));
            }
        }
        if wants_wasi {
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)
                .map_err(|error| broken("WASI cannot be linked", &error))?;
        }
        let pre = linker
            .instantiate_pre(component)
            .and_then(ProbePre::new)
            .map_err(|error| {
                let why = format!("it does not fit the contract: {}", first_line(&error));
                refused(name, why)
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

    /// Its code, to be [revived](Engine::revive) later; none where the engine
    /// does not give it away.
    pub fn code(&self) -> Option<Vec<u8>> {
        self.pre.instance_pre().component().serialize().ok()
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
