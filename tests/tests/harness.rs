//! The harness itself: what the other tests trust without looking.

use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use waitfor_tests::cli::Cli;
use waitfor_tests::process::{self, PATIENCE, Server, Signal};
use waitfor_tests::tls::Tls;

fn alive(pid: &str) -> bool {
    // A zombie has ended: only its parent has not looked yet.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}

/// A process that ignores `SIGTERM` and has a child; the ids of both.
fn stubborn() -> (Server, [String; 2]) {
    let script = "trap '' TERM; sleep 1000 & echo $$ $!; wait";
    let server = Server::start("stubborn", Command::new("sh").args(["-c", script]))
        .stop_with(Signal::TERM, std::time::Duration::from_millis(100));
    let ids = process::wait_for("both ids", PATIENCE, || {
        let log = server.log();
        match log.split_whitespace().collect::<Vec<_>>()[..] {
            [one, two] => Ok([one.to_owned(), two.to_owned()]),
            _ => Err(format!("only {log:?}")),
        }
    });
    (server, ids)
}

#[test]
fn ports_are_free_and_given_once() {
    let mut ports: Vec<u16> = (0..20).map(|_| process::free_port()).collect();
    for port in &ports {
        TcpListener::bind(("127.0.0.1", *port)).expect("the port is free");
    }
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 20);
}

#[test]
fn a_panic_ends_the_whole_group() {
    let (server, ids) = stubborn();
    assert!(ids.iter().all(|id| alive(id)));
    let result = catch_unwind(AssertUnwindSafe(move || {
        let _server = server;
        panic!("as a failing test would");
    }));
    assert!(result.is_err());
    process::wait_for("both to end", PATIENCE, || {
        if ids.iter().any(|id| alive(id)) {
            Err("one is alive".to_owned())
        } else {
            Ok(())
        }
    });
}

#[test]
fn what_a_server_leaves_behind_is_ended() {
    let (mut server, ids) = stubborn();
    server.signal(Signal::KILL);
    assert!(!server.wait_exit(PATIENCE).success());
    process::wait_for("the orphan to end", PATIENCE, || {
        if alive(&ids[1]) {
            Err("it is alive".to_owned())
        } else {
            Ok(())
        }
    });
}

/// Runs this test binary again with a program that tells its environment in place of `waitfor`.
#[test]
fn waitfor_runs_in_a_clean_environment_and_not_for_ever() {
    if std::env::var_os("WAITFOR_BIN").is_some_and(|bin| bin == "/bin/sh") {
        let cli = Cli::new().env("PGUSER", "wanted");
        let seen = cli.clone().args(["-c", "env; echo said >&2; exit 7"]).run();
        assert_eq!((seen.code, seen.stderr.as_str()), (7, "said\n"));
        let names: Vec<&str> = seen
            .stdout
            .lines()
            .filter_map(|l| l.split('=').next())
            .collect();
        for gone in [
            "PGHOST",
            "VAULT_ADDR",
            "REDIS_URL",
            "https_proxy",
            "WAITFOR_BIN",
        ] {
            assert!(!names.contains(&gone), "{gone} was passed on");
        }
        assert!(seen.stdout.contains("PGUSER=wanted\n"));
        let home = seen
            .stdout
            .lines()
            .find_map(|l| l.strip_prefix("HOME="))
            .expect("a home");
        assert!(std::path::Path::new(home).starts_with(process::scratch()));
        let slow = cli
            .args(["-c", "sleep 1000"])
            .kill_after(std::time::Duration::from_millis(50));
        let result = catch_unwind(AssertUnwindSafe(|| slow.run()));
        let why = result.expect_err("it is killed");
        assert!(
            why.downcast_ref::<String>()
                .is_some_and(|text| text.contains("did not end"))
        );
        return;
    }
    let this = std::env::current_exe().expect("this test");
    process::run(
        Command::new(this)
            .args([
                "--exact",
                "waitfor_runs_in_a_clean_environment_and_not_for_ever",
            ])
            .envs(["PGHOST", "VAULT_ADDR", "REDIS_URL", "https_proxy"].map(|name| (name, "x")))
            .env("WAITFOR_BIN", "/bin/sh"),
    );
}

/// Runs this test binary again with a test that leaks a server, kills it, and looks for the rest.
#[test]
fn a_killed_test_binary_leaves_nothing() {
    if let Ok(place) = std::env::var("HARNESS_LEAK_TO") {
        let (server, ids) = stubborn();
        let scratch = process::scratch().display().to_string();
        let note = format!("{} {} {scratch}", ids[0], ids[1]);
        std::fs::write(format!("{place}.new"), note).expect("a note");
        std::fs::rename(format!("{place}.new"), &place).expect("a note");
        std::mem::forget(server);
        std::thread::sleep(PATIENCE);
        return;
    }
    let dir = process::temp_dir("leak");
    let place = dir.path().join("note");
    let this = std::env::current_exe().expect("this test");
    let mut again = Server::start(
        "again",
        Command::new(this)
            .args(["--exact", "a_killed_test_binary_leaves_nothing"])
            .env("HARNESS_LEAK_TO", &place),
    );
    let note = again.wait_until("its note", PATIENCE, || {
        std::fs::read_to_string(&place).map_err(|e| e.to_string())
    });
    let parts: Vec<&str> = note.split_whitespace().collect();
    assert!(alive(parts[0]) && alive(parts[1]));
    again.kill();
    process::wait_for("the leaked processes and folder to go", PATIENCE, || {
        if alive(parts[0]) || alive(parts[1]) || std::path::Path::new(parts[2]).exists() {
            Err(note.clone())
        } else {
            Ok(())
        }
    });
}

#[test]
fn servers_do_not_run_as_root() {
    let id = process::run(process::as_server_user(Command::new("id").arg("-u")));
    assert_ne!(id.trim(), "0");
    let dir = process::temp_dir("owned");
    let file = dir.path().join("file");
    process::run(process::as_server_user(Command::new("touch").arg(&file)));
    assert!(file.is_file());
}

#[test]
fn openssl_agrees_with_the_certificates() {
    let Some(openssl) = waitfor_tests::install::require(waitfor_tests::install::Component::Openssl)
    else {
        return;
    };
    let tls = Tls::new();
    let verify = |purpose: &str, cert: &std::path::Path| {
        let mut command = Command::new(openssl.program("openssl"));
        command
            .args(["verify", "-purpose", purpose, "-CAfile"])
            .arg(&tls.ca)
            .arg(cert);
        let output = command.output().expect("openssl runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    assert!(verify("sslserver", &tls.server.cert).0);
    assert!(verify("sslserver", &tls.other_name.cert).0);
    assert!(verify("sslclient", &tls.client.cert).0);
    for (cert, why) in [
        (&tls.expired.cert, "expired"),
        (&tls.not_yet_valid.cert, "not yet valid"),
        (&tls.self_signed.cert, "self-signed"),
        (&tls.other_client.cert, "unable to get local issuer"),
    ] {
        let (good, text) = verify("any", cert);
        assert!(!good && text.contains(why), "{text}");
    }
}
