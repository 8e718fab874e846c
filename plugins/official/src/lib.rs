//! The official probes, as the ones who publish them see them: what each
//! says of itself, how it is built to the same bytes on every machine, and
//! how its page in the documentation is kept true.

pub mod build;
pub mod failure;
pub mod pages;
pub mod probes;
pub mod publish;
pub mod workspace;

pub use failure::{Failure, Result};
