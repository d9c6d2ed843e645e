//! The driver between edges that a test holds the other ends of, on a paused clock: how often it
//! composes what it publishes, and that nothing that waits is overlooked.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

use super::*;
use crate::bird::client::Client;
use crate::bird::steering::SeenService;
use crate::config::model::Config;
use crate::daemon::checks::Make;
use crate::failover::Strength;
use crate::failover::site::tests::support::{self, probe, secs, standby};
use crate::metrics::tally::{Number, Tally};
use crate::probe::Report as Made;
use crate::status::snapshot::Outcome;

/// A driver at work, and the other ends of its edges.
struct Bench {
    wishes: watch::Receiver<Wishes>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    composed: Number,
    dead: Arc<AtomicBool>,
    reports: mpsc::Sender<Report>,
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
        let client = Client::spawn(config.bird.socket.clone(), config.bird.timeout);
        let dead = Arc::new(AtomicBool::new(false));
        let (checks, checked) = Checks::new(make(dead.clone()));
        let (wheel, wishes, _) = Wheel::take(&config, client.clone());
        let (reports_out, reports) = mpsc::channel(64);
        let (kept_out, kept) = mpsc::channel(16);
        let (written_out, journal_reports) = mpsc::channel(16);
        let (wrong, bird_conf) = watch::channel(Wrong::default());
        let (told, hearsay) = mpsc::channel(1);
        let (successor, successors) = mpsc::channel(1);
        let (request, requests) = mpsc::channel(1);
        let (drill, drills) = mpsc::channel(1);
        let (apply, applying) = watch::channel(false);
        let (ready_out, ready) = crate::daemon::readiness::not_yet();
        let taken = wishes.subscribe();
        let edges = Edges {
            wheel,
            wishes,
            reports,
            kept,
            keeper: Keeper::spawn(config.site.state_dir.clone(), kept_out),
            journal_reports,
            checks,
            checked,
            senses: Senses::new(&config, client.clone(), Tally::default()),
            bird_conf,
            hearsay,
            ready,
            successors,
            in_force: watch::channel(config.clone()).0,
            requests,
            drills,
            applying,
            link: client.link(),
        };
        let journal = Journal::spawn(config.site.state_dir.clone(), written_out);
        let driver = Driver::new(
            config,
            Clock::start(),
            Found::default(),
            Past::default(),
            journal,
            edges,
        );
        let (snapshot, composed) = (driver.snapshot(), driver.publication.composed());
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(driver.run(async { stopped.await.unwrap_or("dropped") }));
        Self {
            wishes: taken,
            snapshot,
            composed,
            dead,
            reports: reports_out,
            _stop: stop,
            _dir: dir,
            _others: Box::new((wrong, told, successor, request, drill, apply, ready_out)),
        }
    }

    /// BIRD has been read, and announces nothing.
    async fn bird_is_silent(&self, services: usize) {
        let at = Instant::now();
        let silent = SeenService {
            actual: Some(Strength::Off),
            adopt: Some(Strength::Off),
            verified: true,
            ..SeenService::unknown(at)
        };
        let seen = Seen {
            at,
            bird_running_normally: true,
            services: vec![silent; services],
            upstreams: Vec::new(),
            problems: Vec::new(),
        };
        self.reports.send(Report::Seen(seen)).await.unwrap();
    }

    /// Until every service is wanted so.
    async fn until_all(&mut self, strength: Strength) {
        let all = |wishes: &Wishes| wishes.iter().all(|wish| wish.strength == Some(strength));
        tokio::time::timeout(secs(60), self.wishes.wait_for(all))
            .await
            .unwrap()
            .unwrap();
    }
}

/// Checks that pass, and from then on are silent for their time-out.
fn make(dead: Arc<AtomicBool>) -> Make {
    Arc::new(move |_| {
        let dead = dead.clone();
        Box::pin(async move {
            tokio::time::sleep(support::ms(1)).await;
            if dead.load(Ordering::Relaxed) {
                tokio::time::sleep(secs(2)).await;
                return Made::fail("no answer", None);
            }
            Made::pass("answered", Some(support::ms(1)))
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
    let made = |probe: &crate::status::snapshot::Probe| {
        probe
            .last
            .as_ref()
            .is_some_and(|last| last.result == Outcome::Fail)
    };
    assert!(probes.clone().all(made), "none is one that never reported");
    assert_eq!(probes.count(), 500);
}
