//! The probe against what a real server answered, and against peers that are
//! no Redis at all.

mod answers;
mod foreign;
mod sentinels;
mod states;
mod support;
