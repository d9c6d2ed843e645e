//! One socket that pings go through, and the task that hears the answers.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::sockopt;
use socket2::{Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::packet::{self, Heard};
use super::{Key, filter};
use crate::config::model::{Family, Source};
use crate::probe::limit::Limit;
use crate::probe::report::NoAnswer;
use crate::probe::socket;

/// Room for some 10,000 replies that come at once. The system's default holds 256, and a lost reply
/// is a target that looks dead.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The longest packet that is looked at. Ours come back with 84 bytes, an ICMP error quotes as much
/// as fits into 576 (RFC 1812) or 1280 bytes (RFC 4443).
const PACKET_LIMIT: usize = 2048;

/// How many pings may be in flight: half of the numbers there are, so that a free one is near.
const IN_FLIGHT_LIMIT: usize = 1 << 15;

/// How long to pause after a socket error that is nobody's answer.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// A socket for one family and source. Its task ends when this is dropped.
#[derive(Debug)]
pub(super) struct Pinger {
    family: Family,
    source: Option<Source>,
    socket: Arc<UdpSocket>,
    ident: u16,
    warning: Option<String>,
    waiting: Arc<Waiting>,
    _receiver: AbortOnDropHandle<()>,
}

impl Pinger {
    /// Opens a raw socket, or where that is not permitted a datagram one, which hears no ICMP errors.
    ///
    /// # Errors
    /// As the kernel says; all of them are of this host's own making.
    pub(super) fn open(family: Family, source: Option<&Source>) -> io::Result<Self> {
        let protocol = match family {
            Family::V4 => Protocol::ICMPV4,
            Family::V6 => Protocol::ICMPV6,
        };
        let (kind, raw_or_datagram) = match socket::open(family, Type::RAW, protocol, source) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                (Type::DGRAM, socket::open(family, Type::DGRAM, protocol, source)?)
            }
            opened => (Type::RAW, opened?),
        };
        let ident = random() as u16;
        if kind == Type::RAW {
            raw_or_datagram.attach_filter(&filter::answers_to(family, ident))?;
        }
        let warning = enlarge(&raw_or_datagram);
        let socket = Arc::new(UdpSocket::from_std(raw_or_datagram.into())?);
        let waiting = Arc::new(Waiting::default());
        let receiver = tokio::spawn(receive(
            socket.clone(),
            kind,
            (kind == Type::RAW).then_some(ident),
            waiting.clone(),
        ));
        Ok(Self {
            family,
            source: source.cloned(),
            socket,
            ident,
            warning,
            waiting,
            _receiver: AbortOnDropHandle::new(receiver),
        })
    }

    /// Whether this is the socket for that family and source.
    pub(super) fn serves(&self, family: Family, source: Option<&Source>) -> bool {
        self.family == family && self.source.as_ref() == source
    }

    /// What is not as it should be with this socket, in words.
    pub(super) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// One ping: what is said of it, and after how long.
    pub(super) async fn ping(&self, target: IpAddr, limit: Limit) -> Result<(Heard, Duration), NoAnswer> {
        let nonce = random();
        let mut wait = Waiting::enter(&self.waiting, target, nonce)?;
        let request = packet::request(self.family, self.ident, wait.key.1, nonce);
        let sent = Instant::now();
        match limit
            .within(
                "sending",
                self.socket.send_to(&request, SocketAddr::new(target, 0)),
            )
            .await
        {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(socket::refused_at_once(&error, target)),
            Err(late) => return Err(NoAnswer::NotMade(late.words().to_owned())),
        }
        let answer = limit
            .within(&format!("pinging {target}"), &mut wait.answer)
            .await?;
        match answer {
            Ok((heard, at)) => Ok((heard, at.saturating_duration_since(sent))),
            // The sender lives in the list until it is used, and this ping's guard holds the list.
            Err(_) => Err(NoAnswer::NotMade("the ping socket was closed".into())),
        }
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

/// Hears answers and hands them to who waits for them; ends when it is aborted.
async fn receive(socket: Arc<UdpSocket>, kind: Type, ident: Option<u16>, waiting: Arc<Waiting>) {
    let mut buffer = [0; PACKET_LIMIT];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            sleep(ERROR_PAUSE).await;
            continue;
        };
        let at = Instant::now();
        let Some(answer) = packet::read(&buffer[..length], kind, from.ip()) else {
            continue;
        };
        // The kernel chose the identifier of a datagram socket, and hands it only its own.
        if ident.is_none_or(|ident| ident == answer.ident) {
            waiting.tell((answer.target, answer.seq), answer.nonce, answer.heard, at);
        }
    }
}

/// Who waits for which answer.
#[derive(Debug, Default)]
struct Waiting {
    /// A lock, since every check enters itself and the receiver takes it out; it is held for one
    /// look-up in the map.
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    last: u16,
    open: HashMap<Key, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    nonce: u64,
    answer: oneshot::Sender<(Heard, Instant)>,
}

/// One ping in flight. Dropping it forgets the ping.
#[derive(Debug)]
struct Wait {
    key: Key,
    nonce: u64,
    answer: oneshot::Receiver<(Heard, Instant)>,
    waiting: Arc<Waiting>,
}

impl Waiting {
    /// Takes the next number for a ping to `target`. They rise for every target, and are shared by
    /// all probes, so that none can take another's reply.
    fn enter(waiting: &Arc<Self>, target: IpAddr, nonce: u64) -> Result<Wait, NoAnswer> {
        let (sender, answer) = oneshot::channel();
        let mut list = waiting.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.open.len() >= IN_FLIGHT_LIMIT {
            return Err(NoAnswer::NotMade(format!(
                "{IN_FLIGHT_LIMIT} pings are in flight"
            )));
        }
        list.last = list.last.wrapping_add(1);
        while list.open.contains_key(&(target, list.last)) {
            list.last = list.last.wrapping_add(1);
        }
        let key = (target, list.last);
        list.open.insert(
            key,
            Waiter {
                nonce,
                answer: sender,
            },
        );
        Ok(Wait {
            key,
            nonce,
            answer,
            waiting: waiting.clone(),
        })
    }

    /// Hands an answer to who waits for it; `nonce` must be theirs, where the answer has one.
    fn tell(&self, key: Key, nonce: Option<u64>, heard: Heard, at: Instant) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = |waiter: &Waiter| nonce.is_none_or(|nonce| nonce == waiter.nonce);
        if list.open.get(&key).is_some_and(theirs)
            && let Some(waiter) = list.open.remove(&key)
        {
            // Who gave up in the meantime does not hear it.
            let _ = waiter.answer.send((heard, at));
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut list = self.waiting.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list
            .open
            .get(&self.key)
            .is_some_and(|waiter| waiter.nonce == self.nonce)
        {
            list.open.remove(&self.key);
        }
    }
}

/// A number that nobody guesses: the hash of nothing under the random keys that std makes for maps.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
