//! The vault probe, in the built `waitfor`, over a real OpenBao in every state that it has, and
//! over scripted answers for the states that only HashiCorp Vault has.

use serde_json::json;
use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::install::{self, Component, Installed};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::{PATIENCE, free_port, wait_for};
use waitfor_tests::servers::openbao::{DEV_TOKEN, OpenBao};
use waitfor_tests::servers::scripted_http::serve;
use waitfor_tests::tls::Tls;

const SCRIPTED: &str = "scripted";

/// Short, since a state that does not change is as telling after a second.
fn client() -> Cli {
    Cli::new().timeout("1s")
}

fn ask(url: &str, more: &[&str]) -> Verdict {
    let mut args = vec![url];
    args.extend(more);
    client().attempt(args)
}

fn ask_with_token(token: &str, url: &str, more: &[&str]) -> Verdict {
    let mut args = vec![url];
    args.extend(more);
    client().env("VAULT_TOKEN", token).attempt(args)
}

fn at(port: u16) -> String {
    format!("vault+http://127.0.0.1:{port}")
}

#[test]
fn every_state_has_its_verdict() {
    let Some(installed) = install::require(Component::OpenBao) else {
        return;
    };
    let mut matrix = Matrix::new("vault", &installed.version);
    life(&mut matrix, &installed);
    tokens_and_paths(&mut matrix, &installed);
    namespaces(&mut matrix, &installed);
    standby(&mut matrix, &installed);
    encryption(&mut matrix, &installed);
    only_vault(&mut matrix);
    strangers(&mut matrix);
    matrix.finish();
}

fn life(matrix: &mut Matrix, installed: &Installed) {
    let closed = at(free_port());
    matrix.row("not started", "not-ready", "refused", &ask(&closed, &[]));

    let mut server = OpenBao::uninitialised(installed, None);
    let url = at(server.port);
    for want in ["active", "usable"] {
        matrix.row(
            "started, not initialized",
            "not-ready",
            "uninitialized",
            &ask(&url, &["--want", want]),
        );
    }
    server.init(5, 3);
    server.expect(503);
    let found = ask(&url, &[]);
    matrix.row("initialized, sealed", "not-ready", "sealed", &found);
    assert_eq!(found.reason, "sealed: unseal 0 of 3 keys");
    server.unseal_with(1);
    let found = ask(&url, &[]);
    matrix.row("one of three keys was given", "not-ready", "sealed", &found);
    assert_eq!(found.reason, "sealed: unseal 1 of 3 keys");
    assert_eq!(found.fact("unseal-progress"), "1/3");
    server.unseal_with(2);
    let found = ask(&url, &["--want", "usable"]);
    matrix.row(
        "two of three keys were given",
        "not-ready",
        "sealed",
        &found,
    );
    assert_eq!(found.reason, "sealed: unseal 2 of 3 keys");
    server.unseal();
    for want in ["active", "usable"] {
        let found = ask(&url, &["--want", want]);
        matrix.row("unsealed and active", "ready", "", &found);
        assert_eq!(found.fact("state"), "active");
        assert_eq!(found.fact("version"), "2.7.2");
    }
    let bao = format!("bao+http://127.0.0.1:{}", server.port);
    matrix.row("unsealed and active", "ready", "", &ask(&bao, &[]));
    server.seal();
    matrix.row("sealed again", "not-ready", "sealed", &ask(&url, &[]));
    server.stop();
    matrix.row("stopped", "not-ready", "refused", &ask(&url, &[]));
}

fn tokens_and_paths(matrix: &mut Matrix, installed: &Installed) {
    let server = OpenBao::dev(installed);
    let url = at(server.port);
    matrix.row("development mode", "ready", "", &ask(&url, &[]));
    matrix.row(
        "the token is right",
        "ready",
        "",
        &ask_with_token(DEV_TOKEN, &url, &[]),
    );
    matrix.row(
        "the token is wrong",
        "misconfigured",
        "wrong-token",
        &ask_with_token("s.wrong", &url, &[]),
    );

    let secret = json!({ "data": { "greeting": "hello" } });
    assert_eq!(server.put("secret/data/app", &secret).0, 200);
    let policy = json!({ "policy": "path \"secret/data/other\" { capabilities = [\"read\"] }" });
    assert_eq!(server.put("sys/policies/acl/other", &policy).0, 204);
    let (code, answer) = server.put("auth/token/create", &json!({ "policies": ["other"] }));
    assert_eq!(code, 200, "a token: {answer}");
    let limited = answer["auth"]["client_token"].as_str().unwrap_or_default();
    let (code, _) = server.put("sys/mounts/transit", &json!({ "type": "transit" }));
    assert_eq!(code, 204);

    for (state, path, token, verdict, code) in [
        (
            "the path is served",
            "secret/data/app",
            DEV_TOKEN,
            "ready",
            "",
        ),
        (
            "the path is served and empty",
            "secret/data/nosuch",
            DEV_TOKEN,
            "ready",
            "",
        ),
        (
            "the path is served for writing only",
            "transit/encrypt/app",
            DEV_TOKEN,
            "ready",
            "",
        ),
        (
            "nothing is mounted there",
            "nosuch/app",
            DEV_TOKEN,
            "not-ready",
            "path-missing",
        ),
        (
            "the path of a versioned engine lacks `data/`",
            "secret/app",
            DEV_TOKEN,
            "misconfigured",
            "bad-path",
        ),
        (
            "the engine has no such path",
            "transit/nosuch/app",
            DEV_TOKEN,
            "misconfigured",
            "bad-path",
        ),
        (
            "the token has no policy for the path",
            "secret/data/app",
            limited,
            "misconfigured",
            "not-authorized",
        ),
        (
            "the path is asked with a wrong token",
            "secret/data/app",
            "s.wrong",
            "misconfigured",
            "wrong-token",
        ),
    ] {
        let found = ask_with_token(token, &url, &["--path", path]);
        matrix.row(state, verdict, code, &found);
        assert!(
            !found.raw.to_string().contains(token),
            "{state}: the token is shown"
        );
    }
    matrix.row(
        "the path is asked without a token",
        "misconfigured",
        "not-authorized",
        &ask(&url, &["--path", "secret/data/app"]),
    );
}

