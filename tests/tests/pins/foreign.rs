//! Other tools read what `waitfor` writes, and `waitfor` reads what they write: `wkg` and `skopeo`,
//! on Debian's registry, byte for byte.

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;
use waitfor_tests::guests::BillingService;
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::run;

use crate::support::{Workspace, registry, versions};

/// A tool with a home of its own.
fn tool(component: Component, name: &str, project: &Workspace) -> Option<Command> {
    let program = require(component)?.program(name);
    let mut command = Command::new(program);
    command
        .env("HOME", project.home())
        .env_remove("XDG_CONFIG_HOME")
        .current_dir(project.project());
    Some(command)
}

#[test]
fn wkg_pulls_what_waitfor_published() {
    let (Some(registry), Some([version])) = (registry(), versions(["1.0.0"])) else {
        return;
    };
    let project = Workspace::bound("wkg", &registry.location("probes"));
    let Some(mut wkg) = tool(Component::Wkg, "wkg", &project) else {
        return;
    };
    project.write("billing.wasm", &version.bytes);
    project.expect(0, "plugin publish acme/billing@1.0.0 billing.wasm");
    run(wkg
        .args(["oci", "pull", "--insecure", &registry.authority()])
        .args(["--output", "pulled.wasm"])
        .arg(format!(
            "{}/probes/acme/billing:1.0.0",
            registry.authority()
        )));
    let pulled = fs::read(project.project().join("pulled.wasm")).expect("what wkg pulled");
    assert!(pulled == version.bytes, "wkg pulled other bytes");
}

