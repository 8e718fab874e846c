//! The secrets of a run in the form in which they are looked for: every run
//! of eight bytes of each, so that a part of a secret is found as well as the
//! whole, in one pass over a text however many secrets there are.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::views::{self, View};
use super::words::Public;

/// So many bytes of a secret in a row are blanked; a shorter secret only as a
/// whole. A key of the look-up holds as many.
const RUN: usize = 8;

/// Secrets of fewer characters are not blanked: a one-letter password would
/// turn every report into blanks and betray itself by their places.
const SHORTEST: usize = 4;

/// How often a text may be decoded again: base64 of JSON, in a URL, is three.
const DEPTH: usize = 3;

/// How many bytes of decoded text are looked at for one text, so that a text
/// made to be decodable in every way costs no more than a long one.
const MOST: usize = 1 << 19;

/// No public words are longer, in bytes.
const LONGEST_WORDS: usize = 64;

/// How many parts of secrets are looked up among the public words; further
/// ones count as none.
const LOOK_UPS: usize = 256;

/// The secrets of a run.
pub(super) struct Known {
    /// Every form of every secret, folded.
    forms: Vec<Vec<u8>>,
    /// By length, the runs of bytes that are looked for.
    runs: Vec<Runs>,
    public: Public,
    looked_up: Mutex<HashMap<Vec<u8>, bool>>,
}

impl Known {
    /// Looks for these; none where nothing is left to look for.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a [u8]>, public: Public) -> Option<Self> {
        let mut forms = Vec::new();
        for secret in secrets {
            if is_long_enough(secret) && !public.says(&folded(secret)) {
                forms.extend(written(secret));
            }
        }
        forms.sort();
        forms.dedup();
        let runs: Vec<Runs> = (1..=RUN).filter_map(|len| Runs::new(&forms, len)).collect();
        (!runs.is_empty()).then(|| Self {
            forms,
            runs,
            public,
            looked_up: Mutex::default(),
        })
    }

    /// Where in the text secrets stand: byte ranges in order that do not
    /// touch.
    pub(super) fn places(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        let mut left = MOST;
        let mut views = vec![View::whole(text)];
        for depth in 0..=DEPTH {
            let mut next = Vec::new();
            for view in &views {
                self.look_at(view, &mut places);
                if depth < DEPTH {
                    for decoded in views::decoded(view) {
                        left = left.saturating_sub(decoded.bytes.len());
                        next.extend((left > 0).then_some(decoded));
                    }
                }
            }
            views = next;
        }
        merged(places)
    }

    fn look_at(&self, view: &View, places: &mut Vec<(usize, usize)>) {
        for runs in &self.runs {
            for (from, to) in merged(runs.found(view)) {
                if !self.is_public(&view.bytes[from..to]) {
                    places.push((view.spans[from].0, view.spans[to - 1].1));
                }
            }
        }
    }

    /// Whether a part of a secret is something that the report would say
    /// without knowing it: public words, with no whole secret in them.
    fn is_public(&self, part: &[u8]) -> bool {
        let part = folded(part);
        let words = trimmed(&part);
        if words.len() > LONGEST_WORDS || self.holds_whole(&part) {
            return false;
        }
        if words.is_empty() {
            return true;
        }
        let mut looked_up = self
            .looked_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = looked_up.get(words) {
            return *known;
        }
        if looked_up.len() >= LOOK_UPS {
            return false;
        }
        let public = self.public.says(words);
        looked_up.insert(words.to_owned(), public);
        public
    }

    /// How many parts have been looked up.
    #[cfg(test)]
    pub(super) fn looked_up(&self) -> usize {
        self.looked_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn holds_whole(&self, part: &[u8]) -> bool {
        self.forms
            .iter()
            .any(|form| part.windows(form.len()).any(|window| window == form))
    }
}

/// The runs of one length.
struct Runs {
    len: usize,
    keys: HashSet<u64>,
    /// One bit for each value of a small hash: most texts hold no run, and
    /// this tells it faster.
    sieve: Vec<u64>,
}