fn namespaces(matrix: &mut Matrix, installed: &Installed) {
    let server = OpenBao::dev(installed);
    let url = at(server.port);
    let ask = |more: &[&str]| ask_with_token(DEV_TOKEN, &url, more);
    matrix.row(
        "the namespace is not there",
        "not-ready",
        "namespace-missing",
        &ask(&["--namespace", "team"]),
    );
    assert_eq!(server.put("sys/namespaces/team", &json!({})).0, 200);
    matrix.row(
        "the namespace is there; the token is of its parent",
        "ready",
        "",
        &ask(&["--namespace", "team"]),
    );
    matrix.row(
        "the path is mounted outside of the namespace only",
        "not-ready",
        "path-missing",
        &ask(&["--namespace", "team", "--path", "secret/data/app"]),
    );
    // The namespace comes from the environment and is not sent to sys/health.
    let found = client()
        .env("BAO_NAMESPACE", "team")
        .attempt([url.as_str()]);
    matrix.row("`$BAO_NAMESPACE`, and no token", "ready", "", &found);
    let found = Cli::new()
        .timeout("1s")
        .env("BAO_ADDR", format!("http://127.0.0.1:{}", server.port))
        .env("VAULT_ADDR", "http://127.0.0.1:1")
        .attempt(["--plugin", "vault"]);
    matrix.row(
        "`$BAO_ADDR`, which goes before `$VAULT_ADDR`",
        "ready",
        "",
        &found,
    );
}

fn standby(matrix: &mut Matrix, installed: &Installed) {
    let mut pair = OpenBao::pair(installed);
    let (active, url) = (at(pair.active.port), at(pair.standby.port));
    let token = pair.standby.root_token.clone();
    matrix.row("the active node of two", "ready", "", &ask(&active, &[]));
    let found = ask(&url, &[]);
    matrix.row("the standby of two", "not-ready", "standby", &found);
    assert_eq!(
        found.fact("leader"),
        format!("http://127.0.0.1:{}", pair.active.port)
    );
    // It passes requests on as soon as it knows the active node, which is not at once.
    let found = Cli::new()
        .timeout("20s")
        .attempt([url.as_str(), "--want", "usable"]);
    matrix.row("the standby of two", "ready", "", &found);
    assert_eq!(found.fact("state"), "standby");
    let found = ask_with_token(&token, &url, &["--want", "usable"]);
    matrix.row(
        "the standby of two; the token is right",
        "ready",
        "",
        &found,
    );

    pair.active.stop();
    wait_for("the standby to notice", PATIENCE, || {
        match pair
            .standby
            .put("auth/token/create", &json!({ "ttl": "1m" }))
            .0
        {
            307 => Ok(()),
            code => Err(format!("status {code}")),
        }
    });
    assert_eq!(
        pair.standby.get("sys/health?standbyok=true").0,
        200,
        "what a probe of the status alone believes"
    );
    for more in [&["--want", "usable"][..], &[]] {
        let (verdict, code) = (
            "not-ready",
            if more.is_empty() {
                "standby"
            } else {
                "no-quorum"
            },
        );
        matrix.row(
            "the standby, after the active node died",
            verdict,
            code,
            &ask(&url, more),
        );
    }
    matrix.row(
        "the standby, after the active node died; the token is right, and OpenBao still answers it",
        "not-ready",
        "no-quorum",
        &ask_with_token(&token, &url, &["--want", "usable"]),
    );
    assert_eq!(pair.standby.get("auth/token/lookup-self").0, 200);
}

