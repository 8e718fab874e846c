//! The redis probe, in the built `waitfor`, over a real Redis in every state that it can be in.

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::install::{self, Component, Installed};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::process::{PATIENCE, free_port, wait_for};
use waitfor_tests::servers::redis::{PASSWORD, Redis};
use waitfor_tests::tls::Tls;

/// Short, since a state that does not change is as telling after a second.
fn client() -> Cli {
    Cli::new().timeout("1s")
}

fn ask(url: &str, more: &[&str]) -> Verdict {
    let mut args = vec![url];
    args.extend(more);
    client().attempt(args)
}

fn at(server: &Redis) -> String {
    format!("redis://127.0.0.1:{}", server.port)
}

#[test]
fn every_state_has_its_verdict() {
    let Some(installed) = install::require(Component::Redis) else {
        return;
    };
    let mut matrix = Matrix::new("redis", &installed.version);
    ready(&mut matrix, &installed);
    passwords(&mut matrix, &installed);
    users(&mut matrix, &installed);
    loading(&mut matrix, &installed);
    refusals(&mut matrix, &installed);
    replicas(&mut matrix, &installed);
    clusters(&mut matrix, &installed);
    sentinels(&mut matrix, &installed);
    encryption(&mut matrix, &installed);
    connections(&mut matrix);
    strangers(&mut matrix);
    matrix.finish();
}

fn ready(matrix: &mut Matrix, installed: &Installed) {
    let server = Redis::ready(installed);
    let url = at(&server);
    let found = ask(&url, &[]);
    matrix.row("ready", "ready", "", &found);
    assert_eq!(found.fact("server"), server.version());
    assert_eq!(found.fact("role"), "master");
    let again = ask(&url, &[]);
    assert_eq!(found.fact("incarnation"), again.fact("incarnation"));

    for (state, query, verdict, code) in [
        ("ready; the database exists", "/1", "ready", ""),
        (
            "ready; the database is out of range",
            "/99",
            "misconfigured",
            "unknown-database",
        ),
        (
            "ready; `?db=` in place of the path",
            "?db=99",
            "misconfigured",
            "unknown-database",
        ),
        (
            "ready; the path is no number",
            "/app",
            "misconfigured",
            "unknown-database",
        ),
        (
            "ready; the expected key exists",
            "?expect-key=migrated",
            "ready",
            "",
        ),
        (
            "ready; one of two expected keys is missing",
            "?expect-key=migrated&expect-key=nosuch",
            "not-ready",
            "key-missing",
        ),
        ("a master; a master is wanted", "?role=master", "ready", ""),
        (
            "a master; a replica is wanted",
            "?role=replica",
            "not-ready",
            "primary",
        ),
        (
            "a master without replicas; one is wanted",
            "?min-replicas=1",
            "not-ready",
            "replicas-missing",
        ),
        (
            "not in a cluster; a cluster is wanted",
            "?cluster=true",
            "misconfigured",
            "cluster-disabled",
        ),
    ] {
        matrix.row(state, verdict, code, &ask(&format!("{url}{query}"), &[]));
    }

    let from_url = client().env("REDIS_URL", &url).attempt(["redis"]);
    matrix.row("ready; the target is `$REDIS_URL`", "ready", "", &from_url);
    let from_host = client()
        .env("REDIS_HOST", "127.0.0.1")
        .env("REDIS_PORT", server.port.to_string())
        .attempt(["redis"]);
    matrix.row(
        "ready; the target is `$REDIS_HOST` and `$REDIS_PORT`",
        "ready",
        "",
        &from_host,
    );

    let socket = Redis::on_unix_socket(installed);
    let path = socket.socket().display().to_string();
    matrix.row(
        "ready on a UNIX socket",
        "ready",
        "",
        &ask(&format!("redis+unix://{path}"), &[]),
    );
    matrix.row(
        "no such UNIX socket",
        "not-ready",
        "no-socket",
        &ask(&format!("redis+unix://{path}.nosuch"), &[]),
    );
}

fn passwords(matrix: &mut Matrix, installed: &Installed) {
    let server = Redis::with_password(installed);
    let url = at(&server);
    let with = |password: &str| client().env("REDISCLI_AUTH", password).attempt([&url]);
    matrix.row("a password; the right one", "ready", "", &with(PASSWORD));
    matrix.row(
        "a password; a wrong one",
        "misconfigured",
        "wrong-password",
        &with("not-the-password"),
    );
    matrix.row(
        "a password; none given",
        "misconfigured",
        "password-missing",
        &ask(&url, &[]),
    );
    let in_url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port);
    let found = ask(&in_url, &[]);
    assert!(
        !found.raw.to_string().contains(PASSWORD),
        "the password is shown: {}",
        found.raw
    );
    matrix.row("a password; in the URL", "ready", "", &found);

    let open = Redis::ready(installed);
    matrix.row(
        "no password; one given",
        "misconfigured",
        "password-unexpected",
        &client()
            .env("REDIS_PASSWORD", PASSWORD)
            .attempt([at(&open)]),
    );
}

