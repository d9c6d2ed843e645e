use super::*;
use crate::core::persistent::PersistentService;

fn memory() -> PersistentState {
    let latched = PersistentService {
        latched_since: Some(jiff::Timestamp::UNIX_EPOCH),
        ..PersistentService::default()
    };
    PersistentState {
        services: [("web".to_owned(), latched)].into(),
        ..PersistentState::default()
    }
}

#[test]
fn what_was_saved_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    save(dir.path(), &memory()).unwrap();
    let found = open(dir.path());
    assert_eq!(found.memory, memory());
    assert_eq!(found.problem, None);
}

#[test]
fn a_missing_file_is_an_empty_memory_and_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    let found = open(&dir.path().join("absent"));
    assert_eq!((found.memory, found.problem), (PersistentState::default(), None));
}

#[test]
fn d11_a_file_that_cannot_be_trusted_is_set_aside_and_reported() {
    for (content, what) in [
        ("", "damaged"),
        ("{\"version\": 1, \"memory\": {\"services\"", "damaged"),
        (
            "{\"version\": 1, \"memory\": {\"services\": {\"web\": {\"colour\": 1}}}}",
            "damaged",
        ),
        ("{\"version\": 7, \"memory\": {\"services\": {}}}", "version 7"),
        ("\0\0\0\0", "damaged"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("state.json"), content).unwrap();
        let found = open(dir.path());
        assert_eq!(found.memory, PersistentState::default());
        assert!(
            found.problem.as_ref().unwrap().contains(what),
            "{:?}",
            found.problem
        );
        assert_eq!(
            std::fs::read_to_string(dir.path().join("state.json.bad1")).unwrap(),
            content
        );
        assert!(!dir.path().join("state.json").exists());
    }
}

#[test]
fn a_file_set_aside_replaces_none_that_was_set_aside_before() {
    let dir = tempfile::tempdir().unwrap();
    for content in ["one", "two"] {
        std::fs::write(dir.path().join("state.json"), content).unwrap();
        open(dir.path());
    }
    assert_eq!(
        std::fs::read_to_string(dir.path().join("state.json.bad1")).unwrap(),
        "one"
    );
    assert_eq!(
        std::fs::read_to_string(dir.path().join("state.json.bad2")).unwrap(),
        "two"
    );
}

#[test]
fn a_directory_in_the_files_place_is_reported_and_not_fatal() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("state.json")).unwrap();
    assert!(open(dir.path()).problem.is_some());
}

#[tokio::test]
async fn the_keeper_reports_each_attempt_and_the_latest_wins() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, mut attempts) = mpsc::channel(8);
    let writer = StateWriter::spawn(dir.path().join("new/dir"), kept);
    writer.keep(StateVersion {
        number: 1,
        memory: PersistentState::default(),
    });
    writer.keep(StateVersion {
        number: 2,
        memory: memory(),
    });
    loop {
        let attempt = attempts.recv().await.unwrap();
        assert_eq!(attempt.result, Ok(()));
        if attempt.number == 2 {
            break;
        }
    }
    assert_eq!(open(&dir.path().join("new/dir")).memory, memory());
}

#[tokio::test]
async fn d9_what_was_handed_over_last_is_on_disk_when_the_keeper_has_finished() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, _attempts) = mpsc::channel(8);
    let writer = StateWriter::spawn(dir.path().to_owned(), kept);
    writer.keep(StateVersion {
        number: 1,
        memory: memory(),
    });
    writer.finish().await;
    assert_eq!(open(dir.path()).memory, memory());
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_written_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let (kept, mut attempts) = mpsc::channel(8);
    let writer = StateWriter::spawn(dir.path().join("file"), kept);
    writer.keep(StateVersion {
        number: 1,
        memory: memory(),
    });
    let attempt = attempts.recv().await.unwrap();
    assert!(attempt.result.unwrap_err().contains("will not survive"));
}
