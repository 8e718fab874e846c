//! A stream whose reader may leave early: `waitfor plugin list | head -1` is no
//! failure, however the output is buffered.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

use super::roomy::Roomy;

/// How long a stream that is set to non-blocking may be full. Whoever started
/// us may have set that on a pipe that we share.
const FULL: Duration = Duration::from_secs(1);

/// How often a full stream is tried.
const TRY: Duration = Duration::from_millis(1);

/// Standard output or standard error, or another stream. A reader that left is
/// no error: what is written after that goes nowhere.
pub struct Out {
    stream: Box<dyn Write>,
    /// Nothing more is written: the reader left, or writing failed.
    mute: bool,
    failure: Option<io::Error>,
}

impl Out {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::new(Roomy(io::stdout()))
    }

    /// Standard error.
    pub fn stderr() -> Self {
        Self::new(Roomy(io::stderr()))
    }

    /// Another stream.
    pub fn new(stream: impl Write + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            mute: false,
            failure: None,
        }
    }

    /// Writes a line at once, with its end. A failure is kept for
    /// [`Out::finish`], and nothing is written after it.
    pub fn line(&mut self, line: &str) {
        let bytes = format!("{line}\n");
        if let Err(error) = self.write_all(bytes.as_bytes()).and_then(|()| self.flush()) {
            self.mute = true;
            self.failure.get_or_insert(error);
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// The first failure to write, if there was one: a full disk, say. That the
    /// reader left is none.
    pub fn finish(mut self) -> io::Result<()> {
        match self.failure() {
            Some(error) => Err(error),
            None => self.flush(),
        }
    }

    /// The first failure to write a line, once.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Runs a write against the stream, and bears what may be borne.
    fn tolerate<T>(
        &mut self,
        gone: T,
        mut write: impl FnMut(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut waited = Duration::ZERO;
        while !self.mute {
            match write(&mut *self.stream) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.mute = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock && waited < FULL => {
                    thread::sleep(TRY);
                    waited += TRY;
                }
                result => return result,
            }
        }
        Ok(gone)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tolerate(bytes.len(), |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tolerate((), |stream| stream.flush())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// A stream that takes so many bytes, and then fails in its way.
    struct Narrow {
        taken: Rc<RefCell<Vec<u8>>>,
        room: usize,
        then: ErrorKind,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let len = bytes.len().min(self.room);
            if len == 0 {
                return Err(self.then.into());
            }
            self.room -= len;
            self.taken.borrow_mut().extend_from_slice(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn narrow(room: usize, then: ErrorKind) -> (Out, Rc<RefCell<Vec<u8>>>) {
        let taken = Rc::new(RefCell::new(Vec::new()));
        let stream = Narrow {
            taken: Rc::clone(&taken),
            room,
            then,
        };
        (Out::new(stream), taken)
    }

    #[test]
    fn a_reader_that_leaves_is_no_error_at_any_byte() {
        for room in 0..12 {
            let (mut out, taken) = narrow(room, ErrorKind::BrokenPipe);
            out.line("one");
            out.line("two");
            assert!(writeln!(out, "three").is_ok());
            assert!(out.finish().is_ok(), "{room}");
            assert_eq!(*taken.borrow(), &b"one\ntwo\nthree\n"[..room]);
        }
    }

    #[test]
    fn a_reader_that_leaves_a_buffered_stream_is_no_error() {
        let (_, taken) = narrow(0, ErrorKind::BrokenPipe);
        let stream = Narrow {
            taken,
            room: 2,
            then: ErrorKind::BrokenPipe,
        };
        let mut out = Out::new(io::BufWriter::new(stream));
        assert!(writeln!(out, "one").is_ok());
        assert!(out.finish().is_ok());
    }

    #[test]
    fn a_full_disk_is_an_error_and_is_told_once() {
        let (mut out, taken) = narrow(5, ErrorKind::StorageFull);
        out.line("one");
        out.line("two");
        out.line("three");
        assert_eq!(*taken.borrow(), b"one\nt");
        assert_eq!(
            out.finish().map_err(|error| error.kind()),
            Err(ErrorKind::StorageFull)
        );
    }

    /// Full at every other write.
    struct Busy(Rc<RefCell<Vec<u8>>>, bool);

    impl Write for Busy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.0.borrow_mut().push(bytes[0]);
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_is_full_for_a_moment_loses_nothing() {
        let taken = Rc::new(RefCell::new(Vec::new()));
        let mut out = Out::new(Busy(Rc::clone(&taken), false));
        out.line("whole");
        assert!(out.finish().is_ok());
        assert_eq!(*taken.borrow(), b"whole\n");
    }
}
