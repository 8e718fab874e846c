//! Debian's `docker-registry` and the registry client, face to face.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use waitfor_registry::location::Remote;
use waitfor_registry::remote::Problem;
use waitfor_registry::{
    Added, Digest, Error, Location, Name, Published, Reference, Registry, Release, RemoteRegistry,
    RemoteSettings, SPOKEN, Standing, Version, resolve,
};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process;
use waitfor_tests::servers::registry::{DockerRegistry, PASSWORD, USER};
use waitfor_tests::tls::Tls;

fn name() -> Name {
    "acme/billing".parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// A component that exports the contract and nothing else; `mark` makes its bytes its own.
fn probe(mark: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (@custom "mark" "{mark}")
            (instance $probing)
            (export "waitfor:probe/probing@1.0.0" (instance $probing)))"#
    );
    wat::parse_str(text).unwrap()
}

fn release<'a>(number: &str, component: &'a [u8]) -> Release<'a> {
    Release {
        name: name(),
        version: version(number),
        component,
        schemes: vec!["billing".to_owned()],
        summary: "answers a query".to_owned(),
        licenses: Some("MIT".to_owned()),
        source: Some("https://git.acme.example/billing".to_owned()),
        revision: Some("4f2c".to_owned()),
    }
}

fn remote(location: &str) -> Remote {
    match location.parse().unwrap() {
        Location::Remote(remote) => remote,
        other => panic!("{other} is not remote"),
    }
}

/// Without the accounts of whoever runs the tests.
fn settings() -> RemoteSettings {
    RemoteSettings {
        accounts: Vec::new(),
        ..RemoteSettings::default()
    }
}

fn open(server: &DockerRegistry, settings: RemoteSettings) -> RemoteRegistry {
    RemoteRegistry::new(&remote(&server.location("ci/probes")), settings).unwrap()
}

fn found(registry: &RemoteRegistry, number: &str) -> Published {
    let found = registry.find(&name(), &version(number)).unwrap();
    found.unwrap_or_else(|| panic!("{number} is published"))
}

fn failure(error: Error) -> Box<waitfor_registry::remote::Failure> {
    match error {
        Error::Remote(failure) => failure,
        other => panic!("not a failed request: {other}"),
    }
}

fn started() -> Option<DockerRegistry> {
    Some(DockerRegistry::start(&require(Component::DockerRegistry)?))
}

#[test]
fn publishes_and_finds() {
    let Some(server) = started() else { return };
    let registry = open(&server, settings());
    assert_eq!(registry.place(), server.location("ci/probes"));
    assert_eq!(registry.versions(&name()).unwrap(), []);
    assert_eq!(registry.find(&name(), &version("1.0.0")).unwrap(), None);

    let (first, second) = (probe("first"), probe("second"));
    for (number, component) in [("1.10.0", &second), ("1.9.0", &first)] {
        let added = registry.publish(&release(number, component)).unwrap();
        assert_eq!(added, Added::New);
        let again = registry.publish(&release(number, component)).unwrap();
        assert_eq!(again, Added::Same);
    }
    assert_eq!(
        registry.versions(&name()).unwrap(),
        [version("1.9.0"), version("1.10.0")]
    );
    let published = found(&registry, "1.10.0");
    let prepared = release("1.10.0", &second).prepare().unwrap();
    assert_eq!(published, prepared.published);
    assert_eq!(registry.component(&published).unwrap(), second);
    assert_eq!(registry.documents(&published).unwrap(), prepared.documents);

    let newest = resolve(&registry, &name(), &Reference::Newest, SPOKEN).unwrap();
    assert_eq!(newest.published, published);
    let exact = Reference::Bytes(Digest::of(&first));
    let older = resolve(&registry, &name(), &exact, SPOKEN).unwrap();
    assert_eq!(older.published.version, version("1.9.0"));
}

