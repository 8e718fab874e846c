//! A plugin that was given the secret and tells it in every text that it has: the reports show
//! none of it.

use std::fs;
use std::io;

use tempfile::TempDir;
use waitfor_tests::cli::Cli;
use waitfor_tests::guests;
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::lying_registry::LyingRegistry;

use crate::canary::{AWKWARD, FOREIGN, LINES, long, shown_by};
use crate::scenes::serve;

/// A project that has the plugin.
fn project() -> Option<TempDir> {
    let component = guests::telling()?;
    let registry = LyingRegistry::start();
    registry.put_changed("acme/telling", "1.0.0", &component, |manifest| {
        manifest["annotations"]["dev.waitfor.schemes"] = "telling".into();
    });
    let dir = temp_dir("telling");
    let toml = format!("[registries]\nacme = \"{}\"\n", registry.location());
    fs::write(dir.path().join("waitfor.toml"), toml).expect("the configuration");
    let found = cli(&dir).args(["plugin", "add", "acme/telling"]).run();
    assert_eq!(found.code, 0, "{found:#?}");
    Some(dir)
}

fn cli(dir: &TempDir) -> Cli {
    Cli::new()
        .env("WAITFOR_STORE", dir.path().join("store"))
        .current_dir(dir.path())
}

#[test]
fn a_plugin_that_tells_it_everywhere_is_not_heard() {
    let Some(dir) = project() else { return };
    let silent = serve(|mut stream| io::copy(&mut stream, &mut io::sink()).map(drop));
    let file = dir.path().join("key");
    for secret in [AWKWARD, FOREIGN, LINES, &long()] {
        fs::write(&file, format!("{secret}\n")).expect("a file");
        for (how, code) in [
            ("ready", 0),
            ("not-ready", 124),
            ("misconfigured", 3),
            ("panic", 5),
            ("validate", 2),
            ("panic-in-validate", 5),
            ("discover", 124),
            ("hang", 124),
        ] {
            for report in [
                &["-vv"] as &[&str],
                &["-vv", "--output", "json"],
                &["--quiet"],
            ] {
                let port = if how == "hang" { silent } else { free_port() };
                // Long enough for an attempt at which all is said.
                let timeout = if code == 124 { "3s" } else { "30s" };
                let found = cli(&dir)
                    .args([&format!("telling://127.0.0.1:{port}?how={how}")])
                    .args(["--key-file", &file.display().to_string()])
                    .args(["--timeout", timeout, "--grace", "0s"])
                    .args(report)
                    .run();
                let what = format!("{how}, {report:?}, {}", secret.len());
                assert_eq!(found.code, code, "{what}: {found:#?}");
                assert_eq!(shown_by(secret, &found), None, "{what}: {found:#?}");
                // In the other cases none of its texts is part of the report.
                let speaks = match how {
                    "ready" => report != ["--quiet"],
                    "not-ready" | "misconfigured" | "validate" => true,
                    _ => report == ["-vv"] && !how.ends_with("validate"),
                };
                let printed = format!("{}{}", found.stdout, found.stderr);
                assert!(
                    !speaks || printed.contains("(secret)"),
                    "{what}: {found:#?}"
                );
            }
        }
    }
}

#[test]
fn what_the_plugin_may_say_untold_stays() {
    let Some(dir) = project() else { return };
    // Its own name, the one of a parameter, a word of the host's, and one of its component.
    for word in ["telling", "misconfigured", "refused", "everybody"] {
        let found = cli(&dir)
            .args(["telling://127.0.0.1:1?how=misconfigured"])
            .env("WAITFOR_TELLING_KEY", word)
            .args(["--key", word, "--timeout", "600ms", "--grace", "0s"])
            .run();
        assert_eq!(found.code, 3, "{found:#?}");
        assert!(!found.stderr.contains("(secret)"), "{word}: {found:#?}");
        assert!(found.stderr.contains(word), "{word}: {found:#?}");
    }
}
