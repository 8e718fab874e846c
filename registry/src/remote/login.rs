//! Convinces a registry: with name and password, or with a token that is
//! fetched with them from where the registry says.
//!
//! Facts from the distribution project's token authentication specification
//! and its OAuth2 form.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::account::{self, Account};
use super::body::Length;
use super::challenge::{self, Challenge};
use super::failure::{Asker, Problem};
use super::peer::{Peer, Scope, shown};
use super::transport::{Exchange, Method, Payload, Reply};
use crate::Result;

/// How long a token lasts where nothing is said of it.
const TOKEN_LIFE: Duration = Duration::from_secs(60);
/// A token about to expire is not used any more.
const TOKEN_MARGIN: Duration = Duration::from_secs(5);
const MAX_TOKEN_ANSWER: u64 = 1024 * 1024;
/// What this program calls itself to those that give tokens.
const CLIENT: &str = "waitfor";

/// What is known of a registry's wishes and of our account there.
#[derive(Default)]
pub(super) struct Login {
    /// The account, once it was looked for.
    account: Option<Option<Account>>,
    /// Whether the registry ever said how to prove who asks.
    challenged: bool,
    /// Whether name and password go with each request.
    basic: bool,
    /// By repository and whether it may be written to.
    tokens: HashMap<(String, bool), Token>,
}

struct Token {
    value: String,
    until: Instant,
}

impl Peer {
    /// The value of `Authorization` for a request to the registry itself.
    pub(super) fn authorization(&self, scope: Scope<'_>) -> Option<String> {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if login.basic {
            return match &login.account {
                Some(Some(Account::Password { user, password })) => Some(basic(user, password)),
                _ => None,
            };
        }
        let token = login
            .tokens
            .get(&(scope.repository.to_owned(), scope.write))?;
        (token.until > Instant::now()).then(|| format!("Bearer {}", token.value))
    }

    /// Who it was that was refused. An account that nobody asked for is
    /// looked for now; that it cannot be read is not what went wrong.
    pub(super) fn asker(&self, action: &str) -> Asker {
        let account = self.account(action).ok().flatten();
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        match account {
            None => Asker::Anybody,
            Some(_) if login.challenged => Asker::Account,
            Some(_) => Asker::Unasked,
        }
    }

    /// Whether a text holds one of the secrets that were used.
    pub(super) fn is_secret(&self, text: &str) -> bool {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets: Vec<String> = match &login.account {
            Some(Some(Account::Password { user, password })) => {
                let encoded = STANDARD.encode(format!("{user}:{password}"));
                vec![password.clone(), encoded]
            }
            Some(Some(Account::Identity(token))) => vec![token.clone()],
            _ => Vec::new(),
        };
        let tokens = login.tokens.values().map(|token| &token.value);
        secrets
            .iter()
            .chain(tokens)
            .any(|secret| !secret.is_empty() && text.contains(secret.as_str()))
    }

    /// Gets ready to do what `reply`, a 401 of the registry itself, asks for;
    /// says whether there is anything new to try.
    pub(super) fn answer(&self, reply: &Reply, scope: Scope<'_>, action: &str) -> Result<bool> {
        let values = reply.headers.get_all("www-authenticate");
        let challenges = challenge::parse(values.iter().filter_map(|value| value.to_str().ok()));
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer {
                realm,
                service,
                scope,
            } => Some((realm, service.as_deref(), scope.as_deref())),
            Challenge::Basic => None,
        });
        if let Some((realm, service, asked)) = bearer {
            let token = self.token(realm, service, asked, scope, action)?;
            let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
            login.basic = false;
            let key = (scope.repository.to_owned(), scope.write);
            login.tokens.insert(key, token);
            return Ok(true);
        }
        if !challenges.contains(&Challenge::Basic) {
            return Ok(false);
        }
        let account = self.account(action)?;
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.challenged = true;
        let news = !login.basic && matches!(account, Some(Account::Password { .. }));
        login.basic = true;
        Ok(news)
    }

    fn account(&self, action: &str) -> Result<Option<Account>> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = &login.account {
            return Ok(account.clone());
        }
        let limit = self.transport.silence;
        let account = account::find(&self.accounts, &self.remote.authority, limit)
            .map_err(|problem| self.failure(action, &self.base, Problem::Account { problem }))?;
        login.account = Some(account.clone());
        Ok(account)
    }

    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        asked: Option<&str>,
        scope: Scope<'_>,
        action: &str,
    ) -> Result<Token> {
        let action = format!("log in to {action}");
        let refused = |problem| {
            let to = Url::parse(realm).map_or_else(|_| "no URL".to_owned(), |url| shown(&url));
            self.failure(&action, &self.base, Problem::Redirect { to, problem })
        };
        let mut url =
            Url::parse(realm).map_err(|_| refused("what gives tokens there has no URL"))?;
        self.permits(&self.base, &url).map_err(refused)?;
        let account = self.account(&action)?;
        self.login
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .challenged = true;
        let wanted = wanted(asked, scope);
        let mut fields = Serializer::new(String::new());
        if let Some(service) = service {
            fields.append_pair("service", service);
        }
        fields.append_pair("scope", &wanted);
        let (mut form, mut authorization) = (None, None);
        match &account {
            Some(Account::Identity(token)) => {
                fields
                    .append_pair("client_id", CLIENT)
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("refresh_token", token);
                form = Some(fields.finish());
            }
            Some(Account::Password { user, password }) => {
                fields.append_pair("account", user);
                authorization = Some(basic(user, password));
                append_query(&mut url, &fields.finish());
            }
            None => append_query(&mut url, &fields.finish()),
        }
        let exchange = Exchange {
            method: if form.is_some() {
                Method::Post
            } else {
                Method::Get
            },
            url: &url,
            accept: "application/json",
            authorization: authorization.as_deref(),
            payload: form.as_ref().map(|form| Payload {
                media_type: "application/x-www-form-urlencoded",
                bytes: form.as_bytes(),
            }),
        };
        let failed = |problem| self.failure(&action, &url, problem);
        // Asking for a token changes nothing, whatever the method.
        let reply = self.patiently(&exchange, true).map_err(failed)?;
        let status = reply.status;
        if matches!(status, 401 | 403) {
            return Err(failed(self.denied(status, scope, &action)).into());
        }
        if status != 200 {
            return Err(failed(self.bad_status(reply)).into());
        }
        let found = super::peer::kind(&reply);
        let bytes = reply
            .read(Length::AtMost(MAX_TOKEN_ANSWER))
            .map_err(failed)?;
        token_of(&bytes).ok_or_else(|| {
            let expected = "a token";
            let problem = None;
            failed(Problem::Unexpected {
                found,
                expected,
                problem,
            })
            .into()
        })
    }
}

