//! Versions and what users may ask of them: the semantic versions of the
//! plugins, the requirements behind `@`, and the version of the contract.

use std::fmt;
use std::str::FromStr;

use semver::{Comparator, Op};

use crate::{Error, Result};

/// The most characters that a version may have; it becomes a tag.
pub const MAX_LENGTH: usize = 64;

/// A semantic version without build metadata: two versions that differ in
/// nothing else would have no order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

impl Version {
    /// Whether it is one such as `2.0.0-rc.1`, taken only when named.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// Whether those who use `other` may be given this version, or the other
    /// way round: both have the same major version, and in 0.x the same minor
    /// one.
    pub fn is_in_line_with(&self, other: &Self) -> bool {
        self.0.major == other.0.major && (self.0.major > 0 || self.0.minor == other.0.minor)
    }

    /// The first version after it that need not be
    /// [in line](Self::is_in_line_with) with it.
    pub fn next_line(&self) -> Self {
        let Self(version) = self;
        Self(match version.major {
            0 => semver::Version::new(0, version.minor.saturating_add(1), 0),
            major => semver::Version::new(major.saturating_add(1), 0, 0),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: &str| Error::Version {
            text: text.to_owned(),
            problem: problem.to_owned(),
        };
        if text.len() > MAX_LENGTH {
            return Err(refuse("it is longer than 64 characters"));
        }
        let version = semver::Version::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !version.build.is_empty() {
            return Err(refuse("a version has no build metadata here"));
        }
        Ok(Self(version))
    }
}

/// Which versions will do.
///
/// `1` is any 1.x.y, `1.2` any 1.2.y, `1.2.3` that one; `^`, `~` and `>=`
/// before a version mean what cargo means. A pre-release is taken only where
/// the requirement names one of the same version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement(Comparator);

impl Requirement {
    /// Whether `version` will do.
    pub fn matches(&self, version: &Version) -> bool {
        self.0.matches(&version.0)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        formatter.write_str(text.strip_prefix('=').unwrap_or(&text))
    }
}

impl FromStr for Requirement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: &str| Error::Requirement {
            text: text.to_owned(),
            problem: problem.to_owned(),
        };
        if text.len() > MAX_LENGTH {
            return Err(refuse("it is longer than 64 characters"));
        }
        if text.contains(char::is_whitespace) {
            return Err(refuse("it has a space"));
        }
        let (op, version) = [("^", Op::Caret), ("~", Op::Tilde), (">=", Op::GreaterEq)]
            .into_iter()
            .find_map(|(sign, op)| Some((op, text.strip_prefix(sign)?)))
            .unwrap_or((Op::Exact, text));
        if !version.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(refuse("a version starts with a digit"));
        }
        if version.contains('+') {
            return Err(refuse("a version has no build metadata here"));
        }
        if version.contains('*') {
            return Err(refuse("`*` is not known here"));
        }
        let comparator = Comparator::parse(version).map_err(|error| refuse(&error.to_string()))?;
        Ok(Self(Comparator { op, ..comparator }))
    }
}

/// A version of the contract `waitfor:probe`, without its patch number, which
/// only counts changes of its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Abi {
    /// Another number is another contract.
    pub major: u32,
    /// Grows with each addition.
    pub minor: u32,
}

