//! A container registry on loopback that is scripted to lie, since no real one can be made to: it
//! serves real content, and commits one named fault where it is told to.
//!
//! It speaks the OCI distribution specification 1.1 over plain HTTP, as far as `waitfor` uses it,
//! and keeps everything in memory. Every request is written down.

mod answers;
mod content;
mod http;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;

use content::Content;
pub use content::{artifact, digest};
pub use http::Seen;

/// What the registry does in place of the right thing.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The body has as many bytes as it should, and the last one is another.
    OtherBytes,
    /// `Docker-Content-Digest` names other bytes than those that follow.
    OtherDigestHeader,
    /// 404 with a page for people.
    NotFoundPage,
    /// 200 with a page to log in on.
    LoginPage,
    /// 200 with JSON of another shape.
    OtherJson,
    /// The announced length, but half of the body, and the end.
    Truncated,
    /// A body of no announced length that never ends.
    Endless,
    /// 307 to this URL, or to this origin (`http://HOST:PORT`) with the same path.
    Redirect(String),
    /// 307 to the very same URL, for ever.
    RedirectToItself,
    /// 401 with this challenge, whatever the request brings along.
    Unauthorized(String),
    /// 401 with this challenge, unless the request brings an account or a token.
    Challenge(String),
    /// 403.
    Forbidden,
    /// 429 with this `Retry-After`.
    TooMany(String),
    /// 500.
    ServerError,
    /// The head, and then one byte of the body every 50 ms.
    Drip,
    /// The request is read, and nothing is said until the peer leaves.
    Silence,
    /// The connection is closed in place of an answer.
    HangUp,
    /// An upload shall go on at this origin (`http://HOST:PORT`).
    UploadElsewhere(String),
}

/// Where and how often a fault is committed.
struct Rule {
    part: String,
    fault: Fault,
    left: usize,
}

/// A running registry; it serves while the test binary runs.
pub struct LyingRegistry {
    /// Its port on `127.0.0.1`.
    pub port: u16,
    content: Arc<Mutex<Content>>,
    script: Arc<Mutex<Script>>,
}

/// What it was told to do, and what was asked of it.
#[derive(Default)]
struct Script {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    referrers: bool,
}

impl Script {
    /// The fault for a request, if there is one: `METHOD PATH` contains the rule's part.
    fn fault(&mut self, seen: &Seen) -> Option<Fault> {
        let line = format!("{} {}", seen.method, seen.path);
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.left > 0 && line.contains(&rule.part))?;
        if matches!(rule.fault, Fault::Challenge(_)) && seen.authorization.is_some() {
            return None;
        }
        rule.left -= 1;
        Some(rule.fault.clone())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for LyingRegistry {
    fn default() -> Self {
        Self::start()
    }
}

impl LyingRegistry {
    /// An empty registry that tells the truth, until [`LyingRegistry::lie`].
    pub fn start() -> Self {
        Self::serving(Arc::default())
    }

    /// Another origin with the same content; it has its own faults and its own record.
    pub fn another(&self) -> Self {
        Self::serving(Arc::clone(&self.content))
    }

    fn serving(content: Arc<Mutex<Content>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let script = Arc::<Mutex<Script>>::default();
        let shared = (Arc::clone(&content), Arc::clone(&script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (content, script) = shared.clone();
                // A peer that leaves early ends its own conversation only.
                thread::spawn(move || answers::converse(stream, &content, &script));
            }
        });
        Self {
            port,
            content,
            script,
        }
    }

    /// What `waitfor.toml` calls it.
    pub fn location(&self) -> String {
        format!("127.0.0.1:{}/probes", self.port)
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether it knows the referrers API; at first it does not, as docker-registry 2.8.
    #[must_use]
    pub fn with_referrers(self) -> Self {
        locked(&self.script).referrers = true;
        self
    }

    /// Publishes a version as `waitfor` would, and returns the digest of its manifest.
    pub fn put(&self, name: &str, version: &str, component: &[u8]) -> String {
        self.put_changed(name, version, component, |_| {})
    }

    /// Publishes a version whose manifest was changed before.
    pub fn put_changed(
        &self,
        name: &str,
        version: &str,
        component: &[u8],
        change: impl FnOnce(&mut Value),
    ) -> String {
        let (config, mut manifest) = artifact(name, version, component);
        change(&mut manifest);
        let mut content = locked(&self.content);
        content.put_blob(component.to_vec());
        content.put_blob(config);
        content.put_manifest(
            &format!("probes/{name}"),
            version,
            manifest.to_string().into_bytes(),
        )
    }

    /// Puts bytes under a digest that is not theirs.
    pub fn put_other_bytes(&self, digest: &str, bytes: &[u8]) {
        locked(&self.content).put_blob_as(digest, bytes.to_vec());
    }

    /// Commits a fault at each request whose `METHOD PATH` contains `part`.
    pub fn lie(&self, part: &str, fault: Fault) {
        self.lie_times(usize::MAX, part, fault);
    }

    /// Commits a fault the first few times, and then does the right thing.
    pub fn lie_times(&self, times: usize, part: &str, fault: Fault) {
        locked(&self.script).rules.push(Rule {
            part: part.to_owned(),
            fault,
            left: times,
        });
    }

    /// Tells the truth again, and forgets what was asked.
    pub fn repent(&self) {
        let mut script = locked(&self.script);
        script.rules.clear();
        script.seen.clear();
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.script).seen.clone()
    }

    /// The tags of a plugin, sorted.
    pub fn tags(&self, name: &str) -> Vec<String> {
        locked(&self.content).tags(&format!("probes/{name}"))
    }

    /// The manifest behind a tag of a plugin.
    pub fn manifest(&self, name: &str, tag: &str) -> Option<Vec<u8>> {
        let content = locked(&self.content);
        let (_, bytes) = content.manifest(&format!("probes/{name}"), tag)?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests;
