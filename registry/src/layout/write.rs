//! Everything that changes a layout folder: one writer at a time, blobs
//! before the index, and nothing of what others keep there is lost.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde_json::Value;

use super::{BLOBS, Entry, INDEX, Layout, MARKER, list};
use crate::oci::{self, Descriptor, Index, Manifest, annotation};
use crate::release::{self, Prepared};
use crate::statement::{self, Statement};
use crate::{Added, Digest, Documents, Error, Published, Release, Result, Standing, input, write};

impl Layout {
    /// Publishes a version.
    ///
    /// # Errors
    /// Where it is published already with other bytes, is no probe, or
    /// cannot be written.
    pub fn add(&self, release: &Release<'_>) -> Result<Added> {
        let prepared = release.prepare()?;
        self.put(&prepared, release.component, false)
    }

    /// Publishes a version in place of one with other bytes: for versions
    /// that nobody can have used yet.
    ///
    /// # Errors
    /// Where it is no probe, or cannot be written.
    pub fn replace(&self, release: &Release<'_>) -> Result<Added> {
        let prepared = release.prepare()?;
        self.put(&prepared, release.component, true)
    }

    /// Takes over a version from another place byte for byte, so that its
    /// digests stay; what was said about it is not taken along.
    ///
    /// # Errors
    /// Where bytes and digests do not belong together, the version is here
    /// with other bytes, or the folder cannot be written.
    pub fn import(
        &self,
        published: &Published,
        documents: &Documents,
        component: &[u8],
    ) -> Result<Added> {
        // Whoever hands the documents over is named by what they are.
        let place = format!("the copy of {}@{}", published.name, published.version);
        let descriptor = Descriptor {
            digest: published.manifest,
            ..Descriptor::of(oci::MANIFEST, &documents.manifest)
        };
        descriptor.verify(&documents.manifest, &place)?;
        let what = published.manifest.to_string();
        let manifest: Manifest = oci::parse(&documents.manifest, &what, &place)?;
        manifest.config.verify(&documents.config, &place)?;
        published.descriptor().verify(component, &place)?;
        let prepared = Prepared {
            published: published.clone(),
            manifest: descriptor,
            config: manifest.config,
            documents: documents.clone(),
        };
        self.put(&prepared, component, false)
    }

    /// Removes the versions that `keep` does not want, with what was said
    /// about them; says which. Their blobs stay until [`prune`](Self::prune).
    ///
    /// # Errors
    /// Where the layout is malformed or cannot be written.
    pub fn retain(&self, keep: impl Fn(&Published) -> bool) -> Result<Vec<Published>> {
        let _held = self.lock()?;
        let mut index = self.read_index()?;
        let (_, removed): (Vec<Entry>, Vec<Entry>) = self
            .entries(&index)?
            .into_iter()
            .partition(|entry| keep(&entry.published));
        if removed.is_empty() {
            return Ok(Vec::new());
        }
        for entry in &removed {
            self.forget(&mut index, &entry.published.manifest)?;
        }
        self.write_index(&index)?;
        Ok(removed.into_iter().map(|entry| entry.published).collect())
    }

