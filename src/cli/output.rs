//! Writing to the user: colour only where it is looked at, and no complaint when the reader of a
//! pipe has gone.

use std::io::{self, IsTerminal, Write};

use super::failure::Failure;
use crate::status::Style;

/// Writes to standard output.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes.as_ref())?;
    out.flush()?;
    Ok(())
}

/// Says on standard error what went wrong, as far as anybody listens.
pub(super) fn error(failure: &Failure) {
    if !matches!(failure, Failure::Unread | Failure::Answered(_)) {
        drop(writeln!(io::stderr().lock(), "falconer: {failure}"));
    }
}

/// Says on standard error what does not keep the command from going on.
pub(super) fn warning(text: &str) {
    drop(writeln!(io::stderr().lock(), "falconer: warning: {text}"));
}

/// What a command waits on while it talks with others.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::Failed(format!("cannot start: {error}")))
}

/// Whether somebody looks at standard output.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// How the status is to look there; colour on a terminal that wants it (NO_COLOR, CLICOLOR and
/// TERM are obeyed).
pub(super) fn style() -> Style {
    let width = if is_terminal() {
        terminal_size::terminal_size()
    } else {
        None
    };
    Style {
        color: anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        width: width.map(|(width, _)| usize::from(width.0)),
        zone: jiff::tz::TimeZone::system(),
    }
}
