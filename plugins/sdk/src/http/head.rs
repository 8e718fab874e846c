//! The head of an answer, and what it says about the body's framing
//! (RFC 9112), read leniently where a meaning is clear and with a cap.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::failure::Failure;
use super::foreign::protocol_of;
use super::reader::Reader;

/// The longest head, interim answers included, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The most header lines.
const MAX_HEADERS: usize = 128;

/// How long a stream that is not HTTP may take to show its first bytes, in
/// milliseconds.
const GLANCE: u32 = 300;

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body.
    None,
    /// That many bytes.
    Length(u64),
    /// Chunks, each with its length.
    Chunked,
    /// Everything until the peer closes.
    UntilClose,
}

/// An answer whose head was read, and whose body may be.
pub struct Response {
    /// The minor version of HTTP/1: 0 or 1.
    pub minor_version: u8,
    /// The status code, 101 or at least 200.
    pub status: u16,
    /// The free text behind it, maybe empty.
    pub reason: String,
    headers: Vec<(String, String)>,
    pub(super) framing: Framing,
    pub(super) reader: Reader,
}

struct Head {
    minor_version: u8,
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
}

impl Response {
    /// The first header of that name, in any case; bytes that are not UTF-8
    /// are replaced.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All headers of that name, in their order.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// How long the server asked to be left alone, in milliseconds; none
    /// where it named a date, or nothing.
    pub fn retry_after(&self) -> Option<u32> {
        let seconds: u32 = self.header("retry-after")?.trim().parse().ok()?;
        Some(seconds.saturating_mul(1000))
    }

    /// Status and reason as on the wire: `503 Service Unavailable`.
    pub fn status_line(&self) -> String {
        if self.reason.is_empty() {
            self.status.to_string()
        } else {
            format!("{} {}", self.status, self.reason)
        }
    }

    /// Reads the final head of the answer to a request by `method`.
    pub(super) fn read(mut reader: Reader, method: &str) -> Result<Self, Failure> {
        let mut budget = MAX_HEAD;
        loop {
            let head = read_head(&mut reader, &mut budget)?;
            // 101 is a final answer to whoever did not ask to switch.
            if (100..200).contains(&head.status) && head.status != 101 {
                continue;
            }
            let framing = framing(&head, method)?;
            return Ok(Self {
                minor_version: head.minor_version,
                status: head.status,
                reason: head.reason,
                headers: head.headers,
                framing,
                reader,
            });
        }
    }
}

fn read_head(reader: &mut Reader, budget: &mut usize) -> Result<Head, Failure> {
    let mut searched = 0;
    let len = loop {
        if !looks_like_http(reader.pending()) {
            return Err(match protocol_of(reader.glance(16, GLANCE)) {
                Some("tls") => Failure::SpeaksTls,
                name => Failure::Foreign(name),
            });
        }
        if let Some(len) = end_of_head(reader.pending(), searched) {
            break len;
        }
        searched = reader.pending().len().saturating_sub(3);
        if reader.pending().len() > *budget {
            return Err(too_long());
        }
        let have = reader.pending().len();
        match reader.fill() {
            Ok(true) => {}
            Ok(false) if have == 0 => return Err(Failure::Silent),
            Ok(false) => return Err(broke_off()),
            Err(fault) if fault.is_hang_up() && have == 0 => return Err(Failure::Silent),
            Err(fault) if fault.is_hang_up() => return Err(broke_off()),
            Err(fault) => return Err(fault.into()),
        }
    };
    // Here too: heads that each came whole have never more than fits pending.
    *budget = budget.checked_sub(len).ok_or_else(too_long)?;
    parse(&reader.take(len))
}

fn too_long() -> Failure {
    Failure::Malformed(format!(
        "the head of the answer is longer than {MAX_HEAD} bytes"
    ))
}

fn broke_off() -> Failure {
    Failure::Incomplete("the server hung up within the head of its answer".to_string())
}

/// Whether what is there so far can be the beginning of an HTTP/1 answer.
fn looks_like_http(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .zip(b"HTTP/1.")
        .all(|(byte, wanted)| byte == wanted)
}

/// The length of a head, its empty line included; lines may end in LF alone.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.iter().enumerate().find_map(|(at, byte)| {
        if *byte != b'\n' {
            return None;
        }
        match rest.get(at + 1..)? {
            [b'\n', ..] => Some(from + at + 2),
            [b'\r', b'\n', ..] => Some(from + at + 3),
            _ => None,
        }
    })
}

fn parse(bytes: &[u8]) -> Result<Head, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(broke_off()),
        Err(error) => {
            return Err(Failure::Malformed(format!(
                "the head of the answer is not http: {error}"
            )));
        }
    }
    let (Some(minor_version), Some(status)) = (response.version, response.code) else {
        return Err(Failure::Malformed("the answer has no status".to_string()));
    };
    if status < 100 {
        return Err(Failure::Malformed(format!("{status} is not a status")));
    }
    Ok(Head {
        minor_version,
        status,
        reason: printable(response.reason.unwrap_or_default()),
        headers: response
            .headers
            .iter()
            .map(|header| {
                (
                    header.name.to_string(),
                    String::from_utf8_lossy(header.value).into_owned(),
                )
            })
            .collect(),
    })
}

/// A reason phrase as one line of bounded length.
fn printable(reason: &str) -> String {
    reason
        .chars()
        .filter(|character| !character.is_control())
        .take(80)
        .collect::<String>()
        .trim()
        .to_string()
}

fn framing(head: &Head, method: &str) -> Result<Framing, Failure> {
    let values = |name: &'static str| {
        head.headers
            .iter()
            .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    if method == "HEAD" || matches!(head.status, 101 | 204 | 304) {
        return Ok(Framing::None);
    }
    if let Some(last) = values("transfer-encoding").next_back() {
        return Ok(if last.eq_ignore_ascii_case("chunked") {
            Framing::Chunked
        } else {
            Framing::UntilClose
        });
    }
    let mut lengths = values("content-length");
    let Some(first) = lengths.next() else {
        return Ok(Framing::UntilClose);
    };
    // One length repeated is one length; two are an attack or a fault.
    let digits = first.bytes().all(|byte| byte.is_ascii_digit());
    match first.parse() {
        Ok(length) if digits && lengths.all(|other| other == first) => Ok(Framing::Length(length)),
        _ => Err(Failure::Malformed(
            "the answer's content-length is not one number".to_string(),
        )),
    }
}
