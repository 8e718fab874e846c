//! What the user can tell the probe, under libpq's names so that a URL or a
//! `key=value` string that an application uses works unchanged.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{ForHost, Millis, Misuse, Path, Secret, choice, params};

use crate::auth::Required;
use crate::tables;

choice! {
    /// How far the probe goes.
    pub enum Level {
        /// Logs in and has a query answered.
        Query = "query",
        /// Stops once the server takes up the login; needs no password.
        Accepts = "accepts",
    }
}

choice! {
    /// Whether the connection is to be encrypted, as libpq defines it.
    pub enum SslMode {
        /// Never.
        Disable = "disable",
        /// Only where the server turns the plain connection away.
        Allow = "allow",
        /// Where the server can.
        Prefer = "prefer",
        /// Always, whatever the certificate.
        Require = "require",
        /// Always, with a certificate of a trusted authority.
        VerifyCa = "verify-ca",
        /// Always, with a trusted certificate for the host's name.
        VerifyFull = "verify-full",
    }
}

choice! {
    /// How the encryption begins.
    pub enum SslNegotiation {
        /// Asks in PostgreSQL's own way first.
        Postgres = "postgres",
        /// Begins with the TLS handshake; PostgreSQL 17 and later.
        Direct = "direct",
    }
}

choice! {
    /// What state the server must be in, as libpq defines it.
    pub enum SessionAttributes {
        /// Any that answers.
        Any = "any",
        /// Takes writes by default.
        ReadWrite = "read-write",
        /// Takes no writes by default.
        ReadOnly = "read-only",
        /// Not a standby.
        Primary = "primary",
        /// A standby.
        Standby = "standby",
        /// A standby, else any of the hosts.
        PreferStandby = "prefer-standby",
    }
}

choice! {
    /// Whether SCRAM is to be bound to the TLS channel.
    pub enum ChannelBinding {
        /// No.
        Disable = "disable",
        /// Where possible; the probe never can.
        Prefer = "prefer",
        /// Yes; the probe refuses.
        Require = "require",
    }
}

choice! {
    /// Whether the connection is to be encrypted by GSS.
    pub enum GssEncryption {
        /// No.
        Disable = "disable",
        /// Where possible; the probe never can.
        Prefer = "prefer",
        /// Yes; the probe refuses.
        Require = "require",
    }
}

params! {
    /// What the user can tell the probe.
    pub struct Params {
        /// the user to log in as
        user: Option<String> { env: &["PGUSER"], url_part: "username", default_from: "os-user", placeholder: "NAME" }
        /// the user's password
        password: Option<Secret> { env: &["PGPASSWORD"], url_part: "password", password_file: "pgpass" }
        /// the database to log in to
        dbname: Option<String> { env: &["PGDATABASE"], alias: &["database"], url_part: "path", default_from: "user", placeholder: "NAME" }
        /// how far to go: a query that is answered, or a server that takes up the login (needs no password)
        level: Level { default: "query" }
        /// a query that must return a row, in place of SELECT 1
        query: Option<String> { placeholder: "SQL" }
        /// a table or view that must exist, as `name` or `schema.name`
        expect_table: Vec<String> { placeholder: "TABLE" }
        /// what state the server must be in
        target_session_attrs: SessionAttributes { default: "any", env: &["PGTARGETSESSIONATTRS"] }
        /// whether to use TLS, and how much of the certificate must hold
        sslmode: SslMode { default: "prefer", env: &["PGSSLMODE"] }
        /// how TLS begins: asked for in PostgreSQL's way, or with the first byte (PostgreSQL 17 and later)
        sslnegotiation: SslNegotiation { default: "postgres", env: &["PGSSLNEGOTIATION"] }
        /// the authorities to trust; `system` for the system's own
        sslrootcert: ForHost<Path> { env: &["PGSSLROOTCERT"], host: "tls-ca" }
        /// the client certificate
        sslcert: ForHost<Path> { env: &["PGSSLCERT"], host: "tls-cert" }
        /// the client certificate's key
        sslkey: ForHost<Path> { env: &["PGSSLKEY"], host: "tls-key" }
        /// how long one attempt may take
        connect_timeout: ForHost<Millis> { env: &["PGCONNECT_TIMEOUT"], host: "attempt-timeout" }
        /// the name that the server shows for the session
        application_name: String { default: "waitfor", env: &["PGAPPNAME"], placeholder: "NAME" }
        /// the ways to prove the password that are acceptable, as libpq writes them: `scram-sha-256`, `!password`
        require_auth: Option<String> { env: &["PGREQUIREAUTH"], placeholder: "METHODS" }
        /// whether SCRAM must be bound to the TLS channel; `require` is refused
        channel_binding: ChannelBinding { default: "prefer", env: &["PGCHANNELBINDING"] }
        /// whether the connection must be encrypted by GSS; `require` is refused
        gssencmode: GssEncryption { default: "prefer", env: &["PGGSSENCMODE"] }
    }
}

