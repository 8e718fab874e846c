//! Components that do harm while they are loaded: each is small to keep and costly, or impossible,
//! to take up. The host must refuse every one, or take it up within its bounds.
//!
//! Most are true probes (they export the contract, and their `check` says `ready`) with one hostile
//! part, so that nothing but that part can be the reason of a refusal.

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

/// Probes with a core module that is a burden for the compiler or the loader.
fn modules() -> Vec<Hostile> {
    let run = |name, what, bytes: Vec<u8>| hostile(name, what, probe_with_module(&bytes, true));
    vec![
        run(
            "many-functions",
            "100 000 empty functions",
            functions(&[(100_000, &[0, 0x0b])]),
        ),
        run(
            "many-real-functions",
            "60 000 functions of some 400 bytes of arithmetic each",
            functions(&[(60_000, &body(&[(1, I64)], &repeat(ARITHMETIC, 50)))]),
        ),
        run(
            "giant-function",
            "one function with 7.5 MB of arithmetic",
            functions(&[(1, &body(&[(1, I64)], &repeat(ARITHMETIC, 930_000)))]),
        ),
        run(
            "giant-calls",
            "one function of 7.5 MB that calls itself over three million times",
            functions(&[(1, &body(&[], &repeat(&[0x10, 0], 3_700_000)))]),
        ),
        run(
            "giant-branches",
            "one function with 1.2 million conditions in a row",
            functions(&[(
                1,
                &body(
                    &[(1, I32)],
                    &repeat(&[0x20, 0, 0x04, 0x40, 0x0b], 1_200_000),
                ),
            )]),
        ),
        run(
            "deep-blocks",
            "3.5 million blocks, each within the one before",
            functions(&[(
                1,
                &body(
                    &[],
                    &[repeat(&[0x02, 0x40], 2_400_000), vec![0x0b; 2_400_000]].concat(),
                ),
            )]),
        ),
        run(
            "deep-loops",
            "20 000 loops, each within the one before, with 1000 variables",
            functions(&[(1, &body(&[(1000, I64)], &deep_loops(20_000)))]),
        ),
        run(
            "wide-stack",
            "a function with a million values on its stack at once",
            functions(&[(
                1,
                &body(
                    &[(1, I64)],
                    &[
                        repeat(&[0x20, 0], 1_000_000),
                        repeat(&[0x7c], 999_999),
                        vec![0x1a],
                    ]
                    .concat(),
                ),
            )]),
        ),
        run(
            "many-locals",
            "50 000 variables, set and read in 50 000 branches",
            functions(&[(1, &body(&[(50_000, I64)], &crossing_locals(50_000)))]),
        ),
        run(
            "many-functions-with-locals",
            "20 000 functions of 50 000 variables each",
            functions(&[(20_000, &body(&[(50_000, I64)], &[]))]),
        ),
        run(
            "branch-table",
            "a jump table with three million entries",
            functions(&[(1, &body(&[], &branch_table(3_000_000)))]),
        ),
        run(
            "branch-tables",
            "2000 jump tables out of 1000 blocks each",
            functions(&[(1, &body(&[], &repeat(&nested_table(1000), 1200)))]),
        ),
        run(
            "many-types",
            "a million types of functions",
            module(&[section(1, &vector(1_000_000, &[0x60, 0, 0]))]),
        ),
        run(
            "wide-types",
            "15 000 types of functions with 1000 parameters and 1000 results each",
            module(&[section(
                1,
                &vector(
                    15_000,
                    &[&[0x60][..], &vector(1000, &[I64]), &vector(1000, &[I64])].concat(),
                ),
            )]),
        ),
        run(
            "many-globals",
            "a million variables of the module",
            module(&[section(6, &vector(1_000_000, &[I32, 1, 0x41, 0, 0x0b]))]),
        ),
        run(
            "many-exports",
            "a million exports of one function",
            many_exports(1_000_000),
        ),
        run(
            "memory-minimum",
            "a memory that starts with 4 GiB",
            module(&[section(5, &[&[1, 0][..], &leb(65_536)].concat())]),
        ),
        run(
            "many-memories",
            "100 memories of 64 MiB each",
            module(&[section(5, &vector(100, &[&[0][..], &leb(1024)].concat()))]),
        ),
        run(
            "table-minimum",
            "a table that starts with four thousand million elements",
            module(&[section(4, &[&[1, 0x70, 0][..], &leb(u32::MAX)].concat())]),
        ),
        run(
            "table-of-ten-million",
            "a table that starts with ten million elements",
            module(&[section(4, &[&[1, 0x70, 0][..], &leb(10_000_000)].concat())]),
        ),
        run(
            "many-tables",
            "100 tables of 10 000 elements each",
            module(&[section(
                4,
                &vector(100, &[&[0x70, 0][..], &leb(10_000)].concat()),
            )]),
        ),
        run(
            "much-data",
            "30 MB of data for a memory of 32 MB",
            module(&[
                section(5, &[&[1, 0][..], &leb(500)].concat()),
                section(
                    11,
                    &[&[1, 0, 0x41, 0, 0x0b][..], &bytes(&[7; 30_000_000])].concat(),
                ),
            ]),
        ),
        run(
            "many-data-segments",
            "100 000 pieces of data, all at one place",
            module(&[
                section(5, &[1, 0, 1]),
                section(11, &vector(100_000, &[0, 0x41, 0, 0x0b, 1, 7])),
            ]),
        ),
        run(
            "scattered-data",
            "1000 pieces of data, 64 KiB apart",
            module(&[
                section(5, &[&[1, 0][..], &leb(1001)].concat()),
                section(11, &scattered(1000)),
            ]),
        ),
        run(
            "many-elements",
            "a list of seven million functions for a table that is not there",
            module(&[
                section(1, &[1, 0x60, 0, 0]),
                section(3, &[1, 0]),
                section(9, &[&[1, 1, 0][..], &vector(7_000_000, &[0])].concat()),
                section(10, &[1, 2, 0, 0x0b]),
            ]),
        ),
        hostile(
            "giant-vectors",
            "one function with 7.5 MB of arithmetic on vectors",
            probe_with_module(
                &functions(&[(1, &body(&[(1, 0x7b)], &repeat(VECTORS, 830_000)))]),
                true,
            ),
        ),
        hostile(
            "custom-section",
            "30 MB that mean nothing",
            [
                probe(""),
                section(0, &[&[1, b'x'][..], &vec![0; 30_000_000]].concat()),
            ]
            .concat(),
        ),
        hostile(
            "too-large",
            "a true probe of more than 32 MiB",
            [
                probe(""),
                section(0, &[&[1, b'x'][..], &vec![0; 34_000_000]].concat()),
            ]
            .concat(),
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

/// Components that are a burden by their structure.
fn components() -> Vec<Hostile> {
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
            "a type of half a million parts",
            probe(&large_types(1)),
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

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;

/// `local 0 = local 0 * local 0 + local 0`, in eight bytes.
const ARITHMETIC: &[u8] = &[0x20, 0, 0x20, 0, 0x7e, 0x21, 0];
/// `local 0 = i8x16.swizzle(local 0, local 0)`, in nine bytes.
const VECTORS: &[u8] = &[0x20, 0, 0x20, 0, 0xfd, 0x0e, 0x21, 0];

fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A vector of `count` items that are all alike.
fn vector(count: u32, item: &[u8]) -> Vec<u8> {
    [leb(count), repeat(item, count)].concat()
}

/// Bytes, with their length before them.
fn bytes(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("less than 4 GiB");
    [&leb(length), content].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &bytes(content)].concat()
}

fn repeat(bytes: &[u8], times: u32) -> Vec<u8> {
    bytes.repeat(usize::try_from(times).expect("a small number"))
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat()
}

/// The body of a function: runs of locals of one type, then instructions.
fn body(locals: &[(u32, u8)], instructions: &[u8]) -> Vec<u8> {
    let mut bytes = leb(u32::try_from(locals.len()).expect("a few"));
    for (count, kind) in locals {
        bytes.extend(leb(*count));
        bytes.push(*kind);
    }
    bytes.extend(instructions);
    bytes.push(0x0b);
    bytes
}

/// A module of functions without parameters: so many of each body.
fn functions(bodies: &[(u32, &[u8])]) -> Vec<u8> {
    let count = bodies.iter().map(|(count, _)| count).sum();
    let mut code = leb(count);
    for (count, body) in bodies {
        code.extend(repeat(&bytes(body), *count));
    }
    module(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &vector(count, &[0])),
        section(10, &code),
    ])
}

/// Loops within loops; each changes another variable and may go on.
fn deep_loops(depth: u32) -> Vec<u8> {
    let mut code = Vec::new();
    for at in 0..depth {
        let variable = leb(at % 1000);
        code.extend([0x03, 0x40, 0x20]);
        code.extend(&variable);
        code.extend([0x42, 1, 0x7c, 0x21]);
        code.extend(&variable);
    }
    for at in 0..depth {
        code.push(0x20);
        code.extend(leb(at % 1000));
        code.extend([0x50, 0x0d, 0, 0x0b]);
    }
    code
}

/// Every variable is set in a branch and read after the last: all are alive
/// at every one.
fn crossing_locals(count: u32) -> Vec<u8> {
    let mut code = Vec::new();
    for at in 0..count {
        code.extend([0x20, 0, 0x50, 0x04, 0x40, 0x42, 5, 0x21]);
        code.extend(leb(at));
        code.push(0x0b);
    }
    for at in 0..count {
        code.push(0x20);
        code.extend(leb(at));
        code.push(0x1a);
    }
    code
}

/// A jump table whose every entry is the function's own end.
fn branch_table(entries: u32) -> Vec<u8> {
    [&[0x41, 0, 0x0e][..], &vector(entries, &[0]), &[0]].concat()
}

/// A jump table out of that many blocks.
fn nested_table(depth: u32) -> Vec<u8> {
    let mut code = repeat(&[0x02, 0x40], depth);
    code.extend([0x41, 0, 0x0e]);
    code.extend(leb(depth - 1));
    for at in 0..depth {
        code.extend(leb(at));
    }
    code.extend(repeat(&[0x0b], depth));
    code
}

fn many_exports(count: u32) -> Vec<u8> {
    let mut exports = leb(count);
    for at in 0..count {
        exports.extend(bytes(at.to_string().as_bytes()));
        exports.extend([0, 0]);
    }
    module(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(7, &exports),
        section(10, &[1, 2, 0, 0x0b]),
    ])
}

/// One byte of data in each page of a memory.
fn scattered(pages: u32) -> Vec<u8> {
    let mut segments = leb(pages);
    for page in 0..pages {
        segments.extend([0, 0x41]);
        // A number of five bytes: its signed form needs no other ending.
        let at = page << 16;
        segments.extend((0..4).map(|part| (at >> (7 * part)) as u8 | 0x80));
        segments.push((at >> 28) as u8);
        segments.extend([0x0b, 1, 7]);
    }
    segments
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

fn nested(depth: usize) -> Vec<u8> {
    let mut inner = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..depth {
        inner = [&b"\0asm\x0d\0\x01\0"[..], &section(4, &inner)].concat();
    }
    let rest = probe("");
    [&inner[..], &rest[8..]].concat()
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

fn large_types(count: usize) -> String {
    let mut parts = exponential_types(5, 12);
    for at in 0..count {
        parts += &format!(r#"(type (record (field "f{at}" $e5) (field "g" $e5)))"#);
    }
    parts
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use waitfor_registry::component::inspect;

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
