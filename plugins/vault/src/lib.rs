//! Whether HashiCorp Vault or OpenBao does its work: unsealed, active (or
//! usable), and, where asked, serving a path to a token.
//!
//! The verdict rests on the JSON of `sys/health`, not on its status code,
//! which load balancers rewrite. What each state looks like on the wire was
//! captured from OpenBao 2.7.2; the states that only Vault Enterprise and
//! Vault 1.19 have are from Vault's source and documentation.
#![no_std]

extern crate alloc;

mod access;
mod api;
mod health;
mod standby;

use alloc::format;
use alloc::string::String;

use waitfor_sdk::{
    About, Context, ForHost, Misuse, Path, Probe, Ready, Scheme, Secret, Unready, choice, params,
};

use api::Api;
use health::State;

choice! {
    /// The role that the server must have.
    pub enum Want {
        /// The active node.
        Active = "active",
        /// Any node that serves requests, be it by passing them on.
        Usable = "usable",
    }
}

params! {
    /// What the user can tell the probe.
    pub struct Params {
        /// the role that the node must have: the active one, or any that serves requests
        want: Want { default: "active" }
        /// a token that the server must accept
        token: Option<Secret> { env: &["BAO_TOKEN", "VAULT_TOKEN"] }
        /// a path that must be served, as in `secret/data/app`
        path: Option<String> { placeholder: "PATH" }
        /// the namespace of token and path
        namespace: Option<String> { env: &["BAO_NAMESPACE", "VAULT_NAMESPACE"] }
        /// where a proxy puts the API: the path in front of `/v1`
        api_prefix: Option<String> { url_part: "path", placeholder: "PATH" }
        /// a file of certificates to trust
        ca_cert: ForHost<Path> { host: "tls-ca", env: &["BAO_CACERT", "VAULT_CACERT"] }
        /// a file with the client's certificate
        client_cert: ForHost<Path> { host: "tls-cert", env: &["BAO_CLIENT_CERT", "VAULT_CLIENT_CERT"] }
        /// a file with the client's private key
        client_key: ForHost<Path> { host: "tls-key", env: &["BAO_CLIENT_KEY", "VAULT_CLIENT_KEY"] }
        /// the name that the server's certificate must have
        server_name: ForHost<String> { host: "tls-server-name", env: &["BAO_TLS_SERVER_NAME", "VAULT_TLS_SERVER_NAME"] }
        /// do not verify the server's certificate
        skip_verify: ForHost<bool> { host: "tls-insecure", env: &["BAO_SKIP_VERIFY", "VAULT_SKIP_VERIFY"] }
    }
}

/// The probe.
pub struct Vault;

impl Probe for Vault {
    type Params = Params;

    const ABOUT: About = About {
        summary: "the node is unsealed and active, and serves the path to the token where these are given",
        schemes: &[
            Scheme::new("vault", 8200, "over TLS"),
            Scheme::new("vault+http", 8200, "without TLS"),
            Scheme::new("bao", 8200, "over TLS"),
            Scheme::new("bao+http", 8200, "without TLS"),
        ],
        examples: &[
            "vault://vault.example:8200",
            "vault+http://127.0.0.1:8200",
            "vault://vault --want usable --tls-ca ca.pem",
            "vault://vault --token-file token --path secret/data/app",
        ],
        more: &[
            ("url-env", "BAO_ADDR"),
            ("url-env", "VAULT_ADDR"),
            ("url-env-scheme", "https=vault"),
            ("url-env-scheme", "http=vault+http"),
            ("default-host", "127.0.0.1"),
        ],
    };

    fn validate(params: &Params) -> Result<(), Misuse> {
        for (name, value) in [("path", &params.path), ("api-prefix", &params.api_prefix)] {
            if let Some(text) = value
                && !text.bytes().all(|byte| byte.is_ascii_graphic())
            {
                return Err(Misuse::new(
                    "bad-parameter",
                    format!("`{name}` has a space, a control character or one beyond ascii in it"),
                )
                .param(name)
                .hint("percent-encode it"));
            }
        }
        if let Some(namespace) = &params.namespace
            && namespace.bytes().any(|byte| byte.is_ascii_control())
        {
            return Err(
                Misuse::new("bad-parameter", "`namespace` has a control character in it")
                    .param("namespace"),
            );
        }
        Ok(())
    }

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        let api = Api::new(context.target(), params.api_prefix.as_deref());
        context.stage("health");
        let health = health::ask(&api)?;
        match health.state {
            State::Active => {}
            State::Standby if params.want == Want::Usable => standby::prove(&api, &health)?,
            State::PerformanceStandby if params.want == Want::Usable => {}
            State::Standby => return Err(standby::not_active(&api, &health)),
            State::Sealed => return Err(health::sealed(&api, &health)),
            _ => return Err(health.unready()),
        }
        if params.token.is_some() || params.path.is_some() {
            context.stage("access");
            return access::prove(&api, &health, params);
        }
        Ok(health.ready(health.state.summary()))
    }
}

waitfor_sdk::export!(Vault);
