//! The two listeners: opening the Unix socket and the TCP port, and accepting connections.
//!
//! Nothing that goes wrong here ends the daemon: a port that is taken, an address that is not there
//! yet or too many open files are tried again, because failing over does not need the API.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::yield_now;
use tokio::time::{interval, sleep, timeout};
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tracing::{info, trace, warn};

use super::account;
use super::caller::Caller;
use super::connections::{BusyFlag, Connections, Peer};
use super::server::Server;
use super::write_timeout::WriteTimeout;
use crate::metrics::Rejection;

/// Connections on the Unix socket: operators and scripts on this machine.
const SOCKET_LIMIT: usize = 64;
/// Connections over TCP: browsers, scrapers, other sites' probes. Of their own, so that the
/// network cannot keep an operator out.
const TCP_LIMIT: usize = 128;
/// How long a client may take over a request's head, and stay without asking anything: longer than
/// any network's round trip, shorter than a scrape interval.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may read nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client over TCP may acknowledge nothing: one that lost its power while it followed
/// the events would else keep its place for a quarter of an hour.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// The most that is kept of a request's head; hyper's least.
const HEAD_LIMIT: usize = 8192;
/// How long answers may take to finish when the daemon stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// How many connections wait in the kernel until they are accepted.
const BACKLOG: i32 = 128;
/// How long to wait after a newcomer took another's place, so that each has as many of these to say what it
/// wants as there are places.
const DISPLACED_PAUSE: Duration = Duration::from_millis(1);
/// How long to wait after a refused accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long to wait before a listener that could not be opened is tried again.
const OPEN_PAUSE: Duration = Duration::from_secs(2);
/// How often to look whether the socket's file is still ours: a run directory can be cleaned away
/// under a daemon that runs, and then nobody can reach it.
const STILL_THERE: Duration = Duration::from_secs(2);
/// How long a socket that is already there may take to show that somebody lives behind it.
const KNOCK: Duration = Duration::from_secs(1);

/// Where a listener is.
#[derive(Clone, Debug)]
pub(crate) enum ListenAddress {
    /// A path.
    Socket(PathBuf),
    /// An address and port.
    Tcp(SocketAddr),
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// An open listener.
#[derive(Debug)]
pub(crate) enum Listener {
    /// The Unix socket.
    Socket(SocketFile),
    /// The TCP port.
    Tcp(TcpListener),
}

/// The Unix socket, whose file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: the file may have been replaced by another's.
    file: (u64, u64),
}

