//! One connection: opened, greeted, and asked one command at a time. After any doubt it is dropped,
//! because a late answer would be taken for the next command's.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

use crate::bird::codec::{Codec, CodecError, CodecLine};
use crate::bird::command::BirdCommand;
use crate::bird::error::BirdError;
use crate::bird::reply::{BirdReply, ReplyAssembler, ReplyCode};
use crate::bird::version::BirdVersion;
use crate::model::snapshot::BirdState;

/// How long connecting may take. On a Unix socket it is done at once or refused at once; this is
/// for a kernel that thinks otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How the greeting's text starts, whatever the version.
const DAEMON: &str = "BIRD ";

/// A greeted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    framed: Framed<UnixStream, Codec>,
    assembler: ReplyAssembler,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectError {
    /// Busy or down.
    pub(crate) state: BirdState,
    /// In an operator's words, with what to do about it.
    pub(crate) why: String,
}

/// Why a reply did not come.
#[derive(Debug)]
enum NoReply {
    Ended,
    Garbage(String),
    Io(io::Error),
}

impl Connection {
    /// Connects and reads the greeting, for which BIRD has as long as for a command: it listens
    /// before it has read its configuration. The version is `None` where the greeting has none that
    /// can be read.
    pub(crate) async fn open(
        socket: &Path,
        reply_timeout: Duration,
    ) -> Result<(Self, Option<BirdVersion>), ConnectError> {
        let stream = match timeout(CONNECT_TIMEOUT, UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(ConnectError::connecting(socket, &error)),
            Err(_) => {
                return Err(ConnectError::busy(format!(
                    "connecting to {} takes too long",
                    socket.display()
                )));
            }
        };
        let framed = Framed::new(stream, Codec::default());
        let mut connection = Self {
            framed,
            assembler: ReplyAssembler::default(),
        };
        match timeout(reply_timeout, connection.reply()).await {
            Ok(Ok(greeting)) => {
                if greeting.last.code != ReplyCode::WELCOME || !greeting.last.text.starts_with(DAEMON) {
                    return Err(ConnectError::foreign(socket, &greeting.last.text));
                }
                let version = BirdVersion::of_daemon(&greeting.last.text);
                Ok((connection, version))
            }
            Ok(Err(NoReply::Garbage(garbage))) => Err(ConnectError::foreign(socket, &garbage)),
            Ok(Err(NoReply::Ended | NoReply::Io(_))) => Err(ConnectError::down(format!(
                "{} closed the connection without a greeting: BIRD is stopping, or it is another program's socket",
                socket.display()
            ))),
            Err(_) => Err(ConnectError::busy(format!(
                "{} is open, but nobody greeted within {reply_timeout:?}: BIRD is starting, busy or hung (journalctl -u bird)",
                socket.display()
            ))),
        }
    }

    /// The process at the other end (SO_PEERCRED).
    pub(crate) fn pid(&self) -> Option<i32> {
        self.framed.get_ref().peer_cred().ok()?.pid()
    }

    /// Asks one command and reads its answer to the end. Not to be cancelled: half an answer would
    /// stay behind. After an error with a [`ConnectError`] the connection is of no use any more.
    pub(crate) async fn ask(
        &mut self,
        question: &BirdCommand,
        reply_timeout: Duration,
    ) -> Result<BirdReply, (BirdError, ConnectError)> {
        // What came unasked would be taken for the answer, and to whom has left nothing is sent.
        if let Some(failure) = self.idle().now_or_never() {
            let error = BirdError::Unreachable {
                why: failure.why.clone(),
            };
            return Err((error, failure));
        }
        match timeout(reply_timeout, self.exchange(question.line())).await {
            Ok(Ok(reply)) => match question.check(&reply) {
                Ok(()) => Ok(reply),
                Err(error) => {
                    let failure = ConnectError::dropped(&error.to_string());
                    Err((error, failure))
                }
            },
            Ok(Err(silence)) => Err(silence.after(question)),
            Err(_) => {
                let failure = ConnectError::busy(format!(
                    "BIRD did not answer \"{question}\" within {reply_timeout:?}: it is busy or hung (journalctl -u bird)"
                ));
                Err((BirdError::Timeout { after: reply_timeout }, failure))
            }
        }
    }

    /// Waits for the connection to end while nothing is asked. May be cancelled.
    pub(crate) async fn idle(&mut self) -> ConnectError {
        loop {
            match self.framed.next().await {
                Some(Ok(CodecLine::Spontaneous(_) | CodecLine::Lost)) => {}
                Some(Ok(line @ (CodecLine::Continuation(..) | CodecLine::Last(..)))) => {
                    return ConnectError::dropped(&format!("BIRD said {line:?} unasked"));
                }
                Some(Err(CodecError::Io(error))) => return ConnectError::broken(&error),
                Some(Err(error)) => return ConnectError::dropped(&error.to_string()),
                None => return ConnectError::closed(),
            }
        }
    }

