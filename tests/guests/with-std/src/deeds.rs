//! The deeds, by the words of the parameter `do`.

use std::fs;
use std::hint::black_box;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use crate::exports::waitfor::probe::probing::Endpoint;
use crate::waitfor::probe::{entropy, net, params, report};

type Facts = Vec<(String, String)>;

/// The first value of a parameter.
pub fn value(name: &str) -> String {
    params::values(name).into_iter().next().unwrap_or_default()
}

/// Does it; most of these do not come back.
pub fn perform(deed: &str, targets: &[Endpoint]) -> Facts {
    match deed {
        "print" => print(),
        "print-flood" => print_flood(),
        "env" => env(),
        "file" => file(),
        "socket" => socket(),
        "clocks" => clocks(),
        "spin" => spin(),
        "spin-calls" => spin_calls(),
        "spin-clock" => spin_clock(),
        "memory" => memory(),
        "recurse" => vec![fact("depth", recurse(value("address").len() as u64))],
        "panic" => panic!("told to panic"),
        "exit" => std::process::exit(0),
        "sleep" => sleep(Duration::from_secs(60)),
        "nap" => sleep(Duration::from_millis(2500)),
        "sleep-for-ever" => sleep(Duration::from_nanos(u64::MAX)),
        "read" => read(&targets[0]),
        "receive" => receive(&targets[0]),
        "send" => send(&targets[0]),
        "connections" => connections(&targets[0]),
        "handles" => handles(),
        "write-much" => write_much(&targets[0]),
        "wishes" => wishes(),
        "discover" => discover(),
        "log-flood" => log_flood(),
        "many-facts" => (0..1000)
            .map(|at| fact("é".repeat(50), format!("{at} {}", "é".repeat(5000))))
            .collect(),
        "huge-facts" => (0..500).map(|at| fact(at, "x".repeat(100_000))).collect(),
        _ => Vec::new(),
    }
}

fn fact(name: impl ToString, value: impl ToString) -> (String, String) {
    (name.to_string(), value.to_string())
}

/// Whether something was possible that must not be.
fn tried<T, E: ToString>(name: &str, outcome: Result<T, E>) -> (String, String) {
    match outcome {
        Ok(_) => fact(name, "possible"),
        Err(error) => fact(name, format!("refused: {}", error.to_string())),
    }
}

fn print() -> Facts {
    println!("said on standard output");
    eprintln!("said on standard error");
    println!("{}", "é".repeat(5000));
    Vec::new()
}

fn print_flood() -> Facts {
    for at in 0..1_000_000 {
        println!("line {at}");
    }
    Vec::new()
}

fn env() -> Facts {
    vec![
        fact("variables", std::env::vars_os().count()),
        fact("arguments", std::env::args_os().count()),
    ]
}

fn file() -> Facts {
    vec![
        tried("open", fs::File::open("/etc/passwd")),
        tried("list", fs::read_dir("/")),
        tried("list-here", fs::read_dir(".")),
        tried("write", fs::write("/tmp/waitfor-guest", "x")),
    ]
}

fn socket() -> Facts {
    let address = value("address");
    vec![
        tried("connect", TcpStream::connect(&address)),
        tried("listen", TcpListener::bind("127.0.0.1:0")),
        tried(
            "send",
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", &address)),
        ),
        tried("look-up", ("localhost", 80).to_socket_addrs()),
    ]
}

fn clocks() -> Facts {
    let before = Instant::now();
    std::thread::sleep(Duration::from_millis(5));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let drawn = std::collections::HashMap::from([(entropy::bytes(4096).len(), ())]);
    vec![
        fact("passed", before.elapsed() >= Duration::from_millis(5)),
        fact("epoch", now.is_ok_and(|now| now.as_secs() > 1_700_000_000)),
        fact(
            "entropy",
            format!("{:?}", drawn.keys().next().unwrap_or(&0)),
        ),
    ]
}

