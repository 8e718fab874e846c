//! Writes to one registry (OCI distribution specification 1.1, "push"): the
//! blobs first and the manifest that names them last, so that a publisher who
//! is killed leaves nothing that anyone could take for a version.

use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::failure::Problem;
use super::peer::{Ask, Peer, Scope, shown};
use super::pull::{digest_header, fallback_tag};
use super::transport::{Method, Payload};
use crate::oci::{self, Descriptor};
use crate::{Digest, Result};

/// How often the list of referrers is written where others write it too.
const MAX_ATTEMPTS: u32 = 5;
/// The pause before the second attempt; each further one is longer.
const PAUSE: Duration = Duration::from_millis(100);

impl Peer {
    fn write<'a>(
        &self,
        method: Method,
        repository: &'a str,
        url: Url,
        payload: Option<Payload<'a>>,
        action: &'a str,
    ) -> Ask<'a> {
        Ask {
            method,
            url,
            accept: "",
            payload,
            scope: Scope {
                repository,
                write: true,
            },
            action,
        }
    }

    /// Puts a blob there unless it is there.
    pub(super) fn upload(&self, repository: &str, bytes: &[u8], action: &str) -> Result<()> {
        let digest = Digest::of(bytes);
        let url = self.url(repository, &format!("blobs/{digest}"));
        let ask = self.write(Method::Head, repository, url, None, action);
        match self.send(&ask)? {
            reply if reply.status == 200 => return Ok(()),
            reply if reply.status == 404 => {}
            reply => return Err(self.refusal(&ask, reply)),
        }
        let url = self.url(repository, "blobs/uploads/");
        let ask = self.write(Method::Post, repository, url, None, action);
        let reply = self.send(&ask)?;
        if reply.status != 202 {
            return Err(self.refusal(&ask, reply));
        }
        let failed = |problem| self.failure(action, &reply.url, problem);
        let location = reply.header("location").ok_or_else(|| {
            failed(Problem::Unexpected {
                found: "without a location".to_owned(),
                expected: "one for an upload",
                problem: None,
            })
        })?;
        let mut url = self.resolve(&reply.url, location).map_err(failed)?;
        url.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let payload = Payload {
            media_type: "application/octet-stream",
            bytes,
        };
        let ask = self.write(Method::Put, repository, url, Some(payload), action);
        let reply = self.send(&ask)?;
        if reply.status != 201 {
            return Err(self.refusal(&ask, reply));
        }
        Ok(())
    }

    /// Puts a manifest under a tag or its digest; says whether the registry
    /// keeps lists of referrers itself.
    pub(super) fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
        action: &str,
    ) -> Result<bool> {
        let url = self.url(repository, &format!("manifests/{reference}"));
        let payload = Payload { media_type, bytes };
        let ask = self.write(Method::Put, repository, url, Some(payload), action);
        let reply = self.send(&ask)?;
        if reply.status != 201 {
            return Err(self.refusal(&ask, reply));
        }
        let (expected, found) = (Digest::of(bytes), digest_header(&reply));
        if let Some(found) = found.filter(|found| *found != expected) {
            let problem = Problem::Altered { expected, found };
            return Err(self.failure(action, &reply.url, problem).into());
        }
        Ok(reply.header("oci-subject").is_some())
    }

    /// Adds a manifest to the index that stands in for the referrers API.
    ///
    /// The registry has no way to write only where nothing changed, so what
    /// was written is read again, and written again where another writer was
    /// later.
    pub(super) fn add_referrer(
        &self,
        repository: &str,
        subject: &Digest,
        referrer: &Descriptor,
        action: &str,
    ) -> Result<()> {
        self.lacks_referrers.store(true, Ordering::Relaxed);
        let tag = fallback_tag(subject);
        let url = self.url(repository, &format!("manifests/{tag}"));
        for attempt in 0..MAX_ATTEMPTS {
            let mut index = self
                .fallback_index(repository, subject, action)?
                .unwrap_or_else(
                    || json!({"schemaVersion": 2, "mediaType": oci::INDEX, "manifests": []}),
                );
            let listed = index.get_mut("manifests").and_then(Value::as_array_mut);
            let (Some(listed), Ok(entry)) = (listed, serde_json::to_value(referrer)) else {
                let problem = Problem::Unexpected {
                    found: "a document without `manifests`".to_owned(),
                    expected: "an index",
                    problem: None,
                };
                return Err(self.failure(action, &url, problem).into());
            };
            let digest = referrer.digest.to_string();
            let is_there = |one: &Value| one.get("digest").and_then(Value::as_str) == Some(&digest);
            if listed.iter().any(is_there) {
                return Ok(());
            }
            listed.push(entry);
            let bytes = oci::write(&index, &tag, &shown(&url))?;
            self.put_manifest(repository, &tag, oci::INDEX, &bytes, action)?;
            // Others who read the index before it was written write after it.
            sleep(PAUSE * (attempt + 1));
        }
        let attempts = MAX_ATTEMPTS;
        Err(self
            .failure(action, &url, Problem::Contended { attempts })
            .into())
    }
}
