//! The driver between edges that a test holds the other ends of, on a paused clock: how often it
//! composes what it publishes, what the alarms in it cost, and that nothing that waits is overlooked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use super::*;
use crate::bird::client::BirdClient;
use crate::bird::reconcile::{
    Intents, Observed, ObservedRival, ObservedService, PreferredWay, ReportSender, StageReport,
    TransitionStage, report_channel,
};
use crate::config::model::Config;
use crate::core::site::tests::support;
use crate::core::site::tests::support::{probe, secs, standby};
use crate::core::{ProbeId, Strength};
use crate::daemon::bird_conf_watch::BirdConfProblems;
use crate::daemon::checks::{CheckFactory, CheckRunner};
use crate::daemon::clock::Clock;
use crate::daemon::probe_set::ProbeSet;
use crate::metrics::shared::{SharedCounters, SharedNumber};
use crate::model::Snapshot;
use crate::model::snapshot;
use crate::model::snapshot::{AlarmCode, CheckOutcome, FollowedState};
use crate::probe::CheckReport;
use crate::store::history::{HistoryWriter, StoredHistory};
use crate::store::{LoadedState, StateWriter};

/// A probe whose checks can be made impossible.
const BREAKS: ProbeId = ProbeId::Service(3, 0);

/// A driver at work, and the other ends of its edges.
struct Bench {
    intents: watch::Receiver<Intents>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    composed: SharedNumber,
    renewed: SharedNumber,
    dead: Arc<AtomicBool>,
    /// The checks of [`BREAKS`] cannot be made.
    broken: Arc<AtomicBool>,
    /// How many checks of [`BREAKS`] were made.
    asked: Arc<AtomicU64>,
    reports: ReportSender,
    _stop: oneshot::Sender<&'static str>,
    _dir: tempfile::TempDir,
    _others: Box<dyn std::any::Any>,
}

fn large(services: usize) -> Config {
    let service = |at: usize| {
        let probes = (0..5).map(|at| probe(&format!("p{at}"))).collect();
        let mut service = standby(&format!("s{at:04}"), probes);
        service.flap_limit = 100;
        service
    };
    support::config((0..services).map(service).collect(), Vec::new(), 0)
}

impl Bench {
    fn start(mut config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        config.site.state_dir = dir.path().join("state");
        config.site.run_dir = dir.path().join("run");
        config.bird.socket = dir.path().join("bird.ctl");
        let config = Arc::new(config);
        let client = BirdClient::spawn(config.bird.socket.clone(), config.bird.timeout);
        let (dead, broken) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let asked = Arc::default();
        let checks = CheckRunner::new(make(dead.clone(), Arc::clone(&broken), Arc::clone(&asked)));
        let (reconciler, intents, _) = ReconcilerHandle::take(&config, client.clone());
        let (reports_out, reports) = report_channel();
        let (kept_out, kept) = mpsc::channel(16);
        let (written_out, journal_reports) = mpsc::channel(16);
        let (wrong, bird_conf) = watch::channel(BirdConfProblems::default());
        let (told, history_events) = mpsc::channel(1);
        let (successor, successors) = mpsc::channel(1);
        let (request, requests) = mpsc::channel(1);
        let (files, asked_of_files) = mpsc::channel(1);
        let (apply, applying) = watch::channel(false);
        let (ready_out, ready) = crate::daemon::readiness::not_yet();
        let taken = intents.subscribe();
        let edges = Edges {
            reconciler,
            intents,
            reports,
            kept,
            state_writer: StateWriter::spawn(config.site.state_dir.clone(), kept_out),
            journal_reports,
            checks,
            probe_set: ProbeSet::new(&config, client.clone(), SharedCounters::default()),
            bird_conf,
            history_events,
            ready,
            successors,
            in_force: watch::channel(config.clone()).0,
            requests,
            files,
            applying,
            link: client.link(),
        };
        let journal = HistoryWriter::spawn(config.site.state_dir.clone(), written_out);
        let driver = Driver::new(
            config,
            Clock::start(),
            LoadedState::default(),
            StoredHistory::default(),
            journal,
            edges,
        );
        let (snapshot, composed) = (driver.snapshot(), driver.publication.composed());
        let renewed = driver.alarms.renewed();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(driver.run(async { stopped.await.unwrap_or("dropped") }));
        Self {
            intents: taken,
            snapshot,
            composed,
            renewed,
            dead,
            broken,
            asked,
            reports: reports_out,
            _stop: stop,
            _dir: dir,
            _others: Box::new((wrong, told, successor, request, asked_of_files, apply, ready_out)),
        }
    }

    /// BIRD has been read, and announces nothing.
    async fn bird_is_silent(&self, services: usize) {
        self.bird_is_silent_but(services, |_| {}).await;
    }

