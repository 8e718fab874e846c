use proptest::collection::btree_map;
use proptest::prelude::*;

use super::*;
use crate::oci;

const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const BOTH: &str = r#"# Written by `waitfor plugin lock`; commit it.
version = 1

[[plugin]]
name = "acme/billing"
requirement = "*"
version = "1.0.0"
registry = "registry.acme.example/ci/probes"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
size = 18342
abi = "1.0"
schemes = ["billing", "billing+tls"]

[[plugin]]
name = "vertica"
requirement = "~1.2"
version = "1.2.4"
registry = "official"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
size = 7
abi = "1.0"
schemes = []
"#;

fn locked(name: &str, requirement: &str, version: &str, registry: &str) -> Locked {
    Locked {
        name: name.parse().unwrap(),
        requirement: config::parse_requirement(requirement).unwrap(),
        version: version.parse().unwrap(),
        registry: registry.parse().unwrap(),
        component: format!("sha256:{SHA}").parse().unwrap(),
        size: 7,
        abi: Abi { major: 1, minor: 0 },
        schemes: Vec::new(),
    }
}

fn billing() -> Locked {
    Locked {
        size: 18342,
        schemes: vec!["billing".to_owned(), "billing+tls".to_owned()],
        ..locked(
            "acme/billing",
            "*",
            "1.0.0",
            "registry.acme.example/ci/probes",
        )
    }
}

fn vertica() -> Locked {
    locked("vertica", "~1.2", "1.2.4", "official")
}

fn parse(text: &str) -> Result<Lock> {
    Lock::parse(Path::new("waitfor.lock"), text)
}

