//! The process itself: signals at every stage, odd surroundings, and machines that give too little.
//! Whatever happens, the exit code is a documented one, and nothing half done stays behind.

mod commands;
mod limits;
mod namespaces;
mod signals;
mod support;
mod surroundings;
