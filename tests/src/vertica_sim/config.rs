//! What a simulated server is told to be: written as plain data, so that a test reads like the state it describes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::SqlError;
use crate::tls::Identity;

/// Protocol 3.16, the newest that the vendor's clients ask for: `3 << 16 | 16`.
pub(super) const NEWEST_PROTOCOL: u32 = 0x0003_0010;

/// The script of one server.
#[derive(Clone, Debug)]
pub struct Config {
    /// What a connection meets.
    pub state: State,
    /// The users and their passwords (for [`Auth::OAuth`] their tokens).
    pub users: BTreeMap<String, String>,
    /// The one database it serves.
    pub database: String,
    /// How users prove who they are.
    pub auth: Auth,
    /// The salt of its challenges: fixed, so that a failing test can be repeated by hand.
    pub salt: [u8; 4],
    /// The salt of the users' stored SHA-512 passwords.
    pub user_salt: [u8; 16],
    /// How old the users' passwords are.
    pub password_age: PasswordAge,
    /// A further one-time code that is asked for after the password (request 14).
    pub totp: Option<String>,
    /// What a TLS request is answered.
    pub tls: Tls,
    /// What a load balancing request is answered.
    pub balance: Balance,
    /// The version it reports.
    pub server_version: String,
    /// The newest protocol it speaks, `major << 16 | minor`.
    pub protocol: u32,
    /// A notice that it sends to each client after its login.
    pub notice: Option<String>,
    /// The rows of `v_catalog.nodes`.
    pub nodes: Vec<Node>,
    /// Which of the nodes the clients are connected to.
    pub session_node: usize,
    /// The row of `v_monitor.system`; `None` is an empty table.
    pub fault_tolerance: Option<FaultTolerance>,
    /// Whether users may read the system tables; if not they get 42501.
    pub system_tables: bool,
    /// Whether `nodes` has the column `is_readonly`, which servers have from 11.0.2 on.
    pub readonly_column: bool,
}

impl Default for Config {
    /// A one-node server that is up: user `dbadmin` without a password, database `VMart`, no TLS.
    fn default() -> Config {
        Config {
            state: State::Up,
            users: BTreeMap::from([("dbadmin".to_owned(), String::new())]),
            database: "VMart".to_owned(),
            auth: Auth::Trust,
            salt: *b"\xa2\xac\x24\xaa",
            user_salt: *b"\x4f\x5c\xff\x8b\x0c\xa2\x4c\xd0\xbf\x7a\xda\xd6\xfa\x6e\x32\x8b",
            password_age: PasswordAge::Fresh,
            totp: None,
            tls: Tls::None,
            balance: Balance::Unsupported,
            server_version: "Vertica Analytic Database v24.1.0-0".to_owned(),
            protocol: NEWEST_PROTOCOL,
            notice: None,
            nodes: vec![Node::up("v_vmart_node0001")],
            session_node: 0,
            fault_tolerance: Some(FaultTolerance::new(0, 0, 1, 0)),
            system_tables: true,
            readonly_column: true,
        }
    }
}

impl Config {
    /// A server that is up and asks `user` for `password` by the given method.
    pub fn with_password(auth: Auth, user: &str, password: &str) -> Config {
        Config {
            auth,
            users: BTreeMap::from([(user.to_owned(), password.to_owned())]),
            ..Config::default()
        }
    }

    /// A server that is up in a cluster of these nodes, the clients being connected to the first,
    /// designed to bear the loss of `designed` nodes and now able to bear that of `current`.
    pub fn with_cluster(nodes: Vec<Node>, designed: u32, current: u32) -> Config {
        let down = nodes.iter().filter(|node| node.state != "UP").count();
        Config {
            fault_tolerance: Some(FaultTolerance::new(
                designed,
                current,
                nodes.len() as u32,
                down as u32,
            )),
            nodes,
            ..Config::default()
        }
    }

    /// The same server, in another state.
    pub fn in_state(self, state: State) -> Config {
        Config { state, ..self }
    }

    /// The same server, with another answer to TLS requests.
    pub fn with_tls(self, tls: Tls) -> Config {
        Config { tls, ..self }
    }
}

/// What a connection meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Logins and queries are answered.
    Up,
    /// Each start-up message is answered by this error, and the connection is closed.
    Refusing(SqlError),
    /// Logins succeed, and each query is answered by this error.
    QueriesFail(SqlError),
    /// Logins succeed, and the connection is closed on the first query.
    QueriesCut,
    /// Logins succeed, and queries are never answered.
    QueriesHang,
    /// Connections are closed at once, as docker's proxy does when nothing listens behind it.
    AcceptThenClose,
    /// Connections are closed when the start-up message is in.
    CloseAfterStartup,
    /// Nothing is ever sent.
    Silent,
    /// The first bytes of a client are answered by these bytes, and the connection is closed:
    /// another protocol's server, or garbage.
    Speaks(Vec<u8>),
}

