use waitfor_registry::{Digest, Locked, Passed, Reference, Standing, Version, Why};

use super::Told;
use super::row::{Action, Row, Rows};
use super::table::columns;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn locked(requirement: &str) -> Locked {
    Locked {
        name: "acme/billing".parse().unwrap(),
        requirement: requirement.parse().unwrap(),
        version: version("1.0.0"),
        registry: "localhost:5000/probes".parse().unwrap(),
        component: Digest::of(b"abc"),
        size: 131_184,
        abi: "1.0".parse().unwrap(),
        schemes: vec!["billing".to_owned(), "billings".to_owned()],
    }
}

fn line(action: Action) -> String {
    Rows::of("update", vec![Row::new(action, locked("^1.0.0"))]).text()
}

#[test]
fn each_plugin_has_a_line() {
    let whole = "acme/billing 1.0.0 (sha256:ba7816bf8f01, 131184 bytes, waitfor:probe 1.0) \
                 from localhost:5000/probes; answers to billing://, billings://";
    let brief = "(sha256:ba7816bf8f01, 131184 bytes)";
    let cases = [
        (Action::Added, format!("added {whole}")),
        (Action::Locked, format!("locked {whole}")),
        (Action::Removed, "removed acme/billing 1.0.0".to_owned()),
        (Action::Kept, "kept acme/billing 1.0.0".to_owned()),
        (
            Action::Fetched,
            format!("fetched acme/billing 1.0.0 {brief} from localhost:5000/probes"),
        ),
        (
            Action::AtHand("store"),
            "at hand acme/billing 1.0.0 (store)".to_owned(),
        ),
        (
            Action::Verified(vec!["vendor", "store"]),
            "verified acme/billing 1.0.0 (vendor, store)".to_owned(),
        ),
        (
            Action::Failed {
                problems: vec!["it is\nnot at hand".to_owned(), "twice".to_owned()],
                hints: Vec::new(),
            },
            "failed acme/billing 1.0.0: it is not at hand\nfailed acme/billing 1.0.0: twice"
                .to_owned(),
        ),
        (
            Action::Published,
            format!("published acme/billing@1.0.0 to localhost:5000/probes {brief}"),
        ),
        (
            Action::Same,
            format!("already published acme/billing@1.0.0 to localhost:5000/probes {brief}"),
        ),
        (Action::Restored, "restored acme/billing@1.0.0".to_owned()),
        (
            Action::Unsaid,
            "nothing was said of acme/billing@1.0.0".to_owned(),
        ),
        (
            Action::Vendored("probes".to_owned()),
            "vendored acme/billing 1.0.0 into probes".to_owned(),
        ),
    ];
    for (action, expected) in cases {
        assert_eq!(line(action), expected);
    }
    let yanked = Standing::Yanked {
        reason: "wrong codes".to_owned(),
    };
    let row = Row::new(Action::Yanked, locked("1.0.0")).standing(yanked);
    assert_eq!(
        Rows::of("yank", vec![row]).text(),
        "yanked acme/billing@1.0.0: wrong codes"
    );
}

#[test]
fn newer_versions_are_told_apart_by_what_is_allowed() {
    // requirement, allowed, newest, line
    let cases = [
        (
            "^1.0.0",
            Some("1.0.1"),
            Some("2.0.0"),
            "outdated acme/billing 1.0.0 -> 1.0.1 (allowed by ^1.0.0), newest 2.0.0",
        ),
        (
            "^1.0.0",
            Some("1.0.1"),
            Some("1.0.1"),
            "outdated acme/billing 1.0.0 -> 1.0.1 (allowed by ^1.0.0)",
        ),
        (
            "1.0.0",
            Some("1.0.0"),
            Some("2.0.0"),
            "outdated acme/billing 1.0.0, newest 2.0.0 (not allowed by 1.0.0)",
        ),
        (
            "^1.0.0",
            Some("1.0.0"),
            Some("1.0.0"),
            "up to date acme/billing 1.0.0",
        ),
        ("^1.0.0", None, None, "up to date acme/billing 1.0.0"),
        // A registry that lags behind what is locked.
        (
            ">=0.9",
            Some("0.9.7"),
            Some("0.9.7"),
            "up to date acme/billing 1.0.0",
        ),
        // waitfor.toml has been changed since.
        (
            "0.9",
            Some("0.9.7"),
            Some("2.0.0"),
            "outdated acme/billing 1.0.0 -> 0.9.7 (allowed by 0.9), newest 2.0.0",
        ),
    ];
    for (requirement, allowed, newest, expected) in cases {
        let action = Action::Compared {
            allowed: allowed.map(version),
            newest: newest.map(version),
        };
        let rows = Rows::of("outdated", vec![Row::new(action, locked(requirement))]);
        assert_eq!(rows.text(), expected);
        let word = expected.split_once(" acme").unwrap().0.replace(' ', "-");
        assert_eq!(rows.json()["plugins"][0]["action"], word);
    }
}

