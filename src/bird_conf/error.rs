//! What is wrong with a template or with what goes into it: where, what, and what would be right.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::drift::without_password;

/// One thing that keeps bird.conf from being rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// What is wrong.
    pub problem: String,
    /// Where, if it is in a template.
    pub place: Option<TemplatePosition>,
    /// What would be right.
    pub help: Vec<String>,
}

/// A place in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplatePosition {
    /// The template's path, or "builtin/NAME".
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub(crate) source: Arc<str>,
    pub(crate) span: Range<usize>,
}

impl RenderError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            place: None,
            help: Vec::new(),
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// What BIRD's parser says of a rendered file: the file's name, its text, line and column. A
    /// password is not shown.
    pub fn said_by_bird(problem: &str, at: Option<(&str, &str, usize, usize)>) -> Self {
        let mut error = Self::new(problem);
        error.place = at.map(|(file, text, line, column)| {
            let source: Arc<str> = text
                .split_inclusive('\n')
                .map(without_password)
                .collect::<String>()
                .into();
            let span = word_span(&source, line, column);
            TemplatePosition::new(file.to_owned(), source, line, span)
        });
        error
    }

    /// The look of a good compiler, in colour or without.
    pub fn rendered(&self, colour: bool) -> String {
        let title = Level::ERROR.primary_title(self.problem.as_str());
        let mut report = match &self.place {
            Some(place) => Group::with_title(title).element(
                Snippet::source(&*place.source)
                    .path(place.file.as_str())
                    .annotation(AnnotationKind::Primary.span(place.span.clone())),
            ),
            None => Group::with_title(title),
        };
        for help in &self.help {
            report = report.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&[report])
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered(false))
    }
}

impl std::error::Error for RenderError {}

impl TemplatePosition {
    /// The place of `span` in a template, or of its line where the engine gave no span.
    pub(crate) fn new(file: String, source: Arc<str>, line: usize, span: Option<Range<usize>>) -> Self {
        let span = match span {
            Some(span) if source.get(span.clone()).is_some() => span,
            Some(_) | None => line_span(&source, line),
        };
        let before = &source[..span.start];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file,
            line: before.matches('\n').count() + 1,
            column: source[start..span.start].chars().count() + 1,
            source,
            span,
        }
    }
}

/// The word at a line and a column, which BIRD counts in bytes.
fn word_span(source: &str, line: usize, column: usize) -> Option<Range<usize>> {
    let line = line_start(source, line)?;
    let start = line + column.checked_sub(1)?;
    let rest = source.get(start..)?;
    let len = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    Some(start..start + len.max(rest.chars().next()?.len_utf8()))
}

fn line_start(source: &str, line: usize) -> Option<usize> {
    let newlines = source.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(newlines).nth(line.checked_sub(1)?)
}

/// A line without the blanks around it.
fn line_span(source: &str, line: usize) -> Range<usize> {
    let mut start = 0;
    for (at, text) in source.split_inclusive('\n').enumerate() {
        if at + 1 == line {
            let indent = text.len() - text.trim_start().len();
            return start + indent..start + indent + text.trim().len();
        }
        start += text.len();
    }
    source.len()..source.len()
}