#[test]
fn a_version_never_changes() {
    let Some(server) = started() else { return };
    let registry = open(&server, settings());
    let (first, second) = (probe("first"), probe("second"));
    registry.publish(&release("1.0.0", &first)).unwrap();

    let error = registry.publish(&release("1.0.0", &second)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "acme/billing@1.0.0 is published already with other bytes: {}, not {}",
            Digest::of(&first),
            Digest::of(&second)
        )
    );
    let other_facts = Release {
        summary: "answers two queries".to_owned(),
        ..release("1.0.0", &first)
    };
    let error = registry.publish(&other_facts).unwrap_err();
    assert!(
        error.to_string().contains("already with other facts"),
        "{error}"
    );
    let published = found(&registry, "1.0.0");
    assert_eq!(registry.component(&published).unwrap(), first);
}

#[test]
fn one_of_two_publishers_at_the_same_moment_is_told() {
    let Some(server) = started() else { return };
    let offers: Vec<Vec<u8>> = (0..4).map(|mark| probe(&mark.to_string())).collect();
    let outcomes: Vec<(Digest, waitfor_registry::Result<Added>)> = thread::scope(|scope| {
        let publishers: Vec<_> = offers
            .iter()
            .map(|component| {
                let registry = open(&server, settings());
                scope.spawn(move || {
                    let outcome = registry.publish(&release("1.0.0", component));
                    (Digest::of(component), outcome)
                })
            })
            .collect();
        let joined = publishers.into_iter().map(|publisher| publisher.join());
        joined.map(|outcome| outcome.expect("no panic")).collect()
    });
    let kept = found(&open(&server, settings()), "1.0.0").component;
    for (offered, outcome) in outcomes {
        match outcome {
            Ok(added) => assert_eq!(added, Added::New),
            Err(Error::Immutable(clash)) => {
                assert_ne!(clash.published, offered);
                assert_ne!(offered, kept, "the one that stands was refused");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn yanks_and_takes_back_without_the_referrers_api() {
    let Some(server) = started() else { return };
    let registry = open(&server, settings());
    let (first, second) = (probe("first"), probe("second"));
    registry.publish(&release("1.0.0", &first)).unwrap();
    registry.publish(&release("1.0.1", &second)).unwrap();
    let standings = [
        Standing::Yanked {
            reason: "says ready too early".to_owned(),
        },
        Standing::Good,
        Standing::Deprecated {
            reason: "take 2.0.0".to_owned(),
        },
        Standing::Yanked {
            reason: "says ready too early".to_owned(),
        },
    ];
    for standing in standings {
        registry
            .declare(&found(&registry, "1.0.1"), &standing)
            .unwrap();
        // Another one, which remembers nothing.
        let other = open(&server, settings());
        assert_eq!(found(&other, "1.0.1").standing, standing);
        assert_eq!(found(&other, "1.0.0").standing, Standing::Good);
        assert_eq!(
            other.versions(&name()).unwrap(),
            [version("1.0.0"), version("1.0.1")]
        );
    }
    let resolved = resolve(&registry, &name(), &Reference::Newest, SPOKEN).unwrap();
    assert_eq!(resolved.published.version, version("1.0.0"));
    assert_eq!(resolved.passed.len(), 1);
}

#[test]
fn two_statements_at_the_same_moment_get_along() {
    let Some(server) = started() else { return };
    let registry = open(&server, settings());
    let component = probe("first");
    registry.publish(&release("1.0.0", &component)).unwrap();
    let published = found(&registry, "1.0.0");
    let reason = || "says ready too early".to_owned();
    let standings = [
        Standing::Deprecated { reason: reason() },
        Standing::Yanked { reason: reason() },
    ];
    thread::scope(|scope| {
        for standing in &standings {
            let (registry, published) = (open(&server, settings()), &published);
            scope.spawn(move || registry.declare(published, standing).unwrap());
        }
    });
    // Which one is the later is a matter of chance.
    let after = found(&registry, "1.0.0").standing;
    assert!(standings.contains(&after), "{after}");
}

#[test]
fn altered_bytes_never_leave_it() {
    let Some(server) = started() else { return };
    let registry = open(&server, settings());
    let component = probe("first");
    registry.publish(&release("1.0.0", &component)).unwrap();
    let published = found(&registry, "1.0.0");
    let file = server.blob(&published.component.hex());
    let other = probe("FIRST");
    fs::write(&file, &other).unwrap();
    let error = failure(registry.component(&published).unwrap_err());
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read the component of `acme/billing@1.0.0` at http://{}/v2/ci/probes/acme/billing/blobs/{expected}: the answer holds other bytes: {}, not {expected}",
            server.authority(),
            Digest::of(&other),
            expected = published.component,
        )
    );
    assert!(error.is_tampering());
    fs::remove_file(&file).unwrap();
    let error = failure(registry.component(&published).unwrap_err());
    assert_eq!(error.problem, Problem::Missing);
}

#[test]
fn with_an_account_only() {
    let Some(installed) = require(Component::DockerRegistry) else {
        return;
    };
    let server = DockerRegistry::start_with_login(&installed);
    let component = probe("first");

    let stranger = open(&server, settings());
    let error = failure(stranger.versions(&name()).unwrap_err());
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read the versions of `acme/billing` at http://{}/v2/ci/probes/acme/billing/tags/list: the answer is 401: without an account nobody may read the repository `ci/probes/acme/billing`",
            server.authority()
        )
    );
    assert_eq!(
        error.hint().unwrap(),
        format!("log in with `docker login {}`", server.authority())
    );
    let error = failure(stranger.publish(&release("1.0.0", &component)).unwrap_err());
    assert!(matches!(error.problem, Problem::Denied { .. }), "{error}");

    let folder = process::temp_dir("docker");
    let owner = RemoteSettings {
        accounts: vec![server.log_in(folder.path())],
        ..settings()
    };
    let registry = open(&server, owner);
    registry.publish(&release("1.0.0", &component)).unwrap();
    let published = found(&registry, "1.0.0");
    assert_eq!(registry.component(&published).unwrap(), component);

    let wrong = folder.path().join("wrong.json");
    let text = fs::read_to_string(folder.path().join("config.json")).unwrap();
    fs::write(&wrong, text.replace(PASSWORD, "another-password")).unwrap();
    let former = RemoteSettings {
        accounts: vec![wrong],
        ..settings()
    };
    let error = failure(open(&server, former).versions(&name()).unwrap_err());
    let hint = error.hint().unwrap();
    assert!(hint.contains("has another password now"), "{hint}");
    let told = format!("{error} {hint}");
    assert!(
        !told.contains("another-password") && !told.contains(USER),
        "{told}"
    );
}

