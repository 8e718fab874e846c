//! Whatever a registry holds under a plugin's name, because other tools put it there: what is no
//! probe for this `waitfor` gets neither into a lock nor into a run.

use insta::assert_snapshot;
use serde_json::{Value, json};
use waitfor_tests::guests::{self, BillingService, Form, billing};
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::support::{Workspace, versions};

/// Adds a component that was published with a manifest of ours, changed so; then runs it unpinned.
/// Both must refuse it and say the same; what was said.
fn refused(component: &[u8], change: impl Fn(&mut Value)) -> String {
    let registry = LyingRegistry::start();
    let manifest = registry.put_changed("acme/billing", "1.0.0", component, change);
    let project = Workspace::bound("components", &registry.location());
    project.know("component", component);
    project.named(manifest.trim_start_matches("sha256:"), "<manifest>");
    let shown = project.show("plugin add acme/billing");
    assert!(shown.ends_with("\nexit 4"), "{shown}");
    assert!(!project.project().join("waitfor.lock").exists(), "{shown}");
    let run = project.show("--plugin acme/billing@1 billing://127.0.0.1:1 --timeout 200ms");
    assert!(run.ends_with("\nexit 4"), "{run}");
    shown
}

#[test]
fn what_is_no_probe_with_our_annotations() {
    let same = |_: &mut Value| {};
    assert_snapshot!(refused(&guests::core_module(), same), @r"
    error: the plugin `acme/billing` was refused: this is not a probe: it is a core module
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(&guests::other_world(), same), @r"
    error: the plugin `acme/billing` was refused: this is not a probe: it does not export waitfor:probe/probing
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_http(), same), @r"
    error: the plugin `acme/billing` was refused: this is not a probe: it imports wasi:http/outgoing-handler@0.2.0, which no probe is given
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_abi_1_9(), same), @r"
    error: the plugin `acme/billing` was refused: it needs waitfor:probe 1.9, and this waitfor 0.1.0 speaks 1.0
    hint: install a newer waitfor, or use an older version of the plugin
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_abi_2(), same), @r"
    error: the plugin `acme/billing` was refused: it needs waitfor:probe 2.0, and this waitfor 0.1.0 speaks 1.0
    hint: install a newer waitfor, or use an older version of the plugin
    exit 4
    ");
    assert_snapshot!(refused(&guests::without_functions(), same), @r"
    error: the plugin `acme/billing` was refused: it does not fit the contract: instance export `waitfor:probe/probing@1.0.0` does not have export `describe`
    exit 4
    ");
    assert_snapshot!(refused(b"<!DOCTYPE html>", same), @r"
    error: the plugin `acme/billing` was refused: this is not a probe: its bytes are not WebAssembly
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(b"", same), @r"
    error: the plugin `acme/billing` was refused: this is not a probe: its bytes are not WebAssembly
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
}

#[test]
fn what_is_no_probe_without_annotations() {
    let foreign = |manifest: &mut Value| manifest["annotations"] = json!({});
    assert_snapshot!(refused(&guests::core_module(), foreign), @r"
    error: the plugin `acme/billing@1.0.0` from 127.0.0.1:<port>/probes was refused: it is a core module
    hint: ask for another version by its number, or tell its publisher
    exit 4
    ");
    assert_snapshot!(refused(&guests::other_world(), foreign), @r"
    error: the plugin `acme/billing@1.0.0` from 127.0.0.1:<port>/probes was refused: it does not export waitfor:probe/probing
    hint: ask for another version by its number, or tell its publisher
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_abi_1_9(), foreign), @r"
    error: `acme/billing` cannot be used: 1.0.0 needs waitfor:probe 1.9, and this waitfor speaks 1.0
    hint: install a newer waitfor
    exit 4
    ");
    assert_snapshot!(refused(b"<!DOCTYPE html>", foreign), @r"
    error: the plugin `acme/billing@1.0.0` from 127.0.0.1:<port>/probes was refused: its bytes are not WebAssembly
    hint: ask for another version by its number, or tell its publisher
    exit 4
    ");
}

#[test]
fn what_describes_itself_wrongly() {
    let Some(lying) = guests::with_host_option() else {
        return;
    };
    assert_snapshot!(refused(&lying, |_| {}), @r"
    error: the plugin `acme/billing` describes itself wrongly: the parameter name `timeout` is that of an option of this program
    hint: use another version of the plugin, or tell its authors
    exit 4
    ");
}

/// A component of an image, or of another kind of artifact.
#[test]
fn other_artifacts() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    assert_snapshot!(refused(&version.bytes, |manifest| {
        manifest["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    }), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: its configuration is application/vnd.oci.image.config.v1+json, not application/vnd.wasm.config.v0+json
    exit 4
    ");
    assert_snapshot!(refused(&version.bytes, |manifest| {
        let layer = manifest["layers"][0].clone();
        manifest["layers"] = json!([layer, layer]);
    }), @r"
    error: sha256:<manifest> in 127.0.0.1:<port>/probes/acme/billing:1.0.0 cannot be used: it has 2 layers, not one
    exit 4
    ");
}

/// The annotations are what its publisher says, and the component is what runs.
#[test]
fn schemes_that_the_component_does_not_have() {
    let (Some(as_redis), Some(first)) = (billing(Form::AsRedis), billing(Form::First)) else {
        return;
    };
    let add = |component: &[u8], schemes: &str| {
        let registry = LyingRegistry::start();
        registry.put_changed("acme/billing", "1.0.0", component, |manifest| {
            manifest["annotations"]["dev.waitfor.schemes"] = schemes.into();
        });
        let project = Workspace::bound("components", &registry.location());
        project.know("component", component);
        (project.show("plugin add acme/billing"), project, registry)
    };
    let (shown, ..) = add(&as_redis, "billing");
    assert_snapshot!(shown, @r"
    added acme/billing 1.0.0 (sha256:<short of component>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to redis://
    warning: acme/billing 1.0.0 is published for billing, and answers to redis
    warning: the official probe redis answers to redis:// too: give `--plugin acme/billing` where acme/billing is meant
    exit 0
    ");
    let (shown, project, _registry) = add(&first, "billing,postgres,vault");
    assert_snapshot!(shown, @r"
    added acme/billing 1.0.0 (sha256:<short of component>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    warning: acme/billing 1.0.0 is published for billing, postgres, vault, and answers to billing
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    let service = BillingService::open();
    let url = service.url().replace("billing://", "postgres://");
    let found = project.run(&format!("{url} --timeout 200ms"));
    assert!(!found.stderr.contains("ledger"), "{found:#?}");
}
