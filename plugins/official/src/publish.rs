//! Publishes the official probes to `registry/official`, and shows that what
//! is published there is what the sources give.

use std::path::PathBuf;

use waitfor_registry::{Added, Layout, Published, Release};

use crate::build::Builder;
use crate::probes::{ALL, Official};
use crate::workspace::Workspace;
use crate::{Failure, Result};

/// Where the official probes are kept.
pub fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("registry/official")
}

/// Builds every probe and publishes the versions in their `Cargo.toml`; with
/// `replace` also those that are published already with other bytes. Tells
/// `say` a line a probe.
///
/// # Errors
/// Where a probe cannot be built, or is published already with other bytes.
pub fn publish(workspace: &Workspace, replace: bool, mut say: impl FnMut(String)) -> Result<()> {
    let layout = Layout::create(folder(workspace))?;
    let builder = Builder::new(workspace)?;
    for probe in ALL {
        let component = builder.component(probe)?;
        let release = release(workspace, probe, &component)?;
        let added = if replace {
            layout.replace(&release)?
        } else {
            layout.add(&release)?
        };
        let done = match added {
            Added::New => "published",
            Added::Same => "is published already",
            Added::Replaced => "published in place of other bytes",
        };
        say(format!(
            "{}@{} {done}, {} bytes",
            release.name,
            release.version,
            component.len()
        ));
    }
    if replace {
        layout.prune()?;
    }
    Ok(())
}

/// Builds every probe and compares it with what is published under the
/// version in its `Cargo.toml`. Tells `say` a line a probe.
///
/// # Errors
/// Names every probe that differs, with both digests.
pub fn check(workspace: &Workspace, mut say: impl FnMut(String)) -> Result<()> {
    let all = Layout::open(folder(workspace))?.published()?;
    let builder = Builder::new(workspace)?;
    let scratch = tempfile::tempdir()
        .map_err(|error| Failure::new(format!("cannot make a temporary folder: {error}")))?;
    let rebuilt = Layout::create(scratch.path())?;
    let mut differing = Vec::new();
    for probe in ALL {
        let component = builder.component(probe)?;
        rebuilt.add(&release(workspace, probe, &component)?)?;
    }
    for fresh in rebuilt.published()? {
        match difference(&all, &fresh) {
            Some(difference) => differing.push((fresh.name.to_string(), difference)),
            None => say(format!(
                "{}@{} is {}",
                fresh.name, fresh.version, fresh.component
            )),
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    let (names, texts): (Vec<_>, Vec<_>) = differing.into_iter().unzip();
    let manifests: Vec<_> = names
        .iter()
        .map(|name| format!("plugins/{name}/Cargo.toml"))
        .collect();
    Err(Failure::new(texts.join("\nerror: ")).hint(format!(
        "a changed source needs a new version in {}; then `make probes`",
        manifests.join(", ")
    )))
}

/// What keeps `fresh` from being what is published; none where nothing does.
fn difference(all: &[Published], fresh: &Published) -> Option<String> {
    let id = format!("{}@{}", fresh.name, fresh.version);
    let published = all
        .iter()
        .find(|one| one.name == fresh.name && one.version == fresh.version);
    match published {
        None => Some(format!("{id} is not published")),
        Some(published) if published.component != fresh.component => Some(format!(
            "the source of {id} gives {}, but {} is published",
            fresh.component, published.component
        )),
        Some(published) if published.manifest != fresh.manifest => Some(format!(
            "what the source says of {id} gives the manifest {}, but {} is published",
            fresh.manifest, published.manifest
        )),
        Some(_) => None,
    }
}

fn release<'a>(
    workspace: &Workspace,
    probe: &Official,
    component: &'a [u8],
) -> Result<Release<'a>> {
    let package = workspace.member(&probe.package())?;
    Ok(Release {
        name: probe.name.parse()?,
        version: package.version.parse()?,
        component,
        schemes: probe
            .about
            .schemes
            .iter()
            .map(|scheme| scheme.name.to_owned())
            .collect(),
        summary: probe.about.summary.to_owned(),
        licenses: package.license.clone(),
        source: package.repository.clone(),
        // The same sources give the same manifest, whichever commit they
        // are taken from.
        revision: None,
    })
}

#[cfg(test)]
mod tests {
    use waitfor_registry::oci::Annotations;
    use waitfor_registry::{Abi, Digest, Standing};

    use super::*;

    fn published(bytes: &str, manifest: &str) -> Published {
        Published {
            name: "redis".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            component: Digest::of(bytes.as_bytes()),
            size: 1,
            manifest: Digest::of(manifest.as_bytes()),
            schemes: vec!["redis".to_owned()],
            abi: Abi { major: 1, minor: 0 },
            summary: "works".to_owned(),
            annotations: Annotations::new(),
            standing: Standing::Good,
        }
    }

    #[test]
    fn a_difference_names_both_digests() {
        let (old, new) = (published("a", "m"), published("b", "n"));
        let (a, b, m, n) = (old.component, new.component, old.manifest, new.manifest);
        assert_eq!(difference(std::slice::from_ref(&old), &old), None);
        assert_eq!(
            difference(&[], &old).as_deref(),
            Some("redis@1.0.0 is not published")
        );
        assert_eq!(
            difference(std::slice::from_ref(&old), &new),
            Some(format!(
                "the source of redis@1.0.0 gives {b}, but {a} is published"
            ))
        );
        let said = published("a", "n");
        assert_eq!(
            difference(&[old], &said),
            Some(format!(
                "what the source says of redis@1.0.0 gives the manifest {n}, but {m} is published"
            ))
        );
    }
}
