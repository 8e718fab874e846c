//! Every probe, in the built `waitfor`, against everything that can go wrong between it and its
//! server; and services that come and go.

mod cell;
mod comes_and_goes;
mod matrix;
mod stage;
mod subject;
mod table;
mod world;
