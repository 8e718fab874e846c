use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"# What this project waits for.

[plugins] # pinned in waitfor.lock
vertica = "1.2"     # the nodes recover slowly
# Ask Kim before moving this.
"acme/billing" = { version = "1", registry = "registry.acme.example:8443/other" }
redis = '*'

[plugins.tcp]
version = "^1"

[registries]
default = "registry.example.com/probes"
acme = { location = "registry.acme.example:8443/ci", ca-file = "ci/ca.pem", mirrors = ["mirror.example/ci", "127.0.0.1:5000"] }
local.location = "127.0.0.1:5000/x"
local.plain-http = true
beside = "oci:probes"

[vendor]
folder = "third-party/probes"

[targets.db]
url = "postgres://app@db/app"
unknown = [1, 2]
"#;

fn parse(text: &str) -> Result<Config> {
    Config::parse(Path::new("project/waitfor.toml"), text)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn wanted(name: &str, requirement: &str, registry: Option<&str>) -> Wanted {
    Wanted {
        name: name.parse().unwrap(),
        reference: parse_requirement(requirement).unwrap(),
        registry: registry.map(|text| text.parse().unwrap()),
    }
}

fn bound(config: &Config, name: &str) -> Binding {
    config.binding(&name.parse().unwrap()).unwrap()
}

fn remote(text: &str) -> Remote {
    match text.parse().unwrap() {
        Location::Remote(remote) => remote,
        other => panic!("{other} is not remote"),
    }
}

#[test]
fn says_what_is_wanted_by_name() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(
        config.plugins(),
        [
            wanted(
                "acme/billing",
                "1",
                Some("registry.acme.example:8443/other")
            ),
            wanted("redis", "*", None),
            wanted("tcp", "^1", None),
            wanted("vertica", "1.2", None),
        ]
    );
    assert_eq!(config.plugins()[1].requirement(), "*");
    assert_eq!(config.wanted(&name("vault")), None);
    assert_eq!(config.folder(), Path::new("project"));
    assert_eq!(
        config.vendor(),
        Some(PathBuf::from("project/third-party/probes"))
    );
    assert_eq!(config.to_string(), WHOLE);
}

#[test]
fn a_plugin_has_one_registry() {
    let config = parse(WHOLE).unwrap();
    let default = Binding::to("registry.example.com/probes".parse().unwrap());
    assert_eq!(bound(&config, "vertica"), default);
    let acme = Binding {
        ca_file: Some(PathBuf::from("project/ci/ca.pem")),
        mirrors: vec![remote("mirror.example/ci"), remote("127.0.0.1:5000")],
        ..Binding::to("registry.acme.example:8443/ci".parse().unwrap())
    };
    assert_eq!(bound(&config, "acme/other"), acme);
    // The same host has the same certificates, and other repositories.
    let billing = Binding {
        location: "registry.acme.example:8443/other".parse().unwrap(),
        mirrors: Vec::new(),
        ..acme.clone()
    };
    assert_eq!(bound(&config, "acme/billing"), billing);
    assert_eq!(config.binding_at(&acme.location), acme);
    let local = bound(&config, "local/x");
    assert!(local.plain_http && local.ca_file.is_none());
    let beside = Binding::to(Location::Folder(PathBuf::from("probes")));
    assert_eq!(bound(&config, "beside/x"), beside);
    let elsewhere = Binding::to("elsewhere.example".parse().unwrap());
    assert_eq!(config.binding_at(&elsewhere.location), elsewhere);
}