fn users(matrix: &mut Matrix, installed: &Installed) {
    let server = Redis::build(installed)
        .line(&format!(
            "user app on >{PASSWORD} ~app:* +ping +info +exists"
        ))
        .line(&format!("user info_only on >{PASSWORD} ~* +info"))
        .line(&format!("user ping_only on >{PASSWORD} ~* +ping"))
        .line(&format!("user nothing on >{PASSWORD} ~* -@all"))
        .line(&format!("user disabled off >{PASSWORD} ~* +@all"))
        .line("user open on nopass ~* +@all")
        .start();
    let as_user = |user: &str, query: &str| {
        let url = format!("redis://{user}@127.0.0.1:{}{query}", server.port);
        client().env("REDISCLI_AUTH", PASSWORD).attempt([url])
    };
    for (state, user, query, verdict, code) in [
        ("an ACL user", "app", "", "ready", ""),
        (
            "an unknown ACL user",
            "nosuch",
            "",
            "misconfigured",
            "wrong-password",
        ),
        (
            "a disabled ACL user",
            "disabled",
            "",
            "misconfigured",
            "wrong-password",
        ),
        (
            "an ACL user who may not PING but INFO",
            "info_only",
            "",
            "ready",
            "",
        ),
        (
            "an ACL user who may not INFO but PING",
            "ping_only",
            "",
            "ready",
            "",
        ),
        (
            "an ACL user who may not INFO; a role is wanted",
            "ping_only",
            "?role=master",
            "misconfigured",
            "not-authorized",
        ),
        (
            "an ACL user who may do nothing",
            "nothing",
            "",
            "misconfigured",
            "not-authorized",
        ),
        (
            "an ACL user who may not SELECT",
            "app",
            "/1",
            "misconfigured",
            "not-authorized",
        ),
        (
            "an ACL user who may not read the expected key",
            "app",
            "?expect-key=other",
            "misconfigured",
            "not-authorized",
        ),
    ] {
        matrix.row(state, verdict, code, &as_user(user, query));
    }
    let url = format!("redis://open@127.0.0.1:{}", server.port);
    matrix.row(
        "an ACL user who needs no password",
        "ready",
        "",
        &ask(&url, &[]),
    );
    let url = format!("redis://app@127.0.0.1:{}", server.port);
    matrix.row(
        "an ACL user; no password given",
        "misconfigured",
        "password-missing",
        &ask(&url, &[]),
    );
}

fn loading(matrix: &mut Matrix, installed: &Installed) {
    let server = Redis::loading(installed, &[]);
    let found = ask(&at(&server), &[]);
    assert!(
        found.reason.starts_with("loading ") && found.reason.ends_with(" s left"),
        "the progress is missing: {}",
        found.reason
    );
    matrix.row("loading its data", "not-ready", "loading", &found);
    server.finish_loading();
    matrix.row(
        "loading its data, which ends meanwhile",
        "ready",
        "",
        &client().timeout("30s").attempt([at(&server)]),
    );

    let server = Redis::loading(
        installed,
        &[
            &format!("requirepass {PASSWORD}"),
            &format!("user info_only on >{PASSWORD} ~* +info"),
        ],
    );
    let with = |user: &str, password: &str| {
        let url = format!("redis://{user}@127.0.0.1:{}", server.port);
        client().env("REDISCLI_AUTH", password).attempt([url])
    };
    matrix.row(
        "loading its data; the right password",
        "not-ready",
        "loading",
        &with("", PASSWORD),
    );
    matrix.row(
        "loading its data; a wrong password",
        "misconfigured",
        "wrong-password",
        &with("", "not-the-password"),
    );
    matrix.row(
        "loading its data; no password given",
        "misconfigured",
        "password-missing",
        &ask(&at(&server), &[]),
    );
    matrix.row(
        "loading its data; an ACL user who may not PING but INFO",
        "not-ready",
        "loading",
        &with("info_only", PASSWORD),
    );
}

