//! Services that come and go: `--successes` and `--stable-for` count the answers of one incarnation
//! only, however short the gap between two.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use waitfor_tests::cli::{Cli, Verdict};
use waitfor_tests::faults::relay::{Relay, Shape};
use waitfor_tests::install::{self, Component};
use waitfor_tests::process::{PATIENCE, wait_for};
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::vertica_sim::{Config, Sim, State};

/// How many good answers in a row are wanted.
const WANTED: usize = 20;

/// After how many answers the service changes: fewer than are wanted, so that the two incarnations
/// would be enough together, and neither is alone.
const BEFORE: usize = 12;

/// A run with a time that no machine needs.
fn ask(args: &[&str]) -> Verdict {
    Cli::new()
        .timeout("120s")
        .kill_after(Duration::from_secs(180))
        .attempt(args)
}

/// A relay whose first [`BEFORE`] connections go to one server and all later ones to another,
/// without a gap.
fn switching(first: u16, then: u16) -> Relay {
    Relay::route(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), move |number| {
        let server = if number < BEFORE { first } else { then };
        (server, Shape::Whole)
    })
}

/// Every answer is good, and still those of the first server do not count.
fn the_second_counts_alone(first: u16, second: u16, url: impl Fn(u16) -> String) {
    let successes = WANTED.to_string();
    let often = ["--successes", &successes, "--interval", "50ms"];

    let relay = switching(first, first);
    let url_of_one = url(relay.port());
    let found = ask(&[&[url_of_one.as_str()], &often[..]].concat());
    assert_eq!(
        (found.exit, found.attempts),
        (0, WANTED as u64),
        "{found:?}"
    );

    let relay = switching(first, second);
    let url_of_both = url(relay.port());
    let found = ask(&[&[url_of_both.as_str()], &often[..]].concat());
    let both = (BEFORE + WANTED) as u64;
    assert_eq!((found.exit, found.attempts), (0, both), "{found:?}");
}

/// The window is one of the second server's alone. Only that it is not shorter is looked at, which
/// no slow machine can break.
fn the_window_begins_anew(first: u16, second: u16, url: impl Fn(u16) -> String) {
    const WINDOW: Duration = Duration::from_millis(800);
    let switched = Arc::new(std::sync::Mutex::new(None));
    let note = Arc::clone(&switched);
    // A window has at least eight looks besides its first.
    const EARLY: usize = 6;
    let relay = Relay::route(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), move |number| {
        if number < EARLY {
            return (first, Shape::Whole);
        }
        if let Ok(mut at) = note.lock() {
            at.get_or_insert_with(Instant::now);
        }
        (second, Shape::Whole)
    });
    let found = ask(&[&url(relay.port()), "--stable-for", "800ms"]);
    let ended = Instant::now();
    assert_eq!(found.exit, 0, "{found:?}");
    let switched = switched.lock().ok().and_then(|at| *at);
    let switched = switched.expect("the run outlived the first server");
    assert!(ended - switched >= WINDOW, "{found:?}");
}

#[test]
fn a_redis_that_is_another_counts_anew() {
    let Some(installed) = install::require(Component::Redis) else {
        return;
    };
    let (first, second) = (Redis::ready(&installed), Redis::ready(&installed));
    let url = |port| format!("redis://127.0.0.1:{port}");
    the_second_counts_alone(first.port, second.port, url);
    the_window_begins_anew(first.port, second.port, url);
}

#[test]
fn a_postgres_that_is_another_counts_anew() {
    let Some(installed) = install::require(Component::Postgres) else {
        return;
    };
    let (first, second) = (Postgres::ready(&installed), Postgres::ready(&installed));
    let url = |port| format!("postgres://trusted@127.0.0.1:{port}/app");
    the_second_counts_alone(first.port, second.port, url);
    the_window_begins_anew(first.port, second.port, url);
}

/// Ready, restarted, loading its data, ready: only the answers after the loading count.
#[test]
fn a_redis_that_restarts_and_loads() {
    let Some(installed) = install::require(Component::Redis) else {
        return;
    };
    let before = Redis::ready(&installed);
    let after = Redis::loading(&installed, &[]);
    let relay = switching(before.port, after.port);
    let url = format!("redis://127.0.0.1:{}", relay.port());
    let successes = WANTED.to_string();
    let run = thread::spawn(move || ask(&[&url, "--successes", &successes, "--interval", "50ms"]));
    wait_for("answers of a server that loads", PATIENCE, || {
        let met = relay.connections();
        if met > BEFORE + 3 {
            Ok(())
        } else {
            Err(format!("{met} connections"))
        }
    });
    assert!(!run.is_finished(), "it did not wait for the data");
    let loading = relay.connections();
    after.finish_loading();
    let found = run.join().expect("the run is read");
    assert_eq!(found.exit, 0, "{found:?}");
    let good = relay.connections() - loading;
    assert!(good >= WANTED, "{good} answers after loading: {found:?}");
}

/// A real restart in the middle of the good answers.
#[test]
fn a_postgres_that_restarts() {
    let Some(installed) = install::require(Component::Postgres) else {
        return;
    };
    let mut server = Postgres::ready(&installed);
    let relay = Relay::start(server.port, |_| Shape::Whole);
    let url = format!("postgres://trusted@127.0.0.1:{}/app", relay.port());
    let successes = (5 * WANTED).to_string();
    let wanted = successes.clone();
    let run = thread::spawn(move || ask(&[&url, "--successes", &wanted, "--interval", "100ms"]));
    wait_for("some good answers", PATIENCE, || {
        let met = relay.connections();
        if met >= WANTED {
            Ok(())
        } else {
            Err(format!("{met} connections"))
        }
    });
    server.stop();
    let stopped = relay.connections();
    assert!(!run.is_finished(), "it was done before the restart");
    server.start_again();
    let found = run.join().expect("the run is read");
    assert_eq!(found.exit, 0, "{found:?}");
    let good = relay.connections() - stopped;
    assert!(
        good >= 5 * WANTED,
        "{good} answers after the restart: {found:?}"
    );
}

/// Up, starting again, up: a node has no mark of its incarnation, and is seen while it starts.
#[test]
fn a_vertica_node_that_restarts() {
    let sim = Arc::new(Sim::start(Config::default()));
    let up = Arc::new(AtomicUsize::new(0));
    let relay = {
        let (sim, up) = (Arc::clone(&sim), Arc::clone(&up));
        let port = sim.port();
        Relay::start(port, move |number| {
            match number {
                BEFORE => sim.set_state(State::starting()),
                n if n == BEFORE + 5 => sim.set_state(State::Up),
                _ => {}
            }
            if number >= BEFORE + 5 {
                up.fetch_add(1, Ordering::SeqCst);
            }
            Shape::Whole
        })
    };
    let url = format!("vertica://dbadmin@127.0.0.1:{}/VMart", relay.port());
    let successes = WANTED.to_string();
    let found = ask(&[&url, "--successes", &successes, "--interval", "50ms"]);
    assert_eq!(found.exit, 0, "{found:?}");
    assert_eq!(up.load(Ordering::SeqCst), WANTED, "{found:?}");
    assert_eq!(found.attempts as usize, BEFORE + 5 + WANTED, "{found:?}");
}
