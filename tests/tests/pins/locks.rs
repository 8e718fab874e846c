//! What the lock promises: every older form is read, what is unknown is kept, running never writes
//! it, and the three flags mean what they say.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use insta::assert_snapshot;
use waitfor_tests::guests::BillingService;
use waitfor_tests::servers::lying_registry::{Fault, LyingRegistry};

use crate::support::{Workspace, contains, stored, versions};

/// A project that has `acme/billing@1.0.0` locked and at hand.
fn locked() -> Option<(LyingRegistry, Workspace)> {
    let [version] = versions(["1.0.0"])?;
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    let project = Workspace::bound("locks", &registry.location());
    project.know("1.0.0", &version.bytes);
    project.expect(0, "plugin add acme/billing@1");
    Some((registry, project))
}

/// What changes when a file is written, even with the same bytes.
fn stamp(path: &Path) -> (u64, i64, i64, Vec<u8>) {
    let found = fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (found.ino(), found.mtime(), found.mtime_nsec(), bytes)
}

#[test]
fn running_and_reading_write_neither_lock_nor_configuration() {
    let Some((registry, project)) = locked() else {
        return;
    };
    let [next] = versions(["1.0.1"]).expect("it was built before");
    registry.put("acme/billing", "1.0.1", &next.bytes);
    let service = BillingService::open();
    let files = ["waitfor.toml", "waitfor.lock"].map(|file| project.project().join(file));
    let before = files.clone().map(|file| stamp(&file));
    let url = service.url();
    for line in [
        url.as_str(),
        &format!("--locked {url}"),
        &format!("--offline {url}"),
        &format!("--frozen {url}"),
        &format!("--plugin acme/billing@1 {url}"),
        "plugin list",
        "plugin info acme/billing",
        "plugin outdated",
        "plugin fetch",
        "plugin verify",
        "plugin gc",
        "plugin lock",
        "plugin update --dry-run",
    ] {
        project.expect(0, line);
        let after = files.clone().map(|file| stamp(&file));
        assert_eq!(after, before, "waitfor {line}");
    }
    let names: Vec<_> = fs::read_dir(project.project())
        .expect("the project")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(names.len(), 2, "nothing else is left there: {names:?}");
    project.expect(0, "plugin update");
    assert_ne!(stamp(&files[1]), before[1]);
    assert_eq!(stamp(&files[0]), before[0]);
}

#[test]
fn a_lock_of_an_older_form_is_read_and_its_unknown_keys_are_kept() {
    let Some([version, tax]) = versions(["1.0.0", "0.3.0"]) else {
        return;
    };
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    registry.put("acme/tax", "0.3.0", &tax.bytes);
    let project = Workspace::bound("older", &registry.location());
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/locks/format-1.lock");
    let fixture = fs::read_to_string(&fixture).expect("the fixture");
    let lock = fixture
        .replace("REGISTRY", &registry.location())
        .replace("SHA256", &version.hex())
        .replace("SIZE", &version.bytes.len().to_string());
    project.edit("waitfor.toml", |text| {
        format!("{text}\n[plugins]\n\"acme/billing\" = \"1\"\n")
    });
    for text in [
        lock.clone(),
        lock.replace('\n', "\r\n"),
        format!("\u{feff}{lock}"),
    ] {
        project.write("waitfor.lock", &text);
        project.expect(0, "plugin fetch");
        let service = BillingService::open();
        project.expect(0, &format!("--frozen {}", service.url()));
        assert_eq!(
            project.read("waitfor.lock"),
            text,
            "reading changes nothing"
        );
    }
    // A command that writes it keeps what it does not know, and the block's own bytes.
    project.write("waitfor.lock", &lock);
    project.expect(0, "plugin add acme/tax");
    let written = project.read("waitfor.lock");
    let block = lock
        .split(
            "

",
        )
        .nth(1)
        .expect("a block");
    contains(&written, block);
    for kept in ["future-fact", "mirror-hint", "[future-table]"] {
        contains(&written, kept);
    }
    project.expect(0, "plugin remove acme/tax");
    assert_eq!(
        project.read("waitfor.lock"),
        lock,
        "and goes back to the very same bytes"
    );
}

