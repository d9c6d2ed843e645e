//! D8 with probes that vote for failback: an ISP that prefers its customer tells this site nothing of the
//! primary's route while it announces at full.

use super::support::*;
use crate::config::model::{Config, Decides, FailbackMode, Votes};
use crate::core::drill::DrillEvent;
use crate::core::{Event, InitialStrength, OperatorCommand, Strength};
use crate::model::command::DrillPlan;
use crate::model::snapshot::{ProbeState, Verdict};
use crate::model::time::Moment;

/// The probe of the primary's route.
const ROUTE: crate::core::ProbeId = SITE;

fn behind_a_blind_isp() -> Config {
    let mut config = simple();
    let mut route = probe("route");
    (route.votes, route.decides) = (Votes::Failback, Some(Decides::Down));
    config.services[0].probes.push(route);
    config
}

/// A site whose ISP prefers its customer.
struct Blind {
    bench: Bench,
    /// When the primary announces: from, until.
    announces: Vec<(Moment, Moment)>,
}

const FOREVER: Moment = Moment::new(std::time::Duration::from_secs(1 << 40));

impl Blind {
    fn new(config: &Config) -> Self {
        Self {
            bench: Bench::new(config).adopting(Strength::Off),
            announces: vec![(Moment::START, FOREVER)],
        }
    }

    fn run(&mut self, until: Moment) {
        loop {
            let now = self.bench.play.now().mono;
            let told = |at: Moment| self.announces.iter().any(|&(from, to)| from <= at && at < to);
            let announced = self.bench.play.site().services()[0]
                .drill()
                .is_some_and(|drill| drill.plan().strength == Strength::Full);
            let blind = self.bench.strength() == Some(Strength::Full) || announced;
            let next = self.bench.play.next().unwrap_or(until).max(now);
            let target = if told(next) && !blind {
                Target::Alive
            } else {
                Target::Refusing
            };
            self.bench.world.from(next, ROUTE, target);
            if !self.bench.play.step(until, &mut self.bench.world) {
                break;
            }
        }
        self.bench.run(until);
    }

    /// Host and announcement die at 20 s; the host is back at 100 s, and the announcement then.
    fn outage(config: &Config, back: Moment) -> Self {
        let mut site = Self::new(config);
        site.announces = vec![(Moment::START, at_s(20)), (back, FOREVER)];
        site.bench.world.from(at_s(20), PING, Target::Dead);
        site.bench.world.from(at_s(100), PING, Target::Alive);
        site.run(at_s(100));
        assert_eq!(site.bench.strength(), Some(Strength::Full));
        site
    }

    fn switches_after(&self, from: Moment) -> Vec<(Moment, String)> {
        let switches = self.bench.switches().into_iter();
        switches.filter(|(at, _)| *at >= from).collect()
    }

    fn judged(&self) -> (String, Option<Moment>) {
        let service = &self.bench.play.site().services()[0];
        let judgement = service.judgement();
        let text = format!("{} {}", judgement.rule, service.explain(judgement.why));
        (text, judgement.deadline)
    }
}

#[test]
fn d8_a_failback_behind_an_isp_that_prefers_its_customer_happens_through_drain() {
    let mut site = Blind::outage(&behind_a_blind_isp(), at_s(100));
    site.run(at_s(110));
    let up = site.bench.verdicts().last().expect("it is up").0;
    assert_eq!(site.bench.state(ROUTE), ProbeState::Down, "it is blind");
    assert_eq!(site.bench.verdict(), Verdict::Up, "and makes nothing down");
    site.run(at_s(300));
    let switches = site.switches_after(at_s(100));
    let drain = up + secs(30);
    assert_eq!(switches[0], (drain, "full -> drain by D8".to_owned()));
    assert_eq!(switches[1].1, "drain -> off by D8");
    assert_eq!(switches.len(), 2);
    // It is asked at once, and once more after retry_interval.
    assert!(switches[1].0 <= drain + secs(2), "{switches:?}");
    let asked = site.bench.world.starts_of(ROUTE, drain);
    assert_eq!(asked[0], drain);
}

#[test]
fn d8_the_rest_of_failback_drain_follows_the_confirmation() {
    let mut config = behind_a_blind_isp();
    config.services[0].failback_drain = secs(20);
    let mut site = Blind::outage(&config, at_s(100));
    site.run(at_s(300));
    let switches = site.switches_after(at_s(100));
    assert_eq!(
        switches[1],
        (switches[0].0 + secs(20), "drain -> off by D8".to_owned())
    );
}

