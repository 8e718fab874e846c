//! What an index holds, read alike from a folder and from the program's own
//! bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::oci::{self, Descriptor, Index, Manifest, annotation};
use crate::statement::{self, Statement};
use crate::{Digest, Error, Name, Published, Result, Version, published};

/// What messages call the index.
pub(crate) const INDEX: &str = "index.json";

/// A version in an index.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The version, with its standing.
    pub published: Published,
    /// All that was said about it.
    pub statements: Vec<Statement>,
}

/// Lists what an index holds, by name and then by version, the oldest first.
///
/// `blob` gives the bytes that a descriptor names; they are verified here.
/// What is no plugin is passed over.
///
/// # Errors
/// Where a manifest is malformed, missing or altered.
pub(crate) fn entries<'a>(
    index: &Index,
    place: &str,
    blob: impl Fn(&Descriptor) -> Result<Cow<'a, [u8]>>,
) -> Result<Vec<Entry>> {
    let mut all = Vec::with_capacity(index.manifests.len());
    let mut said: BTreeMap<Digest, Vec<Statement>> = BTreeMap::new();
    for descriptor in &index.manifests {
        if descriptor.media_type != oci::MANIFEST {
            continue;
        }
        let manifest = read(descriptor, place, &blob)?;
        if let Some(subject) = &manifest.subject
            && let Some(statement) = Statement::read(&manifest, &subject.digest)
        {
            said.entry(subject.digest).or_default().push(statement);
        }
        if !manifest.is_wasm() {
            continue;
        }
        let at = tagged(descriptor);
        if at.is_none() && !published::is_ours(&manifest) {
            continue;
        }
        let at = at.as_ref().map(|(name, version)| (name, version));
        let component = |layer: &Descriptor| blob(layer).map(Cow::into_owned);
        match Published::read(descriptor.digest, &manifest, at, place, component) {
            Ok(published) => all.push(Entry {
                published,
                statements: Vec::new(),
            }),
            // A component of another kind, in a folder that plugins share.
            Err(Error::NotAProbe { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    all.sort_by(|a, b| id(a).cmp(&id(b)));
    // One manifest may have several tags.
    all.dedup_by(|a, b| id(a) == id(b) && a.published.manifest == b.published.manifest);
    for pair in all.windows(2) {
        if let [first, second] = pair
            && id(first) == id(second)
        {
            return Err(Error::Malformed {
                what: INDEX.to_owned(),
                place: place.to_owned(),
                problem: format!(
                    "it holds {}@{} twice",
                    first.published.name, first.published.version
                ),
            });
        }
    }
    for entry in &mut all {
        entry.statements = said.remove(&entry.published.manifest).unwrap_or_default();
        entry.published.standing = statement::standing(entry.statements.iter().cloned());
    }
    Ok(all)
}

fn id(entry: &Entry) -> (&Name, &Version) {
    (&entry.published.name, &entry.published.version)
}

/// Reads a manifest that an index names.
pub(super) fn read<'a>(
    descriptor: &Descriptor,
    place: &str,
    blob: impl Fn(&Descriptor) -> Result<Cow<'a, [u8]>>,
) -> Result<Manifest> {
    let what = descriptor.digest.to_string();
    if descriptor.size > oci::MAX_DOCUMENT {
        return Err(too_large(&what, place));
    }
    let bytes = blob(descriptor)?;
    descriptor.verify(&bytes, place)?;
    oci::parse(&bytes, &what, place)
}

pub(super) fn too_large(what: &str, place: &str) -> Error {
    Error::Malformed {
        what: what.to_owned(),
        place: place.to_owned(),
        problem: format!("it is larger than {} bytes", oci::MAX_DOCUMENT),
    }
}

/// The name and version that a manifest's tag says, as in
/// `acme/billing:1.0.0`; none where it is a tag of another form.
fn tagged(descriptor: &Descriptor) -> Option<(Name, Version)> {
    let tag = descriptor.annotations.get(annotation::REF_NAME)?;
    let (name, version) = tag.rsplit_once(':')?;
    Some((name.parse().ok()?, version.parse().ok()?))
}
