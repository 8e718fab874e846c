//! The http probe, in the built `waitfor`, over a real nginx, and over scripted peers for what
//! nginx does not do.

mod scripted;

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::install::{self, Component, Installed};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::free_port;
use waitfor_tests::servers::nginx::Nginx;
use waitfor_tests::tls::{Identity, Tls};

/// A service with an answer for each row.
const LOCATIONS: &str = r#"
    location = /health { add_header X-State "up, active"; default_type application/json;
        return 200 '{"status":"up","nodes":[{"name":"a"},{"name":"b"}],"count":2}'; }
    location = /starting { default_type application/json; return 200 '{"status":"starting"}'; }
    location = /empty { return 204; }
    location = /page { default_type text/html; return 200 '<h1>Welcome</h1>'; }
    location = /busy { add_header Retry-After 1 always; return 503; }
    location = /limited { return 429; }
    location = /broken { return 502; }
    location = /forbidden { return 403; }
    location = /login { if ($http_authorization != "Basic YXBwOmxldC1tZS1pbg==") { return 401; } return 200; }
    location = /api { if ($http_authorization != "Bearer let-me-in") { return 401; } return 200; }
    location = /key { if ($http_x_api_key != "let-me-in") { return 401; } return 200; }
    location = /named { if ($host != "app.example") { return 404; } return 200 $host; }
    location = /post { if ($request_method != POST) { return 405; } return 200; }
    location = /old { return 302 /health; }
    location = /older { return 301 /old; }
    location = /circle { return 302 /circle; }
    location = /query { return 200 $arg_state; }
"#;

/// Short, since a state that does not change is as telling after a second.
fn client() -> Cli {
    Cli::new().timeout("1s")
}

fn ask(url: &str, more: &[&str]) -> Verdict {
    let mut args = vec![url];
    args.extend(more);
    client().attempt(args)
}

#[test]
fn every_state_has_its_verdict() {
    let Some(installed) = install::require(Component::Nginx) else {
        return;
    };
    let mut matrix = Matrix::new("http", &installed.version);
    let server = Nginx::start(&installed, LOCATIONS);
    let url = format!("http://127.0.0.1:{}", server.port);
    statuses(&mut matrix, &url);
    expectations(&mut matrix, &url);
    requests(&mut matrix, &server, &url);
    redirects(&mut matrix, &installed, &url);
    encryption(&mut matrix, &installed, &server);
    scripted::rows(&mut matrix);
    matrix.finish();
}

fn statuses(matrix: &mut Matrix, url: &str) {
    let closed = format!("http://127.0.0.1:{}", free_port());
    matrix.row("not started", "not-ready", "refused", &ask(&closed, &[]));
    for (path, more, verdict, code) in [
        ("/health", &[][..], "ready", ""),
        ("/empty", &[], "ready", ""),
        ("/nosuch", &[], "not-ready", "unexpected-status"),
        ("/busy", &[], "not-ready", "unexpected-status"),
        ("/limited", &[], "not-ready", "unexpected-status"),
        ("/broken", &[], "not-ready", "unexpected-status"),
        ("/forbidden", &[], "not-ready", "unexpected-status"),
        ("/login", &[], "misconfigured", "not-authorized"),
        ("/login", &["--status", "200,401"], "ready", ""),
        ("/nosuch", &["--status", "400-499"], "ready", ""),
        (
            "/health",
            &["--status", "3xx"],
            "not-ready",
            "unexpected-status",
        ),
        ("/health", &["--method", "HEAD"], "ready", ""),
        (
            "/health",
            &["--method", "DELETE", "--status", "405"],
            "not-ready",
            "unexpected-status",
        ),
    ] {
        let found = ask(&format!("{url}{path}"), more);
        matrix.row(&format!("answers as `{path}` does"), verdict, code, &found);
    }
    let found = ask(&format!("{url}/health"), &[]);
    assert_eq!(found.facts.get("status").map(String::as_str), Some("200"));
    assert!(found.facts.contains_key("server"), "{:?}", found.facts);
}

