//! The secrets that are given, and the search for them in what was printed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use waitfor_tests::cli::Outcome;

/// With everything that is special somewhere.
pub(crate) const AWKWARD: &str = "p@ss:w/rd?#&\"'\\ %41 %zz =ü";

/// Not in this script, and beyond sixteen bits.
pub(crate) const FOREIGN: &str = "ключ-日本語-🦀🦀-zq";

/// On several lines.
pub(crate) const LINES: &str = "first l1ne of it\n\tsec0nd-line&more\nl4st";

/// Four thousand characters.
pub(crate) fn long() -> String {
    let mut state = 7_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from((state >> 16) % 94).expect("a small number"))
    };
    (0..4_000).map(|_| letter()).collect()
}

/// As a URL writes it.
pub(crate) fn in_url(secret: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    secret.bytes().fold(String::new(), |mut text, byte| {
        let written = if plain(byte) {
            write!(text, "{}", char::from(byte))
        } else {
            write!(text, "%{byte:02X}")
        };
        written.expect("a text takes everything");
        text
    })
}

/// As Redis reads it in its configuration.
pub(crate) fn in_redis_conf(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "\\x{byte:02x}").expect("a text takes everything");
        text
    })
}

/// A form of the secret, and how long a piece of it tells eight bytes of it.
struct Form {
    name: &'static str,
    text: Vec<u8>,
    piece: usize,
}

fn forms(secret: &str) -> Vec<Form> {
    let form = |name, text: String, piece| Form {
        name,
        text: text.into_bytes(),
        piece,
    };
    let each = |write: &dyn Fn(u8) -> String| secret.bytes().map(write).collect::<String>();
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        form("as it is", secret.to_owned(), 8),
        form("on one line", secret.replace(['\n', '\t'], " "), 8),
        form("percent-encoded", in_url(secret), 24),
        form("with small digits", in_url(secret).to_lowercase(), 24),
        form(
            "every byte percent-encoded",
            each(&|byte| format!("%{byte:02X}")),
            24,
        ),
        form("in hexadecimal", each(&|byte| format!("{byte:02x}")), 16),
        form(
            "in capital hexadecimal",
            each(&|byte| format!("{byte:02X}")),
            16,
        ),
        form("in JSON", json.trim_matches('"').to_owned(), 16),
        form("escaped", secret.escape_debug().to_string(), 16),
        form("escaped in ASCII", secret.escape_default().to_string(), 24),
        form(
            "as bytes escaped",
            secret.as_bytes().escape_ascii().to_string(),
            32,
        ),
        form("as numbers", format!("{:?}", secret.as_bytes()), 40),
        form("backwards", secret.chars().rev().collect(), 8),
    ];
    for before in ["", "a", "ab"] {
        let encoded = base64(format!("{before}{secret}").as_bytes());
        // The first letters are of what stands before it, too.
        let own = encoded[if before.is_empty() { 0 } else { 4 }..].to_owned();
        forms.push(form(
            "in base64 for URLs",
            own.replace('+', "-").replace('/', "_"),
            12,
        ));
        forms.push(form("in base64", own, 12));
    }
    forms
}

/// Without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..=three.len() {
            let letter = (bits >> (18 - 6 * index)) & 63;
            text.push(char::from(LETTERS[letter as usize]));
        }
    }
    text
}

/// Every piece of a secret that must not be seen, by its length, with the form that it is of.
type Pieces = BTreeMap<usize, HashMap<Vec<u8>, &'static str>>;

fn pieces(secret: &str) -> Arc<Pieces> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Pieces>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.entry(secret.to_owned()).or_insert_with(|| {
        let mut pieces = Pieces::new();
        for form in forms(secret) {
            let len = form.piece.min(form.text.len());
            let of_length = pieces.entry(len).or_default();
            of_length.extend(
                form.text
                    .windows(len)
                    .map(|piece| (piece.to_vec(), form.name)),
            );
        }
        Arc::new(pieces)
    });
    Arc::clone(found)
}

/// The form in which a text shows eight bytes of the secret or more, and which.
pub(crate) fn shown(secret: &str, text: &str) -> Option<String> {
    // What every attempt says again is looked at once.
    let lines: BTreeSet<&str> = text.lines().collect();
    let text: Vec<&str> = lines.into_iter().collect();
    let text = text.join("\n");
    pieces(secret).iter().find_map(|(len, pieces)| {
        let seen = text.as_bytes().windows(*len);
        let mut seen = seen.filter_map(|piece| Some((pieces.get(piece)?, piece)));
        let (form, piece) = seen.next()?;
        Some(format!("{form}: {}", String::from_utf8_lossy(piece)))
    })
}

/// The same of all that a run printed.
pub(crate) fn shown_by(secret: &str, found: &Outcome) -> Option<String> {
    shown(secret, &format!("{}\n{}", found.stdout, found.stderr))
}

#[test]
fn the_tests_would_find_them() {
    for secret in [AWKWARD, FOREIGN, LINES, &long()] {
        for form in forms(secret) {
            let text = String::from_utf8_lossy(&form.text).into_owned();
            assert!(shown(secret, &format!("x{text}y")).is_some(), "{text}");
        }
        let half: String = secret.chars().take(secret.chars().count() / 2).collect();
        assert!(shown(secret, &half).is_some(), "{half}");
        assert_eq!(
            shown(secret, "redis://(secret)@127.0.0.1:6379?a=***#"),
            None
        );
    }
}
