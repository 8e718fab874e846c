//! The syntax of target URLs, without knowledge of any probe.
//!
//! RFC 3986 where clients agree with it, and what they take besides: a list
//! of hosts, a password with a bare `@` or `:`. Where a mistake could put a
//! part of a password into another place, it is an error instead of a guess.
//! Reasons returned as text never repeat a part of the URL.

use percent_encoding::percent_decode_str;

/// What a reason says where a password is the likely cause.
pub(crate) const ENCODE: &str = "in a URL's user and password write `/` as %2F, `?` as %3F, `#` as %23, `@` as %40 and `%` as %25";

/// Whether the text can be a URL's scheme.
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// The scheme in lower case, and what follows `://`; none if the text is no
/// URL. `jdbc:` in front is passed over.
pub(crate) fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = match scheme.split_once(':') {
        Some((prefix, scheme)) if prefix.eq_ignore_ascii_case("jdbc") => scheme,
        _ => scheme,
    };
    is_scheme(scheme).then(|| (scheme.to_ascii_lowercase(), rest))
}

/// A URL's parts after its scheme, as written: still percent-encoded.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Parts<'a> {
    /// Before the first `:` of the credentials.
    pub(crate) user: Option<&'a str>,
    /// After it.
    pub(crate) password: Option<&'a str>,
    /// Whether a `:` stands before the path: a password may follow it.
    pub(crate) colon: bool,
    /// The hosts with their ports.
    pub(crate) hosts: &'a str,
    /// From the first slash on; for a socket its path.
    pub(crate) path: &'a str,
    /// After the `?`.
    pub(crate) query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Takes apart what follows `scheme://`; with `socket`, the path is that
    /// of a UNIX socket and there is no host.
    pub(crate) fn split(rest: &'a str, socket: bool) -> Result<Self, &'static str> {
        if rest.contains('#') {
            return Err("it holds a `#`");
        }
        let (before, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        // An abstract socket's name starts with `@`, as if after credentials.
        if socket && before.starts_with('@') {
            return Ok(Self {
                path: before,
                query,
                ..Self::default()
            });
        }
        let slash = before.find('/').unwrap_or(before.len());
        let (authority, path) = before.split_at(slash);
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        let (user, password) = match credentials.map(|text| (text, text.split_once(':'))) {
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
            Some((user, None)) => (Some(user), None),
            None => (None, None),
        };
        if socket && !hosts.is_empty() {
            return Err("the socket's path does not start with `/`");
        }
        let given = |text: &&str| !text.is_empty();
        Ok(Self {
            user: user.filter(given),
            password: password.filter(given),
            colon: authority.contains(':'),
            hosts,
            path,
            query,
        })
    }

    /// The pairs of the query, as written; a key without `=` has no value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        pairs(self.query.unwrap_or_default())
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let given = query.split('&').filter(|pair| !pair.is_empty());
    given.map(|pair| match pair.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (pair, None),
    })
}

/// The decoded values in the query of an HTTP request's target; what stands
/// there without a key is one, too.
pub(crate) fn query_values(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    pairs(query).map(|(key, value)| percent_decode_str(value.unwrap_or(key)).collect())
}

/// The bytes that a percent-encoded text stands for.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let sound = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    });
    if !sound {
        return Err("it holds a `%` that two hexadecimal digits do not follow");
    }
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    if bytes.contains(&0) {
        return Err("it holds %00");
    }
    Ok(bytes)
}

/// As [`decode`], where the bytes must be a text.
pub(crate) fn decode_text(text: &str) -> Result<String, &'static str> {
    String::from_utf8(decode(text)?).map_err(|_| "what it encodes is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, Parts<'_>) {
        let (scheme, rest) = split_scheme(text).unwrap();
        let socket = scheme.contains("unix");
        (
            scheme,
            Parts::split(rest, socket).unwrap_or_else(|reason| panic!("{text}: {reason}")),
        )
    }

    #[test]
    fn takes_urls_apart() {
        // URL, scheme, user, password, hosts, path, query
        let cases = [
            ("redis://h", "redis", None, None, "h", "", None),
            ("REDIS://H:1/0", "redis", None, None, "H:1", "/0", None),
            ("redis://:pw@h", "redis", None, Some("pw"), "h", "", None),
            (
                "postgres://u@h/d?a=b",
                "postgres",
                Some("u"),
                None,
                "h",
                "/d",
                Some("a=b"),
            ),
            (
                "postgres://u:a:b@c@h/d",
                "postgres",
                Some("u"),
                Some("a:b@c"),
                "h",
                "/d",
                None,
            ),
            (
                "postgres://u:@h",
                "postgres",
                Some("u"),
                None,
                "h",
                "",
                None,
            ),
            (
                "postgres://a,b:1,[::1]:2/d",
                "postgres",
                None,
                None,
                "a,b:1,[::1]:2",
                "/d",
                None,
            ),
            ("postgres:///d", "postgres", None, None, "", "/d", None),
            ("http://h?a@b/c", "http", None, None, "h", "", Some("a@b/c")),
            (
                "jdbc:postgresql://h/d",
                "postgresql",
                None,
                None,
                "h",
                "/d",
                None,
            ),
            (
                "vault+http://h:1",
                "vault+http",
                None,
                None,
                "h:1",
                "",
                None,
            ),
            (
                "unix:///run/x?db=1",
                "unix",
                None,
                None,
                "",
                "/run/x",
                Some("db=1"),
            ),
            (
                "redis+unix://u:p@/run/x",
                "redis+unix",
                Some("u"),
                Some("p"),
                "",
                "/run/x",
                None,
            ),
            ("unix://@name/x", "unix", None, None, "", "@name/x", None),
        ];
        for (text, scheme, user, password, hosts, path, query) in cases {
            let (found, parts) = split(text);
            assert_eq!(found, scheme, "{text}");
            let parts = (
                parts.user,
                parts.password,
                parts.hosts,
                parts.path,
                parts.query,
            );
            assert_eq!(parts, (user, password, hosts, path, query), "{text}");
        }
    }

    #[test]
    fn tells_what_is_no_url() {
        for text in [
            "db:5432",
            "://h",
            "1a://h",
            "a b://h",
            "x:y://h",
            "host=a://b",
            "",
        ] {
            assert_eq!(split_scheme(text), None, "{text}");
        }
        assert_eq!(Parts::split("h/#x", false).err(), Some("it holds a `#`"));
        assert!(Parts::split("var/run/x.sock", true).is_err());
    }

    #[test]
    fn splits_queries() {
        let (_, parts) = split("a://h?x=1&y&&z=a=b&w=");
        let pairs: Vec<_> = parts.pairs().collect();
        let expected = [
            ("x", Some("1")),
            ("y", None),
            ("z", Some("a=b")),
            ("w", Some("")),
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn decodes_strictly() {
        assert_eq!(decode_text("p%40%3A%2f+%C3%A9").as_deref(), Ok("p@:/+é"));
        assert_eq!(decode("%ff"), Ok(vec![0xff]));
        assert!(decode_text("%ff").is_err());
        for wrong in ["%", "100%", "%4", "%zz", "a%00b", "%é0"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}
