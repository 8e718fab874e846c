//! Sets each fault up, in front of the real server where it needs one.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use waitfor_tests::cli::Cli;
use waitfor_tests::faults::black_hole::BlackHole;
use waitfor_tests::faults::greetings::GREETINGS;
use waitfor_tests::faults::lies::{Endless, Length};
use waitfor_tests::faults::names::Names;
use waitfor_tests::faults::relay::{Relay, Shape};
use waitfor_tests::faults::script::{Step, play};
use waitfor_tests::faults::tls_front::{self, NO_COMMON_VERSION, hello_of_tls_1_1};
use waitfor_tests::process::free_port;

use crate::subject::Subject;
use crate::world::World;

/// The most connections that a sweep over the positions of an answer takes.
const POSITIONS: usize = 250;

/// A position in the server's first answer to a TLS handshake, which is never shorter.
const IN_THE_HANDSHAKE: usize = 300;

/// What TLS adds after the last byte that says anything: the closing alert, with room to spare.
const FAREWELL: usize = 64;

/// A fault that is in place for as long as this lives.
pub(crate) struct Stage {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Further arguments.
    pub(crate) more: Vec<String>,
    pub(crate) cli: Cli,
    /// Gets each line that is printed.
    pub(crate) on_line: Box<dyn Fn(&str) + Send + Sync>,
    /// What must be true beside the verdict.
    pub(crate) proof: Proof,
    /// A wait that needs longer than others.
    pub(crate) patient: bool,
    guard: Box<dyn Any + Send>,
}

/// What must be true beside the verdict.
pub(crate) enum Proof {
    None,
    /// As many attempts were made, no more.
    Attempts(u64),
    /// At least as many attempts were made.
    MoreThan(u64),
    /// The relay met at least as many connections before the server was taken for ready.
    Connections(usize),
}

impl Stage {
    fn at(port: u16, guard: impl Any + Send) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            more: Vec::new(),
            cli: Subject::client(),
            on_line: Box::new(|_| ()),
            proof: Proof::None,
            patient: false,
            guard: Box::new(guard),
        }
    }

    fn playing(steps: Vec<Step>) -> Self {
        let peer = play(steps);
        Self::at(peer.port(), peer)
    }

    fn relaying(relay: Relay) -> Self {
        Self::at(relay.port(), relay)
    }

    /// How many connections the relay has met, where there is one.
    pub(crate) fn connections(&self) -> usize {
        self.guard
            .downcast_ref::<Relay>()
            .map_or(0, Relay::connections)
    }

    fn patient(mut self, more: &[&str]) -> Self {
        self.patient = true;
        self.more.extend(more.iter().map(|&word| word.to_owned()));
        self
    }
}

/// Sets a fault up; none where it makes no sense for this subject.
pub(crate) fn stage(fault: &str, world: &World, subject: Subject) -> Option<Stage> {
    connections(fault)
        .or_else(|| strangers(fault))
        .or_else(|| conversations(fault, world, subject))
        .or_else(|| sweeps(fault, world, subject))
        .or_else(|| lies(fault, subject))
        .or_else(|| encryption(fault, world, subject))
        .or_else(|| names(fault, world, subject))
}

fn connections(fault: &str) -> Option<Stage> {
    let steps = match fault {
        "refused" => return Some(Stage::at(free_port(), ())),
        "black-hole" => {
            let hole = BlackHole::new();
            return Some(Stage::at(hole.port(), hole));
        }
        "accept-close" => vec![],
        "accept-reset" => vec![Step::Reset],
        "hears-and-closes" => vec![Step::Hear(None)],
        "silence" => vec![Step::Hold],
        _ => return None,
    };
    Some(Stage::playing(steps))
}

fn strangers(fault: &str) -> Option<Stage> {
    let garbage = |bytes: Vec<u8>| vec![Step::Hear(None), Step::Say(bytes), Step::Hold];
    let steps = match fault {
        "random-bytes" => garbage(random(4096)),
        "zero-bytes" => garbage(vec![0; 4096]),
        "ff-bytes" => garbage(vec![0xff; 4096]),
        _ => {
            let name = fault.strip_prefix("speaks-")?;
            let greeting = GREETINGS.iter().find(|greeting| greeting.name == name)?;
            greeting.steps()
        }
    };
    Some(Stage::playing(steps))
}

