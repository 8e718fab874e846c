//! The conversation with a data server: one write asks for everything that
//! readiness depends on, so that a good answer costs one round trip.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use waitfor_sdk::{Context, Endpoint, Level, Misuse, Pending, Ready, Secret, Unready};

use crate::client::{Client, unexpected};
use crate::errors::{Asked, judge};
use crate::info::{self, Info};
use crate::resp::{self, Reply, Request, printable};
use crate::{Params, Role};

/// Who logs in, and under which parameter the password was given.
pub(crate) struct Login<'a> {
    /// The ACL user; none for the default user.
    pub(crate) user: Option<&'a str>,
    /// The password, not revealed before it is needed.
    pub(crate) password: Option<&'a Secret>,
    /// The name of the password's parameter.
    pub(crate) param: &'static str,
}

impl Login<'_> {
    /// Adds AUTH where there is something to log in with.
    pub(crate) fn add_to(&self, request: &mut Request) -> Option<Asked<'static>> {
        let user = self.user.filter(|user| !user.is_empty());
        let password = self.password.map(Secret::reveal).unwrap_or_default();
        match user {
            Some(user) => request.command(&[b"AUTH", user.as_bytes(), &password]),
            None if password.is_empty() => return None,
            None => request.command(&[b"AUTH", &password]),
        };
        Some(Asked::Auth {
            user: user.is_some(),
            password: !password.is_empty(),
            param: self.param,
        })
    }
}

/// What is wanted of the server.
pub(crate) struct Wanted<'a> {
    /// The user's parameters.
    pub(crate) params: &'a Params,
    /// The database to select.
    pub(crate) database: i64,
    /// The role that it must have.
    pub(crate) role: Role,
}

impl Wanted<'_> {
    /// Whether the verdict hangs on other answers than that to PING.
    fn more_than_pong(&self) -> bool {
        self.role != Role::Any
            || self.params.min_replicas.is_some()
            || self.params.cluster
            || !self.params.expect_key.is_empty()
    }
}

/// Whether the server at `endpoint` is what is wanted.
pub(crate) fn check(
    context: &Context<'_>,
    endpoint: &Endpoint,
    tls: bool,
    wanted: &Wanted<'_>,
) -> Result<Ready, Unready> {
    let mut client = Client::open(context, endpoint, tls)?;
    let params = wanted.params;
    let login = Login {
        user: params.user.as_deref(),
        password: params.password.as_ref(),
        param: "password",
    };

    let mut request = Request::default();
    let auth = login.add_to(&mut request);
    let number = wanted.database.to_string();
    if wanted.database != 0 {
        request.command(&[b"SELECT", number.as_bytes()]);
    }
    request
        .command(&[b"PING"])
        .command(&[b"INFO", b"server"])
        .command(&[b"INFO", b"replication"]);
    if params.cluster {
        request.command(&[b"CLUSTER", b"INFO"]);
    }
    for key in &params.expect_key {
        request.command(&[b"EXISTS", key.as_bytes()]);
    }
    // Asked at once, since a server that loads looks at its clients now and
    // then: a second question would wait for the next time.
    request.command(&[b"INFO", b"persistence"]);
    client.send(&request)?;

    if let Some(asked) = auth {
        context.stage("authenticating");
        expect_ok(client.reply()?, "AUTH", asked)?;
    }
    context.stage("querying");
    if wanted.database != 0 {
        expect_ok(client.reply()?, "SELECT", Asked::Select(wanted.database))?;
    }
    let unclear = match client.reply()? {
        Reply::Text(text) if text == "PONG" => None,
        Reply::Error(line) if line.starts_with("LOADING") || line.starts_with("NOPERM") => {
            Some(line)
        }
        Reply::Error(line) => return Err(judge(&line, Asked::Ping)),
        other => return Err(unexpected("PING", &other)),
    };
    if unclear.is_some() || !wanted.more_than_pong() {
        client.be_brief();
    }
    let mut answers = Answers::read(
        &mut client,
        2 + usize::from(params.cluster) + params.expect_key.len(),
    );
    client.be_brief();
    let persistence = answers.then(&mut client);
    let proof = match unclear {
        None => Proof::Pong,
        Some(line) => prove(persistence, &line)?,
    };

    let server = answers.info().unwrap_or_default();
    if server.get("redis_mode") == Some("sentinel") {
        return Err(is_sentinel(endpoint));
    }
    let replication = match answers.info() {
        Ok(info) => Some(info),
        Err(unready) if wanted.role != Role::Any || params.min_replicas.is_some() => {
            return Err(unready);
        }
        Err(_) => None,
    };
    let min_replicas = params
        .min_replicas
        .and_then(|count| u64::try_from(count).ok());
    let role = match &replication {
        Some(info) => Some(info::replication(info, wanted.role, min_replicas)?),
        None => None,
    };
    if params.cluster {
        info::cluster(&bulk(answers.next()?, "CLUSTER INFO", Asked::Cluster)?)?;
    }
    for key in &params.expect_key {
        exists(answers.next()?, key, wanted.database)?;
    }

    let stale = replication.as_ref().is_some_and(info::is_stale);
    if stale {
        context.log(
            Level::Warn,
            format!(
                "{} is a replica without its master: its data may be old",
                endpoint.label()
            ),
        );
    }
    Ok(describe(
        &server,
        replication.as_ref(),
        role,
        stale,
        proof,
        wanted,
    ))
}

