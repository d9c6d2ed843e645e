//! Reads tables of the syntax tree, key by key, and writes down what it reads.
//!
//! One call reads a key and describes it: `t.key("fall", integer(1..=1000)).doc("...").default(3)`.
//! Run over a file it yields the value, or reports what is wrong with it and goes on; run over
//! nothing, in the describing mode, it fills the [`Book`]. A table that was read reports the keys
//! that nobody asked for. It knows the form of values, not what they mean to each other.

mod form;
mod key;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::book::{Book, Form};
use super::finding::{Finding, Findings};
use super::kind::Kind;
use super::place::Path;
use super::unknown;

pub(super) use key::Key;

/// What goes through all tables.
pub(super) struct Reader {
    pub(super) findings: Findings,
    /// There in the describing mode only.
    pub(super) book: Option<Book>,
    /// The variant whose keys are being described.
    only: Option<(&'static str, &'static str)>,
}

impl Reader {
    /// Reads a file.
    pub(super) fn reading(findings: Findings) -> Self {
        Self {
            findings,
            book: None,
            only: None,
        }
    }

    /// Reads nothing and describes everything.
    pub(super) fn describing() -> Self {
        let mut book = Book::default();
        book.open(String::new(), Form::Once, "", None);
        Self {
            findings: Findings::default(),
            book: Some(book),
            only: None,
        }
    }
}

/// One table, while it is read.
pub(super) struct Table<'r, 't> {
    reader: &'r mut Reader,
    /// `None`: not in the file, or described.
    tree: Option<&'t DeTable<'t>>,
    path: Path,
    asked: Vec<&'static str>,
    /// Known, and not to be suggested.
    refused: Vec<&'static str>,
    /// Which keys belong here depends on something that could not be read.
    unjudged: bool,
}

/// One of several sorts of a table, told apart by the value of a key.
pub(super) struct Variant<T> {
    /// The key's value.
    pub(super) name: &'static str,
    /// What it means.
    pub(super) doc: &'static str,
    /// Reads the keys that only this sort has.
    pub(super) read: fn(&mut Table<'_, '_>) -> T,
}

impl<'r, 't> Table<'r, 't> {
    /// The whole file.
    pub(super) fn top(reader: &'r mut Reader, tree: Option<&'t DeTable<'t>>) -> Self {
        Self::new(reader, tree, Path::top())
    }

    fn new(reader: &'r mut Reader, tree: Option<&'t DeTable<'t>>, path: Path) -> Self {
        Self {
            reader,
            tree,
            path,
            asked: Vec::new(),
            refused: Vec::new(),
            unjudged: false,
        }
    }

