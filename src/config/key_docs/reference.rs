//! The reference page: every table and key of falconer.toml, in Markdown.

use super::{ConfigSchema, KeyDoc, KeyPresence, TableForm, TableSchema};

/// The whole page.
pub(crate) fn page(book: &ConfigSchema) -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in book.sections.iter().filter(|section| !section.path.is_empty()) {
        page.push_str(&chapter(section));
    }
    page
}

const INTRODUCTION: &str = "\
# falconer.toml

<!-- Made by the code that reads the file. A test holds this page against it; `INSTA_UPDATE=always cargo nextest run
the_reference_page` writes it anew. -->

Falconer reads one TOML file, `/etc/falconer/falconer.toml`, or the one that `-c FILE` names. `falconer check` reads it,
reports everything that is wrong with it at once, and changes nothing. Unknown keys are errors.

Durations are strings of numbers with the units `ms`, `s`, `m`, `h` and `d`, such as `\"500ms\"`, `\"5s\"` or `\"1h30m\"`; the
longest is a year. Paths are absolute. D1, A2 and so on are the rules of deciding and acting.

The tables `[lease]`, `[[tunnel]]` and `[hooks]` are kept for later versions, and refused by this one.
";

fn chapter(section: &TableSchema) -> String {
    let name = match section.form {
        TableForm::Inline => format!("{} = {{ ... }}", section.path),
        TableForm::Once | TableForm::OnceAtLeast | TableForm::Many | TableForm::ManyAtLeastOne => {
            section.form.header(&section.path)
        }
    };
    let often = match section.form {
        TableForm::Once | TableForm::Inline => "Optional.",
        TableForm::OnceAtLeast => "Required.",
        TableForm::Many => "Any number of them.",
        TableForm::ManyAtLeastOne => "One or more.",
    };
    let mut chapter = format!("\n## `{name}`\n\n{} {often}\n", section.doc);
    if let Some(other) = section.same_as {
        chapter.push_str(&format!("\nThe same keys as `[[{other}]]`."));
        if other == "service.probe" {
            chapter.push_str(" `votes` and `decides` mean nothing here.");
        }
        chapter.push('\n');
        return chapter;
    }
    chapter.push_str(&table(section.keys.iter().filter(|key| key.only.is_none())));
    for (key, value) in variants(section) {
        chapter.push_str(&format!("\n### `{key} = \"{value}\"`\n"));
        chapter.push_str(&table(
            section
                .keys
                .iter()
                .filter(|entry| entry.only == Some((key, value))),
        ));
    }
    chapter
}

/// The sorts of the table, in the order in which they are read.
fn variants(section: &TableSchema) -> Vec<(&'static str, &'static str)> {
    let mut variants: Vec<_> = section.keys.iter().filter_map(|key| key.only).collect();
    variants.dedup();
    variants
}

fn table<'a>(keys: impl Iterator<Item = &'a KeyDoc>) -> String {
    let mut table = "\n| key | value | default | |\n|---|---|---|---|\n".to_owned();
    for key in keys {
        let default = match &key.need {
            KeyPresence::Required => "**required**".to_owned(),
            KeyPresence::RequiredWhere(when) => format!("**required** {when}"),
            KeyPresence::Optional => "none".to_owned(),
            KeyPresence::Default(value) => value.clone(),
        };
        table.push_str(&format!(
            "| `{}` | {} | {default} | {} |\n",
            key.name,
            cell(&key.shape.words),
            meaning(key)
        ));
    }
    table
}

fn meaning(key: &KeyDoc) -> String {
    let mut meaning = key.doc.to_owned();
    for (number, (word, what)) in key.shape.values.iter().enumerate() {
        let before = if number == 0 { " " } else { "; " };
        meaning.push_str(&format!("{before}`\"{word}\"`: {what}"));
    }
    if !key.shape.values.is_empty() {
        meaning.push('.');
    }
    cell(&meaning)
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
