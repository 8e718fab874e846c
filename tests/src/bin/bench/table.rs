//! The table: all rows of all parts, with ratios.

use crate::report::{Report, Row};

/// The columns behind the discipline and the contestant.
const COLUMNS: [&str; 6] = ["median", "p90", "worst", "best", "runs", "× ours"];

/// One row as texts.
struct Line<'a> {
    what: &'a str,
    who: &'a str,
    cells: [String; 6],
}

fn lines(report: &Report) -> Vec<Line<'_>> {
    report
        .rows
        .iter()
        .map(|row| Line {
            what: &row.what,
            who: &row.who,
            cells: cells(report, row),
        })
        .collect()
}

fn cells(report: &Report, row: &Row) -> [String; 6] {
    let number = |value| row.unit.number(value);
    let several = row.samples.len() > 1;
    let told = |value: f64| {
        if several {
            number(value)
        } else {
            String::new()
        }
    };
    let unit = row.unit.word();
    [
        format!("{} {unit}", number(row.median()))
            .trim_end()
            .to_owned(),
        told(row.quantile(0.9)),
        told(row.quantile(1.0)),
        told(row.sorted().first().copied().unwrap_or_default()),
        row.samples.len().to_string(),
        report
            .ratio(row)
            .map_or(String::new(), |ratio| match ratio {
                ratio if ratio >= 100.0 => format!("{ratio:.0}"),
                ratio if ratio >= 10.0 => format!("{ratio:.1}"),
                ratio => format!("{ratio:.2}"),
            }),
    ]
}

/// For a terminal: one table of everything.
pub(crate) fn text(reports: &[(&str, Report)]) -> String {
    let all: Vec<Line> = reports
        .iter()
        .flat_map(|(_, report)| lines(report))
        .collect();
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let who = width(&mut all.iter().map(|line| line.who.chars().count())).max(4);
    let mut widths = COLUMNS.map(|name| name.chars().count());
    for line in &all {
        for (width, cell) in widths.iter_mut().zip(&line.cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = format!("{:who$}", "");
    for (name, width) in COLUMNS.iter().zip(widths) {
        text.push_str(&format!("  {name:>width$}"));
    }
    let mut before = "";
    for line in &all {
        if line.what != before {
            text.push_str(&format!("\n\n{}", line.what));
            before = line.what;
        }
        text.push_str(&format!("\n{:who$}", line.who));
        for (cell, width) in line.cells.iter().zip(widths) {
            text.push_str(&format!("  {cell:>width$}"));
        }
    }
    text.push('\n');
    text
}

/// For a page: the rows of one discipline.
pub(crate) fn markdown(report: &Report, what: &str) -> String {
    let mut text = format!("| {what} | {} |\n", COLUMNS.join(" | "));
    text.push_str("| --- |");
    text.push_str(&" ---: |".repeat(COLUMNS.len()));
    text.push('\n');
    for line in lines(report).iter().filter(|line| line.what == what) {
        let mark = if line.who.starts_with("waitfor") {
            "**"
        } else {
            ""
        };
        text.push_str(&format!(
            "| {mark}{}{mark} | {} |\n",
            line.who,
            line.cells.join(" | ")
        ));
    }
    text
}
