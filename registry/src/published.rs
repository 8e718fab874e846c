//! What is published under a version, read from its manifest: one reader for
//! folders, registries and the program itself, so that all of them mean the
//! same.

use crate::oci::{self, Annotations, Descriptor, Manifest, annotation};
use crate::{Abi, Digest, Error, Name, Result, Standing, Version, component, text};

/// One published version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The plugin.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// The digest of the component: the plugin's identity.
    pub component: Digest,
    /// The component's size in bytes.
    pub size: u64,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The URL schemes that it answers to; the first is the one for targets
    /// that come without a URL. Empty where the manifest does not say, as
    /// that of another program does not.
    pub schemes: Vec<String>,
    /// The version of the contract that it needs.
    pub abi: Abi,
    /// One line: what `ready` means to it. Empty where the manifest does not
    /// say.
    pub summary: String,
    /// All that the manifest notes.
    pub annotations: Annotations,
    /// What its publisher said of it afterwards.
    pub standing: Standing,
}

impl Published {
    /// The descriptor of the component.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: oci::WASM.to_owned(),
            digest: self.component,
            size: self.size,
            artifact_type: None,
            annotations: Annotations::new(),
            unknown: oci::Unknown::new(),
        }
    }

    /// Reads the manifest with the digest `digest`, from `place`, as a
    /// version in good standing.
    ///
    /// `at` is where it was found: the name and version of its repository and
    /// tag. A manifest that `waitfor` wrote says the same itself, and must
    /// agree; one that another program wrote is named by `at` alone, and what
    /// it needs is read from the component, which `component` gives for the
    /// descriptor of the layer, and which is verified here.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the manifest is no plugin's or does not
    /// agree with `at`; [`Error::NotAProbe`] where the component is none; and
    /// what `component` says.
    pub fn read(
        digest: Digest,
        manifest: &Manifest,
        at: Option<(&Name, &Version)>,
        place: &str,
        component: impl FnOnce(&Descriptor) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed {
            what: digest.to_string(),
            place: place.to_owned(),
            problem,
        };
        let layer = layer(manifest).map_err(malformed)?;
        let facts = if is_ours(manifest) {
            let facts = own_facts(manifest).map_err(malformed)?;
            if let Some((name, version)) = at
                && (name, version) != (&facts.name, &facts.version)
            {
                return Err(malformed(format!(
                    "it is {}@{}, and is kept as {name}@{version}",
                    facts.name, facts.version
                )));
            }
            facts
        } else {
            let (name, version) = at.ok_or_else(|| {
                malformed("neither it nor its tag says which plugin it is".to_owned())
            })?;
            let bytes = component(layer)?;
            layer.verify(&bytes, place)?;
            Facts {
                name: name.clone(),
                version: version.clone(),
                schemes: Vec::new(),
                abi: component::inspect(&bytes)?.abi,
            }
        };
        let summary = manifest.annotations.get(annotation::DESCRIPTION);
        Ok(Self {
            name: facts.name,
            version: facts.version,
            component: layer.digest,
            size: layer.size,
            manifest: digest,
            schemes: facts.schemes,
            abi: facts.abi,
            summary: summary.map(|text| text::one_line(text)).unwrap_or_default(),
            annotations: manifest.annotations.clone(),
            standing: Standing::Good,
        })
    }
}

/// The versions of a plugin among `all`, in their order.
pub(crate) fn versions_of(all: &[Published], name: &Name) -> Vec<Version> {
    let named = all.iter().filter(|one| one.name == *name);
    named.map(|one| one.version.clone()).collect()
}

/// A version among `all`.
pub(crate) fn find<'a>(
    all: &'a [Published],
    name: &Name,
    version: &Version,
) -> Option<&'a Published> {
    all.iter()
        .find(|one| one.name == *name && one.version == *version)
}

/// Whether `waitfor` wrote the manifest, by the one note that no other
/// program has a use for.
pub fn is_ours(manifest: &Manifest) -> bool {
    manifest.annotations.contains_key(annotation::ABI)
}