/// The complaint about `text`, with its hint.
fn refusal(text: &str) -> (String, String) {
    let error = parse(text).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn is_written_in_one_way_whatever_the_order() {
    let mut lock = Lock::new("waitfor.lock");
    assert!(lock.set(vertica()));
    assert!(lock.set(billing()));
    assert_eq!(lock.to_string(), BOTH);
    let again = parse(BOTH).unwrap();
    assert_eq!(again.to_string(), BOTH);
    assert!(again.plugins().eq([&billing(), &vertica()]));
    assert_eq!(again.get(&vertica().name), Some(&vertica()));
    assert_eq!(again.get(&"redis".parse().unwrap()), None);
    let swapped = {
        let (head, blocks) = BOTH.split_once("\n[[plugin]]").unwrap();
        let (first, second) = blocks.split_once("\n[[plugin]]").unwrap();
        format!("{head}\n[[plugin]]{second}\n\n\n[[plugin]]{first}\n\n")
    };
    assert_eq!(parse(&swapped).unwrap().to_string(), BOTH);
}

#[test]
fn an_empty_lock_has_a_head_only() {
    let lock = Lock::new("waitfor.lock");
    assert_eq!(lock.to_string(), HEAD);
    assert_eq!(parse(HEAD).unwrap().to_string(), HEAD);
    let mut lock = parse(BOTH).unwrap();
    assert!(lock.remove(&billing().name));
    assert!(lock.remove(&vertica().name));
    assert!(!lock.remove(&vertica().name));
    assert_eq!(lock.to_string(), HEAD);
}

#[test]
fn one_plugin_moves_one_block() {
    let mut lock = parse(BOTH).unwrap();
    assert!(!lock.set(billing()));
    assert!(lock.set(Locked {
        version: "1.0.1".parse().unwrap(),
        size: 20,
        ..billing()
    }));
    let expected = BOTH
        .replace("version = \"1.0.0\"", "version = \"1.0.1\"")
        .replace("size = 18342", "size = 20");
    assert_eq!(lock.to_string(), expected);
    assert!(lock.set(locked("redis", "1", "1.0.0", "official")));
    let text = lock.to_string();
    assert!(
        text.starts_with(
            expected
                .split_once("\n[[plugin]]\nname = \"vertica\"")
                .unwrap()
                .0
        )
    );
    assert!(text.ends_with(BOTH.rsplit_once("[[plugin]]").unwrap().1));
}

#[test]
fn what_is_not_known_stays() {
    let text = r#"# A word to the reader.
version = 1
revision = 3 # of later programs
written-by = "waitfor 0.9.0"

[origins.'of all']
a = { b = 1 }

# Mind this one.
[[plugin]] # here
name = 'vertica'   # single quotes
signer = "minisign:RWQ"
requirement = "~1.2"
version = "1.2.4"
registry = "official"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
size = 0x07
abi = "1.0"

[plugin.signature]
[[plugin.signature.of]]
"[[plugin]]" = """
[[plugin]]
"""

[[plugin]]
name = "acme/billing"
requirement = "*"
version = "1.0.0"
registry = "registry.acme.example/ci/probes"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
size = 18342
abi = "1.0"
schemes = ["billing", "billing+tls"]

[[origins.list]]
c = 2
# The end.
"#;
    let mut lock = parse(text).unwrap();
    let signature = r#"
[plugin.signature]

[[plugin.signature.of]]
"[[plugin]]" = """
[[plugin]]
"""
"#;
    let sorted = format!(
        r#"# A word to the reader.
version = 1
revision = 3 # of later programs
written-by = "waitfor 0.9.0"
{billing}
# Mind this one.
[[plugin]] # here
name = 'vertica'   # single quotes
signer = "minisign:RWQ"
requirement = "~1.2"
version = "1.2.4"
registry = "official"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
size = 0x07
abi = "1.0"
{signature}
[origins.'of all']
a = {{ b = 1 }}

[[origins.list]]
c = 2
# The end.
"#,
        billing = &BOTH[BOTH.find("\n[[plugin]]").unwrap()..BOTH.rfind("[[plugin]]").unwrap() - 1],
    );
    assert_eq!(lock.to_string(), sorted);
    assert!(lock.set(Locked {
        version: "1.2.5".parse().unwrap(),
        schemes: vec!["vertica".to_owned()],
        ..vertica()
    }));
    let moved = sorted
        .replace("version = \"1.2.4\"", "version = \"1.2.5\"")
        .replace("name = 'vertica'", "name = \"vertica\"")
        .replace(
            "size = 0x07\nabi = \"1.0\"\n",
            "size = 7\nabi = \"1.0\"\nschemes = [\"vertica\"]\n",
        );
    assert_eq!(lock.to_string(), moved);
    assert_eq!(parse(&moved).unwrap().to_string(), moved);
}

#[test]
fn line_breaks_and_marks_of_editors_mean_nothing() {
    let other = format!("\u{feff}{}", BOTH.replace('\n', "\r\n"));
    assert_eq!(parse(&other).unwrap().to_string(), BOTH);
}

#[test]
fn a_newer_format_is_refused_with_the_version_to_install() {
    let later = "version = 2\nplugins = { vertica = 1 }\n";
    let here = env!("CARGO_PKG_VERSION");
    let message = format!("waitfor.lock has format 2, and this waitfor {here} reads 1");
    assert_eq!(
        refusal(later),
        (message.clone(), "install a newer waitfor".to_owned())
    );
    for (requires, hint) in [
        ("\"3.1.0\"", "install waitfor 3.1.0 or a newer one"),
        ("\"\\u001b[2J\"", "install a newer waitfor"),
        ("3", "install a newer waitfor"),
    ] {
        let text = format!("requires-waitfor = {requires}\n{later}");
        assert_eq!(refusal(&text), (message.clone(), hint.to_owned()));
    }
    let revised = BOTH.replace("version = 1\n", "version = 1\nrevision = 9\n");
    assert_eq!(parse(&revised).unwrap().to_string(), revised);
}

#[test]
fn a_merge_that_was_not_finished_is_told_from_other_damage() {
    let text = BOTH.replace(
        "version = \"1.2.4\"\n",
        "<<<<<<< HEAD\nversion = \"1.2.4\"\n=======\nversion = \"1.2.5\"\n>>>>>>> main\n",
    );
    assert_eq!(
        refusal(&text),
        (
            "waitfor.lock:17:1: a merge left a conflict here".to_owned(),
            "take either side, then run `waitfor plugin lock`".to_owned()
        )
    );
}

#[test]
fn damage_is_named_with_line_plugin_and_the_way_out() {
    let whole =
        "take the file back from version control, or remove it and run `waitfor plugin lock`";
    let vertica = "take the file back from version control, or remove the block of vertica and run `waitfor plugin lock`";
    let unnamed = "take the file back from version control, or remove the block of the plugin and run `waitfor plugin lock`";
    let last = |from: &str, to: &str| {
        let at = BOTH.rfind(from).unwrap();
        format!("{}{to}{}", &BOTH[..at], &BOTH[at + from.len()..])
    };
    let cases = [
        (
            BOTH.replace("version = 1\n", ""),
            "waitfor.lock: the lock has no `version`",
            whole,
        ),
        (
            BOTH.replace("version = 1\n", "version = \"1\"\n"),
            "waitfor.lock:2:11: `version` of the lock is not a number from 0",
            whole,
        ),
        (
            BOTH.replace("version = 1\n", "version = 0\n"),
            "waitfor.lock:2:11: there is no format 0",
            whole,
        ),
        (
            BOTH.replace("version = 1\n", "version = 1\nrevision = -1\n"),
            "waitfor.lock:3:12: `revision` of the lock is not a number from 0",
            whole,
        ),
        (
            "version = 1\nplugin = []\n".to_owned(),
            "waitfor.lock:2:10: `plugin` is not a list of [[plugin]] blocks",
            "remove it and run `waitfor plugin lock`",
        ),
        (
            last("name = \"vertica\"\n", ""),
            "waitfor.lock:14:1: [[plugin]] number 2 has no `name`",
            unnamed,
        ),
        (
            last("\"vertica\"", "\"../vertica\""),
            "waitfor.lock:15:8: `name` of [[plugin]] number 2: `../vertica` is not a plugin's name: only lower-case letters, digits and `-` may stand in it",
            unnamed,
        ),
        (
            BOTH.replace("acme/billing", "vertica"),
            "waitfor.lock:14:1: `vertica` is locked twice, first in line 4",
            vertica,
        ),
        (
            last("\"~1.2\"", "\"latest\""),
            "waitfor.lock:16:15: `requirement` of `vertica`: `latest` does not say which version is wanted: a version starts with a digit",
            vertica,
        ),
        (
            last("\"1.2.4\"", "\"1.2\""),
            "waitfor.lock:17:11: `version` of `vertica`: `1.2` is not a version: unexpected end of input while parsing minor version number",
            vertica,
        ),
        (
            last("\"official\"", "\"https://h.example\""),
            "waitfor.lock:18:12: `registry` of `vertica`: `https://h.example` does not say where plugins are kept: the scheme has no place in it",
            vertica,
        ),
        (
            last(SHA, &SHA[1..]),
            "waitfor.lock:19:10: `sha256` of `vertica`: `a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad` is not a digest: it has not 64 hexadecimal digits",
            vertica,
        ),
        (
            last("size = 7", "size = -7"),
            "waitfor.lock:20:8: `size` of `vertica` is not a number from 0",
            vertica,
        ),
        (
            last("size = 7", "size = 33554433"),
            "waitfor.lock:20:8: `size` of `vertica` is 33554433, and a plugin has at most 33554432 bytes",
            vertica,
        ),
        (
            last("size = 7", "size = 0"),
            "waitfor.lock:20:8: `size` of `vertica` is 0",
            vertica,
        ),
        (
            last("size = 7\n", ""),
            "waitfor.lock:14:1: `vertica` has no `size`",
            vertica,
        ),
        (
            last("abi = \"1.0\"", "abi = 1.0"),
            "waitfor.lock:21:7: `abi` of `vertica` is not a text",
            vertica,
        ),
        (
            last("schemes = []", "schemes = [\"vertica\", 1]"),
            "waitfor.lock:22:11: `schemes` of `vertica` is not a list of texts",
            vertica,
        ),
        (
            last("schemes = []", "schemes = [\"A\"]"),
            "waitfor.lock:22:11: `schemes` of `vertica` has what is no URL scheme",
            vertica,
        ),
    ];
    for (text, message, hint) in cases {
        assert_eq!(refusal(&text), (message.to_owned(), hint.to_owned()));
    }
}

#[test]
fn comments_below_everything_stay_there() {
    let text = BOTH.replacen("\n[[plugin]]", "\n[other]\na = 1\n\n[[plugin]]", 1);
    let mut lock = parse(&format!("{text}# below")).unwrap();
    let once = lock.to_string();
    assert!(once.ends_with("\n\n[other]\na = 1\n\n# below\n"), "{once}");
    assert_eq!(parse(&once).unwrap().to_string(), once);
    lock.set(locked("zeta", "1", "1.0.0", "official"));
    let text = lock.to_string();
    assert!(text.ends_with("\na = 1\n\n# below\n"), "{text}");
    // With nothing but blocks above them as well.
    let text = format!("{BOTH}\n# below\n");
    assert_eq!(parse(&text).unwrap().to_string(), text);
}

#[test]
fn a_file_that_is_not_there_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    assert!(Lock::read(&path).unwrap().is_none());
    std::fs::write(&path, BOTH).unwrap();
    assert_eq!(Lock::read(&path).unwrap().unwrap().to_string(), BOTH);
    let error = Lock::read(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with(": it is a folder"), "{error}");
}

