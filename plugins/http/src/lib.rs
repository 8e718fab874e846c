//! Whether an HTTP service answers as it should: by status, headers and body,
//! at the end of its redirects.
//!
//! The request is built anew for every attempt, body included, and nothing of
//! the environment (proxies, netrc) has a say in it.
#![no_std]

extern crate alloc;

mod encode;
mod expect;
mod follow;
mod json;
mod pattern;
mod status;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{About, Context, Misuse, Probe, Ready, Scheme, Secret, Unready, params};

params! {
    /// What the user can tell the probe.
    pub struct Params {
        /// path and query to ask for
        path: String { default: "/", url_part: "request-target" }
        /// the method
        method: String { default: "GET" }
        /// the statuses that are wanted: `200`, `2xx`, `200-299,401`
        status: String { default: "2xx" }
        /// a header to send, `Name: value`
        header: Vec<String> { placeholder: "NAME: VALUE" }
        /// a header to send whose value is a secret, `Name: value`
        secret_header: Vec<Secret> { placeholder: "NAME: VALUE" }
        /// a token to send as `Authorization: Bearer`
        bearer_token: Option<Secret> {}
        /// the user of basic authentication
        user: Option<String> { url_part: "username" }
        /// the password of basic authentication
        password: Option<Secret> { url_part: "password" }
        /// a body to send, again at every attempt
        body: Option<String> {}
        /// the type of the body that is sent
        content_type: Option<String> {}
        /// the name to ask for in the `Host` header, in place of the address
        host_header: Option<String> { placeholder: "NAME" }
        /// how many redirects to follow; 0 takes a redirect for the answer
        max_redirects: i64 { default: "5", min: 0, max: 20 }
        /// a header that the answer must have: `Name`, or `Name: part of its value`
        expect_header: Vec<String> { placeholder: "NAME[: PART]" }
        /// a text that the body must contain
        expect_body: Vec<String> { placeholder: "TEXT" }
        /// a regular expression that the body must match
        expect_body_regex: Vec<String> { placeholder: "REGEX" }
        /// what the body's JSON must say: `/pointer`, or `/pointer == value` with `==`, `!=`, `<`, `<=`, `>`, `>=`
        expect_json: Vec<String> { placeholder: "POINTER [OP VALUE]" }
    }
}

/// The probe.
pub struct Http;

impl Probe for Http {
    type Params = Params;

    const ABOUT: About = About {
        summary: "the service answers with a wanted status, and with the headers and the body that are asked for",
        schemes: &[
            Scheme::new("http", 80, "without TLS"),
            Scheme::new("https", 443, "over TLS"),
        ],
        examples: &[
            "http://127.0.0.1:8080/health",
            "https://api.example/health --expect-json '/status == \"ok\"'",
            "http://web:8080/ --status 200-399 --max-redirects 0",
            "https://app@registry.example/v2/ --password-file password",
        ],
        more: &[],
    };

    fn validate(params: &Params) -> Result<(), Misuse> {
        status::Wanted::parse(&params.status)?;
        expect::Expectations::parse(params)?;
        encode::validate(params)
    }

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        let wanted = status::Wanted::parse(&params.status)?;
        let expectations = expect::Expectations::parse(params)?;
        let mut answer = follow::ask(context, params, &wanted)?;
        let status_line = answer.response.status_line();
        if !wanted.has(answer.response.status) {
            return Err(answer.unwanted(context, params, &wanted));
        }
        context.stage("answer");
        expectations.check(&mut answer.response)?;
        let mut ready = Ready::new(format!(
            "{} {} brought {status_line}{}",
            answer.method,
            answer.shown(context),
            expectations.summary(),
        ))
        .fact("status", format!("{}", answer.response.status));
        if let Some(server) = answer.response.header("server") {
            ready = ready.fact("server", expect::quote(server));
        }
        Ok(ready)
    }
}

waitfor_sdk::export!(Http);
