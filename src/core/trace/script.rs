//! Written traces: how the world changes, in the words of whoever asks "what would you do if".

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::line::{TraceError, TraceLine};
use crate::config::duration;
use crate::config::model::{self, Config};
use crate::core::event::{CoreEvent, Event, InitialStrength, ProbeId};
use crate::core::persistent::PersistentState;
use crate::core::simulator::{SimulatedResult, SimulatedWorld, Simulator};
use crate::model::command::{OperatorCommand, OverrideOptions};
use crate::model::snapshot::CheckOutcome;
use crate::model::strength::Strength;
use crate::model::time::{Moment, Now};

/// How soon a pass answers unless its line says otherwise; errors, too.
const SOON: Duration = Duration::from_millis(1);

/// The wall clock at the start of a trace that does not say: any date will do, the same every time.
const START: &str = "2026-01-01T00:00:00Z";

/// A trace ends at least so long after its last line.
const TAIL: Duration = Duration::from_secs(60);

/// Longest time that is played, which bounds the work: a slip of the pen is not worth a year.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// A written trace, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceScript {
    start: Timestamp,
    /// What was seen to pass before it begins (D20).
    memory: PersistentState,
    end: Moment,
    /// How the checks of a probe come out, from when on.
    answers: BTreeMap<ProbeId, BTreeMap<Moment, SimulatedResult>>,
    /// In their order.
    events: Vec<(Moment, Event)>,
}

/// Every key that a line can have; which ones belong together is seen afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptLine {
    start: Option<Timestamp>,
    never_passed: Option<Vec<String>>,
    at: Option<String>,
    end: Option<bool>,
    probe: Option<String>,
    result: Option<CheckOutcome>,
    after: Option<String>,
    service: Option<String>,
    ask: Option<String>,
    #[serde(rename = "for")]
    lasting: Option<String>,
    reason: Option<String>,
    bird: Option<String>,
    is: Option<String>,
}

const WHAT_A_LINE_SAYS: &str = "a line says \"at\" and one of: \"probe\" and \"result\" (and \"after\"); \
\"service\" and \"ask\" (and \"for\", \"reason\"); \"bird\" and \"is\"; \"end\"";

pub(crate) fn parse<'a>(
    lines: impl Iterator<Item = TraceLine<'a>>,
    config: &Config,
) -> Result<TraceScript, Vec<TraceError>> {
    let mut reading = ScriptReader::new(config);
    let mut errors = Vec::new();
    for (at, line) in lines.enumerate() {
        let read = line.parse().and_then(|said| reading.take(&line, said, at == 0));
        errors.extend(read.err());
    }
    if errors.is_empty() {
        Ok(reading.finish())
    } else {
        Err(errors)
    }
}

struct ScriptReader<'c> {
    config: &'c Config,
    story: TraceScript,
    end: Option<Moment>,
    last: Moment,
    longest_override: Duration,
    /// Probes that no check of passed before the trace begins.
    never_passed: BTreeSet<ProbeId>,
}

impl<'c> ScriptReader<'c> {
    fn new(config: &'c Config) -> Self {
        Self {
            config,
            story: TraceScript {
                start: START.parse().unwrap_or(Timestamp::UNIX_EPOCH),
                memory: PersistentState::default(),
                end: Moment::START,
                answers: BTreeMap::new(),
                events: Vec::new(),
            },
            end: None,
            last: Moment::START,
            longest_override: Duration::ZERO,
            never_passed: BTreeSet::new(),
        }
    }

    fn take(&mut self, line: &TraceLine<'_>, said: ScriptLine, first: bool) -> Result<(), TraceError> {
        if said.start.is_some() || said.never_passed.is_some() {
            if !first || said.at.is_some() {
                return Err(line.bad("\"start\" and \"never_passed\" stand alone, and in the first line"));
            }
            self.story.start = said.start.unwrap_or(self.story.start);
            return self.never_passed(line, &said.never_passed.unwrap_or_default());
        }
        let Some(at) = &said.at else {
            return Err(line.bad(&format!("\"at\" is missing: {WHAT_A_LINE_SAYS}")));
        };
        let at = Moment::new(read_duration(line, at)?);
        self.last = self.last.max(at);
        self.take_at(line, at, said)
    }

    fn take_at(&mut self, line: &TraceLine<'_>, at: Moment, said: ScriptLine) -> Result<(), TraceError> {
        let about = [
            said.probe.is_some() || said.result.is_some() || said.after.is_some(),
            said.service.is_some() || said.ask.is_some() || said.lasting.is_some() || said.reason.is_some(),
            said.bird.is_some() || said.is.is_some(),
            said.end.is_some(),
        ];
        // A line is about one thing.
        if about.into_iter().filter(|about| *about).count() != 1 {
            return Err(line.bad(WHAT_A_LINE_SAYS));
        }
        if let (Some(probe), Some(result)) = (&said.probe, said.result) {
            self.probe(line, at, probe, result, said.after.as_deref())
        } else if let (Some(service), Some(ask)) = (&said.service, &said.ask) {
            self.ask(line, at, service, ask, said.lasting.as_deref(), said.reason)
        } else if let (Some(bird), Some(is)) = (&said.bird, &said.is) {
            self.bird(line, at, bird, is)
        } else if said.end == Some(true) {
            self.end = Some(at);
            Ok(())
        } else {
            Err(line.bad(WHAT_A_LINE_SAYS))
        }
    }

