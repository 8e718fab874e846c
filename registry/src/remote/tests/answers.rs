//! Answers of the wrong kind, length or content.

use std::time::Duration;

use super::scripted::{Answer, Scripted};
use super::{name, open, probe, problem, release, remote, settings, version};
use crate::oci;
use crate::remote::{Problem, RemoteRegistry};
use crate::{Digest, Error, Published, Registry};

fn find(answer: fn() -> Answer) -> String {
    let peer = Scripted::start(move |_, _| answer());
    problem(open(&peer).find(&name(), &version()))
}

#[test]
fn what_is_no_manifest() {
    let html = || Answer::new(200, "content-type: text/html; charset=utf-8\r\n", "<html>");
    assert_eq!(find(html), "the answer is `text/html`, not a manifest");
    let cut = || Answer::json(r#"{"schemaVersion":2"#);
    assert_eq!(
        find(cut),
        "the answer is `application/json`, not a manifest: it is not JSON"
    );
    let other = || Answer::json(r#"{"ok":true}"#);
    assert_eq!(
        find(other),
        "the answer is `application/json`, not a manifest: missing field `schemaVersion` at line 1 column 11"
    );
    let untyped = || Answer::new(200, "", "ok");
    assert_eq!(
        find(untyped),
        "the answer is of no type, not a manifest: it is not JSON"
    );
    let noise = || Answer::bytes("220 mail.example ESMTP\r\n");
    assert!(find(noise).starts_with("the answer is not HTTP: "));
}

#[test]
fn the_message_says_where_and_what_next() {
    let peer = Scripted::start(|_, _| Answer::new(200, "content-type: text/html\r\n", ""));
    let error = open(&peer).find(&name(), &version()).unwrap_err();
    let host = remote(&peer).authority;
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read the manifest of `acme/billing@1.0.0` at http://{host}/v2/ci/acme/billing/manifests/1.0.0: the answer is `text/html`, not a manifest"
        )
    );
    assert_eq!(
        error.hint().unwrap(),
        format!(
            "check the path behind `{host}`; a proxy or a login page may answer in the registry's place"
        )
    );
}

#[test]
fn a_manifest_other_than_its_digest() {
    let component = probe();
    let manifest = release(&component).prepare().unwrap().documents.manifest;
    let (claimed, found) = (Digest::of(b"other"), Digest::of(&manifest));
    let peer = Scripted::start(move |_, _| {
        Answer::new(
            200,
            &format!("docker-content-digest: {claimed}\r\n"),
            &manifest,
        )
    });
    assert_eq!(
        problem(open(&peer).find(&name(), &version())),
        format!("the answer holds other bytes: {found}, not {claimed}")
    );
}

/// A component of ten bytes.
fn published(size: u64) -> Published {
    let component = probe();
    Published {
        component: Digest::of(b"0123456789"),
        size,
        ..release(&component).prepare().unwrap().published
    }
}

fn component(answer: fn() -> Answer) -> String {
    let peer = Scripted::start(move |_, _| answer());
    problem(open(&peer).component(&published(10)))
}

#[test]
fn components_of_the_wrong_length() {
    let peer = Scripted::start(|_, _| Answer::new(200, "", "0123456789"));
    let registry = open(&peer);
    assert_eq!(registry.component(&published(10)).unwrap(), b"0123456789");

    let shorter = || Answer::new(200, "", "01234");
    assert_eq!(
        component(shorter),
        "the manifest says 10 bytes, and the answer has 5"
    );
    let truncated = || Answer::bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123");
    assert_eq!(component(truncated), "the answer ends after 4 bytes of 10");
    let chunked =
        || Answer::bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n");
    assert_eq!(component(chunked), "the answer ends after 5 bytes of 10");
    let claims_more = || Answer::new(200, "", "0123456789A");
    let told = |found| format!("the manifest says 10 bytes, and the answer has {found}");
    assert_eq!(component(claims_more), told(11));
    let endless = || {
        let mut answer = Answer::bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        for _ in 0..64 {
            answer = answer.then(Duration::ZERO, b"400\r\n");
            answer = answer.then(Duration::ZERO, &[b'0'; 1024]);
            answer = answer.then(Duration::ZERO, b"\r\n");
        }
        answer
    };
    assert_eq!(component(endless), "the answer is longer than 10 bytes");
    let other = || Answer::new(200, "", "9876543210");
    assert_eq!(
        component(other),
        format!(
            "the answer holds other bytes: {}, not {}",
            Digest::of(b"9876543210"),
            Digest::of(b"0123456789")
        )
    );
    let page = || Answer::new(200, "content-type: text/html\r\n", "<p>0123");
    assert_eq!(component(page), "the answer is `text/html`, not a blob");
    let gone = || Answer::new(404, "", "");
    assert_eq!(component(gone), "the answer is 404: it is not there");
}