#[test]
fn d8_what_is_not_heard_in_drain_goes_back_to_full_and_is_tried_again_twice_as_late() {
    let mut site = Blind::outage(&behind_a_blind_isp(), FOREVER);
    site.run(at_s(12_000));
    let switches = site.switches_after(at_s(100));
    let tries: Vec<Moment> = switches.iter().step_by(2).map(|(at, _)| *at).collect();
    assert!(tries.len() > 7, "{switches:?}");
    for (number, pair) in switches.chunks(2).enumerate() {
        assert_eq!(pair[0].1, "full -> drain by D8", "{number}");
        if let Some(back) = pair.get(1) {
            assert_eq!(*back, (pair[0].0 + secs(30), "drain -> full by D8".to_owned()));
        }
    }
    let waits = tries.windows(2).map(|pair| pair[1].since(pair[0]) - secs(30));
    let expected = (0..).map(|number| secs((60_u64 << number.min(20)).min(3_600)));
    for (number, (wait, expected)) in waits.zip(expected).enumerate() {
        assert_eq!(wait, expected, "{number}");
    }
    let service = &site.bench.play.site().services()[0];
    assert_eq!(service.latched_since(), None, "a try is no takeover (D9)");
    assert_eq!(service.remembered().switches.len(), 1);
}

#[test]
fn d8_what_waits_for_the_next_try_says_so() {
    let mut site = Blind::outage(&behind_a_blind_isp(), FOREVER);
    site.run(at_s(140));
    let (text, deadline) = site.judged();
    assert_eq!(text, "D8 up again; in drain until the primary is seen by route");
    let drain = site.bench.switches().last().expect("it drains").0;
    assert_eq!(deadline, Some(drain + secs(30)));
    site.run(at_s(170));
    let (text, deadline) = site.judged();
    assert_eq!(
        text,
        "D8 up again, but not seen in drain by route, and blind at full: tried again later"
    );
    assert_eq!(deadline, Some(drain + secs(90)));
    let now = site.bench.play.now();
    let told = site.bench.play.site().explain(0, now).expect("there is one");
    assert!(told.contains("route        blind"), "{told}");
    assert!(
        told.contains("hears nothing of the primary while it announces at full"),
        "{told}"
    );
}

#[test]
fn d8_an_operator_can_have_it_tried_at_once() {
    let mut site = Blind::outage(&behind_a_blind_isp(), at_s(400));
    site.run(at_s(410));
    assert_eq!(site.bench.strength(), Some(Strength::Full));
    let next = site.judged().1.expect("it is tried again");
    assert!(next > at_s(420), "{next:?}");
    site.bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it waits for a try");
    site.run(at_s(415));
    assert_eq!(site.bench.strength(), Some(Strength::Off));
}

#[test]
fn d8_consent_holds_until_a_failback_was_confirmed() {
    let mut config = behind_a_blind_isp();
    config.services[0].failback = FailbackMode::Manual;
    let mut site = Blind::outage(&config, at_s(250));
    site.run(at_s(140));
    site.bench
        .ask(OperatorCommand::Failback { reason: None })
        .expect("it is up");
    site.run(at_s(600));
    let switches: Vec<String> = site
        .switches_after(at_s(140))
        .into_iter()
        .map(|(_, how)| how)
        .collect();
    let expected = [
        "full -> drain by D8",
        "drain -> full by D8",
        "full -> drain by D8",
        "drain -> off by D8",
    ];
    assert_eq!(switches, expected);
    assert!(!site.bench.play.site().services()[0].consented(), "one failback");
}

#[test]
fn d7_a_relapse_while_it_waits_in_drain_returns_to_full_with_the_verdict() {
    let mut site = Blind::outage(&behind_a_blind_isp(), FOREVER);
    site.run(at_s(140));
    assert_eq!(site.bench.strength(), Some(Strength::Drain));
    site.bench.world.from(at_s(140), PING, Target::Dead);
    site.run(at_s(160));
    let down = site.bench.verdicts().last().copied().expect("it is down");
    assert_eq!(down.1, Verdict::Down);
    assert_eq!(
        site.bench.switches().last(),
        Some(&(down.0, "drain -> full by D7".to_owned()))
    );
    assert_eq!(
        site.bench.play.site().services()[0].remembered().switches.len(),
        2,
        "counted"
    );
}

/// An ISP that shows the route at full and hides it in drain is a strange one; but what was seen before
/// the drain may be a route that is no more.
#[test]
fn d8_what_was_seen_before_the_drain_counts_for_nothing() {
    let mut bench = Bench::new(&behind_a_blind_isp()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(100), PING, Target::Alive);
    bench.run(at_s(130));
    assert_eq!(
        (bench.strength(), bench.state(ROUTE)),
        (Some(Strength::Full), ProbeState::Up)
    );
    let drain = bench.verdicts().last().expect("it is up").0 + secs(30);
    // A check that began before the drain, and passes in it.
    bench.run(drain - ms(1));
    bench.world.from(drain, ROUTE, Target::Refusing);
    bench.run(drain + secs(29));
    assert_eq!(bench.strength(), Some(Strength::Drain));
    bench.run(drain + secs(31));
    assert_eq!(bench.strength(), Some(Strength::Full));
}

