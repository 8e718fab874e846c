//! Everything that can go wrong on a network, to order: peers and proxies of ours, since what a
//! real server does when all is well says nothing about the rest.
//!
//! - [`peer`] owns a listener, its threads and its sockets: all end with their guard;
//! - [`script`] is a peer that says what it is told to, whatever it hears;
//! - [`relay`] stands in front of a real server and cuts, splits, slows or mixes what it says;
//! - [`tls_front`] takes the server's part in a TLS handshake, badly;
//! - [`black_hole`] is a port that answers nothing, not even a connection;
//! - [`greetings`] is how other protocols begin;
//! - [`lies`] are lengths that are not true, and answers without an end, in each protocol;
//! - [`names`] are names that resolve to what a test wants;
//! - [`watched`] runs `waitfor` and watches its memory.

pub mod black_hole;
pub mod greetings;
pub mod lies;
pub mod names;
pub mod peer;
pub mod relay;
pub mod script;
pub mod tls_front;
pub mod watched;
