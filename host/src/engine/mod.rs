//! Runs probe plugins: one engine, one prepared instance a plugin, a fresh
//! store for each attempt, and a bound on everything that a guest can use.

pub mod attempt;
mod bindings;
mod identity;
mod knock;
pub mod limits;
pub mod native;
mod net;
pub mod plugin;
mod state;
mod structure;
mod ticker;
mod wasi;
mod watch;

#[cfg(test)]
mod tests;

pub use identity::Identity;
pub use knock::Vain;
pub use plugin::{Engine, Plugin};
