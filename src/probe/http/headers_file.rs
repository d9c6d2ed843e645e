//! `headers_file`: headers with secrets, one `Name: value` on each line.
//!
//! No error quotes a line of the file.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hyper::header::{HeaderName, HeaderValue};

use crate::config::may_be_sent;
use crate::probe::socket::words;

/// A file of headers longer than this is none.
const LIMIT: u64 = 64 << 10;

/// The headers of a file. Empty lines, and those that begin with `#`, are left out.
///
/// # Errors
/// Why it cannot be used, in words: it is not there, everybody can read it, or a line is no header.
pub(crate) fn read(path: &Path) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let problem = |what: String| format!("headers_file {}: {what}", path.display());
    let file = File::open(path).map_err(|error| problem(words(&error)))?;
    let mode = file
        .metadata()
        .map_err(|error| problem(words(&error)))?
        .permissions()
        .mode();
    if mode & 0o004 != 0 {
        return Err(problem("everybody on this host can read it: chmod 0600".into()));
    }
    let mut text = String::new();
    let read = file.take(LIMIT).read_to_string(&mut text);
    read.map_err(|error| problem(words(&error)))?;
    parse(&text).map_err(problem)
}

fn parse(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let mut headers = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let header = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim_end().as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        match header {
            Some((name, _)) if !may_be_sent(&name) => {
                return Err(format!("line {number}: the header {name} cannot be set"));
            }
            Some(header) => headers.push(header),
            None => return Err(format!("line {number} is not `Name: value`")),
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_stands_on_each_line() {
        let read = parse("# for the check\n\nAuthorization: Bearer s3cret:x\r\nX-Key:  1 \n").unwrap();
        let shown: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(shown, [("authorization", "Bearer s3cret:x"), ("x-key", "1")]);
    }

    #[test]
    fn no_error_and_no_debug_output_quotes_a_secret() {
        for text in [
            "s3cret",
            "X: 1\ns3cret words: x",
            "X: s3cret\u{7}",
            ": s3cret",
            "Host: s3cret",
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains("line "), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
        let debug = format!("{:?}", parse("X: s3cret").unwrap());
        assert!(!debug.contains("s3cret"), "{debug}");
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "X: s3cret\n").unwrap();
        let mode = |mode| std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o604);
        assert!(
            read(file.path())
                .unwrap_err()
                .contains("everybody on this host can read it")
        );
        mode(0o640);
        assert_eq!(read(file.path()).unwrap().len(), 1);
        assert!(
            read(Path::new("/nonexistent/h"))
                .unwrap_err()
                .contains("/nonexistent/h")
        );
    }
}
