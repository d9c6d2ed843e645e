//! What the reader says of itself: every table and key of falconer.toml, written down by the very
//! calls that read them. The reference page and the schema for editors are made from it, so neither
//! can say something else than the reader does.

pub(super) mod reference;
pub(super) mod schema;

use serde_json::Value;

/// Every table, in the order in which they are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) sections: Vec<Section>,
}

/// One table.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its name, such as `service.probe`; empty for the file as a whole.
    pub(super) path: String,
    /// How often it may stand there.
    pub(super) form: Form,
    /// What it is for.
    pub(super) doc: &'static str,
    /// The table whose keys it has.
    pub(super) same_as: Option<&'static str>,
    /// Its keys, in the order in which they are read.
    pub(super) keys: Vec<KeyDoc>,
}

/// How often a table may stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
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
pub(super) struct KeyDoc {
    pub(super) name: &'static str,
    /// Only in tables where the key of this name has this value.
    pub(super) only: Option<(&'static str, &'static str)>,
    /// Names that people try.
    pub(super) also_called: &'static [&'static str],
    pub(super) shape: Shape,
    pub(super) need: Need,
    pub(super) doc: &'static str,
}

/// Whether a key must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
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
pub(super) struct Shape {
    /// In words, such as "duration".
    pub(super) words: String,
    /// The words it may be, where they are few, each with its meaning.
    pub(super) values: Vec<(&'static str, &'static str)>,
    /// As JSON Schema.
    pub(super) schema: Value,
}

impl Shape {
    pub(super) fn new(words: impl Into<String>, schema: Value) -> Self {
        Self {
            words: words.into(),
            values: Vec::new(),
            schema,
        }
    }
}

impl Book {
    /// The table of that name, with its keys.
    pub(super) fn section(&self, path: &str) -> Option<&Section> {
        let section = self.sections.iter().find(|section| section.path == path)?;
        match section.same_as {
            Some(other) => self.sections.iter().find(|section| section.path == other),
            None => Some(section),
        }
    }

    pub(super) fn open(
        &mut self,
        path: String,
        form: Form,
        doc: &'static str,
        same_as: Option<&'static str>,
    ) {
        self.sections.push(Section {
            path,
            form,
            doc,
            same_as,
            keys: Vec::new(),
        });
    }

    pub(super) fn add(&mut self, path: &str, key: KeyDoc) {
        if let Some(section) = self.sections.iter_mut().find(|section| section.path == path) {
            section.keys.push(key);
        }
    }
}

impl Form {
    /// The header as one writes it.
    pub(super) fn header(self, path: &str) -> String {
        match self {
            Self::Once | Self::OnceAtLeast => format!("[{path}]"),
            Self::Many | Self::ManyAtLeastOne => format!("[[{path}]]"),
            Self::Inline => path.to_owned(),
        }
    }
}
