//! The icmp probe: an echo request is answered by an echo reply.
//!
//! Nothing else ends a check before its time-out. An ICMP error comes from anywhere, a router on the
//! way may be wrong for a second, and the reply may still follow: it is remembered, and tells why
//! there was no answer. That holds for this host's own "host unreachable", too, when nobody on the
//! link answers for the next hop: a cut of our own uplink must not fail some checks sooner than others.
//! Our own kernel's refusal to send is an error at once (D1).

mod filter;
mod in_flight;
mod packet;
mod pinger;
mod words;

#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::in_flight::InFlight;
use self::pinger::{ErrorListener, Pinger};
use super::deadline::CheckDeadline;
use super::report::{CheckError, CheckReport};
use super::resolve::Target;
use super::socket::{self, family_of};
use crate::config::model::{self, Family, Source};

/// An icmp probe, ready to be asked.
#[derive(Debug)]
pub(crate) struct Icmp {
    target: Target,
    source: Option<Source>,
    pings: Arc<Pings>,
}

impl Icmp {
    /// From its configuration, with its target found already. Its socket is opened here if it can
    /// be, so that a daemon may lay its privileges aside afterwards; else the checks try again.
    pub(crate) fn new(icmp: &model::IcmpConfig, target: Target, pings: Arc<Pings>) -> Self {
        for family in [Family::V4, Family::V6] {
            if target.may_be(family) {
                let _ = pings.pinger(family, icmp.source.as_ref());
            }
        }
        Self {
            target,
            source: icmp.source.clone(),
            pings,
        }
    }

    /// One check.
    pub(crate) async fn check(&self, limit: CheckDeadline) -> CheckReport {
        self.ping(limit).await.unwrap_or_else(CheckReport::from)
    }

    /// What makes every check an error.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.target.trouble()
    }

    async fn ping(&self, limit: CheckDeadline) -> Result<CheckReport, CheckError> {
        let target = self.target.address()?;
        let source = self.source.as_ref();
        let pinger = self.pings.pinger(family_of(target), source)?;
        let rtt = match pinger.ping(target, limit).await {
            // An interface that was made anew has another number: the socket follows the name.
            Err(CheckError::NotMade(_)) if matches!(source, Some(Source::Interface(_))) => {
                self.pings.forget(&pinger);
                let anew = self.pings.pinger(family_of(target), source)?;
                anew.ping(target, limit).await?
            }
            answer => answer?,
        };
        Ok(CheckReport::pass(&format!("{target} answered"), Some(rtt)))
    }
}

/// The sockets that pings go through: one for each family and source, shared by all probes; and one
/// for each family that hears ICMP errors.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    /// A lock, since a socket is opened by the first check that wants it; it is held for a look-up
    /// and a few system calls that do not block.
    open: Mutex<Open>,
    in_flight: Arc<InFlight>,
}

#[derive(Debug, Default)]
struct Open {
    pingers: Vec<Arc<Pinger>>,
    errors: Vec<(Family, ErrorListener)>,
}

impl Pings {
    /// The socket for a family and a source, opened if need be.
    ///
    /// # Errors
    /// Always "not made": no permission, no such source.
    fn pinger(&self, family: Family, source: Option<&Source>) -> Result<Arc<Pinger>, CheckError> {
        let mut open = self.lock();
        if let Some(pinger) = open.pingers.iter().find(|pinger| pinger.serves(family, source)) {
            return Ok(pinger.clone());
        }
        let pinger = Pinger::open(family, source, self.in_flight.clone()).map_err(|error| {
            if error.kind() == ErrorKind::PermissionDenied {
                CheckError::NotMade(NO_PERMISSION.into())
            } else {
                socket::not_opened(&error, source)
            }
        })?;
        if open.errors.iter().all(|(of, _)| *of != family)
            && let Ok(listener) = ErrorListener::open(family, self.in_flight.clone())
        {
            open.errors.push((family, listener));
        }
        let pinger = Arc::new(pinger);
        open.pingers.push(pinger.clone());
        Ok(pinger)
    }

    /// What is not as it should be with the sockets that are open, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let open = self.lock();
        let warnings = open.pingers.iter().filter_map(|pinger| pinger.warning());
        warnings.map(str::to_owned).collect()
    }

    /// Opens another socket for the next ping of that kind. Pings in flight keep theirs.
    fn forget(&self, pinger: &Arc<Pinger>) {
        self.lock().pingers.retain(|known| !Arc::ptr_eq(known, pinger));
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operator can do so that pings can be sent.
const NO_PERMISSION: &str = "no permission to ping: give the daemon CAP_NET_RAW, or put its group into \
                             net.ipv4.ping_group_range";