#[test]
fn nothing_is_looked_for_where_nobody_said() {
    let config = Config::empty("waitfor.toml");
    assert_eq!(bound(&config, "redis"), Binding::to(Location::Official));
    let error = config.binding(&name("acme/billing")).unwrap_err();
    assert_eq!(
        (error.to_string(), error.hint().unwrap()),
        (
            "no registry is bound to the team of `acme/billing` in waitfor.toml".to_owned(),
            "write `acme = \"HOST/PATH\"` under [registries], or give --registry".to_owned()
        )
    );
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let in_quotes = "write it in quotes, as in \"1.2\"";
    let versions = "write 1 for any 1.x.y, 1.2 for any 1.2.y, 1.2.3 for that one, or ^, ~ or >= before a version";
    let names = "a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`";
    let locations = "write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official";
    let teams =
        "write the part of a plugin's name before the `/`, or `default` for names without one";
    let below = "name a folder of the project, relative to this file and without `..`";
    let cases = [
        (
            "plugins = 1",
            "1:11: `plugins` is not a table",
            "write [plugins] above its keys",
        ),
        (
            "[plugins]\nredis = 1.2",
            "2:9: what is wanted of `redis` is not a text",
            in_quotes,
        ),
        (
            "[plugins]\n'Redis' = '1'",
            "2:1: `Redis` is not a plugin's name: only lower-case letters, digits and `-` may stand in it",
            names,
        ),
        (
            "[plugins]\nredis = 'v1'",
            "2:9: `redis`: `v1` does not say which version is wanted: a version starts with a digit",
            versions,
        ),
        (
            "[plugins]\nredis = { version = '1', from = 'x' }",
            "2:26: `redis` has no `from`",
            "it may have `version` and `registry`",
        ),
        (
            "[plugins]\nredis = { registry = 'official' }",
            "2:1: `redis` has no `version`",
            "",
        ),
        (
            "[plugins]\nredis = { version = 1 }",
            "2:21: `version` of `redis` is not a text",
            "",
        ),
        (
            "[plugins]\nredis = { version = '1', registry = 'x' }",
            "2:37: `registry` of `redis`: `x` does not say where plugins are kept: the host has neither a dot nor a port",
            locations,
        ),
        (
            "[plugins.redis]\nversion = '>1'",
            "2:11: `version` of `redis`: `>1` does not say which version is wanted: a version starts with a digit",
            versions,
        ),
        (
            "[registries]\nAcme = 'official'",
            "2:1: `Acme` is not a team: only lower-case letters, digits and `-` may stand in it",
            teams,
        ),
        (
            "[registries]\n'acme/x' = 'official'",
            "2:1: `acme/x` is not a team: it has more than one `/`",
            teams,
        ),
        (
            "[registries]\nacme = 5",
            "2:8: the registry of `acme` is not a text",
            "write it in quotes, as in \"registry.example.com/probes\"",
        ),
        (
            "[registries]\nacme = 'https://h.example'",
            "2:8: `acme`: `https://h.example` does not say where plugins are kept: the scheme has no place in it",
            locations,
        ),
        (
            "[registries]\nacme = { ca-file = 'x' }",
            "2:1: `acme` has no `location`",
            "",
        ),
        (
            "[registries]\nacme = { location = 'h.example', ca_file = 'x' }",
            "2:34: `acme` has no `ca_file`",
            "it may have `location`, `ca-file`, `plain-http` and `mirrors`",
        ),
        (
            "[registries]\nacme = { location = 'h.example', plain-http = 'yes' }",
            "2:47: `plain-http` of `acme` is neither true nor false",
            "",
        ),
        (
            "[registries]\nacme = { location = 'h.example', ca-file = '' }",
            "2:44: `ca-file` of `acme` is not a path",
            "",
        ),
        (
            "[registries]\nacme = { location = 'h.example', mirrors = 'm.example' }",
            "2:44: `mirrors` of `acme` is not a list of texts",
            "",
        ),
        (
            "[registries]\nacme = { location = 'h.example', mirrors = ['oci:x'] }",
            "2:44: `mirrors` of `acme`: `oci:x` does not say where plugins are kept: a mirror is a registry",
            locations,
        ),
        (
            "[registries]\nacme = { location = 'oci:x', mirrors = [] }",
            "2:40: `mirrors` of `acme` has no meaning for oci:x",
            "",
        ),
        (
            "vendor = 'x'",
            "1:10: `vendor` is not a table",
            "write folder = \"PATH\" under [vendor]",
        ),
        (
            "[vendor]\ndir = 'x'",
            "2:1: `vendor` has no `dir`",
            "it may have `folder`",
        ),
        (
            "[vendor]",
            "1:1: `vendor` has no `folder`",
            "write folder = \"PATH\" under [vendor]",
        ),
        (
            "[vendor]\nfolder = '/srv/registry'",
            "2:10: `folder` of `vendor` is not below the folder of this file",
            below,
        ),
        (
            "[vendor]\nfolder = 'vendor/../../victim'",
            "2:10: `folder` of `vendor` is not below the folder of this file",
            below,
        ),
        (
            "[vendor]\nfolder = './'",
            "2:10: `folder` of `vendor` is not below the folder of this file",
            below,
        ),
        (
            "a = 1\n>>>>>>> main",
            "2:1: a merge left a conflict here",
            "take what is right of either side",
        ),
    ];
    for (text, message, hint) in cases {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.to_string(), error.hint().unwrap_or_default()),
            (format!("project/waitfor.toml:{message}"), hint.to_owned()),
            "{text}"
        );
    }
    for text in [
        "[plugins]\nredis = '1'\nredis = '2'",
        "[plugins",
        "a = \"\u{1}",
        "= 1",
        "[]",
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with("project/waitfor.toml:"), "{error}");
    }
}

