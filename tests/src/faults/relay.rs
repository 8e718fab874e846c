//! Stands between a client and a real server and does to the server's words what networks and
//! proxies do: every fault in mid-conversation needs a conversation that is real up to there.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::Duration;

use super::peer::{Peer, reset_on_close};

/// Long enough that the first of two pieces is read alone, unless the machine is very busy.
const BETWEEN_PIECES: Duration = Duration::from_millis(2);

/// How much of a server's words is remembered, at least.
const REMEMBERED: usize = 64 * 1024;

/// How long a server must be silent until what it said is passed on as a whole.
const QUIET: Duration = Duration::from_millis(40);

/// What happens to the bytes from the server to the client. Positions count the bytes of one
/// connection from 0; what the client says is passed on as it is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Passed on as they come.
    Whole,
    /// With a pause before the byte at this position, so that it is read apart from those before.
    SplitAt(usize),
    /// Each in a packet of its own, with a pause after it.
    Bytewise(Duration),
    /// Kept back until the server has nothing more to say, then all at once.
    Coalesced,
    /// As many as this, then the connection is closed in the usual way.
    CloseAt(usize),
    /// As many as this, then the connection is reset.
    ResetAt(usize),
    /// As many as this, then nothing more, and the connection stays.
    StallAt(usize),
    /// With these bytes put in before the byte at this position, in the same packet as the last
    /// byte before.
    InsertAt(usize, Vec<u8>),
}

/// A running relay; ended on drop.
pub struct Relay {
    peer: Peer,
    first: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Relay {
    /// Starts a relay to the server on this port of `127.0.0.1`; `shape` tells what happens to
    /// each connection, which it gets the number of, counted from 0.
    pub fn start(server: u16, shape: impl Fn(usize) -> Shape + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), server, shape)
    }

    /// As [`Relay::start`], listening on another address.
    pub fn start_at(
        address: SocketAddr,
        server: u16,
        shape: impl Fn(usize) -> Shape + Send + Sync + 'static,
    ) -> Self {
        Self::route(address, move |number| (server, shape(number)))
    }

    /// As [`Relay::start_at`]; which server a connection is for is told as well.
    pub fn route(
        address: SocketAddr,
        route: impl Fn(usize) -> (u16, Shape) + Send + Sync + 'static,
    ) -> Self {
        let first = Arc::<Mutex<Option<Vec<u8>>>>::default();
        let words = Arc::clone(&first);
        let peer = Peer::start_at(address, move |client, number| {
            let (server, shape) = route(number);
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                return;
            };
            let mut said = Vec::new();
            // Either side's leaving ends the meeting.
            let _ = relay(&client, &server, &shape, &mut said);
            if number == 0 {
                *words.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
            }
        });
        Self { peer, first }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.peer.port()
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// What the server said in the first connection, once that has ended.
    pub fn first_words(&self) -> Option<Vec<u8>> {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Passes on both directions until both have ended; `said` gets what the server said, as far as
/// [`REMEMBERED`].
fn relay(
    client: &TcpStream,
    server: &TcpStream,
    shape: &Shape,
    said: &mut Vec<u8>,
) -> std::io::Result<()> {
    let _ = server.set_nodelay(true);
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let upwards = thread::spawn(move || {
        // However it ends, the server is told that no more will come.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let result = downwards(
        &mut server.try_clone()?,
        &mut client.try_clone()?,
        shape,
        said,
    );
    match shape {
        Shape::ResetAt(_) => reset_on_close(client),
        // The client has to go first.
        Shape::StallAt(_) => {}
        _ => {
            let _ = client.shutdown(Shutdown::Write);
        }
    }
    if let Shape::CloseAt(_) | Shape::ResetAt(_) = shape {
        let _ = client.shutdown(Shutdown::Read);
        let _ = server.shutdown(Shutdown::Both);
    }
    let _ = upwards.join();
    result
}

fn downwards(
    server: &mut TcpStream,
    client: &mut TcpStream,
    shape: &Shape,
    said: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut position = 0;
    let mut bytes = vec![0; 64 * 1024];
    let mut kept = Vec::new();
    if let Shape::Coalesced = shape {
        server.set_read_timeout(Some(QUIET))?;
    }
    if let Shape::CloseAt(0) | Shape::ResetAt(0) = shape {
        return Ok(());
    }
    loop {
        let len = match server.read(&mut bytes) {
            Ok(len) => len,
            Err(error) if matches!(shape, Shape::Coalesced) && is_pause(&error) => {
                client.write_all(&kept)?;
                kept.clear();
                continue;
            }
            Err(error) => return Err(error),
        };
        if len == 0 {
            return client.write_all(&kept);
        }
        let piece = &bytes[..len];
        if said.len() < REMEMBERED {
            said.extend_from_slice(piece);
        }
        match shape {
            Shape::Whole => client.write_all(piece)?,
            Shape::SplitAt(at) => {
                // The position within this piece, where it is in it.
                let at = at.checked_sub(position).filter(|at| *at < len).unwrap_or(0);
                client.write_all(&piece[..at])?;
                if at > 0 {
                    sleep(BETWEEN_PIECES);
                }
                client.write_all(&piece[at..])?;
            }
            Shape::Bytewise(pause) => {
                for byte in piece {
                    client.write_all(&[*byte])?;
                    sleep(*pause);
                }
            }
            Shape::Coalesced => kept.extend_from_slice(piece),
            Shape::CloseAt(end) | Shape::ResetAt(end) | Shape::StallAt(end) => {
                let left = end.saturating_sub(position).min(len);
                client.write_all(&piece[..left])?;
                if position + len >= *end && !matches!(shape, Shape::StallAt(_)) {
                    return Ok(());
                }
            }
            Shape::InsertAt(at, inserted) => match at.checked_sub(position) {
                Some(at @ 1..) if at <= len => {
                    client.write_all(&[&piece[..at], inserted, &piece[at..]].concat())?;
                }
                _ => client.write_all(piece)?,
            },
        }
        position += len;
    }
}

fn is_pause(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut)
}
