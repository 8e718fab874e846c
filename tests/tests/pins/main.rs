//! Pins: publishing, adding, locking, fetching, running with a lock, and everything that can be
//! wrong on the way, against a real registry and one that lies.

mod accounts;
mod bad_components;
mod bad_locks;
mod bad_manifests;
mod bad_registry;
mod bad_words;
mod commands;
mod compiled;
mod disk;
mod docs;
mod foreign;
mod hostile;
mod keeping;
mod kill;
mod listing;
mod locks;
mod mirrors;
mod publish;
mod standing;
mod store;
mod story;
mod support;
