use super::*;
use crate::bird::transcripts::said;

#[test]
fn every_outcome_is_told_apart() {
    for (last, outcome) in [
        ("0020 Configuration OK", ConfigureReply::CheckedOk),
        ("0003 Reconfigured", ConfigureReply::Done),
        ("0004 Reconfiguration in progress", ConfigureReply::InProgress),
        (
            "0005 Reconfiguration already in progress, queueing new config",
            ConfigureReply::Queued,
        ),
        (
            "0006 Reconfiguration ignored, shutting down",
            ConfigureReply::ShuttingDown,
        ),
        (
            "0017 Reconfiguration already in progress, removing queued config",
            ConfigureReply::QueueEmptied,
        ),
        ("0018 Reconfiguration confirmed", ConfigureReply::Confirmed),
        ("0019 Nothing to do", ConfigureReply::NothingToDo),
    ] {
        assert_eq!(configured(&said(&format!("{last}\n"))), Ok(outcome));
    }
}

#[test]
fn the_lines_before_the_last_decide_nothing() {
    let reply = said(
        "0002-Reading configuration from /etc/bird/bird.conf\n0022-Undo scheduled in 60 s\n0004 Reconfiguration in progress\n",
    );
    assert_eq!(configured(&reply), Ok(ConfigureReply::InProgress));
}

#[test]
fn a9_a_status_that_says_nothing_is_not_taken_for_rest() {
    for bad in [
        "0000 \n",
        "0022-Configuration unconfirmed, undo in 1.999 s\n0000 \n",
    ] {
        assert!(
            matches!(configure_status(&said(bad)), Err(BirdError::Malformed { .. })),
            "{bad}"
        );
    }
    let garbled = said("0003-Daemon is up and running\n0022-Configuration unconfirmed\n0000 \n");
    assert!(matches!(
        configure_status(&garbled),
        Err(BirdError::Malformed { .. })
    ));
}

#[test]
fn a_status_names_what_is_under_way() {
    let status = |line: &str| configure_status(&said(&format!("{line}\n0000 \n"))).expect("a status");
    let queued = status("0005-Reconfiguration in progress, next one enqueued");
    assert!(queued.in_progress && queued.queued && !queued.shutting_down);
    let running = status("0004-Reconfiguration in progress");
    assert!(running.in_progress && !running.queued);
    assert!(status("0006-Shutdown in progress").shutting_down);
    let timer = status("0003-Daemon is up and running\n0022-Configuration unconfirmed, undo in 0.250 s");
    assert_eq!(timer.undo_in, Some(Duration::from_millis(250)));
}

#[test]
fn a9_the_file_that_bird_reads_is_told_even_where_it_is_broken() {
    let right = said("0002-Reading configuration from /etc/bird/bird.conf\n0020 Configuration OK\n");
    let broken = said("0002-Reading configuration from bird.conf\n8002 bird.conf:3:1 syntax error\n");
    assert_eq!(configuration_file(&right), Ok("/etc/bird/bird.conf".into()));
    assert_eq!(configuration_file(&broken), Ok("bird.conf".into()));
    for bad in ["0020 Configuration OK\n", "8007 Access denied\n"] {
        assert!(configuration_file(&said(bad)).is_err(), "{bad}");
    }
}
