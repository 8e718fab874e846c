//! A byte stream with the readers that protocols need: lines and frames, each
//! with a cap, since a length on the wire is the peer's word only.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::backend::{Stream, Target};
use crate::verdict::Fault;

/// How many bytes one buffered read asks for.
const CHUNK: u32 = 16 * 1024;

/// How much of a certificate must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verification {
    /// Chain, dates and name.
    #[default]
    Full,
    /// Chain and dates, not the name.
    Chain,
    /// Nothing: encryption without trust.
    None,
}

/// What a probe wishes for a TLS handshake; the user's own options win.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// The name to send and verify in place of the endpoint's host.
    pub server_name: Option<String>,
    /// The application protocols to offer.
    pub protocols: Vec<String>,
    /// How much of the certificate must hold.
    pub verification: Verification,
}

impl TlsOptions {
    /// Full verification, no application protocol.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers one application protocol (ALPN).
    #[must_use]
    pub fn protocol(mut self, name: &str) -> Self {
        self.protocols.push(name.to_owned());
        self
    }

    /// Sets how much of the certificate must hold.
    #[must_use]
    pub fn verification(mut self, level: Verification) -> Self {
        self.verification = level;
        self
    }

    /// Sets the name to send and to verify.
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Self {
        self.server_name = Some(name.to_owned());
        self
    }
}

/// A place that the user named, or that the policy let through.
pub struct Endpoint {
    target: Box<dyn Target>,
}

impl Endpoint {
    /// Wraps a backend's endpoint.
    pub fn new(target: Box<dyn Target>) -> Self {
        Self { target }
    }

    /// The address for messages: `db:5432`, or a path.
    pub fn label(&self) -> String {
        self.target.label()
    }

    /// The URL scheme that the user chose, else the probe's first.
    pub fn scheme(&self) -> String {
        self.target.scheme()
    }

    /// The host as the user wrote it; none for a UNIX socket.
    pub fn host(&self) -> Option<String> {
        self.target.host()
    }

    /// The port; none for a UNIX socket.
    pub fn port(&self) -> Option<u16> {
        self.target.port()
    }

    /// Opens a plain byte stream.
    ///
    /// # Errors
    /// Why no connection could be made; `refused`, `name-unknown` and
    /// `unreachable` are worth a retry.
    pub fn connect(&self) -> Result<Connection, Fault> {
        Ok(Connection {
            stream: self.target.connect()?,
            buffer: Vec::new(),
            taken: 0,
            received: 0,
        })
    }
}

/// One byte stream. Every call ends by the attempt's deadline.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    taken: usize,
    received: u64,
}

impl Connection {
    /// Writes all of it.
    ///
    /// # Errors
    /// `reset` or `closed` where the peer hung up.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write(bytes)
    }

    /// How many bytes the peer has sent so far: zero tells a peer that
    /// accepts and closes from one that speaks.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What is at hand, else one read of at most 16 KiB; empty at the end.
    ///
    /// # Errors
    /// Why nothing could be read.
    pub fn read_some(&mut self) -> Result<Vec<u8>, Fault> {
        if self.pending().is_empty() && self.fill(CHUNK)? == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.pending().to_vec();
        self.taken = self.buffer.len();
        Ok(bytes)
    }

    /// Exactly `len` bytes.
    ///
    /// # Errors
    /// `closed` where the stream ends before; whatever a read fails with.
    pub fn read_exact(&mut self, len: usize) -> Result<Vec<u8>, Fault> {
        while self.pending().len() < len {
            let have = self.pending().len();
            if self.fill(CHUNK)? == 0 {
                return Err(ended(have, len));
            }
        }
        Ok(self.take(len))
    }

    /// Exactly `len` bytes, and not one more out of the socket: for the
    /// answer before a TLS handshake.
    ///
    /// # Errors
    /// As [`Connection::read_exact`].
    pub fn read_exact_unbuffered(&mut self, len: usize) -> Result<Vec<u8>, Fault> {
        while self.pending().len() < len {
            let have = self.pending().len();
            let missing = u32::try_from(len - have).unwrap_or(CHUNK);
            if self.fill(missing)? == 0 {
                return Err(ended(have, len));
            }
        }
        Ok(self.take(len))
    }

    /// Up to and including `delimiter`.
    ///
    /// # Errors
    /// `too-long` (remedy fix) where `max` bytes hold no delimiter; `closed`
    /// where the stream ends before.
    pub fn read_until(&mut self, delimiter: &[u8], max: usize) -> Result<Vec<u8>, Fault> {
        let mut searched = 0;
        loop {
            let pending = self.pending();
            let from = searched.min(pending.len());
            if let Some(at) = find(&pending[from..], delimiter) {
                let len = from + at + delimiter.len();
                if len <= max {
                    return Ok(self.take(len));
                }
            }
            if pending.len() >= max {
                return Err(Fault::fix(
                    "too-long",
                    format!("no end of line within {max} bytes"),
                ));
            }
            searched = pending
                .len()
                .saturating_sub(delimiter.len().saturating_sub(1));
            let have = pending.len();
            if self.fill(CHUNK)? == 0 {
                return Err(ended(have, have + 1));
            }
        }
    }

    /// One line without its end, which is LF or CR LF.
    ///
    /// # Errors
    /// As [`Connection::read_until`].
    pub fn read_line(&mut self, max: usize) -> Result<Vec<u8>, Fault> {
        let mut line = self.read_until(b"\n", max)?;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    /// Everything until the peer closes.
    ///
    /// # Errors
    /// `too-long` (remedy fix) where it is more than `max` bytes.
    pub fn read_to_end(&mut self, max: usize) -> Result<Vec<u8>, Fault> {
        loop {
            if self.pending().len() > max {
                return Err(Fault::fix("too-long", format!("more than {max} bytes")));
            }
            if self.fill(CHUNK)? == 0 {
                let len = self.pending().len();
                return Ok(self.take(len));
            }
        }
    }

    /// The next byte, left in place; none at the end of the stream.
    ///
    /// # Errors
    /// Why nothing could be read.
    pub fn peek(&mut self) -> Result<Option<u8>, Fault> {
        if self.pending().is_empty() && self.fill(CHUNK)? == 0 {
            return Ok(None);
        }
        Ok(self.pending().first().copied())
    }

    /// Turns the stream into a TLS stream.
    ///
    /// # Errors
    /// `early-data` where bytes that came before the handshake are unread (a
    /// peer that does so mixes plaintext into the protected stream), else
    /// why the handshake failed.
    pub fn start_tls(&mut self, options: &TlsOptions) -> Result<(), Fault> {
        if !self.pending().is_empty() {
            return Err(Fault::fix(
                "early-data",
                "the peer sent plaintext ahead of the tls handshake",
            ));
        }
        self.stream.start_tls(options)
    }

    /// Bounds each later call, in milliseconds; zero takes the bound back.
    pub fn limit(&mut self, each_call: u32) {
        self.stream.limit(each_call);
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let bytes = self.pending().get(..len).unwrap_or_default().to_vec();
        self.taken += bytes.len();
        bytes
    }

    fn fill(&mut self, max: u32) -> Result<usize, Fault> {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        let bytes = self.stream.read(max)?;
        self.received += bytes.len() as u64;
        self.buffer.extend_from_slice(&bytes);
        Ok(bytes.len())
    }
}

fn ended(have: usize, wanted: usize) -> Fault {
    if have == 0 {
        Fault::retry("closed", "the peer closed the connection")
    } else {
        Fault::retry(
            "closed",
            format!("the peer closed the connection after {have} of {wanted} bytes"),
        )
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len().max(1))
        .position(|window| window == needle)
}
