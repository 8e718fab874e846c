//! A registry that wants an account, over TLS of a private authority: docker's files and credential
//! helpers are asked, and nothing of an account is ever shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::guests::BillingService;
use waitfor_tests::install::{Component, require};
use waitfor_tests::servers::registry::{DockerRegistry, PASSWORD, USER};
use waitfor_tests::tls::Tls;

use crate::support::{Version, Workspace, versions};

/// The account in the form of `docker login`: `USER:PASSWORD` in base64.
const BASIC: &str = "cHVibGlzaGVyOnBhc3N3b3JkLW9mLWEtdGVzdC1yZWdpc3RyeQ==";

struct Case {
    registry: DockerRegistry,
    project: Workspace,
    tls: Tls,
}

impl Case {
    /// A registry over TLS with an account, and a project that trusts its authority.
    fn new() -> Option<(Self, Version)> {
        let [version] = versions(["1.0.0"])?;
        let installed = require(Component::DockerRegistry)?;
        let tls = Tls::new();
        let registry = DockerRegistry::start_tls_with_login(&installed, &tls.server);
        let project = Workspace::new("accounts");
        project.know("1.0.0", &version.bytes);
        project.write("billing.wasm", &version.bytes);
        let case = Self {
            registry,
            project,
            tls,
        };
        case.trust(Some(&case.tls.ca));
        Some((case, version))
    }

    fn trust(&self, ca: Option<&std::path::Path>) {
        let location = self.registry.location("probes");
        let ca = match ca {
            Some(ca) => {
                fs::copy(ca, self.project.project().join("ca.pem")).expect("a certificate");
                ", ca-file = \"ca.pem\""
            }
            None => "",
        };
        self.project.write(
            "waitfor.toml",
            format!("[registries]\nacme = {{ location = \"{location}\"{ca} }}\n"),
        );
    }

    fn publish(&self) -> Cli {
        self.project
            .cli(["plugin", "publish", "acme/billing@1.0.0", "billing.wasm"])
    }

    #[track_caller]
    fn shown(&self, found: &Outcome) -> String {
        for text in [&found.stdout, &found.stderr] {
            assert!(!text.contains(PASSWORD) && !text.contains(BASIC), "{text}");
        }
        self.project.shown(found)
    }
}

