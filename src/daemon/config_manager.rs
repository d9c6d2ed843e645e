//! The two files, falconer.toml and bird.conf, while the daemon runs: bird.conf is put in place at
//! the start, held against what would be rendered and against what BIRD runs, and brought into BIRD
//! when an operator asks; a changed falconer.toml is gone over to. Judging goes on meanwhile.

mod admin;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::bird_conf_render::RenderFailure;
use super::bird_conf_watch::{BirdConfFile, BirdConfProblems, OurAnnouncement, PlacedFile, PreparedFile};
use super::in_transition;
use crate::api::{CommandReply, OperatorRequest, Refusal};
use crate::bird::client::{BirdClient, ConnectionStatus};
use crate::bird_conf::Freshness;
use crate::config::Config;
use crate::model::Snapshot;
use crate::model::command::FilesCommand;
use crate::model::history::HistoryEvent;
use crate::model::time::Moment;
use crate::systemd;

/// How often the file is held against what would be rendered, and BIRD against the file: a human's
/// edit is nothing that a second matters for.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long the start waits for the disks: BIRD waits with it.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// How long the apply of the start waits for a takeover or a failback to come to its end.
const CALM_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks whether it has.
const CALM_POLL: Duration = Duration::from_secs(1);

/// What the keeping of the files is connected with.
pub(crate) struct ConfigManagerChannels {
    /// The configuration in force.
    pub(crate) in_force: watch::Receiver<Arc<Config>>,
    /// Where the driver takes another one.
    pub(crate) successors: mpsc::Sender<NewConfig>,
    /// What the services do.
    pub(crate) snapshot: watch::Receiver<Arc<Snapshot>>,
    /// What is wrong with bird.conf.
    pub(crate) wrong: watch::Sender<BirdConfProblems>,
    /// For the history.
    pub(crate) told: mpsc::Sender<HistoryEvent>,
    /// Whether bird.conf is being brought into BIRD: no drill begins then.
    pub(crate) applying: watch::Sender<bool>,
}

/// A configuration that the driver is to go over to. It is right, and takes no restart.
#[derive(Debug)]
pub(crate) struct NewConfig {
    /// The configuration.
    pub(crate) config: Arc<Config>,
    /// Told when it is in force, or why it is not gone over to now.
    pub(crate) done: oneshot::Sender<Result<(), String>>,
}

/// The files, from the start of the daemon to its end.
pub(crate) struct ConfigManager {
    config_file: PathBuf,
    client: BirdClient,
    ends: ConfigManagerChannels,
    /// What bird.conf is held against: what this renders. It is the configuration in force, or the
    /// one that was applied since.
    renders: Arc<Config>,
    /// Whether the start's part is done: bird.conf is in place, or stays as it is.
    placed: bool,
    /// Why it was not brought in when that was last tried, for as long as the file is not what we
    /// would render.
    failed: Option<String>,
    /// What BIRD read last.
    loaded: Freshness,
    start: Instant,
}

impl ConfigManager {
    /// Nothing is touched yet.
    pub(crate) fn new(config_file: PathBuf, client: BirdClient, ends: ConfigManagerChannels) -> Self {
        let renders = ends.in_force.borrow().clone();
        Self {
            config_file,
            client,
            ends,
            renders,
            placed: false,
            failed: None,
            loaded: Freshness::default(),
            start: Instant::now(),
        }
    }

    /// Goes on until it is dropped; an apply under way is left to BIRD's undo timer then, and the
    /// next start puts the old file back. `at_start` is what was rendered then.
    pub(crate) async fn run(
        mut self,
        at_start: PreparedFile,
        mut commands: mpsc::Receiver<OperatorRequest<FilesCommand>>,
        mut hangup: Signal,
    ) {
        let to_apply = self.hold_at_start(at_start).await;
        if to_apply {
            one_at_a_time(&mut commands, self.apply_at_start()).await;
        }
        let (mut link, mut bird) = (self.client.link(), None);
        loop {
            tokio::select! {
                // What a BIRD that has just started runs is what is on disk: that is looked at before
                // somebody changes it.
                () = is_another(&mut link, &mut bird) => {
                    if self.look().await {
                        one_at_a_time(&mut commands, self.apply_at_start()).await;
                    }
                }
                Some(OperatorRequest { command, actor, answer }) = commands.recv() => {
                    let result = one_at_a_time(&mut commands, self.carry_out(command, &actor)).await;
                    // The operator may have gone away; what came of it stands in the history.
                    drop(answer.send(result.map(CommandReply::Said)));
                }
                // It has told everybody how it went.
                Some(()) = hangup.recv() => drop(self.reload(None).await),
                () = sleep(LOOK_EVERY) => {
                    if self.look().await {
                        one_at_a_time(&mut commands, self.apply_at_start()).await;
                    }
                }
            }
        }
    }

