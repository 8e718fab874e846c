//! The live lines, on a terminal that remembers what it was told.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressDrawTarget, TermLike};

use super::super::live::Live;
use super::super::text::Text;
use super::*;

/// A terminal of 100 columns that keeps all that was ever written to it.
#[derive(Debug, Clone, Default)]
struct Terminal(Arc<Mutex<String>>);

impl Terminal {
    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self, text: &str) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_str(text);
        Ok(())
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        100
    }

    fn move_cursor_up(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write(text).and_then(|()| self.write("\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write("<clear>")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

async fn live(stories: Vec<Story>, secs: u64) -> (String, String) {
    let (page, terminal) = (Page::default(), Terminal::default());
    let output = OutputSettings {
        color: Color::Never,
        ..OutputSettings::default()
    };
    let text = Text::new(Out::new(page.clone()), &output, Style::default());
    let screen = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
    let mut reporter = Live::new(text, screen);
    let settings = WaitSettings {
        timeout: Some(Duration::from_secs(secs)),
        ..WaitSettings::default()
    };
    tell(&mut reporter, stories, &settings).await;
    (page.text(), terminal.text())
}

#[tokio::test(start_paused = true)]
async fn a_state_is_shown_live_and_only_what_is_settled_stays() {
    let answers = vec![
        (900, not_ready("loading", "reading (secret)\u{1b}[2J")),
        (1, ready()),
    ];
    let (page, terminal) = live(vec![story("redis://cache", answers)], 5).await;
    assert!(terminal.contains("redis://cache: 100 ms, "), "{terminal:?}");
    assert!(
        terminal.contains(" attempts: not ready (loading): reading (secret)\\u{1b}[2J"),
        "{terminal:?}"
    );
    assert!(
        terminal.ends_with("<clear>"),
        "nothing is left behind: {terminal:?}"
    );
    assert!(
        page.starts_with("ready: redis://cache after ") && page.lines().count() == 1,
        "{page}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_at_once_draws_nothing() {
    let (page, terminal) = live(vec![story("redis://cache", vec![(1, ready())])], 5).await;
    assert_eq!(terminal, "");
    assert_eq!(
        page,
        "ready: redis://cache after 0 ms (1 attempt): answered PONG\n"
    );
}

#[tokio::test(start_paused = true)]
async fn one_line_stands_for_very_many_targets() {
    let stories = (0..40).map(|number| {
        story(
            &format!("redis://n{number}"),
            vec![(1, not_ready("refused", "no"))],
        )
    });
    let (_, terminal) = live(stories.collect(), 1).await;
    assert!(
        terminal.contains("40 of 40 targets to wait for, "),
        "{terminal:?}"
    );
    assert!(!terminal.contains("redis://n7"), "{terminal:?}");
}
