//! One call of Vault's HTTP API: the request as Vault's own clients send it,
//! and the answer with its JSON, where it has some.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;
use waitfor_sdk::http::{self, Failure, Location, Origin, Request};
use waitfor_sdk::{Endpoint, Misuse, Unready};

/// The most of an answer's body that is read; health is under 1 KiB.
const MAX_BODY: usize = 1024 * 1024;

/// The longest quotation of what a server says.
const MAX_QUOTE: usize = 200;

/// A server, and where on it the API is.
pub(crate) struct Api<'a> {
    endpoint: &'a Endpoint,
    tls: bool,
    prefix: String,
}

/// What a call brought.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As on the wire: `503 Service Unavailable`.
    pub(crate) status_line: String,
    /// Where a redirect points.
    pub(crate) location: Option<String>,
    /// How long the server asked to be left alone, in milliseconds.
    pub(crate) retry_after: Option<u32>,
    /// `Null` where the body is none.
    pub(crate) json: Value,
    pub(crate) body: Vec<u8>,
}

impl<'a> Api<'a> {
    /// The API of a target, below a path where a proxy puts it there.
    pub(crate) fn new(endpoint: &'a Endpoint, prefix: Option<&str>) -> Self {
        let prefix = prefix.unwrap_or_default().trim_matches('/');
        let prefix = prefix.strip_suffix("v1").map_or(prefix, |rest| {
            if rest.is_empty() || rest.ends_with('/') {
                rest.trim_end_matches('/')
            } else {
                prefix
            }
        });
        Self {
            tls: !endpoint.scheme().ends_with("+http"),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("/{prefix}")
            },
            endpoint,
        }
    }

    /// Gets a path below `/v1/`.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &[u8])]) -> Result<Answer, Unready> {
        let mut request = Request::new("GET", &format!("{}/v1/{path}", self.prefix))
            .header("Accept", "application/json")
            .header("User-Agent", "waitfor")
            // An agent may be set to refuse requests without it.
            .header("X-Vault-Request", "true");
        for (name, value) in headers {
            request = request.header_bytes(name, value);
        }
        self.send(&request).map_err(|failure| self.explain(failure))
    }

    fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let connection = http::open(self.endpoint, self.tls)?;
        let host = http::authority(self.endpoint, self.tls);
        let mut response = http::send(connection, &host, request)?;
        let body = response.body(MAX_BODY)?.bytes;
        if http::is_plain_to_tls(response.status, &body) {
            return Err(Failure::SpeaksTls);
        }
        Ok(Answer {
            status: response.status,
            status_line: response.status_line(),
            location: response.header("location").map(quote),
            retry_after: response.retry_after(),
            json: serde_json::from_slice(&body).unwrap_or_default(),
            body,
        })
    }

    /// The scheme to write for the same service with TLS, or without.
    pub(crate) fn scheme(&self, tls: bool) -> &'static str {
        match (self.endpoint.scheme().starts_with("bao"), tls) {
            (true, true) => "bao",
            (true, false) => "bao+http",
            (false, true) => "vault",
            (false, false) => "vault+http",
        }
    }

    /// Whether a redirect points from this host without TLS to it with TLS.
    pub(crate) fn is_same_host_with_tls(&self, location: &str) -> bool {
        let here = Location {
            origin: Origin::of(self.endpoint, self.tls),
            target: String::new(),
        };
        here.join(location).is_some_and(|there| {
            there.origin.tls && !self.tls && there.origin.host == here.origin.host
        })
    }

    /// The address that was asked, for hints.
    fn label(&self) -> String {
        self.endpoint.label()
    }

    fn explain(&self, failure: Failure) -> Unready {
        let tls = failure == Failure::SpeaksTls;
        let wrong_scheme = tls || failure == Failure::SpeaksPlain;
        match failure.into() {
            Unready::Misuse(misuse) if wrong_scheme => misuse
                .hint(format!("write {}://{}", self.scheme(tls), self.label()))
                .into(),
            other => other,
        }
    }
}

impl Answer {
    /// The strings below `errors`, as one line; none where there is no such
    /// list.
    pub(crate) fn errors(&self) -> Option<String> {
        let errors = self.json.get("errors")?.as_array()?;
        let texts: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
        Some(quote(&texts.join("; ")))
    }

    /// The errors, else the status: what the server said.
    pub(crate) fn said(&self) -> String {
        match self.errors() {
            Some(errors) if !errors.is_empty() => format!("{}: {errors}", self.status_line),
            _ => self.status_line.clone(),
        }
    }

    /// Whether one of its warnings has these words in it.
    pub(crate) fn warns_of(&self, words: &str) -> bool {
        self.json
            .get("warnings")
            .and_then(Value::as_array)
            .is_some_and(|warnings| {
                warnings
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|warning| warning.contains(words))
            })
    }

    /// The text below a key of the JSON.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.json
            .get(key)?
            .as_str()
            .filter(|text| !text.is_empty())
            .map(quote)
    }

    /// The truth value below a key of the JSON.
    pub(crate) fn truth(&self, key: &str) -> Option<bool> {
        self.json.get(key)?.as_bool()
    }

    /// The number below a key of the JSON.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.json.get(key)?.as_u64()
    }
}

/// What a server says, as one line of bounded length.
fn quote(text: &str) -> String {
    let line: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = line.join(" ");
    line.trim_end_matches('.').chars().take(MAX_QUOTE).collect()
}

/// An HTTP server that is none of Vault's.
pub(crate) fn not_vault(answer: &Answer) -> Misuse {
    Misuse::new(
        "not-vault",
        format!(
            "the server answers http, but not as vault does: {}",
            answer.said()
        ),
    )
    .hint("check host and port, and the path in front of /v1 (`--api-prefix`)")
}
