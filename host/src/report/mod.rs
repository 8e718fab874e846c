//! What people and programs are told about a wait: while it goes on, and why
//! it failed.
//!
//! Every text that comes from a service, a plugin or the user passes
//! [`clean()`], and everything is written through [`Out`], so that neither a
//! hostile banner nor a reader that leaves early can do harm. Secrets have been
//! blanked by then, where the text came in.

mod clean;
mod crowd;
mod failure;
mod hints;
mod human;
mod json;
mod live;
mod out;
mod roomy;
mod settings;
mod style;
mod text;

#[cfg(test)]
mod tests;

use std::env;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::ProgressDrawTarget;

use crate::error::Error;
use crate::wait::{Event, Outcome, TargetInfo, WaitSettings};

pub use clean::{clean, clean_up_to, is_treacherous};
pub use human::human;
pub use out::Out;
pub use settings::{Color, Format, OutputSettings};
pub use style::Style;

/// What the user should know before a wait begins, one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something to be looked into.
    Warning(String),
    /// Something to be known.
    Note(String),
    /// Something for those who look into the program: told with `-vv` only.
    Detail(String),
}

impl Notice {
    /// `warning`, `note` or `detail`.
    pub fn level(&self) -> &'static str {
        match self {
            Self::Warning(_) => "warning",
            Self::Note(_) => "note",
            Self::Detail(_) => "detail",
        }
    }

    /// Whether it is told at all, to a user who asked for so much.
    pub fn is_told(&self, verbose: u8) -> bool {
        verbose >= 2 || !matches!(self, Self::Detail(_))
    }

    /// The line.
    pub fn text(&self) -> &str {
        match self {
            Self::Warning(text) | Self::Note(text) | Self::Detail(text) => text,
        }
    }
}

/// Whoever tells of a wait. The methods are called in the order of the events.
pub trait Reporter {
    /// How often [`Reporter::tick`] is wanted; never by default.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// Something is to be known before the wait begins.
    fn notice(&mut self, _notice: &Notice) {}

    /// The wait begins.
    fn begun(&mut self, _targets: &[&TargetInfo], _settings: &WaitSettings) {}

    /// Time has passed, so long since the start.
    fn tick(&mut self, _elapsed: Duration) {}

    /// An attempt is over.
    fn attempt(&mut self, _event: &Event<'_>) {}

    /// Its answer differs from the one before: another verdict or code.
    fn change(&mut self, _event: &Event<'_>) {}

    /// The target is done with it.
    fn met(&mut self, _event: &Event<'_>) {}

    /// The wait is over.
    fn finished(&mut self, _outcome: &Outcome) {}
}

/// The reporter that the user asked for, on the process's own streams.
pub fn reporter(settings: &OutputSettings) -> Box<dyn Reporter> {
    match settings.format {
        Format::Json => Box::new(json::Json::new(Out::stdout(), settings.verbose)),
        Format::Text => {
            let terminal = std::io::stderr().is_terminal();
            let style = Style::new(settings.color, terminal);
            let live = terminal && !settings.quiet && variable("TERM").as_deref() != Some("dumb");
            let text = text::Text::new(Out::stderr(), settings, style);
            if live {
                Box::new(live::Live::new(text, ProgressDrawTarget::stderr()))
            } else {
                Box::new(text)
            }
        }
    }
}

/// Tells an error that ends the program, and the next step, on standard error.
/// Unlike what services say it is not cut: it may hold digests and paths.
pub fn complain(error: &Error, settings: &OutputSettings) {
    let style = Style::new(settings.color, std::io::stderr().is_terminal());
    complain_on(&mut Out::stderr(), error, style);
}

fn complain_on(out: &mut Out, error: &Error, style: Style) {
    let clean = |text: &str| clean::clean_up_to(usize::MAX, text);
    out.line(&format!(
        "{} {}",
        style.bad("error:"),
        clean(error.message())
    ));
    if let Some(hint) = error.hint_text() {
        out.line(&format!("{} {}", style.hint("hint:"), clean(hint)));
    }
}

/// An environment variable, if it is set and text.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}
