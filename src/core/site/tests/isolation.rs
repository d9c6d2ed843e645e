//! D5 on a whole site: our own uplink, and what the witnesses prove.

use super::support::*;
use crate::config::model::{self, Config, Decides, Group, MinUp, OnCutOff, OnLoss, Votes};
use crate::core::{OperatorCommand, ProbeId, Strength};
use crate::model::command::OverrideOptions;
use crate::model::snapshot::Isolation;
use crate::model::snapshot::{ProbeState, Verdict};
use crate::model::time::Moment;

#[test]
fn d5_a_cut_of_our_own_uplink_of_any_length_takes_nothing_over() {
    for config in [simple(), article()] {
        for begins in [20_000, 21_130, 22_260, 23_390, 24_520] {
            for lasts in (0..9_000).step_by(every(170, 50)) {
                let (cut, mended) = (at_ms(begins), at_ms(begins + lasts));
                let mut bench = Bench::new(&config).adopting(Strength::Off);
                bench.world.cut(cut, mended);
                bench.run(mended + secs(30));
                assert_eq!(bench.switches(), [], "cut at {begins} ms for {lasts} ms");
            }
        }
    }
}

#[test]
fn d5_with_a_living_witness_the_proof_costs_no_time_at_any_phase() {
    for config in [simple(), article()] {
        for millis in (20_000..30_000).step_by(73) {
            let died = at_ms(millis);
            let mut bench = Bench::new(&config).adopting(Strength::Off);
            bench.world.from(died, PING, Target::Dead);
            bench.world.from(died, SITE, Target::Dead);
            bench.run(died + secs(20));
            let down = bench.verdicts().last().copied();
            assert_eq!(down.map(|(_, to)| to), Some(Verdict::Down));
            let taken_over = bench.switches()[0].0;
            assert_eq!(Some(taken_over), down.map(|(at, _)| at), "died at {millis} ms");
        }
    }
}

/// Witnesses that cannot be asked any more (unknown) end no isolation.
#[test]
fn d5_fails_of_a_cut_stay_void_when_the_witnesses_are_unknown_before_they_are_up_again() {
    let mut quick_to_err = probe("resolver");
    quick_to_err.fall = 3;
    let config = config(vec![standby("web", vec![probe("ping")])], vec![quick_to_err], 1);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), WITNESS, Target::Dead);
    bench.run(at_s(30));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    // Still cut off, but now the witness's checks cannot even be made.
    bench.world.from(at_s(30), WITNESS, Target::Broken);
    bench.world.from(at_s(30), PING, Target::Dead);
    bench.run(at_s(50));
    assert_eq!(bench.play.site().isolation(), Isolation::Open);
    assert_eq!(bench.state(PING), ProbeState::Down);
    bench.world.from(at_s(50), WITNESS, Target::Alive);
    bench.world.from(at_s(52), PING, Target::Alive);
    bench.run(at_s(80));
    assert_eq!(bench.switches(), []);
    let voided = bench.turns(PING).iter().any(|(_, to)| *to == ProbeState::Unknown);
    assert!(
        voided,
        "what went down while we were cut off becomes unknown: {:?}",
        bench.turns(PING)
    );
}

/// What fell in a cut is void from its beginning on, also where a witness came and went in it.
#[test]
fn d5_a_witness_that_comes_and_goes_in_a_cut_makes_no_new_beginning_of_it() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.cut(at_s(20), at_s(50));
    bench.run(at_s(30));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    // One pass, too few to be up; then it cannot be asked, and then it is silent again.
    bench.world.cut(at_s(20), at_s(30));
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_ms(30_700));
    bench.world.from(at_ms(30_700), WITNESS, Target::Broken);
    bench.run(at_s(33));
    assert_eq!(bench.play.site().isolation(), Isolation::Open);
    bench.world.from(at_s(33), WITNESS, Target::Dead);
    bench.run(at_s(45));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    bench.world.from(at_s(50), WITNESS, Target::Alive);
    bench.world.from(at_ms(50_600), PING, Target::Alive);
    bench.run(at_s(100));
    assert_eq!(bench.play.site().isolation(), Isolation::Connected);
    assert_eq!(bench.switches(), [], "its fails are void");
    let turns: Vec<_> = bench.turns(PING).into_iter().map(|(_, to)| to).collect();
    let (up, down) = (ProbeState::Up, ProbeState::Down);
    assert_eq!(turns, [up, down, ProbeState::Unknown, up]);
}

