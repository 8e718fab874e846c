//! Whatever bytes are given as a plugin, they are refused, or compiled and
//! asked in the sandbox what they are: never anything else.
//!
//! An input is a component, or, behind `=N`, edits to the official probe with
//! that number: each four bytes that say where (three) and how long (one),
//! and as many bytes to put there.
#![no_main]

use libfuzzer_sys::fuzz_target;

thread_local! {
    static BASES: Vec<Vec<u8>> = ["tcp", "redis"].map(waitfor::fuzzing::official).to_vec();
}

fn edited(input: &[u8]) -> Option<Vec<u8>> {
    let (number, mut edits) = input.strip_prefix(b"=")?.split_first()?;
    let mut bytes = BASES.with(|bases| bases[usize::from(*number) % bases.len()].clone());
    while let [a, b, c, len, rest @ ..] = edits {
        let at = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let (piece, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        let at = at % bytes.len();
        let end = (at + piece.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&piece[..end - at]);
        edits = rest;
    }
    Some(bytes)
}

fuzz_target!(init: waitfor::fuzzing::prepare(), |input: &[u8]| {
    let bytes = edited(input);
    let bytes = bytes.as_deref().unwrap_or(input);
    if let Some(words) = waitfor::fuzzing::component(bytes) {
        assert!(words.starts_with("error: the plugin `fuzzed` "), "{words}");
    }
});
