//! Whatever a user writes as a parameter's value, the probe gets it in the
//! contract's form, or the user is told what to write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waitfor::fuzzing;

fuzz_target!(init: fuzzing::prepare(), |text: &str| {
    fuzzing::parameter_values(text);
});
