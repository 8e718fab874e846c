//! What a count depends on besides the program: who compiled it, and what it runs on.

use std::collections::BTreeMap;
use std::process::Command;

use waitfor_tests::install::{self, Component};

/// Of this machine, by name.
pub(crate) fn here() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, value: String| all.insert(name.to_owned(), value);
    add("architecture", std::env::consts::ARCH.to_owned());
    add("compiler", first_line("rustc", "--version"));
    // The number stands last; before it, who has packed it.
    let libc = first_line("ldd", "--version");
    add("libc", libc.rsplit(' ').next().unwrap_or(&libc).to_owned());
    let valgrind = install::provide(Component::Valgrind);
    add(
        "valgrind",
        valgrind.map_or_else(|_| "none".to_owned(), |it| it.version),
    );
    add("processor", processor());
    all
}

/// The widest vectors that valgrind shows to a program: it knows of none beyond these.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info
        .lines()
        .find_map(|line| line.strip_prefix("flags"))
        .unwrap_or_default();
    let has = |wanted: &str| flags.split_whitespace().any(|flag| flag == wanted);
    let found: Vec<&str> = ["avx2", "avx", "sse4_2", "asimd"]
        .into_iter()
        .filter(|flag| has(flag))
        .collect();
    found.first().map_or("baseline", |flag| flag).to_owned()
}

fn first_line(program: &str, flag: &str) -> String {
    let said = Command::new(program).arg(flag).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok()
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}