    fn never_passed(&mut self, line: &TraceLine<'_>, names: &[String]) -> Result<(), TraceError> {
        for name in names {
            let (id, _) = self.find_probe(line, name)?;
            self.never_passed.insert(id);
        }
        Ok(())
    }

    fn find_probe(
        &self,
        line: &TraceLine<'_>,
        name: &str,
    ) -> Result<(ProbeId, &'c model::ProbeConfig), TraceError> {
        find_probe(self.config, name).ok_or_else(|| {
            let known = super::recorded::probe_names(self.config).join(", ");
            line.wrong(name, format!("there is no probe `{name}`; there are: {known}"))
        })
    }

    fn probe(
        &mut self,
        line: &TraceLine<'_>,
        at: Moment,
        name: &str,
        result: CheckOutcome,
        after: Option<&str>,
    ) -> Result<(), TraceError> {
        let (id, policy) = self.find_probe(line, name)?;
        let after = match after {
            Some(text) => read_duration(line, text)?,
            None => match result {
                CheckOutcome::Pass | CheckOutcome::Error => SOON,
                CheckOutcome::Fail => policy.timeout,
            },
        };
        let answer = SimulatedResult {
            after,
            outcome: result,
            detail: format!("as written in line {}", line.number),
        };
        self.story.answers.entry(id).or_default().insert(at, answer);
        Ok(())
    }

    fn ask(
        &mut self,
        line: &TraceLine<'_>,
        at: Moment,
        service: &str,
        ask: &str,
        lasting: Option<&str>,
        reason: Option<String>,
    ) -> Result<(), TraceError> {
        let service = self.service(line, service)?;
        let lasting = lasting.map(|text| read_duration(line, text)).transpose()?;
        if let ("auto" | "failback", Some(_)) = (ask, lasting) {
            return Err(line.wrong(ask, format!("`{ask}` takes no \"for\"")));
        }
        let terms = OverrideOptions {
            lasting,
            reason,
            drain: None,
        };
        let ask = match ask {
            "announce" => OperatorCommand::Announce(terms),
            "withdraw" => OperatorCommand::Withdraw(terms),
            "freeze" => OperatorCommand::Freeze(terms),
            "auto" => OperatorCommand::Auto { reason: terms.reason },
            "failback" => OperatorCommand::Failback { reason: terms.reason },
            other => {
                let text =
                    format!("`{other}` cannot be asked; announce, withdraw, freeze, auto and failback can");
                return Err(line.wrong(other, text));
            }
        };
        self.longest_override = self.longest_override.max(lasting.unwrap_or_default());
        let actor = "trace".to_owned();
        self.story.events.push((at, Event::Asked { service, ask, actor }));
        Ok(())
    }

    fn bird(&mut self, line: &TraceLine<'_>, at: Moment, service: &str, is: &str) -> Result<(), TraceError> {
        let service = self.service(line, service)?;
        let adoption = match is {
            "off" => InitialStrength::Is(Strength::Off),
            "drain" => InitialStrength::Is(Strength::Drain),
            "full" => InitialStrength::Is(Strength::Full),
            "mixed" => InitialStrength::Mixed,
            other => {
                let text = format!("BIRD is never `{other}`; it is off, drain, full or mixed");
                return Err(line.wrong(other, text));
            }
        };
        self.story.events.push((at, Event::Bird { service, adoption }));
        Ok(())
    }

    fn service(&self, line: &TraceLine<'_>, name: &str) -> Result<usize, TraceError> {
        let services = &self.config.services;
        services
            .iter()
            .position(|service| service.name == name)
            .ok_or_else(|| {
                let known: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
                let text = format!("there is no service `{name}`; there are: {}", known.join(", "));
                line.wrong(name, text)
            })
    }

    /// A trace is of a site at work: its probes have passed before, but for those that are named.
    fn memory(&self) -> PersistentState {
        let mut memory = PersistentState::default();
        for (id, probe) in every_probe(self.config) {
            if !self.never_passed.contains(&id) {
                let at = self.story.start;
                memory.passed.record(&probe.check, at, std::iter::empty());
            }
        }
        memory
    }

    fn finish(mut self) -> TraceScript {
        for service in 0..self.config.services.len() {
            let said = |(_, event): &(Moment, Event)| matches!(event, Event::Bird { service: of, .. } if *of == service);
            if !self.story.events.iter().any(said) {
                let adoption = InitialStrength::Is(Strength::Off);
                self.story
                    .events
                    .push((Moment::START, Event::Bird { service, adoption }));
            }
        }
        self.story.events.sort_by_key(|(at, _)| *at);
        self.story.memory = self.memory();
        let settled = self.last + self.longest_override + tail(self.config);
        self.story.end = self.end.unwrap_or(settled).min(Moment::new(LONGEST));
        self.story
    }
}

