//! A service's judgement laid open: the facts, the rule that decides, and what would change it.
//! For `falconer explain`; plain text, one fact a line.

mod changes;

use jiff::{SignedDuration, Timestamp};

use super::ProbeId;
use super::reasons::state_words;
use super::service::ServiceState;
use super::site::Site;
use crate::config::model::{Decides, Quorum, Role, Votes};
use crate::config::{duration, model};
use crate::core::health::ProbeTracker;
use crate::model::snapshot::{Isolation, PrefixPattern, ProbeState, Verdict};
use crate::model::time::Now;

impl Site {
    /// The facts of a service, the rule that decides, and what would have to change, and when.
    /// `None`: there is no such service.
    pub fn explain(&self, index: usize, now: Now) -> Option<String> {
        let service = self.services().get(index)?;
        let mut lines = vec![headline(service), String::new()];
        lines.extend(pattern_lines(service));
        lines.extend(verdict_lines(service, now));
        lines.extend(self.probe_lines(index, service));
        lines.extend(self.serving_lines(index));
        lines.push(self.witness_line());
        lines.extend(standing_lines(service, now));
        lines.push(String::new());
        lines.push("what would change it:".to_owned());
        let prospects = changes::prospects(service).into_iter();
        lines.extend(prospects.map(|prospect| format!("  {}", prospect.words)));
        lines.extend(never_passed_line(service).map(|line| format!("  {line}")));
        if let Some(deadline) = service.judgement().deadline {
            lines.push(format!("when: by itself at {}", second(now.wall_at(deadline))));
        }
        lines.push(String::new());
        Some(lines.join("\n"))
    }

    fn probe_lines(&self, index: usize, service: &ServiceState) -> Vec<String> {
        let probes = service.policy().probes.iter().zip(service.probes()).enumerate();
        let line = |(at, (policy, probe)): (usize, (&model::ProbeConfig, &ProbeTracker))| {
            let last = self.last(ProbeId::Service(index, at));
            let last = last.map_or("not checked yet".to_owned(), |last| last.detail.clone());
            format!(
                "  {:<12} {:<12} {} in a row; down after {} fails, up after {} passes; {}; last: {last}",
                policy.name,
                if service.is_blind_now(at) {
                    "blind"
                } else {
                    state_words(probe)
                },
                probe.rows().streak(),
                policy.fall,
                policy.rise,
                say(policy),
            )
        };
        probes.map(line).collect()
    }

    /// Whether this site serves it, by each check and each address (D16).
    fn serving_lines(&self, index: usize) -> Vec<String> {
        let Some(serving) = self.serving(index) else {
            return Vec::new();
        };
        let mut lines = vec![format!(
            "serving: {} since {}, on_not_serving = \"{}\" (D16)",
            serving.state.word(),
            second(serving.since),
            serving.on_not_serving.word()
        )];
        lines.extend(serving.routes.iter().map(|route| {
            let warning = route.warning.as_ref();
            let warning = warning.map(|warning| format!("; {warning}")).unwrap_or_default();
            format!("  {:<12} {}{warning}", route.address, route.answer)
        }));
        lines.extend(serving.checks.iter().map(|check| {
            let state = match check.never_passed {
                true => "never passed",
                false => check.state.word(),
            };
            let last = check.last.as_ref();
            let last = last.map_or("not checked yet", |last| last.detail.as_str());
            format!(
                "  {:<12} {state:<12} {} in a row; last: {last}",
                check.name, check.streak
            )
        }));
        lines
    }

