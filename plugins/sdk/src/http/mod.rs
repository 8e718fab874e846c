//! An HTTP/1.1 client for probes, since a readiness check meets what browsers
//! never see: proxies that hang up, ports that speak something else, answers
//! without a header.
//!
//! One request a connection: [`open`], then [`send`], then
//! [`Response::body`]. What went wrong is a [`Failure`], which converts to
//! the verdict that fits, so `?` does the right thing in a probe.
//!
//! ```
//! use waitfor_sdk::{Endpoint, Unready, http};
//!
//! fn status(endpoint: &Endpoint) -> Result<u16, Unready> {
//!     let connection = http::open(endpoint, false)?;
//!     let request = http::Request::new("GET", "/healthz").header("Accept", "*/*");
//!     let host = http::authority(endpoint, false);
//!     Ok(http::send(connection, &host, &request)?.status)
//! }
//! ```

mod body;
mod failure;
mod foreign;
mod head;
mod location;
mod reader;
mod request;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use failure::Failure;
pub use foreign::protocol_of;
pub use head::Response;
pub use location::{Location, Origin};
pub use request::{Request, authority};

use crate::connection::{Connection, Endpoint, TlsOptions};
use crate::verdict::{Fault, Remedy};
use reader::Reader;

/// The bound on each read of a second look at a port, in milliseconds.
const SECOND_LOOK: u32 = 1000;

/// Opens a connection for HTTP/1.1, with TLS where asked for.
///
/// Where the TLS handshake meets no TLS, a second, plain connection finds out
/// what the port speaks, so that the failure can name it.
///
/// # Errors
/// Why there is no connection; [`Failure::SpeaksPlain`] where the port
/// answers HTTP without TLS.
pub fn open(endpoint: &Endpoint, tls: bool) -> Result<Connection, Failure> {
    let mut connection = endpoint.connect()?;
    if tls {
        // Not h2: a server that is offered it takes it.
        let options = TlsOptions::new().protocol("http/1.1");
        if let Err(fault) = connection.start_tls(&options) {
            drop(connection);
            return Err(second_look(endpoint, fault));
        }
    }
    Ok(connection)
}

/// Sends a request and reads the head of its final answer.
///
/// `host` is the value of the `Host` header where the request sets none; see
/// [`authority`].
///
/// # Errors
/// Why no answer came; a request that cannot be written as HTTP is
/// [`Failure::Request`].
pub fn send(
    mut connection: Connection,
    host: &str,
    request: &Request,
) -> Result<Response, Failure> {
    let bytes = request.encode(host)?;
    let written = connection.write(&bytes);
    // A server may answer and hang up before it has read a long body.
    match (
        Response::read(Reader::new(connection), request.method()),
        written,
    ) {
        (Ok(response), _) => Ok(response),
        (Err(Failure::Silent), Err(fault)) if !fault.is_hang_up() => Err(fault.into()),
        (Err(failure), _) => Err(failure),
    }
}

/// Whether an answer is a TLS server's complaint about a plain request: those
/// of Go's servers (which send no header at all), nginx and Apache.
pub fn is_plain_to_tls(status: u16, body: &[u8]) -> bool {
    const COMPLAINTS: [&[u8]; 3] = [
        b"Client sent an HTTP request to an HTTPS server",
        b"plain HTTP request was sent to HTTPS port",
        b"speaking plain HTTP to an SSL-enabled server port",
    ];
    status == 400
        && COMPLAINTS
            .iter()
            .any(|text| body.windows(text.len()).any(|window| window == *text))
}

/// Asks a port in plain HTTP after it failed at TLS. Nothing of the user's
/// request is in it, so nothing leaks.
fn second_look(endpoint: &Endpoint, fault: Fault) -> Failure {
    if fault.code != "tls-handshake" || fault.remedy != Remedy::Retry {
        return fault.into();
    }
    let Ok(mut connection) = endpoint.connect() else {
        return fault.into();
    };
    connection.limit(SECOND_LOOK);
    let request = Request::new("GET", "/");
    match send(connection, &authority(endpoint, false), &request) {
        // That is how TLS servers complain of a plain request, in words of their
        // own, of which the end may not have come.
        Ok(response) if response.status == 400 => fault.into(),
        Ok(_) => Failure::SpeaksPlain,
        Err(Failure::Foreign(protocol)) => Failure::Foreign(protocol),
        Err(_) => fault.into(),
    }
}
