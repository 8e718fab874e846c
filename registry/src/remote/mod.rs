//! A team keeps its plugins in the container registry that it has already:
//! a client of the OCI distribution specification 1.1 that expects any answer
//! and believes none.
//!
//! - `transport` makes one HTTP exchange, `body` bounds its answer;
//! - `peer` follows redirects and is patient, `challenge`, `account` and
//!   `login` convince a registry that wants to know who asks;
//! - `pull` and `push` read and write what a registry holds;
//! - here, mirrors and the registry itself become one [`Registry`].

mod account;
mod body;
mod challenge;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod helper;
mod login;
mod peer;
mod pull;
mod push;
mod transport;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

pub use account::account_files;
pub use body::SLOWEST;
pub use failure::{Asker, Failure, Problem};

use crate::location::Remote;
use crate::oci::{self, Descriptor};
use crate::statement::{self, Statement};
use crate::{
    Added, Digest, Documents, Error, Name, Published, Registry, Release, Result, Standing, Version,
    release,
};
use peer::Peer;
use pull::Found;
use transport::Transport;

/// How long after a version was written it is looked at again.
const SETTLING: Duration = Duration::from_millis(50);

/// How a registry is talked to.
///
/// Whether that is encrypted follows from three of these: never where
/// `plain_http` is set; on this machine (`localhost`, `127.0.0.0/8`, `::1`)
/// only where `ca_file` is set; and always else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSettings {
    /// Certificates (PEM) of authorities that are trusted beside those of
    /// the system.
    pub ca_file: Option<PathBuf>,
    /// Whether to do without encryption, also for the mirrors. What an
    /// account is proved with goes over the wire as well.
    pub plain_http: bool,
    /// Registries that hold the same, asked before the registry itself and
    /// never written to.
    pub mirrors: Vec<Remote>,
    /// How long the other side may be silent.
    pub timeout: Duration,
    /// What the registry is told of this program.
    pub user_agent: String,
    /// The files in which accounts are looked for, in docker's form.
    ///
    /// A credential helper that one of them names has `timeout` for its
    /// answer, since it may ask its user to unlock something.
    pub accounts: Vec<PathBuf>,
}

impl Default for RemoteSettings {
    /// Encrypted, without mirrors, 30 s of patience, and the accounts of
    /// [`account_files`].
    fn default() -> Self {
        Self {
            ca_file: None,
            plain_http: false,
            mirrors: Vec::new(),
            timeout: Duration::from_secs(30),
            user_agent: concat!("waitfor/", env!("CARGO_PKG_VERSION")).to_owned(),
            accounts: account_files(),
        }
    }
}

/// An OCI distribution registry, with its mirrors.
pub struct RemoteRegistry {
    origin: Peer,
    mirrors: Vec<Peer>,
}

impl RemoteRegistry {
    /// Gets ready; nothing is asked yet.
    ///
    /// # Errors
    /// Where `ca_file` cannot be read or holds no certificate.
    pub fn new(remote: &Remote, settings: RemoteSettings) -> Result<Self> {
        let transport = Arc::new(Transport::new(remote, &settings)?);
        let peer = |one, mirror_of| Peer::new(one, mirror_of, Arc::clone(&transport), &settings);
        Ok(Self {
            origin: peer(remote, None)?,
            mirrors: settings
                .mirrors
                .iter()
                .map(|mirror| peer(mirror, Some(remote)))
                .collect::<Result<_>>()?,
        })
    }

    /// Asks the mirrors and then the registry itself, until one has it.
    fn read<T>(&self, ask: impl Fn(&Peer) -> Result<Option<T>>) -> Result<Option<T>> {
        for mirror in self.mirrors.iter().filter(|mirror| !mirror.is_absent()) {
            match ask(mirror) {
                Ok(None) => {}
                Err(Error::Remote(failure)) if failure.passes_on() => {}
                outcome => return outcome,
            }
        }
        ask(&self.origin)
    }

    /// The same, where it must be somewhere.
    fn fetch<T>(
        &self,
        name: &Name,
        path: &str,
        action: &str,
        ask: impl Fn(&Peer) -> Result<Option<T>>,
    ) -> Result<T> {
        self.read(ask)?
            .ok_or_else(|| self.missing(name, path, action))
    }

