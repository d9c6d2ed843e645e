//! Writing to the user: colour only where it is looked at, and no complaint when the reader of a
//! pipe has gone.

use std::io::{self, IsTerminal, Write};

use super::exit::CliError;
use crate::cli::text::TextStyle;

/// Writes to standard output.
pub(crate) fn print(bytes: impl AsRef<[u8]>) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes.as_ref())?;
    out.flush()?;
    Ok(())
}

/// Says on standard error what went wrong, as far as anybody listens.
pub(crate) fn error(failure: &CliError) {
    if !matches!(failure, CliError::Unread | CliError::Answered(_)) {
        drop(writeln!(io::stderr().lock(), "falconer: {failure}"));
    }
}

/// Says on standard error what does not keep the command from going on.
pub(crate) fn warning(text: &str) {
    drop(writeln!(io::stderr().lock(), "falconer: warning: {text}"));
}

/// What a command waits on while it talks with others.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| CliError::Failed(format!("cannot start: {error}")))
}

/// Whether somebody looks at standard output.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// How the status is to look there; colour on a terminal that wants it (NO_COLOR, CLICOLOR and
/// TERM are obeyed).
pub(crate) fn style() -> TextStyle {
    let width = if is_terminal() {
        terminal_size::terminal_size()
    } else {
        None
    };
    TextStyle {
        color: anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        width: width.map(|(width, _)| usize::from(width.0)),
        zone: jiff::tz::TimeZone::system(),
    }
}
