//! What the registry holds: blobs by digest, manifests and tags by repository.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The media type of a manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// `sha256:…` of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// The configuration and the manifest of a published component, in the CNCF's layout for
/// WebAssembly with the annotations of `waitfor`.
pub fn artifact(name: &str, version: &str, component: &[u8]) -> (Vec<u8>, Value) {
    let layer = digest(component);
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer],
        "component": {
            "exports": ["waitfor:probe/probing@1.0.0"],
            "imports": [],
        },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": digest(&config),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/wasm",
            "digest": layer,
            "size": component.len(),
        }],
        "annotations": {
            "dev.waitfor.abi": "1.0",
            "dev.waitfor.schemes": "billing",
            "org.opencontainers.image.description": "the ledger is open",
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": version,
        },
    });
    (config, manifest)
}

#[derive(Default)]
pub(super) struct Content {
    blobs: BTreeMap<String, Vec<u8>>,
    /// Digest to media type and bytes, by repository.
    manifests: BTreeMap<String, BTreeMap<String, (String, Vec<u8>)>>,
    /// Tag to digest, by repository.
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

impl Content {
    pub(super) fn put_blob(&mut self, bytes: Vec<u8>) {
        self.blobs.insert(digest(&bytes), bytes);
    }

    pub(super) fn put_blob_as(&mut self, digest: &str, bytes: Vec<u8>) {
        self.blobs.insert(digest.to_owned(), bytes);
    }

    pub(super) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.blobs.get(digest).cloned()
    }

    /// Keeps a manifest under its digest, and under a tag unless `reference` is a digest.
    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        bytes: Vec<u8>,
    ) -> String {
        let digest = digest(&bytes);
        let document: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let media_type = document["mediaType"].as_str().unwrap_or(MANIFEST);
        self.manifests
            .entry(repository.to_owned())
            .or_default()
            .insert(digest.clone(), (media_type.to_owned(), bytes));
        if !reference.starts_with("sha256:") {
            self.tags
                .entry(repository.to_owned())
                .or_default()
                .insert(reference.to_owned(), digest.clone());
        }
        digest
    }

    /// The media type and the bytes of a manifest, by tag or digest.
    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Vec<u8>)> {
        let digest = match self.tags.get(repository).and_then(|t| t.get(reference)) {
            Some(digest) => digest,
            None => reference,
        };
        self.manifests.get(repository)?.get(digest).cloned()
    }

    /// The tags of a repository; the fallback tags of referrers are tags too.
    pub(super) fn tags(&self, repository: &str) -> Vec<String> {
        let tags = self.tags.get(repository);
        tags.map(|tags| tags.keys().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn knows(&self, repository: &str) -> bool {
        self.manifests.contains_key(repository)
    }

    /// The index of the manifests that have `subject` as theirs.
    pub(super) fn referrers(&self, repository: &str, subject: &str) -> Value {
        let manifests = self.manifests.get(repository).into_iter().flatten();
        let referring = manifests.filter_map(|(digest, (media_type, bytes))| {
            let document: Value = serde_json::from_slice(bytes).ok()?;
            (document["subject"]["digest"] == subject).then(|| {
                json!({
                    "mediaType": media_type,
                    "digest": digest,
                    "size": bytes.len(),
                    "artifactType": document["artifactType"],
                    "annotations": document["annotations"],
                })
            })
        });
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": referring.collect::<Vec<_>>(),
        })
    }
}
