//! Reading the configuration, and showing what is wrong with it.

use std::io::{self, Write};
use std::path::Path;

use super::exit::CliError;
use super::output;
use crate::bird_conf::Templates;
use crate::config;
use crate::config::model::LogFormat;
use crate::config::{Config, Diagnostic, Severity, host_checks};
use crate::core::failures;

/// Reads the configuration; warnings are shown on standard error.
///
/// # Errors
/// Everything that is wrong has been shown there, too.
pub(crate) fn read(path: &Path) -> Result<Config, CliError> {
    Ok(read_with_text(path)?.0)
}

/// The same, and looks around: at what only this machine can tell of a configuration.
///
/// # Errors
/// As [`read`], and what stands in the way on this machine.
pub(crate) fn read_and_look(path: &Path) -> Result<Config, CliError> {
    let (config, text) = read_with_text(path)?;
    let name = path.display().to_string();
    let templates: Vec<&str> = Templates::whole_files().collect();
    let mut found = output::runtime()?.block_on(host_checks::look(&config, &text, &templates));
    found.extend(host_checks::look_at_itself(path, &text));
    show(&found, &text, &name);
    match found.iter().any(|found| found.severity == Severity::Error) {
        true => Err(CliError::Configuration(format!(
            "{name} does not fit this machine"
        ))),
        false => Ok(config),
    }
}

/// The same for the daemon, whose log has a form: its warnings are not shown, but are what the returned
/// function says once the log has begun.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_for_log(path: &Path) -> Result<(Config, impl FnOnce()), CliError> {
    let (config, text, warnings) = load(path)?;
    let name = path.display().to_string();
    let format = config.log.format;
    let tell = move || match format {
        LogFormat::Text => show(&warnings, &text, &name),
        LogFormat::Json | LogFormat::Journald => {
            for warning in &warnings {
                log(warning, &text, &name);
            }
        }
    };
    Ok((config, tell))
}

fn read_with_text(path: &Path) -> Result<(Config, String), CliError> {
    let (config, text, warnings) = load(path)?;
    show(&warnings, &text, &path.display().to_string());
    Ok((config, text))
}

/// The configuration, its text, and the warnings.
fn load(path: &Path) -> Result<(Config, String, Vec<Diagnostic>), CliError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let said = format!("cannot read the configuration {name}: {error}");
        match error.kind() == io::ErrorKind::PermissionDenied {
            true => CliError::Forbidden(format!("{said}\nuse sudo")),
            false => CliError::Configuration(said),
        }
    })?;
    match failures::load(&text, &name) {
        Ok((config, warnings)) => Ok((config, text, warnings)),
        Err(problems) => {
            show(&problems, &text, &name);
            Err(CliError::Configuration(format!(
                "{name} is wrong; nothing was started, nothing was written"
            )))
        }
    }
}

/// One warning as one line of the log.
fn log(warning: &Diagnostic, text: &str, file: &str) {
    let Diagnostic {
        code,
        message,
        note,
        help,
        ..
    } = warning;
    let line = warning.position(text).map(|(line, _)| line);
    let (note, help) = (note.as_deref(), help.as_deref());
    tracing::warn!(code, file, line, note, help, "configuration: {message}");
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
