//! A layout folder keeps what is published, refuses what would change it, and
//! notices every byte that is not as published.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use waitfor_registry::{Added, Digest, Embedded, Error, Layout, Published, Release};

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
        schemes: vec!["redis".to_owned(), "rediss".to_owned()],
        summary: "answers PING".to_owned(),
        licenses: Some("MIT OR Apache-2.0".to_owned()),
        source: None,
        revision: None,
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

/// Every file below `root` with its bytes.
fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_owned();
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn gives_back_what_was_published() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    assert_eq!(
        layout.add(&release("redis", "1.0.0", &bytes)).unwrap(),
        Added::New
    );
    let reopened = Layout::open(layout.root()).unwrap();
    let all = reopened.published().unwrap();
    let [one] = all.as_slice() else {
        panic!("one version is published")
    };
    let Published {
        name,
        version,
        component,
        size,
        schemes,
        abi,
        summary,
        ..
    } = one;
    assert_eq!(
        (name.as_str(), version.to_string().as_str()),
        ("redis", "1.0.0")
    );
    assert_eq!(
        (*component, *size),
        (Digest::of(&bytes), bytes.len() as u64)
    );
    assert_eq!(schemes, &["redis", "rediss"]);
    assert_eq!(
        (abi.to_string().as_str(), summary.as_str()),
        ("1.0", "answers PING")
    );
    assert_eq!(reopened.component(one).unwrap(), bytes);
}

#[test]
fn the_order_of_publishing_changes_no_byte() {
    let names = [
        ("redis", "1.10.0"),
        ("redis", "1.9.0"),
        ("acme/billing", "1.0.0"),
        ("tcp", "1.0.0"),
    ];
    let (_one, forwards) = layout();
    let (_two, backwards) = layout();
    for (name, version) in names {
        let bytes = component(name);
        forwards.add(&release(name, version, &bytes)).unwrap();
    }
    for (name, version) in names.iter().rev() {
        let bytes = component(name);
        backwards.add(&release(name, version, &bytes)).unwrap();
    }
    assert_eq!(contents(forwards.root()), contents(backwards.root()));
    let listed: Vec<String> = forwards
        .published()
        .unwrap()
        .iter()
        .map(|one| format!("{}@{}", one.name, one.version))
        .collect();
    assert_eq!(
        listed,
        [
            "acme/billing@1.0.0",
            "redis@1.9.0",
            "redis@1.10.0",
            "tcp@1.0.0"
        ]
    );
}

/// The documents as the CNCF's Wasm artifact layout wants them, byte for byte.
#[test]
fn writes_the_documents_of_the_wasm_artifact() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout.add(&release("redis", "1.0.0", &bytes)).unwrap();
    let one = layout.published().unwrap().remove(0);
    let manifest = String::from_utf8(fs::read(blob(&layout, &one.manifest)).unwrap()).unwrap();
    let config = format!(
        concat!(
            r#"{{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["{}"],"#,
            r#""component":{{"exports":["waitfor:probe/probing@1.0.0"],"imports":["waitfor:probe/report@1.0.0"]}}}}"#
        ),
        one.component
    );
    let expected = format!(
        concat!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{}","size":{}}},"#,
            r#""layers":[{{"mediaType":"application/wasm","digest":"{}","size":{}}}],"#,
            r#""annotations":{{"dev.waitfor.abi":"1.0","dev.waitfor.schemes":"redis,rediss","#,
            r#""org.opencontainers.image.description":"answers PING","#,
            r#""org.opencontainers.image.licenses":"MIT OR Apache-2.0","#,
            r#""org.opencontainers.image.title":"redis","org.opencontainers.image.version":"1.0.0"}}}}"#
        ),
        Digest::of(config.as_bytes()),
        config.len(),
        one.component,
        one.size
    );
    assert_eq!(manifest, expected);
    let index = fs::read_to_string(layout.root().join("index.json")).unwrap();
    assert!(
        index.contains(r#""org.opencontainers.image.ref.name": "redis:1.0.0""#),
        "{index}"
    );
    let marker = fs::read_to_string(layout.root().join("oci-layout")).unwrap();
    assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn a_published_version_never_changes() {
    let (_folder, layout) = layout();
    let (first, second) = (component("one"), component("two"));
    layout.add(&release("redis", "1.0.0", &first)).unwrap();
    let before = contents(layout.root());

    assert_eq!(
        layout.add(&release("redis", "1.0.0", &first)).unwrap(),
        Added::Same
    );
    let error = layout.add(&release("redis", "1.0.0", &second)).unwrap_err();
    let expected = format!(
        "redis@1.0.0 is published already with other bytes: {}, not {}",
        Digest::of(&first),
        Digest::of(&second)
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        error.hint().as_deref(),
        Some("give what changed a new version")
    );

    let mut renamed = release("redis", "1.0.0", &first);
    renamed.summary = "answers PONG".to_owned();
    let error = layout.add(&renamed).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("redis@1.0.0 is published already with other facts: "),
        "{error}"
    );
    assert_eq!(contents(layout.root()), before);
}

