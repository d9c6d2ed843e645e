//! Where things are: the configuration, and the daemon's socket.
//!
//! The socket is read from the configuration leniently, and not with its strict reader: the daemon
//! runs with what it once read, and an operator must reach it while somebody is in the middle of
//! editing the file, and also where he may not read it.

use std::path::{Path, PathBuf};

/// The configuration, unless `-c` says otherwise.
pub(crate) const CONFIG: &str = "/etc/falconer/falconer.toml";
/// The socket, unless the configuration or `-s` says otherwise.
const SOCKET: &str = "/run/falconer/falconer.sock";
/// Its name in a `run_dir` of the user's own.
const SOCKET_NAME: &str = "falconer.sock";

/// The socket of the daemon that runs with this configuration.
pub(crate) fn socket(config: &Path) -> PathBuf {
    std::fs::read_to_string(config)
        .ok()
        .and_then(|text| named(&text))
        .unwrap_or_else(|| PathBuf::from(SOCKET))
}

/// The value of `api.socket`, else the socket in `site.run_dir`, in whatever else the text holds.
fn named(config: &str) -> Option<PathBuf> {
    let table: toml::Table = config.parse().ok()?;
    let text = |section: &str, key: &str| Some(PathBuf::from(table.get(section)?.get(key)?.as_str()?));
    text("api", "socket").or_else(|| Some(text("site", "run_dir")?.join(SOCKET_NAME)))
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
    fn the_socket_is_where_the_daemon_has_it_with_a_run_dir_of_its_own() {
        let config = "[site]\nname = \"hk1\"\nrun_dir = \"/run/hk1\"\n";
        assert_eq!(named(config), Some(PathBuf::from("/run/hk1/falconer.sock")));
        let both = format!("{config}[api]\nsocket = \"/run/x.sock\"\n");
        assert_eq!(named(&both), Some(PathBuf::from("/run/x.sock")));
        let other = format!("{config}[api]\nlisten = \"\"\n");
        assert_eq!(named(&other), Some(PathBuf::from("/run/hk1/falconer.sock")));
    }

    #[test]
    fn without_a_word_of_it_the_usual_place_is_taken() {
        assert_eq!(named("[site]\nname = \"hk1\"\n"), None);
        assert_eq!(named("[api]\nsocket = 5\n"), None);
        assert_eq!(named("[[["), None);
        assert_eq!(socket(Path::new("/nonexistent/falconer.toml")), Path::new(SOCKET));
    }
}