#[test]
fn d3_what_is_heard_while_silent_decides_and_at_full_it_says_nothing() {
    let mut site = Blind::new(&behind_a_blind_isp());
    // The primary withdraws, and its host lives.
    site.announces = vec![(Moment::START, at_s(20)), (at_s(9_000), FOREVER)];
    site.run(at_s(9_000));
    let switches = site.bench.switches();
    assert_eq!(switches[0].1, "off -> full by D4");
    assert!(switches[0].0 < at_s(30));
    assert!(
        switches.iter().all(|(_, how)| !how.contains("-> off")),
        "{switches:?}"
    );
    assert_eq!(site.bench.play.site().services()[0].latched_since(), None);
    site.run(at_s(9_000) + secs(3_700));
    assert_eq!(site.bench.strength(), Some(Strength::Off));
    let takeover = site.bench.play.notes().iter().find_map(|(_, note)| {
        let (_, change) = note.transition()?;
        Some((change.reason.clone(), change.stages.first_fail.is_some()))
    });
    assert_eq!(takeover, Some(("route down".to_owned(), true)));
}

#[test]
fn d10_after_a_restart_in_drain_it_is_asked_anew() {
    for (told, end) in [(true, Strength::Off), (false, Strength::Full)] {
        let mut site = Blind::new(&behind_a_blind_isp());
        site.announces = if told {
            vec![(Moment::START, FOREVER)]
        } else {
            Vec::new()
        };
        site.bench = Bench::new(&behind_a_blind_isp()).adopting(Strength::Drain);
        site.run(at_s(20));
        assert_eq!(
            site.bench.strength(),
            Some(Strength::Drain),
            "nothing changes at a start"
        );
        site.run(at_s(45));
        assert_eq!(site.bench.strength(), Some(end), "told: {told}");
        assert!(
            site.bench.play.site().services()[0]
                .remembered()
                .switches
                .is_empty()
        );
    }
}

#[test]
fn d8_what_disagrees_in_bird_is_confirmed_in_drain_too() {
    let mut site = Blind::new(&behind_a_blind_isp());
    site.bench = Bench::new(&behind_a_blind_isp());
    site.bench.bird(0, InitialStrength::Mixed);
    site.run(at_s(100));
    let switches = site.bench.switches().into_iter().map(|(_, how)| how);
    assert_eq!(
        switches.collect::<Vec<_>>(),
        ["unsettled -> drain by D8", "drain -> off by D8"]
    );
}

#[test]
fn d8_an_override_that_ends_leaves_no_fail_from_before_behind() {
    let mut site = Blind::new(&behind_a_blind_isp());
    site.run(at_s(10));
    site.bench
        .ask(OperatorCommand::Announce(
            crate::model::command::OverrideOptions::default(),
        ))
        .expect("allowed");
    site.run(at_s(60));
    assert_eq!(site.bench.state(ROUTE), ProbeState::Down);
    site.bench
        .ask(OperatorCommand::Withdraw(
            crate::model::command::OverrideOptions::default(),
        ))
        .expect("allowed");
    assert_eq!(site.bench.state(ROUTE), ProbeState::Unknown);
    site.bench
        .ask(OperatorCommand::Auto { reason: None })
        .expect("there is one");
    site.run(at_s(200));
    assert_eq!(site.bench.strength(), Some(Strength::Off));
    assert_eq!(site.switches_after(at_s(61)), []);
}

/// A rehearsal at full hides the primary's route from us as a takeover does.
#[test]
fn d8_a_drill_at_full_is_no_death_of_the_primary() {
    let mut site = Blind::new(&behind_a_blind_isp());
    site.run(at_s(10));
    site.bench
        .ask(OperatorCommand::Drill(DrillPlan {
            strength: Strength::Full,
            hold: secs(60),
            dry_run: false,
            reason: None,
        }))
        .expect("all is well");
    for news in [DrillEvent::Kept, DrillEvent::Carried] {
        let event = Event::Drill { service: 0, news };
        site.bench.play.hand_in(Some(event), &mut site.bench.world);
    }
    site.run(at_s(60));
    assert!(site.bench.play.site().services()[0].drill().is_some());
    assert_eq!(site.bench.state(ROUTE), ProbeState::Down, "it is blind");
    site.run(at_s(400));
    assert_eq!(site.bench.switches(), []);
}

#[test]
fn d8_a_reload_keeps_the_wait_for_the_next_try() {
    let mut config = behind_a_blind_isp();
    let mut site = Blind::outage(&config, FOREVER);
    site.run(at_s(350));
    let next = site.judged().1.expect("it waits");
    config.services[0].flap_limit = 5;
    site.bench.play.reconfigure(&config);
    site.run(at_s(351));
    assert_eq!(site.judged().1, Some(next));
}