/// What the host is told beside the parameters. `ignored-key` names libpq's keys
/// that a valid URL may hold and that make no difference to a probe; keys
/// that would weaken a check if they were ignored are not among them.
pub(crate) const MORE: &[(&str, &str)] = &[
    ("url-env", "DATABASE_URL"),
    ("host-env", "PGHOST"),
    ("port-env", "PGPORT"),
    ("default-host", "localhost"),
    ("hosts", "many"),
    ("keywords", "libpq"),
    ("ignored-key", "client_encoding"),
    ("ignored-key", "fallback_application_name"),
    ("ignored-key", "gssdelegation"),
    ("ignored-key", "gsslib"),
    ("ignored-key", "keepalives"),
    ("ignored-key", "keepalives_count"),
    ("ignored-key", "keepalives_idle"),
    ("ignored-key", "keepalives_interval"),
    ("ignored-key", "krbsrvname"),
    ("ignored-key", "load_balance_hosts"),
    ("ignored-key", "max_protocol_version"),
    ("ignored-key", "min_protocol_version"),
    ("ignored-key", "options"),
    ("ignored-key", "replication"),
    ("ignored-key", "sslcertmode"),
    ("ignored-key", "sslcompression"),
    ("ignored-key", "sslsni"),
    ("ignored-key", "tcp_user_timeout"),
];

impl Params {
    /// The user to log in as; the host fills in the one who runs it.
    pub(crate) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    /// The user that the start-up message names. It must name one, even
    /// where the answer is not to depend on it and the system has no name
    /// for whoever runs the probe, as in many containers.
    pub(crate) fn announced_user(&self) -> &str {
        match self.user() {
            "" => "postgres",
            user => user,
        }
    }

    /// The database, which is named like the user unless the user says else.
    pub(crate) fn database(&self) -> &str {
        self.dbname
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| self.announced_user())
    }
}

/// What each parameter alone cannot show to be wrong.
pub(crate) fn validate(params: &Params) -> Result<(), Misuse> {
    if params.user().is_empty() && params.level == Level::Query {
        return Err(Misuse::new("missing-parameter", "no user to log in as")
            .param("user")
            .hint("name one in the url (postgres://USER@…), with --user or in PGUSER"));
    }
    // The start-up message separates its texts by zero bytes.
    for (name, value) in [
        ("user", params.user()),
        ("dbname", params.database()),
        ("application-name", &params.application_name),
        ("query", params.query.as_deref().unwrap_or_default()),
    ] {
        if value.contains('\0') {
            return Err(
                Misuse::new("bad-parameter", format!("`{name}` holds a zero byte")).param(name),
            );
        }
    }
    if params
        .query
        .as_deref()
        .is_some_and(|sql| sql.trim().is_empty())
    {
        return Err(Misuse::new("bad-parameter", "the query is empty").param("query"));
    }
    for table in &params.expect_table {
        tables::check(table)?;
    }
    Required::parse(params.require_auth.as_deref())?;
    if params.level == Level::Accepts {
        accepts_alone(params)?;
    }
    encryption(params)
}

fn accepts_alone(params: &Params) -> Result<(), Misuse> {
    let name = if params.query.is_some() {
        "query"
    } else if !params.expect_table.is_empty() {
        "expect-table"
    } else if params.target_session_attrs != SessionAttributes::Any {
        "target-session-attrs"
    } else {
        return Ok(());
    };
    Err(Misuse::new(
        "bad-parameter",
        format!("level `accepts` ends before the login and so before `{name}`"),
    )
    .param(name)
    .hint("leave out --level, or leave out the other"))
}

fn encryption(params: &Params) -> Result<(), Misuse> {
    if params.channel_binding == ChannelBinding::Require {
        return Err(Misuse::new(
            "auth-unsupported",
            "channel_binding=require cannot be met: the probe speaks SCRAM without binding",
        )
        .param("channel-binding")
        .hint("use channel_binding=prefer for the check, with sslmode=verify-full for trust"));
    }
    if params.gssencmode == GssEncryption::Require {
        return Err(Misuse::new(
            "auth-unsupported",
            "gssencmode=require cannot be met: the probe does not speak GSS",
        )
        .param("gssencmode")
        .hint("use gssencmode=disable for the check, with a user who logs in without Kerberos"));
    }
    if params.sslnegotiation == SslNegotiation::Direct
        && matches!(
            params.sslmode,
            SslMode::Disable | SslMode::Allow | SslMode::Prefer
        )
    {
        return Err(Misuse::new(
            "bad-parameter",
            format!(
                "sslnegotiation=direct leaves no way back to plaintext, which sslmode={} allows",
                params.sslmode.word()
            ),
        )
        .param("sslmode")
        .hint("use sslmode=require, verify-ca or verify-full"));
    }
    Ok(())
}
