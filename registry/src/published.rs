//! Which versions of which plugins there are, and which of them a user's
//! words mean.

use std::borrow::Cow;

use crate::oci::{self, Annotations, Descriptor, Index, Manifest, annotation};
use crate::{Abi, Digest, Error, Name, Reference, Result, Version};

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
    /// that come without a URL.
    pub schemes: Vec<String>,
    /// The version of the contract that it needs.
    pub abi: Abi,
    /// One line: what `ready` means to it.
    pub summary: String,
}

impl Published {
    /// The descriptor of the component.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: oci::WASM.to_owned(),
            digest: self.component,
            size: self.size,
            annotations: Annotations::new(),
        }
    }
}

/// Lists what an index holds, by name and then by version, the oldest first.
///
/// `manifest` gives the bytes that a descriptor names; they are verified
/// here. Manifests that are no WebAssembly artifact are passed over.
///
/// # Errors
/// Where the index or a manifest is malformed, missing or altered.
pub fn list<'a>(
    index: &[u8],
    place: &str,
    manifest: impl Fn(&Descriptor) -> Result<Cow<'a, [u8]>>,
) -> Result<Vec<Published>> {
    let index: Index = oci::parse(index, "index.json", place)?;
    let mut all = Vec::with_capacity(index.manifests.len());
    for descriptor in &index.manifests {
        if descriptor.media_type != oci::MANIFEST {
            continue;
        }
        let bytes = manifest(descriptor)?;
        descriptor.verify(&bytes, place)?;
        let what = descriptor.digest.to_string();
        let manifest: Manifest = oci::parse(&bytes, &what, place)?;
        if manifest.config.media_type != oci::WASM_CONFIG {
            continue;
        }
        let published = read(descriptor.digest, &manifest).map_err(|problem| Error::Malformed {
            what,
            place: place.to_owned(),
            problem,
        })?;
        all.push(published);
    }
    all.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    for pair in all.windows(2) {
        if let [first, second] = pair
            && (&first.name, &first.version) == (&second.name, &second.version)
        {
            return Err(Error::Malformed {
                what: "index.json".to_owned(),
                place: place.to_owned(),
                problem: format!("it holds {}@{} twice", first.name, first.version),
            });
        }
    }
    Ok(all)
}

fn read(digest: Digest, manifest: &Manifest) -> std::result::Result<Published, String> {
    let noted = |key: &str| {
        let value = manifest.annotations.get(key).map(String::as_str);
        value.ok_or_else(|| format!("the annotation {key} is missing"))
    };
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
    let text = |error: Error| error.to_string();
    Ok(Published {
        name: noted(annotation::TITLE)?.parse().map_err(text)?,
        version: noted(annotation::VERSION)?.parse().map_err(text)?,
        component: layer.digest,
        size: layer.size,
        manifest: digest,
        schemes: noted(annotation::SCHEMES)?
            .split(',')
            .map(str::to_owned)
            .collect(),
        abi: noted(annotation::ABI)?.parse().map_err(text)?,
        summary: noted(annotation::DESCRIPTION)?.to_owned(),
    })
}

/// The newest version in `all` that `reference` means. A pre-release is
/// taken only where the reference names it.
///
/// # Errors
/// Where no plugin has that name, or no version of it will do; the error
/// says what there is.
pub fn resolve<'a>(
    all: &'a [Published],
    name: &Name,
    reference: &Reference,
) -> Result<&'a Published> {
    let mut named: Vec<&Published> = all.iter().filter(|one| one.name == *name).collect();
    if named.is_empty() {
        let mut known: Vec<Name> = all.iter().map(|one| one.name.clone()).collect();
        known.sort();
        known.dedup();
        return Err(Error::UnknownPlugin {
            name: name.clone(),
            known,
        });
    }
    named.sort_by(|a, b| b.version.cmp(&a.version));
    let found = named.iter().find(|one| match reference {
        Reference::Newest => !one.version.is_prerelease(),
        Reference::Version(requirement) => requirement.matches(&one.version),
        Reference::Bytes(digest) => one.component == *digest,
    });
    let versions = || named.iter().map(|one| one.version.clone()).collect();
    found.copied().ok_or_else(|| match reference {
        Reference::Bytes(digest) => Error::NoSuchBytes {
            name: name.clone(),
            digest: *digest,
            available: named
                .iter()
                .map(|one| (one.version.clone(), one.component))
                .collect(),
        },
        Reference::Newest => Error::NoVersion {
            name: name.clone(),
            wanted: "a release".to_owned(),
            available: versions(),
        },
        Reference::Version(requirement) => Error::NoVersion {
            name: name.clone(),
            wanted: requirement.to_string(),
            available: versions(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PluginRef;

    fn published(name: &str, version: &str) -> Published {
        let component = Digest::of(format!("{name}@{version}").as_bytes());
        Published {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            component,
            size: 1,
            manifest: component,
            schemes: vec![name.to_owned()],
            abi: Abi { major: 1, minor: 0 },
            summary: "works".to_owned(),
        }
    }

    fn all() -> Vec<Published> {
        ["1.2.0", "1.10.0", "2.0.0-rc.1", "1.2.9", "1.9.0"]
            .map(|version| published("redis", version))
            .into_iter()
            .chain([
                published("tcp", "1.0.0-rc.1"),
                published("acme/redis", "7.0.0"),
            ])
            .collect()
    }

    fn find(wanted: &str) -> Result<Version> {
        let wanted: PluginRef = wanted.parse().unwrap();
        resolve(&all(), &wanted.name, &wanted.reference).map(|found| found.version.clone())
    }

    #[test]
    fn takes_the_newest_that_will_do() {
        let pinned = format!("redis@{}", published("redis", "1.2.0").component);
        let cases = [
            ("redis", "1.10.0"),
            ("redis@1", "1.10.0"),
            ("redis@1.2", "1.2.9"),
            ("redis@1.2.0", "1.2.0"),
            ("redis@~1.9", "1.9.0"),
            ("redis@2.0.0-rc.1", "2.0.0-rc.1"),
            ("acme/redis", "7.0.0"),
            (&pinned, "1.2.0"),
        ];
        for (wanted, expected) in cases {
            assert_eq!(find(wanted).unwrap().to_string(), expected, "{wanted}");
        }
    }

    #[test]
    fn says_what_there_is_where_nothing_will_do() {
        let digest = Digest::of(b"other");
        let at_hand = published("tcp", "1.0.0-rc.1").component;
        let cases = [
            (
                "nosuch@1".to_owned(),
                "there is no plugin `nosuch`".to_owned(),
                "there are acme/redis, redis, tcp".to_owned(),
            ),
            (
                "redis@3".to_owned(),
                "no version of `redis` matches 3".to_owned(),
                "there are 2.0.0-rc.1, 1.10.0, 1.9.0, 1.2.9, 1.2.0".to_owned(),
            ),
            (
                "redis@2".to_owned(),
                "no version of `redis` matches 2".to_owned(),
                "there are 2.0.0-rc.1, 1.10.0, 1.9.0, 1.2.9, 1.2.0".to_owned(),
            ),
            (
                "tcp".to_owned(),
                "no version of `tcp` matches a release".to_owned(),
                "there are 1.0.0-rc.1".to_owned(),
            ),
            (
                format!("tcp@{digest}"),
                format!("no version of `tcp` has the digest {digest}"),
                format!("there are 1.0.0-rc.1 with {at_hand}"),
            ),
        ];
        for (wanted, message, hint) in cases {
            let error = find(&wanted).unwrap_err();
            assert_eq!((error.to_string(), error.hint()), (message, Some(hint)));
        }
    }
}