impl fmt::Display for Abi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Abi {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |digits: &str| {
            let parsed: u32 = digits.parse().ok()?;
            (parsed.to_string() == digits).then_some(parsed)
        };
        text.split_once('.')
            .and_then(|(major, minor)| {
                Some(Self {
                    major: number(major)?,
                    minor: number(minor)?,
                })
            })
            .ok_or_else(|| Error::Abi {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_requirement_takes_what_it_names() {
        let cases: [(&str, &[&str], &[&str]); 9] = [
            ("1", &["1.0.0", "1.9.7"], &["0.9.0", "2.0.0", "1.2.3-rc.1"]),
            ("0", &["0.1.0", "0.9.7"], &["1.0.0"]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.1.9", "1.3.0"]),
            ("1.2.3", &["1.2.3"], &["1.2.2", "1.2.4", "1.2.3-rc.1"]),
            ("1.2.3-rc.1", &["1.2.3-rc.1"], &["1.2.3", "1.2.3-rc.2"]),
            ("^1.2", &["1.2.0", "1.9.0"], &["1.1.0", "2.0.0"]),
            (
                "^1.2.3-rc.1",
                &["1.2.3-rc.2", "1.2.3", "1.3.0"],
                &["1.3.0-rc.1"],
            ),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.2.2", "1.3.0"]),
            (">=1.2", &["1.2.0", "3.0.0"], &["1.1.9"]),
        ];
        for (text, taken, refused) in cases {
            let requirement: Requirement = text.parse().unwrap();
            for other in taken {
                assert!(requirement.matches(&version(other)), "{text} takes {other}");
            }
            for other in refused {
                assert!(
                    !requirement.matches(&version(other)),
                    "{text} refuses {other}"
                );
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_requirement() {
        let cases = [
            ("", "a version starts with a digit"),
            ("v1", "a version starts with a digit"),
            ("=1.2", "a version starts with a digit"),
            ("<2", "a version starts with a digit"),
            (">1", "a version starts with a digit"),
            ("^^1", "a version starts with a digit"),
            ("latest", "a version starts with a digit"),
            ("1.*", "`*` is not known here"),
            (">=1, <2", "it has a space"),
            ("1.2.3+build", "a version has no build metadata here"),
            (
                "1.2.3.4",
                "unexpected character '.' after patch version number",
            ),
            ("01", "invalid leading zero in major version number"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Requirement>().unwrap_err();
            let message = format!("`{text}` does not say which version is wanted: {expected}");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_version_is_whole_and_without_build_metadata() {
        assert!(version("1.10.0") > version("1.9.0"));
        assert!(version("1.0.0-rc.1").is_prerelease());
        for text in ["1", "1.2", "1.2.3+a", "v1.2.3", "", "1.2.3-"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        let long = format!("1.2.3-{}", "a".repeat(MAX_LENGTH));
        assert!(long.parse::<Version>().is_err());
    }

    #[test]
    fn a_line_ends_with_the_major_version_and_in_0_x_with_the_minor_one() {
        let cases = [
            ("1.2.3", "1.9.0", true, "2.0.0"),
            ("1.2.3", "2.0.0", false, "2.0.0"),
            ("1.2.3", "2.0.0-rc.1", false, "2.0.0"),
            ("2.0.0-rc.1", "2.0.0", true, "3.0.0"),
            ("0.1.0", "0.1.7", true, "0.2.0"),
            ("0.1.0", "0.2.0", false, "0.2.0"),
            ("0.9.0", "1.0.0", false, "0.10.0"),
        ];
        for (one, other, in_line, next) in cases {
            let one = version(one);
            assert_eq!(one.is_in_line_with(&version(other)), in_line, "{other}");
            assert_eq!(version(other).is_in_line_with(&one), in_line, "{other}");
            assert_eq!(one.next_line().to_string(), next);
        }
    }

    #[test]
    fn a_contract_has_two_numbers() {
        assert_eq!(
            "1.10".parse::<Abi>().unwrap(),
            Abi {
                major: 1,
                minor: 10
            }
        );
        for text in ["1", "1.0.0", "1.x", "01.0", "+1.0", "1.", ""] {
            let error = text.parse::<Abi>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not the version of a contract, such as 1.0")
            );
        }
    }

    proptest! {
        #[test]
        fn a_requirement_prints_as_it_was_written(
            text in r"(\^|~|>=)?(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})(-rc\.[1-9])?)?)?",
        ) {
            let requirement: Requirement = text.parse().unwrap();
            prop_assert_eq!(requirement.to_string(), text);
        }

        #[test]
        fn a_contract_prints_as_it_was_written(major: u32, minor: u32) {
            let abi = Abi { major, minor };
            prop_assert_eq!(abi.to_string().parse::<Abi>().ok(), Some(abi));
        }

        #[test]
        fn every_version_is_what_it_requires(text in r"(0|[1-9][0-9]{0,19})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(-[0-9a-zA-Z.-]{1,9})?", sign in r"(\^|~|>=)?") {
            if let Ok(version) = text.parse::<Version>() {
                let requirement: Requirement = format!("{sign}{text}").parse().unwrap();
                prop_assert!(requirement.matches(&version));
                prop_assert!(version.is_in_line_with(&version));
                if version.0.major < u64::MAX {
                    prop_assert!(!version.next_line().is_in_line_with(&version));
                }
            }
        }

        #[test]
        fn a_version_prints_as_it_was_written(text in r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(-[a-z]{1,4}\.[1-9])?") {
            let version: Version = text.parse().unwrap();
            prop_assert_eq!(version.to_string(), text);
            let exact: Requirement = version.to_string().parse().unwrap();
            prop_assert!(exact.matches(&version));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,70}") {
            let _ = text.parse::<Version>();
            let _ = text.parse::<Requirement>();
            let _ = text.parse::<Abi>();
        }
    }
}
