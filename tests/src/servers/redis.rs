//! Redis in the states between "the port is open" and "commands are served".

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::install::Installed;
use crate::process::{
    PATIENCE, Server, Signal, as_server_user, free_port, give_to_server_user, temp_dir,
};
use crate::tls::Tls;

/// The password of the default user ([`Redis::with_password`]) and of every named user.
pub const PASSWORD: &str = "pw-of-a-test-user";

/// How the harness itself reaches a server.
#[derive(Clone)]
enum Way {
    Tcp(u16),
    Tls(u16, PathBuf, PathBuf, PathBuf),
    Unix(PathBuf),
}

/// A server to be.
#[must_use]
pub struct Builder {
    installed: Installed,
    lines: String,
    way: Way,
    dump: Option<PathBuf>,
    sentinel: bool,
    dir: TempDir,
}

/// A running server; ended and its data removed on drop.
pub struct Redis {
    server: Server,
    /// Its port on `127.0.0.1`; 0 when it listens on a unix socket only.
    pub port: u16,
    installed: Installed,
    way: Way,
    held: Vec<TcpStream>,
    others: Vec<Redis>,
    dir: TempDir,
}

impl Redis {
    /// A server with an empty data set and no password.
    pub fn build(installed: &Installed) -> Builder {
        Builder {
            installed: installed.clone(),
            lines: String::new(),
            way: Way::Tcp(free_port()),
            dump: None,
            sentinel: false,
            dir: temp_dir("redis"),
        }
    }

    /// Ready, with the key `migrated`.
    pub fn ready(installed: &Installed) -> Self {
        let made = Self::build(installed).start();
        assert_eq!(made.cli(&["SET", "migrated", "1"]), "OK");
        made
    }

    /// The default user needs [`PASSWORD`].
    pub fn with_password(installed: &Installed) -> Self {
        Self::build(installed)
            .line(&format!("requirepass {PASSWORD}"))
            .start()
    }

    /// Users with [`PASSWORD`]: `app` (everything), `no_ping` (may not `PING` nor `INFO`),
    /// `disabled`. The default user needs no password.
    pub fn with_users(installed: &Installed) -> Self {
        Self::build(installed).lines_of_users().start()
    }

    /// Speaks TLS only; asks clients for a certificate if told so.
    pub fn with_tls(installed: &Installed, tls: &Tls, client_certificates: bool) -> Self {
        let port = free_port();
        let mut builder = Self::build(installed);
        builder.way = Way::Tls(
            port,
            tls.ca.clone(),
            tls.client.cert.clone(),
            tls.client.key.clone(),
        );
        builder
            .line(&format!("tls-cert-file {}", tls.server.cert.display()))
            .line(&format!("tls-key-file {}", tls.server.key.display()))
            .line(&format!("tls-ca-cert-file {}", tls.ca.display()))
            .line(&format!(
                "tls-auth-clients {}",
                if client_certificates { "yes" } else { "no" }
            ))
            .start()
    }

    /// Listens on the unix socket [`Redis::socket`] only.
    pub fn on_unix_socket(installed: &Installed) -> Self {
        let mut builder = Self::build(installed);
        builder.way = Way::Unix(builder.dir.path().join("redis.sock"));
        builder.start()
    }

    /// Reads its data set, for half a minute or until [`Redis::finish_loading`]; `lines` are
    /// further settings, such as `requirepass x`.
    pub fn loading(installed: &Installed, lines: &[&str]) -> Self {
        let mut builder = Self::build(installed)
            .line("key-load-delay 1500")
            .line("loading-process-events-interval-bytes 2048");
        builder.dump = Some(dump(installed));
        for line in lines {
            builder = builder.line(line);
        }
        // With a password the greeting below is refused either way, which is what we wait for.
        let made = builder.launch();
        made.wait(|answer| answer.starts_with("LOADING") || answer.starts_with("NOAUTH"))
    }

    /// As [`Redis::loading`], with the users of [`Redis::with_users`].
    pub fn loading_with_users(installed: &Installed) -> Self {
        let mut builder = Self::build(installed)
            .lines_of_users()
            .line("key-load-delay 1500")
            .line("loading-process-events-interval-bytes 2048");
        builder.dump = Some(dump(installed));
        builder
            .launch()
            .wait(|answer| answer.starts_with("LOADING"))
    }

