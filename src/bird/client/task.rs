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
    pub(crate) reply_timeout: Duration,
    pub(crate) requests: mpsc::Receiver<QueuedCommand>,
    pub(crate) status: watch::Sender<ConnectionStatus>,
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
        while let Ok(failure) = self.one_connection().await {
            self.lost(failure);
            if self.wait_before_retry().await.is_err() {
                return;
            }
        }
    }

    /// From connecting to what ended it.
    async fn one_connection(&mut self) -> Result<ConnectError, ClientsGone> {
        match self.open().await? {
            Ok((connection, version)) => {
                self.connected(version, connection.pid());
                let since = Instant::now();
                let ended = self.serve(connection).await;
                if since.elapsed() >= GOOD_AFTER {
                    self.pause = Duration::ZERO;
                }
                ended
            }
            Err(failure) => Ok(failure),
        }
    }

    /// Before the first attempt has ended callers wait for it; later they are told at once.
    async fn open(&mut self) -> Result<Result<(Connection, Option<BirdVersion>), ConnectError>, ClientsGone> {
        let socket = self.socket.clone();
        let mut opening = std::pin::pin!(Connection::open(&socket, self.reply_timeout));
        loop {
            tokio::select! {
                opened = &mut opening => return Ok(opened),
                request = self.requests.recv() => self.enqueue(request.ok_or(ClientsGone)?),
            }
        }
    }

    async fn serve(&mut self, mut connection: Connection) -> Result<ConnectError, ClientsGone> {
        loop {
            let Some(pending) = self.queue.pop() else {
                // The end of the connection first: a command that comes with it was not sent.
                tokio::select! {
                    biased;
                    failure = connection.idle() => return Ok(failure),
                    request = self.requests.recv() => self.enqueue(request.ok_or(ClientsGone)?),
                }
                continue;
            };
            let since = Instant::now();
            match self.ask(&mut connection, &pending.question).await {
                Ok(reply) => {
                    self.commands
                        .count(|commands| commands.answered(pending.question.words(), since.elapsed()));
                    pending.answer(Ok(Arc::new(reply)));
                }
                Err((error, failure)) => {
                    if let Some(why) = error.silence() {
                        self.commands
                            .count(|commands| commands.failed(pending.question.words(), why));
                    }
                    pending.answer(Err(error));
                    return Ok(failure);
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
        let mut asking = std::pin::pin!(connection.ask(question, self.reply_timeout));
        loop {
            tokio::select! {
                answer = &mut asking => return answer,
                Some(request) = self.requests.recv() => self.queue.push(request),
            }
        }
    }

    /// Waits before the next attempt.
    async fn wait_before_retry(&mut self) -> Result<(), ClientsGone> {
        let until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            tokio::select! {
                request = self.requests.recv() => self.enqueue(request.ok_or(ClientsGone)?),
                () = sleep_until(until) => return Ok(()),
            }
        }
    }

    /// A command waits, unless it is known that there is no BIRD to take it.
    fn enqueue(&mut self, request: QueuedCommand) {
        self.queue.push(request);
        let why = self.status.borrow().error.clone();
        if let Some(why) = why {
            self.queue.refuse(&BirdError::Unreachable { why });
        }
    }

    fn connected(&mut self, version: Option<BirdVersion>, pid: Option<i32>) {
        self.commands.count(|commands| commands.connects += 1);
        self.status.send_modify(|status| {
            *status = ConnectionStatus {
                state: BirdState::Up,
                version,
                pid,
                error: None,
                connects: status.connects + 1,
            };
        });
    }

    /// The link first: a caller that is refused finds the reason there.
    fn lost(&mut self, failure: ConnectError) {
        let ConnectError { state, why } = failure;
        self.status.send_if_modified(|status| {
            let changed = status.state != state || status.error.as_deref() != Some(&why);
            status.state = state;
            status.error = Some(why.clone());
            changed
        });
        self.queue.refuse(&BirdError::Unreachable { why });
    }
}
