//! Whatever stands in a folder of published plugins, reading it ends, and
//! what is read agrees with the bytes.
//!
//! An input is a list of documents, divided by lines `%%`. The first line of
//! each is a media type and, behind a space, a tag; the rest is the document,
//! which the index then names. A document of type `index` is the index
//! itself.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use waitfor_fuzz::sections;
use waitfor_registry::oci::{self, Descriptor, Index, Manifest, Marker, WasmConfig};
use waitfor_registry::{Digest, Layout, Statement};

/// A component that is small and a probe to those who do not run it.
const COMPONENT: &[u8] = include_bytes!("../seeds/small.wasm");

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("waitfor-fuzz-oci-{}", std::process::id()));
    if let Err(error) = Layout::create(&folder) {
        panic!("{error}");
    }
    folder
});

/// Reads the document, and reads it again as it is written.
fn again<'a, T>(bytes: &'a [u8]) -> Option<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let read: T = oci::parse(bytes, "it", "here").ok()?;
    let written = match oci::write(&read, "it", "here") {
        Ok(written) => written,
        Err(error) => panic!("{error}"),
    };
    let same: Option<T> = oci::parse(&written, "it", "here").ok();
    assert_eq!(same.as_ref(), Some(&read));
    Some(read)
}

fuzz_target!(|input: &[u8]| {
    let mut index = Index::default();
    let mut own = None;
    let blobs = FOLDER.join("blobs/sha256");
    let keep = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        let _ = fs::write(blobs.join(digest.hex()), bytes);
        digest
    };
    let mut kept = vec![keep(COMPONENT)];
    for part in sections(input, b"%%") {
        let at = part.iter().position(|byte| *byte == b'\n');
        let (head, body) = part.split_at(at.unwrap_or(part.len()));
        let body = body.get(1..).unwrap_or_default();
        let head = String::from_utf8_lossy(head);
        again::<Index>(body);
        again::<WasmConfig>(body);
        again::<Marker>(body);
        if let Some(manifest) = again::<Manifest>(body)
            && let Some(subject) = &manifest.subject
            && let Some(statement) = Statement::read(&manifest, &subject.digest)
        {
            let written = statement.manifest(subject);
            let read: Option<Manifest> = written
                .ok()
                .and_then(|bytes| oci::parse(&bytes, "it", "here").ok());
            let same = read.and_then(|read| Statement::read(&read, &subject.digest));
            assert_eq!(same, Some(statement));
        }
        let (kind, tag) = head.split_once(' ').unwrap_or((&head, ""));
        if kind == "index" {
            own = Some(body);
            continue;
        }
        let mut descriptor = Descriptor::of(kind, body);
        if !tag.is_empty() {
            let key = oci::annotation::REF_NAME.to_owned();
            descriptor.annotations.insert(key, tag.to_owned());
        }
        kept.push(keep(body));
        index.manifests.push(descriptor);
    }
    let written = oci::write(&index, "it", "here").unwrap_or_default();
    let _ = fs::write(FOLDER.join("index.json"), own.unwrap_or(&written));
    match Layout::open(FOLDER.as_path()).and_then(|layout| Ok((layout.published()?, layout))) {
        Ok((published, layout)) => {
            for one in &published {
                if let Ok(bytes) = layout.component(one) {
                    assert_eq!(Digest::of(&bytes), one.component);
                    assert_eq!(bytes.len() as u64, one.size);
                }
            }
            assert!(
                published
                    .windows(2)
                    .all(|pair| (&pair[0].name, &pair[0].version)
                        < (&pair[1].name, &pair[1].version)),
                "a version twice, or out of order"
            );
        }
        Err(error) => {
            let _ = (error.to_string(), error.hint());
        }
    }
    for digest in kept {
        let _ = fs::remove_file(blobs.join(digest.hex()));
    }
});