fn spin() -> Facts {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn spin_calls() -> Facts {
    loop {
        report::stage("calling");
    }
}

fn spin_clock() -> Facts {
    loop {
        black_box(Instant::now());
    }
}

fn memory() -> Facts {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; 1 << 20]));
        report::stage(&format!("holding {} MiB", taken.len()));
    }
}

/// Not a tail call, and nothing on the stack that lies in linear memory.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    recurse(depth + 1).rotate_left(7) ^ depth
}

fn sleep(time: Duration) -> Facts {
    std::thread::sleep(time);
    let mut turns = 0_u64;
    while turns < 20_000_000 {
        turns = black_box(turns + 1);
    }
    Vec::new()
}

fn read(target: &Endpoint) -> Facts {
    report::stage("reading");
    match target.connect().and_then(|connection| connection.read(100)) {
        Ok(bytes) => vec![fact("read", bytes.len())],
        Err(fault) => vec![
            fact("fault", fault.code),
            fact("remedy", format!("{:?}", fault.remedy)),
        ],
    }
}

fn connections(target: &Endpoint) -> Facts {
    let mut open = Vec::new();
    loop {
        match target.connect() {
            Ok(connection) => open.push(connection),
            Err(fault) => report::stage(&format!("{} open, then {}", open.len(), fault.code)),
        }
    }
}

fn handles() -> Facts {
    let mut kept = Vec::new();
    loop {
        kept.push(net::TlsOptions::new());
    }
}

fn write_much(target: &Endpoint) -> Facts {
    let bytes = vec![0; 20 << 20];
    match target
        .connect()
        .and_then(|connection| connection.write(&bytes))
    {
        Ok(()) => vec![fact("written", bytes.len())],
        Err(fault) => vec![fact("fault", fault.code)],
    }
}

/// Reads for as long as there is anything to be had.
fn receive(target: &Endpoint) -> Facts {
    let mut received = 0;
    let done = target.connect().and_then(|connection| {
        loop {
            received += connection.read(u32::MAX)?.len();
        }
    });
    transferred(received, done)
}

/// Writes for as long as it may.
fn send(target: &Endpoint) -> Facts {
    let bytes = vec![0; 1 << 20];
    let mut sent = 0;
    let done = target.connect().and_then(|connection| {
        loop {
            connection.write(&bytes)?;
            sent += bytes.len();
        }
    });
    transferred(sent, done)
}

fn transferred(bytes: usize, done: Result<(), net::Fault>) -> Facts {
    let fault = done.err().map(|fault| fault.code).unwrap_or_default();
    vec![fact("mebibytes", bytes >> 20), fact("fault", fault)]
}

/// Makes the host keep what it is given.
fn wishes() -> Facts {
    let name = "x".repeat(1 << 20);
    let mut kept = Vec::new();
    for _ in 0..200 {
        let wish = net::TlsOptions::new();
        wish.server_name(&name);
        wish.protocols(&vec![String::new(); 1 << 16]);
        kept.push(wish);
    }
    vec![fact("kept", kept.len())]
}

fn discover() -> Facts {
    let address = value("address");
    let (host, port) = address.rsplit_once(':').unwrap_or_default();
    let port = port.parse().unwrap_or_default();
    let told = |name: &str, found: Result<Endpoint, net::Fault>| match found
        .and_then(|found| found.connect())
    {
        Ok(_) => fact(name, "connected"),
        Err(fault) => fact(name, format!("{} {:?}", fault.code, fault.remedy)),
    };
    let mut facts = vec![
        told("allowed", net::discover(host, port)),
        told("other-port", net::discover(host, port ^ 1)),
        told("other-host", net::discover("localhost", port)),
    ];
    let secret = params::secrets("key").remove(0).reveal();
    facts.push(fact("secret", secret.len()));
    facts.push(told("allowed-after-secret", net::discover(host, port)));
    facts
}

fn log_flood() -> Facts {
    for at in 0..1_000_000 {
        report::log("info", &format!("{at} {}", "x".repeat(5000)));
    }
    Vec::new()
}
