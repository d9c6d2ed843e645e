//! The snapshot, composed from the judgement and from what was seen of BIRD; and what is wrong in it.

use jiff::Timestamp;

use super::alarms::AlarmCondition;
use super::drill_timer::DrillTimer;
use super::rivals;
use super::transition_timer::TransitionTimer;
use crate::bird::client::ConnectionStatus;
use crate::bird::parse::HOLD_TIME_REFUSED;
use crate::bird::reconcile::{Observed, ObservedService};
use crate::config::model::{self, Config, OnCutOff};
use crate::core::drill::{ActiveDrill, ActiveDrillPhase};
use crate::core::health;
use crate::core::site::serving::problems;
use crate::core::{ProbeId, Site, service};
use crate::model::BgpState;
use crate::model::command::Override;
use crate::model::history::TransitionEvidence;
use crate::model::message::{CodedText, coded, full_list};
use crate::model::serving::ServingState;
use crate::model::snapshot;
use crate::model::snapshot::{
    AlarmCode, BirdState, CheckOutcome, Isolation, OverrideAction, StandingState, Strength,
};
use crate::model::time::Now;

/// Everything that a snapshot is composed from.
pub(crate) struct SnapshotBuilder<'a> {
    /// The configuration.
    pub(crate) config: &'a Config,
    /// The judgement.
    pub(crate) site: &'a Site,
    /// The last full look at BIRD, and when it was.
    pub(crate) seen: Option<(&'a Observed, Timestamp)>,
    /// BIRD's socket, and since when it is in this state.
    pub(crate) link: (&'a ConnectionStatus, Timestamp),
    /// The services' last transitions.
    pub(crate) following: &'a [Option<TransitionTimer>],
    /// The drills under way.
    pub(crate) drills: &'a [Option<DrillTimer>],
    /// Since when each upstream is in its state.
    pub(crate) upstreams_since: &'a [Option<Timestamp>],
    /// When the daemon started.
    pub(crate) since: Timestamp,
    /// What time it is.
    pub(crate) now: Now,
}

impl SnapshotBuilder<'_> {
    /// The snapshot, with the alarms given.
    pub(crate) fn snapshot(&self, alarms: Vec<snapshot::Alarm>) -> snapshot::Snapshot {
        let (link, link_since) = self.link;
        let services = self.site.services().iter().enumerate();
        let witnesses = self.site.witnesses().enumerate();
        snapshot::Snapshot {
            schema: snapshot::SCHEMA,
            site: self.config.site.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            at: self.now.wall,
            isolated: self.site.isolation() == Isolation::Isolated,
            cut_off: self.site.isolation() == Isolation::CutOff,
            bird: snapshot::BirdSnapshot {
                state: link.state,
                version: link.version.as_ref().map(ToString::to_string),
                since: Some(link_since),
                error: link.error.clone(),
                read_at: self.seen.map(|(_, at)| at),
            },
            services: services
                .map(|(index, service)| self.service(index, service))
                .collect(),
            upstreams: self.upstreams(),
            witnesses: witnesses
                .filter_map(|(index, _)| self.site.shown(ProbeId::Witness(index)))
                .collect(),
            tunnels: Vec::new(),
            lease: None,
            alarms,
            ready: None,
        }
    }

    /// What a decision about a service is taken on now.
    pub(crate) fn evidence(&self, index: usize) -> TransitionEvidence {
        let service = self
            .site
            .services()
            .get(index)
            .map(|service| self.service(index, service));
        let witnesses = self.site.witnesses().enumerate();
        TransitionEvidence {
            witnesses: witnesses
                .filter_map(|(index, _)| self.site.shown(ProbeId::Witness(index)))
                .collect(),
            bird: self.link.0.state,
            actual: service.as_ref().and_then(|service| service.actual),
            exported_to: service
                .as_ref()
                .map(|service| service.exported_to.clone())
                .unwrap_or_default(),
            upstreams: self.upstreams(),
            probes: service.map(|service| service.probes).unwrap_or_default(),
        }
    }

    fn service(&self, index: usize, service: &service::ServiceState) -> snapshot::ServiceSnapshot {
        let policy = service.policy();
        let seen = self.seen_service(index);
        let judgement = service.judgement();
        let actual = seen.and_then(|seen| seen.actual);
        let reason = service.reason(judgement.why);
        let probes = 0..policy.probes.len();
        snapshot::ServiceSnapshot {
            name: policy.name.clone(),
            role: policy.role,
            prefixes: policy.prefixes.clone(),
            protocols: policy.full.iter().map(|full| full.name.clone()).collect(),
            pattern: policy.pattern(),
            primary_prefixes: policy.primary_prefixes().to_vec(),
            standing: standing(service, seen),
            verdict: service.verdict().0,
            want: service.stance().strength(),
            actual,
            upstreams: policy.upstreams.clone(),
            exported_to: seen.map(|seen| seen.exported_to.clone()).unwrap_or_default(),
            verified_at: seen
                .filter(|seen| seen.verified && actual == Strength::Full)
                .and_then(|_| self.seen.map(|(_, at)| at)),
            rule: judgement.rule.to_string(),
            reason: reason.text,
            reason_message: reason.message,
            since: service.stance_since(),
            deadline: judgement
                .deadline
                .map(|deadline| self.now.wall_at(deadline))
                .or_else(|| service.overridden().and_then(|over| over.until)),
            overridden: service.overridden().map(|over| snapshot::OverrideSnapshot {
                action: over.action,
                until: over.until,
                reason: over.reason.clone(),
                actor: over.actor.clone(),
            }),
            latched: service.latched_since().is_some(),
            probes: probes
                .filter_map(|at| self.site.shown(ProbeId::Service(index, at)))
                .collect(),
            transition: self
                .following
                .get(index)
                .and_then(Option::as_ref)
                .map(|following| following.shown().clone()),
            drill: service.drill().map(|drill| self.drill(index, drill)),
            last_drill: service.remembered().last_drill.clone(),
            last_good_drill: service.remembered().last_good_drill,
            obstacles: seen.and_then(|seen| seen.obstacles.clone()),
            serving: self.site.serving(index),
            rivals: self
                .seen
                .and_then(|(all, at)| rivals::shown_rivals(all, seen?, at)),
            followed: self
                .seen
                .zip(seen)
                .map_or(Vec::new(), |((all, at), seen)| rivals::shown_ways(all, seen, at)),
        }
    }

    fn drill(&self, index: usize, drill: &ActiveDrill) -> snapshot::DrillSnapshot {
        let rehearsal = self.drills.get(index).and_then(Option::as_ref);
        snapshot::DrillSnapshot {
            strength: drill.plan().strength,
            phase: drill.phase().shown(),
            since: drill.since(),
            until: drill.until().map(|until| self.now.wall_at(until)),
            actor: drill.actor().to_owned(),
            reason: drill.plan().reason.clone(),
            stages: rehearsal
                .map(|rehearsal| rehearsal.stages().clone())
                .unwrap_or_default(),
        }
    }

    fn upstreams(&self) -> Vec<snapshot::UpstreamSnapshot> {
        let upstreams = self.config.upstreams.iter().enumerate();
        let shown = upstreams.map(|(index, upstream)| {
            let seen = self.seen.and_then(|(seen, _)| seen.upstreams.get(index));
            snapshot::UpstreamSnapshot {
                name: upstream.name.clone(),
                state: seen.map_or(BgpState::Unknown, |seen| seen.state.clone()),
                since: self.upstreams_since.get(index).copied().flatten(),
                error: seen.and_then(|seen| seen.error.clone()),
            }
        });
        shown.collect()
    }

    fn seen_service(&self, index: usize) -> Option<&ObservedService> {
        self.seen.and_then(|(seen, _)| seen.services.get(index))
    }

    /// What is wrong with the site itself, as far as judgement and BIRD can tell.
    pub(crate) fn site_troubles(&self) -> Vec<AlarmCondition> {
        let mut troubles = Vec::new();
        self.bird_troubles(&mut troubles);
        let alarm = |code, text: CodedText| AlarmCondition {
            code,
            service: None,
            subject: String::new(),
            text,
        };
        if self.site.isolation() == Isolation::Isolated {
            let text = coded!(
                "site_isolated",
                "too few witnesses answer: this site may itself be cut off, so nothing is taken over"
            );
            troubles.push(alarm(AlarmCode::Isolated, text));
        }
        if self.site.isolation() == Isolation::CutOff {
            let text = match self.config.isolation.on_cut_off {
                OnCutOff::Hold => coded!(
                    "cut_off_no_takeover",
                    "the near witnesses answer and the far ones do not: the path to the primary's site is cut, and nothing is taken over"
                ),
                OnCutOff::Takeover => coded!(
                    "cut_off_takeover",
                    "the near witnesses answer and the far ones do not: the path to the primary's site is cut, and a takeover goes ahead"
                ),
            };
            troubles.push(alarm(AlarmCode::CutOff, text));
        }
        for (index, (policy, probe)) in self.site.witnesses().enumerate() {
            let of = ProbeId::Witness(index);
            troubles.extend(self.probe_trouble(of, None, policy, probe));
        }
        troubles
    }

    fn bird_troubles(&self, troubles: &mut Vec<AlarmCondition>) {
        let (link, _) = self.link;
        if link.state != BirdState::Up {
            let text = match &link.error {
                Some(error) => coded!("bird_error", "{error}", error),
                None => coded!("bird_not_answered_yet", "BIRD has not answered yet"),
            };
            troubles.push(AlarmCondition {
                code: AlarmCode::BirdDown,
                service: None,
                subject: String::new(),
                text,
            });
            return;
        }
        let Some((seen, _)) = self.seen else { return };
        troubles.extend(of_steering(&seen.problems, None, "BIRD"));
        // Of what BIRD has not told yet nothing is known to be wrong.
        let upstreams = seen.upstreams.iter();
        let read = upstreams.filter(|upstream| upstream.state != BgpState::Unknown);
        for upstream in read.filter(|upstream| !upstream.is_established()) {
            let (name, state) = (&upstream.name, upstream.state.as_str());
            let text = match (&upstream.state, &upstream.error) {
                (BgpState::Missing, _) => coded!(
                    "upstream_missing",
                    "{name}: BIRD has no such protocol; the name of an upstream is that of a BGP protocol in bird.conf",
                    name
                ),
                (_, Some(error)) if error.contains(HOLD_TIME_REFUSED) => coded!(
                    "upstream_hold_time",
                    "{name} is {state}: the two sides do not agree on the hold time ({error}), and nothing can be announced through it; try `hold_time = \"90s\"` for it, or ask for its minimum",
                    name,
                    state,
                    error
                ),
                (_, Some(error)) => coded!(
                    "upstream_down_error",
                    "{name} is {state} ({error}): nothing can be announced through it",
                    name,
                    state,
                    error
                ),
                (_, None) => coded!(
                    "upstream_down",
                    "{name} is {state}: nothing can be announced through it",
                    name,
                    state
                ),
            };
            let subject = upstream.name.clone();
            troubles.push(AlarmCondition {
                code: AlarmCode::UpstreamDown,
                service: None,
                subject,
                text,
            });
        }
    }

    /// What is wrong with a service, as far as judgement and BIRD can tell.
    pub(crate) fn service_troubles(&self, index: usize) -> Vec<AlarmCondition> {
        let Some(service) = self.site.services().get(index) else {
            return Vec::new();
        };
        let mut troubles = Vec::new();
        let name = Some(service.policy().name.clone());
        let trouble = |code, text: CodedText| AlarmCondition {
            code,
            service: name.clone(),
            subject: String::new(),
            text,
        };
        if let Some(over) = service.overridden() {
            troubles.push(trouble(AlarmCode::Override, override_text(over)));
        }
        if service.latched_since().is_some() {
            let text = coded!(
                "latched_until_auto",
                "flapped too often and stays as it is (D9): `falconer auto` releases it"
            );
            troubles.push(trouble(AlarmCode::Latched, text));
        }
        if let Some(ActiveDrillPhase::Unverified { .. }) = service.drill().map(ActiveDrill::phase) {
            let text = coded!(
                "drill_end_not_seen",
                "the end of its drill has not been seen: it may still be announced; see `birdc show protocols` and \
                 the upstreams"
            );
            troubles.push(trouble(AlarmCode::Drill, text));
        }
        let problems = self.seen_service(index).map(|seen| seen.problems.as_slice());
        troubles.extend(of_steering(problems.unwrap_or_default(), name.as_deref(), "BIRD"));
        let standing = self.seen_service(index).and_then(|seen| seen.standing.as_deref());
        let problems = standing.map(|seen| seen.problems.as_slice());
        troubles.extend(of_steering(
            problems.unwrap_or_default(),
            name.as_deref(),
            "standing",
        ));
        if let Some((seen, _)) = self.seen
            && let Some(service) = seen.services.get(index)
        {
            let late = rivals::unfollowed_too_long(seen, index).into_iter();
            troubles.extend(late.map(|upstream| AlarmCondition {
                subject: upstream.to_owned(),
                ..trouble(AlarmCode::Rival, rivals::alarm_text(service, upstream))
            }));
        }
        for (at, (policy, probe)) in service.policy().probes.iter().zip(service.probes()).enumerate() {
            troubles.extend(self.probe_trouble(ProbeId::Service(index, at), name.clone(), policy, probe));
        }
        troubles.extend(self.serving_troubles(index, service));
        troubles
    }

    /// This site does not serve the service, or what would show that it does proves nothing (D16).
    fn serving_troubles(&self, index: usize, service: &service::ServiceState) -> Vec<AlarmCondition> {
        let Some(serving) = self.site.serving(index) else {
            return Vec::new();
        };
        let name = Some(service.policy().name.clone());
        if serving.state == ServingState::No {
            let problems = problems(&serving).into_iter().map(|problem| problem.text);
            let problems = full_list(&problems.collect::<Vec<_>>());
            return vec![AlarmCondition {
                code: AlarmCode::NotServing,
                service: name,
                subject: String::new(),
                text: coded!("not_serving", "this site does not serve it: {problems}", problems),
            }];
        }
        let checks = service.policy().serves.iter().zip(service.serving_checks());
        let troubles = checks.enumerate().filter_map(|(at, (policy, check))| {
            self.probe_trouble(ProbeId::Serves(index, at), name.clone(), policy, check)
        });
        troubles.collect()
    }

    /// A probe whose checks cannot be made proves nothing, nor does one that never passed (D20), and
    /// somebody has to know.
    fn probe_trouble(
        &self,
        of: ProbeId,
        service: Option<String>,
        policy: &model::ProbeConfig,
        probe: &health::ProbeTracker,
    ) -> Option<AlarmCondition> {
        let last = self.site.last(of)?;
        if probe.rows().streak() < policy.fall {
            return None;
        }
        let (name, detail) = (&policy.name, &last.detail);
        let text = match (last.outcome, probe.has_passed(), service.is_some()) {
            (CheckOutcome::Pass, _, _) | (CheckOutcome::Fail, true, _) => return None,
            (CheckOutcome::Error, true, true) => {
                coded!(
                    "probe_cannot_run",
                    "probe {name} cannot be checked: {detail}",
                    name,
                    detail
                )
            }
            (CheckOutcome::Error, true, false) => coded!(
                "witness_cannot_run",
                "witness {name} cannot be checked: {detail}",
                name,
                detail
            ),
            (CheckOutcome::Fail | CheckOutcome::Error, false, true) => coded!(
                "probe_does_not_count_yet",
                "probe {name} never passed, and does not count until it does (D20): {detail}",
                name,
                detail
            ),
            (CheckOutcome::Fail | CheckOutcome::Error, false, false) => coded!(
                "witness_does_not_count_yet",
                "witness {name} never passed, and does not count until it does (D20): {detail}",
                name,
                detail
            ),
        };
        Some(AlarmCondition {
            code: AlarmCode::Probe,
            service,
            subject: policy.name.clone(),
            text,
        })
    }
}

