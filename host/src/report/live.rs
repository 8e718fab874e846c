//! The report on a terminal: one live line for each target that is waited for,
//! above them what is settled.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::human::{count, human};
use super::text::{Text, Words};
use super::{Notice, Reporter};
use crate::wait::{Event, Outcome, TargetInfo, WaitSettings};

/// How often the lines are drawn. The first time comes after one such pause:
/// a wait that is over sooner shows no line at all.
const EVERY: Duration = Duration::from_millis(100);

/// With more open targets than this, one line stands for all.
const LINES: usize = 12;

/// Draws live lines, and leaves the rest to [`Text`].
pub(super) struct Live {
    text: Text,
    screen: MultiProgress,
    rows: Vec<Row>,
    /// The one line for many targets.
    summary: Option<ProgressBar>,
}

/// One target's line.
struct Row {
    label: String,
    state: String,
    attempts: u64,
    met: bool,
    bar: Option<ProgressBar>,
}

impl Row {
    fn message(&self, elapsed: Duration) -> String {
        let elapsed = human(elapsed);
        if self.attempts == 0 {
            return format!("{}: asking, {elapsed}", self.label);
        }
        format!(
            "{}: {elapsed}, {}: {}",
            self.label,
            count(self.attempts, "attempt"),
            self.state
        )
    }
}

impl Live {
    pub(super) fn new(text: Text, screen: ProgressDrawTarget) -> Self {
        Self {
            text,
            screen: MultiProgress::with_draw_target(screen),
            rows: Vec::new(),
            summary: None,
        }
    }

    fn bar(screen: &MultiProgress) -> ProgressBar {
        let bar = screen.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar
    }

    fn draw(&mut self, elapsed: Duration) {
        let open = self.rows.iter().filter(|row| !row.met).count();
        if open > LINES {
            let summary = self.summary.get_or_insert_with(|| Self::bar(&self.screen));
            let told = self.text.summary().map(|told| format!(": {told}"));
            summary.set_message(format!(
                "{open} of {} to wait for, {}{}",
                count(self.rows.len() as u64, "target"),
                human(elapsed),
                told.unwrap_or_default()
            ));
            summary.tick();
            return;
        }
        if let Some(summary) = self.summary.take() {
            summary.finish_and_clear();
        }
        for row in self.rows.iter_mut().filter(|row| !row.met) {
            let message = row.message(elapsed);
            let bar = row.bar.get_or_insert_with(|| Self::bar(&self.screen));
            bar.set_message(message);
            bar.tick();
        }
    }
}

impl Reporter for Live {
    fn tick_every(&self) -> Option<Duration> {
        Some(EVERY)
    }

    fn notice(&mut self, notice: &Notice) {
        self.text.notice(notice);
    }

    fn begun(&mut self, targets: &[&TargetInfo], settings: &WaitSettings) {
        let words = self.text.words();
        self.rows = targets
            .iter()
            .map(|target| Row {
                label: words.clean(&target.label),
                state: String::new(),
                attempts: 0,
                met: false,
                bar: None,
            })
            .collect();
        self.text.begun(targets, settings);
    }

    fn tick(&mut self, elapsed: Duration) {
        self.draw(elapsed);
    }

    fn attempt(&mut self, event: &Event<'_>) {
        let plain = Words {
            style: super::Style::default(),
        };
        if let Some(row) = self.rows.get_mut(event.index) {
            row.attempts = event.attempt;
            row.state = format!(
                "{}{}",
                plain.state(event.verdict.word(), event.verdict.code()),
                plain.reason(event.verdict.reason())
            );
        }
        self.text.note(event);
        if self.text.tells_attempts() {
            self.screen.suspend(|| self.text.attempt(event));
        }
    }

    fn met(&mut self, event: &Event<'_>) {
        if let Some(row) = self.rows.get_mut(event.index) {
            row.met = true;
            if let Some(bar) = row.bar.take() {
                bar.finish_and_clear();
            }
        }
        self.screen.suspend(|| self.text.met(event));
    }

    fn finished(&mut self, outcome: &Outcome) {
        for bar in self
            .rows
            .iter_mut()
            .filter_map(|row| row.bar.take())
            .chain(self.summary.take())
        {
            bar.finish_and_clear();
        }
        self.text.finished(outcome);
    }
}