fn expectations(matrix: &mut Matrix, url: &str) {
    for (state, path, more, verdict, code) in [
        (
            "the header is there",
            "/health",
            &["--expect-header", "x-state"][..],
            "ready",
            "",
        ),
        (
            "the header has the value",
            "/health",
            &["--expect-header", "X-State: active"],
            "ready",
            "",
        ),
        (
            "the header has another value",
            "/health",
            &["--expect-header", "X-State: standby"],
            "not-ready",
            "unexpected-header",
        ),
        (
            "the header is missing",
            "/page",
            &["--expect-header", "X-State"],
            "not-ready",
            "unexpected-header",
        ),
        (
            "the body has the text",
            "/page",
            &["--expect-body", "Welcome"],
            "ready",
            "",
        ),
        (
            "the body lacks the text",
            "/page",
            &["--expect-body", "Goodbye"],
            "not-ready",
            "unexpected-body",
        ),
        (
            "the body matches",
            "/page",
            &["--expect-body-regex", "(?i)^<h1>wel\\w+</h1>$"],
            "ready",
            "",
        ),
        (
            "the body does not match",
            "/page",
            &["--expect-body-regex", "^Welcome$"],
            "not-ready",
            "unexpected-body",
        ),
        (
            "the json is as expected",
            "/health",
            &["--expect-json", "/status == \"up\""],
            "ready",
            "",
        ),
        (
            "the json is as expected",
            "/health",
            &["--expect-json", "/nodes/1/name == b"],
            "ready",
            "",
        ),
        (
            "the json is as expected",
            "/health",
            &["--expect-json", "/count >= 2"],
            "ready",
            "",
        ),
        (
            "the json is not yet as expected",
            "/starting",
            &["--expect-json", "/status == \"up\""],
            "not-ready",
            "unexpected-body",
        ),
        (
            "the json lacks the key",
            "/starting",
            &["--expect-json", "/leader"],
            "not-ready",
            "unexpected-body",
        ),
        (
            "a page in place of json",
            "/page",
            &["--expect-json", "/status"],
            "not-ready",
            "unexpected-body",
        ),
        (
            "all of them at once",
            "/health",
            &[
                "--expect-header",
                "X-State: up",
                "--expect-body",
                "nodes",
                "--expect-body-regex",
                "[{].*[}]",
                "--expect-json",
                "/count < 3",
                "--expect-json",
                "/status != starting",
            ],
            "ready",
            "",
        ),
    ] {
        matrix.row(state, verdict, code, &ask(&format!("{url}{path}"), more));
    }
}

