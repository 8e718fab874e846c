//! Vertica's wire format, as its open-source clients speak it: close to PostgreSQL's, and different where it hurts.
//!
//! Facts from the sources of vertica-python 1.4.0, vertica-nodejs 1.1.4 and vertica-sql-go: a message
//! is a type byte, a 32-bit length that counts itself, and a body; the requests up to start-up have
//! no type byte; start-up says 3.5 for ever and carries the real version as four raw bytes; rows are
//! described in a shape of its own, which this probe skips by its length.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Connection, Fault, Misuse, Pending, Unready};

use crate::foreign;

/// May we speak TLS? The answer is one byte, `S` or `N`.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// Which node shall we talk to? The answer is `N`, or `Y` and an address.
const BALANCE_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd3, 0x00, 0x00];
/// Goodbye.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// The version in the start-up message's head, which newer servers do not look at.
const FIXED_PROTOCOL: u32 = 0x0003_0005;
/// The version asked for, 3.16: the vendor's newest. Servers before 3.7 ignore it.
const PROTOCOL: u32 = 0x0003_0010;

/// The longest message that a server may send here: far above any row of these queries.
const LONGEST: usize = 1 << 20;
/// The longest answer to a load balancing request: a length, a port and a host name.
const LONGEST_BALANCE: usize = 1024;

/// What the server sends, as far as this probe cares.
pub(crate) enum Message {
    /// `R`: the code of an authentication request, and what belongs to it.
    Auth(u32, Vec<u8>),
    /// `S`: a setting's name and value.
    Status(String, String),
    /// `E`.
    Error(ServerError),
    /// `D`: the values of a row as text; `None` is NULL.
    Row(Vec<Option<String>>),
    /// `Z`: the next query may come.
    Ready,
    /// Anything else, skipped by its length: notices, keys, row descriptions, ends of statements.
    Other,
}

/// An error or a notice, by the fields that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerError {
    /// Field `C`.
    pub(crate) sqlstate: String,
    /// Field `V`, Vertica's own number.
    pub(crate) number: Option<u32>,
    /// Field `M`, on one line.
    pub(crate) message: String,
    /// Field `V` holds a word, as it does in PostgreSQL.
    pub(crate) postgres: bool,
}

impl ServerError {
    fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        let mut rest = body;
        while let Some((&field, after)) = rest.split_first() {
            if field == 0 {
                break;
            }
            let (value, after) = cut_text(after);
            match field {
                b'C' => error.sqlstate = one_line(value),
                b'M' => error.message = one_line(value),
                b'V' => {
                    let text = one_line(value);
                    error.number = text.parse().ok();
                    error.postgres = error.number.is_none();
                }
                _ => {}
            }
            rest = after;
        }
        error
    }

    /// The class of the SQLSTATE, its first two characters.
    pub(crate) fn class(&self) -> &str {
        self.sqlstate.get(..2).unwrap_or_default()
    }

    /// The text with its codes, for a reason.
    pub(crate) fn said(&self) -> String {
        match self.number {
            Some(number) => format!("{} ({}, {number})", self.message, self.sqlstate),
            None => format!("{} ({})", self.message, self.sqlstate),
        }
    }
}

/// What a TLS request was answered.
pub(crate) enum TlsAnswer {
    /// `S`: the handshake may begin.
    Yes,
    /// `N`: the server goes on in plain text.
    No,
    /// `E`, as very old servers say it.
    Error(ServerError),
}

/// A connection that speaks in messages.
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    /// Whether a message of the protocol has been read: before that, nothing says that a Vertica answers.
    known: bool,
}

