//! Against Debian's BIRD, or the one that FALCONER_LAB_BIRD names; and against programs that only
//! look like it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ParseCheckError, Parser};

const GOOD: &str = "router id 192.0.2.1;\nprotocol device {\n}\n";

fn bird() -> Parser {
    let binary = std::env::var_os("FALCONER_LAB_BIRD").map_or_else(|| "/usr/sbin/bird".into(), PathBuf::from);
    Parser::new(&binary, Duration::from_secs(20))
}

fn script(dir: &Path, text: &str) -> Parser {
    let path = dir.join("bird");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Parser::new(&path, Duration::from_secs(20))
}

fn refused(result: Result<Vec<String>, ParseCheckError>) -> crate::bird_conf::RenderError {
    match result {
        Err(ParseCheckError::Refused(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a9_what_bird_accepts_is_accepted_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("bird.conf");
    assert_eq!(bird().check(GOOD, &output).await.unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a9_what_an_interrupted_check_left_behind_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    for count in 0..100 {
        let name = format!(".bird.conf.check-{}-{count}", std::process::id());
        fs::write(dir.path().join(name), "half a fi").unwrap();
    }
    let output = dir.path().join("bird.conf");
    assert_eq!(bird().check(GOOD, &output).await.unwrap(), Vec::<String>::new());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 100);
}

#[tokio::test]
async fn a9_what_bird_refuses_is_shown_with_its_place_in_the_rendered_file() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("bird.conf");
    let error = refused(
        bird()
            .check("router id 192.0.2.1;\n\n    protocol devise {\n}\n", &output)
            .await,
    );
    let place = error.place.as_ref().unwrap();
    assert_eq!((place.line, place.column), (3, 14));
    assert_eq!(place.file, format!("{} (rendered)", output.display()));
    let text = error.to_string();
    assert!(text.contains("BIRD refuses it: syntax error"), "{text}");
    assert!(text.contains("protocol devise {"), "{text}");
    assert!(text.contains("^^^^^^"), "{text}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a9_an_error_in_an_included_file_names_that_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.conf"), "nonsense;\n").unwrap();
    let text = format!("{GOOD}include \"mine.conf\";\n");
    let error = refused(bird().check(&text, &dir.path().join("bird.conf")).await);
    assert!(error.place.is_none());
    assert!(error.problem.contains("mine.conf:1:"), "{}", error.problem);
}

#[tokio::test]
async fn a9_a_password_is_not_shown_in_the_excerpt() {
    let dir = tempfile::tempdir().unwrap();
    let text = "router id 192.0.2.1;\nprotocol bgp x { passwort; password \"secret\"; }\n";
    let error = refused(bird().check(text, &dir.path().join("bird.conf")).await).to_string();
    assert!(error.contains("(not shown)"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a9_who_cannot_write_beside_the_file_can_still_check() {
    let dir = tempfile::tempdir().unwrap();
    bird()
        .check(GOOD, &dir.path().join("missing/bird.conf"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_missing_binary_says_nothing_about_the_file() {
    let parser = Parser::new(Path::new("/nonexistent/bird"), Duration::from_secs(1));
    let error = parser.check(GOOD, Path::new("/tmp/bird.conf")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/nonexistent/bird: there is no such program"),
        "{error}"
    );
}

#[tokio::test]
async fn a_parser_that_hangs_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut parser = script(dir.path(), "exec sleep 60");
    parser.timeout = Duration::from_millis(50);
    let error = parser
        .check(GOOD, &dir.path().join("bird.conf"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no answer within 50ms"), "{error}");
}

#[tokio::test]
async fn warnings_come_through_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    let three =
        "echo \"bird: 2026-11-22 23:20:44.892 [0000] <WARN> $3:74:1: Missing authentication option\" >&2";
    let output = dir.path().join("bird.conf");
    let warnings = script(dir.path(), three).check(GOOD, &output).await.unwrap();
    assert_eq!(
        warnings,
        [format!(
            "{}:74:1: Missing authentication option",
            output.display()
        )]
    );
}

#[tokio::test]
async fn the_binary_says_its_version() {
    let version = bird().version().await.unwrap();
    assert!(version.major >= 2, "{version}");
    let dir = tempfile::tempdir().unwrap();
    let error = script(dir.path(), "echo hello").version().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not say a version of BIRD: hello"),
        "{error}"
    );
}
