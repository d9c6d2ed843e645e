//! The description of every table and key of falconer.toml, recorded by the calls that read them. The
//! reference page and the JSON Schema for editors are made from it, so neither can differ from the
//! reader.

pub(crate) mod json_schema;
pub(crate) mod reference;

use serde_json::Value;

/// Every table, in the order in which they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigSchema {
    pub(crate) sections: Vec<TableSchema>,
}

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct TableSchema {
    /// Its name, such as `service.probe`; empty for the file as a whole.
    pub(crate) path: String,
    /// How often it may stand there.
    pub(crate) form: TableForm,
    /// What it is for.
    pub(crate) doc: &'static str,
    /// The table whose keys it has.
    pub(crate) same_as: Option<&'static str>,
    /// Its keys, in the order in which they are read.
    pub(crate) keys: Vec<KeyDoc>,
}

/// How often a table may stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableForm {
    /// `[name]`, optional.
    Once,
    /// `[name]`, must be there.
    OnceAtLeast,
    /// `[[name]]`, any number.
    Many,
    /// `[[name]]`, one or more.
    ManyAtLeastOne,
    /// `name = { ... }`.
    Inline,
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct KeyDoc {
    pub(crate) name: &'static str,
    /// Only in tables where the key of this name has this value.
    pub(crate) only: Option<(&'static str, &'static str)>,
    /// Names that people try.
    pub(crate) also_called: &'static [&'static str],
    pub(crate) shape: ValueSchema,
    pub(crate) need: KeyPresence,
    pub(crate) doc: &'static str,
}

/// Whether a key must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyPresence {
    /// It must.
    Required,
    /// It must, in some circumstances.
    RequiredWhere(&'static str),
    /// It need not, and then there is no value.
    Optional,
    /// It need not, and then its value is this one, as TOML or in words.
    Default(String),
}

/// What a value looks like.
#[derive(Clone, Debug)]
pub(crate) struct ValueSchema {
    /// In words, such as "duration".
    pub(crate) words: String,
    /// The words it may be, where they are few, each with its meaning.
    pub(crate) values: Vec<(&'static str, &'static str)>,
    /// As JSON Schema.
    pub(crate) schema: Value,
}

impl ValueSchema {
    pub(crate) fn new(words: impl Into<String>, schema: Value) -> Self {
        Self {
            words: words.into(),
            values: Vec::new(),
            schema,
        }
    }
}

impl ConfigSchema {
    /// The table of that name, with its keys.
    pub(crate) fn section(&self, path: &str) -> Option<&TableSchema> {
        let section = self.sections.iter().find(|section| section.path == path)?;
        match section.same_as {
            Some(other) => self.sections.iter().find(|section| section.path == other),
            None => Some(section),
        }
    }

    pub(crate) fn open(
        &mut self,
        path: String,
        form: TableForm,
        doc: &'static str,
        same_as: Option<&'static str>,
    ) {
        self.sections.push(TableSchema {
            path,
            form,
            doc,
            same_as,
            keys: Vec::new(),
        });
    }

    pub(crate) fn add(&mut self, path: &str, key: KeyDoc) {
        if let Some(section) = self.sections.iter_mut().find(|section| section.path == path) {
            section.keys.push(key);
        }
    }
}

impl TableForm {
    /// The header as one writes it.
    pub(crate) fn header(self, path: &str) -> String {
        match self {
            Self::Once | Self::OnceAtLeast => format!("[{path}]"),
            Self::Many | Self::ManyAtLeastOne => format!("[[{path}]]"),
            Self::Inline => path.to_owned(),
        }
    }
}