/// The standing prefixes of a service: what is wanted, and what BIRD does (D14).
fn standing(
    service: &service::ServiceState,
    seen: Option<&ObservedService>,
) -> Option<snapshot::StandingSnapshot> {
    let policy = service.policy();
    let wanted = service.intent().standing.as_ref();
    let seen = seen.and_then(|seen| seen.standing.as_deref());
    let state = |on: Option<bool>| match on {
        None => StandingState::Unknown,
        Some(true) => StandingState::On,
        Some(false) => StandingState::Off,
    };
    (!policy.standing.is_empty()).then(|| snapshot::StandingSnapshot {
        prefixes: policy.standing_prefixes.clone(),
        protocols: policy.standing.iter().map(|one| one.name.clone()).collect(),
        want: state(wanted.map(|wanted| wanted.on)),
        actual: state(
            seen.and_then(|seen| seen.actual)
                .map(|actual| actual == Strength::Full),
        ),
        exported_to: seen.map(|seen| seen.exported_to.clone()).unwrap_or_default(),
    })
}

/// What steering found wrong. Its words follow BIRD's, such as a session's state that changes every
/// few seconds; so problems of one code are told apart by their order, and an alarm keeps its
/// beginning while its text changes.
fn of_steering(problems: &[(AlarmCode, String)], service: Option<&str>, of: &str) -> Vec<AlarmCondition> {
    let problems = problems.iter().enumerate();
    let told = problems.clone().map(|(at, (code, text))| {
        let before = problems.clone().take(at).filter(|(_, (other, _))| other == code);
        AlarmCondition {
            code: *code,
            service: service.map(str::to_owned),
            subject: format!("{of} {}", before.count()),
            text: text.as_str().into(),
        }
    });
    told.collect()
}

