//! A server's part in a TLS handshake, with a certificate or a demand that the client must not or
//! cannot meet. What comes after a handshake that should have failed is of no interest.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::peer::Peer;
use super::script::{TLS_REQUEST, hold};
use crate::tls::Identity;

/// Starts a server that does TLS with this certificate, and demands one of `clients_of` from its
/// clients if that is given. `negotiated`: TLS begins after PostgreSQL's request for it.
pub fn start(identity: &Identity, clients_of: Option<&Path>, negotiated: bool) -> Peer {
    let config = Arc::new(config(identity, clients_of));
    Peer::start(move |mut stream, _| {
        // An error is what these fronts are for; rustls has told the client why.
        let _ = serve(&mut stream, &config, negotiated);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = hold(&mut stream);
    })
}

fn serve(
    stream: &mut TcpStream,
    config: &Arc<ServerConfig>,
    negotiated: bool,
) -> std::io::Result<()> {
    use std::io::Read;
    if negotiated {
        let mut request = [0; TLS_REQUEST.len()];
        stream.read_exact(&mut request)?;
        if request != TLS_REQUEST {
            return Ok(());
        }
        stream.write_all(b"S")?;
    }
    let mut connection =
        ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(stream)?;
    }
    Ok(())
}

fn config(identity: &Identity, clients_of: Option<&Path>) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(&identity.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .expect("a certificate of the harness");
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key of the harness");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the default TLS versions");
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let certificate =
                CertificateDer::from_pem_file(authority).expect("an authority of the harness");
            roots.add(certificate).expect("an authority can be a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .expect("a verifier of clients' certificates");
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder
        .with_single_cert(chain, key)
        .expect("a certificate with its key")
}

/// A fatal alert: the server speaks no version that the client offers (RFC 8446, section 6.2).
pub const NO_COMMON_VERSION: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 70];

/// The first answer of a server that knows nothing newer than TLS 1.1: it takes the client's hello
/// for one of its own version and says so.
pub fn hello_of_tls_1_1() -> Vec<u8> {
    // Version, random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&[0x5a; 32]);
    hello.extend_from_slice(&[0, 0, 0x2f, 0]);
    let mut message = vec![2, 0, 0, hello.len() as u8];
    message.extend_from_slice(&hello);
    let mut record = vec![0x16, 3, 2, 0, message.len() as u8];
    record.extend_from_slice(&message);
    record
}