    fn witness_line(&self) -> String {
        if self.min_up().is_none() {
            return "witnesses: none, so isolation cannot be told".to_owned();
        }
        let count = |state| {
            self.witnesses()
                .filter(|(_, probe)| probe.state() == state)
                .count()
        };
        let (up, down, unknown) = (
            count(ProbeState::Up),
            count(ProbeState::Down),
            count(ProbeState::Unknown),
        );
        let never = self.witnesses().filter(|(_, probe)| !probe.has_passed());
        let never: Vec<_> = never.map(|(policy, _)| policy.name.as_str()).collect();
        let never = match never.as_slice() {
            [] => String::new(),
            names => format!("; never passed, and so unknown: {} (D20)", names.join(", ")),
        };
        let meaning = match self.isolation() {
            Isolation::Connected => "connected",
            Isolation::Open => "open whether this site is isolated",
            Isolation::Isolated => "this site is isolated",
            Isolation::CutOff => "this site is cut off from where the primary is",
        };
        format!(
            "witnesses: {up} up, {down} down, {unknown} unknown, at least {} must be up: {meaning} (D5){never}",
            self.min_up()
        )
    }
}

fn headline(service: &ServiceState) -> String {
    let policy = service.policy();
    let role = match policy.role {
        Role::Standby => "standby",
        Role::Primary => "primary",
    };
    let judgement = service.judgement();
    let since = service
        .stance_since()
        .map(|since| format!(" since {}", second(since)))
        .unwrap_or_default();
    format!(
        "{} ({role}): wants {}{since}\nrule {}: {}",
        policy.name,
        service.stance(),
        judgement.rule,
        service.explain(judgement.why)
    )
}

fn verdict_lines(service: &ServiceState, now: Now) -> Vec<String> {
    let policy = service.policy();
    let (verdict, since) = service.verdict();
    let verdict = match verdict {
        Verdict::Up => "up",
        Verdict::Down => "down",
        Verdict::Unclear => "unclear",
    };
    let states: Vec<_> = policy.probes.iter().zip(service.probes()).collect();
    let count = |votes: Votes, state| {
        let voters = states
            .iter()
            .filter(|(policy, _)| policy.votes == Votes::Both || policy.votes == votes);
        (
            voters.clone().filter(|(_, probe)| probe.state() == state).count(),
            voters.count(),
        )
    };
    let (down, down_voters) = count(Votes::Down, ProbeState::Down);
    let (up, up_voters) = count(Votes::Up, ProbeState::Up);
    vec![
        format!("verdict: {verdict} since {} (D3)", second(now.wall_at(since))),
        format!(
            "  down takes {} of {down_voters} probes that vote it: {down} down",
            quorum(policy.down_when)
        ),
        format!(
            "  up takes {} of {up_voters} probes that vote it: {up} up",
            quorum(policy.up_when)
        ),
    ]
}

fn quorum(quorum: Quorum) -> String {
    match quorum {
        Quorum::Any => "any".to_owned(),
        Quorum::All => "all".to_owned(),
        Quorum::AtLeast(number) => number.to_string(),
    }
}

fn say(policy: &model::ProbeConfig) -> &'static str {
    match (policy.decides, policy.votes) {
        (Some(Decides::Down), Votes::Failback) => {
            "decides down alone, while nothing is announced; asked in drain"
        }
        (Some(Decides::Down), Votes::Both | Votes::Down | Votes::Up | Votes::None) => "decides down alone",
        (Some(Decides::Up), _) => "decides up alone",
        (None, Votes::Both) => "votes both",
        (None, Votes::Down) => "votes down",
        (None, Votes::Up) => "votes up",
        (None, Votes::Failback) => "votes failback, asked in drain",
        (None, Votes::None) => "votes neither",
    }
}

/// How the prefixes lie to the primary's, and what is announced all the time; nothing where they are the
/// same and nothing is (D14).
fn pattern_lines(service: &ServiceState) -> Vec<String> {
    let policy = service.policy();
    let list = |prefixes: &[ipnet::IpNet]| {
        let all: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
        all.join(", ")
    };
    let (own, primary) = (list(&policy.prefixes), list(policy.primary_prefixes()));
    let pattern = match policy.pattern() {
        PrefixPattern::Equal => None,
        PrefixPattern::MoreSpecific => Some(format!(
            "pattern: the primary announces {primary}, a takeover {own}: more specific, so it wins everywhere (D14)"
        )),
    };
    let standing = service.intent().standing.as_ref().map(|standing| {
        let (prefixes, on) = (
            list(&policy.standing_prefixes),
            if standing.on { "on" } else { "off" },
        );
        format!("standing: {prefixes}, wanted {on}: {}", standing.reason)
    });
    pattern.into_iter().chain(standing).collect()
}

