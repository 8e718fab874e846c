//! Opens a connection to a name: all of its addresses are raced, IPv6 and
//! IPv4 in turn, so that a dead one costs little (after RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::names::Names;
use super::policy::{self, NamedBy};
use super::stream::Duplex;
use crate::model::Address;

/// How long one address has the field for itself (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried.
const MOST_ADDRESSES: usize = 16;

/// A connection that was asked for.
pub struct Dialled {
    /// The byte stream, or why there is none: `refused`, `name-unknown`,
    /// `unreachable`, `no-socket`, `not-permitted`, `policy-denied`, `io`.
    pub result: Result<Box<dyn Duplex>, Fault>,
    /// How long it took to find out where the name leads.
    pub lookup: Duration,
    /// How long it took from there.
    pub connect: Duration,
}

/// Opens byte streams.
#[derive(Clone, Default)]
pub struct Dialer {
    names: Names,
}

impl Dialer {
    /// Opens a byte stream to the address. What a name resolves to is checked
    /// each time: it may have changed. Bounding the time is the caller's part.
    pub async fn connect(&self, address: &Address, named_by: NamedBy) -> Dialled {
        let started = Instant::now();
        let mut lookup = Duration::ZERO;
        let result = match address {
            Address::Unix(path) => connect_unix(path).await,
            Address::Tcp { host, port } => {
                let addresses = self.resolve(host, *port, named_by).await;
                lookup = started.elapsed();
                match addresses {
                    Ok(addresses) => race(&addresses).await,
                    Err(fault) => Err(fault),
                }
            }
        };
        Dialled {
            result,
            lookup,
            connect: started.elapsed().saturating_sub(lookup),
        }
    }

    async fn resolve(
        &self,
        host: &str,
        port: u16,
        named_by: NamedBy,
    ) -> Result<Vec<SocketAddr>, Fault> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let found = self.names.look_up(host).await?;
        let found = found.iter().map(|address| {
            let mut address = *address;
            address.set_port(port);
            address
        });
        permitted(host, found, named_by)
    }
}

async fn connect_unix(path: &Path) -> Result<Box<dyn Duplex>, Fault> {
    let failed = |error: io::Error| Fault::connecting(&error, &path.display());
    let stream = match path.to_str().and_then(|text| text.strip_prefix('@')) {
        Some(name) => connect_abstract(name).await,
        None => UnixStream::connect(path).await,
    };
    Ok(Box::new(stream.map_err(failed)?))
}

#[cfg(target_os = "linux")]
async fn connect_abstract(name: &str) -> io::Result<UnixStream> {
    use std::os::linux::net::SocketAddrExt;

    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let stream = std::os::unix::net::UnixStream::connect_addr(&address)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

#[cfg(not(target_os = "linux"))]
async fn connect_abstract(_: &str) -> io::Result<UnixStream> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "abstract sockets exist on linux alone",
    ))
}

/// The addresses of a host that may be connected to, in the order in which
/// they are tried.
fn permitted(
    host: &str,
    found: impl Iterator<Item = SocketAddr>,
    named_by: NamedBy,
) -> Result<Vec<SocketAddr>, Fault> {
    let literal = policy::is_literal(host);
    let mut denied = None;
    let addresses = alternate(found.filter(|address| {
        let what = policy::forbidden(address.ip(), named_by).filter(|_| !literal);
        denied = denied.or(what.map(|what| (address.ip(), what)));
        what.is_none()
    }));
    match denied {
        _ if !addresses.is_empty() => Ok(addresses),
        Some((address, what)) => Err(Fault::fix(
            "policy-denied",
            format!(
                "the name `{host}` resolves to {address}, {what}; \
                 to reach it on purpose, give the address in place of the name"
            ),
        )),
        None => Err(Fault::retry(
            "name-unknown",
            format!("the name `{host}` has no address"),
        )),
    }
}

/// The families in turn, in the resolver's order within each.
fn alternate(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::new();
    for address in found {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    let first_is_v6 = seen.first().is_some_and(SocketAddr::is_ipv6);
    let (mut leading, mut trailing): (Vec<_>, Vec<_>) = seen
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    leading.reverse();
    trailing.reverse();
    let mut ordered = Vec::new();
    while ordered.len() < MOST_ADDRESSES && (!leading.is_empty() || !trailing.is_empty()) {
        ordered.extend(leading.pop());
        ordered.extend(trailing.pop());
    }
    ordered
}

async fn race(addresses: &[SocketAddr]) -> Result<Box<dyn Duplex>, Fault> {
    if let [address] = addresses {
        let opened = open(*address).await.map(ready);
        return opened.map_err(|error| most_telling(vec![(*address, error)]));
    }
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        let next = waiting.next();
        let more = next.is_some();
        running.extend(next.map(|address| async move { (address, open(address).await) }));
        tokio::select! {
            biased;
            Some((address, opened)) = running.next() => match opened {
                Ok(stream) => return Ok(ready(stream)),
                Err(error) => failures.push((address, error)),
            },
            () = sleep(HEAD_START), if more => {}
            else => return Err(most_telling(failures)),
        }
    }
}

