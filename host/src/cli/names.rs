//! `NAME[@VERSION]`: which probe, and which version of it.

use super::redact;
use crate::error::{Error, Result};

/// A probe that the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The plugin's name.
    pub(crate) name: String,
    /// What follows the `@`.
    pub(crate) requirement: Option<String>,
}

/// Whether the text has the form of a plugin's name: lower-case words with
/// dashes, and slashes between the parts of a longer one.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 200
        && text.split('/').all(|part| {
            part.starts_with(|first: char| first.is_ascii_lowercase())
                && !part.ends_with('-')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        })
}

/// What may stand before a version.
const SIGNS: &[&str] = &["^", "~", ">="];

/// Whether the text can be a version's requirement, and no `host:port`.
fn is_requirement(text: &str) -> bool {
    let digest = text.strip_prefix("sha256:");
    let version = SIGNS
        .iter()
        .find_map(|sign| text.strip_prefix(sign))
        .unwrap_or(text);
    digest.is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || (version.starts_with(|first: char| first.is_ascii_digit())
            && version
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+')))
}

/// Reads `NAME[@VERSION]`; none if the text has another form.
pub(crate) fn read(text: &str) -> Option<Named> {
    let (name, requirement) = match text.split_once('@') {
        Some((name, requirement)) if is_requirement(requirement) => (name, Some(requirement)),
        Some(_) => return None,
        None => (text, None),
    };
    is_name(name).then(|| Named {
        name: name.to_owned(),
        requirement: requirement.map(str::to_owned),
    })
}

/// As [`read`], for a place where only a name may stand.
pub(crate) fn required(text: &str, place: &str) -> Result<Named> {
    read(text).ok_or_else(|| {
        Error::usage(format!(
            "`{}` of `{place}` is not a probe's name",
            redact::target(text)
        ))
        .hint("write NAME, NAME@1.2 or NAME@sha256:…; see `waitfor plugin list`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_versions() {
        let cases = [
            ("redis", Some(("redis", None))),
            ("redis@1", Some(("redis", Some("1")))),
            ("redis@1.2.3-rc.1", Some(("redis", Some("1.2.3-rc.1")))),
            ("acme/billing@2", Some(("acme/billing", Some("2")))),
            ("redis@sha256:0aF", Some(("redis", Some("sha256:0aF")))),
            ("redis@^1.2", Some(("redis", Some("^1.2")))),
            ("redis@~1.2.3", Some(("redis", Some("~1.2.3")))),
            ("acme/billing@>=1", Some(("acme/billing", Some(">=1")))),
            ("redis@", None),
            ("redis@^", None),
            ("redis@^^1", None),
            ("redis@=1", None),
            ("redis@~db", None),
            ("redis@db:5432", None),
            ("redis@latest", None),
            ("Redis", None),
            ("./redis", None),
            ("redis/", None),
            ("redis-", None),
            ("db.example", None),
            ("db:5432", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = read(text);
            let found = found
                .as_ref()
                .map(|named| (named.name.as_str(), named.requirement.as_deref()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
