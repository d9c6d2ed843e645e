//! One table while it is being read.

use crate::config::finding::{Finding, Findings};
use crate::config::key_docs::{ConfigSchema, TableForm};
use crate::config::spans::KeyPath;
use crate::config::unknown;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What goes through all tables.
pub(crate) struct ConfigReader {
    pub(crate) findings: Findings,
    /// Everything that the file may hold, for what is said of an unknown key.
    pub(crate) schema: fn() -> &'static ConfigSchema,
    /// There in the describing mode only.
    pub(crate) book: Option<ConfigSchema>,
    /// The variant whose keys are being described.
    pub(crate) only: Option<(&'static str, &'static str)>,
}

impl ConfigReader {
    /// Reads a file.
    pub(crate) fn reading(findings: Findings, schema: fn() -> &'static ConfigSchema) -> Self {
        Self {
            findings,
            schema,
            book: None,
            only: None,
        }
    }

    /// Reads nothing and describes everything.
    pub(crate) fn describing(schema: fn() -> &'static ConfigSchema) -> Self {
        let mut book = ConfigSchema::default();
        book.open(String::new(), TableForm::Once, "", None);
        Self {
            findings: Findings::default(),
            schema,
            book: Some(book),
            only: None,
        }
    }
}

/// One table, while it is read.
pub(crate) struct TableReader<'r, 't> {
    pub(crate) reader: &'r mut ConfigReader,
    /// `None`: not in the file, or described.
    pub(crate) tree: Option<&'t DeTable<'t>>,
    pub(crate) path: KeyPath,
    pub(crate) asked: Vec<&'static str>,
    /// Known, and not to be suggested.
    pub(crate) refused: Vec<&'static str>,
    /// Which keys belong here depends on something that could not be read.
    pub(crate) unjudged: bool,
}

/// One of several sorts of a table, told apart by the value of a key.
pub(crate) struct Variant<T> {
    /// The key's value.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) doc: &'static str,
    /// Reads the keys that only this sort has.
    pub(crate) read: fn(&mut TableReader<'_, '_>) -> T,
}

impl<'r, 't> TableReader<'r, 't> {
    /// The whole file.
    pub(crate) fn top(reader: &'r mut ConfigReader, tree: Option<&'t DeTable<'t>>) -> Self {
        Self::new(reader, tree, KeyPath::top())
    }

    pub(crate) fn new(reader: &'r mut ConfigReader, tree: Option<&'t DeTable<'t>>, path: KeyPath) -> Self {
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
    pub(crate) fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tree.is_some_and(|tree| tree.contains_key(name))
    }

    /// Whether a key is there and could be read.
    pub(crate) fn has_good(&self, name: &str) -> bool {
        self.has(name) && !self.reader.findings.is_unread(&self.path.key(name))
    }

    /// Reports something about this table.
    pub(crate) fn report(&mut self, finding: Finding) {
        self.reader.findings.report(finding);
    }

    /// Reads a table that has a value even where it is not in the file.
    pub(crate) fn section<T>(
        &mut self,
        name: &'static str,
        form: TableForm,
        doc: &'static str,
        read: impl FnOnce(&mut TableReader<'_, '_>) -> T,
    ) -> T {
        self.asked.push(name);
        let path = self.path.key(name);
        self.open(&path, form, doc, None);
        let tree = self
            .given(name)
            .and_then(|value| self.expect_table(&path, form, value));
        if form == TableForm::OnceAtLeast && !self.has(name) && !self.is_describing() {
            self.missing_table(name, form, doc);
        }
        self.descend(path, tree, read)
    }

    /// Reads a table where it is in the file.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        form: TableForm,
        doc: &'static str,
        read: impl FnOnce(&mut TableReader<'_, '_>) -> T,
    ) -> Option<T> {
        let there = self.has(name) || self.is_describing();
        if there {
            return Some(self.section(name, form, doc, read));
        }
        self.asked.push(name);
        None
    }

    /// Reads every table of an array.
    pub(crate) fn tables<T>(
        &mut self,
        name: &'static str,
        form: TableForm,
        doc: &'static str,
        mut read: impl FnMut(&mut TableReader<'_, '_>) -> T,
    ) -> Vec<T> {
        let path = self.path.key(name);
        self.open(&path, form, doc, None);
        if self.is_describing() {
            return vec![self.descend(path, None, read)];
        }
        let values = self.tables_given(name, path.clone(), &mut read);
        if values.is_empty() && form == TableForm::ManyAtLeastOne {
            self.missing_table(name, form, doc);
        }
        values
    }

    /// Reads every table of an array whose tables have the keys of another one.
    pub(crate) fn tables_like<T>(
        &mut self,
        name: &'static str,
        like: &'static str,
        doc: &'static str,
        mut read: impl FnMut(&mut TableReader<'_, '_>) -> T,
    ) -> Vec<T> {
        let path = self.path.key(name);
        self.open(&path, TableForm::Many, doc, Some(like));
        self.tables_given(name, path, &mut read)
    }

    /// Reads the keys that depend on the value of one. `None` where that value is not known.
    pub(crate) fn variant<T>(
        &mut self,
        key: &'static str,
        doc: &'static str,
        variants: &'static [Variant<T>],
    ) -> Option<T> {
        let words = variants
            .iter()
            .map(|variant| (variant.name, variant.doc))
            .collect();
        let chosen = self
            .key(key, crate::config::value::Tag(words))
            .doc(doc)
            .required();
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
    pub(crate) fn not_yet(&mut self, name: &'static str, what: &str) {
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
    pub(crate) fn place(&self) -> String {
        match self.path.is_top() {
            true => "the file".to_owned(),
            false => format!("`{}`", self.path),
        }
    }

    /// Whether nothing is read, and everything described.
    pub(crate) fn is_describing(&self) -> bool {
        self.reader.book.is_some()
    }

    pub(crate) fn given(&self, name: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.tree.and_then(|tree| tree.get(name))
    }

    pub(crate) fn open(
        &mut self,
        path: &KeyPath,
        form: TableForm,
        doc: &'static str,
        same_as: Option<&'static str>,
    ) {
        if let Some(book) = &mut self.reader.book {
            book.open(path.to_string(), form, doc, same_as);
        }
    }

    pub(crate) fn descend<'u, T>(
        &mut self,
        path: KeyPath,
        tree: Option<&'u DeTable<'u>>,
        read: impl FnOnce(&mut TableReader<'_, '_>) -> T,
    ) -> T {
        let mut table = TableReader::new(self.reader, tree, path);
        let value = read(&mut table);
        table.finish();
        value
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self) {
        let Some(tree) = self.tree.filter(|_| !self.unjudged) else {
            return;
        };
        let known = |name: &str| self.asked.contains(&name) || self.refused.contains(&name);
        for key in tree.keys().filter(|key| !known(key.get_ref())) {
            let finding = unknown::key(
                (self.reader.schema)(),
                &self.path,
                key.get_ref(),
                &self.asked,
                tree,
            );
            self.reader.findings.report(finding);
        }
    }
}
