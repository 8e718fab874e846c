//! Components that do harm while they are loaded: each is small to keep and costly, or impossible,
//! to take up. The host must refuse every one, or take it up within its bounds.
//!
//! Most are true probes (they export the contract, and their `check` says `ready`) with one hostile
//! part, so that nothing but that part can be the reason of a refusal.

mod modules;
mod structures;
pub mod wasm;

use modules::modules;
use structures::components;
use wasm::{module, section};

/// A component that must do no harm.
#[derive(Clone)]
pub struct Hostile {
    /// A word for tables and files.
    pub name: &'static str,
    /// What it tries, one line.
    pub what: &'static str,
    /// The component.
    pub bytes: Vec<u8>,
}

/// A probe in the text format, but for its parts before the contract: it answers to `hostile://`,
/// takes no parameter, and is always ready.
const SHAPE: &str = r#"
  (import "waitfor:probe/net@1.0.0" (instance $net (export "endpoint" (type (sub resource)))))
  (alias export $net "endpoint" (type $endpoint))
  (core module $probe
    (memory (export "memory") 1)
    (data (i32.const 16) "hostile")
    ;; The description: its summary, its one scheme, nothing else.
    (data (i32.const 64) "\10\00\00\00\07\00\00\00\80\00\00\00\01\00\00\00")
    ;; The scheme: its name, no port, nothing else.
    (data (i32.const 128) "\10\00\00\00\07\00\00\00")
    ;; The verdict: ready, with its summary.
    (data (i32.const 256) "\00\00\00\00\10\00\00\00\07\00\00\00")
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      global.get $next
      (global.set $next (i32.and (i32.const -8)
        (i32.add (i32.const 15) (i32.add (global.get $next) (local.get 3))))))
    (func (export "describe") (result i32) i32.const 64)
    (func (export "validate") (result i32) i32.const 512)
    (func (export "check") (param i32 i32) (result i32) i32.const 256))
  (core instance $probe (instantiate $probe))
  (type $facts (list (tuple string string)))
  (type $scheme (record (field "name" string) (field "default-port" (option u16)) (field "more" $facts)))
  (type $param (record (field "name" string) (field "kind" string) (field "summary" string)
    (field "required" bool) (field "default" (option string)) (field "more" $facts)))
  (type $description (record (field "summary" string) (field "schemes" (list $scheme))
    (field "params" (list $param)) (field "examples" (list string)) (field "more" $facts)))
  (type $success (record (field "summary" string) (field "facts" $facts)))
  (type $pending (record (field "code" string) (field "reason" string)
    (field "wait-hint" (option u32)) (field "facts" $facts)))
  (type $misuse (record (field "code" string) (field "param" (option string))
    (field "reason" string) (field "hint" (option string)) (field "facts" $facts)))
  (type $verdict (variant (case "ready" $success) (case "not-ready" $pending)
    (case "misconfigured" $misuse)))
  (func $describe (result $description) (canon lift (core func $probe "describe")
    (memory (core memory $probe "memory"))
    (realloc (core func $probe "realloc"))))
  (func $validate (result (option $misuse)) (canon lift (core func $probe "validate")
    (memory (core memory $probe "memory"))
    (realloc (core func $probe "realloc"))))
  (func $check (param "targets" (list (own $endpoint))) (result $verdict)
    (canon lift (core func $probe "check")
    (memory (core memory $probe "memory"))
    (realloc (core func $probe "realloc"))))
  ;; An interface has names for its types, which only a component's exports can give.
  (component $names
    (import "endpoint" (type $endpoint (sub resource)))
    (type $facts (list (tuple string string)))
    (type $scheme-given (record (field "name" string) (field "default-port" (option u16)) (field "more" $facts)))
    (import "scheme" (type $scheme (eq $scheme-given)))
    (type $param-given (record (field "name" string) (field "kind" string) (field "summary" string)
    (field "required" bool) (field "default" (option string)) (field "more" $facts)))
    (import "param" (type $param (eq $param-given)))
    (type $description-given (record (field "summary" string) (field "schemes" (list $scheme))
    (field "params" (list $param)) (field "examples" (list string)) (field "more" $facts)))
    (import "description" (type $description (eq $description-given)))
    (type $success-given (record (field "summary" string) (field "facts" $facts)))
    (import "success" (type $success (eq $success-given)))
    (type $pending-given (record (field "code" string) (field "reason" string)
    (field "wait-hint" (option u32)) (field "facts" $facts)))
    (import "pending" (type $pending (eq $pending-given)))
    (type $misuse-given (record (field "code" string) (field "param" (option string))
    (field "reason" string) (field "hint" (option string)) (field "facts" $facts)))
    (import "misuse" (type $misuse (eq $misuse-given)))
    (type $verdict-given (variant (case "ready" $success) (case "not-ready" $pending)
    (case "misconfigured" $misuse)))
    (import "verdict" (type $verdict (eq $verdict-given)))
    (import "describe" (func $describe (result $description)))
    (import "validate" (func $validate (result (option $misuse))))
    (import "check" (func $check (param "targets" (list (own $endpoint))) (result $verdict)))
    (type $scheme-same (record (field "name" string) (field "default-port" (option u16)) (field "more" $facts)))
    (export $scheme-out "scheme" (type $scheme-same))
    (type $param-same (record (field "name" string) (field "kind" string) (field "summary" string)
    (field "required" bool) (field "default" (option string)) (field "more" $facts)))
    (export $param-out "param" (type $param-same))
    (type $description-same (record (field "summary" string) (field "schemes" (list $scheme-out))
    (field "params" (list $param-out)) (field "examples" (list string)) (field "more" $facts)))
    (export $description-out "description" (type $description-same))
    (type $success-same (record (field "summary" string) (field "facts" $facts)))
    (export $success-out "success" (type $success-same))
    (type $pending-same (record (field "code" string) (field "reason" string)
    (field "wait-hint" (option u32)) (field "facts" $facts)))
    (export $pending-out "pending" (type $pending-same))
    (type $misuse-same (record (field "code" string) (field "param" (option string))
    (field "reason" string) (field "hint" (option string)) (field "facts" $facts)))
    (export $misuse-out "misuse" (type $misuse-same))
    (type $verdict-same (variant (case "ready" $success-out) (case "not-ready" $pending-out)
    (case "misconfigured" $misuse-out)))
    (export $verdict-out "verdict" (type $verdict-same))
    (export "describe" (func $describe) (func (result $description-out)))
    (export "validate" (func $validate) (func (result (option $misuse-out))))
    (export "check" (func $check)
      (func (param "targets" (list (own $endpoint))) (result $verdict-out))))
  (instance $probing (instantiate $names
    (with "endpoint" (type $endpoint))
    (with "scheme" (type $scheme))
    (with "param" (type $param))
    (with "description" (type $description))
    (with "success" (type $success))
    (with "pending" (type $pending))
    (with "misuse" (type $misuse))
    (with "verdict" (type $verdict))
    (with "describe" (func $describe))
    (with "validate" (func $validate))
    (with "check" (func $check))))
  (export "waitfor:probe/probing@1.0.0" (instance $probing))
