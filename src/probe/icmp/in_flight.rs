//! The pings in flight: which answer belongs to which, and which ICMP error is believed.
//!
//! Identifier, number and nonce of a ping are drawn at random for each, so that a host that does not
//! see our packets can neither answer for the target nor report an error: it would have to guess 32
//! bits and 16 of checksum for an IPv4 error, and 96 more of data for a reply or an IPv6 error. An
//! error that is right in all of that ends nothing either (RFC 5927, section 4): it is remembered,
//! and told if no answer comes.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::packet::{self, Echo, IcmpError, IcmpMessage, Marks, Says};
use crate::probe::report::CheckError;
use crate::probe::socket::family_of;

/// How many pings may be in flight: what fits into a receive buffer, some times over.
const IN_FLIGHT_LIMIT: usize = 1 << 15;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// A lock, since every check enters itself and the receivers look it up; it is held for one
    /// look-up in the map.
    pings: Mutex<HashMap<PingKey, Ping>>,
}

/// Where a ping and its answer meet: the address it went to, its identifier and its number.
type PingKey = (IpAddr, u16, u16);

#[derive(Debug)]
struct Ping {
    request: Echo,
    answered: oneshot::Sender<Instant>,
    error: Option<IcmpError>,
}

/// One ping in flight. Dropping it forgets the ping.
#[derive(Debug)]
pub(crate) struct Wait {
    /// What is to be sent.
    pub(crate) request: Echo,
    /// When the reply came.
    pub(crate) answered: oneshot::Receiver<Instant>,
    key: PingKey,
    in_flight: Arc<InFlight>,
}

/// Whether the identifier of a ping is ours to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ident {
    /// On a raw socket.
    Random,
    /// The kernel chooses one for a datagram socket, checks it, and puts it into the request.
    OfTheKernel,
}

impl InFlight {
    /// Draws a ping to `target` that is like no other in flight.
    pub(crate) fn enter(
        self: &Arc<Self>,
        target: IpAddr,
        ident: Ident,
        cookie: u32,
    ) -> Result<Wait, CheckError> {
        let (sender, answered) = oneshot::channel();
        let mut pings = self.lock();
        if pings.len() >= IN_FLIGHT_LIMIT {
            return Err(CheckError::NotMade(format!(
                "{IN_FLIGHT_LIMIT} pings are in flight"
            )));
        }
        let (marks, key) = loop {
            let marks = draw(ident, cookie);
            let key = (target, marks.ident, marks.seq);
            if !pings.contains_key(&key) {
                break (marks, key);
            }
        };
        let request = packet::request(family_of(target), marks);
        pings.insert(
            key,
            Ping {
                request,
                answered: sender,
                error: None,
            },
        );
        Ok(Wait {
            request,
            answered,
            key,
            in_flight: self.clone(),
        })
    }

    /// Takes in a packet that came `at` that time. `ident`: who chose the identifiers on its socket.
    pub(crate) fn take(&self, heard: IcmpMessage<'_>, ident: Ident, at: Instant) {
        let number = match ident {
            Ident::Random => heard.ident,
            Ident::OfTheKernel => 0,
        };
        let key = (heard.target, number, heard.seq);
        let mut pings = self.lock();
        let Some(ping) = pings.get_mut(&key) else { return };
        match heard.says {
            Says::Reply(data) if packet::is_reply_to(data, &ping.request) => {
                if let Some(ping) = pings.remove(&key) {
                    // Who gave up in the meantime does not hear it.
                    let _ = ping.answered.send(at);
                }
            }
            Says::Error(error, quote) if quote.is_of(&ping.request, family_of(heard.target)) => {
                // The first is nearest to the cause; a loop on the way may send many.
                ping.error.get_or_insert(error);
            }
            Says::Reply(_) | Says::Error(..) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PingKey, Ping>> {
        self.pings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    /// The ICMP error that came instead of an answer, so far.
    pub(crate) fn error(&self) -> Option<IcmpError> {
        self.in_flight.lock().get(&self.key)?.error
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut pings = self.in_flight.lock();
        // After its answer the place may be another ping's.
        if pings
            .get(&self.key)
            .is_some_and(|ping| ping.request == self.request)
        {
            pings.remove(&self.key);
        }
    }
}

fn draw(ident: Ident, cookie: u32) -> Marks {
    let [a, b, c, d, ..] = random().to_be_bytes();
    Marks {
        ident: match ident {
            Ident::Random => u16::from_be_bytes([a, b]),
            Ident::OfTheKernel => 0,
        },
        seq: u16::from_be_bytes([c, d]),
        nonce: random(),
        cookie,
    }
}

/// A number that nobody guesses: the hash of nothing under the random keys that std makes for maps
/// (SipHash, keyed by the kernel's random numbers).
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
