//! The lab: three sites with real BGP speakers in network namespaces, faults to happen to them, and
//! observers who say what was seen and when. One definition for the tests, the demo and the benchmark.
//!
//! [`networks`] has the same sites behind two ISPs, to see what the clients of each lose.
//!
//! Beside it stands what takes less than a whole lab: [`two_birds`], a BIRD and its upstream;
//! [`probed_site`], three hosts in a row for probes; [`fake_bird`], a BIRD that misbehaves on demand;
//! [`reconciler`], which lets a test steer any of these BIRDs. All use [`netns`], [`bird`] and [`process`].
//!
//! A test in ten lines:
//!
//! ```ignore
//! #[test]
//! fn a_dead_primary_is_taken_over() {
//!     falconer_lab::isolated(|| {
//!         let lab = Lab::start(&Plan::default())?;
//!         let mark = lab.capture.mark()?;
//!         let cut = lab.power_cut(Host::Cn)?;
//!         let seen = lab.capture.announced(Host::Hk, PREFIX4, mark, Duration::from_secs(9))?;
//!         assert!(wait::between(cut, seen.at) < Duration::from_secs(9));
//!         Ok(())
//!     });
//! }
//! ```
//!
//! It takes root, BIRD, FRR, iproute2, nftables, tcpdump and util-linux (see scripts/setup-lab).

pub mod topology;
pub mod wait;

pub mod isolate;
pub mod netns;
pub mod process;

pub mod bird;
pub mod bird_conf;
pub mod falconer;
pub mod frr;
pub mod upstream;

pub mod draw;
pub mod faults;
pub mod hostile;
pub mod http;
pub mod slow;

pub mod bgp;
pub mod capture;
pub mod client;
pub mod crowd;
pub mod measure;
pub mod packets;

pub mod networks;

pub mod fake_bird;
pub mod probed_site;
pub mod reconciler;
pub mod two_birds;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use ::falconer::model::snapshot::{ProbeState, Strength};
use anyhow::{Context, Result, bail};

pub use self::falconer::{BirdConf, Cadence, Falconer, Settings};
pub use self::isolate::isolated;
pub use self::topology::{Host, PREFIX4, PREFIX6, SERVICE4, SERVICE6};
pub use self::upstream::Flavour;

use self::bird::Bird;
use self::capture::Capture;
use self::client::Client;
use self::faults::Loss;
use self::netns::Netns;
use self::process::Process;
use self::slow::SlowWay;
use self::upstream::Upstream;

/// How long the sessions may take to come up.
pub const SESSIONS: Duration = Duration::from_secs(30);

/// What a lab is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The upstream's BGP.
    pub upstream: Flavour,
    /// In front of every namespace's name; several labs can stand side by side.
    pub prefix: String,
    /// Where its files go.
    pub base: PathBuf,
    /// How Falconer steers the primary; `None`: the primary announces for as long as it lives.
    pub primary: Option<Settings>,
    /// Whether the primary has a session with BFD to the standby.
    pub bfd: bool,
    /// Answers of the primary to the standby take 300 ms to 1.5 s; the seed of the times.
    pub slow: Option<u64>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            upstream: Flavour::Bird,
            prefix: String::new(),
            base: PathBuf::from(isolate::BASE),
            primary: None,
            bfd: false,
            slow: None,
        }
    }
}

impl Plan {
    /// With this upstream.
    pub fn with(upstream: Flavour) -> Self {
        Self {
            upstream,
            ..Self::default()
        }
    }
}

/// A running lab. Its programs end when it is dropped.
#[derive(Debug)]
pub struct Lab {
    /// What was seen at the upstream's interfaces.
    pub capture: Capture,
    /// The upstream.
    pub upstream: Upstream,
    /// The primary's BIRD.
    pub primary: Bird,
    /// The standby's BIRD.
    pub standby: Bird,
    /// The primary's Falconer, where the plan has one.
    pub primary_falconer: Option<Falconer>,
    /// The slow way between the sites, where the plan has one.
    pub slow: Option<SlowWay>,
    services: HashMap<Host, Process>,
    plan: Plan,
}

impl Lab {
    /// Starts everything but Falconer, with the standby's bird.conf written by hand, and waits until
    /// all sessions stand and the upstream has the primary's routes.
    pub fn start(plan: &Plan) -> Result<Self> {
        let mut lab = Self::prepare(plan)?;
        lab.standby
            .configure_with(&bird_conf::steered(Host::Hk, &lab.run_dir(Host::Hk)))?;
        lab.standby.start()?;
        lab.until_sessions(Host::Hk)?;
        Ok(lab)
    }

