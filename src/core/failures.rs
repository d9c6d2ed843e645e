//! Plays each service's configuration through the failures that it is made for, through the real
//! judgement on virtual time, and refuses one whose verdict then never comes, or comes wrongly (D19).
//!
//! What a probe shows in a failure follows from its type, target and keys ([`scene`]). The pace is not
//! the configuration's: intervals and delays are cut short, because what is asked is which verdict
//! comes, not when. `falconer check`, the start and a reload all read the configuration through
//! [`load`].

mod finding;
mod refusal;
mod scene;
mod thinned;

use std::collections::HashMap;
use std::time::Duration;

use crate::config::finding::Findings;
use crate::config::model::{
    self, CheckConfig, Config, Decides, FailbackMode, OnNoAnswer, Quorum, Role, ServiceConfig, Votes,
};
use crate::config::spans::KeyPath;
use crate::config::{self, Diagnostic, is_blind};
use crate::core::decide::DecisionReason;
use crate::core::simulator::{SimulatedResult, SimulatedWorld};
use crate::core::{Event, InitialStrength, PersistentState, ProbeId, Simulator, Stance, Strength};
use crate::model::snapshot::CheckOutcome;
use crate::model::time::{Moment, Now};
use refusal::{Mend, Refused};
use scene::{ExpectedOutcome, Scene, Story, shown};
use thinned::{Kind, kind, thinned};

/// How long each step of a failure lasts: every row and every proof is settled by then.
const STEP: Duration = Duration::from_secs(20);

/// The pace at which it is played.
const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_millis(500);
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
const RTT: Duration = Duration::from_millis(10);
const CONFIRM: Duration = Duration::from_secs(5);

/// Rows longer than this are played as this long: what they add up to is the same.
const LONGEST_ROW: u32 = 3;

/// Reads a configuration as [`config::load`] does, and plays it through its failures.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(text: &str, file_name: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    config::load_and(text, file_name, check)
}

/// What a verdict depends on, but for names: services of one shape are played once.
type ServiceShape = (bool, String, Vec<Kind>);

fn check(config: &Config, found: &mut Findings) {
    let base = Config {
        services: Vec::new(),
        witnesses: config.witnesses.iter().map(hastened).collect(),
        ..config.clone()
    };
    let mut played: HashMap<ServiceShape, Option<Refused>> = HashMap::new();
    for (index, service) in config.services.iter().enumerate() {
        let refused = played
            .entry(shape(&base, service))
            .or_insert_with(|| refused(&base, service));
        if let Some(refused) = refused {
            finding::report(refused, service, &KeyPath::service(index), found);
        }
    }
}

fn shape(config: &Config, service: &ServiceConfig) -> ServiceShape {
    let quorums = format!("{:?} {:?}", service.down_when, service.up_when);
    let standby = service.role == Role::Standby;
    let probes = service.probes.iter();
    let kinds = probes.map(|probe| kind(config, service, probe)).collect();
    (standby, quorums, kinds)
}

/// What is wrong with it, and what would mend it.
fn refused(base: &Config, service: &ServiceConfig) -> Option<Refused> {
    let refused = first_refusal(base, service)?;
    let mut mends = mends(base, service).into_iter();
    let mend = mends.find(|mend| first_refusal(base, &mended(service, *mend)).is_none());
    Some(Refused { mend, ..refused })
}

fn first_refusal(base: &Config, service: &ServiceConfig) -> Option<Refused> {
    let (service, in_place) = thinned(base, &hastened_service(service));
    let config = Config {
        services: vec![service],
        ..base.clone()
    };
    let service = &config.services[0];
    let stories = scene::stories(&config, service);
    let refused = stories.iter().find_map(|either| {
        // A service can be dead in several ways; seeing one of them is enough.
        let refusals: Vec<Option<Refused>> = either.iter().map(|story| play(&config, story)).collect();
        refusals
            .into_iter()
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .next()
    })?;
    let states = in_place.into_iter().map(|probe| refused.states[probe]);
    Some(Refused {
        states: states.collect(),
        ..refused
    })
}

/// Plays one story; the first step that does not come out as it should.
fn play(config: &Config, story: &Story) -> Option<Refused> {
    let now = Now {
        mono: Moment::START,
        wall: jiff::Timestamp::UNIX_EPOCH,
    };
    let mut stage = Stage {
        config,
        scene: story[0].scene,
    };
    let mut play = Simulator::new(config, &PersistentState::default(), now);
    let adoption = InitialStrength::Is(Strength::Off);
    play.hand_in(Some(Event::Bird { service: 0, adoption }), &mut stage);
    for step in story {
        stage.scene = step.scene;
        let before = play.notes().len();
        run(&mut play, STEP, &mut stage);
        let service = &play.site().services()[0];
        if let (DecisionReason::Unconfirmed, Some(retry)) =
            (service.judgement().why, service.judgement().deadline)
        {
            // A failback that was not confirmed is tried again: what comes of that counts.
            let wait = retry.since(play.now().mono);
            run(&mut play, wait + STEP, &mut stage);
        }
        let strength = play.site().services()[0].stance().strength();
        let mut switches = play.notes()[before..]
            .iter()
            .filter_map(|(_, note)| note.transition());
        let announced = matches!(strength, Some(Strength::Full | Strength::Drain));
        let well = match step.expected {
            ExpectedOutcome::Announced => announced,
            ExpectedOutcome::Silent => strength == Some(Strength::Off) && verdict_is_clear(&play),
            ExpectedOutcome::StaysAnnounced => {
                announced && switches.all(|(_, switch)| switch.to != Some(Strength::Off))
            }
            ExpectedOutcome::StaysSilent => strength == Some(Strength::Off) && switches.next().is_none(),
        };
        if !well {
            let probes = play.site().services()[0].probes().iter();
            return Some(Refused {
                step: *step,
                expected: step.expected,
                states: probes.map(crate::core::health::ProbeTracker::state).collect(),
                mend: None,
            });
        }
    }
    None
}

