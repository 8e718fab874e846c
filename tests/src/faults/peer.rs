//! A listener whose connections are each met in a thread of their own, so that a test can play any
//! server; nothing of it outlives its guard.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A listening peer; closed, with all of its connections, on drop.
pub struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    connections: AtomicUsize,
    /// The sockets of the connections that are met right now.
    open: Mutex<Vec<(usize, TcpStream)>>,
}

impl Peer {
    /// Listens on a free port of `127.0.0.1`; `meet` gets each connection and its number, which
    /// counts from 0.
    pub fn start(meet: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), meet)
    }

    /// As [`Peer::start`], on another address.
    pub fn start_at(
        address: SocketAddr,
        meet: impl Fn(TcpStream, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address)
            .unwrap_or_else(|e| panic!("cannot listen on {address}: {e}"));
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<Shared>::default();
        let acceptor = {
            let shared = Arc::clone(&shared);
            let meet = Arc::new(meet);
            thread::spawn(move || accept(&listener, &shared, &meet))
        };
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // To wake the acceptor; it may be gone.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept<F>(listener: &TcpListener, shared: &Arc<Shared>, meet: &Arc<F>)
where
    F: Fn(TcpStream, usize) + Send + Sync + 'static,
{
    let mut meetings: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        locked(&shared.open).push((number, handle));
        let (shared, meet) = (Arc::clone(shared), Arc::clone(meet));
        meetings.retain(|meeting| !meeting.is_finished());
        meetings.push(thread::spawn(move || {
            meet(stream, number);
            locked(&shared.open).retain(|(other, _)| *other != number);
        }));
    }
    for (_, socket) in locked(&shared.open).iter() {
        let _ = socket.shutdown(Shutdown::Both);
    }
    for meeting in meetings {
        let _ = meeting.join();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the close of this connection a reset, as that of a process that dies with unread bytes.
pub fn reset_on_close(stream: &TcpStream) {
    // Where the other side has gone already there is nothing left to reset.
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
