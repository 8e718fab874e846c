//! A layout folder may come from anywhere, and may lie beside what belongs to
//! others: nothing is written or removed outside of it, nothing in it keeps a
//! reader waiting, and many may make it at the same moment.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use tempfile::TempDir;
use waitfor_registry::{Added, Digest, Error, Layout, Release};

fn component() -> Vec<u8> {
    wat::parse_str(
        r#"(component
            (import "waitfor:probe/report@1.0.0" (instance $report))
            (instance $probing) (export "waitfor:probe/probing@1.0.0" (instance $probing)))"#,
    )
    .unwrap()
}

fn release<'a>(version: &str, component: &'a [u8]) -> Release<'a> {
    Release {
        name: "acme/billing".parse().unwrap(),
        version: version.parse().unwrap(),
        component,
        schemes: vec!["billing".to_owned()],
        summary: "answers a bill".to_owned(),
        licenses: None,
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

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn blobs_and_index_are_written_over_links_and_not_through_them() {
    let (folder, layout) = layout();
    let component = component();
    layout.add(&release("1.0.0", &component)).unwrap();
    let digest = Digest::of(&component);
    let victims = ["blob", "index"].map(|name| folder.path().join(name));
    let links = [blob(&layout, &digest), layout.root().join("index.json")];
    // The bytes are right, and are not the folder's own.
    for (victim, link) in victims.iter().zip(&links) {
        fs::rename(link, victim).unwrap();
        symlink(victim, link).unwrap();
    }
    let before = fs::read(&victims[1]).unwrap();
    assert_eq!(
        layout.add(&release("1.0.0", &component)).unwrap(),
        Added::Same
    );
    assert_eq!(
        layout.add(&release("1.1.0", &component)).unwrap(),
        Added::New
    );
    for link in &links {
        assert!(fs::symlink_metadata(link).unwrap().is_file());
    }
    assert_eq!(fs::read(&victims[0]).unwrap(), component);
    assert_eq!(fs::read(&victims[1]).unwrap(), before);
    assert_eq!(layout.published().unwrap().len(), 2);
}

#[test]
fn folders_of_blobs_that_are_links_are_neither_filled_nor_pruned() {
    for name in ["blobs", "blobs/sha256"] {
        let (folder, layout) = layout();
        let component = component();
        let path = layout.root().join(name);
        let outside = folder.path().join("outside");
        fs::rename(&path, &outside).unwrap();
        symlink(&outside, &path).unwrap();
        let kept = outside.join("0".repeat(64));
        fs::write(&kept, "mine").unwrap();
        let errors = [
            layout.add(&release("1.0.0", &component)).unwrap_err(),
            layout.prune().unwrap_err(),
            Layout::create(layout.root()).unwrap_err(),
        ];
        for error in errors {
            let expected = format!(
                "{name} in `{}` cannot be used: it is a link, and nothing is written through it",
                layout.root().display()
            );
            assert_eq!(error.to_string(), expected);
        }
        assert!(kept.exists());
    }
}

#[test]
fn pruning_removes_blobs_and_nothing_else() {
    let (_folder, layout) = layout();
    let component = component();
    layout.add(&release("1.0.0", &component)).unwrap();
    let path = |name: &str| layout.root().join("blobs/sha256").join(name);
    let lost = Digest::of(b"lost").hex();
    let folder = Digest::of(b"folder").hex();
    let upper = "A".repeat(64);
    for name in [&lost, ".writing-x-abcdef", "notes.txt", &upper] {
        fs::write(path(name), "").unwrap();
    }
    fs::create_dir(path(&folder)).unwrap();
    assert_eq!(layout.prune().unwrap(), 2);
    for name in [&lost, ".writing-x-abcdef"] {
        assert!(!path(name).exists(), "{name}");
    }
    for name in ["notes.txt", &upper, &folder] {
        assert!(path(name).exists(), "{name}");
    }
    assert_eq!(layout.published().unwrap().len(), 1);
}

#[test]
fn pipes_keep_nobody_waiting() {
    let (_folder, layout) = layout();
    let component = component();
    layout.add(&release("1.0.0", &component)).unwrap();
    let digest = Digest::of(&component);
    let says = |error: Error| {
        let text = error.to_string();
        assert!(
            text.ends_with("it is a pipe or a device, and not a file"),
            "{text}"
        );
    };
    fs::remove_file(blob(&layout, &digest)).unwrap();
    pipe(&blob(&layout, &digest));
    says(layout.holding(&digest, component.len() as u64).unwrap_err());
    says(layout.add(&release("1.0.0", &component)).unwrap_err());
    for name in ["index.json", "oci-layout"] {
        let path = layout.root().join(name);
        fs::remove_file(&path).unwrap();
        pipe(&path);
        says(layout.prune().unwrap_err());
    }
    says(Layout::open(layout.root()).unwrap_err());
}

#[test]
fn many_make_one_layout_at_once_and_none_loses_what_another_published() {
    const MANY: usize = 8;
    let component = component();
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("layout");
        let start = Barrier::new(MANY);
        thread::scope(|scope| {
            for number in 0..MANY {
                let (root, start, component) = (&root, &start, &component);
                scope.spawn(move || {
                    start.wait();
                    let layout = Layout::create(root).unwrap();
                    layout.published().unwrap();
                    let version = format!("1.{number}.0");
                    layout.add(&release(&version, component)).unwrap();
                });
            }
        });
        let layout = Layout::open(&root).unwrap();
        assert_eq!(layout.published().unwrap().len(), MANY);
    }
}

#[test]
fn an_index_that_is_gone_is_only_an_empty_one_while_there_is_nothing() {
    let (_folder, layout) = layout();
    let index = layout.root().join("index.json");
    fs::remove_file(&index).unwrap();
    assert_eq!(layout.published().unwrap(), []);
    layout.add(&release("1.0.0", &component())).unwrap();
    fs::remove_file(&index).unwrap();
    let error = layout.published().unwrap_err().to_string();
    let expected = format!("cannot read `{}`", index.display());
    assert!(error.starts_with(&expected), "{error}");
}