    /// Ends the slowness of a loading server: it is ready a moment later.
    pub fn finish_loading(&self) {
        assert_eq!(self.cli(&["CONFIG", "SET", "key-load-delay", "0"]), "OK");
    }

    /// A replica whose master is not there; serves stale data, or refuses (`MASTERDOWN`).
    pub fn replica_of_nobody(installed: &Installed, serve_stale: bool) -> Self {
        let made = Self::build(installed)
            .line(&format!("replicaof 127.0.0.1 {}", free_port()))
            .line(&format!(
                "replica-serve-stale-data {}",
                if serve_stale { "yes" } else { "no" }
            ))
            .launch();
        made.wait(|answer| answer.starts_with(if serve_stale { "PONG" } else { "MASTERDOWN" }))
    }

    /// A replica in sync with its master, which is [`Redis::other`].
    pub fn replica_in_sync(installed: &Installed) -> Self {
        let master = Self::build(installed)
            .line("repl-diskless-sync-delay 0")
            .start();
        let mut made = Self::build(installed)
            .line(&format!("replicaof 127.0.0.1 {}", master.port))
            .start();
        made.others.push(master);
        made.wait_info("replication", "master_link_status:up")
    }

    /// A replica that has been receiving its first copy for a while and goes on doing so.
    pub fn replica_syncing(installed: &Installed) -> Self {
        let master = Self::build(installed)
            .line("repl-diskless-sync-delay 0")
            .line("rdb-key-save-delay 20000")
            .line("enable-debug-command yes")
            .start();
        assert_eq!(master.cli(&["DEBUG", "POPULATE", "5000", "k", "100"]), "OK");
        let mut made = Self::build(installed)
            .line(&format!("replicaof 127.0.0.1 {}", master.port))
            .start();
        made.others.push(master);
        made.wait_info("replication", "master_sync_in_progress:1")
    }

    /// The server this one depends on: a replica's master, a sentinel's master.
    pub fn other(&mut self) -> &mut Redis {
        self.others.first_mut().expect("this server has no other")
    }

    /// A cluster node without any slot; see [`Redis::assign_slots`].
    pub fn cluster_without_slots(installed: &Installed) -> Self {
        Self::build(installed)
            .line("cluster-enabled yes")
            .line(&format!("cluster-port {}", free_port()))
            .start()
            .wait_cluster("cluster_state:fail")
    }

