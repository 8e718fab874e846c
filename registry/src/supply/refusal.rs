//! Why a plugin is not handed to a run, so that each case has its own words
//! and its own next step.

use std::fmt;
use std::path::PathBuf;

use crate::project::Disagreement;
use crate::{Digest, Location, Name, Reference, Version, config};

/// A plugin that a run does not get.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Lock and request say different things.
    #[error("{name} is locked at {version}, and `{}` does not allow it", asked(.name, .wanted))]
    Locked {
        /// The plugin.
        name: Name,
        /// What is locked.
        version: Version,
        /// What the command line asks for.
        wanted: Reference,
    },
    /// Lock and configuration say different things.
    #[error(
        "{name} is locked at {version}, and waitfor.toml asks for `{}`",
        config::requirement(.wanted)
    )]
    Stale {
        /// The plugin.
        name: Name,
        /// What is locked.
        version: Version,
        /// What the configuration asks for.
        wanted: Reference,
    },
    /// The configuration and the command line exclude each other.
    #[error(
        "waitfor.toml asks for {name} {}, and the command line for `{}`: {version} is not both",
        config::requirement(.configured), asked(.name, .wanted)
    )]
    Incompatible {
        /// The plugin.
        name: Name,
        /// What the configuration asks for.
        configured: Reference,
        /// What the command line asks for.
        wanted: Reference,
        /// What would have been taken.
        version: Version,
    },
    /// In the configuration, and not in the lock.
    #[error("{name} is in waitfor.toml and not in {}", .lock.display())]
    NotLocked {
        /// The plugin.
        name: Name,
        /// The lock.
        lock: PathBuf,
    },
    /// Something is used that is not locked, and `--locked` forbids that.
    #[error("{name} is not locked, and --locked allows nothing else")]
    Loose {
        /// The plugin.
        name: Name,
    },
    /// There is no lock, and `--locked` needs one.
    #[error("there is no {}, and --locked allows nothing that is not locked", .lock.display())]
    NoLock {
        /// Where it would be.
        lock: PathBuf,
    },
    /// Lock and configuration disagree, and `--locked` forbids that.
    #[error("{} and waitfor.toml disagree: {}", .lock.display(), disagreements(.found))]
    Disagree {
        /// The lock.
        lock: PathBuf,
        /// Where.
        found: Vec<Disagreement>,
    },
    /// The bytes are nowhere on this machine, and the network is forbidden.
    #[error("{name}@{version} is not at hand, and --offline forbids to fetch it; it was looked for in {}", .places.join(", "))]
    NotAtHand {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// Where its bytes could have been.
        places: Vec<String>,
    },
    /// Nothing on this machine will do, and the network is forbidden.
    #[error("no version of {name} is at hand, and --offline forbids to ask {registry}")]
    NoneAtHand {
        /// The plugin.
        name: Name,
        /// Where it would be asked for.
        registry: Location,
    },
    /// The registry must be asked, and the network is forbidden.
    #[error("--offline forbids to ask {registry}")]
    Offline {
        /// Which one.
        registry: Location,
    },
    /// The registry publishes other bytes under the version than were locked.
    #[error(
        "{name}@{version} at {registry} has other bytes than were locked: {found}, not {locked}"
    )]
    Moved {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// Where it comes from.
        registry: Location,
        /// What is locked.
        locked: Digest,
        /// What is published now.
        found: Digest,
    },
    /// The registry shows something else under the version than was locked.
    #[error("{name}@{version} at {registry} is not what was locked: {problem}")]
    Replaced {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// Where it comes from.
        registry: Location,
        /// What is there.
        problem: String,
    },
    /// A copy holds other bytes under the digest.
    #[error(
        "{name}@{version} in {place} has other bytes than were {}: {found}",
        if *.pinned { "locked" } else { "fetched" }
    )]
    Altered {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// The folder or file.
        place: String,
        /// Whether the lock says which they are to be.
        pinned: bool,
        /// What is there, and what should be.
        found: String,
        /// What puts the right bytes there.
        mend: Mend,
    },
    /// The bytes are right, and their number in the lock is not.
    #[error("the lock says that {name}@{version} has {said} bytes, and sha256:{} has {found}", .component.hex())]
    WrongSize {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// What is locked.
        component: Digest,
        /// The size in the lock.
        said: u64,
        /// The size of the component.
        found: u64,
    },
    /// The registry has the version no longer.
    #[error("{registry} holds {name}@{version} no longer")]
    Gone {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// Where it came from.
        registry: Location,
    },
    /// Another program's official probe.
    #[error("{name}@{version} is an official probe that this waitfor {} does not hold", env!("CARGO_PKG_VERSION"))]
    NotInside {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
    },
    /// The vendored folder that the configuration names is not there.
    #[error("the vendored folder `{}` is missing", .folder.display())]
    NoVendor {
        /// The folder.
        folder: PathBuf,
    },
    /// A file that the user named is not there.
    #[error("there is no file `{}`", .path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// There is no folder for the store.
    #[error("there is no folder for the store of plugins: the user has no home")]
    NoStore,
}

