//! Tells engines apart by what they compile: code of one is no code for
//! another.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

/// The compiler, the settings and the platform that the program was built
/// with; see the build script.
const BUILD: &str = env!("WAITFOR_BUILD");

/// What compiled code depends on beside its component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl Identity {
    pub(super) fn of(engine: &wasmtime::Engine) -> Self {
        Self::made(BUILD, engine.precompile_compatibility_hash())
    }

    /// That of a build, with what the engine says of itself.
    pub(crate) fn made(build: &str, engine: impl Hash) -> Self {
        let mut fed = Fed(Sha256::new());
        build.hash(&mut fed);
        engine.hash(&mut fed);
        Self(fed.0.finalize().into())
    }

    /// The bytes that stand for it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Feeds to a digest what is hashed.
struct Fed(Sha256);

impl Hasher for Fed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}
