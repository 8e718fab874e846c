//! nginx answers as ordered, says a small HTTP client and openssl.

use std::process::Command;

use waitfor_tests::install::{Component, require};
use waitfor_tests::process;
use waitfor_tests::servers::nginx::Nginx;
use waitfor_tests::tls::Tls;

#[test]
fn answers_to_order() {
    let Some(installed) = require(Component::Nginx) else {
        return;
    };
    let nginx = Nginx::start(
        &installed,
        "location = /health { add_header X-State up; return 200 '{\"status\":\"up\"}'; }\n\
         location = /down { return 503; }\n\
         location = /old { return 302 /health; }",
    );
    let get = |path: &str| {
        minreq::get(format!("http://127.0.0.1:{}{path}", nginx.port))
            .with_follow_redirects(false)
            .with_timeout(20)
            .send()
            .expect("an answer")
    };
    let health = get("/health");
    assert_eq!(
        (health.status_code, health.as_str().ok()),
        (200, Some("{\"status\":\"up\"}"))
    );
    assert_eq!(health.headers["x-state"], "up");
    assert_eq!(get("/down").status_code, 503);
    let old = get("/old");
    assert_eq!(old.status_code, 302);
    assert!(old.headers["location"].ends_with("/health"));
    nginx.expect_request("GET /down 127.0.0.1  503");
}

#[test]
fn over_tls() {
    let Some(installed) = require(Component::Nginx) else {
        return;
    };
    let Some(openssl) = require(Component::Openssl) else {
        return;
    };
    let tls = Tls::new();
    let nginx = Nginx::start_tls(&installed, &tls.server, "location / { return 204; }");
    let mut client = Command::new(openssl.program("openssl"));
    client
        .args([
            "s_client",
            "-verify_return_error",
            "-servername",
            "localhost",
            "-connect",
        ])
        .arg(format!("127.0.0.1:{}", nginx.port))
        .arg("-CAfile")
        .arg(&tls.ca);
    let text = process::run(&mut client);
    assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
}
