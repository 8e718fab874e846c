//! The moment in which a server says in its log that it serves: the kernel wakes us when a line is
//! written, so nothing is asked of the server that is waited for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::fs::inotify;

/// A log that is watched.
pub(crate) struct Log {
    changes: OwnedFd,
    file: File,
    /// What was read so far after the last whole line.
    rest: String,
}

impl Log {
    /// Watches a log for lines that are written from now on.
    pub(crate) fn watch(path: &Path) -> Result<Self, String> {
        let say = |e: std::io::Error| format!("cannot watch the server's log: {e}");
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC).map_err(|e| say(e.into()))?;
        inotify::add_watch(&changes, path, inotify::WatchFlags::MODIFY)
            .map_err(|e| say(e.into()))?;
        let mut file = File::open(path).map_err(say)?;
        file.seek(SeekFrom::End(0)).map_err(say)?;
        Ok(Self {
            changes,
            file,
            rest: String::new(),
        })
    }

    /// Waits for a line with these words, and says when it was written.
    pub(crate) fn moment(&mut self, words: &str, limit: Duration) -> Result<Instant, String> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut wanted = [PollFd::new(self.changes.as_fd(), PollFlags::POLLIN)];
            // An interrupted wait is gone on with.
            let _ = poll(&mut wanted, timeout);
            let woken = Instant::now();
            if woken >= end {
                return Err(format!("the server did not say `{words}`"));
            }
            let mut events = [0; 4096];
            rustix::io::read(&self.changes, &mut events)
                .map_err(|e| format!("cannot watch the server's log: {e}"))?;
            self.file
                .read_to_string(&mut self.rest)
                .map_err(|e| format!("cannot read the server's log: {e}"))?;
            if self.rest.lines().any(|line| line.contains(words)) {
                return Ok(woken);
            }
            let whole = self.rest.rfind('\n').map_or(0, |at| at + 1);
            self.rest.drain(..whole);
        }
    }
}
