//! What can go wrong between this program and a registry, so that each case
//! has its own words and its own next step.

use std::time::Duration;

use url::Url;

use crate::{Digest, Error};

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} at {url}{}: {problem}", of(.mirror_of))]
pub struct Failure {
    /// What was to be done, as in "read the versions of `acme/billing`".
    pub action: String,
    /// Whom was asked: without account, query and fragment, which may hold
    /// secrets.
    pub url: String,
    /// `HOST[:PORT]` of the registry, as users write it.
    pub host: String,
    /// The registry in whose place it was asked, where it is a mirror.
    pub mirror_of: Option<String>,
    /// What went wrong.
    pub problem: Problem,
}

fn of(registry: &Option<String>) -> String {
    match registry {
        Some(registry) => format!(", a mirror of {registry}"),
        None => String::new(),
    }
}

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The name has no address.
    #[error("there is no such host")]
    UnknownHost,
    /// No connection, or one that was closed before an answer came.
    #[error("{reason}")]
    Unreachable {
        /// In words.
        reason: String,
    },
    /// The certificate was refused.
    #[error("its certificate does not hold: {reason}")]
    Certificate {
        /// In words.
        reason: String,
    },
    /// What answers does not speak TLS.
    #[error("it does not speak TLS")]
    NoTls,
    /// The other side fell silent.
    #[error("nothing came for {}", seconds(.0))]
    Silent(Duration),
    /// The answer came slower than [`SLOWEST`](super::SLOWEST).
    #[error("only {received} bytes came in {}", seconds(.limit))]
    Slow {
        /// The bytes that came.
        received: u64,
        /// The time that was given.
        limit: Duration,
    },
    /// What came is no HTTP.
    #[error("the answer is not HTTP: {reason}")]
    Protocol {
        /// In words.
        reason: String,
    },
    /// The answer ended early.
    #[error("the answer ends after {found} bytes{}", wanted(.expected))]
    Truncated {
        /// How many it should have, where that is known.
        expected: Option<u64>,
        /// How many came.
        found: u64,
    },
    /// The answer has another length than the manifest says.
    #[error("the manifest says {expected} bytes, and the answer has {found}")]
    OtherSize {
        /// What the manifest says.
        expected: u64,
        /// What the answer says of itself.
        found: u64,
    },
    /// The answer is longer than it may be.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The most that was allowed.
        limit: u64,
    },
    /// The component is larger than any may be; it was not fetched.
    #[error("the component has {size} bytes, and no more than {limit} are allowed")]
    TooLarge {
        /// Its size, as the manifest says.
        size: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// Other bytes than those asked for.
    #[error("the answer holds other bytes: {found}, not {expected}")]
    Altered {
        /// The digest that was asked for, or that the answer claimed.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// It is not there.
    #[error("the answer is 404: it is not there")]
    Missing,
    /// The account may not do that, or there is none.
    #[error("{}", denied(.status, .repository, .write, .asker))]
    Denied {
        /// 401 or 403.
        status: u16,
        /// The repository.
        repository: String,
        /// Whether something was to be written.
        write: bool,
        /// Who was refused.
        asker: Asker,
    },
    /// The registry wants fewer requests.
    #[error("the answer is {}, {}", worded(.status), again(.wait))]
    Busy {
        /// 429 or 503.
        status: u16,
        /// How long to wait, where it said so.
        wait: Option<Duration>,
    },
    /// Another answer than asked for.
    #[error("the answer is {}{}", worded(.status), behind(.said))]
    Status {
        /// The HTTP status.
        status: u16,
        /// The registry's own words, one line.
        said: Option<String>,
    },
    /// An answer of another kind.
    #[error("the answer is {found}, not {expected}{}", behind(.problem))]
    Unexpected {
        /// Its content type, in words.
        found: String,
        /// As in `a manifest`.
        expected: &'static str,
        /// What is wrong with it, where that is known.
        problem: Option<String>,
    },
    /// A redirect that is not followed.
    #[error("it redirects to {to}: {problem}")]
    Redirect {
        /// Where to: without account, query and fragment.
        to: String,
        /// Why it is not followed.
        problem: &'static str,
    },
    /// The account cannot be read.
    #[error("the account for it cannot be read: {problem}")]
    Account {
        /// In words, without anything that the configuration or a helper
        /// says.
        problem: String,
    },
    /// Others wrote at the same moment, again and again.
    #[error("others wrote at the same moment, {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
}

/// Who asked, as far as a registry could know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// There is no account.
    Anybody,
    /// There is an account, and the registry did not ask for one.
    Unasked,
    /// The account from docker's configuration.
    Account,
}

