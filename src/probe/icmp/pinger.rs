//! The sockets for pings, and the tasks that receive the answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use socket2::{Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::filter::{self, Before};
use super::in_flight::{Ident, InFlight, random};
use super::{packet, words};
use crate::config::model::{Family, Source};
use crate::probe::deadline::CheckDeadline;
use crate::probe::report::CheckError;
use crate::probe::socket::{self, family_of};

/// Room for some 10,000 replies that come at once. The system's default holds 256, and a lost reply
/// is a target that looks dead.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The longest packet that is looked at. Ours come back with 84 bytes, an ICMP error quotes as much
/// as fits into 576 (RFC 1812) or 1280 bytes (RFC 4443).
const PACKET_LIMIT: usize = 2048;

/// How many ICMP errors are read in a row, and how long is paused then. Errors only explain why
/// there is no answer: whoever sends a flood of them costs no more than this, and the kernel drops
/// the rest.
const ERRORS_AT_ONCE: u32 = 64;
const PAUSE_AFTER_ERRORS: Duration = Duration::from_millis(20);

/// How long to pause after a socket error that is nobody's answer.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// A socket for one family and source. Its task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Pinger {
    family: Family,
    source: Option<Source>,
    socket: Arc<UdpSocket>,
    ident: Ident,
    cookie: u32,
    warning: Option<String>,
    in_flight: Arc<InFlight>,
    receiver: AbortOnDropHandle<()>,
}

impl Pinger {
    /// Opens a raw socket, or where that is not permitted a datagram one.
    ///
    /// # Errors
    /// As the kernel says; all of them are of this host's own making.
    pub(crate) fn open(
        family: Family,
        source: Option<&Source>,
        in_flight: Arc<InFlight>,
    ) -> io::Result<Self> {
        let (ident, opened) = match socket::open(family, Type::RAW, protocol(family), source) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => (
                Ident::OfTheKernel,
                socket::open(family, Type::DGRAM, protocol(family), source)?,
            ),
            opened => (Ident::Random, opened?),
        };
        let cookie = (random() >> 32) as u32;
        let before = match (ident, family) {
            (Ident::Random, Family::V4) => Before::IpHeader,
            (Ident::Random, Family::V6) | (Ident::OfTheKernel, _) => Before::Nothing,
        };
        opened.attach_filter(&filter::replies(family, before, cookie))?;
        let warning = enlarge(&opened);
        let socket = Arc::new(UdpSocket::from_std(opened.into())?);
        let receiver = tokio::spawn(receive_replies(socket.clone(), ident, in_flight.clone()));
        Ok(Self {
            family,
            source: source.cloned(),
            socket,
            ident,
            cookie,
            warning,
            in_flight,
            receiver: AbortOnDropHandle::new(receiver),
        })
    }

    /// Whether this is the socket for that family and source, and somebody hears what comes back.
    pub(crate) fn serves(&self, family: Family, source: Option<&Source>) -> bool {
        self.family == family && self.source.as_ref() == source && !self.receiver.is_finished()
    }

    /// What is not as it should be with this socket, in words.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// One ping: how long its reply took.
    pub(crate) async fn ping(&self, target: IpAddr, limit: CheckDeadline) -> Result<Duration, CheckError> {
        let mut wait = self.in_flight.enter(target, self.ident, self.cookie)?;
        let sent = Instant::now();
        let sending = self.socket.send_to(&wait.request, SocketAddr::new(target, 0));
        match limit.within("sending", sending).await {
            Ok(Ok(_)) => {}
            // The socket is not connected, so that no ICMP error comes out here: it is our own
            // kernel's word.
            Ok(Err(error)) => return Err(socket::refused_at_once(&error, target)),
            Err(late) => return Err(CheckError::NotMade(late.words().to_owned())),
        }
        let doing = format!("pinging {target}");
        match limit.within(&doing, &mut wait.answered).await {
            Ok(Ok(at)) => Ok(at.saturating_duration_since(sent)),
            // The sender lives in the list until it is used, and this ping's guard holds the list.
            Ok(Err(_)) => Err(CheckError::NotMade("the ping socket was closed".into())),
            Err(late) => Err(match wait.error() {
                Some(error) => late.with(&words::error(family_of(target), error)),
                None => late,
            }),
        }
    }
}

fn protocol(family: Family) -> Protocol {
    match family {
        Family::V4 => Protocol::ICMPV4,
        Family::V6 => Protocol::ICMPV6,
    }
}

/// Asks for [`RECEIVE_BUFFER`], past the system's limit where that is permitted.
fn enlarge(socket: &Socket) -> Option<String> {
    let forced = sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER);
    let _ = forced.or_else(|_| sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER));
    // The kernel doubles what it was asked for, to have room for its own bookkeeping.
    let has = sockopt::socket_recv_buffer_size(socket).unwrap_or(0) / 2;
    (has < RECEIVE_BUFFER).then(|| {
        format!(
            "the receive buffer for pings is {} KiB instead of {} KiB, so replies that come at once may get \
             lost: give the daemon CAP_NET_ADMIN, or raise net.core.rmem_max",
            has >> 10,
            RECEIVE_BUFFER >> 10
        )
    })
}

/// Hears replies and hands them to who waits for them; ends when it is aborted.
async fn receive_replies(socket: Arc<UdpSocket>, ident: Ident, in_flight: Arc<InFlight>) {
    let kind = match ident {
        Ident::Random => Type::RAW,
        Ident::OfTheKernel => Type::DGRAM,
    };
    let mut buffer = [0; PACKET_LIMIT];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            sleep(ERROR_PAUSE).await;
            continue;
        };
        let at = Instant::now();
        if let Some(heard) = packet::read(&buffer[..length], kind, from.ip()) {
            in_flight.take(heard, ident, at);
        }
    }
}

/// Hears the ICMP errors of a family, which explain why a ping was not answered. Its task ends when
/// this is dropped.
#[derive(Debug)]
pub(crate) struct ErrorListener {
    _receiver: AbortOnDropHandle<()>,
}

impl ErrorListener {
    /// Opens a raw socket.
    ///
    /// # Errors
    /// As the kernel says. Without it pings are answered all the same.
    pub(crate) fn open(family: Family, in_flight: Arc<InFlight>) -> io::Result<Self> {
        let socket = socket::open(family, Type::RAW, protocol(family), None)?;
        socket.attach_filter(&filter::errors(family))?;
        let socket = UdpSocket::from_std(socket.into())?;
        let receiver = tokio::spawn(receive_errors(socket, in_flight));
        Ok(Self {
            _receiver: AbortOnDropHandle::new(receiver),
        })
    }
}

/// Ends when it is aborted.
async fn receive_errors(socket: UdpSocket, in_flight: Arc<InFlight>) {
    let mut buffer = [0; PACKET_LIMIT];
    let mut in_a_row = 0;
    loop {
        in_a_row += 1;
        if in_a_row > ERRORS_AT_ONCE {
            sleep(PAUSE_AFTER_ERRORS).await;
            in_a_row = 0;
        }
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            sleep(ERROR_PAUSE).await;
            continue;
        };
        if let Some(heard) = packet::read(&buffer[..length], Type::RAW, from.ip()) {
            in_flight.take(heard, Ident::Random, Instant::now());
        }
    }
}
