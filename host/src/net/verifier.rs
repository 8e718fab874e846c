//! Judges a server's certificate at the level in force, and remembers in
//! plain words what was wrong with which certificate.

use std::fmt;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::tls::Verification;

/// How many names of a certificate a message lists.
const MOST_NAMES: usize = 5;

pub(super) struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    level: Verification,
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Option<String>>>,
}

impl Verifier {
    /// `inner` judges; it is missing at the level that asks for nothing.
    /// `seen` is told what was wrong.
    pub(super) fn new(
        inner: Option<Arc<WebPkiServerVerifier>>,
        level: Verification,
        provider: Arc<CryptoProvider>,
        seen: Arc<Mutex<Option<String>>>,
    ) -> Self {
        Self {
            inner,
            level,
            provider,
            seen,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Verifier({:?})", self.level)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.level == Verification::Chain => Ok(ServerCertVerified::assertion()),
            Err(error) => {
                if let (Ok(mut seen), Error::InvalidCertificate(why)) = (self.seen.lock(), &error) {
                    *seen = Some(explain(end_entity, why));
                }
                Err(error)
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What is wrong with the certificate, in words that name it.
fn explain(certificate: &CertificateDer<'_>, why: &CertificateError) -> String {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return "the certificate cannot be read".to_owned();
    };
    let subject = parsed.subject().to_string();
    let subject = if subject.is_empty() {
        "without a subject".to_owned()
    } else {
        format!("`{subject}`")
    };
    let names = names(&parsed);
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!(
                "the certificate {subject} expired on {}",
                parsed.validity().not_after
            )
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!(
                "the certificate {subject} is not valid before {}",
                parsed.validity().not_before
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            if names.is_empty() =>
        {
            format!("the certificate {subject} names no host at all (no subject alternative name)")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "the certificate {subject} is for {}, not for this name",
                names.join(", ")
            )
        }
        CertificateError::UnknownIssuer if parsed.subject() == parsed.issuer() => {
            format!("the certificate {subject} is self-signed and not among the trust roots")
        }
        CertificateError::UnknownIssuer => {
            format!(
                "the certificate {subject} was issued by `{}`, which is not trusted",
                parsed.issuer()
            )
        }
        CertificateError::Revoked => format!("the certificate {subject} was revoked"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("the certificate {subject} is not meant for servers")
        }
        CertificateError::Other(_) if parsed.is_ca() => {
            format!("the certificate {subject} is that of an authority, not of a server")
        }
        other => format!("the certificate {subject} does not hold: {other}"),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match **bytes {
                [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
                _ => <[u8; 16]>::try_from(*bytes)
                    .ok()
                    .map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
            },
            _ => None,
        });
    names.take(MOST_NAMES).collect()
}
