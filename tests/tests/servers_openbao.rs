//! OpenBao is in the states the harness promises, say its own API and its own client.

use serde_json::json;
use waitfor_tests::install::{Component, Installed, require};
use waitfor_tests::process::{self, PATIENCE};
use waitfor_tests::servers::openbao::{DEV_TOKEN, OpenBao, bao};
use waitfor_tests::tls::Tls;

fn installed() -> Option<Installed> {
    require(Component::OpenBao)
}

#[test]
fn development_mode() {
    let Some(installed) = installed() else { return };
    let bao = OpenBao::dev(&installed);
    let (code, health) = bao.get("sys/health");
    assert_eq!(
        (code, &health["sealed"], &health["standby"]),
        (200, &false.into(), &false.into())
    );
    let (code, own) = bao.get("auth/token/lookup-self");
    assert_eq!((code, own["data"]["id"].as_str()), (200, Some(DEV_TOKEN)));
}

#[test]
fn from_uninitialised_to_active_and_back() {
    let Some(installed) = installed() else { return };
    let mut bao = OpenBao::uninitialised(&installed, None);
    assert_eq!(bao.get("sys/health").1["initialized"], false);
    bao.init(5, 3);
    bao.expect(503);
    bao.unseal_with(2);
    let (_, status) = bao.get("sys/seal-status");
    assert_eq!(
        (status["progress"].as_u64(), status["t"].as_u64()),
        (Some(2), Some(3))
    );
    assert_eq!(bao.get("sys/health").0, 503);
    bao.unseal();
    bao.seal();
    bao.unseal();
}

#[test]
fn over_tls() {
    let Some(installed) = installed() else { return };
    let tls = Tls::new();
    let server = OpenBao::active(&installed, Some(&tls.server));
    let mut status = bao(&installed);
    status
        .args(["status", "-format=json", "-address"])
        .arg(format!("https://localhost:{}", server.tls_port))
        .arg("-ca-cert")
        .arg(&tls.ca)
        .env("HOME", process::scratch());
    let text = process::run(&mut status);
    assert!(text.contains("\"sealed\": false"), "{text}");
}

#[test]
fn a_standby_with_and_without_its_active_server() {
    let Some(installed) = installed() else { return };
    let mut pair = OpenBao::pair(&installed);
    assert_eq!(pair.active.get("sys/health").0, 200);
    assert_eq!(pair.standby.get("sys/health").1["standby"], true);
    let write = |server: &OpenBao| server.put("auth/token/create", &json!({ "ttl": "1m" })).0;
    assert_eq!(write(&pair.standby), 200, "it forwards");
    pair.active.stop();
    // It goes on standing by, and answers reads from its own copy; a write tells the truth.
    pair.standby.expect(429);
    assert_eq!(pair.standby.get("auth/token/lookup-self").0, 200);
    process::wait_for("a pointer to the server that has died", PATIENCE, || {
        let code = write(&pair.standby);
        if code == 307 {
            Ok(())
        } else {
            Err(format!("status {code}"))
        }
    });
}
