//! The two kinds of connection, plain and TLS, behind one type, since a session changes from one to the other in mid-stream.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::{Tls, TlsFiles};

/// A connection to one client.
pub(super) enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    /// Takes the server's part in a TLS handshake.
    pub(super) fn secure(socket: TcpStream, files: &TlsFiles) -> io::Result<Stream> {
        let mut connection =
            ServerConnection::new(Arc::new(server_config(files))).map_err(io::Error::other)?;
        let mut socket = socket;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Stream::Secure(Box::new(StreamOwned::new(
            connection, socket,
        ))))
    }

    /// Ends the connection properly: with TLS's own farewell, then the socket's.
    pub(super) fn close(mut self) {
        if let Stream::Secure(stream) = &mut self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let socket = match &self {
            Stream::Plain(socket) => socket,
            Stream::Secure(stream) => &stream.sock,
        };
        let _ = socket.shutdown(Shutdown::Write);
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(into),
            Stream::Secure(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.flush(),
            Stream::Secure(stream) => stream.flush(),
        }
    }
}

/// Fails early, in the test's own thread, when a script's certificates are unusable.
pub(super) fn check(tls: &Tls) {
    if let Tls::Offered(files) | Tls::Required(files) = tls {
        server_config(files);
    }
}

fn server_config(files: &TlsFiles) -> ServerConfig {
    let chain: Vec<CertificateDer> = CertificateDer::pem_slice_iter(files.certificates.as_bytes())
        .collect::<Result<_, _>>()
        .expect("the simulated server's certificates as PEM");
    let key = PrivateKeyDer::from_pem_slice(files.key.as_bytes())
        .expect("the simulated server's private key as PEM");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the default TLS versions");
    let builder = match &files.client_authority {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
                roots
                    .add(certificate.expect("the clients' authority as PEM"))
                    .expect("the clients' authority as a root");
            }
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .expect("a verifier of the clients' certificates"),
            )
        }
    };
    builder
        .with_single_cert(chain, key)
        .expect("the simulated server's certificate with its key")
}
