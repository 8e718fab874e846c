//! `waitfor` waits until a service really works, then runs a command.

mod catalogue;
mod cli;
mod command;
mod compat;
mod demo;
mod description;
mod engine;
mod error;
mod exit;
mod model;
mod net;
mod plugins;
mod report;
mod run;
mod secret;
mod signals;
mod wait;

use std::process::ExitCode;

use report::OutputSettings;
use secret::Scrubber;

fn main() -> ExitCode {
    match run::run(std::env::args_os().skip(1)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            report::complain(&error, &OutputSettings::default(), &Scrubber::default());
            error.exit().into()
        }
    }
}
