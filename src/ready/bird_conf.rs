//! Whether bird.conf takes a static protocol's `disabled` from its state file (A6), read off the text.
//! BIRD does not tell: its parser accepts the file either way, and `show protocols` shows the flag and
//! not where it came from.
//!
//! It knows just enough of BIRD's grammar: comments, strings, braces, `protocol static`, `disabled` and
//! `include`. What it does not find it says so of, and never guesses.

use std::collections::BTreeMap;
use std::path::Path;

/// How BIRD begins one.
const PROTOCOL: &str = "protocol";

/// What bird.conf does with a protocol's state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFile {
    /// `disabled;`, and then the state file, by a pattern that may match nothing.
    Taken,
    /// The protocol does not include it.
    NotIncluded,
    /// It is included before `disabled;`, which has the last word then.
    Overruled,
    /// It is included by its plain name: without the file BIRD does not start.
    Required,
    /// It is included, and without it nothing says `disabled;`.
    EnabledWithout,
    /// The text has no such protocol.
    NoProtocol,
}

/// A line that includes other files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// Its number, from 0.
    pub line: usize,
    /// What stands between its quotes.
    pub pattern: String,
}

/// Every line that includes other files. BIRD takes `include` only at the start of a line
/// (conf/cf-lex.l).
pub fn includes(text: &str) -> Vec<Include> {
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(line, text)| {
        let pattern = included(text.trim_start())?.to_owned();
        Some(Include { line, pattern })
    });
    found.collect()
}

/// The static protocols of a bird.conf: the statements of each, by its name.
#[derive(Clone, Debug)]
pub struct Statics(BTreeMap<String, Vec<String>>);

impl Statics {
    /// Finds them in a text.
    pub fn read(text: &str) -> Self {
        let text = without_comments(text);
        let mut found = BTreeMap::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(PROTOCOL) {
            let before = rest[..at].chars().next_back();
            let is_word = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
            rest = &rest[at + PROTOCOL.len()..];
            let Some(open) = rest.find('{').filter(|_| is_word) else {
                continue;
            };
            let mut words = rest[..open].split_whitespace();
            if words.next() == Some("static")
                && let Some(name) = words.next()
                && let Some(block) = inside(&rest[open + 1..])
            {
                found.insert(name.trim_matches('\'').to_owned(), statements(block));
                rest = &rest[open + 1 + block.len()..];
            }
        }
        Self(found)
    }

    /// What the protocol `name` does with its state file at `path`.
    pub fn state_file(&self, name: &str, path: &Path) -> StateFile {
        let Some(statements) = self.0.get(name) else {
            return StateFile::NoProtocol;
        };
        let path = path.to_string_lossy();
        let (mut disabled, mut taken) = (None, None);
        for (at, statement) in statements.iter().enumerate() {
            if statement.split_whitespace().next() == Some("disabled") {
                disabled = Some(at);
            } else if let Some(pattern) = included(statement)
                && matches(pattern, &path)
            {
                taken = Some((at, pattern == path));
            }
        }
        match (disabled, taken) {
            (_, None) => StateFile::NotIncluded,
            (Some(disabled), Some((taken, _))) if taken < disabled => StateFile::Overruled,
            (_, Some((_, true))) => StateFile::Required,
            (None, Some((_, false))) => StateFile::EnabledWithout,
            (Some(_), Some((_, false))) => StateFile::Taken,
        }
    }
}

/// Whether a file name pattern of the shell's kind matches a path: `*` and `?` within a directory, and
/// sets in brackets (glob(7)).
pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    matches_chars(&pattern, &path)
}

/// Whether it matches anything but itself, or nothing at all.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn matches_chars(pattern: &[char], path: &[char]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            matches_chars(rest, path)
                || path
                    .split_first()
                    .is_some_and(|(first, path)| *first != '/' && matches_chars(pattern, path))
        }
        (['?', rest @ ..], [first, path @ ..]) => *first != '/' && matches_chars(rest, path),
        (['[', set @ ..], [first, path @ ..]) => match set_end(set) {
            Some(end) => in_set(&set[..end], *first) && matches_chars(&set[end + 1..], path),
            None => *first == '[' && matches_chars(set, path),
        },
        ([expected, rest @ ..], [first, path @ ..]) => expected == first && matches_chars(rest, path),
        ([], _) | ([_, ..], []) => false,
    }
}

/// Where a set ends; a bracket right at its start is one of the set.
fn set_end(set: &[char]) -> Option<usize> {
    let start = usize::from(set.first().is_some_and(|first| matches!(first, '!' | '^'))) + 1;
    (start..set.len()).find(|&at| set[at] == ']')
}

fn in_set(set: &[char], letter: char) -> bool {
    let (negated, set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut found = false;
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            found |= (set[at]..=set[at + 2]).contains(&letter);
            at += 3;
        } else {
            found |= set[at] == letter;
            at += 1;
        }
    }
    found != negated
}

/// The pattern of `include "PATTERN";`.
fn included(statement: &str) -> Option<&str> {
    let rest = statement.strip_prefix("include")?;
    let (before, rest) = rest.split_once('"')?;
    let (pattern, _) = rest.split_once('"')?;
    before.trim().is_empty().then_some(pattern)
}

/// Up to the brace that closes; `None` where none does.
fn inside(text: &str) -> Option<&str> {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted && depth == 0 => return Some(&text[..at]),
            '}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The statements of a block, in order. Those of inner blocks come along, which do no harm: `disabled`
/// and `include` of a state file stand in none.
fn statements(block: &str) -> Vec<String> {
    let (mut all, mut one, mut quoted) = (Vec::new(), String::new(), false);
    for letter in block.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                one.push(letter);
            }
            ';' | '{' | '}' if !quoted => all.push(std::mem::take(&mut one).trim().to_owned()),
            letter => one.push(letter),
        }
    }
    all
}

/// `#` to the end of the line, and `/* */`; not within quotes.
fn without_comments(text: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['#', '"', '/']) {
        clean.push_str(&rest[..at]);
        let from = &rest[at..];
        rest = if from.starts_with('#') {
            from.find('\n').map_or("", |end| &from[end..])
        } else if from.starts_with("/*") {
            from.find("*/").map_or("", |end| &from[end + 2..])
        } else if let Some(quoted) = from.strip_prefix('"') {
            let end = quoted.find('"').map_or(from.len(), |end| end + 2);
            clean.push_str(&from[..end]);
            &from[end..]
        } else {
            clean.push('/');
            &from[1..]
        };
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests;
