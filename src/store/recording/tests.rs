use super::*;
use crate::core::PersistentState;
use crate::model::time::{Moment, Now};

fn header() -> TraceHeader {
    let text = "[site]\nname = \"hk1\"\n[[upstream]]\nname = \"isp\"\n[[service]]\nname = \"web\"\nrole = \"standby\"\nprefixes = [\"198.51.100.0/24\"]\n[[service.probe]]\nname = \"ping\"\ntype = \"icmp\"\ntarget = \"198.18.0.1\"\n";
    let (config, _) = crate::config::load(text, "falconer.toml").unwrap();
    TraceHeader::new(&config, &PersistentState::default(), now(0))
}

fn now(seconds: u64) -> Now {
    Now {
        mono: Moment::new(std::time::Duration::from_secs(seconds)),
        wall: jiff::Timestamp::UNIX_EPOCH,
    }
}

async fn lines_when(path: &Path, enough: impl Fn(usize) -> bool) -> usize {
    loop {
        let lines = std::fs::read_to_string(path).unwrap().matches('\n').count();
        if enough(lines) {
            return lines;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_input_is_a_line_behind_the_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace");
    let mut recording = Recording::begin(&path, 1 << 20, &header()).unwrap();
    for second in 1..=10 {
        recording.take(&Input {
            now: now(second),
            event: None,
        });
    }
    assert_eq!(lines_when(&path, |lines| lines >= 11).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_at_its_limit_and_no_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace");
    let mut recording = Recording::begin(&path, 2000, &header()).unwrap();
    while recording.inputs.is_some() {
        recording.take(&Input {
            now: now(1),
            event: None,
        });
        tokio::task::yield_now().await;
    }
    assert!(std::fs::metadata(&path).unwrap().len() < 2500);
}

#[tokio::test]
async fn it_replaces_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace");
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(
        Recording::begin(&path, 1, &header()).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
