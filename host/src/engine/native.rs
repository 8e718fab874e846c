//! Turns code that was compiled earlier back into a component: the one place
//! where the engine is handed bytes that it cannot check, and therefore the
//! one with `unsafe` in it.
//!
//! The contract: the bytes are what this engine's `precompile_component` or
//! `Component::serialize` gave, unchanged. Whoever makes a [`Native`] answers
//! for that; there are as many ways to make one as there are reasons to
//! believe it. What is compatible is checked by the engine itself: code for
//! another version of it, with other settings, or for what this processor
//! cannot do, is not taken.
//!
//! Code that is part of the program stays where it is, so that only what runs
//! of it is ever read from the disk: [`InPlace`] makes it executable there.

#![allow(unsafe_code, reason = "the engine believes compiled code")]

use std::ptr::NonNull;
use std::sync::Arc;

use rustix::mm::{MprotectFlags, mprotect};
use wasmtime::component::Component;
use wasmtime::{Config, CustomCodeMemory, Engine, Result};

use crate::cache::Entry;

/// Compiled code that is known to be the engine's own work.
#[derive(Clone, Copy)]
pub struct Native<'a> {
    code: &'a [u8],
    /// The same bytes, where they live as long as the program and nothing
    /// else shares their pages.
    in_place: Option<&'static [u8]>,
}

impl Native<'static> {
    /// Code that was compiled when the program was built, and is part of it:
    /// whoever can alter it can alter the program.
    pub fn built_in(code: &'static [u8]) -> Self {
        let fits = IN_PLACE && code.as_ptr().addr().is_multiple_of(PAGE);
        Self {
            code,
            in_place: Some(code).filter(|_| fits),
        }
    }
}

impl<'a> Native<'a> {
    /// Code that this user's own program has compiled and sealed earlier:
    /// there is no [`Entry`] whose seal was not found to be right, over the
    /// very bytes that are used here.
    pub fn kept(entry: &'a Entry) -> Self {
        Self {
            code: entry.code(),
            in_place: None,
        }
    }

    /// The component; none where the engine does not take the code, and has
    /// to compile the component anew.
    pub(super) fn revive(self, engine: &Engine) -> Option<Component> {
        let revived = match self.in_place {
            // SAFETY: the bytes are this engine's own work, unchanged, as the
            // maker of `self` answers for; they live as long as the program,
            // and nobody writes to them.
            Some(code) => unsafe { Component::deserialize_raw(engine, NonNull::from(code)) },
            // SAFETY: as above; the engine has a copy of its own.
            None => unsafe { Component::deserialize(engine, self.code) },
        };
        revived.ok()
    }
}

/// Whether code can run where it is: where the processor keeps what it
/// executes in step with what is in memory. Elsewhere the engine sees to that
/// for its own copies.
const IN_PLACE: bool = cfg!(target_arch = "x86_64");

/// The bytes of a page, where code runs in place.
const PAGE: usize = 4096;

/// Lets the engine run code where it is.
pub(super) fn allow_in_place(config: &mut Config) {
    if IN_PLACE {
        config.with_custom_code_memory(Some(Arc::new(InPlace)));
    }
}

/// Makes pages of code executable, and no more than that.
struct InPlace;

impl CustomCodeMemory for InPlace {
    fn required_alignment(&self) -> usize {
        PAGE
    }

    fn publish_executable(&self, ptr: *const u8, len: usize) -> Result<()> {
        let flags = MprotectFlags::READ | MprotectFlags::EXEC;
        // SAFETY: the engine hands over pages that hold nothing but code: of
        // its own memory, or of a `Native` in place. What is there is only
        // read, and stays readable.
        unsafe { mprotect(ptr.cast_mut().cast(), len, flags) }?;
        Ok(())
    }

    /// Code in place may be that of another engine, too; memory of the
    /// engine's own is given back.
    fn unpublish_executable(&self, _: *const u8, _: usize) -> Result<()> {
        Ok(())
    }
}
