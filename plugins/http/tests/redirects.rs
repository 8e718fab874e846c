//! Redirects: where they lead, what is sent there, and who decides.

use waitfor_probe_http::Http;
use waitfor_sdk::native::{Run, Session, Step};
use waitfor_sdk::{Misuse, Verdict};

fn plain() -> Session {
    Session::new("http", "web", 8080)
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup";

/// Each answer on a connection of its own, whole and byte by byte.
#[track_caller]
fn run(session: impl Fn() -> Session, answers: &[&str]) -> Run {
    let attempt = |session: Session| {
        answers
            .iter()
            .fold(session, |session, answer| {
                session.conversation([Step::send(answer)])
            })
            .check::<Http>()
    };
    let whole = attempt(session());
    assert_eq!(whole.verdict, attempt(session().in_pieces_of(1)).verdict);
    whole
}

fn request_line(run: &Run, connection: usize) -> String {
    let sent = String::from_utf8_lossy(run.sent(connection)).into_owned();
    sent.lines().next().unwrap_or_default().to_owned()
}

fn misuse(verdict: &Verdict) -> &Misuse {
    match verdict {
        Verdict::Misconfigured(misuse) => misuse,
        other => panic!("{other:?}"),
    }
}

#[test]
fn its_own_origin_is_followed_with_everything() {
    for location in [
        "/login",
        "login",
        "http://web:8080/login",
        "//WEB:8080/login",
    ] {
        let session = || {
            plain()
                .secret("bearer-token", "t")
                .value("header", "Cookie: a=b")
        };
        let run = run(session, &[&redirect(302, location), OK]);
        assert_eq!(
            run.verdict.reason(),
            "GET /login brought 200 OK",
            "{location}"
        );
        assert_eq!(run.address(1), "web:8080");
        let sent = String::from_utf8_lossy(run.sent(1)).into_owned();
        assert!(
            sent.contains("\r\nAuthorization: Bearer t\r\n")
                && sent.contains("\r\nCookie: a=b\r\n")
        );
    }
}

#[test]
fn methods_change_as_browsers_change_them() {
    for (method, status, next, body) in [
        ("GET", 301, "GET", false),
        ("GET", 307, "GET", false),
        ("HEAD", 303, "HEAD", false),
        ("POST", 301, "GET", false),
        ("POST", 302, "GET", false),
        ("POST", 303, "GET", false),
        ("POST", 307, "POST", true),
        ("POST", 308, "POST", true),
        ("PUT", 302, "PUT", true),
        ("PUT", 303, "GET", false),
    ] {
        let session = || {
            let session = plain()
                .value("method", method)
                .value("content-type", "text/plain");
            if matches!(method, "POST" | "PUT") {
                session.value("body", "payload")
            } else {
                session
            }
        };
        let run = run(session, &[&redirect(status, "/b"), OK]);
        assert_eq!(
            request_line(&run, 1),
            format!("{next} /b HTTP/1.1"),
            "{method} {status}"
        );
        assert_eq!(run.sent(1).ends_with(b"payload"), body, "{method} {status}");
        let sent = String::from_utf8_lossy(run.sent(1)).into_owned();
        assert_eq!(sent.contains("Content-Type"), body, "{method} {status}");
    }
}

#[test]
fn the_number_is_bounded() {
    let circle = redirect(302, "/a");
    let run_out = run(plain, &[circle.as_str(); 6]);
    assert_eq!(misuse(&run_out.verdict).code, "too-many-redirects");
    assert_eq!(run_out.connections(), 6);
    let none = run(|| plain().value("max-redirects", "0"), &[&circle]);
    assert_eq!(none.verdict.code(), "unexpected-status");
    assert_eq!((none.connections(), none.unused), (1, 0));
    let wanted = run(|| plain().value("status", "302"), &[&circle]);
    assert_eq!(wanted.verdict.reason(), "GET / brought 302 Moved");
    let one = run(|| plain().value("max-redirects", "1"), &[&circle, OK]);
    assert_eq!(one.verdict.code(), "ready");
}

#[test]
fn another_origin_is_the_policys_to_allow() {
    for (location, address) in [
        ("http://sso.example/login", "sso.example:80"),
        ("https://web:8080/", "web:8080"),
        ("http://web/", "web:80"),
        ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
    ] {
        let run = run(plain, &[&redirect(302, location)]);
        let misuse = misuse(&run.verdict);
        assert_eq!(misuse.code, "policy-denied", "{location}");
        assert!(
            misuse
                .hint
                .as_ref()
                .unwrap()
                .contains(&format!("--allow {address},"))
        );
        assert_eq!(run.connections(), 1);
    }
    let allowed = run(
        || {
            plain()
                .allow("sso.example", 80)
                .value("host-header", "x.example")
        },
        &[&redirect(302, "http://sso.example/login?next=secret"), OK],
    );
    assert_eq!(
        allowed.verdict.reason(),
        "GET http://sso.example:80/login brought 200 OK"
    );
    assert_eq!(allowed.address(1), "sso.example:80");
    let sent = String::from_utf8_lossy(allowed.sent(1)).into_owned();
    assert!(
        sent.starts_with("GET /login?next=secret HTTP/1.1\r\nHost: sso.example\r\n"),
        "{sent}"
    );
}

#[test]
fn https_to_https_is_asked_over_tls() {
    let run = Session::new("https", "web", 443)
        .allow("www", 443)
        .conversation([Step::Tls, Step::send(redirect(301, "https://www/"))])
        .conversation([Step::Tls, Step::send(OK)])
        .check::<Http>();
    assert_eq!(run.verdict.reason(), "GET https://www:443/ brought 200 OK");
    assert_eq!(run.tls(1)[0].protocols, ["http/1.1"]);
    let down = Session::new("https", "web", 443)
        .allow("www", 80)
        .conversation([Step::Tls, Step::send(redirect(301, "http://www/"))])
        .conversation([Step::send(OK)])
        .check::<Http>();
    assert_eq!(down.verdict.code(), "ready");
    assert!(down.tls(1).is_empty());
}

#[test]
fn headers_of_the_user_stay_at_home() {
    let run = run(
        || {
            plain()
                .allow("other", 80)
                .value("header", "Authorization: Basic eDp5")
                .value("header", "cookie: a=b")
                .value("header", "Host: inner.example")
                .value("header", "X-Trace: 1")
        },
        &[
            &redirect(302, "http://other/x"),
            &redirect(302, "/y"),
            &redirect(302, "http://web:8080/z"),
            OK,
        ],
    );
    assert_eq!(run.verdict.code(), "ready");
    for connection in [1, 2] {
        assert_eq!(run.address(connection), "other:80");
        let sent = String::from_utf8_lossy(run.sent(connection)).into_owned();
        assert!(sent.contains("\r\nX-Trace: 1\r\n"), "{sent}");
        assert!(sent.contains("\r\nHost: other\r\n"), "{sent}");
        assert!(
            !sent.contains("eDp5") && !sent.contains("a=b") && !sent.contains("inner"),
            "{sent}"
        );
    }
    assert_eq!(request_line(&run, 2), "GET /y HTTP/1.1");
    assert_eq!(run.address(3), "web:8080");
    let home = String::from_utf8_lossy(run.sent(3)).into_owned();
    assert!(
        home.contains("\r\nHost: inner.example\r\n") && home.contains("eDp5"),
        "{home}"
    );
}

#[test]
fn after_credentials_no_other_origin_is_asked() {
    for session in [
        || plain().secret("bearer-token", "t0ken").allow("other", 80),
        || {
            plain()
                .secret("secret-header", "X-Key: t0ken")
                .allow("other", 80)
        },
        || {
            plain()
                .value("user", "app")
                .secret("password", "t0ken")
                .allow("other", 80)
        },
    ] {
        let run = run(session, &[&redirect(302, "http://other/x?t0ken"), OK]);
        let misuse = misuse(&run.verdict);
        assert_eq!(misuse.code, "policy-denied");
        assert!(
            misuse
                .hint
                .as_ref()
                .unwrap()
                .starts_with("after credentials")
        );
        assert!(!format!("{misuse:?}").contains("t0ken"));
        assert_eq!(run.connections(), 1);
    }
}

/// A service that is asked under another name redirects to that name.
#[test]
fn the_name_in_the_host_header_is_home_too() {
    for (name, location) in [
        ("app.example", "http://app.example/login"),
        ("app.example", "http://app.example:8080/login"),
        ("app.example:81", "http://app.example:81/login"),
    ] {
        let run = run(
            || {
                plain()
                    .value("host-header", name)
                    .secret("bearer-token", "t")
            },
            &[&redirect(302, location), OK],
        );
        assert_eq!(
            run.verdict.reason(),
            "GET /login brought 200 OK",
            "{location}"
        );
        assert_eq!(run.address(1), "web:8080");
    }
    for location in [
        "https://app.example/",
        "http://app.example:9/",
        "http://other/",
    ] {
        let run = run(
            || plain().value("host-header", "app.example"),
            &[&redirect(302, location)],
        );
        assert_eq!(run.verdict.code(), "policy-denied", "{location}");
    }
}

#[test]
fn expectations_are_about_the_last_answer() {
    let run = run(
        || plain().value("expect-body", "up"),
        &[
            "HTTP/1.1 302 F\r\nLocation: /b\r\nContent-Length: 4\r\n\r\ndown",
            OK,
        ],
    );
    assert_eq!(run.verdict.code(), "ready");
}

#[test]
fn a_line_break_in_a_location_leads_nowhere() {
    let run = run(plain, &["HTTP/1.1 302 F\r\nLocation: /a\x0bb\r\n\r\n"]);
    assert_eq!(run.verdict.code(), "unexpected-status");
}
