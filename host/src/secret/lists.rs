//! Readings of what encodes whole pieces of a text: base64, hexadecimal, and
//! lists of numbers.

use super::views::View;

/// The shortest piece of base64 that is read, in letters: with less it holds
/// fewer bytes than any secret has.
const BASE64: usize = 6;

/// The shortest piece of hexadecimal, in digits.
const HEX: usize = 8;

/// The shortest list of numbers.
const NUMBERS: usize = 4;

/// The most bytes between two of them.
const BETWEEN: usize = 8;

/// What base64 says, in either alphabet. A piece may start before the secret,
/// as `user:password` does, or in the middle of another word: it is read from
/// each of its first four letters on.
pub(super) fn base64(view: &View) -> Vec<View> {
    let pieces = pieces(view, BASE64, |byte| base64_value(byte).is_some());
    let read = |first: usize| {
        let mut other = View::default();
        for (start, end) in &pieces {
            let mut at = start + first;
            while at + 1 < *end {
                quartet(view, at, *end, &mut other);
                at += 4;
            }
        }
        other
    };
    (0..4)
        .map(read)
        .filter(|other| !other.bytes.is_empty())
        .collect()
}

/// Up to four letters make up to three bytes.
fn quartet(view: &View, at: usize, end: usize, other: &mut View) {
    let letters = end.min(at + 4) - at;
    let value = |index: usize| {
        let letter = view.bytes[at..end].get(index).copied();
        letter.and_then(base64_value).map_or(0, u32::from)
    };
    let bits = (0..4).fold(0, |bits, index| bits << 6 | value(index));
    for index in 0..letters - 1 {
        let byte = bits.to_be_bytes()[index + 1];
        other.push(byte, view, at + index, at + index + 2);
    }
}

fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// What hexadecimal digits say, read from the first and from the second.
pub(super) fn hex(view: &View) -> Vec<View> {
    let pieces = pieces(view, HEX, |byte| byte.is_ascii_hexdigit());
    let read = |first: usize| {
        let mut other = View::default();
        for (start, end) in &pieces {
            let mut at = start + first;
            while at + 1 < *end {
                if let Some(byte) = number(&view.bytes[at..at + 2], 16) {
                    other.push(byte, view, at, at + 2);
                }
                at += 2;
            }
        }
        other
    };
    (0..2)
        .map(read)
        .filter(|other| !other.bytes.is_empty())
        .collect()
}

/// The stretches of at least so many such bytes.
fn pieces(view: &View, shortest: usize, is: impl Fn(u8) -> bool) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in 0..=view.bytes.len() {
        let goes_on = view.bytes.get(at).is_some_and(|byte| is(*byte));
        if goes_on && !view.is_apart(at) {
            continue;
        }
        if at - start >= shortest {
            pieces.push((start, at));
        }
        start = if goes_on { at } else { at + 1 };
    }
    pieces
}

/// Bytes as lists of numbers: `[104, 117]`, `68:75`, `0x68, 0x75`.
pub(super) fn numbers(view: &View) -> Vec<View> {
    [10, 16]
        .into_iter()
        .map(|radix| listed(view, radix))
        .filter(|other| !other.bytes.is_empty())
        .collect()
}

fn listed(view: &View, radix: u32) -> View {
    let mut other = View::default();
    let mut at = 0;
    while at < view.bytes.len() {
        let (list, end) = list(&view.bytes, at, radix);
        if list.len() >= NUMBERS {
            for (index, (byte, from, to)) in list.iter().enumerate() {
                // What separates two of them belongs to the first.
                let to = list.get(index + 1).map_or(*to, |(_, next, _)| *next);
                other.push(*byte, view, *from, to);
            }
        }
        at = end.max(at + 1);
    }
    other
}

/// The numbers from here on, each with its place, and where they end.
fn list(bytes: &[u8], start: usize, radix: u32) -> (Vec<(u8, usize, usize)>, usize) {
    let mut list = Vec::new();
    let mut at = start;
    let mut end = start;
    loop {
        let prefix = bytes[at..].starts_with(b"0x") && radix == 16;
        let from = if prefix { at + 2 } else { at };
        let len = bytes[from..]
            .iter()
            .take_while(|byte| char::from(**byte).is_digit(radix))
            .count();
        end = end.max(from + len);
        let fits = if radix == 16 { len == 2 } else { len <= 3 };
        let Some(byte) = number(&bytes[from..from + len], radix).filter(|_| fits) else {
            return (list, end);
        };
        list.push((byte, at, from + len));
        let separators = bytes[from + len..]
            .iter()
            .take(BETWEEN)
            .take_while(|byte| b" ,:;-\n".contains(byte))
            .count();
        at = from + len + separators;
        if separators == 0 {
            return (list, end);
        }
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(text, radix).ok()
}
