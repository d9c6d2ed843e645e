//! The connections of one listener: never more than its limit. When it is full, the newcomer takes
//! the place of a connection that waits without asking anything: of whoever has most of them the one
//! that waits longest. So clients that open and say nothing cannot keep the others out, and a flood
//! from one address displaces itself.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::{AbortHandle, JoinSet};

use crate::metrics::{ListenerCounts, Rejection, SharedCounters};

/// See the module. Dropping it ends every connection.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    counts: SharedCounters<ListenerCounts>,
    tasks: JoinSet<()>,
    /// Oldest first.
    seats: VecDeque<ConnectionSlot>,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// A user of this machine.
    User(u32),
    /// An address of the network.
    Address(IpAddr),
}

impl Peer {
    /// As places are shared out: of IPv6 by network, since a host has as many addresses there as it likes.
    fn sharing(self) -> Self {
        match self {
            Self::User(uid) => Self::User(uid),
            Self::Address(address) => Self::Address(match address.to_canonical() {
                IpAddr::V4(v4) => IpAddr::V4(v4),
                IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
            }),
        }
    }
}

/// One connection's place.
#[derive(Debug)]
struct ConnectionSlot {
    peer: Peer,
    busy: BusyFlag,
    task: AbortHandle,
}

/// Whether a connection's request is being answered; such a connection keeps its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct BusyFlag(Arc<AtomicUsize>);

/// Makes the connection busy until it is dropped.
#[derive(Debug)]
pub(crate) struct BusyGuard(Arc<AtomicUsize>);

/// A connection that is open, counted until it is dropped.
#[derive(Debug)]
struct OpenConnection(SharedCounters<ListenerCounts>);

impl OpenConnection {
    fn new(counts: SharedCounters<ListenerCounts>) -> Self {
        counts.count(|counts| {
            counts.open += 1;
            counts.admitted += 1;
        });
        Self(counts)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.count(|counts| counts.open = counts.open.saturating_sub(1));
    }
}

impl BusyFlag {
    /// Makes the connection busy.
    pub(crate) fn occupy(&self) -> BusyGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        BusyGuard(self.0.clone())
    }

    fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    /// Room for `limit` connections.
    pub(crate) fn new(limit: usize, counts: SharedCounters<ListenerCounts>) -> Self {
        Self {
            limit,
            counts,
            tasks: JoinSet::new(),
            seats: VecDeque::new(),
        }
    }

    /// Takes a connection in; whether it took another's place. It is dropped at once if everybody else is
    /// being answered.
    pub(crate) fn admit<F>(&mut self, peer: Peer, connection: impl FnOnce(BusyFlag) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        while self.tasks.try_join_next().is_some() {}
        self.seats.retain(|seat| !seat.task.is_finished());
        let full = self.seats.len() >= self.limit;
        if full {
            let Some(seat) = self.displaced().and_then(|seat| self.seats.remove(seat)) else {
                self.counts.count(|counts| {
                    counts.refused += 1;
                    counts.refuse(Rejection::Full);
                });
                return true;
            };
            self.counts.count(|counts| counts.displaced += 1);
            seat.task.abort();
        }
        let busy = BusyFlag::default();
        let (open, connection) = (OpenConnection::new(self.counts.clone()), connection(busy.clone()));
        let task = self.tasks.spawn(async move {
            let _open = open;
            connection.await;
        });
        let peer = peer.sharing();
        self.seats.push_back(ConnectionSlot { peer, busy, task });
        full
    }

    /// The place that a newcomer gets: of whoever has most places the one that waits longest.
    fn displaced(&self) -> Option<usize> {
        let mut places: HashMap<Peer, usize> = HashMap::new();
        for seat in &self.seats {
            *places.entry(seat.peer).or_default() += 1;
        }
        let idle = self
            .seats
            .iter()
            .enumerate()
            .filter(|(_, seat)| !seat.busy.is_busy());
        // Of equals the first is the least: the oldest.
        let longest = idle.min_by_key(|(_, seat)| std::cmp::Reverse(places.get(&seat.peer)));
        longest.map(|(place, _)| place)
    }

    /// Waits until every connection has ended.
    pub(crate) async fn empty(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const SOMEBODY: Peer = Peer::User(0);

    /// A connection that lives until it is ended, and says then who it was.
    struct Guest(u32, mpsc::UnboundedSender<u32>);

    impl Drop for Guest {
        fn drop(&mut self) {
            self.1.send(self.0).unwrap();
        }
    }

    #[tokio::test]
    async fn the_newcomer_takes_the_place_of_the_longest_idle() {
        let (gone, mut left) = mpsc::unbounded_channel();
        let mut connections = Connections::new(2, SharedCounters::default());
        for number in 0..2 {
            let guest = Guest(number, gone.clone());
            connections.admit(SOMEBODY, |busy| async move {
                let _guest = guest;
                if number == 0 {
                    let _occupied = busy.occupy();
                    std::future::pending::<()>().await;
                }
                std::future::pending::<()>().await;
            });
        }
        tokio::task::yield_now().await;
        let guest = Guest(2, gone.clone());
        connections.admit(SOMEBODY, |_| async move {
            let _guest = guest;
            std::future::pending::<()>().await;
        });
        assert_eq!(left.recv().await, Some(1), "0 was older, but busy");
        assert_eq!(connections.seats.len(), 2);
        let ListenerCounts {
            open,
            admitted,
            displaced,
            ..
        } = connections.counts.copy();
        assert_eq!((open, admitted, displaced), (2, 3, 1));
    }

    #[tokio::test]
    async fn with_everybody_busy_the_newcomer_is_turned_away() {
        let mut connections = Connections::new(1, SharedCounters::default());
        connections.admit(SOMEBODY, |busy| async move {
            let _occupied = busy.occupy();
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        let (gone, mut left) = mpsc::unbounded_channel();
        let guest = Guest(7, gone);
        connections.admit(SOMEBODY, |_| async move { drop(guest) });
        assert_eq!(left.try_recv(), Ok(7));
        assert_eq!(connections.seats.len(), 1);
        assert_eq!(connections.counts.copy().refused, 1);
    }

    #[tokio::test]
    async fn a_thousand_connections_leave_no_more_than_the_limit() {
        let mut connections = Connections::new(16, SharedCounters::default());
        for _ in 0..1000 {
            connections.admit(SOMEBODY, |_| std::future::pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(connections.seats.len(), 16);
        assert!(connections.tasks.len() <= 17, "{} tasks", connections.tasks.len());
    }

    #[tokio::test]
    async fn a_flood_from_one_address_displaces_itself() {
        let address = |text: &str| Peer::Address(text.parse().unwrap());
        let (gone, mut left) = mpsc::unbounded_channel();
        let mut connections = Connections::new(4, SharedCounters::default());
        let mut come = |number: u32, peer: &str| {
            let guest = Guest(number, gone.clone());
            connections.admit(address(peer), |_| async move {
                let _guest = guest;
                std::future::pending::<()>().await;
            });
        };
        come(0, "192.0.2.1");
        for number in 1..10 {
            // An address of its own each time, and the same network.
            come(number, &format!("2001:db8::{number:x}"));
            tokio::task::yield_now().await;
        }
        drop(gone);
        let mut gone = vec![];
        while let Ok(number) = left.try_recv() {
            gone.push(number);
        }
        assert_eq!(gone, [1, 2, 3, 4, 5, 6], "the one of another address stays");
    }
}
