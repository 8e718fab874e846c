//! A conversation with a server that says whatever the input says.
//!
//! The first line of an input is the target: a scheme, then parameters as
//! `NAME=VALUE`, and `=N` for the length of the pieces in which the server's
//! bytes arrive. A secret's value is always the canary. What follows are the
//! server's bytes, in which `%%` and a letter stand for an event:
//! `T` a TLS handshake, `F` one that fails, `P` one that meets no TLS,
//! `S` silence, `R` a reset, `C` the end of this connection and the start of
//! the next, `U` a next one that is refused, `|` the end of a packet.

use waitfor_sdk::native::{Run, Session, Step};
use waitfor_sdk::params::Spec;
use waitfor_sdk::{Fault, Probe, Verdict};

use crate::CANARY;

/// The most connections of one conversation.
const MOST: usize = 16;

/// One attempt of the probe `P`, in which the server says what `input` says.
/// Panics where the probe does, where its answer depends on how the bytes
/// arrive, or where it repeats a secret that the server did not say.
pub fn attempt<P: Probe>(input: &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n');
    let (head, said) = input.split_at(at.unwrap_or(input.len()));
    let Ok(head) = std::str::from_utf8(head) else {
        return;
    };
    let said = said.get(1..).unwrap_or_default();
    let whole = run::<P>(head, said, None);
    judge(&whole, input);
    let piece = head.split(' ').find_map(|word| word.strip_prefix('='));
    // Whether a reset comes before or after something was written is chance.
    let is_certain = !contains(said, b"%%R");
    if let Some(len) = piece.and_then(|digits| digits.parse().ok())
        && is_certain
    {
        let pieces = run::<P>(head, said, Some(len));
        judge(&pieces, input);
        assert_eq!(
            (whole.verdict.code(), whole.connections()),
            (pieces.verdict.code(), pieces.connections()),
            "the answer depends on how the bytes arrive: `{}`, or in pieces of {len} `{}`",
            whole.verdict.reason(),
            pieces.verdict.reason(),
        );
    }
}

fn run<P: Probe>(head: &str, said: &[u8], piece: Option<usize>) -> Run {
    let mut words = head.split(' ');
    let scheme = words.next().unwrap_or_default();
    let mut session = Session::new(scheme, "db", 5432)
        .allow("10.0.0.5", 6379)
        .allow("node", 5433);
    let specs: Vec<Spec> = waitfor_sdk::specs::<P>();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            continue;
        };
        session = match specs.iter().find(|spec| spec.name == name) {
            Some(spec) if spec.kind == "secret" => session.secret(name, CANARY),
            Some(_) => session.value(name, value),
            None if name == "also" => session.and(value, 5432),
            None => session,
        };
    }
    if let Some(len) = piece {
        session = session.in_pieces_of(len);
    }
    for connection in connections(said) {
        session = match connection {
            Some(steps) => session.conversation(steps),
            None => session.unreachable(Fault::retry("refused", "connection refused")),
        };
    }
    session.check::<P>()
}

/// The server's part on each connection; none where it is refused.
pub fn connections(said: &[u8]) -> Vec<Option<Vec<Step>>> {
    let mut all = Vec::new();
    let mut steps = Vec::new();
    let mut bytes = Vec::new();
    let mut rest = said;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let event = match after {
            [b'%', event, ..] if *first == b'%' => *event,
            _ => {
                bytes.push(*first);
                continue;
            }
        };
        let step = match event {
            b'T' => Some(Step::Tls),
            b'F' => Some(Step::TlsFault(Fault::fix(
                "tls-untrusted",
                "the certificate is not trusted",
            ))),
            b'P' => Some(Step::TlsFault(Fault::retry(
                "tls-handshake",
                "the peer does not speak tls",
            ))),
            b'S' => Some(Step::Silence),
            b'R' => Some(Step::reset()),
            b'C' | b'U' | b'|' => None,
            _ => {
                bytes.push(*first);
                continue;
            }
        };
        rest = after.get(2..).unwrap_or_default();
        if !bytes.is_empty() {
            steps.push(Step::Send(std::mem::take(&mut bytes)));
        }
        match step {
            Some(step) => steps.push(step),
            None if event == b'|' => {}
            None => {
                all.push(Some(std::mem::take(&mut steps)));
                if event == b'U' {
                    all.push(None);
                }
                if all.len() > MOST {
                    return all;
                }
            }
        }
    }
    if !bytes.is_empty() {
        steps.push(Step::Send(bytes));
    }
    all.push(Some(steps));
    all
}

fn judge(run: &Run, input: &[u8]) {
    let said = |text: &str| {
        assert!(
            !text.contains(CANARY) || contains(input, CANARY.as_bytes()),
            "a secret is shown: {text}"
        );
    };
    let (code, facts) = match &run.verdict {
        Verdict::Ready(ready) => {
            said(&ready.summary);
            ("ready", &ready.facts)
        }
        Verdict::NotReady(pending) => {
            said(&pending.reason);
            (pending.code.as_str(), &pending.facts)
        }
        Verdict::Misconfigured(misuse) => {
            said(&misuse.reason);
            said(misuse.hint.as_deref().unwrap_or_default());
            (misuse.code.as_str(), &misuse.facts)
        }
    };
    assert!(
        !code.is_empty()
            && code
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
        "the code `{code}` is no word"
    );
    for (name, value) in facts {
        said(name);
        said(value);
    }
    run.logs
        .iter()
        .chain(&run.stages)
        .for_each(|line| said(line));
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
