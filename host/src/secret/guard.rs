//! Keeps what is in this process's memory in it: no core file, and no debugger
//! of another process.

/// Guards the process from now on. The kernel undoes it when a command takes
/// the process's place: that one may dump its core as ever.
pub fn keep() {
    // Where the kernel does not know this, it has nothing to be told.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
