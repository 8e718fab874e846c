//! Components that are a burden by their structure.

use super::wasm::{I32, bytes, leb, section, vector};
use super::{Hostile, hostile, probe, replaced};

/// One of each kind.
pub(super) fn components() -> Vec<Hostile> {
    vec![
        hostile(
            "nested-components",
            "900 components, each within the one before",
            nested(900),
        ),
        hostile(
            "many-components",
            "900 empty components side by side",
            probe(&"(component)".repeat(900)),
        ),
        hostile(
            "many-modules",
            "900 modules of 100 functions each",
            probe(&format!("(core module {})", "(func)".repeat(100)).repeat(900)),
        ),
        hostile(
            "many-instances",
            "900 instances of one module with a memory",
            probe(&format!(
                "(core module $m (memory 1)) {}",
                "(core instance (instantiate $m))".repeat(900)
            )),
        ),
        hostile(
            "hundred-instances",
            "100 instances of one module with a memory",
            probe(&format!(
                "(core module $m (memory 1)) {}",
                "(core instance (instantiate $m))".repeat(100)
            )),
        ),
        hostile(
            "doubling-instances",
            "components that each instantiate the one before twice: a thousand million in the end",
            doubling(30, ""),
        ),
        hostile(
            "doubling-modules",
            "as before, with a module in each: 16 000 in the end",
            doubling(
                14,
                "(core module $m (func)) (core instance (instantiate $m))",
            ),
        ),
        hostile(
            "deep-types",
            "lists of lists, 10 000 deep",
            probe(&deep_types(10_000)),
        ),
        hostile(
            "deep-type-declarations",
            "types of instances, 2000 within each other",
            deep_declarations(2000),
        ),
        hostile(
            "exponential-types",
            "each type holds the one before ten times, 60 times over",
            probe(&exponential_types(60, 10)),
        ),
        hostile(
            "types-at-the-limit",
            "a type of nearly 200 000 parts",
            probe(&large_type()),
        ),
        hostile(
            "adapters-of-large-types",
            "20 functions between two components, over a type of ten thousand parts",
            probe(&adapters(20, 4, 10)),
        ),
        hostile(
            "many-imports",
            "100 000 functions asked of the host",
            many_imports(100_000),
        ),
        hostile(
            "many-aliases",
            "200 000 aliases of one function",
            [
                probe(""),
                section(6, &vector(200_000, b"\0\0\x01\0\x08describe")),
            ]
            .concat(),
        ),
        hostile(
            "many-lifts",
            "100 000 functions of the component over one of the module",
            [
                probe(
                    r#"(type (func)) (core module $m (func (export "f")))
                       (core instance $m (instantiate $m)) (alias core export $m "f" (core func))"#,
                ),
                section(8, &vector(100_000, &[0, 0, 0, 0, 0])),
            ]
            .concat(),
        ),
        hostile(
            "many-resources",
            "20 000 types of resources of its own",
            [probe(""), section(7, &vector(20_000, &[0x3f, I32, 0]))].concat(),
        ),
        hostile(
            "long-names",
            "300 exports with names of 90 000 letters",
            probe(&long_names(300)),
        ),
        hostile(
            "component-start",
            "a start function of the component itself",
            probe(
                "(core module $m (func (export \"f\"))) (core instance $m (instantiate $m))
                (func $f (canon lift (core func $m \"f\"))) (start $f)",
            ),
        ),
    ]
}

fn nested(depth: usize) -> Vec<u8> {
    let mut inner = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 1..depth {
        inner = [&b"\0asm\x0d\0\x01\0"[..], &section(4, &inner)].concat();
    }
    [probe(""), section(4, &inner)].concat()
}

fn doubling(times: usize, first: &str) -> Vec<u8> {
    let mut parts = format!("(component $c0 {first})");
    for at in 1..=times {
        let before = at - 1;
        parts += &format!(
            "(component $c{at} (alias outer 1 $c{before} (component $b))
               (instance (instantiate $b)) (instance (instantiate $b)))"
        );
    }
    probe(&format!("{parts} (instance (instantiate $c{times}))"))
}

fn deep_types(depth: usize) -> String {
    let mut parts = "(type $t0 (list u8))".to_owned();
    for at in 1..=depth {
        parts += &format!("(type $t{at} (list $t{}))", at - 1);
    }
    parts
}

/// Types of instances within each other, written by hand: the reader of the
/// text format gives up earlier.
fn deep_declarations(depth: usize) -> Vec<u8> {
    let mut declared = vec![0x42, 0];
    for _ in 0..depth {
        declared = [&[0x42, 1, 1][..], &declared].concat();
    }
    with_type(&declared, "(type (instance)) (core module)")
}

fn exponential_types(times: usize, wide: usize) -> String {
    let mut parts = "(type $e0 (tuple u8))".to_owned();
    for at in 1..=times {
        let before = format!(" $e{}", at - 1).repeat(wide);
        parts += &format!("(type $e{at} (tuple{before}))");
    }
    parts
}

fn large_type() -> String {
    let fields: String = (0..8).map(|at| format!("(field \"f{at}\" $e4)")).collect();
    format!("{} (type (record {fields}))", exponential_types(4, 12))
}

/// Two components, the one calling the other's functions.
fn adapters(count: usize, times: usize, wide: usize) -> String {
    let types = exponential_types(times, wide);
    let lifts: String = (0..count)
        .map(|at| {
            format!(
                r#"(func (export "f{at}") (param "a" (list $e{times})) (canon lift (core func $m "f")
                     (memory (core memory $m "m")) (realloc (core func $m "r"))))"#
            )
        })
        .collect();
    let imports: String = (0..count)
        .map(|at| format!(r#"(export "f{at}" (func (param "a" (list $e{times}))))"#))
        .collect();
    let lowers: String = (0..count)
        .map(|at| {
            format!(
                r#"(core func $l{at} (canon lower (func $i "f{at}") (memory (core memory $m "m"))
                     (realloc (core func $m "r"))))"#
            )
        })
        .collect();
    let used: String = (0..count)
        .map(|at| format!(r#"(export "f{at}" (func $l{at}))"#))
        .collect();
    let needed: String = (0..count)
        .map(|at| format!(r#"(import "" "f{at}" (func (param i32 i32)))"#))
        .collect();
    let memory = r#"(core module $m (memory (export "m") 1)
        (func (export "r") (param i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "f") (param i32 i32)))
        (core instance $m (instantiate $m))"#;
    format!(
        r#"(component $callee {memory} {types} {lifts})
           (component $caller
             (import "i" (instance $i {types} {imports}))
             {memory} {lowers}
             (core module $n {needed})
             (core instance (instantiate $n (with "" (instance {used})))))
           (instance $callee (instantiate $callee))
           (instance (instantiate $caller (with "i" (instance $callee))))"#
    )
}

fn many_imports(count: u32) -> Vec<u8> {
    // The type of a function, then an export of that type for each name.
    let mut declared = [&[0x42][..], &leb(count + 1), &[1, 0x40, 0, 1, 0]].concat();
    for at in 0..count {
        declared.extend([4, 0]);
        declared.extend(bytes(format!("f{at}").as_bytes()));
        declared.extend([1, 0]);
    }
    let import = r#"(import "waitfor:probe/report@1.0.0" (instance (type $t)))"#;
    with_type(&declared, &format!("(type $t (instance)) {import}"))
}

/// A true probe whose first part, an empty type of an instance, is another
/// type.
fn with_type(declared: &[u8], parts: &str) -> Vec<u8> {
    let empty = section(7, &[1, 0x42, 0]);
    replaced(
        &probe(parts),
        &empty,
        &section(7, &[&[1][..], declared].concat()),
    )
}

fn long_names(count: usize) -> String {
    let long = "x".repeat(90_000);
    let exports: String = (0..count)
        .map(|at| format!(r#"(export "{long}{at}" (func))"#))
        .collect();
    format!(
        "(core module (func) {})",
        exports.replace("(func)", "(func 0)")
    )
}
