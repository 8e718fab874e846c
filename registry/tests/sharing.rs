//! A layout folder is not ours alone: what other programs put there is read
//! where it is a probe and kept where it is not, copies keep their digests,
//! and statements stand beside the versions that they are about.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use waitfor_registry::{
    Added, Digest, Embedded, Error, Layout, Name, Published, Registry, Release, Standing, Version,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const TAG: &str = "org.opencontainers.image.ref.name";

fn component(marker: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component (@custom "marker" "{marker}")
            (import "waitfor:probe/report@1.0.0" (instance $report))
            (instance $probing) (export "waitfor:probe/probing@1.0.0" (instance $probing)))"#
    ))
    .unwrap()
}

fn release<'a>(name: &str, version: &str, component: &'a [u8]) -> Release<'a> {
    Release {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        component,
        schemes: vec!["billing".to_owned()],
        summary: "answers a bill".to_owned(),
        licenses: None,
        source: Some("https://git.acme.example/billing".to_owned()),
        revision: Some("1f2e3d".to_owned()),
    }
}

fn layout() -> (TempDir, Layout) {
    let folder = TempDir::new().unwrap();
    let layout = Layout::create(folder.path().join("layout")).unwrap();
    (folder, layout)
}

fn blob(layout: &Layout, digest: &Digest) -> PathBuf {
    layout.root().join("blobs/sha256").join(digest.hex())
}

/// Puts a blob there and gives its descriptor.
fn put(layout: &Layout, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    fs::write(blob(layout, &digest), bytes).unwrap();
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

fn index(layout: &Layout) -> Value {
    serde_json::from_slice(&fs::read(layout.root().join("index.json")).unwrap()).unwrap()
}

fn push(layout: &Layout, descriptor: Value) {
    let mut index = index(layout);
    index["manifests"].as_array_mut().unwrap().push(descriptor);
    fs::write(layout.root().join("index.json"), index.to_string()).unwrap();
}

/// A component as another program publishes it: without a word of ours.
fn foreign(layout: &Layout, component: &[u8], tag: &str) -> Value {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(layout, "application/vnd.wasm.config.v0+json", b"{}"),
        "layers": [put(layout, "application/wasm", component)],
        "annotations": {"org.opencontainers.image.description": "Bills"},
    });
    let mut descriptor = put(layout, MANIFEST, manifest.to_string().as_bytes());
    descriptor["annotations"] = json!({TAG: tag});
    descriptor
}

fn find(registry: &dyn Registry, name: &str, version: &str) -> Option<Published> {
    let name: Name = name.parse().unwrap();
    let version: Version = version.parse().unwrap();
    registry.find(&name, &version).unwrap()
}

fn yanked(reason: &str) -> Standing {
    Standing::Yanked {
        reason: reason.to_owned(),
    }
}

#[test]
fn a_component_of_another_program_is_found_by_its_tag() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    push(&layout, foreign(&layout, &bytes, "acme/billing:1.0.0"));
    let one = find(&layout, "acme/billing", "1.0.0").unwrap();
    assert_eq!(one.component, Digest::of(&bytes));
    assert_eq!(
        (one.abi.to_string(), one.summary.as_str()),
        ("1.0".to_owned(), "Bills")
    );
    assert_eq!(layout.component(&one).unwrap(), bytes);

    // Neither a tag without a version nor a component of another kind is a
    // plugin, and neither is in the way.
    push(&layout, foreign(&layout, &component("two"), "latest"));
    let library = wat::parse_str("(component)").unwrap();
    push(&layout, foreign(&layout, &library, "acme/library:1.0.0"));
    assert_eq!(layout.published().unwrap(), [one]);
    assert_eq!(find(&layout, "acme/library", "1.0.0"), None);

    let again = component("three");
    let error = layout.add(&release("acme/billing", "1.0.0", &again));
    assert!(matches!(error, Err(Error::Immutable(_))));
}