/// Names the registry to the part of a test that runs in a process of its own.
const LOCATION: &str = "WAITFOR_TEST_LOCATION";

#[test]
fn with_the_account_that_a_credential_helper_keeps() {
    if let Ok(location) = env::var(LOCATION) {
        let registry = RemoteRegistry::new(&remote(&location), RemoteSettings::default());
        let versions = registry.and_then(|registry| registry.versions(&name()));
        println!("found {} versions", versions.unwrap().len());
        return;
    }
    let Some(installed) = require(Component::DockerRegistry) else {
        return;
    };
    let server = DockerRegistry::start_with_login(&installed);
    let folder = process::temp_dir("docker");
    let config = serde_json::json!({"credHelpers": {server.authority(): "of-this-test"}});
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let helper = folder.path().join("docker-credential-of-this-test");
    let answer = serde_json::json!({"Username": USER, "Secret": PASSWORD});
    // As helpers do, it reads what it is asked: it must not be gone before that is written.
    let script = format!("#!/bin/sh\ncat > /dev/null\n[ \"$1\" = get ] && echo '{answer}'\n");
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [folder.path().to_owned()]
        .into_iter()
        .chain(env::split_paths(&path));
    // What is set here counts for all tests of a process.
    let told = process::run(
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("with_the_account_that_a_credential_helper_keeps")
            .env(LOCATION, server.location("ci/probes"))
            .env("DOCKER_CONFIG", folder.path())
            .env("PATH", env::join_paths(folders).unwrap())
            // Nobody there: what is on this machine is asked directly.
            .env(
                "ALL_PROXY",
                format!("http://127.0.0.1:{}", process::free_port()),
            ),
    );
    assert!(told.contains("found 0 versions"), "{told}");
}

