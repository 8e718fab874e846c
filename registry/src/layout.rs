//! A folder that holds published plugins as an OCI image layout: for offline
//! use, for tests, and for the official probes.
//!
//! A published version never changes. Every file is written beside its place
//! and renamed into it, blobs before the index that names them, so a reader
//! sees the state before or after, and never half of one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Clash;
use crate::oci::{self, Annotations, Descriptor, Index, Manifest, Marker, WasmConfig, annotation};
use crate::{Digest, Error, Name, Published, Result, Version, component, published};

const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs/sha256";

/// A version to publish.
#[derive(Debug, Clone)]
pub struct Release<'a> {
    /// The plugin.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// The component's bytes.
    pub component: &'a [u8],
    /// The URL schemes that it answers to, at least one; the first is the
    /// one for targets that come without a URL.
    pub schemes: Vec<String>,
    /// One line: what `ready` means to it.
    pub summary: String,
    /// An SPDX expression.
    pub licenses: Option<String>,
    /// A URL of the source.
    pub source: Option<String>,
}

/// What came of adding a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was not there before.
    New,
    /// The same version with the same bytes was there.
    Same,
    /// The version was there with other bytes, and they were replaced.
    Replaced,
}

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
        let bytes = layout.read_document(MARKER)?;
        let marker: Marker = oci::parse(&bytes, MARKER, &layout.place())?;
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
        let blobs = layout.root.join(BLOBS);
        fs::create_dir_all(&blobs).map_err(|source| Error::Io {
            action: "create",
            path: blobs,
            source,
        })?;
        if !layout.root.join(INDEX).exists() {
            layout.write_index(&Index::default())?;
        }
        if !layout.root.join(MARKER).exists() {
            let marker = Marker {
                image_layout_version: oci::LAYOUT_VERSION.to_owned(),
            };
            layout.write(MARKER, &json(&marker, MARKER, &layout.place())?)?;
        }
        Self::open(layout.root)
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
        let index = self.read_document(INDEX)?;
        published::list(&index, &self.place(), |descriptor| {
            if descriptor.size > oci::MAX_DOCUMENT {
                return Err(self.too_large(&descriptor.digest.to_string()));
            }
            self.blob(descriptor).map(Cow::Owned)
        })
    }

    /// The component of a version, its size and digest verified.
    ///
    /// # Errors
    /// Where it is missing, altered, or cannot be read.
    pub fn component(&self, version: &Published) -> Result<Vec<u8>> {
        self.blob(&version.descriptor())
    }

    /// Publishes a version.
    ///
    /// # Errors
    /// Where it is published already with other bytes, is no probe, or
    /// cannot be written.
    pub fn add(&self, release: &Release<'_>) -> Result<Added> {
        self.put(release, false)
    }

    /// Publishes a version in place of one with other bytes: for versions
    /// that nobody can have used yet.
    ///
    /// # Errors
    /// Where it is no probe, or cannot be written.
    pub fn replace(&self, release: &Release<'_>) -> Result<Added> {
        self.put(release, true)
    }

    fn put(&self, release: &Release<'_>, replace: bool) -> Result<Added> {
        let (documents, manifest) = self.documents(release)?;
        let _held = self.lock()?;
        let mut index: Index = oci::parse(&self.read_document(INDEX)?, INDEX, &self.place())?;
        let before = self
            .published()?
            .into_iter()
            .find(|one| one.name == release.name && one.version == release.version);
        let added = match before {
            Some(before) if before.manifest == manifest.digest => Added::Same,
            Some(before) if replace => {
                index
                    .manifests
                    .retain(|descriptor| descriptor.digest != before.manifest);
                Added::Replaced
            }
            Some(before) => return Err(immutable(release, &before, &manifest)),
            None => Added::New,
        };
        for bytes in documents
            .iter()
            .map(Vec::as_slice)
            .chain([release.component])
        {
            self.write_blob(bytes)?;
        }
        if added == Added::Same {
            return Ok(added);
        }
        index.media_type = Some(oci::INDEX.to_owned());
        index.manifests.push(manifest);
        let tag =
            |descriptor: &Descriptor| descriptor.annotations.get(annotation::REF_NAME).cloned();
        index
            .manifests
            .sort_by_key(|descriptor| (tag(descriptor), descriptor.digest));
        self.write_index(&index)?;
        Ok(added)
    }

    /// Removes the blobs that no manifest names; says how many.
    ///
    /// # Errors
    /// Where the layout is malformed or cannot be written.
    pub fn prune(&self) -> Result<usize> {
        let _held = self.lock()?;
        let index: Index = oci::parse(&self.read_document(INDEX)?, INDEX, &self.place())?;
        let mut reachable = BTreeSet::new();
        for descriptor in &index.manifests {
            reachable.insert(descriptor.digest.hex());
            if descriptor.media_type == oci::MANIFEST {
                let bytes = self.blob(descriptor)?;
                let what = descriptor.digest.to_string();
                let manifest: Manifest = oci::parse(&bytes, &what, &self.place())?;
                reachable.insert(manifest.config.digest.hex());
                reachable.extend(manifest.layers.iter().map(|layer| layer.digest.hex()));
            }
        }
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
            let path = entry.map_err(failed("read", &folder))?.path();
            let kept = path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| reachable.contains(name));
            if !kept {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The configuration's and the manifest's bytes, and the descriptor of
    /// the latter for the index.
    fn documents(&self, release: &Release<'_>) -> Result<([Vec<u8>; 2], Descriptor)> {
        let probe = component::inspect(release.component)?;
        check(release).map_err(|problem| Error::NotAProbe { problem })?;
        let layer = Descriptor::of(oci::WASM, release.component);
        let place = self.place();
        let config = json(
            &WasmConfig::new(layer.digest, probe.interfaces),
            "the configuration",
            &place,
        )?;
        let mut annotations = Annotations::from(
            [
                (annotation::TITLE, release.name.to_string()),
                (annotation::VERSION, release.version.to_string()),
                (annotation::DESCRIPTION, release.summary.clone()),
                (annotation::SCHEMES, release.schemes.join(",")),
                (annotation::ABI, probe.abi.to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        let optional = [
            (annotation::LICENSES, &release.licenses),
            (annotation::SOURCE, &release.source),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                annotations.insert(key.to_owned(), value.clone());
            }
        }
        let manifest = json(
            &Manifest {
                schema_version: 2,
                media_type: Some(oci::MANIFEST.to_owned()),
                config: Descriptor::of(oci::WASM_CONFIG, &config),
                layers: vec![layer],
                annotations,
            },
            "the manifest",
            &place,
        )?;
        let mut descriptor = Descriptor::of(oci::MANIFEST, &manifest);
        descriptor.annotations.insert(
            annotation::REF_NAME.to_owned(),
            format!("{}:{}", release.name, release.version),
        );
        Ok(([config, manifest], descriptor))
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let path = self.blob_path(&descriptor.digest);
        let file = File::open(&path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                Error::Missing {
                    digest: descriptor.digest,
                    place: self.place(),
                }
            } else {
                Error::Io {
                    action: "read",
                    path: path.clone(),
                    source,
                }
            }
        })?;
        // One byte more tells a longer file without reading all of it.
        let bytes = read_at_most(file, descriptor.size.saturating_add(1), &path)?;
        descriptor.verify(&bytes, &self.place())?;
        Ok(bytes)
    }

    fn read_document(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.root.join(name);
        let file = File::open(&path).map_err(|source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let bytes = read_at_most(file, oci::MAX_DOCUMENT + 1, &path)?;
        if bytes.len() as u64 > oci::MAX_DOCUMENT {
            return Err(self.too_large(name));
        }
        Ok(bytes)
    }

    fn too_large(&self, what: &str) -> Error {
        Error::Malformed {
            what: what.to_owned(),
            place: self.place(),
            problem: format!("it is larger than {} bytes", oci::MAX_DOCUMENT),
        }
    }

    /// Writers wait for each other on the marker, which is never replaced.
    fn lock(&self) -> Result<File> {
        let path = self.root.join(MARKER);
        let file = File::open(&path).and_then(|file| file.lock().map(|()| file));
        file.map_err(|source| Error::Io {
            action: "lock",
            path,
            source,
        })
    }

    fn write_index(&self, index: &Index) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(index).map_err(|error| Error::Malformed {
            what: INDEX.to_owned(),
            place: self.place(),
            problem: error.to_string(),
        })?;
        bytes.push(b'\n');
        self.write(INDEX, &bytes)
    }

    fn write_blob(&self, bytes: &[u8]) -> Result<()> {
        let digest = Digest::of(bytes);
        let present = fs::read(self.blob_path(&digest)).is_ok_and(|found| found == bytes);
        if present {
            return Ok(());
        }
        self.write(&format!("{BLOBS}/{}", digest.hex()), bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(name);
        replace_file(&path, bytes).map_err(|source| Error::Io {
            action: "write",
            path,
            source,
        })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.hex())
    }

    fn place(&self) -> String {
        format!("`{}`", self.root.display())
    }
}