    /// The same, with a change.
    async fn bird_is_silent_but(&self, services: usize, change: impl FnOnce(&mut Observed)) {
        let at = Instant::now();
        let silent = ObservedService {
            actual: Some(Strength::Off),
            adopt: Some(Strength::Off),
            verified: true,
            ..ObservedService::unknown(at)
        };
        let mut seen = Observed {
            at,
            bird_running_normally: true,
            services: vec![silent; services],
            upstreams: Vec::new(),
            problems: Vec::new(),
        };
        change(&mut seen);
        self.reports.send(ReconcilerReport::Seen(seen));
    }

    /// Until every service is wanted so.
    async fn until_all(&mut self, strength: Strength) {
        let all = |intents: &Intents| intents.iter().all(|intent| intent.strength == Some(strength));
        tokio::time::timeout(secs(60), self.intents.wait_for(all))
            .await
            .unwrap()
            .unwrap();
    }

    /// Until that many alarms stand.
    async fn until_alarms(&mut self, number: usize) -> Vec<snapshot::Alarm> {
        let so = |snapshot: &Arc<Snapshot>| snapshot.alarms.len() == number;
        let waited = tokio::time::timeout(secs(60), self.snapshot.wait_for(so)).await;
        waited.unwrap().unwrap().alarms.clone()
    }
}

