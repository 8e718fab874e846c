mod damage;

use std::collections::BTreeMap;
use std::thread;

use super::*;
use crate::{Abi, Lock, Locked, Published, Reference};

const REGISTRY: &str = "registry.acme.example/ci";

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("a/store"));
    (folder, store)
}

fn record(version: &str, component: &[u8], standing: Standing) -> Record {
    Record {
        registry: REGISTRY.to_owned(),
        published: Published {
            name: "acme/billing".parse().unwrap(),
            version: version.parse().unwrap(),
            component: Digest::of(component),
            size: component.len() as u64,
            manifest: Digest::of(b"manifest"),
            schemes: vec!["billing".to_owned()],
            abi: Abi { major: 1, minor: 0 },
            summary: "it answers".to_owned(),
            annotations: BTreeMap::from([("key".to_owned(), "value".to_owned())]),
            standing,
        },
    }
}

fn yanked() -> Standing {
    Standing::Yanked {
        reason: "says ready too early".to_owned(),
    }
}

/// A lock in `folder` that names `component`.
fn lock(folder: &Path, component: &[u8]) -> PathBuf {
    let path = folder.join("waitfor.lock");
    let mut lock = Lock::new(&path);
    lock.set(Locked {
        name: "acme/billing".parse().unwrap(),
        requirement: Reference::Newest,
        version: "1.0.0".parse().unwrap(),
        registry: REGISTRY.parse().unwrap(),
        component: Digest::of(component),
        size: component.len() as u64,
        abi: Abi { major: 1, minor: 0 },
        schemes: Vec::new(),
    });
    fs::write(&path, lock.to_string()).unwrap();
    path
}