#[test]
fn silence_and_slowness() {
    let component = |answer: fn() -> Answer| {
        let peer = Scripted::start(move |_, _| answer());
        let settings = crate::RemoteSettings {
            timeout: Duration::from_millis(500),
            ..settings()
        };
        let registry = RemoteRegistry::new(&remote(&peer), settings).unwrap();
        problem(registry.component(&published(10)))
    };
    let silent = || Answer::bytes("").then(Duration::from_secs(3), b"");
    assert_eq!(component(silent), "nothing came for 500 ms");
    let stops = || {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234";
        Answer::bytes(head).then(Duration::from_secs(3), b"56789")
    };
    assert_eq!(component(stops), "nothing came for 500 ms");
    let drips = || {
        let mut answer = Answer::bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
        for byte in b"0123456789" {
            answer = answer.then(Duration::from_millis(200), &[*byte]);
        }
        answer
    };
    let told = component(drips);
    assert!(
        told.starts_with("only ") && told.ends_with(" bytes came in 500 ms"),
        "{told}"
    );
}

#[test]
fn a_component_of_other_tools_that_is_no_probe() {
    let component = b"\0asm\x01\0\0\0";
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&release(&probe()).prepare().unwrap().documents.manifest).unwrap();
    manifest.as_object_mut().unwrap().remove("annotations");
    manifest["layers"][0]["digest"] = Digest::of(component).to_string().into();
    manifest["layers"][0]["size"] = component.len().into();
    let peer = Scripted::start(move |request, _| {
        if request.line.contains("/blobs/") {
            Answer::new(200, "", component)
        } else {
            Answer::json(manifest.to_string())
        }
    });
    let error = open(&peer).find(&name(), &version()).unwrap_err();
    let told = format!(
        "the plugin `acme/billing@1.0.0` from {} was refused: it is a core module",
        remote(&peer)
    );
    assert!(error.to_string().starts_with(&told), "{error}");
    assert!(error.hint().unwrap().contains("publisher"));
}

#[test]
fn a_component_too_large_is_not_asked_for() {
    let peer = Scripted::start(|_, _| Answer::new(200, "", ""));
    assert_eq!(
        problem(open(&peer).component(&published(oci::MAX_COMPONENT + 1))),
        "the component has 33554433 bytes, and no more than 33554432 are allowed"
    );
    assert!(peer.lines().is_empty());
    let component = probe();
    let manifest = release(&component).prepare().unwrap().documents.manifest;
    let text = String::from_utf8(manifest).unwrap();
    let size = format!("\"size\":{}", component.len());
    let lie = text.replace(&size, "\"size\":33554433");
    assert_ne!(lie, text);
    let peer = Scripted::start(move |_, _| Answer::json(&lie));
    let error = open(&peer).find(&name(), &version()).unwrap_err();
    assert!(
        matches!(&error, Error::Malformed { problem, .. } if problem.contains("33554433 bytes")),
        "{error}"
    );
}

