//! What is tried again, how often, and what is not.

use super::scripted::{Answer, Scripted};
use super::{failure, name, open, probe, problem, release};
use crate::Registry;

#[test]
fn waits_where_it_is_asked_to() {
    let peer = Scripted::start(|_, before| match before {
        0 => Answer::new(429, "retry-after: 0\r\n", ""),
        1 => Answer::new(503, "retry-after: 1\r\n", ""),
        _ => Answer::json(r#"{"tags":["1.0.0"]}"#),
    });
    assert_eq!(open(&peer).versions(&name()).unwrap().len(), 1);
    assert_eq!(peer.lines().len(), 3);
}

#[test]
fn does_not_wait_for_long_or_for_ever() {
    let later = Scripted::start(|_, _| Answer::new(429, "retry-after: 120\r\n", ""));
    let error = failure(open(&later).versions(&name()).unwrap_err());
    assert_eq!(
        error.problem.to_string(),
        "the answer is 429 Too Many Requests, and it wants to be asked again in 120 s"
    );
    assert_eq!(error.hint().unwrap(), "try again later");
    assert_eq!(later.lines().len(), 1);

    let always = Scripted::start(|_, _| Answer::new(429, "retry-after: 0\r\n", ""));
    assert_eq!(
        problem(open(&always).versions(&name())),
        "the answer is 429 Too Many Requests, and it wants to be asked again in 0 s"
    );
    assert_eq!(always.lines().len(), 3);

    let silent = Scripted::start(|_, _| Answer::new(429, "", ""));
    assert_eq!(
        problem(open(&silent).versions(&name())),
        "the answer is 429 Too Many Requests, and it does not say when to ask again"
    );
}

#[test]
fn reads_are_tried_again_and_writes_are_not() {
    let failing = || {
        Scripted::start(|request, _| {
            if request.line.starts_with("GET") && request.line.contains("/manifests/") {
                return Answer::new(404, "", "");
            }
            if request.line.starts_with("HEAD") {
                return Answer::new(404, "", "");
            }
            Answer::new(
                500,
                "",
                r#"{"errors":[{"code":"UNKNOWN","message":"out of order"}]}"#,
            )
        })
    };
    let told = "the answer is 500 Internal Server Error: UNKNOWN: out of order";
    let peer = failing();
    assert_eq!(problem(open(&peer).versions(&name())), told);
    assert_eq!(peer.lines().len(), 3);

    let peer = failing();
    let component = probe();
    assert_eq!(problem(open(&peer).publish(&release(&component))), told);
    let posts = peer.lines();
    let posts: Vec<_> = posts
        .iter()
        .filter(|line| line.starts_with("POST"))
        .collect();
    assert_eq!(posts, ["POST /v2/ci/acme/billing/blobs/uploads/"]);
}

#[test]
fn a_connection_that_closes_is_opened_again() {
    let peer = Scripted::start(|_, before| match before {
        0 => Answer::bytes(""),
        _ => Answer::json(r#"{"tags":[]}"#),
    });
    assert_eq!(open(&peer).versions(&name()).unwrap(), []);

    let never = Scripted::start(|_, _| Answer::bytes(""));
    assert_eq!(
        problem(open(&never).versions(&name())),
        "it closed the connection"
    );
    assert_eq!(never.lines().len(), 3);
}