fn check(release: &Release<'_>) -> std::result::Result<(), String> {
    let allowed = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.')
    };
    if release.schemes.is_empty() {
        return Err("it answers to no URL scheme".to_owned());
    }
    for scheme in &release.schemes {
        // RFC 3986, section 3.1, in lower case.
        let starts = scheme.starts_with(|letter: char| letter.is_ascii_lowercase());
        if !starts || !scheme.chars().all(allowed) {
            return Err(format!("`{scheme}` is not a URL scheme"));
        }
    }
    if release.summary.contains(char::is_control) {
        return Err("its summary is more than one line".to_owned());
    }
    Ok(())
}

fn immutable(release: &Release<'_>, before: &Published, manifest: &Descriptor) -> Error {
    let offered = Digest::of(release.component);
    let (what, published, offered) = if before.component == offered {
        ("facts", before.manifest, manifest.digest)
    } else {
        ("bytes", before.component, offered)
    };
    Error::Immutable(Box::new(Clash {
        name: release.name.clone(),
        version: release.version.clone(),
        what,
        published,
        offered,
    }))
}

fn json(document: &impl Serialize, what: &str, place: &str) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|error| Error::Malformed {
        what: what.to_owned(),
        place: place.to_owned(),
        problem: error.to_string(),
    })
}

fn read_at_most(file: File, limit: u64, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

/// Puts `bytes` at `path` at once and for good: beside it, to the disk, and
/// then into its place.
fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    let mut file = builder.prefix(".writing-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
