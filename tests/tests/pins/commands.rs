//! What `add`, `remove`, `lock` and `update` say and write, in text and in JSON.

use insta::assert_snapshot;

use crate::support::team;

#[test]
fn add_and_remove() {
    let Some((_registry, project)) = team() else {
        return;
    };
    assert_snapshot!(project.show("plugin add acme/billing"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    added acme/billing 1.1.0 (sha256:<short of billing 1.1.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(project.show("plugin add acme/billing"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    kept acme/billing 1.1.0
    exit 0
    ");
    assert_snapshot!(project.show("plugin add acme/billing@1.0.0"), @r"
    updated acme/billing 1.1.0 -> 1.0.0
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(project.json("plugin add acme/tax@0.3"), @r#"
    {"command":"add","dry_run":false,"plugins":[0],"schema":1}
    plugins 0: {"abi":"1.0","action":"added","from":null,"name":"acme/tax","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"0.3","schemes":["billing"],"secrets":["token"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    "#);
    assert_snapshot!(project.show("plugin add redis@1"), @r"
    added redis 1.0.2 (sha256:<short of official redis>, <size> bytes, waitfor:probe 1.0) from official; answers to redis://, rediss://, valkey://, valkeys://, redis+unix://, valkey+unix://, redis+sentinel://, rediss+sentinel://
    note: redis asks for secrets: --password, --sentinel-password
    exit 0
    ");
    assert_snapshot!(project.steady(&project.read("waitfor.toml")), @r#"
    [registries]
    acme = "127.0.0.1:<port>/probes"

    [plugins]
    "acme/billing" = "1.0.0"
    "acme/tax" = "0.3"
    redis = "1"
    "#);
    assert_snapshot!(project.steady(&project.read("waitfor.lock")), @r#"
    # Written by `waitfor plugin lock`; commit it.
    version = 1

    [[plugin]]
    name = "acme/billing"
    requirement = "1.0.0"
    version = "1.0.0"
    registry = "127.0.0.1:<port>/probes"
    sha256 = "<billing 1.0.0>"
    size = <size>
    abi = "1.0"
    schemes = ["billing"]

    [[plugin]]
    name = "acme/tax"
    requirement = "0.3"
    version = "0.3.0"
    registry = "127.0.0.1:<port>/probes"
    sha256 = "<tax 0.3.0>"
    size = <size>
    abi = "1.0"
    schemes = ["billing"]

    [[plugin]]
    name = "redis"
    requirement = "1"
    version = "1.0.2"
    registry = "official"
    sha256 = "<official redis>"
    size = <size>
    abi = "1.0"
    schemes = ["redis", "rediss", "valkey", "valkeys", "redis+unix", "valkey+unix", "redis+sentinel", "rediss+sentinel"]
    "#);
    assert_snapshot!(project.show("plugin add acme/billing@1.2.0"), @r"
    error: `acme/billing@1.2.0` cannot be used: 1.2.0 needs waitfor:probe 1.9, and this waitfor speaks 1.0
    hint: take acme/billing@1.1.0, the newest that can be used, or install a newer waitfor
    exit 4
    ");
    assert_snapshot!(project.show("plugin remove acme/billing redis"), @r"
    removed acme/billing 1.0.0
    removed redis 1.0.2
    exit 0
    ");
    assert_snapshot!(project.json("plugin remove acme/tax"), @r#"
    {"command":"remove","dry_run":false,"plugins":[0],"schema":1}
    plugins 0: {"abi":"1.0","action":"removed","from":null,"name":"acme/tax","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"0.3","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    "#);
    assert_snapshot!(project.steady(&project.read("waitfor.toml")), @r#"
    [registries]
    acme = "127.0.0.1:<port>/probes"

    [plugins]
    "#);
    assert_snapshot!(project.read("waitfor.lock"), @r"
    # Written by `waitfor plugin lock`; commit it.
    version = 1
    ");
}

#[test]
fn lock_and_update() {
    let Some((registry, project)) = team() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin add acme/tax@0.3");
    assert_snapshot!(project.show("plugin lock"), @r"
    kept acme/billing 1.0.0
    kept acme/tax 0.3.0
    exit 0
    ");
    // A wider requirement keeps what it allows.
    project.edit("waitfor.toml", |text| text.replace("\"1.0.0\"", "\"1\""));
    assert_snapshot!(project.show("plugin lock"), @r"
    kept acme/billing 1.0.0
    kept acme/tax 0.3.0
    exit 0
    ");
    assert_snapshot!(project.json("plugin lock"), @r#"
    {"command":"lock","dry_run":false,"plugins":[0,1],"schema":1}
    plugins 0: {"abi":"1.0","action":"kept","from":null,"name":"acme/billing","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"1","schemes":["billing"],"sha256":"<billing 1.0.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.0.0"}
    plugins 1: {"abi":"1.0","action":"kept","from":null,"name":"acme/tax","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"0.3","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    "#);
    assert_snapshot!(project.show("plugin outdated"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    outdated acme/billing 1.0.0 -> 1.1.0 (allowed by 1)
    up to date acme/tax 0.3.0
    exit 0
    ");
    assert_snapshot!(project.json("plugin outdated"), @r#"
    {"command":"outdated","dry_run":false,"plugins":[0,1],"schema":1}
    plugins 0: {"abi":"1.0","action":"outdated","allowed":"1.1.0","from":null,"name":"acme/billing","newest":"1.1.0","passed_over":[{"detail":"needs waitfor:probe 1.9, and this waitfor speaks 1.0","version":"1.2.0","why":"abi"}],"registry":"127.0.0.1:<port>/probes","requirement":"1","schemes":["billing"],"sha256":"<billing 1.0.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.0.0"}
    plugins 1: {"abi":"1.0","action":"up-to-date","allowed":"0.3.0","from":null,"name":"acme/tax","newest":"0.3.0","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"0.3","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    "#);
    assert_snapshot!(project.show("plugin update --dry-run"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    would update acme/billing 1.0.0 -> 1.1.0
    kept acme/tax 0.3.0
    exit 0
    ");
    assert_snapshot!(project.json("plugin update --dry-run"), @r#"
    {"command":"update","dry_run":true,"plugins":[0,1],"schema":1}
    plugins 0: {"abi":"1.0","action":"updated","from":"1.0.0","name":"acme/billing","passed_over":[{"detail":"needs waitfor:probe 1.9, and this waitfor speaks 1.0","version":"1.2.0","why":"abi"}],"registry":"127.0.0.1:<port>/probes","requirement":"1","schemes":["billing"],"sha256":"<billing 1.1.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.1.0"}
    plugins 1: {"abi":"1.0","action":"kept","from":null,"name":"acme/tax","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"0.3","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    "#);
    assert_snapshot!(project.show("plugin update acme/billing"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    updated acme/billing 1.0.0 -> 1.1.0
    warning: the locked plugin acme/tax answers to billing:// too: give `--plugin acme/billing` where acme/billing is meant
    exit 0
    ");
    assert_snapshot!(project.show("plugin update"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    kept acme/billing 1.1.0
    kept acme/tax 0.3.0
    exit 0
    ");
    assert_snapshot!(project.show("plugin update acme/billing --precise 1.0.0"), @r"
    updated acme/billing 1.1.0 -> 1.0.0
    warning: the locked plugin acme/tax answers to billing:// too: give `--plugin acme/billing` where acme/billing is meant
    exit 0
    ");
    assert_snapshot!(project.json("plugin update"), @r#"
    {"command":"update","dry_run":false,"plugins":[0,1],"schema":1}
    plugins 0: {"abi":"1.0","action":"updated","from":"1.0.0","name":"acme/billing","passed_over":[{"detail":"needs waitfor:probe 1.9, and this waitfor speaks 1.0","version":"1.2.0","why":"abi"}],"registry":"127.0.0.1:<port>/probes","requirement":"1","schemes":["billing"],"sha256":"<billing 1.1.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.1.0"}
    plugins 1: {"abi":"1.0","action":"kept","from":null,"name":"acme/tax","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"0.3","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    "#);
    assert_snapshot!(project.show("plugin update acme/billing --precise 2.0.0"), @r"
    error: no version of `acme/billing` matches 2.0.0
    hint: there are 1.2.0, 1.1.0, 1.0.0
    exit 4
    ");
    assert_snapshot!(project.show("plugin update acme/nosuch"), @r"
    error: acme/nosuch is not locked
    hint: `waitfor plugin add acme/nosuch` takes it up
    exit 4
    ");
    // A plugin that is no longer wanted leaves the lock.
    project.edit("waitfor.toml", |text| {
        let kept = text
            .lines()
            .filter(|line| !line.starts_with("\"acme/tax\""));
        kept.map(|line| format!("{line}\n")).collect()
    });
    assert_snapshot!(project.show("plugin lock --locked"), @r"
    error: <project>/waitfor.lock and waitfor.toml disagree: acme/tax 0.3.0 is locked and not wanted
    hint: run `waitfor plugin lock` and commit the lock
    exit 4
    ");
    assert_snapshot!(project.show("plugin lock"), @r"
    kept acme/billing 1.1.0
    removed acme/tax 0.3.0
    exit 0
    ");
    assert!(!project.read("waitfor.lock").contains("acme/tax"));
    assert!(!registry.seen().is_empty());
}
