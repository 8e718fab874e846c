//! The ways in which a text can be read: as it is, and with what it encodes
//! put in place of the code. Every byte of a reading knows where in the text
//! it stands.

use super::lists;

/// One reading of a text.
#[derive(Default)]
pub(super) struct View {
    /// What it says.
    pub(super) bytes: Vec<u8>,
    /// For each byte, from where to where in the text it stands.
    pub(super) spans: Vec<(usize, usize)>,
}

impl View {
    /// The text as it is.
    pub(super) fn whole(text: &[u8]) -> Self {
        Self {
            bytes: text.to_vec(),
            spans: (0..text.len()).map(|at| (at, at + 1)).collect(),
        }
    }

    /// Whether the byte does not follow the one before: another text lies
    /// between them.
    pub(super) fn is_apart(&self, at: usize) -> bool {
        at > 0 && self.spans[at - 1].1 < self.spans[at].0
    }

    /// Adds a byte that stands for `from..to` of another view.
    pub(super) fn push(&mut self, byte: u8, of: &Self, from: usize, to: usize) {
        self.bytes.push(byte);
        self.spans.push((of.spans[from].0, of.spans[to - 1].1));
    }

    fn push_char(&mut self, letter: char, of: &Self, from: usize, to: usize) {
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            self.push(byte, of, from, to);
        }
    }
}

/// Every other reading of the view.
pub(super) fn decoded(view: &View) -> Vec<View> {
    let has = |byte: u8| view.bytes.contains(&byte);
    let mut views = Vec::new();
    if has(b'%') || has(b'+') {
        views.push(replaced(view, percent));
    }
    if has(b'%') && has(b'+') {
        views.push(replaced(view, |bytes, at| {
            percent(bytes, at).filter(|_| bytes[at] == b'%')
        }));
    }
    if has(b'\\') {
        views.push(replaced(view, backslash));
    }
    if has(b'&') && has(b';') {
        views.push(replaced(view, entity));
    }
    if has(b'\'') || has(b'"') {
        views.push(replaced(view, quote));
    }
    views.extend(lists::base64(view));
    views.extend(lists::hex(view));
    views.extend(lists::numbers(view));
    views
}

/// What a code stands for, and how many bytes long it is.
type Code = Option<(Stands, usize)>;

enum Stands {
    Byte(u8),
    Char(char),
}

/// The view with every code that `read` finds replaced.
fn replaced(view: &View, read: impl Fn(&[u8], usize) -> Code) -> View {
    let mut other = View::default();
    let mut at = 0;
    while at < view.bytes.len() {
        let (stands, len) = read(&view.bytes, at).unwrap_or((Stands::Byte(view.bytes[at]), 1));
        match stands {
            Stands::Byte(byte) => other.push(byte, view, at, at + len),
            Stands::Char(letter) => other.push_char(letter, view, at, at + len),
        }
        at += len;
    }
    other
}

/// `%41`, and the `+` that forms write for a space.
fn percent(bytes: &[u8], at: usize) -> Code {
    match bytes[at] {
        b'+' => Some((Stands::Byte(b' '), 1)),
        b'%' => Some((
            Stands::Byte(u8::try_from(digits(bytes, at + 1, 2, 16)?).ok()?),
            3,
        )),
        _ => None,
    }
}

/// What JSON, shells and programs in C, Rust and Python write after a
/// backslash.
fn backslash(bytes: &[u8], at: usize) -> Code {
    if bytes[at] != b'\\' {
        return None;
    }
    let byte = |byte: u8| Some((Stands::Byte(byte), 2));
    match *bytes.get(at + 1)? {
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'a' => byte(7),
        b'b' => byte(8),
        b'v' => byte(11),
        b'f' => byte(12),
        b'e' => byte(27),
        b'x' => {
            let code = digits(bytes, at + 2, 2, 16)?;
            Some((Stands::Byte(u8::try_from(code).ok()?), 4))
        }
        b'u' if bytes.get(at + 2) == Some(&b'{') => {
            let end = bytes.iter().skip(at + 3).take(7).position(|b| *b == b'}')?;
            let code = digits(bytes, at + 3, end, 16)?;
            Some((Stands::Char(char::from_u32(code)?), end + 4))
        }
        b'u' => utf16(bytes, at),
        b'U' => {
            let code = digits(bytes, at + 2, 8, 16)?;
            Some((Stands::Char(char::from_u32(code)?), 10))
        }
        b'0'..=b'3' if digits(bytes, at + 1, 3, 8).is_some() => {
            let code = digits(bytes, at + 1, 3, 8)?;
            Some((Stands::Byte(u8::try_from(code).ok()?), 4))
        }
        b'0' => byte(0),
        other => byte(other),
    }
}

/// `\u00e9`, and two of them for what lies beyond sixteen bits.
fn utf16(bytes: &[u8], at: usize) -> Code {
    let first = digits(bytes, at + 2, 4, 16)?;
    if let Some(letter) = char::from_u32(first) {
        return Some((Stands::Char(letter), 6));
    }
    if bytes.get(at + 6..at + 8)? != b"\\u" {
        return None;
    }
    let second = digits(bytes, at + 8, 4, 16)?;
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let letter = char::decode_utf16(pair).next()?.ok()?;
    Some((Stands::Char(letter), 12))
}

/// `&amp;`, `&#39;`, `&#x27;`, as in a page of HTML that tells of an error.
fn entity(bytes: &[u8], at: usize) -> Code {
    if bytes[at] != b'&' {
        return None;
    }
    let len = bytes.iter().skip(at).take(10).position(|b| *b == b';')?;
    let name = &bytes[at + 1..at + len];
    let letter = match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"nbsp" => ' ',
        [b'#', b'x' | b'X', code @ ..] => char::from_u32(digits(code, 0, code.len(), 16)?)?,
        [b'#', code @ ..] => char::from_u32(digits(code, 0, code.len(), 10)?)?,
        _ => return None,
    };
    Some((Stands::Char(letter), len + 1))
}

/// A quote within quotes: doubled as in SQL and CSV, or `'\''` as in shells.
fn quote(bytes: &[u8], at: usize) -> Code {
    let rest = &bytes[at..];
    if rest.starts_with(br"'\''") {
        return Some((Stands::Byte(b'\''), 4));
    }
    match rest {
        [b'\'', b'\'', ..] => Some((Stands::Byte(b'\''), 2)),
        [b'"', b'"', ..] => Some((Stands::Byte(b'"'), 2)),
        _ => None,
    }
}

/// The number that so many digits make.
fn digits(bytes: &[u8], from: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = bytes.get(from..from + count)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(digit)
    })
}
