//! Reading the configuration, and showing what is wrong with it.

use std::io::{self, Write};
use std::path::Path;

use super::failure::Failure;
use crate::config::{self, Config, Diagnostic};

/// Reads the configuration; warnings are shown on standard error.
///
/// # Errors
/// Everything that is wrong has been shown there, too.
pub(super) fn read(path: &Path) -> Result<Config, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let said = format!("cannot read the configuration {name}: {error}");
        match error.kind() == io::ErrorKind::PermissionDenied {
            true => Failure::Forbidden(format!("{said}\nuse sudo")),
            false => Failure::Configuration(said),
        }
    })?;
    match config::load(&text, &name) {
        Ok((config, warnings)) => {
            show(&warnings, &text, &name);
            Ok(config)
        }
        Err(problems) => {
            show(&problems, &text, &name);
            Err(Failure::Configuration(format!(
                "{name} is wrong; nothing was started, nothing was written"
            )))
        }
    }
}

/// Shows diagnostics on standard error, as far as anybody listens.
fn show(diagnostics: &[Diagnostic], text: &str, name: &str) {
    if diagnostics.is_empty() {
        return;
    }
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let shown = config::render(diagnostics, text, name, colour);
    drop(writeln!(io::stderr().lock(), "{}", shown.trim_end()));
}
