//! A folder that holds published plugins as an OCI image layout: for offline
//! use, for tests, and for the official probes.
//!
//! A published version never changes. Every file is written beside its place
//! and renamed into it, blobs before the index that names them, so a reader
//! sees the state before or after, and never half of one.

mod list;
mod write;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::oci::{self, Descriptor, Index, Manifest, Marker};
use crate::{
    Added, Digest, Documents, Error, Name, Published, Registry, Release, Result, Standing, Version,
    input, published, write as files,
};

pub(crate) use list::{Entry, INDEX, entries};

const MARKER: &str = "oci-layout";
const BLOBS: &str = "blobs/sha256";

/// An OCI image layout folder.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Opens the layout in `root`.
    ///
    /// # Errors
    /// Where there is none, or one of another format.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let layout = Self { root: root.into() };
        if !layout.root.join(MARKER).exists() {
            return Err(Error::NoLayout { path: layout.root });
        }
        let marker = layout.read_document(MARKER)?;
        let marker: Marker = oci::parse(&marker, MARKER, &layout.place())?;
        if marker.image_layout_version != oci::LAYOUT_VERSION {
            return Err(Error::Malformed {
                what: MARKER.to_owned(),
                place: layout.place(),
                problem: format!(
                    "its version is {}, not {}",
                    marker.image_layout_version,
                    oci::LAYOUT_VERSION
                ),
            });
        }
        Ok(layout)
    }

    /// Opens the layout in `root`, or makes an empty one there.
    ///
    /// # Errors
    /// Where it cannot be written, or is one of another format.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self> {
        let layout = Self { root: root.into() };
        layout.check_folders()?;
        let blobs = layout.root.join(BLOBS);
        fs::create_dir_all(&blobs).map_err(|source| Error::Io {
            action: "create",
            path: blobs,
            source,
        })?;
        // The marker first: it is what the writers of the index wait on, who
        // may have come at the same moment.
        let marker = layout.root.join(MARKER);
        if !marker.exists() {
            let content = Marker {
                image_layout_version: oci::LAYOUT_VERSION.to_owned(),
            };
            files::create(&marker, &oci::write(&content, MARKER, &layout.place())?)?;
        }
        let layout = Self::open(layout.root)?;
        let held = layout.lock()?;
        if !layout.root.join(INDEX).exists() {
            layout.write_index(&Index::default())?;
        }
        drop(held);
        Ok(layout)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every version in it, by name and then by version, the oldest first.
    ///
    /// # Errors
    /// Where the index or a manifest cannot be read, or is malformed or
    /// altered.
    pub fn published(&self) -> Result<Vec<Published>> {
        let entries = self.entries(&self.read_index()?)?;
        Ok(entries.into_iter().map(|entry| entry.published).collect())
    }

    /// The component of a version, its size and digest verified.
    ///
    /// # Errors
    /// Where it is missing, altered, or cannot be read.
    pub fn component(&self, version: &Published) -> Result<Vec<u8>> {
        self.blob(&version.descriptor())
    }

    /// The component with a digest, verified; none where it is not there.
    ///
    /// # Errors
    /// Where it is altered or cannot be read.
    pub fn holding(&self, component: &Digest, size: u64) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = self.blob_at_most(component, size)? else {
            return Ok(None);
        };
        let mut descriptor = Descriptor::of(oci::WASM, &[]);
        descriptor.digest = *component;
        descriptor.size = size;
        descriptor.verify(&bytes, &self.place())?;
        Ok(Some(bytes))
    }

    /// How many bytes the blob with a digest has; none where it is not there.
    pub fn size_of(&self, blob: &Digest) -> Option<u64> {
        let about = self.blob_path(blob).metadata().ok()?;
        about.is_file().then_some(about.len())
    }

    fn entries(&self, index: &Index) -> Result<Vec<Entry>> {
        entries(index, &self.place(), |descriptor| {
            self.blob(descriptor).map(Cow::Owned)
        })
    }

    fn read_index(&self) -> Result<Index> {
        let bytes = match self.read_document(INDEX) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                if self.is_being_made() {
                    return Ok(Index::default());
                }
                // It may have been made just now.
                self.read_document(INDEX)?
            }
            read => read?,
        };
        oci::parse(&bytes, INDEX, &self.place())
    }

    /// Whether there is nothing but the marker yet: no blob comes before the
    /// index.
    fn is_being_made(&self) -> bool {
        fs::read_dir(self.root.join(BLOBS)).is_ok_and(|mut blobs| blobs.next().is_none())
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let bytes = self
            .blob_at_most(&descriptor.digest, descriptor.size)?
            .ok_or_else(|| Error::Missing {
                digest: descriptor.digest,
                place: self.place(),
            })?;
        descriptor.verify(&bytes, &self.place())?;
        Ok(bytes)
    }

    /// The bytes of a blob, unverified: one more than `size` tells a longer
    /// one without reading all of it. None where there is no such blob.
    fn blob_at_most(&self, digest: &Digest, size: u64) -> Result<Option<Vec<u8>>> {
        let path = self.blob_path(digest);
        match input::at_most(&path, size.saturating_add(1)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io {
                action: "read",
                path,
                source,
            }),
        }
    }

    fn read_document(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.root.join(name);
        let read = input::at_most(&path, oci::MAX_DOCUMENT + 1);
        let bytes = read.map_err(|source| Error::Io {
            action: "read",
            path,
            source,
        })?;
        if bytes.len() as u64 > oci::MAX_DOCUMENT {
            return Err(list::too_large(name, &self.place()));
        }
        Ok(bytes)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.hex())
    }

    fn place(&self) -> String {
        format!("`{}`", self.root.display())
    }
}

/// `place` is the folder, in backticks.
impl Registry for Layout {
    fn place(&self) -> String {
        Self::place(self)
    }

    fn versions(&self, name: &Name) -> Result<Vec<Version>> {
        Ok(published::versions_of(&self.published()?, name))
    }

    fn find(&self, name: &Name, version: &Version) -> Result<Option<Published>> {
        Ok(published::find(&self.published()?, name, version).cloned())
    }

    fn component(&self, published: &Published) -> Result<Vec<u8>> {
        Self::component(self, published)
    }

    fn documents(&self, published: &Published) -> Result<Documents> {
        let missing = || Error::Missing {
            digest: published.manifest,
            place: self.place(),
        };
        let index = self.read_index()?;
        let descriptor = index
            .manifests
            .iter()
            .find(|descriptor| descriptor.digest == published.manifest)
            .ok_or_else(missing)?;
        let manifest: Manifest = list::read(descriptor, &self.place(), |descriptor| {
            self.blob(descriptor).map(Cow::Owned)
        })?;
        if manifest.config.size > oci::MAX_DOCUMENT {
            let what = manifest.config.digest.to_string();
            return Err(list::too_large(&what, &self.place()));
        }
        Ok(Documents {
            manifest: self.blob(descriptor)?,
            config: self.blob(&manifest.config)?,
        })
    }

    fn publish(&self, release: &Release<'_>) -> Result<Added> {
        self.add(release)
    }

    fn declare(&self, published: &Published, standing: &Standing) -> Result<()> {
        self.state(published, standing)
    }
}
