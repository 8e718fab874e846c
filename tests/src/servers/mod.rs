//! Real servers, each in the states that a probe must tell apart.
//!
//! Every state is proved with the service's own client, by the tests in `tests/servers_*.rs`.

pub mod nginx;
pub mod openbao;
pub mod pgbouncer;
pub mod postgres;
pub mod redis;
