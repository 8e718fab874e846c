//! OpenBao, which speaks Vault's API, in each of the states that `sys/health` tells apart.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::install::Installed;
use crate::process::{
    PATIENCE, Server, as_server_user, free_port, give_to_server_user, reachable, temp_dir, wait_for,
};
use crate::tls::Identity;

/// The root token of a server in development mode.
pub const DEV_TOKEN: &str = "token-of-a-test-server";

/// A running server; ended and its data removed on drop.
pub struct OpenBao {
    server: Server,
    /// Its plain HTTP port on `127.0.0.1`.
    pub port: u16,
    /// Its TLS port on `127.0.0.1`; 0 without TLS.
    pub tls_port: u16,
    /// The root token, once it was initialised.
    pub root_token: String,
    shares: Vec<String>,
    threshold: usize,
    version: String,
    _dir: TempDir,
}

/// An active server and one that stands by it.
pub struct Pair {
    /// The one that serves.
    pub active: OpenBao,
    /// The one that answers reads from its own copy and forwards writes.
    pub standby: OpenBao,
}

impl OpenBao {
    /// Development mode: initialised, unsealed, active, with [`DEV_TOKEN`] and a key-value
    /// engine at `secret/`.
    pub fn dev(installed: &Installed) -> Self {
        let port = free_port();
        let dir = temp_dir("bao");
        give_to_server_user(dir.path());
        let mut command = bao(installed);
        command.env("HOME", dir.path()).args([
            "server",
            "-dev",
            "-dev-no-store-token",
            &format!("-dev-root-token-id={DEV_TOKEN}"),
            &format!("-dev-listen-address=127.0.0.1:{port}"),
        ]);
        let server = Server::start("bao", as_server_user(&mut command));
        let mut made = Self {
            server,
            port,
            tls_port: 0,
            root_token: DEV_TOKEN.to_owned(),
            shares: Vec::new(),
            threshold: 0,
            version: installed.version.clone(),
            _dir: dir,
        };
        made.expect(200);
        made
    }

    /// Just installed: not initialised, data in memory. With an identity it also listens for
    /// TLS, on [`OpenBao::tls_port`].
    pub fn uninitialised(installed: &Installed, tls: Option<&Identity>) -> Self {
        let mut made = Self::launch(installed, "storage \"inmem\" {\n}\n", "", tls);
        made.expect(501);
        made
    }

    /// Initialised with 5 key shares, of which 3 unseal it; none has been given.
    pub fn sealed(installed: &Installed, tls: Option<&Identity>) -> Self {
        let mut made = Self::uninitialised(installed, tls);
        made.init(5, 3);
        made.expect(503);
        made
    }

    /// Unsealed and active, with data in memory.
    pub fn active(installed: &Installed, tls: Option<&Identity>) -> Self {
        let mut made = Self::sealed(installed, tls);
        made.unseal();
        made
    }

    /// Two servers that share their data by raft.
    pub fn pair(installed: &Installed) -> Pair {
        let mut active = Self::raft(installed, "first");
        active.expect(501);
        active.init(1, 1);
        active.unseal();
        let mut standby = Self::raft(installed, "second");
        standby.expect(501);
        let leader = json!({ "leader_api_addr": format!("http://127.0.0.1:{}", active.port) });
        let (code, answer) = standby.put("sys/storage/raft/join", &leader);
        assert_eq!(code, 200, "raft join: {answer}");
        standby.shares.clone_from(&active.shares);
        standby.threshold = 1;
        standby.root_token.clone_from(&active.root_token);
        // Until the first server's answer has arrived there is nothing to unseal.
        wait_for("the second server to learn of its seal", PATIENCE, || {
            let (_, status) = standby.get("sys/seal-status");
            if status["initialized"] == true {
                Ok(())
            } else {
                Err(status.to_string())
            }
        });
        standby.unseal_with(1);
        standby.expect(429);
        let token = json!({ "ttl": "1m" });
        wait_for("the standby to forward", PATIENCE, || {
            let (code, answer) = standby.put("auth/token/create", &token);
            if code == 200 {
                Ok(())
            } else {
                Err(format!("{code}: {answer}"))
            }
        });
        Pair { active, standby }
    }

    /// Takes its keys away: 503 until it is unsealed again.
    pub fn seal(&mut self) {
        let (code, answer) = self.put("sys/seal", &Value::Null);
        assert_eq!(code, 204, "seal: {answer}");
        self.expect(503);
    }

    /// Creates the keys; panics if that was done before.
    pub fn init(&mut self, shares: usize, threshold: usize) {
        let wanted = json!({ "secret_shares": shares, "secret_threshold": threshold });
        let (code, answer) = self.put("sys/init", &wanted);
        assert_eq!(code, 200, "init: {answer}");
        let keys = answer["keys_base64"]
            .as_array()
            .expect("init answers with keys");
        self.shares = keys
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        self.threshold = threshold;
        answer["root_token"]
            .as_str()
            .expect("init answers with a token")
            .clone_into(&mut self.root_token);
    }