    /// Starts everything, and waits for nothing that the standby's Falconer finds.
    pub fn watch(plan: &Plan, settings: &Settings) -> Result<(Self, Falconer)> {
        let mut lab = Self::prepare(plan)?;
        let falconer = lab.steer(settings)?;
        Ok((lab, falconer))
    }

    /// Starts everything, and waits until the standby's Falconer found the primary well.
    pub fn stand_by(plan: &Plan, settings: &Settings) -> Result<(Self, Falconer)> {
        let (lab, falconer) = Self::watch(plan, settings)?;
        falconer.until("watch over a living primary", SESSIONS, |service| {
            service.want == Strength::Off
                && service.actual == Strength::Off
                && service.probes.iter().all(|probe| probe.state == ProbeState::Up)
        })?;
        Ok((lab, falconer))
    }

    /// Starts a site's BIRD and the Falconer that steers it.
    fn steer(&mut self, settings: &Settings) -> Result<Falconer> {
        let host = settings.host;
        let mut falconer = self.falconer(settings)?;
        match settings.bird_conf_by() {
            BirdConf::Attached => {
                // To a BIRD that runs already.
                let peer = if self.plan.bfd {
                    bird_conf::watch_with_bfd(host)
                } else {
                    String::new()
                };
                let text = bird_conf::steered(host, &self.run_dir(host)) + &peer;
                self.bird_mut(host).configure_with(&text)?;
                self.bird_mut(host).start()?;
                self.until_sessions(host)?;
                falconer.start()?;
            }
            BirdConf::Rendered => {
                // It writes bird.conf for a BIRD that is not there yet.
                falconer.start()?;
                let file = self.bird_mut(host).configuration();
                wait::until_true("rendered bird.conf", SESSIONS, || Ok(file.exists()))?;
                self.bird_mut(host).start()?;
                self.until_sessions(host)?;
            }
        }
        Ok(falconer)
    }

    fn bird_mut(&mut self, host: Host) -> &mut Bird {
        if host == Host::Cn {
            &mut self.primary
        } else {
            &mut self.standby
        }
    }

    /// A Falconer with these settings, configured and not started.
    pub fn falconer(&self, settings: &Settings) -> Result<Falconer> {
        Falconer::new(
            &self.namespace(settings.host),
            &self.directory(settings.host),
            settings,
        )
    }

    /// The same without the standby's BIRD, whose configuration somebody else writes.
    pub fn prepare(plan: &Plan) -> Result<Self> {
        netns::build(&plan.prefix)?;
        let namespace = |host| Netns::of(&plan.prefix, host);
        let directory = |host: Host| plan.base.join(host.name());
        let capture = Capture::start(&namespace(Host::Isp))?;
        let upstream = Upstream::start(plan.upstream, &namespace(Host::Isp), &directory(Host::Isp))?;
        let primary = Bird::new(&namespace(Host::Cn), &directory(Host::Cn))?;
        let standby = Bird::new(&namespace(Host::Hk), &directory(Host::Hk))?;
        let slow = plan.slow.map(|seed| SlowWay::build(&namespace(Host::Isp), seed));
        let services = HashMap::new();
        let mut lab = Self {
            capture,
            upstream,
            primary,
            standby,
            primary_falconer: None,
            slow: slow.transpose()?,
            services,
            plan: plan.clone(),
        };
        for host in [Host::Cn, Host::Hk] {
            // As systemd makes them for the daemon.
            std::fs::create_dir_all(lab.run_dir(host))?;
            std::fs::create_dir_all(lab.state_dir(host))?;
            lab.start_service(host)?;
        }
        lab.start_primary()?;
        for prefix in [PREFIX4, PREFIX6] {
            lab.upstream.until_sites(prefix, &[Host::Cn], SESSIONS)?;
        }
        Ok(lab)
    }

    fn start_primary(&mut self) -> Result<()> {
        if let Some(settings) = self.plan.primary.clone() {
            let falconer = self.steer(&settings)?;
            falconer.until("announcement by the primary", SESSIONS, |service| {
                service.verified_at.is_some()
            })?;
            self.primary_falconer = Some(falconer);
            return Ok(());
        }
        let peer = if self.plan.bfd {
            bird_conf::watch_with_bfd(Host::Cn)
        } else {
            String::new()
        };
        self.primary.configure_with(&(bird_conf::primary() + &peer))?;
        self.primary.start()?;
        self.until_sessions(Host::Cn)
    }

