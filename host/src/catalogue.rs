//! The plugins of a run: which there are, which version of each is taken, and
//! what they say of themselves. Each is loaded when it is first asked for.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::env;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Runtime;
use waitfor_registry::Error as Failure;
use waitfor_registry::component::{self, Probe};
use waitfor_registry::supply::{Chosen, Options, Origin, Refusal};
use waitfor_registry::toml_file::Role;
use waitfor_registry::{Digest, Name, PluginRef, Reference, SPOKEN, Standing, Supply, Version};

use crate::cache::{Cache, Swept};
use crate::cli::{Probes, SupplyOptions};
use crate::description::Description;
use crate::engine::native::Native;
use crate::engine::{Engine, Plugin};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::net::fault::plain;
use crate::official::{self, OFFICIAL};
use crate::report::{Notice, human};
use crate::secret;
use crate::surroundings;

/// The plugins of a run.
pub struct Catalogue {
    supply: Supply,
    routable: OnceCell<(Vec<Chosen>, Option<String>)>,
    looked_up: OnceCell<Vec<Chosen>>,
    runtime: Runtime,
    engine: OnceCell<Engine>,
    cache: Cache,
    /// How each plugin came by its code, for those who look into it.
    details: RefCell<Vec<String>>,
    loaded: RefCell<Vec<Loaded>>,
    described: RefCell<HashMap<String, (usize, Description)>>,
}

/// A plugin that this run uses.
#[derive(Clone)]
pub struct Loaded {
    /// What was chosen.
    pub chosen: Chosen,
    /// Where its bytes came from.
    pub origin: Origin,
    /// The bytes themselves.
    pub component: secret::Component,
    /// What was compiled and linked, once it is needed.
    plugin: Rc<OnceCell<Plugin>>,
    warnings: Vec<String>,
}

impl Loaded {
    /// What the user should know of it before it is used.
    pub fn notices(&self) -> Vec<Notice> {
        let plugin = &self.chosen.plugin;
        let mut notices: Vec<Notice> = self
            .chosen
            .warnings
            .iter()
            .chain(&self.warnings)
            .cloned()
            .map(Notice::Warning)
            .collect();
        if let Some(said) = said_of(&plugin.name, &plugin.version, &self.chosen.standing) {
            notices.push(Notice::Warning(format!(
                "{said}; `waitfor plugin outdated` shows what to take instead"
            )));
        }
        notices.extend(self.chosen.note().map(Notice::Note));
        notices
    }
}

/// What its publisher has said of a version; none where it stands well.
pub fn said_of(name: &Name, version: &Version, standing: &Standing) -> Option<String> {
    let reason = standing.reason()?;
    let said = if standing.is_yanked() {
        "was yanked"
    } else {
        "is deprecated"
    };
    Some(format!("{name} {version} {said}: {reason}"))
}

