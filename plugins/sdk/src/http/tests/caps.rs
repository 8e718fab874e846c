//! How much of an answer is taken.

use super::*;

#[test]
fn cuts_a_body_at_the_cap() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nabcdefgh",
        "HTTP/1.1 200 OK\r\n\r\nabcdefgh",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nffffffffffffffff\r\ncdefgh",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n",
    ] {
        let run = fetch(|| plain().value("max", "4"), answer);
        assert_eq!(fact(&run, "body"), "abcd", "{answer}");
        assert_eq!(fact(&run, "truncated"), "true", "{answer}");
    }
    let run = fetch(|| plain().value("max", "4"), "HTTP/1.1 200 OK\r\n\r\nabcd");
    assert_eq!(fact(&run, "truncated"), "false");
}

#[test]
fn heads_and_trailers_have_a_cap() {
    let long = "x".repeat(100_000);
    let many = "A: b\r\n".repeat(200);
    for answer in [
        format!("HTTP/1.1 200 OK\r\nX: {long}\r\n\r\n"),
        format!("HTTP/1.1 200 {long}"),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{long}"),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}",
            many.repeat(40)
        ),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{long}"),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000),
    ] {
        let run = plain().conversation([Step::send(&answer)]).check::<Fetch>();
        assert_eq!(run.verdict.code(), "bad-answer", "{}", &answer[..40]);
    }
}

#[test]
fn interim_answers_that_come_whole_have_a_cap() {
    let interim = Step::send("HTTP/1.1 100 Continue\r\n\r\n".repeat(100));
    let last = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (rounds, code) in [(20, "ready"), (30, "bad-answer")] {
        let steps = core::iter::repeat_n(interim.clone(), rounds);
        let run = plain()
            .conversation(steps.chain([last.clone()]))
            .check::<Fetch>();
        assert_eq!(run.verdict.code(), code, "{rounds}");
    }
}
