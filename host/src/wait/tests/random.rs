//! Services that behave in any way at all: the promises hold for each.

use proptest::prelude::*;

use super::*;

/// For how long a service is in which state, and how long its answers take.
type Phase = (u64, u8, u64);

fn verdict(kind: u8) -> Verdict {
    match kind {
        0..2 => of_incarnation(Some("a")),
        2..4 => of_incarnation(Some("b")),
        4 => ready(),
        5 => not_ready("refused"),
        6 => not_ready("loading"),
        7 => misconfigured("wrong-password"),
        _ => broken(),
    }
}

fn service(phases: Vec<Phase>) -> Scripted {
    script(move |now| {
        let mut end = 0;
        let phase = phases.iter().find(|(length, ..)| {
            end += length;
            now < ms(end)
        });
        let (_, kind, takes) = phase.or(phases.last()).copied().unwrap_or((0, 4, 0));
        let takes = if takes > 400 { NEVER } else { ms(takes) };
        (takes, verdict(kind))
    })
}

fn phases() -> impl Strategy<Value = Vec<Phase>> {
    let phase = (
        1..3_000_u64,
        0..9_u8,
        prop_oneof![4 => Just(0), 4 => 0..50_u64, 1 => 300..450_u64],
    );
    proptest::collection::vec(phase, 1..8)
}

/// The good answers in a row at the end of the log, from one incarnation, the
/// last one first. An answer that names none counts with those before it.
fn row(log: &Log) -> Vec<Asked> {
    let mut row: Vec<Asked> = Vec::new();
    let mut known: Option<String> = None;
    for asked in log.asked.borrow().iter() {
        if asked.verdict.word() != "ready" {
            row.clear();
            known = None;
            continue;
        }
        let new = asked.verdict.incarnation();
        if let (Some(old), Some(new)) = (known.as_deref(), new)
            && old != new
        {
            row.clear();
        }
        known = new.map(str::to_owned).or(known);
        row.push(asked.clone());
    }
    row.reverse();
    row
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn ready_is_proved_and_the_timeout_holds(
        phases in phases(),
        need in 1..4_u32,
        stable in prop_oneof![Just(0), 1..2_000_u64],
        timeout in 1..8_000_u64,
        grace in 0..4_000_u64,
        local in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let log = Log::default();
        let settings = WaitSettings {
            timeout: Some(ms(timeout)),
            successes: successes(need),
            stable_for: ms(stable),
            grace: ms(grace),
            ..WaitSettings::default()
        };
        let outcome = runtime.block_on(async {
            let mut target = service(phases).logged(&log);
            target.target.local = local;
            wait_for(target, &settings).await
        });
        prop_assert!(outcome.elapsed <= ms(timeout));
        prop_assert_eq!(log.under_way.get(), 0);
        let asked = log.asked.borrow().clone();
        for pair in asked.windows(2) {
            let pause = pair[1].started.saturating_sub(pair[0].ended);
            let least = if pair[0].verdict.code() == "refused" { ms(1) } else { ms(4) };
            prop_assert!(pause >= least, "{:?} after {:?}", pause, pair[0]);
            prop_assert!(pair[1].started < ms(timeout), "past the deadline");
        }
        let row = row(&log);
        let proved = row.len() >= need as usize
            && row.first().zip(row.last()).is_some_and(|(last, first)| {
                last.started.saturating_sub(first.ended) >= ms(stable)
            });
        prop_assert_eq!(outcome.exit == Exit::Ready, proved, "{:?} with {:?}", outcome.exit, row);
        match outcome.exit {
            Exit::NotReady => prop_assert_eq!(outcome.elapsed, ms(timeout)),
            Exit::Ready | Exit::Misconfigured | Exit::PluginBroke => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn of_several_targets_none_that_is_needed_is_taken_on_trust(
        services in proptest::collection::vec(phases(), 1..5),
        any_one in any::<bool>(),
        not in any::<bool>(),
        timeout in 1..8_000_u64,
        grace in 0..4_000_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let logs: Vec<Log> = services.iter().map(|_| Log::default()).collect();
        let settings = WaitSettings { timeout: Some(ms(timeout)), any: any_one, not, grace: ms(grace), ..WaitSettings::default() };
        let outcome = runtime.block_on(async {
            let targets = services.into_iter().zip(&logs).map(|(phases, log)| service(phases).logged(log));
            wait(targets.collect(), &settings).await
        });
        prop_assert!(outcome.elapsed <= ms(timeout));
        prop_assert!(logs.iter().all(|log| log.under_way.get() == 0));
        let wished = if not { "not-ready" } else { "ready" };
        let good = |log: &&Log| {
            let asked = log.asked.borrow();
            // Of a good answer more than a moment old when the last target was
            // done another is asked for, which takes up to 400 ms, unless the
            // time is up meanwhile.
            let recent = |asked: &Asked| asked.ended + ms(1_400) >= outcome.elapsed || outcome.elapsed == ms(timeout);
            // What is begun at the very end of the time is not waited for.
            let mut begun = asked.iter().filter(|asked| asked.started < ms(timeout));
            begun.next_back().is_some_and(|asked| asked.verdict.word() == wished && recent(asked))
        };
        let count = logs.iter().filter(good).count();
        if outcome.exit == Exit::Ready {
            let needed = if any_one { 1 } else { logs.len() };
            prop_assert!(count >= needed, "{count} of {needed}");
        }
        let hopeless = outcome.targets.iter().filter(|target| matches!(target.fate, Fate::Hopeless(_))).count();
        match outcome.exit {
            Exit::Ready => prop_assert!(any_one || hopeless == 0),
            Exit::NotReady => prop_assert_eq!(outcome.elapsed, ms(timeout)),
            Exit::Misconfigured | Exit::PluginBroke if outcome.elapsed < ms(timeout) => {
                let needed = if any_one { logs.len() } else { 1 };
                prop_assert!(hopeless >= needed, "{hopeless} of {needed}");
            }
            Exit::Misconfigured | Exit::PluginBroke => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
