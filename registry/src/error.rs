//! One error type for the whole crate, so that its callers can say what
//! failed, with which input, and what to do next.

use std::io;
use std::path::PathBuf;

use crate::remote::Failure;
use crate::supply::Refusal;
use crate::toml_file::Unusable;
use crate::{Digest, Name, Passed, PluginRef, Version, Why};

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
    /// A text that does not say where plugins are kept.
    #[error("`{text}` does not say where plugins are kept: {problem}")]
    Location {
        /// As given, without an account.
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
        /// Versions that are listed and not there, the newest first.
        lost: Vec<Version>,
    },
    /// A published version whose component is no probe.
    #[error("the plugin `{name}@{version}` from {place} was refused: {problem}")]
    Unfit {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// Where it is published.
        place: String,
        /// Why it is no probe.
        problem: String,
    },
    /// A version that its place lists and does not have.
    #[error("`{name}@{version}` is listed in {place}, and its manifest is not there")]
    Lost {
        /// The plugin.
        name: Name,
        /// The version.
        version: Version,
        /// The place.
        place: String,
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
    /// A folder that is no registry.
    #[error("there is no OCI image layout in `{}`", path.display())]
    NoLayout {
        /// The folder.
        path: PathBuf,
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
    /// A reason that cannot be shown to the users of a version.
    #[error("the reason {problem}")]
    Reason {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing of a plugin is published in a place.
    #[error("{place} holds no version of `{name}`")]
    NotPublished {
        /// The plugin.
        name: Name,
        /// Where it was looked for.
        place: String,
    },
    /// There are versions that match, and none may be taken.
    #[error("`{wanted}` cannot be used: {}", reasons(passed))]
    NoneUsable {
        /// As asked for.
        wanted: Box<PluginRef>,
        /// Those that match and were passed over, the newest first.
        passed: Vec<Passed>,
        /// The newest that can be used at all.
        usable: Option<Version>,
    },
    /// A plugin that a run does not get.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// A file of a project that cannot be used.
    #[error("{0}")]
    Unusable(Box<Unusable>),
    /// A file that a later program wrote.
    #[error(
        "{} has format {found}, and this waitfor {} reads {reads}",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that this program reads.
        reads: u64,
        /// The version to install, where the file says which.
        install: Option<String>,
    },
    /// Nothing says where the plugins of a team come from.
    #[error("no registry is bound to the team of `{name}` in {}", path.display())]
    NoRegistry {
        /// The plugin.
        name: Name,
        /// The configuration.
        path: PathBuf,
    },
    /// The store cannot be read or written.
    #[error("cannot {action} `{}` in the store: {source}", path.display())]
    Store {
        /// As in `read`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A store that this user does not own.
    #[error("the store `{}` belongs to another user (uid {owner})", path.display())]
    ForeignStore {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A folder with other things in it than a store has.
    #[error("`{}` is not a store: {problem}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What tells it from a store.
        problem: &'static str,
    },
    /// A component that was altered where it is kept.
    #[error("{digest} in the store holds other bytes: {found}, in `{}`", path.display())]
    StoreAltered {
        /// The digest that was expected.
        digest: Digest,
        /// The file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// A place that only its maintainers write.
    #[error("nothing can be published in {place}: {problem}")]
    ReadOnly {
        /// The place.
        place: String,
        /// Why not.
        problem: &'static str,
    },
    /// The certificates that a registry is to be trusted by.
    #[error("cannot read the certificates in `{}` for {registry}: {problem}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The registry.
        registry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A request to a registry that came to nothing.
    #[error("{0}")]
    Remote(Box<Failure>),
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

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
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
            Self::Location { .. } => Some(
                "write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official"
                    .to_owned(),
            ),
            Self::UnknownPlugin { known, .. } if known.is_empty() => None,
            Self::UnknownPlugin { known, .. } => Some(format!("there are {}", list(known))),
            Self::NoVersion { available, .. } => Some(format!("there are {}", list(available))),
            Self::NoSuchBytes { available, lost, .. } => {
                let at_hand = available
                    .iter()
                    .map(|(version, digest)| format!("{version} with {digest}"));
                let at_hand = (!available.is_empty()).then(|| format!("there are {}", list(at_hand)));
                let lost =
                    (!lost.is_empty()).then(|| format!("listed, and not there: {}", list(lost)));
                let parts: Vec<String> = [at_hand, lost].into_iter().flatten().collect();
                (!parts.is_empty()).then(|| parts.join("; "))
            }
            Self::Unfit { .. } => {
                Some("ask for another version by its number, or tell its publisher".to_owned())
            }
            Self::Lost { place, .. } => Some(format!(
                "ask who runs {place} to put it back; until then, ask for another version by its number"
            )),
            Self::Immutable(_) => Some("give what changed a new version".to_owned()),
            Self::Missing { .. } | Self::Altered { .. } => {
                Some("put the layout back from where it came".to_owned())
            }
            Self::NotAProbe { .. } => {
                Some("build it as a component that exports waitfor:probe/probing".to_owned())
            }
            Self::Reason { .. } => Some("write one line that says what is wrong with it".to_owned()),
            Self::NotPublished { .. } => Some("look at the name, and at the registry that it is bound to".to_owned()),
            Self::NoneUsable { wanted, passed, usable } => Some(way_on(wanted, passed, usable.as_ref())),
            Self::ReadOnly { .. } => Some("name another registry with --to".to_owned()),
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::Unusable(file) => file.hint.clone(),
            Self::Authorities { .. } => Some(
                "name a file of PEM certificates as `ca-file` of this registry under [registries] in waitfor.toml"
                    .to_owned(),
            ),
            Self::Remote(failure) => failure.hint(),
            Self::NewerFormat { install, .. } => Some(match install {
                Some(version) => format!("install waitfor {version} or a newer one"),
                None => "install a newer waitfor".to_owned(),
            }),
            Self::NoRegistry { name, .. } => Some(format!(
                "write `{} = \"HOST/PATH\"` under [registries], or give --registry",
                name.team().unwrap_or("default")
            )),
            Self::Store { source, .. } => Some(match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room there, or set WAITFOR_STORE to a folder with more of it; nothing that was kept is lost"
                        .to_owned()
                }
                _ => "set WAITFOR_STORE to a folder that this user can write".to_owned(),
            }),
            Self::ForeignStore { .. } | Self::NotAStore { .. } => {
                Some("set WAITFOR_STORE to a folder of your own".to_owned())
            }
            Self::StoreAltered { .. } => Some(
                "run `waitfor plugin fetch`, which puts the right bytes in their place".to_owned(),
            ),
            Self::Io { source, action, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                    "make room there and run the same command again; what was there before still is"
                        .to_owned(),
                ),
                io::ErrorKind::PermissionDenied => Some(
                    "check the permissions of the file and of the folders above it".to_owned(),
                ),
                io::ErrorKind::ReadOnlyFilesystem => {
                    Some("work in a folder that can be written".to_owned())
                }
                io::ErrorKind::NotFound if *action == "write" => {
                    Some("make its folder first".to_owned())
                }
                io::ErrorKind::NotFound if *action == "find" => Some("check the path".to_owned()),
                _ => None,
            },
            Self::NoLayout { .. } => Some(
                "check the path, which is relative to waitfor.toml; `waitfor plugin publish --to oci:FOLDER` makes such a folder"
                    .to_owned(),
            ),
            Self::Abi { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// The most versions that one message accounts for.
const MAX_REASONS: usize = 5;

fn reasons(passed: &[Passed]) -> String {
    let mut reasons: Vec<String> = passed
        .iter()
        .take(MAX_REASONS)
        .map(ToString::to_string)
        .collect();
    let more = passed.len().saturating_sub(MAX_REASONS);
    if more > 0 {
        reasons.push(format!("and so on for {more} older ones"));
    }
    reasons.join("; ")
}

/// What to do where nothing that matches may be taken.
fn way_on(wanted: &PluginRef, passed: &[Passed], usable: Option<&Version>) -> String {
    let newer = passed
        .iter()
        .any(|one| matches!(one.why, Why::Abi { .. }))
        .then_some("install a newer waitfor");
    let other = usable.map(|version| {
        format!(
            "take {}@{version}, the newest that can be used",
            wanted.name
        )
    });
    match (newer, other) {
        (Some(newer), Some(other)) => format!("{other}, or {newer}"),
        (Some(newer), None) => newer.to_owned(),
        (None, Some(other)) => other,
        (None, None) => "wait for a new version, or ask its publisher".to_owned(),
    }
}

fn list(items: impl IntoIterator<Item: ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
