//! Lets the compiler work under a watch: it has no bound of its own on time or
//! memory, and cannot be stopped.
//!
//! A compiler that goes too far is left behind, and goes on until the program
//! ends, which it does then; a run gives up at its first plugin that is
//! refused.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;

use super::limits;

/// The stack of a thread that compiles, in bytes; that of a main thread, since
/// what is nested as deep as the limits allow is known to fit.
const STACK: usize = 8 << 20;

/// Why work came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It needed too much, or failed: what is to be said after "compiling it".
    Work(String),
    /// The system gives no threads, so many of them.
    NoThreads(usize),
}

/// Does the work on threads of its own, and waits for it as long as it keeps
/// within the bounds.
///
/// # Errors
/// See [`Failure`].
pub(super) fn watched<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(limits::COMPILERS);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|_| "compiler".to_owned())
        // Dropping the sender tells of it.
        .panic_handler(|_| ())
        .build()
        .map_err(|_| Failure::NoThreads(threads))?;
    let before = Used::now();
    let started = Instant::now();
    let (sender, receiver) = mpsc::channel();
    pool.spawn(move || {
        // Nobody listens any more where it took too long.
        let _ = sender.send(work());
    });
    loop {
        match receiver.recv_timeout(limits::WATCH) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::Work(
                    "ended in a failure of the compiler".to_owned(),
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let used = match (before, Used::now()) {
            (Some(before), Some(now)) => now.since(before),
            _ => Used {
                time: started.elapsed(),
                memory: 0,
            },
        };
        used.within().map_err(Failure::Work)?;
    }
}

/// What this process has used.
#[derive(Debug, Clone, Copy)]
struct Used {
    time: Duration,
    /// Bytes that are in memory now.
    memory: u64,
}

impl Used {
    fn within(self) -> Result<(), String> {
        if self.memory > limits::COMPILING_MEMORY {
            let most = limits::COMPILING_MEMORY >> 20;
            return Err(format!("takes more than {most} MiB of memory"));
        }
        if self.time > limits::COMPILING {
            let most = limits::COMPILING.as_secs();
            return Err(format!("takes more than {most} s"));
        }
        Ok(())
    }

    fn since(self, before: Self) -> Self {
        Self {
            time: self.time.saturating_sub(before.time),
            memory: self.memory.saturating_sub(before.memory),
        }
    }

    /// As Linux tells it; none elsewhere.
    fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        Some(Self {
            time: time(&stat)?,
            memory: memory(&status)?,
        })
    }
}

/// The memory in proc_pid_status(5): `VmRSS:     1234 kB`.
fn memory(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// The processor time in proc_pid_stat(5), of the program and of the system
/// for it: the fields 14 and 15, in hundredths of a second. The second field
/// is a name in parentheses that may hold anything.
fn time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let own: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((own + system).saturating_mul(10)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_read() {
        let stat = "1 (a) b) R 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        assert_eq!(time(stat), Some(Duration::from_secs(2)));
        assert_eq!(
            memory("Name:\ta\nVmRSS:\t    2048 kB\nx: 1\n"),
            Some(2 << 20)
        );
        assert_eq!((time("1 (a"), memory("VmRSS: x kB")), (None, None));
        if cfg!(target_os = "linux") {
            assert!(Used::now().is_some_and(|used| used.memory > 1 << 20));
        }
    }

    #[test]
    fn work_within_the_bounds_is_done() {
        assert_eq!(watched(|| 7), Ok(7));
    }

    #[test]
    fn work_that_fails_is_told_and_the_program_lives() {
        let failed = watched(|| assert_eq!(std::hint::black_box(1), 2));
        let text = "ended in a failure of the compiler".to_owned();
        assert_eq!(failed, Err(Failure::Work(text)));
    }

    #[test]
    fn both_bounds_hold() {
        let used = |time, memory| Used { time, memory }.within();
        let (most, memory) = (limits::COMPILING, limits::COMPILING_MEMORY);
        assert_eq!(used(most, memory), Ok(()));
        let text = "takes more than 60 s".to_owned();
        assert_eq!(used(most + Duration::from_millis(1), memory), Err(text));
        let text = "takes more than 1024 MiB of memory".to_owned();
        assert_eq!(used(most, memory + 1), Err(text));
    }
}