    /// BIRD starts when we are ready: with a bird.conf that was just rendered, if the disk lets us; but
    /// it is not kept waiting for a disk that hangs.
    async fn hold_at_start(&mut self, at_start: PreparedFile) -> bool {
        let mut holding = pin!(self.hold(Ok(at_start)));
        if let Ok(to_apply) = timeout(READY_WITHIN, &mut holding).await {
            systemd::ready();
            return to_apply;
        }
        tracing::error!("the disk does not answer: bird.conf is checked when it does");
        systemd::ready();
        holding.await
    }

    /// Holds the file against what would be rendered now, with the templates, the passwords and the
    /// BIRD that are there now. True: as [`Self::hold`].
    async fn look(&mut self) -> bool {
        let prepared = BirdConfFile::prepare(&self.renders, &self.client).await;
        self.hold(prepared).await
    }

    /// Holds the file against this, and BIRD against the file. What could not be put in place at the
    /// start is so as soon as it can. True: that takes bringing BIRD to it.
    async fn hold(&mut self, prepared: Result<PreparedFile, RenderFailure>) -> bool {
        let (mut wrong, mut to_apply) = (BirdConfProblems::default(), false);
        match prepared {
            Ok(PreparedFile::UsersOwn) => self.placed = true,
            Ok(PreparedFile::NoVersion(why)) => wrong.file = Some(why),
            Ok(PreparedFile::Ready(bird_conf)) => {
                (wrong.file, to_apply) = self.place_or_look(&bird_conf).await;
                let start = self.start;
                let asked = || Moment::new(start.elapsed());
                wrong.running = bird_conf.look_at_bird(&mut self.loaded, asked).await;
            }
            Err(error) => wrong.file = Some(error.in_short()),
        }
        self.failed = self.failed.take().filter(|_| wrong.file.is_some());
        wrong.file = wrong.file.map(|drift| match &self.failed {
            Some(failed) if *failed != drift => format!("{drift}; the last try: {failed}"),
            Some(_) | None => drift,
        });
        self.ends.wrong.send_if_modified(|before| {
            let changed = *before != wrong;
            *before = wrong;
            changed
        });
        to_apply
    }

    async fn place_or_look(&mut self, bird_conf: &BirdConfFile) -> (Option<String>, bool) {
        if self.placed {
            return (bird_conf.look().await, false);
        }
        self.placed = true;
        match bird_conf.place().await {
            PlacedFile::Settled(wrong) => (wrong, false),
            PlacedFile::Refused(why) => {
                self.failed = Some(why);
                (bird_conf.look().await, false)
            }
            PlacedFile::ToApply(wrong) => (Some(wrong), true),
        }
    }

    async fn apply_at_start(&mut self) {
        let give_up = Instant::now() + CALM_WITHIN;
        while self.under_way().is_some() {
            if Instant::now() >= give_up {
                return;
            }
            sleep(CALM_POLL).await;
        }
        let config = self.in_force();
        if let OurAnnouncement::Silent = OurAnnouncement::of(&config, &self.client).await {
            // It has told everybody how it went.
            drop(self.apply(&config, false, None).await);
        }
    }

    /// The driver takes these in between two facts; when it has not for that many, it has other
    /// troubles, and the log has this one.
    fn tell(&self, what: HistoryEvent) {
        drop(self.ends.told.try_send(what));
    }

    fn under_way(&self) -> Option<String> {
        in_transition::under_way(&self.ends.snapshot.borrow(), Timestamp::now())
    }

    fn in_force(&self) -> Arc<Config> {
        self.ends.in_force.borrow().clone()
    }
}

/// Waits until another BIRD than `before` answers. May be cancelled.
async fn is_another(link: &mut watch::Receiver<ConnectionStatus>, before: &mut Option<i32>) {
    let another = link
        .wait_for(|link| link.pid.is_some() && link.pid != *before)
        .await;
    match another.map(|link| link.pid) {
        Ok(pid) => *before = pid,
        // The connection's task is gone: so will be its caller.
        Err(_) => std::future::pending().await,
    }
}

/// Does it, and refuses every other command that comes meanwhile.
async fn one_at_a_time<T>(
    commands: &mut mpsc::Receiver<OperatorRequest<FilesCommand>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(other) = commands.recv() => {
                let said = "another apply or reload is under way; ask again when it is done".to_owned();
                drop(other.answer.send(Err(Refusal::NotNow(said))));
            }
        }
    }
}
