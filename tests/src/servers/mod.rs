//! Real servers, each in the states that a probe must tell apart, and a registry that lies.
//!
//! Every state is proved with the service's own client, by the tests in `tests/servers_*.rs`.

pub mod lying_registry;
pub mod nginx;
pub mod openbao;
pub mod pgbouncer;
pub mod postgres;
pub mod redis;
pub mod registry;
pub mod scripted_http;
