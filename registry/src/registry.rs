//! What every place that holds published plugins can do, so that a folder, a
//! container registry and the program itself are used alike.

use crate::{Added, Name, Published, Release, Result, Standing, Version};

/// The documents of a published version, byte for byte: what a copy needs
/// beside the component to keep the digest of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration that the manifest names.
    pub config: Vec<u8>,
}

/// A place that holds published plugins.
///
/// A published version is immutable whatever the place would allow, and no
/// component leaves a registry unverified.
pub trait Registry {
    /// What messages call it, as in `registry.acme.example/ci/probes`.
    fn place(&self) -> String;

    /// The versions of a plugin, the oldest first; none where the place does
    /// not know the plugin.
    ///
    /// # Errors
    /// Where the place cannot be read, or its answer is malformed.
    fn versions(&self, name: &Name) -> Result<Vec<Version>>;

    /// What is published under a version, with its [`Standing`]; none where
    /// nothing is.
    ///
    /// # Errors
    /// Where the place cannot be read, or its answer is malformed or altered.
    fn find(&self, name: &Name, version: &Version) -> Result<Option<Published>>;

    /// The component of a version, its size and digest verified.
    ///
    /// # Errors
    /// Where it is missing, altered, or cannot be read.
    fn component(&self, published: &Published) -> Result<Vec<u8>>;

    /// The manifest and the configuration of a version, their digests
    /// verified.
    ///
    /// # Errors
    /// Where one is missing, altered, or cannot be read.
    fn documents(&self, published: &Published) -> Result<Documents>;

    /// Publishes a version.
    ///
    /// # Errors
    /// Where it is published already with other bytes or facts, is no probe,
    /// or cannot be written.
    fn publish(&self, release: &Release<'_>) -> Result<Added>;

    /// Makes a statement about a published version, in place of what was
    /// said before.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn declare(&self, published: &Published, standing: &Standing) -> Result<()>;
}
