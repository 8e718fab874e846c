//! The program itself, as users and scripts see it: exit codes, the command after `--`, output,
//! signals, ways of waiting, ways of naming a target, and that no secret ever shows.

mod command;
mod exits;
mod forms;
mod json;
mod output;
mod postgres;
mod secrets;
mod signals;
mod support;
mod waiting;
