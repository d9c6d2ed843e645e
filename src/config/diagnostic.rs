//! What is wrong with a configuration, and how it is shown: file, line, column, the offending text
//! underlined, what would be right, and why. It does not decide what is wrong.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use super::secrets;
use super::spans::Span;

/// How many findings are shown in full; a file that is not ours at all has thousands.
const SHOWN_AT_MOST: usize = 100;

/// Whether a configuration with this finding can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing starts with it.
    Error,
    /// It is used as it is, and may surprise.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the configuration can be used.
    pub severity: Severity,
    /// What kind of finding, such as `unknown-key`: stable, for scripts and for searching.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where; the first one is where the finding points to. Empty: nowhere in the text.
    pub labels: Vec<Label>,
    /// What would be right.
    pub help: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// A change that would mend it.
    pub fix: Option<Fix>,
}

/// A piece of the text, and what about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The piece, in bytes.
    pub span: Span,
    /// What about it; may be empty.
    pub text: String,
}

/// A change of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it says, such as "did you mean `interval`?".
    pub title: String,
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub with: String,
}

impl Diagnostic {
    /// The line and column of the first label, both from 1, the column in characters.
    pub fn position(&self, source: &str) -> Option<(usize, usize)> {
        let at = self.labels.first()?.span.start;
        let before = source.get(..at)?;
        let line_start = line_start(source, at);
        let line = before.matches('\n').count() + 1;
        Some((line, source.get(line_start..at)?.chars().count() + 1))
    }
}

/// The findings as text, each with its piece of the source, and a last line that counts them. What looks
/// like a secret is not shown.
/// Empty where there are none. `file_name` is only shown.
pub fn render(diagnostics: &[Diagnostic], source: &str, file_name: &str, colour: bool) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let source = &secrets::masked(source);
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN_AT_MOST) {
        text.push_str(&render_one(&renderer, diagnostic, source, file_name));
        text.push_str("\n\n");
    }
    text.push_str(&count_line(&renderer, diagnostics, file_name));
    text.push('\n');
    text
}

fn render_one(renderer: &Renderer, diagnostic: &Diagnostic, source: &str, file_name: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(
        level
            .primary_title(diagnostic.message.as_str())
            .id(diagnostic.code),
    );
    group = match snippet(diagnostic, source, file_name) {
        Some(snippet) => group.element(snippet),
        None => group.element(Origin::path(file_name)),
    };
    // Messages are taken as they are, control characters and all, so what the user wrote is made
    // harmless first.
    if let Some(note) = &diagnostic.note {
        group = group.element(Level::NOTE.message(annotate_snippets::normalize_untrusted_str(note)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(annotate_snippets::normalize_untrusted_str(help)));
    }
    let mut report = vec![group];
    if let Some(fix) = &diagnostic.fix
        && let Some(window) = SourceWindow::around(source, std::iter::once(&fix.span))
    {
        let title = Level::HELP.secondary_title(annotate_snippets::normalize_untrusted_str(&fix.title));
        let patch = Patch::new(window.shift(&fix.span), fix.with.as_str());
        report.push(title.element(window.snippet(file_name).patch(patch)));
    }
    renderer.render(&report)
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    source: &'a str,
    file_name: &'a str,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let window = SourceWindow::around(source, diagnostic.labels.iter().map(|label| &label.span))?;
    let mut snippet = window.snippet(file_name);
    for (index, label) in diagnostic.labels.iter().enumerate() {
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let annotation = kind.span(window.shift(&label.span));
        snippet = snippet.annotation(match label.text.as_str() {
            "" => annotation,
            text => annotation.label(text),
        });
    }
    Some(snippet)
}

/// The lines of the source that a snippet needs: handing all of a long file to every snippet would
/// make many findings slow.
struct SourceWindow<'a> {
    text: &'a str,
    offset: usize,
    first_line: usize,
}

impl<'a> SourceWindow<'a> {
    fn around<'s>(source: &'a str, spans: impl Iterator<Item = &'s Span>) -> Option<Self> {
        let (mut from, mut to) = (usize::MAX, 0);
        for span in spans {
            from = from.min(span.start);
            to = to.max(span.end);
        }
        let offset = line_start(source, source.get(..from)?.len());
        let end = source
            .get(to..)?
            .find('\n')
            .map_or(source.len(), |newline| to + newline);
        let first_line = source[..offset].matches('\n').count() + 1;
        Some(Self {
            text: &source[offset..end],
            offset,
            first_line,
        })
    }

    fn snippet<T: Clone>(&self, file_name: &'a str) -> Snippet<'a, T> {
        Snippet::source(self.text)
            .path(file_name)
            .line_start(self.first_line)
    }

    fn shift(&self, span: &Span) -> Span {
        span.start - self.offset..span.end - self.offset
    }
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn count_line(renderer: &Renderer, diagnostics: &[Diagnostic], file_name: &str) -> String {
    let errors = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .count();
    let warnings = diagnostics.len() - errors;
    let mut counts = Vec::new();
    if errors > 0 {
        counts.push(counted(errors, "error"));
    }
    if warnings > 0 {
        counts.push(counted(warnings, "warning"));
    }
    let mut line = format!("{file_name}: {}", counts.join(" and "));
    if diagnostics.len() > SHOWN_AT_MOST {
        line.push_str(&format!(", the first {SHOWN_AT_MOST} of them shown"));
    }
    let level = if errors > 0 { Level::ERROR } else { Level::WARNING };
    renderer.render(&[Group::with_title(level.primary_title(line))])
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
