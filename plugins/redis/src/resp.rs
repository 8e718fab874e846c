//! The Redis protocol, version 2, as far as a probe needs it: commands are
//! arrays of byte strings, and every length in an answer is capped, since it
//! is the peer's word only.
//!
//! Source: the protocol specification (redis.io/docs/reference/protocol-spec).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Connection, Fault};

/// The longest line that is read.
const MAX_LINE: usize = 8 * 1024;
/// The most bytes that the byte strings of one answer may have; a full INFO
/// has some 10 KiB.
const MAX_BULK: usize = 512 * 1024;
/// The most elements that the arrays of one answer may have.
const MAX_ELEMENTS: usize = 1024;
/// How deep arrays may be nested.
const MAX_DEPTH: usize = 4;
/// How many characters of a text are shown.
const MAX_SHOWN: usize = 160;

/// Commands that are sent in one write.
#[derive(Default)]
pub(crate) struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// Adds a command.
    pub(crate) fn command(&mut self, words: &[&[u8]]) -> &mut Self {
        self.bytes
            .extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            self.bytes
                .extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self
    }

    /// What goes over the wire.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// `+PONG`
    Text(String),
    /// `-LOADING …`, without its first byte.
    Error(String),
    /// `:1`
    Integer(i64),
    /// `$5 hello`; none for the null string.
    Bulk(Option<Vec<u8>>),
    /// `*2 …`; none for the null array.
    Array(Option<Vec<Reply>>),
}

impl Reply {
    /// The answer in a few printable characters.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("+{}", printable(text.as_bytes())),
            Self::Error(text) => format!("-{}", printable(text.as_bytes())),
            Self::Integer(number) => format!(":{number}"),
            Self::Bulk(Some(bytes)) => printable(bytes),
            Self::Array(Some(elements)) => format!("an array of {}", elements.len()),
            Self::Bulk(None) | Self::Array(None) => "null".into(),
        }
    }

    /// The text of a byte string; malformed UTF-8 is replaced.
    pub(crate) fn into_bulk(self) -> Option<String> {
        match self {
            Self::Bulk(Some(bytes)) => Some(text(bytes)),
            _ => None,
        }
    }
}

/// A byte string as text; malformed UTF-8 is replaced.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|malformed| String::from_utf8_lossy(malformed.as_bytes()).into_owned())
}

/// Why no answer could be read.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The host says so.
    Fault(Fault),
    /// The bytes are not of this protocol; a printable excerpt.
    Garbled(String),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        if fault.code == "too-long" {
            Self::Garbled(fault.detail)
        } else {
            Self::Fault(fault)
        }
    }
}

/// What one answer may still hold: arrays within arrays would multiply what
/// is allowed to each.
struct Room {
    bytes: usize,
    elements: usize,
}

/// Reads one answer.
pub(crate) fn read(connection: &mut Connection) -> Result<Reply, Broken> {
    let mut room = Room {
        bytes: MAX_BULK,
        elements: MAX_ELEMENTS,
    };
    read_nested(connection, MAX_DEPTH, &mut room)
}

fn read_nested(
    connection: &mut Connection,
    depth: usize,
    room: &mut Room,
) -> Result<Reply, Broken> {
    let line = connection.read_line(MAX_LINE)?;
    let garbled = || Broken::Garbled(format!("`{}`", printable(&line)));
    let (kind, rest) = line.split_first().ok_or_else(garbled)?;
    let text = || String::from_utf8_lossy(rest).into_owned();
    match kind {
        b'+' => Ok(Reply::Text(text())),
        b'-' => Ok(Reply::Error(text())),
        b':' => number(rest).map(Reply::Integer).ok_or_else(garbled),
        b'$' => match length(rest, room.bytes).ok_or_else(garbled)? {
            None => Ok(Reply::Bulk(None)),
            Some(len) => {
                room.bytes -= len;
                let mut bytes = connection.read_exact(len + 2)?;
                bytes.truncate(len);
                Ok(Reply::Bulk(Some(bytes)))
            }
        },
        b'*' if depth > 0 => match length(rest, room.elements).ok_or_else(garbled)? {
            None => Ok(Reply::Array(None)),
            Some(len) => {
                room.elements -= len;
                (0..len)
                    .map(|_| read_nested(connection, depth - 1, room))
                    .collect::<Result<_, _>>()
                    .map(|elements| Reply::Array(Some(elements)))
            }
        },
        _ => Err(garbled()),
    }
}

fn number(text: &[u8]) -> Option<i64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// A length of at most `max`; `-1` is the null value.
fn length(text: &[u8], max: usize) -> Option<Option<usize>> {
    match number(text)? {
        -1 => Some(None),
        len => usize::try_from(len)
            .ok()
            .filter(|len| *len <= max)
            .map(Some),
    }
}

/// The beginning of some bytes, with `.` for what cannot be printed.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text
        .trim_end()
        .chars()
        .take(MAX_SHOWN)
        .map(|character| {
            if character.is_control() || character == char::REPLACEMENT_CHARACTER {
                '.'
            } else {
                character
            }
        })
        .collect();
    if text.trim_end().chars().count() > MAX_SHOWN {
        shown.push_str("...");
    }
    shown
}
