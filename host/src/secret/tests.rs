//! Each sentence of the rule in `docs/secrets.md`, and that nothing survives.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;

use super::*;
use crate::report::clean;

fn with(secrets: &[&str], public: Public) -> Scrubber {
    let secrets: Vec<Secret> = secrets.iter().map(Secret::new).collect();
    Scrubber::new(&secrets, public)
}

fn scrubber(secret: &str) -> Scrubber {
    with(&[secret], Public::default())
}

/// Base64 without padding, as RFC 4648 says it.
fn base64(bytes: &[u8], last: [char; 2]) -> String {
    let letter = |value: u32| match u8::try_from(value & 63).unwrap() {
        value @ 0..26 => char::from(b'A' + value),
        value @ 26..52 => char::from(b'a' + value - 26),
        value @ 52..62 => char::from(b'0' + value - 52),
        value => last[usize::from(value - 62)],
    };
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(three.get(at).copied().unwrap_or_default())
        });
        let letters = [bits >> 18, bits >> 12, bits >> 6, bits];
        text.extend(letters[..three.len() + 1].iter().map(|bits| letter(*bits)));
    }
    text
}

fn hex(bytes: &[u8], between: &str) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(between)
}

fn every_byte(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

fn in_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// With everything but plain letters as `\uXXXX`.
fn in_ascii_json(text: &str) -> String {
    let letter = |unit: u16| match char::from_u32(unit.into()) {
        Some(letter) if letter.is_ascii_alphanumeric() => letter.to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(letter).collect()
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('\'', "&#39;")
        .replace('"', "&quot;")
}

/// The ways in which a text may hold a secret.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let percent = percent_encode(bytes, NON_ALPHANUMERIC).to_string();
    let after = |before: &str| [before.as_bytes(), bytes].concat();
    vec![
        ("as it is", secret.to_owned()),
        ("percent", percent.clone()),
        ("percent, small digits", percent.to_lowercase()),
        ("percent, every byte", every_byte(bytes)),
        ("form", percent.replace("%20", "+")),
        ("json", in_json(secret)),
        ("json in ascii", in_ascii_json(secret)),
        ("debug", format!("{secret:?}")),
        ("escaped", secret.escape_default().to_string()),
        ("escaped all", secret.escape_unicode().to_string()),
        ("bytes escaped", bytes.escape_ascii().to_string()),
        ("bytes", format!("{bytes:?}")),
        ("bytes in hex", format!("{bytes:#04x?}")),
        ("hex", hex(bytes, "")),
        ("hex after a digit", format!("a{}", hex(bytes, ""))),
        ("capital hex", hex(bytes, "").to_uppercase()),
        ("spaced hex", hex(bytes, " ")),
        ("hex with colons", hex(bytes, ":")),
        ("base64", base64(bytes, ['+', '/'])),
        ("base64 for URLs", base64(bytes, ['-', '_'])),
        ("base64 of a login", base64(&after("app:"), ['+', '/'])),
        (
            "base64 of a longer one",
            base64(&after("user:"), ['+', '/']),
        ),
        ("shell", format!("'{}'", secret.replace('\'', r"'\''"))),
        ("sql", format!("'{}'", secret.replace('\'', "''"))),
        ("html", in_html(secret)),
        ("backwards", secret.chars().rev().collect()),
        ("latin", bytes.iter().copied().map(char::from).collect()),
        ("capitals", secret.to_ascii_uppercase()),
        (
            "base64 in a URL",
            percent_encode(base64(bytes, ['+', '/']).as_bytes(), NON_ALPHANUMERIC).to_string(),
        ),
        (
            "base64 of json",
            base64(in_json(secret).as_bytes(), ['+', '/']),
        ),
        ("json of percent", in_json(&percent)),
        (
            "percent of json",
            percent_encode(in_json(secret).as_bytes(), NON_ALPHANUMERIC).to_string(),
        ),
        (
            "base64 twice",
            base64(base64(bytes, ['+', '/']).as_bytes(), ['+', '/']),
        ),
    ]
}

const AWKWARD: [&str; 9] = [
    "Tr0ub4dor&3",
    "p@ss:w/rd?#&\"'\\ %41 ü",
    "a b\nc\td\r\ne",
    "日本語のパスワード",
    "x9!?",
    "''\"\"\\\\&&%%++",
    "\u{1b}[31mred\u{7}",
    "  k7 surrounded  ",
    "🦀🦀🦀🦀",
];

#[test]
fn a_secret_is_blanked_however_it_is_written() {
    for secret in AWKWARD {
        for (way, encoded) in encodings(secret) {
            let text = format!("the server said <{encoded}>, so");
            let shown = scrubber(secret).scrub(&text);
            assert!(shown.contains(BLANK), "{way}: {text} became {shown}");
            assert!(!shown.contains(&encoded), "{way}: {shown}");
            let left = shown.replace(BLANK, "").len();
            // What is around it, and quotes or the start of a code.
            assert!(
                left <= "the server said <>, so".len() + 12,
                "{way}: {shown}"
            );
        }
    }
}

#[test]
fn what_is_around_a_secret_stays() {
    let scrubber = scrubber("Tr0ub4dor&3");
    let cases = [
        ("x Tr0ub4dor&3 y", "x (secret) y"),
        ("redis://:Tr0ub4dor%263@h", "redis://:(secret)@h"),
        (
            "Authorization: Basic YXBwOlRyMHViNGRvciYz.",
            "Authorization: Basic YXBwO(secret).",
        ),
        (r#"{"a":"Tr0ub4dor\u00263"}"#, r#"{"a":"(secret)"}"#),
        ("Tr0ub4dor&3Tr0ub4dor&3", "(secret)"),
        ("größe 日本 Tr0ub4dor&3é🦀", "größe 日本 (secret)é🦀"),
    ];
    for (text, shown) in cases {
        assert_eq!(scrubber.scrub(text), shown);
    }
}

#[test]
fn a_part_of_eight_bytes_is_blanked_wherever_it_stands() {
    let scrubber = scrubber("Tr0ub4dor&3-correct-horse");
    let cases = [
        ("cut off: Tr0ub4do", "cut off: (secret)"),
        (
            "in the middle b4dor&3-c of it",
            "in the middle (secret) of it",
        ),
        ("the end t-horse.", "the end t-horse."),
        ("the end ct-horse.", "the end (secret)."),
        ("VHIwdWI0ZG9y", "(secret)"),
        ("Tr0ub4d", "Tr0ub4d"),
    ];
    for (text, shown) in cases {
        assert_eq!(scrubber.scrub(text), shown);
    }
}

#[test]
fn every_line_of_a_secret_of_several_lines_is_blanked() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n";
    let scrubber = scrubber(key);
    for line in ["MIIEvQIBADANBg", "kqhkiG9w0BAQEF"] {
        assert_eq!(scrubber.scrub(&format!("<{line}>")), "<(secret)>");
    }
    assert_eq!(scrubber.scrub(&key.replace('\n', " ")), "(secret)");
}

#[test]
fn secrets_of_less_than_four_characters_are_shown() {
    for secret in ["", "a", "abc", "é½€"] {
        let text = format!("abcd {secret} é½€");
        assert_eq!(scrubber(secret).scrub(&text), text);
    }
    assert_eq!(scrubber("a1c!").scrub("xa1c!y"), "x(secret)y");
}

#[test]
fn secrets_that_are_not_text_are_blanked() {
    let secret = Secret::new(b"\xff\xfe7\x01kQ\x80\xe9z");
    let scrubber = Scrubber::new([&secret], Public::default());
    let bytes = secret.reveal();
    for text in [
        String::from_utf8_lossy(bytes).into_owned(),
        bytes.iter().copied().map(char::from).collect(),
        hex(bytes, ""),
        base64(bytes, ['+', '/']),
        every_byte(bytes),
        bytes.escape_ascii().to_string(),
    ] {
        assert_eq!(scrubber.scrub(&format!("<{text}>")), "<(secret)>", "{text}");
    }
}

fn component(bytes: &'static [u8]) -> Public {
    let mut public = Public::default();
    public.component(Arc::new(Cow::Borrowed(bytes)));
    public
}

#[test]
fn words_that_a_plugin_can_say_untold_are_no_secrets() {
    let public = component(b"\0asm\x01wrong-passwordloadinga database x9!kQ app-1");
    let text = "wrong-password: Loading the DATABASE";
    for word in ["wrong", "Loading", "wrong-password", "a database"] {
        assert_eq!(with(&[word], public.clone()).scrub(text), text, "{word}");
    }
    // Not words: they may stand there by chance.
    for secret in ["x9!kQ", "app-1"] {
        let shown = with(&[secret], public.clone()).scrub(&format!("<{secret}>"));
        assert_eq!(shown, "<(secret)>");
    }
}

#[test]
fn words_of_the_hosts_and_the_servers_are_no_secrets() {
    for (word, text) in [
        ("connection", "db:5432 refused the connection"),
        ("refused", "db:5432 refused the connection"),
        ("postgres", "no password for postgres given: see --password"),
        ("password authentication", "password authentication failed"),
    ] {
        let public = component(b"postgres");
        assert_eq!(with(&[word], public).scrub(text), text, "{word}");
    }
}

#[test]
fn what_is_public_of_the_target_is_no_secret() {
    let mut public = Public::default();
    public.shown("postgres://app1@db-7.example:15432/shop-prod");
    public.named("R0b0t");
    for (secret, text) in [
        ("app1", "the user app1 may not"),
        ("db-7", "db-7.example does not resolve"),
        ("5432", "no answer on 15432"),
        ("shop-prod", "the database shop-prod does not exist"),
        ("r0b0t", "R0b0t was refused"),
    ] {
        assert_eq!(with(&[secret], public.clone()).scrub(text), text);
    }
    // Of what only is known to be public, no part is.
    assert_eq!(with(&["0b0t"], public).scrub("R0b0t"), "R(secret)");
}

#[test]
fn a_part_of_a_secret_that_is_a_public_word_stays() {
    let public = component(b"connection postgres password");
    let scrubber = with(&["postgres-connection-pw!"], public);
    for text in ["postgres 15", "the connection: closed", "-connection-"] {
        assert_eq!(scrubber.scrub(text), text);
    }
    // But not where the whole secret stands, or what is no word.
    assert_eq!(scrubber.scrub("postgres-connection-pw!"), "(secret)");
    assert_eq!(scrubber.scrub("xconnection-pw!"), "x(secret)");
    let punctuated = with(&["postgres!"], component(b"postgres"));
    assert_eq!(
        punctuated.scrub("postgres! postgres?"),
        "(secret) postgres?"
    );
}

#[test]
fn looking_up_parts_of_secrets_is_bounded() {
    let secret: String = (0..600_u32)
        .map(|at| format!("wordnumber{}", at.wrapping_mul(2_654_435_761)))
        .collect();
    let scrubber = scrubber(&secret);
    for at in 0..secret.len() - 20 {
        scrubber.scrub(&secret[at..at + 12]);
    }
    let known = scrubber.known.as_ref().unwrap();
    assert!(known.looked_up() <= 256);
}

#[test]
fn texts_are_bounded_before_they_are_looked_at() {
    let text = "é".repeat(1 << 20);
    assert_eq!(scrubber("hunter22").scrub(&text).len(), LOOKED_AT);
    assert_eq!(Scrubber::default().scrub(&text).len(), LOOKED_AT);
}

#[test]
fn a_secret_never_shows_itself() {
    assert_eq!(format!("{:?}", Secret::new("hunter22")), "(secret)");
    assert_eq!(format!("{:?}", scrubber("hunter22")), "Scrubber { .. }");
    let mut public = Public::default();
    public.named("hunter22");
    assert_eq!(format!("{public:?}"), "Public { .. }");
}

/// The longest piece that both texts hold, in bytes; of the first no more
/// than its start is looked at, which is enough.
fn common(one: &str, other: &str) -> usize {
    let one: Vec<u8> = one.bytes().take(600).collect();
    let other = other.as_bytes();
    let mut before = vec![0; other.len() + 1];
    let mut longest = 0;
    for byte in one {
        let mut now = vec![0; other.len() + 1];
        for (at, other) in other.iter().enumerate() {
            if *other == byte {
                now[at + 1] = before[at] + 1;
                longest = longest.max(now[at + 1]);
            }
        }
        before = now;
    }
    longest
}

fn secrets() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(any::<char>(), 4..40)
            .prop_map(|letters| letters.into_iter().collect()),
        "[!-~]{4,64}",
        "[a-zA-Z0-9]{4,12}",
        ("[!-~]{8,40}", 10..120_usize).prop_map(|(text, times)| text.repeat(times)),
        "[ -~é日\n\t]{1000,5000}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_survives(secret in secrets(), before in "\\PC{0,40}", after in "\\PC{0,40}", way in 0..33_usize) {
        let scrubber = scrubber(&secret);
        prop_assume!(scrubber.known.is_some());
        let (way, encoded) = encodings(&secret).swap_remove(way);
        let text = format!("{before} {encoded} {after}");
        // As many bytes as a report looks at, whatever comes after.
        let shown = clean(&scrubber.scrub(&text));
        prop_assert!(shown.len() <= 300 * 10 + 3);
        if encoded.len() <= 4 * LOOKED_AT / 5 {
            prop_assert!(shown.contains("(secr"), "{}: {} became {}", way, text, shown);
        }
        // What remains of the code are pieces too small for eight bytes; what
        // was there besides does not count.
        let around = clean(&format!("{before} {after} (secret)"));
        let left = common(&encoded, &shown);
        let chance = common(&encoded, &around);
        prop_assert!(left <= chance.max(7 * 10) , "{}: {} of {} in {}", way, left, encoded, shown);
        if way == "as it is" {
            prop_assert!(left <= chance.max(7), "{} in {}", encoded, shown);
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_shows_less_than_eight_bytes(secret in "[a-z0-9]{9,80}", from in 0..9_usize, cut in 0..80_usize) {
        let scrubber = scrubber(&secret);
        prop_assume!(scrubber.known.is_some() && secret.bytes().any(|byte| byte.is_ascii_digit()));
        let part = &secret[from.min(secret.len())..];
        let part = &part[..cut.min(part.len())];
        let shown = scrubber.scrub(&format!("<{part}"));
        prop_assert!(common(&secret, &shown.replace(BLANK, "")) < 8, "{} in {}", secret, shown);
    }

    #[test]
    fn texts_without_a_secret_stay(text in "[a-zA-Z ,.:]{0,200}") {
        prop_assert_eq!(scrubber("Tr0ub4dor&3").scrub(&text), text);
    }
}
