//! One registry, or a mirror of it: follows its redirects, answers its wish
//! for an account, and is patient with it, within limits.
//!
//! The rules for credentials are all here and in `login`: they go to the
//! origin (scheme, host and port) of the registry and, for a token, to the
//! URL that it names, and never to where either redirects.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use url::Url;

use super::RemoteSettings;
use super::account;
use super::body::Length;
use super::failure::{Failure, Problem};
use super::login::Login;
use super::transport::{Exchange, Method, Payload, Reply, Transport, is_loopback};
use crate::location::Remote;
use crate::{Error, Result, text};

/// The most redirects that are followed.
const MAX_REDIRECTS: u32 = 5;
/// How often a request is tried again.
const MAX_RETRIES: u32 = 2;
/// The longest that is waited in all where a registry asks for patience.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// The pause before a request is tried again; the second one is longer.
const PAUSE: Duration = Duration::from_millis(200);
/// The most that is read of an answer that only says what went wrong.
const MAX_COMPLAINT: u64 = 64 * 1024;

/// What a request needs to be allowed to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) repository: &'a str,
    pub(super) write: bool,
}

/// A request to a registry.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'a str,
    pub(super) payload: Option<Payload<'a>>,
    pub(super) scope: Scope<'a>,
    /// What it is for, as in [`Failure::action`].
    pub(super) action: &'a str,
}

/// One registry.
pub(super) struct Peer {
    pub(super) transport: Arc<Transport>,
    pub(super) remote: Remote,
    /// `SCHEME://HOST[:PORT]/v2/`.
    pub(super) base: Url,
    pub(super) mirror_of: Option<String>,
    pub(super) accounts: Vec<PathBuf>,
    pub(super) login: Mutex<Login>,
    plain_http: bool,
    /// Whether it could not be reached.
    absent: AtomicBool,
    /// Whether it has no referrers API.
    pub(super) lacks_referrers: AtomicBool,
}

