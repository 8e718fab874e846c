//! Whatever a server says to the `postgres` probe, it ends in a verdict.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waitfor_fuzz::conversation;

fuzz_target!(|input: &[u8]| conversation::attempt::<waitfor_probe_postgres::Postgres>(input));
