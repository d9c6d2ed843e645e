//! What would change where a service stands: each change by itself, and what it leads to. `explain`
//! tells it in words, and a test does it and looks whether it came so.

use crate::config::duration;
use crate::config::model::{self, FailbackMode, OnLoss, Role};
use crate::core::decide::{DecisionReason, Stance};
use crate::core::service::ServiceState;
use crate::model::snapshot::Verdict;
use crate::model::strength::Strength;

/// Something that would change where a service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeCause {
    /// `falconer auto`: it ends an override, and releases a latch.
    Auto,
    /// `falconer failback`.
    Failback,
    /// The verdict, from now on, with enough witnesses up, through every delay and window.
    Verdict(Verdict),
    /// BIRD answers.
    BirdRead,
    /// Enough witnesses are up.
    Connected,
    /// This site serves.
    Serving,
}

/// A change, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prospect {
    /// What would have to happen.
    pub change: ChangeCause,
    /// What it leads to by itself; `None`: that goes by what holds then.
    pub leads_to: Option<Strength>,
    /// Both in words.
    pub words: String,
}

/// Everything that would change where this service stands.
pub(crate) fn prospects(service: &ServiceState) -> Vec<Prospect> {
    let policy = service.policy();
    let name = &policy.name;
    match service.judgement().why {
        DecisionReason::ToldToAnnounce
        | DecisionReason::ToldToWithdraw
        | DecisionReason::HandingOver
        | DecisionReason::ToldToFreeze => {
            vec![open(
                ChangeCause::Auto,
                format!("the override's end, or `falconer auto {name}`"),
            )]
        }
        DecisionReason::NotAdopted | DecisionReason::Thawing => {
            vec![open(
                ChangeCause::BirdRead,
                "BIRD answering: what it announces is adopted (D10)".to_owned(),
            )]
        }
        DecisionReason::CutOffHolds => vec![open(
            ChangeCause::Connected,
            "enough far witnesses up again".to_owned(),
        )],
        DecisionReason::IsolatedKeeps | DecisionReason::IsolatedWithdraws => {
            vec![connected_again(policy.on_isolated)]
        }
        DecisionReason::WitnessesUnknown => vec![open(
            ChangeCause::Connected,
            "enough witnesses known to be up".to_owned(),
        )],
        DecisionReason::WitnessAwaited => vec![open(
            ChangeCause::Connected,
            "a pass of enough witnesses amid the fails; they are asked now".to_owned(),
        )],
        DecisionReason::NotServingHolds => vec![open(
            ChangeCause::Serving,
            "this site serving again, with the verdict still down".to_owned(),
        )],
        DecisionReason::TakeoverDelay => vec![Prospect {
            change: ChangeCause::Verdict(Verdict::Down),
            leads_to: Some(Strength::Full),
            words: format!(
                "the verdict staying down for {}",
                duration::format(policy.takeover_delay)
            ),
        }],
        DecisionReason::ConsentAwaited => {
            vec![open(ChangeCause::Failback, format!("`falconer failback {name}`"))]
        }
        DecisionReason::FailbackDelay
        | DecisionReason::Draining
        | DecisionReason::Confirming
        | DecisionReason::WindowClosed => on_the_way(service),
        DecisionReason::Unconfirmed => vec![open(
            ChangeCause::Failback,
            format!(
                "the next try in drain, by itself or by `falconer failback {name}`: this site hears nothing of the \
                 primary while it announces at full (D8)"
            ),
        )],
        DecisionReason::Latched => vec![unlatch(service)],
        DecisionReason::TargetDown
        | DecisionReason::TargetUp
        | DecisionReason::Relapse
        | DecisionReason::Unclear => by_verdict(service),
    }
}

fn connected_again(on_isolated: OnLoss) -> Prospect {
    let then = match on_isolated {
        OnLoss::Keep => "what is announced is kept till then",
        OnLoss::Withdraw => "nothing is announced till then",
    };
    open(
        ChangeCause::Connected,
        format!("enough witnesses up again; {then}"),
    )
}

fn open(change: ChangeCause, words: String) -> Prospect {
    Prospect {
        change,
        leads_to: None,
        words,
    }
}

/// A failback that waits for its time, or runs.
fn on_the_way(service: &ServiceState) -> Vec<Prospect> {
    let policy = service.policy();
    let why = service.judgement().why;
    if why == DecisionReason::WindowClosed {
        let words = format!("the window opening, or `falconer failback {}`", policy.name);
        return vec![open(ChangeCause::Failback, words)];
    }
    let forward = if why == DecisionReason::Confirming {
        let (probes, confirm) = (service.confirming_names().join(", "), policy.failback_confirm);
        let confirm = duration::format(confirm);
        open(
            ChangeCause::Verdict(Verdict::Up),
            format!(
                "{probes} up within {confirm}: on to the withdrawal; else back to full, and tried again later"
            ),
        )
    } else if why == DecisionReason::Draining {
        let drain = duration::format(policy.failback_drain);
        Prospect {
            change: ChangeCause::Verdict(Verdict::Up),
            leads_to: Some(Strength::Off),
            words: format!("{drain} of drain: withdrawn"),
        }
    } else {
        let delay = duration::format(policy.failback_delay);
        open(
            ChangeCause::Verdict(Verdict::Up),
            format!("the verdict staying up for {delay}"),
        )
    };
    let relapse = Prospect {
        change: ChangeCause::Verdict(Verdict::Down),
        leads_to: Some(Strength::Full),
        words: "a verdict down: announced at full at once (D7)".to_owned(),
    };
    vec![forward, relapse]
}