impl Peer {
    pub(super) fn new(
        remote: &Remote,
        mirror_of: Option<&Remote>,
        transport: Arc<Transport>,
        settings: &RemoteSettings,
    ) -> Result<Self> {
        let plain = settings.plain_http || (remote.is_loopback() && settings.ca_file.is_none());
        let scheme = if plain { "http" } else { "https" };
        // Docker Hub's users know it by another name than its API's.
        let host = if account::is_docker_hub(&remote.authority) {
            "registry-1.docker.io"
        } else {
            &remote.authority
        };
        let base = Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|_| Error::Location {
            text: remote.to_string(),
            problem: "the host is neither a name nor an address",
        })?;
        Ok(Self {
            transport,
            remote: remote.clone(),
            base,
            mirror_of: mirror_of.map(Remote::to_string),
            accounts: settings.accounts.clone(),
            login: Mutex::default(),
            plain_http: settings.plain_http,
            absent: AtomicBool::new(false),
            lacks_referrers: AtomicBool::new(false),
        })
    }

    /// The URL of something in a repository, as in `tags/list`.
    pub(super) fn url(&self, repository: &str, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{repository}/{path}"));
        url
    }

    /// Whether it could not be reached a moment ago.
    pub(super) fn is_absent(&self) -> bool {
        self.absent.load(Ordering::Relaxed)
    }

    pub(super) fn failure(&self, action: &str, url: &Url, problem: Problem) -> Failure {
        let failure = Failure {
            action: action.to_owned(),
            url: shown(url),
            host: self.remote.authority.clone(),
            mirror_of: self.mirror_of.clone(),
            problem,
        };
        if failure.is_absence() {
            self.absent.store(true, Ordering::Relaxed);
        }
        failure
    }

    pub(super) fn denied(&self, status: u16, ask: Scope<'_>, action: &str) -> Problem {
        Problem::Denied {
            status,
            repository: ask.repository.to_owned(),
            write: ask.write,
            asker: self.asker(action),
        }
    }

    /// What an answer means that is none of those that the caller knows.
    pub(super) fn refusal(&self, ask: &Ask<'_>, reply: Reply) -> Error {
        let url = reply.url.clone();
        let problem = match reply.status {
            status @ (401 | 403) if reply.home => self.denied(status, ask.scope, ask.action),
            404 => Problem::Missing,
            _ => self.bad_status(reply),
        };
        self.failure(ask.action, &url, problem).into()
    }

    /// The status with the registry's own words for it.
    pub(super) fn bad_status(&self, reply: Reply) -> Problem {
        let status = reply.status;
        let said = reply
            .read(Length::AtMost(MAX_COMPLAINT))
            .ok()
            .and_then(|bytes| complaint(&bytes))
            .filter(|words| !self.is_secret(words));
        Problem::Status { status, said }
    }

    /// Asks, follows and logs in until there is an answer that is neither a
    /// redirect nor a wish for an account that can be had.
    pub(super) fn send(&self, ask: &Ask<'_>) -> Result<Reply> {
        let mut url = ask.url.clone();
        // An upload may be at home elsewhere.
        let mut home = url.origin() == self.base.origin();
        let (mut answered, mut redirects) = (false, 0);
        loop {
            let authorization = if home {
                self.authorization(ask.scope)
            } else {
                None
            };
            let exchange = Exchange {
                method: ask.method,
                url: &url,
                accept: ask.accept,
                authorization: authorization.as_deref(),
                payload: ask.payload,
            };
            let mut reply = self
                .patiently(&exchange, ask.method.is_read())
                .map_err(|problem| self.failure(ask.action, &url, problem))?;
            reply.home = home;
            if reply.status == 401 && home && !answered {
                answered = true;
                if self.answer(&reply, ask.scope, ask.action)? {
                    continue;
                }
            }
            // With another method, the others would not do what was asked.
            let follows = match reply.status {
                307 | 308 => true,
                301..=303 => ask.method.is_read(),
                _ => false,
            };
            if !follows {
                let works = reply.status < 500;
                self.absent.store(!works, Ordering::Relaxed);
                return Ok(reply);
            }
            redirects += 1;
            let next = self.next(&url, &reply, redirects);
            let next = next.map_err(|problem| self.failure(ask.action, &url, problem))?;
            home = home && next.origin() == self.base.origin();
            url = next;
        }
    }

    fn next(&self, from: &Url, reply: &Reply, redirects: u32) -> std::result::Result<Url, Problem> {
        let refused = |to: &str, problem| Problem::Redirect {
            to: to.to_owned(),
            problem,
        };
        let location = reply
            .header("location")
            .ok_or_else(|| refused("nowhere", "it does not say where to"))?;
        let next = self.resolve(from, location)?;
        if redirects > MAX_REDIRECTS {
            return Err(refused(&shown(&next), "that is one redirect too many"));
        }
        Ok(next)
    }

    /// The URL that a header of an answer from `from` names, where it may be
    /// asked.
    pub(super) fn resolve(&self, from: &Url, location: &str) -> std::result::Result<Url, Problem> {
        let mut next = from.join(location).map_err(|_| Problem::Redirect {
            to: "no URL".to_owned(),
            problem: "it cannot be asked",
        })?;
        // An account there would be sent along.
        let bare = next.set_username("").and_then(|()| next.set_password(None));
        let permitted = match bare {
            Ok(()) => self.permits(from, &next),
            Err(()) => Err("it is not a web address"),
        };
        permitted.map_err(|problem| Problem::Redirect {
            to: shown(&next),
            problem,
        })?;
        next.set_fragment(None);
        Ok(next)
    }

    /// Whether what `from` said may lead to `to`: never from encrypted to
    /// plain, and from elsewhere never to a plain address on this machine.
    pub(super) fn permits(&self, from: &Url, to: &Url) -> std::result::Result<(), &'static str> {
        match to.scheme() {
            "https" => Ok(()),
            "http" if is_loopback(from) && is_loopback(to) => Ok(()),
            "http" if from.scheme() == "http" && self.plain_http && !is_loopback(to) => Ok(()),
            "http" => Err("it is not encrypted"),
            _ => Err("it is not a web address"),
        }
    }

    /// One exchange, tried again where the registry asks for patience and,
    /// where it only reads, where the registry or the network failed.
    pub(super) fn patiently(
        &self,
        exchange: &Exchange<'_>,
        is_read: bool,
    ) -> std::result::Result<Reply, Problem> {
        let (mut retries, mut waited) = (0, Duration::ZERO);
        loop {
            let outcome = self.transport.exchange(exchange);
            let last = retries >= MAX_RETRIES;
            let pause = PAUSE * (retries + 1);
            let wait = match &outcome {
                Ok(reply) if matches!(reply.status, 429 | 503) => {
                    let asked = reply.header("retry-after").and_then(retry_after);
                    let wait = match asked {
                        Some(asked) => asked,
                        None if reply.status == 429 || is_read => pause,
                        None => return outcome,
                    };
                    if last || waited + wait > MAX_WAIT {
                        if reply.status == 503 && asked.is_none() {
                            return outcome;
                        }
                        return Err(Problem::Busy {
                            status: reply.status,
                            wait: asked,
                        });
                    }
                    wait
                }
                Ok(reply) if is_read && !last && reply.status >= 500 => pause,
                // Where nobody listens, nobody will in a moment.
                Err(Problem::Unreachable { reason }) if is_read && !last && is_passing(reason) => {
                    pause
                }
                _ => return outcome,
            };
            retries += 1;
            waited += wait;
            sleep(wait);
        }
    }
}

