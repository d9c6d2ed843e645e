//! A BIRD that misbehaves on demand, for the faults that the real one does not produce when asked.
//!
//! It speaks over a real Unix socket like a given version, has protocols that can be enabled,
//! disabled and exported, and records every command with its time. It routes nothing, reads no
//! configuration, and its clock stands still. What the real BIRD does is tested with the real BIRD.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub mod daemon;
mod words;

pub use daemon::Daemon;

/// What goes wrong with one command, or with one greeting.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The answer comes that much later.
    Delay(Duration),
    /// The answer comes in pieces of that many bytes, a moment apart.
    Dribble(usize),
    /// No answer ever; the connection stays open. The command is carried out.
    Hang,
    /// The connection is closed without an answer. The command is carried out.
    Close,
    /// The connection is closed after that many bytes of the answer.
    CloseAfter(usize),
    /// These bytes instead of the answer. The command is not carried out.
    Say(String),
    /// These bytes before the answer, such as a spontaneous line.
    SayFirst(String),
    /// The right answer, and nothing is done: an enable that is lost.
    Forget,
    /// `8007 Access denied`.
    Deny,
    /// The command is carried out, and BIRD is deaf until [`FakeBird::hear_again`]: neither it nor
    /// anything else is answered before, and nobody is greeted.
    Deaf,
}

/// A command that was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it was received.
    pub at: Instant,
    /// Its line, without the newline.
    pub line: String,
    /// Which connection it came over, counted from 1.
    pub connection: u64,
}

/// A fault that waits for a command that starts like this.
#[derive(Clone, Debug)]
struct Planned {
    start: String,
    /// It is the whole command.
    whole: bool,
    fault: Fault,
}

#[derive(Debug)]
struct Shared {
    daemon: Daemon,
    planned: VecDeque<Planned>,
    greetings: VecDeque<Fault>,
    received: Vec<Received>,
    connections: u64,
    /// Whether it is deaf, for those who wait for the end of that.
    deaf: watch::Sender<bool>,
}

/// The fake. Dropping it closes everything and leaves the socket's file behind, as a death does.
#[derive(Debug)]
pub struct FakeBird {
    socket: PathBuf,
    /// Held for moments only and never over an await: the connections' tasks share it.
    shared: Arc<Mutex<Shared>>,
    running: Option<CancellationToken>,
}

impl FakeBird {
    /// Starts one that listens at `socket`.
    pub fn start(socket: &Path, daemon: Daemon) -> Self {
        let shared = Shared {
            daemon,
            planned: VecDeque::new(),
            greetings: VecDeque::new(),
            received: Vec::new(),
            connections: 0,
            deaf: watch::channel(false).0,
        };
        let shared = Arc::new(Mutex::new(shared));
        let mut bird = Self {
            socket: socket.to_owned(),
            shared,
            running: None,
        };
        bird.start_again();
        bird
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Looks at, or changes behind everybody's back, what it holds.
    pub fn with<T>(&self, change: impl FnOnce(&mut Daemon) -> T) -> T {
        change(&mut self.lock().daemon)
    }

    /// The next command that starts like this goes wrong like that; several wait in order.
    pub fn plan(&self, start: &str, fault: Fault) {
        self.lock().planned.push_back(Planned {
            start: start.to_owned(),
            whole: false,
            fault,
        });
    }

    /// The same for the next command that is just this.
    pub fn plan_whole(&self, command: &str, fault: Fault) {
        self.lock().planned.push_back(Planned {
            start: command.to_owned(),
            whole: true,
            fault,
        });
    }

    /// The end of [`Fault::Deaf`].
    pub fn hear_again(&self) {
        self.lock().deaf.send_replace(false);
    }

    /// The next connection's greeting goes wrong like that; several wait in order.
    pub fn plan_greeting(&self, fault: Fault) {
        self.lock().greetings.push_back(fault);
    }

    /// Every command so far.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// The lines of every command so far.
    pub fn lines(&self) -> Vec<String> {
        self.lock()
            .received
            .iter()
            .map(|received| received.line.clone())
            .collect()
    }

    /// The lines that change something: enable and disable.
    pub fn writes(&self) -> Vec<String> {
        let is_write = |line: &String| line.starts_with("enable") || line.starts_with("disable");
        self.lines().into_iter().filter(is_write).collect()
    }

    /// How many connections there were.
    pub fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// `systemctl stop bird`: the connections are closed, and the socket's file is gone.
    pub fn stop(&mut self) {
        self.die();
        std::fs::remove_file(&self.socket).expect("the socket's file is there");
    }

    /// `kill -9`: the connections are closed, and the socket's file stays.
    pub fn die(&mut self) {
        if let Some(running) = self.running.take() {
            running.cancel();
        }
    }

    /// After [`FakeBird::stop`] or [`FakeBird::die`]: its protocols are as its file says.
    pub fn start_again(&mut self) {
        self.die();
        self.with(Daemon::restart);
        let _ = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket).expect("a socket can be made");
        let running = CancellationToken::new();
        self.running = Some(running.clone());
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            // Dropping the loop's future drops the listener: from then on connecting is refused.
            running
                .run_until_cancelled(accept(listener, shared, running.clone()))
                .await;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no test panics while it holds this")
    }
}