/// The error for a plugin that is not to be had. A configuration that cannot
/// be used is a mistake of the user's like any other.
pub fn refused(error: &Failure) -> Error {
    let exit = match error {
        Failure::Unusable(file) if file.role == Role::Config => Exit::Usage,
        Failure::Refused(refusal) if matches!(**refusal, Refusal::NoFile { .. }) => Exit::Usage,
        _ => Exit::PluginRefused,
    };
    let refused = Error::new(exit, error.to_string());
    match error.hint() {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}

impl Catalogue {
    /// The plugins of the project around the current folder; none is loaded
    /// yet.
    ///
    /// # Errors
    /// Where configuration or lock cannot be used, or the system gives no
    /// runtime.
    pub fn open(options: &SupplyOptions) -> Result<Self> {
        let cache = match options.no_native_cache {
            true => Cache::off(),
            false => Cache::of_user(),
        };
        let options = Options {
            locked: options.locked,
            offline: options.offline,
            config: options.config.clone(),
            lock_file: options.lock_file.clone(),
            store: options.store.clone(),
            timeout: options.network_timeout,
        };
        let folder = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let supply = Supply::open(OFFICIAL, options, &folder).map_err(|error| refused(&error))?;
        Self::of(supply, cache)
    }

    /// The official plugins alone, whatever the current folder holds.
    ///
    /// # Errors
    /// Where the system gives no runtime.
    pub fn official() -> Result<Self> {
        Self::of(Supply::official_only(OFFICIAL), Cache::off())
    }

    fn of(supply: Supply, cache: Cache) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(
                    Exit::PluginBroke,
                    format!("the runtime cannot start: {}", plain(&error)),
                )
                .hint(surroundings::MORE)
            })?;
        Ok(Self {
            supply,
            routable: OnceCell::new(),
            looked_up: OnceCell::new(),
            runtime,
            engine: OnceCell::new(),
            cache,
            details: RefCell::default(),
            loaded: RefCell::default(),
            described: RefCell::default(),
        })
    }

    /// Where the plugins come from.
    pub fn supply(&self) -> &Supply {
        &self.supply
    }

    /// As [`Catalogue::supply`], for those who edit the project.
    pub fn supply_mut(&mut self) -> &mut Supply {
        &mut self.supply
    }

    /// The runtime that plugins and sockets run on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Leaves all of it to the end of the process, which is near: the system
    /// takes everything back at once, while we would do it piece by piece and
    /// wait for name look-ups under way, which cannot be interrupted. What is
    /// to be kept is written to its end.
    pub fn leave(self) {
        self.cache.finish();
        std::mem::forget(self);
    }

    /// What is at hand, by name.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn at_hand(&self) -> Result<Vec<Chosen>> {
        self.supply
            .at_hand_all(true)
            .map_err(|error| refused(&error))
    }

    /// What a scheme can mean, and why that may not be all.
    fn routable(&self) -> &(Vec<Chosen>, Option<String>) {
        self.routable.get_or_init(|| {
            let found = self.supply.routable();
            found.unwrap_or_else(|error| (Vec::new(), Some(error.to_string())))
        })
    }

    /// What the configuration wants and no lock holds, looked up in the
    /// registries: once, however often a scheme is asked about.
    fn looked_up(&self) -> &[Chosen] {
        self.looked_up.get_or_init(|| {
            let wanting = self.supply.wanting().unwrap_or_default();
            let choose = |name| self.supply.choose(name, &Reference::Newest).ok();
            wanting.iter().filter_map(choose).collect()
        })
    }

    /// What went wrong on the side, and how the plugins came by their code.
    pub fn notices(&self) -> Vec<Notice> {
        let known = self.routable.get();
        let problem = known.and_then(|(_, problem)| problem.as_ref());
        let text =
            |problem| format!("{problem}; only what is locked and the official probes are known");
        problem
            .map(|problem| Notice::Warning(text(problem)))
            .into_iter()
            .chain(self.details())
            .collect()
    }

    /// A plugin that [`Probes::describe`] has loaded.
    pub fn loaded(&self, index: usize) -> Option<Loaded> {
        self.loaded.borrow().get(index).cloned()
    }

    /// The version that `name` and `requirement` mean.
    ///
    /// # Errors
    /// [`Exit::PluginRefused`] where there is none.
    pub fn find(&self, name: &str, requirement: Option<&str>) -> Result<Chosen> {
        let wanted = match requirement {
            Some(requirement) => format!("{name}@{requirement}"),
            None => name.to_owned(),
        };
        let parsed: PluginRef = wanted.parse().map_err(|error| refused(&error))?;
        if parsed.reference == Reference::Newest
            && let Some(known) = self.looked_up.get()
            && let Some(chosen) = known.iter().find(|one| one.plugin.name == parsed.name)
        {
            return Ok(chosen.clone());
        }
        self.supply
            .choose(&parsed.name, &parsed.reference)
            .map_err(|error| refused(&error))
    }

    /// Looks through a component of others', compiles it, and asks it in the
    /// sandbox what it takes; `name` is for messages.
    ///
    /// # Errors
    /// Where it is no component of this contract, breaks, or describes itself
    /// wrongly.
    pub fn introduce(&self, name: &str, bytes: &[u8]) -> Result<(Plugin, Description)> {
        self.inspect(name, bytes)?;
        self.make(name, &Digest::of(bytes), bytes)
    }

    /// Does what a run of a component would do before its first attempt, so
    /// that the run finds it done; where nothing is kept, there is nothing to
    /// do.
    ///
    /// # Errors
    /// As [`Catalogue::introduce`].
    pub fn warm(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let component = Digest::of(bytes);
        if self.cache.is_off() || official::ready(&component).is_some() {
            return Ok(());
        }
        self.inspect(name, bytes)?;
        self.make(name, &component, bytes).map(drop)
    }

    /// The plugin of a component with this digest, and what it says of itself:
    /// as it was kept, or compiled and asked.
    fn make(&self, name: &str, component: &Digest, bytes: &[u8]) -> Result<(Plugin, Description)> {
        let engine = self.engine()?;
        let identity = engine.identity();
        let mut doubt = String::new();
        match self.cache.find(&identity, component) {
            Ok(Some(entry)) => {
                if let Ok(Some(plugin)) = engine.revive(name, Native::kept(&entry)) {
                    let said = entry.description().clone();
                    self.detail(format!(
                        "the compiled code of {name} was kept by an earlier run"
                    ));
                    return Ok((plugin, Description::from_raw(name, said)?));
                }
                self.cache.forget(&identity, component);
                doubt = ", since the engine does not take what was kept".to_owned();
            }
            Ok(None) => {}
            Err(why) => doubt = format!(", since {why}"),
        }
        let started = Instant::now();
        let plugin = engine.load(name, bytes)?;
        let said = self.runtime.block_on(plugin.describe())?;
        let description = Description::from_raw(name, said.clone())?;
        let took = human(started.elapsed());
        self.detail(format!("{name} was compiled in {took}{doubt}"));
        if !self.cache.is_off()
            && let Some(code) = plugin.code()
        {
            self.cache.keep(&identity, component, &said, code);
        }
        Ok((plugin, description))
    }

    /// How each plugin came by its code, so far.
    pub fn details(&self) -> Vec<Notice> {
        let details = self.details.borrow();
        details.iter().cloned().map(Notice::Detail).collect()
    }

    /// Removes compiled code that is of no use any more, and that of the
    /// components that are `gone`.
    ///
    /// # Errors
    /// Where the machine gives too little for an engine.
    pub fn sweep(&self, gone: &[Digest], dry_run: bool) -> Result<Swept> {
        if self.cache.is_empty() {
            return Ok(Swept::default());
        }
        let identity = self.engine()?.identity();
        Ok(self.cache.sweep(&identity, gone, dry_run))
    }

    fn detail(&self, text: String) {
        self.details.borrow_mut().push(text);
    }

    /// The engine, started when it is first needed.
    fn engine(&self) -> Result<&Engine> {
        if let Some(engine) = self.engine.get() {
            return Ok(engine);
        }
        surroundings::prepare()?;
        let engine = Engine::new()?;
        Ok(self.engine.get_or_init(|| engine))
    }

    /// The code of a plugin that was loaded.
    ///
    /// # Errors
    /// Where the machine gives too little.
    pub fn plugin(&self, loaded: &Loaded) -> Result<Plugin> {
        if let Some(plugin) = loaded.plugin.get() {
            return Ok(plugin.clone());
        }
        let name = loaded.chosen.plugin.name.as_str();
        let component = &loaded.chosen.plugin.component;
        let code = official::ready(component)
            .and_then(official::Ready::code)
            .map(Native::built_in);
        let engine = self.engine()?;
        let revived = match code {
            Some(code) => engine.revive(name, code)?,
            None => None,
        };
        let plugin = match revived {
            Some(plugin) => plugin,
            None => self.make(name, component, &loaded.component)?.0,
        };
        Ok(loaded.plugin.get_or_init(|| plugin).clone())
    }

    /// Looks through a component without compiling it, since the engine trusts
    /// what it reads more than a stranger deserves: whether it is a probe, and
    /// one that this host can run.
    ///
    /// # Errors
    /// Where it is not.
    pub fn inspect(&self, name: &str, bytes: &[u8]) -> Result<Probe> {
        let refused = |why: String| {
            Error::new(
                Exit::PluginRefused,
                format!("the plugin `{name}` was refused: {why}"),
            )
        };
        let probe = component::inspect(bytes).map_err(|error| {
            let refused = refused(error.to_string());
            match error.hint() {
                Some(hint) => refused.hint(hint),
                None => refused,
            }
        })?;
        if !SPOKEN.speaks(probe.abi) {
            return Err(refused(format!(
                "it needs waitfor:probe {}, and this waitfor {} speaks {SPOKEN}",
                probe.abi,
                env!("CARGO_PKG_VERSION")
            ))
            .hint("install a newer waitfor, or use an older version of the plugin"));
        }
        Ok(probe)
    }

    /// Loads a plugin and asks what it takes; the number is for
    /// [`Catalogue::loaded`].
    ///
    /// # Errors
    /// Where its bytes are not to be had, or it is no probe of this contract.
    pub fn load(&self, chosen: Chosen) -> Result<(usize, Description)> {
        let supplied = self
            .supply
            .bytes(&chosen)
            .map_err(|error| refused(&error))?;
        let name = chosen.plugin.name.as_str();
        // The digest of the bytes was verified: what was made of them holds
        // wherever they came from.
        let made = official::ready(&chosen.plugin.component);
        let (plugin, description) = match made.and_then(official::Ready::description) {
            Some(description) => (OnceCell::new(), description),
            None => {
                if supplied.origin != Origin::Official {
                    self.inspect(name, &supplied.bytes)?;
                }
                let component = &chosen.plugin.component;
                let (plugin, description) = self.make(name, component, &supplied.bytes)?;
                (OnceCell::from(plugin), description)
            }
        };
        let mut loaded = self.loaded.borrow_mut();
        loaded.push(Loaded {
            chosen,
            origin: supplied.origin,
            component: Arc::new(supplied.bytes),
            plugin: Rc::new(plugin),
            warnings: supplied.warnings,
        });
        Ok((loaded.len() - 1, description))
    }
}

