//! PgBouncer, which accepts logins while the server behind it is gone.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::postgres::PASSWORD;
use crate::install::Installed;
use crate::process::{PATIENCE, Server, as_server_user, free_port, give_to_server_user, temp_dir};

/// A running pooler; ended on drop.
pub struct Pgbouncer {
    server: Server,
    /// Its port on `127.0.0.1`.
    pub port: u16,
    _dir: TempDir,
}

impl Pgbouncer {
    /// Starts a pooler before a PostgreSQL on `127.0.0.1:backend`, which need not be there.
    ///
    /// `auth_type` is `trust` or `md5`; it knows the fixture's roles `trusted`, `by_md5` and
    /// `by_scram` (with [`PASSWORD`]). `more` are further lines of its `[pgbouncer]` section,
    /// such as `query_wait_timeout = 1`. Only the databases `postgres`, `app`, `nosuch` and
    /// `closed` are passed on.
    pub fn start(installed: &Installed, backend: u16, auth_type: &str, more: &str) -> Self {
        let dir = temp_dir("pgbouncer");
        let port = free_port();
        let at = dir.path().display();
        let mut databases = String::new();
        for name in ["postgres", "app", "nosuch", "closed"] {
            databases.push_str(&format!("{name} = host=127.0.0.1 port={backend}\n"));
        }
        let config = format!(
            "[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir = {at}\nauth_type = {auth_type}\nauth_file = {at}/users\n\
             admin_users = trusted\nserver_login_retry = 1\n{more}\n"
        );
        let users =
            format!("\"trusted\" \"\"\n\"by_md5\" \"{PASSWORD}\"\n\"by_scram\" \"{PASSWORD}\"\n");
        let file = dir.path().join("pgbouncer.ini");
        fs::write(&file, config)
            .and_then(|()| fs::write(dir.path().join("users"), users))
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        give_to_server_user(dir.path());
        let mut command = Command::new(installed.program("pgbouncer"));
        command.arg(&file);
        let mut server = Server::start("pgbouncer", as_server_user(&mut command));
        server.wait_until("its port", PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())
        });
        Self {
            server,
            port,
            _dir: dir,
        }
    }

    /// The process, for signals and its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}
