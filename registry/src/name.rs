//! A plugin's name is part of a command line, a configuration key and a path
//! in a registry, so its grammar is narrow enough to be safe in all three.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The most characters that each part of a name may have.
pub const MAX_PART: usize = 64;

/// Words of the command line; `waitfor NAME` must never mean two things.
/// Those that no version has used yet are kept free for later ones.
pub const RESERVED: &[&str] = &[
    "check",
    "completions",
    "config",
    "demo",
    "help",
    "init",
    "lock",
    "man",
    "plugin",
    "plugins",
    "run",
    "self",
    "update",
    "version",
    "waitfor",
];

/// `NAME`, or `TEAM/NAME` for a team's own plugin.
///
/// Each part has 1 to 64 of the characters `a`-`z`, `0`-`9` and `-`, starts
/// with a letter and does not end with `-`; a name without a team is none of
/// the [`RESERVED`] words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the slash.
    pub fn team(&self) -> Option<&str> {
        self.0.split_once('/').map(|(team, _)| team)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem| {
            Err(Error::Name {
                text: text.to_owned(),
                problem,
            })
        };
        let parts = match text.split_once('/') {
            Some((team, name)) => [Some(team), Some(name)],
            None => [Some(text), None],
        };
        for part in parts.into_iter().flatten() {
            if let Some(problem) = problem(part) {
                return refuse(problem);
            }
        }
        if RESERVED.contains(&text) {
            return refuse("the word is reserved for the command line");
        }
        Ok(Self(text.to_owned()))
    }
}

fn problem(part: &str) -> Option<&'static str> {
    let allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
    if part.is_empty() {
        Some("it has an empty part")
    } else if part.contains('/') {
        Some("it has more than one `/`")
    } else if !part.chars().all(allowed) {
        Some("only lower-case letters, digits and `-` may stand in it")
    } else if part.len() > MAX_PART {
        Some("a part is longer than 64 characters")
    } else if !part.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        Some("each part starts with a letter")
    } else if part.ends_with('-') {
        Some("a part ends with `-`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_names_with_and_without_a_team() {
        let plain: Name = "redis".parse().unwrap();
        assert_eq!((plain.as_str(), plain.team()), ("redis", None));
        let owned: Name = "acme/billing-2".parse().unwrap();
        assert_eq!(
            (owned.as_str(), owned.team()),
            ("acme/billing-2", Some("acme"))
        );
        assert!("a".repeat(MAX_PART).parse::<Name>().is_ok());
        assert!("acme/help".parse::<Name>().is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_a_name() {
        let long = "a".repeat(MAX_PART + 1);
        let cases = [
            ("", "it has an empty part"),
            ("/redis", "it has an empty part"),
            ("acme/", "it has an empty part"),
            ("a/b/c", "it has more than one `/`"),
            (
                "../redis",
                "only lower-case letters, digits and `-` may stand in it",
            ),
            (
                "Redis",
                "only lower-case letters, digits and `-` may stand in it",
            ),
            (
                "réd",
                "only lower-case letters, digits and `-` may stand in it",
            ),
            (
                "redis\n",
                "only lower-case letters, digits and `-` may stand in it",
            ),
            (&long, "a part is longer than 64 characters"),
            ("1redis", "each part starts with a letter"),
            ("--timeout", "each part starts with a letter"),
            ("redis-", "a part ends with `-`"),
            ("plugin", "the word is reserved for the command line"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Name>().unwrap_err();
            let message = format!("`{text}` is not a plugin's name: {expected}");
            assert_eq!(error.to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn prints_as_it_was_written(text in "[a-z]([a-z0-9-]{0,10}[a-z0-9])?(/[a-z]([a-z0-9-]{0,10}[a-z0-9])?)?") {
            prop_assume!(!RESERVED.contains(&text.as_str()));
            let name: Name = text.parse().unwrap();
            prop_assert_eq!(name.to_string(), text);
        }

        #[test]
        fn takes_or_refuses_every_text(text in ".{0,80}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-/".contains(&b)));
            }
        }
    }
}
