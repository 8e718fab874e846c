//! Locks and configurations that cannot be used, or that do not agree: the line, the reason and
//! the command that mends it.

use insta::{allow_duplicates, assert_snapshot};
use regex_lite::Regex;
use waitfor_tests::guests::BillingService;
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::support::{Workspace, contains, versions};

/// A project with a lock that holds `acme/billing@1.0.0`, and the registry it came from, which has
/// 1.0.1 and 2.0.0 as well.
fn locked() -> Option<(LyingRegistry, Workspace)> {
    let [version, ..] = versions(["1.0.0"])?;
    let [next, major] = versions(["1.0.1", "2.0.0"])?;
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    let project = Workspace::bound("locks", &registry.location());
    project.know("1.0.0", &version.bytes);
    project.know("1.0.1", &next.bytes);
    project.know("2.0.0", &major.bytes);
    project.expect(0, "plugin add acme/billing@1");
    registry.put("acme/billing", "1.0.1", &next.bytes);
    registry.put("acme/billing", "2.0.0", &major.bytes);
    Some((registry, project))
}

/// Replaces the lock by a changed one, shows what a run and a command that writes say, and puts it
/// back. Neither may have written it.
fn with_lock(project: &Workspace, change: impl FnOnce(String) -> String) -> String {
    let good = project.read("waitfor.lock");
    project.edit("waitfor.lock", change);
    let bad = project.read("waitfor.lock");
    let shown = project.show("billing://127.0.0.1:1 --timeout 1s");
    assert_eq!(project.read("waitfor.lock"), bad);
    let updated = project.expect(4, "plugin update");
    assert_eq!(project.read("waitfor.lock"), bad);
    // Both say the same.
    contains(&shown, &project.steady(&updated.stderr));
    project.write("waitfor.lock", good);
    // A digest without its first digit is none that has a name.
    let hex = Regex::new("[0-9a-f]{63}").expect("a pattern");
    hex.replace_all(&shown, "<63 digits>").into_owned()
}

