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
            let (less, more) = (lines(removed), lines(added));
            format!("{output} {cause} (`falconer render --diff` shows {less} less, {more} more)")
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

/// The text with every password hidden.
pub fn without_passwords(text: &str) -> String {
    text.split_inclusive('\n').map(without_password).collect()
}

/// What stands in the place of a password.
const HIDDEN: &str = "\"(not shown)\"";

/// The line with everything hidden that the word `password` may announce: a string, or bytes in
/// hexadecimal, wherever it stands in the line and however often.
pub(crate) fn without_password(line: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(word) = rest.find(PASSWORD) {
        let (before, secret) = rest.split_at(word + PASSWORD.len());
        shown.push_str(before);
        rest = secret;
        let value = secret.trim_start_matches([' ', '\t']);
        let gap = secret.len() - value.len();
        if let Some(len) = secret_len(value) {
            shown.push_str(&secret[..gap]);
            shown.push_str(HIDDEN);
            rest = &value[len..];
        }
    }
    shown.push_str(rest);
    shown
}

const PASSWORD: &str = "password";

/// How long the secret is that the text begins with; `None`: it begins with none.
fn secret_len(text: &str) -> Option<usize> {
    if let Some(string) = text.strip_prefix('"') {
        let end = string.find('"').map(|at| at + 2);
        return Some(end.unwrap_or(text.trim_end().len()));
    }
    let end = text.find([' ', ';', '{', '\n']).unwrap_or(text.len());
    let word = &text[..end];
    let bytes = word.strip_prefix("hex:").unwrap_or(word);
    let is_hex = bytes.len() >= 4 && bytes.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    is_hex.then_some(end)
}

fn lines(number: usize) -> String {
    match number {
        1 => "1 line".to_owned(),
        number => format!("{number} lines"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown_however_it_is_written() {
        let cases = [
            ("    password \"s3cret\";\n", "    password \"(not shown)\";\n"),
            (
                "passwords { password \"a;b\" { id 1; }; password \"c\"; };",
                "passwords { password \"(not shown)\" { id 1; }; password \"(not shown)\"; };",
            ),
            ("password hex:73:65:63;", "password \"(not shown)\";"),
            ("password 736563726574;", "password \"(not shown)\";"),
            ("password \"cut off\n", "password \"(not shown)\"\n"),
            ("# The password of the ISP\n", "# The password of the ISP\n"),
            ("-    password \"old\";", "-    password \"(not shown)\";"),
            ("router id 203.0.113.2;\n", "router id 203.0.113.2;\n"),
        ];
        for (line, shown) in cases {
            assert_eq!(without_password(line), shown);
        }
    }

    #[test]
    fn a_drift_says_how_much_it_is() {
        let said = |actual| {
            drift("/etc/bird/bird.conf", "a\nb\nc\n", Some(actual), false)
                .unwrap()
                .text
        };
        assert!(
            said("a\nc\n").contains("shows 0 lines less, 1 line more"),
            "{}",
            said("a\nc\n")
        );
    }
}