/// The same bytes in each run, so that a failure can be repeated (a linear congruential generator).
fn random(len: usize) -> Vec<u8> {
    let mut state: u32 = 0x2545_f491;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// What happens to the words of a real server.
fn conversations(fault: &str, world: &World, subject: Subject) -> Option<Stage> {
    let server = world.port(subject);
    let half = match subject {
        _ if subject.has_tls() => IN_THE_HANDSHAKE,
        _ => world.needed(subject) / 2,
    };
    let relay = |shape: Shape| Stage::relaying(Relay::start(server, move |_| shape.clone()));
    if fault == "whole" {
        return Some(relay(Shape::Whole));
    }
    if world.said(subject) == 0 {
        return None;
    }
    Some(match fault {
        "closes-halfway" => relay(Shape::CloseAt(half)),
        "resets-halfway" => relay(Shape::ResetAt(half)),
        "stalls-halfway" => relay(Shape::StallAt(half)),
        "drip" => relay(Shape::Bytewise(Duration::from_millis(600))),
        "bytewise" => relay(Shape::Bytewise(Duration::from_micros(20))),
        "coalesced" => relay(Shape::Coalesced),
        _ => return None,
    })
}

/// One run over many positions of the server's answer, another with each connection.
fn sweeps(fault: &str, world: &World, subject: Subject) -> Option<Stage> {
    let server = world.port(subject);
    let said = world.said(subject);
    if said < 2 {
        return None;
    }
    let patiently = ["--interval", "20ms"];
    if fault == "split-everywhere" {
        let step = said.div_ceil(POSITIONS);
        let splits = (said - 1) / step;
        let relay = Relay::start(server, move |number| Shape::SplitAt((number + 1) * step));
        let mut stage = Stage::relaying(relay).patient(&patiently);
        stage
            .more
            .extend(["--successes".to_owned(), splits.to_string()]);
        stage.proof = Proof::Attempts(splits as u64);
        return Some(stage);
    }
    let step = said.div_ceil(POSITIONS);
    let resets = match fault {
        "closes-everywhere" => false,
        "resets-everywhere" => true,
        _ => return None,
    };
    let relay = Relay::start(server, move |number| match number * step {
        end if end >= said => Shape::Whole,
        end if resets => Shape::ResetAt(end),
        end => Shape::CloseAt(end),
    });
    let mut stage = Stage::relaying(relay).patient(&patiently);
    let farewell = if subject.has_tls() { FAREWELL } else { 0 };
    let needed = world.needed(subject).saturating_sub(farewell);
    stage.proof = Proof::Connections(needed.div_ceil(step) + 1);
    Some(stage)
}

fn lies(fault: &str, subject: Subject) -> Option<Stage> {
    let protocol = subject.protocol();
    let steps = match fault {
        "length-0" => protocol.lying_length(Length::Zero),
        "length-2^31" => protocol.lying_length(Length::Half),
        "length-2^32-1" => protocol.lying_length(Length::Most),
        "inner-length-0" => protocol.lying_inner_length(Length::Zero),
        "inner-length-2^31" => protocol.lying_inner_length(Length::Half),
        "inner-length-2^32-1" => protocol.lying_inner_length(Length::Most),
        "endless-line" => protocol.endless(Endless::Line),
        "endless-messages" => protocol.endless(Endless::Messages),
        "endless-headers" => protocol.endless(Endless::Headers),
        "endless-body" => protocol.endless(Endless::Body),
        _ => None,
    };
    steps.map(Stage::playing)
}

fn encryption(fault: &str, world: &World, subject: Subject) -> Option<Stage> {
    let tls = &world.tls;
    if fault == "tls-port" {
        // PostgreSQL and Vertica ask for TLS in their own way, on the same port.
        let asks = matches!(subject, Subject::Postgres | Subject::Vertica);
        return (!subject.has_tls() && !asks).then(|| Stage::at(world.tls_port(subject), ()));
    }
    if !subject.has_tls() {
        return None;
    }
    let answer = subject.negotiates().then_some(b'S');
    let front = |identity| tls_front::start(identity, None, subject.negotiates());
    let peer = match fault {
        "plain-port" => return Some(Stage::at(world.plain_port(subject), ())),
        "expired" => front(&tls.expired),
        "not-yet-valid" => front(&tls.not_yet_valid),
        "self-signed" => front(&tls.self_signed),
        "wrong-name" => front(&tls.other_name),
        "unknown-ca" | "client-certificate" | "foreign-client-certificate" => {
            let clients = (fault != "unknown-ca").then_some(tls.ca.as_path());
            let peer = tls_front::start(&tls.server, clients, subject.negotiates());
            let mut stage = Stage::at(peer.port(), peer);
            let path = |path: &std::path::Path| path.display().to_string();
            match fault {
                // The later option wins over the trust that the subject has.
                "unknown-ca" => stage
                    .more
                    .extend(["--tls-ca".to_owned(), path(&tls.other_ca)]),
                "foreign-client-certificate" => stage.more.extend([
                    "--tls-cert".to_owned(),
                    path(&tls.other_client.cert),
                    "--tls-key".to_owned(),
                    path(&tls.other_client.key),
                ]),
                _ => {}
            }
            return Some(stage);
        }
        "no-common-version" => play(vec![
            Step::Hear(answer),
            Step::Say(NO_COMMON_VERSION.to_vec()),
        ]),
        "tls-1.1" => play(vec![
            Step::Hear(answer),
            Step::Say(hello_of_tls_1_1()),
            Step::Hold,
        ]),
        "handshake-stalls" => play(vec![Step::Hear(answer), Step::Hold]),
        "injected" => {
            if !subject.negotiates() {
                return None;
            }
            // What a login without a password would be answered, ahead of the handshake.
            let welcome = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec();
            let relay = Relay::start(world.port(subject), move |_| {
                Shape::InsertAt(1, welcome.clone())
            });
            return Some(Stage::relaying(relay));
        }
        _ => return None,
    };
    Some(Stage::at(peer.port(), peer))
}

fn names(fault: &str, world: &World, subject: Subject) -> Option<Stage> {
    const NAME: &str = "svc.test";
    const LOCAL: &str = "127.0.0.1 svc.test\n";
    let is_name = ["name-", "one-address-", "ipv6-only", "localhost-"]
        .iter()
        .any(|start| fault.starts_with(start));
    if !is_name {
        return None;
    }
    let server = world.port(subject);
    let here = |address: [u8; 4], port| SocketAddr::from((address, port));
    let relay = Relay::start(server, |_| Shape::Whole);
    let port = relay.port();
    let (hosts, host, guard): (&str, &str, Box<dyn Any + Send>) = match fault {
        "name-unknown" => ("", NAME, Box::new(relay)),
        "name-appears" => ("", NAME, Box::new(relay)),
        "one-address-works" => (
            "127.0.0.2 svc.test\n127.0.0.3 svc.test\n127.0.0.1 svc.test\n",
            NAME,
            Box::new(relay),
        ),
        "one-address-swallows" => (
            "127.0.0.2 svc.test\n127.0.0.1 svc.test\n",
            NAME,
            Box::new((relay, BlackHole::at(here([127, 0, 0, 2], port)))),
        ),
        "ipv6-only" => {
            let relay = Relay::start_at(
                SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0)),
                server,
                |_| Shape::Whole,
            );
            return Some(named(subject, "::1 svc.test\n", NAME, relay.port(), relay));
        }
        "localhost-is-ipv6-first" => (
            "::1 localhost\n127.0.0.1 localhost\n",
            "localhost",
            Box::new(relay),
        ),
        _ => return None,
    };
    let mut stage = named(subject, hosts, host, port, guard);
    if fault == "name-appears" {
        let names = Names::new("");
        stage.cli = names.seen_by(Subject::client());
        stage.proof = Proof::MoreThan(1);
        stage.on_line = Box::new(move |line| {
            if line.contains("name-unknown") {
                names.set(LOCAL);
            }
        });
    }
    Some(stage)
}

/// A target by name, as a process with its own hosts file sees it.
fn named(subject: Subject, hosts: &str, host: &str, port: u16, guard: impl Any + Send) -> Stage {
    let names = Names::new(hosts);
    let cli = names.seen_by(Subject::client());
    let mut stage = Stage::at(port, (guard, names));
    host.clone_into(&mut stage.host);
    stage.cli = cli;
    if subject.has_tls() && host != "localhost" {
        let words = ["--tls-server-name", "localhost"];
        stage.more.extend(words.map(str::to_owned));
    }
    stage
}
