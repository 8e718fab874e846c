//! Whatever a plugin says of itself, it is refused, or the help and the
//! command line work with it and hold nothing that a terminal obeys.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for shown in waitfor::fuzzing::description(text) {
        let odd = shown.chars().find(|one| one.is_control() && *one != '\n');
        assert_eq!(odd, None, "a control character is shown: {shown}");
    }
});
