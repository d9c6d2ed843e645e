//! D1 on a whole site: how soon a death is known, and what it costs while all is well.

use super::support::*;
use crate::failover::{ProbeId, Strength};
use crate::status::snapshot::ProbeState;
use crate::time::Moment;

/// `timeout + (fall - 1) x retry_interval`, with the article's numbers.
const CONFIRMED_AFTER: std::time::Duration = std::time::Duration::from_secs(3);

fn healthy(config: &crate::config::model::Config) -> Bench {
    Bench::new(config).adopting(Strength::Off)
}

/// The first check of `probe` that began at `at` or later.
fn first_unanswered(bench: &Bench, probe: ProbeId, at: Moment) -> Moment {
    bench.world.starts_of(probe, at)[0]
}

#[test]
fn d1_a_silent_death_is_confirmed_after_timeout_and_the_retries_at_every_phase() {
    for millis in (20_000..30_000).step_by(73) {
        let died = at_ms(millis);
        let mut bench = healthy(&simple());
        bench.world.from(died, PING, Target::Dead);
        bench.run(died + secs(20));
        let first = first_unanswered(&bench, PING, died);
        let confirmed = first + CONFIRMED_AFTER;
        assert_eq!(
            bench.turns(PING).last(),
            Some(&(confirmed, ProbeState::Down)),
            "died at {millis} ms"
        );
        assert_eq!(
            bench.switches(),
            [(confirmed, "off -> full by D4".to_owned())],
            "died at {millis} ms"
        );
        assert!(
            confirmed.since(died) <= secs(5) + CONFIRMED_AFTER,
            "the worst case is one interval more"
        );
    }
}

#[test]
fn d1_no_probe_is_left_alone_for_longer_than_its_interval_from_its_first_check_on() {
    let mut bench = healthy(&article());
    bench.run(at_s(60));
    for probe in [PING, SITE, WITNESS] {
        let starts = bench.world.starts_of(probe, Moment::START);
        for pair in starts.windows(2) {
            let gap = pair[1].since(pair[0]);
            assert!(gap <= secs(5), "{probe:?} waited {gap:?} after {:?}", pair[0]);
        }
    }
}
