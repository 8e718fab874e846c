//! Other programs read what the registry client writes, and it reads what they write.

use std::fs;
use std::path::Path;
use std::process::Command;

use waitfor_registry::{
    Layout, Location, Name, Registry, Release, RemoteRegistry, RemoteSettings, Version,
};
use waitfor_tests::install::{Component, Installed, require};
use waitfor_tests::process;
use waitfor_tests::servers::registry::DockerRegistry;

fn name() -> Name {
    "acme/billing".parse().unwrap()
}

fn version() -> Version {
    "1.0.0".parse().unwrap()
}

fn probe() -> Vec<u8> {
    wat::parse_str(
        r#"(component (instance $p) (export "waitfor:probe/probing@1.0.0" (instance $p)))"#,
    )
    .unwrap()
}

fn release(component: &[u8]) -> Release<'_> {
    Release {
        name: name(),
        version: version(),
        component,
        schemes: vec!["billing".to_owned()],
        summary: "answers a query".to_owned(),
        licenses: None,
        source: None,
        revision: None,
    }
}

fn open(server: &DockerRegistry, path: &str) -> RemoteRegistry {
    let location: Location = server.location(path).parse().unwrap();
    let Location::Remote(remote) = location else {
        panic!("{location} is not remote");
    };
    let settings = RemoteSettings {
        accounts: Vec::new(),
        ..RemoteSettings::default()
    };
    RemoteRegistry::new(&remote, settings).unwrap()
}

/// A program that finds no account of whoever runs the tests.
fn client(installed: &Installed, program: &str, home: &Path) -> Command {
    let mut command = Command::new(installed.program(program));
    command
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env_remove("DOCKER_CONFIG")
        .env_remove("REGISTRY_AUTH_FILE");
    command
}

fn started() -> Option<DockerRegistry> {
    Some(DockerRegistry::start(&require(Component::DockerRegistry)?))
}

#[test]
fn wkg_pulls_the_very_bytes() {
    let (Some(server), Some(wkg)) = (started(), require(Component::Wkg)) else {
        return;
    };
    let component = probe();
    open(&server, "ci").publish(&release(&component)).unwrap();
    let home = process::temp_dir("wkg");
    let file = home.path().join("pulled.wasm");
    process::run(
        client(&wkg, "wkg", home.path())
            .args(["oci", "pull", "--insecure", &server.authority(), "-o"])
            .arg(&file)
            .arg(server.location("ci/acme/billing:1.0.0")),
    );
    assert_eq!(fs::read(&file).unwrap(), component);
}

#[test]
fn what_wkg_pushed_is_taken() {
    let (Some(server), Some(wkg)) = (started(), require(Component::Wkg)) else {
        return;
    };
    let component = probe();
    let home = process::temp_dir("wkg");
    let file = home.path().join("billing.wasm");
    fs::write(&file, &component).unwrap();
    process::run(
        client(&wkg, "wkg", home.path())
            .args(["oci", "push", "--insecure", &server.authority()])
            .arg(server.location("ci/acme/billing:1.0.0"))
            .arg(&file),
    );
    let registry = open(&server, "ci");
    assert_eq!(registry.versions(&name()).unwrap(), [version()]);
    let published = registry.find(&name(), &version()).unwrap().unwrap();
    assert_eq!(published.abi.to_string(), "1.0");
    assert_eq!(registry.component(&published).unwrap(), component);
    let documents = registry.documents(&published).unwrap();
    assert_eq!(
        waitfor_registry::Digest::of(&documents.manifest),
        published.manifest
    );
}

#[test]
fn skopeo_copies_and_keeps_every_digest() {
    let (Some(server), Some(skopeo)) = (started(), require(Component::Skopeo)) else {
        return;
    };
    let component = probe();
    let origin = open(&server, "ci");
    origin.publish(&release(&component)).unwrap();
    let published = origin.find(&name(), &version()).unwrap().unwrap();

    let home = process::temp_dir("skopeo");
    let folder = home.path().join("probes");
    let copy = |from: &str, to: &str| {
        process::run(
            client(&skopeo, "skopeo", home.path())
                .args(["copy", "--quiet", "--insecure-policy"])
                .args(["--src-tls-verify=false", "--dest-tls-verify=false"])
                .args([from, to]),
        );
    };
    let shown = folder.display();
    let in_folder = format!("oci:{shown}:acme/billing:1.0.0");
    let in_registry = |path: &str| format!("docker://{}:1.0.0", server.location(path));
    copy(&in_registry("ci/acme/billing"), &in_folder);
    let layout = Layout::open(&folder).unwrap();
    assert_eq!(
        layout.published().unwrap(),
        std::slice::from_ref(&published)
    );
    assert_eq!(layout.component(&published).unwrap(), component);

    copy(&in_folder, &in_registry("copies/acme/billing"));
    let copies = open(&server, "copies");
    let copied = copies.find(&name(), &version()).unwrap();
    assert_eq!(copied.as_ref(), Some(&published));
    assert_eq!(copies.component(&published).unwrap(), component);
}
