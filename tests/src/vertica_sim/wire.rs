//! Vertica's framing, written a second time on purpose: sharing it with the probe would let one mistake hide in both.
//!
//! A message is a type byte, a 32-bit length that counts itself, and a body; the requests before and
//! including start-up have no type byte. It resembles PostgreSQL's, and differs in the row
//! description, in the error field `V`, and in one start-up value that is not text.

use std::io::{self, Read, Write};

use super::SqlError;

/// The longest message that a client may send here.
const LONGEST: usize = 1 << 20;

/// The first word of a load balancing request.
pub(super) const LOAD_BALANCE: u32 = 0x04d3_0000;
/// The first word of a TLS request.
pub(super) const TLS: u32 = 0x04d2_162f;
/// The first word of a cancel request.
pub(super) const CANCEL: u32 = 0x04d2_162e;
/// The first word of a start-up message: always protocol 3.5; the real one is a parameter.
pub(super) const STARTUP: u32 = 0x0003_0005;

/// The type of a column, by the vendor's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// 5, as text `t` or `f`.
    Bool,
    /// 6.
    Int,
    /// 9.
    Varchar,
}

impl ColumnType {
    fn oid(self) -> u32 {
        match self {
            ColumnType::Bool => 5,
            ColumnType::Int => 6,
            ColumnType::Varchar => 9,
        }
    }

    fn size(self) -> i16 {
        match self {
            ColumnType::Bool => 1,
            ColumnType::Int => 8,
            ColumnType::Varchar => -1,
        }
    }
}

/// A column of a result.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    /// The schema and table that it comes from.
    pub(super) table: Option<(&'static str, &'static str)>,
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

fn read_u32(from: &mut impl Read) -> io::Result<u32> {
    let mut word = [0; 4];
    from.read_exact(&mut word)?;
    Ok(u32::from_be_bytes(word))
}

fn read_body(from: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    let length = length as usize;
    if !(4..=LONGEST).contains(&length) {
        return Err(invalid("a message of an impossible length"));
    }
    let mut body = vec![0; length - 4];
    from.read_exact(&mut body)?;
    Ok(body)
}

/// Reads a message without a type byte: its first word, and the whole of it with its length.
pub(super) fn read_untyped(from: &mut impl Read) -> io::Result<(u32, Vec<u8>)> {
    let length = read_u32(from)?;
    let body = read_body(from, length)?;
    let Some((word, _)) = body.split_first_chunk::<4>() else {
        return Err(invalid("a request without a code"));
    };
    let word = u32::from_be_bytes(*word);
    let mut whole = length.to_be_bytes().to_vec();
    whole.extend_from_slice(&body);
    Ok((word, whole))
}

/// Reads a message: its type and its body.
pub(super) fn read_typed(from: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    let length = read_u32(from)?;
    Ok((kind[0], read_body(from, length)?))
}

/// Takes a text that ends in a zero byte off the front.
pub(super) fn take_text<'a>(bytes: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(|| invalid("a text without its end"))?;
    let text = &bytes[..end];
    *bytes = &bytes[end + 1..];
    Ok(text)
}

