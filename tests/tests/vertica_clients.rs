//! The vendor's own clients judge the simulated Vertica: a server that its author alone has graded proves nothing.
//!
//! vertica-python and vertica-nodejs connect to it in every mode that each supports, read rows and
//! raise their errors. What they send is held against the fixtures that the probe is tested with.
//! vertica-nodejs 1.1.4 supports neither MD5 (5, 65541) nor the grace notice (11), nor load
//! balancing, and vertica-python 1.4.0 no one-time codes (14): that they do not is asserted too, or
//! said where a client would hang.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use waitfor_tests::install::{self, Component};
use waitfor_tests::process;
use waitfor_tests::tls::Tls as Certificates;
use waitfor_tests::vertica_sim::{
    Auth, Balance, ClientRecord, Config, Node, PasswordAge, PreMessage, Sim, SqlError, State, Tls,
    TlsFiles,
};

const NODES: &str = "SELECT node_name, node_state FROM v_catalog.nodes";

/// One of the vendor's clients, ready to be run.
struct Vendor {
    component: Component,
    dir: std::path::PathBuf,
}

impl Vendor {
    fn python() -> Option<Vendor> {
        Vendor::get(Component::VerticaPython)
    }

    fn node() -> Option<Vendor> {
        Vendor::get(Component::VerticaNodejs)
    }

