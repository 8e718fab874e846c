//! Whether a token is accepted and a path served: what `sys/health` does not
//! know.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Misuse, Pending, Ready, Unready};

use crate::Params;
use crate::api::{Answer, Api, not_vault};
use crate::health::Health;
use crate::standby;

/// Says who a token belongs to; every token may ask that of itself by the
/// default policy.
pub(crate) const LOOKUP_SELF: &str = "auth/token/lookup-self";

/// The headers of an authenticated call.
struct Credentials {
    token: Option<Vec<u8>>,
    namespace: Option<String>,
}

impl Credentials {
    fn of(params: &Params) -> Self {
        Self {
            token: params.token.as_ref().map(|token| {
                // Files and variables often end in a line break.
                token.reveal().trim_ascii().to_vec()
            }),
            namespace: params.namespace.clone(),
        }
    }

    fn get(&self, api: &Api<'_>, path: &str) -> Result<Answer, Unready> {
        let mut headers: Vec<(&str, &[u8])> = Vec::new();
        if let Some(token) = &self.token {
            headers.push(("X-Vault-Token", token));
        }
        if let Some(namespace) = &self.namespace {
            headers.push(("X-Vault-Namespace", namespace.as_bytes()));
        }
        api.get(path, &headers)
    }
}

/// Proves that the path is served to the token; without a path, that the
/// token is accepted.
pub(crate) fn prove(api: &Api<'_>, health: &Health, params: &Params) -> Result<Ready, Unready> {
    let credentials = Credentials::of(params);
    let state = health.state.summary();
    let Some(path) = &params.path else {
        let answer = credentials.get(api, LOOKUP_SELF)?;
        return match (answer.status, refusal(&answer)) {
            (200..=299, _) => Ok(health.ready(format!("{state}; the token is accepted"))),
            (401 | 403, Refusal::Policy) => Err(Misuse::new(
                "not-authorized",
                "the token's policies do not let it look itself up",
            )
            .param("token")
            .hint("give a `--path` that it may read")
            .into()),
            (401 | 403, _) => Err(wrong_token(&answer)),
            (404, _) => {
                Err(missing(LOOKUP_SELF, &answer).unwrap_or_else(|| not_vault(&answer).into()))
            }
            _ => Err(elsewhere(health, &answer)),
        };
    };
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let answer = credentials.get(api, path)?;
    let served = |how: &str| Ok(health.ready(format!("{state}; `{path}` is served{how}")));
    match answer.status {
        200..=299 => served(""),
        404 => match missing(path, &answer) {
            None => served(", with nothing there"),
            Some(unready) => Err(unready),
        },
        // The engine is there, and knows the path for other methods.
        405 => served(", though not for reading"),
        401 | 403 => Err(forbidden(api, &credentials, path, &answer)),
        _ => Err(elsewhere(health, &answer)),
    }
}

/// What a 404 says: none where the path is served and empty.
fn missing(path: &str, answer: &Answer) -> Option<Unready> {
    if answer.warns_of("versioned K/V") {
        return Some(
            Misuse::new(
                "bad-path",
                format!("`{path}` is no path of a versioned key/value engine"),
            )
            .param("path")
            .hint("write the engine's mount, then `data/`: `secret/data/app`")
            .into(),
        );
    }
    let errors = answer.errors();
    match errors.as_deref() {
        Some("") => None,
        // A deleted version of a secret has data of its own.
        None if answer.json.get("data").is_some() => None,
        None => Some(not_vault(answer).into()),
        Some(errors) if errors.contains("unsupported path") => Some(
            Misuse::new(
                "bad-path",
                format!("the engine at `{path}` has no such path: {errors}"),
            )
            .param("path")
            .into(),
        ),
        Some(errors) if errors.contains("namespace not found") => {
            Some(Pending::new("namespace-missing", "the namespace is not there").into())
        }
        Some(errors) => Some(
            Pending::new(
                "path-missing",
                format!("nothing is mounted at `{path}`: {errors}"),
            )
            .into(),
        ),
    }
}

/// What a 403 is about.
enum Refusal {
    /// The server knows the token, and its policies forbid.
    Policy,
    /// The server does not know the token.
    Token,
    /// It does not say.
    Unsaid,
}

/// Tells refusals by their texts: a token that is known fails in a list of
/// one error, one that is not fails with the bare words (OpenBao, older
/// Vault) or with a second error (Vault since 1.14).
fn refusal(answer: &Answer) -> Refusal {
    let errors = answer.errors().unwrap_or_default();
    if errors.contains("invalid token") || errors.contains("bad token") {
        Refusal::Token
    } else if errors.contains("1 error occurred") && errors.contains("permission denied") {
        Refusal::Policy
    } else {
        Refusal::Unsaid
    }
}

fn forbidden(api: &Api<'_>, credentials: &Credentials, path: &str, answer: &Answer) -> Unready {
    if credentials.token.is_none() {
        return Misuse::new(
            "not-authorized",
            format!("`{path}` needs a token: {}", answer.said()),
        )
        .param("token")
        .hint("give one with --token-file, or in VAULT_TOKEN")
        .into();
    }
    match refusal(answer) {
        Refusal::Policy => return not_allowed(path, answer),
        Refusal::Token => return wrong_token(answer),
        Refusal::Unsaid => {}
    }
    match credentials.get(api, LOOKUP_SELF) {
        Ok(itself) => match (itself.status, refusal(&itself)) {
            (401 | 403, Refusal::Token | Refusal::Unsaid) => wrong_token(&itself),
            _ => not_allowed(path, answer),
        },
        Err(unready) => unready,
    }
}

fn not_allowed(path: &str, answer: &Answer) -> Unready {
    Misuse::new(
        "not-authorized",
        format!("the token may not read `{path}`: {}", answer.said()),
    )
    .param("path")
    .hint("check the path, and the token's policies")
    .into()
}

fn wrong_token(answer: &Answer) -> Unready {
    Misuse::new(
        "wrong-token",
        format!("the server does not accept the token: {}", answer.said()),
    )
    .param("token")
    .hint("check token and namespace: it may be revoked, expired, or of another server")
    .into()
}

/// Answers that mean the same for every path.
fn elsewhere(health: &Health, answer: &Answer) -> Unready {
    match answer.status {
        300..=399 => standby::no_quorum(health, answer.location.as_deref()),
        400 => Misuse::new(
            "bad-request",
            format!("the server does not take the request: {}", answer.said()),
        )
        .into(),
        429 => {
            let mut pending = health.pending(
                "busy",
                format!("a rate limit refuses the request: {}", answer.said()),
            );
            pending.wait_hint = answer.retry_after;
            pending.into()
        }
        503 => {
            let mut pending =
                health.pending("unavailable", format!("the server says {}", answer.said()));
            pending.wait_hint = answer.retry_after;
            pending.into()
        }
        500..=599 | 408 | 412 | 425 | 472..=474 => health
            .pending("server-error", format!("the server says {}", answer.said()))
            .into(),
        _ => Misuse::new(
            "bad-request",
            format!("the server does not know what to do: {}", answer.said()),
        )
        .into(),
    }
}
