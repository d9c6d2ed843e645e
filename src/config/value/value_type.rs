//! The trait of all kinds of values, the place of a value, and the error for a wrong one.

use crate::config::finding::{Finding, Findings};
use crate::config::key_docs::ValueSchema;
use crate::config::spans::KeyPath;
use toml::de::DeValue;

/// A kind of value.
pub(crate) trait ValueType {
    /// What comes of it.
    type Value;

    /// Reads it; what is wrong is refused at the site, and then the result is a stand-in.
    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> Self::Value;

    /// Something of the right type in place of what could not be read. It never leaves the reader,
    /// since its error is already reported.
    fn stand_in(&self) -> Self::Value;

    /// How it is described.
    fn shape(&self) -> ValueSchema;

    /// Reads a default of our own. What is wrong with it stays unsaid: the test of the defaults
    /// reads them all.
    fn read_own(&self, toml: &str) -> Self::Value {
        let mut findings = Findings::default();
        let mut site = ValueContext::new(&mut findings, KeyPath::top(), "");
        match DeValue::parse(toml) {
            Ok(value) => self.read(value.get_ref(), &mut site),
            Err(_) => self.stand_in(),
        }
    }
}

/// Where a value stands, for what is to be said about it.
pub(crate) struct ValueContext<'f> {
    findings: &'f mut Findings,
    path: KeyPath,
    /// What the key is for: the reason to give where there is no better one.
    doc: &'static str,
}

impl<'f> ValueContext<'f> {
    pub(crate) fn new(findings: &'f mut Findings, path: KeyPath, doc: &'static str) -> Self {
        Self { findings, path, doc }
    }

    /// Refuses the value.
    pub(crate) fn refuse(&mut self, complaint: ValueError) {
        let complaint = *complaint.0;
        let message = format!("`{}`: {}", self.path, complaint.message);
        let mut finding = Finding::error(complaint.code, message).at(&self.path, complaint.label);
        match complaint.note {
            Some(note) => finding = finding.note(note),
            None if !self.doc.is_empty() => finding = finding.note(self.doc),
            None => {}
        }
        if let Some(better) = complaint.better {
            finding = finding.fix("this would be right", &self.path, better);
        }
        if let Some(help) = complaint.help {
            finding = finding.help(help);
        }
        self.findings.unreadable(&self.path, finding);
    }

    pub(crate) fn item(&mut self, index: usize) -> ValueContext<'_> {
        let path = self.path.item(index);
        ValueContext {
            findings: self.findings,
            path,
            doc: self.doc,
        }
    }

    pub(crate) fn key(&mut self, name: &str) -> ValueContext<'_> {
        let path = self.path.key(name);
        ValueContext {
            findings: self.findings,
            path,
            doc: self.doc,
        }
    }
}

/// Why a value is refused. Boxed, since most values are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueError(Box<ValueErrorText>);

/// What a complaint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueErrorText {
    code: &'static str,
    message: String,
    label: String,
    help: Option<String>,
    note: Option<String>,
    better: Option<String>,
}

impl ValueError {
    /// What is wrong.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(ValueErrorText {
            code,
            message,
            label: String::new(),
            help: None,
            note: None,
            better: None,
        }))
    }

    /// What is wrong with the piece that is underlined, in few words.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// What would be right.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Why.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.0.note = Some(note.into());
        self
    }

    /// A value that would be right, as TOML.
    pub(crate) fn better(mut self, toml: impl Into<String>) -> Self {
        self.0.better = Some(toml.into());
        self
    }
}

/// The name of a value's type, with its article.
pub(crate) fn name_of_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A value of another type than the expected one, which is named with its article.
pub(crate) fn wrong_type(expected: &str, found: &DeValue<'_>) -> ValueError {
    let found = name_of_type(found);
    ValueError::new("wrong-type", format!("expected {expected}, found {found}"))
        .label(format!("this is {found}"))
}

/// A text as TOML writes it.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
