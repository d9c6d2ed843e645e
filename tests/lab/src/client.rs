//! A user of the service, somewhere behind the upstream: fetches a page from the service's address all
//! along, and remembers when which site answered. It only observes.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

use crate::netns::Netns;
use crate::wait;

/// From the start of one fetch to the start of the next, which may overlap it.
const EVERY: Duration = Duration::from_millis(25);
/// How long a fetch may take.
const TIMEOUT: Duration = Duration::from_millis(400);

/// One fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// When it began.
    pub at: SystemTime,
    /// The site that answered, or what went wrong.
    pub answer: Result<String, String>,
}

/// A client at work; it ends when it is dropped.
#[derive(Debug)]
pub struct Client {
    stop: Arc<AtomicBool>,
    // Pushed to by the client's thread, copied by the tests.
    fetches: Arc<Mutex<Vec<Fetch>>>,
}

impl Client {
    /// Starts fetching `http://ADDRESS/` from the namespace.
    pub fn start(namespace: &Netns, address: IpAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let fetches = Arc::new(Mutex::new(Vec::new()));
        let (namespace, ended, into) = (namespace.clone(), Arc::clone(&stop), Arc::clone(&fetches));
        std::thread::spawn(move || {
            if let Err(error) = work(&namespace, SocketAddr::new(address, 80), &ended, &into) {
                let answer = Err(format!("the client itself failed: {error:#}"));
                push(
                    &into,
                    Fetch {
                        at: wait::now(),
                        answer,
                    },
                );
            }
        });
        Self { stop, fetches }
    }

    /// Every fetch that is done, in the order of their beginnings.
    pub fn fetches(&self) -> Vec<Fetch> {
        let mut fetches = self
            .fetches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        fetches.sort_by_key(|fetch| fetch.at);
        fetches
    }

    /// Waits until a fetch that began after `since` is answered by this site, and returns that fetch.
    pub fn answered_by(&self, site: &str, since: SystemTime, deadline: Duration) -> Result<Fetch> {
        wait::until(&format!("answer of {site} to the client"), deadline, || {
            let answered = |fetch: &Fetch| fetch.at > since && fetch.answer.as_deref() == Ok(site);
            Ok(self.fetches().into_iter().find(answered))
        })
    }

    /// From the last fetch that was answered before `cut` until the first that was answered after it
    /// and after at least one failure; zero if none failed. Call it once the service is back.
    pub fn outage(&self, cut: SystemTime) -> Result<Duration> {
        let fetches = self.fetches();
        let after = fetches
            .iter()
            .position(|fetch| fetch.at >= cut)
            .context("no fetch after the cut")?;
        let Some(failed) = fetches[after..].iter().position(|fetch| fetch.answer.is_err()) else {
            return Ok(Duration::ZERO);
        };
        let failed = after + failed;
        let last = fetches[..failed].iter().rfind(|fetch| fetch.answer.is_ok());
        let back = fetches[failed..].iter().find(|fetch| fetch.answer.is_ok());
        match (last, back) {
            (Some(last), Some(back)) => Ok(wait::between(last.at, back.at)),
            _ => bail!("the client was not served both before and after"),
        }
    }

    /// Fetches that began since then and failed.
    pub fn failures(&self, since: SystemTime) -> Vec<Fetch> {
        let failed = |fetch: &Fetch| fetch.at >= since && fetch.answer.is_err();
        self.fetches().into_iter().filter(failed).collect()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn push(into: &Mutex<Vec<Fetch>>, fetch: Fetch) {
    into.lock().unwrap_or_else(PoisonError::into_inner).push(fetch);
}

/// Fetches until it is stopped, on a runtime whose only thread is inside the namespace.
fn work(namespace: &Netns, to: SocketAddr, stop: &AtomicBool, into: &Arc<Mutex<Vec<Fetch>>>) -> Result<()> {
    namespace.enter()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !stop.load(Ordering::Relaxed) {
            tick.tick().await;
            let into = Arc::clone(into);
            tokio::spawn(async move {
                let at = wait::now();
                let answer = match tokio::time::timeout(TIMEOUT, fetch(to)).await {
                    Ok(answer) => answer.map_err(|error| error.to_string()),
                    Err(_) => Err("no answer".to_owned()),
                };
                push(&into, Fetch { at, answer });
            });
        }
    });
    Ok(())
}

async fn fetch(to: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(to).await?;
    connection
        .write_all(b"GET / HTTP/1.1\r\nHost: service.example\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(body.trim().to_owned())
}