fn of_witnesses(number: usize, min_up: usize) -> Config {
    let witnesses = (0..number).map(|at| probe(&format!("w{at}"))).collect();
    config(vec![standby("web", vec![probe("ping")])], witnesses, min_up)
}

/// The primary dies at 20 s, and with it so many witnesses.
fn dies_with(config: &Config, dead: usize) -> Bench {
    let mut bench = Bench::new(config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    for witness in 0..dead {
        bench
            .world
            .from(at_s(20), ProbeId::Witness(witness), Target::Dead);
    }
    bench.run(at_s(60));
    bench
}

#[test]
fn d5_a_takeover_needs_as_many_living_witnesses_as_min_up() {
    let full = Some(Strength::Full);
    let off = Some(Strength::Off);
    // witnesses, min_up, dead among them, what comes of it
    let table = [
        (0, 0, 0, full),
        (1, 1, 0, full),
        (1, 1, 1, off),
        (2, 1, 1, full),
        (2, 1, 2, off),
        (2, 2, 0, full),
        (2, 2, 1, off),
        (3, 2, 1, full),
        (3, 2, 2, off),
    ];
    for (witnesses, min_up, dead, expected) in table {
        let bench = dies_with(&of_witnesses(witnesses, min_up), dead);
        assert_eq!(
            bench.strength(),
            expected,
            "{witnesses} of which {min_up}, {dead} dead"
        );
        let isolated = bench.play.site().isolation() == Isolation::Isolated;
        assert_eq!(isolated, expected == off);
        assert_eq!(bench.play.site().min_up(), MinUp::of_all(min_up));
    }
}

#[test]
fn d5_witnesses_of_which_nothing_is_known_block_a_takeover_and_withdraw_nothing() {
    let mut config = of_witnesses(1, 1);
    config.services[0].on_isolated = OnLoss::Withdraw;
    for strength in [Strength::Off, Strength::Full] {
        let mut bench = Bench::new(&config).adopting(strength);
        bench.world.from(Moment::START, WITNESS, Target::Broken);
        bench.world.from(Moment::START, PING, Target::Dead);
        bench.run(at_s(60));
        assert_eq!(bench.play.site().isolation(), Isolation::Open);
        assert_eq!(bench.switches(), [], "from {strength}");
    }
}

#[test]
fn d5_on_isolated_keeps_or_withdraws_what_is_announced() {
    for (on_isolated, expected) in [(OnLoss::Keep, Strength::Full), (OnLoss::Withdraw, Strength::Off)] {
        let mut config = simple();
        config.services[0].on_isolated = on_isolated;
        let mut bench = Bench::new(&config).adopting(Strength::Full);
        bench.world.from(Moment::START, PING, Target::Dead);
        bench.world.from(at_s(20), WITNESS, Target::Dead);
        bench.run(at_s(40));
        assert_eq!(bench.strength(), Some(expected));
        // And it is taken over again once the cut has ended: the target was down before.
        bench.world.from(at_s(40), WITNESS, Target::Alive);
        bench.run(at_s(50));
        assert_eq!(bench.strength(), Some(Strength::Full));
        assert_eq!(bench.state(PING), ProbeState::Down);
    }
}

#[test]
fn d5_the_end_of_an_isolation_voids_what_fell_in_it() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.cut(at_s(21), at_s(40));
    bench.run(at_s(39));
    assert_eq!(bench.state(PING), ProbeState::Down);
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    bench.run(at_s(60));
    let turns: Vec<_> = bench.turns(PING).into_iter().map(|(_, to)| to).collect();
    assert_eq!(turns.last(), Some(&ProbeState::Up));
    assert_eq!(bench.switches(), []);
}

