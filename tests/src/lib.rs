//! The harness of the end-to-end tests: it gets real servers, starts them in a wanted state,
//! runs the built `waitfor` against them, and writes down what was found.
//!
//! - [`install`] makes a server component available, or says why it cannot;
//! - [`process`] owns the servers: free ports, scratch folders, an ordinary user, a sure end;
//! - [`servers`] starts each real server in each state that a probe must tell apart;
//! - [`tls`] makes throw-away certificates;
//! - [`cli`] runs `waitfor` and reads its verdict;
//! - [`callgrind`] counts the instructions of a program;
//! - [`vertica_sim`] is the server that cannot be had, scripted;
//! - [`guests`] builds a team's own probe, and components that must be refused;
//! - [`faults`] puts everything that can go wrong on a network in front of them, or in their place;
//! - [`hostile_components`] has the components that do harm while they are loaded;
//! - [`matrix`] writes the table of states, with the expected and the found verdict.
//!
//! A harness fails by panicking: its callers are tests, and the message is the report.

pub mod callgrind;
pub mod cli;
pub mod faults;
pub mod guests;
pub mod hostile_components;
pub mod install;
pub mod matrix;
pub mod process;
pub mod servers;
pub mod tls;
pub mod vertica_sim;
