//! What a registry can do wrong, and what is said of it: each time exit code 4, nothing written
//! that is wrong, and the same command works once the registry does.

use insta::assert_snapshot;
use regex_lite::Regex;
use serde_json::json;
use waitfor_tests::servers::lying_registry::{Fault, LyingRegistry};

use crate::support::{Version, Workspace, contains, stored, versions};

/// What each case tries.
pub(crate) const ADD: &str = "plugin add acme/billing@1 --network-timeout 1s";

/// A registry with `acme/billing@1.0.0`, and a project that is bound to it.
pub(crate) struct Case {
    pub(crate) registry: LyingRegistry,
    pub(crate) project: Workspace,
    pub(crate) version: Version,
}

impl Case {
    fn new() -> Option<Self> {
        let [version] = versions(["1.0.0"])?;
        let registry = LyingRegistry::start();
        let manifest = registry.put("acme/billing", "1.0.0", &version.bytes);
        let project = Workspace::bound("faults", &registry.location());
        project.know("1.0.0", &version.bytes);
        let mut altered = version.bytes.clone();
        if let Some(last) = altered.last_mut() {
            *last ^= 1;
        }
        project.know("altered", &altered);
        project.named(manifest.trim_start_matches("sha256:"), "<manifest>");
        Some(Self {
            registry,
            project,
            version,
        })
    }

    /// Adds the plugin while the registry commits a fault; what was said of it.
    #[track_caller]
    fn add(&self, part: &str, fault: Fault) -> String {
        self.registry.lie(part, fault);
        let shown = self.refused();
        self.registry.repent();
        shown
    }

    /// Adds the plugin, which must fail and leave nothing; what was said.
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        let config = self.project.read("waitfor.toml");
        let shown = self.project.show(ADD);
        assert!(shown.ends_with("\nexit 4"), "{shown}");
        assert_eq!(self.project.read("waitfor.toml"), config, "{shown}");
        let lock = self.project.project().join("waitfor.lock");
        assert!(!lock.exists(), "{shown}");
        assert_eq!(
            stored(&self.project.store()),
            Vec::<String>::new(),
            "{shown}"
        );
        // The length of a manifest depends on that of the component.
        let mut shown = shown;
        for (pattern, to) in [
            (
                r"ends after \d+ bytes of \d+",
                "ends after <some> bytes of <more>",
            ),
            (r"only \d+ bytes came", "only <some> bytes came"),
            (r"line 1 column \d+", "line 1 column <some>"),
        ] {
            let pattern = Regex::new(pattern).expect("a pattern");
            shown = pattern.replace_all(&shown, to).into_owned();
        }
        shown
    }

    /// The registry works again, and so does the command.
    fn works(&self) {
        self.registry.repent();
        self.project.expect(0, ADD);
        assert_eq!(stored(&self.project.store()), [self.version.hex()]);
    }
}

#[test]
fn other_bytes() {
    let Some(case) = Case::new() else { return };
    assert_snapshot!(case.add("/blobs/", Fault::OtherBytes), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer holds other bytes: sha256:<altered>, not sha256:<1.0.0>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    assert_snapshot!(case.add("/manifests/", Fault::OtherBytes), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is `application/vnd.oci.image.manifest.v1+json`, not a manifest: it is not JSON
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    assert_snapshot!(case.add("/manifests/", Fault::OtherDigestHeader), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer holds other bytes: sha256:<manifest>, not sha256:<digest>
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    case.works();
}

#[test]
fn pages_in_place_of_documents() {
    let Some(case) = Case::new() else { return };
    assert_snapshot!(case.add("/tags/list", Fault::NotFoundPage), @r"
    error: 127.0.0.1:<port>/probes holds no version of `acme/billing`
    hint: look at the name, and at the registry that it is bound to
    exit 4
    ");
    assert_snapshot!(case.add("/manifests/1", Fault::NotFoundPage), @r"
    error: `acme/billing@1.0.0` is listed in 127.0.0.1:<port>/probes, and its manifest is not there
    hint: ask who runs 127.0.0.1:<port>/probes to put it back; until then, ask for another version by its number
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::NotFoundPage), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer is 404: it is not there
    hint: `127.0.0.1:<port>` has lost it: copy it there again, or publish a new version
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::LoginPage), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is `text/html`, not a list of tags
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    assert_snapshot!(case.add("/manifests/1", Fault::LoginPage), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is `text/html`, not a manifest
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::LoginPage), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer is `text/html`, not a blob
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::OtherJson), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is `application/json`, not a list of tags: missing field `tags` at line 1 column <some>
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    assert_snapshot!(case.add("/manifests/1", Fault::OtherJson), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is `application/json`, not a manifest: missing field `schemaVersion` at line 1 column <some>
    hint: check the path behind `127.0.0.1:<port>`; a proxy or a login page may answer in the registry's place
    exit 4
    ");
    case.works();
}

#[test]
fn bodies_that_end_early_or_never() {
    let Some(case) = Case::new() else { return };
    assert_snapshot!(case.add("/manifests/1", Fault::Truncated), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer ends after <some> bytes of <more>
    hint: try again later; where it stays so, ask who runs `127.0.0.1:<port>`
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::Truncated), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer ends after <some> bytes of <more>
    hint: try again later; where it stays so, ask who runs `127.0.0.1:<port>`
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::Endless), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is longer than 4194304 bytes
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    assert_snapshot!(case.add("/manifests/1", Fault::Endless), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is longer than 4194304 bytes
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::Endless), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer is longer than <size> bytes
    hint: none of it was used; ask who runs `127.0.0.1:<port>` what happened to it
    exit 4
    ");
    case.works();
}

#[test]
fn slowness_and_silence() {
    let Some(case) = Case::new() else { return };
    assert_snapshot!(case.add("/blobs/", Fault::Drip), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: only <some> bytes came in <time>
    hint: try again later
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::Silence), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: nothing came for <time>
    hint: try again later
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::Silence), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: nothing came for <time>
    hint: try again later
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::HangUp), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: it closed the connection
    hint: check that `127.0.0.1:<port>` is the registry, and that this machine may reach it
    exit 4
    ");
    case.works();
}