    /// A host's namespace.
    pub fn namespace(&self, host: Host) -> Netns {
        Netns::of(&self.plan.prefix, host)
    }

    /// Where a host's files are.
    pub fn directory(&self, host: Host) -> PathBuf {
        self.plan.base.join(host.name())
    }

    /// A Falconer's run_dir.
    pub fn run_dir(&self, host: Host) -> PathBuf {
        self.directory(host).join("run")
    }

    /// A Falconer's state_dir.
    pub fn state_dir(&self, host: Host) -> PathBuf {
        self.directory(host).join("state")
    }

    /// Waits until both sessions of a site stand.
    pub fn until_sessions(&self, host: Host) -> Result<()> {
        let bird = if host == Host::Cn {
            &self.primary
        } else {
            &self.standby
        };
        for session in ["isp_upstream", "isp_upstream6"] {
            wait::until(&format!("session {session} of {host}"), SESSIONS, || {
                Ok(bird.established(session)?.then_some(()))
            })?;
        }
        if self.plan.bfd && host == Host::Hk {
            wait::until_true("BFD between the sites", SESSIONS, || {
                Ok(bird.birdc("show bfd sessions")?.contains(" Up "))
            })?;
        }
        Ok(())
    }

    /// An error if the slow way between the sites broke, or if there is none.
    pub fn must_be_slow(&self) -> Result<()> {
        self.slow
            .as_ref()
            .context("the plan has no slow way")?
            .must_work()
    }

    /// Starts a client of the service's address.
    pub fn client(&self, address: impl Into<IpAddr>) -> Client {
        Client::start(&self.namespace(Host::Client), address.into())
    }

    /// Silence: to everybody else, this host lost its power. Returns when.
    pub fn power_cut(&self, host: Host) -> Result<SystemTime> {
        faults::silence(&self.namespace(Host::Isp), &self.namespace(host), host)
    }

    /// Undoes [`Self::power_cut`], and returns when.
    pub fn power_back(&self, host: Host) -> Result<SystemTime> {
        faults::heal(&self.namespace(Host::Isp), &self.namespace(host), host)
    }

    /// Starts losing some packets, and returns when.
    pub fn lose(&self, loss: Loss) -> Result<SystemTime> {
        faults::lose(&self.namespace(Host::Isp), loss)
    }

    /// Stops losing them, and returns when.
    pub fn find_again(&self, loss: Loss) -> Result<SystemTime> {
        faults::find_again(&self.namespace(Host::Isp), loss)
    }

    /// Takes a host's carrier, and returns when.
    pub fn unplug(&self, host: Host) -> Result<SystemTime> {
        faults::carrier(&self.namespace(Host::Isp), host, false)
    }

    /// Gives it back, and returns when.
    pub fn plug_in(&self, host: Host) -> Result<SystemTime> {
        faults::carrier(&self.namespace(Host::Isp), host, true)
    }

    /// Starts a site's HTTP service.
    pub fn start_service(&mut self, host: Host) -> Result<()> {
        let service = http::start(&self.namespace(host), host, &self.directory(host))?;
        self.services.insert(host, service);
        Ok(())
    }

    /// Makes a site's HTTP service answer everything with this status, or as it should.
    pub fn answer_with(&self, host: Host, status: Option<u16>) -> Result<()> {
        let file = self.directory(host).join("http-status");
        match status {
            Some(status) => std::fs::write(&file, status.to_string()),
            None => std::fs::remove_file(&file),
        }
        .with_context(|| format!("changing {}", file.display()))
    }

    /// Kills a site's HTTP service: connections are refused, the host answers pings.
    pub fn kill_service(&mut self, host: Host) -> Result<SystemTime> {
        let service = self.services.remove(&host).context("the service does not run")?;
        let at = wait::now();
        service.kill()?;
        Ok(at)
    }

    /// A site's HTTP service, to be stopped (it hangs) and continued with signals.
    pub fn service(&self, host: Host) -> Result<&Process> {
        self.services.get(&host).context("the service does not run")
    }

    /// Leaves everything running after we are gone.
    pub fn let_go(mut self) {
        self.upstream.let_go();
        self.primary_falconer.into_iter().for_each(Falconer::let_go);
        self.primary.let_go();
        self.standby.let_go();
        self.services.drain().for_each(|(_, service)| service.let_go());
    }
}

/// Runs a program; an error with what it said if it fails.
pub fn run(program: &str, arguments: &[&str]) -> Result<String> {
    output_of(Command::new(program).args(arguments))
}

/// A command's output; an error with what it said if it fails.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}\n{text}{errors}", output.status);
    }
    Ok(text)
}
