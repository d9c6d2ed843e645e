//! Sockets of the network probes: where their packets come from, and whose word an error is.
//!
//! D1 wants to know whether our own kernel's route lookup refused before a packet left (an error),
//! or whether the network did (a fail), though both come as the same errno. What tells them apart
//! is when: `connect` on a non-blocking TCP or UDP socket, and `sendto` on one without pending
//! errors, return what the local route lookup said, at once. An ICMP error, a failed neighbour
//! resolution, a reset or a time-out reaches a TCP socket only after `connect` returned EINPROGRESS,
//! as its pending error.
//!
//! What the network says is believed as far as a host that does not see our packets cannot say it:
//!
//! - A refused TCP connection counts at once. A reset that answers a SYN must acknowledge the SYN's
//!   sequence number (RFC 9293, section 3.10.7.3), and an ICMP error must quote it: Linux's
//!   `tcp_v4_err` and `tcp_v6_err` hold it against what is in flight. So a blind sender guesses 32 bits and
//!   our port. "Port unreachable", which is how firewalls like to reject, is ECONNREFUSED as well.
//! - Every other ICMP error, and a next hop that does not answer, is what a router says of a way
//!   that may be mended in a second: the connection is tried again until the time is up (RFC 5927).
//! - A UDP socket believes an ICMP error by addresses and ports alone, which is a guess of 15 bits.
//!   It is only remembered, and the answer awaited.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep};

use super::deadline::CheckDeadline;
use super::report::CheckError;
use crate::config::model::{Family, Source};

/// The family that packets from there can have; `None`: either.
pub(crate) fn family(source: Option<&Source>) -> Option<Family> {
    match source {
        Some(Source::Addr(addr)) => Some(family_of(*addr)),
        Some(Source::Interface(_)) | None => None,
    }
}

/// An address's family.
pub(crate) fn family_of(addr: IpAddr) -> Family {
    match addr {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// A non-blocking socket whose packets come from `source`.
///
/// # Errors
/// As the kernel says; all of them are of this host's own making.
pub(crate) fn open(
    family: Family,
    kind: Type,
    protocol: Protocol,
    source: Option<&Source>,
) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    match source {
        Some(Source::Addr(addr)) => socket.bind(&SocketAddr::new(*addr, 0).into())?,
        Some(Source::Interface(name)) => socket.bind_device(Some(name.as_bytes()))?,
        None => {}
    }
    Ok(socket)
}

/// How soon a connection is tried again that an ICMP error ended: some times within any usual
/// time-out, and seldom enough for whoever has to answer.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A TCP connection to `target`, and how long it took from the first try.
pub(crate) async fn connect_tcp(
    target: SocketAddr,
    source: Option<&Source>,
    limit: CheckDeadline,
) -> Result<(TcpStream, Duration), CheckError> {
    let started = Instant::now();
    let connecting = format!("connecting to {target}");
    let mut unreachable = None;
    loop {
        let tried = limit.within(&connecting, try_tcp(target, source)).await;
        match tried.map_err(|late| noting(late, unreachable.as_ref()))?? {
            Ok(stream) => return Ok((stream, started.elapsed())),
            Err(error) if is_targets_own(&error) => return Err(refused_later(&error, &target)),
            Err(error) => unreachable = Some(error),
        }
        limit
            .within(&connecting, sleep(RETRY_PAUSE))
            .await
            .map_err(|late| noting(late, unreachable.as_ref()))?;
    }
}

/// One try: what became of it, unless it could not be made.
async fn try_tcp(target: SocketAddr, source: Option<&Source>) -> Result<io::Result<TcpStream>, CheckError> {
    let socket = open(family_of(target.ip()), Type::STREAM, Protocol::TCP, source)
        .map_err(|error| not_opened(&error, source))?;
    match socket.connect(&target.into()) {
        // On loopback the other side's answer can be there before `connect` returns.
        Err(error) if is_targets_own(&error) => return Ok(Err(error)),
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => {
            return Err(refused_at_once(&error, target.ip()));
        }
        Ok(()) | Err(_) => {}
    }
    let stream = TcpStream::from_std(socket.into()).map_err(|error| not_opened(&error, source))?;
    let pending = stream
        .writable()
        .await
        .and_then(|()| stream.take_error())
        .map_err(|error| not_opened(&error, source))?;
    Ok(pending.map_or(Ok(stream), Err))
}

/// Whether only the target itself, or who sees what we send it, can have said so.
fn is_targets_own(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::CONNREFUSED | Errno::CONNRESET | Errno::TIMEDOUT)
    )
}

/// No answer, and what the network said meanwhile.
pub(crate) fn noting(late: CheckError, said: Option<&io::Error>) -> CheckError {
    match said {
        Some(error) => late.with(&said_by_the_network(error)),
        None => late,
    }
}

/// A UDP socket that hears `target` alone. Nothing is sent yet, but the route was looked up.
pub(crate) fn connect_udp(target: SocketAddr, source: Option<&Source>) -> Result<UdpSocket, CheckError> {
    let socket = open(family_of(target.ip()), Type::DGRAM, Protocol::UDP, source)
        .map_err(|error| not_opened(&error, source))?;
    socket
        .connect(&target.into())
        .map_err(|error| refused_at_once(&error, target.ip()))?;
    UdpSocket::from_std(socket.into()).map_err(|error| not_opened(&error, source))
}

/// What it means that no socket could be had.
pub(crate) fn not_opened(error: &io::Error, source: Option<&Source>) -> CheckError {
    let from = match source {
        Some(Source::Addr(addr)) => format!(" from {addr}"),
        Some(Source::Interface(name)) => format!(" on interface {name}"),
        None => String::new(),
    };
    CheckError::NotMade(format!("no socket{from}: {}", words(error)))
}

/// What it means that `connect` or `sendto` said no by itself: nothing was sent.
pub(crate) fn refused_at_once(error: &io::Error, target: IpAddr) -> CheckError {
    let refused = match Errno::from_io_error(error) {
        Some(Errno::NETUNREACH) => "this host has no route".into(),
        Some(Errno::HOSTUNREACH) => "this host's route says unreachable".into(),
        Some(Errno::ACCESS) => "this host's route says prohibited".into(),
        Some(Errno::INVAL) => "this host's route says blackhole, or the source does not fit".into(),
        Some(Errno::PERM) => "this host's firewall does not let it out".into(),
        Some(Errno::ADDRNOTAVAIL) => "this host has no address or port for it".into(),
        Some(Errno::NODEV | Errno::NXIO) => "the interface is gone".into(),
        Some(_) | None => words(error),
    };
    CheckError::NotMade(format!("nothing was sent to {target}: {refused}"))
}

/// What a connected socket's pending error says, where that is the target's word.
pub(crate) fn refused_later(error: &io::Error, target: &SocketAddr) -> CheckError {
    CheckError::Failed(format!("{target}: {}", said_by_the_network(error)))
}

fn said_by_the_network(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::HOSTUNREACH) => {
            "host unreachable: an ICMP error came back, or nobody answers on the link".into()
        }
        Some(Errno::NETUNREACH) => "network unreachable: an ICMP error came back".into(),
        Some(Errno::ACCESS) => "prohibited: an ICMP error came back".into(),
        Some(_) | None => words(error),
    }
}

/// An error of the system in lower case and without its number, the name of the errno in doubt.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
