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

#![allow(unsafe_code, reason = "the engine believes compiled code")]

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Entry;

/// Compiled code that is known to be the engine's own work.
#[derive(Clone, Copy)]
pub struct Native<'a>(&'a [u8]);

impl Native<'static> {
    /// Code that was compiled when the program was built, and is part of it:
    /// whoever can alter it can alter the program.
    pub fn built_in(code: &'static [u8]) -> Self {
        Self(code)
    }
}

impl<'a> Native<'a> {
    /// Code that this user's own program has compiled and sealed earlier:
    /// there is no [`Entry`] whose seal was not found to be right, over the
    /// very bytes that are used here.
    pub fn kept(entry: &'a Entry) -> Self {
        Self(entry.code())
    }

    /// The component; none where the engine does not take the code, and has
    /// to compile the component anew.
    pub(super) fn revive(self, engine: &Engine) -> Option<Component> {
        // SAFETY: the bytes are this engine's own work, unchanged, as the
        // maker of `self` answers for.
        unsafe { Component::deserialize(engine, self.0) }.ok()
    }
}
