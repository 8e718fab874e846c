//! What a component may be made of, and what compiling it may cost. The
//! components are those of [`waitfor_tests::hostile_components`].

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use waitfor_tests::hostile_components::wasm::{I64, body, functions};
use waitfor_tests::hostile_components::{loading, probe, probe_with_module};

use super::guest::{engine, runtime};
use crate::catalogue::Catalogue;
use crate::engine::attempt::Notes;
use crate::engine::{Engine, limits, structure};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// The hostile components by name.
fn hostile() -> BTreeMap<&'static str, Vec<u8>> {
    let all = loading().into_iter();
    all.map(|hostile| (hostile.name, hostile.bytes)).collect()
}

/// What a stranger's component comes to.
fn introduced(bytes: &[u8]) -> Result<()> {
    let catalogue = Catalogue::official().expect("a catalogue");
    catalogue.introduce("stranger", bytes).map(|_| ())
}

#[track_caller]
fn error(bytes: &[u8]) -> Error {
    introduced(bytes).expect_err("it was taken up")
}

#[test]
fn a_probe_without_a_hostile_part_is_taken_up() {
    introduced(&probe("")).expect("a probe");
}

#[test]
fn what_no_probe_needs_is_refused_before_it_is_compiled() {
    let mut hostile = hostile();
    let locals = body(&[(4000, I64)], &[]);
    let locals = probe_with_module(&functions(&[(501, &locals)]), true);
    hostile.insert("locals-in-all", locals);
    let too_many = "has more than 200 modules and components in it";
    let parts = "has more than 100000 parts";
    let module_parts = "has more than 100000 parts in its modules";
    let memory = "starts with more than 128 MiB of memory";
    let elements = "has more than 100000 elements of tables";
    for (name, what) in [
        ("too-large", "has more than 33554432 bytes"),
        ("many-modules", too_many),
        ("many-components", too_many),
        ("nested-components", too_many),
        ("many-aliases", parts),
        ("many-lifts", parts),
        ("doubling-instances", parts),
        ("many-types", module_parts),
        ("many-globals", module_parts),
        ("many-exports", module_parts),
        ("many-data-segments", module_parts),
        ("many-functions", "has more than 50000 functions"),
        (
            "giant-function",
            "has a function of more than 1048576 bytes",
        ),
        ("many-locals", "has a function of more than 5000 variables"),
        (
            "locals-in-all",
            "has more than 2000000 variables in its functions",
        ),
        ("memory-minimum", memory),
        ("many-memories", memory),
        ("table-minimum", elements),
        ("many-tables", elements),
        ("many-elements", elements),
    ] {
        assert_eq!(
            structure::check(&hostile[name]),
            Err(what.to_owned()),
            "{name}"
        );
        let Err(error) = engine().load("stranger", &hostile[name]) else {
            panic!("{name} was loaded");
        };
        assert_eq!(error.exit(), Exit::PluginRefused, "{name}");
        assert_eq!(
            error.message(),
            format!("the plugin `stranger` was refused: it {what}"),
        );
        assert!(error.hint_text().is_some(), "{name}");
    }
}

#[test]
fn what_probes_do_not_need_of_webassembly_is_off() {
    let hostile = hostile();
    for name in [
        "memory64",
        "shared-memory",
        "atomics",
        "garbage-collection",
        "exceptions",
        "tail-calls",
        "page-sizes",
        "relaxed-vectors",
        "wide-arithmetic",
        "async-lift",
        "error-context",
        "component-start",
    ] {
        let error = error(&hostile[name]);
        assert_eq!(error.exit(), Exit::PluginRefused, "{name}: {error}");
        let beginning = "the plugin `stranger` was refused: it is not a component: ";
        assert!(error.message().starts_with(beginning), "{name}: {error}");
    }
}

#[test]
fn bytes_that_are_broken_are_refused() {
    let hostile = hostile();
    for name in [
        "empty-file",
        "random-bytes",
        "random-after-header",
        "core-module",
        "truncated",
        "not-a-probe",
        "foreign-import",
        "unknown-import",
        "duplicate-exports",
        "contract-of-another-shape",
        "deep-types",
        "deep-type-declarations",
        "exponential-types",
        "many-imports",
    ] {
        assert_eq!(error(&hostile[name]).exit(), Exit::PluginRefused, "{name}");
    }
}

#[test]
fn what_a_module_does_when_it_is_started_has_its_bounds() {
    let hostile = hostile();
    for (name, what) in [
        ("start-recursion", "it ran out of stack"),
        ("start-wide-frames", "it ran out of stack"),
        ("start-trap", "it gave up (unreachable)"),
        ("start-tables", "it gave up (unreachable)"),
        ("start-memory", "it needed more than 128 MiB of memory"),
        (
            "hundred-instances",
            "it failed: resource limit exceeded: instance count too high at 65",
        ),
    ] {
        let error = error(&hostile[name]);
        assert_eq!(error.exit(), Exit::PluginBroke, "{name}: {error}");
        let expected = format!("the plugin `stranger` broke in `describe`: {what}");
        assert_eq!(error.message(), expected, "{name}");
    }
}

