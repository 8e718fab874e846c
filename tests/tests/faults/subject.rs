//! The columns of the tables: each probe, plain and with TLS.

use waitfor_tests::cli::Cli;
use waitfor_tests::faults::lies::Protocol;
use waitfor_tests::servers::postgres;

use crate::world::{VERTICA_PASSWORD, World};

/// One way to ask for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Tcp,
    TcpExpect,
    Http,
    Postgres,
    Redis,
    Vault,
    Vertica,
    TcpTls,
    Https,
    PostgresTls,
    Rediss,
    VaultTls,
    VerticaTls,
}

use Subject::{
    Http, Https, Postgres, PostgresTls, Redis, Rediss, Tcp, TcpExpect, TcpTls, Vault, VaultTls,
    Vertica, VerticaTls,
};

impl Subject {
    pub(crate) const PLAIN: [Self; 7] = [Tcp, TcpExpect, Http, Postgres, Redis, Vault, Vertica];
    pub(crate) const TLS: [Self; 6] = [TcpTls, Https, PostgresTls, Rediss, VaultTls, VerticaTls];

    /// Its name in the data and in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tcp => "tcp",
            TcpExpect => "tcp-expect",
            Http => "http",
            Postgres => "postgres",
            Redis => "redis",
            Vault => "vault",
            Vertica => "vertica",
            TcpTls => "tcp-tls",
            Https => "https",
            PostgresTls => "postgres-tls",
            Rediss => "rediss",
            VaultTls => "vault-tls",
            VerticaTls => "vertica-tls",
        }
    }

    /// The options that make it this one, for the head of a table.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Tcp => "`tcp://`",
            TcpExpect => "`tcp://` `--expect`",
            Http => "`http://` `--expect-body`",
            Postgres => "`postgres://`",
            Redis => "`redis://`",
            Vault => "`vault+http://`",
            Vertica => "`vertica://`",
            TcpTls => "`tcp://` `--tls --expect`",
            Https => "`https://` `--expect-body`",
            PostgresTls => "`postgres://` `sslmode=verify-full`",
            Rediss => "`rediss://`",
            VaultTls => "`vault://`",
            VerticaTls => "`vertica://` `tlsmode=verify-full`",
        }
    }

    pub(crate) fn has_tls(self) -> bool {
        Self::TLS.contains(&self)
    }

    /// Whether it asks for TLS in PostgreSQL's way.
    pub(crate) fn negotiates(self) -> bool {
        matches!(self, PostgresTls | VerticaTls)
    }

    /// What it speaks on the wire.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            _ if self.has_tls() => Protocol::Tls {
                negotiated: self.negotiates(),
            },
            Http | Vault => Protocol::Http,
            Postgres => Protocol::Postgres,
            Redis => Protocol::Resp,
            Vertica => Protocol::Vertica,
            _ => Protocol::Lines,
        }
    }

    /// The program with the secrets that the real servers ask for.
    pub(crate) fn client() -> Cli {
        Cli::new()
            .env("PGPASSWORD", postgres::PASSWORD)
            .env("VSQL_PASSWORD", VERTICA_PASSWORD)
    }

    /// The arguments that name the target. IPv6 addresses come without brackets.
    pub(crate) fn target(self, world: &World, host: &str, port: u16) -> Vec<String> {
        let at = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let url = match self {
            Tcp | TcpExpect | TcpTls => format!("tcp://{at}"),
            Http => format!("http://{at}/health"),
            Https => format!("https://{at}/health"),
            Postgres => format!("postgres://by_scram@{at}/app"),
            PostgresTls => format!("postgres://by_scram@{at}/app?sslmode=verify-full"),
            Redis => format!("redis://{at}"),
            Rediss => format!("rediss://{at}"),
            Vault => format!("vault+http://{at}"),
            VaultTls => format!("vault://{at}"),
            Vertica => format!("vertica://dbadmin@{at}/VMart"),
            VerticaTls => format!("vertica://dbadmin@{at}/VMart?tlsmode=verify-full"),
        };
        let more: &[&str] = match self {
            TcpExpect => &["--send", "PING\\r\\n", "--expect", "+PONG\\r\\n"],
            TcpTls => &["--tls", "--send", "PING\\r\\n", "--expect", "+PONG\\r\\n"],
            Http | Https => &["--expect-body", "\"up\"}"],
            _ => &[],
        };
        let mut args = vec![url];
        args.extend(more.iter().map(|&word| word.to_owned()));
        if self.has_tls() {
            args.extend(["--tls-ca".to_owned(), world.tls.ca.display().to_string()]);
        }
        args
    }
}
