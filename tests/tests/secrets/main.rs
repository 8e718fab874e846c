//! No secret is shown: by whatever way it is given, whatever comes of the wait, and however the
//! report is written.

mod canary;
mod hunt;
mod process;
mod routes;
mod scenes;
mod telling;
