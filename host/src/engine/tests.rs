//! The engine's promises, each against a plugin that tries to break it: the
//! official probes use neither WASI nor any limit, so that they show nothing
//! of this. The plugins are in `tests/guests`.

mod guest;
mod knock;
mod loading;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use guest::{Deed, Outcome, SHORT, Silent, engine, load, runtime, tcp, with_std};

use super::attempt::Notes;
use super::limits;
use crate::description::Description;
use crate::exit::Exit;

/// Ends the test where the guests cannot be built; the skip has been told.
macro_rules! or_skip {
    ($built:expr) => {
        match $built {
            Some(built) => built,
            None => return,
        }
    };
}

#[test]
fn a_plugin_with_a_standard_library_works() {
    let plugin = or_skip!(with_std());
    let description = runtime().block_on(plugin.describe()).expect("described");
    assert_eq!(description.summary, "the deed was done");
    let outcome = or_skip!(Deed::new("ready").outcome());
    outcome.is("ready", "ready").because("ready").told(&[]);
}

#[test]
fn what_a_plugin_prints_goes_to_its_log() {
    let outcome = or_skip!(Deed::new("print").outcome());
    outcome.is("ready", "ready");
    let logged = outcome.logged();
    assert_eq!(logged.len(), 3, "{logged:?}");
    assert_eq!(logged[0], "said on standard output");
    assert_eq!(logged[1], "said on standard error");
    assert!(logged[2].starts_with("éé"));
    assert!(logged[2].len() <= limits::LOG_LINE);
}

#[test]
fn a_plugin_sees_no_variable_and_no_argument() {
    assert!(std::env::vars_os().count() > 0);
    let outcome = or_skip!(Deed::new("env").outcome());
    outcome
        .is("ready", "ready")
        .told(&[("variables", "0"), ("arguments", "0")]);
}

/// Each fact of the outcome says that the host refused.
#[track_caller]
fn all_refused(outcome: &Outcome, expected: usize) {
    outcome.is("ready", "ready");
    assert_eq!(outcome.verdict.facts().len(), expected);
    for (name, value) in outcome.verdict.facts() {
        assert!(value.starts_with("refused: "), "{name}: {value}");
    }
}

#[test]
fn a_plugin_sees_no_file() {
    all_refused(&or_skip!(Deed::new("file").outcome()), 4);
    assert!(!Path::new("/tmp/waitfor-guest").exists());
}

#[test]
fn a_plugin_gets_no_socket_past_the_contract() {
    let silent = Silent::new();
    let outcome = or_skip!(Deed::new("socket").about(silent.port()).outcome());
    all_refused(&outcome, 4);
    assert_eq!(silent.connections(), 0);
}

#[test]
fn clocks_and_randomness_work() {
    let outcome = or_skip!(Deed::new("clocks").outcome());
    outcome.is("ready", "ready").told(&[
        ("passed", "true"),
        ("epoch", "true"),
        ("entropy", "1024"),
    ]);
}

#[test]
fn a_plugin_that_spins_ends_with_its_attempt() {
    let outcome = or_skip!(Deed::new("spin").within(SHORT).outcome());
    outcome
        .is("broken", "cpu-time")
        .because("the plugin was still computing when the attempt's time was over");
}

#[test]
fn a_plugin_that_spins_ends_in_a_long_attempt_too() {
    let outcome = or_skip!(Deed::new("spin").outcome());
    outcome
        .is("broken", "cpu-time")
        .because("the plugin was stopped: it computed for 2 s without asking for anything");
}

#[test]
fn calls_to_the_host_are_counted() {
    let outcome = or_skip!(Deed::new("spin-calls").outcome());
    outcome
        .is("broken", "budget")
        .because("the plugin was stopped: it made more than 100000 calls to the host");
}

#[test]
fn calls_of_wasi_are_counted() {
    for deed in ["spin-clock", "print-flood"] {
        let outcome = or_skip!(Deed::new(deed).outcome());
        outcome
            .is("broken", "budget")
            .because("the plugin was stopped: it made more than 100000 calls to the host");
    }
}

#[test]
fn memory_stops_at_its_limit() {
    let outcome = or_skip!(Deed::new("memory").outcome());
    outcome
        .is("broken", "memory")
        .because("the plugin needed more than 128 MiB of memory");
    let stage = outcome.notes.stage().expect("a stage");
    let held: usize = stage
        .trim_start_matches("holding ")
        .trim_end_matches(" MiB")
        .parse()
        .expect("a number");
    assert!((32..128).contains(&held), "{stage}");
}

