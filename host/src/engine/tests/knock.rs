//! What a guest would say again is not asked of it, and no connection is lost
//! by that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::guest::{PATIENCE, Silent, tcp};
use crate::catalogue::Catalogue;
use crate::cli::Probes;
use crate::engine::attempt::Notes;
use crate::engine::{Plugin, Vain};
use crate::model::{Job, TlsSettings, Verdict};
use crate::net::tls::Trust;

/// The official probe that only connects.
struct Probe {
    catalogue: Catalogue,
    plugin: Plugin,
    job: Arc<Job>,
    vain: Option<Vain>,
}

impl Probe {
    fn at(port: u16) -> Self {
        let catalogue = Catalogue::official().expect("a catalogue");
        let (index, _) = catalogue.describe("tcp", None).expect("described");
        let loaded = catalogue.loaded(index).expect("loaded");
        let plugin = catalogue.plugin(&loaded).expect("code");
        let job = Job {
            label: "the test".to_owned(),
            plugin: index,
            plugin_name: "tcp".to_owned(),
            scheme: "tcp".to_owned(),
            addresses: vec![tcp(port)],
            values: BTreeMap::from([("hold".to_owned(), vec!["0".to_owned()])]),
            secrets: BTreeMap::new(),
            tls: TlsSettings::default(),
            allow: Vec::new(),
            attempt_timeout: PATIENCE,
        };
        Self {
            catalogue,
            plugin,
            job: Arc::new(job),
            vain: None,
        }
    }

    fn ask(&mut self) -> Verdict {
        let trust = Arc::new(Trust::new(TlsSettings::default()));
        let deadline = Instant::now() + 2 * PATIENCE;
        let notes = Notes::default();
        let asking = self
            .plugin
            .check(&self.job, &trust, &notes, deadline, &mut self.vain);
        self.catalogue.runtime().block_on(asking)
    }
}

#[test]
fn a_knock_says_what_the_guest_said_and_hands_its_connection_over() {
    let port = {
        let silent = Silent::new();
        silent.port()
    };
    let mut probe = Probe::at(port);
    let first = probe.ask();
    assert_eq!((first.word(), first.code()), ("not-ready", "refused"));
    assert!(probe.vain.is_some());
    for _ in 0..3 {
        assert_eq!(probe.ask(), first);
        assert!(probe.vain.is_some());
    }
    let silent = Silent::on(port);
    let ready = probe.ask();
    assert_eq!(ready.word(), "ready", "{}", ready.reason());
    assert!(probe.vain.is_none());
    assert_eq!(silent.connections(), 1, "none is opened in vain");
    drop(silent);
    let again = probe.ask();
    assert_eq!(again, first);
}

#[test]
fn an_attempt_that_ran_out_of_time_is_repeated() {
    let silent = Silent::new();
    let mut probe = Probe::at(silent.port());
    let job = Arc::make_mut(&mut probe.job);
    job.values
        .insert("hold".to_owned(), vec!["60000".to_owned()]);
    job.attempt_timeout = Duration::from_millis(50);
    let verdict = probe.ask();
    assert_eq!((verdict.word(), verdict.code()), ("not-ready", "timed-out"));
    assert!(probe.vain.is_none());
}
