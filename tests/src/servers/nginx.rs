//! nginx with answers to order: a real web server for the `http` probe.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::install::Installed;
use crate::process::{
    PATIENCE, Server, as_server_user, free_port, give_to_server_user, temp_dir, wait_for,
};
use crate::tls::Identity;

/// A running web server; ended on drop.
pub struct Nginx {
    server: Server,
    /// Its port on `127.0.0.1`.
    pub port: u16,
    dir: TempDir,
}

impl Nginx {
    /// Serves plain HTTP; `locations` are the inside of its `server` block, such as
    /// `location = /health { add_header X-State up; return 200 '{"status":"up"}'; }`.
    pub fn start(installed: &Installed, locations: &str) -> Self {
        Self::launch(installed, "", "", locations)
    }

    /// Serves HTTPS with a certificate.
    pub fn start_tls(installed: &Installed, identity: &Identity, locations: &str) -> Self {
        let files = format!(
            "ssl_certificate {};\nssl_certificate_key {};\n",
            identity.cert.display(),
            identity.key.display()
        );
        Self::launch(installed, " ssl", &files, locations)
    }

    /// A line for each request so far: method, target, host, name asked for by TLS (empty for
    /// none), status, and length of its body (empty without one).
    pub fn requests(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("access.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a request was logged that contains `part`: nginx writes it after answering.
    pub fn expect_request(&self, part: &str) {
        wait_for(&format!("a request with {part:?}"), PATIENCE, || {
            let seen = self.requests();
            if seen.iter().any(|line| line.contains(part)) {
                Ok(())
            } else {
                Err(format!("seen so far: {seen:?}"))
            }
        });
    }

    /// The process, for signals and its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Ends the server; the port stays this test's own, and closed.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    fn launch(installed: &Installed, flag: &str, files: &str, locations: &str) -> Self {
        let dir = temp_dir("nginx");
        let (port, at) = (free_port(), dir.path().display());
        let mut folders = String::new();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            folders.push_str(&format!("{kind}_temp_path {at}/{kind};\n"));
        }
        let config = format!(
            "daemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log stderr info;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n{folders}default_type text/plain;\n\
             log_format seen escape=json '$request_method $request_uri $host $ssl_server_name \
             $status $content_length';\n\
             access_log {at}/access.log seen;\n\
             server {{\nlisten 127.0.0.1:{port}{flag};\n{files}{locations}\n}}\n}}\n"
        );
        let file = dir.path().join("nginx.conf");
        fs::write(&file, config).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        give_to_server_user(dir.path());
        let mut command = Command::new(installed.program("nginx"));
        command
            .arg("-e")
            .arg("stderr")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(dir.path());
        let mut server = Server::start("nginx", as_server_user(&mut command));
        server.wait_until("its port", PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())
        });
        Self { server, port, dir }
    }
}
