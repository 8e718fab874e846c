//! Whole reports, as they are read.

mod json;
mod live;
mod text;

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use crate::model::Verdict;
use crate::wait::{self, Attempt, LogLine, Outcome, TargetInfo, WaitSettings};

use super::*;

/// What a reporter wrote.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// A target that gives these answers, each for so many milliseconds, and the
/// last for ever.
struct Story {
    target: TargetInfo,
    began: tokio::time::Instant,
    answers: Vec<(u64, Verdict)>,
}

impl Attempt for Story {
    fn target(&self) -> &TargetInfo {
        &self.target
    }

    async fn attempt(&self, _deadline: tokio::time::Instant) -> Verdict {
        let mut left = self.began.elapsed();
        for (millis, verdict) in &self.answers {
            match left.checked_sub(Duration::from_millis(*millis)) {
                Some(rest) => left = rest,
                None => return verdict.clone(),
            }
        }
        self.answers
            .last()
            .map(|(_, verdict)| verdict.clone())
            .unwrap()
    }

    fn logs(&self) -> Vec<LogLine> {
        vec![LogLine {
            level: "debug".to_owned(),
            text: "sent PING, with (secret)".to_owned(),
        }]
    }
}

fn story(label: &str, answers: Vec<(u64, Verdict)>) -> Story {
    Story {
        target: TargetInfo {
            label: label.to_owned(),
            plugin: "redis".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "9f".repeat(32),
            local: true,
        },
        began: tokio::time::Instant::now(),
        answers,
    }
}

fn ready() -> Verdict {
    Verdict::Ready {
        summary: "answered PONG".to_owned(),
        facts: vec![("version".to_owned(), "7.0.15".to_owned())],
    }
}

fn not_ready(code: &str, reason: &str) -> Verdict {
    Verdict::NotReady {
        code: code.to_owned(),
        reason: reason.to_owned(),
        wait_hint: None,
        facts: Vec::new(),
    }
}

fn wrong_password() -> Verdict {
    Verdict::Misconfigured {
        code: "wrong-password".to_owned(),
        param: Some("password".to_owned()),
        reason: "the server refused (secret)".to_owned(),
        hint: Some("set --password-file".to_owned()),
        facts: vec![("user".to_owned(), "default".to_owned())],
    }
}

async fn tell(
    reporter: &mut dyn Reporter,
    stories: Vec<Story>,
    settings: &WaitSettings,
) -> Outcome {
    wait::run(stories, settings, reporter, std::future::pending()).await
}
