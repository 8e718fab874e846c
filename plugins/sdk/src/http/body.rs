//! The body of an answer, by whichever framing the head announced, and never
//! more of it than the probe asked for.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::failure::Failure;
use super::head::{Framing, Response};
use super::reader::Reader;

/// The longest line with a chunk's length, and the most bytes of trailers.
const MAX_LINE: usize = 16 * 1024;

/// What was read of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// The bytes, without any framing.
    pub bytes: Vec<u8>,
    /// Whether the cap cut it short.
    pub truncated: bool,
}

impl Response {
    /// Reads the body, at most `max` bytes of it. A second call reads
    /// nothing.
    ///
    /// # Errors
    /// [`Failure::Incomplete`] where the peer hung up before the end that it
    /// announced; [`Failure::Malformed`] where a chunk is none.
    pub fn body(&mut self, max: usize) -> Result<Body, Failure> {
        let reader = &mut self.reader;
        match core::mem::replace(&mut self.framing, Framing::None) {
            Framing::None => Ok(Body::default()),
            Framing::Length(length) => sized(reader, length, max),
            Framing::Chunked => chunked(reader, max),
            Framing::UntilClose => until_close(reader, max),
        }
    }
}

fn sized(reader: &mut Reader, length: u64, max: usize) -> Result<Body, Failure> {
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    append(reader, whole.min(max), &mut bytes, length)?;
    Ok(Body {
        truncated: bytes.len() < whole,
        bytes,
    })
}

fn until_close(reader: &mut Reader, max: usize) -> Result<Body, Failure> {
    while reader.pending().len() <= max {
        match reader.fill() {
            Ok(true) => {}
            Ok(false) => break,
            // Many TLS servers close without saying so.
            Err(fault) if fault.code == "closed" => break,
            Err(fault) if fault.is_hang_up() => {
                return Err(Failure::Incomplete(format!(
                    "the connection broke after {} bytes of the answer's body",
                    reader.pending().len()
                )));
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    let truncated = reader.pending().len() > max;
    Ok(Body {
        bytes: reader.take(max),
        truncated,
    })
}

fn chunked(reader: &mut Reader, max: usize) -> Result<Body, Failure> {
    let mut bytes = Vec::new();
    loop {
        let size = chunk_size(reader)?;
        if size == 0 {
            trailers(reader)?;
            return Ok(Body {
                bytes,
                truncated: false,
            });
        }
        let room = max - bytes.len();
        let whole = usize::try_from(size).unwrap_or(usize::MAX);
        append(reader, whole.min(room), &mut bytes, size)?;
        if whole > room {
            return Ok(Body {
                bytes,
                truncated: true,
            });
        }
        if !line(reader)?.is_empty() {
            return Err(bad_chunk());
        }
    }
}

/// Appends `wanted` bytes; `announced` is what the peer spoke of.
fn append(
    reader: &mut Reader,
    wanted: usize,
    bytes: &mut Vec<u8>,
    announced: u64,
) -> Result<(), Failure> {
    let mut missing = wanted;
    while missing > 0 {
        if reader.pending().is_empty() && !more(reader)? {
            return Err(Failure::Incomplete(format!(
                "the server hung up after {} of {announced} bytes of the answer's body",
                wanted - missing
            )));
        }
        let piece = reader.take(missing);
        missing -= piece.len();
        bytes.extend_from_slice(&piece);
    }
    Ok(())
}

fn chunk_size(reader: &mut Reader) -> Result<u64, Failure> {
    loop {
        match httparse::parse_chunk_size(reader.pending()) {
            Ok(httparse::Status::Complete((len, size))) => {
                reader.take(len);
                return Ok(size);
            }
            Ok(httparse::Status::Partial) if reader.pending().len() <= MAX_LINE => {
                if !more(reader)? {
                    return Err(no_last_chunk());
                }
            }
            Ok(httparse::Status::Partial) | Err(_) => return Err(bad_chunk()),
        }
    }
}

/// Reads past the trailers. A peer that hangs up in them has sent its body.
fn trailers(reader: &mut Reader) -> Result<(), Failure> {
    let mut budget = MAX_LINE;
    loop {
        match line(reader) {
            Ok(line) if line.is_empty() => return Ok(()),
            Ok(line) if line.len() < budget => budget -= line.len(),
            Ok(_) => return Err(bad_chunk()),
            Err(Failure::Incomplete(_)) => return Ok(()),
            Err(failure) => return Err(failure),
        }
    }
}

/// One line without its end.
fn line(reader: &mut Reader) -> Result<Vec<u8>, Failure> {
    loop {
        if let Some(at) = reader.pending().iter().position(|byte| *byte == b'\n') {
            let mut line = reader.take(at + 1);
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(line);
        }
        if reader.pending().len() > MAX_LINE {
            return Err(bad_chunk());
        }
        if !more(reader)? {
            return Err(no_last_chunk());
        }
    }
}

/// Reads once more; a reset is an end like any other here.
fn more(reader: &mut Reader) -> Result<bool, Failure> {
    match reader.fill() {
        Err(fault) if fault.is_hang_up() => Ok(false),
        other => Ok(other?),
    }
}

fn bad_chunk() -> Failure {
    Failure::Malformed("the answer's body is not in chunks, as its head says".to_string())
}

fn no_last_chunk() -> Failure {
    Failure::Incomplete("the server hung up before the last chunk of its answer".to_string())
}