/// Connects to one address. On loopback a port that nobody listens on may be
/// the very one that the system gives to our own end; the connection is then
/// to itself, which TCP allows and nobody wants.
async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = begin(address).await?;
    if stream.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// On loopback the answer is there when the call returns; the runtime need not
/// be told of the socket to hear of it.
async fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let domain = Domain::for_address(address);
    #[cfg(target_os = "linux")]
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), None)?;
    #[cfg(not(target_os = "linux"))]
    let socket = Socket::new(domain, Type::STREAM, None)?;
    #[cfg(not(target_os = "linux"))]
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => return TcpStream::from_std(socket.into()),
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    let mut answer = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut answer, PollTimeout::ZERO).is_ok_and(|answers| answers > 0) {
        return match socket.take_error()? {
            Some(error) => Err(error),
            None => TcpStream::from_std(socket.into()),
        };
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

fn ready(stream: TcpStream) -> Box<dyn Duplex> {
    // Probes write whole messages; waiting to gather more only costs time. A
    // socket that cannot be told so works all the same.
    let _ = stream.set_nodelay(true);
    Box::new(stream)
}

/// A refusal tells more than a missing route: somebody was there to refuse.
fn most_telling(failures: Vec<(SocketAddr, io::Error)>) -> Fault {
    let refused: Vec<String> = failures
        .iter()
        .filter(|(_, error)| error.kind() == io::ErrorKind::ConnectionRefused)
        .map(|(address, _)| address.to_string())
        .collect();
    if !refused.is_empty() {
        return Fault::retry(
            "refused",
            format!("{} refused the connection", refused.join(" and ")),
        );
    }
    match failures.first() {
        Some((address, error)) => Fault::connecting(error, address),
        None => Fault::retry("unreachable", "no address could be tried"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_doubles_are_dropped() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "[::1]:1", "2.2.2.2:1"].map(parse);
        let wanted = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1"].map(parse);
        assert_eq!(alternate(found.into_iter()), wanted);
    }

    #[tokio::test]
    async fn a_refusing_address_does_not_hide_a_listening_one() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        assert!(race(&[closed, open]).await.is_ok());
        let fault = race(&[closed]).await.err().unwrap();
        assert_eq!(fault.code, "refused");
        assert_eq!(fault.detail, format!("{closed} refused the connection"));
    }

    #[test]
    fn what_a_name_must_not_lead_to_is_left_out() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = || ["169.254.169.254:80", "10.0.0.1:80", "[fe80::1]:80"].map(parse);
        let by = |named_by| permitted("db", found().into_iter(), named_by).unwrap();
        assert_eq!(by(NamedBy::Probe), [parse("10.0.0.1:80")]);
        assert_eq!(
            by(NamedBy::User),
            ["10.0.0.1:80", "[fe80::1]:80"].map(parse)
        );
        let metadata = || found().into_iter().take(1);
        assert_eq!(
            permitted("db", metadata(), NamedBy::User),
            Err(Fault::fix(
                "policy-denied",
                "the name `db` resolves to 169.254.169.254, a metadata service; \
                 to reach it on purpose, give the address in place of the name"
            ))
        );
        let meant = permitted("169.254.169.254", metadata(), NamedBy::Probe);
        assert_eq!(meant.unwrap().len(), 1);
        let none = permitted("db", std::iter::empty(), NamedBy::User).unwrap_err();
        assert_eq!(none.code, "name-unknown");
    }

    async fn in_vain(address: &Address) -> Fault {
        let dialled = Dialer::default().connect(address, NamedBy::User).await;
        dialled.result.err().unwrap()
    }

    #[tokio::test]
    async fn a_name_for_a_forbidden_address_is_not_connected_to() {
        // A number is a name that the resolver knows.
        let address = Address::Tcp {
            host: "2852039166".to_owned(),
            port: 1,
        };
        let fault = in_vain(&address).await;
        assert_eq!(fault.code, "policy-denied");
        assert_eq!(fault.remedy, crate::net::fault::Remedy::Fix);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_worth_a_retry() {
        let address = Address::Tcp {
            host: "no-such-name.invalid".to_owned(),
            port: 1,
        };
        let fault = in_vain(&address).await;
        assert_eq!(
            (fault.code, fault.remedy),
            ("name-unknown", crate::net::fault::Remedy::Retry)
        );
        assert!(
            fault
                .detail
                .starts_with("the name `no-such-name.invalid` does not resolve"),
            "{}",
            fault.detail
        );
    }

    #[tokio::test]
    async fn a_missing_socket_file_is_worth_a_retry() {
        let address = Address::Unix("/nonexistent/socket".into());
        let fault = in_vain(&address).await;
        assert_eq!(fault.code, "no-socket");
        assert_eq!(fault.detail, "/nonexistent/socket does not exist yet");
    }
}
