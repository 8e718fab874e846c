//! A Sentinel answers PING whatever happens, and gives the address of a
//! master that it knows to be down. So this asks for the master's state and
//! for the quorum, and then, where the user's policy allows it, asks the
//! master itself.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use waitfor_sdk::{Context, Endpoint, Level, Misuse, Pending, Ready, Unready};

use crate::client::{Client, unexpected};
use crate::errors::{Asked, judge};
use crate::resp::{Reply, Request, printable};
use crate::server::{self, Login, Wanted, expect_ok};
use crate::{Params, Role, database_number, first_settled};

/// The master that is asked for, and the database on it.
struct Named<'a> {
    name: &'a str,
    database: i64,
}

/// Whether the master is up, by the word of the first Sentinel that answers
/// and, where it may be asked, by its own.
pub(crate) fn check(context: &Context<'_>, params: &Params, tls: bool) -> Result<Ready, Unready> {
    if params.role == Role::Replica {
        return Err(no_replica().into());
    }
    let named = named(params)?;
    let master = first_settled(context, |sentinel| {
        ask(context, sentinel, params, &named, tls)
    })?;
    // A password of the data server is not revealed before this point:
    // afterwards the host would refuse every further address.
    match context.discover(&master.host, master.port) {
        Ok(endpoint) => {
            let wanted = Wanted {
                params,
                database: named.database,
                role: Role::Master,
            };
            server::check(context, &endpoint, tls, &wanted)
                .map(|ready| master.add_to(ready))
                .map_err(|unready| about_master(unready, &endpoint))
        }
        Err(fault) if fault.code == "policy-denied" => by_word_alone(context, params, &master),
        Err(fault) => Err(fault.into()),
    }
}

/// A Sentinel leads to masters only.
pub(crate) fn no_replica() -> Misuse {
    Misuse::new(
        "bad-parameter",
        "a sentinel is asked for a master, so the role cannot be `replica`",
    )
    .param("role")
    .hint("ask the replica itself, with redis://HOST?role=replica")
}

