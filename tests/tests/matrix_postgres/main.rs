//! The postgres probe, in the built `waitfor`, over a real PostgreSQL and a real pgbouncer in every
//! state that they can be in.

mod encryption;
mod logins;
mod others;
mod queries;
mod states;
mod targets;

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::install::{self, Component};
use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::tls::Tls;

/// Short, since a state that does not change is as telling after two seconds.
fn client() -> Cli {
    Cli::new().timeout("2s")
}

fn ask(url: &str, more: &[&str]) -> Verdict {
    let mut args = vec![url];
    args.extend(more);
    client().attempt(args)
}

fn ask_with_password(url: &str, password: &str) -> Verdict {
    client().env("PGPASSWORD", password).attempt([url])
}

/// A URL for one of the fixture's roles; `rest` begins with the database.
fn at(port: u16, user: &str, rest: &str) -> String {
    format!("postgres://{user}@127.0.0.1:{port}/{rest}")
}

#[test]
fn every_state_has_its_verdict() {
    let Some(installed) = install::require(Component::Postgres) else {
        return;
    };
    let tls = Tls::new();
    let mut matrix = Matrix::new("postgres", &installed.version);
    let server = Postgres::build(&installed).tls(&tls).start();
    targets::ready(&mut matrix, &server);
    targets::targets(&mut matrix, &server);
    queries::tables_and_queries(&mut matrix, &server);
    logins::passwords(&mut matrix, &server);
    logins::mistakes(&mut matrix, &server);
    encryption::encryption(&mut matrix, &server, &tls);
    drop(server);
    encryption::certificates(&mut matrix, &installed, &tls);
    encryption::without_tls(&mut matrix, &installed);
    states::starting(&mut matrix, &installed, &tls);
    states::standbys(&mut matrix, &installed);
    states::overload_and_end(&mut matrix, &installed);
    others::strangers(&mut matrix);
    match install::require(Component::Pgbouncer) {
        Some(pooler) => others::poolers(&mut matrix, &installed, &pooler),
        None => matrix.skip(),
    }
    matrix.finish();
}