/// Everything in a store but what it is made of, by path.
fn files(store: &Store) -> Vec<PathBuf> {
    let folders = [BLOBS, RECORDS, PROJECTS].map(|name| store.root().join(name));
    folders
        .iter()
        .flat_map(|folder| store.names(folder).unwrap())
        .collect()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn name() -> Name {
    "acme/billing".parse().unwrap()
}

#[test]
fn a_missing_store_is_empty_and_reading_makes_none() {
    let (folder, store) = store();
    assert_eq!(store.component(&Digest::of(b"a"), 1).unwrap(), None);
    assert_eq!(store.records().unwrap(), []);
    assert_eq!(
        store
            .standing_of(REGISTRY, &name(), &version("1.0.0"))
            .unwrap(),
        None
    );
    assert_eq!(store.verify().unwrap(), []);
    assert_eq!(store.collect(false).unwrap(), Collected::default());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_was_put_comes_back() {
    let (_folder, store) = store();
    let digest = store.put(b"component").unwrap();
    assert_eq!(digest, Digest::of(b"component"));
    assert_eq!(store.component(&digest, 9).unwrap().unwrap(), b"component");
    assert_eq!(store.component(&Digest::of(b"other"), 5).unwrap(), None);
    assert_eq!(store.put(b"component").unwrap(), digest);
    assert_eq!(files(&store), [store.path_of(&digest)]);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn a_record_says_what_was_last_seen() {
    let (_folder, store) = store();
    let good = record("1.0.0", b"one", Standing::Good);
    store.put(b"one").unwrap();
    store.remember(&good).unwrap();
    let absent = record("0.9.0", b"absent", yanked());
    store.remember(&absent).unwrap();
    // What is not at hand is no choice, and its standing is known.
    assert_eq!(store.records().unwrap(), [good]);
    assert_eq!(
        store
            .standing_of(REGISTRY, &name(), &version("0.9.0"))
            .unwrap(),
        Some(yanked())
    );
    let later = record("1.0.0", b"one", yanked());
    store.remember(&later).unwrap();
    assert_eq!(store.records().unwrap().len(), 1);
    let found = store.record(REGISTRY, &name(), &version("1.0.0")).unwrap();
    assert_eq!(found, Some(later));
    assert_eq!(
        store
            .record("h.example", &name(), &version("1.0.0"))
            .unwrap(),
        None
    );
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn versions_are_in_the_order_of_versions() {
    let (_folder, store) = store();
    store.put(b"one").unwrap();
    for text in ["1.10.0", "1.9.0", "1.10.0-rc.1"] {
        store
            .remember(&record(text, b"one", Standing::Good))
            .unwrap();
    }
    let versions: Vec<String> = store
        .records()
        .unwrap()
        .iter()
        .map(|record| record.published.version.to_string())
        .collect();
    assert_eq!(versions, ["1.9.0", "1.10.0-rc.1", "1.10.0"]);
}

#[test]
fn what_a_lock_names_stays_and_the_rest_goes() {
    let (folder, store) = store();
    let path = lock(folder.path(), b"locked");
    for component in [b"locked".as_slice(), b"loose"] {
        store.put(component).unwrap();
    }
    store
        .remember(&record("1.0.0", b"locked", Standing::Good))
        .unwrap();
    store
        .remember(&record("1.0.1", b"loose", Standing::Good))
        .unwrap();
    store.count_on(&path).unwrap();
    let left = store.root().join(BLOBS).join(".writing-0-abc");
    fs::write(&left, "half").unwrap();
    let before = files(&store);
    let planned = store.collect(true).unwrap();
    assert_eq!(files(&store), before);
    let done = store.collect(false).unwrap();
    assert_eq!(planned, done);
    assert_eq!(
        done.removed,
        [Removed {
            digest: Digest::of(b"loose"),
            size: 5,
            names: vec!["acme/billing@1.0.1".to_owned()],
        }]
    );
    assert!(done.bytes > 9);
    assert_eq!((done.kept, done.unreadable), (1, Vec::new()));
    assert_eq!(done.locks, [fs::canonicalize(&path).unwrap()]);
    assert!(!left.exists());
    assert_eq!(
        store.component(&Digest::of(b"locked"), 6).unwrap().unwrap(),
        b"locked"
    );
    assert_eq!(store.component(&Digest::of(b"loose"), 5).unwrap(), None);
    assert_eq!(store.records().unwrap().len(), 1);
    // The project goes, and all that was kept for it.
    fs::remove_file(&path).unwrap();
    let done = store.collect(false).unwrap();
    assert_eq!(
        (done.removed.len(), done.kept, done.locks),
        (1, 0, Vec::new())
    );
    assert!(files(&store).is_empty());
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn a_lock_that_cannot_be_read_keeps_everything() {
    let (folder, store) = store();
    let path = lock(folder.path(), b"locked");
    store.count_on(&path).unwrap();
    store.put(b"loose").unwrap();
    let lock = fs::canonicalize(&path).unwrap();
    for (text, expected) in [
        (
            "version = 1\n<<<<<<< HEAD\n",
            "a merge left a conflict here",
        ),
        ("version = 9\n", "has format 9"),
    ] {
        fs::write(&path, text).unwrap();
        let done = store.collect(false).unwrap();
        let [(found, problem)] = done.unreadable.as_slice() else {
            panic!("{:?}", done.unreadable);
        };
        assert_eq!(found, &lock);
        assert!(problem.contains(expected), "{problem}");
        assert_eq!((done.removed.len(), done.kept), (0, 1));
    }
    // Where a folder has become a file, there is no lock.
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(&path, "version = 1\n").unwrap();
    let other = inner.join("waitfor.lock");
    fs::write(&other, "version = 1\n").unwrap();
    store.count_on(&other).unwrap();
    fs::remove_dir_all(&inner).unwrap();
    fs::write(&inner, "").unwrap();
    let done = store.collect(false).unwrap();
    assert_eq!((done.unreadable, done.locks), (Vec::new(), vec![lock]));
    assert_eq!(done.removed.len(), 1);
}

#[test]
fn a_collection_waits_for_those_who_hold_the_store() {
    let (folder, store) = store();
    let held = store.hold().unwrap();
    let digest = store.put(b"component").unwrap();
    thread::scope(|scope| {
        let collector = scope.spawn(|| store.collect(false).unwrap());
        store.count_on(&lock(folder.path(), b"component")).unwrap();
        drop(held);
        let done = collector.join().unwrap();
        assert_eq!((done.kept, done.removed.len()), (1, 0));
    });
    assert!(store.component(&digest, 9).unwrap().is_some());
}

#[test]
fn many_make_and_fill_one_store_at_once() {
    for _ in 0..30 {
        let (_folder, store) = store();
        thread::scope(|scope| {
            for number in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    let bytes = format!("component {}", number / 2).into_bytes();
                    let digest = store.put(&bytes).unwrap();
                    let one = record(&format!("1.{number}.0"), &bytes, Standing::Good);
                    store.remember(&one).unwrap();
                    let size = one.published.size;
                    assert!(store.component(&digest, size).unwrap().is_some());
                });
            }
        });
        assert_eq!(store.records().unwrap().len(), 8);
        assert_eq!(files(&store).len(), 4 + 8);
        assert_eq!(store.verify().unwrap(), []);
    }
}

#[test]
fn a_path_that_is_no_text_is_counted_on() {
    use std::os::unix::ffi::OsStrExt;

    let (folder, store) = store();
    let odd = folder
        .path()
        .join(std::ffi::OsStr::from_bytes(b"caf\xe9\n"));
    fs::create_dir(&odd).unwrap();
    store.put(b"component").unwrap();
    store.count_on(&lock(&odd, b"component")).unwrap();
    assert_eq!(store.collect(false).unwrap().kept, 1);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn folders_are_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, store) = store();
    store.put(b"x").unwrap();
    for path in [
        folder.path().join("a"),
        store.root().to_owned(),
        store.root().join(BLOBS),
    ] {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", path.display());
    }
}
