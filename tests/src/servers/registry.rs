//! Debian's `docker-registry`: the registry that most others descend from, and one without the
//! referrers API, so that the fallback for it is tried for real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::install::Installed;
use crate::process::{PATIENCE, Server, as_server_user, free_port, give_to_server_user, temp_dir};
use crate::tls::Identity;

/// The account of a registry that wants one.
pub const USER: &str = "publisher";
/// Its password.
pub const PASSWORD: &str = "password-of-a-test-registry";
/// The line that `htpasswd -B` writes for both.
const HTPASSWD: &str = "publisher:$2y$05$waitforwaitforwaitforO3zjor6mHOwpIuq7mfSytwaT3DukidQq\n";

/// A running registry; ended and its data removed on drop.
pub struct DockerRegistry {
    server: Server,
    /// Its port on `127.0.0.1`.
    pub port: u16,
    dir: TempDir,
}

impl DockerRegistry {
    /// Plain HTTP, and open to all.
    pub fn start(installed: &Installed) -> Self {
        Self::launch(installed, false, None)
    }

    /// Plain HTTP, for [`USER`] with [`PASSWORD`] only.
    pub fn start_with_login(installed: &Installed) -> Self {
        Self::launch(installed, true, None)
    }

    /// HTTPS with a certificate, and open to all.
    pub fn start_tls(installed: &Installed, identity: &Identity) -> Self {
        Self::launch(installed, false, Some(identity))
    }

    /// HTTPS with a certificate, for [`USER`] with [`PASSWORD`] only.
    pub fn start_tls_with_login(installed: &Installed, identity: &Identity) -> Self {
        Self::launch(installed, true, Some(identity))
    }

    /// `HOST:PORT`, as it stands before the path of a repository.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `HOST:PORT/PATH`, as `waitfor.toml` names a registry.
    pub fn location(&self, path: &str) -> String {
        format!("{}/{path}", self.authority())
    }

    /// The file that holds a blob, for those who tamper with it; `hex` are the 64 digits of its
    /// sha256.
    pub fn blob(&self, hex: &str) -> PathBuf {
        let start = hex.get(..2).expect("64 digits");
        self.dir
            .path()
            .join("storage/docker/registry/v2/blobs/sha256")
            .join(start)
            .join(hex)
            .join("data")
    }

    /// What it was asked so far: lines with method, path and status among other things.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// The process, for signals.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Ends the registry; the port stays this test's own, and closed.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Writes the file in which `docker login` keeps the account of this registry; the folder is
    /// what `DOCKER_CONFIG` names.
    pub fn log_in(&self, folder: &Path) -> PathBuf {
        let authority = self.authority();
        let account = serde_json::json!({"username": USER, "password": PASSWORD});
        let config = serde_json::json!({"auths": {authority: account}});
        let file = folder.join("config.json");
        fs::write(&file, config.to_string()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        file
    }

    fn launch(installed: &Installed, login: bool, tls: Option<&Identity>) -> Self {
        let dir = temp_dir("registry");
        let (port, at) = (free_port(), dir.path().display());
        let mut config = format!(
            "version: 0.1\n\
             storage:\n  filesystem:\n    rootdirectory: {at}/storage\n\
             http:\n  addr: 127.0.0.1:{port}\n  secret: of-a-test-registry\n"
        );
        if let Some(identity) = tls {
            config.push_str(&format!(
                "  tls:\n    certificate: {}\n    key: {}\n",
                identity.cert.display(),
                identity.key.display()
            ));
        }
        if login {
            config.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {at}/htpasswd\n"
            ));
        }
        for (name, text) in [("config.yml", config.as_str()), ("htpasswd", HTPASSWD)] {
            let file = dir.path().join(name);
            fs::write(&file, text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
        give_to_server_user(dir.path());
        let mut command = Command::new(installed.program("docker-registry"));
        command.arg("serve").arg(dir.path().join("config.yml"));
        let mut server = Server::start("docker-registry", as_server_user(&mut command));
        server.wait_until("its port", PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())
        });
        Self { server, port, dir }
    }
}