/// Every probe, with its part of the configuration.
fn every_probe(config: &Config) -> impl Iterator<Item = (ProbeId, &model::ProbeConfig)> {
    let services = config.services.iter().enumerate();
    let of_services = services.flat_map(|(service, policy)| {
        let probes = policy.probes.iter().enumerate();
        let probes = probes.map(move |(at, probe)| (ProbeId::Service(service, at), probe));
        let serves = policy.serves.iter().enumerate();
        probes.chain(serves.map(move |(at, check)| (ProbeId::Serves(service, at), check)))
    });
    let witnesses = config.witnesses.iter().enumerate();
    of_services.chain(witnesses.map(|(at, probe)| (ProbeId::Witness(at), probe)))
}

/// How long after the last line something may still come of it: all delays, one after another.
fn tail(config: &Config) -> Duration {
    let of_service = |service: &model::ServiceConfig| {
        let day = service.failback_window.as_ref().map_or(0, |_| 25 * 3_600);
        let rows = service
            .probes
            .iter()
            .map(|probe| probe.interval + probe.timeout * (probe.fall + probe.rise));
        let delays = service.takeover_delay + service.failback_delay + service.failback_drain;
        delays + rows.max().unwrap_or_default() + Duration::from_secs(day)
    };
    TAIL + config.services.iter().map(of_service).max().unwrap_or_default()
}

fn read_duration(line: &TraceLine<'_>, text: &str) -> Result<Duration, TraceError> {
    duration::parse(text).map_err(|why| {
        let text_says = format!("`{text}` is not a duration such as \"500ms\", \"10s\" or \"1m30s\": {why}");
        line.wrong(text, text_says)
    })
}

fn find_probe<'c>(config: &'c Config, name: &str) -> Option<(ProbeId, &'c model::ProbeConfig)> {
    let (of, name) = name.split_once('/')?;
    let service = config.services.iter().position(|service| service.name == of);
    let named =
        |probes: &'c [model::ProbeConfig]| probes.iter().enumerate().find(|(_, probe)| probe.name == name);
    match service {
        Some(service) => {
            let policy = &config.services[service];
            let probe = named(&policy.probes).map(|(at, probe)| (ProbeId::Service(service, at), probe));
            let serves = || named(&policy.serves).map(|(at, check)| (ProbeId::Serves(service, at), check));
            probe.or_else(serves)
        }
        None if of == "witness" => {
            let (at, probe) = named(&config.witnesses)?;
            Some((ProbeId::Witness(at), probe))
        }
        None => None,
    }
}

impl SimulatedWorld for &TraceScript {
    fn answer(&mut self, at: Moment, probe: ProbeId, _: &model::ProbeConfig) -> Option<SimulatedResult> {
        let written = self.answers.get(&probe);
        let latest = written.and_then(|answers| answers.range(..=at).next_back());
        let unsaid = || SimulatedResult {
            after: SOON,
            outcome: CheckOutcome::Pass,
            detail: "nothing else is written".to_owned(),
        };
        Some(latest.map_or_else(unsaid, |(_, answer)| answer.clone()))
    }
}

pub(crate) fn play(config: &Config, mut story: &TraceScript) -> Vec<(Moment, CoreEvent)> {
    let now = Now {
        mono: Moment::START,
        wall: story.start,
    };
    let mut playback = Simulator::new(config, &story.memory, now);
    for (at, event) in &story.events {
        playback.put(*at, event.clone());
    }
    let mut bird = Bird::new(config);
    while playback.step(story.end, &mut story) {
        bird.follow(&mut playback, story);
    }
    playback.into_notes()
}

/// A BIRD that does what it is told, and is asked where a freeze ended (D10).
struct Bird {
    /// What was wanted last, and what it does, by service.
    services: Vec<(Option<Strength>, InitialStrength)>,
    /// How many of the story's events lie behind.
    told: usize,
}

impl Bird {
    fn new(config: &Config) -> Self {
        Self {
            services: vec![(None, InitialStrength::Is(Strength::Off)); config.services.len()],
            told: 0,
        }
    }

    fn follow(&mut self, playback: &mut Simulator, mut story: &TraceScript) {
        let now = playback.now().mono;
        while let Some((_, event)) = story.events.get(self.told).filter(|(at, _)| *at <= now) {
            if let Event::Bird { service, adoption } = event {
                self.services[*service].1 = *adoption;
            }
            self.told += 1;
        }
        for service in 0..self.services.len() {
            let judged = &playback.site().services()[service];
            let (wanted, does) = &mut self.services[service];
            let wants = judged.stance().strength();
            if *wanted != wants {
                *wanted = wants;
                *does = wants.map_or(*does, InitialStrength::Is);
            }
            if judged.is_thawing() {
                let adoption = *does;
                playback.hand_in(Some(Event::Bird { service, adoption }), &mut story);
            }
        }
    }
}

#[cfg(test)]
mod tests;
