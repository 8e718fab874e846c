//! Compiled code that is kept from run to run: what is compiled once is not compiled again, and
//! nothing runs that this user's own program has not written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use waitfor_tests::guests::{BillingService, Form, billing};
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::disk::Namespace;
use crate::store::project;
use crate::support::{Workspace, contains, tree};

const KEPT: &str = "detail: the compiled code of acme/billing was kept by an earlier run\n";
const COMPILED: &str = "detail: acme/billing was compiled in ";
const TOLD: &str = "plugin info acme/billing -vv";
/// The bytes of a seal.
const SEAL: usize = 32;

/// Where a user's entries are.
fn entries(project: &Workspace) -> PathBuf {
    project.home().join(".cache/waitfor/native")
}

/// Where the key is that seals them.
fn state(project: &Workspace) -> PathBuf {
    project.home().join(".local/state/waitfor")
}

fn kept(project: &Workspace) -> Vec<PathBuf> {
    let files = tree(&entries(project)).into_iter();
    files.map(|(path, _)| path).collect()
}

#[track_caller]
fn the_one(project: &Workspace) -> PathBuf {
    match kept(project).as_slice() {
        [path] => path.clone(),
        files => panic!("not one entry: {files:?}"),
    }
}

/// Runs something that loads the plugin, and wants to be told how it came by its code.
#[track_caller]
fn told(project: &Workspace, line: &str, detail: &str) {
    contains(&project.expect(0, line).stderr, detail);
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let Some((_registry, project, [one, ..])) = project() else {
        return;
    };
    told(&project, "plugin add acme/billing@1.0.0 -vv", COMPILED);
    let entry = the_one(&project);
    let before = fs::read(&entry).expect("the entry");
    for (path, mode) in [
        (entries(&project), 0o40700),
        (state(&project), 0o40700),
        (entry.clone(), 0o100_600),
        (state(&project).join("native.key"), 0o100_600),
    ] {
        let found = fs::symlink_metadata(&path).expect("it is there");
        assert_eq!(found.permissions().mode(), mode, "{}", path.display());
    }
    let service = BillingService::open();
    let url = service.url();
    told(&project, &format!("--frozen {url} -vv"), KEPT);
    told(&project, "plugin info acme/billing -vv", KEPT);
    let json = project.expect(0, &format!("--frozen {url} -vv --output json"));
    contains(
        &json.stdout,
        r#""event":"notice","level":"detail","text":"the compiled code of"#,
    );
    // Nobody is told who does not ask.
    for line in ["-v", "-v --output json", ""] {
        let found = project.expect(0, &format!("--frozen {url} {line}"));
        assert!(!format!("{found:?}").contains("compiled"), "{found:#?}");
    }
    assert_eq!(fs::read(the_one(&project)).expect("the entry"), before);
    // The component is what counts: without its bytes, its code is nothing.
    fs::remove_file(project.store().join("blobs/sha256").join(one.hex())).expect("the blob");
    let found = project.expect(4, &format!("--frozen {url}"));
    contains(&found.stderr, "is not at hand, and --offline forbids");
}

#[test]
fn fetch_leaves_nothing_to_compile() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin add redis");
    for folder in [entries(&project), project.store()] {
        fs::remove_dir_all(folder).expect("a folder");
    }
    told(&project, "plugin fetch -vv", COMPILED);
    the_one(&project);
    let service = BillingService::open();
    told(&project, &format!("--frozen {} -vv", service.url()), KEPT);
}

#[test]
fn without_the_cache_nothing_is_left_behind() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0 --no-native-cache");
    let service = BillingService::open();
    let line = format!("--frozen {} -vv", service.url());
    told(&project, &format!("{line} --no-native-cache"), COMPILED);
    let variable = project
        .cli(line.split(' '))
        .env("WAITFOR_NO_NATIVE_CACHE", "true");
    contains(&variable.run().stderr, COMPILED);
    project.expect(0, "plugin fetch --no-native-cache");
    assert!(kept(&project).is_empty());
    assert!(!entries(&project).exists() && !state(&project).exists());
    // What is there is not used either.
    project.expect(0, &line);
    told(&project, &format!("{line} --no-native-cache"), COMPILED);
}