#[test]
fn a_yanked_version_is_not_up_to_date() {
    // requirement, allowed, newest, line
    let cases = [
        (
            ">=0.9",
            Some("0.9.7"),
            Some("0.9.7"),
            "yanked acme/billing 1.0.0 -> 0.9.7 (allowed by >=0.9)",
        ),
        (
            ">=0.9",
            Some("1.0.1"),
            Some("1.0.1"),
            "outdated acme/billing 1.0.0 -> 1.0.1 (allowed by >=0.9)",
        ),
        (
            "1.0.0",
            None,
            Some("0.9.7"),
            "yanked acme/billing 1.0.0, newest 0.9.7 (not allowed by 1.0.0)",
        ),
        ("1.0.0", None, None, "yanked acme/billing 1.0.0"),
    ];
    for (requirement, allowed, newest, expected) in cases {
        let action = Action::Compared {
            allowed: allowed.map(version),
            newest: newest.map(version),
        };
        let row = Row::new(action, locked(requirement)).standing(Standing::Yanked {
            reason: "wrong codes".to_owned(),
        });
        let rows = Rows::of("outdated", vec![row]);
        assert_eq!(rows.text(), expected);
        let word = expected.split_once(" acme").unwrap().0;
        assert_eq!(rows.json()["plugins"][0]["action"], word);
    }
}

#[test]
fn nobody_goes_back_unasked() {
    use super::back::is_way_back;

    let at = "localhost:5000/probes".parse().unwrap();
    let other = "oci:probes".parse().unwrap();
    let is_back = |found: &str, asked: &str, registry| {
        let asked = match asked {
            "" => Reference::Newest,
            asked => asked.parse().unwrap(),
        };
        is_way_back(&locked("1"), &version(found), &asked, registry)
    };
    assert!(is_back("0.9.7", ">=0.9", &at));
    assert!(is_back("0.9.7", "", &at));
    assert!(!is_back("1.0.0", ">=0.9", &at));
    assert!(!is_back("1.0.1", "1", &at));
    // The user asks for what is not locked, or for another registry.
    assert!(!is_back("0.9.7", "0.9", &at));
    assert!(!is_back("0.9.7", ">=0.9", &other));
    let early = Locked {
        version: version("1.1.0-rc.1"),
        ..locked("1.1.0-rc.1")
    };
    let found = version("1.0.0");
    assert!(!is_way_back(&early, &found, &Reference::Newest, &at));
}

#[test]
fn facts_that_differ_are_named() {
    let notes = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let there = notes(&[("licenses", "MIT"), ("title", "a"), ("url", "https://h")]);
    let offered = notes(&[
        ("licenses", "Apache-2.0"),
        ("title", "a"),
        ("revision", "1"),
    ]);
    assert_eq!(
        super::publish::differing(&there, &offered),
        [
            "licenses is `MIT`, not `Apache-2.0`",
            "revision is nothing, not `1`",
            "url is `https://h`, not nothing",
        ]
    );
}

#[test]
fn an_empty_lock_is_told() {
    assert_eq!(Rows::of("verify", Vec::new()).text(), "nothing is locked");
}

#[test]
fn what_was_passed_over_comes_before_what_was_taken() {
    let passed = vec![
        Passed {
            version: version("2.0.0"),
            why: Why::Abi {
                needed: "1.9".parse().unwrap(),
                spoken: "1.0".parse().unwrap(),
            },
        },
        Passed {
            version: version("1.1.0"),
            why: Why::Yanked("wrong codes".to_owned()),
        },
    ];
    let row = Row::new(Action::Updated, locked("1"))
        .from(Some(version("0.9.0")))
        .passed(passed);
    let rows = Rows {
        dry_run: true,
        ..Rows::of("update", vec![row])
    };
    assert_eq!(
        rows.text(),
        "passed over acme/billing 2.0.0: needs waitfor:probe 1.9, and this waitfor speaks 1.0\n\
         passed over acme/billing 1.1.0: yanked: wrong codes\n\
         would update acme/billing 0.9.0 -> 1.0.0"
    );
    let expected = serde_json::json!({
        "schema": 1,
        "command": "update",
        "dry_run": true,
        "plugins": [{
            "name": "acme/billing",
            "action": "updated",
            "version": "1.0.0",
            "from": "0.9.0",
            "requirement": "1",
            "sha256": Digest::of(b"abc").hex(),
            "size": 131_184,
            "abi": "1.0",
            "registry": "localhost:5000/probes",
            "schemes": ["billing", "billings"],
            "standing": {"word": "good", "reason": null},
            "passed_over": [
                {
                    "version": "2.0.0",
                    "why": "abi",
                    "detail": "needs waitfor:probe 1.9, and this waitfor speaks 1.0",
                },
                {"version": "1.1.0", "why": "yanked", "detail": "wrong codes"},
            ],
        }],
    });
    assert_eq!(rows.json(), expected);
}

#[test]
fn a_plugin_that_was_not_locked_has_a_row_too() {
    let name = "acme/billing".parse().unwrap();
    let rows = Rows::of("remove", vec![Row::about(Action::Removed, name, None)]);
    assert_eq!(rows.text(), "removed acme/billing");
    assert!(rows.json()["plugins"][0]["version"].is_null());
}

#[test]
fn columns_line_up() {
    let rows = [["a", "bb"], ["ccc", ""]].map(|row| row.map(str::to_owned));
    assert_eq!(columns(&rows), "a    bb\nccc");
}

#[test]
fn one_slip_is_told_from_two() {
    for (one, other, slip) in [
        ("redis", "rediss", true),
        ("redis", "reids", true),
        ("redis", "rdis", true),
        ("redis", "redix", true),
        ("redis", "redis", false),
        ("redis", "rabbit", false),
    ] {
        assert_eq!(super::add::is_one_slip(one, other), slip, "{other}");
    }
}
