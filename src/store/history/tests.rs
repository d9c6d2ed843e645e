use super::*;
use crate::model::history::HistoryEvent;
use crate::model::history::query::HistoryQuery;

fn entry(seq: u64) -> HistoryEntry {
    HistoryEntry {
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        service: None,
        what: HistoryEvent::Latched,
    }
}

async fn written(dir: &Path, seqs: impl IntoIterator<Item = u64>) -> Vec<Result<(), String>> {
    let (reports, mut said) = mpsc::channel(8);
    let journal = HistoryWriter::spawn(dir.to_owned(), reports);
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
    let journal = HistoryWriter::spawn(state_dir.clone(), reports);
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

/// The numbers that a page gathers from the disk.
fn numbers(dir: &Path, query: HistoryQuery) -> Vec<u64> {
    let mut page = HistoryPageBuilder::new(query);
    offer(dir, &mut page).unwrap();
    let page: serde_json::Value = serde_json::from_str(&page.page()).unwrap();
    let events = page["events"].as_array().unwrap();
    events
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_page_reaches_back_over_every_file_and_past_damaged_lines() {
    let dir = tempfile::tempdir().unwrap();
    for seqs in [1..=3, 4..=6, 7..=9] {
        if youngest(dir.path()).exists() {
            rotate(dir.path()).unwrap();
        }
        written(dir.path(), seqs).await;
    }
    let mut file = File::options().append(true).open(older(dir.path(), 1)).unwrap();
    file.write_all(b"{\"seq\": 99, \"at\"\n{\"seq\":98}\n\xff\xfe\n")
        .unwrap();
    assert_eq!(
        numbers(dir.path(), HistoryQuery::default()),
        (1..=9).collect::<Vec<_>>()
    );
    let before = HistoryQuery {
        before: Some(6),
        limit: 2,
        ..HistoryQuery::default()
    };
    assert_eq!(numbers(dir.path(), before), [4, 5]);
}

#[test]
fn a_history_that_is_not_there_is_an_empty_page() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        numbers(&dir.path().join("nowhere"), HistoryQuery::default()),
        Vec::<u64>::new()
    );
}

#[tokio::test]
async fn what_the_disk_did_not_take_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    std::fs::write(&state_dir, "in the way").unwrap();
    let (reports, mut said) = mpsc::channel(8);
    let journal = HistoryWriter::spawn(state_dir, reports);
    let unwritten = journal.unwritten();
    journal.write(entry(1));
    assert!(said.recv().await.unwrap().is_err());
    journal.write(entry(2));
    journal.finish().await;
    assert_eq!(unwritten.get(), 2);
}
