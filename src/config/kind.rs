//! What a value looks like: how it is read from the text, what is said when it is not like that,
//! and how the reference and the schema describe it. What values mean together is not judged here.

pub(super) mod address;
pub(super) mod bgp;
pub(super) mod duration;
pub(super) mod http;
pub(super) mod text;
pub(super) mod window;

use std::ops::RangeInclusive;

use serde_json::json;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::book::Shape;
use super::finding::{Finding, Findings};
use super::place::Path;
use super::unknown::{list, most_alike};

/// A kind of value.
pub(super) trait Kind {
    /// What comes of it.
    type Value;

    /// Reads it; what is wrong is refused at the site, and then the result is a stand-in.
    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Self::Value;

    /// Something of the right type in place of what could not be read. It never leaves the reader,
    /// since its error is already reported.
    fn stand_in(&self) -> Self::Value;

    /// How it is described.
    fn shape(&self) -> Shape;

    /// Reads a default of our own. What is wrong with it stays unsaid: the test of the defaults
    /// reads them all.
    fn read_own(&self, toml: &str) -> Self::Value {
        let mut findings = Findings::default();
        let mut site = Site::new(&mut findings, Path::top(), "");
        match DeValue::parse(toml) {
            Ok(value) => self.read(value.get_ref(), &mut site),
            Err(_) => self.stand_in(),
        }
    }
}

/// Where a value stands, for what is to be said about it.
pub(super) struct Site<'f> {
    findings: &'f mut Findings,
    path: Path,
    /// What the key is for: the reason to give where there is no better one.
    doc: &'static str,
}

impl<'f> Site<'f> {
    pub(super) fn new(findings: &'f mut Findings, path: Path, doc: &'static str) -> Self {
        Self { findings, path, doc }
    }

    /// Refuses the value.
    pub(super) fn refuse(&mut self, complaint: Complaint) {
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

    fn item(&mut self, index: usize) -> Site<'_> {
        let path = self.path.item(index);
        Site {
            findings: self.findings,
            path,
            doc: self.doc,
        }
    }

    fn key(&mut self, name: &str) -> Site<'_> {
        let path = self.path.key(name);
        Site {
            findings: self.findings,
            path,
            doc: self.doc,
        }
    }
}

/// Why a value is refused. Boxed, since most values are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint(Box<Said>);

/// What a complaint says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    code: &'static str,
    message: String,
    label: String,
    help: Option<String>,
    note: Option<String>,
    better: Option<String>,
}

impl Complaint {
    /// What is wrong.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Said {
            code,
            message,
            label: String::new(),
            help: None,
            note: None,
            better: None,
        }))
    }

    /// What is wrong with the piece that is underlined, in few words.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// What would be right.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Why.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.0.note = Some(note.into());
        self
    }

    /// A value that would be right, as TOML.
    pub(super) fn better(mut self, toml: impl Into<String>) -> Self {
        self.0.better = Some(toml.into());
        self
    }
}

/// The name of a value's type, with its article.
pub(super) fn name_of_type(value: &DeValue<'_>) -> &'static str {
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
pub(super) fn wrong_type(expected: &str, found: &DeValue<'_>) -> Complaint {
    let found = name_of_type(found);
    Complaint::new("wrong-type", format!("expected {expected}, found {found}"))
        .label(format!("this is {found}"))
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// `true` or `false`.
pub(super) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> bool {
        let flag = value.as_bool();
        if flag.is_none() {
            let unquoted = value.as_str().filter(|text| matches!(*text, "true" | "false"));
            let complaint = wrong_type("true or false", value);
            site.refuse(match unquoted {
                Some(text) => complaint.better(text),
                None => complaint.help("write `true` or `false`, without quotes"),
            });
        }
        flag.unwrap_or_default()
    }

    fn stand_in(&self) -> bool {
        false
    }

    fn shape(&self) -> Shape {
        Shape::new("`true` or `false`", json!({ "type": "boolean" }))
    }
}

/// A whole number within bounds.
pub(super) struct Integer<T> {
    bounds: RangeInclusive<u64>,
    as_number: std::marker::PhantomData<T>,
}

/// A whole number within bounds, which `T` must be able to hold.
pub(super) fn integer<T: TryFrom<u64> + Default>(bounds: RangeInclusive<u64>) -> Integer<T> {
    Integer {
        bounds,
        as_number: std::marker::PhantomData,
    }
}

/// The number that an integer of the text is, where it is not too large for any of ours.
pub(super) fn number(value: &DeValue<'_>) -> Option<i128> {
    let integer = value.as_integer()?;
    Some(i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i128::MAX))
}

impl<T> Integer<T> {
    fn words(&self) -> String {
        format!(
            "a whole number from {} to {}",
            self.bounds.start(),
            self.bounds.end()
        )
    }
}

impl<T: TryFrom<u64> + Default> Kind for Integer<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> T {
        let Some(number) = number(value) else {
            let complaint = wrong_type(&self.words(), value);
            let unquoted = value
                .as_str()
                .filter(|text| text.parse::<u64>().is_ok_and(|n| self.bounds.contains(&n)));
            site.refuse(match unquoted {
                Some(text) => complaint.better(text),
                None => complaint,
            });
            return T::default();
        };
        let fit = u64::try_from(number)
            .ok()
            .filter(|number| self.bounds.contains(number));
        fit.and_then(|number| T::try_from(number).ok())
            .unwrap_or_else(|| {
                let label = if number < i128::from(*self.bounds.start()) {
                    "too small"
                } else {
                    "too large"
                };
                site.refuse(
                    Complaint::new("out-of-range", format!("expected {}", self.words())).label(label),
                );
                T::default()
            })
    }

    fn stand_in(&self) -> T {
        T::default()
    }

    fn shape(&self) -> Shape {
        let (from, to) = (self.bounds.start(), self.bounds.end());
        Shape::new(
            format!("whole number, {from} to {to}"),
            json!({ "type": "integer", "minimum": from, "maximum": to }),
        )
    }
}

