//! What a plugin may not say of itself.

use super::*;

/// The reason why a description is refused.
fn refused(plugin: &str, change: impl FnOnce(&mut RawDescription)) -> String {
    let mut raw = redis();
    change(&mut raw);
    match Description::from_raw(plugin, raw) {
        Ok(_) => panic!("not refused"),
        Err(error) => {
            assert_eq!(error.exit(), Exit::PluginRefused);
            let text = error.to_string();
            assert!(
                !text
                    .chars()
                    .any(|letter| letter.is_control() && letter != '\n'),
                "{text:?}"
            );
            text
        }
    }
}

fn with(plugin: &str, extra: RawParam) -> String {
    refused(plugin, |raw| raw.params.push(extra))
}

#[test]
fn wrong_names_are_refused() {
    let long = "x".repeat(41);
    for name in [
        "",
        "Big",
        "a_b",
        "-a",
        "a-",
        "a--b",
        "1a",
        "ä",
        "a b",
        "a\u{1b}[31m",
        long.as_str(),
    ] {
        let error = with("p", param(name, "text", None, &[]));
        assert!(error.contains("is not kebab-case"), "{name}: {error}");
    }
    for name in [
        "timeout", "plugin", "help", "version", "tls-ca", "locked", "config", "url",
    ] {
        let error = with("p", param(name, "text", None, &[]));
        assert!(
            error.contains("is that of an option of this program"),
            "{name}: {error}"
        );
    }
    let clashes = [
        param("db", "text", None, &[]),
        param("password-file", "text", None, &[]),
        param("other", "text", None, &[("alias", "db")]),
        param("other", "text", None, &[("alias", "expect_key")]),
    ];
    for clash in clashes {
        let error = with("p", clash);
        assert!(error.contains("twice"), "{error}");
    }
    assert!(
        with("p", param("x", "text", None, &[("alias", "host")]))
            .contains("option of this program")
    );
    assert!(
        with("p", param("x", "text", None, &[("alias", "a b")]))
            .contains("an alias of the parameter `x`")
    );
    assert!(
        with("tls", param("ca", "text", None, &[]))
            .contains("`WAITFOR_TLS_CA`, which is an option's")
    );
    assert!(refused("plugin", |_| ()).contains("its name is a command"));
}

#[test]
fn wrong_values_are_refused() {
    let cases = [
        (
            param("x", "integer", Some("y"), &[]),
            "has a default that it does not allow",
        ),
        (
            param("x", "integer", Some("5"), &[("max", "4")]),
            "has a default that it does not allow",
        ),
        (
            param("x", "integer", None, &[("min", "5"), ("max", "4")]),
            "has a minimum above its maximum",
        ),
        (
            param("x", "integer", None, &[("min", "low")]),
            "`min` of the parameter `x` is not a number",
        ),
        (
            param("x", "choice", None, &[]),
            "must have choices just if it is a choice",
        ),
        (
            param("x", "text", None, &[("choice", "a")]),
            "must have choices just if it is a choice",
        ),
        (
            param("x", "secret", Some("hunter2"), &[]),
            "is a secret and has a default",
        ),
        (
            param("x", "text", None, &[("default-from", "nosuch")]),
            "not there or not of its kind",
        ),
        (
            param("x", "text", None, &[("default-from", "db")]),
            "not there or not of its kind",
        ),
        (
            param("x", "text", None, &[("default-from", "x")]),
            "takes its default from itself",
        ),
        (
            param("x", "text", None, &[("host", "tls-insecure")]),
            "does not suit the option it sets",
        ),
        (
            param("x", "text", None, &[("url-part", "path")]),
            "stands in a part of the URL that another has",
        ),
        (
            param("x", "text", None, &[("env", "a-b")]),
            "names a variable that it may not have",
        ),
        (
            param("x", "text", None, &[("env", "WAITFOR_VAULT_TOKEN")]),
            "names a variable that it may not have",
        ),
    ];
    for (extra, part) in cases {
        let error = with("p", extra);
        assert!(
            error.contains(part) && !error.contains("hunter2"),
            "{part}: {error}"
        );
    }
}

