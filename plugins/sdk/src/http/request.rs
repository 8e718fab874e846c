//! A request as bytes, refused where a value would add a line of its own.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::failure::Failure;
use crate::connection::Endpoint;

/// One request; it asks the server to close the connection afterwards.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request for `target`, a path with its query as written in a URL.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_string(),
            target: target.to_string(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Adds a header. A `Host` takes the place of the endpoint's.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Adds a header whose value may be a secret's bytes.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_string(), value.to_vec()));
        self
    }

    /// Sends a body, with its length.
    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.body = Some(bytes.to_vec());
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Whether a header of that name was added.
    pub fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(header, _)| header.eq_ignore_ascii_case(name))
    }

    /// The bytes for the wire.
    ///
    /// # Errors
    /// [`Failure::Request`] where method, target or a header cannot stand in
    /// a request; the text names it without its value.
    pub fn encode(&self, host: &str) -> Result<Vec<u8>, Failure> {
        if !is_token(&self.method) {
            return Err(Failure::Request(format!(
                "`{}` is not an http method",
                printable(&self.method)
            )));
        }
        if self.target.is_empty() || !self.target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::Request(
                "the request target is empty, or has a space, a control character or one beyond ascii in it; percent-encode it".to_string(),
            ));
        }
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        if !self.has("host") {
            push(&mut bytes, "Host", host.as_bytes())?;
        }
        for (name, value) in &self.headers {
            push(&mut bytes, name, value)?;
        }
        if !self.has("connection") {
            push(&mut bytes, "Connection", b"close")?;
        }
        // A method that means to bring something says that it brings nothing.
        let expected = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        if (self.body.is_some() || expected) && !self.has("content-length") {
            let length = self.body.as_ref().map_or(0, Vec::len).to_string();
            push(&mut bytes, "Content-Length", length.as_bytes())?;
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        Ok(bytes)
    }
}

/// The value of `Host` for an endpoint: an IPv6 address in brackets and
/// without its zone, the port left out where it is the usual one.
pub fn authority(endpoint: &Endpoint, tls: bool) -> String {
    let host = match endpoint.host() {
        Some(host) if host.contains(':') => {
            format!("[{}]", host.split('%').next().unwrap_or_default())
        }
        Some(host) => host,
        None => return "localhost".to_string(),
    };
    let usual = if tls { 443 } else { 80 };
    match endpoint.port() {
        Some(port) if port != usual => format!("{host}:{port}"),
        _ => host,
    }
}

fn push(bytes: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), Failure> {
    if !is_token(name) {
        return Err(Failure::Request(format!(
            "`{}` is not the name of a header",
            printable(name)
        )));
    }
    if value
        .iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return Err(Failure::Request(format!(
            "the value of the header `{name}` has a line break or a control character in it"
        )));
    }
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
    Ok(())
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn printable(text: &str) -> String {
    text.escape_debug().take(40).collect()
}