/// A registry with two probes that differ in what they take, and a project that has compiled both;
/// with the entries of `acme/billing` and `acme/tax`.
fn two() -> Option<(LyingRegistry, Workspace, PathBuf, PathBuf)> {
    let (first, other) = (billing(Form::First)?, billing(Form::WithMore)?);
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &first);
    registry.put("acme/tax", "1.0.0", &other);
    let project = Workspace::bound("compiled", &registry.location());
    project.expect(0, "plugin add acme/billing@1.0.0");
    let one = the_one(&project);
    project.expect(0, "plugin add acme/tax@1.0.0");
    let two = kept(&project).into_iter().find(|path| *path != one)?;
    Some((registry, project, one, two))
}

/// Writes bytes into the place of an entry, as the user could.
fn plant(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("our own file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our own file");
}

#[test]
fn code_of_another_component_does_not_run() {
    let Some((_registry, project, billing, tax)) = two() else {
        return;
    };
    let own = fs::read(&billing).expect("the entry");
    let others = fs::read(&tax).expect("the entry");
    let differs = "--currency";
    contains(&project.expect(0, "plugin info acme/tax").stdout, differs);
    let sealed_anew = |key: &[u8]| {
        let name = billing.file_name().and_then(|name| name.to_str());
        let mut seal = Hmac::<Sha256>::new_from_slice(key).expect("a key");
        for part in [
            b"seal\0",
            name.expect("a name").as_bytes(),
            &others[..others.len() - SEAL],
        ] {
            seal.update(part);
        }
        let seal = seal.finalize().into_bytes();
        [&others[..others.len() - SEAL], &seal[..]].concat()
    };
    let mut flipped = own.clone();
    flipped[own.len() / 2] ^= 1;
    let planted = [
        others.clone(),
        sealed_anew(&[0; 32]),
        own[..own.len() - SEAL].to_vec(),
        own[..own.len() / 2].to_vec(),
        Vec::new(),
        flipped,
    ];
    for bytes in planted {
        plant(&billing, &bytes);
        let found = project.expect(0, TOLD);
        contains(&found.stderr, COMPILED);
        assert!(!found.stdout.contains(differs), "{found:#?}");
        assert_eq!(fs::read(&billing).expect("the entry").len(), own.len());
        told(&project, TOLD, KEPT);
    }
    // The seal is all that stands between an entry and its use: with this user's own key it runs,
    // and what the plugin is asked is answered by what was kept, not by a compiler.
    let key = fs::read(state(&project).join("native.key")).expect("the key");
    plant(&billing, &sealed_anew(&key));
    let found = project.expect(0, TOLD);
    contains(&found.stderr, KEPT);
    contains(&found.stdout, differs);
}

#[test]
fn entries_from_elsewhere_are_worth_nothing() {
    let Some((_registry, project, billing, _)) = two() else {
        return;
    };
    let copied = Workspace::new("copied");
    for file in ["waitfor.toml", "waitfor.lock"] {
        copied.write(file, project.read(file));
    }
    copied.expect(0, "plugin fetch");
    // What an archive of the whole cache brings back: the key is not in it.
    fs::remove_dir_all(entries(&copied)).expect("the entries");
    let copy = format!(
        "cp -a '{}' '{}'",
        entries(&project).display(),
        entries(&copied).display()
    );
    let status = std::process::Command::new("sh")
        .args(["-c", &copy])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{copy}");
    told(&copied, TOLD, COMPILED);
    assert_eq!(kept(&copied).len(), 3);
    let name = billing.file_name().expect("a name");
    assert!(entries(&copied).join(name).exists());
    // Nobody but this key's holder can use them.
    contains(
        &copied.expect(0, "plugin gc").stdout,
        "removed the compiled code of 2 plugins (",
    );
    the_one(&copied);
    told(&copied, TOLD, KEPT);
}

