//! What other processes can see of this one, and what it hands on.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use waitfor_tests::cli::{Cli, binary};
use waitfor_tests::process::{free_port, reachable, server_user, temp_dir};

use crate::canary::{AWKWARD, shown, shown_by};

/// The program as an ordinary user, where the tests run as root.
fn as_user(script: &str) -> Command {
    let mut command = match server_user() {
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args([
                &format!("--reuid={user}"),
                &format!("--regid={group}"),
                "--clear-groups",
            ]);
            command.arg("bash");
            command
        }
        None => Command::new("bash"),
    };
    command
        .args(["-c", script])
        .env("W", reachable(binary()))
        .env("HOME", "/nonexistent")
        .env("KEY", AWKWARD)
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn output(script: &str) -> (Option<i32>, String) {
    let output = as_user(script).output().expect("bash runs");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn what_is_in_its_memory_stays_there() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let script = format!("WAITFOR_REDIS_PASSWORD=$KEY exec \"$W\" {url} --timeout 60s");
    let mut child = as_user(&script)
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash runs");
    let mut seen = [0; 10];
    let stderr = child.stderr.as_mut().expect("a pipe");
    stderr.read_exact(&mut seen).expect("it says something");
    // Of a process whose memory is open, these are the user's own.
    let folder = format!("/proc/{}", child.id());
    for file in ["environ", "mem", "maps", "fd"] {
        let owner = fs::metadata(format!("{folder}/{file}")).map(|data| data.uid());
        assert_eq!(owner.ok(), Some(0), "{file}");
    }
    let line = fs::read(format!("{folder}/cmdline")).expect("everybody may read it");
    assert_eq!(shown(AWKWARD, &String::from_utf8_lossy(&line)), None);
    child.kill().expect("it runs");
    child.wait().expect("it ended");
}

#[test]
fn it_can_still_read_its_own_descriptors() {
    let port = free_port();
    let (code, text) = output(&format!(
        "\"$W\" redis://127.0.0.1:{port} --password-file <(printf %s \"$KEY\") --timeout 100ms --grace 0s"
    ));
    assert_eq!(code, Some(124), "{text}");
    assert!(text.contains("refused"), "{text}");
    assert_eq!(shown(AWKWARD, &text), None, "{text}");
}

#[test]
fn the_command_gets_the_environment_and_is_as_open_as_ever() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let script = format!(
        "PGPASSWORD=$KEY WAITFOR_REDIS_PASSWORD=$KEY \"$W\" tcp://127.0.0.1:{port} -q -- \
         sh -c 'printf \"%s|%s|\" \"$PGPASSWORD\" \"$WAITFOR_REDIS_PASSWORD\"; \
                id -u | tr -d \"\\n\"; printf \"|\"; stat -c %u /proc/$$/environ'"
    );
    let (code, text) = output(&script);
    assert_eq!(code, Some(0), "{text}");
    let parts: Vec<&str> = text.trim_end().split('|').collect();
    let [password, own, user, owner] = parts[..] else {
        panic!("{text}");
    };
    assert_eq!((password, own), (AWKWARD, AWKWARD));
    assert_eq!(user, owner, "the kernel has opened the process again");
}

#[test]
fn a_registrys_account_is_not_shown() {
    use waitfor_tests::servers::lying_registry::{Fault, LyingRegistry};

    let dir = temp_dir("account");
    let secret = "Tr0ub4dor&3/with+more=x";
    let auth = {
        let output = Command::new("sh")
            .args(["-c", "printf %s \"$1\" | base64 -w0", "sh"])
            .arg(format!("robot:{secret}"))
            .output()
            .expect("base64 runs");
        String::from_utf8(output.stdout).expect("ASCII")
    };
    let registry = LyingRegistry::start();
    let authority = format!("127.0.0.1:{}", registry.port);
    let config = format!(r#"{{"auths":{{"{authority}":{{"auth":"{auth}"}}}}}}"#);
    fs::write(dir.path().join("config.json"), config).expect("a file");
    let toml = format!("[registries]\nacme = \"{}\"\n", registry.location());
    fs::write(dir.path().join("waitfor.toml"), toml).expect("a file");
    let basic = || "Basic realm=\"x\"".to_owned();
    for fault in [
        Fault::Challenge(basic()),
        Fault::Unauthorized(basic()),
        Fault::Forbidden,
        Fault::ServerError,
        Fault::LoginPage,
        Fault::HangUp,
    ] {
        registry.lie("/v2/", fault);
        for more in [&[] as &[&str], &["--output", "json"]] {
            let found = Cli::new()
                .env("DOCKER_CONFIG", dir.path())
                .env("WAITFOR_STORE", dir.path().join("store"))
                .current_dir(dir.path())
                .args(["plugin", "add", "acme/none", "--network-timeout", "2s"])
                .args(more)
                .run();
            assert_ne!(found.code, 0, "{found:#?}");
            assert_eq!(shown_by(secret, &found), None, "{found:#?}");
            assert_eq!(shown_by(&auth, &found), None, "{found:#?}");
        }
        registry.repent();
    }
}