    /// Removes the blobs that nothing in the index leads to, and what killed
    /// writers left; says how many. Files that are no blobs by their names
    /// belong to others and stay.
    ///
    /// # Errors
    /// Where the layout is malformed or cannot be written.
    pub fn prune(&self) -> Result<usize> {
        let _held = self.lock()?;
        let reachable = self.reachable()?;
        let folder = self.root.join(BLOBS);
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io {
                action,
                path,
                source,
            }
        };
        let mut removed = 0;
        for entry in fs::read_dir(&folder).map_err(failed("read", &folder))? {
            let entry = entry.map_err(failed("read", &folder))?;
            let path = entry.path();
            let is_folder = entry.file_type().map_err(failed("read", &path))?.is_dir();
            let name = entry.file_name();
            let is_blob = || {
                name.to_str()
                    .is_some_and(|name| Digest::from_hex(name).is_ok())
            };
            let is_kept = || name.to_str().is_some_and(|name| reachable.contains(name));
            let goes = write::is_left_over(&name) || (is_blob() && !is_kept());
            if goes && !is_folder {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Makes a statement about a version, after those that were made before.
    pub(super) fn state(&self, published: &Published, standing: &Standing) -> Result<()> {
        let _held = self.lock()?;
        let mut index = self.read_index()?;
        let entries = self.entries(&index)?;
        let missing = || Error::Missing {
            digest: published.manifest,
            place: self.place(),
        };
        let entry = entries
            .iter()
            .find(|entry| entry.published.manifest == published.manifest)
            .ok_or_else(missing)?;
        let statement = Statement::after(&entry.statements, standing)?;
        if entry.published.standing == *standing {
            return Ok(());
        }
        let subject = index
            .manifests
            .iter()
            .find(|descriptor| descriptor.digest == published.manifest)
            .ok_or_else(missing)?;
        let manifest = statement.manifest(subject)?;
        self.write_blob(oci::EMPTY_BYTES)?;
        self.write_blob(&manifest)?;
        index.manifests.push(statement.descriptor(&manifest));
        self.write_index(&index)
    }

    fn put(&self, prepared: &Prepared, component: &[u8], replace: bool) -> Result<Added> {
        let _held = self.lock()?;
        let mut index = self.read_index()?;
        let offered = &prepared.published;
        let before = self.entries(&index)?.into_iter().find(|entry| {
            entry.published.name == offered.name && entry.published.version == offered.version
        });
        let added = match before {
            None => Added::New,
            Some(before) => match release::same(&before.published, offered) {
                Ok(same) => same,
                Err(_) if replace => {
                    self.forget(&mut index, &before.published.manifest)?;
                    Added::Replaced
                }
                Err(error) => return Err(error),
            },
        };
        // Also where it is the same: that makes a damaged folder whole.
        let Documents { manifest, config } = &prepared.documents;
        for bytes in [config, manifest, component] {
            self.write_blob(bytes)?;
        }
        if added == Added::Same {
            return Ok(added);
        }
        let mut descriptor = prepared.manifest.clone();
        descriptor.annotations.insert(
            annotation::REF_NAME.to_owned(),
            format!("{}:{}", offered.name, offered.version),
        );
        index.media_type = Some(oci::INDEX.to_owned());
        index.manifests.push(descriptor);
        self.write_index(&index)?;
        Ok(added)
    }

    /// Takes a manifest and what was said about it out of the index.
    fn forget(&self, index: &mut Index, manifest: &Digest) -> Result<()> {
        let mut kept = Vec::with_capacity(index.manifests.len());
        for descriptor in index.manifests.drain(..) {
            let goes = descriptor.digest == *manifest || self.is_about(&descriptor, manifest)?;
            if !goes {
                kept.push(descriptor);
            }
        }
        index.manifests = kept;
        Ok(())
    }

    /// Whether a descriptor names a statement about the version with that
    /// manifest.
    fn is_about(&self, descriptor: &Descriptor, manifest: &Digest) -> Result<bool> {
        if descriptor.media_type != oci::MANIFEST {
            return Ok(false);
        }
        let read = list::read(descriptor, &self.place(), |descriptor| {
            self.blob(descriptor).map(Cow::Owned)
        })?;
        let subject = read.subject.map(|subject| subject.digest);
        let is_statement = read.artifact_type.as_deref() == Some(statement::ARTIFACT);
        Ok(is_statement && subject == Some(*manifest))
    }

    /// The digits of every digest that the index leads to, also by way of
    /// documents that are not ours.
    fn reachable(&self) -> Result<BTreeSet<String>> {
        let mut reachable = BTreeSet::new();
        let index = self.read_document(INDEX)?;
        let mut documents: Vec<Value> = vec![oci::parse(&index, INDEX, &self.place())?];
        while let Some(document) = documents.pop() {
            for (digest, media_type) in named(&document) {
                let leads_on = ["manifest", "index"]
                    .iter()
                    .any(|word| media_type.contains(word));
                if !reachable.insert(digest.hex()) || !leads_on {
                    continue;
                }
                let bytes = self.blob_at_most(&digest, oci::MAX_DOCUMENT)?;
                if let Some(document) = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok())
                {
                    documents.push(document);
                }
            }
        }
        Ok(reachable)
    }

    /// Writers wait for each other on the marker, which is never replaced;
    /// where the file system has no locks, nobody waits.
    pub(super) fn lock(&self) -> Result<File> {
        self.check_folders()?;
        let path = self.root.join(MARKER);
        let file = input::open(&path).and_then(|file| match file.lock() {
            Err(error) if !write::is_unsupported(&error) => Err(error),
            _ => Ok(file),
        });
        file.map_err(|source| Error::Io {
            action: "lock",
            path,
            source,
        })
    }

    /// Refuses to write or remove anything through a link, which may lead to
    /// what belongs to others.
    pub(super) fn check_folders(&self) -> Result<()> {
        for name in ["blobs", BLOBS] {
            let path = self.root.join(name);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    return Err(Error::Malformed {
                        what: name.to_owned(),
                        place: self.place(),
                        problem: "it is a link, and nothing is written through it".to_owned(),
                    });
                }
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Io {
                        action: "read",
                        path,
                        source,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the index in one order, whoever was first: tags, then what has
    /// none.
    pub(super) fn write_index(&self, index: &Index) -> Result<()> {
        let mut index = index.clone();
        let tag =
            |descriptor: &Descriptor| descriptor.annotations.get(annotation::REF_NAME).cloned();
        index.manifests.sort_by_key(|descriptor| {
            let tag = tag(descriptor);
            (tag.is_none(), tag, descriptor.digest)
        });
        let mut bytes = serde_json::to_vec_pretty(&index).map_err(|error| Error::Malformed {
            what: INDEX.to_owned(),
            place: self.place(),
            problem: error.to_string(),
        })?;
        bytes.push(b'\n');
        self.write(INDEX, &bytes)
    }

    fn write_blob(&self, bytes: &[u8]) -> Result<()> {
        let digest = Digest::of(bytes);
        let path = self.blob_path(&digest);
        // What a link leads to may be gone tomorrow.
        let is_link = fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
        if !is_link && input::holds(&path, bytes) {
            return Ok(());
        }
        self.write(&format!("{BLOBS}/{}", digest.hex()), bytes)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write::replace(&self.root.join(name), bytes)
    }
}

/// The digests that stand anywhere in a document, each with its media type.
fn named(document: &Value) -> Vec<(Digest, &str)> {
    match document {
        Value::Array(items) => items.iter().flat_map(named).collect(),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            let own = text("digest").and_then(|digest| digest.parse().ok());
            let own = own.map(|digest| (digest, text("mediaType").unwrap_or_default()));
            own.into_iter()
                .chain(fields.values().flat_map(named))
                .collect()
        }
        _ => Vec::new(),
    }
}
