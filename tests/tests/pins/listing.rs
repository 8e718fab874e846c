//! What users can look at: lists, one plugin, and which plugin a URL means.

use insta::assert_snapshot;
use waitfor_tests::guests::{BillingService, Form, billing};
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::support::{Workspace, contains, team};

#[test]
fn list_and_info() {
    let Some((_registry, project)) = team() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    project.expect(0, "plugin add redis@1");
    assert_snapshot!(project.show("plugin list"), @r"
    NAME          VERSION  ORIGIN    SHA256        SCHEMES
    acme/billing  1.0.0    locked    <short of billing 1.0.0>  billing
    http          1.0.2    official  <short of official http>  http, https
    postgres      1.0.1    official  <short of official postgres>  postgres, postgresql
    redis         1.0.2    locked    <short of official redis>  redis, rediss, valkey, valkeys, redis+unix, valkey+unix, redis+sentinel, rediss+sentinel
    tcp           1.0.0    official  <short of official tcp>  tcp, unix
    vault         1.0.2    official  <short of official vault>  vault, vault+http, bao, bao+http
    vertica       1.2.1    official  <short of official vertica>  vertica
    exit 0
    ");
    let listed = project.expect(0, "plugin list --output json");
    contains(&listed.stdout, "\"origin\":\"official\"");
    contains(&listed.stdout, "\"origin\":\"locked\"");
    assert_snapshot!(project.show("plugin info acme/billing"), @r"
    acme/billing 1.0.0: the ledger is open

    sha256   <billing 1.0.0>
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
    assert_snapshot!(project.json("plugin info acme/billing"), @r#"
    {"abi":"1.0","command":"info","examples":["billing://ledgers/2026"],"locked":"1.0.0","name":"acme/billing","origin":"locked","params":[0,1,2,3],"registry":"127.0.0.1:<port>/probes","schema":1,"schemes":[{"default_port":7411,"name":"billing","summary":"the billing service"}],"sha256":"<billing 1.0.0>","size":<size>,"standing":{"reason":null,"word":"good"},"summary":"the ledger is open","version":"1.0.0"}
    params 0: {"choices":[],"default":null,"env":[],"kind":"text","multiple":false,"name":"ledger","required":false,"summary":"the ledger that must be open"}
    params 1: {"choices":[],"default":null,"env":[],"kind":"text","multiple":false,"name":"region","required":false,"summary":"the region of the ledger"}
    params 2: {"choices":[],"default":"100","env":[],"kind":"integer","multiple":false,"name":"max-lag","required":false,"summary":"how many entries may be missing"}
    params 3: {"choices":[],"default":null,"env":["BILLING_TOKEN"],"kind":"secret","multiple":false,"name":"token","required":false,"summary":"the token to log in with"}
    "#);
    assert_snapshot!(project.show("plugin info acme/billing@1.1.0"), @r"
    acme/billing 1.1.0: the ledger is open

    sha256   <billing 1.1.0>
    size     <size> bytes
    abi      waitfor:probe 1.0
    origin   from 127.0.0.1:<port>/probes
    locked   at 1.0.0

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
    let help = project.expect(0, "acme/billing --help").stdout;
    for part in [
        "acme/billing: the ledger is open",
        "--max-lag <N>        How many entries may be missing [default: 100]",
        "--token-file <FILE>",
        "WAITFOR_ACME_BILLING_LEDGER",
        "billing:// (port 7411)",
    ] {
        contains(&help, part);
    }
}

/// A scheme that an official probe has too stays that probe's, unless the plugin is named.
#[test]
fn a_scheme_that_is_taken() {
    let Some(component) = billing(Form::AsRedis) else {
        return;
    };
    let registry = LyingRegistry::start();
    registry.put_changed("acme/cache", "1.0.0", &component, |manifest| {
        manifest["annotations"]["dev.waitfor.schemes"] = "redis".into();
    });
    let project = Workspace::bound("scheme", &registry.location());
    project.know("cache", &component);
    assert_snapshot!(project.show("plugin add acme/cache"), @r"
    added acme/cache 1.0.0 (sha256:<short of cache>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to redis://
    warning: the official probe redis answers to redis:// too: give `--plugin acme/cache` where acme/cache is meant
    exit 0
    ");
    let service = BillingService::open();
    let url = service.url().replace("billing://", "redis://");
    let official = project.expect(124, &format!("{url} --timeout 300ms --output json"));
    contains(&official.stdout, "\"plugin\":\"redis\"");
    assert_snapshot!(project.show(&format!("--plugin acme/cache {url}")), @r"
    ready: redis://127.0.0.1:<port> after <time> (1 attempt): the ledger is open
    exit 0
    ");
}
