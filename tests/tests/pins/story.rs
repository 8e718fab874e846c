//! The whole story, against a real registry: one team publishes and mends a probe, another pins
//! it, and nothing moves before it is told to.

use std::fs;

use insta::assert_snapshot;
use waitfor_tests::guests::BillingService;

use crate::support::{Workspace, contains, registry, versions};

/// The blocks of a lock, one a plugin.
fn blocks(lock: &str) -> Vec<&str> {
    lock.split("[[plugin]]").collect()
}

#[test]
fn a_team_publishes_and_another_pins() {
    let (Some(registry), Some([first, second])) = (registry(), versions(["1.0.0", "1.0.1"])) else {
        return;
    };
    let service = BillingService::open();
    let at = registry.location("probes");
    let team_a = Workspace::bound("team-a", &at);
    let team_b = Workspace::bound("team-b", &at);
    let team_c = Workspace::bound("team-c", &at);
    for team in [&team_a, &team_b, &team_c] {
        team.know("1.0.0", &first.bytes);
        team.know("1.0.1", &second.bytes);
    }
    team_a.write("billing-1.0.0.wasm", &first.bytes);
    team_a.write("billing-1.0.1.wasm", &second.bytes);

    // Team A publishes.
    let published = team_a.show("plugin publish acme/billing@1.0.0 billing-1.0.0.wasm");
    assert_snapshot!(published, @r"
    published acme/billing@1.0.0 to 127.0.0.1:<port>/probes (sha256:<short of 1.0.0>, <size> bytes)
    exit 0
    ");

    // Team B adds it, beside a probe from inside the program, and gets a lock.
    team_b.expect(0, "plugin add redis@1");
    assert_snapshot!(team_b.show("plugin add acme/billing@1"), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(team_b.steady(&team_b.read("waitfor.toml")), @r#"
    [registries]
    acme = "127.0.0.1:<port>/probes"

    [plugins]
    redis = "1"
    "acme/billing" = "1"
    "#);
    let locked = team_b.read("waitfor.lock");
    assert_snapshot!(team_b.steady(&locked), @r#"
    # Written by `waitfor plugin lock`; commit it.
    version = 1

    [[plugin]]
    name = "acme/billing"
    requirement = "1"
    version = "1.0.0"
    registry = "127.0.0.1:<port>/probes"
    sha256 = "<1.0.0>"
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

    // It runs without asking anybody.
    let wait = format!("--frozen --output json {}", service.url());
    let asked = registry.log();
    let run = team_b.expect(0, &wait);
    assert_eq!(registry.log(), asked, "a frozen run asks no registry");
    let steady_run = team_b.shown(&run);
    contains(&steady_run, "the ledger is open");
    contains(&steady_run, "\"plugin\":\"acme/billing\"");
    contains(&steady_run, "\"sha256\":\"<1.0.0>\"");

    // Team A publishes 1.0.1, and nothing changes for team B.
    team_a.expect(0, "plugin publish acme/billing@1.0.1 billing-1.0.1.wasm");
    for wait in [&wait, &wait.replace("--frozen", "--locked")] {
        assert_eq!(team_b.shown(&team_b.expect(0, wait)), steady_run);
    }
    assert_eq!(team_b.read("waitfor.lock"), locked);

    // Team B is told, looks, and moves.
    assert_snapshot!(team_b.show("plugin outdated"), @r"
    outdated acme/billing 1.0.0 -> 1.0.1 (allowed by 1)
    up to date redis 1.0.2
    exit 0
    ");
    assert_snapshot!(team_b.show("plugin update --dry-run"), @r"
    would update acme/billing 1.0.0 -> 1.0.1
    kept redis 1.0.2
    exit 0
    ");
    assert_eq!(team_b.read("waitfor.lock"), locked);
    assert_snapshot!(team_b.show("plugin update"), @r"
    updated acme/billing 1.0.0 -> 1.0.1
    kept redis 1.0.2
    exit 0
    ");
    let moved = team_b.read("waitfor.lock");
    let pairs = blocks(&locked).into_iter().zip(blocks(&moved));
    let changed: Vec<_> = pairs.filter(|(before, after)| before != after).collect();
    assert_eq!(changed.len(), 1, "{locked}{moved}");
    let lines = changed[0].0.lines().zip(changed[0].1.lines());
    let lines: Vec<_> = lines
        .filter(|(before, after)| before != after)
        .map(|(_, after)| after.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(lines, ["version", "sha256"], "{moved}");
    contains(&moved, &second.hex());
    team_b.expect(0, &wait);

    // Team C has the same lock, and the registry was tampered with.
    for file in ["waitfor.toml", "waitfor.lock"] {
        team_c.write(file, team_b.read(file));
    }
    let blob = registry.blob(&second.hex());
    let mut tampered = fs::read(&blob).expect("the blob in the registry's folder");
    tampered[1000] ^= 1;
    team_c.know("tampered 1.0.1", &tampered);
    fs::write(&blob, &tampered).expect("the registry's folder can be written to");
    assert_snapshot!(team_c.show("plugin fetch"), @r"
    error: cannot read the component of `acme/billing@1.0.1` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.1>: the answer holds other bytes: sha256:<tampered 1.0.1>, not sha256:<1.0.1>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    let wait = service.url();
    assert_snapshot!(team_c.show(&wait), @r"
    error: cannot read the component of `acme/billing@1.0.1` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.1>: the answer holds other bytes: sha256:<tampered 1.0.1>, not sha256:<1.0.1>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    // Team B has the right bytes, and goes on.
    team_b.expect(0, &wait);
    fs::write(&blob, &second.bytes).expect("the registry's folder can be written to");
    team_c.expect(0, "plugin fetch");
    team_c.expect(0, &format!("--frozen {wait}"));

    // Team A takes 1.0.1 back; team B is warned, and runs on.
    let found = team_a
        .cli(["plugin", "yank", "acme/billing@1.0.1"])
        .args(["--reason", "says open while invoices are replayed"])
        .run();
    assert_snapshot!(team_a.shown(&found), @r"
    yanked acme/billing@1.0.1: says open while invoices are replayed
    exit 0
    ");
    assert_snapshot!(team_b.show("plugin outdated"), @r"
    yanked acme/billing 1.0.1 -> 1.0.0 (allowed by 1)
    up to date redis 1.0.2
    warning: acme/billing 1.0.1 was yanked: says open while invoices are replayed; `waitfor plugin update acme/billing --precise 1.0.0` goes back
    exit 0
    ");
    assert_snapshot!(team_b.show(&format!("--timeout 10s {wait}")), @r"
    warning: acme/billing 1.0.1 was yanked: says open while invoices are replayed; `waitfor plugin outdated` shows what to take instead
    ready: billing://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
    // Nothing moves by itself, and nothing moves back unasked.
    assert_snapshot!(team_b.show("plugin update"), @r"
    kept acme/billing 1.0.1
    kept redis 1.0.2
    warning: acme/billing 1.0.1 was yanked: says open while invoices are replayed; `waitfor plugin update acme/billing --precise 1.0.0` goes back
    exit 0
    ");
    assert_eq!(team_b.read("waitfor.lock"), moved);
    assert_snapshot!(team_b.show("plugin update acme/billing --precise 1.0.0"), @r"
    updated acme/billing 1.0.1 -> 1.0.0
    exit 0
    ");
    assert_eq!(team_b.read("waitfor.lock"), locked);
    assert_snapshot!(team_b.show(&wait), @r"
    ready: billing://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
    // A new resolution passes it over.
    let team_d = Workspace::bound("team-d", &at);
    team_d.know("1.0.0", &first.bytes);
    assert_snapshot!(team_d.show("plugin add acme/billing@1"), @r"
    passed over acme/billing 1.0.1: yanked: says open while invoices are replayed
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
}
