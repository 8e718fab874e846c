//! PostgreSQL and PgBouncer are in the states the harness promises, says libpq's own client.

use waitfor_tests::install::{Component, Installed, require};
use waitfor_tests::process::{PATIENCE, free_port, wait_for};
use waitfor_tests::servers::pgbouncer::Pgbouncer;
use waitfor_tests::servers::postgres::{PASSWORD, Postgres, login};
use waitfor_tests::tls::Tls;

fn installed() -> Option<Installed> {
    require(Component::Postgres)
}

#[track_caller]
fn refused(result: Result<String, String>, words: &str) {
    match result {
        Err(text) => assert!(text.contains(words), "expected {words:?} in: {text}"),
        Ok(_) => panic!("a query was answered instead of: {words}"),
    }
}

#[test]
fn every_entrance() {
    let Some(installed) = installed() else { return };
    let tls = Tls::new();
    let pg = Postgres::build(&installed).tls(&tls).start();
    let plain = "sslmode=disable";
    for user in ["trusted", "by_cleartext", "by_md5", "by_scram"] {
        assert_eq!(
            pg.login(user, "app", Some(PASSWORD), plain).as_deref(),
            Ok("1"),
            "{user}"
        );
    }
    for user in ["by_cleartext", "by_md5", "by_scram"] {
        refused(
            pg.login(user, "app", Some("wrong"), plain),
            "password authentication failed",
        );
    }
    refused(
        pg.login("over_tls", "app", Some(PASSWORD), plain),
        "no encryption",
    );
    refused(
        pg.login("rejected", "app", None, plain),
        "pg_hba.conf rejects",
    );
    refused(
        pg.login("unlisted", "app", None, plain),
        "no pg_hba.conf entry",
    );
    refused(
        pg.login("nosuch", "app", None, plain),
        "role \"nosuch\" does not exist",
    );
    refused(
        pg.login("no_login", "app", None, plain),
        "not permitted to log in",
    );
    refused(
        pg.login("limited", "app", None, plain),
        "too many connections for role",
    );
    refused(pg.login("trusted", "nosuch", None, plain), "does not exist");
    refused(
        pg.login("trusted", "closed", None, plain),
        "not currently accepting connections",
    );
    refused(
        pg.login("trusted", "private", None, plain),
        "permission denied for database",
    );

    let full = format!("sslmode=verify-full sslrootcert={}", tls.ca.display());
    assert_eq!(
        pg.login("over_tls", "app", Some(PASSWORD), &full)
            .as_deref(),
        Ok("1")
    );
    let stranger = format!("sslmode=verify-full sslrootcert={}", tls.other_ca.display());
    refused(
        pg.login("over_tls", "app", Some(PASSWORD), &stranger),
        "certificate verify failed",
    );
    refused(
        pg.login("app", "app", None, &full),
        "requires a valid client certificate",
    );
    let own = format!(
        "{full} sslcert={} sslkey={}",
        tls.client.cert.display(),
        tls.client.key.display()
    );
    assert_eq!(pg.login("app", "app", None, &own).as_deref(), Ok("1"));
    assert_eq!(
        pg.psql("app", "SELECT count(*) FROM shop.items").as_deref(),
        Ok("1")
    );
}

#[test]
fn recovering_until_released() {
    let Some(installed) = installed() else { return };
    let mut pg = Postgres::recovering(&installed);
    refused(
        pg.login("trusted", "postgres", None, ""),
        "the database system is starting up",
    );
    pg.release();
    let query = "SELECT pg_is_in_recovery()";
    let ended = wait_for("the end of the recovery", PATIENCE, || {
        pg.psql("postgres", query)
    });
    assert_eq!(ended, "f", "it is a primary at once");
    let log = pg.server().log_file().to_owned();
    let log = std::fs::read_to_string(log).expect("the server has a log");
    assert!(log.contains("database system is ready to accept connections"));
}

