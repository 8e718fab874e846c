//! One use of a plugin: an attempt at its target, or a question that needs
//! no target. Whatever the guest does, an answer comes back in time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use waitfor_native::{RawDescription, RawParam, RawScheme};
use wasmtime::Trap;
use wasmtime::component::{Resource, ResourceTableError};
use wasmtime_wasi::I32Exit;

use super::bindings::exports::waitfor::probe::probing as wit;
use super::knock::{Knocked, Vain};
use super::limits;
use super::net::Budget;
use super::plugin::{Plugin, first_line};
pub use super::state::Notes;
use super::state::{Endpoint, State};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Job, TlsSettings, Verdict};
use crate::net::policy::NamedBy;
use crate::net::tls::Trust;

/// A failure of the guest, before it is known what it means to the user.
enum Failure {
    /// Its time was over; whether that is because it computed.
    OutOfTime { overdue: bool },
    /// A trap or a budget.
    Trapped { code: &'static str, reason: String },
}

impl Plugin {
    /// One attempt, which begins with a knock where the last one was in
    /// `vain`, and says there whether it was in vain itself. It ends by
    /// `deadline` and by the job's attempt timeout, whatever server and plugin
    /// do.
    pub async fn check(
        &self,
        job: &Arc<Job>,
        trust: &Arc<Trust>,
        notes: &Notes,
        deadline: Instant,
        vain: &mut Option<Vain>,
    ) -> Verdict {
        let started = Instant::now();
        let until = started
            .checked_add(job.attempt_timeout)
            .map_or(deadline, |own| own.min(deadline));
        let dialer = &self.engine.dialer;
        let mut found = VecDeque::new();
        if let Some(last) = vain.take() {
            match last.knock(dialer, job, notes, until).await {
                Knocked::InVain(verdict) => {
                    *vain = Some(last);
                    return verdict;
                }
                Knocked::Otherwise(otherwise) => found = otherwise,
            }
        }
        let mut state = State::new(
            job.clone(),
            trust.clone(),
            dialer.clone(),
            notes.clone(),
            until,
        );
        state.trail.begin_with(found);
        let (mut store, guard) = self.store(state);
        notes.set_computing(true);
        let attempt = async {
            let probe = self.pre.instantiate_async(&mut store).await?;
            let mut targets = Vec::new();
            for address in &job.addresses {
                targets.push(store.data_mut().table.push(Endpoint {
                    address: address.clone(),
                    named_by: NamedBy::User,
                })?);
            }
            let targets: Vec<Resource<Endpoint>> = targets;
            probe
                .waitfor_probe_probing()
                .call_check(&mut store, &targets)
                .await
        };
        let outcome = bounded(attempt, until + limits::LAST_WORDS, notes).await;
        drop(guard);
        match outcome {
            Ok(verdict) => {
                let verdict = judge(verdict, notes);
                *vain = store.into_data().trail.into_vain(&verdict, notes);
                verdict
            }
            Err(Failure::OutOfTime { overdue: false }) => Verdict::NotReady {
                code: "timed-out".to_owned(),
                reason: out_of_time(until.saturating_duration_since(started), notes),
                wait_hint: None,
                facts: Vec::new(),
            },
            Err(Failure::OutOfTime { overdue: true }) => Verdict::Broken {
                code: "cpu-time".to_owned(),
                reason: "the plugin was still computing when the attempt's time was over"
                    .to_owned(),
            },
            Err(Failure::Trapped { code, reason }) => Verdict::Broken {
                code: code.to_owned(),
                reason: format!("the plugin {reason}"),
            },
        }
    }

    /// What the plugin says of itself, as yet unchecked.
    ///
    /// # Errors
    /// [`Exit::PluginBroke`] where it traps or takes too long, or the system
    /// gives no thread to watch it.
    pub async fn describe(&self) -> Result<RawDescription> {
        self.engine.watch()?;
        let notes = Notes::default();
        let mut state = self.offline(Arc::new(nothing()), &notes);
        state.open = false;
        let (mut store, guard) = self.store(state);
        let asking = async {
            let probe = self.pre.instantiate_async(&mut store).await?;
            probe
                .waitfor_probe_probing()
                .call_describe(&mut store)
                .await
        };
        let outcome = bounded(asking, Instant::now() + limits::OFFLINE, &notes).await;
        drop(guard);
        let raw = outcome.map_err(|failure| self.broke("describe", failure))?;
        Ok(raw_description(raw))
    }

    /// Lets the plugin judge the job's parameters, offline.
    ///
    /// # Errors
    /// [`Exit::PluginBroke`] where it traps or takes too long, or the system
    /// gives no thread to watch it.
    pub async fn validate(&self, job: &Arc<Job>, notes: &Notes) -> Result<Option<Verdict>> {
        self.engine.watch()?;
        let (mut store, guard) = self.store(self.offline(job.clone(), notes));
        let asking = async {
            let probe = self.pre.instantiate_async(&mut store).await?;
            probe
                .waitfor_probe_probing()
                .call_validate(&mut store)
                .await
        };
        let outcome = bounded(asking, Instant::now() + limits::OFFLINE, notes).await;
        drop(guard);
        let misuse = outcome.map_err(|failure| self.broke("validate", failure))?;
        Ok(misuse.map(|misuse| judge(wit::Verdict::Misconfigured(misuse), notes)))
    }

