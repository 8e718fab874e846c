//! The official probes inside the program: the same layout as on disk, read
//! from the program's own bytes, so that nothing has to be installed.

use std::borrow::Cow;

use crate::oci::Descriptor;
use crate::{Error, Published, Result, published};

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
        published::list(self.index, PLACE, |descriptor| {
            self.find(descriptor).map(Cow::Borrowed)
        })
    }

    /// The component of a version, its size and digest verified.
    ///
    /// # Errors
    /// Where it is missing or altered.
    pub fn component(&self, version: &Published) -> Result<&'static [u8]> {
        let descriptor = version.descriptor();
        let bytes = self.find(&descriptor)?;
        descriptor.verify(bytes, PLACE)?;
        Ok(bytes)
    }

    fn find(&self, descriptor: &Descriptor) -> Result<&'static [u8]> {
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
