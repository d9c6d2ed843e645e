//! A changed falconer.toml: read, validated, held against the one at work, and what is said of it.
//! Nothing is changed here.

use std::path::Path;

use crate::config::diff::{Change, ConfigChanges};
use crate::config::{self, Config};
use crate::core::failures;

/// What only a restart brings in: where we keep things, which BIRD is driven, and the doors and the
/// log that were opened at the start.
const AT_START: [&str; 4] = ["site", "bird", "api", "log"];

/// A configuration that is right.
pub(crate) struct LoadedConfig {
    /// It.
    pub(crate) config: Config,
    /// What it is warned about, as `falconer check` shows it; may be empty.
    pub(crate) warnings: String,
}

/// The configuration that is on disk now.
///
/// # Errors
/// Everything that is wrong with it, as `falconer check` shows it.
pub(crate) fn read(path: &Path) -> Result<LoadedConfig, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let (mut config, warnings) =
        failures::load(&text, &name).map_err(|problems| config::render(&problems, &text, &name, false))?;
    super::process::fit_probes(&mut config);
    let warnings = config::render(&warnings, &text, &name, false);
    Ok(LoadedConfig { config, warnings })
}

/// Why it takes a restart to go over to it, in words.
pub(crate) fn needs_restart(changes: &ConfigChanges) -> Option<String> {
    let at_start = changes
        .tables
        .iter()
        .filter(|change| AT_START.contains(&change.table));
    let words: Vec<_> = at_start
        .map(|change| format!("[{}] ({})", change.table, change.change))
        .collect();
    (!words.is_empty()).then(|| {
        format!(
            "{} changed, which takes a restart of falconer (it sends no UPDATE); nothing was taken over",
            words.join(" and ")
        )
    })
}

/// What is told when it is in force. `drift`: what is wrong with bird.conf now. It quotes nothing of the
/// file: the history is read over the network, too.
pub(crate) fn said(changes: &ConfigChanges, drift: Option<&str>) -> String {
    let mut said = if changes.is_empty() {
        "nothing changed\n".to_owned()
    } else {
        format!("reloaded; what is not named here was not touched\n{changes}")
    };
    for service in &changes.services {
        if service.change == Change::Removed {
            said += &format!("{} is let go: BIRD does for it what it did\n", service.name);
        }
    }
    if let Some(drift) = drift {
        said += &format!("{drift}\n");
    }
    said.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diff::compare;

    const STANDBY: &str = include_str!("../../tests/fixtures/config/standby.toml");

    fn changes(from: &str, to: &str) -> ConfigChanges {
        let config = |text: &str| config::load(text, "falconer.toml").unwrap().0;
        compare(&config(STANDBY), &config(&STANDBY.replacen(from, to, 1)))
    }

    #[test]
    fn only_what_was_opened_at_the_start_takes_a_restart() {
        assert_eq!(needs_restart(&changes("rank", "rank")), None);
        assert_eq!(
            needs_restart(&changes("\"standby\"", "\"standby\"\nrank = 2")),
            None
        );
        let log = changes(
            "[render]",
            "[log]\nlevel = \"debug\"\n[bird]\ntimeout = \"4s\"\n[render]",
        );
        assert_eq!(
            needs_restart(&log).unwrap(),
            "[bird] (timeout) and [log] (level) changed, which takes a restart of falconer (it sends no UPDATE); \
             nothing was taken over"
        );
    }

    #[test]
    fn an_operator_is_told_what_changed_and_what_it_still_takes() {
        assert_eq!(said(&changes("x", "x"), None), "nothing changed");
        let drift = "/etc/bird/bird.conf is not what the configuration would render now";
        let renamed = changes("name = \"web\"", "name = \"site\"");
        assert_eq!(
            said(&renamed, Some(drift)),
            "reloaded; what is not named here was not touched\n\
             service site: added\n\
             service web: removed\n\
             web is let go: BIRD does for it what it did\n\
             /etc/bird/bird.conf is not what the configuration would render now"
        );
    }
}
