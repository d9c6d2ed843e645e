//! A changed falconer.toml: read, validated, and held against the one at work. Nothing is changed
//! here.

use std::path::Path;

use crate::config::{self, Config};

/// The configuration that is on disk now.
///
/// # Errors
/// Everything that is wrong with it, as `falconer check` shows it.
pub(super) fn read(path: &Path) -> Result<Config, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let (config, warnings) =
        config::load(&text, &name).map_err(|problems| config::render(&problems, &text, &name, false))?;
    if !warnings.is_empty() {
        tracing::warn!(warnings = %config::render(&warnings, &text, &name, false), "reload");
    }
    Ok(config)
}

/// What changed that only a restart brings in: where we keep things, which BIRD is driven, and the
/// doors and the log that were opened at the start.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let sections = [
        ("[site]", old.site == new.site),
        ("[bird]", old.bird == new.bird),
        ("[api]", old.api == new.api),
        ("[log]", old.log == new.log),
    ];
    sections
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(section, _)| section)
        .collect()
}
