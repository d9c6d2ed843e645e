//! Counters since the start: plain numbers by the names of the configuration.
//!
//! They start at zero with the process, as Prometheus expects. Which of them are shown, and under which
//! names, is decided in `series`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::Config;
use crate::model::history::{HistoryEntry, HistoryEvent};
use crate::model::snapshot::{CheckOutcome, DrillOutcome, StageTimes, Strength};

/// Upper bounds of round trips and of BIRD's answers, in seconds: a local socket to a time-out.
const ANSWERS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// Upper bounds of a transition's stages, in seconds: BIRD answers in milliseconds, a silent death
/// takes seconds to be sure of, a failback waits minutes.
const STAGES: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// How something is distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One a bound, and one for what is above them all.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    /// Takes one value in, in the unit of its family.
    pub fn observe(&mut self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum += value;
    }

    /// How many values there were in each bucket by its upper bound; the last bound is infinity.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    /// All values together.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The checks of one probe or witness.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckCounts {
    /// How many passed.
    pub passes: u64,
    /// How many failed.
    pub fails: u64,
    /// How many could not be made.
    pub errors: u64,
    /// How long the answers took, in seconds.
    pub rtt: Histogram,
}

impl Default for CheckCounts {
    fn default() -> Self {
        Self {
            passes: 0,
            fails: 0,
            errors: 0,
            rtt: Histogram::new(ANSWERS),
        }
    }
}

impl CheckCounts {
    fn take(&mut self, outcome: CheckOutcome, rtt: Option<Duration>) {
        match outcome {
            CheckOutcome::Pass => self.passes += 1,
            CheckOutcome::Fail => self.fails += 1,
            CheckOutcome::Error => self.errors += 1,
        }
        if let Some(rtt) = rtt {
            self.rtt.observe(rtt.as_secs_f64());
        }
    }
}

/// What happened to one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceCounts {
    /// Its probes.
    pub probes: BTreeMap<String, CheckCounts>,
    /// Transitions, by what we wanted of BIRD after each.
    pub transitions: BTreeMap<Option<Strength>, u64>,
    /// Drills, by their outcome in a word; dry runs are none.
    pub drills: BTreeMap<&'static str, u64>,
    /// How often BIRD was not what we want it to be, and it was not us.
    pub drifts: u64,
    /// How often BIRD did not do what it was asked.
    pub failures: u64,
}

/// From one stage of a transition to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageSpan {
    /// From the first failed check to the verdict.
    FirstFailToVerdict,
    /// From the verdict to `enable`; delays are in it.
    VerdictToEnable,
    /// From `enable` until every prefix was seen exported.
    EnableToExported,
    /// From then until no upstream that can be heard told another way any more (A11).
    ExportedToFollowed,
    /// From the verdict to `disable`; delays and drain are in it.
    VerdictToDisable,
    /// From `disable` until the routes were seen gone.
    DisableToDown,
}

impl StageSpan {
    /// All of them, in the order of a transition.
    pub const ALL: [Self; 6] = [
        Self::FirstFailToVerdict,
        Self::VerdictToEnable,
        Self::EnableToExported,
        Self::ExportedToFollowed,
        Self::VerdictToDisable,
        Self::DisableToDown,
    ];

