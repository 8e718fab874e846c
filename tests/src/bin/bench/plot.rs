//! Plots as SVG, drawn here: three kinds of them need no library.

use std::fmt::Write;

use crate::report::Row;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 48.0;

/// The height of what is drawn within the axes.
const HEIGHT: f64 = 280.0;

/// The height of a bar with the gap below it.
const BAR: f64 = 26.0;

/// Colours that people with any sight can tell apart, ours first.
const COLOURS: [&str; 8] = [
    "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#8a7a00",
];

/// A line to be: its name and its points.
pub(crate) type Line = (String, Vec<(f64, f64)>);

struct Canvas {
    text: String,
}

impl Canvas {
    fn new(height: f64, title: &str) -> Self {
        let mut made = Self {
            text: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
                 font-family=\"sans-serif\" font-size=\"12\">\n\
                 <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
            ),
        };
        let style = "font-size=\"15\" fill=\"#111111\"";
        made.words(LEFT, 24.0, title, style);
        made
    }

    fn words(&mut self, x: f64, y: f64, words: &str, style: &str) {
        let safe = words
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{safe}</text>"
        );
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        let _ = writeln!(
            self.text,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        let places: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            places.join(" ")
        );
    }

    fn end(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// Powers of ten, and where a number lies between the first and the last.
struct Decades {
    first: i32,
    last: i32,
}

impl Decades {
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::MAX, f64::MIN_POSITIVE);
        for value in values.filter(|value| *value > 0.0 && value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        let first = low.min(high).log10().floor() as i32;
        let last = (high.log10().ceil() as i32).max(first + 1);
        Self { first, last }
    }

    fn share(&self, value: f64) -> f64 {
        let exponent = value.max(10_f64.powi(self.first)).log10();
        (exponent - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(|exponent| 10_f64.powi(exponent))
    }
}

/// How much of the waits had been told after how long; the time grows tenfold from mark to mark.
pub(crate) fn cumulative(title: &str, rows: &[&Row]) -> String {
    let scale = Decades::around(rows.iter().flat_map(|row| row.samples.iter().copied()));
    let lines = rows.iter().map(|row| {
        let sorted = row.sorted();
        let mut points = Vec::new();
        let mut before = 0.0;
        for (number, value) in sorted.iter().enumerate() {
            let share = (number + 1) as f64 / sorted.len() as f64 * 100.0;
            // A staircase: nothing is told between one sample and the next.
            points.extend([(*value, before), (*value, share)]);
            before = share;
        }
        // Told is told.
        points.push((10_f64.powi(scale.last), 100.0));
        (row.who.clone(), points)
    });
    let marks = [0.0, 25.0, 50.0, 75.0, 90.0, 100.0];
    let vertical = Vertical::Even(&marks, 100.0);
    chart(title, "ms", "% told", lines.collect(), &scale, &vertical)
}

/// How something grows with a number; both grow tenfold from mark to mark.
pub(crate) fn growth(title: &str, across: &str, up: &str, lines: Vec<Line>) -> String {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let scale = Decades::around(points().map(|(x, _)| *x));
    let vertical = Decades::around(points().map(|(_, y)| *y));
    chart(
        title,
        across,
        up,
        lines,
        &scale,
        &Vertical::Decades(&vertical),
    )
}

enum Vertical<'a> {
    /// These marks, up to this value.
    Even(&'a [f64], f64),
    Decades(&'a Decades),
}

fn chart(
    title: &str,
    across: &str,
    up: &str,
    lines: Vec<Line>,
    scale: &Decades,
    vertical: &Vertical,
) -> String {
    let legend = 18.0 * lines.len().div_ceil(3) as f64;
    let mut canvas = Canvas::new(TOP + HEIGHT + BOTTOM + legend, title);
    let (wide, bottom) = (WIDTH - LEFT - RIGHT, TOP + HEIGHT);
    let x = |value: f64| LEFT + scale.share(value) * wide;
    let y = |value: f64| match vertical {
        Vertical::Even(_, most) => bottom - value / most * HEIGHT,
        Vertical::Decades(decades) => bottom - decades.share(value) * HEIGHT,
    };
    for mark in scale.marks() {
        canvas.stroke((x(mark), TOP), (x(mark), bottom), "#dddddd");
        let style = "text-anchor=\"middle\" fill=\"#444444\"";
        canvas.words(x(mark), bottom + 16.0, &plain(mark), style);
    }
    let marks: Vec<f64> = match vertical {
        Vertical::Even(marks, _) => marks.to_vec(),
        Vertical::Decades(decades) => decades.marks().collect(),
    };
    for mark in marks {
        canvas.stroke((LEFT, y(mark)), (LEFT + wide, y(mark)), "#dddddd");
        let style = "text-anchor=\"end\" fill=\"#444444\"";
        canvas.words(LEFT - 6.0, y(mark) + 4.0, &plain(mark), style);
    }
    let style = "text-anchor=\"middle\" fill=\"#444444\"";
    canvas.words(LEFT + wide / 2.0, bottom + 34.0, across, style);
    canvas.words(
        LEFT - 6.0,
        TOP - 8.0,
        up,
        "text-anchor=\"end\" fill=\"#444444\"",
    );
    for (number, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let width = if number == 0 { 2.5 } else { 1.5 };
        let placed: Vec<_> = points.iter().map(|(px, py)| (x(*px), y(*py))).collect();
        canvas.path(&placed, colour, width);
        let column = LEFT + (number % 3) as f64 * wide / 3.0;
        let row = bottom + BOTTOM + 4.0 + (number / 3) as f64 * 18.0;
        canvas.path(&[(column, row), (column + 18.0, row)], colour, 3.0);
        canvas.words(column + 24.0, row + 4.0, name, "fill=\"#222222\"");
    }
    canvas.end()
}

/// A bar from nothing to each row's median, with a mark at the 90th percentile; the length grows by
/// the same step for each factor of ten.
pub(crate) fn bars(title: &str, rows: &[&Row]) -> String {
    let left = 250.0;
    let wide = WIDTH - left - 110.0;
    let scale = Decades::around(
        rows.iter()
            .flat_map(|row| [row.median() * 0.9, row.quantile(0.9)]),
    );
    let height = TOP + rows.len() as f64 * BAR + BOTTOM;
    let mut canvas = Canvas::new(height, title);
    let bottom = TOP + rows.len() as f64 * BAR;
    for mark in scale.marks() {
        let x = left + scale.share(mark) * wide;
        canvas.stroke((x, TOP), (x, bottom), "#dddddd");
        let style = "text-anchor=\"middle\" fill=\"#444444\"";
        canvas.words(x, bottom + 16.0, &plain(mark), style);
    }
    for (number, row) in rows.iter().enumerate() {
        let top = TOP + number as f64 * BAR;
        let colour = COLOURS[usize::from(!row.is_ours())];
        let length = scale.share(row.median()).max(0.004) * wide;
        let _ = writeln!(
            canvas.text,
            "<rect x=\"{left}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            top + 3.0,
            BAR - 8.0
        );
        let high = left + scale.share(row.quantile(0.9)) * wide;
        canvas.stroke((high, top + 1.0), (high, top + BAR - 3.0), "#111111");
        let style = "text-anchor=\"end\" fill=\"#222222\"";
        canvas.words(left - 8.0, top + 16.0, &row.who, style);
        let told = format!("{} {}", row.unit.number(row.median()), row.unit.word());
        let end = left + length.max(high - left);
        canvas.words(end + 6.0, top + 16.0, told.trim(), "fill=\"#222222\"");
    }
    let unit = rows.first().map_or("", |row| row.unit.word());
    let style = "text-anchor=\"middle\" fill=\"#444444\"";
    canvas.words(left + wide / 2.0, bottom + 34.0, unit, style);
    canvas.end()
}

/// A mark without needless places.
fn plain(value: f64) -> String {
    if value >= 1.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Unit;

    #[test]
    fn places_numbers_between_powers_of_ten() {
        let scale = Decades::around([0.2, 30.0, 0.0, f64::NAN].into_iter());
        assert_eq!((scale.first, scale.last), (-1, 2));
        assert_eq!(scale.share(0.1), 0.0);
        assert_eq!(scale.share(100.0), 1.0);
        assert_eq!(scale.share(0.0), 0.0);
        assert!((scale.share(1.0) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn draws_without_samples_above_zero_and_escapes_names() {
        let row = Row {
            what: "w".to_owned(),
            who: "a<b & c".to_owned(),
            unit: Unit::Ms,
            samples: vec![-1.0, 0.0],
        };
        for svg in [bars("t", &[&row]), cumulative("t", &[&row])] {
            assert!(svg.contains("a&lt;b &amp; c"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