"#;

/// A true probe, with `parts` (of the text format) before it.
///
/// # Panics
/// Where `parts` are not well-formed.
pub fn probe(parts: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {parts} {SHAPE})")).expect("well-formed parts")
}

/// A true probe with a core module of any bytes in it. `instantiated` says whether the module, which
/// must import nothing, runs.
pub fn probe_with_module(module: &[u8], instantiated: bool) -> Vec<u8> {
    let instance = if instantiated {
        "(core instance (instantiate 0))"
    } else {
        ""
    };
    let holder = probe(&format!("(core module) {instance}"));
    replaced(
        &holder,
        &section(1, b"\0asm\x01\0\0\0"),
        &section(1, module),
    )
}

/// A component with another section in place of its first.
fn replaced(holder: &[u8], first: &[u8], other: &[u8]) -> Vec<u8> {
    let at = 8 + first.len();
    assert!(holder.get(8..at) == Some(first), "the section is first");
    [&holder[..8], other, &holder[at..]].concat()
}

/// Every one of them, under names that are unique.
pub fn loading() -> Vec<Hostile> {
    let groups = [
        no_components(),
        modules(),
        proposals(),
        starts(),
        components(),
    ];
    groups.into_iter().flatten().collect()
}

fn hostile(name: &'static str, what: &'static str, bytes: Vec<u8>) -> Hostile {
    Hostile { name, what, bytes }
}

