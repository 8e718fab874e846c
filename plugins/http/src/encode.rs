//! The request that the parameters describe.

use alloc::format;
use alloc::string::{String, ToString};

use waitfor_sdk::Misuse;
use waitfor_sdk::http::Request;

use crate::Params;

/// Headers that belong to a user at one origin, and are not for another.
const PRIVATE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Headers that frame a message; a user's own would break the framing.
const FRAMING: [&str; 4] = [
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
];

/// Judges the parameters of the request together.
pub(crate) fn validate(params: &Params) -> Result<(), Misuse> {
    for text in &params.header {
        let (name, _) = split(text).ok_or_else(|| {
            Misuse::new(
                "bad-parameter",
                "a header to send is not written as `Name: value`",
            )
            .param("header")
        })?;
        if FRAMING
            .iter()
            .any(|header| name.eq_ignore_ascii_case(header))
        {
            return Err(Misuse::new(
                "bad-parameter",
                format!("the header `{name}` is not the user's to set"),
            )
            .param("header"));
        }
    }
    if let Some(user) = &params.user
        && user.contains(':')
    {
        return Err(Misuse::new(
            "bad-parameter",
            "a user of basic authentication has no colon in its name",
        )
        .param("user"));
    }
    if params.password.is_some() && params.user.is_none() {
        return Err(Misuse::new("bad-parameter", "there is a password, but no user").param("user"));
    }
    if params.bearer_token.is_some() && params.user.is_some() {
        return Err(Misuse::new(
            "bad-parameter",
            "a bearer token and a user exclude each other",
        )
        .param("bearer-token"));
    }
    // Everything that is no secret is tried now rather than at the service.
    build(params, &params.method, &target(params), true, true)?
        .encode("localhost")
        .map(drop)
        .map_err(|failure| match failure.into() {
            waitfor_sdk::Unready::Misuse(misuse) => misuse,
            waitfor_sdk::Unready::Pending(pending) => Misuse::new("bad-parameter", pending.reason),
        })
}

/// The request target: a URL without a path asks for `/`.
pub(crate) fn target(params: &Params) -> String {
    let path = &params.path;
    if path.starts_with('/') || path == "*" {
        path.to_string()
    } else {
        format!("/{path}")
    }
}

/// Whether requests carry something that is not for another origin.
pub(crate) fn has_credentials(params: &Params) -> bool {
    params.user.is_some() || params.bearer_token.is_some() || !params.secret_header.is_empty()
}

/// The request for the user's own origin, or for another (`home` is false),
/// which gets no credentials. Secrets are revealed unless `masked`.
pub(crate) fn build(
    params: &Params,
    method: &str,
    target: &str,
    home: bool,
    masked: bool,
) -> Result<Request, Misuse> {
    let mut request = Request::new(method, target);
    for (name, value) in params.header.iter().filter_map(|text| split(text)) {
        let private = PRIVATE
            .iter()
            .any(|header| name.eq_ignore_ascii_case(header))
            || name.eq_ignore_ascii_case("host");
        if home || !private {
            request = request.header(name, value);
        }
    }
    if let Some(host) = &params.host_header
        && home
        && !request.has("host")
    {
        request = request.header("Host", host);
    }
    if home && !masked {
        request = with_credentials(request, params)?;
    }
    for (name, value) in [("User-Agent", "waitfor"), ("Accept", "*/*")] {
        if !request.has(name) {
            request = request.header(name, value);
        }
    }
    // A request that a redirect turned into GET has lost its body.
    if let Some(body) = &params.body
        && (method == params.method)
    {
        if let Some(kind) = &params.content_type
            && !request.has("content-type")
        {
            request = request.header("Content-Type", kind);
        }
        request = request.body(body.as_bytes());
    }
    Ok(request)
}

fn with_credentials(mut request: Request, params: &Params) -> Result<Request, Misuse> {
    for secret in &params.secret_header {
        let bytes = secret.reveal();
        let text = bytes.trim_ascii();
        let colon = text.iter().position(|byte| *byte == b':');
        let Some((name, value)) = colon.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)))
        else {
            return Err(Misuse::new(
                "bad-parameter",
                "a secret header is not written as `Name: value`",
            )
            .param("secret-header"));
        };
        let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
        if FRAMING
            .iter()
            .any(|header| name.eq_ignore_ascii_case(header))
        {
            return Err(Misuse::new(
                "bad-parameter",
                "a secret header frames the message; it is not the user's to set",
            )
            .param("secret-header"));
        }
        request = request.header_bytes(&name, value.trim_ascii());
    }
    if let Some(token) = &params.bearer_token {
        let mut value = b"Bearer ".to_vec();
        value.extend_from_slice(token.reveal().trim_ascii());
        request = request.header_bytes("Authorization", &value);
    }
    if let Some(user) = &params.user {
        let mut pair = format!("{user}:").into_bytes();
        if let Some(password) = &params.password {
            pair.extend_from_slice(&password.reveal());
        }
        let value = format!("Basic {}", base64(&pair));
        request = request.header("Authorization", &value);
    }
    Ok(request)
}

/// `Name: value` in its parts.
fn split(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim(), value.trim()))
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            text.push(if place > chunk.len() {
                '='
            } else {
                char::from(ALPHABET[index as usize])
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// RFC 4648, 10.
    #[test]
    fn base64_of_the_rfc() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }
}