#[test]
fn a_compiler_that_was_left_behind_is_the_last() {
    let engine = Engine::new().expect("an engine");
    engine.exhausted.store(true, Ordering::Relaxed);
    let Err(error) = engine.load("stranger", &probe("")) else {
        panic!("it was loaded");
    };
    assert_eq!(error.exit(), Exit::PluginRefused);
    assert_eq!(
        error.message(),
        "the plugin `stranger` was refused: \
         another one took too much to compile, and is still at it"
    );
}

#[test]
fn a_start_function_that_never_ends_is_ended() {
    let error = error(&hostile()["start-for-ever"]);
    assert_eq!(error.exit(), Exit::PluginBroke, "{error}");
    let why = error
        .message()
        .strip_prefix("the plugin `stranger` broke in `describe`: ");
    // Which bound it meets first is a matter of how busy the machine is.
    let met = [
        "it was stopped: it computed for 2 s without asking for anything",
        "it took longer than 10 s",
    ];
    assert!(why.is_some_and(|why| met.contains(&why)), "{error}");
}

/// A probe that calls the randomness and the clocks of WASI when it starts.
fn calling(code: &str) -> Vec<u8> {
    probe(&format!(
        r#"(import "wasi:random/random@0.2.0" (instance $random
             (export "get-random-bytes" (func (param "len" u64) (result (list u8))))
             (export "get-random-u64" (func (result u64)))))
           (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
             (export "now" (func (result u64)))))
           (core module $library (memory (export "memory") 32)
             (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
           (core instance $library (instantiate $library))
           (core func $bytes (canon lower (func $random "get-random-bytes")
             (memory (core memory $library "memory"))
             (realloc (core func $library "realloc"))))
           (core func $number (canon lower (func $random "get-random-u64")))
           (core func $now (canon lower (func $clock "now")))
           (core module $starting
             (import "" "bytes" (func $bytes (param i64 i32)))
             (import "" "number" (func $number (result i64)))
             (import "" "now" (func $now (result i64)))
             (func $start {code}) (start $start))
           (core instance (instantiate $starting (with "" (instance
             (export "bytes" (func $bytes))
             (export "number" (func $number))
             (export "now" (func $now))))))"#
    ))
}

#[test]
fn one_call_for_entropy_is_bounded() {
    let most = limits::WASI_ENTROPY;
    let ask = |number: u64| calling(&format!("(call $bytes (i64.const {number}) (i32.const 0))"));
    introduced(&ask(most)).expect("as much as it may have");
    let error = error(&ask(most + 1));
    assert_eq!(error.exit(), Exit::PluginBroke);
    assert!(error.message().contains("exceeds limit 65536"), "{error}");
}

#[test]
fn a_description_depends_on_nothing_but_the_bytes() {
    let unless = |call: &str, constant: u64| {
        let code = format!("(if (i64.ne {call} (i64.const {constant})) (then unreachable))");
        introduced(&calling(&code))
    };
    unless("(call $now)", 0).expect("no time");
    unless("(call $number)", 0x0001_0203_0405_0607).expect("no chance");
    unless("(call $number)", 7).expect_err("the guest tells the difference");
}

#[test]
fn few_threads_compile() {
    let threads = crate::engine::watch::watched(rayon::current_num_threads).expect("threads");
    assert!((1..=limits::COMPILERS).contains(&threads), "{threads}");
    assert!(limits::WATCH <= Duration::from_millis(100));
}

#[test]
fn validate_may_not_take_its_time() {
    use super::guest::{Deed, with_std};

    let Some(plugin) = with_std() else { return };
    let job = std::sync::Arc::new(Deed::new("sleep").job);
    let validated = runtime().block_on(plugin.validate(&job, &Notes::default()));
    assert_eq!(
        validated.expect_err("it sleeps").message(),
        "the plugin `with_std` broke in `validate`: it took longer than 10 s"
    );
}

#[test]
fn every_limit_is_told() {
    let limits = include_str!("../limits.rs");
    let document = include_str!("../../../../docs/security.md");
    let names = limits.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("pub const ")?.split_once(':')?;
        Some(name)
    });
    let untold: Vec<&str> = names
        .filter(|name| !document.contains(&format!("| `{name}` |")))
        .collect();
    assert_eq!(
        untold,
        Vec::<&str>::new(),
        "docs/security.md lists all limits"
    );
    assert!(document.contains("| `COMPILING` |"));
    assert_eq!(
        limits::COMPONENT as u64,
        waitfor_registry::oci::MAX_COMPONENT
    );
}
