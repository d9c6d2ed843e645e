//! Whether bird.conf takes a static protocol's `disabled` from its state file (A6), read off the text.
//! BIRD does not tell: its parser accepts the file either way, and `show protocols` shows the flag and
//! not where it came from.
//!
//! It knows just enough of BIRD's grammar: comments, strings, braces, `protocol static`, `disabled` and
//! `include`. What it does not find it says so of, and never guesses.

use std::collections::BTreeMap;
use std::path::Path;

/// How BIRD begins one, and what one may be made from.
const BLOCKS: [&str; 2] = ["protocol", "template"];
/// How many templates may stand behind one another; BIRD's own grammar allows no circle.
const MAX_TEMPLATES: usize = 32;

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
    /// It is included by a pattern that matches the state files of other protocols, too.
    TooWide,
    /// What `disabled` says in it is not understood.
    Unclear,
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

/// The static protocols of a bird.conf, and their templates: the statements of each, by its name.
#[derive(Clone, Debug)]
pub struct Statics(BTreeMap<String, Block>);

#[derive(Clone, Debug)]
struct Block {
    /// The template, or other protocol, that it is made from.
    from: Option<String>,
    statements: Vec<String>,
}

/// What a `disabled` statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disabled {
    Yes,
    No,
    /// An expression that only BIRD can evaluate.
    Unclear,
}

impl Statics {
    /// Finds them in a text.
    pub fn read(text: &str) -> Self {
        let text = without_comments(text);
        let (mut found, mut read_to) = (BTreeMap::new(), 0);
        for (at, word) in begun_blocks(&text) {
            let before = text[..at].chars().next_back();
            let is_word = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
            let rest = &text[at + word.len()..];
            let Some(open) = rest.find('{').filter(|_| is_word && at >= read_to) else {
                continue;
            };
            let mut words = rest[..open].split_whitespace();
            if words.next() == Some("static")
                && let Some(name) = words.next()
                && let Some(block) = inside(&rest[open + 1..])
            {
                let from = words.next().filter(|word| *word == "from").and(words.next());
                let one = Block {
                    from: from.map(bare),
                    statements: statements(block),
                };
                found.insert(bare(name), one);
                read_to = at + word.len() + open + 1 + block.len();
            }
        }
        Self(found)
    }

    /// What the protocol `name` does with its state file at `path`; `others` are the state files of
    /// other protocols.
    pub fn state_file<'a>(
        &self,
        name: &str,
        path: &Path,
        others: impl IntoIterator<Item = &'a Path>,
    ) -> StateFile {
        if !self.0.contains_key(name) {
            return StateFile::NoProtocol;
        }
        let path = path.to_string_lossy();
        let (mut disabled, mut taken) = (None, None);
        for (at, statement) in self.statements(name).into_iter().enumerate() {
            if let Some(said) = says_disabled(statement) {
                disabled = Some((at, said));
            } else if let Some(pattern) = included(statement)
                && matches(pattern, &path)
            {
                taken = Some((at, pattern));
            }
        }
        let Some((taken, pattern)) = taken else {
            return StateFile::NotIncluded;
        };
        let is_others = |other: &Path| matches(pattern, &other.to_string_lossy());
        if others.into_iter().any(is_others) {
            return StateFile::TooWide;
        }
        match disabled {
            Some((_, Disabled::Unclear)) => StateFile::Unclear,
            Some((at, _)) if taken < at => StateFile::Overruled,
            _ if pattern == path => StateFile::Required,
            None | Some((_, Disabled::No)) => StateFile::EnabledWithout,
            Some((_, Disabled::Yes)) => StateFile::Taken,
        }
    }

    /// The statements of a protocol as BIRD has them: first those of what it is made from.
    fn statements(&self, name: &str) -> Vec<&str> {
        let mut chain = Vec::new();
        let mut next = Some(name);
        while let Some(block) = next.and_then(|name| self.0.get(name))
            && chain.len() < MAX_TEMPLATES
        {
            chain.push(block);
            next = block.from.as_deref();
        }
        let blocks = chain.into_iter().rev();
        blocks
            .flat_map(|block| block.statements.iter().map(String::as_str))
            .collect()
    }
}

/// Where the words stand that may begin a block, in order.
fn begun_blocks(text: &str) -> Vec<(usize, &'static str)> {
    let mut found: Vec<(usize, &str)> = BLOCKS
        .iter()
        .flat_map(|word| text.match_indices(word))
        .map(|(at, _)| at)
        .filter_map(|at| Some((at, *BLOCKS.iter().find(|word| text[at..].starts_with(**word))?)))
        .collect();
    found.sort_unstable();
    found
}

/// A name without its apostrophes.
fn bare(name: &str) -> String {
    name.trim_matches('\'').to_owned()
}

/// What a statement says of `disabled`, if it is one (conf/confbase.Y:bool).
fn says_disabled(statement: &str) -> Option<Disabled> {
    let mut words = statement.split_whitespace();
    if words.next() != Some("disabled") {
        return None;
    }
    Some(match (words.next(), words.next()) {
        (None | Some("yes" | "on" | "true" | "1"), None) => Disabled::Yes,
        (Some("no" | "off" | "false" | "0"), None) => Disabled::No,
        (_, _) => Disabled::Unclear,
    })
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
