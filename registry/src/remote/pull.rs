//! Reads from one registry (OCI distribution specification 1.1, "pull" and
//! "content discovery"), and believes nothing that can be checked.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::body::Length;
use super::failure::Problem;
use super::peer::{Ask, Peer, Scope, kind};
use super::transport::{Method, Reply};
use crate::oci::{self, Descriptor, Manifest};
use crate::statement::{self, Statement};
use crate::{Digest, Result, text};

/// The most pages that a list may have; docker's registry puts 100 entries
/// or more on one.
const MAX_PAGES: usize = 200;
/// The most statements about one version that are read.
const MAX_STATEMENTS: usize = 100;
/// What a page may be that stands where a document is expected.
const WEB_PAGES: [&str; 2] = ["text/html", "application/xhtml+xml"];

/// A manifest as it came.
pub(super) struct Found {
    pub(super) digest: Digest,
    pub(super) manifest: Manifest,
    pub(super) bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Tags {
    /// Some registries write `null` for none. With a function of its own the
    /// key must be there: without it this is something else.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Vec<String>>,
}

/// An index, as far as it has to be one.
#[derive(Deserialize)]
struct Listed {
    /// As with [`Tags::tags`].
    #[serde(deserialize_with = "Option::deserialize")]
    manifests: Option<Vec<Value>>,
}

impl Peer {
    fn get<'a>(
        &self,
        repository: &'a str,
        path: &str,
        accept: &'a str,
        action: &'a str,
    ) -> Ask<'a> {
        Ask {
            method: Method::Get,
            url: self.url(repository, path),
            accept,
            payload: None,
            scope: Scope {
                repository,
                write: false,
            },
            action,
        }
    }

    /// The tags of a repository; none where there is no such repository.
    pub(super) fn tags(&self, repository: &str, action: &str) -> Result<Option<BTreeSet<String>>> {
        let ask = self.get(repository, "tags/list", "application/json", action);
        let is_absent = |reply: &Reply| reply.status == 404;
        let pages = self.pages::<Tags>(ask, "a list of tags", is_absent)?;
        Ok(pages.map(|pages| {
            let tags = pages.into_iter().filter_map(|page| page.tags);
            tags.flatten().collect()
        }))
    }

    /// A document that comes in pages; none where the first answer is one by
    /// which `is_absent` knows that there is no such thing.
    fn pages<T: DeserializeOwned>(
        &self,
        mut ask: Ask<'_>,
        what: &'static str,
        is_absent: impl Fn(&Reply) -> bool,
    ) -> Result<Option<Vec<T>>> {
        let mut pages = Vec::new();
        for _ in 0..MAX_PAGES {
            let reply = self.send(&ask)?;
            if pages.is_empty() && is_absent(&reply) {
                return Ok(None);
            }
            if reply.status != 200 {
                return Err(self.refusal(&ask, reply));
            }
            let next = self.next_page(&ask, &reply)?;
            let (_, page): (_, T) = self.document(&ask, reply, what)?;
            pages.push(page);
            match next {
                Some(next) => ask.url = next,
                None => return Ok(Some(pages)),
            }
        }
        Err(self.endless(&ask, what))
    }

    /// A manifest by its tag or digest; none where it is not there.
    pub(super) fn manifest(
        &self,
        repository: &str,
        reference: &str,
        action: &str,
    ) -> Result<Option<Found>> {
        let path = format!("manifests/{reference}");
        let ask = self.get(repository, &path, oci::MANIFEST, action);
        let reply = self.send(&ask)?;
        if reply.status == 404 {
            return Ok(None);
        }
        if reply.status != 200 {
            return Err(self.refusal(&ask, reply));
        }
        let url = reply.url.clone();
        let expected = reference
            .parse::<Digest>()
            .ok()
            .or_else(|| digest_header(&reply));
        let (bytes, manifest) = self.document(&ask, reply, "a manifest")?;
        let found = Digest::of(&bytes);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            let problem = Problem::Altered { expected, found };
            return Err(self.failure(action, &url, problem).into());
        }
        Ok(Some(Found {
            digest: found,
            manifest,
            bytes,
        }))
    }

    /// A blob, its size and digest verified; none where it is not there.
    pub(super) fn blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
        action: &str,
    ) -> Result<Option<Vec<u8>>> {
        let path = format!("blobs/{}", descriptor.digest);
        let ask = self.get(repository, &path, "", action);
        let reply = self.send(&ask)?;
        if reply.status == 404 {
            return Ok(None);
        }
        if reply.status != 200 {
            return Err(self.refusal(&ask, reply));
        }
        let url = reply.url.clone();
        let failed = |problem| self.failure(action, &url, problem);
        no_web_page(&reply, "a blob").map_err(failed)?;
        let bytes = reply
            .read(Length::Exactly(descriptor.size))
            .map_err(failed)?;
        let (expected, found) = (descriptor.digest, Digest::of(&bytes));
        if found != expected {
            return Err(failed(Problem::Altered { expected, found }).into());
        }
        Ok(Some(bytes))
    }

    /// What was said of the version whose manifest is `subject`.
    pub(super) fn statements(
        &self,
        repository: &str,
        subject: &Digest,
        action: &str,
    ) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        for descriptor in self.referrers(repository, subject, action)? {
            if descriptor.artifact_type.as_deref() != Some(statement::ARTIFACT) {
                continue;
            }
            if statements.len() >= MAX_STATEMENTS {
                let url = self.url(repository, &format!("referrers/{subject}"));
                let problem = Problem::Unexpected {
                    found: format!("more than {MAX_STATEMENTS} statements"),
                    expected: "a few",
                    problem: None,
                };
                return Err(self.failure(action, &url, problem).into());
            }
            let reference = descriptor.digest.to_string();
            let found = self.manifest(repository, &reference, action)?;
            statements.extend(found.and_then(|found| Statement::read(&found.manifest, subject)));
        }
        Ok(statements)
    }

    /// The manifests that speak of `subject`: by the API for it, or where the
    /// registry lacks that, by the tag that stands in for it.
    fn referrers(
        &self,
        repository: &str,
        subject: &Digest,
        action: &str,
    ) -> Result<Vec<Descriptor>> {
        if !self.lacks_referrers.load(Ordering::Relaxed) {
            if let Some(found) = self.referrers_by_api(repository, subject, action)? {
                return Ok(found);
            }
            self.lacks_referrers.store(true, Ordering::Relaxed);
        }
        let listed: Option<Listed> = self.fallback(repository, subject, action)?;
        Ok(listed
            .map(|listed| listed.descriptors())
            .unwrap_or_default())
    }

    fn referrers_by_api(
        &self,
        repository: &str,
        subject: &Digest,
        action: &str,
    ) -> Result<Option<Vec<Descriptor>>> {
        let path = format!("referrers/{subject}");
        let mut ask = self.get(repository, &path, oci::INDEX, action);
        ask.url
            .query_pairs_mut()
            .append_pair("artifactType", statement::ARTIFACT);
        // A registry that has the API answers with an empty list where nobody
        // said anything; the others know no such path, or answer otherwise.
        let is_absent = |reply: &Reply| match reply.status {
            404 | 405 => true,
            200 => reply.media_type().is_some_and(|kind| kind != oci::INDEX),
            _ => false,
        };
        let pages = self.pages::<Listed>(ask, "a list of referrers", is_absent)?;
        Ok(pages.map(|pages| {
            let listed = pages.into_iter().map(|page| page.descriptors());
            listed.flatten().collect()
        }))
    }

    /// The index that stands in for the referrers API, whole.
    pub(super) fn fallback_index(
        &self,
        repository: &str,
        subject: &Digest,
        action: &str,
    ) -> Result<Option<Value>> {
        self.fallback(repository, subject, action)
    }

    fn fallback<T: DeserializeOwned>(
        &self,
        repository: &str,
        subject: &Digest,
        action: &str,
    ) -> Result<Option<T>> {
        let path = format!("manifests/{}", fallback_tag(subject));
        let ask = self.get(repository, &path, oci::INDEX, action);
        let reply = self.send(&ask)?;
        if reply.status == 404 {
            return Ok(None);
        }
        if reply.status != 200 {
            return Err(self.refusal(&ask, reply));
        }
        let (_, index) = self.document(&ask, reply, "an index")?;
        Ok(Some(index))
    }

    /// Reads an answer that should be a JSON document.
    fn document<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        reply: Reply,
        expected: &'static str,
    ) -> Result<(Vec<u8>, T)> {
        let url = reply.url.clone();
        let failed = |problem| self.failure(ask.action, &url, problem);
        no_web_page(&reply, expected).map_err(failed)?;
        let found = kind(&reply);
        let bytes = reply
            .read(Length::AtMost(oci::MAX_DOCUMENT))
            .map_err(failed)?;
        let document = serde_json::from_slice(&bytes).map_err(|error| {
            let problem = if error.is_data() {
                text::one_line(&error.to_string())
            } else {
                "it is not JSON".to_owned()
            };
            failed(Problem::Unexpected {
                found,
                expected,
                problem: Some(problem),
            })
        })?;
        Ok((bytes, document))
    }

    /// Where a list goes on (RFC 8288, as the distribution specification uses
    /// it).
    fn next_page(&self, ask: &Ask<'_>, reply: &Reply) -> Result<Option<Url>> {
        let Some(target) = reply.header("link").and_then(next_link) else {
            return Ok(None);
        };
        let failed = |problem| self.failure(ask.action, &reply.url, problem);
        let next = self.resolve(&reply.url, target).map_err(failed)?;
        if next.origin() != self.base.origin() {
            let problem = Problem::Redirect {
                to: super::peer::shown(&next),
                problem: "the list goes on elsewhere",
            };
            return Err(failed(problem).into());
        }
        Ok(Some(next))
    }

    fn endless(&self, ask: &Ask<'_>, expected: &'static str) -> crate::Error {
        let problem = Problem::Unexpected {
            found: format!("more than {MAX_PAGES} pages"),
            expected,
            problem: None,
        };
        self.failure(ask.action, &ask.url, problem).into()
    }
}