/// The scope to ask for: the registry's own words for the repository, which
/// it may know by another name, where they ask for no more than is needed.
fn wanted(asked: Option<&str>, scope: Scope<'_>) -> String {
    let needed = if scope.write { "pull,push" } else { "pull" };
    let modest = |asked: &str| {
        let mut parts = asked.splitn(2, ':');
        let (kind, rest) = (parts.next(), parts.next().unwrap_or_default());
        let actions = rest.rsplit_once(':').map(|(_, actions)| actions);
        kind == Some("repository")
            && !asked.contains(' ')
            && actions.is_some_and(|actions| {
                actions
                    .split(',')
                    .all(|action| action == "pull" || (scope.write && action == "push"))
            })
    };
    match asked {
        Some(asked) if modest(asked) => asked.to_owned(),
        _ => format!("repository:{}:{needed}", scope.repository),
    }
}

fn append_query(url: &mut Url, fields: &str) {
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&{fields}"),
        _ => fields.to_owned(),
    };
    url.set_query(Some(&query));
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

fn token_of(bytes: &[u8]) -> Option<Token> {
    let answer: TokenAnswer = serde_json::from_slice(bytes).ok()?;
    let value = answer.token.or(answer.access_token)?;
    // Anything else would break the header it goes into.
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let life = answer
        .expires_in
        .filter(|seconds| *seconds > 0)
        .map_or(TOKEN_LIFE, Duration::from_secs)
        // More than any build takes.
        .min(Duration::from_secs(24 * 60 * 60));
    Some(Token {
        value,
        until: Instant::now() + life.saturating_sub(TOKEN_MARGIN),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_no_more_than_is_needed() {
        let read = Scope {
            repository: "ci/acme/billing",
            write: false,
        };
        let write = Scope {
            write: true,
            ..read
        };
        let cases = [
            (None, read, "repository:ci/acme/billing:pull"),
            (None, write, "repository:ci/acme/billing:pull,push"),
            (Some("repository:x/y:pull"), read, "repository:x/y:pull"),
            (
                Some("repository:x/y:pull,push"),
                read,
                "repository:ci/acme/billing:pull",
            ),
            (
                Some("repository:x/y:push,pull"),
                write,
                "repository:x/y:push,pull",
            ),
            (
                Some("repository:x/y:pull repository:z:pull"),
                read,
                "repository:ci/acme/billing:pull",
            ),
            (
                Some("registry:catalog:*"),
                write,
                "repository:ci/acme/billing:pull,push",
            ),
        ];
        for (asked, scope, expected) in cases {
            assert_eq!(wanted(asked, scope), expected);
        }
    }

    #[test]
    fn reads_both_names_of_a_token_and_refuses_odd_ones() {
        let value = |text: &str| token_of(text.as_bytes()).map(|token| token.value);
        assert_eq!(value(r#"{"token":"a","access_token":"b"}"#).unwrap(), "a");
        assert_eq!(
            value(r#"{"access_token":"b","expires_in":300}"#).unwrap(),
            "b"
        );
        for text in [
            "{}",
            "<html>",
            r#"{"token":""}"#,
            r#"{"token":"a\r\nHost: b"}"#,
        ] {
            assert!(value(text).is_none(), "{text}");
        }
    }
}
