//! One key: its name, its default and its description.

use crate::config::finding::Finding;
use crate::config::key_docs::{KeyDoc, KeyPresence};
use crate::config::reader::table::TableReader;
use crate::config::spans::KeyPath;
use crate::config::value::{ValueContext, ValueType};

/// One key, while it is read.
pub(crate) struct Key<'k, 'r, 't, K: ValueType> {
    pub(crate) table: &'k mut TableReader<'r, 't>,
    pub(crate) name: &'static str,
    pub(crate) kind: K,
    pub(crate) doc: &'static str,
    pub(crate) also_called: &'static [&'static str],
    pub(crate) example: &'static str,
}

impl<'r, 't> TableReader<'r, 't> {
    /// Starts reading a key.
    pub(crate) fn key<'k, K: ValueType>(&'k mut self, name: &'static str, kind: K) -> Key<'k, 'r, 't, K> {
        self.asked.push(name);
        Key {
            table: self,
            name,
            kind,
            doc: "",
            also_called: &[],
            example: "",
        }
    }
}

impl<K: ValueType> Key<'_, '_, '_, K> {
    /// What the key is for, in one or two sentences.
    pub(crate) fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Names that people try for it.
    pub(crate) fn also_called(mut self, names: &'static [&'static str]) -> Self {
        self.also_called = names;
        self
    }

    /// A value as one would write it, for the error that it is missing.
    pub(crate) fn example(mut self, toml: &'static str) -> Self {
        self.example = toml;
        self
    }

    /// The value, which must be there.
    pub(crate) fn required(mut self) -> K::Value {
        self.describe(KeyPresence::Required);
        if self.table.is_describing() {
            return self.kind.stand_in();
        }
        self.given().unwrap_or_else(|| self.missing(""))
    }

    /// The value, which must be there in the circumstances `needed`, which are `when` in words.
    pub(crate) fn required_where(mut self, needed: bool, when: &'static str) -> Option<K::Value> {
        self.describe(KeyPresence::RequiredWhere(when));
        if self.table.is_describing() {
            return Some(self.kind.stand_in());
        }
        self.given().or_else(|| needed.then(|| self.missing(when)))
    }

    /// The value, where it is there.
    pub(crate) fn optional(mut self) -> Option<K::Value> {
        self.describe(KeyPresence::Optional);
        self.given()
    }

    /// The value, or else this one.
    pub(crate) fn default(mut self, value: impl Sample) -> K::Value {
        let toml = value.toml();
        self.describe(KeyPresence::Default(format!("`{toml}`")));
        self.given().unwrap_or_else(|| self.kind.read_own(&toml))
    }

    /// The value, or else one that depends on others; `words` says how.
    pub(crate) fn default_by(mut self, words: impl Into<String>, value: K::Value) -> K::Value {
        self.describe(KeyPresence::Default(words.into()));
        self.given().unwrap_or(value)
    }

    fn path(&self) -> KeyPath {
        self.table.path.key(self.name)
    }

    fn given(&mut self) -> Option<K::Value> {
        let path = self.path();
        let value = self.table.given(self.name)?;
        let mut site = ValueContext::new(&mut self.table.reader.findings, path, self.doc);
        Some(self.kind.read(value.get_ref(), &mut site))
    }

    fn missing(&mut self, when: &str) -> K::Value {
        let path = self.path();
        if self.table.reader.findings.is_unread(&path) {
            // The table itself is missing, or is none; that says it all.
            return self.kind.stand_in();
        }
        let table = self.table.place();
        let why = if when.is_empty() {
            String::new()
        } else {
            format!(", which is needed {when}")
        };
        let finding = Finding::error("missing-key", format!("{table} has no `{}`{why}", self.name))
            .at(&path, format!("`{}` is missing here", self.name))
            .help(format!("add `{} = {}`", self.name, self.sample()))
            .note(self.doc);
        self.table.reader.findings.unreadable(&path, finding);
        self.kind.stand_in()
    }

    fn sample(&self) -> String {
        if self.example.is_empty() {
            format!("<{}>", self.kind.shape().words)
        } else {
            self.example.to_owned()
        }
    }

    fn describe(&mut self, need: KeyPresence) {
        let only = self.table.reader.only;
        if let Some(book) = &mut self.table.reader.book {
            let entry = KeyDoc {
                name: self.name,
                only,
                also_called: self.also_called,
                shape: self.kind.shape(),
                need,
                doc: self.doc,
            };
            book.add(&self.table.path.to_string(), entry);
        }
    }
}

/// A default as our own code writes it.
pub(crate) trait Sample {
    /// The same as TOML.
    fn toml(&self) -> String;
}

impl Sample for &'static str {
    fn toml(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Sample for bool {
    fn toml(&self) -> String {
        self.to_string()
    }
}

impl Sample for i32 {
    fn toml(&self) -> String {
        self.to_string()
    }
}

impl<const N: usize> Sample for [&'static str; N] {
    fn toml(&self) -> String {
        format!("[{}]", self.map(|item| item.toml()).join(", "))
    }
}