struct Facts {
    name: Name,
    version: Version,
    schemes: Vec<String>,
    abi: Abi,
}

fn own_facts(manifest: &Manifest) -> std::result::Result<Facts, String> {
    let noted = |key: &str| {
        let value = manifest.annotations.get(key).map(String::as_str);
        value.ok_or_else(|| format!("the annotation {key} is missing"))
    };
    let said = |error: Error| error.to_string();
    let schemes: Vec<String> = noted(annotation::SCHEMES)?
        .split(',')
        .map(str::to_owned)
        .collect();
    if let Some(scheme) = schemes.iter().find(|scheme| !text::is_scheme(scheme)) {
        return Err(format!("`{scheme}` is not a URL scheme"));
    }
    noted(annotation::DESCRIPTION)?;
    Ok(Facts {
        name: noted(annotation::TITLE)?.parse().map_err(said)?,
        version: noted(annotation::VERSION)?.parse().map_err(said)?,
        schemes,
        abi: noted(annotation::ABI)?.parse().map_err(said)?,
    })
}

fn layer(manifest: &Manifest) -> std::result::Result<&Descriptor, String> {
    if !manifest.is_wasm() {
        return Err(format!(
            "its configuration is {}, not {}",
            manifest.config.media_type,
            oci::WASM_CONFIG
        ));
    }
    let [layer] = manifest.layers.as_slice() else {
        return Err(format!("it has {} layers, not one", manifest.layers.len()));
    };
    if layer.media_type != oci::WASM {
        return Err(format!(
            "its layer is {}, not {}",
            layer.media_type,
            oci::WASM
        ));
    }
    if layer.size > oci::MAX_COMPONENT {
        return Err(format!(
            "its component has {} bytes, more than {}",
            layer.size,
            oci::MAX_COMPONENT
        ));
    }
    Ok(layer)
}

impl AsRef<Self> for Published {
    fn as_ref(&self) -> &Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "the registry";

