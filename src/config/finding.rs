//! Findings of the reader and the checks, each at the path of a key; they become [`Diagnostic`]s once
//! the place in the text is known.
//!
//! A key that could not be read has a stand-in for its value, so that the rest can be read and checked
//! in the same run. A finding about a stand-in is meaningless; so the stand-in's path is remembered,
//! and findings at this path are dropped. The key's own error is already there.

use std::collections::BTreeSet;

use super::diagnostic::{Diagnostic, Fix, Label, Severity};
use super::spans::{KeyPath, KeyPositions, Span};

/// One finding, its places named by paths.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    severity: Severity,
    code: &'static str,
    message: String,
    labels: Vec<(Spot, String)>,
    help: Option<String>,
    note: Option<String>,
    fix: Option<(String, Spot, String)>,
}

/// A key, or a value.
#[derive(Clone, Debug)]
enum Spot {
    Key(KeyPath),
    Value(KeyPath),
}

impl Spot {
    fn path(&self) -> &KeyPath {
        match self {
            Self::Key(path) | Self::Value(path) => path,
        }
    }

    fn span(&self, places: &KeyPositions) -> Option<Span> {
        match self {
            Self::Key(path) => places.key(path),
            Self::Value(path) => places.value(path),
        }
    }
}

impl Finding {
    /// The configuration cannot be used.
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// The configuration is used as it is, and may surprise.
    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            labels: Vec::new(),
            help: None,
            note: None,
            fix: None,
        }
    }

    /// Points at a value, or at the table that it would stand in.
    pub(crate) fn at(mut self, path: &KeyPath, label: impl Into<String>) -> Self {
        self.labels.push((Spot::Value(path.clone()), label.into()));
        self
    }

    /// Points at a key.
    pub(crate) fn at_key(mut self, path: &KeyPath, label: impl Into<String>) -> Self {
        self.labels.push((Spot::Key(path.clone()), label.into()));
        self
    }

    /// What would be right.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Why.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// A value that would mend it.
    pub(crate) fn fix(mut self, title: impl Into<String>, path: &KeyPath, with: impl Into<String>) -> Self {
        self.fix = Some((title.into(), Spot::Value(path.clone()), with.into()));
        self
    }

    /// A key that would mend it.
    pub(crate) fn fix_key(
        mut self,
        title: impl Into<String>,
        path: &KeyPath,
        with: impl Into<String>,
    ) -> Self {
        self.fix = Some((title.into(), Spot::Key(path.clone()), with.into()));
        self
    }

    /// The finding with its places in the text. Labels at one place become one.
    pub(crate) fn placed(self, places: &KeyPositions) -> Diagnostic {
        let mut labels: Vec<Label> = Vec::new();
        for (spot, text) in self.labels {
            let Some(span) = spot.span(places) else { continue };
            match labels.iter_mut().find(|label| label.span == span) {
                Some(there) => there.text = format!("{}; {text}", there.text),
                None => labels.push(Label { span, text }),
            }
        }
        let fix = self.fix.and_then(|(title, spot, with)| {
            let written = places.has(spot.path());
            spot.span(places)
                .filter(|_| written)
                .map(|span| Fix { title, span, with })
        });
        Diagnostic {
            severity: self.severity,
            code: self.code,
            message: self.message,
            labels,
            help: self.help,
            note: self.note,
            fix,
        }
    }
}

/// All that was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    places: KeyPositions,
    diagnostics: Vec<Diagnostic>,
    unread: BTreeSet<KeyPath>,
}

impl Findings {
    /// Nothing but what the parser found.
    pub(crate) fn new(places: KeyPositions, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            places,
            diagnostics,
            ..Self::default()
        }
    }

    /// Takes a finding, unless it points at something that could not be read.
    pub(crate) fn report(&mut self, finding: Finding) {
        if !finding.labels.iter().any(|(spot, _)| self.is_unread(spot.path())) {
            self.diagnostics.push(finding.placed(&self.places));
        }
    }

    /// Takes the finding that something could not be read.
    pub(crate) fn unreadable(&mut self, path: &KeyPath, finding: Finding) {
        self.diagnostics.push(finding.placed(&self.places));
        self.unread.insert(path.clone());
    }

    /// Whether a key, or something that it lies in, could not be read.
    pub(crate) fn is_unread(&self, path: &KeyPath) -> bool {
        path.and_parents().any(|path| self.unread.contains(&path))
    }

    /// Whether something in a table or an array could not be read.
    pub(crate) fn is_unread_within(&self, path: &KeyPath) -> bool {
        self.is_unread(path)
            || self
                .unread
                .iter()
                .any(|unread| unread.and_parents().any(|parent| parent == *path))
    }

    /// Whether the configuration cannot be used.
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|found| found.severity == Severity::Error)
    }

    /// Whether the user wrote it.
    pub(crate) fn is_written(&self, path: &KeyPath) -> bool {
        self.places.has(path)
    }

    /// Errors first, each kind in the order of the text.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        let start = |found: &Diagnostic| found.labels.first().map_or(0, |label| label.span.start);
        self.diagnostics
            .sort_by_key(|found| (found.severity, start(found)));
        self.diagnostics
    }
}
