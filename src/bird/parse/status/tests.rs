use super::*;
use crate::bird::transcripts::said;

#[test]
fn a_daemon_that_is_busy_or_leaving_says_so() {
    let daemon = |text: &str| {
        status(&said(&format!("1000-BIRD 3.3.2\n0013 {text}\n")))
            .expect("a status")
            .daemon
    };
    assert_eq!(daemon("Daemon is up and running"), DaemonState::Running);
    assert_eq!(daemon("Reconfiguration in progress"), DaemonState::Reconfiguring);
    assert_eq!(daemon("Shutdown in progress"), DaemonState::ShuttingDown);
    assert_eq!(daemon("Daemon dreams"), DaemonState::Other);
}

#[test]
fn a_status_without_a_version_is_malformed() {
    assert!(matches!(
        status(&said("0013 Daemon is up and running\n")),
        Err(BirdError::Malformed { .. })
    ));
}
