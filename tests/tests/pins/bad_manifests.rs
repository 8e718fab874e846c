//! Manifests that do not say what is true, and tags that were moved after they were locked.

use insta::assert_snapshot;
use serde_json::json;
use waitfor_tests::guests::BillingService;
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::bad_registry::{ADD, Case};
use crate::support::{Version, Workspace, contains, versions};

#[test]
fn manifests_that_lie() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    let wrong = format!("sha256:{}", "b".repeat(64));
    let shown = |change: &dyn Fn(&mut serde_json::Value)| {
        let registry = LyingRegistry::start();
        let manifest = registry.put_changed("acme/billing", "1.0.0", &version.bytes, change);
        registry.put_other_bytes(&wrong, &version.bytes);
        let project = Workspace::bound("faults", &registry.location());
        project.know("1.0.0", &version.bytes);
        project.named(manifest.trim_start_matches("sha256:"), "<manifest>");
        let case = Case {
            registry,
            project,
            version: Version {
                version: "1.0.0",
                bytes: version.bytes.clone(),
            },
        };
        case.project
            .named(&(version.bytes.len() + 1).to_string(), "<one more>");
        case.project
            .named(&(version.bytes.len() - 1).to_string(), "<one less>");
        case.refused()
    };
    let size = version.bytes.len();
    assert_snapshot!(shown(&|manifest| manifest["layers"][0]["size"] = json!(size + 1)), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the manifest says <one more> bytes, and the answer has <size>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["layers"][0]["size"] = json!(size - 1)), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the manifest says <one less> bytes, and the answer has <size>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["layers"][0]["size"] = json!(1_u64 << 40)), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: its component has 1099511627776 bytes, more than 33554432
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["layers"][0]["digest"] = json!(wrong)), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<digest>: the answer holds other bytes: sha256:<1.0.0>, not sha256:<digest>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["layers"][0]["digest"] = json!("sha256:../../etc/passwd")), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is `application/vnd.oci.image.manifest.v1+json`, not a manifest: `sha256:../../etc/passwd` is not a digest: it has not 64 hexadecimal digits at line 1 column <some>
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["layers"] = json!([])), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: it has 0 layers, not one
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["layers"][0]["mediaType"] = json!("text/plain")), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: its layer is text/plain, not application/wasm
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["annotations"]["org.opencontainers.image.version"] = json!("2.0.0")), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: it is acme/billing@2.0.0, and is kept as acme/billing@1.0.0
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["annotations"]["org.opencontainers.image.title"] = json!("acme/other")), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: it is acme/other@1.0.0, and is kept as acme/billing@1.0.0
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["annotations"]["dev.waitfor.abi"] = json!("one")), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: `one` is not the version of a contract, such as 1.0
    exit 4
    ");
    assert_snapshot!(shown(&|manifest| manifest["annotations"]["dev.waitfor.schemes"] = json!("billing\u{1b}[31m")), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: `billing\u{1b}[31m` is not a URL scheme
    exit 4
    ");
}

/// The tag of a locked version shows other bytes now.
#[test]
fn a_tag_that_was_moved() {
    let Some([version, other]) = versions(["1.0.0", "1.0.1"]) else {
        return;
    };
    let service = BillingService::open();
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    let project = Workspace::bound("moved", &registry.location());
    project.know("1.0.0", &version.bytes);
    project.know("other", &other.bytes);
    project.expect(0, ADD);
    registry.put("acme/billing", "1.0.0", &other.bytes);
    let locked = project.read("waitfor.lock");
    assert_snapshot!(project.show("plugin verify"), @r"
    failed acme/billing 1.0.0: acme/billing@1.0.0 at 127.0.0.1:<port>/probes has other bytes than were locked: sha256:<other>, not sha256:<1.0.0>
    error: not as locked: acme/billing
    hint: a published version never changes: do not run these bytes, and ask the publisher of acme/billing what happened
    exit 4
    ");
    // What is at hand runs, whatever the registry says now.
    project.expect(0, &format!("--locked {}", service.url()));
    assert_snapshot!(project.show("plugin outdated"), @r"
    up to date acme/billing 1.0.0
    exit 0
    ");
    assert_snapshot!(project.show("plugin update"), @r"
    error: acme/billing@1.0.0 at 127.0.0.1:<port>/probes has other bytes than were locked: sha256:<other>, not sha256:<1.0.0>
    hint: a published version never changes: do not run these bytes, and ask the publisher of acme/billing what happened
    exit 4
    ");
    assert_eq!(project.read("waitfor.lock"), locked);
    // Whoever has nothing at hand gets the locked bytes, or nothing.
    let fresh = Workspace::new("moved");
    fresh.know("1.0.0", &version.bytes);
    fresh.know("other", &other.bytes);
    for file in ["waitfor.toml", "waitfor.lock"] {
        fresh.write(file, project.read(file));
    }
    assert_snapshot!(fresh.show("plugin fetch"), @r"
    error: acme/billing@1.0.0 at 127.0.0.1:<port>/probes has other bytes than were locked: sha256:<other>, not sha256:<1.0.0>
    hint: a published version never changes: do not run these bytes, and ask the publisher of acme/billing what happened
    exit 4
    ");
    contains(&fresh.read("waitfor.lock"), &version.hex());
}