/// One of a few words, each with what it stands for and its meaning. Never empty.
pub(super) struct Words<T: 'static>(pub(super) &'static [(&'static str, T, &'static str)]);

impl<T: Copy> Kind for Words<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> T {
        let words: Vec<&str> = self.0.iter().map(|(word, _, _)| *word).collect();
        let word = read_word(value, &words, site);
        let found = self.0.iter().find(|(name, _, _)| Some(*name) == word);
        found.map_or_else(|| self.stand_in(), |(_, value, _)| *value)
    }

    fn stand_in(&self) -> T {
        self.0[0].1
    }

    fn shape(&self) -> Shape {
        words_shape(
            self.0
                .iter()
                .map(|(word, _, meaning)| (*word, *meaning))
                .collect(),
        )
    }
}

/// The word that tells the sorts of a table apart.
pub(super) struct Sort(pub(super) Vec<(&'static str, &'static str)>);

impl Kind for Sort {
    type Value = Option<&'static str>;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Option<&'static str> {
        let words: Vec<&'static str> = self.0.iter().map(|(word, _)| *word).collect();
        read_word(value, &words, site)
    }

    fn stand_in(&self) -> Option<&'static str> {
        None
    }

    fn shape(&self) -> Shape {
        words_shape(self.0.clone())
    }
}

fn read_word<'w>(value: &DeValue<'_>, words: &[&'w str], site: &mut Site<'_>) -> Option<&'w str> {
    let either = || format!("one of {}", list(words));
    let Some(text) = value.as_str() else {
        site.refuse(wrong_type(&either(), value));
        return None;
    };
    let word = words.iter().find(|word| **word == text).copied();
    if word.is_none() {
        let complaint =
            Complaint::new("unknown-word", format!("expected {}", either())).label("not one of them");
        site.refuse(match most_alike(text, words.iter().copied()) {
            Some(meant) => complaint.better(quoted(meant)),
            None => complaint,
        });
    }
    word
}

fn words_shape(values: Vec<(&'static str, &'static str)>) -> Shape {
    let words: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
    let schema = json!({ "type": "string", "enum": words });
    let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
    Shape {
        values,
        ..Shape::new(words.join(", "), schema)
    }
}

/// An array of one kind of value.
pub(super) struct List<K> {
    of: K,
    at_least: usize,
    at_most: usize,
}

/// The longest array that is read: more than any router is told by hand.
pub(super) const LONGEST_LIST: usize = 1000;

/// An array of one kind of value, which may be empty.
pub(super) fn list_of<K: Kind>(of: K) -> List<K> {
    List {
        of,
        at_least: 0,
        at_most: LONGEST_LIST,
    }
}

impl<K> List<K> {
    /// At least one.
    pub(super) fn not_empty(self) -> Self {
        Self { at_least: 1, ..self }
    }