#[test]
fn a_tag_does_not_rename_a_plugin() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout
        .add(&release("acme/billing", "1.0.0", &bytes))
        .unwrap();
    let path = layout.root().join("index.json");
    let before = fs::read_to_string(&path).unwrap();

    fs::write(&path, before.replace("acme/billing:1.0.0", "stable")).unwrap();
    assert!(find(&layout, "acme/billing", "1.0.0").is_some());

    fs::write(&path, before.replace("billing:1.0.0", "billing:9.0.0")).unwrap();
    let message = layout.published().unwrap_err().to_string();
    let expected = "it is acme/billing@1.0.0, and is kept as acme/billing@9.0.0";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn what_others_note_in_the_index_is_kept() {
    let (_folder, layout) = layout();
    let image = put(&layout, "application/octet-stream", b"image");
    let child = json!({"schemaVersion": 2, "config": image, "layers": []}).to_string();
    let child = put(&layout, MANIFEST, child.as_bytes());
    let nested = json!({"schemaVersion": 2, "manifests": [child]}).to_string();
    let mut nested = put(
        &layout,
        "application/vnd.oci.image.index.v1+json",
        nested.as_bytes(),
    );
    nested["platform"] = json!({"os": "linux", "architecture": "amd64"});
    nested["urls"] = json!(["https://images.acme.example/one"]);
    push(&layout, nested.clone());
    let mut noted = index(&layout);
    noted["annotations"] = json!({"example.acme.team": "ci"});
    fs::write(layout.root().join("index.json"), noted.to_string()).unwrap();

    let bytes = component("one");
    layout
        .add(&release("acme/billing", "1.0.0", &bytes))
        .unwrap();
    let after = index(&layout);
    assert_eq!(after["annotations"], noted["annotations"]);
    assert!(after["manifests"].as_array().unwrap().contains(&nested));

    fs::write(blob(&layout, &Digest::of(b"orphan")), b"orphan").unwrap();
    assert_eq!(layout.prune().unwrap(), 1, "only what nothing leads to");
    assert!(blob(&layout, &Digest::of(b"image")).exists());
}

#[test]
fn the_last_statement_about_a_version_counts() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    for version in ["1.0.0", "1.0.1"] {
        layout
            .add(&release("acme/billing", version, &bytes))
            .unwrap();
    }
    let bad = find(&layout, "acme/billing", "1.0.1").unwrap();
    let deprecated = Standing::Deprecated {
        reason: "use 2".to_owned(),
    };
    let steps = [
        yanked("says ready too early"),
        yanked("says ready before the ledger is open"),
        Standing::Good,
        deprecated,
        yanked("again"),
    ];
    for (number, standing) in steps.iter().enumerate() {
        // What is said twice is written once.
        for _ in 0..2 {
            layout.declare(&bad, standing).unwrap();
        }
        let found = find(&layout, "acme/billing", "1.0.1").unwrap();
        assert_eq!(found.standing, *standing);
        assert_eq!(
            (found.manifest, found.component),
            (bad.manifest, bad.component)
        );
        assert_eq!(
            index(&layout)["manifests"].as_array().unwrap().len(),
            number + 3
        );
        let other = find(&layout, "acme/billing", "1.0.0").unwrap();
        assert_eq!(other.standing, Standing::Good);
    }
    // Publishing the same again takes nothing back.
    let same = layout
        .add(&release("acme/billing", "1.0.1", &bytes))
        .unwrap();
    assert_eq!(same, Added::Same);
    let found = find(&layout, "acme/billing", "1.0.1").unwrap();
    assert_eq!(found.standing, yanked("again"));
    assert_eq!(layout.prune().unwrap(), 0);

    let error = layout.declare(&bad, &yanked("two\nlines")).unwrap_err();
    assert_eq!(error.to_string(), "the reason is more than one line");
    let mut unknown = bad;
    unknown.manifest = Digest::of(b"unknown");
    let error = layout.declare(&unknown, &yanked("gone")).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }));
}

#[test]
fn a_statement_is_found_where_the_index_does_not_name_its_type() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout
        .add(&release("acme/billing", "1.0.0", &bytes))
        .unwrap();
    let one = find(&layout, "acme/billing", "1.0.0").unwrap();
    layout.declare(&one, &yanked("bad")).unwrap();
    // As a copy by another program leaves it.
    let mut index = index(&layout);
    for descriptor in index["manifests"].as_array_mut().unwrap() {
        let fields = descriptor.as_object_mut().unwrap();
        fields.remove("artifactType");
        fields.remove("annotations");
    }
    fs::write(layout.root().join("index.json"), index.to_string()).unwrap();
    let found = find(&layout, "acme/billing", "1.0.0").unwrap();
    assert_eq!(found.standing, yanked("bad"));
}

#[test]
fn statements_at_the_same_moment_are_all_kept() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout
        .add(&release("acme/billing", "1.0.0", &bytes))
        .unwrap();
    let one = find(&layout, "acme/billing", "1.0.0").unwrap();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (layout, one) = (&layout, &one);
            scope.spawn(move || layout.declare(one, &yanked(&format!("reason {number}"))));
        }
    });
    assert_eq!(index(&layout)["manifests"].as_array().unwrap().len(), 7);
    let found = find(&layout, "acme/billing", "1.0.0").unwrap();
    assert!(found.standing.is_yanked());
}

