//! Odd answers from a scripted peer, and what each of them becomes.

mod answers;
mod credentials;
mod patience;
mod scripted;
mod writing;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::{Failure, RemoteRegistry, RemoteSettings};
use crate::location::Remote;
use crate::{Error, Name, Release, Version};
use scripted::Scripted;

const PASSWORD: &str = "hunter2";

fn name() -> Name {
    "acme/billing".parse().unwrap()
}

fn version() -> Version {
    "1.0.0".parse().unwrap()
}

fn probe() -> Vec<u8> {
    wat::parse_str(
        r#"(component (instance $p) (export "waitfor:probe/probing@1.0.0" (instance $p)))"#,
    )
    .unwrap()
}

fn release(component: &[u8]) -> Release<'_> {
    Release {
        name: name(),
        version: version(),
        component,
        schemes: vec!["billing".to_owned()],
        summary: "answers a query".to_owned(),
        licenses: None,
        source: None,
        revision: None,
    }
}

fn remote(peer: &Scripted) -> Remote {
    Remote {
        authority: format!("127.0.0.1:{}", peer.port),
        path: "ci".to_owned(),
    }
}

fn settings() -> RemoteSettings {
    RemoteSettings {
        accounts: Vec::new(),
        ..RemoteSettings::default()
    }
}

fn open(peer: &Scripted) -> RemoteRegistry {
    RemoteRegistry::new(&remote(peer), settings()).unwrap()
}

/// A configuration of docker's with an account for `peer`.
fn account(peer: &Scripted) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let auth = STANDARD.encode(format!("ann:{PASSWORD}"));
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#,
        remote(peer).authority
    );
    std::fs::write(&file, config).unwrap();
    (folder, file)
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Remote(failure) => *failure,
        other => panic!("not a failed request: {other}"),
    }
}

/// What went wrong with a request, without where.
fn problem<T>(outcome: crate::Result<T>) -> String {
    let failure = failure(outcome.err().expect("it fails"));
    assert!(!failure.to_string().contains(PASSWORD), "{failure}");
    failure.problem.to_string()
}
