//! TLS handshakes by the user's trust: roots, client certificate, and how
//! much of the server's certificate must hold.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConfig, PeerIncompatible, RootCertStore};
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use super::stream::Duplex;
use super::verifier::Verifier;
use crate::error::Error;
use crate::model::TlsSettings;

/// How much of a server's certificate must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verification {
    /// Chain, dates and name.
    #[default]
    Full,
    /// Chain and dates, not the name.
    Chain,
    /// Nothing.
    None,
}

/// What a probe wishes for a handshake.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The name to send and to verify.
    pub server_name: Option<String>,
    /// The application protocols to offer.
    pub protocols: Vec<String>,
    /// How much of the certificate must hold.
    pub verification: Verification,
}

/// The user's side of TLS for one target. Files are read, and the system's
/// roots loaded, at the first handshake and once.
#[derive(Debug)]
pub struct Trust {
    settings: TlsSettings,
    roots: OnceLock<Result<Arc<RootCertStore>, String>>,
    identity: OnceLock<Result<Option<Arc<Identity>>, String>>,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(client certificate)")
    }
}

impl Trust {
    /// The user's settings; nothing is read yet.
    pub fn new(settings: TlsSettings) -> Self {
        Self {
            settings,
            roots: OnceLock::new(),
            identity: OnceLock::new(),
        }
    }

    /// Reads the files that the user named, so that a mistake in them is
    /// told before the first attempt.
    ///
    /// # Errors
    /// A usage error that names the option and the file.
    pub fn check(&self) -> Result<(), Error> {
        if self.settings.ca.is_some() {
            self.roots().map_err(|fault| Error::usage(fault.detail))?;
        }
        self.identity()
            .map_err(|fault| Error::usage(fault.detail))?;
        Ok(())
    }

    /// What is in force: the user's word wins over the probe's wish.
    fn verification(&self, wish: &Wish) -> Verification {
        match wish.verification {
            _ if self.settings.insecure => Verification::None,
            Verification::None if self.settings.ca.is_some() => Verification::Chain,
            level => level,
        }
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, Fault> {
        let loaded = self.roots.get_or_init(|| match &self.settings.ca {
            Some(path) => roots_from(path),
            None => system_roots(),
        });
        loaded
            .clone()
            .map_err(|text| Fault::fix("tls-config", text))
    }

    fn identity(&self) -> Result<Option<Arc<Identity>>, Fault> {
        let loaded =
            self.identity
                .get_or_init(|| match (&self.settings.cert, &self.settings.key) {
                    (Some(cert), Some(key)) => {
                        identity_from(cert, key).map(|identity| Some(Arc::new(identity)))
                    }
                    (None, None) => Ok(None),
                    (Some(_), None) => {
                        Err("a client certificate needs its key: give --tls-key too".to_owned())
                    }
                    (None, Some(_)) => {
                        Err("a client key needs its certificate: give --tls-cert too".to_owned())
                    }
                });
        loaded
            .clone()
            .map_err(|text| Fault::fix("tls-config", text))
    }

    fn config(
        &self,
        wish: &Wish,
        seen: &Arc<Mutex<Option<String>>>,
    ) -> Result<ClientConfig, Fault> {
        let provider = provider();
        let level = self.verification(wish);
        let inner = match level {
            Verification::None => None,
            Verification::Full | Verification::Chain => Some(
                WebPkiServerVerifier::builder_with_provider(self.roots()?, provider.clone())
                    .build()
                    .map_err(|error| {
                        Fault::fix(
                            "tls-config",
                            format!("the trust roots cannot be used: {error}"),
                        )
                    })?,
            ),
        };
        let verifier = Verifier::new(inner, level, provider.clone(), seen.clone());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::fix("tls-config", error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.identity()? {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(|error| {
                    Fault::fix(
                        "tls-config",
                        format!("the client certificate cannot be used: {error}"),
                    )
                })?,
        };
        config.alpn_protocols = wish
            .protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| Arc::new(ring::default_provider()))
        .clone()
}

fn roots_from(path: &Path) -> Result<Arc<RootCertStore>, String> {
    let place = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("--tls-ca {place}: {}", pem(&error)))?;
    let mut roots = RootCertStore::empty();
    let (_, refused) = roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(match refused {
            0 => format!("--tls-ca {place}: holds no certificate in pem form"),
            _ => format!("--tls-ca {place}: holds no certificate that can be read"),
        });
    }
    Ok(Arc::new(roots))
}

fn system_roots() -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(
            "this system has no trust roots: install ca-certificates or give --tls-ca".to_owned(),
        );
    }
    Ok(Arc::new(roots))
}

