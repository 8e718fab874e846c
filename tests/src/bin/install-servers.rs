//! Installs every server the tests need up front, so that the time it takes is not
//! counted as a test's and a missing one is seen at once.

use std::process::ExitCode;

use waitfor_tests::install::{self, Component};

fn main() -> ExitCode {
    let mut missing = 0;
    for component in Component::ALL {
        match install::provide(component) {
            Ok(found) => println!("{component}: {}", found.version),
            Err(why) => {
                missing += 1;
                println!("skipped: {component}: {why}");
            }
        }
    }
    if missing > 0 && install::all_required() {
        eprintln!("error: {missing} server component(s) missing, and WAITFOR_TEST_REQUIRE=all");
        eprintln!("hint: run as root on Debian with network access, or unset WAITFOR_TEST_REQUIRE");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