    /// As a label says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstFailToVerdict => "first_fail_to_verdict",
            Self::VerdictToEnable => "verdict_to_enable",
            Self::EnableToExported => "enable_to_exported",
            Self::ExportedToFollowed => "exported_to_followed",
            Self::VerdictToDisable => "verdict_to_disable",
            Self::DisableToDown => "disable_to_down",
        }
    }

    /// How long it took, in seconds; `None` while it has not come to its end.
    pub fn of(self, stages: &StageTimes) -> Option<f64> {
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
            let took = to?.duration_since(from?).as_secs_f64();
            // A wall clock that was set meanwhile measures nothing.
            (took >= 0.0).then_some(took)
        };
        match self {
            Self::FirstFailToVerdict => between(stages.first_fail, stages.verdict),
            Self::VerdictToEnable => between(stages.verdict, stages.enable_sent),
            Self::EnableToExported => between(stages.enable_sent, stages.exported),
            Self::ExportedToFollowed => between(stages.exported, stages.followed),
            Self::VerdictToDisable => between(stages.verdict, stages.disable_sent),
            Self::DisableToDown => between(stages.disable_sent, stages.down),
        }
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// By the service's name.
    pub services: BTreeMap<String, ServiceCounts>,
    /// By the witness's name.
    pub witnesses: BTreeMap<String, CheckCounts>,
    /// Transitions by the rule that decided, and by what we wanted after each.
    pub rules: BTreeMap<(String, Option<Strength>), u64>,
    /// How long the stages of transitions took that came to their end.
    pub stages: BTreeMap<StageSpan, Histogram>,
    /// Entries of the history, by what they tell.
    pub events: BTreeMap<&'static str, u64>,
    /// How long Falconer itself stood still, in all.
    pub stalled: Duration,
    /// Entries of the history that found no room on their way to the disk.
    pub history_lost: u64,
    /// Attempts to write the state that failed.
    pub state_failures: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            services: BTreeMap::new(),
            witnesses: BTreeMap::new(),
            rules: BTreeMap::new(),
            stages: StageSpan::ALL.map(|span| (span, Histogram::new(STAGES))).into(),
            events: BTreeMap::new(),
            stalled: Duration::ZERO,
            history_lost: 0,
            state_failures: 0,
        }
    }
}

impl Counts {
    /// A check of a service's probe, or of a witness, was made.
    pub fn check(&mut self, service: Option<&str>, name: &str, outcome: CheckOutcome, rtt: Option<Duration>) {
        let file = match service {
            Some(service) => &mut entry(&mut self.services, service).probes,
            None => &mut self.witnesses,
        };
        entry(file, name).take(outcome, rtt);
    }

    /// BIRD did not do what it was asked for a service.
    pub fn failure(&mut self, service: &str) {
        entry(&mut self.services, service).failures += 1;
    }

    /// Something happened.
    pub fn entry(&mut self, happened: &HistoryEntry) {
        *self.events.entry(happened.what.word()).or_default() += 1;
        let service = happened.service.as_deref();
        match &happened.what {
            HistoryEvent::Transition(transition) => {
                let by_rule = (transition.rule.clone(), transition.to);
                *self.rules.entry(by_rule).or_default() += 1;
                if let Some(service) = service {
                    let of_service = entry(&mut self.services, service);
                    *of_service.transitions.entry(transition.to).or_default() += 1;
                }
            }
            HistoryEvent::Done { stages, .. } => self.done(stages),
            HistoryEvent::Followed {
                stages: Some(stages), ..
            } => self.observe(StageSpan::ExportedToFollowed, stages),
            HistoryEvent::Drift { .. } => {
                if let Some(service) = service {
                    entry(&mut self.services, service).drifts += 1;
                }
            }
            HistoryEvent::DrillEnded { report } if !report.dry_run => {
                if let Some(service) = service {
                    let of_service = entry(&mut self.services, service);
                    *of_service.drills.entry(drill_word(report.outcome)).or_default() += 1;
                }
            }
            HistoryEvent::Stalled { late_ms } => self.stalled += Duration::from_millis(*late_ms),
            HistoryEvent::Started { .. }
            | HistoryEvent::Followed { stages: None, .. }
            | HistoryEvent::Stopped { .. }
            | HistoryEvent::Reloaded { .. }
            | HistoryEvent::Applied { .. }
            | HistoryEvent::Verdict { .. }
            | HistoryEvent::Probe { .. }
            | HistoryEvent::Isolated { .. }
            | HistoryEvent::Serving { .. }
            | HistoryEvent::Latched
            | HistoryEvent::Released { .. }
            | HistoryEvent::Override { .. }
            | HistoryEvent::OverrideEnded { .. }
            | HistoryEvent::FailbackAllowed { .. }
            | HistoryEvent::ConsentEnded { .. }
            | HistoryEvent::Mended { .. }
            | HistoryEvent::ClockStepped { .. }
            | HistoryEvent::DrillStarted { .. }
            | HistoryEvent::DrillEnded { .. }
            | HistoryEvent::Failed { .. }
            | HistoryEvent::Bird { .. }
            | HistoryEvent::Readiness { .. }
            | HistoryEvent::Alarm { .. } => {}
        }
    }

