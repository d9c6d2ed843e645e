//! One connection: opened, greeted, and asked one command at a time. After any doubt it is dropped,
//! because a late answer would be taken for the next command's.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

use crate::bird::codec::{Codec, CodecError, Line};
use crate::bird::error::BirdError;
use crate::bird::question::Question;
use crate::bird::reply::{Assembler, Reply, ReplyCode};
use crate::bird::version::Version;
use crate::status::snapshot::BirdState;

/// How long connecting may take. On a Unix socket it is done at once or refused at once; this is
/// for a kernel that thinks otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How the greeting's text starts, whatever the version.
const DAEMON: &str = "BIRD ";

/// A greeted connection.
#[derive(Debug)]
pub(super) struct Connection {
    framed: Framed<UnixStream, Codec>,
    assembler: Assembler,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Busy or down.
    pub(super) state: BirdState,
    /// In an operator's words, with what to do about it.
    pub(super) why: String,
}

/// Why a reply did not come.
#[derive(Debug)]
enum Silence {
    Ended,
    Garbage(String),
    Io(io::Error),
}

impl Connection {
    /// Connects and reads the greeting, for which BIRD has as long as for a command: it listens
    /// before it has read its configuration. The version is `None` where the greeting has none that
    /// can be read.
    pub(super) async fn open(socket: &Path, patience: Duration) -> Result<(Self, Option<Version>), Trouble> {
        let stream = match timeout(CONNECT_TIMEOUT, UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Trouble::connecting(socket, &error)),
            Err(_) => {
                return Err(Trouble::busy(format!(
                    "connecting to {} takes too long",
                    socket.display()
                )));
            }
        };
        let framed = Framed::new(stream, Codec::default());
        let mut connection = Self {
            framed,
            assembler: Assembler::default(),
        };
        match timeout(patience, connection.reply()).await {
            Ok(Ok(greeting)) => {
                if greeting.last.code != ReplyCode::WELCOME || !greeting.last.text.starts_with(DAEMON) {
                    return Err(Trouble::foreign(socket, &greeting.last.text));
                }
                let version = Version::of_daemon(&greeting.last.text);
                Ok((connection, version))
            }
            Ok(Err(Silence::Garbage(said))) => Err(Trouble::foreign(socket, &said)),
            Ok(Err(Silence::Ended | Silence::Io(_))) => Err(Trouble::down(format!(
                "{} closed the connection without a greeting: BIRD is stopping, or it is another program's socket",
                socket.display()
            ))),
            Err(_) => Err(Trouble::busy(format!(
                "{} is open, but nobody greeted within {patience:?}: BIRD is starting, busy or hung (journalctl -u bird)",
                socket.display()
            ))),
        }
    }

    /// The process at the other end (SO_PEERCRED).
    pub(super) fn pid(&self) -> Option<i32> {
        self.framed.get_ref().peer_cred().ok()?.pid()
    }

    /// Asks one command and reads its answer to the end. Not to be cancelled: half an answer would
    /// stay behind. After an error with a [`Trouble`] the connection is of no use any more.
    pub(super) async fn ask(
        &mut self,
        question: &Question,
        patience: Duration,
    ) -> Result<Reply, (BirdError, Trouble)> {
        // What came unasked would be taken for the answer, and to whom has left nothing is sent.
        if let Some(trouble) = self.idle().now_or_never() {
            let error = BirdError::Unreachable {
                why: trouble.why.clone(),
            };
            return Err((error, trouble));
        }
        match timeout(patience, self.exchange(question.line())).await {
            Ok(Ok(reply)) => match question.check(&reply) {
                Ok(()) => Ok(reply),
                Err(error) => {
                    let trouble = Trouble::dropped(&error.to_string());
                    Err((error, trouble))
                }
            },
            Ok(Err(silence)) => Err(silence.after(question)),
            Err(_) => {
                let trouble = Trouble::busy(format!(
                    "BIRD did not answer \"{question}\" within {patience:?}: it is busy or hung (journalctl -u bird)"
                ));
                Err((BirdError::Timeout { after: patience }, trouble))
            }
        }
    }

    /// Waits for the connection to end while nothing is asked. May be cancelled.
    pub(super) async fn idle(&mut self) -> Trouble {
        loop {
            match self.framed.next().await {
                Some(Ok(Line::Spontaneous(_) | Line::Lost)) => {}
                Some(Ok(line @ (Line::Continuation(..) | Line::Last(..)))) => {
                    return Trouble::dropped(&format!("BIRD said {line:?} unasked"));
                }
                Some(Err(CodecError::Io(error))) => return Trouble::broken(&error),
                Some(Err(error)) => return Trouble::dropped(&error.to_string()),
                None => return Trouble::closed(),
            }
        }
    }

    async fn exchange(&mut self, line: &str) -> Result<Reply, Silence> {
        self.framed.send(line).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> Result<Reply, Silence> {
        while let Some(line) = self.framed.next().await {
            let pushed = self.assembler.push(line?);
            if let Some(reply) = pushed.map_err(|error| Silence::Garbage(error.to_string()))? {
                return Ok(reply);
            }
        }
        Err(Silence::Ended)
    }
}

impl Silence {
    /// What that means for a command that was in flight, and for the connection.
    fn after(self, question: &Question) -> (BirdError, Trouble) {
        let trouble = match self {
            Self::Garbage(said) => {
                let why = format!("{said}, in answer to \"{question}\"");
                let trouble = Trouble::dropped(&why);
                return (BirdError::Malformed { why }, trouble);
            }
            Self::Ended => Trouble::closed(),
            Self::Io(error) => Trouble::broken(&error),
        };
        let why = trouble.why.clone();
        (BirdError::Broken { why }, trouble)
    }
}

impl From<CodecError> for Silence {
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

impl Trouble {
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

    fn foreign(socket: &Path, said: &str) -> Self {
        Self::down(format!(
            "{} is not BIRD's control socket, but another program's (it said: {}): correct `socket` in [bird]",
            socket.display(),
            said.trim()
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
        let trouble = |kind: io::ErrorKind| {
            let Trouble { state, why } = Trouble::connecting(Path::new("/run/bird/bird.ctl"), &kind.into());
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
            let (found, why) = trouble(kind);
            assert_eq!(found, state, "{kind}");
            assert!(why.contains(words), "{why}");
        }
    }
}
