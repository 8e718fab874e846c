//! The official probes in the repository: their manifests can be written
//! again byte for byte, and this program can run every one of them.

use std::fs;
use std::path::PathBuf;

use waitfor_registry::oci::annotation;
use waitfor_registry::{Layout, Registry, Release, SPOKEN, component};

fn official() -> Layout {
    Layout::open(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("official")).unwrap()
}

#[test]
fn every_official_probe_needs_what_this_program_speaks() {
    let layout = official();
    let all = layout.published().unwrap();
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    for name in ["http", "postgres", "redis", "tcp", "vault", "vertica"] {
        assert!(names.contains(&name), "{name} is official");
    }
    for one in &all {
        let probe = component::inspect(&layout.component(one).unwrap()).unwrap();
        assert_eq!((probe.abi, one.abi), (SPOKEN, SPOKEN), "{}", one.name);
        assert!(!probe.interfaces.imports.is_empty(), "{}", one.name);
    }
}

#[test]
fn the_manifests_can_be_written_again() {
    let layout = official();
    for one in layout.published().unwrap() {
        let component = layout.component(&one).unwrap();
        let note = |key: &str| one.annotations.get(key).cloned();
        let release = Release {
            name: one.name.clone(),
            version: one.version.clone(),
            component: &component,
            schemes: one.schemes.clone(),
            summary: one.summary.clone(),
            licenses: note(annotation::LICENSES),
            source: note(annotation::SOURCE),
            revision: note(annotation::REVISION),
        };
        let prepared = release.prepare().unwrap();
        assert_eq!(prepared.published, one);
        let documents = Registry::documents(&layout, &one).unwrap();
        assert_eq!(prepared.documents, documents, "{}", one.name);
    }
}

/// Whoever adds the same again finds the folder as it is in the repository.
#[test]
fn the_index_can_be_written_again() {
    let before = official();
    let folder = tempfile::tempdir().unwrap();
    let copy = Layout::create(folder.path()).unwrap();
    for one in before.published().unwrap().iter().rev() {
        let documents = Registry::documents(&before, one).unwrap();
        let component = before.component(one).unwrap();
        copy.import(one, &documents, &component).unwrap();
    }
    for file in ["index.json", "oci-layout"] {
        assert_eq!(
            fs::read_to_string(copy.root().join(file)).unwrap(),
            fs::read_to_string(before.root().join(file)).unwrap()
        );
    }
}