/// The name is an option, or the first part of the URL's path; the number of
/// the database is what is left of the path.
fn named(params: &Params) -> Result<Named<'_>, Misuse> {
    let path = params.database.as_deref().unwrap_or_default();
    let (name, number) = match params.sentinel_master.as_deref() {
        Some(name) => (name, path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    if name.is_empty() {
        return Err(
            Misuse::new("missing-parameter", "no name of a master is given")
                .param("sentinel-master")
                .hint("write redis+sentinel://HOST/NAME, or give --sentinel-master NAME"),
        );
    }
    let database = if number.is_empty() {
        0
    } else {
        database_number(number)?
    };
    Ok(Named { name, database })
}

/// What a Sentinel knows of a master that is up.
struct Master {
    host: String,
    port: u16,
    replicas: Option<String>,
    sentinels: String,
    incarnation: Option<String>,
}

impl Master {
    fn add_to(&self, ready: Ready) -> Ready {
        let ready = ready
            .fact("master", format!("{}:{}", self.host, self.port))
            .fact("sentinels", self.sentinels.as_str());
        match &self.replicas {
            Some(count) if !ready.facts.iter().any(|(name, _)| name == "replicas") => {
                ready.fact("replicas", count.as_str())
            }
            _ => ready,
        }
    }
}

/// Asks one Sentinel.
fn ask(
    context: &Context<'_>,
    sentinel: &Endpoint,
    params: &Params,
    named: &Named<'_>,
    tls: bool,
) -> Result<Master, Unready> {
    let mut client = Client::open(context, sentinel, tls)?;
    let login = Login {
        user: params.sentinel_user.as_deref(),
        password: params.sentinel_password.as_ref(),
        param: "sentinel-password",
    };
    let name = named.name.as_bytes();
    let mut request = Request::default();
    let auth = login.add_to(&mut request);
    request
        .command(&[b"SENTINEL", b"MASTER", name])
        .command(&[b"SENTINEL", b"CKQUORUM", name]);
    client.send(&request)?;
    if let Some(asked) = auth {
        context.stage("authenticating");
        expect_ok(client.reply()?, "AUTH", asked)?;
    }
    context.stage("querying");
    let asked = Asked::Sentinel(named.name);
    let fields = match client.reply()? {
        Reply::Array(Some(fields)) => Fields::of(fields),
        Reply::Error(line) => return Err(judge(&line, asked)),
        other => return Err(unexpected("SENTINEL MASTER", &other)),
    };
    let master = fields.judge(named.name)?;
    match client.reply()? {
        Reply::Text(text) if text.starts_with("OK") => Ok(Master {
            sentinels: printable(text.trim_start_matches("OK").trim().as_bytes()),
            ..master
        }),
        Reply::Error(line) => Err(judge(&line, asked)),
        other => Err(unexpected("SENTINEL CKQUORUM", &other)),
    }
}

/// The answer to SENTINEL MASTER: names and values in turn.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(replies: Vec<Reply>) -> Self {
        let mut texts = replies.into_iter().map(Reply::into_bulk);
        let mut fields = Vec::new();
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            if let (Some(name), Some(value)) = (name, value) {
                fields.push((name, value));
            }
        }
        Self(fields)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The master, where the flags say that it is up.
    fn judge(&self, name: &str) -> Result<Master, Unready> {
        let flags = self.get("flags").unwrap_or_default();
        let host = self.get("ip").unwrap_or_default();
        let port = self.get("port").unwrap_or_default();
        let address = format!("{host}:{port}");
        let shown = printable(name.as_bytes());
        let has = |flag: &str| flags.split(',').any(|word| word == flag);
        let down = if has("o_down") {
            Some("is down, as the sentinels agree")
        } else if has("s_down") {
            Some("is down, as this sentinel sees it")
        } else if has("disconnected") {
            Some("is not connected to this sentinel")
        } else {
            None
        };
        let fact = |pending: Pending| {
            pending
                .fact("master", address.as_str())
                .fact("flags", printable(flags.as_bytes()))
        };
        if has("failover_in_progress") {
            return Err(fact(Pending::new(
                "failover",
                format!("the master `{shown}` ({address}) is being replaced"),
            ))
            .into());
        }
        if let Some(down) = down {
            return Err(fact(Pending::new(
                "master-down",
                format!("the master `{shown}` ({address}) {down}"),
            ))
            .into());
        }
        match (has("master"), port.parse()) {
            (true, Ok(port)) if !host.is_empty() => Ok(Master {
                host: host.to_string(),
                port,
                replicas: self.get("num-slaves").map(ToString::to_string),
                sentinels: String::new(),
                incarnation: self
                    .get("runid")
                    .filter(|id| !id.is_empty())
                    .map(ToString::to_string),
            }),
            _ => Err(fact(Pending::new(
                "server-error",
                format!("the sentinel describes no usable master `{shown}`"),
            ))
            .into()),
        }
    }
}

/// The verdict where the master itself may not be asked: enough for its
/// being up, not for what only it could say.
fn by_word_alone(
    context: &Context<'_>,
    params: &Params,
    master: &Master,
) -> Result<Ready, Unready> {
    let address = format!("{}:{}", master.host, master.port);
    let after_secret = params.sentinel_password.is_some();
    let needs_master =
        params.cluster || params.min_replicas.is_some() || !params.expect_key.is_empty();
    if needs_master {
        let misuse = Misuse::new(
            "policy-denied",
            format!(
                "only the master {address} could show what is asked for, and it may not be asked"
            ),
        );
        return Err(if after_secret {
            misuse.hint("a sentinel's password closes the way to further addresses: ask the master in a target of its own")
        } else {
            misuse.hint(format!("give --allow {address}"))
        }
        .into());
    }
    let why = if after_secret {
        "a sentinel's password closes the way to further addresses".to_string()
    } else {
        format!("--allow {address} would let it")
    };
    context.log(
        Level::Warn,
        format!("the master {address} was not asked itself: {why}"),
    );
    let ready = Ready::new(format!(
        "the sentinels say that the master {address} is up; it was not asked itself"
    ));
    let ready = master.add_to(ready).fact("master-asked", "no");
    Ok(match &master.incarnation {
        Some(id) => ready.incarnation(id.as_str()),
        None => ready,
    })
}

/// Says of a verdict that it is the master's, not the sentinel's.
fn about_master(unready: Unready, master: &Endpoint) -> Unready {
    let label = master.label();
    match unready {
        Unready::Pending(mut pending) => {
            pending.reason = format!("the master {label}: {}", pending.reason);
            pending.into()
        }
        Unready::Misuse(mut misuse) => {
            misuse.reason = format!("the master {label}: {}", misuse.reason);
            misuse.into()
        }
    }
}
