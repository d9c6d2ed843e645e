//! Tables that are in the form that they should be in, and what is said of those that are not.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Table;
use crate::config::book::Form;
use crate::config::finding::Finding;
use crate::config::kind::{LONGEST_LIST, name_of_type};
use crate::config::place::Path;

impl<'t> Table<'_, 't> {
    pub(super) fn tables_given<T>(
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
        if items.len() > LONGEST_LIST {
            let message = format!(
                "more than {LONGEST_LIST} `{}` are too many",
                Form::Many.header(&path.without_items())
            );
            let finding = Finding::error("out-of-range", message).at(&path, "this many are not expected");
            self.reader.findings.unreadable(&path, finding);
            return Vec::new();
        }
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.item(index);
            let tree = self.expect_table(&path, Form::Many, item);
            values.push(self.descend(path, tree, &mut *read));
        }
        values
    }

    pub(super) fn expect_table(
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
        let name = path.without_items();
        let (expected, right) = match form {
            Form::Once | Form::OnceAtLeast => ("a table", form.header(&name)),
            Form::Many | Form::ManyAtLeastOne if path.is_item() => ("a table", form.header(&name)),
            Form::Many | Form::ManyAtLeastOne => ("an array of tables", form.header(&name)),
            Form::Inline => ("a table in braces", format!("{name} = {{ ... }}")),
        };
        let found = name_of_type(found);
        let finding = Finding::error("wrong-type", format!("`{path}` is {expected}, not {found}"))
            .at(path, found)
            .help(format!("write `{right}`"));
        self.reader.findings.unreadable(path, finding);
    }

    /// Reports a table that another one needs, at that one.
    pub(in crate::config) fn missing_beside(
        &mut self,
        name: &'static str,
        needed_by: &'static str,
        doc: &str,
    ) {
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

    pub(super) fn missing_table(&mut self, name: &str, form: Form, doc: &str) {
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