    /// Gives the node all 16384 slots and waits till it says that the cluster is well.
    #[must_use]
    pub fn assign_slots(self) -> Self {
        assert_eq!(self.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
        self.wait_cluster("cluster_state:ok")
    }

    /// A sentinel that watches a master, which is [`Redis::other`], by the name `main`.
    pub fn sentinel(installed: &Installed) -> Self {
        let master = Self::build(installed).start();
        let mut builder = Self::build(installed);
        builder.sentinel = true;
        let mut made = builder
            .line(&format!(
                "sentinel monitor main 127.0.0.1 {} 1",
                master.port
            ))
            .line("sentinel down-after-milliseconds main 300")
            .start();
        made.others.push(master);
        made.wait_answer(&["SENTINEL", "CKQUORUM", "main"], "OK 1 usable")
    }

    /// As [`Redis::sentinel`], after the master has died and the sentinel has noticed.
    pub fn sentinel_of_dead_master(installed: &Installed) -> Self {
        let mut made = Self::sentinel(installed);
        made.other().stop();
        made.wait_answer(&["SENTINEL", "MASTER", "main"], "o_down")
    }

    /// Every connection taken, until [`Redis::release`].
    pub fn max_clients(installed: &Installed) -> Self {
        let mut made = Self::build(installed).line("maxclients 3").start();
        // A client that has just left may still be counted: go on until one is refused.
        loop {
            let mut stream = made.connect();
            stream.write_all(b"PING\r\n").expect("the server reads");
            let mut answer = [0u8; 5];
            match stream.read_exact(&mut answer) {
                Ok(()) if &answer == b"+PONG" => made.held.push(stream),
                _ => break,
            }
        }
        made.wait(|answer| answer.contains("max number of clients reached"))
    }

    /// Runs a script that does not end (`BUSY`), until [`Redis::release`].
    pub fn busy(installed: &Installed) -> Self {
        let mut made = Self::build(installed)
            .line("busy-reply-threshold 50")
            .start();
        let mut stream = made.connect();
        stream
            .write_all(b"EVAL \"while true do end\" 0\r\n")
            .expect("the server reads");
        made.held.push(stream);
        made.wait(|answer| answer.starts_with("BUSY"))
    }

    /// Its last snapshot failed, so it refuses writes, and `PING` (`MISCONF`).
    pub fn misconf(installed: &Installed) -> Self {
        let made = Self::build(installed).line("save 3600 1").start();
        assert_eq!(made.cli(&["SET", "k", "v"]), "OK");
        set_mode(&made.data(), 0o555);
        let answer = made.cli(&["BGSAVE"]);
        assert!(
            answer.starts_with("Background saving started"),
            "BGSAVE: {answer}"
        );
        made.wait(|answer| answer.starts_with("MISCONF"))
    }

    /// Ends what keeps the server from serving: held connections, an endless script.
    pub fn release(&mut self) {
        self.held.clear();
        if self.cli(&["PING"]).starts_with("BUSY") {
            assert_eq!(self.cli(&["SCRIPT", "KILL"]), "OK");
        }
        self.expect("PONG");
    }

    /// The path of its unix socket; panics if it has none.
    pub fn socket(&self) -> &Path {
        match &self.way {
            Way::Unix(path) => path,
            _ => panic!("this server listens on a port"),
        }
    }

    /// The version, such as `Redis 7.0.15`.
    pub fn version(&self) -> &str {
        &self.installed.version
    }

    /// The process, for signals and its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Ends the server; the port stays this test's own, and closed.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Runs one command with `redis-cli`, without logging in: the answer without decoration,
    /// or why there was none. An error answer is an answer.
    pub fn cli(&self, command: &[&str]) -> String {
        ask(&self.installed, &self.way, None, command)
    }

    /// As [`Redis::cli`], with a password and a user; `default` is not named in the login.
    pub fn cli_as(&self, user: &str, password: &str, command: &[&str]) -> String {
        ask(&self.installed, &self.way, Some((user, password)), command)
    }

    /// As [`Redis::cli`], without showing a client certificate.
    pub fn cli_without_certificate(&self, command: &[&str]) -> String {
        let Way::Tls(port, ca, ..) = &self.way else {
            panic!("this server does not speak TLS");
        };
        let mut program = Command::new(self.installed.program("redis-cli"));
        program
            .args(["--tls", "-p", &port.to_string(), "--cacert"])
            .arg(ca)
            .args(command);
        finish(program)
    }

    /// Waits until `PING` is answered so.
    pub fn expect(&mut self, answer: &str) {
        let (installed, way) = (self.installed.clone(), self.way.clone());
        self.server
            .wait_until(&format!("{answer} to PING"), PATIENCE, || {
                let found = ask(&installed, &way, None, &["PING"]);
                if found == answer { Ok(()) } else { Err(found) }
            });
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a deadline can be set");
        stream
    }

    fn wait(self, wanted: impl Fn(&str) -> bool) -> Self {
        self.wait_for_answer(&["PING"], "the wanted state", wanted)
    }

    fn wait_answer(self, command: &[&str], part: &str) -> Self {
        self.wait_for_answer(command, part, |answer| answer.contains(part))
    }

    fn wait_info(self, section: &str, line: &str) -> Self {
        self.wait_answer(&["INFO", section], line)
    }

    fn wait_cluster(self, line: &str) -> Self {
        self.wait_answer(&["CLUSTER", "INFO"], line)
    }

    fn wait_for_answer(
        mut self,
        command: &[&str],
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let (installed, way) = (self.installed.clone(), self.way.clone());
        self.server.wait_until(what, PATIENCE, || {
            let answer = ask(&installed, &way, None, command);
            if wanted(&answer) { Ok(()) } else { Err(answer) }
        });
        self
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server.stop();
        // Only an owner without privileges minds, when the folder is removed.
        set_mode(&self.data(), 0o755);
    }
}

impl Builder {
    /// Adds a line of `redis.conf`.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push('\n');
        self
    }

