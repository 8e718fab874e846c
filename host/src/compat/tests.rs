use super::*;
use crate::description::{RawDescription, RawParam, RawScheme};
use crate::model::Facts;

fn facts(pairs: &[(&str, &str)]) -> Facts {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn scheme(name: &str, default_port: Option<u16>) -> RawScheme {
    RawScheme {
        name: name.to_owned(),
        default_port,
        more: facts(&[("summary", "as its name says")]),
    }
}

fn param(name: &str, kind: &str, default: Option<&str>, more: &[(&str, &str)]) -> RawParam {
    RawParam {
        name: name.to_owned(),
        kind: kind.to_owned(),
        summary: format!("the {name}"),
        required: false,
        default: default.map(str::to_owned),
        more: facts(more),
    }
}

/// A plugin with a parameter of every kind.
fn billing() -> RawDescription {
    RawDescription {
        summary: "an invoice is computed".to_owned(),
        schemes: vec![
            scheme("billing", Some(7070)),
            scheme("billings", Some(7071)),
            scheme("billing+any", None),
        ],
        params: vec![
            param(
                "user",
                "text",
                None,
                &[
                    ("url-part", "username"),
                    ("env", "BILLING_USER"),
                    ("alias", "login"),
                    ("default-from", "os-user"),
                ],
            ),
            param(
                "password",
                "secret",
                None,
                &[("url-part", "password"), ("password-file", "pgpass")],
            ),
            param("level", "integer", Some("1"), &[("min", "0"), ("max", "9")]),
            param(
                "mode",
                "choice",
                Some("fast"),
                &[("choice", "fast"), ("choice", "full")],
            ),
            param("stay", "duration", Some("200ms"), &[]),
            param("dry", "switch", None, &[]),
            param("expect", "text", None, &[("multiple", "true")]),
            param("ca", "path", None, &[("host", "tls-ca")]),
        ],
        examples: vec![],
        more: facts(&[
            ("url-env", "BILLING_URL"),
            ("url-env-scheme", "http=billing"),
            ("host-env", "BILLING_HOST"),
            ("default-host", "localhost"),
            ("hosts", "many"),
            ("ignored-key", "pool_size"),
        ]),
    }
}

fn named<'a>(raw: &'a mut RawDescription, name: &str) -> &'a mut RawParam {
    raw.params
        .iter_mut()
        .find(|param| param.name == name)
        .unwrap()
}

/// Puts another value in place of a fact; none takes it away.
fn set(more: &mut Facts, name: &str, value: Option<&str>) {
    more.retain(|(known, _)| known != name);
    more.extend(value.map(|value| (name.to_owned(), value.to_owned())));
}

fn between(older: RawDescription, newer: RawDescription) -> Changes {
    Changes::between(
        &Description::from_raw("acme/billing", older).unwrap(),
        &Description::from_raw("acme/billing", newer).unwrap(),
    )
}

/// The differences after a change, each marked with `!` where it breaks.
fn after(change: impl Fn(&mut RawDescription)) -> Vec<String> {
    let mut newer = billing();
    change(&mut newer);
    lines(&between(billing(), newer))
}

/// The differences after the change was taken back.
fn before(change: impl Fn(&mut RawDescription)) -> Vec<String> {
    let mut older = billing();
    change(&mut older);
    lines(&between(older, billing()))
}

fn lines(changes: &Changes) -> Vec<String> {
    changes
        .iter()
        .map(|change| {
            let mark = if change.breaking { "! " } else { "" };
            format!("{mark}{change}")
        })
        .collect()
}

#[test]
fn what_says_the_same_has_no_difference() {
    assert!(after(|_| ()).is_empty());
    let same = after(|raw| {
        named(raw, "stay").default = Some("0.2s".to_owned());
        named(raw, "dry").default = Some("off".to_owned());
        named(raw, "level").default = Some("01".to_owned());
        let user = named(raw, "user");
        user.summary = "another word for it".to_owned();
        user.more
            .push(("placeholder".to_owned(), "NAME".to_owned()));
        raw.params.reverse();
        raw.examples.push("billing://h".to_owned());
        raw.schemes[0].more.clear();
    });
    assert!(same.is_empty(), "{same:?}");
}