#[test]
fn passwords_stay_out_of_complaints() {
    let secrets = [
        "[targets.db]\nurl = \"postgres://app:hunter2@db\n",
        "[targets.db]\nurl = postgres://app:hunter2@db\n",
        "[targets.db]\npassword = hunter2\n",
        "[targets.db]\nhunter2\n",
        "[targets.db\nhunter2\n",
        "[registries]\nacme = \"user:hunter2@h.example/x\"\n",
        "[registries]\nacme = { location = \"https://user:hunter2@h.example/x\" }\n",
        "[registries]\nacme = { location = \"h.example\", mirrors = [\"u:hunter2@h.example\"] }\n",
    ];
    for text in secrets {
        let error = parse(text).unwrap_err();
        let said = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn an_edit_changes_what_was_asked_for() {
    let mut config = parse(WHOLE).unwrap();
    assert!(!config.set_plugin(&wanted("vertica", "1.2", None)).unwrap());
    assert_eq!(config.to_string(), WHOLE);
    assert!(config.set_plugin(&wanted("vertica", "1.3", None)).unwrap());
    let digest = format!("sha256:{}", "0a".repeat(32));
    assert!(config.set_plugin(&wanted("tcp", &digest, None)).unwrap());
    assert!(
        config
            .set_plugin(&wanted("acme/billing", "2", None))
            .unwrap()
    );
    assert!(config.set_plugin(&wanted("acme/new", "*", None)).unwrap());
    assert!(
        config
            .set_plugin(&wanted("redis", "1", Some("official")))
            .unwrap()
    );
    assert!(config.bind(None, &"h.example/p".parse().unwrap()).unwrap());
    assert!(config.bind(Some("new"), &"oci:x".parse().unwrap()).unwrap());
    assert!(config.set_vendor(Some(Path::new("v"))).unwrap());
    let expected = WHOLE
        .replace("vertica = \"1.2\"  ", "vertica = \"1.3\"  ")
        .replace("\"^1\"", &format!("\"{digest}\""))
        .replace(
            "{ version = \"1\", registry = \"registry.acme.example:8443/other\" }",
            "{ version = \"2\"}",
        )
        .replace(
            "redis = '*'\n",
            "redis = { version = \"1\", registry = \"official\" }\n\"acme/new\" = \"*\"\n",
        )
        .replace("registry.example.com/probes", "h.example/p")
        .replace(
            "beside = \"oci:probes\"\n",
            "beside = \"oci:probes\"\nnew = \"oci:x\"\n",
        )
        .replace("third-party/probes", "v");
    assert_eq!(config.to_string(), expected);
    assert_eq!(
        bound(&config, "new/x").location,
        Location::Folder(PathBuf::from("x"))
    );
}

#[test]
fn a_registry_keeps_its_settings_only_where_it_stays() {
    let mut config = parse(WHOLE).unwrap();
    let same = "registry.acme.example:8443/ci".parse().unwrap();
    assert!(!config.bind(Some("acme"), &same).unwrap());
    assert_eq!(config.to_string(), WHOLE);
    let other = "registry.acme.example:8443/other".parse().unwrap();
    assert!(config.bind(Some("acme"), &other).unwrap());
    assert_eq!(bound(&config, "acme/x"), Binding::to(other));
    let error = config.bind(Some("../x"), &same).unwrap_err();
    assert!(
        error.to_string().contains("`../x` is not a team"),
        "{error}"
    );
}

#[test]
fn what_is_removed_takes_its_line_and_no_other() {
    let mut config = parse(WHOLE).unwrap();
    assert!(!config.remove_plugin(&name("vault")).unwrap());
    assert!(config.remove_plugin(&name("acme/billing")).unwrap());
    assert!(config.remove_plugin(&name("vertica")).unwrap());
    assert!(config.remove_plugin(&name("tcp")).unwrap());
    let line = WHOLE
        .lines()
        .find(|line| line.contains("acme/billing"))
        .unwrap();
    let expected = WHOLE
        .replace(&format!("{line}\n"), "")
        .replace("vertica = \"1.2\"     # the nodes recover slowly\n", "")
        .replace("\n[plugins.tcp]\nversion = \"^1\"\n", "");
    assert_eq!(config.to_string(), expected);
    assert_eq!(config.plugins(), [wanted("redis", "*", None)]);
    assert!(config.set_vendor(None).unwrap());
    assert!(!config.set_vendor(None).unwrap());
    assert_eq!(config.vendor(), None);
}

#[test]
fn every_form_of_a_table_can_be_edited() {
    for text in [
        "",
        "# only words\n",
        "# no line break",
        "plugins = { redis = \"1\", tcp = \"1\" }\n",
        "plugins = {}\nregistries = {}\n",
        "plugins.redis = \"1\"\nplugins.tcp.version = \"1\"\n",
        "[plugins.redis]\nversion = \"1\"\n[x.y]\n",
        "[plugins]\nredis.version = \"1\"\nredis.registry = \"official\"\n[x]\n",
        "[plugins]\r\nredis = \"1\"\r\n# end\r\n",
        "\r\nz.z = \"\"\"\n[plugins]\n\"\"\"\n",
        "\u{feff}[plugins]\nredis = \"1\"",
        "[[targets]]\na = 1\n[targets.b]\n[plugins]\n",
        "[x]\n[x.y]\n# the end",
    ] {
        let mut config = parse(text).unwrap();
        let before = config.plugins().len();
        config.set_plugin(&wanted("redis", "2", None)).unwrap();
        config
            .set_plugin(&wanted("acme/new", "1.2", Some("h.example")))
            .unwrap();
        config
            .bind(Some("acme"), &"h.example".parse().unwrap())
            .unwrap();
        config.set_vendor(Some(Path::new("v"))).unwrap();
        let said = config.to_string();
        assert_eq!(
            config.wanted(&name("redis")).unwrap().requirement(),
            "2",
            "{said}"
        );
        assert_eq!(
            config.wanted(&name("acme/new")).unwrap().requirement(),
            "1.2",
            "{said}"
        );
        assert!(config.plugins().len() >= before, "{said}");
        for comment in text
            .split(['\r', '\n'])
            .filter(|line| line.starts_with('#'))
        {
            assert!(said.contains(comment), "{said}");
        }
        assert_eq!(text.contains("\r\n"), said.contains("\r\n"), "{said}");
        assert!(!said.replace("\r\n", "").contains('\r'), "{said}");
        assert!(config.remove_plugin(&name("redis")).unwrap());
        assert!(config.remove_plugin(&name("acme/new")).unwrap());
        assert!(config.wanted(&name("redis")).is_none());
    }
}

#[test]
fn new_tables_stand_at_the_end() {
    let mut config = Config::empty("waitfor.toml");
    config.set_plugin(&wanted("vertica", "1.2", None)).unwrap();
    config
        .bind(Some("acme"), &"h.example/ci".parse().unwrap())
        .unwrap();
    assert_eq!(
        config.to_string(),
        "[plugins]\nvertica = \"1.2\"\n\n[registries]\nacme = \"h.example/ci\"\n"
    );
    let mut config = parse("# ours\n[targets.db]\nurl = \"x\"\n\n# [targets.later]\n").unwrap();
    config.set_plugin(&wanted("acme/x", "1", None)).unwrap();
    assert_eq!(
        config.to_string(),
        "# ours\n[targets.db]\nurl = \"x\"\n\n# [targets.later]\n\n[plugins]\n\"acme/x\" = \"1\"\n"
    );
}

fn like_a_config() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(" = ".to_owned()),
        Just("\"".to_owned()),
        Just("# x\n".to_owned()),
        Just("[plugins]\n".to_owned()),
        Just("[plugins.tcp]\nversion = '1'\n".to_owned()),
        Just("[[x]]\n".to_owned()),
        Just("[x.y]\n".to_owned()),
        Just("plugins.redis = '1'\n".to_owned()),
        Just("redis = '1'\n".to_owned()),
        Just("'acme/b' = { version = '1', registry = 'h.example' } # b\n".to_owned()),
        Just("[registries]\n".to_owned()),
        Just("acme = 'h.example'\n".to_owned()),
        Just("z.z = \"\"\"\n[plugins]\n\"\"\"\n".to_owned()),
        "[-\\[\\]{}a-z0-9.,=\"'#]{1,4}",
    ];
    proptest::collection::vec(words, 0..12).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "(?s).{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn whatever_can_be_read_can_be_edited(text in like_a_config()) {
        if let Ok(mut config) = parse(&text) {
            let others: Vec<Wanted> = config.plugins().iter()
                .filter(|one| !["redis", "acme/b"].contains(&one.name.as_str()))
                .cloned().collect();
            config.set_plugin(&wanted("redis", "9", None)).unwrap();
            config.set_plugin(&wanted("acme/b", "9", Some("official"))).unwrap();
            config.bind(Some("acme"), &"h.example/9".parse().unwrap()).unwrap();
            prop_assert_eq!(config.wanted(&name("redis")).unwrap().requirement(), "9");
            prop_assert_eq!(config.wanted(&name("acme/b")).unwrap().requirement(), "9");
            prop_assert_eq!(config.registries()["acme"].location.to_string(), "h.example/9");
            config.remove_plugin(&name("redis")).unwrap();
            config.remove_plugin(&name("acme/b")).unwrap();
            prop_assert_eq!(config.plugins(), others);
        }
    }
}

