//! Whatever stands on the command line: no panic, and no password shown.

use proptest::prelude::*;

use super::*;

/// A piece of an argument: what means something somewhere, or any letter.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "://",
        "postgres",
        "redis+unix",
        "unix",
        "jdbc:",
        ":",
        "/",
        "@",
        "?",
        "#",
        "&",
        "=",
        "%",
        "%2F",
        "%00",
        ",",
        "[",
        "]",
        "::1",
        "--",
        "-",
        "-t",
        "--timeout",
        "--plugin",
        "--password",
        "--url",
        "host",
        "port",
        "'",
        "\\",
        " ",
        "5",
        "0",
        "é",
        "plugin",
        "help",
        "\u{0}",
        "+",
        "db:1",
    ];
    prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from)
    ]
}

fn argument() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_arguments_make_it_panic(args in prop::collection::vec(argument(), 0..5)) {
        let surroundings = Surroundings::default().var("PGHOST", args.first().map_or("", String::as_str));
        let parsed = crate::cli::parse(args.iter().map(OsString::from), &surroundings);
        let plan = match parsed {
            Ok(Invocation::Wait(request)) => request.plan(shelf(), &surroundings),
            Ok(Invocation::Help(request)) => {
                drop(request.text(shelf()));
                return Ok(());
            }
            _ => return Ok(()),
        };
        if let Ok(plan) = plan {
            prop_assert!(!plan.jobs.is_empty(), "{args:?}");
            prop_assert!(plan.jobs.iter().all(|job| !job.addresses.is_empty()), "{args:?}");
        }
    }

    #[test]
    fn no_password_in_a_url_is_shown(before in argument(), after in argument(), scheme in prop::sample::select(vec!["postgres", "redis", "rediss+x", "kafka", "vault", "tcp"])) {
        let url = format!("{scheme}://app:{before}hunter2{after}@db/1");
        let shown = match Surroundings::default().plan(&[&url]) {
            Ok(plan) => format!("{plan:?}"),
            Err(error) => error.to_string(),
        };
        prop_assert!(!shown.contains("hunter2"), "{url}: {shown}");
    }

    #[test]
    fn an_encoded_password_comes_out_as_it_was(password in "\\PC{1,20}") {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC);
        for url in [format!("postgres://app:{encoded}@db/shop"), format!("postgres://app@db/shop?password={encoded}")] {
            let job = job(&[&url]);
            prop_assert_eq!(secret(&job, "password"), Some(password.as_str()));
        }
    }

    #[test]
    fn a_quoted_password_comes_out_as_it_was(password in "\\PC{1,20}") {
        let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
        let text = format!("host=db password='{quoted}' user=app");
        let job = job(&["postgres", &text]);
        prop_assert_eq!(secret(&job, "password"), Some(password.as_str()));
    }

    /// What a report calls a target can be given again, and means the same
    /// place.
    #[test]
    fn a_label_means_its_target(
        scheme in prop::sample::select(vec!["postgres", "redis", "rediss", "http", "https", "vault", "tcp"]),
        hosts in prop::collection::vec(("[a-z][a-z0-9-]{0,8}[a-z0-9](\\.[a-z]{2,5})?|10\\.0\\.0\\.[0-9]|\\[::[1-9a-f]\\]", prop::option::of(1..=u16::MAX)), 1..3),
        credentials in prop::option::of("[a-z]{1,5}(:[a-z0-9@:]{0,9})?"),
        path in "(/[0-9]{0,3})?",
        query in prop::option::of("expect-key=[a-z]{1,5}"),
    ) {
        let hosts: Vec<String> = hosts
            .into_iter()
            .map(|(host, port)| port.map_or(host.clone(), |port| format!("{host}:{port}")))
            .collect();
        let credentials = credentials.map(|text| format!("{text}@")).unwrap_or_default();
        let query = query.map(|text| format!("?{text}")).unwrap_or_default();
        let url = format!("{scheme}://{credentials}{}{path}{query}", hosts.join(","));
        if let Ok(plan) = Surroundings::default().plan(&[&url]) {
            let [first] = plan.jobs.as_slice() else {
                return Err(TestCaseError::fail("not one job"));
            };
            let again = job(&[&first.label]);
            prop_assert_eq!(&again.label, &first.label, "{}", url);
            prop_assert_eq!(&again.addresses, &first.addresses, "{} is {}", url, first.label);
            prop_assert_eq!(&again.plugin_name, &first.plugin_name);
        }
    }
}
