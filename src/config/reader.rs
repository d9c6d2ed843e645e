//! Reads tables of the syntax tree, key by key, and writes down what it reads.
//!
//! One call reads a key and describes it: `t.key("fall", integer(1..=1000)).doc("...").default(3)`.
//! Run over a file it yields the value, or reports what is wrong with it and goes on; run over
//! nothing, in the describing mode, it fills the [`Book`]. A table that was read reports the keys
//! that nobody asked for. It knows the form of values, not what they mean to each other.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::book::{Book, Form, KeyDoc, Need};
use super::finding::{Finding, Findings};
use super::kind::{Kind, Site, name_of_type};
use super::place::Path;
use super::unknown;

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
        let value = there.then(|| self.section(name, form, doc, read));
        self.asked.push(name);
        value
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
            self.missing_table(name, &path, doc);
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
        self.asked.push(name);
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

    fn tables_given<T>(
        &mut self,
        name: &'static str,
        path: Path,
        read: &mut impl FnMut(&mut Table<'_, '_>) -> T,
    ) -> Vec<T> {
        self.asked.push(name);
        let Some(value) = self.given(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_form(&path, Form::Many, value.get_ref());
            return Vec::new();
        };
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.item(index);
            let tree = self.expect_table(&path, Form::Many, item);
            values.push(self.descend(path, tree, &mut *read));
        }
        values
    }

    fn expect_table(
        &mut self,
        path: &Path,
        form: Form,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<&'t DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_form(path, form, value.get_ref());
        }
        table
    }

    fn wrong_form(&mut self, path: &Path, form: Form, found: &DeValue<'_>) {
        let (expected, right) = match form {
            Form::Once | Form::OnceAtLeast => ("a table", form.header(&path.to_string())),
            Form::Many | Form::ManyAtLeastOne => ("an array of tables", form.header(&path.without_items())),
            Form::Inline => ("a table in braces", format!("{path} = {{ ... }}")),
        };
        let found = name_of_type(found);
        let finding = Finding::error("wrong-type", format!("`{path}` is {expected}, not {found}"))
            .at(path, found)
            .help(format!("write `{right}`"));
        self.reader.findings.unreadable(path, finding);
    }

    fn missing_table(&mut self, name: &str, path: &Path, doc: &str) {
        let header = Form::Many.header(&path.without_items());
        let place = self.place();
        let finding = Finding::error("missing-key", format!("{place} has no `{header}`"))
            .at(path, format!("`{name}` is missing here"))
            .help(format!("add a `{header}` table: {doc}"));
        self.reader.findings.unreadable(path, finding);
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        let Some(tree) = self.tree.filter(|_| !self.unjudged) else {
            return;
        };
        for key in tree.keys().filter(|key| !self.asked.contains(&&**key.get_ref())) {
            let finding = unknown::key(&self.path, key.get_ref(), &self.asked, tree);
            self.reader.findings.report(finding);
        }
    }
}

/// One key, while it is read.
pub(super) struct Key<'k, 'r, 't, K: Kind> {
    table: &'k mut Table<'r, 't>,
    name: &'static str,
    kind: K,
    doc: &'static str,
    also_called: &'static [&'static str],
    example: &'static str,
}

impl<K: Kind> Key<'_, '_, '_, K> {
    /// What the key is for, in one or two sentences.
    pub(super) fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Names that people try for it.
    pub(super) fn also_called(mut self, names: &'static [&'static str]) -> Self {
        self.also_called = names;
        self
    }

    /// A value as one would write it, for the error that it is missing.
    pub(super) fn example(mut self, toml: &'static str) -> Self {
        self.example = toml;
        self
    }

    /// The value, which must be there.
    pub(super) fn required(mut self) -> K::Value {
        self.describe(Need::Required);
        if self.table.is_describing() {
            return self.kind.stand_in();
        }
        self.given().unwrap_or_else(|| self.missing(""))
    }

    /// The value, which must be there in the circumstances `needed`, which are `when` in words.
    pub(super) fn required_where(mut self, needed: bool, when: &'static str) -> Option<K::Value> {
        self.describe(Need::RequiredWhere(when));
        if self.table.is_describing() {
            return Some(self.kind.stand_in());
        }
        self.given().or_else(|| needed.then(|| self.missing(when)))
    }

    /// The value, where it is there.
    pub(super) fn optional(mut self) -> Option<K::Value> {
        self.describe(Need::Optional);
        self.given()
    }

    /// The value, or else this one.
    pub(super) fn default(mut self, value: impl Sample) -> K::Value {
        let toml = value.toml();
        self.describe(Need::Default(format!("`{toml}`")));
        self.given().unwrap_or_else(|| self.kind.read_own(&toml))
    }

    /// The value, or else one that depends on others; `words` says how.
    pub(super) fn default_by(mut self, words: impl Into<String>, value: K::Value) -> K::Value {
        self.describe(Need::Default(words.into()));
        self.given().unwrap_or(value)
    }

    fn path(&self) -> Path {
        self.table.path.key(self.name)
    }

    fn given(&mut self) -> Option<K::Value> {
        let path = self.path();
        let value = self.table.given(self.name)?;
        let mut site = Site::new(&mut self.table.reader.findings, path);
        Some(self.kind.read(value.get_ref(), &mut site))
    }

    fn missing(&mut self, when: &str) -> K::Value {
        let path = self.path();
        let table = self.table.place();
        let why = if when.is_empty() {
            String::new()
        } else {
            format!(", and is needed {when}")
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

    fn describe(&mut self, need: Need) {
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
pub(super) trait Sample {
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
