//! BIRD itself: does it answer, does it run normally, is it one that we know?

use super::facts::ReadinessFacts;
use crate::bird::parse::DaemonState;
use crate::bird::version::BirdVersion;
use crate::model::message::{CodedText, coded};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::BirdState;

/// BIRD itself.
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let bird = &facts.snapshot.bird;
    let socket = facts.config.bird.socket.display();
    let said = match &bird.error {
        Some(error) => CodedText::from(error.as_str()),
        None => coded!("bird_not_answered_yet", "BIRD has not answered yet"),
    };
    match bird.state {
        BirdState::Down => vec![no(
            coded!(
                "bird_does_not_answer",
                "BIRD does not answer on {socket}: {said}",
                socket,
                said
            ),
            coded!(
                "see_bird_unit",
                "see `systemctl status bird`; `falconer status` shows when BIRD is back"
            ),
        )],
        BirdState::Busy => vec![no(
            coded!(
                "bird_too_busy",
                "BIRD is too busy to answer on {socket}: {said}",
                socket,
                said
            ),
            coded!(
                "find_bird_load",
                "find out what loads it: `birdc show status`, and BIRD's log"
            ),
        )],
        BirdState::Up => answering(facts, bird.version.as_deref().unwrap_or("of no known version")),
    }
}

fn answering(facts: &ReadinessFacts<'_>, version: &str) -> Vec<ReadinessCheck> {
    let mut checks = Vec::new();
    if !is_known(version) {
        checks.push(ReadinessCheck::amiss(
            ReadinessCode::Bird,
            ReadinessLevel::Warning,
            coded!(
                "bird_version_unsupported",
                "Falconer does not support BIRD {version}",
                version
            ),
            coded!("use_supported_bird", "use BIRD 2.0.8 or later, or BIRD 3"),
        ));
    }
    // What a round that broke off did not see is not taken for well.
    match facts
        .bird
        .status
        .as_ref()
        .filter(|_| facts.bird.protocols.is_some())
    {
        None => checks.push(no(
            coded!(
                "bird_answered_partly",
                "BIRD {version} did not answer every command",
                version
            ),
            coded!(
                "see_bird_status",
                "see `birdc show status` and `birdc show protocols`; ask again in a few seconds"
            ),
        )),
        Some(status) => {
            checks.extend(at_work(status.daemon, version));
            if status.graceful_restart_recovery {
                checks.push(no(
                    coded!(
                        "bird_in_recovery",
                        "BIRD {version} is in graceful-restart recovery, which holds announcements back",
                        version
                    ),
                    coded!(
                        "recovery_ends",
                        "it ends by itself: `birdc show status` says when; `graceful restart wait` in bird.conf shortens it"
                    ),
                ));
            }
        }
    }
    if checks.is_empty() {
        let socket = facts.config.bird.socket.display();
        let text = coded!(
            "bird_runs",
            "BIRD {version} answers on {socket} and runs normally",
            version,
            socket
        );
        checks.push(ReadinessCheck::ok(ReadinessCode::Bird, text));
    }
    checks
}

/// What keeps it from doing what it is asked. A reconfiguration is over in a moment, and `enable`
/// is verified anyway.
fn at_work(daemon: DaemonState, version: &str) -> Option<ReadinessCheck> {
    match daemon {
        DaemonState::Running | DaemonState::Reconfiguring | DaemonState::Other => None,
        DaemonState::ShuttingDown => Some(no(
            coded!("bird_shuts_down", "BIRD {version} is shutting down", version),
            coded!("start_bird", "start it again: `systemctl start bird`"),
        )),
    }
}

/// 2.0.8, the oldest whose grammar the templates and A6 were tried with, to 3.
fn is_known(version: &str) -> bool {
    BirdVersion::parse(version).is_some_and(|version| version.is_at_least(2, 0, 8) && version.major <= 3)
}

fn no(text: CodedText, advice: CodedText) -> ReadinessCheck {
    ReadinessCheck::amiss(ReadinessCode::Bird, ReadinessLevel::No, text, advice)
}