#[test]
fn d5_a_primary_that_died_in_our_own_cut_is_found_dead_after_it() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.cut(at_s(21), at_s(40));
    bench.world.from(at_s(30), PING, Target::Dead);
    bench.run(at_s(60));
    let isolation_ended = bench.isolations().last().copied().expect("it ended");
    assert_eq!(isolation_ended.1, Isolation::Connected);
    let (taken_over, how) = bench.switches()[0].clone();
    assert_eq!(how, "off -> full by D4");
    assert!(
        taken_over > isolation_ended.0 + secs(3),
        "from fails begun after the cut alone"
    );
    assert!(
        taken_over <= isolation_ended.0 + ms(3_500),
        "and no later than those take"
    );
}

#[test]
fn d5_a_probe_that_was_down_before_a_cut_stays_down() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    // It dies while an operator holds us silent, so that it is down and not taken over.
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("it is allowed");
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    bench.world.cut(at_s(40), at_s(60));
    bench.run(at_s(80));
    assert_eq!(bench.turns(PING).last(), Some(&(at_s(23), ProbeState::Down)));
}

#[test]
fn d5_what_went_down_between_two_cuts_stays_down_after_the_second() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench
        .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
        .expect("it is allowed");
    bench.world.cut(at_s(20), at_s(40));
    bench.world.from(at_s(60), PING, Target::Dead);
    bench.world.cut(at_s(80), at_s(100));
    bench.run(at_s(140));
    let isolated = bench.isolations().into_iter().map(|(_, to)| to);
    let (connected, cut) = (Isolation::Connected, Isolation::Isolated);
    assert_eq!(
        isolated.collect::<Vec<_>>(),
        [connected, cut, connected, cut, connected]
    );
    let (down_at, down) = bench.turns(PING).last().copied().expect("it turned");
    assert_eq!(down, ProbeState::Down);
    assert!(down_at < at_s(80), "since {down_at:?}");
}

#[test]
fn d5_witnesses_are_sought_for_the_service_that_began_to_fail_last() {
    let mut config = simple();
    config.services.push(standby("api", vec![probe("ping")]));
    config.witnesses[0].interval = secs(600);
    config.witnesses[0].fall = 100;
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(60));
    assert_eq!(bench.strength(), Some(Strength::Full), "proven");
    bench.world.from(at_s(60), ProbeId::Service(1, 0), Target::Dead);
    // The one check that doubt asks for proves nothing.
    bench.world.from(at_s(60), WITNESS, Target::Broken);
    bench.world.from(at_s(67), WITNESS, Target::Alive);
    bench.run(at_s(75));
    let api = &bench.play.site().services()[1];
    assert_eq!(api.stance().strength(), Some(Strength::Full));
}

#[test]
fn d5_isolation_is_noted_once_as_it_begins_and_once_as_it_ends() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.cut(at_s(21), at_s(40));
    bench.run(at_s(100));
    let noted: Vec<_> = bench.isolations().into_iter().map(|(_, to)| to).collect();
    assert_eq!(
        noted,
        [Isolation::Connected, Isolation::Isolated, Isolation::Connected]
    );
}

#[test]
fn d5_the_cut_lasts_until_the_witnesses_are_up_and_a_short_return_ends_nothing() {
    let mut bench = Bench::new(&simple()).adopting(Strength::Off);
    bench.world.cut(at_s(21), at_s(40));
    // One pass of the witness, and gone again.
    bench.world.cut(at_ms(40_400), at_s(60));
    bench.run(at_s(59));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    bench.run(at_s(90));
    assert_eq!(bench.switches(), []);
}

