use super::*;
use crate::history::What;

fn entry(seq: u64) -> Entry {
    Entry {
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        service: None,
        what: What::Latched,
    }
}

async fn written(dir: &Path, seqs: impl IntoIterator<Item = u64>) -> Vec<Result<(), String>> {
    let (reports, mut said) = mpsc::channel(8);
    let journal = Journal::spawn(dir.to_owned(), reports);
    for seq in seqs {
        assert!(journal.write(entry(seq)));
    }
    journal.finish().await;
    let mut all = Vec::new();
    while let Some(report) = said.recv().await {
        all.push(report);
    }
    all
}

#[tokio::test]
async fn what_was_written_is_read_again_in_order() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(written(dir.path(), 1..=5).await, vec![]);
    let past = read(dir.path());
    assert_eq!(past.entries, (1..=5).map(entry).collect::<Vec<_>>());
    assert_eq!(past.problem, None);
}

#[tokio::test]
async fn a_torn_last_line_is_reported_and_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), [1]).await;
    let path = youngest(dir.path());
    let mut file = File::options().append(true).open(&path).unwrap();
    file.write_all(b"{\"seq\": 2, \"at\"").unwrap();
    written(dir.path(), [3]).await;
    let past = read(dir.path());
    assert_eq!(past.entries, vec![entry(1), entry(3)]);
    assert!(past.problem.unwrap().contains("1 damaged"));
}

#[tokio::test]
async fn the_history_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=7u64 {
        std::fs::write(
            youngest(dir.path()),
            vec![b'\n'; usize::try_from(FILE_LIMIT).unwrap()],
        )
        .unwrap();
        written(dir.path(), [round]).await;
    }
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, 1 + usize::try_from(FILES_KEPT).unwrap());
    assert_eq!(read(dir.path()).entries.last(), Some(&entry(7)));
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_is_reported_once_and_then_that_it_can_again() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    std::fs::write(&state_dir, "in the way").unwrap();
    let (reports, mut said) = mpsc::channel(8);
    let journal = Journal::spawn(state_dir.clone(), reports);
    journal.write(entry(1));
    assert!(
        said.recv()
            .await
            .unwrap()
            .unwrap_err()
            .contains("cannot be written")
    );
    std::fs::remove_file(&state_dir).unwrap();
    journal.write(entry(2));
    assert_eq!(said.recv().await, Some(Ok(())));
    assert_eq!(read(&state_dir).entries, vec![entry(2)]);
}
