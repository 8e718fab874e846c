//! Every error that a Redis or Valkey server may give, as a verdict: which of
//! them waiting mends, and what the user must change for the others.
//!
//! The first word of an error decides, for the texts differ by fork and
//! version; where the word is a mere `ERR`, the text must. Seen on Redis
//! 7.0.15 but for those marked as documented only in `docs/probes/redis.md`.

use alloc::format;
use alloc::string::String;

use waitfor_sdk::{Misuse, Pending, Unready};

use crate::resp::printable;

/// What was asked when the error came.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// To log in, with a user name or without.
    Auth {
        /// Whether a user name was sent.
        user: bool,
        /// Whether a password was sent.
        password: bool,
        /// The parameter that holds the password.
        param: &'static str,
    },
    /// To select this database.
    Select(i64),
    /// Whether it answers.
    Ping,
    /// A section of its state.
    Info,
    /// The state of the cluster.
    Cluster,
    /// Whether this key exists.
    Exists(&'a str),
    /// The state of this master.
    Sentinel(&'a str),
}

impl Asked<'_> {
    /// The command that an ACL rule names.
    fn command(&self) -> &'static str {
        match self {
            Self::Auth { .. } => "auth",
            Self::Select(_) => "select",
            Self::Ping => "ping",
            Self::Info => "info",
            Self::Cluster => "cluster|info",
            Self::Exists(_) => "exists",
            Self::Sentinel(_) => "sentinel",
        }
    }

    /// The parameter that made the probe ask.
    fn param(&self) -> Option<&'static str> {
        match self {
            Self::Auth { param, .. } => Some(param),
            Self::Select(_) => Some("database"),
            Self::Ping | Self::Info => None,
            Self::Cluster => Some("cluster"),
            Self::Exists(_) => Some("expect-key"),
            Self::Sentinel(_) => Some("sentinel-master"),
        }
    }
}

/// The verdict on an error, `line` being its text without the first `-`.
pub(crate) fn judge(line: &str, asked: Asked<'_>) -> Unready {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let text = printable(rest.as_bytes());
    match word {
        "LOADING" => pending("loading", "loads its data".into()),
        "MASTERDOWN" => pending(
            "replica-not-synced",
            "is a replica that lost its master and refuses to serve old data".into(),
        ),
        "BUSY" => pending("busy", "is busy running a script or a module".into()),
        "TRYAGAIN" | "ASK" => pending("busy", "moves the keys of this slot".into()),
        "CLUSTERDOWN" => pending("cluster-down", format!("its cluster is down: {text}")),
        "MISCONF" => pending(
            "read-only",
            "refuses writes, since it cannot save its data to disk".into(),
        ),
        "READONLY" => pending("read-only", "is a replica that takes no writes".into()),
        "OOM" => pending("out-of-memory", "has used up its memory limit".into()),
        "NOQUORUM" | "NOGOODSLAVE" => pending("no-quorum", text),
        "MOVED" => moved(&text, asked),
        "NOAUTH" => no_password(asked),
        "WRONGPASS" => wrong_password(asked),
        "NOPERM" => not_permitted(asked),
        "DENIED" => Misuse::new(
            "protected-mode",
            "runs in protected mode: it serves only clients on its own machine",
        )
        .hint("give the server a password, or set `protected-mode no` and `bind`")
        .into(),
        "NOPROTO" => unknown_command(asked),
        "ERR" => judge_text(&text, asked),
        _ => server_error(word, &text, asked),
    }
}

/// The errors that only their text tells apart.
fn judge_text(text: &str, asked: Asked<'_>) -> Unready {
    if text.starts_with("max number of clients") {
        return pending(
            "too-many-connections",
            "has as many clients as it accepts".into(),
        );
    }
    if text.starts_with("unknown command") || text.starts_with("unknown subcommand") {
        return unknown_command(asked);
    }
    match asked {
        Asked::Auth { user, param, .. } => {
            if text.contains("invalid password") {
                wrong_password(asked)
            } else if text.contains("without any password configured")
                || text.contains("no password is set")
            {
                Misuse::new(
                    "password-unexpected",
                    "has no password for its default user, but one was given",
                )
                .param(param)
                .hint("leave the password out, or set one on the server")
                .into()
            } else if user && text.contains("wrong number of arguments") {
                Misuse::new(
                    "auth-unsupported",
                    "knows no user names, as servers before version 6",
                )
                .param("user")
                .hint("give the password without a user name")
                .into()
            } else {
                server_error("ERR", "the login failed", asked)
            }
        }
        Asked::Select(number) if text.contains("cluster mode") => Misuse::new(
            "unknown-database",
            format!("runs in cluster mode, which has no database {number}"),
        )
        .param("database")
        .hint("a cluster has only database 0: leave the database out")
        .into(),
        Asked::Select(number)
            if text.contains("out of range") || text.contains("invalid DB index") =>
        {
            Misuse::new("unknown-database", format!("has no database {number}"))
                .param("database")
                .hint("databases are numbered from 0; the server's `databases` setting says how many there are")
                .into()
        }
        Asked::Cluster if text.contains("cluster support disabled") => {
            Misuse::new("cluster-disabled", "is not part of a cluster")
                .param("cluster")
                .hint("leave `cluster` out, or start the server with `cluster-enabled yes`")
                .into()
        }
        Asked::Sentinel(name) if text.starts_with("No such master") => Misuse::new(
            "unknown-master",
            format!("watches no master named `{}`", printable(name.as_bytes())),
        )
        .param("sentinel-master")
        .hint("`redis-cli -p 26379 SENTINEL MASTERS` lists the names")
        .into(),
        _ => server_error("ERR", text, asked),
    }
}

