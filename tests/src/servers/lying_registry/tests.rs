//! The registry's own answers: right ones, and each fault.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

/// Sends a request; the whole answer as text, as far as it came.
fn ask(registry: &LyingRegistry, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", registry.port)).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream
        .take(100_000)
        .read_to_end(&mut answer)
        .expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(registry: &LyingRegistry, path: &str) -> String {
    ask(registry, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
}

#[test]
fn it_serves_what_was_put() {
    let registry = LyingRegistry::start();
    let manifest = registry.put("acme/billing", "1.0.0", b"bytes");
    let tags = get(&registry, "/v2/probes/acme/billing/tags/list");
    assert!(tags.ends_with("\"tags\":[\"1.0.0\"]}"), "{tags}");
    for reference in ["1.0.0", &manifest] {
        let path = format!("/v2/probes/acme/billing/manifests/{reference}");
        let answer = get(&registry, &path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(&format!("Docker-Content-Digest: {manifest}\r\n")));
        assert!(answer.contains(&digest(b"bytes")), "{answer}");
    }
    let blob = get(
        &registry,
        &format!("/v2/probes/acme/billing/blobs/{}", digest(b"bytes")),
    );
    assert!(blob.ends_with("\r\n\r\nbytes"), "{blob}");
    let missing = get(&registry, "/v2/probes/acme/other/tags/list");
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
}

#[test]
fn it_takes_what_is_published() {
    let registry = LyingRegistry::start();
    let digest = digest(b"bytes");
    let path = "/v2/probes/acme/billing/blobs/uploads/";
    let answer = ask(&registry, &format!("POST {path} HTTP/1.1\r\n\r\n"));
    assert!(answer.contains(&format!("Location: {path}1?s=t\r\n")));
    let put = |body: &str| {
        let length = body.len();
        format!(
            "PUT {path}1?s=t&digest={digest} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let answer = ask(&registry, &put("other"));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = ask(&registry, &put("bytes"));
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let blob = get(
        &registry,
        &format!("/v2/probes/acme/billing/blobs/{digest}"),
    );
    assert!(blob.ends_with("\r\n\r\nbytes"), "{blob}");
    let put = "PUT /v2/probes/acme/billing/manifests/1.0.0 HTTP/1.1\r\n\
               Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let answer = ask(&registry, put);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(registry.tags("acme/billing"), ["1.0.0"]);
    assert_eq!(
        registry.manifest("acme/billing", "1.0.0").as_deref(),
        Some(b"{}".as_slice())
    );
}

#[test]
fn it_commits_each_fault_where_it_is_told_to() {
    let challenge = || "Basic realm=\"lying\"".to_owned();
    let cases = [
        (Fault::OtherBytes, "\r\n\r\nbyter"),
        (Fault::OtherDigestHeader, "\r\n\r\nbytes"),
        (Fault::NotFoundPage, "HTTP/1.1 404 "),
        (Fault::LoginPage, "<form>"),
        (Fault::OtherJson, "{\"status\":\"up\"}"),
        (Fault::Truncated, "Content-Length: 5\r\n\r\nby"),
        (Fault::Endless, "\r\n\r\nbytes\0\0\0\0"),
        (
            Fault::Redirect("http://127.0.0.1:1".to_owned()),
            "Location: http://127.0.0.1:1/v2/probes/acme/billing/blobs/sha256:",
        ),
        (
            Fault::RedirectToItself,
            "Location: /v2/probes/acme/billing/blobs/sha256:",
        ),
        (
            Fault::Unauthorized(challenge()),
            "WWW-Authenticate: Basic realm=\"lying\"",
        ),
        (Fault::Challenge(challenge()), "HTTP/1.1 401 "),
        (Fault::Forbidden, "HTTP/1.1 403 "),
        (Fault::TooMany("3600".to_owned()), "Retry-After: 3600\r\n"),
        (Fault::ServerError, "HTTP/1.1 500 "),
        (Fault::Drip, "\r\n\r\nbytes"),
    ];
    for (fault, part) in cases {
        let registry = LyingRegistry::start();
        registry.put("acme/billing", "1.0.0", b"bytes");
        let path = format!("/v2/probes/acme/billing/blobs/{}", digest(b"bytes"));
        registry.lie_times(1, "/blobs/", fault.clone());
        let answer = get(&registry, &path);
        assert!(answer.contains(part), "{fault:?}: {answer:.400}");
        let truth = get(&registry, &path);
        assert!(truth.ends_with("\r\n\r\nbytes"), "{truth}");
    }
    let registry = LyingRegistry::start();
    registry.lie("", Fault::HangUp);
    assert_eq!(get(&registry, "/v2/"), "");
}

#[test]
fn a_challenge_is_met_by_an_account() {
    let registry = LyingRegistry::start();
    registry.lie("/v2/", Fault::Challenge("Basic realm=\"lying\"".to_owned()));
    let request = "GET /v2/?a=b HTTP/1.1\r\nAuthorization: Basic YTpi\r\n\r\n";
    let answer = ask(&registry, request);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(
        registry.seen(),
        [Seen {
            method: "GET".to_owned(),
            path: "/v2/".to_owned(),
            query: "a=b".to_owned(),
            authorization: Some("Basic".to_owned()),
        }]
    );
}

#[test]
fn another_origin_has_the_same_content_and_its_own_record() {
    let registry = LyingRegistry::start();
    registry.put("acme/billing", "1.0.0", b"bytes");
    let other = registry.another();
    assert_eq!(other.tags("acme/billing"), ["1.0.0"]);
    get(&registry, "/v2/");
    assert_eq!((registry.seen().len(), other.seen().len()), (1, 0));
    let upload = "POST /v2/probes/a/b/blobs/uploads/ HTTP/1.1\r\n\r\n";
    registry.lie("uploads", Fault::UploadElsewhere(other.origin()));
    let answer = ask(&registry, upload);
    let location = format!("Location: {}/v2/probes/a/b/blobs/", other.origin());
    assert!(answer.contains(&location), "{answer}");
}

/// The client of this project takes it for a registry, with and without the referrers API.
#[test]
fn the_real_client_reads_and_writes_it() {
    use waitfor_registry::remote::{RemoteRegistry, RemoteSettings};
    use waitfor_registry::{Added, Location, Registry, Release, Standing};

    let component = crate::guests::without_functions();
    for registry in [
        LyingRegistry::start(),
        LyingRegistry::start().with_referrers(),
    ] {
        let Ok(Location::Remote(remote)) = registry.location().parse() else {
            panic!("{} is not remote", registry.location());
        };
        let settings = RemoteSettings {
            accounts: Vec::new(),
            ..RemoteSettings::default()
        };
        let client = RemoteRegistry::new(&remote, settings).expect("a client");
        let release = Release {
            name: "acme/billing".parse().expect("a name"),
            version: "1.0.0".parse().expect("a version"),
            component: &component,
            schemes: vec!["billing".to_owned()],
            summary: "the ledger is open".to_owned(),
            licenses: None,
            source: None,
            revision: None,
        };
        for expected in [Added::New, Added::Same] {
            assert_eq!(client.publish(&release).expect("it takes it"), expected);
        }
        let find = || {
            let found = client.find(&release.name, &release.version);
            found.expect("it answers").expect("it is there")
        };
        let found = find();
        assert_eq!(found.component.to_string(), digest(&component));
        assert_eq!(client.component(&found).expect("it has it"), component);
        for standing in [
            Standing::Yanked {
                reason: "it lies".to_owned(),
            },
            Standing::Good,
        ] {
            client.declare(&found, &standing).expect("it takes it");
            assert_eq!(find().standing, standing);
        }
        // What the client wrote and what a test puts there is the same document.
        let written = registry.manifest("acme/billing", "1.0.0").expect("a tag");
        let by_hand = LyingRegistry::start();
        by_hand.put_changed("acme/billing", "1.0.0", &component, |manifest| {
            // The configuration names what this component imports.
            let written: Value = serde_json::from_slice(&written).expect("JSON");
            manifest["config"] = written["config"].clone();
        });
        let put = by_hand.manifest("acme/billing", "1.0.0").expect("a tag");
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        assert_eq!(read(&put), read(&written));
    }
}
