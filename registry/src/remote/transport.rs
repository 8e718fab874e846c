//! One HTTP exchange: no redirect is followed here, nothing is tried again,
//! and no account is known, so that each of these is decided in one place.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::http::{HeaderMap, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};
use url::Url;

use super::RemoteSettings;
use super::body::{self, Length, SLOWEST};
use super::failure::Problem;
use crate::location::Remote;
use crate::{Error, Result, oci};

/// The longest that a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What is said of a connection that ended before the answer did.
pub(super) const CLOSED: &str = "it closed the connection";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Post,
    Put,
}

impl Method {
    pub(super) fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A body and its content type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload<'a> {
    pub(super) media_type: &'a str,
    pub(super) bytes: &'a [u8],
}

/// One request.
pub(super) struct Exchange<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    /// Empty for anything.
    pub(super) accept: &'a str,
    /// The value of the header `Authorization`.
    pub(super) authorization: Option<&'a str>,
    /// What a [`Method::Post`] or [`Method::Put`] carries.
    pub(super) payload: Option<Payload<'a>>,
}

/// What came back; the body is unread.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Who answered, after redirects.
    pub(super) url: Url,
    /// Whether that is the origin that was asked at first.
    pub(super) home: bool,
    body: Body,
    silence: Duration,
}

impl Reply {
    /// A header that is text; the first where there are several.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The content type without its parameters, in lower case.
    pub(super) fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        let essence = value.split(';').next().unwrap_or_default().trim();
        (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
    }

    /// Reads the body.
    pub(super) fn read(self, length: Length) -> std::result::Result<Vec<u8>, Problem> {
        let claimed = self
            .header("content-length")
            .and_then(|text| text.parse().ok());
        body::read(self.body, claimed, length, self.silence)
    }
}

/// The connections, and whom they trust.
pub(super) struct Transport {
    pub(super) silence: Duration,
    user_agent: String,
    /// What the user trusts beside the system's authorities.
    trusted: Vec<CertificateDer<'static>>,
    /// By whether they speak TLS, and whether they leave this machine:
    /// reading the system's authorities costs milliseconds, which plain HTTP
    /// need not pay.
    agents: Mutex<[Option<Agent>; 4]>,
}

impl Transport {
    /// `remote` is whom the settings are for.
    pub(super) fn new(remote: &Remote, settings: &RemoteSettings) -> Result<Self> {
        let trusted = match &settings.ca_file {
            Some(path) => authorities(path).map_err(|problem| Error::Authorities {
                path: path.clone(),
                registry: remote.to_string(),
                problem,
            })?,
            None => Vec::new(),
        };
        Ok(Self {
            silence: settings.timeout,
            // Anything else would break the header.
            user_agent: settings
                .user_agent
                .chars()
                .filter(|letter| letter.is_ascii_graphic() || *letter == ' ')
                .collect(),
            trusted,
            agents: Mutex::default(),
        })
    }

    pub(super) fn exchange(&self, exchange: &Exchange<'_>) -> std::result::Result<Reply, Problem> {
        let agent = self.agent(exchange.url)?;
        let mut builder = Request::builder()
            .method(exchange.method.word())
            .uri(exchange.url.as_str());
        if !exchange.accept.is_empty() {
            builder = builder.header("accept", exchange.accept);
        }
        if let Some(authorization) = exchange.authorization {
            builder = builder.header("authorization", authorization);
        }
        let failed = |error| problem(error, self.silence);
        let built = |error: ureq::http::Error| failed(error.into());
        let response = if exchange.method.is_read() {
            agent.run(builder.body(()).map_err(built)?)
        } else {
            // An empty body has a length too: some servers insist on it.
            let bytes = exchange.payload.map(|payload| payload.bytes);
            if let Some(payload) = exchange.payload {
                builder = builder.header("content-type", payload.media_type);
            }
            agent.run(builder.body(bytes.unwrap_or_default()).map_err(built)?)
        };
        let (parts, body) = response.map_err(failed)?.into_parts();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            url: exchange.url.clone(),
            home: true,
            body,
            silence: self.silence,
        })
    }

    fn agent(&self, url: &Url) -> std::result::Result<Agent, Problem> {
        let (tls, near) = (url.scheme() == "https", is_loopback(url));
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = agents.get_mut(usize::from(tls) * 2 + usize::from(near)) else {
            return Err(Problem::Protocol {
                reason: "there is no such way".to_owned(),
            });
        };
        if let Some(agent) = slot {
            return Ok(agent.clone());
        }
        let largest = oci::MAX_COMPONENT.max(oci::MAX_DOCUMENT);
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(&self.user_agent)
            .accept_encoding("identity")
            .timeout_resolve(Some(CONNECT.min(self.silence)))
            .timeout_connect(Some(CONNECT.min(self.silence)))
            .timeout_send_request(Some(self.silence))
            .timeout_send_body(Some(self.silence + Duration::from_secs(largest / SLOWEST)))
            .timeout_recv_response(Some(self.silence))
            .timeout_per_read(Some(self.silence))
            .timeout_per_write(Some(self.silence));
        if near {
            // A proxy's own loopback is another machine.
            config = config.proxy(None);
        }
        if tls {
            config = config.tls_config(self.tls()?);
        }
        let agent = config.build().new_agent();
        *slot = Some(agent.clone());
        Ok(agent)
    }

    fn tls(&self) -> std::result::Result<TlsConfig, Problem> {
        let system = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<Certificate<'static>> = system
            .iter()
            .chain(&self.trusted)
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        if roots.is_empty() {
            return Err(Problem::Certificate {
                reason: "this system trusts no authority".to_owned(),
            });
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(provider)
            .build())
    }
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The largest file of certificates that is read, in bytes: all that a system
/// trusts is a twentieth of it.
const MAX_AUTHORITIES: u64 = 4 << 20;