#[test]
fn refusals() {
    let Some(case) = Case::new() else { return };
    let basic = || "Basic realm=\"lying\"".to_owned();
    assert_snapshot!(case.add("/v2/", Fault::Unauthorized(basic())), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is 401: without an account nobody may read the repository `probes/acme/billing`
    hint: log in with `docker login 127.0.0.1:<port>`
    exit 4
    ");
    assert_snapshot!(case.add("/v2/", Fault::Forbidden), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is 403: without an account nobody may read the repository `probes/acme/billing`
    hint: log in with `docker login 127.0.0.1:<port>`
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::Forbidden), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer is 403: without an account nobody may read the repository `probes/acme/billing`
    hint: log in with `docker login 127.0.0.1:<port>`
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::TooMany("3600".to_owned())), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is 429 Too Many Requests, and it wants to be asked again in <time>
    hint: try again later
    exit 4
    ");
    assert_snapshot!(case.add("/tags/list", Fault::ServerError), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is 500 Internal Server Error
    hint: try again later
    exit 4
    ");
    assert_snapshot!(case.add("/blobs/", Fault::ServerError), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: the answer is 500 Internal Server Error
    hint: try again later
    exit 4
    ");
    case.works();
}

#[test]
fn what_passes_is_waited_for() {
    for (part, fault) in [
        ("/tags/list", Fault::TooMany("1".to_owned())),
        ("/blobs/", Fault::TooMany("0".to_owned())),
        ("/manifests/1", Fault::ServerError),
        ("/blobs/", Fault::ServerError),
        ("/tags/list", Fault::HangUp),
    ] {
        let Some(case) = Case::new() else { return };
        case.registry.lie_times(1, part, fault);
        case.project.expect(0, ADD);
        let asked = case.registry.seen();
        let asked = asked.iter().filter(|seen| {
            let line = format!("{} {}", seen.method, seen.path);
            line.contains(part)
        });
        assert!(asked.count() >= 2, "{:#?}", case.registry.seen());
    }
}

#[test]
fn an_account_never_leaves_its_registry() {
    let Some(case) = Case::new() else { return };
    let other = case.registry.another();
    let docker = case.project.home().join(".docker");
    std::fs::create_dir(&docker).expect("a folder");
    let account = json!({"auths": {
        format!("127.0.0.1:{}", case.registry.port): {"auth": "YW5uOmh1bnRlcjI="},
    }});
    std::fs::write(docker.join("config.json"), account.to_string()).expect("a file");

    // Reads that are redirected, as object stores are.
    let challenge = || Fault::Challenge("Basic realm=\"lying\"".to_owned());
    case.registry.lie("/tags/list", challenge());
    case.registry.lie("/manifests/1", challenge());
    case.registry
        .lie("/blobs/", Fault::Redirect(other.origin()));
    case.project.expect(0, ADD);
    assert_eq!(stored(&case.project.store()), [case.version.hex()]);
    let sent = |registry: &LyingRegistry| {
        let seen = registry.seen().into_iter();
        seen.filter_map(|seen| seen.authorization)
            .collect::<Vec<_>>()
    };
    assert!(
        !sent(&case.registry).is_empty(),
        "{:#?}",
        case.registry.seen()
    );
    assert!(!other.seen().is_empty(), "the redirect is followed");
    assert_eq!(sent(&other), Vec::<String>::new());

    // Writes whose upload goes on elsewhere.
    case.registry.repent();
    other.repent();
    let [next] = versions(["1.0.1"]).expect("it was built before");
    case.project.write("billing.wasm", &next.bytes);
    case.registry
        .lie("PUT /v2/probes/acme/billing/manifests/", challenge());
    case.registry
        .lie("POST ", Fault::UploadElsewhere(other.origin()));
    case.project
        .expect(0, "plugin publish acme/billing@1.0.1 billing.wasm");
    assert_eq!(case.registry.tags("acme/billing"), ["1.0.0", "1.0.1"]);
    assert!(
        !sent(&case.registry).is_empty(),
        "{:#?}",
        case.registry.seen()
    );
    assert!(!other.seen().is_empty(), "the upload goes on");
    assert_eq!(sent(&other), Vec::<String>::new());
}

#[test]
fn redirects_that_lead_nowhere() {
    let Some(case) = Case::new() else { return };
    assert_snapshot!(case.add("/blobs/", Fault::RedirectToItself), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: it redirects to http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: that is one redirect too many
    hint: name the registry in waitfor.toml by the address that answers itself
    exit 4
    ");
    let elsewhere = || "http://elsewhere.invalid".to_owned();
    assert_snapshot!(case.add("/blobs/", Fault::Redirect(elsewhere())), @r"
    error: cannot read the component of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: it redirects to http://elsewhere.invalid/v2/probes/acme/billing/blobs/sha256:<1.0.0>: it is not encrypted
    hint: name the registry in waitfor.toml by the address that answers itself
    exit 4
    ");
    // What a resolver says differs; that it is the resolver, does not.
    let shown = case.add(
        "/blobs/",
        Fault::Redirect("https://elsewhere.invalid".to_owned()),
    );
    contains(&shown, "at https://elsewhere.invalid/v2/");
    assert!(!shown.contains("uncategorized"), "{shown}");
    let closed = format!("https://127.0.0.1:{}", waitfor_tests::process::free_port());
    assert_snapshot!(case.add("/blobs/", Fault::Redirect(closed)), @r"
    error: cannot read the component of `acme/billing@1.0.0` at https://127.0.0.1:<port>/v2/probes/acme/billing/blobs/sha256:<1.0.0>: connection refused
    hint: check that this machine may reach it: `127.0.0.1:<port>` leads there
    exit 4
    ");
    case.works();
}

#[test]
fn an_account_that_does_not_hold_is_not_shown() {
    let Some(case) = Case::new() else { return };
    let docker = case.project.home().join(".docker");
    std::fs::create_dir(&docker).expect("a folder");
    let account = json!({"auths": {
        format!("127.0.0.1:{}", case.registry.port): {"auth": "YW5uOmh1bnRlcjI="},
    }});
    std::fs::write(docker.join("config.json"), account.to_string()).expect("a file");
    let shown = case.add(
        "/v2/",
        Fault::Unauthorized("Basic realm=\"lying\"".to_owned()),
    );
    assert_snapshot!(shown, @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is 401: the account from docker's configuration may not read the repository `probes/acme/billing`
    hint: its account for `127.0.0.1:<port>` may not do that, or has another password now: `docker login 127.0.0.1:<port>`
    exit 4
    ");
    // The place to ask for a token is another origin: it gets the account, and nobody else does.
    let other = case.registry.another();
    let realm = format!(
        "Bearer realm=\"{}/token\",service=\"lying\"",
        other.origin()
    );
    case.registry.lie("/v2/", Fault::Challenge(realm));
    case.project.expect(0, ADD);
    let asked = other.seen();
    assert!(!asked.is_empty(), "it is asked for a token");
    assert!(asked.iter().all(|seen| seen.path == "/token"), "{asked:#?}");
    assert!(
        case.registry
            .seen()
            .iter()
            .filter_map(|seen| seen.authorization.as_deref())
            .all(|word| word == "Bearer"),
        "{:#?}",
        case.registry.seen()
    );
}

#[test]
fn nobody_there() {
    let Some([version]) = versions(["1.0.0"]) else {
        return;
    };
    let closed = waitfor_tests::process::free_port();
    let project = Workspace::bound("nobody", &format!("127.0.0.1:{closed}/probes"));
    assert_snapshot!(project.show(ADD), @r"
    error: cannot read the versions of `acme/billing` at http://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: connection refused
    hint: check that `127.0.0.1:<port>` is the registry, and that this machine may reach it
    exit 4
    ");
    assert_snapshot!(project.show(&format!("--offline {ADD}")), @r"
    error: --offline forbids to ask 127.0.0.1:<port>/probes
    hint: leave --offline and --frozen away
    exit 4
    ");
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", &version.bytes);
    project.bind(&registry.location());
    assert_snapshot!(project.show("plugin add acme/nosuch"), @r"
    error: 127.0.0.1:<port>/probes holds no version of `acme/nosuch`
    hint: look at the name, and at the registry that it is bound to
    exit 4
    ");
    assert_snapshot!(project.show("plugin add acme/billing@2"), @r"
    error: no version of `acme/billing` matches 2
    hint: there are 1.0.0
    exit 4
    ");
    assert_snapshot!(project.show("plugin add other/billing"), @r#"
    error: no registry is bound to the team of `other/billing` in <project>/waitfor.toml
    hint: write `other = "HOST/PATH"` under [registries], or give --registry
    exit 4
    "#);
}