    /// Where this table stands.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tree.is_some_and(|tree| tree.contains_key(name))
    }

    /// Whether a key is there and could be read.
    pub(super) fn has_good(&self, name: &str) -> bool {
        self.has(name) && !self.reader.findings.is_unread(&self.path.key(name))
    }

    /// Reports something about this table.
    pub(super) fn report(&mut self, finding: Finding) {
        self.reader.findings.report(finding);
    }

    /// Starts reading a key.
    pub(super) fn key<'k, K: Kind>(&'k mut self, name: &'static str, kind: K) -> Key<'k, 'r, 't, K> {
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

    /// Reads a table that has a value even where it is not in the file.
    pub(super) fn section<T>(
        &mut self,
        name: &'static str,
        form: Form,
        doc: &'static str,
        read: impl FnOnce(&mut Table<'_, '_>) -> T,
    ) -> T {
        self.asked.push(name);
        let path = self.path.key(name);
        self.open(&path, form, doc, None);
        let tree = self
            .given(name)
            .and_then(|value| self.expect_table(&path, form, value));
        if form == Form::OnceAtLeast && !self.has(name) && !self.is_describing() {
            self.missing_table(name, form, doc);
        }
        self.descend(path, tree, read)
    }

    /// Reads a table where it is in the file.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        form: Form,
        doc: &'static str,
        read: impl FnOnce(&mut Table<'_, '_>) -> T,
    ) -> Option<T> {
        let there = self.has(name) || self.is_describing();
        if there {
            return Some(self.section(name, form, doc, read));
        }
        self.asked.push(name);
        None
    }

    /// Reads every table of an array.
    pub(super) fn tables<T>(
        &mut self,
        name: &'static str,
        form: Form,
        doc: &'static str,
        mut read: impl FnMut(&mut Table<'_, '_>) -> T,
    ) -> Vec<T> {
        let path = self.path.key(name);
        self.open(&path, form, doc, None);
        if self.is_describing() {
            return vec![self.descend(path, None, read)];
        }
        let values = self.tables_given(name, path.clone(), &mut read);
        if values.is_empty() && form == Form::ManyAtLeastOne {
            self.missing_table(name, form, doc);
        }
        values
    }

    /// Reads every table of an array whose tables have the keys of another one.
    pub(super) fn tables_like<T>(
        &mut self,
        name: &'static str,
        like: &'static str,
        doc: &'static str,
        mut read: impl FnMut(&mut Table<'_, '_>) -> T,
    ) -> Vec<T> {
        let path = self.path.key(name);
        self.open(&path, Form::Many, doc, Some(like));
        self.tables_given(name, path, &mut read)
    }

    /// Reads the keys that depend on the value of one. `None` where that value is not known.
    pub(super) fn variant<T>(
        &mut self,
        key: &'static str,
        doc: &'static str,
        variants: &'static [Variant<T>],
    ) -> Option<T> {
        let words = variants
            .iter()
            .map(|variant| (variant.name, variant.doc))
            .collect();
        let chosen = self.key(key, super::kind::Sort(words)).doc(doc).required();
        if self.is_describing() {
            let mut last = None;
            for variant in variants {
                self.reader.only = Some((key, variant.name));
                last = Some((variant.read)(self));
            }
            self.reader.only = None;
            return last;
        }
        let variant = variants.iter().find(|variant| chosen == Some(variant.name));
        self.unjudged = variant.is_none();
        variant.map(|variant| (variant.read)(self))
    }

    /// Refuses a key that a later version will read.
    pub(super) fn not_yet(&mut self, name: &'static str, what: &str) {
        self.refused.push(name);
        let path = self.path.key(name);
        if self.has(name) {
            self.report(
                Finding::error(
                    "not-yet",
                    format!("this version of Falconer does not have {what} yet"),
                )
                .at_key(&path, "refused, so that nothing relies on it")
                .help(format!(
                    "remove `{name}`, or use a version whose reference lists it"
                )),
            );
        }
    }

    /// This table as a reader would call it.
    fn place(&self) -> String {
        match self.path.is_top() {
            true => "the file".to_owned(),
            false => format!("`{}`", self.path),
        }
    }

    /// Whether nothing is read, and everything described.
    pub(super) fn is_describing(&self) -> bool {
        self.reader.book.is_some()
    }

    fn given(&self, name: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.tree.and_then(|tree| tree.get(name))
    }

    fn open(&mut self, path: &Path, form: Form, doc: &'static str, same_as: Option<&'static str>) {
        if let Some(book) = &mut self.reader.book {
            book.open(path.to_string(), form, doc, same_as);
        }
    }

    fn descend<'u, T>(
        &mut self,
        path: Path,
        tree: Option<&'u DeTable<'u>>,
        read: impl FnOnce(&mut Table<'_, '_>) -> T,
    ) -> T {
        let mut table = Table::new(self.reader, tree, path);
        let value = read(&mut table);
        table.finish();
        value
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        let Some(tree) = self.tree.filter(|_| !self.unjudged) else {
            return;
        };
        let known = |name: &str| self.asked.contains(&name) || self.refused.contains(&name);
        for key in tree.keys().filter(|key| !known(key.get_ref())) {
            let finding = unknown::key(&self.path, key.get_ref(), &self.asked, tree);
            self.reader.findings.report(finding);
        }
    }
}
