//! Deeds on the network: too much of it, too late, and where the plugin was not
//! sent.

use std::hint::black_box;

use crate::exports::waitfor::probe::probing::{Endpoint, Verdict};
use crate::waitfor::probe::net::{self, Connection, Fault};
use crate::waitfor::probe::report;
use crate::{fact, pending, ready, value};

pub fn act(deed: &str, targets: &[Endpoint]) -> Option<Verdict> {
    let first = targets.first();
    let outcome = match deed {
        "connect" => first?.connect().map(|_| "connected".to_owned()),
        "connections" => return Some(connections(first?, true)),
        "connections-closed" => return Some(connections(first?, false)),
        "connect-late" => connect_late(first?),
        "read" => read(first?),
        "read-all" => read_all(first?),
        "read-nothing" => first?.connect().and_then(|from| {
            for _ in 0..50_000 {
                from.read(0)?;
            }
            Ok("asked for nothing".to_owned())
        }),
        "write-all" => write_all(first?),
        "write-nothing" => first?.connect().and_then(|to| {
            for _ in 0..50_000 {
                to.write(&[])?;
            }
            Ok("wrote nothing".to_owned())
        }),
        "limits" => limits(first?),
        "tls-twice" => tls_twice(first?),
        "discover" => discover(&value("address")),
        "follow" => follow(first?),
        "search" => search(&value("address")),
        _ => return None,
    };
    Some(match outcome {
        Ok(what) => ready(&what, Vec::new()),
        Err(fault) => pending(&fault.code, &fault.detail),
    })
}

/// As many as it gets; all but the first few of them are refused.
fn connections(target: &Endpoint, keep: bool) -> Verdict {
    let mut open = Vec::new();
    let mut opened = 0;
    let mut last = None;
    for _ in 0..1000 {
        match target.connect() {
            Ok(connection) => {
                opened += 1;
                if keep {
                    open.push(connection);
                }
            }
            Err(fault) => last = Some(fault),
        }
    }
    let code = last.map_or_else(|| "no fault".to_owned(), |fault| fault.code);
    ready(
        "connected",
        vec![fact("opened", opened), fact("then", code)],
    )
}

/// Waits till the attempt's time is over, and connects then.
fn connect_late(target: &Endpoint) -> Result<String, Fault> {
    let connection = target.connect()?;
    while connection.read(1).is_ok_and(|bytes| !bytes.is_empty()) {}
    report::stage("connecting late");
    target.connect().map(|_| "connected late".to_owned())
}

fn read(target: &Endpoint) -> Result<String, Fault> {
    report::stage("reading");
    let bytes = target.connect()?.read(100)?;
    Ok(format!("read {} bytes", bytes.len()))
}

fn read_all(target: &Endpoint) -> Result<String, Fault> {
    report::stage("reading all");
    let connection = target.connect()?;
    while !black_box(connection.read(1 << 16)?).is_empty() {}
    Ok("read to the end".to_owned())
}

fn write_all(target: &Endpoint) -> Result<String, Fault> {
    report::stage("writing");
    let connection = target.connect()?;
    let bytes = vec![b'x'; 1 << 20];
    loop {
        connection.write(&bytes)?;
    }
}

/// Bounds of all sizes on calls that cannot succeed.
fn limits(target: &Endpoint) -> Result<String, Fault> {
    let connection = target.connect()?;
    for each in [1, 0, 2, 3, u32::MAX] {
        connection.limit(each);
        if each != 0 && each != u32::MAX {
            black_box(connection.read(1).is_err());
        }
    }
    connection.read(1).map(|_| "read".to_owned())
}

fn tls_twice(target: &Endpoint) -> Result<String, Fault> {
    let connection = target.connect()?;
    let odd = net::TlsOptions::new();
    odd.server_name("\u{1b}[31m\0..//\n");
    odd.protocols(&["\0".to_owned(), "x".repeat(255), String::new()]);
    odd.verification("never");
    let first = connection.start_tls(odd);
    let second = start_again(&connection);
    second.and(first).map(|()| "encrypted".to_owned())
}

fn start_again(connection: &Connection) -> Result<(), Fault> {
    connection.start_tls(net::TlsOptions::new())
}

/// `HOST PORT` becomes a connection.
fn discover(address: &str) -> Result<String, Fault> {
    let (host, port) = address.rsplit_once(' ').unwrap_or((address, "0"));
    let found = net::discover(host, port.parse().unwrap_or_default())?;
    found.connect().map(|_| format!("connected to {address}"))
}

/// Goes where the server says.
fn follow(target: &Endpoint) -> Result<String, Fault> {
    let connection = target.connect()?;
    connection.write(b"GET / HTTP/1.1\r\nHost: target\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    loop {
        let bytes = connection.read(4096)?;
        if bytes.is_empty() {
            break;
        }
        answer.extend(bytes);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let place = answer
        .lines()
        .find_map(|line| line.strip_prefix("Location: http://"))
        .unwrap_or_default();
    let (host, port) = place
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap_or((place, "80"));
    discover(&format!("{host} {port}"))
}

/// Every port of a host.
fn search(host: &str) -> Result<String, Fault> {
    let mut last = None;
    for port in 1..=u16::MAX {
        match net::discover(host, port) {
            Ok(_) => return Ok(format!("found {port}")),
            Err(fault) => last = Some(fault),
        }
    }
    last.map_or_else(|| Ok("nothing was asked".to_owned()), Err)
}