#[test]
fn waitfor_adds_what_wkg_pushed() {
    let (Some(registry), Some([version, next])) = (registry(), versions(["1.0.0", "1.0.1"])) else {
        return;
    };
    let project = Workspace::bound("wkg", &registry.location("probes"));
    project.know("1.0.0", &version.bytes);
    project.know("1.0.1", &next.bytes);
    for pushed in [&version, &next] {
        let Some(mut wkg) = tool(Component::Wkg, "wkg", &project) else {
            return;
        };
        let file = format!("{}.wasm", pushed.version);
        project.write(&file, &pushed.bytes);
        run(wkg
            .args(["oci", "push", "--insecure", &registry.authority()])
            .arg(format!(
                "{}/probes/acme/billing:{}",
                registry.authority(),
                pushed.version
            ))
            .arg(&file));
    }
    assert_snapshot!(project.show("plugin add acme/billing@1.0.0"), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(project.steady(&project.read("waitfor.lock")), @r#"
    # Written by `waitfor plugin lock`; commit it.
    version = 1

    [[plugin]]
    name = "acme/billing"
    requirement = "1.0.0"
    version = "1.0.0"
    registry = "127.0.0.1:<port>/probes"
    sha256 = "<1.0.0>"
    size = <size>
    abi = "1.0"
    schemes = ["billing"]
    "#);
    let service = BillingService::open();
    project.expect(0, &format!("--frozen {}", service.url()));
    assert_snapshot!(project.show("plugin outdated"), @r"
    outdated acme/billing 1.0.0, newest 1.0.1 (not allowed by 1.0.0)
    exit 0
    ");
    assert_snapshot!(project.show("plugin info acme/billing"), @r"
    acme/billing 1.0.0: the ledger is open

    sha256   <1.0.0>
    size     <size> bytes
    abi      waitfor:probe 1.0
    origin   from 127.0.0.1:<port>/probes, in the store
    locked   as 1.0.0

    schemes:
      billing://  the billing service (port 7411)

    parameters:
      --ledger   text     the ledger that must be open
      --region   text     the region of the ledger
      --max-lag  integer  how many entries may be missing [default: 100]
      --token    secret   the token to log in with [env: BILLING_TOKEN]

    examples:
      waitfor billing://ledgers/2026
    exit 0
    ");
    // What others wrote is as immutable as what we wrote, and can be taken back.
    assert_snapshot!(project.show("plugin publish acme/billing@1.0.0 1.0.1.wasm"), @r"
    error: acme/billing@1.0.0 is published already with other bytes: sha256:<1.0.0>, not sha256:<1.0.1>
    hint: give what changed a new version
    exit 4
    ");
    assert_snapshot!(project.show("plugin yank acme/billing@1.0.1 --reason broken"), @r"
    yanked acme/billing@1.0.1: broken
    exit 0
    ");
    project.edit("waitfor.toml", |text| text.replace("\"1.0.0\"", "\"1\""));
    assert_snapshot!(project.show("plugin update"), @r"
    passed over acme/billing 1.0.1: yanked: broken
    kept acme/billing 1.0.0
    exit 0
    ");
}

/// Digests of the manifests of a layout folder.
fn manifests(folder: &Path) -> Vec<String> {
    let index = fs::read(folder.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let all = index["manifests"].as_array().expect("manifests");
    let digests = all.iter().map(|one| one["digest"].to_string());
    digests.collect()
}

#[test]
fn skopeo_copies_both_ways_and_keeps_every_digest() {
    let (Some(registry), Some([version])) = (registry(), versions(["1.0.0"])) else {
        return;
    };
    let project = Workspace::bound("skopeo", &registry.location("probes"));
    project.know("1.0.0", &version.bytes);
    let copy = |from: &str, to: &str| {
        tool(Component::Skopeo, "skopeo", &project).map(|mut skopeo| {
            run(skopeo
                .args(["--insecure-policy", "copy", "--preserve-digests"])
                .args(["--src-tls-verify=false", "--dest-tls-verify=false"])
                .args([from, to]))
        })
    };
    let there = |registry: &str| format!("docker://{registry}/acme/billing:1.0.0");
    project.write("billing.wasm", &version.bytes);

    // From the registry to a folder, which is a registry too.
    project.expect(0, "plugin publish acme/billing@1.0.0 billing.wasm");
    let from = there(&registry.location("probes"));
    if copy(&from, "oci:copied:acme/billing:1.0.0").is_none() {
        return;
    }
    project.bind("oci:copied");
    assert_snapshot!(project.show("plugin add acme/billing@1.0.0"), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from oci:copied; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    let lock = project.read("waitfor.lock");
    assert!(lock.contains(&version.hex()), "{lock}");

    // From a folder to a registry.
    project.expect(
        0,
        "plugin publish acme/billing@1.0.0 billing.wasm --to oci:ours",
    );
    copy(
        "oci:ours:acme/billing:1.0.0",
        &there(&registry.location("second")),
    );
    let second = Workspace::bound("skopeo", &registry.location("second"));
    second.know("1.0.0", &version.bytes);
    assert_snapshot!(second.show("plugin add acme/billing@1.0.0"), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/second; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");

    // And from there to a third folder: the same documents, however they went.
    copy(
        &there(&registry.location("second")),
        "oci:third:acme/billing:1.0.0",
    );
    let folders = ["copied", "ours", "third"].map(|name| project.project().join(name));
    for folder in &folders {
        assert_eq!(manifests(folder), manifests(&folders[1]), "{folder:?}");
        let blob = folder.join("blobs/sha256").join(version.hex());
        let bytes = fs::read(blob).expect("the component's blob");
        assert!(bytes == version.bytes, "{folder:?} holds other bytes");
    }
    // What a project vendored is such a folder as well.
    project.expect(0, "plugin vendor kept");
    let kept = project.project().join("kept");
    assert_eq!(manifests(&kept), manifests(&folders[1]));
    copy(
        "oci:kept:acme/billing:1.0.0",
        &there(&registry.location("third")),
    );
    let third = Workspace::bound("skopeo", &registry.location("third"));
    third.expect(0, "plugin add acme/billing@1.0.0");
    assert!(third.read("waitfor.lock").contains(&version.hex()));
}
