//! The command line: from arguments to a checked plan, before any plugin runs
//! an attempt and before anything is dialled.
//!
//! It takes two steps, since a probe's options are known only once its plugin
//! is loaded: [`parse`] looks at the form, and [`WaitRequest::plan`] asks the
//! probes in play for their options, reads every target and checks every
//! value.

mod address;
mod commands;
mod duration;
mod endpoint;
mod environment;
mod help;
mod keywords;
mod names;
pub(crate) mod options;
mod parser;
mod pgpass;
mod plan;
mod plugin_commands;
mod redact;
mod resolve;
mod routing;
mod scan;
mod settings;
mod suggest;
mod target;
#[cfg(test)]
mod tests;
mod url;
pub(crate) mod values;

use std::ffi::OsString;
use std::fmt;

use crate::description::Description;
use crate::error::Result;
use crate::model::Job;
use crate::report::OutputSettings;
use crate::secret::{Public, Secret};
use crate::wait::WaitSettings;

pub use environment::{Environment, SystemEnvironment};
pub use help::HelpRequest;
pub use plugin_commands::{PluginCommand, Publication, RegistryChoice, Statement};
pub use settings::SupplyOptions;

use names::Named;
use scan::Scan;
use settings::Options;

/// The plugins that are at hand.
pub trait Probes {
    /// Their names, sorted.
    fn names(&self) -> Vec<String>;

    /// The URL schemes that they answer to, sorted.
    fn schemes(&self) -> Vec<String>;

    /// The name of the plugin that answers to a scheme.
    fn by_scheme(&self, scheme: &str) -> Option<String>;

    /// The plugins that the project wants and that are not at hand, so that
    /// their schemes are not known.
    fn wanting(&self) -> Vec<String> {
        Vec::new()
    }

    /// What a plugin says of itself, where that costs no download.
    fn peek(&self, name: &str) -> Option<Description> {
        let described = self.describe(name, None);
        described.ok().map(|(_, description)| description)
    }

    /// What a plugin says of itself, and its index among the loaded plugins;
    /// `requirement` is what follows the `@` of its name.
    ///
    /// # Errors
    /// [`Exit::PluginRefused`](crate::exit::Exit::PluginRefused) where there
    /// is no such plugin or version.
    fn describe(&self, name: &str, requirement: Option<&str>) -> Result<(usize, Description)>;
}

/// What the arguments ask for.
#[derive(Debug)]
pub enum Invocation {
    /// To print [`HelpRequest::text`].
    Help(HelpRequest),
    /// To print the version.
    Version,
    /// `plugin …`.
    Plugin {
        /// Which of its commands.
        command: PluginCommand,
        /// Where plugins come from.
        supply: SupplyOptions,
        /// What to print.
        output: OutputSettings,
    },
    /// `demo`.
    Demo {
        /// What to print.
        output: OutputSettings,
    },
    /// To wait.
    Wait(WaitRequest),
}

/// A request to wait, its options not yet understood.
pub struct WaitRequest {
    scan: Scan,
    name: Option<Named>,
    supply: SupplyOptions,
}

impl fmt::Debug for WaitRequest {
    /// Without the arguments: a password may be among them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WaitRequest")
            .finish_non_exhaustive()
    }
}

impl WaitRequest {
    /// Where the plugins come from that the request needs.
    pub fn supply(&self) -> &SupplyOptions {
        &self.supply
    }

    /// Understands and checks everything.
    ///
    /// # Errors
    /// [`Exit::Usage`](crate::exit::Exit::Usage) for whatever the user must
    /// change, and the errors of [`Probes::describe`]. No error repeats a
    /// secret.
    pub fn plan(&self, probes: &dyn Probes, environment: &dyn Environment) -> Result<Plan> {
        if let Some(named) = &self.name
            && named.requirement.is_none()
            && !named.name.contains('/')
            && !probes.names().contains(&named.name)
        {
            return Err(routing::unknown_word(&named.name, probes));
        }
        plan::plan(&self.scan, self.name.as_ref(), probes, environment)
    }
}

/// All that is needed to wait.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One for each target, at least one, in the user's order.
    pub jobs: Vec<Job>,
    /// How to wait.
    pub wait: WaitSettings,
    /// What to print.
    pub output: OutputSettings,
    /// The command to run afterwards, as given; empty for none.
    pub command: Vec<OsString>,
    /// What the user should know, one line each.
    pub warnings: Vec<String>,
    /// What no label shows, since only the service knows whether it is secret:
    /// the values in the query of an HTTP request.
    pub hidden: Vec<Secret>,
}

impl Plan {
    /// Every secret, for the scrubber.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let given = self.jobs.iter().flat_map(|job| job.secrets.values());
        given.flatten().chain(&self.hidden)
    }

    /// What is no secret, although it may be the same as one.
    pub fn public(&self) -> Public {
        let mut public = Public::default();
        for job in &self.jobs {
            public.shown(&job.label);
            public.named(&job.plugin_name);
            public.named(&job.scheme);
            for address in &job.addresses {
                public.shown(&address.to_string());
            }
            for value in job.values.values().flatten() {
                public.named(value);
            }
        }
        public
    }
}

/// Looks at the arguments, without the program's name.
///
/// # Errors
/// [`Exit::Usage`](crate::exit::Exit::Usage), for the commands other than
/// waiting.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    environment: &dyn Environment,
) -> Result<Invocation> {
    let mut scan = Scan::of(args);
    if let Some(invocation) = commands::parse(&scan, environment)? {
        return Ok(invocation);
    }
    let name = scan.first().and_then(names::read);
    if name.is_some() {
        scan.drop_first();
    }
    let supply = supply(&scan, environment);
    if scan.help {
        // Help is for those who got something wrong: it is shown all the same.
        let supply = supply.unwrap_or_default();
        return Ok(Invocation::Help(HelpRequest::for_scan(&scan, name, supply)));
    }
    if scan.version {
        return Ok(Invocation::Version);
    }
    Ok(Invocation::Wait(WaitRequest {
        scan,
        name,
        supply: supply?,
    }))
}

/// Where plugins come from, known before any of them is asked for its options.
fn supply(scan: &Scan, environment: &dyn Environment) -> Result<SupplyOptions> {
    let matches = parser::parse(parser::supply_command(), &scan.supply, &|_| Vec::new())?;
    Options::new(&matches, environment).supply()
}
