//! Whether a Vertica node does its work: it lets a user in, answers a query, and is up and writable.
//!
//! The protocol is the one of Vertica's open-source clients; no real server has judged this probe
//! yet, only a simulated one that those clients judge in turn.
#![no_std]

extern crate alloc;

mod auth;
mod foreign;
mod judge;
mod levels;
mod login;
mod wire;

use alloc::format;
use alloc::string::String;

use waitfor_sdk::{
    About, Context, ForHost, Level as Log, Millis, Misuse, Path, Probe, Ready, Scheme, Secret,
    TlsOptions, Unready, Verification, choice, params,
};

use judge::{Asked, Login};
use wire::{TlsAnswer, Wire};

choice! {
    /// Whether and how to use TLS. The first five are the vendor's words; the others are those of
    /// vsql and of the Go client.
    pub enum TlsMode {
        Disable = "disable",
        Prefer = "prefer",
        Require = "require",
        VerifyCa = "verify-ca",
        VerifyFull = "verify-full",
        Allow = "allow",
        VsqlVerifyCa = "verify_ca",
        VsqlVerifyFull = "verify_full",
        GoNone = "none",
        GoServer = "server",
        GoServerStrict = "server-strict",
    }
}

/// What a [`TlsMode`] comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Never,
    IfOffered,
    Always(Verification),
}

impl TlsMode {
    fn meaning(self) -> Tls {
        match self {
            Self::Disable | Self::GoNone => Tls::Never,
            Self::Prefer | Self::Allow => Tls::IfOffered,
            Self::Require | Self::GoServer => Tls::Always(Verification::None),
            Self::VerifyCa | Self::VsqlVerifyCa => Tls::Always(Verification::Chain),
            Self::VerifyFull | Self::VsqlVerifyFull | Self::GoServerStrict => {
                Tls::Always(Verification::Full)
            }
        }
    }
}

choice! {
    /// How much must be proved.
    pub enum Level {
        Session = "session",
        Node = "node",
        Cluster = "cluster",
    }
}

params! {
    /// What the user can tell the probe.
    pub struct Params {
        /// the user to log in as
        user: Option<String> { env: &["VSQL_USER", "V_USER"], url_part: "username", default_from: "os-user" }
        /// the user's password
        password: Option<Secret> { env: &["VSQL_PASSWORD", "V_PASSWORD"], url_part: "password" }
        /// the database, where the server must run a certain one
        database: Option<String> { env: &["VSQL_DATABASE", "V_DATABASE"], url_part: "path", alias: &["dbname"] }
        /// how much must be proved: a session that answers, this node up and writable, or all nodes up and the fault tolerance as designed
        level: Level { default: "node" }
        /// whether to use TLS, and how much of the certificate must hold; words of vsql and the Go client are understood too
        tlsmode: TlsMode { default: "prefer", env: &["VSQL_SSLMODE", "V_TLS_MODE"], alias: &["tls-mode", "sslmode"] }
        /// the authorities to trust, and no others
        tls_cafile: ForHost<Path> { host: "tls-ca", env: &["V_TLS_TRUSTED_CERTS"], alias: &["tls-trusted-certs"] }
        /// the client's certificate
        tls_certfile: ForHost<Path> { host: "tls-cert" }
        /// the key of the client's certificate
        tls_keyfile: ForHost<Path> { host: "tls-key" }
        /// ask the server which node to talk to, and follow it where --allow permits
        connection_load_balance: bool { default: "false" }
        /// the workload whose routing rules pick the subcluster
        workload: Option<String> { }
        /// what the server's list of sessions calls this one
        session_label: String { default: "waitfor" }
        /// the time for one attempt
        connection_timeout: ForHost<Millis> { host: "attempt-timeout" }
        /// other nodes, which clients fail over to: accepted so that a client's URL can be used, and never asked
        backup_server_node: Option<String> { }
    }
}

/// The probe.
pub struct Vertica;

