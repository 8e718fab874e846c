//! PostgreSQL in the states between "the port is open" and "queries are answered".

mod client;
mod template;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

pub use self::client::{Session, login};
use self::client::{finish, tool};
use self::template::template;
use crate::install::Installed;
use crate::process::{
    PATIENCE, Server, Signal, as_server_user, free_port, give_to_server_user, run, temp_dir,
};
use crate::tls::{Identity, Tls};

/// The password of every role that has one.
pub const PASSWORD: &str = "pw-of-a-test-role";

/// Who may enter how, over TCP. The role `unlisted` and others are not mentioned at all.
const ENTRANCES: &str = "
host    all postgres,trusted,no_login,limited,nosuch localhost trust
host    all by_cleartext localhost password
host    all by_md5       localhost md5
host    all by_scram     localhost scram-sha-256
host    all rejected     localhost reject
hostssl all over_tls     localhost scram-sha-256
hostssl all app          localhost cert
";

/// A server to be, with the roles, databases and entrances of the fixture:
///
/// | role | enters by |
/// | --- | --- |
/// | `postgres` (superuser), `trusted` | trust |
/// | `no_login`, `limited` (no connections left), `nosuch` (does not exist) | trust, then refused |
/// | `by_cleartext`, `by_md5`, `by_scram` | that method, with [`PASSWORD`] |
/// | `over_tls` | SCRAM, over TLS only |
/// | `app` | a client certificate, over TLS only |
/// | `rejected`, `unlisted` | refused by a rule, and for lack of one |
///
/// Databases: `postgres`, `app` (tables `shop.items`, `migrated`, and `no_rows` without rows),
/// `closed` (accepts no connections), `private` (`CONNECT` is granted to nobody).
#[must_use]
pub struct Builder {
    installed: Installed,
    settings: Vec<(String, String)>,
    entrances: String,
    signal_file: Option<&'static str>,
    tls: Option<(Identity, PathBuf)>,
}

/// A running server; ended and its data removed on drop.
pub struct Postgres {
    server: Server,
    /// Its port on `127.0.0.1`; it does not listen on `::1`.
    pub port: u16,
    installed: Installed,
    sessions: Vec<Session>,
    dir: TempDir,
}

impl Postgres {
    /// A server with the fixture and no further settings.
    pub fn build(installed: &Installed) -> Builder {
        Builder {
            installed: installed.clone(),
            settings: Vec::new(),
            entrances: ENTRANCES.to_owned(),
            signal_file: None,
            tls: None,
        }
    }

    /// Ready for queries.
    pub fn ready(installed: &Installed) -> Self {
        Self::build(installed).start()
    }

    /// In recovery and not yet accepting connections (`57P03`, "starting up"), until
    /// [`Postgres::release`]; then it is a hot standby.
    pub fn starting_up(installed: &Installed) -> Self {
        let mut builder = Self::build(installed);
        builder.signal_file = Some("standby.signal");
        let made = builder.launch(Some(|dir: &Path| gate(dir, "")));
        made.expect_refusal("starting up")
    }

    /// As [`Postgres::starting_up`], with TLS.
    pub fn starting_up_with_tls(installed: &Installed, tls: &Tls) -> Self {
        let mut builder = Self::build(installed).tls(tls);
        builder.signal_file = Some("standby.signal");
        let made = builder.launch(Some(|dir: &Path| gate(dir, "")));
        made.expect_refusal("starting up")
    }

    /// In recovery (`57P03`, "starting up"), until [`Postgres::release`]; then it accepts
    /// connections as a primary, which its log says in the same moment.
    pub fn recovering(installed: &Installed) -> Self {
        let mut builder = Self::build(installed).setting("hot_standby", "off");
        builder.signal_file = Some("recovery.signal");
        let made = builder.launch(Some(|dir: &Path| gate(dir, "")));
        made.expect_refusal("starting up")
    }

    /// Replaying a base backup before its consistent point (`57P03`, "not yet accepting
    /// connections"), until [`Postgres::release`]; then it is a hot standby.
    pub fn not_yet_consistent(installed: &Installed) -> Self {
        let primary_files = temp_dir("pg-archive");
        let archive = primary_files.path().to_owned();
        let primary = Self::build(installed)
            .setting("archive_mode", "on")
            .setting(
                "archive_command",
                &format!("cp %p {}/%f", archive.display()),
            )
            .start();
        let copy = primary_files.path().join("copy");
        let label = primary_files.path().join("label");
        // One session from start to end, or the backup is aborted. The segments in between
        // hold what the copy needs to become consistent.
        let script = format!(
            "SELECT pg_backup_start('test', true);\n\
             \\! cp -a {data} {copy}\n\
             CREATE TABLE after_backup AS SELECT generate_series(1, 1000) AS id;\n\
             SELECT pg_switch_wal();\n\
             INSERT INTO after_backup SELECT generate_series(1, 1000);\n\
             SELECT pg_switch_wal();\n\
             \\t on\n\\a\n\\o {label}\n\
             SELECT labelfile FROM pg_backup_stop();\n",
            data = primary.data().display(),
            copy = copy.display(),
            label = label.display(),
        );
        primary.script("postgres", &script);
        drop(primary);
        let label = fs::read_to_string(&label).expect("pg_backup_stop wrote a label");
        let first = label
            .split("file ")
            .nth(1)
            .and_then(|rest| rest.split(')').next())
            .expect("the label names its first segment")
            .to_owned();

        let mut builder = Self::build(installed);
        builder.signal_file = Some("standby.signal");
        let made = builder.launch_from(&copy, |dir| {
            let _ = fs::remove_file(dir.join("data/postmaster.pid"));
            fs::write(dir.join("data/backup_label"), label.trim_start()).expect("a backup label");
            run(Command::new("cp")
                .arg("-a")
                .arg(&archive)
                .arg(dir.join("archive")));
            gate(dir, &first)
        });
        made.expect_refusal("not yet accepting connections")
    }

