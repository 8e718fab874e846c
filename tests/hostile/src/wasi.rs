//! Deeds by way of WASI, of which a plugin is given next to nothing.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wasip2::sockets::{instance_network, ip_name_lookup};

use crate::exports::waitfor::probe::probing::{Endpoint, Verdict};
use crate::{Facts, fact, ready, value};

pub fn act(deed: &str, _: &[Endpoint]) -> Option<Verdict> {
    let facts = match deed {
        "files" => files(),
        "environment" => environment(),
        "sockets" => sockets(),
        "exit-0" => std::process::exit(0),
        "exit-1" => std::process::exit(1),
        "input" => {
            let mut input = Vec::new();
            let read = std::io::stdin().read_to_end(&mut input);
            vec![tried("input", read.map(|_| input.is_empty()))]
        }
        "terminal" => {
            use std::io::IsTerminal;
            vec![fact("terminal", std::io::stdout().is_terminal())]
        }
        _ => return None,
    };
    Some(ready("tried", facts))
}

/// What came of something that must not be possible.
fn tried<T: ToString, E>(name: &str, outcome: Result<T, E>) -> (String, String) {
    match outcome {
        Ok(value) => fact(name, value),
        Err(_) => fact(name, "refused"),
    }
}

fn files() -> Facts {
    vec![
        tried("read", fs::read_to_string("/etc/passwd")),
        tried("list", fs::read_dir("/").map(Iterator::count)),
        tried("list-here", fs::read_dir(".").map(Iterator::count)),
        tried(
            "write",
            fs::write("/tmp/waitfor-hostile", "x").map(|()| "written"),
        ),
        tried(
            "link",
            fs::hard_link("/etc/passwd", "passwd").map(|()| "linked"),
        ),
        tried("descriptor", fs::read_to_string("/proc/self/environ")),
    ]
}

fn environment() -> Facts {
    vec![
        fact("variables", std::env::vars_os().count()),
        fact("arguments", std::env::args_os().count()),
        fact("path", std::env::var("PATH").unwrap_or_default()),
        tried(
            "folder",
            std::env::current_dir().map(|path| path.display().to_string()),
        ),
    ]
}

fn sockets() -> Facts {
    let address = value("address").replace(' ', ":");
    let network = instance_network::instance_network();
    vec![
        tried("connect", TcpStream::connect(&address).map(|_| "connected")),
        tried(
            "listen",
            TcpListener::bind("127.0.0.1:0").map(|_| "listening"),
        ),
        tried(
            "send",
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", &address)),
        ),
        tried(
            "look-up",
            ("localhost", 80).to_socket_addrs().map(Iterator::count),
        ),
        tried(
            "resolve",
            ip_name_lookup::resolve_addresses(&network, "localhost")
                .and_then(|found| found.resolve_next_address())
                .map(|address| if address.is_some() { "found" } else { "none" }),
        ),
    ]
}
