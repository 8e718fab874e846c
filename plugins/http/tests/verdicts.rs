//! Status, headers and body: which answers are ready, and what is said of the
//! others.

use waitfor_probe_http::Http;
use waitfor_sdk::native::{Run, Session, Step};
use waitfor_sdk::{Fault, Misuse, Verdict};

fn plain() -> Session {
    Session::new("http", "web", 8080)
}

/// One attempt on one answer, whole and in pieces; all must end alike.
#[track_caller]
fn run(session: impl Fn() -> Session, answer: impl AsRef<[u8]>) -> Run {
    let whole = session()
        .conversation([Step::send(&answer)])
        .check::<Http>();
    for len in [1, 7] {
        let pieces = session()
            .in_pieces_of(len)
            .conversation([Step::send(&answer)])
            .check::<Http>();
        assert_eq!(whole.verdict, pieces.verdict, "in pieces of {len}");
    }
    whole
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn misuse(verdict: &Verdict) -> &Misuse {
    match verdict {
        Verdict::Misconfigured(misuse) => misuse,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_success_is_ready() {
    let run = run(plain, answer("200 OK", "Server: nginx/1.22.1\r\n", "hello"));
    assert_eq!(run.verdict.code(), "ready");
    assert_eq!(run.verdict.reason(), "GET / brought 200 OK");
    let Verdict::Ready(ready) = run.verdict.clone() else {
        panic!("{:?}", run.verdict);
    };
    assert!(ready.facts.contains(&("status".into(), "200".into())));
    assert!(
        ready
            .facts
            .contains(&("server".into(), "nginx/1.22.1".into()))
    );
    assert_eq!(
        run.sent(0),
        b"GET / HTTP/1.1\r\nHost: web:8080\r\nUser-Agent: waitfor\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn the_status_decides() {
    for (wanted, status, code) in [
        ("2xx", "204 No Content", "ready"),
        ("2xx", "299", "ready"),
        ("2xx", "503 Service Unavailable", "unexpected-status"),
        ("2xx", "502 Bad Gateway", "unexpected-status"),
        ("2xx", "429 Too Many Requests", "unexpected-status"),
        ("2xx", "404 Not Found", "unexpected-status"),
        ("2xx", "403 Forbidden", "unexpected-status"),
        ("2xx", "304 Not Modified", "unexpected-status"),
        ("2xx", "101 Switching Protocols", "unexpected-status"),
        ("2xx", "401 Unauthorized", "not-authorized"),
        ("2xx", "407 Proxy Authentication Required", "not-authorized"),
        ("200,401", "401 Unauthorized", "ready"),
        ("400-499", "404 Not Found", "ready"),
        ("404", "200 OK", "unexpected-status"),
    ] {
        let run = run(|| plain().value("status", wanted), answer(status, "", ""));
        assert_eq!(run.verdict.code(), code, "{wanted} {status}");
    }
    let run = run(plain, answer("503 Busy", "Retry-After: 12\r\n", ""));
    let Verdict::NotReady(pending) = run.verdict else {
        panic!("{:?}", run.verdict);
    };
    assert_eq!(pending.reason, "GET / brought 503 Busy, wanted is 2xx");
    assert_eq!(pending.wait_hint, Some(12_000));
}

#[test]
fn a_redirect_with_no_place_is_an_answer() {
    for location in ["", "Location: ftp://web/\r\n", "Location: http://\r\n"] {
        let run = run(plain, answer("302 Found", location, ""));
        assert_eq!(run.verdict.code(), "unexpected-status", "{location}");
    }
}

#[test]
fn refused_credentials_are_told_from_missing_ones() {
    let refused = answer("401 Unauthorized", "", "");
    for (session, code, param) in [
        (
            plain().value("user", "app").secret("password", "pw"),
            "wrong-password",
            "password",
        ),
        (plain().value("user", "app"), "wrong-password", "password"),
        (
            plain().secret("bearer-token", "t"),
            "wrong-token",
            "bearer-token",
        ),
        (
            plain().secret("secret-header", "X-Key: k"),
            "wrong-token",
            "secret-header",
        ),
    ] {
        let run = session.conversation([Step::send(&refused)]).check::<Http>();
        assert_eq!(misuse(&run.verdict).code, code);
        assert_eq!(misuse(&run.verdict).param.as_deref(), Some(param));
    }
}

#[test]
fn sends_what_the_parameters_say() {
    let run = run(
        || {
            plain()
                .value("path", "/graphql?x=%20y")
                .value("method", "POST")
                .value("header", "Accept: application/json")
                .value("header", "X-Empty:")
                .value("header", "X-Colon: a:b: c")
                .secret("secret-header", "X-Api-Key:  k:1 \n")
                .value("user", "app")
                .secret("password", "p:w")
                .value("body", r#"{"query":"{up}"}"#)
                .value("content-type", "application/json")
                .value("host-header", "api.example")
        },
        answer("200 OK", "", ""),
    );
    assert_eq!(
        String::from_utf8_lossy(run.sent(0)),
        "POST /graphql?x=%20y HTTP/1.1\r\nAccept: application/json\r\nX-Empty: \r\n\
         X-Colon: a:b: c\r\nHost: api.example\r\nX-Api-Key: k:1\r\n\
         Authorization: Basic YXBwOnA6dw==\r\nUser-Agent: waitfor\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: 16\r\n\r\n\
         {\"query\":\"{up}\"}"
    );
    let bearer = plain()
        .secret("bearer-token", "abc\n")
        .conversation([Step::send(answer("200 OK", "", ""))])
        .check::<Http>();
    let sent = String::from_utf8_lossy(bearer.sent(0)).into_owned();
    assert!(sent.contains("\r\nAuthorization: Bearer abc\r\n"), "{sent}");
}

/// Every attempt is a new instance; the second sends the body as the first.
#[test]
fn the_body_is_sent_at_every_attempt() {
    let attempt = || {
        plain()
            .value("method", "PUT")
            .value("body", "again")
            .conversation([Step::send(answer("503 Busy", "", ""))])
            .check::<Http>()
    };
    let (first, second) = (attempt(), attempt());
    assert!(first.sent(0).ends_with(b"Content-Length: 5\r\n\r\nagain"));
    assert_eq!(first.sent(0), second.sent(0));
}

#[test]
fn a_url_without_a_path_asks_for_the_root() {
    for (path, line) in [
        ("", "GET / HTTP/1.1"),
        ("/", "GET / HTTP/1.1"),
        ("?x=1", "GET /?x=1 HTTP/1.1"),
        ("health", "GET /health HTTP/1.1"),
    ] {
        let run = run(|| plain().value("path", path), answer("200 OK", "", ""));
        assert!(run.sent(0).starts_with(line.as_bytes()), "{path}");
    }
}

#[test]
fn headers_are_expected() {
    let session = |text: &'static str| move || plain().value("expect-header", text);
    let with = answer("200 OK", "X-State: starting\r\nx-state: up, ok\r\n", "");
    for (text, reason) in [
        ("X-State", None),
        ("x-state: up", None),
        ("X-STATE:starting", None),
        (
            "X-State: down",
            Some("the header `X-State` is `starting`, without `down`"),
        ),
        ("X-Other", Some("the answer has no header `X-Other`")),
        ("X-Other: up", Some("the answer has no header `X-Other`")),
    ] {
        let run = run(session(text), &with);
        match reason {
            None => assert_eq!(
                run.verdict.reason(),
                "GET / brought 200 OK, with the expected headers"
            ),
            Some(reason) => {
                assert_eq!(run.verdict.code(), "unexpected-header");
                assert_eq!(run.verdict.reason(), reason);
            }
        }
    }
}

#[test]
fn bodies_are_expected() {
    for (name, text, reason) in [
        ("expect-body", "\"up\"", None),
        ("expect-body", "", None),
        ("expect-body", "down", Some("the body has no `down` in it")),
        ("expect-body-regex", r#"^\{.*"up",.*\}$"#, None),
        (
            "expect-body-regex",
            "^up",
            Some("the body does not match `^up`"),
        ),
        ("expect-json", "/state == up", None),
        ("expect-json", "/nodes >= 3", None),
        (
            "expect-json",
            "/nodes > 3",
            Some("`/nodes` is 3, wanted is > 3"),
        ),
        (
            "expect-json",
            "/leader",
            Some("`/leader` is not in the json"),
        ),
    ] {
        for framing in [
            "Content-Length: 24\r\n",
            "",
            "Transfer-Encoding: chunked\r\n",
        ] {
            let body = r#"{"state":"up","nodes":3}"#;
            let body = if framing.starts_with('T') {
                format!("1\r\n{{\r\n17\r\n{}\r\n0\r\n\r\n", &body[1..])
            } else {
                body.to_owned()
            };
            let run = run(
                || plain().value(name, text),
                format!("HTTP/1.1 200 OK\r\n{framing}\r\n{body}"),
            );
            match reason {
                None => assert_eq!(
                    run.verdict.reason(),
                    "GET / brought 200 OK, with the expected body",
                    "{text}"
                ),
                Some(reason) => {
                    assert_eq!(run.verdict.code(), "unexpected-body");
                    assert_eq!(run.verdict.reason(), reason);
                }
            }
        }
    }
}

#[test]
fn several_expectations_of_one_body_all_count() {
    let session = || {
        plain()
            .value("expect-body", "up")
            .value("expect-body-regex", "n[o]des")
            .value("expect-json", "/nodes == 3")
            .value("expect-header", "X-State")
    };
    let good = answer("200 OK", "X-State: y\r\n", r#"{"state":"up","nodes":3}"#);
    let good = run(session, good);
    assert_eq!(
        good.verdict.reason(),
        "GET / brought 200 OK, with the expected headers and body"
    );
    let bad = answer("200 OK", "X-State: y\r\n", r#"{"state":"up","nodes":2}"#);
    assert_eq!(run(session, bad).verdict.code(), "unexpected-body");
}

#[test]
fn bodies_that_cannot_be_judged() {
    let json = || plain().value("expect-json", "/up");
    let page = run(json, answer("200 OK", "", "<html>"));
    assert_eq!(page.verdict.code(), "unexpected-body");
    assert!(page.verdict.reason().starts_with("the body is no json: "));
    let empty = run(json, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(empty.verdict.code(), "unexpected-body");
    let packed = run(json, answer("200 OK", "Content-Encoding: gzip\r\n", "x"));
    assert!(packed.verdict.reason().contains("compressed (gzip)"));
    let torn = run(
        json,
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"up\":",
    );
    assert_eq!(torn.verdict.code(), "closed");
    let long = answer(
        "200 OK",
        "",
        &format!("{{\"up\":\"{}\"}}", "x".repeat(1 << 20)),
    );
    let long = json().conversation([Step::send(long)]).check::<Http>();
    assert_eq!(
        long.verdict.reason(),
        "the body is longer than 1048576 bytes"
    );
    let deep = answer("200 OK", "", &"[".repeat(100_000));
    let deep = json().conversation([Step::send(deep)]).check::<Http>();
    assert_eq!(deep.verdict.code(), "unexpected-body");
}

/// A stream without end, as of server-sent events, has a status all the same.
#[test]
fn a_body_that_nobody_asked_about_is_not_waited_for() {
    let run = plain()
        .conversation([
            Step::send("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"),
            Step::Silence,
        ])
        .check::<Http>();
    assert_eq!(run.verdict.code(), "ready");
}

#[test]
fn the_wrong_scheme_is_named_with_the_right_one() {
    for answer in [
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>",
        "HTTP/1.1 400 Bad Request\r\n\r\nYou're speaking plain HTTP to an SSL-enabled server port.",
        "\x15\x03\x01\x00\x02\x02\x0a",
    ] {
        let run = run(plain, answer);
        assert_eq!(run.verdict.code(), "tls-required");
        assert_eq!(
            misuse(&run.verdict).hint.as_deref(),
            Some("write https://web:8080")
        );
    }
    let bare = run(plain, answer("400 Bad Request", "", "no"));
    assert_eq!(bare.verdict.code(), "unexpected-status");
    let fault = Fault::retry("tls-handshake", "the peer does not speak tls");
    let secure = Session::new("https", "web", 8080)
        .secret("bearer-token", "t0ken")
        .conversation([Step::TlsFault(fault)])
        .conversation([Step::send("HTTP/1.1 404 Not Found\r\n\r\n")])
        .check::<Http>();
    assert_eq!(secure.verdict.code(), "tls-unsupported");
    assert_eq!(
        misuse(&secure.verdict).hint.as_deref(),
        Some("write http://web:8080")
    );
    assert!(!secure.sent(1).windows(5).any(|part| part == b"t0ken"));
}

#[test]
fn a_client_certificate_that_nginx_misses_is_asked_for() {
    for complaint in [
        "<h1>400 Bad Request</h1><center>No required SSL certificate was sent</center>",
        "<h1>400 Bad Request</h1><center>The SSL certificate error</center>",
    ] {
        let run = run(plain, answer("400 Bad Request", "", complaint));
        assert_eq!(misuse(&run.verdict).code, "tls-certificate");
        let hint = misuse(&run.verdict).hint.as_deref().unwrap_or_default();
        assert!(hint.contains("--tls-cert"), "{hint}");
    }
}

#[test]
fn peers_that_do_not_answer() {
    for (steps, code) in [
        (vec![], "closed"),
        (vec![Step::reset()], "closed"),
        (vec![Step::Silence], "timed-out"),
        (vec![Step::send("SSH-2.0-x\r\n")], "wrong-protocol"),
        (vec![Step::send("HTTP/1.1 2")], "closed"),
        (vec![Step::send("HTTP/1.1 abc\r\n\r\n")], "bad-answer"),
    ] {
        assert_eq!(
            plain().conversation(steps).check::<Http>().verdict.code(),
            code
        );
    }
    assert_eq!(plain().check::<Http>().verdict.code(), "refused");
}

#[test]
fn parameters_are_judged_offline() {
    for (name, value, param) in [
        ("status", "2yy", "status"),
        ("header", "no colon", "header"),
        ("header", "Content-Length: 5", "header"),
        ("header", "Transfer-Encoding: chunked", "header"),
        ("expect-header", ": x", "expect-header"),
        ("expect-header", "a b: x", "expect-header"),
        ("expect-body-regex", "(", "expect-body-regex"),
        ("expect-json", ".status", "expect-json"),
        ("user", "a:b", "user"),
    ] {
        let found = plain().value(name, value).validate::<Http>().unwrap();
        assert_eq!(found.param.as_deref(), Some(param), "{name} {value}");
    }
    for (name, value) in [
        ("header", "X-A: b\r\nX-Injected: 1"),
        ("header", "X A: b"),
        ("method", "GET /"),
        ("path", "/a b"),
        ("host-header", "a\r\nb"),
    ] {
        let found = plain().value(name, value).validate::<Http>().unwrap();
        assert_eq!(found.code, "bad-parameter", "{name} {value}");
    }
    let head = plain().value("method", "HEAD").value("expect-body", "x");
    assert!(head.validate::<Http>().is_some());
    assert!(plain().secret("password", "x").validate::<Http>().is_some());
    let both = plain().value("user", "a").secret("bearer-token", "t");
    assert!(both.validate::<Http>().is_some());
    let fine = plain()
        .value("user", "a")
        .secret("password", "x")
        .value("expect-json", "/a > 1");
    assert_eq!(fine.validate::<Http>(), None);
}

#[test]
fn secrets_that_no_header_can_hold_are_not_shown() {
    for (name, value) in [
        ("bearer-token", "hush\r\nX: y"),
        ("secret-header", "hush"),
        ("secret-header", "X-A: hush\r\nX: y"),
        ("secret-header", "Content-Length: hush"),
    ] {
        let run = plain()
            .secret(name, value)
            .conversation([Step::send(answer("200 OK", "", ""))])
            .check::<Http>();
        let misuse = misuse(&run.verdict);
        assert_eq!(misuse.code, "bad-parameter");
        assert!(!format!("{misuse:?}").contains("hush"));
        assert_eq!(run.sent(0), b"");
    }
}

#[test]
fn garbage_never_panics() {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let sound = answer(
        "302 Found",
        "Location: /a/../b\r\nX-State: up\r\n",
        r#"{"up":[1,2.5e3,"\u00e9"]}"#,
    );
    for round in 0..2000 {
        let mut bytes = sound.clone().into_bytes();
        for _ in 0..=round % 6 {
            let random = next();
            let at = usize::from(u16::from_le_bytes([random[0], random[1]])) % bytes.len();
            bytes[at] = random[2];
        }
        let run = plain()
            .value("status", "200,302")
            .value("expect-json", "/up/1 > 2499")
            .value("expect-body-regex", "up")
            .value("expect-header", "x-state: up")
            .conversation([Step::send(&bytes)])
            .in_pieces_of(1 + round % 5)
            .check::<Http>();
        assert!(!run.verdict.reason().contains(char::is_control));
    }
}
