//! What a user writes to pick a plugin: `NAME`, `NAME@1.2` or
//! `NAME@sha256:…`.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, Error, Name, Requirement, Result, digest};

/// What stands behind `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// Nothing: the newest release.
    Newest,
    /// The newest version that will do.
    Version(Requirement),
    /// Those very bytes.
    Bytes(Digest),
}

/// A plugin as the user asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PluginRef {
    /// Which plugin.
    pub name: Name,
    /// Which of its versions.
    pub reference: Reference,
}

impl fmt::Display for PluginRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name)?;
        match &self.reference {
            Reference::Newest => Ok(()),
            Reference::Version(requirement) => write!(formatter, "@{requirement}"),
            Reference::Bytes(digest) => write!(formatter, "@{digest}"),
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    /// From the text behind `@`.
    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with(digest::PREFIX) {
            text.parse().map(Self::Bytes)
        } else {
            text.parse().map(Self::Version)
        }
    }
}

impl FromStr for PluginRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, reference) = match text.split_once('@') {
            Some((name, reference)) => (name, reference.parse()?),
            None => (text, Reference::Newest),
        };
        Ok(Self {
            name: name.parse()?,
            reference,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tells_versions_from_digests() {
        let digest = Digest::of(b"abc");
        let pinned: PluginRef = format!("acme/billing@{digest}").parse().unwrap();
        assert_eq!(pinned.reference, Reference::Bytes(digest));
        let newest: PluginRef = "redis".parse().unwrap();
        assert_eq!(newest.reference, Reference::Newest);
        let ranged: PluginRef = "redis@1.2".parse().unwrap();
        assert_eq!(ranged.reference, Reference::Version("1.2".parse().unwrap()));
    }

    #[test]
    fn an_error_names_the_part_that_is_wrong() {
        let cases = [
            (
                "Redis@1",
                "`Redis` is not a plugin's name: only lower-case letters, digits and `-` may stand in it",
            ),
            (
                "redis@",
                "`` does not say which version is wanted: a version starts with a digit",
            ),
            (
                "redis@1@2",
                "`1@2` does not say which version is wanted: unexpected character '@' after major version number",
            ),
            (
                "redis@sha256:12",
                "`sha256:12` is not a digest: it has not 64 hexadecimal digits",
            ),
            ("@1", "`` is not a plugin's name: it has an empty part"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<PluginRef>().unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn prints_as_it_was_written(text in r"([a-z]{1,5}x/)?[a-z]{1,5}x(@(\^|~|>=)?[1-9]\.[0-9]|@sha256:[0-9a-f]{64})?") {
            let plugin: PluginRef = text.parse().unwrap();
            prop_assert_eq!(plugin.to_string(), text);
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,90}") {
            if let Ok(plugin) = text.parse::<PluginRef>() {
                prop_assert_eq!(plugin.to_string(), text);
            }
        }
    }
}
