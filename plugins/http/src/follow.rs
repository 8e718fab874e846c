//! Asks, and follows redirects: freely within the origin that the user named,
//! elsewhere only where the user's policy lets through, and never with
//! credentials.

use alloc::format;
use alloc::string::{String, ToString};

use waitfor_sdk::http::{self, Failure, Location, Origin, Response};
use waitfor_sdk::{Context, Endpoint, Misuse, Pending, Unready};

use crate::Params;
use crate::encode;
use crate::expect::quote;
use crate::status::Wanted;

/// The bytes of a body that are enough to know a server's complaint.
const COMPLAINT: usize = 4096;

/// The last answer, and what it is the answer to.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) method: String,
    place: Location,
}

/// Asks until an answer is no redirect to follow.
pub(crate) fn ask(
    context: &Context<'_>,
    params: &Params,
    wanted: &Wanted,
) -> Result<Answer, Unready> {
    let first = context.target();
    let home = Origin::of(first, first.scheme() == "https");
    let mut place = Location {
        origin: home.clone(),
        target: encode::target(params),
    };
    let mut method = params.method.clone();
    let mut left = params.max_redirects;
    // The endpoint of an origin that is not the user's own.
    let mut other: Option<Endpoint> = None;
    loop {
        context.stage("asking");
        let endpoint = other.as_ref().unwrap_or(first);
        let response = send(endpoint, params, &place, &method, other.is_none())?;
        let Some(next) = redirect(&response, &place, wanted) else {
            return Ok(Answer {
                response,
                method,
                place,
            });
        };
        if params.max_redirects == 0 {
            return Ok(Answer {
                response,
                method,
                place,
            });
        }
        if left == 0 {
            return Err(Misuse::new(
                "too-many-redirects",
                format!(
                    "there are more redirects than {}; the next is to {}",
                    params.max_redirects,
                    shown(&next)
                ),
            )
            .param("max-redirects")
            .hint("ask for the last address itself")
            .into());
        }
        left -= 1;
        method = next_method(&method, response.status).to_string();
        if is_home(&next.origin, &home, params) {
            other = None;
            place = Location {
                origin: home.clone(),
                target: next.target,
            };
        } else {
            if other.is_none() || next.origin != place.origin {
                other = Some(discover(context, params, &next)?);
            }
            place = next;
        }
    }
}

fn send(
    endpoint: &Endpoint,
    params: &Params,
    place: &Location,
    method: &str,
    home: bool,
) -> Result<Response, Unready> {
    let tls = place.origin.tls;
    let attempt = || -> Result<Response, Failure> {
        let connection = http::open(endpoint, tls)?;
        let request = encode::build(params, method, &place.target, home, false)
            .map_err(|misuse| Failure::Request(misuse.reason))?;
        http::send(connection, &http::authority(endpoint, tls), &request)
    };
    attempt().map_err(|failure| explain(failure, place))
}

/// Adds the URL that would have been right.
fn explain(failure: Failure, place: &Location) -> Unready {
    let scheme = match failure {
        Failure::SpeaksTls => Some("https"),
        Failure::SpeaksPlain => Some("http"),
        _ => None,
    };
    match (failure.into(), scheme) {
        (Unready::Misuse(misuse), Some(scheme)) if !place.origin.host.is_empty() => misuse
            .hint(format!("write {scheme}://{}", place.origin.address()))
            .into(),
        (unready, _) => unready,
    }
}

/// Where an answer redirects to; none where it is wanted as it is, and where
/// it is no redirect that can be followed.
fn redirect(response: &Response, place: &Location, wanted: &Wanted) -> Option<Location> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) || wanted.has(response.status) {
        return None;
    }
    place.join(response.header("location")?)
}

/// As browsers do it: 303 asks for another resource, and so in practice do
/// 301 and 302 to a POST.
fn next_method(method: &str, status: u16) -> &str {
    match (status, method) {
        (303, "HEAD") => "HEAD",
        (303, _) | (301 | 302, "POST") => "GET",
        _ => method,
    }
}

