//! A connection that speaks the protocol, and names what else may be on the
//! port: TLS, another service, a proxy without a server behind it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Connection, Context, Endpoint, Fault, Misuse, Pending, TlsOptions, Unready};

use crate::resp::{self, Broken, Reply, Request, printable};

/// The first byte of every answer in the protocol's version 2.
const KINDS: &[u8] = b"+-:$*";
/// How many bytes of a foreign service's first line are looked at.
const GREETING: usize = 64;
/// How long those are waited for, each time, in milliseconds.
const GREETING_PAUSE: u32 = 250;
/// How long an answer is waited for that the verdict can do without, in
/// milliseconds.
const OPTIONAL_PAUSE: u32 = 1000;

/// A connected client.
pub(crate) struct Client {
    connection: Connection,
    tls: bool,
}

impl Client {
    /// Connects, with TLS where `tls` says so.
    pub(crate) fn open(
        context: &Context<'_>,
        endpoint: &Endpoint,
        tls: bool,
    ) -> Result<Self, Unready> {
        context.stage("connecting");
        let mut connection = endpoint.connect()?;
        if tls {
            context.stage("securing");
            connection
                .start_tls(&TlsOptions::new())
                .map_err(without_tls)?;
        }
        Ok(Self { connection, tls })
    }

    /// Sends commands. A peer that hung up may have said why before, so that
    /// is left for the next read to tell.
    pub(crate) fn send(&mut self, request: &Request) -> Result<(), Unready> {
        match self.connection.write(request.bytes()) {
            Err(fault) if !fault.is_hang_up() => Err(fault.into()),
            _ => Ok(()),
        }
    }

    /// Bounds the reads from here on, for answers that the verdict can do
    /// without: they come with those that it cannot, or not at all.
    pub(crate) fn be_brief(&mut self) {
        self.connection.limit(OPTIONAL_PAUSE);
    }

    /// The next answer.
    pub(crate) fn reply(&mut self) -> Result<Reply, Unready> {
        if self.connection.received() == 0 {
            match self.connection.peek() {
                Ok(Some(kind)) if !KINDS.contains(&kind) => return Err(self.foreign()),
                Ok(Some(_)) => {}
                Ok(None) => return Err(self.silent(&Fault::retry("closed", ""))),
                Err(fault) => return Err(self.silent(&fault)),
            }
        }
        match resp::read(&mut self.connection) {
            Ok(reply) => Ok(reply),
            Err(Broken::Garbled(excerpt)) => Err(wrong_protocol(None, &excerpt)),
            Err(Broken::Fault(fault)) if fault.is_hang_up() => Err(Pending::new(
                "closed",
                "closed the connection in the middle of its answers",
            )
            .into()),
            Err(Broken::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Why there was no first byte.
    fn silent(&self, fault: &Fault) -> Unready {
        if fault.is_hang_up() {
            let also = if self.tls {
                ""
            } else {
                " (as a port that wants tls does)"
            };
            Pending::new(
                "closed",
                format!("accepts connections and closes them at once{also}"),
            )
            .into()
        } else if fault.is_timeout() {
            Pending::new(&fault.code, "accepts connections, but does not answer").into()
        } else {
            fault.clone().into()
        }
    }

    /// The verdict on a peer whose first byte is none of the protocol's.
    fn foreign(&mut self) -> Unready {
        self.connection.limit(GREETING_PAUSE);
        let mut greeting = Vec::new();
        while greeting.len() < GREETING && !greeting.contains(&b'\n') {
            match self.connection.read_some() {
                Ok(bytes) if !bytes.is_empty() => greeting.extend_from_slice(&bytes),
                _ => break,
            }
        }
        greeting.truncate(GREETING);
        if !self.tls && is_tls(&greeting) {
            return Misuse::new("tls-required", "speaks tls, and was asked without")
                .hint("use rediss:// (or valkeys://, or --tls)")
                .into();
        }
        let first_line = greeting
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        wrong_protocol(speaker(&greeting), &format!("`{}`", printable(first_line)))
    }
}

/// A TLS record of an alert or a handshake.
fn is_tls(greeting: &[u8]) -> bool {
    matches!(greeting, [0x15 | 0x16, 0x03, ..])
}

/// Who greets like this, where that is known.
fn speaker(greeting: &[u8]) -> Option<&'static str> {
    let starts = |prefix: &[u8]| greeting.starts_with(prefix);
    Some(match greeting {
        _ if starts(b"HTTP/") => "a web server",
        _ if starts(b"SSH-") => "an ssh server",
        _ if starts(b"220") => "a mail or ftp server",
        _ if starts(b"INFO {") => "a nats server",
        _ if starts(b"AMQP") => "an amqp broker",
        _ if starts(b"RFB ") => "a vnc server",
        _ if starts(b"ERROR\r\n") => "a memcached server",
        [_, _, 0, 0, 0x0a | 0xff, ..] => "a mysql server",
        [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => "an http/2 server",
        [b'E' | b'R', 0, 0, ..] => "a postgresql server",
        [b'%' | b'_' | b',' | b'#' | b'~' | b'>' | b'(', ..] => {
            "a server of the protocol's version 3"
        }
        _ => return None,
    })
}

fn wrong_protocol(speaker: Option<&str>, excerpt: &str) -> Unready {
    let reason = match speaker {
        Some(speaker) => format!("this is {speaker}, not a redis: it says {excerpt}"),
        None => format!("does not speak the protocol of redis: it says {excerpt}"),
    };
    Misuse::new("wrong-protocol", reason)
        .hint("look at the host and the port")
        .into()
}

/// An answer that the protocol allows, but not here.
pub(crate) fn unexpected(command: &str, reply: &Reply) -> Unready {
    Misuse::new(
        "wrong-protocol",
        format!("answers {command} with `{}`", reply.shown()),
    )
    .hint("look at the host and the port: this may be another service")
    .into()
}

/// A plain server waits for the end of the line that it takes the handshake
/// for, and never answers.
fn without_tls(fault: Fault) -> Unready {
    let reason: String = match fault.code.as_str() {
        "timed-out" => {
            "does not answer the tls handshake, as a port without tls does not (redis://)".into()
        }
        "tls-handshake" => format!("{} (a port without tls is asked by redis://)", fault.detail),
        "closed" | "reset" => "accepts connections and closes them at once".into(),
        _ => return fault.into(),
    };
    let code = if fault.is_hang_up() {
        "closed"
    } else {
        fault.code.as_str()
    };
    Pending::new(code, reason).into()
}
