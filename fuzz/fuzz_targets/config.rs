//! Whatever can be read as a `waitfor.toml` can be edited, and an edit
//! changes what was asked for and nothing else.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use waitfor_registry::config::Wanted;
use waitfor_registry::{Config, Error, Location, Name, Reference};

fn read(text: &str) -> Result<Config, Error> {
    let config = Config::parse(Path::new("waitfor.toml"), text);
    if let Err(error) = &config {
        let _ = (error.to_string(), error.hint());
    }
    config
}

fn parsed<T: std::str::FromStr<Err = Error>>(text: &str) -> T {
    match text.parse() {
        Ok(parsed) => parsed,
        Err(error) => panic!("{error}"),
    }
}

/// What an edit of `before` made: it reads as what it says, and every comment
/// is still there.
fn check(before: &Config, after: &Config) {
    let text = after.to_string();
    match read(&text) {
        Ok(again) => {
            assert_eq!(again.plugins(), after.plugins(), "{text}");
            assert_eq!(again.registries(), after.registries(), "{text}");
            assert_eq!(again.vendor(), after.vendor(), "{text}");
        }
        Err(error) => panic!("an edit broke it: {error}\n{text}"),
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for line in before.to_string().lines().map(str::trim) {
        assert!(
            !line.starts_with('#') || lines.contains(&line),
            "the comment `{line}` is lost:\n{text}"
        );
    }
}

fuzz_target!(|text: &str| {
    let Ok(config) = read(text) else { return };
    assert_eq!(config.to_string(), text, "it prints otherwise");
    let new: Name = parsed("zz/new");
    let wanted = Wanted {
        name: new.clone(),
        reference: Reference::Newest,
        registry: Some(parsed("registry.example/ci")),
    };
    if config.wanted(&new).is_none() {
        let mut edited = config.clone();
        if edited.set_plugin(&wanted).is_ok() {
            assert_eq!(edited.wanted(&new), Some(&wanted));
            assert_eq!(edited.plugins().len(), config.plugins().len() + 1);
            check(&config, &edited);
            if edited.remove_plugin(&new).is_ok() {
                assert_eq!(edited.plugins(), config.plugins());
                check(&config, &edited);
            }
        }
    }
    if let Some(one) = config.plugins().first() {
        let mut moved = one.clone();
        moved.reference = Reference::Version(parsed("7.7"));
        let mut edited = config.clone();
        if edited.set_plugin(&moved).is_ok() {
            assert_eq!(edited.wanted(&moved.name), Some(&moved));
            assert_eq!(edited.plugins().len(), config.plugins().len());
            assert_eq!(edited.registries(), config.registries());
        }
        let mut edited = config.clone();
        if edited.remove_plugin(&one.name).is_ok() {
            assert!(edited.wanted(&one.name).is_none());
            assert_eq!(edited.plugins().len() + 1, config.plugins().len());
            assert_eq!(edited.registries(), config.registries());
        }
    }
    let location: Location = parsed("127.0.0.1:5000/x");
    let mut edited = config.clone();
    if edited.bind(Some("zz"), &location).is_ok() {
        assert_eq!(edited.plugins(), config.plugins());
        check(&config, &edited);
    }
    let mut edited = config.clone();
    if edited.set_vendor(Some(Path::new("kept"))).is_ok() {
        assert!(edited.vendor().is_some());
        assert_eq!(edited.plugins(), config.plugins());
        check(&config, &edited);
    }
});
