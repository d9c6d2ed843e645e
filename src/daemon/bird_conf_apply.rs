//! A new bird.conf into the BIRD that runs (A9): rendered for it, and brought in over the control
//! socket with BIRD's undo timer. When that may begin is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::bird_conf_render::{RenderFailure, rendered, version_of};
use super::instance_lock::lock;
use crate::bird::client::{BirdClient, BirdError};
use crate::bird::lock::LockError;
use crate::bird::parse::{ConfigureReply, ConfigureStatus, ProtocolState};
use crate::bird_conf::LoadTime;
use crate::bird_conf::apply::{ApplyOutcome, ApplyStep, CommandFailure, ProtocolStates, WantedProtocols};
use crate::bird_conf::disk::ConfFile;
use crate::bird_conf::disk::apply::{Applied, ApplyError, Reconfigure, apply};
use crate::bird_conf::disk::parse_check::Parser;
use crate::bird_conf::disk::reading;
use crate::bird_conf::disk::reading::{OTHER_PIDS, not_provable};
use crate::config::Config;

/// How long somebody else's reconfiguration is waited for before BIRD is asked what it reads.
const IDLE_WITHIN: Duration = Duration::from_secs(10);
/// Between two questions whether it is over.
const IDLE_POLL: Duration = Duration::from_millis(500);
/// Why BIRD does not run the new file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyFailure {
    /// Another Falconer drives this BIRD.
    #[error(transparent)]
    Held(#[from] LockError),
    /// The configuration leaves bird.conf alone.
    #[error("there is nothing to apply: without [render], bird.conf is your own")]
    NothingToRender,
    /// There is no BIRD to apply it to.
    #[error("BIRD does not answer on {}; while it is down, `falconer render --write` writes the file", .0.display())]
    NoBird(PathBuf),
    /// It cannot be rendered.
    #[error("bird.conf cannot be rendered\n{0}")]
    NotRendered(#[from] RenderFailure),
    /// It was not begun, and nothing was touched.
    #[error(transparent)]
    NotBegun(#[from] ApplyError),
    /// It was tried.
    #[error("{outcome}{kept}")]
    Ended {
        /// How it ended.
        outcome: ApplyOutcome,
        /// Where the file is that was replaced, in words; empty where none was.
        kept: String,
    },
}

/// A bird.conf that BIRD runs now.
#[derive(Debug)]
pub(crate) struct AppliedFile {
    /// What was done, in words.
    pub(crate) said: String,
    /// Whether anything was.
    pub(crate) changed: bool,
}

/// Applies without a daemon, under the lock that keeps one from starting meanwhile (A10).
///
/// # Errors
/// See [`ApplyFailure`].
pub(crate) async fn apply_alone(
    config: &Config,
    config_file: PathBuf,
    force: bool,
) -> Result<AppliedFile, ApplyFailure> {
    let _lock = lock(config, config_file)?;
    let client = BirdClient::spawn(config.bird.socket.clone(), config.bird.timeout);
    // Without a daemon nobody takes over.
    bring_in(config, config, &client, force, &|| None).await
}

/// Tells whether a takeover or a failback is under way, in words.
pub(crate) type UnderWay<'a> = dyn Fn() -> Option<String> + Sync + 'a;

/// Renders `new` and brings it in; `old` is what BIRD was steered by so far. An apply that was cut
/// short before is ended first: its old file is put back.
///
/// # Errors
/// See [`ApplyFailure`].
pub(crate) async fn bring_in(
    old: &Config,
    new: &Config,
    client: &BirdClient,
    force: bool,
    under_way: &UnderWay<'_>,
) -> Result<AppliedFile, ApplyFailure> {
    let settings = new.render.as_ref().ok_or(ApplyFailure::NothingToRender)?;
    let version = version_of(client).await;
    let version = version.ok_or_else(|| ApplyFailure::NoBird(new.bird.socket.clone()))?;
    let text = rendered(new, settings, &version)?;
    let file = ConfFile::new(settings, &new.site, &new.bird);
    // With `force` a file that somebody changed after the interruption is overwritten anyway.
    recover(&file)
        .await
        .map(drop)
        .or_else(|error| if force { Ok(()) } else { Err(error) })?;
    let plan = WantedProtocols::of(new, settings.confirm_within);
    let bird = RunningBird::new(client, old, new, under_way);
    let parser = Parser::new(&new.bird.binary, new.bird.timeout);
    let applied = apply(&file, &parser, &bird, plan, text, force, tell).await?;
    let path = file.path().display();
    match applied {
        Applied::Unchanged => Ok(AppliedFile {
            said: format!("{path} is already up to date"),
            changed: false,
        }),
        Applied::Ended { outcome, replaced } => {
            let kept = replaced.map_or_else(String::new, |kept| {
                format!(
                    "; what stood in {path}, which BIRD had not read, is kept in {}",
                    kept.display()
                )
            });
            match outcome {
                ApplyOutcome::Applied => Ok(AppliedFile {
                    said: format!("{path}: {}{kept}", ApplyOutcome::Applied),
                    changed: true,
                }),
                ApplyOutcome::NotStarted { .. }
                | ApplyOutcome::Refused { .. }
                | ApplyOutcome::Undone { .. }
                | ApplyOutcome::Unclear { .. }
                | ApplyOutcome::FileStays { .. } => Err(ApplyFailure::Ended { outcome, kept }),
            }
        }
    }
}

/// Ends an apply that was cut short; true if there was one.
pub(crate) async fn recover(file: &ConfFile) -> Result<bool, ApplyError> {
    let file = file.clone();
    let recovered = spawn_blocking(move || file.recover()).await;
    Ok(recovered.map_err(|error| crate::bird_conf::disk::WriteError::Io(error.into()))??)
}

/// Logs the steps that change something.
fn tell(step: &ApplyStep) {
    let only_looks = matches!(
        step,
        ApplyStep::Wait(_) | ApplyStep::AskStatus | ApplyStep::Look | ApplyStep::Done(_)
    );
    if !only_looks {
        tracing::info!(?step, rule = "A9", "next step of the apply");
    }
}

/// The BIRD that runs.
struct RunningBird<'a> {
    client: BirdClient,
    under_way: &'a UnderWay<'a>,
    /// The path that BIRD reads, and its process.
    read_by: OnceCell<(PathBuf, i32)>,
    run_dir: PathBuf,
    /// Our static protocols.
    statics: BTreeSet<String>,
    /// Which prefix goes to which upstream, and the static protocols that it may come from.
    carries: BTreeMap<(IpNet, String), BTreeSet<String>>,
}

impl<'a> RunningBird<'a> {
    /// What either configuration announces is looked at: names may change with the new one.
    fn new(client: &BirdClient, old: &Config, new: &Config, under_way: &'a UnderWay<'a>) -> Self {
        let (mut statics, mut carries) = (BTreeSet::new(), BTreeMap::<_, BTreeSet<String>>::new());
        for config in [old, new] {
            for service in &config.services {
                let own = service.statics();
                let own: BTreeSet<_> = own.map(|fixed| fixed.name.clone()).collect();
                for upstream in &service.upstreams {
                    for prefix in service.announced_prefixes() {
                        let from = carries.entry((prefix, upstream.clone())).or_default();
                        from.extend(own.iter().cloned());
                    }
                }
                statics.extend(own);
            }
        }
        Self {
            client: client.clone(),
            under_way,
            read_by: OnceCell::new(),
            run_dir: new.site.run_dir.clone(),
            statics,
            carries,
        }
    }

    /// Which file BIRD reads, and the process that does. BIRD parses it to answer that, so it is asked
    /// only while nothing else is in progress.
    async fn read_by(&self) -> Result<(PathBuf, i32), String> {
        let give_up = Instant::now() + IDLE_WITHIN;
        loop {
            let status = self
                .client
                .configure_status()
                .await
                .map_err(|error| error.to_string())?;
            if !status.in_progress && !status.shutting_down && status.undo_in.is_none() {
                break;
            }
            if Instant::now() >= give_up {
                let why = "another reconfiguration is in progress, or waits to be confirmed (`birdc configure status`)";
                return Err(why.to_owned());
            }
            sleep(IDLE_POLL).await;
        }
        let path = self.client.configuration_file().await;
        let path = path.map_err(|error| format!("BIRD does not say which file it reads: {error}"))?;
        let pid = self.client.link().borrow().pid.filter(|pid| *pid > 0);
        let pid = pid.ok_or_else(|| not_provable(&path, OTHER_PIDS))?;
        Ok((path, pid))
    }

    /// Whether the upstream is really sent the prefix, from one of these protocols.
    async fn exported(
        &self,
        prefix: IpNet,
        upstream: &str,
        from: &BTreeSet<String>,
    ) -> Result<bool, BirdError> {
        match self.client.show_route_exported(prefix, upstream).await {
            Ok(routes) => Ok(routes.iter().any(|route| from.contains(&route.protocol))),
            Err(BirdError::SessionDown { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Reconfigure for RunningBird<'_> {
    async fn reads(&self, file: &Path) -> Result<(), String> {
        let (path, pid) = self.read_by.get_or_try_init(|| self.read_by()).await?;
        let (path, pid, file) = (path.clone(), *pid, file.to_owned());
        let compared = spawn_blocking(move || reading::is_read(pid, &path, &file));
        compared.await.map_err(|error| error.to_string())?
    }

    async fn load(&self) -> Result<Option<LoadTime>, CommandFailure> {
        load(&self.client).await.map_err(trouble)
    }

    async fn unread_include(&self, file: &Path, load: LoadTime) -> Option<PathBuf> {
        let (_, pid) = *self.read_by.get()?;
        let (file, state_files) = (file.to_owned(), self.run_dir.join("bird"));
        let found = spawn_blocking(move || reading::changed_include(pid, &file, &state_files, load.at));
        found.await.ok().flatten()
    }

    fn calm(&self) -> Result<(), String> {
        (self.under_way)().map_or(Ok(()), Err)
    }

    async fn status(&self) -> Result<ConfigureStatus, CommandFailure> {
        self.client.configure_status().await.map_err(trouble)
    }

    async fn look(&self) -> Result<ProtocolStates, CommandFailure> {
        let mut look = ProtocolStates::default();
        for protocol in self.client.show_protocols().await.map_err(trouble)? {
            let up = protocol.state == ProtocolState::Up;
            if up && protocol.is_established() {
                look.established.insert(protocol.name);
            } else if up && self.statics.contains(&protocol.name) {
                look.up.insert(protocol.name);
            }
        }
        for ((prefix, upstream), from) in &self.carries {
            let worth_asking = look.established.contains(upstream) && !from.is_disjoint(&look.up);
            if worth_asking && self.exported(*prefix, upstream, from).await.map_err(trouble)? {
                look.exported.insert((*prefix, upstream.clone()));
            }
        }
        Ok(look)
    }

    async fn configure_running(&self) -> Result<ConfigureReply, CommandFailure> {
        self.client.configure().await.map_err(trouble)
    }

    async fn configure(&self, within: Duration) -> Result<ConfigureReply, CommandFailure> {
        self.client.configure_timeout(within).await.map_err(trouble)
    }

    async fn confirm(&self) -> Result<ConfigureReply, CommandFailure> {
        self.client.configure_confirm().await.map_err(trouble)
    }

    async fn undo(&self) -> Result<ConfigureReply, CommandFailure> {
        self.client.configure_undo().await.map_err(trouble)
    }
}

/// When BIRD last read its file; `None` where its times cannot be read.
pub(crate) async fn load(client: &BirdClient) -> Result<Option<LoadTime>, BirdError> {
    let asked = Timestamp::now();
    let status = client.show_status().await?;
    let (now, zone) = (Timestamp::now(), TimeZone::system());
    let times = status.server_time.zip(status.last_reconfiguration);
    Ok(times
        .and_then(|(server, loaded)| LoadTime::of(&server, &loaded, now, &zone))
        .map(|load| load.asked_at(asked)))
}

/// Whether a command without an answer may have been carried out.
fn trouble(error: BirdError) -> CommandFailure {
    let why = error.to_string();
    if error.may_be_done() {
        CommandFailure::Unknown(why)
    } else {
        CommandFailure::NotDone(why)
    }
}