#[test]
fn a_replaced_version_leaves_nothing_behind() {
    let (_folder, layout) = layout();
    let (first, second, other) = (component("one"), component("two"), component("three"));
    layout.add(&release("tcp", "1.0.0", &other)).unwrap();
    layout.add(&release("redis", "1.0.0", &first)).unwrap();
    assert_eq!(
        layout.replace(&release("redis", "1.0.0", &second)).unwrap(),
        Added::Replaced
    );
    assert_eq!(
        layout.prune().unwrap(),
        3,
        "component, configuration and manifest"
    );

    let (_other_folder, fresh) = self::layout();
    fresh.add(&release("redis", "1.0.0", &second)).unwrap();
    fresh.add(&release("tcp", "1.0.0", &other)).unwrap();
    assert_eq!(contents(layout.root()), contents(fresh.root()));
}

#[test]
fn notices_every_byte_that_is_not_as_published() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout.add(&release("redis", "1.0.0", &bytes)).unwrap();
    let one = layout.published().unwrap().remove(0);
    let place = format!("`{}`", layout.root().display());

    let mut altered = bytes.clone();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(blob(&layout, &one.component), &altered).unwrap();
    let found = Digest::of(&altered);
    let message = format!("{} in {place} holds other bytes: {found}", one.component);
    assert_eq!(layout.component(&one).unwrap_err().to_string(), message);

    altered.extend_from_slice(&[0; 4096]);
    fs::write(blob(&layout, &one.component), &altered).unwrap();
    let message = format!(
        "{} in {place} holds other bytes: {} bytes, not {}",
        one.component,
        one.size + 1,
        one.size
    );
    assert_eq!(layout.component(&one).unwrap_err().to_string(), message);

    fs::remove_file(blob(&layout, &one.component)).unwrap();
    let message = format!("{} is missing in {place}", one.component);
    assert_eq!(layout.component(&one).unwrap_err().to_string(), message);

    let manifest = fs::read_to_string(blob(&layout, &one.manifest)).unwrap();
    fs::write(
        blob(&layout, &one.manifest),
        manifest.replace("redis", "sider"),
    )
    .unwrap();
    let error = layout.published().unwrap_err();
    assert!(
        error.to_string().starts_with(&format!(
            "{} in {place} holds other bytes: sha256:",
            one.manifest
        )),
        "{error}"
    );

    // What is published again is whole again.
    fs::write(blob(&layout, &one.manifest), manifest).unwrap();
    assert_eq!(
        layout.add(&release("redis", "1.0.0", &bytes)).unwrap(),
        Added::Same
    );
    assert_eq!(layout.component(&one).unwrap(), bytes);
}

#[test]
fn refuses_what_is_no_layout_or_no_probe() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    let refused = |change: fn(&mut Release<'_>)| {
        let mut release = release("redis", "1.0.0", &bytes);
        change(&mut release);
        layout.add(&release).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|release| release.component = b"\0asm\x01\0\0\0"),
        "this is not a probe: it is a core module"
    );
    assert_eq!(
        refused(|release| release.schemes.clear()),
        "this is not a probe: it answers to no URL scheme"
    );
    assert_eq!(
        refused(|release| release.schemes.push("a,b".to_owned())),
        "this is not a probe: `a,b` is not a URL scheme"
    );
    assert_eq!(
        refused(|release| release.summary.push('\n')),
        "this is not a probe: its summary is more than one line"
    );
    assert_eq!(layout.published().unwrap(), []);

    fs::write(layout.root().join("index.json"), "<<<<<<< ours").unwrap();
    let error = layout.published().unwrap_err();
    let expected = format!(
        "index.json in `{}` cannot be used: expected value at line 1 column 1",
        layout.root().display()
    );
    assert_eq!(error.to_string(), expected);

    fs::write(
        layout.root().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    let error = Layout::open(layout.root()).unwrap_err();
    let expected = format!(
        "oci-layout in `{}` cannot be used: its version is 2.0.0, not 1.0.0",
        layout.root().display()
    );
    assert_eq!(error.to_string(), expected);

    let nowhere = layout.root().join("nowhere");
    assert!(matches!(
        Layout::open(&nowhere),
        Err(Error::NoLayout { path }) if path == nowhere
    ));
}

