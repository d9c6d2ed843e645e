//! A refusal in words, pointing into the file: the failure, the probe to blame, and the line that
//! would be right.

use super::refusal::{Mend, Refused};
use super::scene::ExpectedOutcome;
use crate::config::finding::{Finding, Findings};
use crate::config::model::{Decides, Role, ServiceConfig, Votes};
use crate::config::spans::KeyPath;
use crate::model::snapshot::ProbeState;

pub(crate) fn report(refused: &Refused, service: &ServiceConfig, path: &KeyPath, found: &mut Findings) {
    let when = refused.step.when;
    let (code, message) = match (refused.expected, service.role) {
        (ExpectedOutcome::Announced, Role::Standby)
            if matches!(refused.mend, Some(Mend::VotesFailback(_))) =>
        {
            (
                "verdict-comes-wrongly",
                format!("`{}` does not stay announced when {when}", service.name),
            )
        }
        (ExpectedOutcome::Announced, Role::Standby) | (ExpectedOutcome::Silent, Role::Primary) => (
            "verdict-never-comes",
            format!("the verdict of `{}` never becomes down when {when}", service.name),
        ),
        (ExpectedOutcome::Announced, Role::Primary) | (ExpectedOutcome::Silent, Role::Standby) => (
            "verdict-never-comes",
            format!("the verdict of `{}` never becomes up when {when}", service.name),
        ),
        (ExpectedOutcome::StaysAnnounced, _) => (
            "verdict-comes-wrongly",
            format!("the verdict of `{}` becomes up when {when}", service.name),
        ),
        (ExpectedOutcome::StaysSilent, _) => (
            "verdict-comes-wrongly",
            format!("the verdict of `{}` becomes down when {when}", service.name),
        ),
    };
    let mut finding = Finding::error(code, message);
    let blamed = blamed(refused, service);
    for &index in &blamed {
        finding = finding.at(&path.probe(index).key("votes"), blame(refused, service, index));
    }
    if blamed.is_empty() {
        finding = finding.at(&path.key("role"), "no probe says so then");
    }
    found.report(
        finding
            .help(help(refused, service))
            .note(consequence(refused, service)),
    );
}

/// The probe that would have to be changed, else those that do not say what they should.
fn blamed(refused: &Refused, service: &ServiceConfig) -> Vec<usize> {
    if let Some(probe) = refused.mend.and_then(Mend::probe) {
        return vec![probe];
    }
    let down = matches!(
        (refused.expected, service.role),
        (ExpectedOutcome::Announced, Role::Standby) | (ExpectedOutcome::Silent, Role::Primary)
    );
    let probes = service.probes.iter().zip(&refused.states).enumerate();
    let guilty = probes.filter(|(_, (probe, state))| match (refused.expected, down) {
        (ExpectedOutcome::StaysSilent, _) => **state == ProbeState::Down,
        (ExpectedOutcome::StaysAnnounced, _) => {
            probe.decides == Some(Decides::Down) || **state == ProbeState::Unknown
        }
        (ExpectedOutcome::Announced | ExpectedOutcome::Silent, true) => {
            matches!(probe.votes, Votes::Both | Votes::Down) && **state != ProbeState::Down
        }
        (ExpectedOutcome::Announced | ExpectedOutcome::Silent, false) => {
            matches!(probe.votes, Votes::Both | Votes::Up) && **state != ProbeState::Up
        }
    });
    guilty.map(|(index, _)| index).collect()
}

