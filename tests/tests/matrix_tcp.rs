//! The tcp probe, in the built `waitfor`, over ports that stay open, speak, keep silent or hang up.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::install::{self, Component};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::tls::Tls;

/// Short, since a state that does not change is as telling after a second.
fn ask(url: &str, more: &[&str]) -> Verdict {
    let mut args = vec![url];
    args.extend(more);
    Cli::new().timeout("1s").attempt(args)
}

#[test]
fn every_state_has_its_verdict() {
    let mut matrix = Matrix::new("tcp", "a scripted peer");
    connections(&mut matrix);
    answers(&mut matrix);
    sockets(&mut matrix);
    if let Some(redis) = install::require(Component::Redis) {
        let version = redis.version.clone();
        let server = Redis::ready(&redis);
        let url = format!("tcp://127.0.0.1:{}", server.port);
        matrix.row_on("Redis stays open", &version, "ready", "", &ask(&url, &[]));
        let ping = ["--send", "PING\\r\\n", "--expect", "+PONG\\r\\n"];
        matrix.row_on(
            "Redis answers PING",
            &version,
            "ready",
            "",
            &ask(&url, &ping),
        );

        let files = Tls::new();
        let ca = files.ca.display().to_string();
        let other_ca = files.other_ca.display().to_string();
        let secured = Redis::with_tls(&redis, &files, false);
        let url = format!("tcp://127.0.0.1:{}", secured.port);
        let mut args = vec!["--tls", "--tls-ca", &ca];
        matrix.row_on("TLS stays open", &version, "ready", "", &ask(&url, &args));
        args.extend(ping);
        matrix.row_on(
            "Redis answers PING over TLS",
            &version,
            "ready",
            "",
            &ask(&url, &args),
        );
        matrix.row_on(
            "TLS; the certificate is of another authority",
            &version,
            "misconfigured",
            "tls-certificate",
            &ask(&url, &["--tls", "--tls-ca", &other_ca]),
        );
    } else {
        matrix.skip();
    }
    matrix.finish();
}

fn connections(matrix: &mut Matrix) {
    let closed = format!("tcp://127.0.0.1:{}", free_port());
    matrix.row(
        "nothing listens",
        "not-ready",
        "refused",
        &ask(&closed, &[]),
    );
    matrix.row(
        "the name does not exist",
        "not-ready",
        "name-unknown",
        &ask("tcp://nosuch.invalid:80", &[]),
    );

    let proxy = peer(Peer::Closes);
    matrix.row(
        "accepts and closes at once",
        "not-ready",
        "closed",
        &ask(&proxy, &[]),
    );
    matrix.row(
        "accepts and closes at once; merely connecting is enough",
        "ready",
        "",
        &ask(&proxy, &["--hold", "0"]),
    );
    matrix.row(
        "accepts and closes at once; an answer is expected",
        "not-ready",
        "closed",
        &ask(&proxy, &["--expect", "220"]),
    );

    let silent = peer(Peer::Says(b""));
    matrix.row("stays open and silent", "ready", "", &ask(&silent, &[]));
    matrix.row(
        "`HOST:PORT` in place of a URL",
        "ready",
        "",
        &ask(silent.trim_start_matches("tcp://"), &[]),
    );
    matrix.row(
        "stays open and silent; an answer is expected",
        "not-ready",
        "timed-out",
        &ask(&silent, &["--expect", "220"]),
    );
    matrix.row(
        "stays open and silent; TLS is wanted",
        "not-ready",
        "timed-out",
        &ask(&silent, &["--tls"]),
    );
}

fn answers(matrix: &mut Matrix) {
    let banner = peer(Peer::Says(b"220 mail ready\r\n"));
    let found = ask(&banner, &[]);
    assert_eq!(
        found.facts.get("received").map(String::as_str),
        Some("220 mail ready\\r\\n")
    );
    matrix.row("speaks first", "ready", "", &found);
    for (state, args, verdict, code) in [
        (
            "speaks first; the text is expected",
            ["--expect", "ready\\r\\n"],
            "ready",
            "",
        ),
        (
            "speaks first; the bytes are expected",
            ["--expect-hex", "32 32 30"],
            "ready",
            "",
        ),
        (
            "speaks first; another text is expected",
            ["--expect", "421"],
            "not-ready",
            "unexpected-answer",
        ),
    ] {
        matrix.row(state, verdict, code, &ask(&banner, &args));
    }
    matrix.row(
        "speaks first; the expected text is in the URL",
        "ready",
        "",
        &ask(&format!("{banner}?expect=220%20mail"), &[]),
    );

    let echo = peer(Peer::Echoes);
    matrix.row(
        "gives back what it is sent, which is expected",
        "ready",
        "",
        &ask(&echo, &["--send-hex", "00ff", "--expect-hex", "00ff"]),
    );
    matrix.row(
        "gives back what it is sent, which is not expected",
        "not-ready",
        "unexpected-answer",
        &ask(&echo, &["--send", "ping", "--expect", "pong"]),
    );
}

fn sockets(matrix: &mut Matrix) {
    let dir = temp_dir("tcp");
    let path = dir.path().join("app.sock");
    let url = format!("unix://{}", path.display());
    matrix.row(
        "no such UNIX socket",
        "not-ready",
        "no-socket",
        &ask(&url, &[]),
    );
    let listener = UnixListener::bind(&path).expect("a UNIX socket");
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            held.push(stream);
        }
    });
    matrix.row("a UNIX socket stays open", "ready", "", &ask(&url, &[]));

    let left = dir.path().join("left.sock");
    drop(UnixListener::bind(&left).expect("a UNIX socket"));
    matrix.row(
        "a UNIX socket that nobody listens on",
        "not-ready",
        "refused",
        &ask(&format!("unix://{}", left.display()), &[]),
    );
    let file = dir.path().join("file");
    fs::write(&file, "").expect("a file");
    matrix.row(
        "a file that is no socket",
        "not-ready",
        "refused",
        &ask(&format!("unix://{}", file.display()), &[]),
    );
}

/// What a peer does with a connection.
#[derive(Clone, Copy)]
enum Peer {
    Closes,
    Says(&'static [u8]),
    Echoes,
}

/// Starts such a peer, which ends with the test; its URL.
fn peer(kind: Peer) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || meet(kind, stream));
        }
    });
    format!("tcp://127.0.0.1:{port}")
}

/// Errors are the other side's leaving, which ends the meeting.
fn meet(kind: Peer, mut stream: TcpStream) {
    match kind {
        Peer::Closes => {}
        Peer::Says(text) => {
            let _ = stream.write_all(text);
            let _ = stream.read_to_end(&mut Vec::new());
        }
        Peer::Echoes => {
            let mut bytes = [0; 1024];
            while let Ok(len @ 1..) = stream.read(&mut bytes) {
                if stream.write_all(&bytes[..len]).is_err() {
                    break;
                }
            }
        }
    }
}
