//! Machines that give too little: below what is needed an error says so, and above it all works.
//! Never does the process abort, dump its core, or hang.

use std::process::Command;

use waitfor_tests::cli::{Cli, Outcome};
use waitfor_tests::install::{Component, require};
use waitfor_tests::process::{free_port, reachable};
use waitfor_tests::servers::redis::Redis;

use crate::support::possible;

/// Runs it below a limit as bash sets it.
fn limited(limit: &str, args: &[&str]) -> Outcome {
    let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    Cli::new().args(args).within(["bash", "-c", &script]).run()
}

#[track_caller]
fn refused(found: &Outcome, what: &str) {
    assert_eq!((found.code, found.stdout.as_str()), (5, ""), "{found:#?}");
    assert!(found.stderr.starts_with("error: "), "{found:#?}");
    assert!(found.stderr.contains("\nhint: "), "{found:#?}");
    assert!(found.stderr.contains(what), "{found:#?}");
}

#[test]
fn sixty_four_files_do_for_twenty_targets() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("redis://{host}:{}", redis.port);
        let mut args = vec!["-t", "50s"];
        args.extend([url.as_str(); 20]);
        let found = limited("-n 64", &args);
        assert_eq!(found.code, 0, "{found:#?}");
        assert!(!found.stderr.contains("too many open files"), "{found:#?}");
    }
}

/// What has no file is asked again.
#[test]
fn more_targets_than_files_take_turns() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let mut args = vec!["-t", "50s"];
    args.extend([url.as_str(); 100]);
    let found = limited("-n 64", &args);
    assert_eq!(found.code, 0, "{found:#?}");
}

#[test]
fn too_few_files_are_told() {
    let closed = format!("redis://127.0.0.1:{}", free_port());
    for count in [23, 12, 9, 8] {
        let found = limited(&format!("-n {count}"), &["-t", "100ms", &closed]);
        refused(&found, "");
    }
    let found = limited("-n 23", &["-t", "100ms", &closed]);
    refused(
        &found,
        "the limit of 23 open files is too low: waitfor needs 24",
    );
    let found = limited("-n 24", &["-t", "100ms", &closed]);
    assert_eq!(found.code, 124, "{found:#?}");
}

#[test]
fn half_a_gibibyte_of_address_space_is_enough() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let url = format!("redis://localhost:{}", redis.port);
    for round in 0..5 {
        let found = limited(&format!("-v {}", 520 << 10), &[&url]);
        assert_eq!(found.code, 0, "round {round}: {found:#?}");
    }
    for kib in [(520 << 10) - 1, 300_000, 200_000, 100_000, 60_000] {
        let found = limited(&format!("-v {kib}"), &[&url]);
        refused(
            &found,
            &format!("the limit of {kib} KiB of address space is too low"),
        );
    }
}

/// Each target that is asked at the same time takes some.
#[test]
fn address_space_is_counted_by_targets() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    for count in [20, 100] {
        let args = vec![url.as_str(); count];
        let least = (512 << 10) + (8 << 10) * count;
        let found = limited(&format!("-v {least}"), &args);
        assert_eq!(found.code, 0, "{count}: {found:#?}");
        let found = limited(&format!("-v {}", least - 1), &args);
        refused(&found, &format!("waitfor needs {least}"));
    }
}

#[test]
fn little_stack_is_told() {
    let closed = format!("redis://127.0.0.1:{}", free_port());
    let found = limited("-s 511", &["-t", "100ms", &closed]);
    refused(
        &found,
        "the limit of 511 KiB of stack is too low: waitfor needs 512",
    );
    let found = limited("-s 512", &["-t", "100ms", &closed]);
    assert_eq!(found.code, 124, "{found:#?}");
}

/// A user that nobody else is, so that no other process counts for the limit; root has none.
const ALONE: [&str; 6] = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
    "bash",
    "-c",
];

#[test]
fn too_few_threads_are_told() {
    let mut probe = Command::new(ALONE[0]);
    if !possible("another user", probe.args(&ALONE[1..]).arg("true")) {
        return;
    }
    let program = reachable(waitfor_tests::cli::binary());
    let closed = free_port();
    let mut codes = Vec::new();
    for most in 1..16 {
        for host in ["127.0.0.1", "localhost"] {
            let script = format!(
                "ulimit -u {most}; exec {} -t 100ms redis://{host}:{closed}",
                program.display()
            );
            let mut within: Vec<&str> = ALONE.to_vec();
            within.push(&script);
            let found = Cli::new().within(within).run();
            if found.code != 124 {
                refused(&found, "threads");
            }
            codes.push(found.code);
        }
    }
    assert_eq!(codes.first(), Some(&5), "{codes:?}");
    assert_eq!(codes.last(), Some(&124), "{codes:?}");
}

#[test]
fn a_slow_machine_is_only_slow() {
    let Some(installed) = require(Component::Redis) else {
        return;
    };
    let redis = Redis::ready(&installed);
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let found = Cli::new()
        .args(["-t", "50s", &url])
        .within(["nice", "-n", "19"])
        .run();
    assert_eq!(found.code, 0, "{found:#?}");
}
