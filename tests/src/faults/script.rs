//! A peer that goes through a few steps with each connection, whatever it hears: most of what a
//! probe can meet on a wrong port or from a broken server needs no more.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use super::peer::{Peer, reset_on_close};

/// PostgreSQL's and Vertica's request for TLS.
pub(super) const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Between two rounds of what has no end: some megabytes a second, so that a wait ends by its time
/// and not by how much it may receive.
const BREATH: Duration = Duration::from_millis(1);

/// By then the client has seen that its connection was accepted; a reset before that is another
/// fault.
const CONNECTED: Duration = Duration::from_millis(20);

/// One step of a scripted peer.
#[derive(Clone, Debug)]
pub enum Step {
    /// Waits for whatever the client sends next. A request for TLS, as PostgreSQL and Vertica have
    /// it, is answered by the given byte, if any, and then the next is waited for.
    Hear(Option<u8>),
    /// Sends these bytes in one write.
    Say(Vec<u8>),
    /// Sends these bytes again and again until the client has gone.
    SayForever(Vec<u8>),
    /// Keeps the connection and listens, silently, until the client has gone.
    Hold,
    /// Resets the connection; without this step it is closed in the usual way.
    Reset,
}

/// Starts a peer that goes through these steps with each connection.
pub fn play(steps: Vec<Step>) -> Peer {
    Peer::start(move |mut stream, _| {
        // An error is the client's leaving, which ends the meeting.
        let _ = steps.iter().try_for_each(|step| act(step, &mut stream));
    })
}

fn act(step: &Step, stream: &mut TcpStream) -> std::io::Result<()> {
    match step {
        Step::Hear(answer) => hear(stream, *answer),
        Step::Say(bytes) => stream.write_all(bytes),
        Step::SayForever(bytes) => loop {
            stream.write_all(bytes)?;
            sleep(BREATH);
        },
        Step::Hold => hold(stream),
        Step::Reset => {
            sleep(CONNECTED);
            reset_on_close(stream);
            stream.shutdown(Shutdown::Read)
        }
    }
}

/// Reads one message, which clients write at once.
pub(super) fn hear(stream: &mut TcpStream, tls_answer: Option<u8>) -> std::io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let len = stream.read(&mut bytes)?;
        match tls_answer {
            _ if len == 0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Some(answer) if bytes[..len] == TLS_REQUEST => stream.write_all(&[answer])?,
            _ => return Ok(()),
        }
    }
}

/// Listens until the client has gone.
pub(super) fn hold(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    while stream.read(&mut bytes)? > 0 {}
    Ok(())
}
