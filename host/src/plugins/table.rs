//! Columns of text, and the short form of a digest that stands in them.

use waitfor_registry::Digest;

/// How many digits of a digest people are shown.
const SHORT: usize = 12;

/// The first digits of a digest.
pub(super) fn short(digest: &Digest) -> String {
    digest.hex().chars().take(SHORT).collect()
}

/// Left-aligned columns, two blanks apart.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.chars().count()) + 2,
            ));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