impl State {
    /// The node starts or recovers (57V03, 4149).
    pub fn starting() -> State {
        State::Refusing(SqlError::starting())
    }

    /// The database shuts down (57V01).
    pub fn shutting_down() -> State {
        State::Refusing(SqlError::shutting_down())
    }

    /// The limit of sessions is reached (4060).
    pub fn session_limit() -> State {
        State::Refusing(SqlError::session_limit(50))
    }

    /// The node's subcluster is being drained.
    pub fn draining() -> State {
        State::Refusing(SqlError::draining("analytics"))
    }
}

/// How users prove who they are; the number is the code of the authentication request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// 0: not at all.
    Trust,
    /// 3: by the password itself; a server that asks LDAP does so too.
    Cleartext,
    /// 4: by crypt(3), obsolete. Asked for, then refused: no client needs it.
    Crypt,
    /// 5: by MD5.
    Md5,
    /// 7: by Kerberos. Asked for, then refused.
    Gss,
    /// 12: by an OAuth token.
    OAuth,
    /// 65536: by the server's choice of hash, which is SHA-512.
    Hash,
    /// 65541: by MD5.
    HashMd5,
    /// 66048: by SHA-512.
    HashSha512,
    /// Any other code: a method of a later version.
    Code(u32),
}

/// How old the users' passwords are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordAge {
    /// Nothing is said.
    Fresh,
    /// 11: the login succeeds with a word of warning.
    Grace,
    /// 9: the login fails.
    Expired,
}

/// What a TLS request is answered.
#[derive(Clone, Debug)]
pub enum Tls {
    /// `N`.
    None,
    /// `S`, then TLS; start-up without TLS works as well.
    Offered(TlsFiles),
    /// `S`, then TLS; start-up without it is refused. *Assumed*: as an authentication that failed,
    /// since Vertica asks for TLS by its authentication records.
    Required(TlsFiles),
    /// These bytes, whatever they are, and then silence.
    Answers(Vec<u8>),
    /// The connection is closed.
    Closes,
}

/// A server's certificate and key, as PEM text.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificates: String,
    /// The private key.
    pub key: String,
    /// The authority that clients' certificates must come from; `None` asks for none.
    pub client_authority: Option<String>,
}

impl TlsFiles {
    /// A throw-away certificate of the harness; no client certificate is asked for.
    pub fn of(identity: &Identity) -> TlsFiles {
        TlsFiles {
            certificates: read(&identity.cert),
            key: read(&identity.key),
            client_authority: None,
        }
    }

    /// The same, asking clients for a certificate that this authority issued.
    pub fn asking_for_clients_of(self, authority: &Path) -> TlsFiles {
        TlsFiles {
            client_authority: Some(read(authority)),
            ..self
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

/// What a load balancing request is answered.
#[derive(Clone, Debug)]
pub enum Balance {
    /// `N`: the server does not balance.
    Unsupported,
    /// `Y` and this address.
    To(String, u16),
}

/// One row of `v_catalog.nodes`.
#[derive(Clone, Debug)]
pub struct Node {
    /// `v_vmart_node0001` and the like.
    pub name: String,
    /// `UP`, `DOWN`, `RECOVERING`, `SHUTDOWN ERROR` and so on.
    pub state: String,
    /// Whether it belongs to a primary subcluster.
    pub is_primary: bool,
    /// Whether it takes no writes, as after the loss of the primary quorum in Eon mode.
    pub is_readonly: bool,
}

impl Node {
    /// A primary node that is up and takes writes.
    pub fn up(name: &str) -> Node {
        Node::in_state(name, "UP")
    }

    /// A primary node in the given state.
    pub fn in_state(name: &str, state: &str) -> Node {
        Node {
            name: name.to_owned(),
            state: state.to_owned(),
            is_primary: true,
            is_readonly: false,
        }
    }

    /// A node that is up and takes no writes.
    pub fn read_only(name: &str) -> Node {
        Node {
            is_readonly: true,
            ..Node::up(name)
        }
    }
}

/// The row of `v_monitor.system`: how many nodes may be lost, and are.
#[derive(Clone, Copy, Debug)]
pub struct FaultTolerance {
    /// `designed_fault_tolerance`.
    pub designed: u32,
    /// `current_fault_tolerance`.
    pub current: u32,
    /// `node_count`.
    pub nodes: u32,
    /// `node_down_count`.
    pub down: u32,
}

impl FaultTolerance {
    /// The row with these four numbers, in the order of its columns.
    pub fn new(designed: u32, current: u32, nodes: u32, down: u32) -> FaultTolerance {
        FaultTolerance {
            designed,
            current,
            nodes,
            down,
        }
    }
}
