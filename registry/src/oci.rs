//! The few OCI documents that a layout is made of, in the CNCF's form for
//! WebAssembly, so that `wkg`, `oras` and `skopeo` can read and copy plugins.
//!
//! Own types rather than a crate's: a plugin's manifest is named by its
//! digest, so the same plugin must give the same bytes on every machine, and
//! annotations kept in a hash map do not. Facts from the OCI image
//! specification 1.1 and the CNCF's Wasm OCI artifact layout; unknown fields
//! are passed over, as both ask for, and kept in an index, which others write
//! as well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, Result};

/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of the configuration of a WebAssembly artifact.
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The media type of a component.
pub const WASM: &str = "application/wasm";

/// The media type of the empty document, where a manifest must name a blob
/// and has none to name.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The bytes of the empty document.
pub const EMPTY_BYTES: &[u8] = b"{}";

/// What `oci-layout` says.
pub const LAYOUT_VERSION: &str = "1.0.0";

/// The most bytes that an index or a manifest may have; registries draw the
/// line there as well.
pub const MAX_DOCUMENT: u64 = 4 * 1024 * 1024;

/// The most bytes that a component may have: a probe in Python, which brings
/// its interpreter along, has 18 MiB.
pub const MAX_COMPONENT: u64 = 32 * 1024 * 1024;

/// Keys of a manifest's annotations.
pub mod annotation {
    /// The plugin's name.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// The plugin's version.
    pub const VERSION: &str = "org.opencontainers.image.version";
    /// One line: what `ready` means to the plugin.
    pub const DESCRIPTION: &str = "org.opencontainers.image.description";
    /// An SPDX expression.
    pub const LICENSES: &str = "org.opencontainers.image.licenses";
    /// A URL of the source.
    pub const SOURCE: &str = "org.opencontainers.image.source";
    /// What names the state of the source, such as a commit.
    pub const REVISION: &str = "org.opencontainers.image.revision";
    /// The tag of a manifest in an index.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// The URL schemes that the plugin answers to, the first one first, with
    /// commas between.
    pub const SCHEMES: &str = "dev.waitfor.schemes";
    /// The version of the contract that the plugin needs, as in `1.0`.
    pub const ABI: &str = "dev.waitfor.abi";
}

/// Annotations, in the order of their keys.
pub type Annotations = BTreeMap<String, String>;

/// Fields of a document that this program does not know; kept, since others
/// write into the same documents.
pub type Unknown = BTreeMap<String, serde_json::Value>;

/// What a document says of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: String,
    /// Which bytes it has.
    pub digest: Digest,
    /// How many, in bytes.
    pub size: u64,
    /// What a manifest is about, where it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Further facts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Descriptor {
    /// The descriptor of `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: Annotations::new(),
            unknown: Unknown::new(),
        }
    }

    /// Checks that `bytes`, which came from `place`, are those described.
    ///
    /// # Errors
    /// Where size or digest differ.
    pub fn verify(&self, bytes: &[u8], place: &str) -> Result<()> {
        let altered = |found| Error::Altered {
            digest: self.digest,
            place: place.to_owned(),
            found,
        };
        if bytes.len() as u64 != self.size {
            return Err(altered(format!("{} bytes, not {}", bytes.len(), self.size)));
        }
        let found = Digest::of(bytes);
        if found != self.digest {
            return Err(altered(found.to_string()));
        }
        Ok(())
    }
}

/// The root of a layout: its manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// One a published version, one a statement about a version, and
    /// whatever others put there.
    pub manifests: Vec<Descriptor>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(INDEX.to_owned()),
            manifests: Vec::new(),
            unknown: Unknown::new(),
        }
    }
}

/// One published version, or a statement about one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it is, where its configuration does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// A [`WasmConfig`]; [`EMPTY`] in a statement.
    pub config: Descriptor,
    /// The component, alone; [`EMPTY`] in a statement.
    pub layers: Vec<Descriptor>,
    /// The manifest that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// See [`annotation`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

impl Manifest {
    /// Whether it is a WebAssembly artifact; a folder or a registry may hold
    /// anything else as well.
    pub fn is_wasm(&self) -> bool {
        self.config.media_type == WASM_CONFIG
    }
}

/// The configuration of a WebAssembly artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// Readers want a time; ours is always the epoch, since the same plugin
    /// has the same bytes whenever it is published.
    pub created: String,
    /// `wasm`.
    pub architecture: String,
    /// `wasip2`, the word for components, whether they import WASI or not.
    pub os: String,
    /// The digests of the layers.
    pub layer_digests: Vec<Digest>,
    /// What the component needs and offers.
    pub component: Interfaces,
}

/// The interfaces at a component's border, as in
/// `waitfor:probe/probing@1.0.0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interfaces {
    /// What it offers.
    pub exports: Vec<String>,
    /// What it needs.
    pub imports: Vec<String>,
}

impl WasmConfig {
    /// The configuration of the component with `layer` as its digest.
    pub fn new(layer: Digest, component: Interfaces) -> Self {
        Self {
            created: "1970-01-01T00:00:00Z".to_owned(),
            architecture: "wasm".to_owned(),
            os: "wasip2".to_owned(),
            layer_digests: vec![layer],
            component,
        }
    }
}

/// What the file `oci-layout` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Marker {
    /// [`LAYOUT_VERSION`].
    pub image_layout_version: String,
}

/// Writes a document; the same document has the same bytes everywhere.
///
/// # Errors
/// Where it cannot be written as JSON; `what` and `place` say which document
/// that is.
pub fn write(document: &impl Serialize, what: &str, place: &str) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|error| Error::Malformed {
        what: what.to_owned(),
        place: place.to_owned(),
        problem: error.to_string(),
    })
}

/// Reads a document.
///
/// # Errors
/// Where `bytes` are not JSON of that shape; `what` and `place` say which
/// document that is.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str, place: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::Malformed {
        what: what.to_owned(),
        place: place.to_owned(),
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_knows_its_bytes() {
        let descriptor = Descriptor::of(WASM, b"abc");
        descriptor.verify(b"abc", "here").unwrap();
        let digest = descriptor.digest;
        let longer = descriptor.verify(b"abcd", "here").unwrap_err();
        assert_eq!(
            longer.to_string(),
            format!("{digest} in here holds other bytes: 4 bytes, not 3")
        );
        let other = descriptor.verify(b"abd", "here").unwrap_err();
        let found = Digest::of(b"abd");
        assert_eq!(
            other.to_string(),
            format!("{digest} in here holds other bytes: {found}")
        );
    }

    #[test]
    fn unknown_fields_are_kept() {
        let text = br#"{"schemaVersion":2,"annotations":{"a":"b"},"subject":{},"manifests":[
            {"mediaType":"x/y","size":1,"platform":{"os":"linux"},"data":"YQ==",
             "digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}"#;
        let index: Index = parse(text, "index.json", "here").unwrap();
        assert_eq!(index.manifests[0].size, 1);
        let again: serde_json::Value = serde_json::to_value(&index).unwrap();
        let before: serde_json::Value = serde_json::from_slice(text).unwrap();
        assert_eq!(again, before);
    }
}