    fn both() -> Vec<Vendor> {
        [Vendor::python(), Vendor::node()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn get(component: Component) -> Option<Vendor> {
        let dir = install::require(component)?.dir;
        Some(Vendor { component, dir })
    }

    fn is_python(&self) -> bool {
        self.component == Component::VerticaPython
    }

    /// Runs the client against the simulator as `dbadmin`, and returns the JSON that it prints.
    fn run(&self, sim: &Sim, settings: &[(&str, &str)]) -> Value {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/vertica");
        let mut command = if self.is_python() {
            let mut command = Command::new("python3");
            command.arg(clients.join("client.py"));
            command.env("PYTHONPATH", &self.dir);
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        } else {
            let mut command = Command::new("node");
            command.arg(clients.join("client.js"));
            command.env("NODE_PATH", &self.dir);
            command
        };
        command
            .env("SIM_HOST", "127.0.0.1")
            .env("SIM_PORT", sim.port().to_string())
            .env("SIM_USER", "dbadmin");
        if self.is_python() {
            // What its counterpart does when nothing is said.
            command.env("SIM_TLSMODE", "disable");
        }
        command.envs(settings.iter().copied());
        let printed = process::run(&mut command);
        sim.settle();
        serde_json::from_str(&printed)
            .unwrap_or_else(|e| panic!("{} printed no JSON: {e}\n{printed}", self.component))
    }

    /// Runs it with a password and one query, which must be answered by the given rows.
    fn must_read(&self, sim: &Sim, settings: &[(&str, &str)], rows: &Value) -> Value {
        let mut settings = settings.to_vec();
        settings.push(("SIM_QUERIES", NODES));
        let result = self.run(sim, &settings);
        assert_eq!(
            result["results"][0]["rows"], *rows,
            "{}: {result}",
            self.component
        );
        let record = sim.last();
        assert_eq!(
            record.queries(),
            [NODES],
            "{}: neither client sends queries of its own",
            self.component
        );
        assert!(record.terminated, "{}: {record:?}", self.component);
        result
    }

    /// Runs it, and it must fail with this SQLSTATE.
    fn must_fail(&self, sim: &Sim, settings: &[(&str, &str)], sqlstate: &str) -> Value {
        let result = self.run(sim, settings);
        let error = &result["error"];
        assert_eq!(error["sqlstate"], sqlstate, "{}: {result}", self.component);
        if self.is_python() {
            assert_eq!(error["class"], "ConnectionError", "{result}");
        }
        result
    }
}

fn one_node() -> Value {
    json!([["v_vmart_node0001", "UP"]])
}

fn message(result: &Value) -> &str {
    result["error"]["message"].as_str().unwrap_or_default()
}

#[test]
fn each_password_method_lets_the_right_password_in() {
    let all = [
        Auth::Cleartext,
        Auth::Md5,
        Auth::HashMd5,
        Auth::Hash,
        Auth::HashSha512,
    ];
    for vendor in Vendor::both() {
        for auth in all {
            if !vendor.is_python() && matches!(auth, Auth::Md5 | Auth::HashMd5) {
                continue;
            }
            let sim = Sim::start(Config::with_password(auth, "dbadmin", "s3cret \u{e9}"));
            vendor.must_read(&sim, &[("SIM_PASSWORD", "s3cret \u{e9}")], &one_node());
            assert_eq!(sim.last().password_answers().len(), 1, "{auth:?}");
            vendor.must_fail(&sim, &[("SIM_PASSWORD", "wrong")], "28000");
            vendor.must_fail(
                &sim,
                &[("SIM_USER", "nobody"), ("SIM_PASSWORD", "s3cret \u{e9}")],
                "28000",
            );
        }
    }
}

#[test]
fn trust_asks_for_no_password() {
    for vendor in Vendor::both() {
        let sim = Sim::start(Config::default());
        vendor.must_read(&sim, &[], &one_node());
        assert!(sim.last().password_answers().is_empty());
        vendor.must_fail(&sim, &[("SIM_USER", "nobody")], "28000");
    }
}

#[test]
fn a_token_logs_in_by_oauth() {
    for vendor in Vendor::both() {
        let sim = Sim::start(Config::with_password(Auth::OAuth, "dbadmin", "token"));
        vendor.must_read(&sim, &[("SIM_TOKEN", "token")], &one_node());
        assert_eq!(
            sim.last().parameter("auth_category").as_deref(),
            Some("OAuth")
        );
        vendor.must_fail(&sim, &[("SIM_TOKEN", "stale")], "28000");
    }
}

#[test]
fn an_expired_password_is_said_without_an_error_message() {
    for vendor in Vendor::both() {
        for auth in [Auth::Trust, Auth::HashSha512] {
            let sim = Sim::start(Config {
                password_age: PasswordAge::Expired,
                ..Config::with_password(auth, "dbadmin", "pw")
            });
            let result = vendor.run(&sim, &[("SIM_PASSWORD", "pw")]);
            assert!(message(&result).contains("expired"), "{result}");
        }
    }
}

#[test]
fn a_password_in_its_grace_period_logs_in_with_a_warning() {
    let Some(vendor) = Vendor::python() else {
        return;
    };
    let sim = Sim::start(Config {
        password_age: PasswordAge::Grace,
        ..Config::with_password(Auth::HashSha512, "dbadmin", "pw")
    });
    let result = vendor.must_read(&sim, &[("SIM_PASSWORD", "pw")], &one_node());
    let warning = result["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("expire soon"), "{result}");
}

#[test]
fn the_methods_that_a_client_lacks_are_named_by_it() {
    let Some(vendor) = Vendor::python() else {
        return;
    };
    let sim = Sim::start(Config::with_password(Auth::Gss, "dbadmin", "pw"));
    let result = vendor.run(&sim, &[("SIM_PASSWORD", "pw")]);
    assert!(message(&result).contains("Kerberos"), "{result}");

    let sim = Sim::start(Config {
        totp: Some("123456".to_owned()),
        ..Config::with_password(Auth::HashSha512, "dbadmin", "pw")
    });
    let result = vendor.run(&sim, &[("SIM_PASSWORD", "pw")]);
    assert!(
        message(&result).contains("unsupported authentication method: 14"),
        "{result}"
    );
}

#[test]
fn refusals_reach_the_client_with_their_codes() {
    let cases = [
        (State::starting(), "57V03", "Node startup/recovery"),
        (State::shutting_down(), "57V01", "shutting down"),
        (State::session_limit(), "08004", "already 50 sessions"),
        (State::draining(), "08004", "draining"),
    ];
    for vendor in Vendor::both() {
        let sim = Sim::start(Config::default());
        for (state, sqlstate, text) in &cases {
            sim.set_state(state.clone());
            let result = vendor.must_fail(&sim, &[], sqlstate);
            assert!(message(&result).contains(text), "{result}");
        }
        sim.set_state(State::Up);
        let result = vendor.must_fail(&sim, &[("SIM_DATABASE", "nosuch")], "3D000");
        assert!(message(&result).contains("nosuch"), "{result}");
        vendor.must_read(&sim, &[("SIM_DATABASE", "VMart")], &one_node());
    }
}

#[test]
fn a_connection_that_ends_early_is_a_failure() {
    for vendor in Vendor::both() {
        for state in [State::AcceptThenClose, State::CloseAfterStartup] {
            let sim = Sim::start(Config::default().in_state(state));
            let result = vendor.run(&sim, &[]);
            assert!(result["error"].is_object(), "{result}");
            assert!(result["error"]["sqlstate"].as_str() != Some("28000"));
        }
    }
}

#[test]
fn errors_of_queries_have_their_class_and_the_session_goes_on() {
    let queries = [
        "SELECT nosuch FROM nodes",
        "SELECT 1 FROM nosuch",
        "UPDATE t SET x = 1",
        "SELECT 1",
        NODES,
    ];
    let failures = [
        (0, "42703", "MissingColumn"),
        (1, "42V01", "MissingRelation"),
        (2, "42601", "VerticaSyntaxError"),
        (4, "42501", "PermissionDenied"),
    ];
    for vendor in Vendor::both() {
        let sim = Sim::start(Config::default());
        let readable = vendor.run(&sim, &[("SIM_QUERIES", &queries[..4].join("\n"))]);
        sim.update(|config| config.system_tables = false);
        let denied = vendor.run(&sim, &[("SIM_QUERIES", &queries[3..].join("\n"))]);
        for (place, sqlstate, class) in failures {
            let error = if place < 4 {
                &readable["results"][place]["error"]
            } else {
                &denied["results"][place - 3]["error"]
            };
            assert_eq!(error["sqlstate"], sqlstate, "{readable}\n{denied}");
            if vendor.is_python() {
                assert_eq!(error["class"], class, "{readable}\n{denied}");
            }
        }
        assert_eq!(readable["results"][3]["rows"], json!([[1]]), "{readable}");
        assert_eq!(denied["results"][0]["rows"], json!([[1]]), "{denied}");

        sim.set_state(State::QueriesFail(SqlError::no_resources()));
        let result = vendor.run(&sim, &[("SIM_QUERIES", "SELECT 1")]);
        let error = &result["results"][0]["error"];
        assert_eq!(error["sqlstate"], "53000", "{result}");
        if vendor.is_python() {
            assert_eq!(error["class"], "InsufficientResources", "{result}");
        }
    }
}

#[test]
fn rows_arrive_with_their_types() {
    let mut nodes = vec![
        Node::up("v_vmart_node0001"),
        Node::in_state("v_vmart_node0002", "NEEDS CATCH UP"),
        Node::read_only("v_vmart_node0003"),
    ];
    nodes[1].is_primary = false;
    let config = Config {
        session_node: 2,
        notice: Some("maintenance tonight".to_owned()),
        ..Config::with_cluster(nodes, 1, 0)
    };
    let own = "SELECT n.node_name, node_state, is_primary, is_readonly FROM nodes n \
               WHERE n.node_name IN (SELECT node_name FROM current_session)";
    let system = "select designed_fault_tolerance, current_fault_tolerance, node_count, \
                  node_down_count from v_monitor.system;";
    let all = "SELECT node_state, is_primary FROM nodes";
    let queries = [own, system, all, "SELECT version()"].join("\n");
    for vendor in Vendor::both() {
        let sim = Sim::start(config.clone());
        let result = vendor.run(&sim, &[("SIM_QUERIES", &queries)]);
        let rows = |place: usize| result["results"][place]["rows"].clone();
        assert_eq!(rows(0), json!([["v_vmart_node0003", "UP", true, true]]));
        assert_eq!(rows(1), json!([[1, 0, 3, 1]]), "{result}");
        assert_eq!(
            rows(2),
            json!([["UP", true], ["NEEDS CATCH UP", false], ["UP", true]])
        );
        assert_eq!(rows(3)[0][0], "Vertica Analytic Database v24.1.0-0");
        let types = &result["results"][0]["columns"];
        if vendor.is_python() {
            assert_eq!(types[0], json!(["node_name", "Varchar"]));
            assert_eq!(types[3], json!(["is_readonly", "Boolean"]));
        } else {
            assert_eq!(types[0], json!(["node_name", 9]));
            assert_eq!(types[3], json!(["is_readonly", 5]));
        }
        let notice = result["warnings"][0].as_str().unwrap_or_default();
        assert!(notice.contains("maintenance tonight"), "{result}");
    }
}

#[test]
fn the_protocol_version_is_the_lower_of_both() {
    const OLD: u32 = 0x0003_0007;
    for vendor in Vendor::both() {
        let sim = Sim::start(Config {
            protocol: OLD,
            readonly_column: false,
            ..Config::default()
        });
        let result = vendor.must_read(&sim, &[], &one_node());
        let agreed = if vendor.is_python() {
            assert_eq!(result["parameters"]["request_complex_types"], "off");
            &result["parameters"]["protocol_version"]
        } else {
            &result["protocol"]
        };
        assert_eq!(*agreed, OLD, "{result}");

        let sim = Sim::start(Config::default());
        let result = vendor.must_read(&sim, &[], &one_node());
        if vendor.is_python() {
            // Rows are described in another shape once complex types are agreed on.
            assert_eq!(result["parameters"]["request_complex_types"], "on");
        }
    }
}

#[test]
fn tls_is_spoken_where_both_want_it() {
    let made = Certificates::new();
    let ca = made.ca.display().to_string();
    let other = made.other_ca.display().to_string();
    let offered = Config::default().with_tls(Tls::Offered(TlsFiles::of(&made.server)));
    let elsewhere = Config::default().with_tls(Tls::Offered(TlsFiles::of(&made.other_name)));
    let required = Config::default().with_tls(Tls::Required(TlsFiles::of(&made.server)));
    let none = Config::default();
    // The server, the client's mode, its authority, and whether it must connect, and with TLS.
    let cases: &[(&Config, &str, Option<&str>, bool, bool)] = &[
        (&none, "disable", None, true, false),
        (&none, "prefer", None, true, false),
        (&none, "require", None, false, false),
        (&none, "verify-ca", Some(&ca), false, false),
        (&offered, "disable", None, true, false),
        (&offered, "prefer", None, true, true),
        (&offered, "require", None, true, true),
        (&offered, "verify-ca", Some(&ca), true, true),
        (&offered, "verify-ca", Some(&other), false, false),
        (&offered, "verify-full", Some(&ca), true, true),
        (&offered, "verify-full", Some(&other), false, false),
        (&elsewhere, "verify-ca", Some(&ca), true, true),
        (&elsewhere, "verify-full", Some(&ca), false, false),
        (&required, "require", None, true, true),
    ];
    for vendor in Vendor::both() {
        for (config, mode, authority, connects, encrypted) in cases {
            // The Node.js client has no such mode.
            if !vendor.is_python() && *mode == "prefer" {
                continue;
            }
            let sim = Sim::start((*config).clone());
            let mut settings = vec![("SIM_TLSMODE", *mode)];
            settings.extend(authority.map(|file| ("SIM_CA", file)));
            let case = format!("{} {mode} {authority:?} {:?}", vendor.component, config.tls);
            if *connects {
                let result = vendor.must_read(&sim, &settings, &one_node());
                let record = sim.last();
                assert_eq!(record.tls, *encrypted, "{case}");
                if vendor.is_python() {
                    assert_eq!(result["tls"], *encrypted, "{case}");
                }
                let asked = record.pre_messages == [PreMessage::Tls];
                assert_eq!(asked, *mode != "disable", "{case}");
            } else {
                let result = vendor.run(&sim, &settings);
                assert!(result["error"].is_object(), "{case}: {result}");
                assert!(sim.last().startup.is_empty(), "{case}: start-up was sent");
            }
        }
        let sim = Sim::start(required.clone());
        vendor.must_fail(&sim, &[], "28000");
    }
}

#[test]
fn a_client_certificate_is_asked_for_and_checked() {
    let Some(vendor) = Vendor::python() else {
        return;
    };
    let made = Certificates::new();
    let files = TlsFiles::of(&made.server).asking_for_clients_of(&made.ca);
    let sim = Sim::start(Config::default().with_tls(Tls::Required(files)));
    let ca = made.ca.display().to_string();
    for (identity, connects) in [(&made.client, true), (&made.other_client, false)] {
        let cert = identity.cert.display().to_string();
        let key = identity.key.display().to_string();
        let settings = [
            ("SIM_TLSMODE", "verify-full"),
            ("SIM_CA", ca.as_str()),
            ("SIM_CERT", cert.as_str()),
            ("SIM_KEY", key.as_str()),
        ];
        if connects {
            vendor.must_read(&sim, &settings, &one_node());
        } else {
            let result = vendor.run(&sim, &settings);
            assert!(result["error"].is_object(), "{result}");
        }
    }
}

#[test]
fn load_balancing_redirects_a_client_that_asks() {
    let Some(vendor) = Vendor::python() else {
        return;
    };
    let made = Certificates::new();
    let target = Sim::start(Config {
        nodes: vec![Node::up("v_vmart_node0002")],
        ..Config::default().with_tls(Tls::Required(TlsFiles::of(&made.server)))
    });
    let first = Sim::start(Config {
        balance: Balance::To("127.0.0.1".to_owned(), target.port()),
        ..Config::default()
    });
    let settings = [
        ("SIM_LOAD_BALANCE", "1"),
        ("SIM_TLSMODE", "require"),
        ("SIM_QUERIES", NODES),
    ];
    let result = vendor.run(&first, &settings);
    assert_eq!(
        result["results"][0]["rows"],
        json!([["v_vmart_node0002", "UP"]]),
        "{result}"
    );
    assert_eq!(first.last().pre_messages, [PreMessage::LoadBalance]);
    assert!(first.last().startup.is_empty());
    assert_eq!(target.last().pre_messages, [PreMessage::Tls]);

    let alone = Sim::start(Config::default());
    let settings = [("SIM_LOAD_BALANCE", "1"), ("SIM_TLSMODE", "prefer")];
    let result = vendor.must_read(&alone, &settings, &one_node());
    let asked = [PreMessage::LoadBalance, PreMessage::Tls];
    assert_eq!(alone.last().pre_messages, asked, "balancing, then TLS");
    assert!(result["warnings"].to_string().contains("not supported"));
}

/// The parameters that a fixture lists; `None` is a value that differs between machines.
fn listed(fixture: &str) -> Vec<(String, Option<Vec<u8>>)> {
    fixture
        .lines()
        .map(|line| {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = match (value, value.strip_prefix("hex:")) {
                ("*", _) => None,
                (_, Some(digits)) => Some(bytes(digits)),
                (text, None) => Some(text.as_bytes().to_vec()),
            };
            (name.to_owned(), value)
        })
        .collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len())
        .step_by(2)
        .map(|at| {
            u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("a fixture's hexadecimal")
        })
        .collect()
}

#[test]
fn the_clients_start_up_as_the_fixtures_say() {
    for vendor in Vendor::both() {
        let sim = Sim::start(Config {
            database: "db".to_owned(),
            ..Config::with_password(Auth::HashSha512, "dbadmin", "pw")
        });
        let settings = [("SIM_PASSWORD", "pw"), ("SIM_DATABASE", "db")];
        vendor.must_read(&sim, &settings, &one_node());
        let record: ClientRecord = sim.last();
        let fixture = if vendor.is_python() {
            include_str!("../fixtures/vertica/startup-vertica-python.txt")
        } else {
            include_str!("../fixtures/vertica/startup-vertica-nodejs.txt")
        };
        let mut sent = vec![("fixed".to_owned(), record.startup[4..8].to_vec())];
        sent.extend(record.parameters);
        let expected = listed(fixture);
        let names = |list: Vec<&String>| list.into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(sent.iter().map(|(name, _)| name).collect()),
            names(expected.iter().map(|(name, _)| name).collect()),
        );
        for ((name, sent), (_, expected)) in sent.iter().zip(&expected) {
            if let Some(expected) = expected {
                assert_eq!(sent, expected, "{}: {name}", vendor.component);
            }
        }
    }
}

#[test]
fn the_clients_answer_challenges_as_the_fixtures_say() {
    let fixture = include_str!("../fixtures/vertica/password-answers.txt");
    for vendor in Vendor::both() {
        for line in fixture.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [name, user, password, request, answer] = fields[..] else {
                panic!("a line of five fields: {line}");
            };
            let auth = match name {
                "cleartext" => Auth::Cleartext,
                "md5" => Auth::Md5,
                "hash" => Auth::Hash,
                "hash-md5" => Auth::HashMd5,
                "hash-sha512" => Auth::HashSha512,
                "oauth" => Auth::OAuth,
                other => panic!("an authentication that the simulator has: {other}"),
            };
            if !vendor.is_python() && matches!(auth, Auth::Md5 | Auth::HashMd5) {
                continue;
            }
            let mut config = Config::with_password(auth, user, password);
            let request = bytes(request);
            if let Some(salt) = request.get(9..13) {
                config.salt.copy_from_slice(salt);
            }
            if let Some(salt) = request.get(17..33) {
                config.user_salt.copy_from_slice(salt);
            }
            let sim = Sim::start(config);
            let secret = if auth == Auth::OAuth {
                "SIM_TOKEN"
            } else {
                "SIM_PASSWORD"
            };
            vendor.must_read(&sim, &[("SIM_USER", user), (secret, password)], &one_node());
            let sent = sim.last().password_answers();
            let whole = bytes(answer);
            assert_eq!(sent, [whole[5..].to_vec()], "{} {name}", vendor.component);
            assert_eq!(
                whole[1..5],
                (whole.len() as u32 - 1).to_be_bytes(),
                "{name}: the fixture's length"
            );
        }
    }
}
