//! What a project got: `waitfor.lock`, which says the very bytes, the same on
//! every machine, and moves by one block when one plugin moves.
//!
//! ```toml
//! # Written by `waitfor plugin lock`; commit it.
//! version = 1
//!
//! [[plugin]]
//! name = "vertica"
//! requirement = "1.2"
//! version = "1.2.4"
//! registry = "registry.acme.example/ci/probes"
//! sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
//! size = 18342
//! abi = "1.0"
//! schemes = ["vertica"]
//! ```
//!
//! The blocks are sorted by name, with one blank line between them. What
//! this program does not know stays: further keys at the top and in a block,
//! tables within a block, and other tables, which stand after the blocks.
//! Two more keys at the top have a meaning: `revision` counts additions that
//! an older program may pass over, and `requires-waitfor` is the version that
//! a program is told to become which cannot read `version`.

mod block;
mod read;

use std::fmt;
use std::path::{Path, PathBuf};

use block::Block;

use crate::{Abi, Digest, Location, Name, Reference, Result, Version, config, toml_file};

/// The name of the file.
pub const FILE: &str = "waitfor.lock";

/// The format that this program reads and writes.
pub const VERSION: u64 = 1;

const HEAD: &str = "# Written by `waitfor plugin lock`; commit it.\nversion = 1\n";

/// A plugin with the bytes that a project uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Which plugin.
    pub name: Name,
    /// What was wanted when it was locked.
    pub requirement: Reference,
    /// What was found.
    pub version: Version,
    /// Where, and nowhere else.
    pub registry: Location,
    /// The digest of the component: the plugin's identity.
    pub component: Digest,
    /// The component's size in bytes.
    pub size: u64,
    /// The version of the contract that it needs.
    pub abi: Abi,
    /// The URL schemes that it answers to; may be empty.
    pub schemes: Vec<String>,
}

impl Locked {
    /// The requirement as it is written; `*` is the newest release.
    pub fn requirement(&self) -> String {
        config::requirement(&self.requirement)
    }

    /// Whether the version is one of those that `reference` means, whatever
    /// else there is.
    pub fn satisfies(&self, reference: &Reference) -> bool {
        match reference {
            Reference::Newest => true,
            Reference::Version(requirement) => requirement.matches(&self.version),
            Reference::Bytes(digest) => *digest == self.component,
        }
    }
}

/// A `waitfor.lock`.
#[derive(Debug, Clone)]
pub struct Lock {
    path: PathBuf,
    /// All before the first block, with its line break.
    head: String,
    /// By name, each once.
    blocks: Vec<Block>,
    /// The tables that are no blocks, without blank lines around them.
    tail: String,
}

impl Lock {
    /// A lock without plugins, to stand at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            head: HEAD.to_owned(),
            blocks: Vec::new(),
            tail: String::new(),
        }
    }

    /// Reads the file at `path`; none where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or used; see [`Lock::parse`].
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match toml_file::read(toml_file::Role::Lock, path)? {
            Some(text) => Self::parse(path, &text).map(Some),
            None => Ok(None),
        }
    }

    /// Reads `text`, which stands at `path`.
    ///
    /// # Errors
    /// [`Error::NewerFormat`](crate::Error::NewerFormat) where a later
    /// `waitfor` wrote it, and
    /// [`Error::Unusable`](crate::Error::Unusable) with the line where it is
    /// broken otherwise.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        read::lock(path, text)
    }

    /// Where it stands, or would.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The plugins, by name.
    pub fn plugins(&self) -> impl ExactSizeIterator<Item = &Locked> {
        self.blocks.iter().map(|block| &block.locked)
    }

    /// A plugin; none where it is not locked.
    pub fn get(&self, name: &Name) -> Option<&Locked> {
        let at = self.find(name).ok()?;
        self.blocks.get(at).map(|block| &block.locked)
    }

    /// Locks a plugin, in place of what was locked of it; says whether that
    /// changed anything.
    pub fn set(&mut self, locked: Locked) -> bool {
        match self.find(&locked.name) {
            Err(at) => {
                self.blocks.insert(at, Block::new(locked));
                true
            }
            Ok(at) => match self.blocks.get_mut(at) {
                Some(block) => block.set(locked),
                None => false,
            },
        }
    }

    /// Drops a plugin; says whether it was locked.
    pub fn remove(&mut self, name: &Name) -> bool {
        match self.find(name) {
            Ok(at) => {
                self.blocks.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    fn find(&self, name: &Name) -> std::result::Result<usize, usize> {
        self.blocks
            .binary_search_by(|block| block.locked.name.cmp(name))
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.head)?;
        let blocks = self.blocks.iter().map(|block| block.text.as_str());
        let tail = Some(self.tail.as_str()).filter(|tail| !tail.is_empty());
        for part in blocks.chain(tail) {
            write!(formatter, "\n{part}\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
