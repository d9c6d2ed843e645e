//! What is seen of a machine that a test can set up: files of its own, and addresses and names that
//! no machine has.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{look, look_at_itself};
use crate::config::load::load;
use crate::config::{Severity, render};

/// A standby with everything in `dir`.
fn text(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"
[site]
name = "hk1"
state_dir = "{dir}/state"

[bird]
binary = "{dir}/bird"

[render]
output = "{dir}/etc/bird.conf"

[router]
id = "203.0.113.2"
local_as = 64501

[[upstream]]
name = "isp_upstream"
neighbor = "203.0.113.1"
neighbor_as = 64500
password_file = "{dir}/password"

[[service]]
name = "web"
role = "standby"
prefixes = ["198.51.100.0/24"]

[[service.probe]]
name = "script"
type = "exec"
command = ["{dir}/script", "-q"]

[[service.probe]]
name = "site"
type = "http"
url = "https://192.0.2.1/"
tls_ca_file = "{dir}/ca.pem"
source = "192.0.2.77"

[[service.probe]]
name = "name"
type = "icmp"
target = "nowhere.invalid"
source = "nosuchiface0"
decides = "down"

[[witness]]
name = "one"
type = "icmp"
target = "192.0.2.53"

[[witness]]
name = "two"
type = "icmp"
target = "192.0.2.54"
"#
    )
}

/// What is seen, each as its code and its first label.
async fn seen(text: &str) -> Vec<(Severity, &'static str, String)> {
    let (config, _) =
        load(text, "falconer.toml").unwrap_or_else(|found| panic!("{}", render(&found, text, "f", false)));
    let found = look(&config, text, &["standby.conf", "primary.conf"]).await;
    found
        .iter()
        .map(|found| (found.severity, found.code, found.labels[0].text.clone()))
        .collect()
}

fn make(dir: &Path, name: &str, mode: u32) {
    let file = dir.join(name);
    std::fs::write(&file, "x").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_is_missing_is_seen_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let seen = seen(&text(dir.path())).await;
    let expected = [
        (Severity::Error, "missing-file", "not there"),
        (Severity::Warning, "missing-program", "not there"),
        (
            Severity::Warning,
            "missing-directory",
            "the file would be written there",
        ),
        (Severity::Warning, "missing-program", "not there"),
        (Severity::Warning, "unreadable-file", "cannot be read"),
        (Severity::Warning, "foreign-address", "nobody's here"),
        (Severity::Warning, "unresolved", "no address"),
        (Severity::Warning, "missing-interface", "not there"),
    ];
    assert_eq!(
        seen,
        expected.map(|(severity, code, label)| (severity, code, label.to_owned()))
    );
}

#[tokio::test]
async fn a_password_that_everybody_can_read_is_an_error_and_what_is_right_is_not_mentioned() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["bird", "script"] {
        make(dir.path(), name, 0o755);
    }
    make(dir.path(), "ca.pem", 0o644);
    make(dir.path(), "password", 0o644);
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    std::fs::create_dir(dir.path().join("state")).unwrap();
    let text = text(dir.path())
        .replace("source = \"192.0.2.77\"\n", "")
        .replace("source = \"nosuchiface0\"", "source = \"lo\"");
    let text = text.replace("nowhere.invalid", "192.0.2.3");
    assert_eq!(
        seen(&text).await,
        [(Severity::Error, "world-readable", "mode 0644".to_owned())]
    );
    make(dir.path(), "password", 0o640);
    assert_eq!(seen(&text).await, []);
    // bird.conf will hold it, too, and keeps its mode.
    let output = load(&text, "falconer.toml").unwrap().0.render.unwrap().output;
    std::fs::write(&output, "").unwrap();
    std::fs::set_permissions(&output, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        seen(&text).await,
        [(Severity::Warning, "world-readable", "mode 0644".to_owned())]
    );
}