#[test]
fn an_account_from_dockers_configuration() {
    let Some((case, version)) = Case::new() else {
        return;
    };
    assert_snapshot!(case.shown(&case.publish().run()), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at https://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is 401: without an account nobody may read the repository `probes/acme/billing`
    hint: log in with `docker login 127.0.0.1:<port>`
    exit 4
    ");
    let docker = case.project.folder().join("docker");
    fs::create_dir(&docker).expect("a folder");
    case.registry.log_in(&docker);
    let found = case.publish().env("DOCKER_CONFIG", &docker).run();
    assert_snapshot!(case.shown(&found), @r"
    published acme/billing@1.0.0 to 127.0.0.1:<port>/probes (sha256:<short of 1.0.0>, <size> bytes)
    exit 0
    ");
    // Reading wants the account, too.
    let add = case.project.cli(["plugin", "add", "acme/billing"]);
    assert_snapshot!(case.shown(&add.run()), @r"
    error: cannot read the versions of `acme/billing` at https://127.0.0.1:<port>/v2/probes/acme/billing/tags/list: the answer is 401: without an account nobody may read the repository `probes/acme/billing`
    hint: log in with `docker login 127.0.0.1:<port>`
    exit 4
    ");
    let found = add.env("DOCKER_CONFIG", &docker).run();
    assert_snapshot!(case.shown(&found), @r"
    added acme/billing 1.0.0 (sha256:<short of 1.0.0>, <size> bytes, waitfor:probe 1.0) from 127.0.0.1:<port>/probes; answers to billing://
    note: acme/billing asks for secrets: --token
    exit 0
    ");
    let service = BillingService::open();
    case.project
        .expect(0, &format!("--frozen {}", service.url()));
    // Neither file nor store has anything of it.
    for (path, bytes) in crate::support::tree(case.project.folder()) {
        let text = String::from_utf8_lossy(&bytes);
        let is_account = path.starts_with(&docker);
        assert_eq!(is_account, text.contains(PASSWORD), "{}", path.display());
        assert!(!text.contains(BASIC), "{}", path.display());
    }
    assert!(case.project.read("waitfor.lock").contains(&version.hex()));
}

#[test]
fn an_account_from_a_credential_helper() {
    let Some((case, _)) = Case::new() else {
        return;
    };
    let docker = case.project.home().join(".docker");
    fs::create_dir(&docker).expect("a folder");
    fs::write(
        docker.join("config.json"),
        "{\"credsStore\": \"of-this-test\"}",
    )
    .expect("a file");
    let helper = |answer: &str| {
        let file = case.project.folder().join("docker-credential-of-this-test");
        fs::write(&file, format!("#!/bin/sh\nread -r host\n{answer}\n")).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode");
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", case.project.folder().display());
    let publish = case.publish().env("PATH", path);
    helper(&format!(
        "echo \"{{\\\"ServerURL\\\": \\\"$host\\\", \\\"Username\\\": \\\"{USER}\\\", \\\"Secret\\\": \\\"{PASSWORD}\\\"}}\""
    ));
    let found = publish.run();
    assert_snapshot!(case.shown(&found), @r"
    published acme/billing@1.0.0 to 127.0.0.1:<port>/probes (sha256:<short of 1.0.0>, <size> bytes)
    exit 0
    ");
    // One that fails tells more than it should.
    helper(&format!("echo \"the store is closed; {PASSWORD}\"; exit 1"));
    assert_snapshot!(case.shown(&publish.run()), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at https://127.0.0.1:<port>/v2/: the account for it cannot be read: `<folder>/home/.docker/config.json`: `docker-credential-of-this-test`, named there, failed
    hint: `docker login 127.0.0.1:<port>` writes it anew
    exit 4
    ");
    helper(&format!("echo \"{PASSWORD}\""));
    assert_snapshot!(case.shown(&publish.run()), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at https://127.0.0.1:<port>/v2/: the account for it cannot be read: `<folder>/home/.docker/config.json`: `docker-credential-of-this-test`, named there, gives no account
    hint: `docker login 127.0.0.1:<port>` writes it anew
    exit 4
    ");
}

#[test]
fn an_account_that_is_wrong() {
    let Some((case, _)) = Case::new() else {
        return;
    };
    let docker = case.project.home().join(".docker");
    fs::create_dir(&docker).expect("a folder");
    let at = case.registry.authority();
    let wrong = format!("{{\"auths\": {{\"{at}\": {{\"auth\": \"YW5uOmh1bnRlcjI=\"}}}}}}");
    fs::write(docker.join("config.json"), wrong).expect("a file");
    let shown = case.shown(&case.publish().run());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_snapshot!(shown, @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at https://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is 401: the account from docker's configuration may not read the repository `probes/acme/billing`
    hint: its account for `127.0.0.1:<port>` may not do that, or has another password now: `docker login 127.0.0.1:<port>`
    exit 4
    ");
}

#[test]
fn a_certificate_that_does_not_hold() {
    let Some((case, _)) = Case::new() else {
        return;
    };
    // No authority: on this machine that means no TLS, which the registry does not speak.
    case.trust(None);
    assert_snapshot!(case.shown(&case.publish().run()), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at http://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: the answer is 400 Bad Request
    hint: where `127.0.0.1:<port>` speaks TLS, give the certificate of its authority as `ca-file` of this registry under [registries] in waitfor.toml
    exit 4
    ");
    case.trust(Some(&case.tls.other_ca));
    assert_snapshot!(case.shown(&case.publish().run()), @r"
    error: cannot read the manifest of `acme/billing@1.0.0` at https://127.0.0.1:<port>/v2/probes/acme/billing/manifests/1.0.0: its certificate does not hold: its authority is not among those trusted here
    hint: give the certificate of its authority as `ca-file` of this registry under [registries] in waitfor.toml
    exit 4
    ");
    case.project.write("ca.pem", "no certificate");
    assert_snapshot!(case.shown(&case.publish().run()), @r"
    error: cannot read the certificates in `<project>/ca.pem` for 127.0.0.1:<port>/probes: there is none
    hint: name a file of PEM certificates as `ca-file` of this registry under [registries] in waitfor.toml
    exit 4
    ");
    fs::remove_file(case.project.project().join("ca.pem")).expect("the file");
    assert_snapshot!(case.shown(&case.publish().run()), @r"
    error: cannot read the certificates in `<project>/ca.pem` for 127.0.0.1:<port>/probes: there is no such file
    hint: name a file of PEM certificates as `ca-file` of this registry under [registries] in waitfor.toml
    exit 4
    ");
}
