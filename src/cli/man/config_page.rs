//! falconer.toml(5): the reference page of the configuration, as a page of the manual.

use roff::{Inline, Roff, bold, roman};

use crate::config;

/// The page, in roff.
pub(crate) fn page() -> String {
    let mut page = Roff::new();
    page.control("TH", ["falconer.toml", "5"]);
    page.control("SH", ["NAME"]);
    page.text([roman("falconer.toml - configuration of falconer(8)")]);
    page.control("SH", ["DESCRIPTION"]);
    let reference = config::reference();
    for block in reference.split("\n\n").skip(1) {
        add(&mut page, block);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(
        "falconer(1), falconer(8), falconer-check(1), falconer-init(1)",
    )]);
    page.render()
}

/// Adds a paragraph, a heading or a table of the reference page.
fn add(page: &mut Roff, block: &str) {
    let block = block.trim();
    if block.starts_with("<!--") {
        return;
    }
    if let Some(heading) = block.strip_prefix("### ") {
        page.control("SS", [plain(heading).as_str()]);
    } else if let Some(heading) = block.strip_prefix("## ") {
        page.control("SH", [plain(heading).as_str()]);
    } else if block.starts_with('|') {
        // The first two rows are the table's head.
        for row in block.lines().skip(2) {
            key(page, row);
        }
    } else {
        page.control("PP", []);
        page.text(inline(&block.replace('\n', " ")));
    }
}

/// A row of a table: key, value, default and meaning.
fn key(page: &mut Roff, row: &str) {
    let row = row.replace("\\|", "\u{1}");
    let cells: Vec<String> = row
        .trim_matches('|')
        .split(" | ")
        .map(|cell| cell.trim_matches([' ', '|']).replace('\u{1}', "|"))
        .collect();
    let [name, value, default, meaning] = cells.as_slice() else {
        return;
    };
    page.control("TP", []);
    page.text([bold(plain(name)), roman(format!(" ({})", plain(value)))]);
    let mut text = inline(meaning);
    let required = default.starts_with("**required**");
    text.push(roman(match required {
        true => format!(" {}.", plain(default)),
        false => format!(" Default: {}.", plain(default)),
    }));
    page.text(text);
}

/// Text with its code in bold.
fn inline(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts
        .map(|(number, part)| match number % 2 {
            0 => roman(part.replace("**", "")),
            _ => bold(part),
        })
        .collect()
}

fn plain(text: &str) -> String {
    text.replace('`', "").replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_key_of_the_reference_is_in_the_manual() {
        let page = page();
        let reference = config::reference();
        let rows = reference.lines().filter_map(|line| line.strip_prefix("| `"));
        let keys: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
        assert!(keys.len() > 100, "{}", keys.len());
        for key in keys {
            let escaped = key.replace('-', "\\-");
            assert!(page.contains(&format!("\\fB{escaped}\\fR (")), "{key}");
        }
        for heading in reference.lines().filter_map(|line| line.strip_prefix("## `")) {
            let heading = heading.trim_end_matches('`');
            assert!(page.contains(heading.trim_matches(['[', ']'])), "{heading}");
        }
        assert!(!page.contains("**") && !page.contains("INSTA"));
    }
}