/// Reads the parameters of a whole start-up message.
///
/// `protocol_version` is the odd one: four raw bytes, zeros among them, and then the zero that ends
/// every value. A reader that takes it for text loses its place.
pub(super) fn startup_parameters(whole: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut rest = whole
        .get(8..)
        .ok_or_else(|| invalid("a start-up message cut short"))?;
    let mut parameters = Vec::new();
    loop {
        let name = take_text(&mut rest)?;
        if name.is_empty() {
            break;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let value = if name == "protocol_version" {
            let (value, after) = rest
                .split_at_checked(4)
                .ok_or_else(|| invalid("a protocol version cut short"))?;
            rest = after
                .strip_prefix(b"\0")
                .ok_or_else(|| invalid("a protocol version that is not four bytes"))?;
            value.to_vec()
        } else {
            take_text(&mut rest)?.to_vec()
        };
        parameters.push((name, value));
    }
    if !rest.is_empty() {
        return Err(invalid("bytes after the end of the start-up message"));
    }
    Ok(parameters)
}

/// Writes one message.
pub(super) fn write(to: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let mut message = vec![kind];
    message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(body);
    to.write_all(&message)?;
    to.flush()
}

fn text(body: &mut Vec<u8>, value: &str) {
    body.extend_from_slice(value.as_bytes());
    body.push(0);
}

/// Writes an authentication request: its code, and what belongs to it.
pub(super) fn write_auth(to: &mut impl Write, code: u32, extra: &[u8]) -> io::Result<()> {
    let mut body = code.to_be_bytes().to_vec();
    body.extend_from_slice(extra);
    write(to, b'R', &body)
}

/// Writes a parameter's status.
pub(super) fn write_status(to: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    let mut body = Vec::new();
    text(&mut body, name);
    text(&mut body, value);
    write(to, b'S', &body)
}

/// Writes the answer to a load balancing request.
pub(super) fn write_balance(to: &mut impl Write, host: &str, port: u16) -> io::Result<()> {
    let mut body = u32::from(port).to_be_bytes().to_vec();
    text(&mut body, host);
    write(to, b'Y', &body)
}

/// Writes an error.
pub(super) fn write_error(to: &mut impl Write, error: &SqlError) -> io::Result<()> {
    write(to, b'E', &fields(error))
}

/// Writes a notice.
pub(super) fn write_notice(to: &mut impl Write, message: &str) -> io::Result<()> {
    let notice = SqlError {
        severity: "NOTICE",
        ..SqlError::error("00000", Some(3000), message)
    };
    write(to, b'N', &fields(&notice))
}

fn fields(error: &SqlError) -> Vec<u8> {
    let mut body = Vec::new();
    let number = error.number.map(|number| number.to_string());
    for (field, value) in [
        (b'S', Some(error.severity)),
        (b'C', Some(error.sqlstate.as_str())),
        (b'M', Some(error.message.as_str())),
        (b'F', Some("simulated.cpp")),
        (b'L', Some("1")),
        (b'R', Some(error.routine)),
        (b'V', number.as_deref()),
    ] {
        if let Some(value) = value {
            body.push(field);
            text(&mut body, value);
        }
    }
    body.push(0);
    body
}

/// Writes a row description in Vertica's shape: the count of columns, an empty pool of user-defined
/// types, and for each column its name, the table's 64-bit number (with its schema and name unless 0),
/// its place, its parent's place where complex types were agreed on, whether its type is
/// user-defined, the type, its size, whether it may be null, whether it is an identity, its modifier
/// and its format.
pub(super) fn write_description(
    to: &mut impl Write,
    columns: &[Column],
    complex_types: bool,
) -> io::Result<()> {
    let mut body = (columns.len() as u16).to_be_bytes().to_vec();
    if !columns.is_empty() {
        body.extend_from_slice(&0_u32.to_be_bytes());
    }
    for (place, column) in columns.iter().enumerate() {
        text(&mut body, &column.name);
        match column.table {
            Some((schema, table)) => {
                body.extend_from_slice(&0x0000_a000_0000_2f00_u64.to_be_bytes());
                text(&mut body, schema);
                text(&mut body, table);
            }
            None => body.extend_from_slice(&0_u64.to_be_bytes()),
        }
        body.extend_from_slice(&(place as u16 + 1).to_be_bytes());
        if complex_types {
            body.extend_from_slice(&0_u16.to_be_bytes());
        }
        body.push(0);
        body.extend_from_slice(&column.kind.oid().to_be_bytes());
        body.extend_from_slice(&column.kind.size().to_be_bytes());
        body.extend_from_slice(&1_u16.to_be_bytes());
        body.extend_from_slice(&0_u16.to_be_bytes());
        body.extend_from_slice(&(-1_i32).to_be_bytes());
        body.extend_from_slice(&0_u16.to_be_bytes());
    }
    write(to, b'T', &body)
}

/// Writes a row; `None` is NULL.
pub(super) fn write_row(to: &mut impl Write, values: &[Option<String>]) -> io::Result<()> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        match value {
            Some(value) => {
                body.extend_from_slice(&(value.len() as i32).to_be_bytes());
                body.extend_from_slice(value.as_bytes());
            }
            None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
        }
    }
    write(to, b'D', &body)
}

/// Writes the end of a statement.
pub(super) fn write_complete(to: &mut impl Write, tag: &str) -> io::Result<()> {
    let mut body = Vec::new();
    text(&mut body, tag);
    write(to, b'C', &body)
}

/// Writes that the next query may come; no transaction is open.
pub(super) fn write_ready(to: &mut impl Write) -> io::Result<()> {
    write(to, b'Z', b"I")
}
