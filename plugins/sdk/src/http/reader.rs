//! A connection's bytes with a place to look ahead in: an answer is judged by
//! its first bytes before anything of it is taken.

use alloc::vec::Vec;

use crate::connection::Connection;
use crate::verdict::Fault;

/// Unread bytes, and the connection that more come from.
pub(super) struct Reader {
    connection: Connection,
    buffer: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Reader {
    /// A reader of a connection from which nothing was read.
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            buffer: Vec::new(),
            taken: 0,
            ended: false,
        }
    }

    /// What was read and not taken.
    pub(super) fn pending(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// Reads once more; false at the end of the stream.
    pub(super) fn fill(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        let bytes = self.connection.read_some()?;
        self.ended = bytes.is_empty();
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
        self.buffer.extend_from_slice(&bytes);
        Ok(!self.ended)
    }

    /// Takes up to `len` of the pending bytes.
    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        let bytes = self.pending().get(..len).unwrap_or(self.pending()).to_vec();
        self.taken += bytes.len();
        bytes
    }

    /// Reads until `len` bytes are pending, or what is there ends or pauses:
    /// for a last look at a stream that will be given up.
    pub(super) fn glance(&mut self, len: usize, pause: u32) -> &[u8] {
        self.connection.limit(pause);
        while self.pending().len() < len && matches!(self.fill(), Ok(true)) {}
        self.pending()
    }
}
