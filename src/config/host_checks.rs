//! Checks of a configuration that need the machine: whether files exist and who may read them, whether
//! directories can be written, what names resolve to, which addresses and interfaces are ours. They
//! change nothing and report ordinary findings.
//!
//! A problem that stops the daemon from working is an error. A problem that leaves a probe without a
//! result, or that may be gone when it matters, is a warning.

mod files;
mod network;

use super::diagnostic::Diagnostic;
use super::finding::Findings;
use super::model::Config;
use super::spans::KeyPositions;

/// Looks around. `text` is what the configuration was read from; the findings point into it. Names
/// are resolved at the same time, each for a few seconds at most.
pub async fn look(config: &Config, text: &str, built_in_templates: &[&str]) -> Vec<Diagnostic> {
    let mut found = Findings::new(KeyPositions::of(text), Vec::new());
    files::check(config, built_in_templates, &mut found);
    network::check(config, &mut found).await;
    found.into_sorted()
}

/// Warns of a configuration in which secrets stand and that everybody on this host can read. `file` is
/// where `text` was read from.
pub fn look_at_itself(file: &std::path::Path, text: &str) -> Vec<Diagnostic> {
    files::holds_secrets(file, text).into_iter().collect()
}

#[cfg(test)]
mod tests;
