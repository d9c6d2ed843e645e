//! A reconciler under test: a test gives it intents and reads its reports.

#![expect(clippy::unwrap_used, reason = "what a test sets up must be there")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use falconer::bird::client::BirdClient;
use falconer::bird::reconcile;
use falconer::bird::reconcile::{
    Intents, Observed, ObservedService, ReconcileTarget, Reconciler, ReconcilerConfig, ReconcilerReport,
    Repeated, ReportReceiver, SessionImport, StageReport, TransitionStage,
};
use falconer::config::model::{Family, Role, StaticProtocolConfig};
use falconer::core::Strength;
use falconer::core::service::Intent;
use falconer::core::standing::StandingIntent;
use falconer::model::snapshot::AlarmCode;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Longer than anything that a test waits for takes, also on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A static protocol.
pub fn protocol(name: &str, family: Family, prefixes: &[&str]) -> StaticProtocolConfig {
    StaticProtocolConfig {
        name: name.to_owned(),
        family,
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
    }
}

/// The service "web": web_v4 and web_v4_drain with one prefix, carried by isp_upstream.
pub fn web() -> ReconcileTarget {
    ReconcileTarget {
        service: "web".to_owned(),
        full: vec![protocol("web_v4", Family::V4, &["198.51.100.0/24"])],
        drain: vec![protocol("web_v4_drain", Family::V4, &["198.51.100.0/24"])],
        standing: Vec::new(),
        upstreams: vec!["isp_upstream".to_owned()],
        min_upstreams: 1,
        flap_window: Duration::from_secs(3600),
        role: Role::Standby,
        primary_prefixes: Vec::new(),
    }
}

/// What the reconciler is given.
pub fn setup(
    targets: Vec<ReconcileTarget>,
    run_dir: &Path,
    socket: &Path,
    poll_interval: Duration,
) -> ReconcilerConfig {
    ReconcilerConfig {
        targets,
        upstreams: vec!["isp_upstream".to_owned()],
        run_dir: run_dir.to_owned(),
        socket: socket.to_owned(),
        poll_interval,
        sessions: vec![SessionImport {
            name: "isp_upstream".to_owned(),
            takes_in: None,
        }],
    }
}

/// A reconciler under test.
pub struct Drive {
    intents: watch::Sender<Intents>,
    reports: ReportReceiver,
    /// Everything reported so far.
    pub log: Vec<ReconcilerReport>,
    next_id: u64,
    _reconciler: Reconciler,
}

impl Drive {
    /// Starts it, with nothing settled yet.
    pub fn start(setup: ReconcilerConfig, timeout: Duration) -> Self {
        let client = BirdClient::spawn(setup.socket.clone(), timeout);
        let (intents, wanted) = watch::channel(vec![Intent::default(); setup.targets.len()].into());
        let (reconciler, reports) = reconcile::spawn(&client, setup, wanted);
        Self {
            intents,
            reports,
            log: Vec::new(),
            next_id: 1,
            _reconciler: reconciler,
        }
    }

    /// A decision for one service.
    pub fn intent(&mut self, service: usize, strength: Strength) -> u64 {
        self.change(service, |intent| {
            intent.strength = Some(strength);
            intent.reason = format!("test wants {strength}");
        })
    }

    /// A decision for all services at once.
    pub fn wish_all(&mut self, strength: Strength) {
        let id = self.next_id;
        self.next_id += 1;
        let intent = Intent {
            strength: Some(strength),
            hands_off: false,
            reason: "test".to_owned(),
            decision: id,
            drill: None,
            standing: None,
        };
        self.intents
            .send_modify(|intents| *intents = vec![intent; intents.len()].into());
    }

    /// What is wanted of one service's standing prefixes.
    pub fn standing(&mut self, service: usize, on: bool, hands_off: bool) {
        let id = self.next_id;
        self.next_id += 1;
        self.intents.send_modify(|intents| {
            let mut all = intents.to_vec();
            all[service].standing = Some(StandingIntent {
                on,
                hands_off,
                reason: format!("test wants standing {on}"),
                decision: id,
            });
            *intents = Arc::from(all);
        });
    }

    /// The first look from now on that finds the standing prefixes of the first service so.
    pub async fn seen_standing(
        &mut self,
        what: &str,
        mut is_it: impl FnMut(&ObservedService) -> bool,
    ) -> ObservedService {
        let seen = self
            .seen(what, |service, _| {
                service.standing.as_deref().is_some_and(&mut is_it)
            })
            .await;
        *seen.services[0].standing.clone().unwrap()
    }