/// Override, latch and the switches that count towards it.
fn standing_lines(service: &ServiceState, now: Now) -> Vec<String> {
    let over = service.overridden().map_or("override: none".to_owned(), |over| {
        let until = over.until.map_or("until falconer auto".to_owned(), |until| {
            format!("until {}", second(until))
        });
        let reason = over
            .reason
            .as_deref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        format!(
            "override: {:?} by {} {until}{reason} (D11)",
            over.action, over.actor
        )
    });
    let latch = match service.latched_since() {
        Some(since) => format!("latch: set since {} (D9)", second(since)),
        None => latch_line(service, now),
    };
    let mut lines = vec![over, latch];
    lines.extend(service.remembered().consent.as_ref().map(|consent| {
        let reason = consent.reason.as_deref();
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        format!(
            "failback: allowed by {}{reason}, until the target goes down again (D6)",
            consent.actor
        )
    }));
    lines.extend(drill_line(service, now));
    lines
}

/// The drill under way, and how the last ones ended; nothing where there was none.
fn drill_line(service: &ServiceState, now: Now) -> Option<String> {
    if let Some(drill) = service.drill() {
        let until = drill.until().map_or(String::new(), |until| {
            format!(" until {}", second(now.wall_at(until)))
        });
        let (strength, actor) = (drill.plan().strength, drill.actor());
        return Some(format!(
            "drill: at strength {strength}{until}, by {actor}; a takeover ends it at once"
        ));
    }
    let last = service.remembered().last_drill.as_ref()?;
    let good = service
        .remembered()
        .last_good_drill
        .map_or("never one that passed".to_owned(), |good| {
            format!("the last that passed at {}", second(good))
        });
    Some(format!(
        "drill: the last {} at {}, {good}",
        last.outcome,
        second(last.at)
    ))
}

/// How near the latch is.
fn latch_line(service: &ServiceState, now: Now) -> String {
    let policy = service.policy();
    let length = SignedDuration::try_from(policy.flap_window).unwrap_or(SignedDuration::MAX);
    let recent = service.remembered().switches.iter();
    let counted = recent.filter(|&&at| now.wall.duration_since(at) < length).count();
    let switch = match policy.role {
        Role::Standby => "takeover",
        Role::Primary => "withdrawal",
    };
    let plural = if counted == 1 { "" } else { "s" };
    let (window, limit) = (duration::format(policy.flap_window), ordinal(policy.flap_limit));
    format!("latch: {counted} {switch}{plural} within {window}; the {limit} latches (D9)")
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        (_, _) => "th",
    };
    format!("{number}{ending}")
}

/// How to go on with probes that were never seen to work (D20).
fn never_passed_line(service: &ServiceState) -> Option<String> {
    if service.verdict().0 != Verdict::Unclear {
        return None;
    }
    let policy = service.policy();
    let probes = policy.probes.iter().zip(service.probes());
    let never = probes.filter(|(_, probe)| !probe.has_passed());
    let never: Vec<_> = never.map(|(policy, _)| policy.name.as_str()).collect();
    let word = match policy.role {
        Role::Standby => "if the primary is dead now",
        Role::Primary => "if the service is well now",
    };
    (!never.is_empty()).then(|| {
        format!(
            "{} passing once: what never passed counts for nothing (D20), so look at its target; {word}, \
             `falconer announce {}`",
            never.join(", "),
            policy.name
        )
    })
}

fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}

#[cfg(test)]
mod tests;
