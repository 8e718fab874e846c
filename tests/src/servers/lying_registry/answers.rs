//! The answers of the distribution specification, and the faults in them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::content::{Content, digest};
use super::http::{Answer, Seen, read};
use super::{Fault, Script, locked};

/// Between two bytes of [`Fault::Drip`].
const DRIP: Duration = Duration::from_millis(50);

/// Reads one request, and answers it rightly or not.
pub(super) fn converse(
    stream: TcpStream,
    content: &Mutex<Content>,
    script: &Mutex<Script>,
) -> io::Result<()> {
    let (seen, body) = read(&stream)?;
    let (fault, referrers) = {
        let mut script = locked(script);
        script.seen.push(seen.clone());
        (script.fault(&seen), script.referrers)
    };
    let right = || right_answer(&seen, body, &mut locked(content), referrers);
    match fault {
        None => right().write(&stream, &seen.method),
        Some(fault) => commit(fault, &stream, &seen, right),
    }
}

fn commit(
    fault: Fault,
    mut stream: &TcpStream,
    seen: &Seen,
    right: impl FnOnce() -> Answer,
) -> io::Result<()> {
    let page = |status, text: &str| {
        Answer::new(status).body("text/html; charset=utf-8", text.as_bytes().to_vec())
    };
    let answer = match fault {
        Fault::OtherBytes => {
            let mut answer = right();
            if let Some(last) = answer.body.last_mut() {
                *last ^= 1;
            }
            answer
        }
        Fault::OtherDigestHeader => {
            let mut answer = right();
            let is_digest = |name: &str| name.eq_ignore_ascii_case("docker-content-digest");
            answer.headers.retain(|(name, _)| !is_digest(name));
            answer.header("Docker-Content-Digest", &digest(b"something else"))
        }
        Fault::NotFoundPage => page(
            404,
            "<!DOCTYPE html><title>Not found</title><p>Nothing here.\n",
        ),
        Fault::LoginPage => page(
            200,
            "<!DOCTYPE html><title>Sign in</title><form><input name=password></form>\n",
        ),
        Fault::OtherJson => {
            Answer::new(200).body("application/json", b"{\"status\":\"up\"}".to_vec())
        }
        Fault::Truncated => {
            let answer = right();
            stream.write_all(answer.head(Some(answer.body.len())).as_bytes())?;
            return stream.write_all(&answer.body[..answer.body.len() / 2]);
        }
        Fault::Endless => {
            let answer = right();
            stream.write_all(answer.head(None).as_bytes())?;
            stream.write_all(&answer.body)?;
            loop {
                // Ends when the peer has had enough.
                stream.write_all(&[0; 4096])?;
            }
        }
        Fault::Redirect(to) => {
            let to = match to.matches('/').count() {
                2 => format!("{to}{}", seen.path),
                _ => to,
            };
            Answer::new(307).header("Location", &to)
        }
        Fault::RedirectToItself => Answer::new(307).header("Location", &seen.path),
        Fault::Unauthorized(challenge) | Fault::Challenge(challenge) => {
            Answer::error(401, "UNAUTHORIZED").header("WWW-Authenticate", &challenge)
        }
        Fault::Forbidden => Answer::error(403, "DENIED"),
        Fault::TooMany(after) => {
            Answer::error(429, "TOOMANYREQUESTS").header("Retry-After", &after)
        }
        Fault::ServerError => page(500, "<h1>Internal Server Error</h1>\n"),
        Fault::Drip => {
            let answer = right();
            stream.write_all(answer.head(Some(answer.body.len())).as_bytes())?;
            for byte in answer.body {
                stream.write_all(&[byte])?;
                sleep(DRIP);
            }
            return Ok(());
        }
        Fault::Silence => {
            let mut byte = [0];
            while stream.read(&mut byte)? > 0 {}
            return Ok(());
        }
        Fault::HangUp => return Ok(()),
        Fault::UploadElsewhere(origin) => {
            let mut answer = right();
            for (name, value) in &mut answer.headers {
                if name == "Location" {
                    *value = format!("{origin}{value}");
                }
            }
            answer
        }
    };
    answer.write(stream, &seen.method)
}

