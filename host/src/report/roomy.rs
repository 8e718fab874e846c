//! A pipe that nobody reads must not keep us from ending when a signal says
//! so: nothing is written before there is room for it.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use waitfor_registry::interrupt;

/// As much goes into a pipe that has room at all, without a pause (pipe(7),
/// `PIPE_BUF`).
const PART: usize = 4096;

/// How often it is looked for signals while there is no room, in milliseconds.
const LOOK: u8 = 50;

/// How long there may be no room when a signal has come.
const LAST: Duration = Duration::from_secs(1);

/// A standard stream, unbuffered.
pub(super) struct Roomy<S>(pub(super) S);

impl<S: AsFd> Write for Roomy<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            await_room(&self.0)?;
        }
        let part = bytes.get(..PART).unwrap_or(bytes);
        match nix::unistd::write(&self.0, part) {
            // Whoever started us may have closed it.
            Err(Errno::EBADF) => Ok(part.len()),
            written => Ok(written?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for room, but not for long when the process is to end.
fn await_room(stream: &impl AsFd) -> io::Result<()> {
    let mut last = None;
    loop {
        let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut fds, PollTimeout::from(LOOK)) {
            Ok(0) | Err(Errno::EINTR) => {}
            // What is wrong with the stream is said where it is written to.
            _ => return Ok(()),
        }
        if interrupt::pending().is_some() {
            let last = *last.get_or_insert_with(|| Instant::now() + LAST);
            if Instant::now() >= last {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }
}
