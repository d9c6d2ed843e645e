//! The task that owns the connection. It ends when the last [`super::BirdClient`] is dropped, and then
//! only after the answer to the command in flight: BIRD forgets what it reads too late.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::connection::{ConnectError, Connection};
use super::connection_status::ConnectionStatus;
use super::queue::{CommandQueue, QueuedCommand};
use crate::bird::command::BirdCommand;
use crate::bird::error::BirdError;
use crate::bird::reply::BirdReply;
use crate::bird::version::BirdVersion;
use crate::metrics::{BirdCommandCounts, SharedCounters};
use crate::model::snapshot::BirdState;

/// The pause before the second attempt; the first follows at once, because a restart of BIRD is
/// over in a moment.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause: how late a BIRD that comes back may be noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A connection that lasted this long was a good one: whatever ended it is news, and the next attempt
/// follows at once. One that breaks after a few answers, again and again, is not worth a tight loop.
const GOOD_AFTER: Duration = LONGEST_PAUSE;

/// The task's state.
#[derive(Debug)]
pub(crate) struct ConnectionTask {
    pub(crate) socket: PathBuf,
    pub(crate) patience: Duration,
    pub(crate) requests: mpsc::Receiver<QueuedCommand>,
    pub(crate) link: watch::Sender<ConnectionStatus>,
    pub(crate) queue: CommandQueue,
    /// Before the next attempt. Zero again after a connection that lasted.
    pub(crate) pause: Duration,
    pub(crate) commands: SharedCounters<BirdCommandCounts>,
}

/// No handle is left.
struct ClientsGone;

impl ConnectionTask {
    /// Runs until no handle is left.
    pub(crate) async fn run(mut self) {
        while let Ok(trouble) = self.one_connection().await {
            self.lost(trouble);
            if self.rest().await.is_err() {
                return;
            }
        }
    }

    /// From connecting to what ended it.
    async fn one_connection(&mut self) -> Result<ConnectError, ClientsGone> {
        match self.open().await? {
            Ok((connection, version)) => {
                self.greeted(version, connection.pid());
                let since = Instant::now();
                let ended = self.serve(connection).await;
                if since.elapsed() >= GOOD_AFTER {
                    self.pause = Duration::ZERO;
                }
                ended
            }
            Err(trouble) => Ok(trouble),
        }
    }

    /// Before the first attempt has ended callers wait for it; later they are told at once.
    async fn open(&mut self) -> Result<Result<(Connection, Option<BirdVersion>), ConnectError>, ClientsGone> {
        let socket = self.socket.clone();
        let mut opening = std::pin::pin!(Connection::open(&socket, self.patience));
        loop {
            tokio::select! {
                opened = &mut opening => return Ok(opened),
                request = self.requests.recv() => self.take(request.ok_or(ClientsGone)?),
            }
        }
    }

    async fn serve(&mut self, mut connection: Connection) -> Result<ConnectError, ClientsGone> {
        loop {
            let Some(asked) = self.queue.pop() else {
                // The end of the connection first: a command that comes with it was not sent.
                tokio::select! {
                    biased;
                    trouble = connection.idle() => return Ok(trouble),
                    request = self.requests.recv() => self.take(request.ok_or(ClientsGone)?),
                }
                continue;
            };
            let since = Instant::now();
            match self.ask(&mut connection, &asked.question).await {
                Ok(reply) => {
                    self.commands
                        .count(|commands| commands.answered(asked.question.words(), since.elapsed()));
                    asked.answer(Ok(Arc::new(reply)));
                }
                Err((error, trouble)) => {
                    if let Some(why) = error.silence() {
                        self.commands
                            .count(|commands| commands.failed(asked.question.words(), why));
                    }
                    asked.answer(Err(error));
                    return Ok(trouble);
                }
            }
        }
    }

    /// Reads the answer to its end, whoever comes or goes meanwhile.
    async fn ask(
        &mut self,
        connection: &mut Connection,
        question: &BirdCommand,
    ) -> Result<BirdReply, (BirdError, ConnectError)> {
        let mut asking = std::pin::pin!(connection.ask(question, self.patience));
        loop {
            tokio::select! {
                answer = &mut asking => return answer,
                Some(request) = self.requests.recv() => self.queue.push(request),
            }
        }
    }

    /// Waits before the next attempt.
    async fn rest(&mut self) -> Result<(), ClientsGone> {
        let until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            tokio::select! {
                request = self.requests.recv() => self.take(request.ok_or(ClientsGone)?),
                () = sleep_until(until) => return Ok(()),
            }
        }
    }

    /// A command waits, unless it is known that there is no BIRD to take it.
    fn take(&mut self, request: QueuedCommand) {
        self.queue.push(request);
        let why = self.link.borrow().error.clone();
        if let Some(why) = why {
            self.queue.refuse(&BirdError::Unreachable { why });
        }
    }

    fn greeted(&mut self, version: Option<BirdVersion>, pid: Option<i32>) {
        self.commands.count(|commands| commands.connects += 1);
        self.link.send_modify(|link| {
            *link = ConnectionStatus {
                state: BirdState::Up,
                version,
                pid,
                error: None,
                connects: link.connects + 1,
            };
        });
    }

    /// The link first: a caller that is refused finds the reason there.
    fn lost(&mut self, trouble: ConnectError) {
        let ConnectError { state, why } = trouble;
        self.link.send_if_modified(|link| {
            let changed = link.state != state || link.error.as_deref() != Some(&why);
            link.state = state;
            link.error = Some(why.clone());
            changed
        });
        self.queue.refuse(&BirdError::Unreachable { why });
    }
}
