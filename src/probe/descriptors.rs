//! The limit of file descriptors for checks, so that some are left for BIRD, the state files, the
//! history and the API.
//!
//! A check that gets no descriptor does not run, which is an error (D1): it proves nothing about its
//! target.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::report::CheckError;
use crate::config::model::{self, CheckConfig};
use crate::metrics::{DescriptorCounts as Counts, SharedCounters};

/// What is left for everything else: 192 connections of the API, and 32 for BIRD, files, name servers,
/// ping sockets and the runtime's own. Where the limit is very small, half of it.
const RESERVE: usize = 224;

/// How long a check waits for a descriptor: checks that follow each other closely do overlap for a moment.
/// Much longer, and it would begin at another time than it is counted for (D1, D5).
const PATIENCE: Duration = Duration::from_millis(50);

/// What an exec check needs: the pipe of its output at both ends, a handle of the process, and what
/// the start of a program takes for a moment.
const EXEC: u32 = 8;

/// What checks take their descriptors from.
#[derive(Debug)]
pub(crate) struct Descriptors {
    most: usize,
    free: Arc<Semaphore>,
    counts: SharedCounters<Counts>,
}

/// The descriptors of one check, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct DescriptorPermit {
    number: u64,
    counts: SharedCounters<Counts>,
    _permit: OwnedSemaphorePermit,
}

impl Descriptors {
    /// As many as this process may open now, without the reserve.
    pub(crate) fn of_this_process(counts: SharedCounters<Counts>) -> Self {
        Self::new(budget(), counts)
    }

    fn new(most: usize, counts: SharedCounters<Counts>) -> Self {
        counts.count(|counts| counts.limit = most as u64);
        Self {
            most,
            free: Arc::new(Semaphore::new(most)),
            counts,
        }
    }

    /// Takes what one check of that kind needs; `None`: it needs none of its own.
    ///
    /// # Errors
    /// Always "not made".
    pub(crate) async fn take(&self, need: u32) -> Result<Option<DescriptorPermit>, CheckError> {
        if need == 0 {
            return Ok(None);
        }
        let free = self.free.clone().acquire_many_owned(need);
        let Ok(Ok(permit)) = timeout(PATIENCE, free).await else {
            self.counts.count(|counts| counts.refused += 1);
            return Err(CheckError::NotMade(format!(
                "no file descriptor is free: checks may have {} open; raise LimitNOFILE=",
                self.most
            )));
        };
        let number = u64::from(need);
        self.counts.count(|counts| counts.in_use += number);
        Ok(Some(DescriptorPermit {
            number,
            counts: self.counts.clone(),
            _permit: permit,
        }))
    }
}

impl Drop for DescriptorPermit {
    fn drop(&mut self) {
        let number = self.number;
        self.counts
            .count(|counts| counts.in_use = counts.in_use.saturating_sub(number));
    }
}

/// How many descriptors all checks together may have open.
pub fn budget() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let limit = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .min(Semaphore::MAX_PERMITS);
    limit - RESERVE.min(limit / 2)
}

/// How many one check of that kind has open.
pub(crate) fn need(check: &CheckConfig) -> u32 {
    match check {
        CheckConfig::Tcp(_) | CheckConfig::Http(_) | CheckConfig::Dns(_) => 1,
        CheckConfig::Exec(_) => EXEC,
        // Pings share their sockets, and BIRD is asked over the one connection there is.
        CheckConfig::Icmp(_) | CheckConfig::BirdRoute(_) | CheckConfig::BirdProtocol(_) => 0,
    }
}

/// How many a probe has open at most, when it is asked every `retry_interval` and nobody answers.
fn most(probe: &model::ProbeConfig) -> u64 {
    let retry = probe.retry_interval.as_nanos().max(1);
    let overlap = u64::try_from(probe.timeout.as_nanos().div_ceil(retry)).unwrap_or(u64::MAX);
    u64::from(need(&probe.check)).saturating_mul(overlap.max(1))
}

/// Makes the checks of all probes fit into `budget`, also when all targets are silent at once: the
/// retry intervals are doubled, up to the intervals, until they do. What does not overlap needs no
/// descriptor of its own, and a death is found later, but it is found: checks that cannot be made
/// would prove nothing. By how much they were stretched; 1: not at all.
pub fn fit(probes: &mut [&mut model::ProbeConfig], budget: usize) -> u32 {
    let mut stretch = 1;
    while probes.iter().map(|probe| most(probe)).sum::<u64>() > budget as u64 {
        let mut overlapping = false;
        for probe in probes.iter_mut() {
            if most(probe) > u64::from(need(&probe.check)) && probe.retry_interval < probe.interval {
                probe.retry_interval = (probe.retry_interval * 2).min(probe.interval);
                overlapping = true;
            }
        }
        if !overlapping {
            break;
        }
        stretch *= 2;
    }
    stretch
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::config::model::{Decides, Host, TcpConfig, Votes};

    fn tcp() -> model::ProbeConfig {
        model::ProbeConfig {
            name: "port".into(),
            check: CheckConfig::Tcp(TcpConfig {
                target: Host::Addr(IpAddr::from([192, 0, 2, 1])),
                port: 80,
                source: None,
            }),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            retry_interval: Duration::from_millis(500),
            fall: 3,
            rise: 2,
            votes: Votes::Both,
            decides: None::<Decides>,
            group: model::Group::Near,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn d1_a_check_without_a_descriptor_is_an_error_and_what_is_taken_is_given_back() {
        let counts = SharedCounters::default();
        let descriptors = Descriptors::new(9, counts.clone());
        let taken = (descriptors.take(1).await, descriptors.take(EXEC).await);
        assert!(descriptors.take(0).await.unwrap().is_none());
        let none = descriptors.take(1).await.unwrap_err();
        assert!(matches!(none, CheckError::NotMade(_)), "{none:?}");
        let seen = counts.copy();
        assert_eq!((seen.limit, seen.in_use, seen.refused), (9, 9, 1));
        let (all, ()) = tokio::join!(descriptors.take(9), async { drop(taken) });
        assert!(all.unwrap().is_some(), "it did not wait for what was given back");
        assert_eq!(counts.copy().in_use, 0);
    }

    #[test]
    fn eight_hundred_silent_targets_fit_into_a_limit_of_1024() {
        let mut probes = vec![tcp(); 800];
        let mut borrowed: Vec<_> = probes.iter_mut().collect();
        assert_eq!(fit(&mut borrowed, 1024 - RESERVE), 4);
        assert_eq!(probes[0].retry_interval, probes[0].timeout);
        let mut borrowed: Vec<_> = probes.iter_mut().collect();
        assert_eq!(fit(&mut borrowed, 800), 1);
    }

    #[test]
    fn with_room_for_all_nothing_is_stretched() {
        let mut probes = vec![tcp(); 800];
        let mut borrowed: Vec<_> = probes.iter_mut().collect();
        assert_eq!(fit(&mut borrowed, 3200), 1);
        assert_eq!(probes[0], tcp());
    }
}
