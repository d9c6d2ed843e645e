//! What is due when: the checks, what services wait for, and which services wait for a witness or for
//! the wall clock. Each is found without a look at all the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Bound;
use std::time::Duration;

use crate::core::event::ProbeId;
use crate::core::health::ProbeTracker;
use crate::core::isolation::WitnessPasses;
use crate::core::service::ServiceState;
use crate::model::time::{Moment, Now};

/// A wall clock that is off by more than this against the monotonic one was set. Reading two clocks
/// differs by microseconds, and slewing is noticed when services are looked at anyway.
const WALL_CLOCK_STEP: Duration = Duration::from_millis(10);

/// Moments by key, the earliest at hand.
#[derive(Clone, Debug)]
pub(crate) struct Queue<K> {
    order: BTreeSet<(Moment, K)>,
    at: HashMap<K, Moment>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            order: BTreeSet::new(),
            at: HashMap::new(),
        }
    }
}

impl<K: Copy + Ord + Hash> Queue<K> {
    /// Sets the moment of a key, or takes it away.
    pub(crate) fn set(&mut self, key: K, at: Option<Moment>) {
        let before = match at {
            Some(at) => self.at.insert(key, at),
            None => self.at.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, key));
        }
        if let Some(at) = at {
            self.order.insert((at, key));
        }
    }

    /// The earliest moment.
    fn earliest(&self) -> Option<Moment> {
        self.order.first().map(|(at, _)| *at)
    }

    /// The keys whose moment has come, by key; they are taken out.
    fn take_due(&mut self, now: Moment) -> BTreeSet<K> {
        let mut due = BTreeSet::new();
        while let Some((at, key)) = self.order.first().copied().filter(|(at, _)| *at <= now) {
            self.order.remove(&(at, key));
            self.at.remove(&key);
            due.insert(key);
        }
        due
    }
}

/// Rows of fails, by service: when their first check should have been answered, and when the last check
/// begins that the probe needs to be down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sought {
    order: BTreeSet<(Moment, Moment, usize)>,
    rows: HashMap<usize, Vec<(Moment, Moment)>>,
}

impl Sought {
    /// The rows of a service from now on.
    pub(crate) fn set(&mut self, service: usize, rows: Vec<(Moment, Moment)>) {
        let before = match rows.is_empty() {
            true => self.rows.remove(&service),
            false => self.rows.insert(service, rows.clone()),
        };
        for (settled, last) in before.into_iter().flatten() {
            self.order.remove(&(settled, last, service));
        }
        self.order
            .extend(rows.into_iter().map(|(settled, last)| (settled, last, service)));
    }

    /// When the first check that waits should have been answered.
    pub(crate) fn earliest(&self) -> Option<Moment> {
        self.order.first().map(|(settled, ..)| *settled)
    }

    /// The moment at which a witness that passed a check begun at `pass` is to be asked next: such that
    /// it proves the first row that this pass does not, and others with it, as long as the last check
    /// of the first has not begun.
    pub(crate) fn best_after(&self, pass: Option<Moment>) -> Option<Moment> {
        let lacking = pass.map_or(Bound::Unbounded, |pass| {
            Bound::Excluded((pass, LATEST, usize::MAX))
        });
        let (settled, last, _) = self.order.range((lacking, Bound::Unbounded)).next()?;
        let with_it = self.order.range(..=(*last, LATEST, usize::MAX)).next_back();
        Some(with_it.map_or(*settled, |(with_it, ..)| (*with_it).max(*settled)))
    }

    fn services(&self) -> impl Iterator<Item = usize> {
        self.rows.keys().copied()
    }
}

const LATEST: Moment = Moment::new(Duration::MAX);

/// Everything that is due once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// Probes of which a check is due, by their place in the configuration.
    pub(crate) ready: BTreeSet<ProbeId>,
    /// When a probe is to be looked at: its next check, or one that stays unanswered.
    checks: Queue<ProbeId>,
    /// When the oldest check of a probe is given up.
    overdue: Queue<ProbeId>,
    /// When a service may be judged differently with nothing else changing.
    services: Queue<usize>,
    /// The rows of fails that wait for a witness's pass (D5).
    pub(crate) sought: Sought,
    /// How closely the clock is to be watched, by how many probes want that (D2).
    pulses: BTreeMap<Duration, usize>,
    pulse_of: HashMap<ProbeId, Duration>,
    /// Services that a witness's pass may move.
    awaiting_witness: BTreeSet<usize>,
    /// Services that go by the wall clock.
    by_wall_clock: BTreeSet<usize>,
    /// How far the wall clock was from the monotonic one, in nanoseconds.
    wall_offset: Option<i128>,
    /// The sightings that `awaiting_witness` was evaluated with.
    sightings: u64,
    /// Services with fails that could count towards a verdict down.
    failing: BTreeSet<usize>,
    /// The misses of witnesses that `failing` was evaluated with.
    missed: u64,
}

impl Timers {
    /// Sets the timers of a probe anew.
    pub(crate) fn set_probe(&mut self, of: ProbeId, probe: &ProbeTracker, now: Moment) {
        if probe.due() <= now {
            self.ready.insert(of);
        } else {
            self.ready.remove(&of);
        }
        self.checks.set(of, Some(probe.wakes(now)));
        self.overdue.set(of, probe.given_up_at());
        self.set_pulse(of, probe.pulse());
    }

