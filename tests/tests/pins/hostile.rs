//! What a checkout that somebody else wrote, or a neighbour in the same folder, may try: links that
//! lead out, files that are none, names that sort before others.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use waitfor_registry::Layout;
use waitfor_tests::guests::{BillingService, Form, billing, versioned};
use waitfor_tests::process::run;
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::store::project;
use crate::support::{Version, Workspace, contains, tree, versions};

/// A file outside of the project, which nobody may write.
struct Victim(PathBuf);

impl Victim {
    const TEXT: &'static str = "not to be written";

    fn new(project: &Workspace) -> Self {
        let path = project.folder().join("victim");
        fs::write(&path, Self::TEXT).expect("a file");
        Self(path)
    }

    #[track_caller]
    fn is_whole(&self) {
        let text = fs::read_to_string(&self.0).expect("the victim");
        assert_eq!(text, Self::TEXT);
    }
}

/// Replaces a file by a link.
fn link(to: &Path, at: &Path) {
    fs::remove_file(at).expect("a file");
    symlink(to, at).expect("a link");
}

fn vendored(project: &Workspace, version: &Version) -> PathBuf {
    let blobs = project.project().join("vendor/waitfor/blobs/sha256");
    blobs.join(version.hex())
}

#[test]
fn a_link_in_the_vendored_folder_leads_nowhere() {
    let Some((_registry, project, [one, ..])) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin vendor");
    let victim = Victim::new(&project);
    let blob = vendored(&project, &one);
    let index = project.project().join("vendor/waitfor/index.json");
    for file in [&blob, &index] {
        let before = fs::read(file).expect("a file of the layout");
        link(&victim.0, file);
        let found = project.run("plugin vendor");
        victim.is_whole();
        if found.code != 0 {
            // Refused is as good; then a file must be put back by hand.
            fs::remove_file(file).expect("the link");
            fs::write(file, before).expect("the file");
        }
        project.expect(0, "plugin vendor");
        project.expect(0, "plugin verify --offline");
    }
    // A blob that is a link to elsewhere is hashed as any other.
    let service = BillingService::open();
    link(&victim.0, &blob);
    let found = project.expect(4, &format!("--frozen {}", service.url()));
    contains(&found.stderr, "other bytes");
}