prop_compose! {
    fn any_locked(name: String)(
        requirement in r"\*|(\^|~|>=)?[0-9]\.[0-9]|sha256:[0-9a-f]{64}",
        version in r"[0-9]{1,3}\.[0-9]\.[0-9](-rc\.[1-9])?",
        registry in r"official|oci:[a-z ./\\é']{1,8}|[a-z]{1,5}\.example(:[1-9][0-9])?(/[a-z]{1,4})?",
        component in any::<[u8; 4]>(),
        size in 1..=oci::MAX_COMPONENT,
        abi in r"[1-9]\.[0-9]{1,2}",
        schemes in proptest::collection::vec("[a-z][a-z0-9+.-]{0,3}", 0..3),
    ) -> Option<Locked> {
        Some(Locked {
            name: name.parse().ok()?,
            requirement: config::parse_requirement(&requirement).ok()?,
            version: version.parse().ok()?,
            registry: registry.parse().ok()?,
            component: Digest::of(&component),
            size,
            abi: abi.parse().ok()?,
            schemes,
        })
    }
}

fn any_plugins() -> impl Strategy<Value = Vec<Locked>> {
    btree_map("[a-z]{1,3}(/[a-z]{1,2})?", Just(()), 0..6)
        .prop_flat_map(|names| {
            let each: Vec<_> = names.into_keys().map(any_locked).collect();
            each
        })
        .prop_map(|all| all.into_iter().flatten().collect())
}