    /// Changes one wish; its new number.
    pub fn change(&mut self, service: usize, change: impl FnOnce(&mut Intent)) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.intents.send_modify(|intents| {
            let mut all = intents.to_vec();
            change(&mut all[service]);
            all[service].decision = id;
            *intents = Arc::from(all);
        });
        id
    }

    /// Reads reports until one is what is waited for.
    pub async fn until(
        &mut self,
        what: &str,
        mut is_it: impl FnMut(&ReconcilerReport) -> bool,
    ) -> ReconcilerReport {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left, self.reports.recv()).await {
                Ok(Some(report)) => {
                    self.log.push(report.clone());
                    if is_it(&report) {
                        return report;
                    }
                }
                Ok(None) => panic!("the reconciler ended before {what}: {:#?}", self.log),
                Err(_) => panic!("no {what}; reports so far: {:#?}", self.tail()),
            }
        }
    }

    fn tail(&self) -> &[ReconcilerReport] {
        &self.log[self.log.len().saturating_sub(12)..]
    }

    /// The first look from now on that finds the first service so.
    pub async fn seen(
        &mut self,
        what: &str,
        mut is_it: impl FnMut(&ObservedService, &Observed) -> bool,
    ) -> Observed {
        while let Some(report) = self.reports.try_recv() {
            self.log.push(report);
        }
        let report = self
            .until(what, |report| match report {
                ReconcilerReport::Seen(seen) => is_it(&seen.services[0], seen),
                ReconcilerReport::Stage(_)
                | ReconcilerReport::Drift { .. }
                | ReconcilerReport::Mended { .. }
                | ReconcilerReport::Failed { .. } => false,
            })
            .await;
        match report {
            ReconcilerReport::Seen(seen) => seen,
            ReconcilerReport::Stage(_)
            | ReconcilerReport::Drift { .. }
            | ReconcilerReport::Mended { .. }
            | ReconcilerReport::Failed { .. } => {
                unreachable!("just matched")
            }
        }
    }

    /// The first look that finds the first service at that strength and verified.
    pub async fn verified(&mut self, strength: Strength) -> Observed {
        self.seen(&format!("{strength}, verified"), |service, _| {
            service.actual == Some(strength) && service.verified
        })
        .await
    }

    /// Reads reports until that stage.
    pub async fn stage(&mut self, stage: TransitionStage, protocol: &str) -> StageReport {
        let wanted = |report: &ReconcilerReport| match report {
            ReconcilerReport::Stage(at) => (at.stage == stage && at.protocol == protocol).then(|| at.clone()),
            ReconcilerReport::Seen(_)
            | ReconcilerReport::Drift { .. }
            | ReconcilerReport::Mended { .. }
            | ReconcilerReport::Failed { .. } => None,
        };
        let report = self
            .until(&format!("{stage:?} of {protocol}"), |report| {
                wanted(report).is_some()
            })
            .await;
        wanted(&report).unwrap()
    }

    /// The text of the next drift.
    pub async fn drift(&mut self) -> String {
        let text = |report: &ReconcilerReport| match report {
            ReconcilerReport::Drift { text, .. } => Some(text.clone()),
            ReconcilerReport::Seen(_)
            | ReconcilerReport::Stage(_)
            | ReconcilerReport::Mended { .. }
            | ReconcilerReport::Failed { .. } => None,
        };
        let report = self.until("drift", |report| text(report).is_some()).await;
        text(&report).unwrap()
    }

    /// The text of the next failure.
    pub async fn failure(&mut self) -> String {
        let text = |report: &ReconcilerReport| match report {
            ReconcilerReport::Failed { text, .. } => Some(text.clone()),
            ReconcilerReport::Seen(_)
            | ReconcilerReport::Stage(_)
            | ReconcilerReport::Drift { .. }
            | ReconcilerReport::Mended { .. } => None,
        };
        let report = self.until("failure", |report| text(report).is_some()).await;
        text(&report).unwrap()
    }

    /// The stages reported so far, in order, as "enable sent web_v4".
    pub fn stages(&self) -> Vec<(TransitionStage, String)> {
        self.log
            .iter()
            .filter_map(|report| match report {
                ReconcilerReport::Stage(at) => Some((at.stage, at.protocol.clone())),
                ReconcilerReport::Seen(_)
                | ReconcilerReport::Drift { .. }
                | ReconcilerReport::Mended { .. }
                | ReconcilerReport::Failed { .. } => None,
            })
            .collect()
    }

    /// How many drifts were reported so far.
    pub fn drifts(&self) -> usize {
        self.log
            .iter()
            .filter(|report| matches!(report, ReconcilerReport::Drift { .. }))
            .count()
    }

    /// The mends that were reported so far: the protocol, whether it was enabled, and how often it was.
    pub fn mends(&mut self) -> Vec<(String, bool, Option<Repeated>)> {
        while let Some(report) = self.reports.try_recv() {
            self.log.push(report);
        }
        let mended = |report: &ReconcilerReport| match report {
            ReconcilerReport::Mended {
                protocol,
                enabled,
                repeated,
                ..
            } => Some((protocol.clone(), *enabled, *repeated)),
            ReconcilerReport::Seen(_)
            | ReconcilerReport::Stage(_)
            | ReconcilerReport::Drift { .. }
            | ReconcilerReport::Failed { .. } => None,
        };
        self.log.iter().filter_map(mended).collect()
    }
}

/// The text of a service's first problem of that kind.
pub fn problem(seen: &Observed, code: AlarmCode) -> Option<String> {
    seen.services[0]
        .problems
        .iter()
        .find(|(found, _)| *found == code)
        .map(|(_, text)| text.clone())
}