fn identity_from(cert: &Path, key: &Path) -> Result<Identity, String> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("--tls-cert {}: {}", cert.display(), pem(&error)))?;
    if chain.is_empty() {
        return Err(format!(
            "--tls-cert {}: holds no certificate in pem form",
            cert.display()
        ));
    }
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("--tls-key {}: {}", key.display(), pem(&error)))?;
    Ok(Identity { chain, key })
}

fn pem(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => super::fault::plain(error),
        rustls::pki_types::pem::Error::NoItemsFound => {
            "holds nothing of that kind in pem form".to_owned()
        }
        _ => "is not well-formed pem".to_owned(),
    }
}

/// Does the handshake on a stream.
///
/// # Errors
/// `tls-certificate` (fix) says what is wrong with which certificate;
/// `tls-handshake` (retry) that the peer does not speak TLS or hung up;
/// `tls-config` (fix) that the user's settings cannot be used.
pub async fn handshake(
    duplex: Box<dyn Duplex>,
    host: Option<&str>,
    wish: &Wish,
    trust: &Trust,
) -> Result<Box<dyn Duplex>, Fault> {
    let seen = Arc::new(Mutex::new(None));
    let config = trust.config(wish, &seen)?;
    let name = trust
        .settings
        .server_name
        .as_deref()
        .or(wish.server_name.as_deref())
        .or(host);
    let Some(name) = name else {
        return Err(Fault::fix(
            "tls-config",
            "tls on a unix socket needs a name to verify: give --tls-server-name",
        ));
    };
    let server_name = ServerName::try_from(name.to_owned()).map_err(|_| {
        Fault::fix(
            "tls-config",
            format!("`{name}` is no name that a certificate can bear"),
        )
    })?;
    match TlsConnector::from(Arc::new(config))
        .connect(server_name, duplex)
        .await
    {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(failed(&error, name, &seen)),
    }
}

fn failed(error: &io::Error, name: &str, seen: &Mutex<Option<String>>) -> Fault {
    if let Ok(mut seen) = seen.lock()
        && let Some(what) = seen.take()
    {
        return Fault::fix("tls-certificate", format!("{name}: {what}"));
    }
    if let Some(fault) = late_alert(error) {
        return fault;
    }
    match tls_error(error) {
        // A server too old to say so by an alert answers with its own version.
        Some(rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )) => too_old(),
        Some(rustls::Error::InvalidMessage(_)) => Fault::retry(
            "tls-handshake",
            format!("{name} does not speak tls on this port"),
        ),
        Some(other) => Fault::retry(
            "tls-handshake",
            format!("the tls handshake with {name} failed: {other}"),
        ),
        None if error.kind() == io::ErrorKind::UnexpectedEof => Fault::retry(
            "tls-handshake",
            format!("{name} closed the connection in the tls handshake"),
        ),
        None => Fault::retry(
            "tls-handshake",
            format!(
                "the tls handshake with {name} failed: {}",
                super::fault::plain(error)
            ),
        ),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

/// What a peer says of the client by an alert; with TLS 1.3 it comes after
/// the handshake, with the first read.
pub fn late_alert(error: &io::Error) -> Option<Fault> {
    let Some(rustls::Error::AlertReceived(alert)) = tls_error(error) else {
        return None;
    };
    Some(match alert {
        AlertDescription::CertificateRequired => Fault::fix(
            "tls-client-certificate",
            "the server demands a client certificate",
        ),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            let word = words(*alert);
            Fault::fix(
                "tls-client-certificate",
                format!("the server refused the client certificate: {word}"),
            )
        }
        AlertDescription::ProtocolVersion => too_old(),
        AlertDescription::HandshakeFailure => Fault::fix(
            "tls-handshake-refused",
            "the server refused the handshake: no common cipher, or it demands a client certificate",
        ),
        AlertDescription::UnrecognisedName => Fault::fix(
            "tls-server-name",
            "the server has no certificate for the name that was asked for",
        ),
        AlertDescription::NoApplicationProtocol => Fault::fix(
            "tls-protocol",
            "the server speaks none of the offered application protocols",
        ),
        other => Fault::retry(
            "tls-handshake",
            format!("the server ended the tls handshake: {}", words(*other)),
        ),
    })
}

fn too_old() -> Fault {
    Fault::fix(
        "tls-version",
        "the server speaks no tls version that is still safe (1.2 or 1.3)",
    )
}

/// An alert's name in plain words: `UnknownCA` becomes `unknown ca`.
fn words(alert: AlertDescription) -> String {
    let Some(name) = alert.as_str() else {
        return format!("alert {}", u8::from(alert));
    };
    let mut text = String::new();
    let mut previous_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && previous_lower {
            text.push(' ');
        }
        previous_lower = letter.is_lowercase();
        text.extend(letter.to_lowercase());
    }
    text
}
