//! Strings of every sort: names, paths, and whatever else is parsed out of one string.

use std::path::PathBuf;

use serde_json::json;
use toml::de::DeValue;

use crate::config::bird_keywords;
use crate::config::bird_keywords::InvalidSymbol;
use crate::config::key_docs::ValueSchema;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, quoted, wrong_type};

/// A value that is parsed out of one string.
pub(crate) struct TextValue<T> {
    /// What it is, in words.
    pub(crate) words: &'static str,
    /// A regular expression that every right one matches, for the schema.
    pub(crate) pattern: Option<&'static str>,
    /// Reads it.
    pub(crate) parse: fn(&str) -> Result<T, ValueError>,
    /// See [`ValueType::stand_in`].
    pub(crate) stand_in: fn() -> T,
}

impl<T> ValueType for TextValue<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> T {
        let read = match value.as_str() {
            None => Err(wrong_type(&format!("a string ({})", self.words), value)),
            Some(text) => without_controls(text).and_then(|()| (self.parse)(text)),
        };
        read.unwrap_or_else(|complaint| {
            site.refuse(complaint);
            (self.stand_in)()
        })
    }

    fn stand_in(&self) -> T {
        (self.stand_in)()
    }

    fn shape(&self) -> ValueSchema {
        let mut schema = json!({ "type": "string" });
        if let Some(pattern) = self.pattern {
            schema["pattern"] = json!(pattern);
        }
        ValueSchema::new(self.words, schema)
    }
}

/// Nothing that we read has a use for control characters, and every place that it ends up in (a
/// terminal, a log, bird.conf) has a way to be fooled by them.
fn without_controls(text: &str) -> Result<(), ValueError> {
    match text.chars().find(|c| c.is_control()) {
        None => Ok(()),
        Some(found) => Err(
            ValueError::new("control-character", "expected no control characters")
                .label(format!("there is {} in it", found.escape_unicode())),
        ),
    }
}

/// A site's or probe's name: it ends up in status lines, metrics and URLs.
pub(crate) const NAME: TextValue<String> = TextValue {
    words: "name",
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"),
    parse: name,
    stand_in: String::new,
};

fn name(text: &str) -> Result<String, ValueError> {
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if letters && first && text.len() <= 63 {
        return Ok(text.to_owned());
    }
    let label = match text.len() {
        0 => "empty",
        64.. => "longer than 63 characters",
        _ if letters => "begins with neither a letter nor a digit",
        _ => "has other characters",
    };
    Err(ValueError::new("bad-name", "this cannot be a name")
        .label(label)
        .help("use letters, digits, `-`, `_` and `.`, a letter or digit first, at most 63 of them"))
}

/// A service's name: the names of its static protocols begin with it.
pub(crate) const SERVICE_NAME: TextValue<String> = TextValue {
    words: "name, `[a-z][a-z0-9_]*`",
    pattern: Some("^[a-z][a-z0-9_]{0,53}$"),
    parse: service_name,
    stand_in: String::new,
};

fn service_name(text: &str) -> Result<String, ValueError> {
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let label = match text.len() {
        0 => "empty",
        _ if text.len() > bird_keywords::LONGEST_SERVICE => "too long",
        _ if text.starts_with("falconer_") => "begins with `falconer_`, which is for what we render",
        _ if letters && text.starts_with(|c: char| c.is_ascii_lowercase()) => return Ok(text.to_owned()),
        _ if letters => "begins with something else than a letter",
        _ => "has other characters",
    };
    let longest = bird_keywords::LONGEST_SERVICE;
    let complaint = ValueError::new("bad-name", "this cannot be a service's name")
        .label(label)
        .help(format!(
            "use small letters, digits and `_`, a letter first, at most {longest} of them"
        ));
    Err(complaint.note("the static protocols in BIRD are named after it, such as `web_v4` for `web`"))
}

/// The name of a protocol of BIRD.
pub(crate) const PROTOCOL: TextValue<String> = TextValue {
    words: "name of a protocol in BIRD",
    pattern: Some("^[A-Za-z0-9_.:-]{1,64}$"),
    parse: symbol,
    stand_in: String::new,
};