    /// Forgets whatever the configuration does not name any more.
    pub fn keep_only(&mut self, config: &Config) {
        self.services.retain(|name, of_service| {
            let Some(service) = config.services.iter().find(|service| service.name == *name) else {
                return false;
            };
            of_service.probes.retain(|name, _| {
                service
                    .probes
                    .iter()
                    .chain(&service.serves)
                    .any(|probe| probe.name == *name)
            });
            true
        });
        self.witnesses
            .retain(|name, _| config.witnesses.iter().any(|witness| witness.name == *name));
    }

    fn done(&mut self, stages: &StageTimes) {
        StageSpan::ALL
            .into_iter()
            .for_each(|span| self.observe(span, stages));
    }

    fn observe(&mut self, span: StageSpan, stages: &StageTimes) {
        if let (Some(histogram), Some(took)) = (self.stages.get_mut(&span), span.of(stages)) {
            histogram.observe(took);
        }
    }
}

/// What is filed under a name, begun where there is nothing yet.
fn entry<'a, T: Default>(file: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    if !file.contains_key(name) {
        file.insert(name.to_owned(), T::default());
    }
    file.entry(name.to_owned()).or_default()
}

/// How drills end, in words.
pub const DRILLS: [&str; 4] = ["passed", "failed", "refused", "aborted"];

fn drill_word(outcome: DrillOutcome) -> &'static str {
    match outcome {
        DrillOutcome::Passed => "passed",
        DrillOutcome::Failed => "failed",
        DrillOutcome::Refused => "refused",
        DrillOutcome::Aborted => "aborted",
    }
}

/// The connection to BIRD, and the commands over it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BirdCommandCounts {
    /// How often BIRD greeted us.
    pub connects: u64,
    pub(crate) by_words: BTreeMap<&'static str, CommandCount>,
}

/// One kind of command.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandCount {
    /// How long the answers took, in seconds.
    pub seconds: Histogram,
    /// Commands without an answer that makes sense, by why.
    pub failures: BTreeMap<&'static str, u64>,
}

/// Why a command got no answer that makes sense.
pub const FAILURES: [&str; 3] = ["broken", "malformed", "timeout"];

impl BirdCommandCounts {
    /// A command was answered.
    pub fn answered(&mut self, command: &'static str, took: Duration) {
        self.of(command).seconds.observe(took.as_secs_f64());
    }

    /// A command was not; `why` is one of [`FAILURES`].
    pub fn failed(&mut self, command: &'static str, why: &'static str) {
        *self.of(command).failures.entry(why).or_default() += 1;
    }

    /// Each kind that was asked so far.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &CommandCount)> {
        self.by_words.iter().map(|(name, command)| (*name, command))
    }

    fn of(&mut self, command: &'static str) -> &mut CommandCount {
        self.by_words.entry(command).or_insert_with(|| CommandCount {
            seconds: Histogram::new(ANSWERS),
            failures: FAILURES.map(|why| (why, 0)).into(),
        })
    }
}

/// The descriptors that checks may have open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DescriptorCounts {
    /// How many, all together.
    pub limit: u64,
    /// How many are taken now.
    pub in_use: u64,
    /// Checks that could not be made, because none was free.
    pub refused: u64,
}

/// One of the API's listeners.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListenerCounts {
    /// Connections that are open.
    pub open: u64,
    /// Connections that were let in.
    pub admitted: u64,
    /// Connections that had to give their place to a newcomer.
    pub displaced: u64,
    /// Newcomers that were turned away, because everybody was being answered.
    pub refused: u64,
    /// Followers of the events.
    pub feeds: u64,
    /// Answers, by their status.
    pub answers: BTreeMap<u16, u64>,
    /// Who was turned away, and why.
    pub refusals: BTreeMap<Rejection, u64>,
}

impl ListenerCounts {
    /// Somebody was turned away.
    pub fn refuse(&mut self, why: Rejection) {
        *self.refusals.entry(why).or_default() += 1;
    }
}

/// Why the API turned somebody away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// `api.allow` does not have the address.
    Address,
    /// Every connection was being answered.
    Full,
    /// The Host header names another machine.
    Host,
    /// A page of another site asked.
    CrossSite,
    /// As many requests as are answered at a time were under way.
    Busy,
}

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Address, Self::Full, Self::Host, Self::CrossSite, Self::Busy];

    /// The reason in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Full => "full",
            Self::Host => "host",
            Self::CrossSite => "cross_site",
            Self::Busy => "busy",
        }
    }
}

#[cfg(test)]
mod tests;
