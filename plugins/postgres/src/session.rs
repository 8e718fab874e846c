//! A session that takes queries: what the server said of itself at the
//! login, and the answers to what it is asked.

use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Connection, Pending, Unready};

use crate::auth::Method;
use crate::fault::{self, line};
use crate::login::unexpected;
use crate::pooler;
use crate::sqlstate::ServerError;
use crate::wire::{self, Broken, first_column, split_text};

/// How many values of an answer are kept; more rows are only counted.
const MOST_VALUES: usize = 1024;

/// What the server said of itself at the login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// `server_version`, such as `15.20 (Debian 15.20-0+deb12u1)`.
    pub(crate) version: Option<String>,
    /// `in_hot_standby`; since PostgreSQL 14.
    pub(crate) in_hot_standby: Option<bool>,
    /// `default_transaction_read_only`; since PostgreSQL 14.
    pub(crate) read_only: Option<bool>,
}

impl Status {
    /// Reads one `ParameterStatus`.
    pub(crate) fn learn(&mut self, body: &[u8]) {
        let Some((name, rest)) = split_text(body) else {
            return;
        };
        let value = split_text(rest).map_or(rest, |(value, _)| value);
        match name {
            b"server_version" => self.version = Some(line(value)),
            b"in_hot_standby" => self.in_hot_standby = Some(value == b"on"),
            b"default_transaction_read_only" => self.read_only = Some(value == b"on"),
            _ => {}
        }
    }
}

/// A session.
pub(crate) struct Session {
    connection: Connection,
    /// What the server said of itself.
    pub(crate) status: Status,
    /// Whether the stream is encrypted.
    pub(crate) encrypted: bool,
    /// How the user proved to be who they claim to be.
    pub(crate) method: Method,
}

/// The answer to one query.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// How many rows came.
    pub(crate) rows: u64,
    /// The first column of the first rows.
    pub(crate) values: Vec<Option<Vec<u8>>>,
    /// The error that came in place of rows, or after some.
    pub(crate) error: Option<ServerError>,
    /// Whether the server began to copy, which is no answer to a query.
    pub(crate) copies: bool,
}

impl Reply {
    /// Whether the only value is `text`.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.values.first().and_then(Option::as_deref) == Some(text.as_bytes())
    }
}

impl Session {
    /// A session on a connection that is ready for a query.
    pub(crate) fn new(
        connection: Connection,
        status: Status,
        encrypted: bool,
        method: Method,
    ) -> Self {
        Self {
            connection,
            status,
            encrypted,
            method,
        }
    }

    /// Whether this is pgbouncer's console.
    pub(crate) fn is_console(&self) -> bool {
        self.status
            .version
            .as_deref()
            .is_some_and(pooler::is_console)
    }

    /// Sends queries; each is answered by one [`Session::reply`].
    pub(crate) fn send(&mut self, messages: &[u8]) -> Result<(), Unready> {
        self.connection.write(messages).map_err(fault::at_query)
    }

    /// Reads the answer to one query.
    pub(crate) fn reply(&mut self) -> Result<Reply, Unready> {
        let mut reply = Reply::default();
        loop {
            let message = match wire::receive(&mut self.connection) {
                Ok(message) => message,
                // The server's last word says more than its hanging up.
                Err(Broken::Fault(fault)) if fault.is_hang_up() && reply.error.is_some() => {
                    return Ok(reply);
                }
                Err(Broken::Fault(fault)) => return Err(fault::at_query(fault)),
                Err(Broken::Header([kind, ..])) => return Err(strange(kind).into()),
            };
            match message.kind {
                b'Z' => return Ok(reply),
                b'D' => {
                    reply.rows += 1;
                    if reply.values.len() < MOST_VALUES {
                        reply.values.push(first_column(&message.body));
                    }
                }
                b'E' => {
                    let error = ServerError::parse(&message.body);
                    let ends = error.ends_the_session();
                    reply.error.get_or_insert(error);
                    if ends {
                        return Ok(reply);
                    }
                }
                b'S' => self.status.learn(&message.body),
                b'G' | b'H' | b'W' => {
                    reply.copies = true;
                    return Ok(reply);
                }
                // Descriptions, completions, notices, notifications.
                b'T' | b't' | b'n' | b'1' | b'2' | b'3' | b'C' | b'I' | b's' | b'N' | b'A' => {}
                kind => return Err(strange(kind).into()),
            }
        }
    }

    /// Takes leave. A peer that is gone already needs no farewell.
    pub(crate) fn close(mut self) {
        let _ = self.connection.write(&wire::TERMINATE);
    }
}

fn strange(kind: u8) -> Pending {
    unexpected(kind, "the answer to a query")
}