/// It stands by what the verdict says, or keeps what is: each verdict that would move it, and the
/// latch where that stands in the way.
fn by_verdict(service: &ServiceState) -> Vec<Prospect> {
    let unclear = service.verdict().0 == Verdict::Unclear;
    let mut prospects = Vec::new();
    let mut held = false;
    for verdict in [Verdict::Down, Verdict::Up] {
        let to = leads_to(service.policy(), verdict);
        if Some(to) == service.stance().strength() {
            continue;
        }
        if held_by_latch(service, to) {
            held = true;
            continue;
        }
        prospects.push(Prospect {
            change: ChangeCause::Verdict(verdict),
            leads_to: Some(to),
            words: verdict_words(service, verdict),
        });
    }
    if held {
        prospects.push(unlatch(service));
    }
    if unclear && !prospects.is_empty() {
        for prospect in &mut prospects {
            prospect.words = format!("{}; until then nothing changes", prospect.words);
        }
    }
    prospects
}

/// Where a verdict leads in the end, were it not for anything else.
fn leads_to(policy: &model::ServiceConfig, verdict: Verdict) -> Strength {
    match (policy.role, verdict) {
        (Role::Standby, Verdict::Down) | (Role::Primary, Verdict::Up) => Strength::Full,
        (Role::Standby, Verdict::Up) | (Role::Primary, Verdict::Down | Verdict::Unclear) => Strength::Off,
        (Role::Standby, Verdict::Unclear) => Strength::Off,
    }
}

/// The latch keeps a standby announced and a primary silent (D9).
fn held_by_latch(service: &ServiceState, to: Strength) -> bool {
    let keeps = match service.policy().role {
        Role::Standby => to == Strength::Off && service.stance() != Stance::Off,
        Role::Primary => to == Strength::Full && service.stance() != Stance::Full,
    };
    service.latched_since().is_some() && keeps
}

fn unlatch(service: &ServiceState) -> Prospect {
    let policy = service.policy();
    let name = &policy.name;
    let (verdict, then) = match policy.role {
        Role::Standby => (Verdict::Up, failback_words(policy)),
        Role::Primary => (Verdict::Up, "verdict up: announced at once".to_owned()),
    };
    let now = service.verdict().0 == verdict;
    Prospect {
        change: ChangeCause::Auto,
        // What follows by itself goes by the verdict and by what protects failback.
        leads_to: None,
        words: if now {
            format!("`falconer auto {name}`; no verdict changes anything while it is latched")
        } else {
            format!(
                "`falconer auto {name}`, while it is latched no verdict up changes anything; and then {then}"
            )
        },
    }
}

fn verdict_words(service: &ServiceState, verdict: Verdict) -> String {
    let policy = service.policy();
    let latched = match service.latched_since() {
        Some(_) => format!(", and it stays so until `falconer auto {}`", policy.name),
        None => String::new(),
    };
    let words = match (policy.role, verdict) {
        (Role::Standby, Verdict::Down) => takeover_words(policy),
        (Role::Standby, Verdict::Up | Verdict::Unclear) => failback_words(policy),
        (Role::Primary, Verdict::Down | Verdict::Unclear) => "verdict down: withdrawn at once".to_owned(),
        (Role::Primary, Verdict::Up) => "verdict up: announced at once".to_owned(),
    };
    format!("{words}{latched}")
}

fn takeover_words(policy: &model::ServiceConfig) -> String {
    if policy.takeover_delay.is_zero() {
        "verdict down, enough witnesses up: announced at once".to_owned()
    } else {
        format!(
            "verdict down for {}, enough witnesses up: announced",
            duration::format(policy.takeover_delay)
        )
    }
}

fn failback_words(policy: &model::ServiceConfig) -> String {
    let consent = match policy.failback {
        FailbackMode::Auto => "",
        FailbackMode::Manual => ", and an operator's `falconer failback`",
    };
    let window = if policy.failback_window.is_some() {
        ", within the failback window"
    } else {
        ""
    };
    let drain = if policy.failback_drain.is_zero() {
        String::new()
    } else {
        format!(" after {} of drain", duration::format(policy.failback_drain))
    };
    format!(
        "verdict up for {}{consent}{window}: withdrawn{drain}",
        duration::format(policy.failback_delay)
    )
}
