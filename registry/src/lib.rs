//! A plugin is identified by its bytes and found by its name: this crate
//! holds the names, versions, digests and references that users write, and
//! the OCI image layouts in which published plugins are kept.
//!
//! ```
//! use waitfor_registry::{PluginRef, Reference};
//!
//! let wanted: PluginRef = "vertica@1.2".parse()?;
//! assert_eq!(wanted.name.as_str(), "vertica");
//! assert!(matches!(wanted.reference, Reference::Version(_)));
//! # Ok::<(), waitfor_registry::Error>(())
//! ```

pub mod component;
pub mod digest;
pub mod embedded;
pub mod error;
pub mod layout;
pub mod name;
pub mod oci;
pub mod published;
pub mod reference;
pub mod version;

pub use digest::Digest;
pub use embedded::Embedded;
pub use error::{Error, Result};
pub use layout::{Added, Layout, Release};
pub use name::Name;
pub use published::{Published, resolve};
pub use reference::{PluginRef, Reference};
pub use version::{Abi, Requirement, Version};