#[test]
fn d5_the_proof_must_be_of_every_row_that_counts() {
    // ping is down for long, and proven; site dies together with our only witness's answers.
    let mut config = article();
    config.witnesses[0].fall = 100;
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(60));
    assert_eq!(bench.state(PING), ProbeState::Down);
    bench.world.from(at_s(60), SITE, Target::Dead);
    bench.world.from(at_s(60), WITNESS, Target::Broken);
    bench.run(at_s(80));
    assert_eq!(bench.verdict(), Verdict::Down);
    assert_eq!(bench.play.site().isolation(), Isolation::Connected);
    assert_eq!(bench.switches(), [], "not proven");
    bench.world.from(at_s(80), WITNESS, Target::Alive);
    bench.run(at_s(86));
    let (taken_over, _) = bench.switches()[0].clone();
    let begun = taken_over - secs(2);
    let passed = bench.world.starts_of(WITNESS, at_s(80))[0];
    let row = begun.since(passed);
    assert!(
        (ms(1_000)..=ms(1_500) + RTT).contains(&row),
        "as soon as a whole row follows the pass: {row:?}"
    );
}

#[test]
fn d5_witnesses_are_sought_until_one_passes_and_left_in_peace_then() {
    let mut config = simple();
    config.witnesses[0].interval = secs(60);
    config.witnesses[0].fall = 100;
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.world.from(at_s(20), WITNESS, Target::Broken);
    bench.run(at_s(40));
    let sought = bench.world.starts_of(WITNESS, at_s(21)).len();
    assert!((37..=40).contains(&sought), "every retry_interval: {sought}");
    bench.world.from(at_s(40), WITNESS, Target::Alive);
    bench.run(at_s(50));
    assert_eq!(bench.world.starts_of(WITNESS, at_ms(40_001)).len(), 1);
    assert_eq!(bench.strength(), Some(Strength::Full));
}

/// How often the witness was asked while this probe failed and the witness could not be asked.
fn sought_for(change: impl FnOnce(&mut model::ProbeConfig)) -> usize {
    let mut says = probe("says");
    change(&mut says);
    let service = standby("web", vec![probe("ping"), says]);
    let mut config = config(vec![service], vec![probe("resolver")], 1);
    config.witnesses[0].interval = secs(600);
    config.witnesses[0].fall = 100;
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), SITE, Target::Refusing);
    bench.world.from(at_s(20), WITNESS, Target::Broken);
    bench.run(at_s(40));
    bench.world.starts_of(WITNESS, at_s(20)).len()
}

#[test]
fn d5_witnesses_are_sought_for_what_could_count_towards_a_verdict_down_and_nothing_else() {
    for votes in [Votes::Both, Votes::Down] {
        assert!(sought_for(|probe| probe.votes = votes) > 30, "it votes down");
    }
    let decides = |decides| {
        move |probe: &mut model::ProbeConfig| {
            probe.votes = Votes::None;
            probe.decides = decides;
        }
    };
    assert!(
        sought_for(decides(Some(Decides::Down))) > 30,
        "it decides down alone"
    );
    assert_eq!(sought_for(|probe| probe.votes = Votes::Up), 0);
    assert_eq!(sought_for(decides(Some(Decides::Up))), 0);
    assert_eq!(sought_for(decides(None)), 0);
}

/// One witness beside us, one beside the primary.
fn of_groups(on_cut_off: OnCutOff) -> Config {
    let mut far = probe("far");
    far.group = Group::Far;
    let service = standby("web", vec![probe("ping"), probe("site")]);
    let mut config = config(vec![service], vec![probe("near"), far], 0);
    (config.isolation.min_up, config.isolation.on_cut_off) = (
        MinUp {
            all: 0,
            near: 1,
            far: 1,
        },
        on_cut_off,
    );
    config
}

#[test]
fn d5_cut_off_from_where_the_primary_is_a_standby_holds_or_takes_over_as_it_is_told() {
    let far = ProbeId::Witness(1);
    for (on_cut_off, expected) in [
        (OnCutOff::Hold, Strength::Off),
        (OnCutOff::Takeover, Strength::Full),
    ] {
        for begins in (30_000..35_000).step_by(331) {
            let mut bench = Bench::new(&of_groups(on_cut_off)).adopting(Strength::Off);
            for probe in [PING, SITE, far] {
                bench.world.from(at_ms(begins), probe, Target::Dead);
            }
            bench.run(at_ms(begins + 60_000));
            assert_eq!(bench.play.site().isolation(), Isolation::CutOff);
            assert_eq!(bench.strength(), Some(expected), "{on_cut_off:?} at {begins} ms");
        }
    }
}