#[test]
fn starting_up_until_released() {
    let Some(installed) = installed() else { return };
    let tls = Tls::new();
    let mut pg = Postgres::starting_up_with_tls(&installed, &tls);
    refused(
        pg.login("trusted", "postgres", None, "sslmode=require"),
        "starting up",
    );
    refused(
        pg.login("nosuch", "postgres", None, "sslmode=disable"),
        "starting up",
    );
    pg.release();
    wait_for("the standby", PATIENCE, || {
        pg.login("trusted", "postgres", None, "")
    });
}

#[test]
fn not_yet_consistent_until_released() {
    let Some(installed) = installed() else { return };
    let mut pg = Postgres::not_yet_consistent(&installed);
    refused(
        pg.login("trusted", "postgres", None, ""),
        "Consistent recovery state has not been yet reached",
    );
    pg.release();
    wait_for("the standby", PATIENCE, || {
        pg.login("trusted", "postgres", None, "")
    });
    assert_eq!(
        pg.psql("postgres", "SELECT count(*) FROM after_backup")
            .as_deref(),
        Ok("2000")
    );
}

#[test]
fn standbys() {
    let Some(installed) = installed() else { return };
    let mut pg = Postgres::hot_standby(&installed);
    assert_eq!(
        pg.psql("postgres", "SHOW in_hot_standby").as_deref(),
        Ok("on")
    );
    pg.promote();
    assert_eq!(
        pg.psql("postgres", "SHOW in_hot_standby").as_deref(),
        Ok("off")
    );
    let off = Postgres::hot_standby_off(&installed);
    refused(
        off.login("trusted", "postgres", None, ""),
        "Hot standby mode is disabled",
    );
}

#[test]
fn shutting_down_while_a_session_is_open() {
    let Some(installed) = installed() else { return };
    let mut pg = Postgres::shutting_down(&installed);
    refused(
        pg.login("trusted", "postgres", None, ""),
        "the database system is shutting down",
    );
    pg.end_sessions();
    assert!(pg.server().wait_exit(PATIENCE).success());
}

#[test]
fn too_many_clients_until_they_leave() {
    let Some(installed) = installed() else { return };
    let mut pg = Postgres::too_many_clients(&installed);
    refused(
        pg.login("trusted", "postgres", None, ""),
        "sorry, too many clients already",
    );
    pg.end_sessions();
    wait_for("a free slot", PATIENCE, || {
        pg.login("trusted", "postgres", None, "")
    });
}

#[test]
fn a_pooler_with_and_without_its_server() {
    let Some(installed) = installed() else { return };
    let Some(pooler) = require(Component::Pgbouncer) else {
        return;
    };
    let mut pg = Postgres::ready(&installed);
    let impatient = "query_wait_timeout = 1";
    let trust = Pgbouncer::start(&pooler, pg.port, "trust", impatient);
    let md5 = Pgbouncer::start(&pooler, pg.port, "md5", impatient);
    let ask = |port, user, password| login(&installed, port, user, "app", password, "");
    assert_eq!(ask(trust.port, "trusted", None).as_deref(), Ok("1"));
    assert_eq!(ask(md5.port, "by_md5", Some(PASSWORD)).as_deref(), Ok("1"));
    assert_eq!(
        ask(md5.port, "by_scram", Some(PASSWORD)).as_deref(),
        Ok("1")
    );
    refused(
        ask(md5.port, "by_md5", Some("wrong")),
        "password authentication failed",
    );
    refused(
        login(&installed, trust.port, "trusted", "unlisted", None, ""),
        "no such database",
    );
    refused(
        login(&installed, trust.port, "trusted", "nosuch", None, ""),
        "does not exist",
    );

    pg.stop();
    refused(ask(trust.port, "trusted", None), "query_wait_timeout");
    pg.start_again();
    wait_for("the pooler to reconnect", PATIENCE, || {
        ask(trust.port, "trusted", None)
    });

    let lonely = Pgbouncer::start(&pooler, free_port(), "trust", impatient);
    refused(ask(lonely.port, "trusted", None), "query_wait_timeout");
}