pub(crate) fn symbol(text: &str) -> Result<String, ValueError> {
    let Err(unfit) = bird_keywords::symbol(text) else {
        return Ok(text.to_owned());
    };
    let complaint = ValueError::new("bird-name", "BIRD would not take this name");
    Err(match unfit {
        InvalidSymbol::Empty => complaint.label("empty"),
        InvalidSymbol::TooLong => {
            complaint.label(format!("longer than {} characters", bird_keywords::LONGEST))
        }
        InvalidSymbol::Letters => mended(
            text,
            complaint.label("has other characters than letters, digits, `_`, `-`, `.` and `:`"),
        ),
        InvalidSymbol::Hex => complaint
            .label("nothing but hexadecimal digits")
            .note("BIRD takes so many of them for a string of bytes"),
        InvalidSymbol::Ours => ValueError::new(
            "bird-name",
            "names that begin with `falconer_` are for what Falconer renders",
        )
        .label("this one would collide")
        .help("call it something else"),
    })
}

/// Without the apostrophes, which we put ourselves; else with underscores.
fn mended(text: &str, complaint: ValueError) -> ValueError {
    let bare = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    if let Some(bare) = bare.filter(|bare| bird_keywords::symbol(bare).is_ok()) {
        return complaint
            .better(quoted(bare))
            .note("where BIRD wants apostrophes, Falconer puts them");
    }
    let mended: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    match bird_keywords::symbol(&mended) {
        Ok(()) => complaint.better(quoted(&mended)),
        Err(_) => complaint,
    }
}

/// An absolute path.
pub(crate) const PATH: TextValue<PathBuf> = TextValue {
    words: "absolute path",
    pattern: Some("^/"),
    parse: path,
    stand_in: PathBuf::new,
};

fn path(text: &str) -> Result<PathBuf, ValueError> {
    if text.starts_with('/') {
        return Ok(PathBuf::from(text));
    }
    let complaint = ValueError::new("relative-path", "expected an absolute path");
    let complaint = complaint.label(if text.is_empty() {
        "empty"
    } else {
        "does not begin with `/`"
    });
    Err(complaint.note("the daemon's working directory is not yours"))
}

/// A path that is written into bird.conf or opened by BIRD: nothing that BIRD's lexer, or its
/// globbing of `include`, would take for something else.
pub(crate) const BIRD_PATH: TextValue<PathBuf> = TextValue {
    words: "absolute path",
    pattern: Some("^/[^\"*?\\[\\]\\\\]*$"),
    parse: bird_path,
    stand_in: PathBuf::new,
};

fn bird_path(text: &str) -> Result<PathBuf, ValueError> {
    let path = path(text)?;
    match text.chars().find(|c| matches!(c, '"' | '*' | '?' | '[' | ']' | '\\' | '{' | '}')) {
        None => Ok(path),
        Some(found) => Err(ValueError::new("unsafe-path", "this path cannot be written into bird.conf")
            .label(format!("there is `{found}` in it"))
            .note("BIRD takes quotes for the end of the path, and brackets and stars in an `include` for a pattern")),
    }
}

/// A path of a Unix socket.
pub(crate) const SOCKET: TextValue<PathBuf> = TextValue {
    words: "absolute path of a socket",
    pattern: Some("^/.{0,106}$"),
    parse: socket,
    stand_in: PathBuf::new,
};

/// The longest path of a Unix socket (`sun_path` of unix(7), without the final NUL).
pub(crate) const LONGEST_SOCKET: usize = 107;

fn socket(text: &str) -> Result<PathBuf, ValueError> {
    let path = path(text)?;
    if text.len() > LONGEST_SOCKET {
        return Err(
            ValueError::new("out-of-range", format!("expected at most {LONGEST_SOCKET} bytes"))
                .label(format!("{} bytes", text.len()))
                .note("the kernel takes no longer path for a Unix socket"),
        );
    }
    Ok(path)
}

/// A template's file name.
pub(crate) const TEMPLATE: TextValue<String> = TextValue {
    words: "file name",
    pattern: Some("^[A-Za-z0-9_][A-Za-z0-9_.-]*$"),
    parse: template,
    stand_in: String::new,
};

fn template(text: &str) -> Result<String, ValueError> {
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if letters && !text.is_empty() && !text.starts_with(['.', '-']) {
        return Ok(text.to_owned());
    }
    Err(
        ValueError::new("bad-template", "this is not the name of a template")
            .label(if text.contains('/') {
                "a path"
            } else {
                "not a plain file name"
            })
            .help("write the file's name alone, such as \"standby.conf\"; `template_dir` says where it is"),
    )
}

/// A program and its arguments: one of them.
pub(crate) const ARGUMENT: TextValue<String> = TextValue {
    words: "argument",
    pattern: None,
    parse: |text| Ok(text.to_owned()),
    stand_in: String::new,
};