    fn missing(&self, name: &Name, path: &str, action: &str) -> Error {
        let url = self.origin.url(&self.origin.remote.repository(name), path);
        self.origin.failure(action, &url, Problem::Missing).into()
    }

    fn blob(&self, name: &Name, descriptor: &Descriptor, action: &str) -> Result<Vec<u8>> {
        let path = format!("blobs/{}", descriptor.digest);
        self.fetch(name, &path, action, |peer| {
            peer.blob(&peer.remote.repository(name), descriptor, action)
        })
    }

    fn manifest(&self, name: &Name, digest: &Digest, action: &str) -> Result<Found> {
        let path = format!("manifests/{digest}");
        self.fetch(name, &path, action, |peer| {
            let repository = peer.remote.repository(name);
            peer.manifest(&repository, &digest.to_string(), action)
        })
    }

    fn published(
        &self,
        found: &Found,
        name: &Name,
        version: &Version,
        peer: &Remote,
    ) -> Result<Published> {
        let place = format!("{}/{}:{version}", peer.authority, peer.repository(name));
        let at = Some((name, version));
        let action = format!("read the component of `{name}@{version}`");
        Published::read(found.digest, &found.manifest, at, &place, |descriptor| {
            self.blob(name, descriptor, &action)
        })
        .map_err(|error| match error {
            Error::NotAProbe { problem } => Error::Unfit {
                name: name.clone(),
                version: version.clone(),
                place: peer.to_string(),
                problem,
            },
            error => error,
        })
    }

    /// What is said of a version, by the registry and by its mirrors: a
    /// mirror that lags behind must not hide a yank.
    fn standing(&self, name: &Name, manifest: &Digest, action: &str) -> Result<Standing> {
        let said =
            self.all(|peer| peer.statements(&peer.remote.repository(name), manifest, action))?;
        Ok(statement::standing(said.into_iter().flatten()))
    }

    /// What mirrors and registry say together, for what a mirror that lags
    /// behind must not hide.
    ///
    /// # Errors
    /// Where none of them answers, or one answers wrongly.
    fn all<T>(&self, ask: impl Fn(&Peer) -> Result<T>) -> Result<Vec<T>> {
        let mut answers = Vec::new();
        let mut failed = None;
        for peer in self.mirrors.iter().chain([&self.origin]) {
            let is_last = answers.is_empty() && peer.mirror_of.is_none();
            if peer.is_absent() && !is_last {
                continue;
            }
            match ask(peer) {
                Ok(answer) => answers.push(answer),
                Err(Error::Remote(failure)) if failure.passes_on() => failed = Some(failure),
                Err(error) => return Err(error),
            }
        }
        match failed {
            Some(failure) if answers.is_empty() => Err(Error::Remote(failure)),
            _ => Ok(answers),
        }
    }

    /// What the registry itself has under a version's tag.
    fn under_tag(&self, name: &Name, version: &Version, action: &str) -> Result<Option<Published>> {
        let remote = &self.origin.remote;
        let found = self
            .origin
            .manifest(&remote.repository(name), &version.to_string(), action)?;
        found
            .map(|found| self.published(&found, name, version, remote))
            .transpose()
    }
}

impl Registry for RemoteRegistry {
    fn place(&self) -> String {
        self.origin.remote.to_string()
    }

    fn versions(&self, name: &Name) -> Result<Vec<Version>> {
        let action = format!("read the versions of `{name}`");
        let tags = self.all(|peer| peer.tags(&peer.remote.repository(name), &action))?;
        // What is no version is not ours: `latest`, a signature, a statement.
        let mut versions: Vec<Version> = tags
            .iter()
            .flatten()
            .flatten()
            .filter_map(|tag| tag.parse().ok())
            .collect();
        versions.sort();
        versions.dedup();
        Ok(versions)
    }

    fn find(&self, name: &Name, version: &Version) -> Result<Option<Published>> {
        let action = format!("read the manifest of `{name}@{version}`");
        let tag = version.to_string();
        let found = self.read(|peer| {
            let found = peer.manifest(&peer.remote.repository(name), &tag, &action)?;
            Ok(found.map(|found| (found, peer.remote.clone())))
        })?;
        let Some((found, peer)) = found else {
            return Ok(None);
        };
        let mut published = self.published(&found, name, version, &peer)?;
        let action = format!("read what is said of `{name}@{version}`");
        published.standing = self.standing(name, &found.digest, &action)?;
        Ok(Some(published))
    }

