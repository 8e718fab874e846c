//! The data folder every server starts from: `initdb` and the fixture take seconds, a copy does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::client::{finish, tool};
use crate::install::Installed;
use crate::process::{PATIENCE, Server, Signal, as_server_user, free_port, run, temp_dir};

/// The roles, databases and tables that every server has.
const FIXTURE: &str = "
SET password_encryption = 'scram-sha-256';
CREATE ROLE trusted LOGIN;
CREATE ROLE app LOGIN;
CREATE ROLE by_cleartext LOGIN PASSWORD 'pw-of-a-test-role';
CREATE ROLE by_scram LOGIN PASSWORD 'pw-of-a-test-role';
CREATE ROLE over_tls LOGIN PASSWORD 'pw-of-a-test-role';
CREATE ROLE rejected LOGIN;
CREATE ROLE unlisted LOGIN;
CREATE ROLE no_login NOLOGIN;
CREATE ROLE limited LOGIN CONNECTION LIMIT 0;
SET password_encryption = 'md5';
CREATE ROLE by_md5 LOGIN PASSWORD 'pw-of-a-test-role';
CREATE DATABASE app;
CREATE DATABASE closed ALLOW_CONNECTIONS false;
CREATE DATABASE private;
REVOKE CONNECT ON DATABASE private FROM PUBLIC;
\\connect app
CREATE SCHEMA shop;
CREATE TABLE shop.items (id int PRIMARY KEY);
INSERT INTO shop.items VALUES (1);
CREATE TABLE public.migrated (id int);
INSERT INTO public.migrated VALUES (1);
CREATE TABLE public.no_rows (id int);
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA shop, public TO PUBLIC;
";

/// A stopped server's data folder with the fixture; made once for this test binary.
pub(super) fn template(installed: &Installed) -> PathBuf {
    static MADE: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.get_or_insert_with(|| {
        let dir = temp_dir("pg-template").keep();
        let mut initdb = tool(installed, "initdb");
        initdb
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                "--wal-segsize=1",
                "-D",
            ])
            .arg(dir.join("data"));
        run(as_server_user(&mut initdb));
        let script = dir.join("fixture.sql");
        fs::write(&script, FIXTURE).expect("a file in the template's folder");
        let port = free_port();
        // A standby made from it must not have fewer connections than it had.
        let start = format!(
            "-p {port} -k {at} -c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=5",
            at = dir.display()
        );
        let mut command = tool(installed, "postgres");
        command
            .arg("-D")
            .arg(dir.join("data"))
            .args(start.split(' '));
        let mut server = Server::start("postgres-template", as_server_user(&mut command));
        let psql = |arg: &str, value: &Path| {
            let mut command = tool(installed, "psql");
            command
                .args([
                    "-Xq",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-U",
                    "postgres",
                    "-d",
                    "postgres",
                ])
                .args(["-p", &port.to_string(), "-h"])
                .arg(&dir)
                .arg(arg)
                .arg(value);
            finish(command)
        };
        server.wait_until("an answered query", PATIENCE, || {
            psql("-c", Path::new("SELECT 1"))
        });
        psql("-f", &script).unwrap_or_else(|e| panic!("the fixture failed: {e}"));
        // Cleanly and fast: copies must not begin with crash recovery.
        server.signal(Signal::INT);
        server.wait_exit(PATIENCE);
        dir.join("data")
    })
    .clone()
}
