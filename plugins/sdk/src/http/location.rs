//! Where a redirect points, resolved against where it came from (RFC 3986,
//! 5.2), so that a probe can tell its own origin from another.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::connection::Endpoint;

/// Scheme, host and port: who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether it is `https`.
    pub tls: bool,
    /// Lower case, IPv6 without brackets; empty for a UNIX socket.
    pub host: String,
    /// The port, the scheme's own where none is written.
    pub port: u16,
}

/// An absolute place: an origin, and what to ask it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Who to ask.
    pub origin: Origin,
    /// Path and query.
    pub target: String,
}

impl Origin {
    /// The origin of an endpoint.
    pub fn of(endpoint: &Endpoint, tls: bool) -> Self {
        Self {
            tls,
            host: endpoint.host().unwrap_or_default().to_ascii_lowercase(),
            port: endpoint.port().unwrap_or_default(),
        }
    }

    /// `host:port`, with brackets around an IPv6 address: as `--allow` wants
    /// it.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Location {
    /// What the text of a `Location` header means to who asked for `self`;
    /// none where it is not a place that HTTP can ask. Credentials and
    /// fragment are left out.
    pub fn join(&self, text: &str) -> Option<Self> {
        let text = encode(text.trim())?;
        let text = text.split('#').next().unwrap_or_default();
        let (tls, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => match scheme.to_ascii_lowercase().as_str()
            {
                "http" => (false, rest),
                "https" => (true, rest),
                _ => return None,
            },
            _ => (self.origin.tls, text),
        };
        if let Some(rest) = rest.strip_prefix("//") {
            let at = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, target) = rest.split_at(at);
            return Some(Self {
                origin: origin(tls, authority)?,
                target: rooted(target),
            });
        }
        if rest.len() != text.len() {
            return None;
        }
        let path = self.target.split('?').next().unwrap_or("/");
        let target = match rest.bytes().next() {
            None => self.target.clone(),
            Some(b'/') => rooted(rest),
            Some(b'?') => format!("{path}{rest}"),
            Some(_) => {
                let folder = path.rfind('/').map_or("", |at| &path[..at]);
                rooted(&format!("{folder}/{rest}"))
            }
        };
        Some(Self {
            origin: self.origin.clone(),
            target,
        })
    }
}

/// Percent-encodes what may not stand in a request target; none where a
/// control character is in it.
fn encode(text: &str) -> Option<String> {
    let mut encoded = String::new();
    for character in text.chars() {
        if character.is_ascii_control() {
            return None;
        }
        if character.is_ascii_graphic() {
            encoded.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(encoded)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn origin(tls: bool, authority: &str) -> Option<Origin> {
    let address = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port)
        }
        None => {
            let at = address.find(':').unwrap_or(address.len());
            address.split_at(at)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return None,
        Some("") => None,
        Some(digits) => Some(digits.parse().ok()?),
    };
    if host.is_empty() || host.contains('%') {
        return None;
    }
    Some(Origin {
        tls,
        host: host.to_ascii_lowercase(),
        port: port.unwrap_or(if tls { 443 } else { 80 }),
    })
}

/// A path without `.` and `..`, and the query behind it.
fn rooted(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    // `/a/.` and `/a/b/..` name the folder.
    if path.ends_with("/.") || path.ends_with("/..") {
        parts.push("");
    }
    let path = format!("/{}", parts.join("/"));
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Location {
        Location {
            origin: Origin {
                tls: true,
                host: "app.example".to_string(),
                port: 8443,
            },
            target: "/a/b?x=1".to_string(),
        }
    }

    #[test]
    fn joins_what_servers_write() {
        for (text, address, target) in [
            ("/login", "app.example:8443", "/login"),
            ("c", "app.example:8443", "/a/c"),
            ("./c?y", "app.example:8443", "/a/c?y"),
            ("../c/", "app.example:8443", "/c/"),
            ("../../../c/..", "app.example:8443", "/"),
            ("?y=2", "app.example:8443", "/a/b?y=2"),
            ("", "app.example:8443", "/a/b?x=1"),
            ("/p#top", "app.example:8443", "/p"),
            ("/caf\u{e9} au", "app.example:8443", "/caf%C3%A9%20au"),
            ("https://App.Example:8443/x", "app.example:8443", "/x"),
            ("//other.example/x", "other.example:443", "/x"),
            ("HTTP://other.example", "other.example:80", "/"),
            ("http://other.example?q", "other.example:80", "/?q"),
            ("http://me:pw@other.example:81/", "other.example:81", "/"),
            ("https://[2001:DB8::1]:8200/v1", "[2001:db8::1]:8200", "/v1"),
            ("https://[2001:db8::1]/v1", "[2001:db8::1]:443", "/v1"),
        ] {
            let location = base().join(text).unwrap();
            assert_eq!(location.origin.address(), address, "{text}");
            assert_eq!(location.target, target, "{text}");
        }
    }

    #[test]
    fn refuses_what_http_cannot_ask() {
        for text in [
            "ftp://other.example/",
            "javascript:alert(1)",
            "http:/x",
            "http://",
            "http://:80/",
            "http://other.example:99999/",
            "http://[::1/",
            "http://[::1]x/",
            "/a\r\nX-Injected: 1",
            "/a\0",
        ] {
            assert_eq!(base().join(text), None, "{text}");
        }
    }

    #[test]
    fn tells_an_origin_from_another() {
        let base = base();
        assert_eq!(
            base.join("https://app.example:8443/").unwrap().origin,
            base.origin
        );
        for text in [
            "http://app.example:8443/",
            "https://app.example/",
            "https://b:8443/",
        ] {
            assert_ne!(base.join(text).unwrap().origin, base.origin, "{text}");
        }
    }
}