impl SocketFile {
    /// Whether the path still leads here.
    fn is_reachable(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_reachable() {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Keeps a listener open, and tries again while it cannot be opened. Ends with `shutdown`.
pub(crate) async fn keep(place: ListenAddress, server: Arc<Server>, shutdown: CancellationToken) {
    while let Some(listener) = opened(&place, &shutdown).await {
        info!(%place, "the API listens");
        match attend(listener, server.clone(), shutdown.clone()).await {
            ListenError::Stopping => return,
            ListenError::Unreachable => warn!(%place, "the socket's file is gone; opening it anew"),
        }
    }
}

/// Tries until the listener is open; `None`: `shutdown` came first.
async fn opened(place: &ListenAddress, shutdown: &CancellationToken) -> Option<Listener> {
    let mut said = String::new();
    loop {
        match open(place).await {
            Ok(listener) => return Some(listener),
            Err(error) => {
                let saying = error.to_string();
                if saying != said {
                    warn!(%place, error = %saying, "the API cannot listen; trying again");
                    said = saying;
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return None,
            () = sleep(OPEN_PAUSE) => {}
        }
    }
}

/// Opens a listener once.
pub(crate) async fn open(place: &ListenAddress) -> io::Result<Listener> {
    match place {
        ListenAddress::Socket(path) => open_socket(path).await.map(Listener::Socket),
        ListenAddress::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
    }
}

/// Why a listener was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListenError {
    /// The daemon stops.
    Stopping,
    /// The socket's path does not lead here any more.
    Unreachable,
}

/// Accepts connections until `shutdown`, or until nobody can find the socket any more; then gives the
/// answers under way a moment to finish.
pub(crate) async fn attend(
    listener: Listener,
    server: Arc<Server>,
    shutdown: CancellationToken,
) -> ListenError {
    let mut connections = match listener {
        Listener::Socket(_) => Connections::new(SOCKET_LIMIT, server.counters().socket.clone()),
        Listener::Tcp(_) => Connections::new(TCP_LIMIT, server.counters().tcp.clone()),
    };
    let mut refused = false;
    let mut look = interval(STILL_THERE);
    let closed = loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break ListenError::Stopping,
            _ = look.tick() => match &listener {
                Listener::Socket(socket) if !socket.is_reachable() => break ListenError::Unreachable,
                Listener::Socket(_) | Listener::Tcp(_) => continue,
            },
            accepted = accept(&listener) => accepted,
        };
        match accepted {
            Ok((_, Caller::Network, Peer::Address(address))) if !server.access().admits(address) => {
                server.counters().refused(Caller::Network, Rejection::Address);
            }
            Ok((stream, caller, peer)) => {
                refused = false;
                let (server, shutdown) = (server.clone(), shutdown.clone());
                let displaced =
                    connections.admit(peer, |busy| connection(stream, caller, server, busy, shutdown));
                // Else a flood that waits in the kernel would displace whoever came before it, and was
                // not heard yet.
                if displaced {
                    sleep(DISPLACED_PAUSE).await;
                } else {
                    yield_now().await;
                }
            }
            Err(error) => {
                if !refused {
                    warn!(%error, "the API cannot let a connection in; trying again");
                }
                refused = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    drop(listener);
    drop(timeout(FAREWELL, connections.empty()).await);
    closed
}

type ClientStream = Either<UnixStream, TcpStream>;

async fn accept(listener: &Listener) -> io::Result<(ClientStream, Caller, Peer)> {
    match listener {
        Listener::Socket(socket) => {
            let (stream, _) = socket.listener.accept().await?;
            let uid = stream.peer_cred()?.uid();
            Ok((Either::Left(stream), Caller::Operator { uid }, Peer::User(uid)))
        }
        Listener::Tcp(tcp) => {
            let (stream, from) = tcp.accept().await?;
            socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(DEAD_AFTER))?;
            Ok((Either::Right(stream), Caller::Network, Peer::Address(from.ip())))
        }
    }
}

/// Serves one connection. Ends with the client, with a time-out, or with `shutdown`.
async fn connection(
    stream: ClientStream,
    caller: Caller,
    server: Arc<Server>,
    busy: BusyFlag,
    shutdown: CancellationToken,
) {
    let service = service_fn(|request| {
        let (server, busy) = (&server, &busy);
        async move {
            let _occupied = busy.occupy();
            Ok::<_, std::convert::Infallible>(server.answer(caller, busy, request).await)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIMEOUT)), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        trace!(%error, "an API connection broke");
    }
}

/// Opens the Unix socket: mode 0660, of group falconer where there is one. What is left of a
/// daemon that died is replaced; one that lives keeps its socket.
async fn open_socket(path: &Path) -> io::Result<SocketFile> {
    make_room(path).await?;
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    // Before `listen` nobody can connect, so there is no moment at which too many may.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    if let Some(group) = account::group_id(account::GROUP)
        && let Err(error) = chown(path, None, Some(group))
    {
        warn!(%error, path = %path.display(), "cannot give the socket to group {}", account::GROUP);
    }
    let file = std::fs::symlink_metadata(path)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(socket.into())?;
    Ok(SocketFile {
        listener,
        path: path.to_owned(),
        file: (file.dev(), file.ino()),
    })
}

/// Removes the socket of a daemon that is gone.
async fn make_room(path: &Path) -> io::Result<()> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let said = "there is a file that is no socket, and it is left alone";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, said));
    }
    match timeout(KNOCK, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(_) | Err(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another process listens on this socket",
        )),
    }
}
