//! The probe's bytes beside those of Vertica's own clients, which `tests/tests/vertica_clients.rs` keeps true.

mod common;

use common::{auth, contains, expect, greeting, judged, message, one, plain, says};

const PYTHON: &str = include_str!("../../../tests/fixtures/vertica/startup-vertica-python.txt");
const NODEJS: &str = include_str!("../../../tests/fixtures/vertica/startup-vertica-nodejs.txt");
const ANSWERS: &str = include_str!("../../../tests/fixtures/vertica/password-answers.txt");

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two digits"))
        .collect()
}

/// The bytes of one line of a start-up fixture; `None` where they differ between machines.
fn parameter(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, value) = line.split_once(' ').unwrap_or((line, ""));
    let value = match value.strip_prefix("hex:") {
        Some(digits) => bytes(digits),
        None if value == "*" => return None,
        None => value.as_bytes().to_vec(),
    };
    if name == "fixed" {
        return Some((name.to_owned(), value));
    }
    let whole = [name.as_bytes(), b"\0", &value, b"\0"].concat();
    Some((name.to_owned(), whole))
}

/// What the probe sends first, up to the server's first answer.
fn startup() -> Vec<u8> {
    let session = || {
        plain()
            .secret("password", "pw")
            .value("level", "session")
            .conversation(says(&[greeting(), one()]))
    };
    let run = judged(session);
    expect(&run, "ready", "ready");
    let sent = run.sent(0);
    let length = u32::from_be_bytes([sent[0], sent[1], sent[2], sent[3]]) as usize;
    sent[..length].to_vec()
}

#[test]
fn startup_begins_as_the_vendors_does() {
    let head: Vec<u8> = PYTHON
        .lines()
        .map_while(parameter)
        .flat_map(|(_, bytes)| bytes)
        .collect();
    assert!(contains(&head, b"dbadmin\0database\0db\0"), "the fixture");
    let sent = startup();
    assert_eq!(sent[4..4 + head.len()], head);
    assert!(sent.ends_with(b"User\0\0"), "an empty name ends the list");
}

#[test]
fn startup_says_what_the_vendors_clients_say() {
    let sent = startup();
    let own = ["client_type", "client_version", "client_label"];
    for fixture in [PYTHON, NODEJS] {
        for (name, bytes) in fixture.lines().filter_map(parameter) {
            // The probe leaves no transaction open, asks for no complex types and names no workload.
            let differs = ["autocommit", "protocol_features", "workload"];
            if !own.contains(&name.as_str()) && !differs.contains(&name.as_str()) {
                assert!(contains(&sent, &bytes), "{name}");
            }
        }
        let known = |name: &str| fixture.lines().any(|line| line.starts_with(name));
        for name in own {
            assert!(known(name) || name == "client_label", "{name}");
            assert!(contains(&sent, format!("\0{name}\0").as_bytes()), "{name}");
        }
    }
    for machine in ["client_os", "client_pid", "client_os_hostname"] {
        assert!(!contains(&sent, machine.as_bytes()), "{machine} is told");
    }
}

#[test]
fn password_answers_are_the_vendors() {
    let mut compared = 0;
    for line in ANSWERS.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [name, user, password, request, answer] = fields[..] else {
            panic!("a line of five fields: {line}");
        };
        let session = || {
            plain()
                .value("user", user)
                .value("level", "session")
                .secret("password", password)
                .conversation(says(&[bytes(request), greeting(), one()]))
        };
        let run = judged(session);
        let answer = bytes(answer);
        if name == "oauth" {
            expect(&run, "misconfigured", "auth-unsupported");
            assert!(!contains(run.sent(0), &answer), "a token was sent");
            continue;
        }
        expect(&run, "ready", "ready");
        let sent = run.sent(0);
        let length = u32::from_be_bytes([sent[0], sent[1], sent[2], sent[3]]) as usize;
        assert_eq!(sent[length..length + answer.len()], answer, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 6, "every method that the probe speaks");
}

#[test]
fn requests_and_farewell_are_the_vendors() {
    let session = || {
        common::target()
            .value("connection-load-balance", "true")
            .value("level", "session")
            .conversation([
                waitfor_sdk::native::Step::send(b"NN"),
                waitfor_sdk::native::Step::send([auth(0, &[]), common::ready(), one()].concat()),
            ])
    };
    let run = judged(session);
    expect(&run, "ready", "ready");
    let sent = run.sent(0);
    assert_eq!(sent[..8], [0, 0, 0, 8, 4, 0xd3, 0, 0], "load balancing");
    assert_eq!(sent[8..16], [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], "then tls");
    let end = [message(b'Q', b"SELECT 1\0"), vec![b'X', 0, 0, 0, 4]].concat();
    assert!(sent.ends_with(&end));
}
