//! What happens before start-up: TLS and load balancing.

use waitfor_tests::matrix::Matrix;
use waitfor_tests::tls::Tls as Certificates;
use waitfor_tests::vertica_sim::{Auth, Balance, Config, PreMessage, Sim, Tls, TlsFiles};

use crate::{PASSWORD, ask, ask_as, with_password};

/// Each TLS mode against each kind of server.
pub(crate) fn encryption(matrix: &mut Matrix) {
    let made = Certificates::new();
    let ca = made.ca.display().to_string();
    let other = made.other_ca.display().to_string();
    let trusted = ["--tls-ca", ca.as_str()];
    let mistrusted = ["--tls-ca", other.as_str()];
    let offering = |identity| Config::default().with_tls(Tls::Offered(TlsFiles::of(identity)));

    let sim = Sim::start(offering(&made.server));
    for (mode, more) in [
        ("prefer", &[][..]),
        ("require", &[]),
        ("verify-ca", &trusted),
        ("verify-full", &trusted),
        ("server-strict", &trusted),
    ] {
        let found = ask(&sim, &format!("tlsmode={mode}"), more);
        matrix.row("TLS is offered", "ready", "", &found);
        assert!(sim.last().tls, "{mode}");
    }
    let found = ask(&sim, "tlsmode=disable", &[]);
    matrix.row("TLS is offered", "ready", "", &found);
    assert!(!sim.last().tls);
    for mode in ["require", "verify-ca", "verify-full"] {
        let found = ask(&sim, &format!("tlsmode={mode}"), &mistrusted);
        matrix.row(
            "TLS is offered; the certificate is of an authority that the user does not trust",
            "misconfigured",
            "tls-certificate",
            &found,
        );
    }
    let elsewhere = Sim::start(offering(&made.other_name));
    matrix.row(
        "TLS is offered; the certificate is another server's",
        "ready",
        "",
        &ask(&elsewhere, "tlsmode=verify-ca", &trusted),
    );
    matrix.row(
        "TLS is offered; the certificate is another server's",
        "misconfigured",
        "tls-certificate",
        &ask(&elsewhere, "tlsmode=verify-full", &trusted),
    );
    let expired = Sim::start(offering(&made.expired));
    matrix.row(
        "TLS is offered; the certificate has expired",
        "misconfigured",
        "tls-certificate",
        &ask(&expired, "tlsmode=verify-ca", &trusted),
    );
    matrix.row(
        "TLS is offered; the certificate has expired",
        "ready",
        "",
        &ask(&expired, "tlsmode=require", &[]),
    );

    let none = Sim::start(Config::default());
    for mode in ["require", "verify-full"] {
        matrix.row(
            "TLS is not offered",
            "misconfigured",
            "tls-unsupported",
            &ask(&none, &format!("tlsmode={mode}"), &[]),
        );
        assert!(none.last().startup.is_empty(), "{mode}");
    }
    let only = Config {
        tls: Tls::Required(TlsFiles::of(&made.server)),
        ..Config::with_password(Auth::Cleartext, "dbadmin", PASSWORD)
    };
    let sim = Sim::start(only);
    matrix.row(
        "TLS is wanted; password in clear text (3)",
        "ready",
        "",
        &ask_as(&with_password(), &sim, "", &[]),
    );
    matrix.row(
        "TLS is wanted",
        "misconfigured",
        "not-authorized",
        &ask_as(&with_password(), &sim, "tlsmode=disable", &[]),
    );
    let mutual = TlsFiles::of(&made.server).asking_for_clients_of(&made.ca);
    let sim = Sim::start(Config::default().with_tls(Tls::Required(mutual)));
    let cert = made.client.cert.display().to_string();
    let key = made.client.key.display().to_string();
    let ours = ["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key];
    matrix.row(
        "TLS with the client's certificate",
        "ready",
        "",
        &ask(&sim, "tlsmode=verify-full", &ours),
    );
    let sim = Sim::start(Config::default().with_tls(Tls::Closes));
    matrix.row(
        "the request for TLS ends the connection",
        "not-ready",
        "closed",
        &ask(&sim, "", &[]),
    );
    let injected = Tls::Answers(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec());
    let sim = Sim::start(Config::default().with_tls(injected));
    let found = ask(&sim, "tlsmode=require", &[]);
    assert_ne!(found.exit, 0, "plain text was taken for the server's word");
    assert!(sim.last().startup.is_empty());
}

/// Load balancing: asked for or not, allowed or not.
pub(crate) fn balancing(matrix: &mut Matrix) {
    let target = Sim::start(Config::default());
    let first = Sim::start(Config {
        balance: Balance::To("127.0.0.1".to_owned(), target.port()),
        ..Config::default()
    });
    matrix.row(
        "load balancing points elsewhere",
        "ready",
        "",
        &ask(&first, "", &[]),
    );
    assert_eq!(first.last().pre_messages, [PreMessage::Tls]);
    assert_eq!(target.connections(), 0, "it was not asked for");

    let query = "connection_load_balance=true";
    let denied = ask(&first, query, &[]);
    matrix.row(
        "load balancing points elsewhere",
        "misconfigured",
        "policy-denied",
        &denied,
    );
    let address = format!("127.0.0.1:{}", target.port());
    let hint = denied.hint.unwrap_or_default();
    assert!(hint.contains(&format!("--allow {address}")), "{hint}");
    assert_eq!(target.connections(), 0);

    let found = ask(&first, query, &["--allow", &address]);
    matrix.row("load balancing points elsewhere", "ready", "", &found);
    assert_eq!(target.connections(), 1);

    let alone = Sim::start(Config::default());
    let found = ask(&alone, query, &[]);
    matrix.row("load balancing is not supported", "ready", "", &found);
    let asked = [PreMessage::LoadBalance, PreMessage::Tls];
    assert_eq!(alone.last().pre_messages, asked);
}