/// Lets that time pass; the world follows what is announced.
fn run(play: &mut Simulator, lasting: Duration, stage: &mut Stage<'_>) {
    let until = play.now().mono + lasting;
    loop {
        let at_full = play.site().services()[0].stance() == Stance::Full;
        stage.scene = stage.scene.announced(at_full);
        if !play.step(until, stage) {
            break;
        }
    }
    play.pass(until.since(play.now().mono));
}

/// A site that is silent because it never decided anything would look as well as one that decided.
fn verdict_is_clear(play: &Simulator) -> bool {
    play.site().services()[0].verdict().0 != crate::model::snapshot::Verdict::Unclear
}

/// The world that answers the checks.
struct Stage<'a> {
    config: &'a Config,
    scene: Scene,
}

impl SimulatedWorld for Stage<'_> {
    fn answer(&mut self, _: Moment, probe: ProbeId, policy: &model::ProbeConfig) -> Option<SimulatedResult> {
        let outcome = match probe {
            ProbeId::Service(service, _) => shown(
                self.config,
                &self.config.services[service],
                &policy.check,
                &self.scene,
            ),
            ProbeId::Witness(_) => scene::witness_shown(&policy.check, &self.scene),
            ProbeId::Serves(..) => CheckOutcome::Pass,
        };
        let after = match outcome {
            CheckOutcome::Pass | CheckOutcome::Error => RTT,
            CheckOutcome::Fail => policy.timeout,
        };
        Some(SimulatedResult {
            after,
            outcome,
            detail: String::new(),
        })
    }
}

fn hastened(probe: &model::ProbeConfig) -> model::ProbeConfig {
    model::ProbeConfig {
        interval: INTERVAL,
        timeout: TIMEOUT,
        retry_interval: RETRY_INTERVAL,
        fall: probe.fall.min(LONGEST_ROW),
        rise: probe.rise.min(LONGEST_ROW),
        ..probe.clone()
    }
}

fn hastened_service(service: &ServiceConfig) -> ServiceConfig {
    ServiceConfig {
        takeover_delay: Duration::ZERO,
        failback: FailbackMode::Auto,
        failback_delay: Duration::ZERO,
        failback_window: None,
        failback_drain: Duration::ZERO,
        failback_confirm: CONFIRM,
        flap_limit: u32::MAX,
        probes: service.probes.iter().map(hastened).collect(),
        ..service.clone()
    }
}

/// What may be tried, the smallest change first.
fn mends(config: &Config, service: &ServiceConfig) -> Vec<Mend> {
    let mut mends = Vec::new();
    for (index, probe) in service.probes.iter().enumerate() {
        if is_blind(config, service, &probe.check) && probe.votes != Votes::Failback {
            mends.push(Mend::VotesFailback(index));
        }
        let alone = probe.decides == Some(Decides::Down);
        let silence = match &probe.check {
            CheckConfig::Http(http) => Some(http.on_no_answer),
            CheckConfig::Icmp(_)
            | CheckConfig::Tcp(_)
            | CheckConfig::Dns(_)
            | CheckConfig::Exec(_)
            | CheckConfig::BirdRoute(_)
            | CheckConfig::BirdProtocol(_) => None,
        };
        if silence == Some(OnNoAnswer::Fail) && alone {
            mends.push(Mend::SilenceIsAnError(index));
        }
        if alone && probe.votes != Votes::Up {
            mends.push(Mend::VotesUp(index));
            if silence == Some(OnNoAnswer::Fail) {
                mends.push(Mend::VotesUpAndSilenceIsAnError(index));
            }
        }
        if silence == Some(OnNoAnswer::Error) {
            mends.push(Mend::SilenceIsAFail(index));
        }
        if probe.decides.is_some() {
            mends.push(Mend::DecidesNothing(index));
        }
    }
    mends.extend([Mend::UpWhenAll, Mend::DownWhenAny]);
    mends
}

fn mended(service: &ServiceConfig, mend: Mend) -> ServiceConfig {
    let mut service = service.clone();
    let silence = |service: &mut ServiceConfig, index: usize, means: OnNoAnswer| {
        if let Some(CheckConfig::Http(http)) = service.probes.get_mut(index).map(|probe| &mut probe.check) {
            http.on_no_answer = means;
        }
    };
    match mend {
        Mend::VotesUp(index) => service.probes[index].votes = Votes::Up,
        Mend::VotesFailback(index) => service.probes[index].votes = Votes::Failback,
        Mend::SilenceIsAnError(index) => silence(&mut service, index, OnNoAnswer::Error),
        Mend::VotesUpAndSilenceIsAnError(index) => {
            service.probes[index].votes = Votes::Up;
            silence(&mut service, index, OnNoAnswer::Error);
        }
        Mend::SilenceIsAFail(index) => silence(&mut service, index, OnNoAnswer::Fail),
        Mend::DecidesNothing(index) => service.probes[index].decides = None,
        Mend::DownWhenAny => service.down_when = Quorum::Any,
        Mend::UpWhenAll => service.up_when = Quorum::All,
    }
    service
}

#[cfg(test)]
mod tests;