#[test]
fn several_memories_share_one_limit() {
    use wasmtime::ResourceLimiter;

    let notes = Notes::default();
    let mut store = limits::StoreLimits::new(notes.clone());
    let half = limits::MEMORY / 2;
    let mut grow = |current, desired, maximum| {
        store
            .memory_growing(current, desired, maximum)
            .expect("an answer")
    };
    assert!(grow(0, half, None));
    assert!(!grow(0, half, Some(half - 1)));
    assert!(
        !notes.memory_refused(),
        "the module's own limit is not ours"
    );
    assert!(grow(0, half, None));
    assert!(!grow(half, half + 1, None));
    assert!(notes.memory_refused());
}

#[test]
fn endless_recursion_runs_out_of_stack() {
    let outcome = or_skip!(Deed::new("recurse").outcome());
    outcome
        .is("broken", "stack")
        .because("the plugin ran out of stack");
}

#[test]
fn a_panic_is_a_broken_plugin_and_its_words_are_kept() {
    let outcome = or_skip!(Deed::new("panic").outcome());
    outcome
        .is("broken", "trap")
        .because("the plugin gave up (unreachable)");
    let logged = outcome.logged();
    assert!(
        logged.iter().any(|line| line.contains("told to panic")),
        "{logged:?}"
    );
}

#[test]
fn a_plugin_that_exits_is_broken_and_the_program_lives() {
    let outcome = or_skip!(Deed::new("exit").outcome());
    outcome
        .is("broken", "trap")
        .because("the plugin ended itself with exit status 0, without a verdict");
}

#[test]
fn a_plugin_that_sleeps_is_out_of_time_and_not_broken() {
    let outcome = or_skip!(Deed::new("sleep").within(SHORT).outcome());
    outcome
        .is("not-ready", "timed-out")
        .because("no answer within 1000 ms");
}

#[test]
fn sleep_is_not_computing() {
    let outcome = or_skip!(Deed::new("nap").outcome());
    outcome.is("ready", "ready");
}

#[test]
fn a_call_ends_by_the_deadline_and_the_plugin_has_the_last_word() {
    let silent = Silent::new();
    let deed = Deed::new("read").within(SHORT).at(tcp(silent.port()));
    let outcome = or_skip!(deed.outcome());
    outcome
        .is("ready", "ready")
        .told(&[("fault", "timed-out"), ("remedy", "Remedy::Stop")]);
    assert_eq!(outcome.notes.stage().as_deref(), Some("reading"));
    assert_eq!(silent.connections(), 1);
}

#[test]
fn connections_are_counted() {
    let silent = Silent::new();
    let outcome = or_skip!(Deed::new("connections").at(tcp(silent.port())).outcome());
    outcome.is("broken", "budget");
    assert_eq!(
        outcome.notes.stage().as_deref(),
        Some("32 open, then quota")
    );
    assert_eq!(silent.connections(), limits::CONNECTIONS as usize);
}

/// Takes one connection and reads from it, or writes to it, till it ends.
fn peer(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            serve(stream);
        }
    });
    port
}

#[test]
fn what_an_attempt_receives_is_bounded() {
    let port = peer(|mut stream| while stream.write_all(&[7; 1 << 16]).is_ok() {});
    let outcome = or_skip!(Deed::new("receive").at(tcp(port)).outcome());
    let most = (limits::RECEIVED >> 20).to_string();
    outcome
        .is("ready", "ready")
        .told(&[("mebibytes", &most), ("fault", "quota")]);
}