    fn component(&self, published: &Published) -> Result<Vec<u8>> {
        let (name, version) = (&published.name, &published.version);
        let action = format!("read the component of `{name}@{version}`");
        let descriptor = published.descriptor();
        if descriptor.size > oci::MAX_COMPONENT {
            let remote = &self.origin.remote;
            let path = format!("blobs/{}", descriptor.digest);
            let url = self.origin.url(&remote.repository(name), &path);
            let problem = Problem::TooLarge {
                size: descriptor.size,
                limit: oci::MAX_COMPONENT,
            };
            return Err(self.origin.failure(&action, &url, problem).into());
        }
        self.blob(name, &descriptor, &action)
    }

    fn documents(&self, published: &Published) -> Result<Documents> {
        let (name, version) = (&published.name, &published.version);
        let action = format!("read the manifest of `{name}@{version}`");
        let found = self.manifest(name, &published.manifest, &action)?;
        let config = &found.manifest.config;
        if config.size > oci::MAX_DOCUMENT {
            return Err(Error::Malformed {
                what: published.manifest.to_string(),
                place: self.place(),
                problem: format!(
                    "its configuration has {} bytes, more than {}",
                    config.size,
                    oci::MAX_DOCUMENT
                ),
            });
        }
        let action = format!("read the configuration of `{name}@{version}`");
        Ok(Documents {
            config: self.blob(name, config, &action)?,
            manifest: found.bytes,
        })
    }

    fn publish(&self, release: &Release<'_>) -> Result<Added> {
        let prepared = release.prepare()?;
        let (name, version) = (&release.name, &release.version);
        let action = format!("publish `{name}@{version}`");
        let repository = self.origin.remote.repository(name);
        let offered = &prepared.published;
        let before = self.under_tag(name, version, &action)?;
        let added = match &before {
            Some(before) => release::same(before, offered)?,
            None => Added::New,
        };
        let documents = &prepared.documents;
        for blob in [release.component, &documents.config] {
            self.origin.upload(&repository, blob, &action)?;
        }
        if added == Added::Same {
            return Ok(added);
        }
        // Uploads take a while, and a registry overwrites tags.
        if let Some(before) = self.under_tag(name, version, &action)? {
            return release::same(&before, offered);
        }
        self.origin.put_manifest(
            &repository,
            &version.to_string(),
            oci::MANIFEST,
            &documents.manifest,
            &action,
        )?;
        // Who looked before this was written writes within a moment.
        sleep(SETTLING);
        match self.under_tag(name, version, &action)? {
            Some(after) => release::same(&after, offered).map(|_| added),
            None => Err(self.missing(name, &format!("manifests/{version}"), &action)),
        }
    }

    fn declare(&self, published: &Published, standing: &Standing) -> Result<()> {
        let (name, version) = (&published.name, &published.version);
        let action = format!("say something of `{name}@{version}`");
        let repository = self.origin.remote.repository(name);
        let digest = published.manifest;
        let found = self
            .origin
            .manifest(&repository, &digest.to_string(), &action)?
            .ok_or_else(|| self.missing(name, &format!("manifests/{digest}"), &action))?;
        let before = self.origin.statements(&repository, &digest, &action)?;
        let statement = Statement::after(&before, standing)?;
        if statement::standing(before) == *standing {
            return Ok(());
        }
        let subject = Descriptor::of(oci::MANIFEST, &found.bytes);
        let manifest = statement.manifest(&subject)?;
        let referrer = statement.descriptor(&manifest);
        self.origin.upload(&repository, oci::EMPTY_BYTES, &action)?;
        let listed = self.origin.put_manifest(
            &repository,
            &referrer.digest.to_string(),
            oci::MANIFEST,
            &manifest,
            &action,
        )?;
        if listed {
            return Ok(());
        }
        self.origin
            .add_referrer(&repository, &digest, &referrer, &action)
    }
}
