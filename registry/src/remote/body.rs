//! Reads answers with a limit on their length and on the time they take,
//! since what a registry says of either is a claim.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use ureq::Body;

use super::failure::Problem;
use super::transport;

/// The fewest bytes a second that an answer may come with.
pub const SLOWEST: u64 = 64 * 1024;

const PIECE: usize = 64 * 1024;

/// How an answer's length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// As many bytes, no more and no fewer.
    Exactly(u64),
    /// Unknown, and no more than these.
    AtMost(u64),
}

/// Reads a whole answer.
///
/// `claimed` is what its header says of its length, `silence` how long the
/// other side may be silent. In all it may take that long and a second for
/// each [`SLOWEST`] bytes of the longest that it may be.
pub(super) fn read(
    body: Body,
    claimed: Option<u64>,
    length: Length,
    silence: Duration,
) -> Result<Vec<u8>, Problem> {
    let limit = match length {
        Length::Exactly(size) | Length::AtMost(size) => size,
    };
    if let Some(found) = claimed {
        match length {
            Length::Exactly(expected) if found != expected => {
                return Err(Problem::OtherSize { expected, found });
            }
            Length::AtMost(limit) if found > limit => return Err(Problem::TooLong { limit }),
            _ => {}
        }
    }
    let allowed = silence + Duration::from_secs(limit / SLOWEST);
    let deadline = Instant::now() + allowed;
    let mut reader = body.into_reader();
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let truncated = |found| Problem::Truncated {
            expected: match length {
                Length::Exactly(size) => Some(size),
                Length::AtMost(_) => claimed,
            },
            found,
        };
        let found = bytes.len() as u64;
        match reader.read(&mut piece) {
            Ok(0) => {
                return match length {
                    Length::Exactly(size) if found < size => Err(truncated(found)),
                    _ => Ok(bytes),
                };
            }
            Ok(count) => {
                if found + count as u64 > limit {
                    return Err(Problem::TooLong { limit });
                }
                bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(match transport::problem(error.into(), silence) {
                    Problem::Unreachable { .. } => truncated(found),
                    problem => problem,
                });
            }
        }
        if Instant::now() > deadline {
            return Err(Problem::Slow {
                received: bytes.len() as u64,
                limit: allowed,
            });
        }
    }
}