#[test]
fn over_tls() {
    let Some(installed) = require(Component::DockerRegistry) else {
        return;
    };
    let tls = Tls::new();
    let server = DockerRegistry::start_tls_with_login(&installed, &tls.server);
    let folder = process::temp_dir("docker");
    let trusting = |ca_file: Option<&PathBuf>| RemoteSettings {
        ca_file: ca_file.cloned(),
        accounts: vec![server.log_in(folder.path())],
        ..settings()
    };
    let component = probe("first");
    let registry = open(&server, trusting(Some(&tls.ca)));
    registry.publish(&release("1.0.0", &component)).unwrap();
    let published = found(&registry, "1.0.0");
    assert_eq!(registry.component(&published).unwrap(), component);

    let wary = open(&server, trusting(Some(&tls.other_ca)));
    let error = failure(wary.versions(&name()).unwrap_err());
    assert_eq!(
        error.problem.to_string(),
        "its certificate does not hold: its authority is not among those trusted here"
    );
    let plain = DockerRegistry::start(&installed);
    let settings = trusting(Some(&tls.ca));
    let error = failure(open(&plain, settings).versions(&name()).unwrap_err());
    assert_eq!(error.problem, Problem::NoTls);
    // Without a certificate to trust, this machine is asked in plain.
    let error = failure(open(&server, trusting(None)).versions(&name()).unwrap_err());
    assert!(
        matches!(error.problem, Problem::Status { status: 400, .. }),
        "{error}"
    );
}

#[test]
fn with_certificates_that_do_not_hold() {
    let Some(installed) = require(Component::DockerRegistry) else {
        return;
    };
    let tls = Tls::new();
    let cases = [
        (&tls.expired, "it has expired"),
        (&tls.other_name, "it is for another host"),
        (&tls.not_yet_valid, "it is not valid yet"),
    ];
    for (identity, reason) in cases {
        let server = DockerRegistry::start_tls(&installed, identity);
        let trusting = RemoteSettings {
            ca_file: Some(tls.ca.clone()),
            ..settings()
        };
        let error = failure(open(&server, trusting).versions(&name()).unwrap_err());
        assert_eq!(
            error.problem.to_string(),
            format!("its certificate does not hold: {reason}")
        );
    }
}

#[test]
fn a_mirror_serves_and_is_never_written() {
    let (Some(origin), Some(mut mirror)) = (started(), started()) else {
        return;
    };
    let (first, second) = (probe("first"), probe("second"));
    let copy = RemoteRegistry::new(&remote(&mirror.location("copies")), settings()).unwrap();
    copy.publish(&release("1.0.0", &first)).unwrap();
    let mirrored = || RemoteSettings {
        mirrors: vec![remote(&mirror.location("copies"))],
        ..settings()
    };
    let direct = open(&origin, settings());
    direct.publish(&release("1.0.0", &first)).unwrap();
    direct.publish(&release("1.0.1", &second)).unwrap();
    let yanked = Standing::Yanked {
        reason: "says ready too early".to_owned(),
    };
    direct.declare(&found(&direct, "1.0.0"), &yanked).unwrap();

    let registry = open(&origin, mirrored());
    let published = found(&registry, "1.0.0");
    assert_eq!(published.standing, yanked, "a mirror hides no yank");
    assert_eq!(registry.component(&published).unwrap(), first);
    assert!(mirror.log().contains("/v2/copies/acme/billing/blobs/"));
    // What the mirror lacks comes from the registry itself.
    let newer = found(&registry, "1.0.1");
    assert_eq!(registry.component(&newer).unwrap(), second);
    registry.publish(&release("1.0.2", &second)).unwrap();
    assert_eq!(copy.find(&name(), &version("1.0.2")).unwrap(), None);

    let file = mirror.blob(&published.component.hex());
    fs::write(&file, probe("FIRST")).unwrap();
    let error = failure(registry.component(&published).unwrap_err());
    let told = format!(", a mirror of {}", origin.location("ci/probes"));
    assert!(
        error.is_tampering() && error.to_string().contains(&told),
        "{error}"
    );

    let settings = mirrored();
    mirror.stop();
    let registry = open(&origin, settings);
    assert_eq!(registry.component(&published).unwrap(), first);
}

#[test]
fn nobody_there() {
    let Some(mut server) = started() else { return };
    server.stop();
    let error = failure(open(&server, settings()).versions(&name()).unwrap_err());
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read the versions of `acme/billing` at http://{}/v2/ci/probes/acme/billing/tags/list: connection refused",
            server.authority()
        )
    );
}