#[test]
fn a_scheme_keeps_its_name_and_its_port() {
    assert_eq!(
        after(|raw| {
            raw.schemes.remove(1);
        }),
        ["! the scheme `billings` is gone"]
    );
    assert_eq!(
        before(|raw| {
            raw.schemes.remove(1);
        }),
        ["the scheme `billings` is new"]
    );
    assert_eq!(
        after(|raw| raw.schemes[0].default_port = Some(80)),
        ["! the port of the scheme `billing` is now 80, and was 7070"]
    );
    assert_eq!(
        after(|raw| raw.schemes[0].default_port = None),
        ["! the scheme `billing` has no port of its own any more, and had 7070"]
    );
    assert_eq!(
        after(|raw| raw.schemes[2].default_port = Some(1)),
        ["the scheme `billing+any` has the port 1 now"]
    );
    assert_eq!(
        after(|raw| raw.schemes.swap(0, 1)),
        ["! targets without a URL are now `billings`, and were `billing`"]
    );
    let unix = |raw: &mut RawDescription| {
        set(&mut raw.schemes[2].more, "transport", Some("unix"));
    };
    assert_eq!(
        after(unix),
        ["! the scheme `billing+any` is now that of a UNIX socket"]
    );
    assert_eq!(
        before(unix),
        ["! the scheme `billing+any` is no longer that of a UNIX socket"]
    );
}

#[test]
fn a_parameter_keeps_its_name_and_kind() {
    assert_eq!(
        after(|raw| raw.params.retain(|param| param.name != "expect")),
        ["! the parameter `expect` is gone"]
    );
    assert_eq!(
        after(|raw| named(raw, "expect").name = "expect-row".to_owned()),
        [
            "! the parameter `expect` is gone",
            "the parameter `expect-row` is new"
        ]
    );
    assert_eq!(
        after(|raw| {
            let expect = named(raw, "expect");
            expect.name = "expect-row".to_owned();
            expect.more.push(("alias".to_owned(), "expect".to_owned()));
        }),
        [
            "! the parameter `expect` is now `expect-row`: the old name goes on in URLs, and neither as an option nor in its variable"
        ]
    );
    assert_eq!(
        after(|raw| named(raw, "expect").kind = "path".to_owned()),
        ["! the parameter `expect` is now of the kind path, and was of the kind text"]
    );
    assert_eq!(
        after(|raw| named(raw, "expect").kind = "word-of-a-later-contract".to_owned()),
        [""; 0]
    );
}

#[test]
fn a_new_parameter_may_not_be_demanded() {
    let new = |kind: &'static str, required: bool, default: Option<&'static str>| {
        after(move |raw| {
            raw.params.push(RawParam {
                required,
                ..param("region", kind, default, &[])
            });
        })
    };
    assert_eq!(new("text", false, None), ["the parameter `region` is new"]);
    assert_eq!(
        new("text", true, Some("eu")),
        ["the parameter `region` is new"]
    );
    assert_eq!(
        new("secret", false, None),
        ["the parameter `region` is new, and a secret"]
    );
    assert_eq!(
        new("text", true, None),
        ["! the parameter `region` is new and must be given"]
    );
    assert_eq!(
        after(|raw| named(raw, "expect").required = true),
        ["! the parameter `expect` must be given now"]
    );
    assert_eq!(
        before(|raw| named(raw, "expect").required = true),
        ["the parameter `expect` need not be given any more"]
    );
    // The default or the account's name stands in.
    assert!(after(|raw| named(raw, "level").required = true).is_empty());
    assert!(after(|raw| named(raw, "user").required = true).is_empty());
    assert!(after(|raw| named(raw, "ca").required = true).is_empty());
    assert_eq!(
        after(|raw| {
            raw.params.push(RawParam {
                required: true,
                ..param("tenant", "text", None, &[("default-from", "user")])
            });
        }),
        ["the parameter `tenant` is new"]
    );
}