#[test]
fn d5_what_was_down_before_the_far_witnesses_were_lost_stays_down() {
    let far = ProbeId::Witness(1);
    let mut config = of_groups(OnCutOff::Hold);
    config.services[0].takeover_delay = secs(600);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench
        .world
        .from(at_s(40), far, Target::Dead)
        .from(at_s(60), far, Target::Alive);
    bench.run(at_s(100));
    let went: Vec<_> = bench.isolations().into_iter().map(|(_, to)| to).collect();
    assert_eq!(
        went,
        [Isolation::Connected, Isolation::CutOff, Isolation::Connected]
    );
    let turned: Vec<_> = bench.turns(PING).into_iter().map(|(_, to)| to).collect();
    assert_eq!(turned, [ProbeState::Up, ProbeState::Down]);
}

#[test]
fn d5_what_failed_while_cut_off_is_void_after_it() {
    let far = ProbeId::Witness(1);
    let mut bench = Bench::new(&of_groups(OnCutOff::Hold)).adopting(Strength::Off);
    for probe in [PING, SITE, far] {
        bench.world.from(at_s(30), probe, Target::Dead);
    }
    bench.world.from(at_s(60), far, Target::Alive);
    for probe in [PING, SITE] {
        bench.world.from(at_ms(61_500), probe, Target::Alive);
    }
    bench.run(at_s(120));
    assert_eq!(bench.switches(), []);
    assert_eq!(bench.play.site().isolation(), Isolation::Connected);
}

/// Where a takeover goes ahead without the far witnesses, a cut of our own uplink begins and ends with
/// the near ones.
#[test]
fn d5_told_to_take_over_cut_off_a_cut_of_our_own_uplink_voids_what_fell_in_it_and_no_more() {
    let (near, far) = (ProbeId::Witness(0), ProbeId::Witness(1));
    let mut config = of_groups(OnCutOff::Takeover);
    config.services[0].takeover_delay = secs(600);
    let cut_off = |probe: ProbeId, died: u64| {
        let mut bench = Bench::new(&config).adopting(Strength::Off);
        bench.world.from(at_s(20), far, Target::Dead);
        bench
            .world
            .from(at_s(60), near, Target::Dead)
            .from(at_s(90), near, Target::Alive);
        bench.world.from(at_s(died), probe, Target::Dead);
        bench.run(at_ms(96_000));
        let went: Vec<_> = bench.isolations().into_iter().map(|(_, to)| to).collect();
        let (connected, cut_off) = (Isolation::Connected, Isolation::CutOff);
        assert_eq!(went, [connected, cut_off, Isolation::Isolated, cut_off]);
        let turned = bench.turns(probe).into_iter();
        turned.map(|(_, to)| to).take(3).collect::<Vec<_>>()
    };
    let (up, down) = (ProbeState::Up, ProbeState::Down);
    assert_eq!(cut_off(PING, 40), [up, down], "down before, it stays down");
    assert_eq!(
        cut_off(SITE, 70),
        [up, down, ProbeState::Unknown],
        "down in it, it is void"
    );
}

#[test]
fn d5_with_the_near_witness_lost_too_it_is_isolated_and_both_alive_it_takes_over() {
    let (near, far) = (ProbeId::Witness(0), ProbeId::Witness(1));
    let mut bench = Bench::new(&of_groups(OnCutOff::Takeover)).adopting(Strength::Off);
    for probe in [PING, SITE, near, far] {
        bench.world.from(at_s(30), probe, Target::Dead);
    }
    bench.run(at_s(60));
    assert_eq!(bench.play.site().isolation(), Isolation::Isolated);
    assert_eq!(bench.switches(), []);
    let mut bench = Bench::new(&of_groups(OnCutOff::Hold)).adopting(Strength::Off);
    for probe in [PING, SITE] {
        bench.world.from(at_s(30), probe, Target::Dead);
    }
    bench.run(at_s(60));
    assert_eq!(bench.strength(), Some(Strength::Full));
}
