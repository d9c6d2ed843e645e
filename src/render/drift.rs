//! Whether bird.conf on disk is what we would render, and how to show the difference. Passwords are
//! never shown.

use similar::TextDiff;

/// bird.conf is not what we would render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// For the alarm `render_drift`: what is the matter and what to do about it.
    pub text: String,
}

/// Holds the file against the rendered text. `actual` is `None` where there is no file; `edited`
/// says that the file's content is not the last that we wrote.
pub fn drift(output: &str, rendered: &str, actual: Option<&str>, edited: bool) -> Option<Drift> {
    let text = match actual {
        Some(actual) if actual == rendered => return None,
        None => format!("{output} is missing; `falconer render --write` writes it"),
        Some(actual) => {
            let (removed, added) = changes(actual, rendered);
            let cause = if edited {
                "was changed by somebody else and is left alone; take the change over into falconer.toml or the \
                 template, or overwrite it with `falconer render --apply --force`"
            } else {
                "is not what the configuration would render now; `falconer render --apply` brings it in"
            };
            format!("{output} {cause} (`falconer render --diff` shows {removed} lines less, {added} more)")
        }
    };
    Some(Drift { text })
}

/// What writing `rendered` over `actual` would change, as a unified diff; empty where nothing would.
pub fn diff(output: &str, actual: Option<&str>, rendered: &str) -> String {
    let actual = actual.unwrap_or_default();
    if actual == rendered {
        return String::new();
    }
    let (old, new) = (format!("{output} (on disk)"), format!("{output} (rendered)"));
    let diff = TextDiff::from_lines(actual, rendered)
        .unified_diff()
        .context_radius(3)
        .header(&old, &new)
        .to_string();
    diff.split_inclusive('\n').map(without_password).collect()
}

/// Lines that would go, and lines that would come.
fn changes(actual: &str, rendered: &str) -> (usize, usize) {
    let diff = TextDiff::from_lines(actual, rendered);
    diff.iter_all_changes()
        .fold((0, 0), |(removed, added), change| match change.tag() {
            similar::ChangeTag::Delete => (removed + 1, added),
            similar::ChangeTag::Insert => (removed, added + 1),
            similar::ChangeTag::Equal => (removed, added),
        })
}

/// The line with the string behind the word `password` hidden, wherever it stands in the line.
pub(super) fn without_password(line: &str) -> String {
    let Some(word) = line.find("password") else {
        return line.to_owned();
    };
    let Some(open) = line[word..].find('"').map(|at| word + at) else {
        return line.to_owned();
    };
    let close = line[open + 1..]
        .find('"')
        .map_or(line.trim_end().len(), |at| open + 1 + at + 1);
    format!("{}\"(not shown)\"{}", &line[..open], &line[close..])
}