fn refusals(matrix: &mut Matrix, installed: &Installed) {
    let mut server = Redis::max_clients(installed);
    matrix.row(
        "`maxclients` reached",
        "not-ready",
        "too-many-connections",
        &ask(&at(&server), &[]),
    );
    server.release();
    matrix.row(
        "`maxclients` no more reached",
        "ready",
        "",
        &ask(&at(&server), &[]),
    );

    let mut server = Redis::busy(installed);
    matrix.row(
        "busy running a script (`BUSY`)",
        "not-ready",
        "busy",
        &ask(&at(&server), &[]),
    );
    server.release();
    matrix.row("the script is killed", "ready", "", &ask(&at(&server), &[]));

    let server = Redis::misconf(installed);
    matrix.row(
        "cannot save its data to disk (`MISCONF`)",
        "not-ready",
        "read-only",
        &ask(&at(&server), &[]),
    );

    let server = Redis::build(installed)
        .line("rename-command INFO \"\"")
        .start();
    matrix.row("INFO is disabled", "ready", "", &ask(&at(&server), &[]));
}

fn replicas(matrix: &mut Matrix, installed: &Installed) {
    let server = Redis::replica_of_nobody(installed, true);
    matrix.row(
        "a replica whose master was never there",
        "not-ready",
        "replica-not-synced",
        &ask(&at(&server), &[]),
    );
    let server = Redis::replica_of_nobody(installed, false);
    matrix.row(
        "the same with `replica-serve-stale-data no` (`MASTERDOWN`)",
        "not-ready",
        "replica-not-synced",
        &ask(&at(&server), &[]),
    );
    let server = Redis::replica_syncing(installed);
    matrix.row(
        "a replica that receives its first copy",
        "not-ready",
        "replica-not-synced",
        &ask(&at(&server), &["--role", "replica"]),
    );

    let mut server = Redis::replica_in_sync(installed);
    let url = at(&server);
    let found = ask(&url, &["--role", "replica"]);
    assert_eq!(found.fact("role"), "replica");
    matrix.row(
        "a replica in sync; a replica is wanted",
        "ready",
        "",
        &found,
    );
    matrix.row(
        "a replica in sync; a master is wanted",
        "not-ready",
        "standby",
        &ask(&url, &["--role", "master"]),
    );
    let master = at(server.other());
    matrix.row(
        "a master with a replica in sync; one is wanted",
        "ready",
        "",
        &client()
            .timeout("10s")
            .attempt([master.as_str(), "--min-replicas", "1"]),
    );
    let master = format!("127.0.0.1:{}", server.other().port);
    let both = format!("{url},{master}?role=master");
    let found = ask(&both, &[]);
    assert_eq!(found.fact("target"), master);
    matrix.row(
        "a replica and its master; a master is wanted",
        "ready",
        "",
        &found,
    );

    server.other().stop();
    wait_for("the loss of the master", PATIENCE, || {
        let info = server.cli(&["INFO", "replication"]);
        if info.contains("master_link_status:down") {
            Ok(())
        } else {
            Err(info)
        }
    });
    matrix.row(
        "a replica that lost its master; a replica is wanted",
        "not-ready",
        "replica-not-synced",
        &ask(&url, &["--role", "replica"]),
    );
    let found = ask(&url, &[]);
    assert_eq!(found.fact("master-link"), "down");
    matrix.row(
        "a replica that lost its master; any role will do",
        "ready",
        "",
        &found,
    );
}

fn clusters(matrix: &mut Matrix, installed: &Installed) {
    let server = Redis::cluster_without_slots(installed);
    let url = at(&server);
    matrix.row(
        "a cluster node without slots",
        "not-ready",
        "cluster-down",
        &ask(&url, &["--cluster"]),
    );
    matrix.row(
        "a cluster node without slots; no cluster is wanted",
        "ready",
        "",
        &ask(&url, &[]),
    );
    matrix.row(
        "a cluster node without slots; a key is expected",
        "not-ready",
        "cluster-down",
        &ask(&url, &["--expect-key", "migrated"]),
    );
    let server = server.assign_slots();
    let url = at(&server);
    matrix.row(
        "a cluster with all slots",
        "ready",
        "",
        &ask(&url, &["--cluster"]),
    );
    matrix.row(
        "a cluster; a database is named",
        "misconfigured",
        "unknown-database",
        &ask(&format!("{url}/1"), &[]),
    );
}