    fn set_pulse(&mut self, of: ProbeId, pulse: Option<Duration>) {
        let before = match pulse {
            Some(pulse) => self.pulse_of.insert(of, pulse),
            None => self.pulse_of.remove(&of),
        };
        if before == pulse {
            return;
        }
        if let Some(pulse) = pulse {
            *self.pulses.entry(pulse).or_default() += 1;
        }
        if let Some(before) = before
            && let Some(count) = self.pulses.get_mut(&before)
        {
            *count -= 1;
            if *count == 0 {
                self.pulses.remove(&before);
            }
        }
    }

    /// Sets the timers of a service anew, those of its probes aside.
    pub(crate) fn set_service(&mut self, index: usize, service: &ServiceState, now: &Now) {
        self.services.set(index, service.deadline(now));
        let mut belongs = |set: fn(&mut Self) -> &mut BTreeSet<usize>, there: bool| {
            if there {
                set(self).insert(index);
            } else {
                set(self).remove(&index);
            }
        };
        belongs(|timers| &mut timers.awaiting_witness, service.awaits_witness());
        belongs(|timers| &mut timers.by_wall_clock, service.goes_by_wall_clock());
    }

    /// The probes that are to be looked at now; they have no timer until one is set.
    pub(crate) fn take_due_probes(&mut self, now: Moment) -> BTreeSet<ProbeId> {
        self.checks.take_due(now)
    }

    /// The same for services.
    pub(crate) fn take_due_services(&mut self, now: Moment) -> BTreeSet<usize> {
        self.services.take_due(now)
    }

    /// The probes of which a check should have reported long ago.
    pub(crate) fn take_overdue(&mut self, now: Moment) -> BTreeSet<ProbeId> {
        self.overdue.take_due(now)
    }

    /// Says whether a service has fails that could count towards a verdict down.
    pub(crate) fn set_failing(&mut self, service: usize, failing: bool) {
        if failing {
            self.failing.insert(service);
        } else {
            self.failing.remove(&service);
        }
    }

    /// The services that have to be judged anew because a witness passed since the last call, or missed a
    /// check: that may take away a proof that there was.
    pub(crate) fn moved_by_witness(&mut self, sightings: &WitnessPasses) -> Vec<usize> {
        let version = sightings.version();
        if std::mem::replace(&mut self.sightings, version) == version {
            return Vec::new();
        }
        if std::mem::replace(&mut self.missed, sightings.missed()) != sightings.missed() {
            return self.awaiting_witness.union(&self.failing).copied().collect();
        }
        let awaiting = self.awaiting_witness.iter().copied();
        awaiting.chain(self.sought.services()).collect()
    }

    /// The services that have to be judged anew because the wall clock was set since the last call.
    pub(crate) fn moved_by_wall_clock(&mut self, now: &Now) -> Vec<usize> {
        let mono = i128::try_from(now.mono.since_start().as_nanos()).unwrap_or(i128::MAX);
        let offset = now.wall.as_nanosecond() - mono;
        let before = *self.wall_offset.get_or_insert(offset);
        if before.abs_diff(offset) < WALL_CLOCK_STEP.as_nanos() {
            return Vec::new();
        }
        self.wall_offset = Some(offset);
        self.by_wall_clock.iter().copied().collect()
    }

    /// When the first of all this is due.
    pub(crate) fn deadline(&self, now: Moment) -> Option<Moment> {
        let pulse = self.pulses.keys().next().map(|pulse| now + *pulse);
        [self.checks.earliest(), pulse, self.services.earliest()]
            .into_iter()
            .flatten()
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Moment {
        Moment::new(Duration::from_secs(second))
    }

    #[test]
    fn a_queue_has_one_moment_for_each_key_and_gives_them_back_in_time() {
        let mut queue = Queue::default();
        queue.set('a', Some(at(3)));
        queue.set('b', Some(at(2)));
        queue.set('a', Some(at(1)));
        queue.set('c', Some(at(9)));
        assert_eq!(queue.earliest(), Some(at(1)));
        queue.set('c', None);
        assert_eq!(queue.take_due(at(2)), BTreeSet::from(['a', 'b']));
        assert_eq!(queue.earliest(), None);
    }

    #[test]
    fn d5_a_witness_is_asked_once_for_as_many_rows_as_one_pass_can_prove() {
        let mut sought = Sought::default();
        assert_eq!((sought.earliest(), sought.best_after(None)), (None, None));
        sought.set(0, vec![(at(10), at(13)), (at(12), at(20))]);
        sought.set(1, vec![(at(15), at(16))]);
        assert_eq!(sought.earliest(), Some(at(10)));
        assert_eq!(sought.best_after(None), Some(at(12)));
        assert_eq!(sought.best_after(Some(at(9))), Some(at(12)));
        assert_eq!(
            sought.best_after(Some(at(10))),
            Some(at(15)),
            "the second waits until 20"
        );
        assert_eq!(sought.best_after(Some(at(12))), Some(at(15)));
        assert_eq!(sought.best_after(Some(at(15))), None);
        sought.set(0, Vec::new());
        assert_eq!(sought.earliest(), Some(at(15)));
    }
}