#[test]
fn a_write_moves_one_block() {
    let Some((registry, project)) = locked() else {
        return;
    };
    let [next, tax] = versions(["1.0.1", "0.3.0"]).expect("they were built before");
    registry.put("acme/tax", "0.3.0", &tax.bytes);
    project.expect(0, "plugin add acme/tax");
    project.expect(0, "plugin add tcp@1");
    project.expect(0, "plugin add http@1");
    let before = project.read("waitfor.lock");
    registry.put("acme/billing", "1.0.1", &next.bytes);
    project.expect(0, "plugin update");
    let after = project.read("waitfor.lock");
    let names = |lock: &str| -> Vec<String> {
        let lines = lock.lines().filter(|line| line.starts_with("name = "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(names(&before), names(&after));
    let mut sorted = names(&after);
    sorted.sort();
    assert_eq!(sorted, names(&after), "sorted by name");
    let changed = before.split("\n\n").zip(after.split("\n\n"));
    assert_eq!(
        changed.filter(|(a, b)| a != b).count(),
        1,
        "{before}{after}"
    );
    // Back again, to the same bytes.
    project.expect(0, "plugin update acme/billing --precise 1.0.0");
    assert_eq!(project.read("waitfor.lock"), before);
    assert!(!after.contains(&project.folder().display().to_string()));
}

#[test]
fn offline_asks_nobody() {
    let Some((registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    let url = service.url();
    registry.repent();
    for line in [
        format!("--offline {url}"),
        format!("--frozen {url}"),
        format!("--offline --plugin acme/billing@1.0.0 {url}"),
        "plugin verify --offline".to_owned(),
        "plugin list --offline".to_owned(),
        "plugin info acme/billing --offline".to_owned(),
        "plugin fetch --offline".to_owned(),
        "plugin lock --offline".to_owned(),
    ] {
        project.expect(0, &line);
    }
    // The environment says the same.
    for (name, value) in [("WAITFOR_OFFLINE", "true"), ("WAITFOR_FROZEN", "true")] {
        let found = project.cli([&url]).env(name, value).run();
        assert_eq!(found.code, 0, "{name}: {found:#?}");
    }
    assert_eq!(registry.seen(), []);
    // Nothing at hand is said so, with the place that was looked in.
    fs::remove_dir_all(project.store()).expect("the store");
    assert_snapshot!(project.show(&format!("--offline {url}")), @r"
    error: acme/billing@1.0.0 is not at hand, and --offline forbids to fetch it; it was looked for in this program, `<store>/blobs/sha256/<1.0.0>`
    hint: run `waitfor plugin fetch` while there is a network, or `waitfor plugin vendor`
    exit 4
    ");
    assert_snapshot!(project.show("plugin add acme/tax --offline"), @r"
    error: --offline forbids to ask 127.0.0.1:<port>/probes
    hint: leave --offline and --frozen away
    exit 4
    ");
    assert_snapshot!(project.show("plugin update --offline"), @r"
    error: --offline forbids to ask 127.0.0.1:<port>/probes
    hint: leave --offline and --frozen away
    exit 4
    ");
    assert_snapshot!(project.show("plugin outdated --offline"), @r"
    error: --offline forbids to ask 127.0.0.1:<port>/probes
    hint: leave --offline and --frozen away
    exit 4
    ");
    assert_eq!(registry.seen(), []);
}

#[test]
fn locked_forbids_disagreement_only() {
    let Some((_registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    let url = service.url();
    // A locked run may fetch what is locked and not at hand.
    fs::remove_dir_all(project.store()).expect("the store");
    project.expect(0, &format!("--locked {url}"));
    assert_eq!(stored(&project.store()).len(), 1);
    let good = project.read("waitfor.toml");
    let changed = |change: &dyn Fn(&str) -> String| {
        project.write("waitfor.toml", change(&good));
        project.show(&format!("--locked {url}"))
    };
    assert_snapshot!(changed(&|text| text.replace("\"acme/billing\" = \"1\"", "")), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: acme/billing 1.0.0 is locked and not wanted
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(changed(&|text| text.replace("\"acme/billing\" = \"1\"", "\"acme/billing\" = \"^1.0\"")), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: acme/billing is wanted as `^1.0` and was locked for `1`
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(changed(&|text| text.replace("\"acme/billing\" = \"1\"", "\"acme/billing\" = \"1\"\nredis = \"1\"")), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: redis `1` is not locked
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(changed(&|text| text.replace("/probes", "/nightly")), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: acme/billing is wanted from 127.0.0.1:<port>/nightly and was locked from 127.0.0.1:<port>/probes
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    project.write("waitfor.toml", &good);
    project.expect(0, &format!("--locked {url}"));
    fs::remove_file(project.project().join("waitfor.lock")).expect("the lock");
    assert_snapshot!(project.show(&format!("--locked {url}")), @r"
    error: there is no <project>/waitfor.lock, and --locked allows nothing that is not locked
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(project.show(&url), @r"
    note: acme/billing@1 is not pinned, and 1.0.0 was taken; `waitfor plugin add acme/billing@1` pins it
    ready: billing://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
    assert_snapshot!(project.show(&format!("--locked --plugin redis {}", "redis://127.0.0.1:1 --timeout 100ms")), @r"
    error: there is no <project>/waitfor.lock, and --locked allows nothing that is not locked
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
}

#[test]
fn without_a_lock_it_says_once_that_nothing_is_pinned() {
    let Some([version, next]) = versions(["1.0.0", "1.0.1"]) else {
        return;
    };
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    let project = Workspace::bound("unpinned", &registry.location());
    let service = BillingService::open();
    let two = format!("--plugin acme/billing@1 {0} {0}/other", service.url());
    // Which of the targets is ready first differs.
    let told = |line: &str| {
        let shown = project.show(line);
        let lines = shown.lines().filter(|line| !line.starts_with("ready: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(told(&two), @r"
    note: acme/billing@1 is not pinned, and 1.0.0 was taken; `waitfor plugin add acme/billing@1` pins it
    exit 0
    ");
    // The newest that there is.
    registry.put("acme/billing", "1.0.1", &next.bytes);
    assert_snapshot!(told(&two), @r"
    note: acme/billing@1 is not pinned, and 1.0.1 was taken; `waitfor plugin add acme/billing@1` pins it
    exit 0
    ");
    // What is at hand, where nobody can be asked.
    registry.lie("", Fault::HangUp);
    assert_snapshot!(told(&two), @r"
    warning: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: it closed the connection; what was fetched before is used
    note: acme/billing@1 is not pinned, and 1.0.1 was taken; `waitfor plugin add acme/billing@1` pins it
    exit 0
    ");
    assert_snapshot!(told(&format!("--offline {two}")), @r"
    note: acme/billing@1 is not pinned, and 1.0.1 was taken; `waitfor plugin add acme/billing@1` pins it
    exit 0
    ");
    // An exact version says itself what it is.
    let exact = format!("--offline --plugin acme/billing@1.0.1 {}", service.url());
    assert_snapshot!(told(&exact), @"exit 0");
    let digest = format!(
        "--offline --plugin acme/billing@{} {}",
        next.digest(),
        service.url()
    );
    assert_snapshot!(told(&digest), @"exit 0");
    assert!(!project.project().join("waitfor.lock").exists());
}

/// Files are looked for in the current folder and upwards, or named by an option or a variable.
#[test]
fn where_the_files_are() {
    let Some((_registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    let deep = project.project().join("a/b/c");
    fs::create_dir_all(&deep).expect("a folder");
    let frozen = format!("--frozen {}", service.url());
    let below = project.cli(frozen.split(' ')).current_dir(&deep).run();
    assert_eq!(below.code, 0, "{below:#?}");
    let outside = project.cli(frozen.split(' ')).current_dir(&project.home());
    let found = outside.run();
    assert_eq!(found.code, 2, "{found:#?}");
    assert_snapshot!(project.shown(&found), @r"
    error: no probe answers to the scheme `billing` of `billing://127.0.0.1:<port>`
    hint: known schemes: http, https, postgres, postgresql, redis, rediss, valkey, valkeys, redis+unix, valkey+unix, redis+sentinel, rediss+sentinel, tcp, unix, vault, vault+http, bao, bao+http, vertica
    exit 2
    ");
    let (config, lock) = (
        project.project().join("waitfor.toml"),
        project.project().join("waitfor.lock"),
    );
    let found = outside
        .clone()
        .args(["--config".as_ref(), config.as_os_str()])
        .run();
    assert_eq!(found.code, 0, "{found:#?}");
    let found = outside
        .clone()
        .env("WAITFOR_CONFIG", &config)
        .env("WAITFOR_LOCK_FILE", &lock)
        .run();
    assert_eq!(found.code, 0, "{found:#?}");
    // A folder below with a file of its own is a project of its own.
    fs::write(deep.join("waitfor.toml"), "").expect("a file");
    let found = project.cli(frozen.split(' ')).current_dir(&deep).run();
    assert_eq!(found.code, 2, "{found:#?}");
}
