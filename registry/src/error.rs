//! One error type for the whole crate, so that its callers can say what
//! failed, with which input, and what to do next.

use std::io;
use std::path::PathBuf;

use crate::{Digest, Name, Version};

/// The result of whatever may fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// What failed, with which input; [`hint`](Error::hint) is the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that is not a plugin's name.
    #[error("`{text}` is not a plugin's name: {problem}")]
    Name {
        /// As given.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A text that is not a version.
    #[error("`{text}` is not a version: {problem}")]
    Version {
        /// As given.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A text that does not say which versions will do.
    #[error("`{text}` does not say which version is wanted: {problem}")]
    Requirement {
        /// As given.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A text that is not the version of a contract.
    #[error("`{text}` is not the version of a contract, such as 1.0")]
    Abi {
        /// As given.
        text: String,
    },
    /// A text that is not a sha256.
    #[error("`{text}` is not a digest: {problem}")]
    Digest {
        /// As given.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No plugin of that name.
    #[error("there is no plugin `{name}`")]
    UnknownPlugin {
        /// As asked for.
        name: Name,
        /// Those that there are, sorted, each once.
        known: Vec<Name>,
    },
    /// No version that will do.
    #[error("no version of `{name}` matches {wanted}")]
    NoVersion {
        /// The plugin.
        name: Name,
        /// What was asked for, in words.
        wanted: String,
        /// Those that there are, the newest first.
        available: Vec<Version>,
    },
    /// No version with those bytes.
    #[error("no version of `{name}` has the digest {digest}")]
    NoSuchBytes {
        /// The plugin.
        name: Name,
        /// The digest that was asked for.
        digest: Digest,
        /// Versions and digests that there are, the newest first.
        available: Vec<(Version, Digest)>,
    },
    /// The operating system said no.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// As in `read`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A blob that a descriptor names is not there.
    #[error("{digest} is missing in {place}")]
    Missing {
        /// The blob.
        digest: Digest,
        /// Where it should be.
        place: String,
    },
    /// A blob holds other bytes than its descriptor says.
    #[error("{digest} in {place} holds other bytes: {found}")]
    Altered {
        /// The digest that was expected.
        digest: Digest,
        /// Where the bytes came from.
        place: String,
        /// What was found instead.
        found: String,
    },
    /// A layout that breaks its own format.
    #[error("{what} in {place} cannot be used: {problem}")]
    Malformed {
        /// As in `index.json`, or a digest.
        what: String,
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Bytes that are no probe.
    #[error("this is not a probe: {problem}")]
    NotAProbe {
        /// Why not.
        problem: String,
    },
    /// A published version never changes.
    #[error(
        "{}@{} is published already with other {}: {}, not {}",
        .0.name, .0.version, .0.what, .0.published, .0.offered
    )]
    Immutable(Box<Clash>),
}

/// A version that is published already, and what it was to become.
#[derive(Debug)]
pub struct Clash {
    /// The plugin.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// `bytes`, or `facts` where only what is said about them differs.
    pub what: &'static str,
    /// The digest that stands in the layout.
    pub published: Digest,
    /// The digest that was to be added.
    pub offered: Digest,
}

impl Error {
    /// The next step, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Name { .. } => Some(
                "a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`"
                    .to_owned(),
            ),
            Self::Version { .. } => Some("write it as MAJOR.MINOR.PATCH, as in 1.2.3".to_owned()),
            Self::Requirement { .. } => Some(
                "write 1 for any 1.x.y, 1.2 for any 1.2.y, 1.2.3 for that one, or ^, ~ or >= before a version"
                    .to_owned(),
            ),
            Self::Digest { .. } => {
                Some("write sha256: and 64 lower-case hexadecimal digits".to_owned())
            }
            Self::UnknownPlugin { known, .. } if known.is_empty() => None,
            Self::UnknownPlugin { known, .. } => Some(format!("there are {}", list(known))),
            Self::NoVersion { available, .. } => Some(format!("there are {}", list(available))),
            Self::NoSuchBytes { available, .. } => Some(format!(
                "there are {}",
                list(
                    available
                        .iter()
                        .map(|(version, digest)| format!("{version} with {digest}"))
                )
            )),
            Self::Immutable(_) => Some("give what changed a new version".to_owned()),
            Self::Missing { .. } | Self::Altered { .. } => {
                Some("put the layout back from where it came".to_owned())
            }
            Self::NotAProbe { .. } => {
                Some("build it as a component that exports waitfor:probe/probing".to_owned())
            }
            Self::Abi { .. } | Self::Io { .. } | Self::Malformed { .. } => None,
        }
    }
}

fn list(items: impl IntoIterator<Item: ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
