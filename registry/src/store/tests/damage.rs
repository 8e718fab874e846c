//! Stores that are broken, full or somebody else's.

use super::*;

#[test]
fn altered_bytes_are_never_handed_out_and_can_be_mended() {
    let (_folder, store) = store();
    let digest = store.put(b"component").unwrap();
    store
        .remember(&record("1.0.0", b"component", Standing::Good))
        .unwrap();
    let path = store.path_of(&digest);
    let at = path.display();
    let altered = Digest::of(b"Component");
    let cases = [
        (b"Component".as_slice(), altered.to_string()),
        (b"componen", "8 bytes, not 9".to_owned()),
        (b"components", "10 bytes, not 9".to_owned()),
        (b"", "0 bytes, not 9".to_owned()),
    ];
    for (bytes, found) in cases {
        fs::write(&path, bytes).unwrap();
        let error = store.component(&digest, 9).unwrap_err();
        assert_eq!(
            (error.to_string(), error.hint().unwrap()),
            (
                format!("{digest} in the store holds other bytes: {found}, in `{at}`"),
                "run `waitfor plugin fetch`, which puts the right bytes in their place".to_owned()
            )
        );
        let found = Digest::of(bytes);
        assert_eq!(
            store.verify().unwrap(),
            [Problem {
                path: path.clone(),
                problem: format!(
                    "it holds other bytes than {digest}, which is acme/billing@1.0.0: {found}"
                ),
                hint: "run `waitfor plugin fetch` where it is locked".to_owned(),
            }]
        );
        store.put(b"component").unwrap();
        assert_eq!(store.component(&digest, 9).unwrap().unwrap(), b"component");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = store.component(&digest, 9).unwrap_err();
    assert!(matches!(error, Error::StoreAltered { .. }), "{error}");
}

#[test]
fn damage_is_named_and_passed_over() {
    let (folder, store) = store();
    store.put(b"one").unwrap();
    let good = record("1.0.0", b"one", Standing::Good);
    store.remember(&good).unwrap();
    let path = store.record_path(REGISTRY, &name(), &version("1.0.0"));
    let text = fs::read_to_string(&path).unwrap();
    let with_more = text.replacen('{', "{ \"later\": [1],", 1);
    fs::write(&path, &with_more).unwrap();
    assert_eq!(store.records().unwrap(), [good]);
    assert_eq!(store.verify().unwrap(), []);
    let cases = [
        (
            text.replace("\"schema\": 1", "\"schema\": 2, \"registry\": 5"),
            "it has format 2, and this waitfor reads 1",
        ),
        (text[..text.len() / 2].to_owned(), "EOF while parsing"),
        (
            text.replace("\"good\"", "\"forgotten\""),
            "its standing is unknown",
        ),
        (
            text.replace("acme/billing", "acme/../x"),
            "`acme/../x` is not a plugin's name",
        ),
        (
            text.replace("acme/billing", "acme/other"),
            "it is a record of something else",
        ),
        (String::new(), "EOF while parsing"),
    ];
    for (text, expected) in cases {
        fs::write(&path, text).unwrap();
        assert_eq!(store.records().unwrap(), []);
        assert_eq!(
            store.record(REGISTRY, &name(), &version("1.0.0")).unwrap(),
            None
        );
        let problems = store.verify().unwrap();
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        let start = format!("{}: the record is passed over: ", path.display());
        let said = problem.to_string();
        assert!(
            said.starts_with(&start) && said.contains(expected),
            "{said}"
        );
    }
    store
        .remember(&record("1.0.0", b"one", Standing::Good))
        .unwrap();
    store.count_on(&lock(folder.path(), b"one")).unwrap();
    let root = store.root();
    let strays = [
        root.join(BLOBS).join("readme"),
        root.join("notes"),
        root.join(PROJECTS).join("0".repeat(64)),
    ];
    for path in &strays {
        fs::write(path, "x").unwrap();
    }
    let found: Vec<PathBuf> = store
        .verify()
        .unwrap()
        .into_iter()
        .map(|one| one.path)
        .collect();
    assert_eq!(found, strays);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let refusals = |expected: &str| {
        for error in [
            store.put(b"x").unwrap_err(),
            store.collect(false).unwrap_err(),
            store.verify().unwrap_err(),
            store.component(&Digest::of(b"x"), 1).unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                format!("`{}` {expected}", folder.path().display())
            );
        }
    };
    fs::create_dir_all(folder.path().join(BLOBS)).unwrap();
    refusals("is not a store: it has files, and none is `version`");
    let marker = folder.path().join(MARKER);
    for text in ["1.2.3", "waitfor-store x", "waitfor-store 0", ""] {
        fs::write(&marker, text).unwrap();
        refusals("is not a store: its file `version` is of another program");
    }
    fs::write(&marker, b"\xff").unwrap();
    refusals("is not a store: its file `version` is of another program");
    fs::write(&marker, "waitfor-store 2\n").unwrap();
    let error = store.put(b"x").unwrap_err();
    assert_eq!(
        (error.to_string(), error.hint().unwrap()),
        (
            format!(
                "{} has format 2, and this waitfor {} reads 1",
                folder.path().display(),
                env!("CARGO_PKG_VERSION")
            ),
            "install a newer waitfor".to_owned()
        )
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::at(&file).put(b"x").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is not a store: it is not a folder"),
        "{error}"
    );
}