#[test]
fn long_lists() {
    let peer = Scripted::start(|request, _| {
        let (page, link) = match request.line.as_str() {
            "GET /v2/ci/acme/billing/tags/list" => (
                r#"{"tags":["1.0.0","latest"]}"#,
                "link: </v2/ci/acme/billing/tags/list?last=x>; rel=\"next\"\r\n",
            ),
            _ => (r#"{"name":"x","tags":["1.0.0","0.9.0","sha256-ab"]}"#, ""),
        };
        Answer::new(200, link, page)
    });
    let versions = open(&peer).versions(&name()).unwrap();
    let expected: Vec<crate::Version> = ["0.9.0", "1.0.0"].map(|text| text.parse().unwrap()).into();
    assert_eq!(versions, expected);
    assert_eq!(peer.lines().len(), 2);

    let forever = Scripted::start(|_, before| {
        let link = format!("link: <?last={before}>; rel=next\r\n");
        Answer::new(200, &link, r#"{"tags":[]}"#)
    });
    assert_eq!(
        problem(open(&forever).versions(&name())),
        "the answer is more than 200 pages, not a list of tags"
    );
    let elsewhere = Scripted::start(|_, _| {
        let link = "link: <https://other.example/list>; rel=next\r\n";
        Answer::new(200, link, r#"{"tags":[]}"#)
    });
    assert_eq!(
        problem(open(&elsewhere).versions(&name())),
        "it redirects to https://other.example/list: the list goes on elsewhere"
    );
    let none = Scripted::start(|_, _| Answer::json(r#"{"tags":null}"#));
    assert_eq!(open(&none).versions(&name()).unwrap(), []);
}

#[test]
fn what_is_no_list() {
    let status = || Answer::json(r#"{"status":"up"}"#);
    let peer = Scripted::start(move |_, _| status());
    assert_eq!(
        problem(open(&peer).versions(&name())),
        "the answer is `application/json`, not a list of tags: missing field `tags` at line 1 column 15"
    );
    // A list of statements that cannot be read must not hide a yank.
    let standing = |api: fn() -> Answer, index: fn() -> Answer| {
        let component = probe();
        let manifest = release(&component).prepare().unwrap().documents.manifest;
        let peer = Scripted::start(move |request, _| {
            if request.line.ends_with("/manifests/1.0.0") {
                Answer::new(200, "", &manifest)
            } else if request.line.contains("/referrers/") {
                api()
            } else {
                index()
            }
        });
        open(&peer).find(&name(), &version())
    };
    let gone = || Answer::new(404, "", "");
    assert_eq!(
        problem(standing(gone, status)),
        "the answer is `application/json`, not an index: missing field `manifests` at line 1 column 15"
    );
    let untyped = || Answer::new(200, "", r#"{"status":"up"}"#);
    assert_eq!(
        problem(standing(untyped, gone)),
        "the answer is of no type, not a list of referrers: missing field `manifests` at line 1 column 15"
    );
    let empty = || Answer::new(200, "", r#"{"manifests":null}"#);
    let published = standing(empty, gone).unwrap().unwrap();
    assert_eq!(published.standing, crate::Standing::Good);
}

#[test]
fn a_tag_without_a_manifest_is_no_version_to_step_over() {
    let peer = Scripted::start(|request, _| {
        if request.line.ends_with("/tags/list") {
            Answer::json(r#"{"tags":["1.0.0","1.1.0"]}"#)
        } else {
            Answer::new(404, "content-type: text/html\r\n", "<html>")
        }
    });
    let newest = crate::Reference::Newest;
    let error =
        crate::resolve(&open(&peer), &name(), &newest, crate::contract::SPOKEN).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`acme/billing@1.1.0` is listed in {}, and its manifest is not there",
            remote(&peer)
        )
    );
    assert_eq!(peer.lines().len(), 2, "1.0.0 is not looked at");
}

#[test]
fn what_a_length_that_is_wrong_leads_to() {
    let hint = |answer: fn() -> Answer| {
        let peer = Scripted::start(move |_, _| answer());
        let error = open(&peer).component(&published(10)).unwrap_err();
        let host = remote(&peer).authority;
        error.hint().unwrap().replace(&host, "HOST")
    };
    let asks = "none of it was used; ask who runs `HOST` what happened to it";
    assert_eq!(hint(|| Answer::new(200, "", "01234")), asks);
    assert_eq!(hint(|| Answer::new(200, "", "0123456789A")), asks);
    let unsaid = || Answer::bytes("HTTP/1.1 200 OK\r\n\r\n0123456789A");
    assert_eq!(hint(unsaid), asks);
    let cut = || Answer::bytes("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123");
    assert_eq!(
        hint(cut),
        "try again later; where it stays so, ask who runs `HOST`"
    );
}

#[test]
fn who_speaks_tls_and_is_asked_without() {
    let peer = Scripted::start(|_, _| Answer::new(400, "", "an HTTP request to an HTTPS server"));
    let error = open(&peer).versions(&name()).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("`ca-file`"), "{hint}");

    let settings = crate::RemoteSettings {
        ca_file: Some("nosuch/ca.pem".into()),
        ..settings()
    };
    let error = RemoteRegistry::new(&remote(&peer), settings).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read the certificates in `nosuch/ca.pem` for {}: there is no such file",
            remote(&peer)
        )
    );
}

#[test]
fn a_mirror_that_fails_is_passed_over_and_one_that_lies_is_not() {
    let origin = Scripted::start(|_, _| Answer::new(200, "", "0123456789"));
    let read = |answer: fn() -> Answer| {
        let mirror = Scripted::start(move |_, _| answer());
        let settings = crate::RemoteSettings {
            mirrors: vec![remote(&mirror)],
            ..settings()
        };
        let registry = RemoteRegistry::new(&remote(&origin), settings).unwrap();
        registry.component(&published(10))
    };
    let gone = || Answer::new(404, "", "");
    let broken = || Answer::new(500, "", "");
    let busy = || Answer::new(429, "retry-after: 1000\r\n", "");
    let closed = || Answer::bytes("");
    for answer in [gone as fn() -> Answer, broken, busy, closed] {
        assert_eq!(read(answer).unwrap(), b"0123456789");
    }
    let lie = read(|| Answer::new(200, "", "9876543210")).unwrap_err();
    let lie = super::failure(lie);
    assert!(matches!(lie.problem, Problem::Altered { .. }));
    let told = format!(", a mirror of {}: ", remote(&origin));
    assert!(lie.to_string().contains(&told), "{lie}");
}

#[test]
fn a_mirror_that_lags_behind_hides_no_version() {
    let tags = |tags: &'static str| {
        Scripted::start(move |_, _| {
            let body = format!(r#"{{"name":"ci/acme/billing","tags":[{tags}]}}"#);
            Answer::new(200, "content-type: application/json\r\n", &body)
        })
    };
    let (origin, mirror) = (tags(r#""1.0.0","1.1.0""#), tags(r#""1.0.0","0.9.0""#));
    let settings = crate::RemoteSettings {
        mirrors: vec![remote(&mirror)],
        ..settings()
    };
    let registry = RemoteRegistry::new(&remote(&origin), settings).unwrap();
    let versions = registry.versions(&name()).unwrap();
    let texts: Vec<String> = versions.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["0.9.0", "1.0.0", "1.1.0"]);
}

#[test]
fn where_nobody_can_say_how_a_version_stands_it_is_not_good() {
    let component = probe();
    let manifest = release(&component).prepare().unwrap().documents.manifest;
    let script = move |line: &str| {
        if line.ends_with("/manifests/1.0.0") {
            Answer::new(200, "", &manifest)
        } else {
            Answer::new(500, "", "")
        }
    };
    let (origin, mirror) = (script.clone(), script);
    let origin = Scripted::start(move |request, _| origin(&request.line));
    let mirror = Scripted::start(move |request, _| mirror(&request.line));
    let settings = crate::RemoteSettings {
        mirrors: vec![remote(&mirror)],
        ..settings()
    };
    let registry = RemoteRegistry::new(&remote(&origin), settings).unwrap();
    for _ in 0..2 {
        assert_eq!(
            problem(registry.find(&name(), &version())),
            "the answer is 500 Internal Server Error"
        );
    }
}
