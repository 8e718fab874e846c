//! The plugins at hand: the official ones inside the binary, each compiled
//! when it is first asked for.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use tokio::runtime::Runtime;
use waitfor_registry::{Name, PluginRef, Published, Reference, resolve_among};

use crate::cli::Probes;
use crate::description::Description;
use crate::engine::{Engine, Plugin};
use crate::error::{Error, Result};
use crate::exit::Exit;

include!(concat!(env!("OUT_DIR"), "/official.rs"));

/// The plugins of a run.
pub struct Catalogue {
    published: Vec<Published>,
    runtime: Runtime,
    engine: OnceCell<Engine>,
    loaded: RefCell<Vec<Loaded>>,
    described: RefCell<HashMap<String, (usize, Description)>>,
}

/// A plugin that this run uses.
#[derive(Clone)]
pub struct Loaded {
    /// What was published.
    pub published: Published,
    /// What was compiled.
    pub plugin: Plugin,
}

fn refused(error: &waitfor_registry::Error) -> Error {
    let refused = Error::new(Exit::PluginRefused, error.to_string());
    match error.hint() {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}

impl Catalogue {
    /// The official plugins; none is compiled yet.
    ///
    /// # Errors
    /// Where the embedded layout does not hold together, or the system gives
    /// no runtime.
    pub fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(
                    Exit::PluginBroke,
                    format!("the runtime cannot start: {error}"),
                )
            })?;
        Ok(Self {
            published: OFFICIAL.published().map_err(|error| refused(&error))?,
            runtime,
            engine: OnceCell::new(),
            loaded: RefCell::default(),
            described: RefCell::default(),
        })
    }

    /// The runtime that plugins and sockets run on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Lets go of the runtime without waiting for name look-ups under way:
    /// the system's resolver cannot be interrupted.
    pub fn close(self) {
        self.runtime.shutdown_background();
    }

    /// All plugins, by name and version.
    pub fn published(&self) -> &[Published] {
        &self.published
    }

    /// A plugin that [`Probes::describe`] has loaded.
    pub fn loaded(&self, index: usize) -> Option<Loaded> {
        self.loaded.borrow().get(index).cloned()
    }

    /// The version that `name` and `requirement` mean.
    ///
    /// # Errors
    /// [`Exit::PluginRefused`] where there is none.
    pub fn find(&self, name: &str, requirement: Option<&str>) -> Result<&Published> {
        let wanted = match requirement {
            Some(requirement) => format!("{name}@{requirement}"),
            None => name.to_owned(),
        };
        let parsed: PluginRef = wanted.parse().map_err(|error| refused(&error))?;
        resolve_among(&self.published, &parsed.name, &parsed.reference).map_err(|error| refused(&error))
    }

    /// Loads a plugin and asks what it takes.
    fn load(&self, published: &Published) -> Result<(usize, Description)> {
        let bytes = OFFICIAL
            .component(published)
            .map_err(|error| refused(&error))?;
        let engine = match self.engine.get() {
            Some(engine) => engine,
            None => {
                let engine = Engine::new()?;
                self.engine.get_or_init(|| engine)
            }
        };
        let plugin = engine.load(&published.name.to_string(), bytes)?;
        let description = self.runtime.block_on(plugin.describe())?;
        let mut loaded = self.loaded.borrow_mut();
        loaded.push(Loaded {
            published: published.clone(),
            plugin,
        });
        Ok((loaded.len() - 1, description))
    }

    fn newest(&self) -> impl Iterator<Item = &Published> {
        let mut names: Vec<&Name> = self
            .published
            .iter()
            .map(|published| &published.name)
            .collect();
        names.dedup();
        names
            .into_iter()
            .filter_map(|name| resolve_among(&self.published, name, &Reference::Newest).ok())
    }
}

impl Probes for Catalogue {
    fn names(&self) -> Vec<String> {
        self.newest()
            .map(|published| published.name.to_string())
            .collect()
    }

    fn schemes(&self) -> Vec<String> {
        self.newest()
            .flat_map(|published| published.schemes.clone())
            .collect()
    }

    fn by_scheme(&self, scheme: &str) -> Option<String> {
        self.newest()
            .find(|published| published.schemes.iter().any(|known| known == scheme))
            .map(|published| published.name.to_string())
    }

    fn describe(&self, name: &str, requirement: Option<&str>) -> Result<(usize, Description)> {
        let key = format!("{name}@{}", requirement.unwrap_or_default());
        if let Some(known) = self.described.borrow().get(&key) {
            return Ok(known.clone());
        }
        let described = self.load(self.find(name, requirement)?)?;
        self.described.borrow_mut().insert(key, described.clone());
        Ok(described)
    }
}