/// Words of the format in any order: closer to a lock than any text.
fn like_a_lock() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(" = ".to_owned()),
        Just("\"".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("# x".to_owned()),
        Just("[[plugin]]\n".to_owned()),
        Just("[plugin.x]\n".to_owned()),
        Just("[x]\n".to_owned()),
        Just("x.y = 1\n".to_owned()),
        Just("plugin.y = 1\n".to_owned()),
        Just("version = 1\n".to_owned()),
        Just(BOTH.to_owned()),
        Just(BOTH[BOTH.rfind("\n[[plugin]]").unwrap()..].to_owned()),
        "[-\\[\\]{}a-z0-9.,=\"'#]{1,4}",
    ];
    proptest::collection::vec(words, 0..12).prop_map(|words| words.concat())
}

/// Found by fuzzing: what was read was not what was printed.
#[test]
fn line_breaks_that_were_converted_twice_mean_nothing() {
    for end in ["\r\n", "\r\r\n"] {
        let lock = parse(&BOTH.replace('\n', end)).unwrap();
        assert_eq!(lock.to_string(), BOTH);
    }
}

proptest! {
    #[test]
    fn reads_what_it_writes(plugins in any_plugins(), seed in any::<u64>()) {
        let mut lock = Lock::new(FILE);
        let mut shuffled = plugins.clone();
        shuffled.sort_by_key(|one| Digest::of(format!("{seed}{}", one.name).as_bytes()));
        for one in shuffled {
            prop_assert!(lock.set(one));
        }
        let text = lock.to_string();
        let again = parse(&text).unwrap();
        prop_assert!(again.plugins().eq(&plugins));
        prop_assert_eq!(again.to_string(), text);
    }

    #[test]
    fn others_keep_their_bytes(plugins in any_plugins(), other in any_plugins()) {
        let mut lock = Lock::new(FILE);
        for one in &plugins {
            lock.set(one.clone());
        }
        let before = lock.to_string();
        for one in &other {
            lock.set(one.clone());
        }
        let blocks = |text: &str| -> Vec<String> {
            text.split("\n\n").map(|block| block.trim_end().to_owned()).collect()
        };
        let after = blocks(&lock.to_string());
        for (one, block) in plugins.iter().zip(blocks(&before).iter().skip(1)) {
            if !other.iter().any(|other| other.name == one.name) {
                prop_assert!(after.contains(block), "{block}");
            }
        }
        prop_assert_eq!(parse(&lock.to_string()).unwrap().to_string(), lock.to_string());
    }

    #[test]
    fn whatever_can_be_read_can_be_edited(text in like_a_lock()) {
        if let Ok(mut lock) = parse(&text) {
            prop_assert_eq!(parse(&lock.to_string()).unwrap().to_string(), lock.to_string());
            lock.set(locked("vertica", "9", "9.9.9", "official"));
            lock.set(locked("redis", "9", "9.9.9", "official"));
            let again = parse(&lock.to_string()).unwrap();
            prop_assert!(again.plugins().eq(lock.plugins()));
        }
    }

    #[test]
    fn no_text_is_too_odd(text in "(?s).{0,200}", version in "(?s)version = 1\n.{0,200}") {
        let _ = parse(&text);
        let _ = parse(&version);
    }

    #[test]
    fn no_damage_is_too_odd(at in 0..BOTH.len(), length in 0..40_usize, with in "(?s).{0,9}") {
        let end = (at + length).min(BOTH.len());
        let damaged = format!("{}{with}{}", &BOTH[..at], &BOTH[end..]);
        if let Ok(lock) = parse(&damaged) {
            prop_assert!(parse(&lock.to_string()).is_ok());
        }
    }
}
