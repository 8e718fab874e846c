//! The official probes inside the program: the same layout as on disk, read
//! from the program's own bytes, so that nothing has to be installed.

use std::borrow::Cow;

use crate::oci::{self, Descriptor, Index, Manifest};
use crate::{
    Added, Digest, Documents, Error, Name, Published, Registry, Release, Result, Standing, Version,
    layout, published,
};

const PLACE: &str = "this program";

/// An OCI image layout in memory.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    index: &'static [u8],
    blobs: &'static [(&'static str, &'static [u8])],
}

impl Embedded {
    /// A layout of the bytes of `index.json` and of its blobs, each with the
    /// 64 digits of its sha256, sorted by them.
    pub const fn new(
        index: &'static [u8],
        blobs: &'static [(&'static str, &'static [u8])],
    ) -> Self {
        Self { index, blobs }
    }

    /// Every version in it, by name and then by version, the oldest first.
    ///
    /// # Errors
    /// Where the layout was broken when the program was built.
    pub fn published(&self) -> Result<Vec<Published>> {
        let index: Index = oci::parse(self.index, layout::INDEX, PLACE)?;
        let entries = layout::entries(&index, PLACE, |descriptor| {
            self.blob(descriptor).map(Cow::Borrowed)
        })?;
        Ok(entries.into_iter().map(|entry| entry.published).collect())
    }

    /// The component of a version, its size and digest verified.
    ///
    /// # Errors
    /// Where it is missing or altered.
    pub fn component(&self, version: &Published) -> Result<&'static [u8]> {
        let descriptor = version.descriptor();
        let bytes = self.blob(&descriptor)?;
        descriptor.verify(bytes, PLACE)?;
        Ok(bytes)
    }

    /// The component with a digest, verified; none where it is not there.
    ///
    /// # Errors
    /// Where the program's own bytes are not what they were.
    pub fn holding(&self, component: &Digest, size: u64) -> Result<Option<&'static [u8]>> {
        let mut descriptor = Descriptor::of(oci::WASM, &[]);
        descriptor.digest = *component;
        descriptor.size = size;
        match self.blob(&descriptor) {
            Ok(bytes) => descriptor.verify(bytes, PLACE).map(|()| Some(bytes)),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many bytes the component with a digest has; none where it is not
    /// there.
    pub fn size_of(&self, component: &Digest) -> Option<u64> {
        let hex = component.hex();
        let at = self
            .blobs
            .binary_search_by(|(name, _)| (*name).cmp(hex.as_str()));
        let (_, bytes) = self.blobs.get(at.ok()?)?;
        Some(bytes.len() as u64)
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<&'static [u8]> {
        let hex = descriptor.digest.hex();
        self.blobs
            .binary_search_by(|(name, _)| (*name).cmp(hex.as_str()))
            .ok()
            .and_then(|at| self.blobs.get(at))
            .map(|(_, bytes)| *bytes)
            .ok_or_else(|| Error::Missing {
                digest: descriptor.digest,
                place: PLACE.to_owned(),
            })
    }
}

impl Registry for Embedded {
    fn place(&self) -> String {
        PLACE.to_owned()
    }

    fn versions(&self, name: &Name) -> Result<Vec<Version>> {
        Ok(published::versions_of(&self.published()?, name))
    }

    fn find(&self, name: &Name, version: &Version) -> Result<Option<Published>> {
        Ok(published::find(&self.published()?, name, version).cloned())
    }

    fn component(&self, published: &Published) -> Result<Vec<u8>> {
        Self::component(self, published).map(<[u8]>::to_vec)
    }

    fn documents(&self, published: &Published) -> Result<Documents> {
        let missing = || Error::Missing {
            digest: published.manifest,
            place: PLACE.to_owned(),
        };
        let index: Index = oci::parse(self.index, layout::INDEX, PLACE)?;
        let descriptor = index
            .manifests
            .iter()
            .find(|descriptor| descriptor.digest == published.manifest)
            .ok_or_else(missing)?;
        let bytes = self.blob(descriptor)?;
        descriptor.verify(bytes, PLACE)?;
        let manifest: Manifest = oci::parse(bytes, &descriptor.digest.to_string(), PLACE)?;
        let config = self.blob(&manifest.config)?;
        manifest.config.verify(config, PLACE)?;
        Ok(Documents {
            manifest: bytes.to_vec(),
            config: config.to_vec(),
        })
    }

    fn publish(&self, _release: &Release<'_>) -> Result<Added> {
        Err(read_only())
    }

    fn declare(&self, _published: &Published, _standing: &Standing) -> Result<()> {
        Err(read_only())
    }
}

fn read_only() -> Error {
    Error::ReadOnly {
        place: PLACE.to_owned(),
        problem: "the official probes belong to the program",
    }
}
