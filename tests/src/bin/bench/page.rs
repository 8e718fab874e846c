//! Writes `docs/performance.md` and its plots from the parts' reports.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::{Report, Row};
use crate::{goals, lag, machine, plot, start, table, targets, waiting};

/// What the page says before the numbers.
const INTRODUCTION: &str = "# Figures

`make bench` measures everything below in one run of some twenty minutes, prints it as one table, and
writes this page with its plots. Times of one machine mean little elsewhere: look at the ratios. `× ours`
is how many times the median of `waitfor` in the same discipline a median is, of its first row where it
has several.

`make bench PART=lag` measures one part (`start`, `lag`, `waiting`, `attempt`, `targets`, `plugins`,
`pins`, `memory`, `size`) and takes the others from earlier runs of the same build, whose raw samples are
kept as JSON in `bench` in the target folder. `BENCH_SHORT=1` tries everything out in a few minutes, and
leaves this page alone. What does not depend on the machine's mood is checked on every change:
[the instruction counts](#instructions). `make bench-inside` measures the parts that a run is made of, each by
itself in a warm process (`host/benches`), for whoever looks for what has become slower.
";

/// What a part is about, how it is measured, and how far it can be trusted.
fn method(part: &str) -> (&'static str, &'static str) {
    match part {
        "start" => (
            "Start to verdict",
            "The service is ready. Time passes from before the process is started until its end has been \
             waited for. Contestants run in turns, each turn begins with another one, so that a busy moment \
             of the machine hits all alike; those that take longer than 60 ms sit out three turns of four. \
             Each has run twice before it counts. The program that does nothing shows what starting a \
             process costs by itself. Tools that wait for ports are run against the service's port, and \
             learn less from it than a client does. By default `waitfor` takes an open port for ready only \
             when the connection stays open for 200 ms ([why](probes/tcp.md)); with `hold=0` it merely \
             connects, as the others do.",
        ),
        "lag" => (
            "Lag between ready and told",
            "The service becomes ready at a random moment after the tool has been started; the lag is from \
             that moment to the tool's end. *Port:* it is bound and refuses connections until the benchmark \
             calls `listen`; the moment is the one before that call, so the lag is told too long by some \
             microseconds; likewise a UNIX socket and the call that makes it. Each tool has a port and \
             moments of its own; all wait at the same time, since they sleep nearly always. *Redis:* it \
             loads a data set, at a pace at which it looks at its clients every 20 ms (as one does that \
             loads 100 MB a second), until it is told to hurry. *PostgreSQL:* its recovery waits for a \
             segment until it is released. Both say in their log when they accept commands; the kernel \
             wakes the benchmark when that line is written (inotify), so the moment is told too late, and \
             the lag too short, by the time of that wake-up, which is measured as well. A login to \
             PostgreSQL, for which it starts a process, is part of the lag. A lag below zero would be a tool that was too early. Tools that only look at \
             ports are not among these: the port is open long before. The clients are run in a shell's \
             loop, once a second, as in scripts.",
        ),
        "waiting" => (
            "What a long wait costs",
            "Each wait has a network namespace of its own, with its own server, and lasts for a minute. CPU \
             is user and system time of the process and the children that it waited for, start included; \
             wake-ups are its voluntary context switches. Connections and packets are what the namespace's \
             counters have grown by: nothing else happens in it. Packets count both directions where the \
             target is local. The address that swallows packets is at the far end of a link that leads \
             nowhere.",
        ),
        "attempt" => (
            "One more attempt",
            "CPU: 250 good answers in a row against 50 (`--successes`), the difference divided by 200; of \
             refused ports, a wait of four seconds against one of a second, divided by the attempts that \
             they tell of. What is between the attempts, such as timers, is in it. Instructions: 15 good answers against 5, \
             counted by callgrind: those of the program alone, not the kernel's.",
        ),
        "targets" => (
            "Many targets",
            "One process, told the same kind of target so many times. Ready ones: until its end. Those that \
             never get ready: five seconds, with CPU as a share of a core. Refused ports are at different \
             addresses of this machine. Threads are looked for every 10 ms; a run that is shorter shows none.",
        ),
        "plugins" => (
            "The first run of a plugin",
            "An official probe is published under another name with other bytes, so that nobody has \
             compiled it, and pulled. Each cold run has an empty home and cache; the warm runs share one.",
        ),
        "pins" => (
            "What pinning costs",
            "A run with a lock beside one without; and a plugin that is looked up, downloaded, hashed, \
             checked and locked beside the registry's own client, which downloads.",
        ),
        "memory" => (
            "Memory",
            "The most that was resident at once, as the kernel tells it at the end. It has shared pages in \
             it, such as those of the binary that were touched.",
        ),
        _ => (
            "Size",
            "Functions are counted with the crate that their name begins with; what the compiler inlined \
             counts with the function that it went into. The components are inside of the binary.",
        ),
    }
}

/// Writes the page into a folder of documents, and the plots below it; gives the files written.
pub(crate) fn write(
    docs: &Path,
    reports: &[(&str, Report)],
    load: f64,
) -> Result<Vec<PathBuf>, String> {
    let plots = docs.join("performance");
    fs::create_dir_all(&plots).map_err(|e| format!("cannot create {}: {e}", plots.display()))?;
    let mut written = Vec::new();
    let mut save = |file: PathBuf, text: &str| {
        fs::write(&file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        written.push(file);
        Ok::<(), String>(())
    };
    let mut page = INTRODUCTION.to_owned();
    let find = |name: &str| {
        let found = reports.iter().find(|(part, _)| *part == name);
        found.map(|(_, report)| report.clone())
    };
    page.push_str("\n## Figures to reach\n\n");
    page.push_str(&goals::markdown(&goals::all(&find)));
    // What is known of the reasons is written by people, and stays.
    if let Ok(notes) = fs::read_to_string(plots.join("notes.md")) {
        page.push_str(&format!("\n{}\n", notes.trim()));
    }
    page.push_str("\n## The machine\n\n");
    for line in machine::lines() {
        page.push_str(&format!("- {line}\n"));
    }
    page.push_str(&format!(
        "- load when the benchmark began: {load:.2} processes\n"
    ));
    page.push_str(&format!("- measured: {}\n", versions(reports)));
    for (part, report) in reports {
        let (title, text) = method(part);
        page.push_str(&format!("\n## {title}\n\n{}\n", wrap(text)));
        for (name, title, svg) in drawn(part, report) {
            save(plots.join(format!("{name}.svg")), &svg)?;
            page.push_str(&format!("\n![{title}](performance/{name}.svg)\n"));
        }
        let mut told: Vec<&str> = Vec::new();
        for row in &report.rows {
            if !told.contains(&row.what.as_str()) {
                told.push(&row.what);
                page.push('\n');
                page.push_str(&table::markdown(report, &row.what));
            }
        }
        if !report.skipped.is_empty() {
            page.push_str("\nNot measured:\n\n");
            for line in &report.skipped {
                page.push_str(&format!("- {line}\n"));
            }
        }
        page.push_str(&format!("\nThis part took {:.0} s.\n", report.took));
    }
    page.push_str(INSTRUCTIONS);
    save(docs.join("performance.md"), &page)?;
    Ok(written)
}

/// What the page says of the check that is made on every change.
const INSTRUCTIONS: &str = "
## Instructions

`make instructions` runs `waitfor` under callgrind in fixed ways and compares how many instructions that
took with `tests/instructions.toml`; `make instructions-update` writes them anew. The environment, the home
and the working folder are empty. How far the counts of one build scatter by themselves, and what is let
pass, stands in that file.
";

fn versions(reports: &[(&str, Report)]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for version in reports.iter().flat_map(|(_, report)| &report.versions) {
        if !all.contains(&version.as_str()) {
            all.push(version);
        }
    }
    all.join(", ")
}

/// The plots of a part: name, title and text.
fn drawn(part: &str, report: &Report) -> Vec<(String, String, String)> {
    let of = |what: &str| -> Vec<&Row> {
        let rows = report.rows.iter();
        rows.filter(|row| row.what == what).collect()
    };
    let mut all = Vec::new();
    let mut add = |name: &str, title: &str, svg: String| {
        all.push((name.to_owned(), title.to_owned(), svg));
    };
    match part {
        "start" => {
            for (name, what) in [
                ("start-redis", start::REDIS),
                ("start-postgres", start::POSTGRES),
                ("start-openbao", start::OPENBAO),
                ("start-tcp", start::TCP),
            ] {
                let rows = of(what);
                if !rows.is_empty() {
                    add(name, what, plot::bars(what, &rows));
                }
            }
        }
        "lag" => {
            for (name, what) in [
                ("lag-tcp", lag::TCP),
                ("lag-late", lag::LATE),
                ("lag-socket", lag::SOCKET),
                ("lag-redis", lag::REDIS),
                ("lag-postgres", lag::POSTGRES),
            ] {
                let rows = of(what);
                if !rows.is_empty() {
                    add(name, what, plot::cumulative(what, &rows));
                }
            }
        }
        "waiting" => {
            for (name, scene) in [
                ("waiting-refused", waiting::Scene::Refused),
                ("waiting-swallowed", waiting::Scene::Swallowed),
            ] {
                let what = waiting::discipline(waiting::CPU, scene);
                let rows = of(&what);
                if !rows.is_empty() {
                    add(name, &what, plot::bars(&what, &rows));
                }
            }
        }
        "targets" => {
            for (name, respect, unit, kinds) in [
                ("targets-time", targets::TIME, "ms", &targets::KINDS[..2]),
                (
                    "targets-memory",
                    targets::MEMORY,
                    "MiB",
                    &targets::KINDS[..],
                ),
            ] {
                let lines: Vec<plot::Line> = kinds
                    .iter()
                    .map(|kind| {
                        let what = targets::discipline(kind, respect);
                        let points = targets::numbers(usize::MAX).into_iter().filter_map(|n| {
                            let row = report.row(&what, &targets::who(n))?;
                            Some((n as f64, row.median()))
                        });
                        ((*kind).to_owned(), points.collect::<Vec<_>>())
                    })
                    .filter(|(_, points)| !points.is_empty())
                    .collect();
                if !lines.is_empty() {
                    let title = format!("{respect} of so many targets in one process");
                    let svg = plot::growth(&title, "targets", unit, lines);
                    add(name, &title, svg);
                }
            }
        }
        _ => {}
    }
    all
}

/// Breaks a text into lines of some hundred characters, as the rest of the documents have.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| line.len() + word.len() > 104);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