    async fn exchange(&mut self, line: &str) -> Result<BirdReply, NoReply> {
        self.framed.send(line).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> Result<BirdReply, NoReply> {
        while let Some(line) = self.framed.next().await {
            let pushed = self.assembler.push(line?);
            if let Some(reply) = pushed.map_err(|error| NoReply::Garbage(error.to_string()))? {
                return Ok(reply);
            }
        }
        Err(NoReply::Ended)
    }
}

impl NoReply {
    /// What that means for a command that was in flight, and for the connection.
    fn after(self, question: &BirdCommand) -> (BirdError, ConnectError) {
        let failure = match self {
            Self::Garbage(garbage) => {
                let why = format!("{garbage}, in answer to \"{question}\"");
                let failure = ConnectError::dropped(&why);
                return (BirdError::Malformed { why }, failure);
            }
            Self::Ended => ConnectError::closed(),
            Self::Io(error) => ConnectError::broken(&error),
        };
        let why = failure.why.clone();
        (BirdError::Broken { why }, failure)
    }
}

impl From<CodecError> for NoReply {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Io(error) => Self::Io(error),
            CodecError::Cut(_) => Self::Ended,
            CodecError::TooLong | CodecError::NotALine(_) | CodecError::Unfit(_) => {
                Self::Garbage(error.to_string())
            }
        }
    }
}

impl ConnectError {
    fn busy(why: String) -> Self {
        Self {
            state: BirdState::Busy,
            why,
        }
    }

    fn down(why: String) -> Self {
        Self {
            state: BirdState::Down,
            why,
        }
    }

    /// By us: BIRD is there, and what it says makes no sense.
    fn dropped(why: &str) -> Self {
        Self::down(format!("the connection was dropped: {why}"))
    }

    fn closed() -> Self {
        Self::down(
            "BIRD closed the connection: it was stopped or restarted, or died (journalctl -u bird)".into(),
        )
    }

    fn broken(error: &io::Error) -> Self {
        Self::down(format!("the connection to BIRD broke: {error}"))
    }

    fn foreign(socket: &Path, garbage: &str) -> Self {
        Self::down(format!(
            "{} is not BIRD's control socket, but another program's (it said: {}): correct `socket` in [bird]",
            socket.display(),
            garbage.trim()
        ))
    }

    /// What the kernel says to a connect, and what that means with BIRD.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the list is the standard library's, and open"
    )]
    fn connecting(socket: &Path, error: &io::Error) -> Self {
        let path = socket.display();
        match error.kind() {
            io::ErrorKind::NotFound => Self::down(format!(
                "there is no {path}: BIRD is stopped (systemctl start bird), or `socket` in [bird] is not where it listens"
            )),
            io::ErrorKind::ConnectionRefused => Self::down(format!(
                "nobody listens at {path}: BIRD died and left it behind (journalctl -u bird, systemctl restart bird)"
            )),
            io::ErrorKind::PermissionDenied => Self::down(format!(
                "no permission for {path}: Falconer's user must be in the socket's group, usually bird \
                 (usermod -aG bird USER, then restart Falconer)"
            )),
            io::ErrorKind::WouldBlock => Self::busy(format!(
                "{path} has no room for another connection: BIRD is busy or hung, or somebody opens too many"
            )),
            _ => Self::down(format!("cannot connect to {path}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_every_way_of_being_away_has_its_name_and_says_what_to_do() {
        let failure = |kind: io::ErrorKind| {
            let ConnectError { state, why } =
                ConnectError::connecting(Path::new("/run/bird/bird.ctl"), &kind.into());
            assert!(why.contains("/run/bird/bird.ctl"), "{why}");
            (state, why)
        };
        for (kind, state, words) in [
            (io::ErrorKind::NotFound, BirdState::Down, "systemctl start bird"),
            (
                io::ErrorKind::ConnectionRefused,
                BirdState::Down,
                "journalctl -u bird",
            ),
            (
                io::ErrorKind::PermissionDenied,
                BirdState::Down,
                "usermod -aG bird",
            ),
            (io::ErrorKind::WouldBlock, BirdState::Busy, "no room"),
            (io::ErrorKind::InvalidInput, BirdState::Down, "cannot connect"),
        ] {
            let (found, why) = failure(kind);
            assert_eq!(found, state, "{kind}");
            assert!(why.contains(words), "{why}");
        }
    }
}