#[test]
fn a_vendored_folder_stays_inside_the_project() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let outside = project.folder().join("outside");
    fs::create_dir(&outside).expect("a folder");
    symlink(&outside, project.project().join("ven")).expect("a link");
    let config = project.read("waitfor.toml");
    assert_snapshot!(project.show("plugin vendor ven/x"), @r"
    error: the folder `ven/x` is not inside of the project, `<project>`
    hint: what is vendored is committed with the project
    exit 2
    ");
    assert_snapshot!(project.show("plugin vendor ../outside"), @r"
    error: the folder `../outside` is not inside of the project, `<project>`
    hint: what is vendored is committed with the project
    exit 2
    ");
    let absolute = format!("plugin vendor {}", outside.display());
    assert_snapshot!(project.show(&absolute), @r"
    error: the folder `<folder>/outside` is not inside of the project, `<project>`
    hint: what is vendored is committed with the project
    exit 2
    ");
    assert_eq!(tree(&outside), []);
    assert_eq!(project.read("waitfor.toml"), config);
    // Nor may the configuration name such a one.
    for folder in [
        "../outside",
        &outside.display().to_string(),
        "a/../../outside",
    ] {
        project.write(
            "waitfor.toml",
            format!("{config}\n[vendor]\nfolder = \"{folder}\"\n"),
        );
        let found = project.expect(2, "plugin vendor");
        contains(&found.stderr, "folder");
        project.expect(2, "plugin fetch");
    }
    assert_eq!(tree(&outside), []);
}

#[test]
fn vendor_removes_only_what_is_its_own() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let data = project.project().join("data/blobs/sha256");
    fs::create_dir_all(&data).expect("a folder");
    let notes = data.join("notes.txt");
    fs::write(&notes, "notes").expect("a file");
    assert_snapshot!(project.show("plugin vendor data"), @r"
    error: `<project>/data` holds blobs, and no index that says what they are
    hint: name an empty folder
    exit 4
    ");
    assert_eq!(fs::read_to_string(&notes).expect("the notes"), "notes");
    // In a folder of its own, what others put beside its blobs stays.
    project.expect(0, "plugin vendor");
    let kept = project
        .project()
        .join("vendor/waitfor/blobs/sha256/notes.txt");
    fs::write(&kept, "notes").expect("a file");
    project.expect(0, "plugin add acme/tax@0.3.0");
    project.expect(0, "plugin vendor");
    project.expect(0, "plugin remove acme/tax");
    project.expect(0, "plugin vendor");
    assert_eq!(fs::read_to_string(&kept).expect("the notes"), "notes");
}

#[test]
fn a_link_in_the_store_leads_nowhere() {
    let Some((_registry, project, [one, ..])) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let victim = Victim::new(&project);
    let blob = project.store().join("blobs/sha256").join(one.hex());
    link(&victim.0, &blob);
    let service = BillingService::open();
    let frozen = format!("--frozen {}", service.url());
    project.expect(4, &frozen);
    project.expect(0, "plugin fetch");
    victim.is_whole();
    assert!(!blob.is_symlink(), "the link is replaced");
    project.expect(0, &frozen);
}

#[test]
fn a_lock_that_leads_nowhere_is_no_missing_lock() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let lock = project.project().join("waitfor.lock");
    fs::rename(&lock, project.project().join("kept.lock")).expect("the lock");
    symlink("nowhere", &lock).expect("a link");
    let service = BillingService::open();
    assert_snapshot!(project.show(&service.url()), @r"
    error: <project>/waitfor.lock: it is a link, and leads to no file
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(project.show("redis://127.0.0.1:1 --timeout 100ms"), @r"
    error: <project>/waitfor.lock: it is a link, and leads to no file
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    // A link to the real one is followed, and kept when the lock is written.
    fs::remove_file(&lock).expect("the link");
    symlink("kept.lock", &lock).expect("a link");
    project.expect(0, &format!("--frozen {}", service.url()));
    project.expect(0, "plugin add acme/tax@0.3.0");
    assert!(lock.is_symlink());
    contains(&project.read("kept.lock"), "acme/tax");
}

#[test]
fn files_that_are_none_do_not_hold_anybody_up() {
    let Some((_registry, project, [one, ..])) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin vendor");
    let service = BillingService::open();
    let url = service.url();
    let within = |line: &str| {
        let cli = project.cli(line.split(' '));
        project.shown(&cli.kill_after(Duration::from_secs(20)).run())
    };
    let fifo = |path: &Path| {
        let _ = fs::remove_file(path);
        run(Command::new("mkfifo").arg(path));
    };
    let blob = vendored(&project, &one);
    let bytes = fs::read(&blob).expect("the blob");
    fifo(&blob);
    assert_snapshot!(within(&format!("--frozen {url}")), @r"
    error: cannot read `<project>/vendor/waitfor/blobs/sha256/<billing 1.0.0>`: it is a pipe or a device, and not a file
    exit 4
    ");
    fs::remove_file(&blob).expect("the pipe");
    fs::write(&blob, bytes).expect("the blob");

    let lock = project.project().join("waitfor.lock");
    let text = fs::read(&lock).expect("the lock");
    fifo(&lock);
    assert_snapshot!(within(&url), @r"
    error: <project>/waitfor.lock: it is a pipe or a device, and not a file
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(within("plugin fetch"), @r"
    error: <project>/waitfor.lock: it is a pipe or a device, and not a file
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    fs::remove_file(&lock).expect("the pipe");
    fs::create_dir(&lock).expect("a folder");
    assert_snapshot!(within(&url), @r"
    error: <project>/waitfor.lock: it is a folder
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    fs::remove_dir(&lock).expect("the folder");
    fs::write(&lock, text).expect("the lock");

    let pipe = project.project().join("billing.wasm");
    fifo(&pipe);
    assert_snapshot!(within("plugin publish acme/billing@1.0.1 billing.wasm --to oci:new"), @r"
    error: cannot read `billing.wasm`: it is a pipe or a device, and not a file
    exit 2
    ");
    project.expect(0, &format!("--frozen {url}"));
}

#[test]
fn a_lock_of_no_size_and_no_letters() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let good = project.read("waitfor.lock");
    let shown = |bytes: &[u8]| {
        project.write("waitfor.lock", bytes);
        project.show("plugin fetch")
    };
    let with_size = |size: &str| {
        let lines = good.lines().map(|line| match line.starts_with("size = ") {
            true => format!("size = {size}\n"),
            false => format!("{line}\n"),
        });
        lines.collect::<String>().into_bytes()
    };
    assert_snapshot!(shown(&with_size("9223372036854775807")), @r"
    error: <project>/waitfor.lock:10:8: `size` of `acme/billing` is 9223372036854775807, and a plugin has at most 33554432 bytes
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(shown(&with_size("33554433")), @r"
    error: <project>/waitfor.lock:10:8: `size` of `acme/billing` is 33554433, and a plugin has at most 33554432 bytes
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(shown(b"version = 1\n\xff\xfe\n"), @r"
    error: <project>/waitfor.lock: it is not UTF-8
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(shown(&vec![b'#'; 5 * 1024 * 1024]), @r"
    error: <project>/waitfor.lock: it is larger than 4 MiB
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(shown(b""), @r"
    error: <project>/waitfor.lock: the lock has no `version`
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
}

/// Versions published at the same moment into a folder that is not there yet are all in it.
#[test]
fn publishers_meet_in_a_new_folder() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    for round in 0..5 {
        let project = Workspace::new("folder");
        let names: Vec<String> = (0..6).map(|number| format!("probe-{number}")).collect();
        for name in &names {
            project.write(&format!("{name}.wasm"), versioned(&version.bytes, name));
        }
        thread::scope(|scope| {
            for name in &names {
                let project = &project;
                let line = format!("plugin publish acme/{name}@1.0.0 {name}.wasm --to oci:new");
                scope.spawn(move || project.expect(0, &line));
            }
        });
        let layout = Layout::open(project.project().join("new")).expect("a layout");
        let published = layout.published().expect("an index");
        assert_eq!(
            published.len(),
            names.len(),
            "round {round}: {published:#?}"
        );
        for one in &published {
            layout.component(one).expect("its component");
        }
    }
}

/// A scheme means the plugin that the project locked, not what another project left in the store;
/// and the official probe, whatever sorts before it.
#[test]
fn schemes_mean_what_the_project_says() {
    let (Some(as_redis), Some([version, other])) =
        (billing(Form::AsRedis), versions(["1.0.0", "2.0.0"]))
    else {
        return;
    };
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    registry.put("acme/aaa", "2.0.0", &other.bytes);
    registry.put_changed("aaredis", "1.0.0", &as_redis, |manifest| {
        manifest["annotations"]["dev.waitfor.schemes"] = "redis".into();
    });
    let location = registry.location();
    let mut mine = Workspace::new("mine");
    let theirs = Workspace::new("theirs");
    for project in [&mine, &theirs] {
        project.write(
            "waitfor.toml",
            format!("[registries]\nacme = \"{location}\"\ndefault = \"{location}\"\n"),
        );
    }
    theirs.expect(0, "plugin add acme/aaa");
    theirs.expect(0, "plugin add aaredis");
    mine.share_store(&theirs);
    mine.expect(0, "plugin add acme/billing");
    let service = BillingService::open();
    let plugin_of = |project: &Workspace, url: &str| {
        let found = project.run(&format!("{url} --timeout 300ms --output json"));
        let result = found.stdout.lines().last().unwrap_or_default().to_owned();
        let result: serde_json::Value =
            serde_json::from_str(&result).unwrap_or_else(|e| panic!("not JSON: {e}: {found:#?}"));
        result["targets"][0]["plugin"].as_str().map(str::to_owned)
    };
    assert_eq!(
        plugin_of(&mine, &service.url()).as_deref(),
        Some("acme/billing")
    );
    let redis = service.url().replace("billing://", "redis://");
    for project in [&mine, &theirs] {
        assert_eq!(plugin_of(project, &redis).as_deref(), Some("redis"));
    }
}

/// A folder that is gone, and a home that is none.
#[test]
fn odd_surroundings() {
    let project = Workspace::new("odd");
    let gone = project.project().join("gone");
    fs::create_dir(&gone).expect("a folder");
    let script = "cd gone && rmdir ../gone && exec \"$0\" \"$@\"";
    let found = project
        .cli(["redis://127.0.0.1:1", "--timeout", "100ms"])
        .within(["sh", "-c", script])
        .run();
    assert_eq!(found.code, 124, "{found:#?}");
    // A relative home makes no store in the folder where one happens to be.
    let found = waitfor_tests::cli::Cli::new()
        .args(["plugin", "gc"])
        .home(Path::new("relative"))
        .current_dir(&project.project())
        .run();
    assert_snapshot!(project.shown(&found), @r"
    error: there is no folder for the store of plugins: the user has no home
    hint: set WAITFOR_STORE to a folder of your own
    exit 4
    ");
    assert_eq!(tree(&project.project()), []);
    // Names that are not UTF-8 are refused before anything is done.
    let name = OsString::from_vec(b"v\xff".to_vec());
    let found = project.cli(["plugin".into(), "vendor".into(), name]).run();
    assert_eq!(found.code, 2, "{found:#?}");
    assert_eq!(tree(&project.project()), []);
}

/// Each of the two files is looked for by itself, where only the other is named.
#[test]
fn a_lock_elsewhere_belongs_to_the_configuration_here() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let elsewhere = project.folder().join("elsewhere.lock");
    fs::rename(project.project().join("waitfor.lock"), &elsewhere).expect("the lock");
    let service = BillingService::open();
    let line = format!(
        "--lock-file {} --frozen {}",
        elsewhere.display(),
        service.url()
    );
    project.expect(0, &line);
    let line = format!("--lock-file {} plugin lock --locked", elsewhere.display());
    project.expect(0, &line);
}