fn pending(code: &str, reason: String) -> Unready {
    Pending::new(code, reason).into()
}

/// An error that is none of the known: it may pass, so it is no mistake.
fn server_error(word: &str, text: &str, asked: Asked<'_>) -> Unready {
    let word = printable(word.as_bytes());
    pending(
        "server-error",
        format!(
            "answers {} with an error: {word} {text}",
            asked.command().to_ascii_uppercase()
        ),
    )
}

fn no_password(asked: Asked<'_>) -> Unready {
    let param = match asked {
        Asked::Sentinel(_) => "sentinel-password",
        _ => "password",
    };
    Misuse::new(
        "password-missing",
        "asks for a password, and none was given",
    )
    .param(param)
    .hint(format!(
        "give --{param}-file, or a password in the URL or in REDISCLI_AUTH"
    ))
    .into()
}

/// A wrong password, an unknown and a disabled user are answered alike.
fn wrong_password(asked: Asked<'_>) -> Unready {
    match asked {
        Asked::Auth {
            password: false,
            param,
            ..
        } => Misuse::new("password-missing", "refuses the user without a password")
            .param(param)
            .hint("give the user's password"),
        Asked::Auth {
            user: true, param, ..
        } => Misuse::new(
            "wrong-password",
            "refuses the login: the password is wrong, or the user is unknown or disabled",
        )
        .param(param)
        .hint("`ACL LIST` on the server shows its users"),
        _ => Misuse::new("wrong-password", "refuses the password")
            .param(asked.param().unwrap_or("password"))
            .hint("compare it with the server's `requirepass`"),
    }
    .into()
}

fn not_permitted(asked: Asked<'_>) -> Unready {
    let command = asked.command();
    let (reason, hint) = match asked {
        Asked::Exists(key) => (
            format!(
                "does not let this user ask for the key `{}`",
                printable(key.as_bytes())
            ),
            "grant the user +exists and read access to the key".into(),
        ),
        Asked::Ping => (
            "lets this user neither PING nor INFO, which would show whether it is ready".into(),
            "grant the user +ping (or +info)".into(),
        ),
        _ => (
            format!("does not let this user run `{command}`"),
            format!("grant the user +{command}"),
        ),
    };
    let misuse = Misuse::new("not-authorized", reason).hint(hint);
    match asked.param() {
        Some(param) => misuse.param(param),
        None => misuse,
    }
    .into()
}

/// The server's text is kept back: it may repeat the arguments, and those of
/// AUTH are secret.
fn unknown_command(asked: Asked<'_>) -> Unready {
    let command = asked.command().to_ascii_uppercase();
    match asked {
        Asked::Sentinel(_) => Misuse::new(
            "not-a-sentinel",
            "does not know SENTINEL: this is a data server",
        )
        .param("sentinel-master")
        .hint("ask the port of a Sentinel (26379 by default), or use redis://"),
        _ => Misuse::new(
            "unsupported-command",
            format!("speaks the protocol of redis, but does not know {command}"),
        )
        .hint("the server, or a proxy before it, may have renamed or disabled the command"),
    }
    .into()
}

/// The key belongs to another node of the cluster.
fn moved(text: &str, asked: Asked<'_>) -> Unready {
    match (asked, text.split_once(' ')) {
        (Asked::Exists(key), Some((slot, node))) => Misuse::new(
            "moved",
            format!(
                "does not hold the key `{}`: its slot {slot} is on {node}",
                printable(key.as_bytes())
            ),
        )
        .param("expect-key")
        .hint(format!("ask {node} for this key"))
        .into(),
        _ => server_error("MOVED", text, asked),
    }
}
