//! What a run is made of, each part by itself and in a warm process: where
//! `make bench` tells that a start or an attempt became slower, this tells what
//! of it did.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use divan::Bencher;
use sha2::{Digest, Sha256};
use waitfor::benching::{Ready, Shelf};
use waitfor::fuzzing::{component, official};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::free_port;
use waitfor_tests::servers::redis::Redis;

fn main() {
    divan::main();
}

/// What comes before the arguments are looked at.
#[divan::bench]
fn open_shelf() -> Shelf {
    Shelf::open()
}

/// From arguments to a checked target, the manifests of the probes included.
#[divan::bench(args = ["tcp://127.0.0.1:1", "redis://127.0.0.1:1", "postgres://127.0.0.1:1"])]
fn plan(bencher: Bencher<'_, '_>, url: &str) {
    bencher
        .with_inputs(Shelf::open)
        .bench_local_refs(|shelf| shelf.plan(&[url]));
}

/// Everything up to the first attempt: with the engine, the probe's digest and
/// its code.
#[divan::bench(args = ["tcp://127.0.0.1:1", "redis://127.0.0.1:1", "postgres://127.0.0.1:1"])]
fn make_ready(url: &str) -> Ready {
    Ready::new(url)
}

/// The identity of a probe.
#[divan::bench(args = ["tcp", "redis", "postgres", "http"])]
fn digest(bencher: Bencher<'_, '_>, probe: &str) {
    let bytes = official(probe);
    bencher.bench_local(|| Sha256::digest(&bytes));
}

/// A component that was never seen: it is looked through, compiled, and asked
/// what it takes.
#[divan::bench(args = ["tcp", "redis"], sample_count = 20, sample_size = 1)]
fn introduce(bencher: Bencher<'_, '_>, probe: &str) {
    let bytes = official(probe);
    bencher.bench_local(|| assert_eq!(component(&bytes), None));
}

/// A port where nobody listens: the first attempt wakes the probe, each other
/// one knocks.
#[divan::bench]
fn attempt_refused(bencher: Bencher<'_, '_>) {
    let ready = Ready::new(&format!("tcp://127.0.0.1:{}", free_port()));
    bencher.bench_local(|| assert!(!ready.attempt()));
}

/// The probe is woken, and connects.
#[divan::bench]
fn attempt_open(bencher: Bencher<'_, '_>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || listener.incoming().for_each(drop));
    let ready = Ready::new(&format!("tcp://127.0.0.1:{port}?hold=0"));
    bencher.bench_local(|| assert!(ready.attempt()));
}

/// The probe is woken, and talks to a real Redis.
#[divan::bench]
fn attempt_redis(bencher: Bencher<'_, '_>) {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let ready = Ready::new(&format!("redis://127.0.0.1:{}", redis.port));
    bencher.bench_local(|| assert!(ready.attempt()));
}
