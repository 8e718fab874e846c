//! What a part of the benchmark found: rows of samples, which everything that is shown is computed
//! from.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What samples are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Milliseconds.
    Ms,
    /// Mebibytes.
    Mib,
    /// Bytes.
    Bytes,
    /// Percent of one core.
    Core,
    /// A number without a unit.
    Count,
    /// Thousands of instructions.
    Kinstr,
}

impl Unit {
    /// As it stands behind a number.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Unit::Ms => "ms",
            Unit::Mib => "MiB",
            Unit::Bytes => "bytes",
            Unit::Core => "% of a core",
            Unit::Count => "",
            Unit::Kinstr => "k instr.",
        }
    }

    /// A number in this unit, with as many places as mean something.
    pub(crate) fn number(self, value: f64) -> String {
        match self {
            Unit::Bytes => format!("{value:.0}"),
            Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
            _ if value.abs() >= 1000.0 => format!("{value:.0}"),
            _ if value.abs() >= 100.0 => format!("{value:.1}"),
            _ if value.abs() >= 1.0 => format!("{value:.2}"),
            _ => format!("{value:.3}"),
        }
    }
}

/// One contestant in one discipline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The discipline: rows with the same one are compared with each other.
    pub(crate) what: String,
    /// The contestant; ours begin with `waitfor`.
    pub(crate) who: String,
    /// What the samples are measured in.
    pub(crate) unit: Unit,
    /// At least one.
    pub(crate) samples: Vec<f64>,
}

impl Row {
    /// The middle one, or the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let half = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            even if even % 2 == 0 => f64::midpoint(sorted[half - 1], sorted[half]),
            _ => sorted[half],
        }
    }

    /// The sample that this share of the others does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let sorted = self.sorted();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// The samples, the smallest first.
    pub(crate) fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// Whether it is one of ours.
    pub(crate) fn is_ours(&self) -> bool {
        self.who.starts_with("waitfor")
    }
}

/// What one part found, in one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What was measured, in the order it is shown.
    pub(crate) rows: Vec<Row>,
    /// What could not be measured, and why.
    pub(crate) skipped: Vec<String>,
    /// Who took part, with versions.
    pub(crate) versions: Vec<String>,
    /// How long the part took, in seconds.
    pub(crate) took: f64,
    /// The sha256 of the program that was measured: numbers of two builds are not mixed.
    pub(crate) build: String,
}

impl Report {
    /// Adds a sample to the row of this discipline and contestant, which is made if needed.
    pub(crate) fn add(&mut self, what: &str, who: &str, unit: Unit, sample: f64) {
        let found = self
            .rows
            .iter_mut()
            .find(|row| row.what == what && row.who == who);
        match found {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row {
                what: what.to_owned(),
                who: who.to_owned(),
                unit,
                samples: vec![sample],
            }),
        }
    }

    /// Puts rows of one discipline together, in the order in which the disciplines came up.
    pub(crate) fn group(&mut self) {
        let mut order: Vec<String> = Vec::new();
        for row in &self.rows {
            if !order.contains(&row.what) {
                order.push(row.what.clone());
            }
        }
        let place = |row: &Row| order.iter().position(|what| *what == row.what);
        self.rows.sort_by_key(place);
    }

    /// Notes what could not be measured, and shows it at once.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        let line = format!("{what}: {why}");
        eprintln!("skipped: {line}");
        if !self.skipped.contains(&line) {
            self.skipped.push(line);
        }
    }

    /// The row of this discipline and contestant.
    pub(crate) fn row(&self, what: &str, who: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.what == what && row.who == who)
    }

    /// How many times ours a row's median is; nothing where there is none of ours, or it is zero.
    pub(crate) fn ratio(&self, row: &Row) -> Option<f64> {
        let ours = self
            .rows
            .iter()
            .find(|other| other.what == row.what && other.is_ours())?;
        let ratio = row.median() / ours.median();
        ratio.is_finite().then_some(ratio)
    }
}

/// Where the raw results are kept: `bench` in the target folder, and in a folder of its own there
/// what is too little for a page.
pub(crate) fn folder(short: bool) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
        .join("bench");
    if short { folder.join("short") } else { folder }
}

/// Keeps a part's report for the table and the page.
pub(crate) fn keep(folder: &Path, part: &str, report: &Report) -> Result<(), String> {
    let file = folder.join(format!("{part}.json"));
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|e| format!("cannot write {}: {e}", file.display()))
}

/// The report that was kept of a part, in this run or an earlier one.
pub(crate) fn kept(folder: &Path, part: &str) -> Option<Report> {
    let text = fs::read_to_string(folder.join(format!("{part}.json"))).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        for sample in [4.0, 1.0, 3.0, 2.0] {
            report.add("lag", "waitfor", Unit::Ms, sample);
        }
        report.add("size", "waitfor", Unit::Bytes, 7.0);
        report.add("lag", "another", Unit::Ms, 10.0);
        report
    }

    #[test]
    fn tells_quantiles() {
        let report = report();
        let row = report.row("lag", "waitfor").expect("it was added");
        assert_eq!(row.median(), 2.5);
        assert_eq!(row.quantile(0.9), 4.0);
        assert_eq!(row.quantile(0.5), 2.0);
        assert_eq!(row.quantile(1.0), 4.0);
    }

    #[test]
    fn compares_within_a_discipline() {
        let mut report = report();
        let row = report.row("lag", "another").expect("it was added");
        assert_eq!(report.ratio(row), Some(4.0));
        report.add("alone", "another", Unit::Ms, 1.0);
        let row = report.row("alone", "another").expect("it was added");
        assert_eq!(report.ratio(row), None);
    }

    #[test]
    fn puts_disciplines_together() {
        let mut report = report();
        report.group();
        let order: Vec<&str> = report.rows.iter().map(|row| row.what.as_str()).collect();
        assert_eq!(order, ["lag", "lag", "size"]);
    }

    #[test]
    fn shows_as_many_places_as_mean_something() {
        for (unit, value, shown) in [
            (Unit::Ms, 0.1234, "0.123"),
            (Unit::Ms, 12.345, "12.35"),
            (Unit::Ms, 1234.5, "1234"),
            (Unit::Count, 3.0, "3"),
            (Unit::Bytes, 1048576.0, "1048576"),
        ] {
            assert_eq!(unit.number(value), shown);
        }
    }
}
