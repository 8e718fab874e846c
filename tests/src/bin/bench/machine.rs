//! The machine that was measured on, without anything that would identify it.

use std::fs;
use std::process::Command;
use std::thread;

/// What a reader must know to judge the numbers.
pub(crate) fn lines() -> Vec<String> {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or("unknown".to_owned(), |kib| {
            format!("{:.1} GiB", kib / f64::from(1 << 20))
        });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What stands behind the number may name a machine.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("unknown")
        .trim_matches('"')
        .to_owned();
    let virtual_one = field("/proc/cpuinfo", "flags")
        .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let date = date.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    vec![
        format!(
            "processor: {cpu}, {cores} cores{}",
            if virtual_one {
                ", a virtual machine"
            } else {
                ""
            }
        ),
        format!("memory: {memory}"),
        format!("system: {system}, Linux {kernel}"),
        format!("date: {}", date.unwrap_or_default()),
    ]
}

/// The load of the last minute, in runnable processes.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}
