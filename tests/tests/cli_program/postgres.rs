//! What is special about PostgreSQL's targets: the password file and several hosts.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use waitfor_tests::cli::Cli;
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::{free_port, temp_dir};
use waitfor_tests::servers::postgres::{PASSWORD, Postgres};

use crate::support::{contains, result};

#[test]
fn the_password_file_is_read_only_where_it_is_private() {
    let Some(installed) = require(Component::Postgres) else {
        return;
    };
    let server = Postgres::ready(&installed);
    let port = server.port;
    let home = temp_dir("home");
    let file = home.path().join(".pgpass");
    let write = |text: &str, mode: u32| {
        std::fs::write(&file, text).expect("a password file");
        std::fs::set_permissions(&file, Permissions::from_mode(mode)).expect("its mode");
    };
    let url = format!("postgres://by_scram@127.0.0.1:{port}/app");
    let limits = ["--grace", "0s", "--timeout", "5s"];
    let cli = || Cli::new().home(home.path()).args(limits);
    let right = format!("127.0.0.1:{port}:app:by_scram:{PASSWORD}\n");

    write(&right, 0o600);
    let found = cli().args([&url]).run();
    assert_eq!(found.code, 0, "{found:#?}");
    assert!(!found.stderr.contains("warning: "), "{found:#?}");

    write(&right, 0o644);
    let found = cli().args([&url]).run();
    assert_eq!(found.code, 3, "{found:#?}");
    contains(&found.stderr, "warning: ");
    contains(&found.stderr, &file.display().to_string());
    contains(&found.stderr, "misconfigured (password-missing)");
    assert!(!found.stderr.contains(PASSWORD), "{found:#?}");

    for (text, code) in [
        (format!("*:*:*:*:{PASSWORD}\n"), 0),
        (
            format!("# a remark\n127.0.0.1:1:app:by_scram:x\n{right}"),
            0,
        ),
        ("*:*:*:*:not-the-password\n".to_owned(), 3),
        (format!("127.0.0.1:{port}:other:by_scram:{PASSWORD}\n"), 3),
        ("garbage\n".to_owned(), 3),
    ] {
        write(&text, 0o600);
        let found = cli().args([&url]).run();
        assert_eq!(found.code, code, "{text:?}: {found:#?}");
        assert!(!found.stderr.contains(PASSWORD), "{found:#?}");
        assert!(!found.stderr.contains("not-the-password"), "{found:#?}");
    }
    // Another file by its variable; what is given more closely wins over it.
    std::fs::remove_file(&file).expect("there is one");
    let other = home.path().join("other");
    std::fs::write(&other, &right).expect("a password file");
    std::fs::set_permissions(&other, Permissions::from_mode(0o600)).expect("its mode");
    let with = cli().env("PGPASSFILE", &other).args([&url]);
    assert_eq!(with.run().code, 0);
    assert_eq!(with.env("PGPASSWORD", "not-the-password").run().code, 3);
    assert_eq!(cli().args([&url]).run().code, 3, "no password at all");
}

/// The result for one target.
#[track_caller]
fn ask(url: &str, code: i32) -> Value {
    let found = Cli::new()
        .args(["--grace", "0s", "--timeout", "1500ms", "--output", "json"])
        .args([url])
        .run();
    assert_eq!(found.code, code, "{url}: {found:#?}");
    result(&found.stdout)["targets"][0].clone()
}

#[test]
fn several_hosts_are_tried_in_their_order() {
    let Some(installed) = require(Component::Postgres) else {
        return;
    };
    let (primary, standby) = (
        Postgres::ready(&installed),
        Postgres::hot_standby(&installed),
    );
    let (one, two, closed) = (primary.port, standby.port, free_port());
    let url = |ports: &[u16], more: &str| {
        let hosts: Vec<String> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        format!("postgres://trusted@{}/app{more}", hosts.join(","))
    };
    let server = |target: &Value| target["facts"]["server"].clone();
    let at = |port: u16| Value::from(format!("127.0.0.1:{port}"));

    let target = ask(&url(&[closed, one], ""), 0);
    assert_eq!(server(&target), at(one));
    for (attributes, ports, wanted) in [
        ("any", [two, one], two),
        ("read-write", [two, one], one),
        ("primary", [two, one], one),
        ("standby", [one, two], two),
        ("read-only", [one, two], two),
        ("prefer-standby", [one, two], two),
    ] {
        let more = format!("?target_session_attrs={attributes}");
        let target = ask(&url(&ports, &more), 0);
        assert_eq!(server(&target), at(wanted), "{attributes}: {target}");
    }
    let target = ask(&url(&[closed, one], "?target_session_attrs=standby"), 124);
    assert_eq!(target["verdict"], "not-ready");
    let target = ask(
        &url(&[closed, two], "?target_session_attrs=read-write"),
        124,
    );
    assert_eq!(target["verdict"], "not-ready");
    let target = ask(&url(&[closed, free_port()], ""), 124);
    assert_eq!(target["code"], "refused");
    let nonsense = url(&[one], "?target_session_attrs=sometimes");
    let found = Cli::new().args([&nonsense]).run();
    assert_eq!(found.code, 2, "{found:#?}");
}