/// Checks that pass, and from then on are silent for their time-out.
fn make(dead: Arc<AtomicBool>, broken: Arc<AtomicBool>, asked: Arc<AtomicU64>) -> CheckFactory {
    Arc::new(move |of| {
        let (dead, broken, asked) = (dead.clone(), broken.clone(), asked.clone());
        Box::pin(async move {
            tokio::time::sleep(support::ms(1)).await;
            if of == BREAKS {
                asked.fetch_add(1, Ordering::Relaxed);
            }
            if of == BREAKS && broken.load(Ordering::Relaxed) {
                return CheckReport::error("no such program");
            }
            if dead.load(Ordering::Relaxed) {
                tokio::time::sleep(secs(2)).await;
                return CheckReport::fail("no answer", None);
            }
            CheckReport::pass("answered", Some(support::ms(1)))
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_hundred_services_that_die_together_are_shown_as_time_goes_by_and_not_as_they_change() {
    let mut bench = Bench::start(large(100));
    bench.bird_is_silent(100).await;
    bench.until_all(Strength::Off).await;
    tokio::time::sleep(secs(10)).await;

    let (before, began) = (bench.composed.get(), Instant::now());
    bench.dead.store(true, Ordering::Relaxed);
    bench.until_all(Strength::Full).await;
    let millis = began.elapsed().as_millis();
    // 500 probes, 100 verdicts and 100 stances changed.
    let composed = u128::from(bench.composed.get() - before);
    assert!(composed <= millis / 10 + 1, "{composed} snapshots in {millis} ms");
    let bound = secs(5) + secs(2) + secs(1) + secs(1);
    assert!(began.elapsed() <= bound, "{millis} ms until all were wanted");

    tokio::time::sleep(secs(3)).await;
    let snapshot = bench.snapshot.borrow();
    let probes = snapshot.services.iter().flat_map(|service| &service.probes);
    let made = |probe: &snapshot::ProbeSnapshot| {
        probe
            .last
            .as_ref()
            .is_some_and(|last| last.result == CheckOutcome::Fail)
    };
    assert!(probes.clone().all(made), "none is one that never reported");
    assert_eq!(probes.count(), 500);
}

#[tokio::test(start_paused = true)]
async fn alarms_are_renewed_where_something_changed_and_nowhere_else() {
    const SERVICES: usize = 100;
    let mut config = large(SERVICES);
    for probe in config.services.iter_mut().flat_map(|service| &mut service.probes) {
        probe.interval = secs(3600);
    }
    config.services[3].probes[0].interval = secs(1);
    config.services[3].probes[0].timeout = secs(1);
    let mut bench = Bench::start(config);
    bench.bird_is_silent(SERVICES).await;
    bench.until_all(Strength::Off).await;
    tokio::time::sleep(secs(20)).await;
    // BIRD's socket is not there: that is the site's own.
    let own = bench.until_alarms(1).await;
    assert_eq!(own[0].code, AlarmCode::BirdDown);

    let counts = |bench: &Bench| (bench.renewed.get(), bench.asked.load(Ordering::Relaxed));
    let (before, began) = (counts(&bench), bench.composed.get());
    let problem = (AlarmCode::Drift, "BIRD has no s0007_v4".to_owned());
    bench
        .bird_is_silent_but(SERVICES, |seen| seen.services[7].problems.push(problem))
        .await;
    let alarms = bench.until_alarms(2).await;
    assert_eq!(alarms[1].service.as_deref(), Some("s0007"));
    bench.bird_is_silent(SERVICES).await;
    bench.until_alarms(1).await;
    bench.broken.store(true, Ordering::Relaxed);
    let alarms = bench.until_alarms(2).await;
    assert_eq!(
        (alarms[1].code, alarms[1].service.as_deref()),
        (AlarmCode::Probe, Some("s0003"))
    );
    bench.broken.store(false, Ordering::Relaxed);
    bench.until_alarms(1).await;

    let (after, composed) = (counts(&bench), bench.composed.get() - began);
    let (renewed, checks) = (after.0 - before.0, after.1 - before.1);
    // Of each check the judgement hears when it begins to be late, and when it ends.
    assert!(renewed <= 2 + 3 * checks, "{renewed} for {checks} checks");
    assert!(
        renewed < composed * SERVICES as u64 / 10,
        "{renewed} in {composed} snapshots"
    );
}

/// A way that isp prefers, and a rival that it tells.
fn tells(seen: &mut Observed, state: FollowedState, since: Instant) {
    for service in &mut seen.services {
        service.actual = Some(Strength::Full);
        service.exported_to = vec!["isp".to_owned()];
        service.ways = vec![PreferredWay {
            upstream: "isp".to_owned(),
            state,
            since,
        }];
        service.rivals = Some(vec![ObservedRival {
            prefix: "198.51.100.0/24".parse().unwrap(),
            session: "isp".to_owned(),
            as_path: Some("64520 64510 64501".to_owned()),
            origin_as: Some(64501),
            since,
        }]);
    }
}

#[tokio::test(start_paused = true)]
async fn a11_after_a_takeover_the_stages_go_on_until_the_upstream_follows() {
    let mut bench = Bench::start(large(1));
    bench.bird_is_silent(1).await;
    bench.until_all(Strength::Off).await;
    tokio::time::sleep(secs(10)).await;
    bench.dead.store(true, Ordering::Relaxed);
    bench.until_all(Strength::Full).await;
    let id = bench.intents.borrow()[0].decision;
    for stage in [
        TransitionStage::EnableSent,
        TransitionStage::Up,
        TransitionStage::Exported,
    ] {
        bench.reports.send(ReconcilerReport::Stage(StageReport {
            service: 0,
            id,
            stage,
            at: Instant::now(),
            protocol: "s0000_v4".to_owned(),
        }));
    }
    let since = Instant::now();
    let shown = |bench: &Bench| {
        let snapshot = bench.snapshot.borrow().clone();
        let rival = snapshot.alarms.iter().any(|alarm| alarm.code == AlarmCode::Rival);
        let service = snapshot.services[0].clone();
        (
            service.followed,
            service.transition.unwrap().stages.followed,
            rival,
        )
    };
    for _ in 0..299 {
        bench
            .bird_is_silent_but(1, |seen| tells(seen, FollowedState::PrefersAnother, since))
            .await;
        tokio::time::sleep(secs(1)).await;
    }
    let (followed, stage, alarmed) = shown(&bench);
    assert_eq!(followed[0].state, FollowedState::PrefersAnother);
    assert_eq!((stage, alarmed), (None, false));
    for _ in 0..3 {
        bench
            .bird_is_silent_but(1, |seen| tells(seen, FollowedState::PrefersAnother, since))
            .await;
        tokio::time::sleep(secs(1)).await;
    }
    assert!(shown(&bench).2, "an alarm after five minutes");
    let since = Instant::now();
    bench
        .bird_is_silent_but(1, |seen| tells(seen, FollowedState::Follows, since))
        .await;
    tokio::time::sleep(secs(2)).await;
    let (followed, stage, alarmed) = shown(&bench);
    assert_eq!(followed[0].state, FollowedState::Follows);
    assert_eq!(stage, followed[0].since);
    assert!(stage.is_some() && !alarmed);
}

/// Two drivers with the same probes and the same BIRD, but one is told of rivals, as they come.
#[tokio::test(start_paused = true)]
async fn d15_rivals_never_change_a_decision() {
    const STATES: [FollowedState; 3] = [
        FollowedState::Follows,
        FollowedState::PrefersAnother,
        FollowedState::CannotBeHeard,
    ];
    let mut changes = 0;
    for seed in 1..=2_u64 {
        let (told, untold) = (Bench::start(large(2)), Bench::start(large(2)));
        let mut draw = seed;
        let mut next = |below: u64| {
            draw = draw
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (draw >> 33) % below
        };
        let mut before = None;
        for _ in 0..60 {
            let dead = next(3) == 0;
            told.dead.store(dead, Ordering::Relaxed);
            untold.dead.store(dead, Ordering::Relaxed);
            let actual = [Strength::Off, Strength::Full][usize::try_from(next(2)).unwrap()];
            let state = STATES[usize::try_from(next(3)).unwrap()];
            let since = Instant::now();
            let set =
                |seen: &mut Observed| seen.services.iter_mut().for_each(|one| one.actual = Some(actual));
            let with_rivals = |seen: &mut Observed| {
                tells(seen, state, since);
                set(seen);
            };
            told.bird_is_silent_but(2, with_rivals).await;
            untold.bird_is_silent_but(2, set).await;
            tokio::time::sleep(support::ms(700 + 100 * next(200))).await;
            let (one, other) = (told.intents.borrow().clone(), untold.intents.borrow().clone());
            assert_eq!(one, other, "seed {seed}");
            changes += u64::from(before.replace(one.clone()).is_some_and(|before| before != one));
        }
    }
    assert!(changes > 5, "{changes} decisions are too few to show anything");
}
