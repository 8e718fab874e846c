//! Throw-away certificates, so that every TLS mistake a user can make is tried for real.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

use crate::process::{give_to_server_user, temp_dir};

/// A certificate (chain of one) and its private key, as PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub cert: PathBuf,
    /// The PKCS#8 key, readable for its owner only: PostgreSQL insists.
    pub key: PathBuf,
}

/// A certificate authority and what it issued; the files go away on drop.
pub struct Tls {
    /// The authority's certificate: what a client must trust.
    pub ca: PathBuf,
    /// Another authority's certificate, which issued nothing here.
    pub other_ca: PathBuf,
    /// For `localhost`, `127.0.0.1` and `::1`.
    pub server: Identity,
    /// For `elsewhere.example` only.
    pub other_name: Identity,
    /// For `localhost`, valid in the year 2020 only.
    pub expired: Identity,
    /// For `localhost`, valid from the year 4000 on only.
    pub not_yet_valid: Identity,
    /// For `localhost`, issued by itself.
    pub self_signed: Identity,
    /// For clients, with the common name `app`.
    pub client: Identity,
    /// For clients, issued by the other authority, with the common name `app`.
    pub other_client: Identity,
    dir: TempDir,
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl Tls {
    /// Makes the keys and certificates.
    pub fn new() -> Self {
        let dir = temp_dir("tls");
        let at = dir.path();
        let ca = authority("waitfor test authority");
        let other = authority("another test authority");
        let here = ["localhost", "127.0.0.1", "::1"];
        let mut expired = server_params(&here);
        expired.not_before = date_time_ymd(2020, 1, 1);
        expired.not_after = date_time_ymd(2020, 12, 31);
        let mut not_yet_valid = server_params(&here);
        not_yet_valid.not_before = date_time_ymd(4000, 1, 1);
        not_yet_valid.not_after = date_time_ymd(4001, 1, 1);
        let made = Self {
            ca: write(at, "ca.pem", &ca.pem()),
            other_ca: write(at, "other-ca.pem", &other.pem()),
            server: issue(at, "server", &server_params(&here), &ca),
            other_name: issue(
                at,
                "other-name",
                &server_params(&["elsewhere.example"]),
                &ca,
            ),
            expired: issue(at, "expired", &expired, &ca),
            not_yet_valid: issue(at, "not-yet-valid", &not_yet_valid, &ca),
            self_signed: self_signed(at, &server_params(&here)),
            client: issue(at, "client", &client_params(), &ca),
            other_client: issue(at, "other-client", &client_params(), &other),
            dir,
        };
        give_to_server_user(made.dir.path());
        made
    }

    /// The folder of the files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, new_key()).expect("an authority signs itself")
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names.clone()).expect("names fit a certificate");
    params.distinguished_name = named(&names[0]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn client_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("app");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key pair")
}

fn issue(dir: &Path, name: &str, params: &CertificateParams, ca: &Authority) -> Identity {
    let key = new_key();
    let cert = params.signed_by(&key, ca).expect("the authority signs");
    identity(dir, name, &cert.pem(), &key)
}

fn self_signed(dir: &Path, params: &CertificateParams) -> Identity {
    let key = new_key();
    let cert = params
        .self_signed(&key)
        .expect("a certificate signs itself");
    identity(dir, "self-signed", &cert.pem(), &key)
}

fn identity(dir: &Path, name: &str, cert: &str, key: &KeyPair) -> Identity {
    Identity {
        cert: write(dir, &format!("{name}.pem"), cert),
        key: write(dir, &format!("{name}.key"), &key.serialize_pem()),
    }
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = dir.join(name);
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    path
}