    fn component() -> Vec<u8> {
        wat::parse_str(
            r#"(component (import "waitfor:probe/clock@1.3.0" (instance))
                (instance $p) (export "waitfor:probe/probing@1.0.0" (instance $p)))"#,
        )
        .unwrap()
    }

    fn manifest(annotations: &[(&str, &str)]) -> Manifest {
        let annotations = annotations.iter();
        Manifest {
            schema_version: 2,
            media_type: None,
            artifact_type: None,
            config: Descriptor::of(oci::WASM_CONFIG, b"{}"),
            layers: vec![Descriptor::of(oci::WASM, &component())],
            subject: None,
            annotations: annotations
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn ours() -> Manifest {
        manifest(&[
            (annotation::TITLE, "acme/billing"),
            (annotation::VERSION, "1.0.0"),
            (annotation::DESCRIPTION, "answers\nand more"),
            (annotation::SCHEMES, "billing,billing+tls"),
            (annotation::ABI, "1.2"),
            ("example.acme.build", "17"),
        ])
    }

    fn read(manifest: &Manifest, at: Option<(&str, &str)>) -> Result<Published> {
        let at: Option<(Name, Version)> =
            at.map(|(name, version)| (name.parse().unwrap(), version.parse().unwrap()));
        let at = at.as_ref().map(|(name, version)| (name, version));
        Published::read(Digest::of(b"m"), manifest, at, PLACE, |layer| {
            assert_eq!(layer.digest, Digest::of(&component()));
            Ok(component())
        })
    }

    fn refusal(manifest: &Manifest, at: Option<(&str, &str)>) -> String {
        let error = read(manifest, at).unwrap_err().to_string();
        let start = format!("{} in {PLACE} cannot be used: ", Digest::of(b"m"));
        error.strip_prefix(&start).unwrap().to_owned()
    }

    #[test]
    fn reads_what_waitfor_wrote_without_its_component() {
        let at = Some(("acme/billing", "1.0.0"));
        for at in [None, at] {
            let one = read(&ours(), at).unwrap();
            assert_eq!(one.name.as_str(), "acme/billing");
            assert_eq!(one.schemes, ["billing", "billing+tls"]);
            assert_eq!(one.abi.to_string(), "1.2", "as noted");
            assert_eq!(one.summary, "answers");
            assert_eq!(one.annotations["example.acme.build"], "17");
            assert_eq!(one.standing, Standing::Good);
        }
        assert_eq!(
            refusal(&ours(), Some(("acme/billing", "1.0.1"))),
            "it is acme/billing@1.0.0, and is kept as acme/billing@1.0.1"
        );
    }

    #[test]
    fn reads_what_another_program_wrote_by_its_place_and_component() {
        let foreign = manifest(&[
            // As `wkg` notes it: what the author wrote, not what we agreed on.
            (annotation::TITLE, "Billing"),
            (annotation::VERSION, "2024.1"),
            (annotation::DESCRIPTION, "The billing probe"),
        ]);
        let one = read(&foreign, Some(("acme/billing", "1.0.0"))).unwrap();
        assert_eq!(one.name.as_str(), "acme/billing");
        assert_eq!(one.version.to_string(), "1.0.0");
        assert_eq!(one.abi.to_string(), "1.3", "as the component needs");
        assert_eq!(one.summary, "The billing probe");
        assert_eq!(one.schemes, Vec::<String>::new());
        assert_eq!(
            refusal(&foreign, None),
            "neither it nor its tag says which plugin it is"
        );
    }

    #[test]
    fn the_component_of_another_program_is_verified() {
        let foreign = manifest(&[]);
        let (name, version) = ("redis".parse().unwrap(), "1.0.0".parse().unwrap());
        let at = Some((&name, &version));
        let other = Published::read(Digest::of(b"m"), &foreign, at, PLACE, |_| {
            Ok(b"other".to_vec())
        });
        assert!(matches!(other, Err(Error::Altered { .. })));
        let mut page = manifest(&[]);
        page.layers = vec![Descriptor::of(oci::WASM, b"<html></html>")];
        let page = Published::read(Digest::of(b"m"), &page, at, PLACE, |_| {
            Ok(b"<html></html>".to_vec())
        });
        assert!(matches!(page, Err(Error::NotAProbe { .. })));
    }

    #[test]
    fn says_what_is_wrong_with_a_manifest() {
        let changed = |change: fn(&mut Manifest)| {
            let mut manifest = ours();
            change(&mut manifest);
            refusal(&manifest, None)
        };
        assert_eq!(
            changed(|one| one.config.media_type = oci::EMPTY.to_owned()),
            "its configuration is application/vnd.oci.empty.v1+json, not application/vnd.wasm.config.v0+json"
        );
        assert_eq!(
            changed(|one| one.layers.clear()),
            "it has 0 layers, not one"
        );
        assert_eq!(
            changed(|one| one
                .layers
                .iter_mut()
                .for_each(|layer| layer.media_type = "a/b".to_owned())),
            "its layer is a/b, not application/wasm"
        );
        assert_eq!(
            changed(|one| one
                .layers
                .iter_mut()
                .for_each(|layer| layer.size = u64::MAX)),
            "its component has 18446744073709551615 bytes, more than 33554432"
        );
        let note = |key: &str, value: &str| {
            let mut manifest = ours();
            let (key, value) = (key.to_owned(), value.to_owned());
            manifest.annotations.insert(key, value);
            refusal(&manifest, None)
        };
        assert_eq!(note(annotation::SCHEMES, "a,B"), "`B` is not a URL scheme");
        assert_eq!(
            note(annotation::ABI, "one"),
            "`one` is not the version of a contract, such as 1.0"
        );
        assert_eq!(
            changed(|one| {
                one.annotations.remove(annotation::TITLE);
            }),
            "the annotation org.opencontainers.image.title is missing"
        );
    }
}
