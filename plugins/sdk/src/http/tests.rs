//! What servers really send, and what they might: each conversation whole and
//! byte by byte.

mod caps;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::eprintln;

use super::{Request, authority, open, send};
use crate::native::{Run, Session, Step};
use crate::{About, Context, Fault, Probe, Ready, Scheme, Unready, Verdict, params};

params! {
    /// What a test asks for.
    pub(super) struct Params {
        /// the method
        method: String { default: "GET" }
        /// the request target
        target: String { default: "/" }
        /// headers, `Name: value`
        header: Vec<String> {}
        /// the body
        body: Option<String> {}
        /// the most bytes of the answer's body
        max: i64 { default: "100000" }
    }
}

/// Fetches, and says all that it got.
struct Fetch;

impl Probe for Fetch {
    type Params = Params;
    const ABOUT: About = About {
        summary: "fetches",
        schemes: &[Scheme::new("http", 80, ""), Scheme::new("https", 443, "")],
        examples: &[],
        more: &[],
    };

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        let tls = context.target().scheme() == "https";
        let mut request = Request::new(&params.method, &params.target);
        for header in &params.header {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        if let Some(body) = &params.body {
            request = request.body(body.as_bytes());
        }
        let connection = open(context.target(), tls)?;
        let mut response = send(connection, &authority(context.target(), tls), &request)?;
        let body = response.body(usize::try_from(params.max).unwrap())?;
        let ready = Ready::new(response.status_line())
            .fact("version", format!("1.{}", response.minor_version))
            .fact("type", response.header("content-TYPE").unwrap_or_default())
            .fact(
                "warnings",
                response
                    .header_values("Warning")
                    .collect::<Vec<_>>()
                    .join("|"),
            )
            .fact(
                "retry-after",
                response
                    .retry_after()
                    .map_or(String::new(), |millis| millis.to_string()),
            )
            .fact("body", String::from_utf8_lossy(&body.bytes))
            .fact("truncated", body.truncated.to_string());
        Ok(ready)
    }
}

fn plain() -> Session {
    Session::new("http", "web", 80)
}

/// Runs an answer whole and in single bytes, which must come to the same.
fn fetch(session: impl Fn() -> Session, answer: impl AsRef<[u8]>) -> Run {
    let whole = session()
        .conversation([Step::send(&answer)])
        .check::<Fetch>();
    for len in [1, 2, 7] {
        let pieces = session()
            .conversation([Step::send(&answer)])
            .in_pieces_of(len)
            .check::<Fetch>();
        assert_eq!(whole.verdict, pieces.verdict, "in pieces of {len}");
        assert_eq!(whole.sent(0), pieces.sent(0));
    }
    whole
}

#[track_caller]
fn fact(run: &Run, name: &str) -> String {
    let Verdict::Ready(ready) = &run.verdict else {
        panic!("{:?}", run.verdict);
    };
    let (_, value) = ready.facts.iter().find(|(fact, _)| fact == name).unwrap();
    value.clone()
}

