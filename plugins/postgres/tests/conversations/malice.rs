//! Servers that lie about lengths, stop half way or send noise: no input may
//! make the probe panic, hang on to memory, or say `ready`.

use waitfor_sdk::native::Step;

use crate::*;

/// Every message that is possible at some point, cut at every byte; the
/// costly exchange in larger steps.
#[test]
fn conversations_that_end_anywhere_are_not_ready() {
    for (script, step) in [
        (captured!("ready-trust"), 1),
        (captured!("scram-fixed-nonce"), 41),
        (captured!("md5-ok"), 1),
        (captured!("cert-required"), 1),
        (captured!("hot-standby"), 1),
    ] {
        let proved = proof_ends_at(script);
        for cut in (0..proved).step_by(step) {
            let run = target()
                .conversation([Step::send(&script[..cut])])
                .check::<Postgres>();
            assert!(!matches!(run.verdict, Verdict::Ready(_)), "cut at {cut}");
        }
    }
}

/// Where the answer to the query ends: at the last `Z` message.
fn proof_ends_at(script: &[u8]) -> usize {
    let ready = b"Z\0\0\0\x05I";
    let at = script
        .windows(ready.len())
        .rposition(|bytes| bytes == ready);
    at.map_or(script.len(), |at| at + ready.len())
}

#[test]
fn lengths_that_cannot_be_are_not_believed() {
    for kind in [b'R', b'E', b'N', b'v', b'S', b'Z', b'D', b'T'] {
        for length in [0_u32, 1, 3, 0x0010_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut header = vec![kind];
            header.extend_from_slice(&length.to_be_bytes());
            header.extend_from_slice(b"rest");
            for before in [Vec::new(), message(b'R', &[0; 4]), modern(false, false)] {
                let script = [before, header.clone()].concat();
                let verdict = answer(&script);
                assert!(!matches!(verdict, Verdict::Ready(_)), "{kind} {length}");
            }
        }
    }
}

#[test]
fn a_long_row_counts_without_being_kept() {
    let mut row = vec![0, 1];
    row.extend_from_slice(&1_000_000_u32.to_be_bytes());
    row.resize(1_000_006, b'x');
    let script = [
        modern(false, false),
        message(b'D', &row),
        message(b'C', b"SELECT 1\0"),
        idle(),
    ]
    .concat();
    let run = target()
        .conversation([Step::send(script)])
        .check::<Postgres>();
    ready(run.verdict);
}

#[test]
fn messages_out_of_turn_are_told() {
    for script in [
        // Continuations of nothing, and a second question.
        message(b'R', b"\0\0\0\x0br=x,s=AAAA,i=1"),
        message(b'R', b"\0\0\0\x0cv=AAAA"),
        [message(b'R', &[0, 0, 0, 3]), message(b'R', &[0, 0, 0, 3])].concat(),
        [
            message(b'R', &[0, 0, 0, 3]),
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
        ]
        .concat(),
        // Cut requests.
        message(b'R', b""),
        message(b'R', &[0, 0, 0]),
        message(b'R', b"\0\0\0\x05abc"),
        // Rows before the session, requests within it.
        [message(b'R', &[0; 4]), message(b'D', b"")].concat(),
        [modern(false, false), message(b'R', &[0; 4])].concat(),
        [modern(false, false), message(0xff, b"")].concat(),
    ] {
        pending(answer(&script), "server-error");
    }
}

#[test]
fn texts_of_the_server_stay_on_one_line() {
    let nasty = error("FATAL", "XX000", "a\nb\x1b[2Jc\r", &"long ".repeat(500));
    let pending = pending(answer(&nasty), "server-error");
    assert!(!pending.reason.contains(char::is_control));
    assert!(pending.reason.len() < 500);
}

#[test]
fn noise_never_panics_and_is_never_ready() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let seeds = [
        captured!("scram-fixed-nonce"),
        captured!("ready-trust"),
        captured!("starting-up"),
        captured!("md5-ok"),
    ];
    for round in 0..4000 {
        // The exchange that costs most comes least often.
        let seed = if round % 100 == 0 { 0 } else { 1 + round % 3 };
        let mut script = seeds[seed].to_vec();
        if round % 5 == 0 {
            script = random().to_be_bytes().repeat(4);
        }
        for _ in 0..=random() % 8 {
            let at = usize::try_from(random()).unwrap() % script.len();
            script[at] = random().to_be_bytes()[0];
        }
        for mode in ["disable", "prefer"] {
            let run = encrypted(mode)
                .secret("password", "pencil")
                .conversation([Step::send(&script)])
                .check::<Postgres>();
            assert!(!run.verdict.reason().contains('\n'));
        }
    }
}