#[test]
fn a_lock_that_cannot_be_read() {
    let Some((_registry, project)) = locked() else {
        return;
    };
    let change = |from: &'static str, to: &'static str| {
        with_lock(&project, move |lock| lock.replacen(from, to, 1))
    };
    // Both sides of a merge, as git leaves them.
    assert_snapshot!(with_lock(&project, |lock| {
        let line = lock.lines().find(|line| line.starts_with("version = \"")).unwrap_or_default();
        lock.replace(line, &format!("<<<<<<< HEAD\n{line}\n=======\nversion = \"1.0.1\"\n>>>>>>> billing"))
    }), @r"
    error: <project>/waitfor.lock:7:1: a merge left a conflict here
    hint: take either side, then run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("version = 1\n", "version = 2\n"), @r"
    error: <project>/waitfor.lock has format 2, and this waitfor 0.1.0 reads 1
    hint: install a newer waitfor
    exit 4
    ");
    assert_snapshot!(change("version = 1\n", "version = 2\nrequires-waitfor = \"0.9.0\"\n"), @r"
    error: <project>/waitfor.lock has format 2, and this waitfor 0.1.0 reads 1
    hint: install waitfor 0.9.0 or a newer one
    exit 4
    ");
    assert_snapshot!(change("version = 1\n", ""), @r"
    error: <project>/waitfor.lock: the lock has no `version`
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("version = 1\n", "version = \"one\"\n"), @r"
    error: <project>/waitfor.lock:2:11: `version` of the lock is not a number from 0
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(with_lock(&project, |lock| {
        let block = lock[lock.find("[[plugin]]").unwrap_or_default()..].to_owned();
        format!("{lock}\n{block}")
    }), @r"
    error: <project>/waitfor.lock:14:1: `acme/billing` is locked twice, first in line 4
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("sha256 = \"", "sha256 = \"sha256:"), @r"
    error: <project>/waitfor.lock:9:10: `sha256` of `acme/billing`: `sha256:<1.0.0>` is not a digest: it has not 64 hexadecimal digits
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(with_lock(&project, |lock| {
        let at = lock.find("sha256 = \"").unwrap_or_default() + "sha256 = \"".len();
        format!("{}{}", &lock[..at], &lock[at + 1..])
    }), @r"
    error: <project>/waitfor.lock:9:10: `sha256` of `acme/billing`: `<63 digits>` is not a digest: it has not 64 hexadecimal digits
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(with_lock(&project, |lock| {
        let at = lock.find("sha256 = \"").unwrap_or_default() + "sha256 = \"".len();
        format!("{}Z{}", &lock[..at], &lock[at + 1..])
    }), @r"
    error: <project>/waitfor.lock:9:10: `sha256` of `acme/billing`: `Z<63 digits>` is not a digest: it has not 64 hexadecimal digits
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("size = ", "size = -"), @r"
    error: <project>/waitfor.lock:10:8: `size` of `acme/billing` is not a number from 0
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("abi = \"1.0\"", "abi = \"new\""), @r"
    error: <project>/waitfor.lock:11:7: `abi` of `acme/billing`: `new` is not the version of a contract, such as 1.0
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("name = \"acme/billing\"", "name = \"acme/../billing\""), @r"
    error: <project>/waitfor.lock:5:8: `name` of [[plugin]] number 1: `acme/../billing` is not a plugin's name: it has more than one `/`
    hint: take the file back from version control, or remove the block of the plugin and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("registry = \"", "registry = \"https://"), @r"
    error: <project>/waitfor.lock:8:12: `registry` of `acme/billing`: `https://127.0.0.1:<port>/probes` does not say where plugins are kept: the scheme has no place in it
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("requirement = \"1\"", "requirement = \"one\""), @r"
    error: <project>/waitfor.lock:6:15: `requirement` of `acme/billing`: `one` does not say which version is wanted: a version starts with a digit
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("[[plugin]]", "[[plugin"), @r"
    error: <project>/waitfor.lock:4:9: unclosed array table, expected `]]`
    hint: take the file back from version control, or remove it and run `waitfor plugin lock`
    exit 4
    ");
    assert_snapshot!(change("requirement = \"1\"\n", ""), @r"
    error: <project>/waitfor.lock:4:1: `acme/billing` has no `requirement`
    hint: take the file back from version control, or remove the block of acme/billing and run `waitfor plugin lock`
    exit 4
    ");
}

#[test]
fn a_lock_of_other_bytes_in_the_size() {
    let Some((_registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    let good = project.read("waitfor.lock");
    project.edit("waitfor.lock", |lock| {
        let (before, after) = lock.split_once("size = ").unwrap_or_default();
        let (_, rest) = after.split_once('\n').unwrap_or_default();
        format!("{before}size = 1\n{rest}")
    });
    assert_snapshot!(project.show(&service.url()), @r"
    error: the lock says that acme/billing@1.0.0 has 1 bytes, and sha256:<1.0.0> has <size>
    hint: take the lock back from version control, or run `waitfor plugin remove acme/billing` and `waitfor plugin add acme/billing`
    exit 4
    ");
    assert_snapshot!(project.show("plugin fetch"), @r"
    error: the lock says that acme/billing@1.0.0 has 1 bytes, and sha256:<1.0.0> has <size>
    hint: take the lock back from version control, or run `waitfor plugin remove acme/billing` and `waitfor plugin add acme/billing`
    exit 4
    ");
    assert_snapshot!(project.show("plugin verify --offline"), @r"
    failed acme/billing 1.0.0: sha256:<1.0.0> in the store holds other bytes: <size> bytes, not 1, in `<store>/blobs/sha256/<1.0.0>`
    error: not as locked: acme/billing
    hint: run `waitfor plugin fetch`, which puts the right bytes in their place
    exit 4
    ");
    project.write("waitfor.lock", good);
    project.expect(0, &service.url());
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let Some((_registry, project)) = locked() else {
        return;
    };
    let good = project.read("waitfor.toml");
    let shown = |text: &str| {
        project.write("waitfor.toml", text);
        let shown = project.show("plugin lock");
        let run = project.run("billing://127.0.0.1:1 --timeout 1s");
        contains(&shown, &project.steady(&run.stderr));
        assert_eq!(project.read("waitfor.toml"), text);
        shown
    };
    assert_snapshot!(shown("[plugins\n"), @r"
    error: <project>/waitfor.toml:1:9: unclosed table, expected `]`
    exit 2
    ");
    assert_snapshot!(shown("[plugins]\n\"acme/billing\" = 1\n"), @r#"
    error: <project>/waitfor.toml:2:18: what is wanted of `acme/billing` is not a text
    hint: write it in quotes, as in "1.2"
    exit 2
    "#);
    assert_snapshot!(shown("[plugins]\n\"acme/billing\" = \"one\"\n"), @r"
    error: <project>/waitfor.toml:2:18: `acme/billing`: `one` does not say which version is wanted: a version starts with a digit
    hint: write 1 for any 1.x.y, 1.2 for any 1.2.y, 1.2.3 for that one, or ^, ~ or >= before a version
    exit 2
    ");
    assert_snapshot!(shown("[plugins]\n\"acme/Billing\" = \"1\"\n"), @r"
    error: <project>/waitfor.toml:2:1: `acme/Billing` is not a plugin's name: only lower-case letters, digits and `-` may stand in it
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("[plugins]\n\"acme/billing\" = { verison = \"1\" }\n"), @r"
    error: <project>/waitfor.toml:2:20: `acme/billing` has no `verison`
    hint: it may have `version` and `registry`
    exit 2
    ");
    assert_snapshot!(shown("[plugins]\n\"acme/billing\" = \"1\"\n\"acme/billing\" = \"2\"\n"), @r"
    error: <project>/waitfor.toml:3:1: duplicate key
    exit 2
    ");
    assert_snapshot!(shown("[registries]\nacme = \"https://h.example/a\"\n"), @r"
    error: <project>/waitfor.toml:2:8: `acme`: `https://h.example/a` does not say where plugins are kept: the scheme has no place in it
    hint: write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official
    exit 2
    ");
    assert_snapshot!(shown("[registries]\nacme = \"ann:hunter2@h.example/a\"\n"), @r"
    error: <project>/waitfor.toml:2:8: `acme`: `…@h.example/a` does not say where plugins are kept: accounts have no place in it
    hint: write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official
    exit 2
    ");
    assert_snapshot!(shown("[registries]\nacme = { location = \"h.example/a\", plain = true }\n"), @r"
    error: <project>/waitfor.toml:2:36: `acme` has no `plain`
    hint: it may have `location`, `ca-file`, `plain-http` and `mirrors`
    exit 2
    ");
    assert_snapshot!(shown("<<<<<<< HEAD\n[plugins]\n=======\n"), @r"
    error: <project>/waitfor.toml:1:1: a merge left a conflict here
    hint: take what is right of either side
    exit 2
    ");
    project.write("waitfor.toml", good);
    project.expect(0, "plugin lock");
}

#[test]
fn requests_that_the_lock_does_not_allow() {
    let Some((_registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    let url = service.url();
    let lock = project.read("waitfor.lock");
    // On the command line.
    assert_snapshot!(project.show(&format!("--plugin acme/billing@2 {url}")), @r"
    error: acme/billing is locked at 1.0.0, and `acme/billing@2` does not allow it
    hint: run `waitfor plugin add acme/billing@2` and commit both files, or ask for the locked version
    exit 4
    ");
    assert_snapshot!(project.show(&format!("--plugin acme/billing@1.0.1 {url}")), @r"
    error: acme/billing is locked at 1.0.0, and `acme/billing@1.0.1` does not allow it
    hint: run `waitfor plugin add acme/billing@1.0.1` and commit both files, or ask for the locked version
    exit 4
    ");
    let other = format!("sha256:{}", "0".repeat(64));
    assert_snapshot!(project.show(&format!("--plugin acme/billing@{other} {url}")), @r"
    error: acme/billing is locked at 1.0.0, and `acme/billing@sha256:<digest>` does not allow it
    hint: run `waitfor plugin add acme/billing@sha256:<digest>` and commit both files, or ask for the locked version
    exit 4
    ");
    project.expect(0, &format!("--plugin acme/billing@1 {url}"));
    project.expect(0, &format!("--plugin acme/billing@1.0.0 {url}"));
    // In the configuration.
    let good = project.read("waitfor.toml");
    project.edit("waitfor.toml", |text| {
        text.replace("\"acme/billing\" = \"1\"", "\"acme/billing\" = \"2\"")
    });
    assert_snapshot!(project.show(&url), @r"
    error: acme/billing is locked at 1.0.0, and waitfor.toml asks for `2`
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    allow_duplicates! {
        for flags in ["--locked", "--frozen"] {
            assert_snapshot!(project.show(&format!("{flags} {url}")), @r"
            error: <project>/waitfor.lock and waitfor.toml disagree: acme/billing is wanted as `2` and locked at 1.0.0
            hint: run `waitfor plugin lock` and commit the lock
            exit 4
            ");
        }
    }
    project.write("waitfor.toml", &good);
    assert_eq!(project.read("waitfor.lock"), lock);
}

/// Two configurations share one lock, and want versions that exclude each other.
#[test]
fn two_configurations_that_ask_for_incompatible_versions() {
    let Some((registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    std::fs::create_dir(project.project().join("nightly")).expect("a folder");
    project.write(
        "nightly/waitfor.toml",
        format!(
            "[plugins]\n\"acme/billing\" = \"2\"\n\n[registries]\nacme = \"{}\"\n",
            registry.location()
        ),
    );
    let lock = project.read("waitfor.lock");
    let line = format!(
        "--config nightly/waitfor.toml --lock-file waitfor.lock {}",
        service.url()
    );
    assert_snapshot!(project.show(&line), @r"
    error: acme/billing is locked at 1.0.0, and waitfor.toml asks for `2`
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(project.show(&format!("--locked {line}")), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: acme/billing is wanted as `2` and locked at 1.0.0
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_eq!(project.read("waitfor.lock"), lock);
    project.expect(0, &service.url());
}

#[test]
fn a_plugin_that_is_not_locked() {
    let Some((registry, project)) = locked() else {
        return;
    };
    let service = BillingService::open();
    let [tax] = versions(["1.0.0"]).expect("it was built before");
    registry.put("acme/tax", "1.0.0", &tax.bytes);
    // Wanted, and never locked.
    project.edit("waitfor.toml", |text| {
        text.replace("[plugins]\n", "[plugins]\n\"acme/tax\" = \"1\"\n")
    });
    let url = service.url();
    assert_snapshot!(project.show(&format!("--plugin acme/tax {url}")), @r"
    error: acme/tax is in waitfor.toml and not in <project>/waitfor.lock
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(project.show(&format!("--locked --plugin acme/billing {url}")), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: acme/tax `1` is not locked
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    project.expect(0, &format!("--plugin acme/billing {url}"));
    // Not even wanted: taken with a note, unless told not to.
    project.edit("waitfor.toml", |text| {
        text.replace("\"acme/tax\" = \"1\"\n", "")
    });
    let lock = project.read("waitfor.lock");
    assert_snapshot!(project.show(&format!("--plugin acme/tax@1 {url}")), @r"
    note: acme/tax@1 is not pinned, and 1.0.0 was taken; `waitfor plugin add acme/tax@1` pins it
    ready: billing://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
    assert_snapshot!(project.show(&format!("--locked --plugin acme/tax@1 {url}")), @r"
    error: acme/tax is not locked, and --locked allows nothing else
    hint: run `waitfor plugin add acme/tax` and commit both files
    exit 4
    ");
    assert_eq!(project.read("waitfor.lock"), lock);
}
