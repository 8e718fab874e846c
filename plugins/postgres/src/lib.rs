//! Decides whether a PostgreSQL server does its work: a login alone proves
//! little (poolers grant one with a dead server behind them), so the answer
//! is *ready* only after a query was answered.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod auth;
mod fault;
mod foreign;
mod hosts;
mod login;
mod negotiate;
mod options;
mod pooler;
mod proof;
mod roles;
mod scram;
mod session;
mod sqlstate;
mod tables;
mod wire;

pub use options::{
    ChannelBinding, GssEncryption, Level, Params, SessionAttributes, SslMode, SslNegotiation,
};

use waitfor_sdk::{About, Context, Misuse, Probe, Ready, Scheme, Unready};

/// The probe.
pub struct Postgres;

impl Probe for Postgres {
    type Params = Params;

    const ABOUT: About = About {
        summary: "PostgreSQL lets this user log in and answers a query",
        schemes: &[
            Scheme::new("postgres", 5432, "PostgreSQL, with TLS as sslmode says"),
            Scheme::new("postgresql", 5432, "the same as postgres"),
        ],
        examples: &[
            "postgres://app@db/app",
            "'postgres://app@db1:5432,db2:5432/app?target_session_attrs=read-write'",
            "postgres://app@db/app --expect-table public.users",
            "postgres --host /run/postgresql --user app --query 'SELECT 1 FROM jobs LIMIT 1'",
            "postgres://db --level accepts",
        ],
        more: options::MORE,
    };

    fn validate(params: &Params) -> Result<(), Misuse> {
        options::validate(params)
    }

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        options::validate(params)?;
        hosts::first_that_serves(context, params)
    }
}

waitfor_sdk::export!(Postgres);
