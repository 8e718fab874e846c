//! Lengths that are not true and answers without an end, each in the words of the protocol that
//! the client speaks: what a broken or a hostile server sends to make its client allocate or wait.

use super::script::Step;

/// The protocols of the probes, as far as a lie depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Lines that are not looked into.
    Lines,
    /// HTTP/1.1, with JSON in the body.
    Http,
    /// PostgreSQL's, version 3.0.
    Postgres,
    /// Redis's, version 2.
    Resp,
    /// Vertica's.
    Vertica,
    /// TLS records, whatever is in them.
    Tls {
        /// Whether it begins after PostgreSQL's request for it.
        negotiated: bool,
    },
}

/// A length as a server may claim it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// 0, also where a length counts itself.
    Zero,
    /// 2^31, the first that is negative for some.
    Half,
    /// 2^32-1, -1 for some; in TLS the largest that its fields take.
    Most,
}

/// An answer without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endless {
    /// One line or message that never ends.
    Line,
    /// Messages that are well-formed, and lead nowhere.
    Messages,
    /// Headers of an answer.
    Headers,
    /// The body of an answer, or the rows of a result.
    Body,
}

const LETTERS: [u8; 4096] = [b'x'; 4096];

impl Protocol {
    /// The steps before the lie: the request, after any question about TLS.
    fn opening(self) -> Vec<Step> {
        match self {
            Self::Postgres | Self::Vertica => vec![Step::Hear(Some(b'N'))],
            Self::Tls { negotiated: true } => vec![Step::Hear(Some(b'S'))],
            _ => vec![Step::Hear(None)],
        }
    }