    /// A standby that answers queries that only read; it never hears from a primary.
    /// [`Postgres::promote`] makes it a primary.
    pub fn hot_standby(installed: &Installed) -> Self {
        let mut builder = Self::build(installed).setting("restore_command", "false");
        builder.signal_file = Some("standby.signal");
        builder.start()
    }

    /// A standby that accepts no connections until it is promoted (`57P03`, "Hot standby mode
    /// is disabled").
    pub fn hot_standby_off(installed: &Installed) -> Self {
        let mut builder = Self::build(installed)
            .setting("restore_command", "false")
            .setting("hot_standby", "off");
        builder.signal_file = Some("standby.signal");
        let made = builder.launch(None::<fn(&Path) -> String>);
        made.expect_refusal("not accepting connections")
    }

    /// Told to stop when the last session has ended, with one session held open (`57P03`,
    /// "shutting down").
    pub fn shutting_down(installed: &Installed) -> Self {
        let mut made = Self::ready(installed);
        made.hold_session("trusted", "postgres");
        made.server.signal(Signal::TERM);
        made.expect_refusal("shutting down")
    }

    /// Every connection slot taken (`53300`), until [`Postgres::end_sessions`].
    pub fn too_many_clients(installed: &Installed) -> Self {
        let mut made = Self::build(installed)
            .setting("max_connections", "5")
            .setting("superuser_reserved_connections", "0")
            .setting("max_wal_senders", "0")
            .start();
        // A session that has just ended may hold its slot for a moment longer.
        while Session::open(made.port, "trusted", "postgres")
            .map(|session| made.sessions.push(session))
            .is_ok()
        {}
        made.expect_refusal("too many clients")
    }

