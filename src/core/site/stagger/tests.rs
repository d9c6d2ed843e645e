//! Places on the clock: spread evenly, and the same at every start.

use super::*;
use crate::core::site::tests::support::*;

/// Probes that are asked every 8 s.
fn probes<const N: usize>(names: [&str; N]) -> Vec<model::ProbeConfig> {
    let every_8_s = |name: &str| model::ProbeConfig {
        interval: secs(8),
        ..probe(name)
    };
    names.map(every_8_s).into()
}

/// A probe whose first check and whose grid begin so long after the start.
fn placed(first: u64, grid: u64) -> ProbeTracker {
    let start = at_s(100);
    let schedule = Schedule::new(secs(8), ms(500), start + ms(first), start + ms(grid));
    ProbeTracker::new(3, 2, secs(2), schedule, false)
}

#[test]
fn d1_probes_are_spread_over_the_interval_and_services_between_one_another() {
    let services = vec![
        standby("web", probes(["ping", "site"])),
        standby("api", probes(["ping"])),
        standby("dns", probes(["a", "b", "c", "d"])),
    ];
    let config = config(services, probes(["resolver"]), 1);
    let passed = Passes::default();
    let slots = Stagger::new(&config, &passed, at_s(100));
    let of = |group: usize| slots.group(group, &config.services[group].probes);
    assert_eq!(of(0), [placed(0, 0), placed(500, 4_000)]);
    assert_eq!(of(1), [placed(250, 2_000)]);
    let quarters = [
        placed(125, 1_000),
        placed(375, 3_000),
        placed(625, 5_000),
        placed(875, 7_000),
    ];
    assert_eq!(of(2), quarters);
    assert_eq!(slots.group(3, &config.witnesses), [placed(750, 6_000)]);
    assert_eq!(slots.group(3, &[]), []);
}

#[test]
fn d1_a_probe_that_is_asked_more_often_than_each_second_begins_within_its_interval() {
    let mut services = vec![standby("web", probes(["ping", "site"]))];
    for probe in &mut services[0].probes {
        probe.interval = ms(400);
    }
    let config = config(services, Vec::new(), 0);
    let placed =
        Stagger::new(&config, &Passes::default(), Moment::START).group(0, &config.services[0].probes);
    assert_eq!(placed[1].due(), at_ms(200));
}