impl Drop for FakeBird {
    fn drop(&mut self) {
        self.die();
    }
}

/// Somebody who listens with room for nobody: connecting says EAGAIN.
#[derive(Debug)]
pub struct Crowded {
    _listener: socket2::Socket,
    /// Held open: it takes the backlog's only place.
    _waiting: std::os::unix::net::UnixStream,
}

impl Crowded {
    /// Listens at `socket` and fills its backlog.
    pub fn start(socket: &Path) -> io::Result<Self> {
        let address = socket2::SockAddr::unix(socket)?;
        let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
        listener.bind(&address)?;
        listener.listen(0)?;
        // A backlog of n holds n + 1.
        let waiting = std::os::unix::net::UnixStream::connect(socket)?;
        Ok(Self {
            _listener: listener,
            _waiting: waiting,
        })
    }
}

async fn accept(listener: UnixListener, shared: Arc<Mutex<Shared>>, running: CancellationToken) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, running) = (Arc::clone(&shared), running.clone());
        tokio::spawn(async move {
            running.run_until_cancelled(serve(stream, &shared)).await;
        });
    }
}

/// One connection, to its end.
async fn serve(stream: UnixStream, shared: &Mutex<Shared>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let (connection, greeting, fault, mut deaf) = {
        let mut shared = shared.lock().expect("not poisoned");
        shared.connections += 1;
        let greeting = words::greeting(&shared.daemon);
        let deaf = shared.deaf.subscribe();
        (shared.connections, greeting, shared.greetings.pop_front(), deaf)
    };
    let mut restricted = false;
    hears(&mut deaf).await;
    if !say(&mut write, &greeting, fault.as_ref()).await? {
        return Ok(());
    }
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        hears(&mut deaf).await;
        let (answer, fault) = {
            let mut shared = shared.lock().expect("not poisoned");
            shared.received.push(Received {
                at: Instant::now(),
                line: line.clone(),
                connection,
            });
            let planned = shared.planned.iter().position(|planned| match planned.whole {
                true => line == planned.start,
                false => line.starts_with(&planned.start),
            });
            let fault = planned
                .and_then(|at| shared.planned.remove(at))
                .map(|planned| planned.fault);
            if matches!(fault, Some(Fault::Deaf)) {
                shared.deaf.send_replace(true);
            }
            (
                answer(&mut shared.daemon, &line, fault.as_ref(), &mut restricted),
                fault,
            )
        };
        hears(&mut deaf).await;
        if !say(&mut write, &answer, fault.as_ref()).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Waits while the fake is deaf. Its sender lives as long as it does.
async fn hears(deaf: &mut watch::Receiver<bool>) {
    let _ = deaf.wait_for(|deaf| !deaf).await;
}

/// What the fault leaves of carrying a command out.
fn answer(daemon: &mut Daemon, line: &str, fault: Option<&Fault>, restricted: &mut bool) -> String {
    match fault {
        Some(Fault::Deny) => "8007 Access denied\n".to_owned(),
        Some(Fault::Forget) => words::answer(&mut daemon.clone(), line, restricted),
        Some(Fault::Say(instead)) => instead.clone(),
        Some(
            Fault::Delay(_)
            | Fault::Dribble(_)
            | Fault::Hang
            | Fault::Close
            | Fault::CloseAfter(_)
            | Fault::SayFirst(_)
            | Fault::Deaf,
        )
        | None => words::answer(daemon, line, restricted),
    }
}

/// Says it as the fault has it; false where the connection is to be closed then.
async fn say(
    write: &mut tokio::net::unix::OwnedWriteHalf,
    text: &str,
    fault: Option<&Fault>,
) -> io::Result<bool> {
    let bytes = text.as_bytes();
    match fault {
        Some(Fault::Delay(by)) => {
            sleep(*by).await;
            write.write_all(bytes).await?;
        }
        Some(Fault::Dribble(size)) => {
            for piece in bytes.chunks(*size) {
                write.write_all(piece).await?;
                sleep(Duration::from_millis(1)).await;
            }
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Close) => return Ok(false),
        Some(Fault::CloseAfter(size)) => {
            write.write_all(&bytes[..bytes.len().min(*size)]).await?;
            return Ok(false);
        }
        Some(Fault::Say(instead)) => write.write_all(instead.as_bytes()).await?,
        Some(Fault::SayFirst(first)) => {
            write.write_all(first.as_bytes()).await?;
            write.write_all(bytes).await?;
        }
        Some(Fault::Forget | Fault::Deny | Fault::Deaf) | None => write.write_all(bytes).await?,
    }
    Ok(true)
}