fn sentinels(matrix: &mut Matrix, installed: &Installed) {
    let mut server = Redis::sentinel(installed);
    let url = format!("redis+sentinel://127.0.0.1:{}/main", server.port);
    let allow = format!("127.0.0.1:{}", server.other().port);
    let found = ask(&url, &["--allow", &allow]);
    assert_eq!(found.fact("master"), allow);
    assert_eq!(found.fact("server"), server.version());
    matrix.row(
        "a Sentinel whose master is up and may be asked",
        "ready",
        "",
        &found,
    );
    let found = ask(&url, &[]);
    assert_eq!(found.fact("master-asked"), "no");
    matrix.row(
        "a Sentinel whose master is up and may not be asked",
        "ready",
        "",
        &found,
    );
    matrix.row(
        "the same; a key is expected",
        "misconfigured",
        "policy-denied",
        &ask(&url, &["--expect-key", "migrated"]),
    );
    matrix.row(
        "a Sentinel that does not know the name",
        "misconfigured",
        "unknown-master",
        &ask(
            &format!("redis+sentinel://127.0.0.1:{}/nosuch", server.port),
            &[],
        ),
    );
    matrix.row(
        "a Sentinel, asked as a server",
        "misconfigured",
        "sentinel",
        &ask(&at(&server), &[]),
    );
    matrix.row(
        "a server, asked as a Sentinel",
        "misconfigured",
        "not-a-sentinel",
        &ask(&at(server.other()), &["--sentinel-master", "main"]),
    );
    let server = Redis::sentinel_of_dead_master(installed);
    let url = format!("redis+sentinel://127.0.0.1:{}/main", server.port);
    // Once in many runs its flags took the dead master for up at the moment of
    // one answer, so its word must hold for a second.
    matrix.row(
        "a Sentinel whose master is down",
        "not-ready",
        "master-down",
        &ask(&url, &["--stable-for", "1s"]),
    );
}

fn encryption(matrix: &mut Matrix, installed: &Installed) {
    let files = Tls::new();
    let text = |path: &std::path::Path| path.display().to_string();
    let (ca, other_ca) = (text(&files.ca), text(&files.other_ca));
    let (cert, key) = (text(&files.client.cert), text(&files.client.key));

    let server = Redis::with_tls(installed, &files, false);
    let secured = format!("rediss://127.0.0.1:{}", server.port);
    matrix.row("TLS", "ready", "", &ask(&secured, &["--tls-ca", &ca]));
    let switched = ask(&at(&server), &["--tls", "--tls-ca", &ca]);
    matrix.row("TLS by --tls", "ready", "", &switched);
    matrix.row(
        "TLS; the certificate is of another authority",
        "misconfigured",
        "tls-certificate",
        &ask(&secured, &["--tls-ca", &other_ca]),
    );
    matrix.row(
        "TLS; asked without",
        "not-ready",
        "closed",
        &ask(&at(&server), &[]),
    );

    let server = Redis::with_tls(installed, &files, true);
    let secured = format!("rediss://127.0.0.1:{}", server.port);
    matrix.row(
        "TLS with client certificates; one shown",
        "ready",
        "",
        &ask(
            &secured,
            &["--tls-ca", &ca, "--tls-cert", &cert, "--tls-key", &key],
        ),
    );
    matrix.row(
        "TLS with client certificates; none shown",
        "misconfigured",
        "tls-client-certificate",
        &ask(&secured, &["--tls-ca", &ca]),
    );

    let server = Redis::ready(installed);
    let secured = format!("rediss://127.0.0.1:{}", server.port);
    matrix.row(
        "no TLS; asked with",
        "not-ready",
        "timed-out",
        &ask(&secured, &[]),
    );
}

fn connections(matrix: &mut Matrix) {
    let closed = format!("redis://127.0.0.1:{}", free_port());
    matrix.row(
        "nothing listens",
        "not-ready",
        "refused",
        &ask(&closed, &[]),
    );
    matrix.row(
        "the name does not exist",
        "not-ready",
        "name-unknown",
        &ask("redis://nosuch.invalid", &[]),
    );
    let proxy = format!("redis://127.0.0.1:{}", accept(Stranger::Closes));
    matrix.row_on(
        "a proxy accepts and closes at once",
        "a scripted peer",
        "not-ready",
        "closed",
        &ask(&proxy, &[]),
    );
    let silent = format!("redis://127.0.0.1:{}", accept(Stranger::Says(b"")));
    matrix.row_on(
        "accepts and says nothing",
        "a scripted peer",
        "not-ready",
        "timed-out",
        &ask(&silent, &[]),
    );
}

fn strangers(matrix: &mut Matrix) {
    for (state, greeting) in [
        (
            "a web server on the port",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
        ),
        ("an SSH server on the port", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    ] {
        let url = format!("redis://127.0.0.1:{}", accept(Stranger::Says(greeting)));
        matrix.row_on(
            state,
            "a scripted peer",
            "misconfigured",
            "wrong-protocol",
            &ask(&url, &[]),
        );
    }
}

/// What a peer does that is no Redis.
#[derive(Clone, Copy)]
enum Stranger {
    Closes,
    Says(&'static [u8]),
}

/// Starts such a peer; it ends with the test.
fn accept(stranger: Stranger) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || meet(stranger, stream));
        }
    });
    port
}

fn meet(stranger: Stranger, mut stream: TcpStream) {
    match stranger {
        Stranger::Closes => {
            let _ = stream.shutdown(Shutdown::Both);
        }
        Stranger::Says(greeting) => {
            let _ = std::io::Write::write_all(&mut stream, greeting);
            // It stays until the peer has gone.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}
