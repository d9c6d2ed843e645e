//! Checks that tables have the right form, and reports those that have not.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::finding::Finding;
use crate::config::key_docs::TableForm;
use crate::config::reader::table::TableReader;
use crate::config::spans::KeyPath;
use crate::config::value::{LONGEST_LIST, name_of_type};

impl<'t> TableReader<'_, 't> {
    pub(crate) fn tables_given<T>(
        &mut self,
        name: &'static str,
        path: KeyPath,
        read: &mut impl FnMut(&mut TableReader<'_, '_>) -> T,
    ) -> Vec<T> {
        self.asked.push(name);
        let Some(value) = self.given(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_form(&path, TableForm::Many, value.get_ref());
            return Vec::new();
        };
        if items.len() > LONGEST_LIST {
            let message = format!(
                "more than {LONGEST_LIST} `{}` are too many",
                TableForm::Many.header(&path.without_items())
            );
            let finding = Finding::error("out-of-range", message).at(&path, "this many are not expected");
            self.reader.findings.unreadable(&path, finding);
            return Vec::new();
        }
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.item(index);
            let tree = self.expect_table(&path, TableForm::Many, item);
            values.push(self.descend(path, tree, &mut *read));
        }
        values
    }

    pub(crate) fn expect_table(
        &mut self,
        path: &KeyPath,
        form: TableForm,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<&'t DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_form(path, form, value.get_ref());
        }
        table
    }

    fn wrong_form(&mut self, path: &KeyPath, form: TableForm, found: &DeValue<'_>) {
        let name = path.without_items();
        let (expected, right) = match form {
            TableForm::Once | TableForm::OnceAtLeast => ("a table", form.header(&name)),
            TableForm::Many | TableForm::ManyAtLeastOne if path.is_item() => ("a table", form.header(&name)),
            TableForm::Many | TableForm::ManyAtLeastOne => ("an array of tables", form.header(&name)),
            TableForm::Inline => ("a table in braces", format!("{name} = {{ ... }}")),
        };
        let found = name_of_type(found);
        let finding = Finding::error("wrong-type", format!("`{path}` is {expected}, not {found}"))
            .at(path, found)
            .help(format!("write `{right}`"));
        self.reader.findings.unreadable(path, finding);
    }

    /// Reports a table that another one needs, at that one.
    pub(crate) fn missing_beside(&mut self, name: &'static str, needed_by: &'static str, doc: &str) {
        let path = self.path.key(name);
        if self.has(name) || self.is_describing() || self.reader.findings.is_unread(&path) {
            return;
        }
        let finding = Finding::error("missing-key", format!("there is no `[{name}]`"))
            .at_key(&self.path.key(needed_by), format!("needs `[{name}]`"))
            .help(format!("add a `[{name}]` table"))
            .note(doc);
        self.reader.findings.unreadable(&path, finding);
    }

    pub(crate) fn missing_table(&mut self, name: &str, form: TableForm, doc: &str) {
        let path = self.path.key(name);
        if self.reader.findings.is_unread(&path) {
            return;
        }
        let (header, place) = (form.header(&path.without_items()), self.place());
        let finding = Finding::error("missing-key", format!("{place} has no `{header}`"))
            .at(&path, format!("`{name}` is missing here"))
            .help(format!("add a `{header}` table"))
            .note(doc);
        self.reader.findings.unreadable(&path, finding);
    }
}