#[test]
fn a_vendored_folder_is_never_set_outside_of_the_project() {
    let mut config = parse("").unwrap();
    for outside in ["../victim", "/srv/registry", "."] {
        let error = config.set_vendor(Some(Path::new(outside))).unwrap_err();
        let expected = "`folder` of `vendor` is not below the folder of this file";
        assert!(error.to_string().ends_with(expected), "{error}");
        assert_eq!(config.vendor(), None);
    }
    assert!(config.set_vendor(Some(Path::new("./a/b"))).unwrap());
}

/// As deep as the format's reader takes it, and deeper.
#[test]
fn nesting_ends_in_an_answer() {
    let key = |length: usize| vec!["a"; length].join(".");
    let inline = |depth: usize, length: usize| {
        let open = format!("{{ {} = ", key(length)).repeat(depth);
        format!("x = {open}1{}\n", " }".repeat(depth))
    };
    let header = |length: usize| format!("[x.{}]\n{} = 1\n", key(length), key(length));
    for (text, taken) in [
        (inline(70, 70), true),
        (header(70), true),
        (inline(100_000, 1), false),
        (inline(1, 100_000), false),
        (header(100_000), false),
        (format!("x = {}", "[".repeat(100_000)), false),
    ] {
        let read = parse(&text);
        assert_eq!(read.is_ok(), taken);
        if let Ok(mut config) = read {
            config.set_plugin(&wanted("redis", "1", None)).unwrap();
            let start = text.trim_end();
            assert!(
                config.to_string().starts_with(start),
                "what was there stays"
            );
        }
    }
}
