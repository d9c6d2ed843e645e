//! D10 on a whole site: what is there at the start is adopted, and a restart in any phase changes
//! nothing by itself.

use super::support::*;
use crate::config::model::Config;
use crate::core::event::{Event, Input};
use crate::core::health::CheckId;
use crate::core::{InitialStrength, ProbeId, Rule, Stance, Strength};
use crate::model::snapshot::{CheckOutcome, Verdict};
use crate::model::time::Moment;

#[test]
fn d10_a_site_that_was_told_nothing_yet_wants_nothing() {
    let bench = Bench::new(&simple());
    let service = &bench.play.site().services()[0];
    let intent = service.intent();
    assert_eq!(
        (intent.strength, intent.hands_off, intent.decision),
        (None, false, 0)
    );
    assert_eq!(
        (service.stance(), service.stance_since()),
        (Stance::Unsettled, None)
    );
    let judgement = service.judgement();
    assert_eq!(
        (judgement.to, judgement.rule, judgement.deadline),
        (Stance::Unsettled, Rule::D10, None)
    );
    assert_eq!(service.verdict(), (Verdict::Unclear, Moment::START));
    assert!(
        bench.play.site().deadline() == Some(Moment::START),
        "and waits for nobody"
    );
}

#[test]
fn d10_before_bird_was_read_nothing_is_wanted() {
    let bench = Bench::new(&simple());
    let service = &bench.play.site().services()[0];
    assert_eq!(
        (bench.stance(), service.intent().strength),
        (Stance::Unsettled, None)
    );
    assert_eq!(service.stance_since(), None);
    assert_eq!(bench.play.site().deadline(), Some(Moment::START));
}

#[test]
fn d10_what_bird_announces_is_adopted_whoever_enabled_it() {
    let adopted = [
        (Strength::Off, Stance::Off),
        (Strength::Drain, Stance::Draining { since: Moment::START }),
        (Strength::Full, Stance::Full),
    ];
    for (strength, stance) in adopted {
        let bench = Bench::new(&simple()).adopting(strength);
        let service = &bench.play.site().services()[0];
        assert_eq!(bench.stance(), stance);
        assert_eq!(service.intent().strength, Some(strength));
        assert_eq!(service.intent().reason, "falconer D4: unclear: ping unknown");
        assert_eq!(service.stance_since(), Some(start().wall));
        assert_eq!(bench.switches(), []);
    }
}

#[test]
fn d10_the_first_clear_answer_is_adopted_and_no_later_one() {
    let mut bench = Bench::new(&simple());
    bench.bird(0, InitialStrength::Mixed);
    assert_eq!(bench.stance(), Stance::Unsettled);
    bench.bird(0, InitialStrength::Is(Strength::Full));
    assert_eq!(bench.stance(), Stance::Full);
    bench.bird(0, InitialStrength::Is(Strength::Off));
    bench.bird(0, InitialStrength::Mixed);
    assert_eq!(bench.stance(), Stance::Full, "from then on that is drift");
    bench.bird(7, InitialStrength::Mixed);
}

#[test]
fn d10_only_a_full_verdict_moves_what_was_adopted() {
    for strength in [Strength::Off, Strength::Drain, Strength::Full] {
        let mut bench = Bench::new(&article()).adopting(strength);
        bench.world.from(Moment::START, PING, Target::Dead);
        bench.run(at_s(600));
        assert_eq!(bench.switches(), [], "one probe of two proves nothing");
    }
    let mut bench = Bench::new(&simple()).adopting(Strength::Full);
    bench.run(at_s(60));
    assert_eq!(
        bench.switches(),
        [(at_ms(30_501), "full -> off by D4".to_owned())]
    );
}

#[test]
fn d10_up_waits_for_bird_and_down_does_not() {
    let mut bench = Bench::new(&simple());
    bench.run(at_s(100));
    assert_eq!(bench.stance(), Stance::Unsettled);
    bench.bird(0, InitialStrength::Mixed);
    assert_eq!(bench.strength(), Some(Strength::Off), "read, and up for long");
    let mut bench = Bench::new(&simple());
    bench.world.from(Moment::START, PING, Target::Dead);
    bench.run(at_s(20));
    assert_eq!(bench.strength(), Some(Strength::Full));
}

#[test]
fn d10_mixed_and_up_waits_for_failback_delay() {
    let mut bench = Bench::new(&simple());
    bench.bird(0, InitialStrength::Mixed);
    bench.run(at_s(60));
    assert_eq!(
        bench.switches(),
        [(at_ms(30_501), "unsettled -> off by D4".to_owned())]
    );
}

fn draining() -> Config {
    let mut config = simple();
    config.services[0].failback_drain = secs(60);
    config
}

/// A whole outage: dead from 20 to 100 s; then delay, drain and silence.
fn outage() -> Bench {
    let mut bench = Bench::new(&draining()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(100), PING, Target::Alive);
    bench
}

