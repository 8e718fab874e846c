//! Mirrors: asked before the registry itself for everything that is read, believed as little, and
//! never written to.

use insta::assert_snapshot;
use waitfor_tests::process::free_port;
use waitfor_tests::servers::lying_registry::{Fault, LyingRegistry};

use crate::support::{Version, Workspace, stored, versions};

/// A registry with `acme/billing@1.0.0`, a mirror of it, and a project that knows both.
fn mirrored() -> Option<(LyingRegistry, LyingRegistry, Workspace, Version)> {
    let [version] = versions(["1.0.0"])?;
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    let mirror = registry.another();
    let project = Workspace::new("mirrors");
    bind(&project, &registry, &mirror.location());
    project.know("1.0.0", &version.bytes);
    project.named(&registry.port.to_string(), "<the registry>");
    project.named(&mirror.port.to_string(), "<the mirror>");
    Some((registry, mirror, project, version))
}

fn bind(project: &Workspace, registry: &LyingRegistry, mirror: &str) {
    let location = registry.location();
    project.write(
        "waitfor.toml",
        format!("[registries]\nacme = {{ location = \"{location}\", mirrors = [\"{mirror}\"] }}\n"),
    );
}

/// Which blobs and manifests were read there.
fn reads(registry: &LyingRegistry) -> usize {
    let seen = registry.seen().into_iter();
    seen.filter(|seen| seen.method == "GET" && !seen.path.contains("/referrers/"))
        .filter(|seen| seen.path.contains("/manifests/1.") || seen.path.contains("/blobs/"))
        .count()
}

