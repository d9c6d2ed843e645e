//! Tables in the look of `birdc show protocols`: columns of a fixed least width that only grow for
//! a longer entry, no lines, and a last column that is free. Widths are those on the screen, where
//! a Chinese character takes two columns.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How far a text that has no room beside its columns is set in, below them.
const INDENT: usize = 2;
/// The narrowest column that text is wrapped in; with less room it goes below.
const NARROWEST: usize = 30;

/// One entry: its text, made harmless to a terminal, and how it is set off.
#[derive(Clone, Debug)]
pub(crate) struct TableCell {
    text: String,
    style: Style,
}

impl TableCell {
    /// A plain entry.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: harmless(text.as_ref()),
            style: Style::new(),
        }
    }

    /// Sets it off.
    pub(crate) fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn width(&self) -> usize {
        self.text.width()
    }

    /// The text, padded outside its colour, so that a coloured line is the plain one to the eye.
    fn write(&self, out: &mut String, width: usize, color: bool) {
        paint(out, &self.text, self.style, color);
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(self.width())));
    }
}

/// Text from outside (a server's answer, BIRD's error) must not steer the operator's terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// A table under construction.
#[derive(Debug)]
pub(crate) struct TextTable {
    /// Heading and least width of each column but the last.
    columns: &'static [(&'static str, usize)],
    /// The last column's heading.
    last: &'static str,
    rows: Vec<(Vec<TableCell>, TableCell)>,
}

impl TextTable {
    /// A table without rows.
    pub(crate) fn new(columns: &'static [(&'static str, usize)], last: &'static str) -> Self {
        Self {
            columns,
            last,
            rows: vec![],
        }
    }

    /// Adds a row: as many cells as there are columns, and what stands in the last one.
    pub(crate) fn row(&mut self, cells: Vec<TableCell>, info: TableCell) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell a column");
        self.rows.push((cells, info));
    }

    /// Writes the table; `width` is that of the terminal, `None` where every row is to be one line.
    pub(crate) fn write(&self, out: &mut String, width: Option<usize>, color: bool) {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, (_, least))| {
                self.rows
                    .iter()
                    .map(|(cells, _)| cells[at].width())
                    .max()
                    .unwrap_or(0)
                    .max(*least)
            })
            .collect();
        let taken: usize = widths.iter().map(|width| width + 1).sum();
        let heading = self
            .columns
            .iter()
            .map(|(heading, _)| TableCell::new(heading))
            .collect();
        for (cells, info) in std::iter::once(&(heading, TableCell::new(self.last))).chain(&self.rows) {
            for (cell, width) in cells.iter().zip(&widths) {
                cell.write(out, *width, color);
                out.push(' ');
            }
            write_info(out, info, taken, width, color);
            trim_end(out);
            out.push('\n');
        }
    }
}

/// Writes the last column: beside the others where it fits, wrapped there where there is room to
/// wrap, else below.
fn write_info(out: &mut String, info: &TableCell, taken: usize, width: Option<usize>, color: bool) {
    let Some(width) = width.filter(|width| taken + info.width() > *width) else {
        return paint(out, &info.text, info.style, color);
    };
    let room = width.saturating_sub(taken);
    let indent = if room >= NARROWEST { taken } else { INDENT };
    for (number, line) in wrap(&info.text, width.saturating_sub(indent)).iter().enumerate() {
        if number > 0 || room < NARROWEST {
            trim_end(out);
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
        }
        paint(out, line, info.style, color);
    }
}

/// Lines of at most `width` columns, broken at spaces where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        if used > 0 && used + 1 + word.width() > width {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            push(&mut lines, ' ');
            used += 1;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used > 0 && used + wide > width {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, c);
            used += wide;
        }
    }
    lines
}

fn push(lines: &mut [String], c: char) {
    if let Some(line) = lines.last_mut() {
        line.push(c);
    }
}

/// Writes a text, set off where colour is wanted.
pub(crate) fn paint(out: &mut String, text: &str, style: Style, color: bool) {
    if color && !text.is_empty() {
        out.push_str(&format!("{style}{text}{style:#}"));
    } else {
        out.push_str(text);
    }
}

fn trim_end(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_within_what_has_none() {
        assert_eq!(wrap("the target is down", 10), ["the target", "is down"]);
        assert_eq!(wrap("主站已断电很久", 8), ["主站已断", "电很久"]);
        assert_eq!(wrap("a 0123456789ab c", 6), ["a", "012345", "6789ab", "c"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\nc\u{9b}d"), "a?[2Jb??c?d");
    }
}