impl Probes for Catalogue {
    fn names(&self) -> Vec<String> {
        let (all, _) = self.routable();
        let mut names: Vec<String> = all.iter().map(|one| one.plugin.name.to_string()).collect();
        names.sort();
        names
    }

    fn schemes(&self) -> Vec<String> {
        let (all, _) = self.routable();
        let mut seen = BTreeSet::new();
        all.iter()
            .flat_map(|chosen| chosen.plugin.schemes.clone())
            .filter(|scheme| seen.insert(scheme.clone()))
            .collect()
    }

    fn by_scheme(&self, scheme: &str) -> Option<String> {
        let answers = |chosen: &Chosen| chosen.plugin.schemes.iter().any(|known| known == scheme);
        let (all, _) = self.routable();
        if let Some(chosen) = all.iter().find(|chosen| answers(chosen)) {
            return Some(chosen.plugin.name.to_string());
        }
        let mut wanted = self.looked_up().iter();
        wanted
            .find(|chosen| answers(chosen))
            .map(|chosen| chosen.plugin.name.to_string())
    }

    fn wanting(&self) -> Vec<String> {
        let wanting = self.supply.wanting().unwrap_or_default();
        wanting.iter().map(ToString::to_string).collect()
    }

    fn peek(&self, name: &str) -> Option<Description> {
        let (all, _) = self.routable();
        let chosen = all.iter().find(|one| one.plugin.name.as_str() == name)?;
        // A slip of the pen is no reason to download anything.
        self.supply.at_hand(&chosen.plugin).ok().flatten()?;
        self.describe(name, None)
            .ok()
            .map(|(_, description)| description)
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
