//! `waitfor` waits until a service really works, then runs a command.

use std::process::ExitCode;

fn main() -> ExitCode {
    waitfor::main()
}
