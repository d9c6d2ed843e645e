//! Steering at the wheel: a test gives it wishes and reads its reports.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each of the tests that share this uses a part of it"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use falconer::bird::client::Client;
use falconer::bird::steering::{
    self, Repeated, Report, Seen, SeenService, Setup, Stage, StageReport, Steering, Target, Wish, Wishes,
};
use falconer::config::model::{Family, Static};
use falconer::failover::Strength;
use falconer::status::snapshot::AlarmCode;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

/// Longer than anything that a test waits for takes, also on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A static protocol.
pub fn protocol(name: &str, family: Family, prefixes: &[&str]) -> Static {
    Static {
        name: name.to_owned(),
        family,
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
    }
}

/// The service "web": web_v4 and web_v4_drain with one prefix, carried by isp_upstream.
pub fn web() -> Target {
    Target {
        service: "web".to_owned(),
        full: vec![protocol("web_v4", Family::V4, &["198.51.100.0/24"])],
        drain: vec![protocol("web_v4_drain", Family::V4, &["198.51.100.0/24"])],
        upstreams: vec!["isp_upstream".to_owned()],
        min_upstreams: 1,
        flap_window: Duration::from_secs(3600),
    }
}

/// What steering is given.
pub fn setup(targets: Vec<Target>, run_dir: &Path, socket: &Path, poll_interval: Duration) -> Setup {
    Setup {
        targets,
        upstreams: vec!["isp_upstream".to_owned()],
        run_dir: run_dir.to_owned(),
        socket: socket.to_owned(),
        poll_interval,
    }
}

/// A steering under test.
pub struct Drive {
    wishes: watch::Sender<Wishes>,
    reports: mpsc::Receiver<Report>,
    /// Everything reported so far.
    pub log: Vec<Report>,
    next_id: u64,
    _steering: Steering,
}

impl Drive {
    /// Starts it, with nothing settled yet.
    pub fn start(setup: Setup, timeout: Duration) -> Self {
        let client = Client::spawn(setup.socket.clone(), timeout);
        let (wishes, wanted) = watch::channel(vec![Wish::default(); setup.targets.len()].into());
        let (sender, reports) = mpsc::channel(4096);
        let steering = steering::spawn(client, setup, wanted, sender);
        Self {
            wishes,
            reports,
            log: Vec::new(),
            next_id: 1,
            _steering: steering,
        }
    }

    /// A decision for one service.
    pub fn wish(&mut self, service: usize, strength: Strength) -> u64 {
        self.change(service, |wish| {
            wish.strength = Some(strength);
            wish.reason = format!("test wants {strength}");
        })
    }

    /// A decision for all services at once.
    pub fn wish_all(&mut self, strength: Strength) {
        let id = self.next_id;
        self.next_id += 1;
        let wish = Wish {
            strength: Some(strength),
            hands_off: false,
            reason: "test".to_owned(),
            id,
            drill: None,
        };
        self.wishes
            .send_modify(|wishes| *wishes = vec![wish; wishes.len()].into());
    }

    /// Changes one wish; its new number.
    pub fn change(&mut self, service: usize, change: impl FnOnce(&mut Wish)) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.wishes.send_modify(|wishes| {
            let mut all = wishes.to_vec();
            change(&mut all[service]);
            all[service].id = id;
            *wishes = Arc::from(all);
        });
        id
    }

    /// Reads reports until one is what is waited for.
    pub async fn until(&mut self, what: &str, mut is_it: impl FnMut(&Report) -> bool) -> Report {
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
                Ok(None) => panic!("steering ended before {what}: {:#?}", self.log),
                Err(_) => panic!("no {what}; reports so far: {:#?}", self.tail()),
            }
        }
    }

    fn tail(&self) -> &[Report] {
        &self.log[self.log.len().saturating_sub(12)..]
    }

    /// The first look from now on that finds the first service so.
    pub async fn seen(&mut self, what: &str, mut is_it: impl FnMut(&SeenService, &Seen) -> bool) -> Seen {
        while let Ok(report) = self.reports.try_recv() {
            self.log.push(report);
        }
        let report = self
            .until(what, |report| match report {
                Report::Seen(seen) => is_it(&seen.services[0], seen),
                Report::Stage(_) | Report::Drift { .. } | Report::Mended { .. } | Report::Failed { .. } => {
                    false
                }
            })
            .await;
        match report {
            Report::Seen(seen) => seen,
            Report::Stage(_) | Report::Drift { .. } | Report::Mended { .. } | Report::Failed { .. } => {
                unreachable!("just matched")
            }
        }
    }

    /// The first look that finds the first service at that strength and verified.
    pub async fn verified(&mut self, strength: Strength) -> Seen {
        self.seen(&format!("{strength}, verified"), |service, _| {
            service.actual == Some(strength) && service.verified
        })
        .await
    }

    /// Reads reports until that stage.
    pub async fn stage(&mut self, stage: Stage, protocol: &str) -> StageReport {
        let wanted = |report: &Report| match report {
            Report::Stage(at) => (at.stage == stage && at.protocol == protocol).then(|| at.clone()),
            Report::Seen(_) | Report::Drift { .. } | Report::Mended { .. } | Report::Failed { .. } => None,
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
        let text = |report: &Report| match report {
            Report::Drift { text, .. } => Some(text.clone()),
            Report::Seen(_) | Report::Stage(_) | Report::Mended { .. } | Report::Failed { .. } => None,
        };
        let report = self.until("drift", |report| text(report).is_some()).await;
        text(&report).unwrap()
    }

    /// The text of the next failure.
    pub async fn failure(&mut self) -> String {
        let text = |report: &Report| match report {
            Report::Failed { text, .. } => Some(text.clone()),
            Report::Seen(_) | Report::Stage(_) | Report::Drift { .. } | Report::Mended { .. } => None,
        };
        let report = self.until("failure", |report| text(report).is_some()).await;
        text(&report).unwrap()
    }

    /// The stages reported so far, in order, as "enable sent web_v4".
    pub fn stages(&self) -> Vec<(Stage, String)> {
        self.log
            .iter()
            .filter_map(|report| match report {
                Report::Stage(at) => Some((at.stage, at.protocol.clone())),
                Report::Seen(_) | Report::Drift { .. } | Report::Mended { .. } | Report::Failed { .. } => {
                    None
                }
            })
            .collect()
    }

    /// How many drifts were reported so far.
    pub fn drifts(&self) -> usize {
        self.log
            .iter()
            .filter(|report| matches!(report, Report::Drift { .. }))
            .count()
    }

    /// The mends that were reported so far: the protocol, whether it was enabled, and how often it was.
    pub fn mends(&mut self) -> Vec<(String, bool, Option<Repeated>)> {
        while let Ok(report) = self.reports.try_recv() {
            self.log.push(report);
        }
        let mended = |report: &Report| match report {
            Report::Mended {
                protocol,
                enabled,
                repeated,
                ..
            } => Some((protocol.clone(), *enabled, *repeated)),
            Report::Seen(_) | Report::Stage(_) | Report::Drift { .. } | Report::Failed { .. } => None,
        };
        self.log.iter().filter_map(mended).collect()
    }
}

/// The text of a service's first problem of that kind.
pub fn problem(seen: &Seen, code: AlarmCode) -> Option<String> {
    seen.services[0]
        .problems
        .iter()
        .find(|(found, _)| *found == code)
        .map(|(_, text)| text.clone())
}
