//! How users write where plugins come from: in the configuration, in the lock
//! and behind `--registry`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Error, Name, Result};

/// The word for the probes inside the program.
pub const OFFICIAL: &str = "official";

/// What stands before the path of a folder.
pub const FOLDER: &str = "oci:";

/// The most characters that the location of a registry may have.
const MAX_LENGTH: usize = 512;

/// Where plugins come from, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// `official`: the probes inside the program.
    Official,
    /// `oci:PATH`: an OCI image layout folder. The path is relative to the
    /// folder of `waitfor.toml`, since a lock names no machine's paths.
    Folder(PathBuf),
    /// `HOST[:PORT]/PATH`: an OCI distribution registry.
    Remote(Remote),
}

/// A prefix of repositories in an OCI distribution registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remote {
    /// `HOST` or `HOST:PORT`, in lower case; an IPv6 address stands in
    /// brackets.
    pub authority: String,
    /// The path without slashes at its ends; may be empty.
    pub path: String,
}

impl Remote {
    /// The repository of a plugin: its whole name behind the path, so that
    /// two teams in one registry never meet.
    pub fn repository(&self, name: &Name) -> String {
        if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{}/{name}", self.path)
        }
    }

    /// The host without its port and brackets.
    pub fn host(&self) -> &str {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
            _ => &self.authority,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is on this machine, where plain HTTP gives nothing away.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.authority)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(formatter, "/{}", self.path)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Official => formatter.write_str(OFFICIAL),
            Self::Folder(path) => write!(formatter, "{FOLDER}{}", path.display()),
            Self::Remote(remote) => fmt::Display::fmt(remote, formatter),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem| Error::Location {
            // Credentials may stand in what looks like a URL.
            text: match text.rsplit_once('@') {
                Some((_, rest)) => format!("…@{rest}"),
                None => text.to_owned(),
            },
            problem,
        };
        if text == OFFICIAL {
            return Ok(Self::Official);
        }
        if text.len() > MAX_LENGTH {
            return Err(refuse("it is longer than 512 characters"));
        }
        if text.chars().any(|letter| letter.is_control()) {
            return Err(refuse("it has control characters"));
        }
        if let Some(path) = text.strip_prefix(FOLDER) {
            if path.starts_with("//") {
                return Err(refuse("the scheme has no place in it"));
            }
            if path.is_empty() {
                return Err(refuse("the folder's path is missing"));
            }
            if Path::new(path).is_absolute() {
                return Err(refuse("the folder's path is not a relative one"));
            }
            return Ok(Self::Folder(PathBuf::from(path)));
        }
        remote(text).map(Self::Remote).map_err(refuse)
    }
}

fn remote(text: &str) -> std::result::Result<Remote, &'static str> {
    if text.contains("://") {
        return Err("the scheme has no place in it");
    }
    if text.contains('@') {
        return Err("accounts have no place in it");
    }
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    if authority.is_empty() {
        return Err("the host is missing");
    }
    let authority = authority.to_ascii_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (authority.as_str(), None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err("the port is not a number from 1 to 65535");
    }
    let bracketed = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    let is_host = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }),
    };
    if !is_host {
        return Err("the host is neither a name nor an address");
    }
    // As docker tells a registry from a repository: without this, the first
    // word of a path would be asked for as a host.
    if host != "localhost" && port.is_none() && bracketed.is_none() && !host.contains('.') {
        return Err("the host has neither a dot nor a port");
    }
    // OCI distribution specification 1.1, "pulling manifests".
    let is_path = path.is_empty()
        || path.split('/').all(|part| {
            let edge = |byte: Option<&u8>| {
                byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            };
            edge(part.as_bytes().first())
                && edge(part.as_bytes().last())
                && part.bytes().all(|byte| {
                    byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || matches!(byte, b'.' | b'_' | b'-')
                })
        });
    if !is_path {
        return Err(
            "each part of the path has lower-case letters, digits, `.`, `_` and `-`, and starts and ends with one of the first two",
        );
    }
    Ok(Remote {
        authority,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_it_prints(text in r"(oci:)?(\[::[0-9a-f]{0,4}\]|[A-Za-z0-9-]{1,9}(\.[a-z0-9-]{1,9}){0,2})(:[0-9]{1,5})?(/[a-z0-9._-]{1,9}){0,3}") {
            if let Ok(location) = text.parse::<Location>() {
                prop_assert_eq!(location.to_string().parse::<Location>().ok(), Some(location));
            }
        }

        #[test]
        fn no_text_is_too_odd(text in r"(oci:|://|[@:/\[\].]|\PC){0,9}") {
            if let Err(error) = text.parse::<Location>()
                && let Some((account, _)) = text.rsplit_once('@')
                && account.len() > 20
            {
                prop_assert!(!error.to_string().contains(account), "{}", error);
            }
        }
    }

    #[test]
    fn prints_as_it_was_written() {
        for text in [
            "official",
            "oci:probes",
            "oci:../shared/probes",
            "registry.acme.example",
            "registry.acme.example/ci/probes",
            "localhost:5000/probes",
            "127.0.0.1:5000",
            "[::1]:5000/a",
            "registry:5000/a",
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
        }
    }

    #[test]
    fn a_plugin_has_a_repository_of_its_own() {
        let of = |text: &str| match text.parse().unwrap() {
            Location::Remote(remote) => remote,
            other => panic!("{other} is not remote"),
        };
        let name: Name = "acme/billing".parse().unwrap();
        assert_eq!(of("h.example/ci").repository(&name), "ci/acme/billing");
        assert_eq!(of("h.example").repository(&name), "acme/billing");
        for (text, host, loopback) in [
            ("[::1]:5000/a", "::1", true),
            ("127.0.0.9:1", "127.0.0.9", true),
            ("localhost", "localhost", true),
            ("h.example:1", "h.example", false),
        ] {
            assert_eq!((of(text).host(), of(text).is_loopback()), (host, loopback));
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_location() {
        let cases = [
            ("", "the host is missing"),
            ("https://h.example/a", "the scheme has no place in it"),
            ("oci://h.example/a", "the scheme has no place in it"),
            ("oci:", "the folder's path is missing"),
            ("oci:/srv/probes", "the folder's path is not a relative one"),
            ("probes/a", "the host has neither a dot nor a port"),
            ("h.example:0/a", "the port is not a number from 1 to 65535"),
            ("h..example/a", "the host is neither a name nor an address"),
            ("h.example/a\nb", "it has control characters"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Location>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` does not say where plugins are kept: {expected}")
            );
        }
        for path in ["A", "a//b", "a/", "../a", "-a"] {
            let text = format!("h.example/{path}");
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
        let error = "user:hunter2@h.example/a".parse::<Location>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
