//! Redis and Valkey answer PING with an error while they load their data, and
//! with PONG though a replica has no master or a cluster no slots. This probe
//! asks for what a client will need, and reads every answer.
#![no_std]
extern crate alloc;

mod client;
mod errors;
mod info;
mod resp;
mod sentinel;
mod server;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{
    About, Context, Endpoint, Misuse, Probe, Ready, Scheme, Secret, Unready, choice, params,
};

use server::Wanted;

choice! {
    /// The role that the server must have.
    pub enum Role {
        Any = "any",
        Master = "master",
        Primary = "primary",
        Replica = "replica",
    }
}

params! {
    /// What the user can tell the probe.
    pub struct Params {
        /// the ACL user to log in as; servers before version 6 know none
        user: Option<String> { alias: &["username"], url_part: "username", placeholder: "NAME" }
        /// the password of that user, else of the server
        password: Option<Secret> { env: &["REDISCLI_AUTH", "VALKEYCLI_AUTH", "REDIS_PASSWORD"], url_part: "password" }
        /// the number of the database; with Sentinel MASTER, or MASTER/NUMBER
        database: Option<String> { alias: &["db"], url_part: "path", placeholder: "NUMBER" }
        /// speak TLS from the first byte, as rediss:// does
        tls: bool {}
        /// the role that the server must have
        role: Role { default: "any" }
        /// the server must be part of a cluster that serves all slots
        cluster: bool {}
        /// how many replicas of the server must be in sync
        min_replicas: Option<i64> { min: 1, placeholder: "N" }
        /// a key that must exist
        expect_key: Vec<String> { placeholder: "KEY" }
        /// ask a Sentinel for the master of this name
        sentinel_master: Option<String> { placeholder: "NAME" }
        /// the ACL user to log in to the Sentinel as
        sentinel_user: Option<String> { placeholder: "NAME" }
        /// the password of the Sentinel
        sentinel_password: Option<Secret> { placeholder: "PASSWORD" }
    }
}

/// The probe.
pub struct Redis;

impl Probe for Redis {
    type Params = Params;

    const ABOUT: About = About {
        summary: "the server has loaded its data and answers PING in the wanted role",
        schemes: &[
            Scheme::new("redis", 6379, "Redis or Valkey"),
            Scheme::new("rediss", 6379, "Redis or Valkey over TLS"),
            Scheme::new("valkey", 6379, "Valkey or Redis"),
            Scheme::new("valkeys", 6379, "Valkey or Redis over TLS"),
            Scheme::unix("redis+unix", "Redis or Valkey at a UNIX socket"),
            Scheme::unix("valkey+unix", "Valkey or Redis at a UNIX socket"),
            Scheme::new("redis+sentinel", 26379, "the master that a Sentinel names"),
            Scheme::new("rediss+sentinel", 26379, "the same over TLS"),
        ],
        examples: &[
            "redis://cache",
            "rediss://app@cache:6380/2 --password-file /run/secrets/cache",
            "'redis://cache-1?role=replica&expect-key=seeded'",
            "redis://node-1:7000 --cluster",
            "redis+sentinel://s1,s2,s3/mymaster --allow 10.0.0.5:6379",
        ],
        more: &[
            ("url-env", "REDIS_URL"),
            ("url-env", "VALKEY_URL"),
            ("host-env", "REDIS_HOST"),
            ("port-env", "REDIS_PORT"),
            ("hosts", "many"),
        ],
    };

    fn validate(params: &Params) -> Result<(), Misuse> {
        if params.cluster
            && params
                .database
                .as_deref()
                .is_some_and(|text| matches!(text.parse::<i64>(), Ok(1..)))
        {
            return Err(
                Misuse::new("bad-parameter", "a cluster has only database 0")
                    .param("database")
                    .hint("leave the database out"),
            );
        }
        if params.role == Role::Replica && params.sentinel_master.is_some() {
            return Err(sentinel::no_replica());
        }
        Ok(())
    }

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        let scheme = context.target().scheme();
        let tls = params.tls || matches!(scheme.as_str(), "rediss" | "valkeys" | "rediss+sentinel");
        if scheme.ends_with("+sentinel") || params.sentinel_master.is_some() {
            return sentinel::check(context, params, tls);
        }
        let database = params.database.as_deref().filter(|text| !text.is_empty());
        let wanted = Wanted {
            params,
            database: database.map_or(Ok(0), database_number)?,
            role: params.role,
        };
        let several = context.targets().count() > 1;
        first_settled(context, |endpoint| {
            let ready = server::check(context, endpoint, tls, &wanted)?;
            Ok(if several {
                ready.fact("target", endpoint.label())
            } else {
                ready
            })
        })
    }
}

/// The number that a text gives.
pub(crate) fn database_number(text: &str) -> Result<i64, Misuse> {
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(Misuse::new(
            "unknown-database",
            format!("`{text}` is not the number of a database"),
        )
        .param("database")
        .hint("databases are numbered from 0, as in redis://cache/2")),
    }
}

/// The first outcome that is not "not ready", over the targets in their order;
/// else the outcome of the first target.
pub(crate) fn first_settled<T>(
    context: &Context<'_>,
    check: impl Fn(&Endpoint) -> Result<T, Unready>,
) -> Result<T, Unready> {
    let several = context.targets().count() > 1;
    let attempt = |endpoint: &Endpoint| match check(endpoint) {
        Err(Unready::Pending(mut pending)) if several => {
            pending.reason = format!("{}: {}", endpoint.label(), pending.reason);
            Err(pending.into())
        }
        outcome => outcome,
    };
    let first = attempt(context.target());
    if !matches!(first, Err(Unready::Pending(_))) {
        return first;
    }
    context
        .targets()
        .skip(1)
        .map(attempt)
        .find(|outcome| !matches!(outcome, Err(Unready::Pending(_))))
        .unwrap_or(first)
}

waitfor_sdk::export!(Redis);
