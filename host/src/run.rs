//! Puts the parts together: from the command line to the exit code.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
use waitfor_registry::interrupt;

use crate::catalogue::{Catalogue, Loaded, refused};
use crate::cli::{self, Invocation, Plan, SystemEnvironment, WaitRequest};
use crate::engine::attempt::Notes;
use crate::engine::{Plugin, Vain};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Job, Verdict};
use crate::net::tls::Trust;
use crate::report::{self, Notice, Out, clean};
use crate::secret::Scrubber;
use crate::wait::{self, Attempt, LogLine, Road, TargetInfo};
use crate::{command, demo, plugins, signals, surroundings};

/// Runs the program; `arguments` come without the program's name.
///
/// # Errors
/// What the user must be told before the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Exit> {
    let environment = SystemEnvironment;
    match cli::parse(arguments, &environment)? {
        Invocation::Version => print(concat!("waitfor ", env!("CARGO_PKG_VERSION"))),
        Invocation::Help(request) => {
            // Help is for those who got something wrong: it is shown all the same.
            let catalogue = match Catalogue::open(request.supply()) {
                Ok(catalogue) => catalogue,
                Err(_) => Catalogue::official()?,
            };
            print(request.text(&catalogue)?.trim_end())
        }
        Invocation::Plugin {
            command,
            supply,
            output,
        } => {
            let answer = plugins::run(&command, &supply, &output)?;
            if !answer.text.is_empty() {
                print(&answer.text)?;
            }
            answer.failure.map_or(Ok(Exit::Ready), Err)
        }
        Invocation::Demo { output } => {
            let catalogue = Catalogue::official()?;
            let exit = demo::run(&catalogue, &output);
            catalogue.leave();
            exit
        }
        Invocation::Wait(request) => wait(&request, &environment),
    }
}

/// Prints an answer to standard output.
fn print(text: &str) -> Result<Exit> {
    let mut out = Out::stdout();
    out.line(text);
    match out.finish() {
        Ok(()) => Ok(Exit::Ready),
        Err(error) => Err(Error::usage(format!(
            "cannot write to standard output: {}",
            crate::net::fault::plain(&error)
        ))),
    }
}

fn wait(request: &WaitRequest, environment: &SystemEnvironment) -> Result<Exit> {
    let catalogue = Catalogue::open(request.supply())?;
    let supply = catalogue.supply();
    let fit = supply.check_files().and_then(|()| supply.check_locked());
    fit.map_err(|error| refused(&error))?;
    let plan = request.plan(&catalogue, environment)?;
    let scrubber = scrubber(&catalogue, &plan);
    let exit = waited(&catalogue, &plan, scrubber);
    catalogue.leave();
    match exit? {
        Exit::Ready if !plan.command.is_empty() => Err(command::replace_process(&plan.command)),
        exit => Ok(exit),
    }
}

fn waited(catalogue: &Catalogue, plan: &Plan, scrubber: Scrubber) -> Result<Exit> {
    surroundings::can_ask(plan.jobs.len())?;
    let mut targets = Vec::with_capacity(plan.jobs.len());
    for job in &plan.jobs {
        targets.push(target(catalogue, job, &scrubber)?);
    }
    let mut reporter = report::reporter(&plan.output);
    for notice in notices(catalogue, plan) {
        reporter.notice(&notice);
    }
    // The report comes before the end that a signal asks for.
    let _held = interrupt::hold();
    let outcome = catalogue.runtime().block_on(wait::run(
        targets,
        &plan.wait,
        reporter.as_mut(),
        signals::interrupts(),
    ));
    Ok(outcome.exit)
}

/// Blanks the plan's secrets, but for what a report would say anyway.
pub fn scrubber(catalogue: &Catalogue, plan: &Plan) -> Scrubber {
    let mut public = plan.public();
    let plugins: BTreeSet<usize> = plan.jobs.iter().map(|job| job.plugin).collect();
    for loaded in plugins
        .iter()
        .filter_map(|plugin| catalogue.loaded(*plugin))
    {
        public.component(loaded.component);
    }
    Scrubber::new(plan.secrets(), public)
}

/// What the user should know before the wait: of the command line, and of the
/// plugins in play, each once.
fn notices(catalogue: &Catalogue, plan: &Plan) -> Vec<Notice> {
    let mut notices: Vec<Notice> = plan.warnings.iter().cloned().map(Notice::Warning).collect();
    notices.extend(catalogue.notices());
    let plugins: BTreeSet<usize> = plan.jobs.iter().map(|job| job.plugin).collect();
    for plugin in plugins {
        notices.extend(catalogue.loaded(plugin).iter().flat_map(Loaded::notices));
    }
    notices
}

/// A target that is fit to be asked: its parameters and files have been
/// judged offline.
///
/// # Errors
/// What must be mended before an attempt makes sense.
pub fn target(catalogue: &Catalogue, job: &Job, scrubber: &Scrubber) -> Result<Target> {
    let Some(loaded) = catalogue.loaded(job.plugin) else {
        return Err(Error::new(
            Exit::PluginRefused,
            format!("the plugin `{}` is not loaded", job.plugin_name),
        ));
    };
    let plugin = catalogue.plugin(&loaded)?;
    let trust = Trust::new(job.tls.clone());
    trust.check()?;
    let job = Arc::new(job.clone());
    let notes = Notes::without(scrubber.clone());
    let judged = plugin.validate(&job, &notes);
    let misuse = catalogue.runtime().block_on(judged)?;
    if let Some(Verdict::Misconfigured { reason, hint, .. }) = misuse {
        let error = Error::usage(format!("{}: {}", job.label, clean(&reason)));
        return Err(match hint {
            Some(hint) => error.hint(clean(&hint)),
            None => error,
        });
    }
    Ok(Target {
        info: TargetInfo {
            label: job.label.clone(),
            plugin: job.plugin_name.clone(),
            version: loaded.chosen.plugin.version.to_string(),
            sha256: loaded.chosen.plugin.component.hex(),
            local: wait::is_local(&job.addresses),
        },
        plugin,
        job,
        trust: Arc::new(trust),
        notes: RefCell::default(),
        vain: RefCell::default(),
        scrubber: scrubber.clone(),
    })
}

/// A target and the plugin that asks it.
pub struct Target {
    info: TargetInfo,
    plugin: Plugin,
    job: Arc<Job>,
    trust: Arc<Trust>,
    notes: RefCell<Notes>,
    /// What need not be asked again before something has changed.
    vain: RefCell<Option<Vain>>,
    scrubber: Scrubber,
}

impl Attempt for Target {
    fn target(&self) -> &TargetInfo {
        &self.info
    }

    async fn attempt(&self, deadline: Instant) -> Verdict {
        let notes = Notes::without(self.scrubber.clone());
        self.notes.replace(notes.clone());
        let left = deadline.saturating_duration_since(Instant::now());
        let until = deadline - wait::CLOSING.min(left / 2);
        let mut vain = self.vain.take();
        let verdict = self
            .plugin
            .check(&self.job, &self.trust, &notes, until, &mut vain)
            .await;
        self.vain.replace(vain);
        verdict
    }

    fn road(&self) -> Road {
        let (lookup, connect) = self.notes.borrow().road();
        Road { lookup, connect }
    }

    fn at_once() -> usize {
        surroundings::at_once()
    }

    fn cpu_time(&self) -> Option<Duration> {
        let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
        Some(used.into())
    }

    fn logs(&self) -> Vec<LogLine> {
        let logs = self.notes.take().logs();
        logs.into_iter()
            .map(|(level, text)| LogLine { level, text })
            .collect()
    }
}