/// The tag that stands in for the referrers API (OCI distribution
/// specification 1.1, "referrers tag schema").
pub(super) fn fallback_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

impl Listed {
    /// The descriptors that can be read; others, such as those with other
    /// digests, are not ours.
    fn descriptors(&self) -> Vec<Descriptor> {
        let manifests = self.manifests.iter().flatten();
        manifests
            .filter_map(|manifest| Descriptor::deserialize(manifest).ok())
            .collect()
    }
}

/// What a registry claims that the digest of its answer is.
pub(super) fn digest_header(reply: &Reply) -> Option<Digest> {
    reply.header("docker-content-digest")?.parse().ok()
}

fn no_web_page(reply: &Reply, expected: &'static str) -> std::result::Result<(), Problem> {
    let is_page = reply
        .media_type()
        .is_some_and(|kind| WEB_PAGES.contains(&kind.as_str()));
    if !is_page {
        return Ok(());
    }
    Err(Problem::Unexpected {
        found: kind(reply),
        expected,
        problem: None,
    })
}

pub(super) fn next_link(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"') == "next"
            })
        });
        is_next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_a_list_goes_on() {
        let cases = [
            (
                r#"</v2/a/tags/list?last=1.0.0&n=2>; rel="next""#,
                Some("/v2/a/tags/list?last=1.0.0&n=2"),
            ),
            (
                r#"<https://r.example/a>;rel=prev, </b>; title="x"; Rel=next"#,
                Some("/b"),
            ),
            ("</a>", None),
            ("/a; rel=next", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(next_link(header), expected, "{header}");
        }
    }
}
