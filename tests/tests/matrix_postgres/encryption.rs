//! Each `sslmode` with servers that offer TLS, offer it badly, or not at all.

use waitfor_tests::install::Installed;
use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::postgres::{PASSWORD, Postgres};
use waitfor_tests::tls::{Identity, Tls};

use crate::{ask, ask_with_password, at};

pub(crate) fn encryption(matrix: &mut Matrix, server: &Postgres, tls: &Tls) {
    let url =
        |host: &str, query: &str| format!("postgres://trusted@{host}:{}/app?{query}", server.port);
    let ca = format!("sslrootcert={}", tls.ca.display());
    let other = format!("sslrootcert={}", tls.other_ca.display());
    for (mode, encrypted) in [
        ("disable", "off"),
        ("allow", "off"),
        ("prefer", "on"),
        ("require", "on"),
    ] {
        let found = ask(&url("127.0.0.1", &format!("sslmode={mode}")), &[]);
        matrix.row(
            &format!("TLS offered; `sslmode={mode}`"),
            "ready",
            "",
            &found,
        );
        assert_eq!(found.fact("tls"), encrypted, "{mode}");
    }
    for mode in ["verify-ca", "verify-full"] {
        let state = |what: &str| format!("TLS offered; `sslmode={mode}`, {what}");
        let found = ask(&url("127.0.0.1", &format!("sslmode={mode}&{ca}")), &[]);
        matrix.row(&state("its authority"), "ready", "", &found);
        let found = ask(&url("127.0.0.1", &format!("sslmode={mode}&{other}")), &[]);
        matrix.row(
            &state("another authority"),
            "misconfigured",
            "tls-certificate",
            &found,
        );
        let found = ask(&url("127.0.0.1", &format!("sslmode={mode}")), &[]);
        matrix.row(
            &state("the system's authorities"),
            "misconfigured",
            "tls-certificate",
            &found,
        );
    }
    let found = ask(&url("127.0.0.1", &format!("sslmode=require&{other}")), &[]);
    matrix.row(
        "TLS offered; `sslmode=require`, another authority given",
        "misconfigured",
        "tls-certificate",
        &found,
    );

    let over_tls = at(server.port, "over_tls", "app?sslmode=allow");
    let found = ask_with_password(&over_tls, PASSWORD);
    matrix.row(
        "pg_hba.conf wants TLS; `sslmode=allow`",
        "ready",
        "",
        &found,
    );
    assert_eq!(found.fact("tls"), "on");

    let certificate = |identity: &Identity| {
        let (cert, key) = (identity.cert.display(), identity.key.display());
        format!("app?sslmode=require&sslcert={cert}&sslkey={key}")
    };
    let found = ask(&at(server.port, "app", &certificate(&tls.client)), &[]);
    matrix.row(
        "a client certificate is wanted and given",
        "ready",
        "",
        &found,
    );
    let found = ask(&at(server.port, "app", "app?sslmode=require"), &[]);
    matrix.row(
        "a client certificate is wanted, none given",
        "misconfigured",
        "not-authorized",
        &found,
    );
    let found = ask(
        &url("127.0.0.1", "sslmode=require&sslnegotiation=direct"),
        &[],
    );
    matrix.row(
        "direct TLS; the server is older than 17",
        "not-ready",
        "tls-handshake",
        &found,
    );
    let found = ask(&url("127.0.0.1", "sslnegotiation=direct"), &[]);
    matrix.row("direct TLS without `sslmode=require`", "usage", "", &found);
}

pub(crate) fn certificates(matrix: &mut Matrix, installed: &Installed, tls: &Tls) {
    let ca = tls.ca.display();
    for (what, identity, level, verdict, code) in [
        (
            "another name",
            &tls.other_name,
            "verify-full",
            "misconfigured",
            "tls-certificate",
        ),
        ("another name", &tls.other_name, "verify-ca", "ready", ""),
        (
            "an expired certificate",
            &tls.expired,
            "verify-ca",
            "misconfigured",
            "tls-certificate",
        ),
        (
            "a certificate that is not valid yet",
            &tls.not_yet_valid,
            "verify-ca",
            "misconfigured",
            "tls-certificate",
        ),
        (
            "a self-signed certificate",
            &tls.self_signed,
            "verify-full",
            "misconfigured",
            "tls-certificate",
        ),
        (
            "a self-signed certificate",
            &tls.self_signed,
            "require",
            "ready",
            "",
        ),
    ] {
        let server = Postgres::build(installed).tls_as(identity, &tls.ca).start();
        let query = match level {
            "require" => format!("app?sslmode={level}"),
            _ => format!("app?sslmode={level}&sslrootcert={ca}"),
        };
        let found = ask(&at(server.port, "trusted", &query), &[]);
        matrix.row(
            &format!("TLS with {what}; `sslmode={level}`"),
            verdict,
            code,
            &found,
        );
    }
}

pub(crate) fn without_tls(matrix: &mut Matrix, installed: &Installed) {
    let server = Postgres::ready(installed);
    for (mode, verdict, code) in [
        ("disable", "ready", ""),
        ("allow", "ready", ""),
        ("prefer", "ready", ""),
        ("require", "misconfigured", "tls-unsupported"),
        ("verify-full", "misconfigured", "tls-unsupported"),
    ] {
        let found = ask(
            &at(server.port, "trusted", &format!("app?sslmode={mode}")),
            &[],
        );
        matrix.row(
            &format!("no TLS offered; `sslmode={mode}`"),
            verdict,
            code,
            &found,
        );
    }
}
