//! Every bound on a plugin, in one place: while it is loaded, and while it
//! runs. `docs/security.md` lists them all.

use std::time::Duration;

use wasmtime::{ResourceLimiter, Result};

use super::state::Notes;

/// The most bytes of a component.
pub const COMPONENT: usize = 32 << 20;

/// The most modules and components within a component.
pub const NESTED: u64 = 200;

/// The most parts of a component (instances, aliases, functions lifted and
/// lowered, imports, exports, types), those of a component within it as often
/// as it is instantiated.
pub const PARTS: u64 = 100_000;

/// The most parts of all core modules together: types, imports, exports,
/// globals, tables, memories, and pieces of data and of tables.
pub const MODULE_PARTS: u64 = 100_000;

/// The most functions of all core modules together; an interpreter of Python
/// has 14 000.
pub const FUNCTIONS: u64 = 50_000;

/// The most bytes of one function: what the compiler needs grows with it. The
/// main loop of an interpreter has nearly half of that.
pub const FUNCTION: usize = 1 << 20;

/// The most variables of one function.
pub const FUNCTION_LOCALS: u64 = 5000;

/// The most variables of all functions together.
pub const LOCALS: u64 = 2_000_000;

/// How long a component may be compiled, in processor time: a machine that is
/// busy with other things is not the plugin's fault. The interpreter of Python
/// needs twelve seconds. Where processor time cannot be told it is time by the
/// clock.
pub const COMPILING: Duration = Duration::from_secs(60);

/// The most memory that compiling a component may take, in bytes; the
/// interpreter of Python takes 400 MB. Told on Linux alone.
pub const COMPILING_MEMORY: u64 = 1 << 30;

/// How often time and memory of the compiler are looked at.
pub const WATCH: Duration = Duration::from_millis(10);

/// The most threads that compile: each needs memory of its own.
pub const COMPILERS: usize = 4;

/// The most memory that a guest's linear memories may have together, in bytes.
pub const MEMORY: usize = 128 << 20;

/// The most elements that a guest's tables may have together.
pub const TABLE_ELEMENTS: usize = 100_000;

/// The most core instances, the most tables and the most memories of one
/// attempt; a component that was built with an adapter has about ten.
pub const INSTANCES: usize = 64;

/// The most handles (endpoints, connections, secrets) alive in one attempt.
pub const HANDLES: usize = 256;

/// The most connections that one attempt may open.
pub const CONNECTIONS: u32 = 32;

/// The most bytes that one attempt may receive.
pub const RECEIVED: u64 = 64 << 20;

/// The most bytes that one attempt may send.
pub const SENT: u64 = 64 << 20;

/// The most calls to the host in one attempt.
pub const CALLS: u32 = 100_000;

/// The most bytes that a guest may hand to the host in one call.
pub const CALL_BYTES: usize = 8 << 20;

/// The most that the engine copies out of a guest in one call, in bytes: more
/// than [`CALL_BYTES`], so that the words for that are ours, and little enough
/// that the host's own memory is not at a guest's mercy.
pub const COPIED: usize = 32 << 20;

/// The most bytes of one wish for a TLS handshake: the host keeps it.
pub const WISH_BYTES: usize = 4096;

/// The most lines, and the most bytes a line, that one attempt may log.
pub const LOG_LINES: usize = 200;
/// See [`LOG_LINES`].
pub const LOG_LINE: usize = 1000;

/// The most facts of a verdict, and the most bytes of a name and of a value;
/// what is beyond is cut off.
pub const FACTS: usize = 64;
/// See [`FACTS`].
pub const FACT_NAME: usize = 64;
/// See [`FACTS`]; it bounds a verdict's other texts too.
pub const FACT_VALUE: usize = 2000;

/// The most bytes that one call for entropy gives.
pub const ENTROPY: u32 = 1024;

/// The most random bytes that one call of WASI gives; a call for more ends
/// the guest.
pub const WASI_ENTROPY: u64 = 64 << 10;

/// How often the engine looks whether a guest has run for too long.
pub const TICK: Duration = Duration::from_millis(10);

/// How long a guest may compute without asking the host for anything; counted
/// in ticks that it was seen at work, so that a guest that sleeps, or a machine
/// that stands still, does not use it up.
pub const COMPUTING: Duration = Duration::from_secs(2);

/// How long a guest has for its verdict once the attempt's time is over.
pub const LAST_WORDS: Duration = Duration::from_millis(250);

/// How long a guest must have been seen at work after its attempt's time was
/// over to be called broken; else it is out of time like any other, since a
/// machine that is busy with other things is not the plugin's fault.
pub const OVERTIME: Duration = Duration::from_millis(30);

/// How long `describe` and `validate` may take: more than [`COMPUTING`] on a
/// machine that is busy.
pub const OFFLINE: Duration = Duration::from_secs(10);

/// The memory and the tables of one store.
pub struct StoreLimits {
    memory: usize,
    table_elements: usize,
    notes: Notes,
}

impl StoreLimits {
    /// Nothing is used yet; that memory was refused is told to `notes`.
    pub fn new(notes: Notes) -> Self {
        Self {
            memory: 0,
            table_elements: 0,
            notes,
        }
    }
}

/// Whether `used` can grow by what lies between the two sizes, within `most`.
fn grow(
    used: &mut usize,
    most: usize,
    current: usize,
    desired: usize,
    maximum: Option<usize>,
) -> bool {
    if maximum.is_some_and(|maximum| desired > maximum) {
        return false;
    }
    match used.checked_add(desired.saturating_sub(current)) {
        Some(total) if total <= most => {
            *used = total;
            true
        }
        _ => false,
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let granted = grow(&mut self.memory, MEMORY, current, desired, maximum);
        let own_limit = maximum.is_some_and(|maximum| desired > maximum);
        self.notes.set_memory_refused(!granted && !own_limit);
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let used = &mut self.table_elements;
        Ok(grow(used, TABLE_ELEMENTS, current, desired, maximum))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        INSTANCES
    }
}