fn requests(matrix: &mut Matrix, server: &Nginx, url: &str) {
    let found = ask(
        &format!("{url}/query?state=a%20b"),
        &["--expect-body", "a%20b"],
    );
    matrix.row("the query is sent as it is written", "ready", "", &found);
    server.expect_request("GET /query?state=a%20b 127.0.0.1");

    let found = ask(&format!("{url}/post"), &["--method", "POST"]);
    matrix.row("takes a POST, without a body", "ready", "", &found);
    server.expect_request("POST /post 127.0.0.1  200 0");
    let body = [
        "--method",
        "POST",
        "--body",
        "{\"query\":\"{up}\"}",
        "--status",
        "503",
    ];
    let found = ask(&format!("{url}/nosuch"), &body);
    matrix.row(
        "does not take the POST yet",
        "not-ready",
        "unexpected-status",
        &found,
    );
    assert!(found.attempts > 1, "{} attempts", found.attempts);
    server.expect_request("POST /nosuch 127.0.0.1  404 16");
    let posts: Vec<String> = server
        .requests()
        .into_iter()
        .filter(|line| line.starts_with("POST /nosuch"))
        .collect();
    assert!(
        posts.len() > 1 && posts.iter().all(|line| line.ends_with(" 16")),
        "the body goes with every attempt: {posts:?}"
    );

    let found = ask(&format!("{url}/named"), &["--host-header", "app.example"]);
    matrix.row("serves another name", "ready", "", &found);
    matrix.row(
        "serves another name, which is not asked for",
        "not-ready",
        "unexpected-status",
        &ask(&format!("{url}/named"), &[]),
    );
    let by_header = ["--header", "Host: app.example"];
    let found = ask(&format!("{url}/named"), &by_header);
    matrix.row("serves another name", "ready", "", &found);

    for (state, password, verdict, code) in [
        ("the password is right", "let-me-in", "ready", ""),
        (
            "the password is wrong",
            "let-me-out",
            "misconfigured",
            "wrong-password",
        ),
    ] {
        let with = url.replace("//", &format!("//app:{password}@"));
        let found = ask(&format!("{with}/login"), &[]);
        assert!(!found.raw.to_string().contains(password), "{}", found.raw);
        matrix.replace(&format!("app:{password}@"), "app:***@");
        matrix.row(state, verdict, code, &found);
    }
    let folder = waitfor_tests::process::temp_dir("secrets");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file for a secret");
        path.display().to_string()
    };
    let right = file("token", "let-me-in\n");
    let wrong = file("wrong", "let-me-out\n");
    let header = file("header", "X-Api-Key: let-me-in\n");
    for (state, path, option, value, verdict, code) in [
        (
            "the token is right",
            "/api",
            "--bearer-token-file",
            &right,
            "ready",
            "",
        ),
        (
            "the token is wrong",
            "/api",
            "--bearer-token-file",
            &wrong,
            "misconfigured",
            "wrong-token",
        ),
        (
            "the secret header is right",
            "/key",
            "--secret-header-file",
            &header,
            "ready",
            "",
        ),
    ] {
        let found = ask(&format!("{url}{path}"), &[option, value]);
        matrix.row(state, verdict, code, &found);
        assert!(!found.raw.to_string().contains("let-me"), "{}", found.raw);
    }
}

fn redirects(matrix: &mut Matrix, installed: &Installed, url: &str) {
    for (state, path, more, verdict, code) in [
        ("redirects once", "/old", &[][..], "ready", ""),
        (
            "redirects twice",
            "/older",
            &["--expect-json", "/status == up"],
            "ready",
            "",
        ),
        (
            "redirects twice, once is allowed",
            "/older",
            &["--max-redirects", "1"],
            "misconfigured",
            "too-many-redirects",
        ),
        (
            "redirects, and that is not followed",
            "/old",
            &["--max-redirects", "0"],
            "not-ready",
            "unexpected-status",
        ),
        (
            "redirects, and that is wanted",
            "/old",
            &["--status", "302"],
            "ready",
            "",
        ),
        (
            "redirects in a circle",
            "/circle",
            &[],
            "misconfigured",
            "too-many-redirects",
        ),
    ] {
        matrix.row(state, verdict, code, &ask(&format!("{url}{path}"), more));
    }
    let port = url.rsplit(':').next().unwrap_or_default();
    let other = Nginx::start(
        installed,
        &format!("location / {{ return 302 http://localhost:{port}/health; }}"),
    );
    let from = format!("http://127.0.0.1:{}/", other.port);
    let allowed = format!("localhost:{port}");
    let found = ask(&from, &[]);
    matrix.row(
        "redirects to another host",
        "misconfigured",
        "policy-denied",
        &found,
    );
    let hint = found.hint.unwrap_or_default();
    assert!(hint.contains(&format!("--allow {allowed}")), "{hint}");
    matrix.row(
        "redirects to another host, which is allowed",
        "ready",
        "",
        &ask(&from, &["--allow", &allowed]),
    );
    let with = from.replace("//", "//app:let-me-in@");
    matrix.replace("app:let-me-in@", "app:***@");
    matrix.row(
        "redirects to another host, after a password was sent",
        "misconfigured",
        "policy-denied",
        &ask(&with, &["--allow", &allowed]),
    );
}

