//! What was last seen of a published version, so that runs without a network
//! know what is at hand, and what its publisher has said of it.

use serde::{Deserialize, Serialize};

use crate::oci::Annotations;
use crate::{Digest, Name, Published, Standing, Version};

/// The most bytes of a record.
pub(super) const MAX_LENGTH: u64 = 1 << 20;

/// The shape of a record that this program reads and writes.
const SCHEMA: u32 = 1;

/// What was seen of a version at the last contact with its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The registry's location, as in the lock.
    pub registry: String,
    /// What it publishes.
    pub published: Published,
}

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema: u32,
    registry: String,
    name: String,
    version: String,
    component: Digest,
    size: u64,
    manifest: Digest,
    schemes: Vec<String>,
    abi: String,
    summary: String,
    #[serde(default)]
    annotations: Annotations,
    standing: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Record {
    /// What no other record has.
    pub(super) fn key(&self) -> (&str, &Name, &Version) {
        let Published { name, version, .. } = &self.published;
        (&self.registry, name, version)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let published = &self.published;
        let document = Document {
            schema: SCHEMA,
            registry: self.registry.clone(),
            name: published.name.to_string(),
            version: published.version.to_string(),
            component: published.component,
            size: published.size,
            manifest: published.manifest,
            schemes: published.schemes.clone(),
            abi: published.abi.to_string(),
            summary: published.summary.clone(),
            annotations: published.annotations.clone(),
            standing: published.standing.word().to_owned(),
            reason: published.standing.reason().map(str::to_owned),
        };
        // Texts and numbers always have a form in JSON.
        let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a record, or says why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let broken = |error: serde_json::Error| error.to_string();
        let Schema { schema } = serde_json::from_slice(bytes).map_err(broken)?;
        if schema != SCHEMA {
            return Err(format!(
                "it has format {schema}, and this waitfor reads {SCHEMA}"
            ));
        }
        let document: Document = serde_json::from_slice(bytes).map_err(broken)?;
        let wrong = |error: crate::Error| error.to_string();
        let reason = document.reason.unwrap_or_default();
        let standing = match document.standing.as_str() {
            "good" => Standing::Good,
            "deprecated" => Standing::Deprecated { reason },
            "yanked" => Standing::Yanked { reason },
            _ => return Err("its standing is unknown".to_owned()),
        };
        Ok(Self {
            registry: document.registry,
            published: Published {
                name: document.name.parse().map_err(wrong)?,
                version: document.version.parse().map_err(wrong)?,
                component: document.component,
                size: document.size,
                manifest: document.manifest,
                schemes: document.schemes,
                abi: document.abi.parse().map_err(wrong)?,
                summary: document.summary,
                annotations: document.annotations,
                standing,
            },
        })
    }
}