    fn offline(&self, job: Arc<Job>, notes: &Notes) -> State {
        let trust = Arc::new(Trust::new(TlsSettings::default()));
        let now = Instant::now();
        let mut state = State::new(job, trust, self.engine.dialer.clone(), notes.clone(), now);
        // No connection is opened: there is no endpoint, and nothing may be
        // discovered.
        state.revealed = true;
        notes.set_computing(true);
        state
    }

    fn broke(&self, function: &str, failure: Failure) -> Error {
        let why = match failure {
            Failure::OutOfTime { .. } => {
                format!("took longer than {} s", limits::OFFLINE.as_secs())
            }
            Failure::Trapped { reason, .. } => reason,
        };
        Error::new(
            Exit::PluginBroke,
            format!(
                "the plugin `{}` broke in `{function}`: it {why}",
                self.name()
            ),
        )
    }
}

async fn bounded<T>(
    work: impl Future<Output = wasmtime::Result<T>>,
    until: Instant,
    notes: &Notes,
) -> std::result::Result<T, Failure> {
    match timeout_at(until, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(explain(&error, notes)),
        Err(_) => Err(Failure::OutOfTime {
            overdue: notes.is_overdue(),
        }),
    }
}

fn explain(error: &wasmtime::Error, notes: &Notes) -> Failure {
    if let Some(budget) = error.downcast_ref::<Budget>() {
        return Failure::Trapped {
            code: budget.code,
            reason: format!("was stopped: {budget}"),
        };
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return Failure::Trapped {
            code: "budget",
            reason: format!("was stopped: it held more than {} handles", limits::HANDLES),
        };
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return Failure::Trapped {
            code: "trap",
            reason: format!("ended itself with exit status {status}, without a verdict"),
        };
    }
    // A guest that is refused memory seldom has enough left to say so.
    if notes.memory_refused() {
        return Failure::Trapped {
            code: "memory",
            reason: format!("needed more than {} MiB of memory", limits::MEMORY >> 20),
        };
    }
    // What the SDK's panic handler said tells more than the trap itself.
    let last_words = notes
        .logs()
        .into_iter()
        .rev()
        .find(|(level, _)| level == "error")
        .map(|(_, text)| text);
    let (code, what) = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => ("trap", "gave up (unreachable)".to_owned()),
        Some(Trap::StackOverflow) => ("stack", "ran out of stack".to_owned()),
        Some(Trap::Interrupt) => ("cpu-time", "computed for too long".to_owned()),
        Some(trap) => ("trap", format!("trapped: {trap}")),
        None => {
            let why = notes.said(&first_line(error), limits::FACT_VALUE);
            ("trap", format!("failed: {why}"))
        }
    };
    Failure::Trapped {
        code,
        reason: last_words.unwrap_or(what),
    }
}

fn out_of_time(waited: Duration, notes: &Notes) -> String {
    let waited = waited.as_millis();
    match notes.stage() {
        Some(stage) => format!("no answer within {waited} ms, while {stage}"),
        None => format!("no answer within {waited} ms"),
    }
}

/// The guest's verdict, without secrets and cut to what a report can hold.
fn judge(verdict: wit::Verdict, notes: &Notes) -> Verdict {
    let name = |text: &str| notes.said(text, limits::FACT_NAME);
    let text = |text: &str| notes.said(text, limits::FACT_VALUE);
    let facts = |facts: Vec<(String, String)>| {
        let facts = facts.iter().take(limits::FACTS);
        facts.map(|(key, value)| (name(key), text(value))).collect()
    };
    match verdict {
        wit::Verdict::Ready(success) => Verdict::Ready {
            summary: text(&success.summary),
            facts: facts(success.facts),
        },
        wit::Verdict::NotReady(pending) => Verdict::NotReady {
            code: name(&pending.code),
            reason: text(&pending.reason),
            wait_hint: pending
                .wait_hint
                .map(|millis| Duration::from_millis(millis.into())),
            facts: facts(pending.facts),
        },
        wit::Verdict::Misconfigured(misuse) => Verdict::Misconfigured {
            code: name(&misuse.code),
            param: misuse.param.as_deref().map(name),
            reason: text(&misuse.reason),
            hint: misuse.hint.as_deref().map(text),
            facts: facts(misuse.facts),
        },
    }
}

fn raw_description(raw: wit::Description) -> RawDescription {
    let scheme = |scheme: wit::Scheme| RawScheme {
        name: scheme.name,
        default_port: scheme.default_port,
        more: scheme.more,
    };
    let param = |param: wit::Param| RawParam {
        name: param.name,
        kind: param.kind,
        summary: param.summary,
        required: param.required,
        default: param.default,
        more: param.more,
    };
    RawDescription {
        summary: raw.summary,
        schemes: raw.schemes.into_iter().map(scheme).collect(),
        params: raw.params.into_iter().map(param).collect(),
        examples: raw.examples,
        more: raw.more,
    }
}

/// The job of a question that is not about a target.
fn nothing() -> Job {
    Job {
        label: String::new(),
        plugin: 0,
        plugin_name: String::new(),
        scheme: String::new(),
        addresses: Vec::new(),
        values: Default::default(),
        secrets: Default::default(),
        tls: TlsSettings::default(),
        allow: Vec::new(),
        attempt_timeout: limits::OFFLINE,
    }
}
