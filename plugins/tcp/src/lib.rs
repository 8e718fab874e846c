//! A port that merely accepts proves nothing: proxies accept for services
//! that are not there and hang up a moment later. This probe connects, may
//! say something, and looks at what happens next.
#![no_std]
extern crate alloc;

mod bytes;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::{excerpt, find, from_hex, from_text};
use waitfor_sdk::{
    About, Connection, Context, Fault, Millis, Misuse, Pending, Probe, Ready, Scheme, TlsOptions,
    Unready, params,
};

/// How much of an answer is searched for the expected bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// An answer that has begun and then pauses this long is taken as complete,
/// in milliseconds.
const ANSWER_PAUSE: u32 = 1000;

params! {
    /// What the user can tell the probe.
    pub struct Params {
        /// how long the connection must stay open where nothing is expected; 0 for a mere connect
        hold: Millis { default: "200ms" }
        /// speak TLS from the first byte
        tls: bool {}
        /// text to send first; \r \n \t \\ and \xHH stand for bytes
        send: Option<String> { placeholder: "TEXT" }
        /// bytes to send first, in hexadecimal
        send_hex: Option<String> { placeholder: "HEX" }
        /// text that the answer must contain, written as for --send
        expect: Option<String> { placeholder: "TEXT" }
        /// bytes that the answer must contain, in hexadecimal
        expect_hex: Option<String> { placeholder: "HEX" }
    }
}

/// The probe.
pub struct Tcp;

impl Probe for Tcp {
    type Params = Params;

    const ABOUT: About = About {
        summary: "the connection is accepted and stays open, or gives the expected answer",
        schemes: &[
            Scheme::without_port("tcp", "a TCP port"),
            Scheme::unix("unix", "a UNIX stream socket"),
        ],
        examples: &[
            "tcp://db:5432",
            "unix:///run/app.sock",
            "'tcp://mail:25?expect=220'",
            "tcp --host cache --port 11211 --send 'version\\r\\n' --expect VERSION",
        ],
        more: &[],
    };

    fn validate(params: &Params) -> Result<(), Misuse> {
        Dialogue::of(params).map(|_| ())
    }

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        let dialogue = Dialogue::of(params)?;
        context.stage("connecting");
        let mut connection = context.target().connect()?;
        if params.tls {
            context.stage("securing");
            connection
                .start_tls(&TlsOptions::new())
                .map_err(without_tls)?;
        }
        if let Some(bytes) = &dialogue.send {
            context.stage("sending");
            connection.write(bytes).map_err(hung_up)?;
        }
        match &dialogue.expect {
            Some(expected) => {
                context.stage("expecting");
                answer(&mut connection, expected)
            }
            None => {
                context.stage("holding");
                stay(&mut connection, params.hold)
            }
        }
    }
}

/// What is to be said and heard.
struct Dialogue {
    send: Option<Vec<u8>>,
    expect: Option<Vec<u8>>,
}

impl Dialogue {
    fn of(params: &Params) -> Result<Self, Misuse> {
        Ok(Self {
            send: one_of("send", &params.send, "send-hex", &params.send_hex)?,
            expect: one_of("expect", &params.expect, "expect-hex", &params.expect_hex)?,
        })
    }
}

/// The bytes that a pair of parameters gives, as text or in hexadecimal.
fn one_of(
    text_name: &str,
    text: &Option<String>,
    hex_name: &str,
    hex: &Option<String>,
) -> Result<Option<Vec<u8>>, Misuse> {
    let (name, parsed) = match (text, hex) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Misuse::new(
                "bad-parameter",
                format!("`{text_name}` and `{hex_name}` are both given"),
            )
            .param(hex_name)
            .hint("give one of them"));
        }
        (Some(text), None) => (text_name, from_text(text)),
        (None, Some(hex)) => (hex_name, from_hex(hex)),
    };
    match parsed {
        Ok(bytes) if bytes.is_empty() => {
            Err(Misuse::new("bad-parameter", format!("`{name}` is empty"))
                .param(name)
                .hint("leave it out, or name at least one byte"))
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(bad) => Err(
            Misuse::new("bad-parameter", format!("`{name}`: {}", bad.what))
                .param(name)
                .hint(bad.hint),
        ),
    }
}

/// Ready where the peer neither closes nor resets for a moment, or speaks.
fn stay(connection: &mut Connection, hold: Millis) -> Result<Ready, Unready> {
    let Millis(hold) = hold;
    if hold == 0 {
        return Ok(Ready::new("accepts connections"));
    }
    connection.limit(hold);
    match connection.read_some() {
        Ok(bytes) if bytes.is_empty() => Err(closed().into()),
        Ok(bytes) => {
            Ok(Ready::new("accepts connections and speaks").fact("received", excerpt(&bytes)))
        }
        Err(fault) if fault.is_timeout() && fault.remedy == waitfor_sdk::Remedy::Retry => {
            Ok(Ready::new(format!(
                "accepts connections and keeps them open for {hold} ms"
            )))
        }
        Err(fault) => Err(hung_up(fault)),
    }
}

/// Ready where the expected bytes are somewhere in what the peer says.
fn answer(connection: &mut Connection, expected: &[u8]) -> Result<Ready, Unready> {
    let mut received = Vec::new();
    let ended = loop {
        // What was searched before can only hold the beginning of a match.
        let searched = received.len().saturating_sub(expected.len());
        match connection.read_some() {
            Ok(bytes) if bytes.is_empty() => break "and closed the connection",
            Ok(bytes) => received.extend_from_slice(&bytes),
            Err(fault) if fault.is_hang_up() => break "and hung up",
            Err(fault) if fault.is_timeout() && !received.is_empty() => break "and no more",
            Err(fault) if fault.is_timeout() => {
                return Err(Pending::new(
                    "timed-out",
                    "accepts connections, but says nothing of what is expected",
                )
                .into());
            }
            Err(fault) => return Err(fault.into()),
        }
        if find(received.get(searched..).unwrap_or_default(), expected) {
            return Ok(Ready::new(format!("answers with `{}`", excerpt(expected)))
                .fact("received", excerpt(&received)));
        }
        if received.len() >= MAX_ANSWER {
            break "and more, which was not read";
        }
        connection.limit(ANSWER_PAUSE);
    };
    if received.is_empty() {
        return Err(closed().into());
    }
    Err(Pending::new(
        "unexpected-answer",
        format!(
            "expected `{}`, but the service said `{}` {ended}",
            excerpt(expected),
            excerpt(&received)
        ),
    )
    .fact("received", excerpt(&received))
    .into())
}

fn closed() -> Pending {
    Pending::new("closed", "accepts connections and closes them at once")
}

/// A peer that hangs up is the same news whichever call notices it.
fn hung_up(fault: Fault) -> Unready {
    if fault.is_hang_up() {
        closed().into()
    } else {
        fault.into()
    }
}

/// Says what a failed handshake most likely means.
fn without_tls(fault: Fault) -> Unready {
    if fault.is_timeout() {
        Pending::new(
            &fault.code,
            "accepts connections, but does not answer a tls handshake; a port without tls waits like this",
        )
        .into()
    } else {
        hung_up(fault)
    }
}

waitfor_sdk::export!(Tcp);
