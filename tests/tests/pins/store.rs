//! The store on disk when the disk or its neighbours are unkind: read-only, full, another user's,
//! altered, and used by many at the same moment.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::thread;

use insta::assert_snapshot;
use waitfor_tests::cli::{Cli, binary};
use waitfor_tests::guests::BillingService;
use waitfor_tests::process::{reachable, run, server_user};
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::support::{Version, Workspace, contains, stored, versions};

/// A registry with two versions of `acme/billing` and one of `acme/tax`, and a project bound to it.
pub(crate) fn project() -> Option<(LyingRegistry, Workspace, [Version; 3])> {
    let all = versions(["1.0.0", "1.0.1", "0.3.0"])?;
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &all[0].bytes);
    registry.put("acme/billing", "1.0.1", &all[1].bytes);
    registry.put("acme/tax", "0.3.0", &all[2].bytes);
    let project = Workspace::bound("store", &registry.location());
    project.know("billing 1.0.0", &all[0].bytes);
    project.know("billing 1.0.1", &all[1].bytes);
    project.know("tax 0.3.0", &all[2].bytes);
    Some((registry, project, all))
}

#[test]
fn a_store_of_another_user_is_not_used() {
    let (Some((_registry, project, _)), Some((uid, gid))) = (project(), server_user()) else {
        eprintln!("skipped: another user's store: only root can give it away");
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let give = |uid, gid| chown(project.store(), Some(uid), Some(gid)).expect("root may");
    give(uid, gid);
    let service = BillingService::open();
    let shown = project.show(&format!("--frozen {}", service.url()));
    assert_snapshot!(shown.replace(&uid.to_string(), "<uid>"), @r"
    error: the store `<store>` belongs to another user (uid <uid>)
    hint: set WAITFOR_STORE to a folder of your own
    exit 4
    ");
    let shown = project.show("plugin add acme/tax@0.3.0");
    assert_snapshot!(shown.replace(&uid.to_string(), "<uid>"), @r"
    error: the store `<store>` belongs to another user (uid <uid>)
    hint: set WAITFOR_STORE to a folder of your own
    exit 4
    ");
    // What is inside the program needs no store.
    project.expect(0, "plugin info redis");
    give(0, 0);
    project.expect(0, &format!("--frozen {}", service.url()));
}

/// Changes the blob of a version in the store.
fn alter(project: &Workspace, version: &Version, change: impl FnOnce(&Path)) {
    let blob = project.store().join("blobs/sha256").join(version.hex());
    assert!(blob.is_file(), "{}", blob.display());
    change(&blob);
}

#[test]
fn what_is_altered_in_the_store_does_not_run() {
    let Some((_registry, project, [one, two, _])) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let service = BillingService::open();
    let frozen = format!("--frozen {}", service.url());
    project.expect(0, &frozen);
    let mend = |project: &Workspace| {
        project.expect(0, "plugin fetch");
        project.expect(0, "plugin verify --offline");
        project.expect(0, &frozen);
        assert_eq!(stored(&project.store()), [one.hex()]);
    };
    let write = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        move |blob: &Path| {
            // A link to it elsewhere keeps what it has.
            fs::remove_file(blob).expect("the blob");
            fs::write(blob, bytes).expect("the blob");
        }
    };
    // A real probe that is another version.
    alter(&project, &one, write(&two.bytes));
    assert_snapshot!(project.show(&frozen), @r"
    error: acme/billing@1.0.0 in `<store>/blobs/sha256/<billing 1.0.0>` has other bytes than were locked: sha256:<billing 1.0.1>, not sha256:<billing 1.0.0>
    hint: none of it was used; `waitfor plugin fetch` puts the right bytes there
    exit 4
    ");
    assert_snapshot!(project.show("plugin verify --offline"), @r"
    failed acme/billing 1.0.0: sha256:<billing 1.0.0> in the store holds other bytes: sha256:<billing 1.0.1>, in `<store>/blobs/sha256/<billing 1.0.0>`
    error: not as locked: acme/billing
    hint: run `waitfor plugin fetch`, which puts the right bytes in their place
    exit 4
    ");
    assert_snapshot!(project.show("plugin fetch"), @r"
    fetched acme/billing 1.0.0 (sha256:<short of billing 1.0.0>, <size> bytes) from 127.0.0.1:<port>/probes
    exit 0
    ");
    mend(&project);
    // The same length.
    let mut flipped = one.bytes.clone();
    flipped[1000] ^= 1;
    project.know("flipped", &flipped);
    alter(&project, &one, write(&flipped));
    assert_snapshot!(project.show(&frozen), @r"
    error: acme/billing@1.0.0 in `<store>/blobs/sha256/<billing 1.0.0>` has other bytes than were locked: sha256:<flipped>, not sha256:<billing 1.0.0>
    hint: none of it was used; `waitfor plugin fetch` puts the right bytes there
    exit 4
    ");
    mend(&project);
    alter(&project, &one, write(&one.bytes[..100]));
    assert_snapshot!(project.show(&frozen), @r"
    error: acme/billing@1.0.0 in `<store>/blobs/sha256/<billing 1.0.0>` has other bytes than were locked: 100 bytes, not <size>
    hint: none of it was used; `waitfor plugin fetch` puts the right bytes there
    exit 4
    ");
    mend(&project);
    alter(&project, &one, write(b""));
    assert_snapshot!(project.show(&frozen), @r"
    error: acme/billing@1.0.0 in `<store>/blobs/sha256/<billing 1.0.0>` has other bytes than were locked: 0 bytes, not <size>
    hint: none of it was used; `waitfor plugin fetch` puts the right bytes there
    exit 4
    ");
    mend(&project);
    // Not a file at all.
    alter(&project, &one, |blob| {
        fs::remove_file(blob).expect("the blob");
        fs::create_dir(blob).expect("a folder");
    });
    assert_snapshot!(project.show(&frozen), @r"
    error: acme/billing@1.0.0 in `<store>/blobs/sha256/<billing 1.0.0>` has other bytes than were locked: no file
    hint: none of it was used; `waitfor plugin fetch` puts the right bytes there
    exit 4
    ");
    alter_back(&project, &one);
    // Unlocked runs find it by its record, and believe it as little.
    alter(&project, &one, write(&flipped));
    fs::remove_file(project.project().join("waitfor.lock")).expect("the lock");
    let line = format!("--offline --plugin acme/billing@1.0.0 {}", service.url());
    assert_snapshot!(project.show(&line), @r"
    error: acme/billing@1.0.0 in `<store>/blobs/sha256/<billing 1.0.0>` has other bytes than were fetched: sha256:<flipped>, not sha256:<billing 1.0.0>
    hint: none of it was used; without --offline it is fetched again
    exit 4
    ");
}

/// Takes a folder away that stands in the place of a blob.
fn alter_back(project: &Workspace, version: &Version) {
    let blob = project.store().join("blobs/sha256").join(version.hex());
    fs::remove_dir(&blob).expect("the folder");
    project.expect(0, "plugin fetch");
}

#[test]
fn records_that_cannot_be_read_cost_nothing() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let service = BillingService::open();
    for content in ["", "{", "[]", "{\"name\": 1}"] {
        for (path, _) in crate::support::tree(&project.store().join("records")) {
            fs::write(path, content).expect("a record");
        }
        project.expect(0, &format!("--frozen {}", service.url()));
        let line = format!("--plugin acme/billing@1.0.0 {}", service.url());
        project.expect(0, &line);
        project.expect(0, "plugin list");
        project.expect(0, "plugin verify");
    }
    // Half-written files of a crash are no blobs, and `gc` sweeps them.
    let half = project.store().join("blobs/sha256/.writing-1");
    fs::write(&half, "half").expect("a file");
    project.expect(0, "plugin verify");
    project.expect(0, "plugin gc");
    assert!(!half.exists());
}

#[test]
fn a_store_of_a_newer_waitfor() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    fs::write(project.store().join("version"), "waitfor-store 2\n").expect("the store's version");
    let service = BillingService::open();
    assert_snapshot!(project.show(&format!("--frozen {}", service.url())), @r"
    error: <store> has format 2, and this waitfor 0.1.0 reads 1
    hint: install a newer waitfor
    exit 4
    ");
    assert_snapshot!(project.show("plugin add acme/tax"), @r"
    error: <store> has format 2, and this waitfor 0.1.0 reads 1
    hint: install a newer waitfor
    exit 4
    ");
}

#[test]
fn a_store_that_cannot_be() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    fs::write(project.store(), "a file").expect("a file");
    assert_snapshot!(project.show("plugin add acme/billing@1.0.0"), @r"
    error: `<store>` is not a store: it is not a folder
    hint: set WAITFOR_STORE to a folder of your own
    exit 4
    ");
    fs::remove_file(project.store()).expect("the file");
    project.expect(0, "plugin add acme/billing@1.0.0");
}

/// A user that the machine does not know has no home, and so no place for a store: what is fetched
/// is used and not kept.
#[test]
fn a_user_without_a_home() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    if server_user().is_none() {
        eprintln!("skipped: a user without a home: only root can become one");
        return;
    }
    project.expect(0, "plugin add acme/billing@1.0.0");
    let nobody = "54321";
    let given = run(Command::new("chown")
        .args(["-R", nobody])
        .arg(project.folder()));
    assert_eq!(given, "");
    let homeless = |line: &str| {
        let program = reachable(binary());
        let cli = Cli::new().args(line.split(' ')).within(
            [
                "setpriv",
                "--reuid",
                nobody,
                "--regid",
                nobody,
                "--clear-groups",
            ]
            .into_iter()
            .chain(["env", "-u", "HOME", "sh", "-c", "shift; exec \"$0\" \"$@\""])
            .map(OsStr::new)
            .chain([program.as_os_str()]),
        );
        project.shown(&cli.current_dir(&project.project()).run())
    };
    let service = BillingService::open();
    let url = service.url();
    assert_snapshot!(homeless(&url), @r"
    warning: acme/billing@1.0.0 was fetched and could not be kept: there is no folder for the store of plugins: the user has no home
    ready: billing://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
    assert_snapshot!(homeless("plugin verify"), @r"
    verified acme/billing 1.0.0 (registry)
    exit 0
    ");
    assert_snapshot!(homeless("plugin add acme/tax@0.3.0"), @r"
    error: there is no folder for the store of plugins: the user has no home
    hint: set WAITFOR_STORE to a folder of your own
    exit 4
    ");
    assert_snapshot!(homeless("plugin gc"), @r"
    error: there is no folder for the store of plugins: the user has no home
    hint: set WAITFOR_STORE to a folder of your own
    exit 4
    ");
    assert!(homeless("plugin info redis").ends_with("exit 0"));
    assert_snapshot!(homeless("plugin vendor"), @r"
    vendored acme/billing 1.0.0 into vendor/waitfor
    exit 0
    ");
    assert_snapshot!(homeless(&format!("--frozen {url}")), @r"
    ready: billing://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
}

#[test]
fn the_store_is_private() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&project.store()), 0o700);
    for (path, _) in crate::support::tree(&project.store()) {
        assert_eq!(mode(&path) & 0o022, 0, "{}", path.display());
    }
}

/// Several `add` at the same moment, in one project and one store: each is in the lock afterwards.
#[test]
fn adds_at_the_same_moment_all_survive() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    let registry = LyingRegistry::start();
    let project = Workspace::bound("many", &registry.location());
    let names: Vec<String> = (0..12)
        .map(|number| format!("acme/probe-{number}"))
        .collect();
    for name in &names {
        let bytes = waitfor_tests::guests::versioned(&version.bytes, name);
        registry.put(name, "1.0.0", &bytes);
    }
    thread::scope(|scope| {
        for name in &names {
            let project = &project;
            scope.spawn(move || project.expect(0, &format!("plugin add {name}@1")));
        }
    });
    let (config, lock) = (project.read("waitfor.toml"), project.read("waitfor.lock"));
    for name in &names {
        contains(&config, &format!("\"{name}\" = \"1\""));
        contains(&lock, &format!("name = \"{name}\""));
    }
    project.expect(0, "plugin lock --locked");
    project.expect(0, "plugin verify");
    assert_eq!(stored(&project.store()).len(), names.len());
    // Removing and fetching at the same moment, too.
    fs::remove_dir_all(project.store()).expect("the store");
    thread::scope(|scope| {
        for name in &names[..6] {
            let project = &project;
            scope.spawn(move || project.expect(0, &format!("plugin remove {name}")));
            scope.spawn(move || project.expect(0, "plugin fetch"));
        }
    });
    let lock = project.read("waitfor.lock");
    for (number, name) in names.iter().enumerate() {
        let there = lock.contains(&format!("name = \"{name}\"\n"));
        assert_eq!(there, number >= 6, "{name}: {lock}");
    }
    project.expect(0, "plugin fetch");
    project.expect(0, "plugin verify");
}