#[test]
fn a_copy_keeps_every_byte() {
    let (_from, from) = layout();
    let (_to, to) = layout();
    let bytes = component("one");
    from.add(&release("acme/billing", "1.0.0", &bytes)).unwrap();
    push(
        &from,
        foreign(&from, &component("two"), "acme/ledger:2.1.0"),
    );
    for name in [("acme/billing", "1.0.0"), ("acme/ledger", "2.1.0")] {
        let one = find(&from, name.0, name.1).unwrap();
        let documents = Registry::documents(&from, &one).unwrap();
        let component = from.component(&one).unwrap();
        assert_eq!(to.import(&one, &documents, &component).unwrap(), Added::New);
        assert_eq!(
            to.import(&one, &documents, &component).unwrap(),
            Added::Same
        );
        assert_eq!(find(&to, name.0, name.1).unwrap(), one);
        assert_eq!(to.component(&one).unwrap(), component);
        assert_eq!(Registry::documents(&to, &one).unwrap(), documents);

        let place = format!("the copy of {}@{}", one.name, one.version);
        let refused = |documents: &waitfor_registry::Documents, component: &[u8]| {
            let error = to.import(&one, documents, component).unwrap_err();
            assert!(matches!(&error, Error::Altered { place: at, .. } if *at == place));
        };
        refused(&documents, b"other");
        let mut other = documents.clone();
        other.config.push(b' ');
        refused(&other, &component);
        let mut other = documents.clone();
        other.manifest.push(b' ');
        refused(&other, &component);
    }
    let one = find(&to, "acme/billing", "1.0.0").unwrap();
    let other = component("three");
    let error = to
        .add(&release("acme/billing", "1.0.0", &other))
        .unwrap_err();
    assert!(matches!(error, Error::Immutable(_)));
    assert_eq!(
        one.annotations["org.opencontainers.image.revision"],
        "1f2e3d"
    );
}

#[test]
fn what_is_not_wanted_goes_with_what_was_said_about_it() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    for version in ["1.0.0", "1.0.1"] {
        layout
            .add(&release("acme/billing", version, &bytes))
            .unwrap();
        let one = find(&layout, "acme/billing", version).unwrap();
        layout.declare(&one, &yanked(version)).unwrap();
    }
    let kept = find(&layout, "acme/billing", "1.0.1").unwrap();
    let gone = layout.retain(|one| one.version == kept.version).unwrap();
    let gone: Vec<String> = gone.iter().map(|one| one.version.to_string()).collect();
    assert_eq!(gone, ["1.0.0"]);
    assert_eq!(layout.published().unwrap(), std::slice::from_ref(&kept));
    assert_eq!(index(&layout)["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(
        layout.prune().unwrap(),
        2,
        "manifest and statement; the rest is shared"
    );
    assert_eq!(layout.component(&kept).unwrap(), bytes);
    assert_eq!(layout.retain(|_| true).unwrap(), []);
}

#[test]
fn the_program_itself_is_a_registry_that_nobody_writes() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout.add(&release("redis", "1.0.0", &bytes)).unwrap();
    layout.add(&release("redis", "1.1.0", &bytes)).unwrap();
    let bad = find(&layout, "redis", "1.1.0").unwrap();
    layout.declare(&bad, &yanked("bad")).unwrap();

    let index: &'static [u8] = fs::read(layout.root().join("index.json")).unwrap().leak();
    let mut blobs: Vec<(&'static str, &'static [u8])> = Vec::new();
    for entry in fs::read_dir(layout.root().join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        blobs.push((name.leak(), fs::read(path).unwrap().leak()));
    }
    blobs.sort();
    let program = Embedded::new(index, blobs.leak());

    let name: Name = "redis".parse().unwrap();
    assert_eq!(program.place(), "this program");
    assert_eq!(
        program.versions(&name).unwrap(),
        layout.versions(&name).unwrap()
    );
    let one = find(&program, "redis", "1.1.0").unwrap();
    assert_eq!(Some(&one), find(&layout, "redis", "1.1.0").as_ref());
    assert_eq!(one.standing, yanked("bad"));
    assert_eq!(Registry::component(&program, &one).unwrap(), bytes);
    let documents = program.documents(&one).unwrap();
    assert_eq!(documents, Registry::documents(&layout, &one).unwrap());

    let expected =
        "nothing can be published in this program: the official probes belong to the program";
    let error = program
        .publish(&release("redis", "1.2.0", &bytes))
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
    let error = program.declare(&one, &Standing::Good).unwrap_err();
    assert_eq!(error.to_string(), expected);
}
