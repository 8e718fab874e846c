//! The program as a library, so that its parts can be fuzzed and measured;
//! `main.rs` only calls [`main`].

#[cfg(feature = "benching")]
pub mod benching;
mod cache;
mod catalogue;
mod cli;
mod command;
mod compat;
mod demo;
mod description;
mod engine;
mod error;
mod exit;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod model;
mod net;
mod official;
mod plugins;
mod report;
mod run;
mod secret;
mod signals;
mod surroundings;
mod wait;

use std::process::ExitCode;

use report::OutputSettings;
use waitfor_registry::interrupt;

/// Runs the program on the arguments of this process.
pub fn main() -> ExitCode {
    interrupt::listen();
    secret::guard::keep();
    surroundings::survive(|| match run::run(std::env::args_os().skip(1)) {
        Ok(exit) => exit,
        Err(error) => {
            report::complain(&error, &OutputSettings::default());
            error.exit()
        }
    })
    .into()
}
