//! Probes with a core module that is a burden for the compiler or the loader.

use super::wasm::{I32, I64, body, bytes, functions, leb, module, repeat, section, vector};
use super::{Hostile, hostile, probe, probe_with_module};

/// `local 0 = local 0 * local 0 + local 0`, in eight bytes.
const ARITHMETIC: &[u8] = &[0x20, 0, 0x20, 0, 0x7e, 0x21, 0];
/// `local 0 = i8x16.swizzle(local 0, local 0)`, in nine bytes.
const VECTORS: &[u8] = &[0x20, 0, 0x20, 0, 0xfd, 0x0e, 0x21, 0];

/// Probes with a core module that is a burden for the compiler or the loader.
pub(super) fn modules() -> Vec<Hostile> {
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
