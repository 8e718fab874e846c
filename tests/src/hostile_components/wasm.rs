//! Writes the binary format byte by byte: the text format would refuse, or take minutes for, much of
//! what is hostile.

/// The type of integers of 32 bits.
pub const I32: u8 = 0x7f;
/// The type of integers of 64 bits.
pub const I64: u8 = 0x7e;

/// A number in LEB128.
pub fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A vector of `count` items that are all alike.
pub fn vector(count: u32, item: &[u8]) -> Vec<u8> {
    [leb(count), repeat(item, count)].concat()
}

/// Bytes, with their length before them.
///
/// # Panics
/// Where they are too many for the format.
pub fn bytes(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("less than 4 GiB");
    [&leb(length), content].concat()
}

/// A section of a module or a component.
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &bytes(content)].concat()
}

/// Bytes again and again.
pub fn repeat(bytes: &[u8], times: u32) -> Vec<u8> {
    bytes.repeat(usize::try_from(times).expect("a small number"))
}

/// A core module.
pub fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat()
}

/// The body of a function: runs of locals of one type, then instructions.
pub fn body(locals: &[(u32, u8)], instructions: &[u8]) -> Vec<u8> {
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
pub fn functions(bodies: &[(u32, &[u8])]) -> Vec<u8> {
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