/// What the probe does then.
fn blame(refused: &Refused, service: &ServiceConfig, index: usize) -> String {
    let probe = &service.probes[index];
    let says = match refused.states.get(index) {
        Some(ProbeState::Down) => "is down",
        Some(ProbeState::Up) => "is up",
        Some(ProbeState::Unknown) | None => "cannot be made, and is unknown",
    };
    let takes_part = match (probe.decides, probe.votes) {
        (Some(Decides::Down), Votes::Both) => "decides \"down\", and votes for both",
        (Some(Decides::Down), Votes::Down) => "decides \"down\", and votes for it",
        (Some(Decides::Down), Votes::Up) => "decides \"down\", and votes for up",
        (Some(Decides::Down), Votes::None | Votes::Failback) => {
            "decides \"down\", and votes for nothing: without it the others say up"
        }
        (Some(Decides::Up), _) => "decides \"up\"",
        (None, Votes::Both) => "votes for both",
        (None, Votes::Down) => "votes for down",
        (None, Votes::Up) => "votes for up",
        (None, Votes::Failback) => "votes for failback alone",
        (None, Votes::None) => "votes for nothing",
    };
    format!("`{}` {says} then; it {takes_part}", probe.name)
}

fn help(refused: &Refused, service: &ServiceConfig) -> String {
    let name = |index: usize| service.probes.get(index).map_or("", |probe| probe.name.as_str());
    match refused.mend {
        Some(Mend::VotesUp(index)) => format!("write `votes = \"up\"` in the probe `{}`", name(index)),
        Some(Mend::VotesFailback(index)) => {
            format!("write `votes = \"failback\"` in the probe `{}`", name(index))
        }
        Some(Mend::SilenceIsAnError(index)) => {
            format!("write `on_no_answer = \"error\"` in the probe `{}`", name(index))
        }
        Some(Mend::VotesUpAndSilenceIsAnError(index)) => format!(
            "write `on_no_answer = \"error\"` and `votes = \"up\"` in the probe `{}`",
            name(index)
        ),
        Some(Mend::SilenceIsAFail(index)) => {
            format!("write `on_no_answer = \"fail\"` in the probe `{}`", name(index))
        }
        Some(Mend::DecidesNothing(index)) => format!("leave out `decides` in the probe `{}`", name(index)),
        Some(Mend::DownWhenAny) => format!("write `down_when = \"any\"` in the service `{}`", service.name),
        Some(Mend::UpWhenAll) => format!("write `up_when = \"all\"` in the service `{}`", service.name),
        None => match (refused.expected, service.role) {
            (ExpectedOutcome::Announced, Role::Standby) => {
                "add a probe that fails then and votes for down, such as `type = \"icmp\"` with the primary's own \
                 address as its `target`"
                    .to_owned()
            }
            (ExpectedOutcome::StaysSilent, _) => {
                "let only probes decide or vote that tell this from the primary's death; witnesses must be beyond our \
                 own uplink"
                    .to_owned()
            }
            (ExpectedOutcome::Silent, Role::Primary)
            | (ExpectedOutcome::Announced, Role::Primary)
            | (ExpectedOutcome::Silent, Role::Standby)
            | (ExpectedOutcome::StaysAnnounced, _) => {
                "change `votes`, `decides`, `down_when` or `up_when` until `falconer check` is content".to_owned()
            }
        },
    }
}

fn consequence(refused: &Refused, service: &ServiceConfig) -> &'static str {
    if matches!(refused.mend, Some(Mend::VotesFailback(_))) {
        return "the probe sees nothing of the primary while this site announces (D8, D19)";
    }
    match (refused.expected, service.role) {
        (ExpectedOutcome::Announced, Role::Standby) => "nothing would ever be taken over then (D19)",
        (ExpectedOutcome::Silent, Role::Standby) => "it would stay announced beside the primary (D19)",
        (ExpectedOutcome::Silent, Role::Primary) => {
            "the prefixes would lead to a dead service, and no standby would see it (D19)"
        }
        (ExpectedOutcome::Announced, Role::Primary) => "nothing would be announced (D19)",
        (ExpectedOutcome::StaysAnnounced, _) => "it would be withdrawn while nobody else announces (D19)",
        (ExpectedOutcome::StaysSilent, _) => {
            "it would be taken over from a primary that lives and announces (D19)"
        }
    }
}
