//! A machine that gives too little is told so in plain words: what the engine
//! and its libraries cannot do without is looked at before they are started,
//! since they end the process where they do not get it.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, Location};
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::report::{self, OutputSettings};

/// The least limit on the address space (`ulimit -v`), in KiB: threads and the memories of plugins reserve more
/// than they ever use.
const ADDRESS_SPACE: u64 = 512 << 10;

/// What each target that is asked at the same time adds to it, in KiB: the
/// memory and the stack of a plugin at work.
const FOR_EACH: u64 = 8 << 10;

/// The least limit on the stack (`ulimit -s`), in KiB: what a compiler that
/// works through a nested program needs.
const STACK: u64 = 512;

/// The least limit on open files (`ulimit -n`): a dozen for ourselves, and one
/// for each connection of one attempt.
const OPEN_FILES: u64 = 24;

/// Whether there is a limit on the address space that many plugins at work
/// could come up against.
pub fn is_address_space_rationed() -> bool {
    getrlimit(Resource::RLIMIT_AS).is_ok_and(|(soft, _)| soft < PLENTY)
}

/// More address space than a wait can use, in bytes.
const PLENTY: u64 = 64 << 30;

/// For so many targets at the same time there must be room; more take turns
/// where there is none.
const MANY: usize = 256;

/// For how many targets at the same time there is room.
pub fn at_once() -> usize {
    let left = |resource, unit: u64, least: u64, each: u64| match getrlimit(resource) {
        Ok((soft, _)) => (soft / unit).saturating_sub(least) / each,
        Err(_) => u64::MAX,
    };
    let files = left(Resource::RLIMIT_NOFILE, 1, OPEN_FILES, 1);
    let space = left(Resource::RLIMIT_AS, 1024, ADDRESS_SPACE, FOR_EACH);
    usize::try_from(files.min(space)).unwrap_or(usize::MAX)
}

/// Looks whether so many targets can be asked, [`MANY`] of them at the same
/// time.
///
/// # Errors
/// [`Exit::PluginBroke`] where the limit on the address space is too low.
pub fn can_ask(targets: usize) -> Result<()> {
    let targets = u64::try_from(targets.min(MANY)).unwrap_or(u64::MAX);
    let least = ADDRESS_SPACE.saturating_add(FOR_EACH.saturating_mul(targets));
    match getrlimit(Resource::RLIMIT_AS) {
        Ok((soft, _)) if soft / 1024 < least => {
            Err(too_low(soft / 1024, "KiB of address space", least, "v"))
        }
        _ => Ok(()),
    }
}

fn too_low(found: u64, what: &str, least: u64, option: &str) -> Error {
    Error::new(
        Exit::PluginBroke,
        format!("the limit of {found} {what} is too low: waitfor needs {least}"),
    )
    .hint(format!("raise it: `ulimit -{option} {least}` or more"))
}

/// Looks whether the engine can work here.
///
/// # Errors
/// [`Exit::PluginBroke`] where a limit is too low.
pub fn prepare() -> Result<()> {
    let limits = [
        (
            Resource::RLIMIT_AS,
            1024,
            ADDRESS_SPACE,
            "KiB of address space",
            "v",
        ),
        (Resource::RLIMIT_STACK, 1024, STACK, "KiB of stack", "s"),
        (Resource::RLIMIT_NOFILE, 1, OPEN_FILES, "open files", "n"),
    ];
    for (resource, unit, least, what, option) in limits {
        // Where there is no such limit, there is none to be too low.
        let Ok((soft, _)) = getrlimit(resource) else {
            continue;
        };
        let found = soft / unit;
        if found < least {
            return Err(too_low(found, what, least, option));
        }
    }
    Ok(())
}

/// What to look at where the machine gives too little.
pub const MORE: &str = "the machine may have run out of threads, open files or memory: see \
                    `ulimit -a`, and the limits of the container";

/// Runs the program; where it panics, that is told as an error of ours.
pub fn survive(program: impl FnOnce() -> Exit) -> Exit {
    panic::set_hook(Box::new(|panic| {
        let error = broken(panic.payload(), panic.location());
        report::complain(&error, &OutputSettings::default());
    }));
    panic::catch_unwind(AssertUnwindSafe(program)).unwrap_or(Exit::PluginBroke)
}

/// What is told of a panic. Its words are shown where they stand in the source
/// as they are; those that were put together may hold what is secret.
fn broken(payload: &(dyn Any + Send), location: Option<&Location<'_>>) -> Error {
    let place = location.map_or_else(
        || "an unknown place".to_owned(),
        |at| format!("{}:{}", short(Path::new(at.file())), at.line()),
    );
    let words = payload
        .downcast_ref::<&'static str>()
        .map_or(String::new(), |words| format!(": {words}"));
    Error::new(
        Exit::PluginBroke,
        format!("waitfor itself broke, at {place}{words}"),
    )
    .hint(format!("{MORE}; if it has not, please report the place"))
}

/// A source file without the folders of whoever built the program.
fn short(file: &Path) -> String {
    let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
    let from = parts.iter().rposition(|part| part == "src").unwrap_or(0);
    parts[from.saturating_sub(1)..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_no_folders_of_the_builder() {
        for (file, expected) in [
            (
                "/home/ann/.cargo/registry/src/index-1/rayon-core-1.13.0/src/registry.rs",
                "rayon-core-1.13.0/src/registry.rs",
            ),
            ("host/src/run.rs", "host/src/run.rs"),
            ("src/run.rs", "src/run.rs"),
            ("run.rs", "run.rs"),
        ] {
            assert_eq!(short(Path::new(file)), expected);
        }
    }

    #[test]
    fn a_panic_does_not_quote_what_it_was_about() {
        let told_of = |program: Box<dyn FnOnce()>| {
            let payload = panic::catch_unwind(AssertUnwindSafe(program)).expect_err("a panic");
            broken(&*payload, Some(Location::caller())).to_string()
        };
        let secret = String::from("hünter22");
        let told = told_of(Box::new(move || drop(secret[..2].to_owned())));
        assert!(!told.contains("nter"), "{told}");
        assert!(told.contains("surroundings.rs:"), "{told}");
        let told = told_of(Box::new(|| panic!("a fixed text")));
        assert!(told.contains(": a fixed text"), "{told}");
    }

    #[test]
    fn a_panic_ends_with_a_documented_code() {
        let before = panic::take_hook();
        let exit = survive(|| panic!("the words are kept"));
        panic::set_hook(before);
        assert_eq!(exit, Exit::PluginBroke);
    }

    #[test]
    fn the_test_machine_is_fit() {
        assert_eq!(prepare(), Ok(()));
        assert_eq!(prepare(), Ok(()));
    }
}
