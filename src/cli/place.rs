//! Where things are: the configuration, and the daemon's socket.
//!
//! The socket is read from the configuration leniently, and not with its strict reader: the daemon
//! runs with what it once read, and an operator must reach it while somebody is in the middle of
//! editing the file, and also where he may not read it.

use std::path::{Path, PathBuf};

/// The configuration, unless `-c` says otherwise.
pub(super) const CONFIG: &str = "/etc/falconer/falconer.toml";
/// The socket, unless the configuration or `-s` says otherwise.
const SOCKET: &str = "/run/falconer/falconer.sock";

/// The socket of the daemon that runs with this configuration.
pub(super) fn socket(config: &Path) -> PathBuf {
    std::fs::read_to_string(config)
        .ok()
        .and_then(|text| named(&text))
        .unwrap_or_else(|| PathBuf::from(SOCKET))
}

/// The value of `api.socket`, in whatever else the text holds.
fn named(config: &str) -> Option<PathBuf> {
    let table: toml::Table = config.parse().ok()?;
    Some(table.get("api")?.get("socket")?.as_str()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_in_a_configuration_that_is_otherwise_wrong() {
        let config = "[site]\nnonsense = 1\n[api]\nsocket = \"/run/x.sock\"\n";
        assert_eq!(named(config), Some(PathBuf::from("/run/x.sock")));
    }

    #[test]
    fn without_a_word_of_it_the_usual_place_is_taken() {
        assert_eq!(named("[site]\nname = \"hk1\"\n"), None);
        assert_eq!(named("[api]\nsocket = 5\n"), None);
        assert_eq!(named("[[["), None);
        assert_eq!(socket(Path::new("/nonexistent/falconer.toml")), Path::new(SOCKET));
    }
}
