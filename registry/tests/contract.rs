//! The contract in `wit/` is well-formed and has the form that
//! `wit/VERSIONING.md` promises.

use std::path::PathBuf;

use wit_parser::{Resolve, Stability, WorldItem, WorldKey};

fn contract() -> (Resolve, wit_parser::PackageId) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&folder).unwrap();
    (resolve, package)
}

#[test]
fn the_package_is_version_1_0() {
    let (resolve, package) = contract();
    let name = &resolve.packages[package].name;
    assert_eq!(
        (name.namespace.as_str(), name.name.as_str()),
        ("waitfor", "probe")
    );
    let version = name.version.as_ref().unwrap();
    assert_eq!((version.major, version.minor), (1, 0));
}

#[test]
fn every_interface_and_world_says_since_when() {
    let (resolve, package) = contract();
    let package = &resolve.packages[package];
    for (name, id) in &package.interfaces {
        let stability = &resolve.interfaces[*id].stability;
        assert!(
            matches!(stability, Stability::Stable { .. }),
            "interface {name} has no @since"
        );
    }
    for (name, id) in &package.worlds {
        let stability = &resolve.worlds[*id].stability;
        assert!(
            matches!(stability, Stability::Stable { .. }),
            "world {name} has no @since"
        );
    }
}

#[test]
fn a_probe_needs_nothing_but_the_contract_and_exports_one_interface() {
    let (resolve, package) = contract();
    let world = &resolve.worlds[resolve.packages[package].worlds["probe"]];
    let names = |items: &wit_parser::IndexMap<WorldKey, WorldItem>| -> Vec<String> {
        items
            .keys()
            .map(|key| resolve.name_world_key(key))
            .collect()
    };
    for import in names(&world.imports) {
        assert!(
            import.starts_with("waitfor:probe/"),
            "the world imports {import}"
        );
    }
    assert_eq!(names(&world.exports), ["waitfor:probe/probing@1.0.0"]);
}