#[tokio::test]
async fn a_file_of_headers_that_everybody_can_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let key = format!("headers_file = \"{}/headers\"\nsource =", dir.path().display());
    let text = text(dir.path()).replacen("source =", &key, 1);
    let of_headers = async || {
        let (config, _) = load(&text, "falconer.toml").unwrap();
        let found = look(&config, &text, &["standby.conf", "primary.conf"])
            .await
            .into_iter();
        let found = found.filter(|found| found.message.contains("/headers"));
        found
            .map(|found| (found.severity, found.code))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_headers().await, [(Severity::Warning, "unreadable-file")]);
    make(dir.path(), "headers", 0o644);
    assert_eq!(of_headers().await, [(Severity::Error, "world-readable")]);
    make(dir.path(), "headers", 0o640);
    assert_eq!(of_headers().await, []);
}

#[test]
fn a_configuration_with_a_secret_that_everybody_can_read_is_warned_about_without_showing_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f.toml");
    let with = |text: &str, mode: u32| {
        make(dir.path(), "f.toml", mode);
        let found = look_at_itself(&file, text);
        let shown = render(&found, text, "f.toml", false);
        assert!(!shown.contains("s3cret"), "{shown}");
        found.iter().map(|found| found.code).collect::<Vec<_>>()
    };
    let secret = "headers = { Authorization = \"s3cret\" }\n";
    assert_eq!(with(secret, 0o644), ["world-readable"]);
    assert_eq!(with(secret, 0o640), [""; 0]);
    assert_eq!(with("headers_file = \"/etc/falconer/headers\"\n", 0o644), [""; 0]);
}

#[tokio::test]
async fn an_unknown_template_is_told_at_its_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.conf"), "").unwrap();
    let shown = |name: &str| {
        let keys = format!(
            "template = \"{name}\"\ntemplate_dir = \"{}\"",
            dir.path().display()
        );
        text(dir.path()).replace("[render]\n", &format!("[render]\n{keys}\n"))
    };
    let told = async |name: &str| {
        let text = shown(name);
        let (config, _) = load(&text, "falconer.toml").unwrap();
        let found = look(&config, &text, &["standby.conf", "primary.conf"]).await;
        let found: Vec<_> = found
            .into_iter()
            .filter(|one| one.code == "unknown-template")
            .collect();
        (found.len(), render(&found, &text, "falconer.toml", false))
    };
    let (count, said) = told("standbi.conf").await;
    assert_eq!(count, 1);
    let line = shown("standbi.conf")
        .lines()
        .position(|line| line.starts_with("template ="))
        .unwrap()
        + 1;
    assert!(said.contains(&format!("falconer.toml:{line}:12")), "{said}");
    assert!(said.contains("there is no template `standbi.conf`"), "{said}");
    assert!(said.contains("\"standby.conf\""), "{said}");
    let (_, said) = told("zzz").await;
    assert!(
        said.contains("mine.conf") && said.contains("standby.conf"),
        "{said}"
    );
    for there in ["mine.conf", "standby.conf"] {
        assert_eq!(told(there).await.0, 0, "{there}");
    }
}

#[tokio::test]
async fn a_state_dir_that_is_a_file_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), "state", 0o600);
    let seen = seen(&text(dir.path())).await;
    assert!(
        seen.contains(&(Severity::Warning, "state-dir", "a file".to_owned())),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_name_inside_an_announced_prefix_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let text = text(dir.path()).replace("nowhere.invalid", "localhost");
    let (mut config, _) = load(&text, "falconer.toml").unwrap();
    // No configuration announces loopback addresses, but no other name is known to every machine.
    config.services[0].prefixes = vec!["127.0.0.0/8".parse().unwrap(), "::/64".parse().unwrap()];
    let found = look(&config, &text, &["standby.conf", "primary.conf"]).await;
    let inside = found
        .iter()
        .find(|found| found.code == "target-inside")
        .expect("localhost is inside");
    assert!(
        inside.message.starts_with("`localhost` has an address inside"),
        "{}",
        inside.message
    );
}