/// Whether an origin is the user's own, by its address or by the name that
/// the user has the service asked for.
fn is_home(origin: &Origin, home: &Origin, params: &Params) -> bool {
    if origin == home {
        return true;
    }
    let Some(name) = &params.host_header else {
        return false;
    };
    let named = Location {
        origin: home.clone(),
        target: "/".to_string(),
    }
    .join(&format!("//{name}/"));
    named.is_some_and(|named| {
        origin.tls == home.tls
            && origin.host == named.origin.host
            && (origin.port == named.origin.port || origin.port == home.port)
    })
}

fn discover(context: &Context<'_>, params: &Params, next: &Location) -> Result<Endpoint, Unready> {
    context
        .discover(&next.origin.host, next.origin.port)
        .map_err(|fault| {
            if fault.code != "policy-denied" {
                return fault.into();
            }
            let misuse = Misuse::new(
                "policy-denied",
                format!("the answer redirects to another address, {}", shown(next)),
            );
            if encode::has_credentials(params) {
                misuse.hint(
                    "after credentials were sent no other address is asked; name that one as the target, or accept the redirect with --status",
                )
            } else {
                misuse.hint(format!(
                    "let it through with --allow {}, or accept the redirect with --status",
                    next.origin.address()
                ))
            }
            .into()
        })
}

/// A place as a URL, of bounded length and without its query, which may hold
/// what is secret.
fn shown(place: &Location) -> String {
    let scheme = if place.origin.tls { "https" } else { "http" };
    let path = place.target.split('?').next().unwrap_or_default();
    quote(&format!("{scheme}://{}{path}", place.origin.address()))
}

/// What nginx, which finishes the handshake first, says by HTTP of a client
/// without a certificate, and of one whose certificate it does not trust.
fn client_certificate(body: &[u8]) -> Option<Misuse> {
    let says = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
    let reason = if says(b"No required SSL certificate was sent") {
        "the service wants a certificate of its client"
    } else if says(b"The SSL certificate error") {
        "the service does not accept the client's certificate"
    } else {
        return None;
    };
    Some(Misuse::new("tls-certificate", reason).hint("give --tls-cert and --tls-key"))
}

impl Answer {
    /// What was asked for: the path, with the address where it is not the
    /// target's.
    pub(crate) fn shown(&self, context: &Context<'_>) -> String {
        let home = Origin::of(context.target(), self.place.origin.tls);
        if home == self.place.origin {
            let path = self.place.target.split('?').next().unwrap_or_default();
            quote(path)
        } else {
            shown(&self.place)
        }
    }

    /// The verdict on a status that is not wanted.
    pub(crate) fn unwanted(
        mut self,
        context: &Context<'_>,
        params: &Params,
        wanted: &Wanted,
    ) -> Unready {
        let status = self.response.status;
        if status == 400
            && let Ok(body) = self.response.body(COMPLAINT)
        {
            if http::is_plain_to_tls(status, &body.bytes) {
                return explain(Failure::SpeaksTls, &self.place);
            }
            if let Some(misuse) = client_certificate(&body.bytes) {
                return misuse.into();
            }
        }
        let said = format!(
            "{} {} brought {}",
            self.method,
            self.shown(context),
            self.response.status_line()
        );
        match status {
            401 if encode::has_credentials(params) => {
                let (code, param) = if params.user.is_some() {
                    ("wrong-password", "password")
                } else if params.bearer_token.is_some() {
                    ("wrong-token", "bearer-token")
                } else {
                    ("wrong-token", "secret-header")
                };
                Misuse::new(code, format!("the service does not accept the credentials: {said}"))
                    .param(param)
                    .fact("status", status.to_string())
                    .into()
            }
            401 | 407 => Misuse::new("not-authorized", format!("the service wants credentials: {said}"))
                .hint("give --user and --password-file or --bearer-token-file, or accept the answer with --status")
                .fact("status", status.to_string())
                .into(),
            _ => {
                let mut pending = Pending::new(
                    "unexpected-status",
                    format!("{said}, wanted is {}", wanted.text()),
                )
                .fact("status", status.to_string());
                pending.wait_hint = self.response.retry_after();
                pending.into()
            }
        }
    }
}
