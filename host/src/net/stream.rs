//! One byte stream as a probe uses it: bounded reads, whole writes, a TLS
//! handshake in mid-stream, each within a deadline.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::fault::Fault;
use super::tls::{self, Trust, Wish};

/// The most that one read hands to a probe, in bytes.
pub const LARGEST_READ: u32 = 64 * 1024;

/// A two-way byte stream, with or without TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub struct Connection {
    /// Gone after a TLS handshake that failed.
    duplex: Option<Box<dyn Duplex>>,
    limit: Option<Duration>,
    host: Option<String>,
    secured: bool,
}

impl Connection {
    /// Wraps a stream; `host` is the name that a certificate must bear.
    pub fn new(duplex: Box<dyn Duplex>, host: Option<String>) -> Self {
        Self {
            duplex: Some(duplex),
            limit: None,
            host,
            secured: false,
        }
    }

    /// Bounds each later call; zero takes the bound back.
    pub fn limit(&mut self, each_call: Duration) {
        self.limit = (!each_call.is_zero()).then_some(each_call);
    }

    /// Between one and `max` bytes; none at the end of the stream.
    ///
    /// # Errors
    /// `timed-out`, `reset`, `closed`, `io`, and the TLS alerts of a peer.
    pub async fn read(&mut self, max: u32, deadline: Instant) -> Result<Vec<u8>, Fault> {
        let clock = Clock::new(self.limit, deadline);
        clock.check()?;
        let secured = self.secured;
        let duplex = self.open()?;
        let mut bytes = Vec::new();
        let wanted = usize::try_from(max.clamp(1, LARGEST_READ)).unwrap_or(1);
        bytes.reserve_exact(wanted.min(4096));
        let mut bounded = duplex.take(wanted as u64);
        match timeout_at(clock.until, bounded.read_buf(&mut bytes)).await {
            Ok(Ok(_)) => Ok(bytes),
            Ok(Err(error)) if secured => {
                Err(tls::late_alert(&error).unwrap_or_else(|| Fault::transfer(&error)))
            }
            Ok(Err(error)) => Err(Fault::transfer(&error)),
            Err(_) => Err(clock.passed("no answer")),
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// As [`Connection::read`].
    pub async fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Fault> {
        let clock = Clock::new(self.limit, deadline);
        clock.check()?;
        let duplex = self.open()?;
        let sending = async {
            duplex.write_all(bytes).await?;
            duplex.flush().await
        };
        match timeout_at(clock.until, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::transfer(&error)),
            Err(_) => Err(clock.passed("the peer took no more bytes")),
        }
    }

    /// Turns the stream into a TLS stream.
    ///
    /// # Errors
    /// `tls-certificate`, `tls-handshake`, `tls-config`, `timed-out`.
    pub async fn start_tls(
        &mut self,
        wish: &Wish,
        trust: &Trust,
        deadline: Instant,
    ) -> Result<(), Fault> {
        let clock = Clock::new(self.limit, deadline);
        if self.secured {
            return Err(Fault::fix("tls-config", "the stream speaks tls already"));
        }
        self.open()?;
        let Some(duplex) = self.duplex.take() else {
            return Err(Fault::retry("closed", "the connection is closed"));
        };
        match timeout_at(
            clock.until,
            tls::handshake(duplex, self.host.as_deref(), wish, trust),
        )
        .await
        {
            Ok(Ok(secured)) => {
                self.duplex = Some(secured);
                self.secured = true;
                Ok(())
            }
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(clock.passed("no end of the tls handshake")),
        }
    }

    fn open(&mut self) -> Result<&mut Box<dyn Duplex>, Fault> {
        self.duplex
            .as_mut()
            .ok_or_else(|| Fault::retry("closed", "the connection is closed"))
    }
}

/// When a call must end, and what it says if it did not.
struct Clock {
    until: Instant,
    own_limit: Option<Duration>,
    started: Instant,
}

impl Clock {
    fn new(limit: Option<Duration>, deadline: Instant) -> Self {
        let started = Instant::now();
        match limit.and_then(|limit| Some((limit, started.checked_add(limit)?))) {
            Some((limit, until)) if until < deadline => Self {
                until,
                own_limit: Some(limit),
                started,
            },
            _ => Self {
                until: deadline,
                own_limit: None,
                started,
            },
        }
    }

    /// Refuses a call that comes when the time is over. A bound on the call
    /// alone would not: it lets through what is at hand, and a peer that
    /// sends without pause always has something at hand.
    fn check(&self) -> Result<(), Fault> {
        if self.started >= self.until {
            return Err(Fault::stop("timed-out", "the attempt's time is over"));
        }
        Ok(())
    }

    fn passed(&self, what: &str) -> Fault {
        match self.own_limit {
            Some(limit) => Fault::retry(
                "timed-out",
                format!("{what} within {} ms", limit.as_millis()),
            ),
            None => {
                let waited = self.until.saturating_duration_since(self.started);
                Fault::stop(
                    "timed-out",
                    format!("{what} within {} ms", waited.as_millis()),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::Connection;
    use crate::net::fault::Remedy;

    #[tokio::test]
    async fn what_is_at_hand_does_not_outlive_the_deadline() {
        let (ours, mut theirs) = duplex(16);
        theirs.write_all(b"more").await.unwrap();
        let mut connection = Connection::new(Box::new(ours), None);
        let over = Instant::now();
        let read = connection.read(1, over).await.unwrap_err();
        let written = connection.write(b"x", over).await.unwrap_err();
        for fault in [read, written] {
            assert_eq!((fault.code, fault.remedy), ("timed-out", Remedy::Stop));
        }
    }
}
