//! A BIRD that misbehaves on demand, a run_dir, and steering between them; and what all tests here
//! use, for them to import at once.

pub(crate) use std::os::unix::fs::PermissionsExt;
pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::time::Duration;

pub(crate) use falconer::bird::reconcile::{ReconcileTarget, ReconcilerConfig, Repeated, TransitionStage};
pub(crate) use falconer::config::model::Family;
pub(crate) use falconer::core::Strength;
pub(crate) use falconer::model::snapshot::AlarmCode;
pub(crate) use falconer_lab::fake_bird::daemon::{Kind, Learned};
pub(crate) use falconer_lab::fake_bird::{Daemon, FakeBird, Fault};
pub(crate) use falconer_lab::reconciler::{Drive, problem, protocol, setup, web};
pub(crate) use tempfile::TempDir;
pub(crate) use tokio::time::{Instant, sleep, timeout};

pub(crate) const V4: &str = "198.51.100.0/24";
pub(crate) const V6: &str = "2001:db8:5100::/48";
pub(crate) const POLL: Duration = Duration::from_millis(300);
/// Short, so that a BIRD that hangs is given up soon.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) bird: FakeBird,
}

/// A BIRD with web_v4, its drain and an upstream.
pub(crate) fn daemon() -> Daemon {
    let mut daemon = Daemon::new("2.0.12")
        .with_static("web_v4", &[V4])
        .with_static("web_v4_drain", &[V4])
        .with_bgp("isp_upstream", "203.0.113.1", &["ipv4", "ipv6"]);
    drain_preference(&mut daemon, "web_v4_drain");
    daemon
}

/// The service's prefix, from another protocol.
pub(crate) fn learned(protocol: &str) -> Learned {
    Learned {
        prefix: V4.parse().expect("a prefix"),
        protocol: protocol.to_owned(),
        as_path: Vec::new(),
        next_hop: "203.0.113.9".parse().expect("an address"),
        communities: Vec::new(),
        large_communities: Vec::new(),
    }
}

pub(crate) fn drain_preference(daemon: &mut Daemon, name: &str) {
    if let Kind::Static { preference, .. } = &mut daemon.protocol(name).kind {
        *preference = 190;
    }
}

/// The same in both families.
pub(crate) fn both_families() -> (Daemon, ReconcileTarget) {
    let mut daemon = daemon()
        .with_static("web_v6", &[V6])
        .with_static("web_v6_drain", &[V6]);
    drain_preference(&mut daemon, "web_v6_drain");
    let mut target = web();
    target.full.push(protocol("web_v6", Family::V6, &[V6]));
    target.drain.push(protocol("web_v6_drain", Family::V6, &[V6]));
    (daemon, target)
}

impl Place {
    pub(crate) fn new(daemon: Daemon) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let bird = FakeBird::start(&dir.path().join("bird.ctl"), daemon);
        Self { dir, bird }
    }

    pub(crate) fn setup(&self, targets: Vec<ReconcileTarget>) -> ReconcilerConfig {
        setup(targets, &self.dir.path().join("run"), self.bird.socket(), POLL)
    }

    pub(crate) fn file(&self, protocol: &str) -> PathBuf {
        self.dir.path().join(format!("run/bird/{protocol}.conf"))
    }

    pub(crate) fn says(&self, protocol: &str) -> Option<String> {
        std::fs::read_to_string(self.file(protocol)).ok()
    }

    pub(crate) fn is_up(&self, protocol: &str) -> bool {
        self.bird.with(|daemon| daemon.protocol(protocol).enabled)
    }

    /// Steering of one target, brought to a strength and seen there.
    pub(crate) async fn brought_to(&self, target: ReconcileTarget, strength: Strength) -> Drive {
        let mut drive = Drive::start(self.setup(vec![target]), PATIENCE);
        drive.seen("BIRD", |service, _| service.actual.is_some()).await;
        drive.intent(0, strength);
        drive.verified(strength).await;
        drive
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

pub(crate) fn add_route(place: &Place, protocol: &str, route: &str) {
    place.bird.with(|daemon| {
        if let Kind::Static { routes, .. } = &mut daemon.protocol(protocol).kind {
            routes.push(route.parse().expect("a prefix"));
        }
    });
}

/// Waits for what only the other side shows.
pub(crate) async fn until(what: &str, is_it: impl Fn() -> bool) {
    let wait = async {
        while !is_it() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        timeout(falconer_lab::reconciler::PATIENCE, wait).await.is_ok(),
        "{what} did not come"
    );
}