impl Wire {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            known: false,
        }
    }

    /// Asks for TLS. Not one byte more than the answer is read, so that nothing sent in plain text
    /// can slip into the protected stream.
    pub(crate) fn ask_for_tls(&mut self) -> Result<TlsAnswer, Unready> {
        match self.ask(&TLS_REQUEST)? {
            b'S' => Ok(TlsAnswer::Yes),
            b'N' => Ok(TlsAnswer::No),
            b'E' => match self.rest_of_frame(b'E')? {
                Message::Error(error) => Ok(TlsAnswer::Error(error)),
                _ => Err(protocol_error("an error that is none")),
            },
            other => Err(self.not_vertica(&[other])),
        }
    }

    /// Asks which node to talk to; `None` where the server does not balance.
    pub(crate) fn ask_where(&mut self) -> Result<Option<(String, u16)>, Unready> {
        match self.ask(&BALANCE_REQUEST)? {
            b'N' => Ok(None),
            b'Y' => {
                let length = self.connection.read_exact_unbuffered(4)?;
                let length = u32_at(&length, 0).map_or(0, |length| length as usize);
                if !(9..=LONGEST_BALANCE).contains(&length) {
                    return Err(protocol_error("a load balancing answer of an odd length"));
                }
                let body = self.connection.read_exact_unbuffered(length - 4)?;
                let port = u32_at(&body, 0).and_then(|port| u16::try_from(port).ok());
                let host = one_line(cut_text(body.get(4..).unwrap_or_default()).0);
                match port {
                    Some(port) if port > 0 && !host.is_empty() => Ok(Some((host, port))),
                    _ => Err(protocol_error("a load balancing answer without an address")),
                }
            }
            other => Err(self.not_vertica(&[other])),
        }
    }

    fn ask(&mut self, request: &[u8]) -> Result<u8, Unready> {
        self.send(request)?;
        match self.connection.read_exact_unbuffered(1) {
            Ok(answer) => answer
                .first()
                .copied()
                .ok_or_else(|| protocol_error("an empty answer")),
            Err(fault) => Err(self.hung_up(fault)),
        }
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Unready> {
        match self.connection.write(bytes) {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.hung_up(fault)),
        }
    }

    /// Writes a message whose body is a text: `Q` a query, `p` a password.
    pub(crate) fn send_text(&mut self, kind: u8, text: &[u8]) -> Result<(), Unready> {
        self.send(&text_message(kind, text))
    }

    /// Says goodbye. Whether the server hears it changes nothing.
    pub(crate) fn goodbye(&mut self) {
        let _ = self.connection.write(&TERMINATE);
    }

    /// Reads the next message.
    pub(crate) fn next(&mut self) -> Result<Message, Unready> {
        match self.connection.read_exact(1) {
            Ok(kind) => {
                let kind = kind.first().copied().unwrap_or_default();
                self.rest_of_frame(kind)
            }
            Err(fault) => Err(self.hung_up(fault)),
        }
    }

    fn rest_of_frame(&mut self, kind: u8) -> Result<Message, Unready> {
        // The first message is an authentication request, an error or a notice.
        if !self.known && !matches!(kind, b'R' | b'E' | b'N') {
            return Err(self.not_vertica(&[kind]));
        }
        let head = self.exactly(4)?;
        let length = u32_at(&head, 0).map_or(0, |length| length as usize);
        if !(4..=LONGEST).contains(&length) {
            if self.known {
                return Err(protocol_error("a message of an impossible length"));
            }
            let seen: Vec<u8> = core::iter::once(kind).chain(head).collect();
            return Err(self.not_vertica(&seen));
        }
        let body = self.exactly(length - 4)?;
        self.known = true;
        Ok(match kind {
            b'R' => match u32_at(&body, 0) {
                Some(code) => Message::Auth(code, body.get(4..).unwrap_or_default().to_vec()),
                None => return Err(protocol_error("an authentication request without a code")),
            },
            b'S' => {
                let (name, rest) = cut_text(&body);
                Message::Status(one_line(name), one_line(cut_text(rest).0))
            }
            b'E' => Message::Error(ServerError::parse(&body)),
            b'D' => Message::Row(
                row(&body).ok_or_else(|| protocol_error("a row that its lengths do not fit"))?,
            ),
            b'Z' => Message::Ready,
            _ => Message::Other,
        })
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Unready> {
        self.connection
            .read_exact(length)
            .map_err(|fault| self.hung_up(fault))
    }

    /// A peer that hangs up without a word is a proxy without its server, more often than not.
    fn hung_up(&self, fault: Fault) -> Unready {
        if !fault.is_hang_up() {
            return fault.into();
        }
        let reason = if self.connection.received() == 0 {
            "the port accepts connections and closes them without a word"
        } else {
            "the server closed the connection in mid-conversation"
        };
        Pending::new("closed", reason).into()
    }

    /// Something else answers on that port; a little more of it may tell what.
    fn not_vertica(&mut self, seen: &[u8]) -> Unready {
        let mut seen = seen.to_vec();
        self.connection.limit(foreign::PATIENCE);
        while seen.len() < foreign::ENOUGH && foreign::name_of(&seen).is_none() {
            match self.connection.read_some() {
                Ok(more) if !more.is_empty() => seen.extend_from_slice(&more),
                _ => break,
            }
        }
        foreign::wrong_protocol(&seen).into()
    }
}

/// The server broke its own protocol: perhaps a proxy in between, perhaps a crash.
pub(crate) fn protocol_error(what: &str) -> Unready {
    Pending::new("protocol-error", format!("the server sent {what}")).into()
}

/// The start-up message. The order is vertica-python's; nothing is told of the machine.
pub(crate) fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = FIXED_PROTOCOL.to_be_bytes().to_vec();
    body.extend_from_slice(b"protocol_version\0");
    // The one value that is not text: four bytes, zeros among them, and then the usual end.
    body.extend_from_slice(&PROTOCOL.to_be_bytes());
    body.push(0);
    for (name, value) in parameters {
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    framed(Vec::new(), &body)
}

/// A message whose body is a text and its closing zero.
pub(crate) fn text_message(kind: u8, text: &[u8]) -> Vec<u8> {
    let mut body = text.to_vec();
    body.push(0);
    framed(Vec::from([kind]), &body)
}

fn framed(mut message: Vec<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(body);
    message
}

/// A text of the user's that the wire ends at its first zero byte.
///
/// # Errors
/// Where it holds one.
pub(crate) fn without_zero(name: &str, text: &str) -> Result<(), Misuse> {
    if text.contains('\0') {
        return Err(Misuse::new(
            "bad-parameter",
            format!("`{name}` holds a zero byte, which the protocol cannot carry"),
        )
        .param(name));
    }
    Ok(())
}

fn row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            values.push(None);
            rest = after;
            continue;
        }
        let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        values.push(Some(one_line(value)));
        rest = after;
    }
    Some(values)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let (word, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
    Some(u32::from_be_bytes(*word))
}

/// The text up to the first zero byte, and what follows it.
fn cut_text(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (
            bytes.get(..end).unwrap_or_default(),
            bytes.get(end + 1..).unwrap_or_default(),
        ),
        None => (bytes, &[]),
    }
}

/// The peer's text on one line, without control characters, and not without end.
fn one_line(bytes: &[u8]) -> String {
    const MOST: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let flat = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST)
        .collect::<String>();
    String::from(flat.trim_ascii())
}