#[test]
fn passes_over_what_others_keep_in_the_same_folder() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout.add(&release("redis", "1.0.0", &bytes)).unwrap();
    let path = layout.root().join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let image = br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3},"layers":[]}"#;
    let digest = Digest::of(image);
    fs::write(blob(&layout, &digest), image).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    manifests.push(serde_json::json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": image.len()}));
    manifests.push(serde_json::json!({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": Digest::of(b"abc"), "size": 3}));
    fs::write(&path, index.to_string()).unwrap();
    assert_eq!(layout.published().unwrap().len(), 1);

    // They stay when something is published.
    layout.add(&release("tcp", "1.0.0", &bytes)).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 4);
}

#[test]
fn the_same_version_twice_is_no_index() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout.add(&release("redis", "1.0.0", &bytes)).unwrap();
    let path = layout.root().join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    // Two tags of one manifest are one version.
    let mut again = manifests[0].clone();
    again["annotations"]["org.opencontainers.image.ref.name"] = "latest".into();
    manifests.push(again);
    fs::write(&path, index.to_string()).unwrap();
    assert_eq!(layout.published().unwrap().len(), 1);

    let mut other: serde_json::Value = {
        let one = layout.published().unwrap().remove(0);
        serde_json::from_slice(&fs::read(blob(&layout, &one.manifest)).unwrap()).unwrap()
    };
    other["annotations"]["org.opencontainers.image.description"] = "answers PONG".into();
    let other = other.to_string();
    let digest = Digest::of(other.as_bytes());
    fs::write(blob(&layout, &digest), &other).unwrap();
    let manifests = index["manifests"].as_array_mut().unwrap();
    manifests.push(serde_json::json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": other.len()}));
    fs::write(&path, index.to_string()).unwrap();
    let expected = format!(
        "index.json in `{}` cannot be used: it holds redis@1.0.0 twice",
        layout.root().display()
    );
    assert_eq!(layout.published().unwrap_err().to_string(), expected);
}

#[test]
fn writers_at_the_same_moment_lose_nothing() {
    let (_folder, layout) = layout();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let layout = &layout;
            scope.spawn(move || {
                let bytes = component(&number.to_string());
                layout
                    .add(&release("redis", &format!("1.{number}.0"), &bytes))
                    .unwrap();
            });
        }
    });
    assert_eq!(layout.published().unwrap().len(), 8);
}

#[test]
fn a_layout_inside_the_program_is_read_as_one_on_disk() {
    let (_folder, layout) = layout();
    let bytes = component("one");
    layout.add(&release("redis", "1.0.0", &bytes)).unwrap();
    layout.add(&release("tcp", "1.0.0", &bytes)).unwrap();
    let [redis, _tcp] = layout.published().unwrap().try_into().unwrap();

    let index: &'static [u8] = fs::read(layout.root().join("index.json")).unwrap().leak();
    let blobs = |change: &dyn Fn(&str, &mut Vec<u8>)| {
        let mut blobs: Vec<(&'static str, &'static [u8])> = Vec::new();
        for (path, mut bytes) in contents(&layout.root().join("blobs/sha256")) {
            let digest = path.to_str().unwrap();
            change(digest, &mut bytes);
            if !bytes.is_empty() {
                blobs.push((digest.to_owned().leak(), bytes.leak()));
            }
        }
        Embedded::new(index, blobs.leak())
    };

    let whole = blobs(&|_, _| {});
    assert_eq!(whole.published().unwrap(), layout.published().unwrap());
    assert_eq!(whole.component(&redis).unwrap(), bytes);

    let hex = redis.component.hex();
    let altered = blobs(&|digest, bytes| {
        if digest == hex {
            bytes[9] ^= 1
        }
    });
    assert_eq!(altered.published().unwrap().len(), 2);
    let error = altered.component(&redis).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!(
            "{} in this program holds other bytes: ",
            redis.component
        )),
        "{error}"
    );

    let missing = blobs(&|digest, bytes| {
        if digest == redis.manifest.hex() {
            bytes.clear()
        }
    });
    let message = format!("{} is missing in this program", redis.manifest);
    assert_eq!(missing.published().unwrap_err().to_string(), message);
}
