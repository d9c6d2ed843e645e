//! A user of the service, somewhere behind the upstream: fetches a page from the service's address all
//! along, and remembers when which site answered. It only observes.

use std::collections::BTreeMap;
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

/// What a client saw of the service for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The longest time without service: from the last fetch that was answered before a failure to the first
    /// that was answered after it.
    pub longest_gap: Duration,
    /// All such times together.
    pub without_service: Duration,
    /// Whether the last of them was over.
    pub ended: bool,
    /// How many fetches failed.
    pub failed: usize,
    /// How many fetches each site answered.
    pub answers: BTreeMap<String, usize>,
}

impl Served {
    /// Of these fetches, in the order of their beginnings, until `end`.
    fn by(fetches: impl Iterator<Item = Fetch>, end: SystemTime) -> Self {
        let mut served = Self::default();
        let (mut good, mut failing) = (None, false);
        for fetch in fetches {
            let since = *good.get_or_insert(fetch.at);
            match fetch.answer {
                Ok(site) => {
                    if failing {
                        served.gap(wait::between(since, fetch.at));
                    }
                    (good, failing) = (Some(fetch.at), false);
                    *served.answers.entry(site).or_default() += 1;
                }
                Err(_) => {
                    failing = true;
                    served.failed += 1;
                }
            }
        }
        served.ended = !failing;
        if let (Some(since), true) = (good, failing) {
            served.gap(wait::between(since, end));
        }
        served
    }

    fn gap(&mut self, gap: Duration) {
        self.longest_gap = self.longest_gap.max(gap);
        self.without_service += gap;
    }
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
            let answered = |fetch: &&Fetch| fetch.at > since && fetch.answer.as_deref() == Ok(site);
            let fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(fetches
                .iter()
                .filter(answered)
                .min_by_key(|fetch| fetch.at)
                .cloned())
        })
    }

    /// What was seen of the service by the fetches that began in this time.
    pub fn served(&self, from: SystemTime, to: SystemTime) -> Served {
        let during = |fetch: &&Fetch| fetch.at >= from && fetch.at < to;
        let fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fetches: Vec<_> = fetches.iter().filter(during).cloned().collect();
        fetches.sort_by_key(|fetch| fetch.at);
        Served::by(fetches.into_iter(), to)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The times without service of fetches 25 ms apart: `.` is answered by the primary, `s` by the standby,
    /// `x` is not answered.
    fn served(picture: &str) -> Served {
        let begin = SystemTime::UNIX_EPOCH;
        let fetches = picture.chars().zip(0..).map(|(sign, number)| Fetch {
            at: begin + EVERY * number,
            answer: match sign {
                '.' => Ok("cn".to_owned()),
                's' => Ok("hk".to_owned()),
                _ => Err("no answer".to_owned()),
            },
        });
        Served::by(fetches, begin + EVERY * picture.len() as u32)
    }

    #[test]
    fn times_without_service_are_counted_between_answers() {
        let one = served("..xxss");
        assert_eq!(
            (one.longest_gap, one.without_service, one.failed),
            (EVERY * 3, EVERY * 3, 2)
        );
        assert_eq!(
            one.answers,
            BTreeMap::from([("cn".to_owned(), 2), ("hk".to_owned(), 2)])
        );
        let two = served("..xxs..x.");
        assert_eq!((two.longest_gap, two.without_service), (EVERY * 3, EVERY * 5));
        assert!(two.ended);
        assert_eq!(served("....").longest_gap, Duration::ZERO);
    }

    #[test]
    fn a_time_without_service_that_did_not_end_lasts_until_the_end() {
        let dead = served("..xx");
        assert_eq!((dead.longest_gap, dead.ended), (EVERY * 3, false));
        let never = served("xxxx");
        assert_eq!((never.longest_gap, never.ended), (EVERY * 4, false));
    }
}