fn is_passing(reason: &str) -> bool {
    reason == super::transport::CLOSED
}

/// How long `Retry-After` (RFC 9110, section 10.2.3) wants one to wait.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    let wait = at.duration_since(SystemTime::now()).unwrap_or_default();
    Some(Duration::from_secs(wait.as_secs() + 1))
}

/// A URL without what may be secret in it.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // A URL that cannot have an account has none either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    text::one_line(url.as_str())
}

/// The content type of an answer, in words.
pub(super) fn kind(reply: &Reply) -> String {
    match reply.media_type() {
        Some(kind) => {
            let kind: String = kind.chars().take(100).collect();
            format!("`{}`", text::one_line(&kind))
        }
        None => "of no type".to_owned(),
    }
}

/// What a registry says of an error (OCI distribution specification 1.1,
/// "error codes"), one line.
fn complaint(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Complaints {
        errors: Vec<Complaint>,
    }
    #[derive(Deserialize)]
    struct Complaint {
        code: Option<String>,
        message: Option<String>,
    }
    let complaints: Complaints = serde_json::from_slice(bytes).ok()?;
    let first = complaints.errors.into_iter().next()?;
    let words: Vec<String> = [first.code, first.message]
        .into_iter()
        .flatten()
        .map(|words| text::one_line(&words).chars().take(200).collect::<String>())
        .filter(|words| !words.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret_of_a_url() {
        let url = Url::parse("https://ann:hunter2@h.example:8/v2/a?token=hunter2#hunter2").unwrap();
        assert_eq!(shown(&url), "https://h.example:8/v2/a");
    }

    #[test]
    fn reads_how_long_to_wait() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("-1"), None);
        let past = retry_after("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(past, Some(Duration::from_secs(1)));
    }

    #[test]
    fn reads_what_a_registry_complains_of() {
        let words = |text: &str| complaint(text.as_bytes());
        assert_eq!(
            words(r#"{"errors":[{"code":"DENIED","message":"quota\nexceeded"}]}"#).unwrap(),
            "DENIED: quota"
        );
        for text in ["<html>", "{}", r#"{"errors":[]}"#, r#"{"errors":[{}]}"#] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
