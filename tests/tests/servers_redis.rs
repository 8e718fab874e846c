//! Redis is in the states the harness promises, says redis-cli.

use waitfor_tests::install::{Component, Installed, require};
use waitfor_tests::servers::redis::{PASSWORD, Redis};
use waitfor_tests::tls::Tls;

fn installed() -> Option<Installed> {
    require(Component::Redis)
}

#[track_caller]
fn begins(answer: &str, with: &str) {
    assert!(
        answer.starts_with(with),
        "expected {with:?}, found {answer:?}"
    );
}

#[track_caller]
fn contains(answer: &str, part: &str) {
    assert!(answer.contains(part), "expected {part:?} in {answer:?}");
}

#[test]
fn passwords_and_users() {
    let Some(installed) = installed() else { return };
    let redis = Redis::ready(&installed);
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert_eq!(redis.cli(&["EXISTS", "migrated"]), "1");
    contains(
        &redis.cli_as("default", "x", &["PING"]),
        "without any password configured",
    );

    let redis = Redis::with_password(&installed);
    begins(&redis.cli(&["PING"]), "NOAUTH");
    assert_eq!(redis.cli_as("default", PASSWORD, &["PING"]), "PONG");

    let redis = Redis::with_users(&installed);
    assert_eq!(redis.cli_as("app", PASSWORD, &["PING"]), "PONG");
    contains(&redis.cli_as("app", "wrong", &["PING"]), "WRONGPASS");
    contains(&redis.cli_as("disabled", PASSWORD, &["PING"]), "WRONGPASS");
    contains(&redis.cli_as("no_ping", PASSWORD, &["PING"]), "NOPERM");
    contains(&redis.cli_as("no_ping", PASSWORD, &["INFO"]), "NOPERM");
}

#[test]
fn tls_and_unix_sockets() {
    let Some(installed) = installed() else { return };
    let tls = Tls::new();
    let redis = Redis::with_tls(&installed, &tls, false);
    assert_eq!(redis.cli_without_certificate(&["PING"]), "PONG");
    let redis = Redis::with_tls(&installed, &tls, true);
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert_ne!(redis.cli_without_certificate(&["PING"]), "PONG");
    let redis = Redis::on_unix_socket(&installed);
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert!(redis.socket().exists());
}

#[test]
fn loading_until_finished() {
    let Some(installed) = installed() else { return };
    let mut redis = Redis::loading(&installed, &[]);
    begins(&redis.cli(&["PING"]), "LOADING");
    contains(&redis.cli(&["INFO", "persistence"]), "loading:1");
    redis.finish_loading();
    redis.expect("PONG");
    assert_eq!(redis.cli(&["DBSIZE"]), "20000");
}

#[test]
fn loading_with_logins() {
    let Some(installed) = installed() else { return };
    let redis = Redis::loading(&installed, &[&format!("requirepass {PASSWORD}")]);
    begins(&redis.cli(&["PING"]), "NOAUTH");
    contains(&redis.cli_as("default", PASSWORD, &["PING"]), "LOADING");
    contains(&redis.cli_as("default", "wrong", &["PING"]), "WRONGPASS");
    let redis = Redis::loading_with_users(&installed);
    contains(&redis.cli_as("no_ping", PASSWORD, &["PING"]), "NOPERM");
    contains(&redis.cli_as("app", PASSWORD, &["PING"]), "LOADING");
}

#[test]
fn replicas() {
    let Some(installed) = installed() else { return };
    let stale = Redis::replica_of_nobody(&installed, true);
    assert_eq!(stale.cli(&["PING"]), "PONG");
    contains(
        &stale.cli(&["INFO", "replication"]),
        "master_link_status:down",
    );
    let strict = Redis::replica_of_nobody(&installed, false);
    begins(&strict.cli(&["PING"]), "MASTERDOWN");
    let mut synced = Redis::replica_in_sync(&installed);
    contains(
        &synced.cli(&["INFO", "replication"]),
        "master_link_status:up",
    );
    contains(
        &synced.other().cli(&["INFO", "replication"]),
        "connected_slaves:1",
    );
    let syncing = Redis::replica_syncing(&installed);
    assert_eq!(syncing.cli(&["PING"]), "PONG");
    contains(
        &syncing.cli(&["INFO", "replication"]),
        "master_sync_in_progress:1",
    );
}

#[test]
fn clusters() {
    let Some(installed) = installed() else { return };
    let node = Redis::cluster_without_slots(&installed);
    assert_eq!(node.cli(&["PING"]), "PONG");
    begins(&node.cli(&["GET", "k"]), "CLUSTERDOWN");
    let node = node.assign_slots();
    contains(&node.cli(&["CLUSTER", "INFO"]), "cluster_slots_ok:16384");
    assert_eq!(node.cli(&["SET", "k", "v"]), "OK");
}

#[test]
fn sentinels() {
    let Some(installed) = installed() else { return };
    let up = Redis::sentinel(&installed);
    begins(&up.cli(&["SENTINEL", "CKQUORUM", "main"]), "OK 1 usable");
    contains(&up.cli(&["SENTINEL", "MASTER", "nosuch"]), "No such master");
    let down = Redis::sentinel_of_dead_master(&installed);
    assert_eq!(down.cli(&["PING"]), "PONG");
    contains(&down.cli(&["SENTINEL", "MASTER", "main"]), "o_down");
}

#[test]
fn refusals_that_pass() {
    let Some(installed) = installed() else { return };
    let mut full = Redis::max_clients(&installed);
    contains(&full.cli(&["PING"]), "max number of clients reached");
    full.release();
    let mut busy = Redis::busy(&installed);
    begins(&busy.cli(&["PING"]), "BUSY");
    busy.release();
    let misconf = Redis::misconf(&installed);
    begins(&misconf.cli(&["PING"]), "MISCONF");
    assert_eq!(misconf.cli(&["GET", "k"]), "v");
}
