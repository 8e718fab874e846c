//! Who gets to see what proves who asks: nobody but the registry and whom it
//! names for tokens.

use std::fs;
use std::sync::Arc;

use super::scripted::{Answer, Request, Scripted};
use super::{PASSWORD, account, name, open, probe, problem, release, remote, settings, version};
use crate::remote::{RemoteRegistry, RemoteSettings};
use crate::{Digest, Registry};

const BASIC: &str = "Basic YW5uOmh1bnRlcjI=";

fn with_account(peer: &Scripted) -> (tempfile::TempDir, RemoteRegistry) {
    let (folder, file) = account(peer);
    let settings = RemoteSettings {
        accounts: vec![file],
        ..settings()
    };
    (
        folder,
        RemoteRegistry::new(&remote(peer), settings).unwrap(),
    )
}

/// Answers with `answer` whoever proves to be `proof`, and others with the
/// wish for that.
fn guarded(
    proof: &'static str,
    challenge: String,
    answer: impl Fn(&Request) -> Answer,
    request: &Request,
) -> Answer {
    if request.authorization.as_deref() == Some(proof) {
        return answer(request);
    }
    Answer::new(401, &format!("www-authenticate: {challenge}\r\n"), "")
}

#[test]
fn the_account_goes_along_once_it_is_asked_for() {
    let peer = Scripted::start(|request, _| {
        let tags = |_: &Request| Answer::json(r#"{"tags":["1.0.0"]}"#);
        guarded(BASIC, "Basic realm=\"x\"".to_owned(), tags, request)
    });
    let (_folder, registry) = with_account(&peer);
    registry.versions(&name()).unwrap();
    registry.versions(&name()).unwrap();
    let proofs: Vec<_> = peer
        .requests()
        .into_iter()
        .map(|request| request.authorization)
        .collect();
    assert_eq!(
        proofs,
        [None, Some(BASIC.to_owned()), Some(BASIC.to_owned())]
    );
}

#[test]
fn a_token_is_fetched_once_and_for_this_repository() {
    let tokens = Arc::new(Scripted::start(|_, _| {
        Answer::json(r#"{"token":"abc","expires_in":300}"#)
    }));
    let port = tokens.port;
    let peer = Scripted::start(move |request, _| {
        let challenge = format!(
            "Bearer realm=\"http://127.0.0.1:{port}/token?a=b\",service=\"r.example\",scope=\"repository:ci/acme/billing:pull\""
        );
        let tags = |_: &Request| Answer::json(r#"{"tags":["1.0.0"]}"#);
        guarded("Bearer abc", challenge, tags, request)
    });
    let (_folder, registry) = with_account(&peer);
    registry.versions(&name()).unwrap();
    registry.versions(&name()).unwrap();
    let asked = tokens.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].line,
        "GET /token?a=b&service=r.example&scope=repository%3Aci%2Facme%2Fbilling%3Apull&account=ann"
    );
    assert_eq!(asked[0].authorization.as_deref(), Some(BASIC));
    assert!(
        peer.requests()
            .iter()
            .all(|request| request.authorization.as_deref() != Some(BASIC)),
        "the registry itself never sees the password"
    );
    // A stranger gets a token too, without saying who asks.
    open(&peer).versions(&name()).unwrap();
    assert_eq!(tokens.requests()[1].authorization, None);
}

#[test]
fn an_identity_token_is_posted() {
    let tokens = Scripted::start(|_, _| Answer::json(r#"{"access_token":"abc"}"#));
    let port = tokens.port;
    let peer = Scripted::start(move |request, _| {
        let challenge = format!("Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"s\"");
        let tags = |_: &Request| Answer::json(r#"{"tags":["1.0.0"]}"#);
        guarded("Bearer abc", challenge, tags, request)
    });
    let (folder, file) = account(&peer);
    let config = format!(
        r#"{{"auths":{{"{}":{{"identitytoken":"{PASSWORD}"}}}}}}"#,
        remote(&peer).authority
    );
    fs::write(&file, config).unwrap();
    let settings = RemoteSettings {
        accounts: vec![file],
        ..settings()
    };
    let registry = RemoteRegistry::new(&remote(&peer), settings).unwrap();
    registry.versions(&name()).unwrap();
    let asked = tokens.requests();
    assert_eq!(asked[0].line, "POST /token");
    assert_eq!(asked[0].authorization, None);
    assert_eq!(
        String::from_utf8_lossy(&asked[0].body),
        "service=s&scope=repository%3Aci%2Facme%2Fbilling%3Apull&client_id=waitfor&grant_type=refresh_token&refresh_token=hunter2"
    );
    drop(folder);
}

#[test]
fn no_token_is_had_where_that_would_be_unsafe() {
    for (realm, told) in [
        (
            "http://auth.example/token",
            "it redirects to http://auth.example/token: it is not encrypted",
        ),
        (
            "ftp://auth.example",
            "it redirects to ftp://auth.example/: it is not a web address",
        ),
        (
            "token",
            "it redirects to no URL: what gives tokens there has no URL",
        ),
    ] {
        let peer = Scripted::start(move |_, _| {
            let header = format!("www-authenticate: Bearer realm=\"{realm}\"\r\n");
            Answer::new(401, &header, "")
        });
        let (_folder, registry) = with_account(&peer);
        assert_eq!(problem(registry.versions(&name())), told);
    }
    let odd = Scripted::start(|_, _| Answer::new(200, "content-type: text/html\r\n", "<html>"));
    let port = odd.port;
    let peer = Scripted::start(move |_, _| {
        let header = format!("www-authenticate: Bearer realm=\"http://127.0.0.1:{port}/\"\r\n");
        Answer::new(401, &header, "")
    });
    let (_folder, registry) = with_account(&peer);
    assert_eq!(
        problem(registry.versions(&name())),
        "the answer is `text/html`, not a token"
    );
}

#[test]
fn a_redirect_elsewhere_takes_no_account_along() {
    let store = Scripted::start(|_, _| Answer::new(200, "", "0123456789"));
    let port = store.port;
    let peer = Scripted::start(move |request, _| {
        let moved = |_: &Request| {
            let to = format!("location: http://127.0.0.1:{port}/blob?signature=x\r\n");
            Answer::new(307, &to, "")
        };
        guarded(BASIC, "Basic".to_owned(), moved, request)
    });
    let (_folder, registry) = with_account(&peer);
    let component = probe();
    let published = crate::Published {
        component: Digest::of(b"0123456789"),
        size: 10,
        ..release(&component).prepare().unwrap().published
    };
    assert_eq!(registry.component(&published).unwrap(), b"0123456789");
    let asked = store.requests();
    assert_eq!(asked[0].line, "GET /blob?signature=x");
    assert_eq!(asked[0].authorization, None);
}

#[test]
fn one_who_was_redirected_to_is_not_given_an_account() {
    let greedy = Scripted::start(|_, _| Answer::new(401, "www-authenticate: Basic\r\n", ""));
    let port = greedy.port;
    let peer = Scripted::start(move |_, _| {
        let to = format!("location: http://127.0.0.1:{port}/\r\n");
        Answer::new(302, &to, "")
    });
    let (_folder, registry) = with_account(&peer);
    assert_eq!(
        problem(registry.versions(&name())),
        "the answer is 401 Unauthorized"
    );
    assert!(
        greedy
            .requests()
            .iter()
            .all(|request| request.authorization.is_none())
    );
}

#[test]
fn redirects_that_are_not_followed() {
    for (location, told) in [
        (
            "location: http://registry.example/x?token=y\r\n",
            "it redirects to http://registry.example/x: it is not encrypted",
        ),
        (
            "location: file:///etc/passwd\r\n",
            "it redirects to file:///etc/passwd: it is not a web address",
        ),
        ("", "it redirects to nowhere: it does not say where to"),
        (
            "location: http://[\r\n",
            "it redirects to no URL: it cannot be asked",
        ),
    ] {
        let peer = Scripted::start(move |_, _| Answer::new(307, location, ""));
        assert_eq!(problem(open(&peer).versions(&name())), told);
    }
    let round = Scripted::start(|_, _| Answer::new(308, "location: /again\r\n", ""));
    let host = remote(&round).authority;
    assert_eq!(
        problem(open(&round).versions(&name())),
        format!("it redirects to http://{host}/again: that is one redirect too many")
    );
    assert_eq!(round.lines().len(), 6);
}

#[test]
fn an_upload_elsewhere_takes_no_account_along() {
    let store = Scripted::start(|_, _| Answer::new(201, "", ""));
    let port = store.port;
    let peer = Scripted::start(move |request, _| {
        let answer = |request: &Request| match request.line.split(' ').next() {
            Some("POST") => {
                let to = format!("location: http://127.0.0.1:{port}/upload?state=x\r\n");
                Answer::new(202, &to, "")
            }
            _ => Answer::new(404, "", ""),
        };
        guarded(BASIC, "Basic".to_owned(), answer, request)
    });
    let (_folder, registry) = with_account(&peer);
    let component = probe();
    // The manifest is put to the registry itself, which does not want it.
    assert_eq!(
        problem(registry.publish(&release(&component))),
        "the answer is 404: it is not there"
    );
    let uploads = store.requests();
    assert_eq!(
        uploads[0].line,
        format!(
            "PUT /upload?state=x&digest=sha256%3A{}",
            Digest::of(&component).hex()
        )
    );
    assert_eq!(uploads[0].body, component);
    assert!(
        uploads
            .iter()
            .all(|request| request.authorization.is_none())
    );
}

#[test]
fn who_is_refused_without_being_asked_is_told_so() {
    for status in [401, 403] {
        let peer = Scripted::start(move |_, _| Answer::new(status, "", ""));
        assert_eq!(
            problem(open(&peer).versions(&name())),
            format!(
                "the answer is {status}: without an account nobody may read the repository `ci/acme/billing`"
            )
        );
        let (_folder, registry) = with_account(&peer);
        for _ in 0..2 {
            assert_eq!(
                problem(registry.versions(&name())),
                format!(
                    "the answer is {status}: it does not ask who it is, and nobody may read the repository `ci/acme/billing`"
                )
            );
        }
        let requests = peer.requests();
        assert!(
            requests
                .iter()
                .all(|request| request.authorization.is_none())
        );
    }
    let peer = Scripted::start(|_, _| Answer::new(401, "www-authenticate: Basic\r\n", ""));
    let (_folder, registry) = with_account(&peer);
    assert_eq!(
        problem(registry.versions(&name())),
        "the answer is 401: the account from docker's configuration may not read the repository `ci/acme/billing`"
    );
}

#[test]
fn a_place_that_it_leads_to_and_that_nobody_reaches() {
    let peer = Scripted::start(|_, _| Answer::new(307, "location: http://127.0.0.1:9/\r\n", ""));
    let error = open(&peer).versions(&name()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the versions of `acme/billing` at http://127.0.0.1:9/: connection refused"
    );
    assert_eq!(
        error.hint().unwrap(),
        format!(
            "check that this machine may reach it: `{}` leads there",
            remote(&peer).authority
        )
    );
}

#[test]
fn what_a_registry_says_back_of_a_secret_is_not_shown() {
    let peer = Scripted::start(|request, _| {
        let echo = |request: &Request| {
            let proof = request.authorization.clone().unwrap_or_default();
            let body = format!(r#"{{"errors":[{{"code":"BAD","message":"{proof} {PASSWORD}"}}]}}"#);
            Answer::new(418, "", body)
        };
        guarded(BASIC, "Basic".to_owned(), echo, request)
    });
    let (_folder, registry) = with_account(&peer);
    assert_eq!(
        problem(registry.find(&name(), &version())),
        "the answer is 418 I'm a teapot"
    );
}