#[test]
fn writes_what_was_asked() {
    let run = fetch(
        || {
            plain()
                .value("target", "/a?b=c")
                .value("header", "Accept: text/plain")
        },
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    assert_eq!(
        run.sent(0),
        b"GET /a?b=c HTTP/1.1\r\nHost: web\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(run.verdict.reason(), "200 OK");
    assert_eq!(fact(&run, "body"), "ok");
}

#[test]
fn writes_a_body_with_its_length() {
    let run = fetch(
        || {
            plain()
                .value("method", "POST")
                .value("body", "{}")
                .value("header", "Host: app.example")
        },
        "HTTP/1.1 204 No Content\r\n\r\n",
    );
    assert_eq!(
        run.sent(0),
        b"POST / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    );
}

#[test]
fn says_that_a_post_brings_nothing() {
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    for method in ["POST", "PUT", "PATCH"] {
        let run = fetch(|| plain().value("method", method), answer);
        assert!(run.sent(0).ends_with(b"\r\nContent-Length: 0\r\n\r\n"));
    }
    let run = fetch(|| plain().value("method", "DELETE"), answer);
    assert!(run.sent(0).ends_with(b"\r\nConnection: close\r\n\r\n"));
}

#[test]
fn host_is_the_endpoint_as_http_writes_it() {
    for (scheme, host, port, header) in [
        ("http", "web", 80, "web"),
        ("http", "web", 8080, "web:8080"),
        ("http", "web", 443, "web:443"),
        ("http", "::1", 80, "[::1]"),
        ("http", "fe80::1%eth0", 8200, "[fe80::1]:8200"),
    ] {
        let run = fetch(|| Session::new(scheme, host, port), "HTTP/1.1 204\r\n\r\n");
        let sent = String::from_utf8_lossy(run.sent(0)).into_owned();
        assert!(sent.contains(&format!("\r\nHost: {header}\r\n")), "{sent}");
    }
    let run = Session::new("https", "web", 443)
        .conversation([Step::Tls, Step::send("HTTP/1.1 204\r\n\r\n")])
        .check::<Fetch>();
    assert!(
        run.sent(0)
            .windows(13)
            .any(|part| part == b"\r\nHost: web\r\n")
    );
    assert_eq!(run.tls(0)[0].protocols, ["http/1.1"]);
    let run = Session::unix("http", "/run/app.sock")
        .conversation([Step::send("HTTP/1.1 204\r\n\r\n")])
        .check::<Fetch>();
    assert!(
        run.sent(0)
            .windows(17)
            .any(|part| part == b"Host: localhost\r\n")
    );
}

#[test]
fn refuses_injection_before_anything_is_sent() {
    for (name, value) in [
        ("header", "X-Name: a\r\nX-Injected: 1"),
        ("header", "X-Name: a\nX-Injected: 1"),
        ("header", "X-Name: a\0b"),
        ("header", "X Name: a"),
        ("header", "X-Name:: a"),
        ("header", ": a"),
        ("target", "/a b"),
        ("target", "/a\r\nX-Injected: 1"),
        ("target", "/\u{e9}"),
        ("target", ""),
        ("method", "GET /x HTTP/1.1\r\nX:"),
        ("method", ""),
    ] {
        let run = plain()
            .value(name, value)
            .conversation([Step::send("HTTP/1.1 204\r\n\r\n")])
            .check::<Fetch>();
        assert_eq!(run.verdict.code(), "bad-parameter", "{name} {value:?}");
        assert_eq!(run.sent(0), b"");
        assert!(!run.verdict.reason().contains("Injected"));
    }
}

#[test]
fn reads_each_framing() {
    for (answer, body) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyrest",
            "body",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nCONTENT-LENGTH: 4\r\n\r\nbody",
            "body",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\nbody",
            "body",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "abcde",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\nContent-Length: 9\r\n\r\n3;name=\"v\"\r\nabc\r\n0\r\nExpires: 0\r\nX: y\r\n\r\n",
            "abc",
        ),
        // Hung up within the trailers: the body is whole.
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
            "abc",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nall",
            "all",
        ),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody",
            "",
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody",
            "",
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", "body"),
    ] {
        assert_eq!(fact(&fetch(plain, answer), "body"), body, "{answer}");
    }
    let run = fetch(
        || plain().value("method", "HEAD"),
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
    );
    assert_eq!(fact(&run, "body"), "");
}

#[test]
fn reads_heads_as_they_come() {
    for (answer, status, kind) in [
        (
            "HTTP/1.1 299 status code 299\r\nCONTENT-type: a/b\r\n\r\n",
            "299 status code 299",
            "a/b",
        ),
        ("HTTP/1.1 200\r\n\r\n", "200", ""),
        ("HTTP/1.1 200 \r\n\r\n", "200", ""),
        (
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent",
            "400 Bad Request",
            "",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type : a/b\r\nno colon\r\n\r\n",
            "200 OK",
            "a/b",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Type:\r\n\r\n", "200 OK", ""),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "101 Switching Protocols",
            "",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "200 OK",
            "",
        ),
    ] {
        let run = fetch(plain, answer);
        assert_eq!(run.verdict.reason(), status, "{answer}");
        assert_eq!(fact(&run, "type"), kind, "{answer}");
    }
    let run = fetch(
        plain,
        "HTTP/1.1 200 OK\r\nwarning: a\r\nX: y\r\nWARNING: b\r\n\r\n",
    );
    assert_eq!(fact(&run, "warnings"), "a|b");
    for (value, millis) in [
        ("120", "120000"),
        (" 1 ", "1000"),
        ("4294967295", "4294967295"),
    ] {
        let run = fetch(
            plain,
            format!("HTTP/1.1 503 S\r\nRetry-After: {value}\r\n\r\n"),
        );
        assert_eq!(fact(&run, "retry-after"), millis);
    }
    for value in [
        "",
        "-1",
        "soon",
        "99999999999",
        "Wed, 21 Oct 2015 07:28:00 GMT",
    ] {
        let run = fetch(
            plain,
            format!("HTTP/1.1 503 S\r\nretry-after: {value}\r\n\r\n"),
        );
        assert_eq!(fact(&run, "retry-after"), "", "{value}");
    }
}