    fn lines_of_users(self) -> Self {
        self.line(&format!("user app on >{PASSWORD} ~* &* +@all"))
            .line(&format!("user no_ping on >{PASSWORD} ~* +get +set"))
            .line(&format!("user disabled off >{PASSWORD} ~* +@all"))
    }

    /// Starts the server and waits until it answers `PING` with `PONG`, or asks for a password.
    pub fn start(self) -> Redis {
        self.launch()
            .wait(|answer| answer == "PONG" || answer.starts_with("NOAUTH"))
    }

    /// Starts the server and does not wait for anything.
    pub fn launch(self) -> Redis {
        let data = self.dir.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        if let Some(dump) = &self.dump {
            fs::copy(dump, data.join("dump.rdb")).expect("a copy of the dump");
        }
        let (port, listen) = match &self.way {
            Way::Tcp(port) => (*port, format!("port {port}\n")),
            Way::Tls(port, ..) => (*port, format!("port 0\ntls-port {port}\n")),
            Way::Unix(path) => (0, format!("port 0\nunixsocket {}\n", path.display())),
        };
        let save = if self.sentinel { "" } else { "save \"\"\n" };
        let config = format!(
            "{listen}bind 127.0.0.1\ndir {}\n{save}{}",
            data.display(),
            self.lines
        );
        // A sentinel writes its state into its own configuration file and beside it.
        let file = self.dir.path().join("redis.conf");
        fs::write(&file, config).expect("a file in the server's folder");
        give_to_server_user(self.dir.path());
        let mut command = Command::new(self.installed.program("redis-server"));
        command.arg(&file);
        if self.sentinel {
            command.arg("--sentinel");
        }
        // No test needs the data, and a busy server hears nothing else.
        let server = Server::start("redis", as_server_user(&mut command))
            .stop_with(Signal::KILL, Duration::from_secs(5));
        Redis {
            server,
            port,
            installed: self.installed,
            way: self.way,
            held: Vec::new(),
            others: Vec::new(),
            dir: self.dir,
        }
    }
}

fn ask(installed: &Installed, way: &Way, login: Option<(&str, &str)>, command: &[&str]) -> String {
    let mut program = Command::new(installed.program("redis-cli"));
    match way {
        Way::Tcp(port) => program.args(["-p", &port.to_string()]),
        Way::Tls(port, ca, cert, key) => program
            .args(["--tls", "-p", &port.to_string(), "--cacert"])
            .arg(ca)
            .arg("--cert")
            .arg(cert)
            .arg("--key")
            .arg(key),
        Way::Unix(path) => program.arg("-s").arg(path),
    };
    if let Some((user, password)) = login {
        program.arg("--no-auth-warning");
        if user != "default" {
            program.args(["--user", user]);
        }
        program.env("REDISCLI_AUTH", password);
    } else {
        program.env_remove("REDISCLI_AUTH");
    }
    program.args(command);
    finish(program)
}

fn finish(mut program: Command) -> String {
    let output = program
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("cannot run {program:?}: {e}"));
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

fn set_mode(path: &Path, mode: u32) {
    // Also called on drop, where the folder may be gone already.
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
}

/// A snapshot of 20000 keys, made once for this test binary.
fn dump(installed: &Installed) -> PathBuf {
    static MADE: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.get_or_insert_with(|| {
        let server = Redis::build(installed)
            .line("enable-debug-command yes")
            .start();
        assert_eq!(
            server.cli(&["DEBUG", "POPULATE", "20000", "k", "100"]),
            "OK"
        );
        assert_eq!(server.cli(&["SAVE"]), "OK");
        let place = temp_dir("redis-dump").keep().join("dump.rdb");
        fs::copy(server.data().join("dump.rdb"), &place).expect("a copy of the dump");
        place
    })
    .clone()
}