#[test]
fn a_store_that_was_half_made_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".writing-version-abc"), "wai").unwrap();
    let store = Store::at(folder.path());
    assert_eq!(store.records().unwrap(), []);
    store.put(b"x").unwrap();
    assert_eq!(store.verify().unwrap(), []);
    store.collect(false).unwrap();
    assert!(!folder.path().join(".writing-version-abc").exists());
}

#[test]
fn the_owner_decides_who_reads_and_writes() {
    let (_folder, store) = store();
    store.put(b"x").unwrap();
    let ours = user();
    let someone = ours.wrapping_add(1);
    assert!(store.check_owner(ours, Access::Write).is_ok());
    assert!(store.check_owner(0, Access::Read).is_ok());
    for error in [
        store.check_owner(someone, Access::Read).unwrap_err(),
        store.check_owner(someone, Access::Write).unwrap_err(),
    ] {
        assert_eq!(
            (error.to_string(), error.hint().unwrap()),
            (
                format!(
                    "the store `{}` belongs to another user (uid {someone})",
                    store.root().display()
                ),
                "set WAITFOR_STORE to a folder of your own".to_owned()
            )
        );
    }
    assert_eq!(store.check_owner(0, Access::Write).is_ok(), ours == 0);
}

#[test]
fn errors_of_the_system_name_the_file_and_the_way_out() {
    let path = Path::new("/s/blobs");
    let cases = [
        (
            io::ErrorKind::StorageFull,
            "make room there, or set WAITFOR_STORE to a folder with more of it; nothing that was kept is lost",
        ),
        (
            io::ErrorKind::ReadOnlyFilesystem,
            "set WAITFOR_STORE to a folder that this user can write",
        ),
    ];
    for (kind, hint) in cases {
        let error = failed("write", path)(io::Error::from(kind));
        let expected = format!(
            "cannot write `/s/blobs` in the store: {}",
            io::Error::from(kind)
        );
        assert_eq!(
            (error.to_string(), error.hint().unwrap()),
            (expected, hint.to_owned())
        );
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_component_is_replaced_and_what_it_leads_to_stays() {
    let (folder, store) = store();
    let digest = store.put(b"component").unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    let path = store.path_of(&digest);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    store.put(b"component").unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(store.component(&digest, 9).unwrap().unwrap(), b"component");
}

#[cfg(unix)]
#[test]
fn pipes_in_a_store_keep_nobody_waiting() {
    let (folder, store) = store();
    let digest = store.put(b"component").unwrap();
    let good = record("1.0.0", b"component", Standing::Good);
    store.remember(&good).unwrap();
    let lock_path = lock(folder.path(), b"component");
    store.count_on(&lock_path).unwrap();
    for path in files(&store) {
        fs::remove_file(&path).unwrap();
        input::tests::pipe(&path);
    }
    store.component(&digest, 9).unwrap_err();
    store.put(b"component").unwrap_err();
    store
        .record(REGISTRY, &name(), &version("1.0.0"))
        .unwrap_err();
    store.remember(&good).unwrap_err();
    store.count_on(&lock_path).unwrap_err();
    assert_eq!(store.records().unwrap(), []);
    assert_eq!(store.verify().unwrap().len(), 3);
    assert_eq!(store.collect(false).unwrap().unreadable.len(), 1);
    for name in [LOCK, MARKER] {
        let path = store.root().join(name);
        fs::remove_file(&path).unwrap();
        input::tests::pipe(&path);
        let error = store.hold().unwrap_err().to_string();
        assert!(error.contains("it is a pipe or a device"), "{error}");
    }
}

#[test]
fn a_marker_without_an_end_is_not_read_to_it() {
    let (_folder, store) = store();
    store.put(b"component").unwrap();
    let marker = store.root().join(MARKER);
    fs::OpenOptions::new()
        .write(true)
        .open(&marker)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let error = store.records().unwrap_err();
    assert!(matches!(error, Error::NotAStore { .. }), "{error}");
}

#[test]
fn a_home_that_every_folder_has_another_of_is_none() {
    assert_eq!(root_in(Path::new("home/.cache/waitfor")), None);
    assert_eq!(
        root_in(Path::new("/home/.cache/waitfor")),
        Some(PathBuf::from("/home/.cache/waitfor/store"))
    );
}