#[test]
fn reads_what_real_servers_sent() {
    let run = fetch(
        plain,
        include_bytes!("../../captures/openbao-chunked.res.bin"),
    );
    let body = fact(&run, "body");
    assert_eq!(body.len(), 0x8f2);
    assert!(body.starts_with("{\"request_id\"") && body.trim_end().ends_with('}'));
    let run = fetch(plain, include_bytes!("../../captures/openbao-204.res.bin"));
    assert_eq!(
        (run.verdict.reason(), &*fact(&run, "body")),
        ("204 No Content", "")
    );
    let run = fetch(
        || plain().value("method", "HEAD"),
        include_bytes!("../../captures/openbao-head.res.bin"),
    );
    assert_eq!(run.verdict.reason(), "503 Service Unavailable");
    let run = fetch(
        plain,
        include_bytes!("../../captures/openbao-http10.res.bin"),
    );
    assert_eq!(fact(&run, "version"), "1.0");
    assert!(fact(&run, "body").starts_with("{\"initialized\":true"));
    let run = fetch(
        plain,
        include_bytes!("../../captures/openbao-no-host.res.bin"),
    );
    assert_eq!(
        run.verdict.reason(),
        "400 Bad Request: missing required Host header"
    );
    let run = fetch(plain, include_bytes!("../../captures/openbao-298.res.bin"));
    assert_eq!(run.verdict.reason(), "298 status code 298");
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    for answer in [
        "H",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbody",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1",
    ] {
        let run = fetch(plain, answer);
        assert!(matches!(run.verdict, Verdict::NotReady(_)), "{answer}");
        assert_eq!(run.verdict.code(), "closed", "{answer}");
    }
    let run = plain()
        .conversation([Step::send("HTTP/1.1 200 OK\r\n\r\nhalf"), Step::reset()])
        .check::<Fetch>();
    assert_eq!(run.verdict.code(), "closed");
}

#[test]
fn a_tls_peer_may_end_a_body_without_saying_so() {
    let end = || Step::Fail(Fault::retry("closed", "without saying so"));
    let run = plain()
        .conversation([Step::send("HTTP/1.1 200 OK\r\n\r\nall"), end()])
        .check::<Fetch>();
    assert_eq!(fact(&run, "body"), "all");
    let run = plain()
        .conversation([
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall"),
            end(),
        ])
        .check::<Fetch>();
    assert_eq!(run.verdict.code(), "closed");
}

#[test]
fn an_answer_that_contradicts_itself_is_malformed() {
    for answer in [
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ] {
        let run = fetch(plain, answer);
        assert_eq!(run.verdict.code(), "bad-answer", "{answer}");
    }
}

#[test]
fn a_silent_peer_is_not_ready() {
    let run = fetch(plain, "");
    assert_eq!(run.verdict.code(), "closed");
    assert!(
        run.verdict.reason().contains("before any byte"),
        "{}",
        run.verdict.reason()
    );
    let run = plain().conversation([Step::reset()]).check::<Fetch>();
    assert!(
        run.verdict.reason().contains("before any byte"),
        "{}",
        run.verdict.reason()
    );
    let run = plain().conversation([Step::Silence]).check::<Fetch>();
    assert_eq!(run.verdict.code(), "timed-out");
    let run = plain()
        .conversation([Step::send("HTTP/1.1 200"), Step::Silence])
        .check::<Fetch>();
    assert_eq!(run.verdict.code(), "timed-out");
    let run = plain().check::<Fetch>();
    assert_eq!(run.verdict.code(), "refused");
}