    /// Exactly that many.
    pub(super) fn exactly(self, count: usize) -> Self {
        Self {
            at_least: count,
            at_most: count,
            ..self
        }
    }
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Self::Value {
        let Some(items) = value.as_array() else {
            let of = self.of.shape().words;
            let complaint = wrong_type("an array", value);
            site.refuse(match value.as_str() {
                Some(text) => complaint.better(format!("[{}]", quoted(text))),
                None => complaint.help(format!("write it in brackets, even if it is only one: [{of}]")),
            });
            return self.stand_in();
        };
        if items.len() < self.at_least || items.len() > self.at_most {
            let (few, many) = (self.at_least, self.at_most);
            let expected = match (few, many) {
                (few, many) if few == many => format!("exactly {few}"),
                (1, LONGEST_LIST) => "at least one".to_owned(),
                (few, many) => format!("{few} to {many}"),
            };
            let found = items.len();
            let complaint = Complaint::new("out-of-range", format!("expected {expected}, found {found}"));
            site.refuse(complaint.label(if found == 0 {
                "empty"
            } else {
                "this many are not expected"
            }));
            return self.stand_in();
        }
        let read = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
            self.of.read(item.get_ref(), &mut site.item(index))
        };
        items.iter().enumerate().map(read).collect()
    }

    fn stand_in(&self) -> Self::Value {
        (0..self.at_least).map(|_| self.of.stand_in()).collect()
    }

    fn shape(&self) -> Shape {
        let of = self.of.shape();
        let mut schema = json!({ "type": "array", "items": of.schema });
        if self.at_least > 0 {
            schema["minItems"] = json!(self.at_least);
        }
        if self.at_most < LONGEST_LIST {
            schema["maxItems"] = json!(self.at_most);
        }
        Shape {
            values: of.values,
            ..Shape::new(format!("array of: {}", of.words), schema)
        }
    }
}

/// A table of names of the user's own, each with one kind of value.
pub(super) struct Dictionary<N, K> {
    /// What the names are.
    pub(super) names: N,
    /// What the values are.
    pub(super) of: K,
}

impl<N: Kind, K: Kind> Kind for Dictionary<N, K> {
    type Value = Vec<(N::Value, K::Value)>;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Self::Value {
        let Some(table) = value.as_table() else {
            let complaint = wrong_type("a table", value);
            site.refuse(complaint.help(format!("write `{{ NAME = {} }}`", self.of.shape().words)));
            return Vec::new();
        };
        let entries = table.iter().map(|(name, value)| {
            let mut site = site.key(name.get_ref());
            let key = self
                .names
                .read(&DeValue::String(name.get_ref().clone()), &mut site);
            (key, self.of.read(value.get_ref(), &mut site))
        });
        entries.collect()
    }

    fn stand_in(&self) -> Self::Value {
        Vec::new()
    }

    fn shape(&self) -> Shape {
        let of = self.of.shape();
        let schema = json!({ "type": "object", "additionalProperties": of.schema });
        Shape::new(
            format!("table of {}, each with: {}", self.names.shape().words, of.words),
            schema,
        )
    }
}

/// Anything at all, kept as JSON.
pub(super) struct Free;

impl Kind for Free {
    type Value = serde_json::Map<String, serde_json::Value>;

    fn read(&self, value: &DeValue<'_>, site: &mut Site<'_>) -> Self::Value {
        if let Some(table) = value.as_table() {
            return table_as_json(table, site);
        }
        site.refuse(wrong_type("a table", value).help("write `{ name = value }`"));
        self.stand_in()
    }

    fn stand_in(&self) -> Self::Value {
        serde_json::Map::new()
    }

    fn shape(&self) -> Shape {
        Shape::new("table of your own", json!({ "type": "object" }))
    }
}

fn as_json(value: &DeValue<'_>, site: &mut Site<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(_) => match number(value).and_then(|number| i64::try_from(number).ok()) {
            Some(number) => json!(number),
            None => {
                site.refuse(
                    Complaint::new("out-of-range", "expected a number of at most 64 bits").label("too large"),
                );
                json!(0)
            }
        },
        DeValue::Float(float) => match float
            .as_str()
            .parse::<f64>()
            .ok()
            .filter(|float| float.is_finite())
        {
            Some(float) => json!(float),
            None => {
                site.refuse(Complaint::new("out-of-range", "expected a finite number").label("not finite"));
                json!(0)
            }
        },
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| as_json(item.get_ref(), &mut site.item(index)))
                .collect()
        }
        DeValue::Table(table) => serde_json::Value::Object(table_as_json(table, site)),
    }
}

fn table_as_json(table: &DeTable<'_>, site: &mut Site<'_>) -> serde_json::Map<String, serde_json::Value> {
    let entry = |(name, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        (
            name.get_ref().to_string(),
            as_json(value.get_ref(), &mut site.key(name.get_ref())),
        )
    };
    table.iter().map(entry).collect()
}
