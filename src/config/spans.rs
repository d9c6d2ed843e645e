//! The place of every key and value in the user's text.
//!
//! A [`KeyPath`] names a key as a reader would say it, such as `service[0].probe[1].timeout`. The
//! places come from the syntax tree alone, so that a check of the finished configuration can point at
//! the user's own words.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A range of bytes in the text.
pub type Span = Range<usize>;

/// The name of a key or of an array's element, from the top of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(Vec<PathStep>);

/// One step down the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathStep {
    Key(String),
    Item(usize),
}

impl KeyPath {
    /// The file as a whole.
    pub fn top() -> Self {
        Self::default()
    }

    /// A key of the table that this path names.
    pub fn key(&self, name: &str) -> Self {
        self.with(PathStep::Key(name.to_owned()))
    }

    /// An element of the array that this path names, counted from zero.
    pub fn item(&self, index: usize) -> Self {
        self.with(PathStep::Item(index))
    }

    /// `[[service]]` number `index`.
    pub fn service(index: usize) -> Self {
        Self::top().key("service").item(index)
    }

    /// `[[service.probe]]` number `index` of the service that this path names.
    pub fn probe(&self, index: usize) -> Self {
        self.key("probe").item(index)
    }

    /// `[[service.serves]]` number `index` of the service that this path names.
    pub fn serves(&self, index: usize) -> Self {
        self.key("serves").item(index)
    }

    /// `[[witness]]` number `index`.
    pub fn witness(index: usize) -> Self {
        Self::top().key("witness").item(index)
    }

    /// `[[upstream]]` number `index`.
    pub fn upstream(index: usize) -> Self {
        Self::top().key("upstream").item(index)
    }

    /// `[[peer]]` number `index`.
    pub fn peer(index: usize) -> Self {
        Self::top().key("peer").item(index)
    }

    /// This path, then what it lies in, and so on to the top.
    pub(crate) fn and_parents(&self) -> impl Iterator<Item = Self> + '_ {
        (0..=self.0.len())
            .rev()
            .map(|depth| Self(self.0[..depth].to_vec()))
    }

    /// The same without the numbers, such as `service.probe`.
    pub(crate) fn without_items(&self) -> String {
        let steps = self
            .0
            .iter()
            .filter(|step| matches!(step, PathStep::Key(_)))
            .cloned()
            .collect();
        Self(steps).to_string()
    }

    /// Whether this names an element of an array.
    pub(crate) fn is_item(&self) -> bool {
        matches!(self.0.last(), Some(PathStep::Item(_)))
    }

    /// Whether this is the file as a whole.
    pub(crate) fn is_top(&self) -> bool {
        self.0.is_empty()
    }

    fn with(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl std::fmt::Display for KeyPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(name) if depth == 0 => f.write_str(name)?,
                PathStep::Key(name) => write!(f, ".{name}")?,
                PathStep::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Where one key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPosition {
    /// The key; for an element of an array the element itself.
    key: Span,
    /// The value; for a table with a header of its own, the header.
    value: Span,
}

/// Where every key and value stands.
#[derive(Clone, Debug, Default)]
pub struct KeyPositions(BTreeMap<KeyPath, KeyPosition>);

impl KeyPositions {
    /// The places of a text. Empty where it is not TOML.
    pub fn of(text: &str) -> Self {
        let (tree, _) = DeTable::parse_recoverable(text);
        Self::of_tree(tree.get_ref())
    }

    pub(crate) fn of_tree(tree: &DeTable<'_>) -> Self {
        let mut places = Self::default();
        places.walk_table(tree, &KeyPath::top());
        places
    }

    /// Whether the user wrote it.
    pub fn has(&self, path: &KeyPath) -> bool {
        self.0.contains_key(path)
    }

    /// Where the value stands; where it is not in the text, the table that it would be in.
    pub fn value(&self, path: &KeyPath) -> Option<Span> {
        self.nearest(path).map(|place| place.value.clone())
    }

    /// Where the key stands; where it is not in the text, the table that it would be in.
    pub fn key(&self, path: &KeyPath) -> Option<Span> {
        let exact = self.0.get(path).map(|place| place.key.clone());
        exact.or_else(|| self.value(path))
    }

    fn nearest(&self, path: &KeyPath) -> Option<&KeyPosition> {
        path.and_parents().find_map(|path| self.0.get(&path))
    }

    fn walk_table(&mut self, table: &DeTable<'_>, path: &KeyPath) {
        for (key, value) in table {
            let path = path.key(key.get_ref());
            self.put(path, key.span(), value);
        }
    }

    fn put(&mut self, path: KeyPath, key: Span, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.walk_table(table, &path),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.put(path.item(index), item.span(), item);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
        self.0.insert(
            path,
            KeyPosition {
                key,
                value: value.span(),
            },
        );
    }
}