/// The text of an override's alarm.
fn override_text(over: &Override) -> CodedText {
    let actor = &over.actor;
    let until = over.until.map(|until| format!("{until:.0}"));
    match (over.action, until) {
        (OverrideAction::Announce, None) => coded!(
            "override_announce",
            "announce by {actor}: `falconer auto` ends it",
            actor
        ),
        (OverrideAction::Withdraw, None) => coded!(
            "override_withdraw",
            "withdraw by {actor}: `falconer auto` ends it",
            actor
        ),
        (OverrideAction::Freeze, None) => coded!(
            "override_freeze",
            "freeze by {actor}: `falconer auto` ends it",
            actor
        ),
        (OverrideAction::Announce, Some(until)) => coded!(
            "override_announce_until",
            "announce by {actor} until {until}: `falconer auto` ends it",
            actor,
            until
        ),
        (OverrideAction::Withdraw, Some(until)) => coded!(
            "override_withdraw_until",
            "withdraw by {actor} until {until}: `falconer auto` ends it",
            actor,
            until
        ),
        (OverrideAction::Freeze, Some(until)) => coded!(
            "override_freeze_until",
            "freeze by {actor} until {until}: `falconer auto` ends it",
            actor,
            until
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_of_steering_is_the_same_one_while_its_words_follow_bird() {
        let at = |state: &str| {
            let problems = [
                (AlarmCode::NotExported, format!("isp is {state}")),
                (AlarmCode::Drift, "BIRD has no web_v4".to_owned()),
                (AlarmCode::NotExported, format!("isp6 is {state}")),
            ];
            let told = of_steering(&problems, Some("web"), "BIRD");
            told.into_iter()
                .map(|trouble| (trouble.code, trouble.service, trouble.subject))
                .collect::<Vec<_>>()
        };
        assert_eq!(at("Active"), at("Connect"));
        assert_ne!(at("Active")[0], at("Active")[2]);
    }
}