/// Which copy holds other bytes, and so what puts the right ones there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// The vendored folder.
    Vendor,
    /// The store.
    Store,
    /// A folder that is the plugin's registry.
    Registry,
}

impl Mend {
    fn advice(self) -> &'static str {
        match self {
            Self::Vendor => "`waitfor plugin vendor` puts the right bytes there",
            Self::Store => "`waitfor plugin fetch` puts the right bytes there",
            Self::Registry => "put the folder back from where it came",
        }
    }
}

/// The request as a user writes it.
fn asked(name: &Name, wanted: &Reference) -> String {
    match wanted {
        Reference::Newest => name.to_string(),
        Reference::Version(requirement) => format!("{name}@{requirement}"),
        Reference::Bytes(digest) => format!("{name}@{digest}"),
    }
}

fn disagreements(found: &[Disagreement]) -> String {
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl fmt::Display for Disagreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = config::requirement;
        match self {
            Self::Missing { name, wanted } => {
                write!(formatter, "{name} `{}` is not locked", text(wanted))
            }
            Self::Requirement {
                name,
                wanted,
                locked,
            } => write!(
                formatter,
                "{name} is wanted as `{}` and was locked for `{}`",
                text(wanted),
                text(locked)
            ),
            Self::Version {
                name,
                wanted,
                version,
            } => write!(
                formatter,
                "{name} is wanted as `{}` and locked at {version}",
                text(wanted)
            ),
            Self::Registry {
                name,
                wanted,
                locked,
            } => write!(
                formatter,
                "{name} is wanted from {wanted} and was locked from {locked}"
            ),
            Self::Unwanted { name, version } => {
                write!(formatter, "{name} {version} is locked and not wanted")
            }
        }
    }
}

impl Refusal {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::Locked { name, wanted, .. } => match wanted {
                Reference::Newest => format!("waitfor plugin update {name}"),
                _ => format!(
                    "run `waitfor plugin add {}` and commit both files, or ask for the locked version",
                    asked(name, wanted)
                ),
            },
            Self::Stale { .. }
            | Self::NotLocked { .. }
            | Self::NoLock { .. }
            | Self::Disagree { .. } => "run `waitfor plugin lock` and commit the lock".to_owned(),
            Self::Incompatible { name, wanted, .. } => format!(
                "change one of the two; `waitfor plugin add {}` changes waitfor.toml",
                asked(name, wanted)
            ),
            Self::Loose { name } => {
                format!("run `waitfor plugin add {name}` and commit both files")
            }
            Self::NotAtHand { .. } => {
                "run `waitfor plugin fetch` while there is a network, or `waitfor plugin vendor`"
                    .to_owned()
            }
            Self::NoneAtHand { name, .. } => {
                format!("run `waitfor plugin add {name}` while there is a network")
            }
            Self::Offline { .. } => "leave --offline and --frozen away".to_owned(),
            Self::Moved { name, .. } | Self::Replaced { name, .. } => format!(
                "a published version never changes: do not run these bytes, and ask the publisher of {name} what happened"
            ),
            Self::Altered {
                mend: Mend::Store,
                pinned: false,
                ..
            } => "none of it was used; without --offline it is fetched again".to_owned(),
            Self::Altered { mend, .. } => format!("none of it was used; {}", mend.advice()),
            Self::WrongSize { name, .. } => format!(
                "take the lock back from version control, or run `waitfor plugin remove {name}` and `waitfor plugin add {name}`"
            ),
            Self::Gone { name, .. } => format!(
                "ask its publisher, or take another version with `waitfor plugin update {name}`"
            ),
            Self::NotInside { .. } => {
                "install the waitfor that it was locked with, or a newer one".to_owned()
            }
            Self::NoVendor { .. } => {
                "run `waitfor plugin vendor`, or take [vendor] out of waitfor.toml".to_owned()
            }
            Self::NoFile { .. } => {
                "look at --config and --lock-file, also as WAITFOR_CONFIG and WAITFOR_LOCK_FILE"
                    .to_owned()
            }
            Self::NoStore => "set WAITFOR_STORE to a folder of your own".to_owned(),
        }
    }
}
