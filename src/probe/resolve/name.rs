//! One name, and the task that refreshes its addresses.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::shared::SharedNumber;
use crate::probe::socket::words;

/// How long an answer is used before the name is asked for again. `getaddrinfo` does not tell a
/// record's TTL; half a minute follows a change of DNS and is no load.
const REFRESH: Duration = Duration::from_secs(30);

/// How soon a name that could not be resolved is asked for again, at first; doubled up to
/// [`REFRESH`].
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How many names are being looked up at a time: each holds a thread, and with dead name servers
/// holds it for long.
const LOOKUPS_AT_A_TIME: usize = 8;

type PendingLookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How names are turned into addresses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct NameResolver(Arc<dyn Fn(String) -> PendingLookup + Send + Sync>);

impl NameResolver {
    /// The system's: `getaddrinfo` on a thread for blocking work, a bounded number at a time. The
    /// bound holds for look-ups that nobody waits for any more, too.
    pub(crate) fn system() -> Self {
        let permits = Arc::new(Semaphore::new(LOOKUPS_AT_A_TIME));
        Self::new(move |name| {
            let permits = permits.clone();
            async move {
                let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
                let look_up = move || {
                    let _permit = permit;
                    let found = (name.as_str(), 0).to_socket_addrs()?;
                    Ok(found.map(|addr| addr.ip()).collect())
                };
                tokio::task::spawn_blocking(look_up)
                    .await
                    .map_err(io::Error::other)?
            }
        })
    }

    /// Another way, such as a test's.
    pub(crate) fn new<F>(look_up: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |name| Box::pin(look_up(name))))
    }
}

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

/// A name and the last addresses found for it. Its task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ResolvedName {
    text: String,
    found: watch::Receiver<ResolvedAddresses>,
    _task: AbortOnDropHandle<()>,
}

/// What is known of a name.
#[derive(Clone, Debug)]
enum ResolvedAddresses {
    /// It was never resolved; why, in words.
    Never(String),
    /// The last addresses found, never empty. Those that stay keep their places, so that a server
    /// that turns its answers around does not turn the target around.
    Addresses(Vec<IpAddr>),
}

impl ResolvedName {
    /// Starts to resolve it. `changes` counts when it gets other addresses.
    pub(crate) fn spawn(text: String, lookup: NameResolver, changes: SharedNumber) -> Self {
        let (sender, found) = watch::channel(ResolvedAddresses::Never("not yet".into()));
        let task = tokio::spawn(keep_fresh(text.clone(), lookup, sender, changes));
        Self {
            text,
            found,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// The name itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The last addresses found.
    ///
    /// # Errors
    /// Why there never were any, in words.
    pub(crate) fn found(&self) -> Result<Vec<IpAddr>, String> {
        match &*self.found.borrow() {
            ResolvedAddresses::Addresses(addresses) => Ok(addresses.clone()),
            ResolvedAddresses::Never(why) => Err(format!("{} was never resolved: {why}", self.text)),
        }
    }
}

/// Resolves `name` again and again; ends when it is aborted.
async fn keep_fresh(
    name: String,
    lookup: NameResolver,
    known: watch::Sender<ResolvedAddresses>,
    changes: SharedNumber,
) {
    let mut retry = FIRST_RETRY;
    loop {
        // In a task of its own: a look-up that breaks down, as for want of a thread, is one that failed.
        let look_up = AbortOnDropHandle::new(tokio::spawn((lookup.0)(name.clone())));
        let looked_up = look_up.await.map_err(io::Error::other).and_then(|found| found);
        let wait = match looked_up {
            Ok(new) if !new.is_empty() => {
                if known.send_if_modified(|found| found.renew(new)) {
                    changes.add(1);
                }
                retry = FIRST_RETRY;
                REFRESH
            }
            Ok(_) => failed(&known, &name, "it has no addresses", &mut retry),
            Err(error) => failed(&known, &name, &words(&error), &mut retry),
        };
        sleep(wait).await;
    }
}

/// Notes why there is nothing new, and says when to try again.
fn failed(known: &watch::Sender<ResolvedAddresses>, name: &str, why: &str, retry: &mut Duration) -> Duration {
    tracing::trace!(name, why, "name not resolved");
    known.send_modify(|found| match found {
        ResolvedAddresses::Never(reason) => *reason = why.to_owned(),
        ResolvedAddresses::Addresses(_) => {}
    });
    let wait = *retry;
    *retry = (wait * 2).min(REFRESH);
    wait
}

impl ResolvedAddresses {
    /// Takes in what was found now. True: it differs.
    fn renew(&mut self, mut new: Vec<IpAddr>) -> bool {
        if let Self::Addresses(old) = self {
            let place = |addr: &IpAddr| old.iter().position(|known| known == addr).unwrap_or(usize::MAX);
            new.sort_by_key(place);
            if *old == new {
                return false;
            }
        }
        *self = Self::Addresses(new);
        true
    }
}
