//! A version to publish, and the documents that it becomes: the same in
//! every place, so that a copy in a folder and one in a registry have one
//! digest.

use crate::error::Clash;
use crate::oci::{self, Annotations, Descriptor, Manifest, WasmConfig, annotation};
use crate::{
    Digest, Documents, Error, Name, Published, Result, Standing, Version, component, text,
};

/// What the messages about a release that cannot be written call the place.
const PLACE: &str = "this program";

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
    /// What names the state of the source, such as a commit.
    pub revision: Option<String>,
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

/// A release as it is kept.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What readers of the place will find.
    pub published: Published,
    /// The descriptor of the manifest, without a tag.
    pub manifest: Descriptor,
    /// The descriptor of the configuration.
    pub config: Descriptor,
    /// The bytes of both.
    pub documents: Documents,
}

impl Release<'_> {
    /// Checks the release and writes its documents.
    ///
    /// # Errors
    /// Where the component is no probe or is larger than
    /// [`oci::MAX_COMPONENT`], or a fact about it is malformed.
    pub fn prepare(&self) -> Result<Prepared> {
        let probe = component::inspect(self.component)?;
        self.check()
            .map_err(|problem| Error::NotAProbe { problem })?;
        let layer = Descriptor::of(oci::WASM, self.component);
        let config = WasmConfig::new(layer.digest, probe.interfaces);
        let config_bytes = oci::write(&config, "the configuration", PLACE)?;
        let config = Descriptor::of(oci::WASM_CONFIG, &config_bytes);
        let mut annotations = Annotations::from(
            [
                (annotation::TITLE, self.name.to_string()),
                (annotation::VERSION, self.version.to_string()),
                (annotation::DESCRIPTION, self.summary.clone()),
                (annotation::SCHEMES, self.schemes.join(",")),
                (annotation::ABI, probe.abi.to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        for (key, _, value) in self.optional() {
            if let Some(value) = value {
                annotations.insert(key.to_owned(), value.clone());
            }
        }
        let document = Manifest {
            schema_version: 2,
            media_type: Some(oci::MANIFEST.to_owned()),
            artifact_type: None,
            config: config.clone(),
            layers: vec![layer.clone()],
            subject: None,
            annotations,
        };
        let manifest_bytes = oci::write(&document, "the manifest", PLACE)?;
        let manifest = Descriptor::of(oci::MANIFEST, &manifest_bytes);
        Ok(Prepared {
            published: Published {
                name: self.name.clone(),
                version: self.version.clone(),
                component: layer.digest,
                size: layer.size,
                manifest: manifest.digest,
                schemes: self.schemes.clone(),
                abi: probe.abi,
                summary: self.summary.clone(),
                annotations: document.annotations,
                standing: Standing::Good,
            },
            manifest,
            config,
            documents: Documents {
                manifest: manifest_bytes,
                config: config_bytes,
            },
        })
    }

    /// The facts that may be missing: key, word for messages, value.
    fn optional(&self) -> [(&'static str, &'static str, &Option<String>); 3] {
        [
            (annotation::LICENSES, "licence", &self.licenses),
            (annotation::SOURCE, "source", &self.source),
            (annotation::REVISION, "revision", &self.revision),
        ]
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.schemes.is_empty() {
            return Err("it answers to no URL scheme".to_owned());
        }
        for scheme in &self.schemes {
            if !text::is_scheme(scheme) {
                return Err(format!("`{scheme}` is not a URL scheme"));
            }
        }
        if let Some(problem) = text::line_problem(&self.summary) {
            return Err(format!("its summary {problem}"));
        }
        for (_, word, value) in self.optional() {
            if let Some(problem) = value.as_deref().and_then(text::line_problem) {
                return Err(format!("its {word} {problem}"));
            }
        }
        Ok(())
    }
}

/// What to answer where `offered` was to be published and `before` stands
/// there under its version: that it is the same.
///
/// # Errors
/// [`Error::Immutable`] where it is not.
pub fn same(before: &Published, offered: &Published) -> Result<Added> {
    let (what, published, offered_digest): (_, Digest, Digest) =
        if before.manifest == offered.manifest {
            return Ok(Added::Same);
        } else if before.component == offered.component {
            ("facts", before.manifest, offered.manifest)
        } else {
            ("bytes", before.component, offered.component)
        };
    Err(Error::Immutable(Box::new(Clash {
        name: offered.name.clone(),
        version: offered.version.clone(),
        what,
        published,
        offered: offered_digest,
    })))
}
