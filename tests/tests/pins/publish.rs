//! What `publish` refuses, what it asks of a new version, and what it leaves in the registry.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;
use waitfor_tests::guests::{self, Form, billing, padded, versioned};
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::support::{Workspace, contains, registry, versions};

/// An empty registry and a project that is bound to it.
fn empty() -> (LyingRegistry, Workspace) {
    let registry = LyingRegistry::start();
    let project = Workspace::bound("publish", &registry.location());
    (registry, project)
}

/// Publishes these bytes, which must be refused without a write.
fn refused(bytes: &[u8]) -> String {
    let (registry, project) = empty();
    project.write("billing.wasm", bytes);
    let shown = project.show("plugin publish acme/billing@1.0.0 billing.wasm");
    assert!(shown.ends_with("\nexit 4"), "{shown}");
    let writes = registry.seen().into_iter();
    let writes: Vec<_> = writes
        .filter(|seen| seen.method == "POST" || seen.method == "PUT")
        .collect();
    assert_eq!(writes, [], "{shown}");
    // A try refuses the same.
    let tried = project.show("plugin publish acme/billing@1.0.0 billing.wasm --dry-run");
    assert_eq!(tried, shown);
    shown
}

#[test]
fn what_is_no_probe() {
    assert_snapshot!(refused(&guests::core_module()), @r"
    error: `billing.wasm` is not a probe: it is a core module
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(&guests::other_world()), @r"
    error: `billing.wasm` is not a probe: it does not export waitfor:probe/probing
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(b"<!DOCTYPE html><title>Sign in</title>"), @r"
    error: `billing.wasm` is not a probe: its bytes are not WebAssembly
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(b""), @r"
    error: `billing.wasm` is not a probe: its bytes are not WebAssembly
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
    assert_snapshot!(refused(&guests::without_functions()), @r"
    error: the plugin `acme/billing` was refused: it does not fit the contract: instance export `waitfor:probe/probing@1.0.0` does not have export `describe`
    hint: mend it in the probe, and build it anew
    exit 4
    ");
}

#[test]
fn what_wants_too_much() {
    assert_snapshot!(refused(&guests::with_http()), @r"
    error: `billing.wasm` is not a probe: it imports wasi:http/outgoing-handler@0.2.0, which no probe is given
    hint: leave that import out: a probe reaches its target by waitfor:probe/net alone
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_foreign_import()), @r"
    error: `billing.wasm` is not a probe: it imports acme:secrets/store@0.1.0, which no probe is given
    hint: leave that import out: a probe reaches its target by waitfor:probe/net alone
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_abi_1_9()), @r"
    error: `billing.wasm` needs waitfor:probe 1.9, and this waitfor speaks 1.0
    hint: publish it with a waitfor that can run it
    exit 4
    ");
    assert_snapshot!(refused(&guests::with_abi_2()), @r"
    error: `billing.wasm` needs waitfor:probe 2.0, and this waitfor speaks 1.0
    hint: publish it with a waitfor that can run it
    exit 4
    ");
}

#[test]
fn what_says_wrong_things_of_itself() {
    let Some(lying) = guests::with_host_option() else {
        return;
    };
    assert_snapshot!(refused(&lying), @r"
    error: the plugin `acme/billing` describes itself wrongly: the parameter name `timeout` is that of an option of this program
    hint: mend it in the probe, and build it anew
    exit 4
    ");
}

#[test]
fn what_is_too_large_or_broken() {
    let Some(component) = billing(Form::First) else {
        return;
    };
    let large = padded(&component, 32 * 1024 * 1024);
    assert_snapshot!(refused(&large).replace(&large.len().to_string(), "<size>"), @r"
    error: `billing.wasm` has more than 33554432 bytes, the most that a plugin may have
    hint: build it for release, and strip it
    exit 4
    ");
    let half = &component[..component.len() / 2];
    let place = regex_lite::Regex::new(r"byte \d+").expect("a pattern");
    assert_snapshot!(place.replace(&refused(half), "byte <some>"), @r"
    error: `billing.wasm` is not a probe: its bytes end or break at byte <some>
    hint: build it as a component that exports waitfor:probe/probing
    exit 4
    ");
}

/// The first form is 1.0.0; publishes another form as `version`.
fn after_the_first(form: Form, version: &str) -> Option<String> {
    let (registry, project) = empty();
    project.write("first.wasm", billing(Form::First)?);
    let next = billing(form)?;
    project.know(version, &next);
    project.write("next.wasm", &next);
    project.expect(0, "plugin publish acme/billing@1.0.0 first.wasm");
    let shown = project.show(&format!("plugin publish acme/billing@{version} next.wasm"));
    let there = registry.tags("acme/billing").contains(&version.to_owned());
    assert_eq!(there, shown.ends_with("\nexit 0"), "{shown}");
    Some(shown)
}

#[test]
fn a_version_says_what_it_breaks() {
    let shown = |form, version| after_the_first(form, version).unwrap_or_default();
    if billing(Form::First).is_none() {
        return;
    }
    assert_snapshot!(shown(Form::WithoutRegion, "1.0.1"), @r"
    error: acme/billing@1.0.1 would break what users of 1.0.0 can have written: the parameter `region` is gone
    hint: keep what was there, or publish it as acme/billing@2.0.0
    exit 4
    ");
    assert_snapshot!(shown(Form::WithoutRegion, "1.1.0"), @r"
    error: acme/billing@1.1.0 would break what users of 1.0.0 can have written: the parameter `region` is gone
    hint: keep what was there, or publish it as acme/billing@2.0.0
    exit 4
    ");
    assert_snapshot!(shown(Form::WithoutRegion, "2.0.0"), @r"
    published acme/billing@2.0.0 to 127.0.0.1:<port>/probes (sha256:<short of 2.0.0>, <size> bytes)
    note: since 1.0.0: the parameter `region` is gone
    exit 0
    ");
    assert_snapshot!(shown(Form::WithTextLag, "1.1.0"), @r"
    error: acme/billing@1.1.0 would break what users of 1.0.0 can have written: the parameter `max-lag` is now of the kind text, and was of the kind integer
    hint: keep what was there, or publish it as acme/billing@2.0.0
    exit 4
    ");
    assert_snapshot!(shown(Form::WithNeededLedger, "1.1.0"), @r"
    error: acme/billing@1.1.0 would break what users of 1.0.0 can have written: the parameter `ledger` must be given now
    hint: keep what was there, or publish it as acme/billing@2.0.0
    exit 4
    ");
    assert_snapshot!(shown(Form::AsRedis, "1.1.0"), @r"
    error: acme/billing@1.1.0 would break what users of 1.0.0 can have written: the scheme `billing` is gone; the parameter `region` is gone; the parameter `max-lag` is gone; the parameter `token` is gone
    hint: keep what was there, or publish it as acme/billing@2.0.0
    exit 4
    ");
    assert_snapshot!(shown(Form::WithMore, "1.1.0"), @r"
    published acme/billing@1.1.0 to 127.0.0.1:<port>/probes (sha256:<short of 1.1.0>, <size> bytes)
    note: since 1.0.0: the parameter `currency` is new
    exit 0
    ");
    assert_snapshot!(shown(Form::WithScheme, "1.1.0"), @r"
    published acme/billing@1.1.0 to 127.0.0.1:<port>/probes (sha256:<short of 1.1.0>, <size> bytes)
    note: since 1.0.0: the scheme `ledger` is new
    exit 0
    ");
    assert_snapshot!(shown(Form::WithMore, "1.0.1"), @r"
    published acme/billing@1.0.1 to 127.0.0.1:<port>/probes (sha256:<short of 1.0.1>, <size> bytes)
    note: since 1.0.0: the parameter `currency` is new
    exit 0
    ");
    // Compared is with the version before, not with the newest.
    assert_snapshot!(shown(Form::WithoutRegion, "0.9.0"), @r"
    published acme/billing@0.9.0 to 127.0.0.1:<port>/probes (sha256:<short of 0.9.0>, <size> bytes)
    exit 0
    ");
}

#[test]
fn in_0_x_a_minor_version_breaks() {
    let (Some(first), Some(next)) = (billing(Form::First), billing(Form::WithoutRegion)) else {
        return;
    };
    let (_registry, project) = empty();
    project.know("next", &next);
    project.write("first.wasm", first);
    project.write("next.wasm", &next);
    project.expect(0, "plugin publish acme/billing@0.1.0 first.wasm");
    assert_snapshot!(project.show("plugin publish acme/billing@0.1.1 next.wasm"), @r"
    error: acme/billing@0.1.1 would break what users of 0.1.0 can have written: the parameter `region` is gone
    hint: keep what was there, or publish it as acme/billing@0.2.0
    exit 4
    ");
    assert_snapshot!(project.show("plugin publish acme/billing@0.2.0 next.wasm"), @r"
    published acme/billing@0.2.0 to 127.0.0.1:<port>/probes (sha256:<short of next>, <size> bytes)
    note: since 0.1.0: the parameter `region` is gone
    exit 0
    ");
}

#[test]
fn a_published_version_never_changes() {
    let (Some(registry), Some([first, other])) = (registry(), versions(["1.0.0", "1.0.1"])) else {
        return;
    };
    let project = Workspace::bound("immutable", &registry.location("probes"));
    project.know("first", &first.bytes);
    project.know("other", &other.bytes);
    project.write("first.wasm", &first.bytes);
    project.write("other.wasm", &other.bytes);
    let shown = |line: &str| project.show(&format!("plugin publish {line}"));
    assert_snapshot!(shown("acme/billing@1.0.0 first.wasm --dry-run"), @r"
    would publish acme/billing@1.0.0 to 127.0.0.1:<port>/probes (sha256:<short of first>, <size> bytes)
    exit 0
    ");
    project.expect(4, "plugin info acme/billing");
    assert_snapshot!(shown("acme/billing@1.0.0 first.wasm"), @r"
    published acme/billing@1.0.0 to 127.0.0.1:<port>/probes (sha256:<short of first>, <size> bytes)
    exit 0
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 first.wasm"), @r"
    already published acme/billing@1.0.0 to 127.0.0.1:<port>/probes (sha256:<short of first>, <size> bytes)
    exit 0
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 other.wasm"), @r"
    error: acme/billing@1.0.0 is published already with other bytes: sha256:<first>, not sha256:<other>
    hint: give what changed a new version
    exit 4
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 other.wasm --dry-run"), @r"
    error: acme/billing@1.0.0 is published already with other bytes: sha256:<first>, not sha256:<other>
    hint: give what changed a new version
    exit 4
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 first.wasm --license MIT"), @r"
    error: `acme/billing@1.0.0` is published already, and these facts of it differ: org.opencontainers.image.licenses is nothing, not `MIT`
    hint: give what changed a new version
    exit 4
    ");
    // The same bytes under another version are fine: they are one blob.
    assert_snapshot!(shown("acme/billing@1.0.1 first.wasm"), @r"
    published acme/billing@1.0.1 to 127.0.0.1:<port>/probes (sha256:<short of first>, <size> bytes)
    exit 0
    ");
    // A folder keeps to the same rules.
    assert_snapshot!(shown("acme/billing@1.0.0 first.wasm --to oci:probes"), @r"
    published acme/billing@1.0.0 to oci:probes (sha256:<short of first>, <size> bytes)
    exit 0
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 first.wasm --to oci:probes"), @r"
    already published acme/billing@1.0.0 to oci:probes (sha256:<short of first>, <size> bytes)
    exit 0
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 other.wasm --to oci:probes"), @r"
    error: acme/billing@1.0.0 is published already with other bytes: sha256:<first>, not sha256:<other>
    hint: give what changed a new version
    exit 4
    ");
}

#[test]
fn what_the_manifest_says() {
    let (registry, project) = empty();
    let Some([version]) = versions(["1.2.3"]) else {
        return;
    };
    project.know("1.2.3", &version.bytes);
    project.write("billing.wasm", &version.bytes);
    project.expect(
        0,
        "plugin publish acme/billing@1.2.3 billing.wasm --license MIT \
         --source https://git.acme.example/billing --revision 0123abc",
    );
    let manifest = registry.manifest("acme/billing", "1.2.3").expect("a tag");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    project.named(
        manifest["config"]["digest"].as_str().unwrap_or_default(),
        "<configuration>",
    );
    project.named(
        &format!("\"size\":{}", manifest["config"]["size"]),
        "\"size\":<size of the configuration>",
    );
    assert_snapshot!(project.steady(&manifest.to_string()), @r#"{"annotations":{"dev.waitfor.abi":"1.0","dev.waitfor.schemes":"billing","org.opencontainers.image.description":"the ledger is open","org.opencontainers.image.licenses":"MIT","org.opencontainers.image.revision":"0123abc","org.opencontainers.image.source":"https://git.acme.example/billing","org.opencontainers.image.title":"acme/billing","org.opencontainers.image.version":"1.2.3"},"config":{"digest":"<configuration>","mediaType":"application/vnd.wasm.config.v0+json","size":<size of the configuration>},"layers":[{"digest":"sha256:<1.2.3>","mediaType":"application/wasm","size":<size>}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#);
}

#[test]
fn pipelines_say_where_it_was_built() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    for (variables, source, revision) in [
        (
            [
                ("GITHUB_SERVER_URL", "https://github.example"),
                ("GITHUB_REPOSITORY", "acme/billing-probe"),
                ("GITHUB_SHA", "0123abc"),
            ]
            .as_slice(),
            "https://github.example/acme/billing-probe",
            "0123abc",
        ),
        (
            [
                ("CI_PROJECT_URL", "https://gitlab.example/acme/billing"),
                ("CI_COMMIT_SHA", "4567def"),
            ]
            .as_slice(),
            "https://gitlab.example/acme/billing",
            "4567def",
        ),
    ] {
        let (registry, project) = empty();
        project.write("billing.wasm", &version.bytes);
        let mut cli = project.cli(["plugin", "publish", "acme/billing@1.0.0", "billing.wasm"]);
        for (name, value) in variables {
            cli = cli.env(name, value);
        }
        let found = cli.run();
        assert_eq!(found.code, 0, "{found:#?}");
        let manifest = registry.manifest("acme/billing", "1.0.0").expect("a tag");
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        let said = &manifest["annotations"];
        assert_eq!(said["org.opencontainers.image.source"], source);
        assert_eq!(said["org.opencontainers.image.revision"], revision);
    }
}

#[test]
fn where_it_goes() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    let (registry, project) = empty();
    project.write("billing.wasm", &version.bytes);
    let shown = |line: &str| project.show(&format!("plugin publish {line}"));
    assert_snapshot!(shown("other/billing@1.0.0 billing.wasm"), @r#"
    error: no registry is bound to the team of `other/billing` in <project>/waitfor.toml
    hint: write `other = "HOST/PATH"` under [registries], or give --to
    exit 4
    "#);
    assert_snapshot!(shown("billing@1.0.0 billing.wasm"), @r"
    error: nothing can be published in this program: the official probes belong to the program
    hint: name another registry with --to
    exit 4
    ");
    assert_snapshot!(shown("billing@1.0.0 billing.wasm --to official"), @r"
    error: nothing can be published in this program: the official probes belong to the program
    hint: name another registry with --to
    exit 4
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 nosuch.wasm"), @r"
    error: cannot read `nosuch.wasm`: there is no such file
    exit 2
    ");
    assert_snapshot!(shown("acme/billing@1.0.0 ."), @r"
    error: cannot read `.`: it is a folder
    exit 2
    ");
    // A key of [registries], or a location.
    project.expect(
        0,
        "plugin publish other/billing@1.0.0 billing.wasm --to acme",
    );
    assert_eq!(registry.tags("other/billing"), ["1.0.0"]);
    let line = format!(
        "plugin publish other/tax@1.0.0 billing.wasm --to {}",
        registry.location()
    );
    project.expect(0, &line);
    assert_eq!(registry.tags("other/tax"), ["1.0.0"]);
    project.expect(
        0,
        "plugin publish other/tax@1.0.0 billing.wasm --to oci:probes",
    );
    assert!(project.project().join("probes/index.json").is_file());
}

/// A version without a name of ours is what `wkg` writes; another one compares with it all the
/// same.
#[test]
fn the_version_before_may_be_foreign() {
    let (Some(first), Some(next)) = (billing(Form::First), billing(Form::WithoutRegion)) else {
        return;
    };
    let (registry, project) = empty();
    registry.put_changed("acme/billing", "1.0.0", &first, |manifest| {
        manifest["annotations"] = serde_json::json!({});
    });
    let next = versioned(&next, "1.1.0");
    project.write("next.wasm", &next);
    let shown = project.show("plugin publish acme/billing@1.1.0 next.wasm");
    contains(&shown, "region");
    assert!(shown.ends_with("\nexit 4"), "{shown}");
    assert!(!Path::new(&project.project().join("waitfor.lock")).exists());
}

/// What goes into the annotations is checked, and an account in a URL is not published.
#[test]
fn facts_that_are_none() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    let (registry, project) = empty();
    project.write("billing.wasm", &version.bytes);
    let publish = |option: &str, value: &str| {
        let cli = project.cli(["plugin", "publish", "acme/billing@1.0.0", "billing.wasm"]);
        let shown = project.shown(&cli.args([option, value]).run());
        assert!(!shown.contains("hunter2"), "{shown}");
        shown
    };
    assert_snapshot!(publish("--license", "Not SPDX!!"), @r"
    error: `Not SPDX!!` is not an SPDX expression
    hint: write it as in `MIT`, `Apache-2.0` or `MIT OR Apache-2.0`; a licence of your own is `LicenseRef-NAME`
    exit 2
    ");
    assert_snapshot!(publish("--license", ""), @r"
    error: `--license` is empty
    exit 2
    ");
    assert_snapshot!(publish("--source", "the cellar"), @r"
    error: the URL of the source is not one of http:// or https://
    hint: give --source the address of the repository as a browser opens it
    exit 2
    ");
    assert_snapshot!(publish("--source", "https://ann:hunter2@git.acme.example/billing"), @r"
    error: the URL of the source has an account in it
    hint: leave out what stands before the `@`: everybody can read what is published
    exit 2
    ");
    assert_snapshot!(publish("--revision", "two\nlines"), @r"
    error: `--revision` is not one line of text
    exit 2
    ");
    assert_snapshot!(publish("--to", "nosuch"), @r"
    error: there is no key `nosuch` under [registries] in `<project>/waitfor.toml`
    hint: there are acme; or write HOST/PATH for a registry, or oci:FOLDER for a folder
    exit 2
    ");
    assert_eq!(registry.tags("acme/billing"), Vec::<String>::new());
    // In a pipeline's variables nobody meant to publish an account.
    let cli = project.cli(["plugin", "publish", "acme/billing@1.0.0", "billing.wasm"]);
    let found = cli
        .env(
            "CI_PROJECT_URL",
            "https://ann:hunter2@git.acme.example/billing",
        )
        .run();
    assert!(!project.shown(&found).contains("hunter2"), "{found:#?}");
    let manifest = registry
        .manifest("acme/billing", "1.0.0")
        .unwrap_or_default();
    assert!(!String::from_utf8_lossy(&manifest).contains("hunter2"));
}
