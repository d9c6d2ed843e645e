//! The two clocks held against each other: a step of the wall clock moves with it everything that is
//! written in its time and means a length (D9, D11), and a suspension makes all evidence old (D2).

use std::time::Duration;

use jiff::SignedDuration;

use super::Site;
use crate::core::event::{CoreEvent, Event, Input, ProbeId};
use crate::core::health::ProbeTracker;
use crate::model::history::HistoryEvent;

/// What the wall clock and the monotonic one may differ by between two inputs, which come at least
/// every second: slewing stays far below it, and what is shorter matters to nobody.
const STEP_NOTICED: SignedDuration = SignedDuration::from_secs(1);

impl Site {
    /// Notices a step of the wall clock since the last input.
    pub(crate) fn follow_clocks(&mut self, input: &Input) {
        let now = input.now;
        let slept = match input.event {
            Some(Event::Suspended { lasted }) => lasted,
            Some(
                Event::Checked { .. }
                | Event::Bird { .. }
                | Event::Asked { .. }
                | Event::Drill { .. }
                | Event::Routes { .. },
            )
            | None => Duration::ZERO,
        };
        let before = std::mem::replace(&mut self.clocks, now);
        // Only the wall clock goes on while the machine sleeps.
        let expected = before.wall_at(now.mono + slept);
        let step = now.wall.duration_since(expected);
        if step.abs() < STEP_NOTICED {
            return;
        }
        for service in &mut self.services {
            service.wall_clock_stepped(step);
        }
        let by_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let what = HistoryEvent::ClockStepped { by_ms };
        self.notes.push(CoreEvent::History(None, what));
    }

    /// What was gathered before a suspension, or before a stall that no row can bridge, does not add
    /// up with what comes after it: the world may be another one, and so may our own network.
    pub(crate) fn start_anew(
        &mut self,
        ended: impl Fn(&ProbeTracker) -> bool,
        anew: impl Fn(&mut ProbeTracker),
    ) {
        let services = self.services.iter_mut().enumerate();
        let of_services = services.flat_map(|(index, service)| {
            let probes = service.probes.iter_mut().enumerate();
            let probes = probes.map(move |(at, probe)| (ProbeId::Service(index, at), probe));
            let serves = service.serving.checks.iter_mut().enumerate();
            probes.chain(serves.map(move |(at, check)| (ProbeId::Serves(index, at), check)))
        });
        let witnesses = self.witnesses.iter_mut().enumerate();
        let all = of_services.chain(witnesses.map(|(at, probe)| (ProbeId::Witness(at), probe)));
        let mut turned = Vec::new();
        for (of, probe) in all.filter(|(_, probe)| ended(probe)) {
            let from = probe.state();
            anew(probe);
            let to = probe.state();
            if from != to {
                turned.push((of, from, to));
            }
        }
        for (of, from, to) in turned {
            let detail = "what it rests on was gathered before Falconer stood still";
            self.note_turned(of, from, to, detail);
        }
    }
}
