//! The page at `/`: its files, embedded, and the headers that keep everything else out of it.
//!
//! The page is a client of this API like any other; nothing is made for it alone.

use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::response;
use super::response::ApiResponse;

/// Only our own files, and no text that becomes markup or a program: names that others chose are
/// shown on the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file of the page.
struct PageFile {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($name:literal, $kind:expr) => {
        PageFile {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../page/", $name)),
        }
    };
}

const FILES: [PageFile; 18] = [
    file!("page.html", HTML),
    file!("page.css", CSS),
    file!("icon.svg", SVG),
    file!("main.js", SCRIPT),
    file!("feed.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("words.js", SCRIPT),
    file!("messages.js", SCRIPT),
    file!("facts.js", SCRIPT),
    file!("story.js", SCRIPT),
    file!("plot.js", SCRIPT),
    file!("plots.js", SCRIPT),
    file!("probes.js", SCRIPT),
    file!("times.js", SCRIPT),
    file!("services.js", SCRIPT),
    file!("sides.js", SCRIPT),
    file!("timeline.js", SCRIPT),
    file!("ready.js", SCRIPT),
];

/// What tells one version of a file from another, in the order of [`FILES`].
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| FILES.iter().map(tag).collect());

fn tag(file: &PageFile) -> String {
    let digest = Sha256::digest(file.text);
    let start: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{start}\"")
}

/// A file of the page, or that the client has it already.
pub(crate) fn answer(name: &str, asked: &HeaderMap) -> ApiResponse {
    let found = FILES.iter().zip(&*TAGS).find(|(file, _)| file.name == name);
    let Some((file, tag)) = found else {
        return response::failure(StatusCode::NOT_FOUND, "there is no such path");
    };
    let known = asked.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let (status, body) = match known.is_some_and(|known| names(known, tag)) {
        true => (StatusCode::NOT_MODIFIED, ""),
        false => (StatusCode::OK, file.text),
    };
    let mut reply = Response::new(Full::new(Bytes::from_static(body.as_bytes())).boxed_unsync());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    for (header, value) in fixed() {
        headers.insert(header, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    reply
}

/// Whether If-None-Match names a tag (RFC 9110, section 13.1.2).
fn names(known: &str, tag: &str) -> bool {
    let mut known = known
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"));
    known.any(|known| known == tag || known == "*")
}

/// The headers of every file.
fn fixed() -> [(HeaderName, &'static str); 7] {
    [
        // Asked for again each time, so that a new version of the daemon has its own page.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_asks_for_is_there_and_every_one_there_is_asked_for() {
        for file in &FILES {
            let asked = FILES.iter().any(|by| {
                by.text.contains(&format!("\"/page/{}\"", file.name))
                    || by.text.contains(&format!("\"./{}\"", file.name))
            });
            assert!(
                asked || file.name == "page.html",
                "{} is asked for by nobody",
                file.name
            );
            let imports = file.text.split(" from \"./").skip(1);
            for import in imports.filter_map(|rest| rest.split('"').next()) {
                assert!(
                    FILES.iter().any(|file| file.name == import),
                    "{} imports {import}",
                    file.name
                );
            }
        }
    }

    #[test]
    fn nothing_of_the_page_writes_markup_or_leaves_the_house() {
        let forbidden = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "http://",
            "https://",
            "style=",
            "onclick=",
            "javascript:",
        ];
        for file in &FILES {
            // The one name of a namespace that SVG takes is no address that anybody asks.
            let text = file.text.replace("http://www.w3.org/2000/svg", "");
            for word in forbidden {
                assert!(!text.contains(word), "{} has {word}", file.name);
            }
        }
    }

    #[test]
    fn the_page_is_small() {
        let size: usize = FILES.iter().map(|file| file.text.len()).sum();
        assert!(size < 125_000, "{size} bytes");
    }

    #[test]
    fn a_file_that_the_client_has_is_not_sent_again() {
        let first = answer("page.css", &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let mut asked = HeaderMap::new();
        asked.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let second = answer("page.css", &asked);
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[ETAG], first.headers()[ETAG]);
    }

    #[test]
    fn every_file_comes_with_the_policy_and_its_own_type() {
        for file in &FILES {
            let headers = answer(file.name, &HeaderMap::new()).headers().clone();
            let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(headers[CONTENT_TYPE], file.kind, "{}", file.name);
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }

    #[test]
    fn what_is_no_file_of_the_page_is_not_found() {
        for name in ["", "..", "page.html.bak", "Page.css"] {
            assert_eq!(
                answer(name, &HeaderMap::new()).status(),
                StatusCode::NOT_FOUND,
                "{name}"
            );
        }
    }
}