#[test]
fn a_folder_that_others_can_write_is_not_used() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    for folder in [entries(&project), state(&project)] {
        let set = |mode| {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("our own folder");
        };
        set(0o770);
        let found = project.expect(0, TOLD);
        contains(&found.stderr, COMPILED);
        contains(&found.stderr, "is open to others (mode 770)\n");
        set(0o700);
        told(&project, TOLD, KEPT);
    }
}

#[test]
fn gc_removes_the_code_of_what_it_removes() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin add acme/tax@0.3.0");
    project.expect(0, "plugin remove acme/tax");
    assert_eq!(kept(&project).len(), 2);
    let dry = project.expect(0, "plugin gc --dry-run");
    contains(&dry.stdout, "would remove the compiled code of 1 plugin (");
    assert_eq!(kept(&project).len(), 2);
    contains(
        &project.expect(0, "plugin gc").stdout,
        "removed the compiled code of 1 plugin (",
    );
    the_one(&project);
    told(&project, TOLD, KEPT);
    assert_eq!(project.expect(0, "plugin gc").stdout, "nothing to remove\n");
}

#[test]
fn a_disk_that_cannot_be_written_fails_no_run() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let folder = project.home().join(".cache");
    let at = folder.display();
    let service = BillingService::open();
    let line = format!("--frozen {} -vv", service.url());
    let read_only = format!("mount --bind '{at}' '{at}'; mount -o remount,bind,ro '{at}'");
    let Some(namespace) = Namespace::new(&read_only) else {
        return;
    };
    let run = |namespace: &Namespace, detail: &str| {
        let found = namespace.run(&project, &line);
        assert_eq!(found.code, 0, "{found:#?}");
        contains(&found.stderr, detail);
    };
    // What is there can be used.
    run(&namespace, KEPT);
    drop(namespace);
    let entry = the_one(&project);
    let size = fs::metadata(&entry).expect("the entry").len();
    let full = |size: u64| {
        let mount = format!("mount -t tmpfs -o size={size},mode=700 none '{at}'");
        Namespace::new(&mount).expect("as before")
    };
    // A page too small for the entry: it is never seen half written.
    let namespace = full(size & !0xfff);
    for _ in 0..2 {
        run(&namespace, COMPILED);
        namespace.sh(&format!("test -z \"$(ls -A '{at}/waitfor/native')\""));
    }
    drop(namespace);
    let namespace = full(size + (64 << 10));
    run(&namespace, COMPILED);
    run(&namespace, KEPT);
    drop(namespace);
    // No folder can be made.
    fs::remove_dir_all(&folder).expect("a folder");
    fs::write(&folder, "").expect("a file");
    told(&project, &line, COMPILED);
}

#[test]
fn runs_at_the_same_time_agree() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    for _ in 0..5 {
        fs::remove_dir_all(entries(&project)).expect("the entries");
        fs::remove_dir_all(state(&project)).expect("the key");
        thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| project.run(TOLD))).collect();
            for run in runs {
                let found = run.join().expect("a run");
                assert_eq!(found.code, 0, "{found:#?}");
            }
        });
        the_one(&project);
        told(&project, TOLD, KEPT);
    }
}

#[test]
fn whoever_is_killed_leaves_nothing_half_written() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let (mut finished, mut after) = (false, Duration::ZERO);
    while !finished {
        fs::remove_dir_all(entries(&project)).expect("the entries");
        let mut child = project
            .cli(TOLD.split(' '))
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("waitfor runs");
        thread::sleep(after);
        // It may have ended by itself.
        let _ = child.kill();
        finished = child.wait().expect("a child can be waited for").success();
        after += after / 8 + Duration::from_micros(500);
        let whole = kept(&project).iter().any(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            !name.unwrap_or_default().starts_with(".writing-")
        });
        told(&project, TOLD, if whole { KEPT } else { COMPILED });
    }
}
