//! Finds values in falconer.toml that look like secrets: headers, passwords, tokens, the user part of a
//! URL.
//!
//! Findings show the user's own lines, on terminals, in logs, and to the client of a reload. In them
//! secrets are replaced by stars of the same length, so that columns stay right. Only the text counts,
//! so this also works for a file that is not valid TOML.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A quoted value; whoever forgot the second quote has written a secret all the same.
const VALUE: &str = r#"("(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?)"#;

/// A key whose name says that its value is a secret, unless it names a file.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let name =
        r"[\w-]*(?:authorization|cookie|token|secret|passw(?:or)?d|api[-_]?key|x-[\w-]*(?:key|auth))[\w-]*";
    pattern(&format!(r#"(?i)["']?({name})["']?\s*=\s*{VALUE}"#))
});

/// User and password of a URL, also where its scheme was forgotten.
static USER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:://([^/\s"'@]+)|["']([^/\s"'@:]+:[^/\s"'@]+))@"#));

/// The headers that a probe sends: inline, on a line of their own, or as a table up to the next one.
static HEADERS: LazyLock<Regex> = LazyLock::new(|| {
    let inline = format!(r"=\s*\{{(?:{VALUE}|[^}}])*|=[^\n]*|\.[^=\n]*=[^\n]*");
    let table = r"^\s*\[[^\]\n]*headers?\s*\][^\n]*(?:\n[ \t]*(?:[^\s\[][^\n]*)?)*";
    pattern(&format!(r"(?m)(?:^|[\s,{{.])headers?\s*(?:{inline})|{table}"))
});

/// Whatever stands behind an equals sign.
static VALUES: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"=\s*{VALUE}")));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant, and the tests have it compiled")
}

/// The text with stars in place of what looks like a secret, byte for byte.
pub(crate) fn masked(text: &str) -> String {
    let mut secret: Vec<Range<usize>> = named(text).collect();
    secret.extend(users(text));
    for headers in HEADERS.find_iter(text) {
        let values = VALUES.captures_iter(headers.as_str());
        secret.extend(values.filter_map(|found| inside(&found, 1)).map(|range| {
            let from = headers.start();
            from + range.start..from + range.end
        }));
    }
    let mut masked = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match secret.iter().any(|range| range.contains(&at)) {
            true => masked.extend(std::iter::repeat_n('*', c.len_utf8())),
            false => masked.push(c),
        }
    }
    masked
}

/// Where the first value stands that nobody else should read.
pub(crate) fn first(text: &str) -> Option<Range<usize>> {
    named(text).chain(users(text)).min_by_key(|range| range.start)
}

fn named(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_file = |found: &Captures<'_>| found[1].to_ascii_lowercase().ends_with("_file");
    let found = NAMED.captures_iter(text).filter(move |found| !is_file(found));
    found.filter_map(|found| inside(&found, 2))
}

fn users(text: &str) -> impl Iterator<Item = Range<usize>> {
    USER.captures_iter(text)
        .filter_map(|found| found.get(1).or(found.get(2)).map(|user| user.range()))
}

/// A quoted value without its quotes; `None` where nothing is between them.
fn inside(found: &Captures<'_>, group: usize) -> Option<Range<usize>> {
    let value = found.get(group)?;
    let quote = value.as_str().chars().next()?;
    let bare = value.as_str().strip_prefix(quote)?;
    let bare = bare.strip_suffix(quote).unwrap_or(bare);
    let from = value.start() + 1;
    (!bare.is_empty()).then(|| from..from + bare.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_shown_as_stars_of_its_length() {
        for (text, shown) in [
            (
                "headers = {\n A = \"}x\",\n B = 'y' }\nz = \"1\"",
                "headers = {\n A = \"**\",\n B = '*' }\nz = \"1\"",
            ),
            (
                "[a.headers]\nA = \"[x\"\n\nB = \"y\"\n[b]\nc = \"z\"",
                "[a.headers]\nA = \"**\"\n\nB = \"*\"\n[b]\nc = \"z\"",
            ),
            ("headers = \"A: x\"", "headers = \"****\""),
            (
                r#"headers = { Authorization = "Bearer x", "X-A" = 'y' }"#,
                r#"headers = { Authorization = "********", "X-A" = '*' }"#,
            ),
            (
                r#"headers = { accept = "text/ht"#,
                r#"headers = { accept = "*******"#,
            ),
            (
                "[service.probe.headers]\nX-A = \"b\\\"c\"\nD = 'é'\n[[service]]\nname = \"web\"",
                "[service.probe.headers]\nX-A = \"****\"\nD = '**'\n[[service]]\nname = \"web\"",
            ),
            (r#"headers.X-A = "b""#, r#"headers.X-A = "*""#),
            (r#"url = "https://u:p@h/x@y""#, r#"url = "https://***@h/x@y""#),
            (
                r#"vars = { api_key = "k", site = "hk1" }"#,
                r#"vars = { api_key = "*", site = "hk1" }"#,
            ),
            (
                r#"password_file = "/etc/p" # token"#,
                r#"password_file = "/etc/p" # token"#,
            ),
            (
                r#"expect_header = { Server = "nginx" }"#,
                r#"expect_header = { Server = "nginx" }"#,
            ),
        ] {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(text).len(), text.len());
        }
    }

    #[test]
    fn a_secret_in_the_file_is_found_and_a_file_that_holds_one_is_none() {
        let at = |text: &str| first(text).map(|range| text[range].to_owned());
        assert_eq!(at(r#"headers = { "X-Api-Key" = "k" }"#).as_deref(), Some("k"));
        assert_eq!(at(r#"url = "https://u:p@h/""#).as_deref(), Some("u:p"));
        assert_eq!(at(r#"cookie = "a=b""#).as_deref(), Some("a=b"));
        for text in [
            r#"password_file = "/p""#,
            r#"headers = { Accept = "x" }"#,
            r#"cookie = """#,
            "name = \"token\"",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