#[test]
fn what_an_attempt_sends_is_bounded() {
    let port = peer(|mut stream| {
        let mut buffer = vec![0; 1 << 16];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    let outcome = or_skip!(Deed::new("send").at(tcp(port)).outcome());
    let most = (limits::SENT >> 20).to_string();
    outcome
        .is("ready", "ready")
        .told(&[("mebibytes", &most), ("fault", "quota")]);
}

#[test]
fn a_sleep_beyond_all_time_ends_with_the_attempt() {
    let outcome = or_skip!(Deed::new("sleep-for-ever").within(SHORT).outcome());
    outcome.is("not-ready", "timed-out");
}

#[test]
fn handles_are_counted() {
    let outcome = or_skip!(Deed::new("handles").outcome());
    outcome
        .is("broken", "budget")
        .because("the plugin was stopped: it held more than 256 handles");
}

#[test]
fn what_one_call_hands_over_is_bounded() {
    let silent = Silent::new();
    let outcome = or_skip!(Deed::new("write-much").at(tcp(silent.port())).outcome());
    outcome
        .is("broken", "budget")
        .because("the plugin was stopped: it handed over more than 8388608 bytes in one call");
}

#[test]
fn what_the_host_keeps_for_a_plugin_is_bounded() {
    let outcome = or_skip!(Deed::new("wishes").outcome());
    outcome
        .is("broken", "budget")
        .because("the plugin was stopped: it handed over more than 4096 bytes in one call");
}

#[test]
fn only_allowed_addresses_are_discovered_and_none_after_a_secret() {
    let silent = Silent::new();
    let port = silent.port();
    let outcome = or_skip!(Deed::new("discover").about(port).allowing(port).outcome());
    let denied = "policy-denied Remedy::Fix";
    outcome.is("ready", "ready").told(&[
        ("allowed", "connected"),
        ("other-port", denied),
        ("other-host", denied),
        ("secret", "6"),
        ("allowed-after-secret", denied),
    ]);
    assert_eq!(silent.connections(), 1);
}

#[test]
fn nothing_is_discovered_where_nothing_is_allowed() {
    let silent = Silent::new();
    let outcome = or_skip!(Deed::new("discover").about(silent.port()).outcome());
    outcome.is("ready", "ready");
    assert_eq!(
        outcome.verdict.facts()[0],
        ("allowed".to_owned(), "policy-denied Remedy::Fix".to_owned())
    );
    assert_eq!(silent.connections(), 0);
}

#[test]
fn the_log_is_bounded() {
    for deed in ["log-flood", "print-flood"] {
        let outcome = or_skip!(Deed::new(deed).outcome());
        outcome.is("broken", "budget");
        let logged = outcome.logged();
        assert_eq!(logged.len(), limits::LOG_LINES);
        assert!(logged.iter().all(|line| line.len() <= limits::LOG_LINE));
    }
}

#[test]
fn a_verdict_is_cut_to_what_a_report_can_hold() {
    let outcome = or_skip!(Deed::new("many-facts").outcome());
    outcome.is("ready", "ready");
    let facts = outcome.verdict.facts();
    assert_eq!(facts.len(), limits::FACTS);
    for (at, (name, value)) in facts.iter().enumerate() {
        assert_eq!(name.len(), limits::FACT_NAME);
        assert!(value.starts_with(&format!("{at} é")));
        assert!((limits::FACT_VALUE - 1..=limits::FACT_VALUE).contains(&value.len()));
    }
}

#[test]
fn a_verdict_beyond_reason_is_not_taken_at_all() {
    let outcome = or_skip!(Deed::new("huge-facts").outcome());
    outcome.is("broken", "trap");
    assert!(
        outcome.verdict.reason().contains("too much data"),
        "{}",
        outcome.verdict.reason()
    );
}

#[test]
fn one_plugin_that_spins_does_not_starve_another() {
    let plugin = or_skip!(with_std());
    let silent = Silent::new();
    runtime().block_on(async {
        let spinning = Deed::new("spin").attempt(plugin);
        let working = async {
            for _ in 0..5 {
                let outcome = Deed::new("discover")
                    .about(silent.port())
                    .allowing(silent.port())
                    .attempt(plugin)
                    .await;
                outcome.is("ready", "ready");
            }
        };
        let mut spinning = std::pin::pin!(spinning);
        // The one that spins is never the first to end: it is stopped after
        // two seconds of computing, and by then the other is done.
        tokio::select! {
            biased;
            outcome = &mut spinning => panic!("starved: {:.300}", outcome.verdict.reason()),
            () = working => {}
        }
        spinning.await.is("broken", "cpu-time");
    });
    assert_eq!(silent.connections(), 5);
}

#[test]
fn an_attempt_leaves_nothing_for_the_next() {
    let plugin = or_skip!(with_std());
    let silent = Silent::new();
    runtime().block_on(async {
        for _ in 0..2 {
            let deed = Deed::new("discover")
                .about(silent.port())
                .allowing(silent.port());
            let outcome = deed.attempt(plugin).await;
            assert_eq!(outcome.verdict.facts()[0].1, "connected");
            Deed::new("recurse")
                .attempt(plugin)
                .await
                .is("broken", "stack");
        }
    });
}

#[test]
fn validate_may_break_and_says_so() {
    let plugin = or_skip!(with_std());
    let job = Arc::new(Deed::new("panic").job);
    let error = runtime()
        .block_on(plugin.validate(&job, &Notes::default()))
        .expect_err("a trap");
    assert_eq!(error.exit(), Exit::PluginBroke);
    assert_eq!(
        error.message(),
        "the plugin `with_std` broke in `validate`: it gave up (unreachable)"
    );
}

#[test]
fn a_description_that_takes_an_option_of_the_host_is_refused() {
    let plugin = or_skip!(load("lying"));
    let said = runtime().block_on(plugin.describe()).expect("described");
    let error = Description::from_raw("lying", said).expect_err("a lie");
    assert_eq!(error.exit(), Exit::PluginRefused);
    assert!(error.message().contains("`lying`"), "{error}");
    assert!(error.message().contains("timeout"), "{error}");
    assert!(error.hint_text().is_some());
}

#[test]
fn validate_that_never_ends_is_ended() {
    let plugin = or_skip!(load("lying"));
    let job = Arc::new(Deed::new("ready").job);
    let error = runtime()
        .block_on(plugin.validate(&job, &Notes::default()))
        .expect_err("no end");
    assert_eq!(error.exit(), Exit::PluginBroke);
    // Which bound it meets first is a matter of how busy the machine is.
    let met = [
        "it was stopped: it computed for 2 s without asking for anything",
        "it took longer than 10 s",
    ];
    let why = error
        .message()
        .strip_prefix("the plugin `lying` broke in `validate`: ");
    assert!(why.is_some_and(|why| met.contains(&why)), "{error}");
}

/// What the engine says to bytes that it does not load.
#[track_caller]
fn refusal(bytes: &[u8]) -> crate::error::Error {
    let Err(error) = engine().load("stranger", bytes) else {
        panic!("it was loaded");
    };
    assert_eq!(error.exit(), Exit::PluginRefused);
    assert!(
        error
            .message()
            .starts_with("the plugin `stranger` was refused: "),
        "{error}"
    );
    assert!(!error.message().contains('\n'), "{error}");
    error
}

#[test]
fn bytes_that_are_no_component_are_refused() {
    let random: Vec<u8> = (0..4096_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let elf = b"\x7fELF\x02\x01\x01\0";
    let cut_off = b"\0asm\x0d\0";
    let core_module = b"\0asm\x01\0\0\0";
    for bytes in [&[][..], &random, elf, cut_off, core_module] {
        let error = refusal(bytes);
        assert!(error.message().contains("it is not a component"), "{error}");
    }
}

#[test]
fn a_component_without_the_contract_is_refused() {
    let error = refusal(b"\0asm\x0d\0\x01\0");
    assert!(
        error.message().contains("it does not fit the contract"),
        "{error}"
    );
}

#[test]
fn a_component_that_asks_for_more_than_the_contract_is_refused() {
    // A type section with an empty instance, an import section that names it.
    let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
    let name = b"other:thing/x";
    bytes.extend([5 + name.len() as u8, 1, 0, name.len() as u8]);
    bytes.extend(name);
    bytes.extend([5, 0]);
    let error = refusal(&bytes);
    assert!(
        error.message().contains("it asks for `other:thing/x`"),
        "{error}"
    );
    assert!(error.hint_text().is_some());
}

#[test]
fn code_is_taken_from_an_engine_like_this_one_alone() {
    use waitfor_native::{Use, settings};

    use super::native::Native;
    use crate::official::OFFICIAL;

    let bytes = OFFICIAL.published().expect("a sound layout");
    let bytes = OFFICIAL.component(&bytes[0]).expect("sound bytes");
    let compiled = |purpose| {
        let settings = settings(purpose).expect("settings");
        let compiler = wasmtime::Engine::new(&settings).expect("an engine");
        Native::built_in(Vec::leak(
            compiler.precompile_component(bytes).expect("compiled"),
        ))
    };
    let engine = engine();
    let taken = |code| engine.revive("known", code).expect("it fits the contract");
    assert!(taken(compiled(Use::Here)).is_some());
    assert!(taken(compiled(Use::Rationed)).is_none(), "other settings");
    assert!(taken(Native::built_in(b"")).is_none(), "nothing at all");
}

#[test]
fn the_official_probe_works() {
    use crate::catalogue::Catalogue;
    use crate::cli::Probes;

    let catalogue = Catalogue::official().expect("a catalogue");
    let (at, description) = catalogue.describe("tcp", None).expect("described");
    assert_eq!(description.schemes[0].name, "tcp");
    let loaded = catalogue.loaded(at).expect("loaded");
    let plugin = catalogue.plugin(&loaded).expect("code");
    let attempt = |port: u16| {
        let mut deed = Deed::new("nothing").at(tcp(port));
        deed.job.values = BTreeMap::from([("hold".to_owned(), vec!["50".to_owned()])]);
        catalogue.runtime().block_on(deed.attempt(&plugin))
    };
    let silent = Silent::new();
    let port = silent.port();
    attempt(port).is("ready", "ready");
    assert_eq!(silent.connections(), 1);
    drop(silent);
    attempt(port).is("not-ready", "refused");
}
