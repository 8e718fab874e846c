//! Hosts and ports as users write them.
//!
//! Reasons never repeat the text: what stands where a port should be may be a
//! password.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use super::url;
use crate::model::Address;

/// The longest host name, in bytes; DNS allows 253.
const LONGEST_HOST: usize = 255;

/// A host without brackets, and the port if one is written.
pub(crate) type HostPort = (String, Option<u16>);

/// Reads a port.
pub(crate) fn port(text: &str) -> Result<u16, &'static str> {
    let digits = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err("the port is not a number from 1 to 65535"),
    }
}

/// Checks a host's name or address, without brackets.
pub(crate) fn host(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("the host is empty");
    }
    if text.len() > LONGEST_HOST {
        return Err("the host is too long");
    }
    let odd = |letter: char| {
        letter.is_control()
            || letter.is_whitespace()
            || matches!(
                letter,
                '[' | ']' | '/' | '\\' | '@' | '?' | '#' | '=' | '<' | '>' | '"' | '`'
            )
    };
    if text.chars().any(odd) {
        return Err("the host holds a character that no name or address has");
    }
    if text.contains(':') && !is_ipv6(text) {
        return Err("the host is not an IPv6 address");
    }
    Ok(text.to_owned())
}

/// An IPv6 address, with or without a zone.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok()
}

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`; an empty port is none.
/// The host may be empty and is not yet checked.
fn split(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or("an IPv6 address lacks its `]`")?;
        return match after.strip_prefix(':') {
            Some("") => Ok((host, None)),
            Some(digits) => Ok((host, Some(port(digits)?))),
            None if after.is_empty() => Ok((host, None)),
            None => Err("after the `]` of an IPv6 address only a port may follow"),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, more)) if more.contains(':') => {
            Err("an IPv6 address needs brackets, as in [::1]:80")
        }
        Some((host, "")) => Ok((host, None)),
        Some((host, digits)) => Ok((host, Some(port(digits)?))),
    }
}

/// Reads `host:port` as a target or as `--allow` has it; the port must be there.
pub(crate) fn host_and_port(text: &str) -> Result<(String, u16), &'static str> {
    let (name, port) = split(text)?;
    let name = host(name)?;
    Ok((name, port.ok_or("the port is missing")?))
}

/// Reads the hosts of a URL: percent-decoded, several after commas. Where
/// nothing at all is written, the list is empty; a port alone has an empty
/// host.
pub(crate) fn url_hosts(text: &str) -> Result<Vec<HostPort>, &'static str> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let alone = !text.contains(',');
    text.split(',')
        .map(|one| {
            let (name, port) = split(one)?;
            let name = url::decode_text(name)?;
            if (name.is_empty() && alone && port.is_some()) || is_socket(&name) {
                return Ok((name, port));
            }
            Ok((host(&name)?, port))
        })
        .collect()
}

/// Joins lists of hosts and ports as libpq does: one port for all, or one for
/// each; an empty host is left empty, an empty port is none.
pub(crate) fn lists(hosts: &str, ports: Option<&str>) -> Result<Vec<HostPort>, &'static str> {
    let hosts: Vec<&str> = hosts.split(',').map(str::trim).collect();
    let ports: Vec<&str> = ports
        .map(|ports| ports.split(',').map(str::trim).collect())
        .unwrap_or_default();
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err("the lists of hosts and ports differ in length");
    }
    hosts
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let digits = ports
                .get(at)
                .or(ports.first())
                .filter(|digits| !digits.is_empty());
            let port = digits.map(|digits| port(digits)).transpose()?;
            let bare = name
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(name);
            if bare.is_empty() || is_socket(bare) {
                return Ok((bare.to_owned(), port));
            }
            Ok((host(bare)?, port))
        })
        .collect()
}

/// Whether a host is the path of a socket, or of its folder, instead.
pub(crate) fn is_socket(host: &str) -> bool {
    host.starts_with('/') || host.starts_with('@')
}

/// The address of a host that [`is_socket`]: with `libpq` it is the folder of
/// PostgreSQL's socket for the port.
pub(crate) fn socket(path: &str, port: u16, libpq: bool) -> Address {
    let file = path.rsplit('/').next().unwrap_or_default();
    if !libpq || file.starts_with(".s.PGSQL.") {
        return Address::Unix(PathBuf::from(path));
    }
    let folder = path.trim_end_matches('/');
    Address::Unix(PathBuf::from(format!("{folder}/.s.PGSQL.{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_host_and_port() {
        let good = [
            ("db:5432", "db", 5432),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:65535", "::1", 65535),
            ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
            ("my_host.example.:80", "my_host.example.", 80),
        ];
        for (text, host, port) in good {
            assert_eq!(host_and_port(text), Ok((host.to_owned(), port)), "{text}");
        }
        let wrong = [
            ("db", "the port is missing"),
            ("db:", "the port is missing"),
            (":5432", "the host is empty"),
            ("db:0", "the port is not a number from 1 to 65535"),
            ("db:65536", "the port is not a number from 1 to 65535"),
            ("db:abc", "the port is not a number from 1 to 65535"),
            ("db:+80", "the port is not a number from 1 to 65535"),
            ("db:000080", "the port is not a number from 1 to 65535"),
            ("::1:80", "an IPv6 address needs brackets, as in [::1]:80"),
            ("[::1:80", "an IPv6 address lacks its `]`"),
            (
                "[::1]80",
                "after the `]` of an IPv6 address only a port may follow",
            ),
            ("[::x]:80", "the host is not an IPv6 address"),
            (
                "a b:80",
                "the host holds a character that no name or address has",
            ),
            (
                "./x:80",
                "the host holds a character that no name or address has",
            ),
            (
                "u@h:80",
                "the host holds a character that no name or address has",
            ),
        ];
        for (text, reason) in wrong {
            assert_eq!(host_and_port(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn reads_lists() {
        let one = |host: &str, port| (host.to_owned(), port);
        assert_eq!(url_hosts(""), Ok(vec![]));
        assert_eq!(url_hosts(":5"), Ok(vec![one("", Some(5))]));
        assert_eq!(
            url_hosts("a,b:1,[::1]:2,%2Frun%2Fpg"),
            Ok(vec![
                one("a", None),
                one("b", Some(1)),
                one("::1", Some(2)),
                one("/run/pg", None)
            ])
        );
        assert!(url_hosts("a,,b").is_err());
        assert_eq!(
            lists("a,b", Some("7")),
            Ok(vec![one("a", Some(7)), one("b", Some(7))])
        );
        assert_eq!(
            lists("a, b", Some("7,8")),
            Ok(vec![one("a", Some(7)), one("b", Some(8))])
        );
        assert_eq!(
            lists("a,,::1", None),
            Ok(vec![one("a", None), one("", None), one("::1", None)])
        );
        assert!(lists("a,b,c", Some("7,8")).is_err());
        assert!(lists("a:1", None).is_err());
    }

    #[test]
    fn finds_postgres_sockets() {
        let path = |address| match address {
            Address::Unix(path) => path.display().to_string(),
            Address::Tcp { .. } => String::new(),
        };
        assert_eq!(path(socket("/run/pg/", 7, true)), "/run/pg/.s.PGSQL.7");
        assert_eq!(path(socket("@pg", 7, true)), "@pg/.s.PGSQL.7");
        assert_eq!(path(socket("/run/.s.PGSQL.9", 7, true)), "/run/.s.PGSQL.9");
        assert_eq!(path(socket("/run/redis.sock", 7, false)), "/run/redis.sock");
    }
}