#[test]
fn values_that_were_allowed_stay_allowed() {
    let without = |raw: &mut RawDescription| {
        named(raw, "mode").more.retain(|(_, word)| word != "full");
    };
    assert_eq!(
        after(without),
        ["! the choice `full` of the parameter `mode` is gone"]
    );
    assert_eq!(
        before(without),
        ["the choice `full` of the parameter `mode` is new"]
    );
    assert_eq!(
        after(|raw| {
            set(&mut named(raw, "level").more, "min", Some("1"));
            set(&mut named(raw, "level").more, "max", Some("8"));
        }),
        [
            "! the parameter `level` must be at least 1 now",
            "! the parameter `level` must be at most 8 now"
        ]
    );
    let unbounded = |raw: &mut RawDescription| {
        set(&mut named(raw, "level").more, "min", None);
    };
    assert_eq!(after(unbounded), ["the parameter `level` has wider bounds"]);
    assert_eq!(
        before(unbounded),
        ["! the parameter `level` must be at least 0 now"]
    );
    let once = |raw: &mut RawDescription| named(raw, "expect").more.clear();
    assert_eq!(
        after(once),
        ["! the parameter `expect` may be given only once now"]
    );
    assert_eq!(
        before(once),
        ["the parameter `expect` may be given several times now"]
    );
}

#[test]
fn a_default_keeps_its_meaning() {
    assert_eq!(
        after(|raw| named(raw, "stay").default = Some("2s".to_owned())),
        ["! the default of the parameter `stay` is now `2s`, and was `200ms`"]
    );
    let none = |raw: &mut RawDescription| named(raw, "level").default = None;
    assert_eq!(
        after(none),
        ["! the parameter `level` has no default any more, and had `1`"]
    );
    assert_eq!(
        before(none),
        ["the parameter `level` has the default `1` now"]
    );
    assert_eq!(
        after(|raw| named(raw, "dry").default = Some("yes".to_owned())),
        ["the parameter `dry` has the default `yes` now"]
    );
    assert_eq!(
        after(|raw| set(&mut named(raw, "user").more, "default-from", Some("expect"))),
        [
            "! the default of the parameter `user` is now the value of `expect`, and was the account's name"
        ]
    );
    assert_eq!(
        after(|raw| named(raw, "user").default = Some("app".to_owned())),
        [
            "! the default of the parameter `user` is now the account's name, else `app`, and was the account's name"
        ]
    );
}

#[test]
fn a_value_is_taken_from_where_it_was() {
    let cases = [
        (
            "user",
            "alias",
            "! the alias `login` of the parameter `user` is gone",
            "",
        ),
        (
            "user",
            "env",
            "! the parameter `user` is no longer taken from the variable `BILLING_USER`",
            "the parameter `user` is also taken from the variable `BILLING_USER`",
        ),
        (
            "user",
            "url-part",
            "! the parameter `user` no longer stands in the URL's user name",
            "the parameter `user` may stand in the URL's user name now",
        ),
        (
            "password",
            "password-file",
            "! the parameter `password` is no longer looked up in the password file",
            "the parameter `password` is also looked up in the password file",
        ),
        (
            "ca",
            "host",
            "! the parameter `ca` no longer sets the option of waitfor that it set",
            "the parameter `ca` now sets an option of waitfor",
        ),
    ];
    for (name, fact, taken, given) in cases {
        let without = |raw: &mut RawDescription| set(&mut named(raw, name).more, fact, None);
        assert_eq!(after(without), [taken]);
        assert_eq!(before(without).join("\n"), given);
    }
    let alias = after(|raw| set(&mut named(raw, "user").more, "alias", Some("Login")));
    assert_eq!(
        alias,
        ["! the alias `login` of the parameter `user` is gone"]
    );
    assert_eq!(
        after(|raw| set(
            &mut named(raw, "expect").more,
            "url-part",
            Some("request-target")
        )),
        ["! the URL's query is now part of the parameter `expect`, and held parameters before"]
    );
}