impl Runs {
    /// The runs of this length that are looked for; none where there are none.
    fn new(forms: &[Vec<u8>], len: usize) -> Option<Self> {
        let keys: HashSet<u64> = forms
            .iter()
            .filter(|form| form.len() == len || (len == RUN && form.len() > RUN))
            .flat_map(|form| form.windows(len))
            .map(|run| run.iter().fold(0, |key, byte| key << 8 | u64::from(*byte)))
            .collect();
        if keys.is_empty() {
            return None;
        }
        let mut runs = Self {
            len,
            sieve: vec![0; (keys.len() / 4).next_power_of_two().max(16)],
            keys,
        };
        for key in &runs.keys {
            let (word, bit) = place(runs.sieve.len(), *key);
            runs.sieve[word] |= bit;
        }
        Some(runs)
    }

    /// The ranges of the view that are such runs.
    fn found(&self, view: &View) -> Vec<(usize, usize)> {
        let mask = u64::MAX >> (8 * (RUN - self.len));
        let (mut key, mut have) = (0_u64, 0);
        let mut found = Vec::new();
        for (at, byte) in view.bytes.iter().enumerate() {
            if view.is_apart(at) {
                have = 0;
            }
            key = (key << 8 | u64::from(fold(*byte))) & mask;
            have += 1;
            if have >= self.len && self.has(key) {
                found.push((at + 1 - self.len, at + 1));
            }
        }
        found
    }

    fn has(&self, key: u64) -> bool {
        let (word, bit) = place(self.sieve.len(), key);
        self.sieve[word] & bit != 0 && self.keys.contains(&key)
    }
}

/// The place of a key in a sieve of so many words, a power of two.
fn place(words: usize, key: u64) -> (usize, u64) {
    let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let bit = 1 << (hash & 63);
    ((hash >> 6) as usize & (words - 1), bit)
}

/// Overlapping and touching ranges as one each, in order.
fn merged(mut ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    ranges.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn is_long_enough(secret: &[u8]) -> bool {
    match std::str::from_utf8(secret) {
        Ok(text) => text.chars().count() >= SHORTEST,
        Err(_) => secret.len() >= SHORTEST,
    }
}

/// The ways in which a program may come to hold a secret: as it is, without
/// the white space around it, read as UTF-8 or as Latin-1 where it is not, and
/// each of these backwards.
fn written(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut ways = vec![secret.to_vec(), secret.trim_ascii().to_vec()];
    if std::str::from_utf8(secret).is_err() {
        ways.push(String::from_utf8_lossy(secret).into_owned().into_bytes());
    }
    if !secret.is_ascii() {
        let latin: String = secret.iter().copied().map(char::from).collect();
        ways.push(latin.into_bytes());
    }
    let backwards: Vec<Vec<u8>> = ways
        .iter()
        .map(|way| match std::str::from_utf8(way) {
            Ok(text) => text.chars().rev().collect::<String>().into_bytes(),
            Err(_) => way.iter().rev().copied().collect(),
        })
        .collect();
    ways.extend(backwards);
    ways.iter()
        .filter(|way| is_long_enough(way))
        .map(|way| folded(way))
        .collect()
}

/// What is looked for in place of a byte: capitals make no difference, nor
/// does it which white space it is.
pub(super) fn fold(byte: u8) -> u8 {
    match byte {
        b'\t' | b'\n' | b'\r' => b' ',
        byte => byte.to_ascii_lowercase(),
    }
}

fn folded(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().map(fold).collect()
}

/// Without what is no letter or digit at either end.
fn trimmed(part: &[u8]) -> &[u8] {
    let odd = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
    let from = part.iter().position(|byte| !odd(byte));
    let to = part.iter().rposition(|byte| !odd(byte));
    match (from, to) {
        (Some(from), Some(to)) => &part[from..=to],
        _ => &[],
    }
}
