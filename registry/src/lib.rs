//! A plugin is identified by its bytes and found by its name: this crate is
//! what lies between the two. It holds the names, versions and references that
//! users write; the folders and registries in which plugins are published; the
//! configuration, lock and store in which a project keeps them; and, in
//! [`supply`], the one place that decides what a run takes.
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
pub mod config;
pub mod contract;
pub mod digest;
pub mod embedded;
pub mod error;
pub mod input;
pub mod interrupt;
pub mod layout;
pub mod location;
pub mod lock;
pub mod name;
pub mod oci;
pub mod project;
pub mod published;
pub mod reference;
pub mod registry;
pub mod release;
pub mod remote;
pub mod resolve;
pub mod standing;
pub mod statement;
pub mod store;
pub mod supply;
pub mod text;
pub mod toml_file;
pub mod version;
pub mod write;

pub use config::{Binding, Config, Wanted};
pub use contract::SPOKEN;
pub use digest::Digest;
pub use embedded::Embedded;
pub use error::{Error, Result};
pub use layout::Layout;
pub use location::Location;
pub use lock::{Lock, Locked};
pub use name::Name;
pub use project::{Disagreement, Project};
pub use published::Published;
pub use reference::{PluginRef, Reference};
pub use registry::{Documents, Registry};
pub use release::{Added, Release};
pub use remote::{RemoteRegistry, RemoteSettings};
pub use resolve::{Passed, Resolved, Why, resolve, resolve_among};
pub use standing::Standing;
pub use statement::Statement;
pub use store::{Record, Store};
pub use supply::Supply;
pub use version::{Abi, Requirement, Version};
