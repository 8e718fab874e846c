//! What the answer must have beside its status, and which of it is missing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::Value;
use waitfor_sdk::http::{Body, Response};
use waitfor_sdk::{Misuse, Pending, Unready};

use crate::Params;
use crate::json::JsonExpectation;
use crate::pattern::Pattern;

/// The most of a body that is looked at.
const MAX_BODY: usize = 1024 * 1024;

/// The longest quotation of what a server sent.
const MAX_QUOTE: usize = 100;

/// Everything that is expected of headers and body.
pub(crate) struct Expectations<'a> {
    headers: Vec<(&'a str, Option<&'a str>)>,
    texts: &'a [String],
    patterns: Vec<(&'a str, Pattern)>,
    json: Vec<JsonExpectation>,
}

impl<'a> Expectations<'a> {
    /// Reads them from the parameters.
    pub(crate) fn parse(params: &'a Params) -> Result<Self, Misuse> {
        let bad = |name: &str, text: String| Misuse::new("bad-parameter", text).param(name);
        let headers = params.expect_header.iter().map(|text| {
            let (name, part) = match text.split_once(':') {
                Some((name, part)) => (name.trim(), Some(part.trim())),
                None => (text.trim(), None),
            };
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(bad("expect-header", format!("`{text}` names no header")));
            }
            Ok((name, part))
        });
        let patterns = params.expect_body_regex.iter().map(|text| {
            let pattern = Pattern::new(text).map_err(|error| {
                bad(
                    "expect-body-regex",
                    format!("`{text}` is no regular expression: {}", quote(&error)),
                )
            })?;
            Ok((text.as_str(), pattern))
        });
        let json = params.expect_json.iter().map(|text| {
            JsonExpectation::parse(text).map_err(|error| {
                bad("expect-json", error).hint("write `/pointer` or `/pointer == value`")
            })
        });
        let expectations = Self {
            headers: headers.collect::<Result<_, _>>()?,
            texts: &params.expect_body,
            patterns: patterns.collect::<Result<_, _>>()?,
            json: json.collect::<Result<_, _>>()?,
        };
        if expectations.need_body() && params.method == "HEAD" {
            return Err(bad(
                "method",
                "an answer to `HEAD` has no body to expect anything of".to_string(),
            ));
        }
        Ok(expectations)
    }

    /// Holds an answer against them. The body is read only where one of them
    /// is about it, so that a stream without end can be asked for its status.
    pub(crate) fn check(&self, response: &mut Response) -> Result<(), Unready> {
        for (name, part) in &self.headers {
            check_header(response, name, *part)?;
        }
        if !self.need_body() {
            return Ok(());
        }
        let coding = response.header("content-encoding").unwrap_or("identity");
        if !coding.eq_ignore_ascii_case("identity") {
            return Err(unexpected(format!(
                "the body is compressed ({}), though that was not asked for",
                quote(coding)
            )));
        }
        let body = response.body(MAX_BODY)?;
        let looked_at = if body.truncated {
            format!(" within its first {MAX_BODY} bytes")
        } else {
            String::new()
        };
        for text in self.texts {
            if !contains(&body.bytes, text.as_bytes()) {
                return Err(unexpected(format!(
                    "the body has no `{}` in it{looked_at}",
                    quote(text)
                )));
            }
        }
        for (text, pattern) in &self.patterns {
            if !pattern.matches(&body.bytes) {
                return Err(unexpected(format!(
                    "the body does not match `{}`{looked_at}",
                    quote(text)
                )));
            }
        }
        self.check_json(&body)
    }

    fn check_json(&self, body: &Body) -> Result<(), Unready> {
        if self.json.is_empty() {
            return Ok(());
        }
        if body.truncated {
            return Err(unexpected(format!(
                "the body is longer than {MAX_BODY} bytes"
            )));
        }
        let document: Value = serde_json::from_slice(&body.bytes)
            .map_err(|error| unexpected(format!("the body is no json: {error}")))?;
        self.json
            .iter()
            .try_for_each(|expectation| expectation.check(&document).map_err(unexpected))
    }

    /// What a success has proved of the answer beside its status.
    pub(crate) fn summary(&self) -> &'static str {
        match (self.headers.is_empty(), self.need_body()) {
            (true, false) => "",
            (false, false) => ", with the expected headers",
            (true, true) => ", with the expected body",
            (false, true) => ", with the expected headers and body",
        }
    }

    fn need_body(&self) -> bool {
        !(self.texts.is_empty() && self.patterns.is_empty() && self.json.is_empty())
    }
}

fn check_header(response: &Response, name: &str, part: Option<&str>) -> Result<(), Unready> {
    let mut values = response.header_values(name).peekable();
    let Some(first) = values.peek().map(|value| quote(value)) else {
        return Err(Pending::new(
            "unexpected-header",
            format!("the answer has no header `{name}`"),
        )
        .into());
    };
    let Some(part) = part else {
        return Ok(());
    };
    if values.any(|value| value.contains(part)) {
        return Ok(());
    }
    Err(Pending::new(
        "unexpected-header",
        format!(
            "the header `{name}` is `{first}`, without `{}`",
            quote(part)
        ),
    )
    .into())
}

fn unexpected(reason: String) -> Unready {
    Pending::new("unexpected-body", reason).into()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || haystack
            .windows(needle.len())
            .any(|window| window == needle)
}

/// What somebody else wrote, as one line of bounded length.
pub(crate) fn quote(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_QUOTE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
