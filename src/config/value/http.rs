//! What an http probe sends and expects.

use hyper::Method;
use hyper::header::{self, HeaderName, HeaderValue};
use serde_json::json;
use toml::de::DeValue;
use url::Url;

use super::number;
use super::text::TextValue;
use crate::config::key_docs::ValueSchema;
use crate::config::model::Pattern;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, quoted, wrong_type};

/// A URL of http or https, with a host.
pub(crate) const URL: TextValue<Option<Url>> = TextValue {
    words: "URL",
    pattern: Some("^https?://"),
    parse: url,
    stand_in: || None,
};

fn url(text: &str) -> Result<Option<Url>, ValueError> {
    let complaint = || ValueError::new("bad-url", "this is not a URL that can be probed");
    let url = Url::parse(text).map_err(|why| {
        let schemeless = !text.contains("://");
        let label = if schemeless {
            "without `http://` or `https://`".to_owned()
        } else {
            why.to_string()
        };
        let complaint = complaint().label(label);
        match Url::parse(&format!("http://{text}")) {
            Ok(_) if schemeless && !text.contains('@') => complaint.better(quoted(&format!("http://{text}"))),
            Ok(_) | Err(_) => complaint,
        }
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(complaint().label(format!("`{}` is neither http nor https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(complaint()
            .label("a user or password in the URL")
            .help("write an `authorization` header into `headers_file`"));
    }
    if url.fragment().is_some() {
        return Err(complaint()
            .label("has a fragment, which is never sent")
            .help("leave out what follows `#`"));
    }
    Ok(Some(url))
}

/// A request method.
pub(crate) const METHOD: TextValue<Method> = TextValue {
    words: "HTTP method",
    pattern: Some("^[A-Z]+$"),
    parse: method,
    stand_in: || Method::GET,
};

fn method(text: &str) -> Result<Method, ValueError> {
    let complaint = ValueError::new("bad-method", "this is not a method of a probe");
    if text.bytes().any(|b| b.is_ascii_lowercase()) {
        return Err(complaint
            .label("methods are in capital letters")
            .better(quoted(&text.to_ascii_uppercase())));
    }
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT) => Err(complaint.label("asks for a tunnel, not for an answer")),
        Ok(method) => Ok(method),
        Err(_) => Err(complaint.label("not a method").help("\"GET\" or \"HEAD\"")),
    }
}

/// A header's name.
pub(crate) const HEADER_NAME: TextValue<HeaderName> = TextValue {
    words: "header names",
    pattern: None,
    parse: header_name,
    stand_in: || header::ACCEPT,
};

fn header_name(text: &str) -> Result<HeaderName, ValueError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        ValueError::new("bad-header", format!("`{text}` is not the name of a header")).label("belongs to it")
    })
}

/// The name of a header that a probe may send.
pub(crate) const SENT_HEADER_NAME: TextValue<HeaderName> = TextValue {
    parse: sent_header_name,
    ..HEADER_NAME
};

fn sent_header_name(text: &str) -> Result<HeaderName, ValueError> {
    let name = header_name(text)?;
    let complaint = ValueError::new("bad-header", format!("`{text}` cannot be set"));
    if name == header::HOST {
        return Err(complaint
            .label("comes from the URL")
            .help("put the name into `url` and the server's address into `connect_to`"));
    }
    match may_be_sent(&name) {
        true => Ok(name),
        false => Err(complaint.label("belongs to the connection, which the probe keeps in order")),
    }
}

/// Whether a header is the operator's to set.
pub fn may_be_sent(name: &HeaderName) -> bool {
    ![
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
        header::EXPECT,
    ]
    .contains(name)
}

/// A header's value.
pub(crate) const HEADER_VALUE: TextValue<HeaderValue> = TextValue {
    words: "string",
    pattern: None,
    parse: |text| {
        let mut value = HeaderValue::from_str(text).map_err(|_| {
            ValueError::new("bad-header", "this cannot be the value of a header")
                .label("has other characters than visible ASCII")
        })?;
        // Many are secrets, and a debug output is no place for one.
        value.set_sensitive(true);
        Ok(value)
    },
    stand_in: || HeaderValue::from_static(""),
};

/// A regular expression.
pub(crate) const REGEX: TextValue<Option<Pattern>> = TextValue {
    words: "regular expression",
    pattern: None,
    parse: regex,
    stand_in: || None,
};

fn regex(text: &str) -> Result<Option<Pattern>, ValueError> {
    let read = regex::Regex::new(text);
    read.map(|regex| Some(Pattern(regex))).map_err(|why| {
        let complaint = ValueError::new("bad-regex", "this is not a regular expression");
        match why {
            regex::Error::CompiledTooBig(limit) => {
                complaint.label(format!("larger than {limit} bytes when compiled"))
            }
            regex::Error::Syntax(_) | _ => {
                // The last line of the error says what it is; those before draw the expression.
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default();
                complaint.label(last.trim_start_matches("error: ").to_owned())
            }
        }
    })
}

/// A status code, or a range of them.
pub(crate) struct StatusRange;

impl ValueType for StatusRange {
    type Value = (u16, u16);

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> (u16, u16) {
        let read = match (value.as_str(), number(value)) {
            (Some(text), _) => status_range(text),
            (None, Some(number)) => status_range(&number.to_string()),
            (None, None) => Err(wrong_type("a status code or a range of them", value)),
        };
        read.unwrap_or_else(|complaint| {
            site.refuse(complaint);
            self.stand_in()
        })
    }

    fn stand_in(&self) -> (u16, u16) {
        (200, 200)
    }

    fn shape(&self) -> ValueSchema {
        let code = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
        let range = json!({ "type": "string", "pattern": "^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$" });
        ValueSchema::new(
            "status code or range, `200` or `\"200-299\"`",
            json!({ "anyOf": [code, range] }),
        )
    }
}

fn status_range(text: &str) -> Result<(u16, u16), ValueError> {
    let complaint = || ValueError::new("bad-status", "this is not a status code or a range of them");
    let code = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|code| text.len() == 3 && (100..600).contains(code))
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (Some(first), Some(last)) = (code(from), code(to)) else {
        let complaint = complaint().label("not codes from 100 to 599");
        return Err(match text.as_bytes() {
            [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                let digit = char::from(*digit);
                complaint.better(quoted(&format!("{digit}00-{digit}99")))
            }
            _ => complaint.help("write 204, \"204\" or \"200-299\""),
        });
    };
    if first > last {
        return Err(complaint()
            .label("ends before it begins")
            .better(quoted(&format!("{to}-{from}"))));
    }
    Ok((first, last))
}