#[test]
fn a_mirror_is_asked_first() {
    let Some((registry, mirror, project, version)) = mirrored() else {
        return;
    };
    assert_snapshot!(project.show("plugin add acme/billing@1"), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<the registry>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert!(reads(&mirror) >= 2, "{:#?}", mirror.seen());
    assert_eq!(reads(&registry), 0, "{:#?}", registry.seen());
    // The lock names the registry, whoever had the bytes.
    let lock = project.read("waitfor.lock");
    assert!(lock.contains(&registry.location()), "{lock}");
    assert!(!lock.contains(&mirror.location()), "{lock}");
    assert_eq!(stored(&project.store()), [version.hex()]);
}

#[test]
fn a_mirror_that_is_not_there_is_passed_over() {
    let Some((registry, _, project, _)) = mirrored() else {
        return;
    };
    bind(
        &project,
        &registry,
        &format!("127.0.0.1:{}/probes", free_port()),
    );
    project.expect(0, "plugin add acme/billing@1");
    // So is one that has nothing yet.
    let empty = LyingRegistry::start();
    bind(&project, &registry, &empty.location());
    std::fs::remove_dir_all(project.store()).expect("the store");
    project.expect(0, "plugin fetch");
    assert!(!empty.seen().is_empty());
}

#[test]
fn a_mirror_is_not_believed() {
    let Some((registry, mirror, project, _)) = mirrored() else {
        return;
    };
    mirror.lie("/blobs/", Fault::OtherBytes);
    assert_snapshot!(project.show("plugin add acme/billing@1"), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<the mirror>/v2/probes/acme/billing/blobs/sha256:<1.0.0>, a mirror of 127.0.0.1:<the registry>/probes: the answer holds other bytes: sha256:<digest>, not sha256:<1.0.0>
    hint: none of it was used; ask who runs `127.0.0.1:<the mirror>`, or take the mirror out of waitfor.toml
    exit 4
    ");
    assert_eq!(stored(&project.store()), Vec::<String>::new());
    // A mirror that lags behind does not hide what the registry says.
    mirror.repent();
    project.expect(0, "plugin add acme/billing@1");
    project.expect(0, "plugin yank acme/billing@1.0.0 --reason broken");
    mirror.lie("/referrers/", Fault::NotFoundPage);
    mirror.lie("/manifests/sha256-", Fault::NotFoundPage);
    assert_snapshot!(project.show("plugin verify"), @r"
    verified acme/billing 1.0.0 (store)
    warning: acme/billing 1.0.0 was yanked: broken
    exit 0
    ");
    assert!(!registry.seen().is_empty());
}

#[test]
fn nothing_is_written_to_a_mirror() {
    let Some((registry, mirror, project, _)) = mirrored() else {
        return;
    };
    let [next] = versions(["1.0.1"]).expect("it was built before");
    project.write("billing.wasm", &next.bytes);
    project.expect(0, "plugin publish acme/billing@1.0.1 billing.wasm");
    project.expect(0, "plugin yank acme/billing@1.0.1 --reason broken");
    let writes = |registry: &LyingRegistry| {
        let seen = registry.seen().into_iter();
        seen.filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD"))
            .count()
    };
    assert!(writes(&registry) > 0, "{:#?}", registry.seen());
    assert_eq!(writes(&mirror), 0, "{:#?}", mirror.seen());
}

/// A mirror that lags behind takes nobody back to an older version.
#[test]
fn a_mirror_that_lags_behind() {
    let Some([version, next]) = versions(["1.0.0", "1.1.0"]) else {
        return;
    };
    let (registry, mirror) = (LyingRegistry::start(), LyingRegistry::start());
    for place in [&registry, &mirror] {
        place.put("acme/billing", "1.0.0", &version.bytes);
    }
    registry.put("acme/billing", "1.1.0", &next.bytes);
    let project = Workspace::bound("lagging", &registry.location());
    project.know("1.0.0", &version.bytes);
    project.know("1.1.0", &next.bytes);
    project.expect(0, "plugin add acme/billing@1");
    let lock = project.read("waitfor.lock");
    project.edit("waitfor.toml", |text| {
        let (_, plugins) = text.split_once("[plugins]").unwrap_or_default();
        let (location, mirror) = (registry.location(), mirror.location());
        format!(
            "[registries]\nacme = {{ location = \"{location}\", mirrors = [\"{mirror}\"] }}\n\n\
             [plugins]{plugins}"
        )
    });
    // What the registry has is seen behind the mirror.
    assert_snapshot!(project.show("plugin outdated"), @r"
    up to date acme/billing 1.1.0
    exit 0
    ");
    assert_snapshot!(project.show("plugin update"), @r"
    kept acme/billing 1.1.0
    exit 0
    ");
    assert_eq!(project.read("waitfor.lock"), lock);
    // And where the registry itself is not there, nothing moves back.
    registry.lie("", Fault::HangUp);
    assert_snapshot!(project.show("plugin outdated"), @r"
    error: cannot read the manifest of `acme/billing@1.1.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.1.0: it closed the connection
    hint: check that `127.0.0.1:<port>` is the registry, and that this machine may reach it
    exit 4
    ");
    assert_snapshot!(project.show("plugin update"), @r"
    error: cannot read the manifest of `acme/billing@1.1.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.1.0: it closed the connection
    hint: check that `127.0.0.1:<port>` is the registry, and that this machine may reach it
    exit 4
    ");
    assert_eq!(project.read("waitfor.lock"), lock);
}

/// A registry that has lost a plugin is no registry without news.
#[test]
fn a_registry_that_lost_the_plugin() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    let project = Workspace::bound("lost", &registry.location());
    project.know("1.0.0", &version.bytes);
    project.expect(0, "plugin add acme/billing");
    let empty = LyingRegistry::start();
    for file in ["waitfor.toml", "waitfor.lock"] {
        project.edit(file, |text| {
            text.replace(&registry.location(), &empty.location())
        });
    }
    assert_snapshot!(project.show("plugin outdated"), @r"
    failed acme/billing 1.0.0: 127.0.0.1:<port>/probes holds no version of `acme/billing`
    exit 0
    ");
    assert_snapshot!(project.show("plugin verify"), @r"
    failed acme/billing 1.0.0: 127.0.0.1:<port>/probes holds acme/billing@1.0.0 no longer
    error: not as locked: acme/billing
    hint: ask its publisher, or take another version with `waitfor plugin update acme/billing`
    exit 4
    ");
    assert_snapshot!(project.show("plugin update"), @r"
    error: 127.0.0.1:<port>/probes holds no version of `acme/billing`
    hint: look at the name, and at the registry that it is bound to
    exit 4
    ");
}
