//! Templates and passwords from a directory of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{InputError, MAX_FILES, passwords, templates};
use crate::bird_conf::Templates;
use crate::config;
use crate::config::model::UpstreamConfig;

fn session(file: &Path) -> UpstreamConfig {
    let text = format!(
        r#"
        [site]
        name = "hk1"
        [render]
        [router]
        id = "203.0.113.2"
        local_as = 64501
        [[upstream]]
        name = "isp"
        neighbor = "203.0.113.1"
        neighbor_as = 64500
        password_file = "{}"
        [[service]]
        name = "web"
        role = "standby"
        prefixes = ["198.51.100.0/24"]
        [[service.probe]]
        name = "ping"
        type = "icmp"
        target = "198.18.0.1"
        "#,
        file.display()
    );
    let (config, _) = config::load(&text, "falconer.toml").unwrap();
    config.upstreams.into_iter().next().unwrap()
}

fn password_file(dir: &Path, content: &str, mode: u32) -> std::path::PathBuf {
    let path = dir.join("password");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn the_first_line_of_a_password_file_is_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let path = password_file(dir.path(), "s3cret\n", 0o640);
    let found = passwords(&[session(&path)]).unwrap();
    assert_eq!(format!("{found:?}"), "{\"isp\"}");
}

#[test]
fn a_password_that_everybody_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = password_file(dir.path(), "s3cret\n", 0o644);
    let errors = passwords(&[session(&path)]).unwrap_err();
    assert!(
        matches!(errors[0], InputError::WorldReadable { .. }),
        "{errors:?}"
    );
    assert!(errors[0].to_string().contains("chmod 0600"), "{}", errors[0]);
}

#[test]
fn every_password_that_cannot_be_used_is_named_and_none_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let bad = password_file(dir.path(), "s3cret\"\n", 0o600);
    let missing = dir.path().join("missing");
    let errors = passwords(&[session(&bad), session(&missing), session(dir.path())]).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3);
    assert!(
        told[0].contains("(byte 7)") && !told[0].contains("s3cret"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("does not exist"), "{}", told[1]);
    assert!(told[2].contains("not a regular file"), "{}", told[2]);
}

#[test]
fn a_directory_of_templates_is_read_with_its_parts_and_without_editors_leavings() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("parts")).unwrap();
    for name in ["mine.conf", "parts/log.conf", "mine.conf~", ".mine.conf.swp"] {
        fs::write(dir.path().join(name), "x\n").unwrap();
    }
    let wanted = ["mine.conf", "parts/log.conf"].map(|name| (name.to_owned(), "x\n".to_owned()));
    assert_eq!(
        templates(dir.path()).unwrap(),
        Templates::with_own(dir.path().to_owned(), wanted.into())
    );
}

#[test]
fn a_missing_directory_has_no_templates() {
    let dir = Path::new("/nonexistent/templates");
    assert_eq!(
        templates(dir).unwrap(),
        Templates::with_own(dir.to_owned(), [].into())
    );
}

#[test]
fn a_directory_that_is_none_of_templates_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..=MAX_FILES {
        fs::write(dir.path().join(format!("{at}.conf")), "").unwrap();
    }
    assert!(matches!(templates(dir.path()), Err(InputError::TooMany { .. })));
    fs::write(dir.path().join("0.conf"), b"\xff").unwrap();
    assert!(templates(dir.path()).is_err());
}
