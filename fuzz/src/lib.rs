//! What the fuzz targets share: how an input is read.

pub mod conversation;

/// The canary: a password that no message may repeat.
pub const CANARY: &str = "kq7-Zv0xW9";

/// The parts of `text` between lines that are `mark` alone.
pub fn sections<'a>(text: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        if line.strip_suffix(b"\n").unwrap_or(line) == mark {
            parts.push(&text[start..at]);
            start = end;
        }
        at = end;
    }
    parts.push(&text[start..]);
    parts
}
