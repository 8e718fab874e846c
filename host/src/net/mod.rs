//! The way to a target: names, addresses, byte streams and TLS. A probe
//! never sees a socket; it sees what this module hands through the contract.

pub mod dial;
pub mod fault;
mod names;
pub mod policy;
pub mod stream;
pub mod tls;
pub mod verifier;

pub use names::is_localhost;