/// Bytes that are no component at all, or no whole one.
fn no_components() -> Vec<Hostile> {
    let whole = probe("");
    let random = (0..65_536_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    let export = r#"(core module (func (export "a")) (func (export "a")))"#;
    vec![
        hostile("empty-file", "no byte at all", Vec::new()),
        hostile("random-bytes", "64 KiB of noise", random.collect()),
        hostile(
            "random-after-header",
            "a component's first eight bytes, then noise",
            [&whole[..8], &whole[100..], &whole[..]].concat(),
        ),
        hostile("core-module", "a core module, not a component", module(&[])),
        hostile(
            "truncated",
            "a true probe that ends in its middle",
            whole[..whole.len() / 2].to_vec(),
        ),
        hostile(
            "not-a-probe",
            "a component that does not export the contract",
            wat::parse_str("(component)").expect("well-formed"),
        ),
        hostile(
            "foreign-import",
            "imports HTTP, which no probe is given",
            probe(r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#),
        ),
        hostile(
            "unknown-import",
            "imports an interface of its own",
            probe(r#"(import "evil:host/shell" (instance (export "run" (func))))"#),
        ),
        hostile(
            "duplicate-exports",
            "a core module that exports two functions under one name",
            // The text format would not let it pass.
            probe_with_module(
                &module(&[
                    section(1, &[1, 0x60, 0, 0]),
                    section(3, &[1, 0]),
                    section(7, &[2, 1, b'a', 0, 0, 1, b'a', 0, 0]),
                    section(10, &[1, 2, 0, 0x0b]),
                ]),
                true,
            ),
        ),
        hostile(
            "contract-of-another-shape",
            "exports the contract's name with functions of other types",
            wat::parse_str(format!(
                r#"(component {export} (import "f" (func $f (param "a" u64)))
                   (instance $i (export "describe" (func $f)) (export "check" (func $f)))
                   (export "waitfor:probe/probing@1.0.0" (instance $i)))"#,
                export = export.replacen("\"a\"", "\"b\"", 1),
            ))
            .expect("well-formed"),
        ),
    ]
}

/// Probes with a module that needs what probes do not.
fn proposals() -> Vec<Hostile> {
    let parts =
        |name, what, parts: &str| hostile(name, what, probe(&format!("(core module {parts})")));
    vec![
        parts(
            "memory64",
            "a memory with addresses of 64 bits",
            "(memory i64 1)",
        ),
        parts(
            "shared-memory",
            "a memory that threads share",
            "(memory 1 1 shared)",
        ),
        parts(
            "atomics",
            "waits for another thread for ever",
            "(memory 1) (func (drop (memory.atomic.wait32
               (i32.const 0) (i32.const 0) (i64.const -1)))) (start 0)",
        ),
        parts(
            "garbage-collection",
            "a type of the collector's",
            "(type (struct (field i32)))",
        ),
        parts("exceptions", "throws", "(tag $t) (func (throw $t))"),
        parts(
            "tail-calls",
            "a call that never returns",
            "(func $f (return_call $f)) (start $f)",
        ),
        parts("page-sizes", "pages of one byte", "(memory 1 (pagesize 1))"),
        parts(
            "relaxed-vectors",
            "arithmetic that differs from machine to machine",
            "(func (param v128 v128 v128) (result v128)
               (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))",
        ),
        parts(
            "wide-arithmetic",
            "arithmetic on 128 bits",
            "(func (param i64 i64 i64 i64) (result i64 i64)
               (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))",
        ),
        hostile(
            "async-lift",
            "a function of the asynchronous kind",
            probe(
                r#"(core module $m (func (export "f") (result i32) i32.const 0)
                     (func (export "c") (param i32 i32 i32) (result i32) i32.const 0))
                   (core instance $m (instantiate $m))
                   (func (export "f") async (canon lift (core func $m "f") async
                     (callback (core func $m "c"))))"#,
            ),
        ),
        hostile(
            "error-context",
            "makes contexts of errors",
            probe(
                r#"(core module $m (memory (export "m") 1)) (core instance $m (instantiate $m))
               (core func (canon error-context.new (memory (core memory $m "m"))))"#,
            ),
        ),
    ]
}