impl Failure {
    /// The next step, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        let host = &self.host;
        let hint = match &self.problem {
            Problem::UnknownHost | Problem::Unreachable { .. } if self.is_elsewhere() => {
                format!("check that this machine may reach it: `{host}` leads there")
            }
            Problem::UnknownHost => format!("check that `{host}` is the registry's name"),
            Problem::Unreachable { .. } => {
                format!("check that `{host}` is the registry, and that this machine may reach it")
            }
            Problem::Certificate { .. } => "give the certificate of its authority as `ca-file` of this registry under [registries] in waitfor.toml".to_owned(),
            Problem::NoTls => "where the network is to be trusted, set `plain-http = true` for this registry under [registries] in waitfor.toml".to_owned(),
            Problem::Denied { asker: Asker::Anybody, .. } => {
                format!("log in with `docker login {host}`")
            }
            Problem::Denied { asker: Asker::Unasked, .. } => format!(
                "it did not ask for the account that docker's configuration has for `{host}`; a proxy or a firewall may answer in the registry's place"
            ),
            Problem::Denied { asker: Asker::Account, .. } => format!(
                "its account for `{host}` may not do that, or has another password now: `docker login {host}`"
            ),
            Problem::Account { .. } => format!("`docker login {host}` writes it anew"),
            Problem::Altered { .. } | Problem::OtherSize { .. } | Problem::TooLong { .. }
                if self.mirror_of.is_some() =>
            {
                format!(
                    "none of it was used; ask who runs `{host}`, or take the mirror out of waitfor.toml"
                )
            }
            Problem::Altered { .. } | Problem::OtherSize { .. } | Problem::TooLong { .. } => {
                format!("none of it was used; ask who runs `{host}` what happened to it")
            }
            Problem::Unexpected { .. } | Problem::Protocol { .. } => format!(
                "check the path behind `{host}`; a proxy or a login page may answer in the registry's place"
            ),
            Problem::Missing => {
                format!("`{host}` has lost it: copy it there again, or publish a new version")
            }
            // A manifest may say more than there is.
            Problem::Truncated { .. } => {
                format!("try again later; where it stays so, ask who runs `{host}`")
            }
            Problem::TooLarge { .. } => "ask its publisher for a smaller one".to_owned(),
            // What a server that wants TLS says to plain HTTP.
            Problem::Status { status: 400, .. } if self.url.starts_with("http:") => format!(
                "where `{host}` speaks TLS, give the certificate of its authority as `ca-file` of this registry under [registries] in waitfor.toml"
            ),
            Problem::Busy { .. }
            | Problem::Silent(_)
            | Problem::Slow { .. }
            | Problem::Contended { .. }
            | Problem::Status { status: 500.., .. } => "try again later".to_owned(),
            Problem::Redirect { .. } => {
                "name the registry in waitfor.toml by the address that answers itself".to_owned()
            }
            Problem::Status { .. } => return None,
        };
        Some(hint)
    }

    /// Whether another place that should have the same may be asked instead:
    /// this one cannot be reached or does not have it, and has said nothing
    /// that is wrong.
    pub fn passes_on(&self) -> bool {
        self.is_absence() || matches!(self.problem, Problem::Missing | Problem::Busy { .. })
    }

    /// Whether the registry's name is not the one that was looked for in the
    /// end: it redirected, or it names another place for tokens.
    fn is_elsewhere(&self) -> bool {
        let Ok(url) = Url::parse(&self.url) else {
            return false;
        };
        let registry = Url::parse(&format!("{}://{}", url.scheme(), self.host));
        registry.is_ok_and(|registry| registry.origin() != url.origin())
    }

    /// Whether nobody answered, or only that nothing works.
    pub(super) fn is_absence(&self) -> bool {
        matches!(
            self.problem,
            Problem::UnknownHost
                | Problem::Unreachable { .. }
                | Problem::Silent(_)
                | Problem::Slow { .. }
                | Problem::Status { status: 500.., .. }
        )
    }

    /// Whether the bytes are not those that they should be.
    pub fn is_tampering(&self) -> bool {
        matches!(
            self.problem,
            Problem::Altered { .. } | Problem::OtherSize { .. }
        )
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Remote(Box::new(failure))
    }
}

fn seconds(duration: &Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1000) {
        format!("{} s", millis / 1000)
    } else {
        format!("{millis} ms")
    }
}

fn wanted(expected: &Option<u64>) -> String {
    expected
        .map(|expected| format!(" of {expected}"))
        .unwrap_or_default()
}

fn denied(status: &u16, repository: &str, write: &bool, asker: &Asker) -> String {
    let verb = if *write { "write to" } else { "read" };
    let who = match asker {
        Asker::Anybody => "without an account nobody may",
        Asker::Unasked => "it does not ask who it is, and nobody may",
        Asker::Account => "the account from docker's configuration may not",
    };
    format!("the answer is {status}: {who} {verb} the repository `{repository}`")
}

fn again(wait: &Option<Duration>) -> String {
    match wait {
        Some(wait) => format!("and it wants to be asked again in {}", seconds(wait)),
        None => "and it does not say when to ask again".to_owned(),
    }
}

fn behind(text: &Option<String>) -> String {
    text.as_ref()
        .map(|text| format!(": {text}"))
        .unwrap_or_default()
}

fn worded(code: &u16) -> String {
    let words = ureq::http::StatusCode::from_u16(*code)
        .ok()
        .and_then(|status| status.canonical_reason());
    match words {
        Some(words) => format!("{code} {words}"),
        None => code.to_string(),
    }
}
