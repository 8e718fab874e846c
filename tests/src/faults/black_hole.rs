//! A port that answers nothing, not even the first packet of a connection, as a firewall that
//! drops or a host that is gone: a listener whose queue is full, which needs no privilege.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How many connections are tried until the queue must be full; one or two are enough.
const MOST: usize = 16;

/// How long a connection may take that is not swallowed.
const ANSWERED: Duration = Duration::from_millis(150);

/// A port that swallows connections; open again on drop.
pub struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    /// A black hole at a free port of `127.0.0.1`.
    pub fn new() -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// A black hole at this address.
    pub fn at(address: SocketAddr) -> Self {
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .expect("a socket for a black hole");
        listener
            .bind(&address.into())
            .and_then(|()| listener.listen(0))
            .unwrap_or_else(|e| panic!("cannot listen on {address}: {e}"));
        let address = listener
            .local_addr()
            .ok()
            .and_then(|bound| bound.as_socket())
            .expect("it is bound");
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, ANSWERED) {
            queue.push(stream);
            assert!(queue.len() < MOST, "the queue of {address} does not fill");
        }
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Default for BlackHole {
    fn default() -> Self {
        Self::new()
    }
}
