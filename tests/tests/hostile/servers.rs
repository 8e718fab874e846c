//! What the plugins are sent to: servers that count who comes, and what comes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A server of one kind; it serves while the test binary runs.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicU64>,
    received: Arc<Mutex<Vec<u8>>>,
}

/// How much of what is sent is kept.
const KEPT: usize = 1 << 16;

/// What a server does with a connection.
#[derive(Clone)]
enum Manner {
    /// Reads, and says nothing.
    Silent,
    /// Sends without end.
    Endless,
    /// Never reads.
    Deaf,
    /// Says how many connections there were.
    Counting,
    /// Answers a request with a redirect to this place.
    Redirect(String),
}

impl Server {
    /// A server by its word in the table: `silent`, `endless`, `deaf`, `counting`,
    /// `redirect PLACE`.
    pub(crate) fn start(kind: &str) -> Self {
        let manner = match kind.split_once(' ') {
            Some(("redirect", place)) => Manner::Redirect(place.to_owned()),
            _ => match kind {
                "silent" => Manner::Silent,
                "endless" => Manner::Endless,
                "deaf" => Manner::Deaf,
                "counting" => Manner::Counting,
                other => panic!("no server is called {other}"),
            },
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let server = Self {
            port,
            connections: Arc::default(),
            received: Arc::default(),
        };
        let (connections, received) = (server.connections.clone(), server.received.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (manner, received) = (manner.clone(), received.clone());
                thread::spawn(move || serve(stream, &manner, count, &received));
            }
        });
        server
    }

    /// How many connections there were so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// The first of what was sent to it.
    pub(crate) fn received(&self) -> Vec<u8> {
        let received = self.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A peer that leaves ends its conversation only.
fn serve(mut stream: TcpStream, manner: &Manner, count: u64, received: &Mutex<Vec<u8>>) {
    match manner {
        Manner::Silent => listen(stream, received),
        Manner::Endless => {
            let block = [b'x'; 1 << 16];
            while stream.write_all(&block).is_ok() {}
        }
        Manner::Deaf => {
            // The peer's end is noticed, and its words are not.
            while stream.take_error().is_ok_and(|error| error.is_none()) {
                thread::sleep(std::time::Duration::from_millis(200));
                if stream.peek(&mut [0]).is_ok_and(|bytes| bytes == 0) {
                    return;
                }
            }
        }
        Manner::Counting => {
            if write!(stream, "{count}").is_ok() {
                listen(stream, received);
            }
        }
        Manner::Redirect(place) => {
            let mut request = [0; 4096];
            let answer = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{place}/\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n"
            );
            if stream.read(&mut request).is_ok_and(|bytes| bytes > 0) {
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    }
}

fn listen(mut stream: TcpStream, received: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 1 << 16];
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        let mut kept = received.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len());
        kept.extend(&bytes[..length.min(room)]);
    }
}
