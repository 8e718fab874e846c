//! Keeps what is in this process's memory in it: no core file, no debugger of
//! another process, no panic that quotes what it was about.

use std::any::Any;
use std::io::Write;
use std::panic::{self, Location, PanicHookInfo};

/// Guards the process from now on. The kernel undoes its part when a command
/// takes the process's place: that one may dump its core as ever.
pub fn keep() {
    panic::set_hook(Box::new(told));
    // Where the kernel does not know this, it has nothing to be told.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

fn told(info: &PanicHookInfo<'_>) {
    let text = words(info.payload(), info.location());
    // Nobody is left to be told that this cannot be written.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// What is told of a panic. Its text is shown where it was written into the
/// program as it is; one that was put together may hold anything.
fn words(payload: &(dyn Any + Send), location: Option<&Location<'_>>) -> String {
    let what = payload
        .downcast_ref::<&'static str>()
        .map_or(String::new(), |text| format!(": {text}"));
    let place = location.map_or(String::new(), |place| {
        format!(" at {}:{}", place.file(), place.line())
    });
    format!(
        "error: waitfor itself broke{place}{what}\n\
         hint: this is a fault of waitfor, not of the service: tell its authors\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(broken: impl FnOnce() + panic::UnwindSafe) -> String {
        let payload = panic::catch_unwind(broken).unwrap_err();
        words(&*payload, Some(Location::caller()))
    }

    #[test]
    fn a_panic_does_not_quote_what_it_was_about() {
        let secret = String::from("hünter22");
        let text = told_of(move || drop(secret[..2].to_owned()));
        assert!(!text.contains("nter"), "{text}");
        assert!(text.contains("guard.rs:"), "{text}");
        let text = told_of(|| panic!("a fixed text"));
        assert!(text.contains(": a fixed text\n"), "{text}");
    }
}
