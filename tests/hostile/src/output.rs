//! Deeds with words: floods, and texts that would fool a reader, a terminal or
//! a CI system.

use std::io::{self, Write};

use crate::exports::waitfor::probe::probing::{Endpoint, Misuse, Pending, Success, Verdict};
use crate::waitfor::probe::report;
use crate::{fact, ready};

/// What a terminal, a CI system, a reader of JSON or a person could take for
/// something else.
pub const FOUL: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[31mred\0nul\u{9b}5m\u{202e}rtl\u{2066}iso\
    \u{200b}zero\u{feff}bom\u{85}nel\u{2028}ls\rcr\n::error::forged\n##[error]forged\n##vso[task.setvariable \
    variable=x]y\nready: deed://forged after 1 ms (1 attempt)\n\
    \"}\n{\"schema\":1,\"event\":\"result\",\"exit_code\":0,\"targets\":[]}\n";

pub fn act(deed: &str, _: &[Endpoint]) -> Option<Verdict> {
    match deed {
        "log-foul" => {
            report::log("info", FOUL);
            report::log(FOUL, "a level");
            report::stage(FOUL);
        }
        "stage-foul" => {
            report::stage(FOUL);
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
        "log-lines" => {
            for at in 0..1_000_000 {
                report::log("info", &format!("line {at}"));
            }
        }
        "log-long-lines" => {
            for _ in 0..5_000 {
                report::log("info", &"é".repeat(50_000));
            }
        }
        "print-foul" => print(FOUL.as_bytes()),
        "print-bytes" => print(&(0..=255).cycle().take(100_000).collect::<Vec<u8>>()),
        "print-lines" => {
            for at in 0..1_000_000 {
                println!("line {at}");
            }
        }
        "print-no-end" => {
            for _ in 0..2_000 {
                print(&[b'x'; 4096]);
            }
        }
        "errors-no-end" => {
            for _ in 0..2_000 {
                // What the host does with it is the question.
                let _ = io::stderr().write_all(&[b'x'; 4096]);
            }
        }
        "panic-foul" => panic!("{FOUL}"),
        "ready-foul" => {
            return Some(Verdict::Ready(Success {
                summary: FOUL.to_owned(),
                facts: vec![fact(FOUL, FOUL), fact("incarnation", FOUL)],
            }));
        }
        "pending-foul" => {
            return Some(Verdict::NotReady(Pending {
                code: FOUL.to_owned(),
                reason: FOUL.to_owned(),
                wait_hint: None,
                facts: vec![fact(FOUL, FOUL)],
            }));
        }
        "misuse-foul" => {
            return Some(Verdict::Misconfigured(Misuse {
                code: FOUL.to_owned(),
                param: Some(FOUL.to_owned()),
                reason: FOUL.to_owned(),
                hint: Some(FOUL.to_owned()),
                facts: vec![fact(FOUL, FOUL)],
            }));
        }
        "say-ready" => {
            return Some(Verdict::NotReady(Pending {
                code: "ready".to_owned(),
                reason: "ready".to_owned(),
                wait_hint: None,
                facts: vec![fact("verdict", "ready"), fact("exit_code", 0)],
            }));
        }
        _ => return None,
    }
    Some(ready("said", Vec::new()))
}

fn print(bytes: &[u8]) {
    // What the host does with it is the question.
    let _ = io::stdout().write_all(bytes);
    let _ = io::stdout().flush();
}