#[test]
fn misleading_or_endless_texts_are_refused() {
    let texts = [
        "a\nb",
        "a\u{1b}[2Jb",
        "a\u{9b}b",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\tb",
    ];
    for text in texts {
        assert!(
            refused("p", |raw| raw.summary = text.to_owned()).contains("control character"),
            "{text:?}"
        );
        assert!(
            refused("p", |raw| raw.examples.push(text.to_owned())).contains("control character"),
            "{text:?}"
        );
        assert!(
            refused("p", |raw| raw.params[0].summary = text.to_owned())
                .contains("control character"),
            "{text:?}"
        );
        assert!(
            refused("p", |raw| raw.more.push((text.to_owned(), String::new())))
                .contains("control character"),
            "{text:?}"
        );
    }
    assert!(refused("p", |raw| raw.summary = "x".repeat(401)).contains("too long"));
    let many = |raw: &mut RawDescription| {
        raw.params = (0..65)
            .map(|at| param(&format!("x{at}"), "text", None, &[]))
            .collect();
    };
    assert!(refused("p", many).contains("65 parameters, and at most 64 are allowed"));
    let many = |raw: &mut RawDescription| raw.more = vec![("a".into(), "b".into()); 129];
    assert!(refused("p", many).contains("too many facts"));
    assert!(refused("p", |raw| raw.schemes.clear()).contains("it has no scheme"));
    assert!(
        refused("p", |raw| raw.schemes.push(scheme("redis", None)))
            .contains("the scheme `redis` twice")
    );
    assert!(
        refused("p", |raw| raw.schemes.push(scheme("a_b", None))).contains("has no usable name")
    );
    assert!(refused("p", |raw| raw.schemes[0].default_port = Some(0)).contains("has the port 0"));
}

#[test]
fn what_hides_text_or_orders_ci_systems_about_is_refused() {
    for text in [
        "safe\u{200b}",
        "\u{feff}safe",
        "s\u{ad}afe",
        "safe\u{e0041}",
    ] {
        let error = refused("p", |raw| raw.summary = text.to_owned());
        assert!(error.contains("hides or reorders"), "{text:?}: {error}");
    }
    for text in [
        "##[error]forged",
        "x ##vso[y]",
        "::error::forged",
        " ::stop::",
    ] {
        let error = refused("p", |raw| raw.summary = text.to_owned());
        assert!(error.contains("CI systems"), "{text:?}: {error}");
    }
}

#[test]
fn a_plugin_does_not_set_what_only_the_user_may() {
    for (kind, option, default) in [
        ("switch", "tls-insecure", "true"),
        ("path", "tls-ca", "/etc/passwd"),
        ("path", "tls-cert", "/etc/passwd"),
        ("text", "tls-key", "/etc/passwd"),
        ("text", "tls-server-name", "other"),
    ] {
        let error = with("p", param("x", kind, Some(default), &[("host", option)]));
        assert!(error.contains("only the user may set"), "{option}: {error}");
        let from = [("host", option), ("default-from", "db")];
        let error = with("p", param("x", kind, None, &from));
        assert!(error.contains("only the user may set"), "{option}: {error}");
    }
}

#[test]
fn a_default_host_is_this_machine() {
    let told = |host: &str| {
        let mut raw = redis();
        raw.more.retain(|(name, _)| name != "default-host");
        raw.more.push(("default-host".to_owned(), host.to_owned()));
        Description::from_raw("p", raw)
    };
    for host in ["localhost", "127.0.0.1", "::1", "db.localhost"] {
        assert!(told(host).is_ok(), "{host}");
    }
    for host in [
        "example.com",
        "169.254.169.254",
        "0.0.0.0",
        "localhost.example",
    ] {
        let error = told(host).expect_err(host).to_string();
        assert!(error.contains("is not this machine"), "{host}: {error}");
    }
}

#[test]
fn variables_of_machines_and_pipelines_are_not_for_plugins() {
    for name in [
        "PATH",
        "home",
        "CI",
        "CI_JOB_TOKEN",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "LD_PRELOAD",
        "SSH_AUTH_SOCK",
        "WAITFOR_TIMEOUT",
    ] {
        let error = with("p", param("x", "text", None, &[("env", name)]));
        assert!(
            error.contains("names a variable that it may not have"),
            "{name}: {error}"
        );
    }
    let mut raw = redis();
    raw.params
        .push(param("x", "secret", None, &[("env", "BILLING_TOKEN")]));
    assert!(Description::from_raw("p", raw).is_ok());
}

#[test]
fn unknown_words_of_the_open_vocabularies_are_passed_over() {
    let mut raw = redis();
    raw.more.push(("colour".to_owned(), "red".to_owned()));
    raw.params.push(param(
        "x",
        "colour",
        Some("red"),
        &[("shade", "dark"), ("url-part", "port")],
    ));
    let description = Description::from_raw("p", raw).unwrap();
    let found = description.param("x").unwrap();
    assert_eq!((found.kind.word(), found.url_part), ("text", None));
}