fn encryption(matrix: &mut Matrix, installed: &Installed, plain: &Nginx) {
    let files = Tls::new();
    let ca = files.ca.display().to_string();
    let other_ca = files.other_ca.display().to_string();
    let server = Nginx::start_tls(installed, &files.server, "location / { return 204; }");
    let url = format!("https://localhost:{}/", server.port);
    matrix.row("over TLS", "ready", "", &ask(&url, &["--tls-ca", &ca]));
    server.expect_request("GET / localhost localhost 204");
    let named = ["--tls-ca", &ca, "--host-header", "app.example"];
    let by_address = format!("https://127.0.0.1:{}/", server.port);
    matrix.row(
        "over TLS; another name in the header than in the handshake",
        "ready",
        "",
        &ask(
            &by_address,
            &[&named[..], &["--tls-server-name", "localhost"]].concat(),
        ),
    );
    server.expect_request("GET / app.example localhost 204");
    matrix.row(
        "over TLS; not verified",
        "ready",
        "",
        &ask(&url, &["--tls-insecure"]),
    );
    matrix.row(
        "over TLS; the certificate is of another authority",
        "misconfigured",
        "tls-certificate",
        &ask(&url, &["--tls-ca", &other_ca]),
    );
    for (state, identity) in [
        (
            "over TLS; the certificate is for another name",
            &files.other_name,
        ),
        ("over TLS; the certificate has expired", &files.expired),
    ] {
        let server = Nginx::start_tls(installed, identity, "location / { return 204; }");
        let url = format!("https://localhost:{}/", server.port);
        let found = ask(&url, &["--tls-ca", &ca]);
        matrix.row(state, "misconfigured", "tls-certificate", &found);
    }
    let wants = format!(
        "ssl_client_certificate {ca};\nssl_verify_client on;\nlocation / {{ return 204; }}"
    );
    let strict = Nginx::start_tls(installed, &files.server, &wants);
    let url = format!("https://localhost:{}/", strict.port);
    let pair = |identity: &Identity| {
        let (cert, key) = (identity.cert.display(), identity.key.display());
        [format!("--tls-cert={cert}"), format!("--tls-key={key}")]
    };
    let (right, wrong) = (pair(&files.client), pair(&files.other_client));
    for (state, with, verdict, code) in [
        (
            "wants a certificate of the client",
            None,
            "misconfigured",
            "tls-certificate",
        ),
        (
            "the client's certificate is trusted",
            Some(&right),
            "ready",
            "",
        ),
        (
            "the client's certificate is of another authority",
            Some(&wrong),
            "misconfigured",
            "tls-certificate",
        ),
    ] {
        let mut more = vec!["--tls-ca", &ca];
        more.extend(with.into_iter().flatten().map(String::as_str));
        matrix.row(state, verdict, code, &ask(&url, &more));
    }
    let found = ask(&format!("http://localhost:{}/", server.port), &[]);
    matrix.row(
        "plain HTTP to the TLS port",
        "misconfigured",
        "tls-required",
        &found,
    );
    let hint = found.hint.unwrap_or_default();
    assert!(hint.contains("https://localhost:"), "{hint}");
    let found = ask(&format!("https://localhost:{}/", plain.port), &[]);
    matrix.row(
        "TLS to the plain port",
        "misconfigured",
        "tls-unsupported",
        &found,
    );
}

/// Offline, before anything is asked.
#[test]
fn parameters_that_cannot_work_are_refused_at_once() {
    for args in [
        &["--status", "ok"][..],
        &["--expect-body-regex", "("],
        &["--expect-json", ".status"],
        &["--header", "no colon"],
        &["--header", "X-A: b\r\nX-Injected: 1"],
        &["--method", "HEAD", "--expect-body", "up"],
        &["--max-redirects", "21"],
    ] {
        let url = format!("http://127.0.0.1:{}/", free_port());
        let outcome = Cli::new()
            .args([url.as_str(), "--timeout", "20s", "--grace", "0s"])
            .args(args)
            .run();
        assert!(matches!(outcome.code, 2 | 3), "{args:?}: {outcome:?}");
        assert!(!outcome.stderr.contains("refused"), "{args:?}: {outcome:?}");
    }
}
