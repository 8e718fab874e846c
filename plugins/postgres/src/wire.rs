//! Messages of the frontend/backend protocol 3.0, with a bound on every
//! length, since it is the peer's word only.
//!
//! Source: "Frontend/Backend Protocol" in PostgreSQL's documentation. Lengths
//! count themselves but not the type byte.

use alloc::vec::Vec;

use waitfor_sdk::{Connection, Fault};

/// `SSLRequest`: may we speak TLS?
pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// `Sync`: the end of a group of extended-protocol messages.
pub(crate) const SYNC: [u8; 5] = [b'S', 0, 0, 0, 4];
/// `Terminate`: a polite farewell.
pub(crate) const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// The longest message that is kept; rows may be longer and are cut.
pub(crate) const LONGEST: usize = 64 * 1024;
const VERSION_3_0: u32 = 0x0003_0000;
const PIECE: usize = 16 * 1024;

/// A message of the server.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its type byte.
    pub(crate) kind: u8,
    /// What follows the length; a row is cut after [`LONGEST`] bytes.
    pub(crate) body: Vec<u8>,
}

/// Why no message could be read.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection failed.
    Fault(Fault),
    /// These five bytes begin no message that is possible here.
    Header([u8; 5]),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The bytes of a header.
pub(crate) fn header(connection: &mut Connection) -> Result<[u8; 5], Fault> {
    let bytes = connection.read_exact(5)?;
    Ok(bytes.try_into().unwrap_or_default())
}

/// The message that `header` begins.
pub(crate) fn message(connection: &mut Connection, header: [u8; 5]) -> Result<Message, Broken> {
    let [kind, a, b, c, d] = header;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let Some(mut left) = length.checked_sub(4) else {
        return Err(Broken::Header(header));
    };
    if left > LONGEST && kind != b'D' || length > 0x7fff_ffff {
        return Err(Broken::Header(header));
    }
    let mut body = Vec::new();
    while left > 0 {
        let piece = connection.read_exact(left.min(PIECE))?;
        left -= piece.len();
        if body.len() < LONGEST {
            body.extend_from_slice(&piece);
        }
    }
    Ok(Message { kind, body })
}

/// The next message.
pub(crate) fn receive(connection: &mut Connection) -> Result<Message, Broken> {
    let header = header(connection)?;
    message(connection, header)
}

/// A message of ours.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(kind);
    counted(&mut bytes, body);
    bytes
}

/// `StartupMessage` with nothing but what every pooler lets through.
pub(crate) fn startup(user: &str, database: &str, application: &str) -> Vec<u8> {
    let mut body = VERSION_3_0.to_be_bytes().to_vec();
    for (name, value) in [
        ("user", user),
        ("database", database),
        ("application_name", application),
    ] {
        text(&mut body, name);
        text(&mut body, value);
    }
    body.push(0);
    let mut bytes = Vec::new();
    counted(&mut bytes, &body);
    bytes
}

/// `Query`: the simple protocol.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, sql);
    frame(b'Q', &body)
}

/// `Parse` of the unnamed statement, its parameters' types left to the
/// server.
pub(crate) fn parse(sql: &str) -> Vec<u8> {
    let mut body = Vec::from([0]);
    text(&mut body, sql);
    body.extend_from_slice(&[0, 0]);
    frame(b'P', &body)
}

/// `Bind` of text values to the unnamed statement and portal.
pub(crate) fn bind(values: &[&str]) -> Vec<u8> {
    let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
    let mut body = Vec::from([0, 0, 0, 0]);
    body.extend_from_slice(&count.to_be_bytes());
    for value in values {
        body.extend_from_slice(&size(value.len()).to_be_bytes());
        body.extend_from_slice(value.as_bytes());
    }
    body.extend_from_slice(&[0, 0]);
    frame(b'B', &body)
}

/// `Execute` of the unnamed portal, for at most `rows` rows.
pub(crate) fn execute(rows: u32) -> Vec<u8> {
    let mut body = Vec::from([0]);
    body.extend_from_slice(&rows.to_be_bytes());
    frame(b'E', &body)
}

/// The first column of a row, none where it is NULL or the row is malformed.
pub(crate) fn first_column(row: &[u8]) -> Option<Vec<u8>> {
    let (_, row) = row.split_first_chunk::<2>()?;
    let (length, row) = row.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    row.get(..length).map(<[u8]>::to_vec)
}

/// Splits off a text that ends with a zero byte.
pub(crate) fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

fn counted(bytes: &mut Vec<u8>, body: &[u8]) {
    bytes.extend_from_slice(&size(body.len() + 4).to_be_bytes());
    bytes.extend_from_slice(body);
}

fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_is_the_captured_one() {
        let captured = include_bytes!("../captures/ready-trust.req.bin");
        let start = captured.get(..41).unwrap();
        let ours = startup("postgres", "postgres", "");
        let without_name = ours.len() - "application_name\0\0".len();
        assert_eq!(ours[4..without_name - 1], start[4..start.len() - 1]);
    }

    #[test]
    fn a_bind_counts_its_values() {
        assert_eq!(bind(&["ab"]), b"B\0\0\0\x12\0\0\0\0\0\x01\0\0\0\x02ab\0\0");
    }

    #[test]
    fn a_row_that_is_cut_has_no_column() {
        assert_eq!(first_column(b"\0\x01\0\0\0\x02on"), Some(b"on".to_vec()));
        for row in [
            &b""[..],
            b"\0",
            b"\0\x01",
            b"\0\x01\xff\xff\xff\xff",
            b"\0\x01\x7f\xff\xff\xffon",
        ] {
            assert_eq!(first_column(row), None);
        }
    }
}