impl Probe for Vertica {
    type Params = Params;
    const ABOUT: About = About {
        summary: "a Vertica node lets the user in, answers queries, is up and takes writes",
        schemes: &[Scheme::new(
            "vertica",
            5433,
            "Vertica's client protocol, with TLS as tlsmode says",
        )],
        examples: &[
            "vertica://dbadmin@localhost/VMart",
            "'vertica://app@dw:5433/dw?tlsmode=verify-full&level=cluster'",
            "vertica --host dw --user app --password-file /run/secrets/dw --level session",
        ],
        more: &[
            ("host-env", "VSQL_HOST"),
            ("host-env", "V_HOST"),
            ("port-env", "VSQL_PORT"),
            ("port-env", "V_PORT"),
        ],
    };

    fn validate(params: &Params) -> Result<(), Misuse> {
        for (name, value) in [
            ("user", params.user.as_deref()),
            ("database", params.database.as_deref()),
            ("workload", params.workload.as_deref()),
            ("session-label", Some(params.session_label.as_str())),
        ] {
            wire::without_zero(name, value.unwrap_or_default())?;
        }
        Ok(())
    }

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        if params.backup_server_node.is_some() {
            context.log(Log::Info, "the nodes of backup-server-node are not asked");
        }
        let (mut wire, encrypted) = open(context, params)?;
        context.stage("authenticating");
        let mut login = Login {
            user: params.user.as_deref().unwrap_or_default(),
            database: params.database.as_deref().unwrap_or_default(),
            asked: Asked::Nothing,
            encrypted,
        };
        let session = login::log_in(&mut wire, context, params, &mut login)?;
        context.stage("querying");
        let outcome = levels::prove(&mut wire, params.level, login, session);
        wire.goodbye();
        outcome
    }
}

waitfor_sdk::export!(Vertica);

/// Connects, to the node that the server points to where the user wants that, and turns to TLS.
/// The second value says whether the stream is encrypted.
fn open(context: &Context<'_>, params: &Params) -> Result<(Wire, bool), Unready> {
    context.stage("connecting");
    let target = context.target();
    let mut wire = Wire::new(target.connect()?);
    if params.connection_load_balance
        && let Some((host, port)) = wire.ask_where()?
        && (target.host().as_deref() != Some(host.as_str()) || target.port() != Some(port))
    {
        context.log(Log::Info, format!("the server sends us to {host}:{port}"));
        wire = Wire::new(follow(context, &host, port)?.connect()?);
    }
    let verification = match params.tlsmode.meaning() {
        Tls::Never => return Ok((wire, false)),
        Tls::IfOffered => Verification::None,
        Tls::Always(verification) => verification,
    };
    context.stage("securing");
    match wire.ask_for_tls()? {
        TlsAnswer::Yes => {
            let options = TlsOptions::new().verification(verification);
            wire.connection.start_tls(&options)?;
            Ok((wire, true))
        }
        TlsAnswer::No if params.tlsmode.meaning() == Tls::IfOffered => Ok((wire, false)),
        TlsAnswer::No => Err(Misuse::new(
            "tls-unsupported",
            format!(
                "the server offers no tls, and tlsmode={} wants it",
                params.tlsmode.word()
            ),
        )
        .param("tlsmode")
        .hint("switch tls on at the server, or set tlsmode=disable where the network is trusted")
        .into()),
        TlsAnswer::Error(error) => {
            let login = Login {
                user: params.user.as_deref().unwrap_or_default(),
                database: params.database.as_deref().unwrap_or_default(),
                asked: Asked::Nothing,
                encrypted: false,
            };
            Err(judge::judge(&error, login))
        }
    }
}

/// The endpoint that the server points to, if the user's policy lets us.
fn follow(context: &Context<'_>, host: &str, port: u16) -> Result<waitfor_sdk::Endpoint, Unready> {
    context.discover(host, port).map_err(|fault| {
        if fault.code != "policy-denied" {
            return fault.into();
        }
        Misuse::new(
            &fault.code,
            format!("the server's load balancing points to {host}:{port}, which is not allowed"),
        )
        .param("connection-load-balance")
        .hint(format!(
            "add --allow {host}:{port}, or ask this very node by leaving connection-load-balance off"
        ))
        .into()
    })
}