    /// A server that claims such a length for its first message, sends a little, and then waits.
    /// None where the protocol has no length.
    pub fn lying_length(self, length: Length) -> Option<Vec<Step>> {
        let claimed: u32 = match length {
            Length::Zero => 0,
            Length::Half => 1 << 31,
            Length::Most => u32::MAX,
        };
        let lie = match self {
            Self::Lines => return None,
            Self::Http => format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {claimed}\r\n\r\n{{"
            )
            .into_bytes(),
            Self::Resp => format!("${claimed}\r\nPONG\r\n").into_bytes(),
            // An authentication request; what follows would be "ok".
            Self::Postgres | Self::Vertica => {
                [&b"R"[..], &claimed.to_be_bytes(), &[0, 0, 0, 0]].concat()
            }
            Self::Tls { .. } => {
                // A handshake record; and one whose message is said to be of 2^24-1 bytes.
                match length {
                    Length::Zero => vec![0x16, 3, 3, 0, 0],
                    Length::Half => vec![0x16, 3, 3, 0x80, 0, 2, 0xff, 0xff, 0xff],
                    Length::Most => vec![0x16, 3, 3, 0xff, 0xff, 2, 0xff, 0xff, 0xff],
                }
            }
        };
        let mut steps = self.opening();
        steps.extend([Step::Say(lie), Step::Hold]);
        Some(steps)
    }

    /// As [`Protocol::lying_length`], for the lengths within a message: a chunk of a body, the
    /// elements of an array, the columns of a row, the message in a TLS record.
    pub fn lying_inner_length(self, length: Length) -> Option<Vec<Step>> {
        let claimed: u32 = match length {
            Length::Zero => 0,
            Length::Half => 1 << 31,
            Length::Most => u32::MAX,
        };
        let mut steps = self.opening();
        match self {
            Self::Lines => return None,
            Self::Http => steps.push(Step::Say(
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{claimed:x}\r\n{{")
                    .into_bytes(),
            )),
            Self::Resp => steps.push(Step::Say(format!("*{claimed}\r\n$1\r\n").into_bytes())),
            Self::Postgres => {
                let rows = [described(), row_of(&claimed.to_be_bytes()), done()].concat();
                steps.extend([Step::Say(welcome()), Step::Hear(None), Step::Say(rows)]);
            }
            Self::Vertica => {
                let rows = [row_of(&claimed.to_be_bytes()), done()].concat();
                steps.extend([Step::Say(welcome()), Step::Hear(None), Step::Say(rows)]);
            }
            Self::Tls { .. } => {
                let size = (claimed >> 8).to_be_bytes();
                steps.push(Step::Say(vec![
                    0x16, 3, 3, 0, 6, 2, size[1], size[2], size[3], 3, 3,
                ]));
            }
        }
        steps.push(Step::Hold);
        Some(steps)
    }

    /// A server whose answer has no end. None where the protocol has nothing of that kind.
    pub fn endless(self, what: Endless) -> Option<Vec<Step>> {
        let mut steps = self.opening();
        let (begin, more): (Vec<u8>, Vec<u8>) = match (self, what) {
            (Self::Lines, Endless::Line) => (b"220 ".to_vec(), LETTERS.to_vec()),
            (Self::Lines, Endless::Messages) => (vec![], b"220 x\r\n".repeat(500)),
            (Self::Http, Endless::Line) => (b"HTTP/1.1 200 ".to_vec(), LETTERS.to_vec()),
            (Self::Http, Endless::Messages) => {
                (vec![], b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100))
            }
            (Self::Http, Endless::Headers) => (
                b"HTTP/1.1 200 OK\r\n".to_vec(),
                b"X-More: x\r\n".repeat(300),
            ),
            (Self::Http, Endless::Body) => (
                b"HTTP/1.1 200 OK\r\n\r\n{\"x\": \"".to_vec(),
                LETTERS.to_vec(),
            ),
            (Self::Resp, Endless::Line) => (b"+".to_vec(), LETTERS.to_vec()),
            (Self::Resp, Endless::Messages) => (vec![], b"*1\r\n".repeat(1000)),
            (Self::Resp, Endless::Body) => (b"$2147483647\r\n".to_vec(), LETTERS.to_vec()),
            // An error message that goes on for ever.
            (Self::Postgres | Self::Vertica, Endless::Line) => (
                b"E\x7f\xff\xff\xffSFATAL\0C57P03\0M".to_vec(),
                LETTERS.to_vec(),
            ),
            (Self::Postgres | Self::Vertica, Endless::Messages) => (vec![], notice().repeat(200)),
            (Self::Postgres, Endless::Body) => {
                steps.extend([Step::Say(welcome()), Step::Hear(None)]);
                (described(), row_of(&1_u32.to_be_bytes()).repeat(300))
            }
            (Self::Vertica, Endless::Body) => {
                steps.extend([Step::Say(welcome()), Step::Hear(None)]);
                (vec![], row_of(&1_u32.to_be_bytes()).repeat(300))
            }
            // A warning that means nothing, and handshake messages in pieces of one byte.
            (Self::Tls { .. }, Endless::Messages) => {
                (vec![], [0x15, 3, 3, 0, 2, 1, 90].repeat(500))
            }
            (Self::Tls { .. }, Endless::Line) => (
                vec![0x16, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff],
                [0x16, 3, 3, 0, 1, 0].repeat(500),
            ),
            _ => return None,
        };
        if !begin.is_empty() {
            steps.push(Step::Say(begin));
        }
        steps.push(Step::SayForever(more));
        Some(steps)
    }
}

/// A message as PostgreSQL and Vertica frame it.
fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// The login succeeds, and the server is ready for a query.
fn welcome() -> Vec<u8> {
    [framed(b'R', &[0, 0, 0, 0]), framed(b'Z', b"I")].concat()
}

/// A result of one column of text.
fn described() -> Vec<u8> {
    framed(
        b'T',
        b"\0\x01x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
    )
}

/// A row of one column, which is `1` and said to be of this length.
fn row_of(length: &[u8; 4]) -> Vec<u8> {
    framed(b'D', &[&[0, 1][..], length, b"1"].concat())
}

/// The end of a result, and ready for the next query.
fn done() -> Vec<u8> {
    [framed(b'C', b"SELECT 1\0"), framed(b'Z', b"I")].concat()
}

fn notice() -> Vec<u8> {
    framed(b'N', b"SNOTICE\0C00000\0Mall is well\0\0")
}