#[test]
fn another_protocol_is_named() {
    for (bytes, code, word) in [
        (
            &b"-ERR unknown command 'GET'\r\n"[..],
            "wrong-protocol",
            "redis",
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "wrong-protocol", "ssh"),
        (b"\x4a\0\0\0\x0a8.0.36\0", "wrong-protocol", "mysql"),
        (
            b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64",
            "wrong-protocol",
            "http/2",
        ),
        (b"HTTP/2 200\r\n\r\n", "wrong-protocol", "not http"),
        (b"\x15\x03\x01\x00\x02\x02\x0a", "tls-required", "tls"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "tls-required", "tls"),
        (b"<html>", "wrong-protocol", "not http"),
    ] {
        let run = fetch(plain, bytes);
        assert_eq!(run.verdict.code(), code, "{bytes:?}");
        assert!(
            run.verdict.reason().contains(word),
            "{}",
            run.verdict.reason()
        );
        let run = plain()
            .conversation([Step::send(bytes), Step::Silence])
            .in_pieces_of(3)
            .check::<Fetch>();
        assert_eq!(run.verdict.code(), code, "{bytes:?}, then silence");
    }
}

#[test]
fn a_request_that_cannot_be_written_gets_no_answer() {
    let run = plain()
        .conversation([Step::Fail(Fault::retry("reset", "reset by peer"))])
        .check::<Fetch>();
    assert_eq!(run.verdict.code(), "closed");
    let run = plain()
        .conversation([Step::Fail(Fault::fix("not-permitted", "no"))])
        .check::<Fetch>();
    assert_eq!(run.verdict.code(), "not-permitted");
}

#[test]
fn a_failed_handshake_is_looked_at_twice() {
    let handshake = || Step::TlsFault(Fault::retry("tls-handshake", "the peer does not speak tls"));
    let second = |answer: &str| {
        Session::new("https", "web", 8443)
            .conversation([handshake()])
            .conversation([Step::send(answer)])
            .check::<Fetch>()
    };
    let run = second("HTTP/1.1 404 Not Found\r\n\r\n");
    assert_eq!(run.verdict.code(), "tls-unsupported");
    assert_eq!(
        run.sent(1),
        b"GET / HTTP/1.1\r\nHost: web:8443\r\nConnection: close\r\n\r\n",
        "nothing of the user's goes out in plain text"
    );
    for complaint in [
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n<h1>The plain HTTP request was sent to HTTPS port</h1>",
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 90\r\n\r\n<h1>The plain HTTP req",
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an H",
        "HTTP/1.1 400 \r\n\r\nThis combination of host and port requires TLS.",
        "",
        "\x15\x03\x01",
    ] {
        assert_eq!(
            second(complaint).verdict.code(),
            "tls-handshake",
            "{complaint}"
        );
    }
    assert!(second("SSH-2.0-x\r\n").verdict.reason().contains("ssh"));
    let run = Session::new("https", "web", 8443)
        .conversation([handshake()])
        .check::<Fetch>();
    assert_eq!(run.verdict.code(), "tls-handshake");
    let run = Session::new("https", "web", 8443)
        .conversation([Step::TlsFault(Fault::fix("tls-certificate", "expired"))])
        .check::<Fetch>();
    assert_eq!(
        (run.verdict.code(), run.connections()),
        ("tls-certificate", 1)
    );
}

/// Bytes from a small generator: no seed file, the same on every run.
#[test]
fn garbage_never_panics() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let sound = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n3\r\nabc\r\n0\r\nT: t\r\n\r\n";
    let mut readies = 0;
    for round in 0..3000 {
        let answer: Vec<u8> = if round % 3 == 0 {
            (0..8).flat_map(|_| next()).collect()
        } else {
            let mut bytes = sound.to_vec();
            for _ in 0..1 + round % 4 {
                let random = next();
                let at = usize::from(u16::from_le_bytes([random[0], random[1]])) % bytes.len();
                bytes[at] = random[2];
            }
            bytes
        };
        let run = plain()
            .conversation([Step::send(&answer)])
            .in_pieces_of(1 + round % 5)
            .check::<Fetch>();
        readies += usize::from(run.verdict.code() == "ready");
    }
    eprintln!("{readies} of 3000 mutants were still answers");
    assert!(readies < 3000);
}