/// What showed that the server does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// It answered PING.
    Pong,
    /// It says of itself that its data is loaded.
    Persistence,
}

/// Learns from INFO what PING leaves open: how far the loading of data is, and
/// whether a server that does not permit PING has loaded its data, for it says
/// so even before.
fn prove(persistence: Result<Reply, Unready>, line: &str) -> Result<Proof, Unready> {
    let refused = judge(line, Asked::Ping);
    let loading = line.starts_with("LOADING");
    let info = persistence.map(|reply| reply.into_bulk().map(Info::new));
    match info {
        Ok(Some(info)) if loading || info.is_loading() => Err(info::loading(&info).into()),
        Ok(Some(info)) if info.get("loading") == Some("0") => Ok(Proof::Persistence),
        // That INFO was not answered in time is no proof that it may not be asked.
        Err(unready) if !loading => Err(unready),
        _ => Err(refused),
    }
}

/// The answers after PING, in the order asked. A proxy may hang up on a
/// command that it does not know, so a failure counts only where the answer
/// is needed.
struct Answers {
    read: alloc::vec::IntoIter<Reply>,
    failure: Option<Unready>,
}

impl Answers {
    fn read(client: &mut Client, count: usize) -> Self {
        let mut read = Vec::new();
        let mut failure = None;
        for _ in 0..count {
            match client.reply() {
                Ok(reply) => read.push(reply),
                Err(unready) => {
                    failure = Some(unready);
                    break;
                }
            }
        }
        Self {
            read: read.into_iter(),
            failure,
        }
    }

    /// The one behind them.
    fn then(&self, client: &mut Client) -> Result<Reply, Unready> {
        match &self.failure {
            Some(unready) => Err(unready.clone()),
            None => client.reply(),
        }
    }

    fn next(&mut self) -> Result<Reply, Unready> {
        match (self.read.next(), &self.failure) {
            (Some(reply), _) => Ok(reply),
            (None, Some(unready)) => Err(unready.clone()),
            (None, None) => Err(Pending::new("closed", "gave fewer answers than asked").into()),
        }
    }

    fn info(&mut self) -> Result<Info, Unready> {
        bulk(self.next()?, "INFO", Asked::Info)
    }
}

/// An answer that must be `+OK`.
pub(crate) fn expect_ok(reply: Reply, command: &str, asked: Asked<'_>) -> Result<(), Unready> {
    match reply {
        Reply::Text(text) if text == "OK" => Ok(()),
        Reply::Error(line) => Err(judge(&line, asked)),
        other => Err(unexpected(command, &other)),
    }
}

fn bulk(reply: Reply, command: &str, asked: Asked<'_>) -> Result<Info, Unready> {
    match reply {
        Reply::Error(line) => Err(judge(&line, asked)),
        Reply::Bulk(Some(bytes)) => Ok(Info::new(resp::text(bytes))),
        other => Err(unexpected(command, &other)),
    }
}

fn exists(reply: Reply, key: &str, database: i64) -> Result<(), Unready> {
    match reply {
        Reply::Integer(count) if count > 0 => Ok(()),
        Reply::Integer(_) => Err(Pending::new(
            "key-missing",
            format!(
                "the key `{}` does not exist in database {database}",
                printable(key.as_bytes())
            ),
        )
        .into()),
        Reply::Error(line) => Err(judge(&line, Asked::Exists(key))),
        other => Err(unexpected("EXISTS", &other)),
    }
}

/// A Sentinel answers PING whatever its master does, and holds no data.
fn is_sentinel(endpoint: &Endpoint) -> Unready {
    Misuse::new(
        "sentinel",
        "is a sentinel, which holds no data and always answers",
    )
    .param("sentinel-master")
    .hint(format!(
        "use redis+sentinel://{}/NAME, or give --sentinel-master NAME",
        endpoint.label()
    ))
    .into()
}

fn describe(
    server: &Info,
    replication: Option<&Info>,
    role: Option<&str>,
    stale: bool,
    proof: Proof,
    wanted: &Wanted<'_>,
) -> Ready {
    let params = wanted.params;
    let mut summary = match proof {
        Proof::Pong => String::from("answers PING"),
        Proof::Persistence => String::from("has loaded its data (it may not be sent PING)"),
    };
    if let Some(role) = role {
        summary.push_str(&format!(", {role}"));
    }
    if stale {
        summary.push_str(" without its master");
    }
    if params.cluster {
        summary.push_str(", cluster complete");
    }
    match params.expect_key.as_slice() {
        [] => {}
        [key] => summary.push_str(&format!(", key `{}` exists", printable(key.as_bytes()))),
        keys => summary.push_str(&format!(", all {} keys exist", keys.len())),
    }
    let mut ready = Ready::new(summary);
    if let Some(version) = server.version() {
        ready = ready.fact("server", version);
    }
    if let Some(role) = role {
        ready = ready.fact("role", role);
    }
    if stale {
        ready = ready.fact("master-link", "down");
    }
    if let Some(info) = replication.filter(|_| role == Some("master")) {
        ready = ready.fact("replicas", info::replicas(info).to_string());
    }
    if let Some(mode) = server.get("redis_mode") {
        ready = ready.fact("mode", mode);
    }
    match server.get("run_id") {
        Some(id) => ready.incarnation(id),
        None => ready,
    }
}
