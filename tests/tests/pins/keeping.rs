//! What keeps plugins at hand: `fetch`, `verify`, `gc` and `vendor`.

use insta::assert_snapshot;
use waitfor_tests::guests::BillingService;
use waitfor_tests::servers::lying_registry::Fault;

use crate::support::{stored, team, versions};

#[test]
fn fetch_and_verify_and_gc() {
    let Some((_registry, project)) = team() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin add acme/tax");
    project.expect(0, "plugin add redis@1");
    std::fs::remove_dir_all(project.store()).expect("the store");
    assert_snapshot!(project.show("plugin verify --offline"), @r"
    failed acme/billing 1.0.0: it is not at hand
    failed acme/tax 0.3.0: it is not at hand
    verified redis 1.0.2 (official)
    error: not as locked: acme/billing, acme/tax
    hint: run `waitfor plugin fetch`
    exit 4
    ");
    assert_snapshot!(project.show("plugin fetch --offline"), @r"
    error: acme/billing@1.0.0 is not at hand, and --offline forbids to fetch it; it was looked for in this program, `<store>/blobs/sha256/<billing 1.0.0>`
    hint: run `waitfor plugin fetch` while there is a network, or `waitfor plugin vendor`
    exit 4
    ");
    assert_snapshot!(project.show("plugin fetch"), @r"
    fetched acme/billing 1.0.0 (sha256:<short of billing 1.0.0>, <size> bytes) from 127.0.0.1:<port>/probes
    fetched acme/tax 0.3.0 (sha256:<short of tax 0.3.0>, <size> bytes) from 127.0.0.1:<port>/probes
    at hand redis 1.0.2 (official)
    exit 0
    ");
    assert_snapshot!(project.json("plugin fetch"), @r#"
    {"command":"fetch","dry_run":false,"plugins":[0,1,2],"schema":1}
    plugins 0: {"abi":"1.0","action":"at-hand","from":null,"name":"acme/billing","origin":"store","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"1.0.0","schemes":["billing"],"sha256":"<billing 1.0.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.0.0"}
    plugins 1: {"abi":"1.0","action":"at-hand","from":null,"name":"acme/tax","origin":"store","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"^0.3.0","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    plugins 2: {"abi":"1.0","action":"at-hand","from":null,"name":"redis","origin":"official","passed_over":[],"registry":"official","requirement":"1","schemes":["redis","rediss","valkey","valkeys","redis+unix","valkey+unix","redis+sentinel","rediss+sentinel"],"sha256":"<official redis>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.0.2"}
    "#);
    assert_snapshot!(project.show("plugin verify"), @r"
    verified acme/billing 1.0.0 (store)
    verified acme/tax 0.3.0 (store)
    verified redis 1.0.2 (official)
    exit 0
    ");
    assert_snapshot!(project.json("plugin verify --offline"), @r#"
    {"command":"verify","dry_run":false,"plugins":[0,1,2],"schema":1}
    plugins 0: {"abi":"1.0","action":"verified","copies":["store"],"from":null,"name":"acme/billing","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"1.0.0","schemes":["billing"],"sha256":"<billing 1.0.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.0.0"}
    plugins 1: {"abi":"1.0","action":"verified","copies":["store"],"from":null,"name":"acme/tax","passed_over":[],"registry":"127.0.0.1:<port>/probes","requirement":"^0.3.0","schemes":["billing"],"sha256":"<tax 0.3.0>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"0.3.0"}
    plugins 2: {"abi":"1.0","action":"verified","copies":["official"],"from":null,"name":"redis","passed_over":[],"registry":"official","requirement":"1","schemes":["redis","rediss","valkey","valkeys","redis+unix","valkey+unix","redis+sentinel","rediss+sentinel"],"sha256":"<official redis>","size":<size>,"standing":{"reason":null,"word":"good"},"version":"1.0.2"}
    "#);
    assert_snapshot!(project.show("plugin gc"), @r"
    nothing to remove
    exit 0
    ");
    project.expect(0, "plugin remove acme/tax");
    assert_snapshot!(project.show("plugin gc --dry-run"), @r"
    would remove blob sha256:<tax 0.3.0> (<size> bytes, acme/tax@0.3.0)
    would remove the compiled code of 1 plugin (<some> bytes)
    exit 0
    ");
    assert_eq!(stored(&project.store()).len(), 2);
    assert_snapshot!(project.json("plugin gc"), @r#"
    {"bytes":<some>,"command":"gc","compiled":{"bytes":<some>,"removed":1},"dry_run":false,"kept":1,"locks":["<project>/waitfor.lock"],"removed":[0],"schema":1,"unreadable":[]}
    removed 0: {"names":["acme/tax@0.3.0"],"sha256":"<tax 0.3.0>","size":<size>}
    "#);
    assert_eq!(stored(&project.store()).len(), 1);
    assert_snapshot!(project.show("plugin verify"), @r"
    verified acme/billing 1.0.0 (store)
    verified redis 1.0.2 (official)
    exit 0
    ");
}

#[test]
fn vendor() {
    let Some((registry, project)) = team() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin add redis@1");
    assert_snapshot!(project.show("plugin vendor"), @r"
    vendored acme/billing 1.0.0 into vendor/waitfor
    vendored redis 1.0.2 into vendor/waitfor
    exit 0
    ");
    assert_snapshot!(project.show("plugin vendor"), @r"
    kept acme/billing 1.0.0
    kept redis 1.0.2
    exit 0
    ");
    assert_snapshot!(project.steady(&project.read("waitfor.toml")), @r#"
    [registries]
    acme = "127.0.0.1:<port>/probes"

    [plugins]
    "acme/billing" = "1.0.0"
    redis = "1"

    [vendor]
    folder = "vendor/waitfor"
    "#);
    // The folder is enough, wherever it is copied to.
    registry.lie("", Fault::HangUp);
    std::fs::remove_dir_all(project.store()).expect("the store");
    let service = BillingService::open();
    project.expect(0, &format!("--frozen {}", service.url()));
    assert_snapshot!(project.show("plugin verify --offline"), @r"
    verified acme/billing 1.0.0 (vendor)
    verified redis 1.0.2 (official, vendor)
    exit 0
    ");
    assert!(!project.store().exists(), "a vendored run needs no store");
    // And what is in it is not believed either.
    let [version] = versions(["1.0.0"]).expect("it was built before");
    let blob = project
        .project()
        .join("vendor/waitfor/blobs/sha256")
        .join(version.hex());
    let mut bytes = std::fs::read(&blob).expect("the vendored blob");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    project.know("tampered", &bytes);
    std::fs::write(&blob, bytes).expect("the vendored blob");
    assert_snapshot!(project.show(&format!("--frozen {}", service.url())), @r"
    error: acme/billing@1.0.0 in `<project>/vendor/waitfor` has other bytes than were locked: sha256:<tampered>, not sha256:<billing 1.0.0>
    hint: none of it was used; `waitfor plugin vendor` puts the right bytes there
    exit 4
    ");
    assert_snapshot!(project.show("plugin verify --offline"), @r"
    failed acme/billing 1.0.0: sha256:<billing 1.0.0> in `<project>/vendor/waitfor` holds other bytes: sha256:<tampered>
    verified redis 1.0.2 (official, vendor)
    error: not as locked: acme/billing
    hint: run `waitfor plugin vendor`, which puts the right bytes in their place
    exit 4
    ");
    // A repeated vendor mends it.
    registry.repent();
    assert_snapshot!(project.show("plugin vendor"), @r"
    vendored acme/billing 1.0.0 into vendor/waitfor
    kept redis 1.0.2
    exit 0
    ");
    project.expect(0, &format!("--frozen {}", service.url()));
    assert_snapshot!(project.show("plugin vendor third/party"), @r"
    vendored acme/billing 1.0.0 into third/party
    vendored redis 1.0.2 into third/party
    exit 0
    ");
}
