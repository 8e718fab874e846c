//! Whatever a registry puts into its headers, and whatever stands in docker's
//! configuration, is read or refused, and no secret is repeated.
//!
//! An input is a header or, where it starts with `{`, a configuration.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use waitfor_fuzz::CANARY;
use waitfor_registry::remote::fuzzing;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("waitfor-fuzz-docker-{}", std::process::id()))
});

fuzz_target!(|text: &str| {
    if !text.starts_with('{') {
        fuzzing::header(text);
        return;
    }
    // A helper is a program, and none is to be started here.
    if text.contains("cred") || text.contains('\\') {
        return;
    }
    let _ = fs::write(FILE.as_path(), text);
    for authority in ["registry.example", "r.example:5000", "docker.io"] {
        if let Err(words) = fuzzing::account(&FILE, authority) {
            assert!(!words.contains(CANARY), "{words}");
        }
    }
    let _ = fs::remove_file(FILE.as_path());
});