/// The certificates in a PEM file; an error says what is wrong with it.
fn authorities(path: &Path) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    let words = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => in_words(&error),
    };
    // A device or a pipe would never end, and blocks where it is opened.
    let about = fs::metadata(path).map_err(words)?;
    if !about.is_file() {
        return Err("it is not a file".to_owned());
    }
    if about.len() > MAX_AUTHORITIES {
        return Err(format!("it is larger than {MAX_AUTHORITIES} bytes"));
    }
    let pem = fs::read(path).map_err(words)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| "it is not PEM".to_owned())?;
    if found.is_empty() {
        return Err("there is none".to_owned());
    }
    Ok(found)
}

/// What an error of the HTTP library means; `silence` is the limit that a
/// timeout stands for.
pub(super) fn problem(error: ureq::Error, silence: Duration) -> Problem {
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Problem::Unreachable {
            reason: format!(
                "there was no connection within {} s",
                CONNECT.min(silence).as_secs_f32()
            ),
        },
        ureq::Error::Timeout(_) => Problem::Silent(silence),
        ureq::Error::HostNotFound => Problem::UnknownHost,
        ureq::Error::Rustls(error) => tls_problem(&error),
        ureq::Error::Tls(reason) => Problem::Certificate {
            reason: reason.to_lowercase(),
        },
        ureq::Error::ConnectProxyFailed(reason) => Problem::Unreachable {
            reason: format!(
                "the proxy refuses to connect: {}",
                crate::text::one_line(&reason)
            ),
        },
        ureq::Error::InvalidProxyUrl => Problem::Unreachable {
            reason: "the proxy that the environment names is not a URL".to_owned(),
        },
        ureq::Error::Io(error) => io_problem(&error),
        error => Problem::Protocol {
            reason: crate::text::one_line(&error.to_string().to_lowercase()),
        },
    }
}

fn io_problem(error: &io::Error) -> Problem {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_problem(error);
    }
    let reason = match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            CLOSED.to_owned()
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "the connection timed out".to_owned(),
        _ => in_words(error),
    };
    Problem::Unreachable { reason }
}

/// What the system or the resolver says, without the system's number. Not
/// every kind of error has words of its own: a name that cannot be looked up
/// has none.
fn in_words(error: &io::Error) -> String {
    let words = error.to_string();
    let number = error
        .raw_os_error()
        .map(|number| format!(" (os error {number})"));
    let words = number
        .and_then(|number| words.strip_suffix(&number))
        .unwrap_or(&words);
    crate::text::one_line(&words.to_lowercase())
}

fn tls_problem(error: &rustls::Error) -> Problem {
    let reason = match error {
        rustls::Error::InvalidMessage(_) => return Problem::NoTls,
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                "its authority is not among those trusted here".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another host".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet".to_owned()
            }
            error => error.to_string().to_lowercase(),
        },
        error => error.to_string().to_lowercase(),
    };
    Problem::Certificate {
        reason: crate::text::one_line(&reason),
    }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use super::*;

    #[test]
    fn says_what_the_resolver_says() {
        // `.invalid` never resolves (RFC 2606); the space keeps the resolver
        // from asking anybody.
        let error = "no such.invalid:443".to_socket_addrs().unwrap_err();
        let told = problem(error.into(), Duration::from_secs(1)).to_string();
        assert!(
            told.starts_with("failed to lookup address information: "),
            "{told}"
        );
        let refused = io::Error::from_raw_os_error(nix::errno::Errno::ECONNREFUSED as i32);
        let told = problem(refused.into(), Duration::from_secs(1)).to_string();
        assert_eq!(told, "connection refused");
    }
}