#[test]
fn a_target_is_named_as_before() {
    let cases = [
        (
            "url-env",
            "! the target's URL is no longer taken from the variable `BILLING_URL`",
            "the target's URL is also taken from the variable `BILLING_URL`",
        ),
        (
            "host-env",
            "! the target's host is no longer taken from the variable `BILLING_HOST`",
            "the target's host is also taken from the variable `BILLING_HOST`",
        ),
        (
            "url-env-scheme",
            "! a variable's URL with the scheme `http` no longer means `billing`",
            "",
        ),
        (
            "default-host",
            "! a target must name its host, and without one it was `localhost`",
            "the host where none is given is `localhost` now",
        ),
        (
            "hosts",
            "! no longer: a URL may list several hosts",
            "new: a URL may list several hosts",
        ),
        (
            "ignored-key",
            "! the URL's key `pool_size` is no longer passed over",
            "",
        ),
    ];
    for (fact, taken, given) in cases {
        let without = |raw: &mut RawDescription| set(&mut raw.more, fact, None);
        assert_eq!(after(without), [taken]);
        assert_eq!(before(without).join("\n"), given);
    }
    assert_eq!(
        after(|raw| set(&mut raw.more, "default-host", Some("127.0.0.1"))),
        ["! the host where none is given is now `127.0.0.1`, and was `localhost`"]
    );
    assert_eq!(
        after(|raw| set(&mut raw.more, "keywords", Some("libpq"))),
        ["new: a target may be a key=value string"]
    );
    assert_eq!(
        after(|raw| {
            set(&mut raw.more, "ignored-key", None);
            raw.params.push(param("pool-size", "integer", None, &[]));
        }),
        [
            "the parameter `pool-size` is new",
            "the URL's key `pool_size` was passed over, and is the parameter `pool-size` now"
        ]
    );
}

#[test]
fn another_meaning_of_ready_is_told() {
    assert_eq!(
        after(|raw| raw.summary = "an invoice is sent".to_owned()),
        ["`ready` now means: an invoice is sent"]
    );
}

#[test]
fn a_breaking_change_needs_the_next_line() {
    let mut newer = billing();
    newer.params.retain(|param| param.name != "expect");
    newer.params.push(param("row", "text", None, &[]));
    let breaking = between(billing(), newer);
    let mut newer = billing();
    newer.params.push(param("row", "text", None, &[]));
    let compatible = between(billing(), newer);
    let version = |text: &str| text.parse::<Version>().unwrap();
    // older, newer, whether a breaking change may stand between them, least
    let cases = [
        ("1.0.0", "1.0.1", false, "2.0.0"),
        ("1.0.0", "1.9.0", false, "2.0.0"),
        ("1.0.0", "2.0.0-rc.1", true, "2.0.0"),
        ("1.4.2", "2.0.0", true, "2.0.0"),
        ("0.1.0", "0.1.1", false, "0.2.0"),
        ("0.1.0", "0.2.0", true, "0.2.0"),
    ];
    for (older, newer, may, least) in cases {
        let (older, newer) = (version(older), version(newer));
        let against: Vec<String> = breaking
            .against(&older, &newer)
            .map(Change::to_string)
            .collect();
        if may {
            assert!(against.is_empty(), "{newer}");
        } else {
            assert_eq!(against, ["the parameter `expect` is gone"], "{newer}");
        }
        assert_eq!(breaking.least(&older), Some(version(least)));
        assert_eq!(compatible.against(&older, &newer).count(), 0);
        assert_eq!(compatible.least(&older), None);
    }
}