    /// The version, such as `PostgreSQL 15.18 (Debian)`.
    pub fn version(&self) -> &str {
        &self.installed.version
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The folder of the unix socket `.s.PGSQL.<port>`, where every role is trusted.
    pub fn socket_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The process, for signals.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Lets a server that waits in its recovery go on.
    pub fn release(&mut self) {
        fs::write(self.dir.path().join("release"), "").expect("a file in the server's folder");
    }

    /// Makes a standby a primary.
    pub fn promote(&mut self) {
        let mut command = self.tool("pg_ctl");
        command.args(["promote", "-w", "-s", "-D"]).arg(self.data());
        run(as_server_user(&mut command));
    }

    /// Opens a session over TCP that stays open; the role must be trusted.
    pub fn hold_session(&mut self, user: &str, database: &str) {
        let session = Session::open(self.port, user, database);
        self.sessions
            .push(session.unwrap_or_else(|e| panic!("no session for {user}: {e}")));
    }

    /// Ends the sessions that were held open.
    pub fn end_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Ends the server; the port stays this test's own, and closed.
    pub fn stop(&mut self) {
        self.release();
        self.server.stop();
    }

    /// Starts a stopped server again, with the same data on the same port.
    pub fn start_again(&mut self) {
        self.server = spawn(&self.installed, self.dir.path());
        self.wait_ready();
    }

    /// Runs SQL as the superuser over the unix socket; the rows without decoration.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command = self.tool("psql");
        command
            .args([
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(self.socket_dir())
            .args(["-c", sql]);
        finish(command)
    }

    /// Asks `SELECT 1` over TCP with libpq's own client: its answer, or its error text.
    ///
    /// `more` is added to the connection string, such as `sslmode=verify-full sslrootcert=…`.
    pub fn login(
        &self,
        user: &str,
        database: &str,
        password: Option<&str>,
        more: &str,
    ) -> Result<String, String> {
        login(&self.installed, self.port, user, database, password, more)
    }

    fn script(&self, database: &str, text: &str) {
        let mut command = self.tool("psql");
        command
            .args([
                "-Xq",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(self.socket_dir());
        let file = self.dir.path().join("script.sql");
        fs::write(&file, text).expect("a file in the server's folder");
        run(as_server_user(command.arg("-f").arg(&file)));
    }

    fn tool(&self, name: &str) -> Command {
        tool(&self.installed, name)
    }

    fn wait_ready(&mut self) {
        let (installed, port) = (self.installed.clone(), self.port);
        self.server.wait_until("an answered query", PATIENCE, || {
            login(&installed, port, "postgres", "postgres", None, "")
        });
    }

    fn expect_refusal(mut self, words: &str) -> Self {
        let (installed, port) = (self.installed.clone(), self.port);
        self.server.wait_until(
            &format!("refusal with {words:?}"),
            PATIENCE,
            || match login(&installed, port, "trusted", "postgres", None, "") {
                Err(text) if text.contains(words) => Ok(()),
                Err(text) => Err(text),
                Ok(_) => Err("a query was answered".to_owned()),
            },
        );
        self
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A recovery that waits for its gate would not hear the signal.
        self.release();
        self.sessions.clear();
        self.server.stop();
    }
}

impl Builder {
    /// Sets a parameter of `postgresql.conf`.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the TCP lines of `pg_hba.conf`. Keep `postgres` trusted from `127.0.0.1`:
    /// the harness looks in that way.
    pub fn entrances(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.entrances);
        self
    }

    /// Offers TLS with the good certificate; client certificates are checked with the CA.
    pub fn tls(self, tls: &Tls) -> Self {
        self.tls_as(&tls.server, &tls.ca)
    }

    /// Offers TLS with another certificate.
    pub fn tls_as(mut self, identity: &Identity, client_ca: &Path) -> Self {
        self.tls = Some((identity.clone(), client_ca.to_owned()));
        self
    }

    /// Starts the server and waits until it answers a query.
    pub fn start(self) -> Postgres {
        let mut made = self.launch(None::<fn(&Path) -> String>);
        made.wait_ready();
        made
    }

    fn launch(self, restore: Option<impl FnOnce(&Path) -> String>) -> Postgres {
        let template = template(&self.installed);
        self.launch_from(&template, |dir| {
            restore.map(|make| make(dir)).unwrap_or_default()
        })
    }

    /// Starts from a copy of a data folder; `prepare` may change it and returns the
    /// `restore_command`, or nothing.
    fn launch_from(mut self, data: &Path, prepare: impl FnOnce(&Path) -> String) -> Postgres {
        let dir = temp_dir("pg");
        run(Command::new("cp")
            .arg("-a")
            .arg(data)
            .arg(dir.path().join("data")));
        let restore = prepare(dir.path());
        if !restore.is_empty() {
            self = self.setting("restore_command", &restore);
        }
        if let Some(name) = self.signal_file {
            fs::write(dir.path().join("data").join(name), "").expect("a file for the server");
        }
        let port = free_port();
        let at = dir.path().display().to_string();
        let mut settings = vec![
            ("port", port.to_string()),
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("unix_socket_directories", at),
            ("fsync", "off".to_owned()),
            ("shared_buffers", "16MB".to_owned()),
            ("max_connections", "40".to_owned()),
            ("wal_retrieve_retry_interval", "100ms".to_owned()),
        ];
        if let Some((identity, ca)) = &self.tls {
            settings.push(("ssl", "on".to_owned()));
            settings.push(("ssl_cert_file", identity.cert.display().to_string()));
            settings.push(("ssl_key_file", identity.key.display().to_string()));
            settings.push(("ssl_ca_file", ca.display().to_string()));
        }
        let own = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        let mut text = String::new();
        for (name, value) in settings.into_iter().chain(own) {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        let mut entrances = format!("local all all trust\n{}", self.entrances);
        if self.tls.is_none() {
            let plain = entrances
                .lines()
                .filter(|line| !line.starts_with("hostssl"));
            entrances = plain.map(|line| format!("{line}\n")).collect();
        }
        let write = |name: &str, text: &str| {
            let path = dir.path().join("data").join(name);
            fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        };
        write("postgresql.conf", &text);
        write(
            "pg_hba.conf",
            &entrances.replace("localhost", "127.0.0.1/32"),
        );
        give_to_server_user(dir.path());
        Postgres {
            server: spawn(&self.installed, dir.path()),
            port,
            installed: self.installed,
            sessions: Vec::new(),
            dir,
        }
    }
}

fn spawn(installed: &Installed, dir: &Path) -> Server {
    let mut command = tool(installed, "postgres");
    command.arg("-D").arg(dir.join("data"));
    // At once, without a checkpoint: nobody needs the data.
    Server::start("postgres", as_server_user(&mut command))
        .stop_with(Signal::QUIT, Duration::from_secs(10))
}

/// A `restore_command` that delivers the segment `first` and waits before any other, until
/// the file `release` appears or the server's folder goes away.
fn gate(dir: &Path, first: &str) -> String {
    let script = format!(
        "case \"$1\" in\n\
         *.history|'{first}') ;;\n\
         *) until [ -e '{at}/release' ] || [ ! -e '{at}/data/postmaster.pid' ]; do sleep 0.05; done ;;\n\
         esac\n\
         exec cp '{at}/archive/'\"$1\" \"$2\" 2>/dev/null\n",
        at = dir.display()
    );
    let path = dir.join("restore.sh");
    fs::write(&path, script).expect("a file in the server's folder");
    format!("sh {} %f %p", path.display())
}