    /// Gives the first `count` key shares; fewer than the threshold leave it "unsealing".
    pub fn unseal_with(&mut self, count: usize) {
        for share in self.shares.iter().take(count) {
            let (code, answer) = self.put("sys/unseal", &json!({ "key": share }));
            assert_eq!(code, 200, "unseal: {answer}");
        }
    }

    /// Gives enough key shares and waits till it is active.
    pub fn unseal(&mut self) {
        self.unseal_with(self.threshold);
        self.expect(200);
    }

    /// Waits until `sys/health` answers with this status.
    pub fn expect(&mut self, status: i32) {
        let port = self.port;
        self.server
            .wait_until(&format!("status {status}"), PATIENCE, || {
                match request("GET", port, "sys/health", "", None) {
                    Ok((code, _)) if code == status => Ok(()),
                    Ok((code, body)) => Err(format!("{code}: {body}")),
                    Err(why) => Err(why),
                }
            });
    }

    /// Reads a path below `/v1/`: the status and the JSON (null if there is none).
    pub fn get(&self, path: &str) -> (i32, Value) {
        self.call("GET", path, None)
    }

    /// Writes to a path below `/v1/`, with the root token.
    pub fn put(&self, path: &str, body: &Value) -> (i32, Value) {
        self.call("PUT", path, Some(body))
    }

    /// The version, such as `OpenBao v2.7.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The process, for signals and its log.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Ends the server; the port stays this test's own, and closed.
    pub fn stop(&mut self) {
        self.server.kill();
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (i32, Value) {
        request(method, self.port, path, &self.root_token, body)
            .unwrap_or_else(|why| panic!("openbao: {method} {path}: {why}"))
    }

    fn raft(installed: &Installed, name: &str) -> Self {
        let storage =
            format!("storage \"raft\" {{\n  path = \"DIR/data\"\n  node_id = \"{name}\"\n}}\n");
        let cluster = format!("cluster_addr = \"http://127.0.0.1:{}\"\n", free_port());
        Self::launch(installed, &storage, &cluster, None)
    }

    fn launch(installed: &Installed, storage: &str, more: &str, tls: Option<&Identity>) -> Self {
        let dir = temp_dir("bao");
        let (port, at) = (free_port(), dir.path().display().to_string());
        // A listener takes the port after its own for the cluster unless it is told one.
        let cluster = more
            .rsplit(':')
            .next()
            .and_then(|rest| rest.split('"').next());
        let cluster = cluster.filter(|port| !port.is_empty());
        let cluster = cluster.map_or_else(|| free_port().to_string(), str::to_owned);
        let mut config = format!(
            "{storage}{more}api_addr = \"http://127.0.0.1:{port}\"\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  \
             cluster_address = \"127.0.0.1:{cluster}\"\n  tls_disable = true\n}}\n"
        );
        let mut tls_port = 0;
        if let Some(identity) = tls {
            tls_port = free_port();
            config.push_str(&format!(
                "listener \"tcp\" {{\n  address = \"127.0.0.1:{tls_port}\"\n  \
                 cluster_address = \"127.0.0.1:{}\"\n  tls_cert_file = \"{}\"\n  \
                 tls_key_file = \"{}\"\n}}\n",
                free_port(),
                identity.cert.display(),
                identity.key.display()
            ));
        }
        let file = dir.path().join("bao.hcl");
        fs::write(&file, config.replace("DIR", &at))
            .and_then(|()| fs::create_dir(dir.path().join("data")))
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        give_to_server_user(dir.path());
        let mut command = bao(installed);
        command
            .env("HOME", dir.path())
            .arg("server")
            .arg("-config")
            .arg(&file);
        Self {
            server: Server::start("bao", as_server_user(&mut command)),
            port,
            tls_port,
            root_token: String::new(),
            shares: Vec::new(),
            threshold: 0,
            version: installed.version.clone(),
            _dir: dir,
        }
    }
}

/// The program, without the caller's settings for it.
pub fn bao(installed: &Installed) -> Command {
    let mut command = Command::new(reachable(&installed.program("bao")));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("VAULT_") || text.starts_with("BAO_") {
            command.env_remove(name);
        }
    }
    command
}

fn request(
    method: &str,
    port: u16,
    path: &str,
    token: &str,
    body: Option<&Value>,
) -> Result<(i32, Value), String> {
    let method = match method {
        "PUT" => minreq::Method::Put,
        _ => minreq::Method::Get,
    };
    let mut request = minreq::Request::new(method, format!("http://127.0.0.1:{port}/v1/{path}"))
        .with_timeout(30)
        .with_follow_redirects(false);
    if !token.is_empty() {
        request = request.with_header("X-Vault-Token", token);
    }
    if let Some(body) = body {
        request = request.with_body(body.to_string());
    }
    let answer = request.send().map_err(|e| e.to_string())?;
    let value = serde_json::from_slice(answer.as_bytes()).unwrap_or(Value::Null);
    Ok((answer.status_code, value))
}
