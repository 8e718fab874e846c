//! A scripted Vertica server, because no real one can be installed: the probe's tests talk to it, and the vendor's own clients judge it.
//!
//! [`Sim::start`] listens on a free loopback port and answers as a [`Config`] says, in Vertica's wire
//! protocol: load balancing and TLS requests before the start-up message, protocol negotiation, every
//! password method, row descriptions in Vertica's own shape, and the few queries that clients send.
//! A server's state can be changed while it runs; what each client sent is kept for assertions.
//!
//! Where the facts come from: the sources of vertica-python 1.4.0 and vertica-nodejs 1.1.4, which
//! `tests/vertica_clients.rs` drives against this server, and Vertica's documentation of error
//! messages. What no source settles is marked as *assumed* where it stands.

mod auth;
mod config;
mod errors;
mod record;
mod session;
mod sql;
mod stream;
mod wire;

pub use config::{Auth, Balance, Config, FaultTolerance, Node, PasswordAge, State, Tls, TlsFiles};
pub use errors::SqlError;
pub use record::{ClientRecord, PreMessage};

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::process::{PATIENCE, wait_for};

/// A running simulated server. Dropping it closes its port and every connection.
pub struct Sim {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the acceptor, the sessions and the test share.
struct Shared {
    config: Mutex<Config>,
    records: Mutex<Vec<ClientRecord>>,
    /// The live sessions' sockets, by the index of their record, so that a drop can end them.
    sockets: Mutex<Vec<(usize, TcpStream)>>,
    stopping: AtomicBool,
}

impl Shared {
    fn config(&self) -> Config {
        locked(&self.config).clone()
    }

    fn record(&self, id: usize, change: impl FnOnce(&mut ClientRecord)) {
        if let Some(record) = locked(&self.records).get_mut(id) {
            change(record);
        }
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// A failed assertion in one test thread must not hide the records from the others.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sim {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be had, or the configuration's certificates cannot be read.
    pub fn start(config: Config) -> Sim {
        Sim::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config)
            .expect("a free port on 127.0.0.1 for the simulated Vertica")
    }

    /// Starts a server on the given address, for tests in which a port is refused at first.
    ///
    /// # Errors
    /// When the address cannot be bound.
    ///
    /// # Panics
    /// When the configuration's certificates cannot be read.
    pub fn start_on(address: SocketAddr, config: Config) -> io::Result<Sim> {
        stream::check(&config.tls);
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config: Mutex::new(config),
            records: Mutex::new(Vec::new()),
            sockets: Mutex::new(Vec::new()),
            stopping: AtomicBool::new(false),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Sim {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes what new connections meet; sessions that are open keep their answers to queries only
    /// as far as `state` goes, which each query reads anew.
    pub fn set_state(&self, state: State) {
        self.update(|config| config.state = state);
    }

    /// Changes any part of the script while the server runs.
    pub fn update(&self, change: impl FnOnce(&mut Config)) {
        change(&mut locked(&self.shared.config));
    }

    /// How many connections it has accepted so far.
    pub fn connections(&self) -> usize {
        locked(&self.shared.records).len()
    }

    /// What each client sent so far, in the order of their connections.
    pub fn records(&self) -> Vec<ClientRecord> {
        locked(&self.shared.records).clone()
    }

    /// Waits until every client has left, so that nothing more is recorded of them.
    ///
    /// # Panics
    /// When one stays for longer than the harness is patient.
    pub fn settle(&self) {
        wait_for("the simulated Vertica's clients to leave", PATIENCE, || {
            let open = self.records().iter().filter(|record| !record.ended).count();
            if open == 0 {
                Ok(())
            } else {
                Err(format!("{open} connections are open"))
            }
        });
    }

    /// What the newest client sent so far.
    ///
    /// # Panics
    /// When no client has connected.
    pub fn last(&self) -> ClientRecord {
        self.records()
            .pop()
            .expect("a client that has connected to the simulated Vertica")
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The acceptor sits in accept(): one more connection wakes it.
        let _ = TcpStream::connect(self.address);
        for (_, socket) in locked(&self.shared.sockets).iter() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Accepts until the server is dropped, then waits for the sessions, which its drop has cut off.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut sessions = Vec::new();
    for socket in listener.incoming() {
        if shared.stopping() {
            break;
        }
        let Ok(socket) = socket else { continue };
        let Ok(handle) = socket.try_clone() else {
            continue;
        };
        let id = {
            let mut records = locked(&shared.records);
            records.push(ClientRecord::default());
            records.len() - 1
        };
        locked(&shared.sockets).push((id, handle));
        let shared = Arc::clone(shared);
        sessions.push(thread::spawn(move || {
            // A client that goes away in mid-sentence is an ordinary end here.
            let _ = session::serve(socket, id, &shared);
            locked(&shared.sockets).retain(|(other, _)| *other != id);
            shared.record(id, |record| record.ended = true);
        }));
    }
    for (_, socket) in locked(&shared.sockets).iter() {
        let _ = socket.shutdown(Shutdown::Both);
    }
    for session in sessions {
        let _ = session.join();
    }
}
