//! The figures to reach, and whether they are: computed from what was measured.

use crate::peers::{CONNECTING, HOLDING};
use crate::report::{Report, Row};
use crate::{attempt, lag, memory, plugins, start, targets, waiting};

/// One figure to reach.
pub(crate) struct Goal {
    /// What it is about.
    pub(crate) what: String,
    /// What is to be reached.
    pub(crate) reach: String,
    /// What was found.
    pub(crate) found: String,
    /// Whether that reaches it; nothing where it was not measured.
    pub(crate) reached: Option<bool>,
}

/// All figures, in the order of the project's design.
pub(crate) fn all(find: &impl Fn(&str) -> Option<Report>) -> Vec<Goal> {
    let mut goals = Vec::new();
    let part = |name: &str| find(name).unwrap_or_default();
    let starts = part("start");
    for (what, client) in [
        (start::REDIS, "redis-cli ping"),
        (start::POSTGRES, "pg_isready"),
        (start::OPENBAO, "bao status"),
    ] {
        let both = starts.row(what, "waitfor").zip(starts.row(what, client));
        goals.push(judge(
            &format!("{what}, whole process"),
            &format!("faster than `{client}`"),
            both.map(|(ours, theirs)| {
                let ratio = ours.median() / theirs.median();
                let found = format!("{ratio:.2} of its time ({})", pair(ours, theirs));
                (found, ratio < 1.0)
            }),
        ));
    }
    let lags = part("lag");
    for (what, who) in [
        (lag::TCP, CONNECTING),
        (lag::TCP, HOLDING),
        (lag::LATE, CONNECTING),
        (lag::SOCKET, CONNECTING),
        (lag::REDIS, "waitfor"),
        (lag::POSTGRES, "waitfor"),
    ] {
        let row = lags.row(what, who);
        let what = if who == "waitfor" {
            what.to_owned()
        } else {
            format!("{what}, {}", who.trim_start_matches("waitfor, "))
        };
        goals.push(most(&what, "median 10 ms or less", row, 10.0));
    }
    let waits = part("waiting");
    for scene in [
        waiting::Scene::Refused,
        waiting::Scene::Loading,
        waiting::Scene::Starting,
        waiting::Scene::Swallowed,
    ] {
        let what = waiting::discipline(waiting::CPU, scene);
        let who = match scene {
            waiting::Scene::Refused | waiting::Scene::Swallowed => HOLDING,
            _ => "waitfor",
        };
        let row = waits.row(&what, who);
        goals.push(judge(
            &what,
            "under 1 % of a core",
            row.map(|row| (told(row), row.median() < 1.0)),
        ));
    }
    let attempts = part("attempt");
    for who in [
        "waitfor, open port",
        "waitfor, refused port",
        "waitfor, ready Redis",
        "waitfor, ready PostgreSQL",
    ] {
        let row = attempts.row(attempt::CPU, who);
        let what = format!("{}, {}", attempt::CPU, who.trim_start_matches("waitfor, "));
        goals.push(most(&what, "0.3 ms or less", row, 0.3));
    }
    let pulled = part("plugins");
    for probe in plugins::PROBES {
        let what = plugins::discipline(probe);
        let row = pulled.row(&what, plugins::COLD);
        let what = format!("{what}, never compiled before");
        goals.push(most(&what, "60 ms or less", row, 60.0));
    }
    let many = part("targets");
    for kind in targets::KINDS {
        let what = targets::discipline(kind, targets::MEMORY);
        let row = many.row(&what, &targets::who(1000));
        let what = format!("{what}, 1000 targets in one process");
        let found = row
            .map(megabytes)
            .map(|(told, found)| (told, found < 150.0));
        goals.push(judge(&what, "under 150 MB", found));
    }
    let memories = part("memory");
    for service in memory::SERVICES {
        let what = memory::discipline(service);
        let row = memories
            .row(&what, "waitfor")
            .or_else(|| memories.row(&what, HOLDING));
        let found = row
            .map(megabytes)
            .map(|(told, found)| (told, found <= 16.0));
        goals.push(judge(&what, "16 MB or less", found));
    }
    goals
}

fn most(what: &str, reach: &str, row: Option<&Row>, limit: f64) -> Goal {
    let found = row.map(|row| (told(row), row.median() <= limit));
    judge(what, reach, found)
}

fn judge(what: &str, reach: &str, found: Option<(String, bool)>) -> Goal {
    let (found, reached) = match found {
        Some((found, reached)) => (found, Some(reached)),
        None => ("not measured".to_owned(), None),
    };
    Goal {
        what: what.to_owned(),
        reach: reach.to_owned(),
        found,
        reached,
    }
}

/// A row of mebibytes in the megabytes of the figures, told and as a number.
fn megabytes(row: &Row) -> (String, f64) {
    let found = row.median() * f64::from(1 << 20) / 1e6;
    (format!("{found:.1} MB"), found)
}

fn told(row: &Row) -> String {
    format!("{} {}", row.unit.number(row.median()), row.unit.word())
}

fn pair(ours: &Row, theirs: &Row) -> String {
    let unit = ours.unit;
    format!(
        "{} to {} {}",
        unit.number(ours.median()),
        unit.number(theirs.median()),
        unit.word()
    )
}

/// As a table for a terminal.
pub(crate) fn text(goals: &[Goal]) -> String {
    let width = |of: fn(&Goal) -> usize| goals.iter().map(of).max().unwrap_or(0);
    let what = width(|goal| goal.what.chars().count());
    let reach = width(|goal| goal.reach.chars().count());
    let mut text = String::from("figures to reach\n");
    for goal in goals {
        text.push_str(&format!(
            "{:what$}  {:reach$}  {:7}  {}\n",
            goal.what,
            goal.reach,
            word(goal.reached),
            goal.found
        ));
    }
    text
}

/// As a table for a page.
pub(crate) fn markdown(goals: &[Goal]) -> String {
    let mut text = String::from("| what | reach | found | reached |\n| --- | --- | --- | --- |\n");
    for goal in goals {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            goal.what,
            goal.reach,
            goal.found,
            word(goal.reached)
        ));
    }
    text
}

fn word(reached: Option<bool>) -> &'static str {
    match reached {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
}