/// Probes with a module that does its harm when it is instantiated.
fn starts() -> Vec<Hostile> {
    let parts = |name, what, parts: &str| {
        let module = format!("(core module $m {parts}) (core instance (instantiate $m))");
        hostile(name, what, probe(&module))
    };
    vec![
        parts(
            "start-for-ever",
            "a start function that never ends",
            "(func $f (loop $l (br $l))) (start $f)",
        ),
        parts(
            "start-recursion",
            "a start function that calls itself",
            "(func $f (result i32) (i32.add (i32.const 1) (call $f))) (func $s (drop (call $f))) (start $s)",
        ),
        parts("start-trap", "a start function that gives up", "(func $f unreachable) (start $f)"),
        parts(
            "start-memory",
            "a start function that takes memory till there is none, and touches it",
            "(memory 1) (func $f (loop $l
               (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
               (i32.store (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536)) (i32.const 1))
               (br $l))) (start $f)",
        ),
        parts(
            "start-tables",
            "a start function that lets a table grow till it cannot",
            "(table 1 funcref) (func $f (loop $l
               (if (i32.eq (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
               (br $l))) (start $f)",
        ),
        parts(
            "start-wide-frames",
            "recursion with a thousand variables in each call",
            &wide_recursion(1000),
        ),
    ]
}

fn wide_recursion(variables: usize) -> String {
    let set: String = (0..variables)
        .map(|at| format!("(local.set {at} (call $g))"))
        .collect();
    let read: String = (0..variables)
        .map(|at| format!("(call $h (local.get {at}))"))
        .collect();
    format!(
        "(func $g (result i64) i64.const 1) (func $h (param i64))
         (func $f (local {}) {set} (call $f) {read}) (start $f)",
        "i64 ".repeat(variables)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use waitfor_registry::component::inspect;

    use super::wasm::{body, functions};
    use super::*;

    #[test]
    fn the_shape_is_a_probe() {
        let found = inspect(&probe("")).expect("a probe");
        assert_eq!(found.interfaces.exports, ["waitfor:probe/probing@1.0.0"]);
        assert_eq!(found.interfaces.imports, ["waitfor:probe/net@1.0.0"]);
        let module = functions(&[(3, &body(&[], &[]))]);
        assert_eq!(
            inspect(&probe_with_module(&module, true)).expect("one"),
            found
        );
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let all = loading();
        let names: BTreeSet<&str> = all.iter().map(|hostile| hostile.name).collect();
        assert_eq!(names.len(), all.len());
        for hostile in &all {
            let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            assert!(
                hostile
                    .name
                    .split('-')
                    .all(|word| word.chars().all(letters)),
                "{}",
                hostile.name
            );
            assert!(!hostile.what.is_empty() && !hostile.what.contains('\n'));
        }
    }
}
