//! Statements, where the registry keeps lists of referrers itself and where
//! others write the list at the same moment.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::scripted::{Answer, Scripted};
use super::{name, open, probe, problem, release, version};
use crate::{Digest, Registry, Standing, oci};

fn yanked() -> Standing {
    Standing::Yanked {
        reason: "says ready too early".to_owned(),
    }
}

#[test]
fn statements_by_the_referrers_api() {
    let component = probe();
    let prepared = release(&component).prepare().unwrap();
    let subject = prepared.manifest.digest;
    let manifest = prepared.documents.manifest;
    // What was put, as the registry's list has it.
    let put: Mutex<Vec<Vec<u8>>> = Mutex::default();
    let peer = Scripted::start(move |request, _| {
        let (method, target) = request.line.split_once(' ').unwrap_or_default();
        let mut put = put.lock().unwrap();
        match method {
            "HEAD" => Answer::new(200, "", ""),
            "PUT" => {
                put.push(request.body.clone());
                Answer::new(201, &format!("oci-subject: {subject}\r\n"), "")
            }
            _ if target.contains("/referrers/") => {
                let listed: Vec<Value> = put
                    .iter()
                    .map(|bytes| {
                        json!({
                            "mediaType": oci::MANIFEST,
                            "artifactType": crate::statement::ARTIFACT,
                            "digest": Digest::of(bytes).to_string(),
                            "size": bytes.len(),
                        })
                    })
                    .chain([
                        json!({"mediaType": "x/y", "digest": "sha512:ab", "size": 1}),
                        json!({"mediaType": "x/y", "artifactType": "x/signature",
                            "digest": subject.to_string(), "size": 1}),
                    ])
                    .collect();
                let index = json!({"schemaVersion": 2, "manifests": listed}).to_string();
                Answer::new(200, &format!("content-type: {}\r\n", oci::INDEX), index)
            }
            _ => {
                let asked = |bytes: &&Vec<u8>| target.ends_with(&Digest::of(bytes).to_string());
                let found = put.iter().find(asked).unwrap_or(&manifest);
                Answer::new(200, &format!("content-type: {}\r\n", oci::MANIFEST), found)
            }
        }
    });
    let registry = open(&peer);
    let published = registry.find(&name(), &version()).unwrap().unwrap();
    assert_eq!(published.standing, Standing::Good);
    registry.declare(&published, &yanked()).unwrap();
    let after = registry.find(&name(), &version()).unwrap().unwrap();
    assert_eq!(after.standing, yanked());
    let lines = peer.lines();
    assert!(
        !lines.iter().any(|line| line.contains("/manifests/sha256-")),
        "the tag that stands in is not used: {lines:?}"
    );
    // Said already.
    registry.declare(&after, &yanked()).unwrap();
    let puts = |lines: &[String]| lines.iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!(puts(&peer.lines()), puts(&lines));
}

/// A registry without the referrers API, whose index another writer replaces
/// with a list of its own `times` times right after it was written.
fn contended(times: usize) -> (Scripted, Arc<Mutex<Value>>) {
    let component = probe();
    let manifest = release(&component).prepare().unwrap().documents.manifest;
    let theirs = json!({"schemaVersion": 2, "note": "kept", "manifests": [
        {"mediaType": "x/y", "digest": "sha512:ab", "size": 1, "platform": {"os": "x"}},
    ]});
    let index = Arc::new(Mutex::new(theirs.clone()));
    let (kept, left) = (Arc::clone(&index), Mutex::new(times));
    let peer = Scripted::start(move |request, _| {
        let (method, target) = request.line.split_once(' ').unwrap_or_default();
        let is_index = target.contains("/manifests/sha256-");
        let mut kept = kept.lock().unwrap();
        match method {
            "HEAD" => Answer::new(200, "", ""),
            "PUT" => {
                let mut left = left.lock().unwrap();
                if is_index && *left == 0 {
                    *kept = serde_json::from_slice(&request.body).unwrap();
                } else if is_index {
                    *left -= 1;
                }
                Answer::new(201, "", "")
            }
            _ if is_index => Answer::json(kept.to_string()),
            _ if target.contains("/referrers/") => Answer::new(404, "", ""),
            _ => Answer::new(200, "", &manifest),
        }
    });
    (peer, index)
}

#[test]
fn a_list_that_another_replaced_is_written_again() {
    let (peer, index) = contended(2);
    let component = probe();
    let published = release(&component).prepare().unwrap().published;
    open(&peer).declare(&published, &yanked()).unwrap();
    let index = index.lock().unwrap();
    let listed = index["manifests"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["platform"], json!({"os": "x"}));
    assert_eq!(listed[1]["artifactType"], crate::statement::ARTIFACT);
    assert_eq!(index["note"], "kept", "what others wrote stays");
}

#[test]
fn who_is_never_heard_is_told() {
    let (peer, _) = contended(usize::MAX);
    let component = probe();
    let published = release(&component).prepare().unwrap().published;
    assert_eq!(
        problem(open(&peer).declare(&published, &yanked())),
        "others wrote at the same moment, 5 times in a row"
    );
}