fn right_answer(seen: &Seen, body: Vec<u8>, content: &mut Content, referrers: bool) -> Answer {
    if seen.path == "/token" {
        let token = json!({"token": "a-token", "access_token": "a-token", "expires_in": 300});
        return Answer::new(200).body("application/json", token.to_string().into_bytes());
    }
    let Some(rest) = seen.path.strip_prefix("/v2/") else {
        return Answer::error(404, "NOT_FOUND");
    };
    let reads = matches!(seen.method.as_str(), "GET" | "HEAD");
    if rest.is_empty() && reads {
        return Answer::new(200).body("application/json", b"{}".to_vec());
    }
    if let Some(repository) = rest.strip_suffix("/tags/list") {
        if !content.knows(repository) {
            return Answer::error(404, "NAME_UNKNOWN");
        }
        let list = json!({"name": repository, "tags": content.tags(repository)});
        return Answer::new(200).body("application/json", list.to_string().into_bytes());
    }
    if let Some((repository, reference)) = rest.split_once("/manifests/") {
        return manifest(seen, body, content, (repository, reference), referrers);
    }
    if let Some((repository, subject)) = rest.split_once("/referrers/") {
        if !referrers {
            return Answer::error(404, "NOT_FOUND");
        }
        let index = content.referrers(repository, subject).to_string();
        return Answer::new(200).body(
            "application/vnd.oci.image.index.v1+json",
            index.into_bytes(),
        );
    }
    if let Some((repository, _)) = rest.split_once("/blobs/uploads/") {
        return upload(seen, body, content, repository);
    }
    match rest.split_once("/blobs/") {
        Some((_, wanted)) if reads => match content.blob(wanted) {
            Some(bytes) => Answer::new(200)
                .header("Docker-Content-Digest", wanted)
                .body("application/octet-stream", bytes),
            None => Answer::error(404, "BLOB_UNKNOWN"),
        },
        _ => Answer::error(404, "NOT_FOUND"),
    }
}

fn manifest(
    seen: &Seen,
    body: Vec<u8>,
    content: &mut Content,
    (repository, reference): (&str, &str),
    referrers: bool,
) -> Answer {
    if seen.method == "PUT" {
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let subject = document["subject"]["digest"].as_str().map(str::to_owned);
        let digest = content.put_manifest(repository, reference, body);
        let answer = Answer::new(201)
            .header("Location", &format!("/v2/{repository}/manifests/{digest}"))
            .header("Docker-Content-Digest", &digest);
        return match subject {
            Some(subject) if referrers => answer.header("OCI-Subject", &subject),
            _ => answer,
        };
    }
    match content.manifest(repository, reference) {
        Some((media_type, bytes)) => Answer::new(200)
            .header("Docker-Content-Digest", &digest(&bytes))
            .body(&media_type, bytes),
        None => Answer::error(404, "MANIFEST_UNKNOWN"),
    }
}

fn upload(seen: &Seen, body: Vec<u8>, content: &mut Content, repository: &str) -> Answer {
    match seen.method.as_str() {
        "POST" => {
            Answer::new(202).header("Location", &format!("/v2/{repository}/blobs/uploads/1?s=t"))
        }
        "PUT" => {
            let digest = digest(&body);
            let named = seen.query.replace("%3A", ":").replace("%3a", ":");
            if !named.contains(&digest) {
                return Answer::error(400, "DIGEST_INVALID");
            }
            content.put_blob(body);
            Answer::new(201).header("Location", &format!("/v2/{repository}/blobs/{digest}"))
        }
        _ => Answer::error(405, "UNSUPPORTED"),
    }
}