#[test]
fn d10_a_restart_in_every_phase_changes_nothing_and_the_story_goes_on() {
    for phase in (1..260).step_by(3) {
        let mut before = outage();
        before.run(at_s(phase));
        let strength = before.strength().expect("it is settled");
        let mut after = before.restart(&draining()).adopting(strength);
        assert_eq!(after.strength(), Some(strength), "restarted at {phase} s");
        if (20..100).contains(&phase) {
            after.world.from(Moment::START, PING, Target::Dead);
        }
        after.run(at_ms(2_000));
        assert_eq!(
            after.switches(),
            [],
            "nothing is confirmed so soon: restarted at {phase} s"
        );
        after.run(at_s(10));
        let dead = (20..100).contains(&phase);
        let then = if dead { Strength::Full } else { strength };
        assert_eq!(after.strength(), Some(then), "restarted at {phase} s");
        // And it ends well: alive again, it falls silent in the end.
        after.world.from(at_s(10), PING, Target::Alive);
        after.run(at_s(200));
        assert_eq!(after.strength(), Some(Strength::Off), "restarted at {phase} s");
    }
}

#[test]
fn results_of_checks_that_nobody_began_are_ignored() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.run(at_s(20));
    let before = bench.play.site().last(PING).cloned();
    let event = Event::Checked {
        id: CheckId(9_999),
        outcome: CheckOutcome::Fail,
        detail: "from nowhere".to_owned(),
        rtt: None,
    };
    bench.play.hand_in(Some(event), &mut bench.world);
    assert_eq!(bench.play.site().last(PING).cloned(), before);
}

#[test]
fn whose_check_it_is_is_known_while_it_is_under_way() {
    let (mut site, now) = {
        let bench = Bench::new(&article());
        (bench.play.site().clone(), bench.play.now())
    };
    let starts = site.handle(&Input { now, event: None });
    assert!(!starts.is_empty());
    for start in &starts {
        assert_eq!(site.probe_of(start.id), Some(start.probe));
    }
    let event = Event::Checked {
        id: starts[0].id,
        outcome: CheckOutcome::Pass,
        detail: String::new(),
        rtt: None,
    };
    site.handle(&Input {
        now,
        event: Some(event),
    });
    assert_eq!(site.probe_of(starts[0].id), None, "it has ended");
}

#[test]
fn what_a_site_is_asked_of_itself_names_what_exists() {
    let bench = Bench::new(&article());
    let site = bench.play.site();
    assert_eq!(site.policy(SITE).map(|probe| probe.name.as_str()), Some("site"));
    assert_eq!(
        site.policy(WITNESS).map(|probe| probe.name.as_str()),
        Some("resolver")
    );
    assert_eq!(
        site.witnesses()
            .map(|(policy, _)| policy.name.as_str())
            .collect::<Vec<_>>(),
        ["resolver"]
    );
    for nobody in [
        ProbeId::Service(0, 2),
        ProbeId::Service(1, 0),
        ProbeId::Witness(1),
    ] {
        assert!(site.policy(nobody).is_none() && site.probe(nobody).is_none() && site.last(nobody).is_none());
    }
    assert_eq!(site.services()[0].policy().name, "web");
}

#[test]
fn a_takeover_says_what_it_rests_on() {
    let mut bench = outage();
    bench.run(at_s(50));
    let switched = bench.play.notes().iter().find_map(|(_, note)| {
        let (_, change) = note.transition()?;
        Some((
            change.reason.clone(),
            change.stages.first_fail,
            change.stages.verdict,
        ))
    });
    let wall = |moment| Some(start().wall_at(moment));
    assert_eq!(
        switched,
        Some(("ping down".to_owned(), wall(at_s(20)), wall(at_s(23))))
    );
    let service = &bench.play.site().services()[0];
    assert_eq!(service.intent().reason, "falconer D4: ping down");
    assert_eq!(service.stance_since(), Some(start().wall_at(at_s(23))));
    assert_eq!(service.verdict().1, at_s(23));
    assert_eq!(service.probes().len(), 1);
    assert_eq!(service.judgement().to, Stance::Full);
}

#[test]
fn a_takeover_names_the_first_fail_of_the_row_that_began_last() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.world.from(at_s(20), SITE, Target::Dead);
    bench.world.from(at_s(60), PING, Target::Dead);
    bench.run(at_s(80));
    let notes = bench.play.notes().iter();
    let first_fail = notes
        .filter_map(|(_, note)| note.transition()?.1.stages.first_fail)
        .next();
    assert_eq!(
        first_fail,
        Some(start().wall_at(bench.world.starts_of(PING, at_s(60))[0]))
    );
}

/// Every input can be kept as a line of JSON, and played again to the same end.
#[test]
fn every_input_survives_being_written_down() {
    let mut bench = outage();
    bench.play = bench.play.clone().recording();
    bench.run(at_s(30));
    for input in bench.play.inputs() {
        let line = serde_json::to_string(input).expect("it can be written");
        let read: Input = serde_json::from_str(&line).expect("it can be read");
        assert_eq!(read, *input, "{line}");
    }
}
