//! What is said of versions afterwards, and which of them new resolutions take.

use insta::assert_snapshot;
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::support::{Workspace, contains, team, versions};

#[test]
fn yank_and_deprecate() {
    let Some((_registry, project)) = team() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.1.0");
    let yank = |args: &[&str]| {
        let cli = project.cli(["plugin", "yank", "acme/billing@1.1.0"]);
        project.shown(&cli.args(args).run())
    };
    let why = ["--reason", "it is slow"];
    assert_snapshot!(yank(&[&why[..], &["--deprecate"]].concat()), @r"
    deprecated acme/billing@1.1.0: it is slow
    exit 0
    ");
    assert_snapshot!(project.show("plugin outdated"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    up to date acme/billing 1.1.0
    warning: acme/billing 1.1.0 is deprecated: it is slow
    exit 0
    ");
    assert_snapshot!(project.show("plugin verify"), @r"
    verified acme/billing 1.1.0 (store)
    warning: acme/billing 1.1.0 is deprecated: it is slow
    exit 0
    ");
    let fresh = |line: &str| {
        let other = Workspace::new("fresh");
        other.write("waitfor.toml", {
            let text = project.read("waitfor.toml");
            text.replace("[plugins]\n\"acme/billing\" = \"1.1.0\"\n", "")
        });
        let shown = other.show(line);
        // The digests are not known to this one.
        project.steady(&shown)
    };
    assert_snapshot!(fresh("plugin add acme/billing"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    added acme/billing 1.1.0 (sha256:<short of billing 1.1.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    warning: acme/billing 1.1.0 is deprecated: it is slow
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(yank(&["--reason", "it lies"]), @r"
    yanked acme/billing@1.1.0: it lies
    exit 0
    ");
    assert_snapshot!(fresh("plugin add acme/billing"), @r"
    passed over acme/billing 1.2.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0
    passed over acme/billing 1.1.0: yanked: it lies
    added acme/billing 1.0.0 (sha256:<short of billing 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(fresh("plugin add acme/billing@1.1.0"), @r"
    error: `acme/billing@1.1.0` cannot be used: 1.1.0 is yanked: it lies
    hint: take acme/billing@1.0.0, the newest that can be used
    exit 4
    ");
    assert_snapshot!(project.show("plugin verify"), @r"
    verified acme/billing 1.1.0 (store)
    warning: acme/billing 1.1.0 was yanked: it lies
    exit 0
    ");
    assert_snapshot!(project.json("plugin outdated"), @r#"
    {"command":"outdated","dry_run":false,"plugins":[0],"schema":1}
    plugins 0: {"abi":"1.0","action":"yanked","allowed":null,"from":null,"name":"acme/billing","newest":"1.0.0","passed_over":[{"detail":"needs waitfor:probe 1.9, and this waitfor speaks 1.0","version":"1.2.0","why":"abi"}],"registry":"127.0.0.1:<port>/probes","requirement":"1.1.0","schemes":["billing"],"sha256":"<billing 1.1.0>","size":<size>,"standing":{"reason":"it lies","word":"yanked"},"version":"1.1.0"}
    "#);
    assert_snapshot!(project.show("plugin fetch"), @r"
    at hand acme/billing 1.1.0 (store)
    warning: acme/billing 1.1.0 was yanked: it lies
    exit 0
    ");
    assert_snapshot!(yank(&["--undo"]), @r"
    restored acme/billing@1.1.0
    exit 0
    ");
    assert_snapshot!(yank(&["--undo"]), @r"
    nothing was said of acme/billing@1.1.0
    exit 0
    ");
    assert_snapshot!(project.show("plugin verify"), @r"
    verified acme/billing 1.1.0 (store)
    exit 0
    ");
    assert_snapshot!(yank(&["--reason", "two\nlines"]), @r"
    error: `--reason` is not one line of text
    exit 2
    ");
    let unknown = project
        .cli(["plugin", "yank", "acme/billing@9.9.9"])
        .args(why);
    assert_snapshot!(project.shown(&unknown.run()), @r"
    error: 127.0.0.1:<port>/probes holds no acme/billing@9.9.9
    hint: there are 1.0.0, 1.1.0, 1.2.0
    exit 4
    ");
}

/// With and without the referrers API the same statements are read and written.
#[test]
fn statements_by_the_referrers_api() {
    let Some([version, next]) = versions(["1.0.0", "1.0.1"]) else {
        return;
    };
    for (registry, by_api) in [
        (LyingRegistry::start(), false),
        (LyingRegistry::start().with_referrers(), true),
    ] {
        registry.put("acme/billing", "1.0.0", &version.bytes);
        registry.put("acme/billing", "1.0.1", &next.bytes);
        let project = Workspace::bound("referrers", &registry.location());
        project.expect(0, "plugin add acme/billing@1.0.1");
        project.expect(0, "plugin yank acme/billing@1.0.1 --reason broken");
        let found = project.expect(0, "plugin verify");
        contains(&found.stderr, "acme/billing 1.0.1 was yanked: broken");
        let tags = registry.tags("acme/billing");
        let fallback = tags.iter().any(|tag| tag.starts_with("sha256-"));
        assert_eq!(fallback, !by_api, "{tags:?}");
        project.expect(0, "plugin yank acme/billing@1.0.1 --undo");
        let found = project.expect(0, "plugin verify");
        assert_eq!(found.stderr, "");
    }
}

#[test]
fn pre_releases_are_taken_only_by_name() {
    let Some([release, rc]) = versions(["1.0.0", "1.1.0-rc.1"]) else {
        return;
    };
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &release.bytes);
    registry.put("acme/billing", "1.1.0-rc.1", &rc.bytes);
    let project = Workspace::bound("releases", &registry.location());
    project.know("1.0.0", &release.bytes);
    project.know("1.1.0-rc.1", &rc.bytes);
    assert_snapshot!(project.show("plugin add acme/billing@1"), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(project.show("plugin outdated"), @r"
    up to date acme/billing 1.0.0
    exit 0
    ");
    assert_snapshot!(project.show("plugin add acme/billing@1.1.0-rc.1"), @r"
    updated acme/billing 1.0.0 -> 1.1.0-rc.1
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    assert_snapshot!(project.show("plugin add acme/billing@1.1.0-rc.2"), @r"
    error: no version of `acme/billing` matches 1.1.0-rc.2
    hint: there are 1.1.0-rc.1, 1.0.0
    exit 4
    ");
}
