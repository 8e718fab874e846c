//! Peers that no nginx plays: they answer with fixed bytes.

use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::scripted_http::serve;

use super::ask;

const SCRIPTED: &str = "scripted";

/// Adds a row for each.
pub(crate) fn rows(matrix: &mut Matrix) {
    for (state, answer, more, verdict, code) in [
        (
            "accepts and closes, as docker's proxy does",
            "",
            &[][..],
            "not-ready",
            "closed",
        ),
        (
            "hangs up within the head",
            "HTTP/1.1 200 OK\r\nServer: x",
            &[],
            "not-ready",
            "closed",
        ),
        (
            "hangs up within the body",
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nup",
            &["--expect-body", "up"],
            "not-ready",
            "closed",
        ),
        (
            "an answer of HTTP/1.0 until the end of the connection",
            "HTTP/1.0 200 OK\r\n\r\nup",
            &["--expect-body", "up"],
            "ready",
            "",
        ),
        (
            "an answer in chunks, after an interim answer",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n1\r\nu\r\n1\r\np\r\n0\r\nX: y\r\n\r\n",
            &["--expect-body-regex", "^up$"],
            "ready",
            "",
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nup",
            &[],
            "not-ready",
            "bad-answer",
        ),
        (
            "a compressed body",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx",
            &["--expect-body", "up"],
            "not-ready",
            "unexpected-body",
        ),
        (
            "SSH",
            "SSH-2.0-OpenSSH_9.2\r\n",
            &[],
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "Redis",
            "-ERR unknown command\r\n",
            &[],
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "HTTP/2 only",
            "\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0\u{64}\0\u{4}\0\u{1}\0\0\0\u{5}\0\0\u{40}\0",
            &[],
            "misconfigured",
            "wrong-protocol",
        ),
        (
            "a Go server's TLS port",
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            &[],
            "misconfigured",
            "tls-required",
        ),
        (
            "another server's TLS port",
            "\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{46}",
            &[],
            "misconfigured",
            "tls-required",
        ),
    ] {
        let url = format!("http://127.0.0.1:{}/", serve(answer));
        matrix.row_on(state, SCRIPTED, verdict, code, &ask(&url, more));
    }
}
