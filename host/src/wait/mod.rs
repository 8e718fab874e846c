//! The waiting: asks every target again and again, at a pace that finds a
//! change soon and costs little, until the user's wish is fulfilled, hopeless,
//! or out of time.
//!
//! One thread drives all targets at once ([`run()`]). What the options mean, to
//! the letter:
//!
//! - **`--timeout`** ends the wait at that moment, whatever an attempt does:
//!   attempts that are under way are dropped. An attempt that is cut off this
//!   way becomes the last evidence only if it was long in silence or is the
//!   only evidence there is.
//! - **`--successes N`, `--stable-for D`**: N good answers in a row whose first
//!   and last lie at least D apart. Any other answer starts the count again,
//!   and so does a good answer from another `incarnation`; an answer without
//!   one cannot tell and counts.
//! - **`--any`**: one target is enough; the others are dropped. Without it, a
//!   target that was done more than a moment before the last one is asked once
//!   more at the end, since it may have restarted meanwhile.
//! - **`--not`**: a good answer is *not ready*. An error of ours is never one:
//!   not *misconfigured*, not a broken plugin, and not the codes of
//!   `goal::OURS` (local resources, policy, settings). An attempt that ran
//!   into its own timeout counts as not ready, since nobody was served.
//!   `name-unknown` counts only after the name led somewhere earlier in the
//!   same wait: a typing error must not look like a service that has gone.
//! - **`--grace D`**: a *misconfigured* answer with the same code must persist
//!   for D; then waiting is given up. It is asked sparsely in that time, as a
//!   wrong password tried often locks accounts. If the time is up meanwhile,
//!   the exit code is that of *misconfigured* all the same.
//! - **A broken plugin** is asked again a few times, since bytes of a service
//!   that is only starting may be at fault, and then ends the wait.
//! - With `--any`, a hopeless target is no longer asked, and the wait ends when
//!   all are hopeless; without it, one ends the whole.
//! - No targets are a usage error, never a success.

mod agenda;
mod attempt;
mod budget;
mod course;
mod goal;
mod outcome;
mod pace;
mod run;
mod settings;
mod streak;
mod timeline;

#[cfg(test)]
mod tests;

pub use attempt::{Attempt, CLOSING, LogLine, Road, TargetInfo, is_local};
pub use outcome::{Event, Fate, Outcome, Progress, TargetOutcome};
pub use run::run;
pub use settings::WaitSettings;
pub use timeline::{Span, Timeline};
