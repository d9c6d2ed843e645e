//! Reading the configuration, and showing what is wrong with it.

use std::io::{self, Write};
use std::path::Path;

use super::failure::Failure;
use super::output;
use crate::config::{self, Config, Diagnostic, Severity, surroundings};

/// Reads the configuration; warnings are shown on standard error.
///
/// # Errors
/// Everything that is wrong has been shown there, too.
pub(super) fn read(path: &Path) -> Result<Config, Failure> {
    Ok(read_with_text(path)?.0)
}

/// The same, and looks around: at what only this machine can tell of a configuration.
///
/// # Errors
/// As [`read`], and what stands in the way on this machine.
pub(super) fn read_and_look(path: &Path) -> Result<Config, Failure> {
    let (config, text) = read_with_text(path)?;
    let name = path.display().to_string();
    let found = output::runtime()?.block_on(surroundings::look(&config, &text));
    show(&found, &text, &name);
    match found.iter().any(|found| found.severity == Severity::Error) {
        true => Err(Failure::Configuration(format!(
            "{name} does not fit this machine"
        ))),
        false => Ok(config),
    }
}

fn read_with_text(path: &Path) -> Result<(Config, String), Failure> {
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
            Ok((config, text))
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