fn encryption(matrix: &mut Matrix, installed: &Installed) {
    let files = Tls::new();
    let server = OpenBao::active(installed, Some(&files.server));
    let ca = files.ca.display().to_string();
    let other_ca = files.other_ca.display().to_string();
    let secure = format!("vault://127.0.0.1:{}", server.tls_port);
    matrix.row("over TLS", "ready", "", &ask(&secure, &["--tls-ca", &ca]));
    let found = client().env("VAULT_CACERT", &ca).attempt([secure.as_str()]);
    matrix.row("over TLS; `$VAULT_CACERT`", "ready", "", &found);
    let found = client()
        .env("VAULT_SKIP_VERIFY", "1")
        .attempt([secure.as_str()]);
    matrix.row("over TLS; `$VAULT_SKIP_VERIFY`", "ready", "", &found);
    let found = client()
        .env(
            "VAULT_ADDR",
            format!("https://127.0.0.1:{}", server.tls_port),
        )
        .attempt(["--plugin", "vault", "--tls-ca", &ca]);
    matrix.row("over TLS; `$VAULT_ADDR`", "ready", "", &found);
    matrix.row(
        "over TLS; the certificate is of another authority",
        "misconfigured",
        "tls-certificate",
        &ask(&secure, &["--tls-ca", &other_ca]),
    );
    let found = ask(&at(server.tls_port), &[]);
    matrix.row(
        "plain HTTP to the TLS port",
        "misconfigured",
        "tls-required",
        &found,
    );
    let hint = found.hint.unwrap_or_default();
    assert!(hint.contains("vault://127.0.0.1:"), "{hint}");
    let found = ask(&format!("vault://127.0.0.1:{}", server.port), &[]);
    matrix.row(
        "TLS to the plain port",
        "misconfigured",
        "tls-unsupported",
        &found,
    );
    let hint = found.hint.unwrap_or_default();
    assert!(hint.contains("vault+http://127.0.0.1:"), "{hint}");
}

/// What Vault Enterprise and Vault 1.19 say, by their source: no OpenBao has these states.
fn only_vault(matrix: &mut Matrix) {
    const BASE: &str = r#""initialized":true,"sealed":false,"standby":true"#;
    for (state, code, more, word) in [
        (
            "disaster recovery secondary",
            472,
            r#""replication_dr_mode":"secondary""#,
            "dr-secondary",
        ),
        (
            "performance standby",
            473,
            r#""performance_standby":true"#,
            "performance-standby",
        ),
        (
            "standby without a connection to the active node",
            474,
            r#""ha_connection_healthy":false"#,
            "standby-unhealthy",
        ),
        (
            "removed from the raft cluster",
            530,
            r#""removed_from_cluster":true"#,
            "removed-from-cluster",
        ),
    ] {
        let verdict = if code == 530 {
            "misconfigured"
        } else {
            "not-ready"
        };
        let body = format!("{{{BASE},{more}}}");
        let json = serve(&format!(
            "HTTP/1.1 299 status code 299\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        matrix.row_on(state, SCRIPTED, verdict, word, &ask(&at(json), &[]));
        let bare = serve(&format!(
            "HTTP/1.1 {code} status code {code}\r\nContent-Length: 0\r\n\r\n"
        ));
        let bare = ask(&at(bare), &[]);
        matrix.row_on(
            &format!("{state}: {code} without a body"),
            SCRIPTED,
            verdict,
            word,
            &bare,
        );
        let usable = ask(&at(json), &["--want", "usable"]);
        let (verdict, word) = if code == 473 {
            ("ready", "")
        } else {
            (verdict, word)
        };
        matrix.row_on(state, SCRIPTED, verdict, word, &usable);
    }
}

fn strangers(matrix: &mut Matrix) {
    for (state, answer, verdict, code) in [
        (
            "501 without a body",
            "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
            "not-ready",
            "uninitialized",
        ),
        (
            "503 without a body",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "not-ready",
            "sealed",
        ),
        (
            "429 without a body",
            "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
            "not-ready",
            "standby",
        ),
        (
            "a balancer without a server behind it",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n<h1>No server is available</h1>",
            "not-ready",
            "unavailable",
        ),
        (
            "a gateway that does not reach the server",
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
            "not-ready",
            "server-error",
        ),
        (
            "a web server",
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<h1>Not Found</h1>",
            "misconfigured",
            "not-vault",
        ),
        (
            "a web server with a page for everything",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>Welcome</h1>",
            "misconfigured",
            "not-vault",
        ),
        (
            "a proxy that adds a namespace",
            "HTTP/1.1 400 Bad Request\r\n\r\n{\"errors\":[\"operation unavailable in namespaces\"]}",
            "misconfigured",
            "bad-request",
        ),
        (
            "a web server that wants TLS",
            "HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            "misconfigured",
            "tls-required",
        ),
        (
            "SSH",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "accepts and closes, as docker's proxy does",
            "",
            "not-ready",
            "closed",
        ),
    ] {
        let found = ask(&at(serve(answer)), &[]);
        matrix.row_on(state, SCRIPTED, verdict, code, &found);
    }
}
