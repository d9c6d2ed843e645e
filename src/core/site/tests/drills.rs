//! Drills: who may begin one, what ends it, that it ends as it began, and that it changes nothing of
//! what is judged.

use proptest::prelude::*;

use super::support::*;
use crate::config::model::{self, Config, Decides, FailbackMode, Votes};
use crate::core::drill::{DrillEvent, DrillIntent, END_LIMIT, RECORD_LIMIT, RISE_LIMIT, WATCH};
use crate::core::event::DrillStep;
use crate::core::{CoreEvent, Event, InitialStrength, OperatorCommand, ProbeId, Stance, Strength};
use crate::model::command::DrillPlan;
use crate::model::command::OverrideOptions;
use crate::model::snapshot::{DrillOutcome, DrillPhase};

fn plan() -> DrillPlan {
    DrillPlan {
        strength: Strength::Drain,
        hold: secs(10),
        dry_run: false,
        reason: Some("a test".to_owned()),
    }
}

/// A standby whose primary has been well for a while.
fn healthy(config: &Config) -> Bench {
    let mut bench = Bench::new(config).adopting(Strength::Off);
    bench.run(at_s(10));
    bench
}

/// One whose drill came so far.
fn at(phase: DrillPhase) -> Bench {
    let mut bench = healthy(&article());
    bench
        .ask(OperatorCommand::Drill(plan()))
        .expect("nothing is amiss");
    for (news, reached) in [
        (DrillEvent::Kept, DrillPhase::Rising),
        (DrillEvent::Carried, DrillPhase::Holding),
    ] {
        if bench.phase() == Some(phase) {
            return bench;
        }
        bench.drill(news);
        assert_eq!(bench.phase(), Some(reached));
    }
    if phase == DrillPhase::Ending || phase == DrillPhase::Unverified {
        bench.run_for(secs(10));
    }
    if phase == DrillPhase::Unverified {
        bench.run_for(END_LIMIT);
    }
    assert_eq!(bench.phase(), Some(phase));
    bench
}

impl Bench {
    fn drill(&mut self, news: DrillEvent) {
        let event = Event::Drill { service: 0, news };
        self.play.hand_in(Some(event), &mut self.world);
    }

    fn phase(&self) -> Option<DrillPhase> {
        let drill = self.play.site().services()[0].drill();
        drill.map(|drill| drill.phase().shown())
    }

    fn rehearsal(&self) -> Option<DrillIntent> {
        self.play.site().services()[0].intent().drill
    }

    /// How its drills ended, in words.
    fn ends(&self) -> Vec<(DrillOutcome, String)> {
        let notes = self.play.notes().iter();
        let ended = notes.filter_map(|(_, note)| {
            let CoreEvent::Drill(_, DrillStep::Ended { end, .. }) = note else {
                return None;
            };
            Some((end.outcome, end.text.clone()))
        });
        ended.collect()
    }

    fn refused(&mut self, plan: DrillPlan) -> String {
        let before = self.play.site().services()[0].intent().clone();
        let said = self
            .ask(OperatorCommand::Drill(plan))
            .expect_err("something is amiss")
            .0;
        assert_eq!(self.play.site().services()[0].intent(), &before);
        assert!(self.play.site().services()[0].remembered().drill.is_none());
        said
    }
}

#[test]
fn a_drill_is_written_down_announced_held_and_silent_again() {
    let mut bench = at(DrillPhase::Recording);
    assert_eq!(
        bench.rehearsal(),
        None,
        "BIRD hears of nothing that is not written down"
    );
    assert!(bench.play.site().memory().services["web"].drill.is_some());
    bench.drill(DrillEvent::Kept);
    assert_eq!(bench.rehearsal(), Some(DrillIntent::Announce(Strength::Drain)));
    bench.run_for(secs(1));
    bench.drill(DrillEvent::Carried);
    bench.run_for(ms(9_999));
    assert_eq!(bench.rehearsal(), Some(DrillIntent::Announce(Strength::Drain)));
    bench.run_for(ms(1));
    assert_eq!(bench.rehearsal(), Some(DrillIntent::End(Strength::Drain)));
    assert_eq!(bench.stance(), Stance::Off, "its stance is not touched");
    bench.drill(DrillEvent::Silent);
    assert_eq!(bench.ends(), [], "the sessions are watched first");
    assert_eq!(bench.phase(), Some(DrillPhase::Ending));
    bench.run_for(WATCH);
    assert_eq!((bench.rehearsal(), bench.phase()), (None, None));
    let text = "announced at strength drain for 10s, carried, and silent again";
    assert_eq!(bench.ends(), [(DrillOutcome::Passed, text.to_owned())]);
    let remembered = bench.play.site().memory().services["web"].clone();
    assert!(remembered.drill.is_none());
    assert_eq!(
        remembered.last_good_drill,
        remembered.last_drill.map(|last| last.at)
    );
    assert_eq!(bench.switches(), []);
}

#[test]
fn what_is_amiss_is_named() {
    type Amiss = (&'static str, fn(&mut Bench));
    let cases: [Amiss; 6] = [
        ("an override is in force", |bench| {
            bench
                .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
                .unwrap();
        }),
        ("its probe ping is in doubt", |bench| {
            let from = bench.play.now().mono;
            bench.world.from(from, PING, Target::Refusing);
            bench.run_for(ms(5_100));
        }),
        ("whether its target is up is unclear", |bench| {
            let from = bench.play.now().mono;
            bench.world.from(from, PING, Target::Dead);
            bench.run_for(secs(10));
        }),
        ("this site is isolated", |bench| {
            let from = bench.play.now().mono;
            bench.world.from(from, WITNESS, Target::Dead);
            bench.run_for(secs(30));
        }),
        ("too few witnesses are known to be up", |bench| {
            let from = bench.play.now().mono;
            bench.world.from(from, WITNESS, Target::Broken);
            bench.run_for(secs(60));
        }),
        ("it is announced already", |bench| {
            bench
                .ask(OperatorCommand::Announce(OverrideOptions::default()))
                .unwrap();
        }),
    ];
    for (expected, make) in cases {
        let mut bench = healthy(&article());
        make(&mut bench);
        let said = bench.refused(plan());
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_probe_without_a_say_refuses_no_drill() {
    for (votes, decides, refuses) in [
        (Votes::None, None, false),
        (Votes::None, Some(Decides::Down), true),
        (Votes::Up, None, true),
    ] {
        let mut config = article();
        config.services[0].probes.push(model::ProbeConfig {
            votes,
            decides,
            ..probe("extra")
        });
        let mut bench = healthy(&config);
        let from = bench.play.now().mono;
        bench.world.from(from, ProbeId::Service(0, 2), Target::Refusing);
        bench.run_for(ms(5_600));
        let said = bench.ask(OperatorCommand::Drill(plan()));
        assert_eq!(said.is_err(), refuses, "{votes:?} {decides:?}: {said:?}");
    }
}

#[test]
fn what_a_configuration_has_no_drill_for_is_refused() {
    let mut config = article();
    config.services[0].drain.clear();
    let mut bench = healthy(&config);
    assert!(
        bench
            .refused(plan())
            .contains("no drain protocol for each family")
    );
    let full = DrillPlan {
        strength: Strength::Full,
        ..plan()
    };
    bench
        .ask(OperatorCommand::Drill(full))
        .expect("a drill at full needs no drain protocol");
    let off = DrillPlan {
        strength: Strength::Off,
        ..plan()
    };
    assert!(
        healthy(&article())
            .refused(off)
            .contains("at strength drain or full")
    );
    let service = primary("web", vec![probe("ping")]);
    let mut bench = healthy(&super::support::config(vec![service], vec![], 0));
    assert!(bench.refused(plan()).contains("it has role primary"));
    let mut bench = Bench::new(&article());
    bench.run(at_s(10));
    assert!(bench.refused(plan()).contains("BIRD has not been read yet"));
}

#[test]
fn one_drill_at_a_time_and_the_first_goes_on() {
    for phase in [
        DrillPhase::Recording,
        DrillPhase::Holding,
        DrillPhase::Ending,
        DrillPhase::Unverified,
    ] {
        let mut bench = at(phase);
        let said = bench
            .ask(OperatorCommand::Drill(plan()))
            .expect_err("one is under way")
            .0;
        assert!(said.contains("another drill is running, of web"), "{said}");
        assert_eq!(bench.phase(), Some(phase));
    }
}

#[test]
fn nothing_begins_that_is_not_written_down() {
    let mut bench = at(DrillPhase::Recording);
    bench.drill(DrillEvent::NotKept("the disk is full".to_owned()));
    assert_eq!(
        bench.ends(),
        [(DrillOutcome::Refused, "the disk is full".to_owned())]
    );
    let mut bench = at(DrillPhase::Recording);
    bench.run_for(RECORD_LIMIT);
    assert_eq!(bench.ends()[0].0, DrillOutcome::Refused);
    assert_eq!((bench.phase(), bench.rehearsal()), (None, None));
    let memory = bench.play.site().memory();
    assert!(memory.services.is_empty(), "a refusal is no drill");
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let mut bench = healthy(&article());
    let dry = DrillPlan {
        dry_run: true,
        ..plan()
    };
    let before = bench.play.site().services()[0].clone();
    bench.ask(OperatorCommand::Drill(dry)).expect("nothing is amiss");
    assert_eq!((bench.phase(), bench.rehearsal()), (None, None));
    let after = &bench.play.site().services()[0];
    assert_eq!(
        (after.intent(), after.remembered()),
        (before.intent(), before.remembered())
    );
    let (outcome, text) = bench.ends().remove(0);
    assert_eq!(outcome, DrillOutcome::Passed);
    assert!(
        text.contains("enable web_v4_drain, and to disable it again after 10s"),
        "{text}"
    );
    let memory = bench.play.site().memory();
    assert!(memory.services.is_empty(), "it is no evidence");
}

#[test]
fn a_drill_that_nobody_carries_fails_and_is_ended() {
    let mut bench = at(DrillPhase::Rising);
    bench.run_for(RISE_LIMIT);
    assert_eq!(bench.rehearsal(), Some(DrillIntent::End(Strength::Drain)));
    bench.drill(DrillEvent::Silent);
    let (outcome, text) = bench.ends().remove(0);
    assert_eq!(outcome, DrillOutcome::Failed);
    assert!(text.contains("not seen to be carried"), "{text}");
    let remembered = bench.play.site().memory().services["web"].clone();
    assert!(remembered.last_good_drill.is_none() && remembered.last_drill.is_some());
}

#[test]
fn an_end_that_is_not_seen_fails_and_is_tried_on() {
    let mut bench = at(DrillPhase::Unverified);
    assert_eq!(bench.ends()[0].0, DrillOutcome::Failed);
    assert_eq!(
        bench.rehearsal(),
        Some(DrillIntent::End(Strength::Drain)),
        "it is tried on"
    );
    assert!(
        bench.play.site().memory().services["web"].drill.is_some(),
        "whoever comes next tries on"
    );
    bench.drill(DrillEvent::Silent);
    assert_eq!((bench.phase(), bench.rehearsal()), (None, None));
    assert_eq!(bench.ends().len(), 1, "it is told once");
    let outcome = bench.play.site().memory().services["web"]
        .last_drill
        .clone()
        .map(|last| last.outcome);
    assert_eq!(outcome, Some(DrillOutcome::Failed));
}

/// What comes in between ends the drill: BIRD is silenced before anything is told.
#[test]
fn whatever_comes_in_between_ends_it_cleanly() {
    type Between = (DrillOutcome, fn(&mut Bench));
    let cases: [Between; 7] = [
        (DrillOutcome::Aborted, |bench| {
            bench.drill(DrillEvent::Lost("BIRD died".to_owned()));
        }),
        (DrillOutcome::Aborted, |bench| {
            bench.drill(DrillEvent::Stop("stopped".to_owned()));
        }),
        (DrillOutcome::Failed, |bench| {
            bench.drill(DrillEvent::Failed("no".to_owned()));
        }),
        (DrillOutcome::Aborted, |bench| {
            bench
                .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
                .unwrap();
        }),
        (DrillOutcome::Aborted, |bench| {
            bench
                .ask(OperatorCommand::Freeze(OverrideOptions::default()))
                .unwrap();
        }),
        (DrillOutcome::Aborted, |bench| {
            bench.ask(OperatorCommand::Auto { reason: None }).unwrap();
        }),
        (DrillOutcome::Aborted, |bench| {
            let from = bench.play.now().mono;
            bench.world.from(from, WITNESS, Target::Dead);
            bench.run_for(secs(8));
        }),
    ];
    for phase in [DrillPhase::Rising, DrillPhase::Holding] {
        for (number, (outcome, act)) in cases.iter().enumerate() {
            let mut bench = at(phase);
            act(&mut bench);
            assert_eq!(
                bench.rehearsal(),
                Some(DrillIntent::End(Strength::Drain)),
                "{phase:?} {number}"
            );
            let intent = bench.play.site().services()[0].intent();
            assert!(!intent.hands_off, "frozen or not, what a drill began is ended");
            assert_eq!(bench.ends(), [], "nothing is told before it is seen");
            bench.drill(DrillEvent::Silent);
            assert_eq!(bench.ends()[0].0, *outcome, "{phase:?} {number}");
            assert_eq!(bench.rehearsal(), None);
        }
    }
}

#[test]
fn a5_a_session_that_is_closed_after_it_was_carried_fails_the_drill_also_while_it_ends() {
    let closed = || DrillEvent::Failed("isp_upstream carried it, and its session is Idle now".to_owned());
    let mut ending = at(DrillPhase::Ending);
    ending.drill(closed());
    assert_eq!(ending.ends(), [], "it is silenced first");
    ending.drill(DrillEvent::Silent);
    let mut watched = at(DrillPhase::Ending);
    watched.drill(DrillEvent::Silent);
    watched.run_for(WATCH - ms(1));
    watched.drill(closed());
    for bench in [ending, watched] {
        let (outcome, text) = bench.ends().remove(0);
        assert_eq!(outcome, DrillOutcome::Failed);
        assert!(text.contains("Idle"), "{text}");
        assert_eq!((bench.phase(), bench.rehearsal()), (None, None));
        let remembered = bench.play.site().memory().services["web"].clone();
        assert!(remembered.last_good_drill.is_none());
    }
}

#[test]
fn d11_a_freeze_takes_hands_off_once_the_drill_is_over() {
    let mut bench = at(DrillPhase::Holding);
    bench
        .ask(OperatorCommand::Freeze(OverrideOptions::default()))
        .unwrap();
    bench.drill(DrillEvent::Silent);
    assert!(bench.play.site().services()[0].intent().hands_off);
}

#[test]
fn d7_a_takeover_in_mid_drill_is_at_once_and_the_drill_is_over() {
    for phase in [
        DrillPhase::Recording,
        DrillPhase::Rising,
        DrillPhase::Holding,
        DrillPhase::Ending,
        DrillPhase::Unverified,
    ] {
        let mut bench = at(phase);
        let mut without = healthy(&article());
        let now = bench.play.now().mono;
        without.run(now);
        for bench in [&mut bench, &mut without] {
            for probe in [PING, SITE] {
                bench.world.from(now, probe, Target::Refusing);
            }
            if phase != DrillPhase::Recording && phase != DrillPhase::Rising {
                bench.run_for(secs(9));
            }
        }
        let until = now + secs(30);
        bench.run(until);
        without.run(until);
        assert_eq!(bench.strength(), Some(Strength::Full), "{phase:?}");
        assert_eq!(
            bench.switches(),
            without.switches(),
            "{phase:?}: not an instant later"
        );
        assert_eq!((bench.phase(), bench.rehearsal()), (None, None), "{phase:?}");
        assert!(bench.play.site().memory().services["web"].drill.is_none());
    }
}

#[test]
fn d9_a_drill_counts_for_no_latch() {
    let mut config = article();
    config.services[0].flap_limit = 1;
    let mut bench = healthy(&config);
    for _ in 0..3 {
        bench
            .ask(OperatorCommand::Drill(plan()))
            .expect("nothing is amiss");
        bench.drill(DrillEvent::Kept);
        bench.drill(DrillEvent::Carried);
        bench.run_for(secs(10));
        bench.drill(DrillEvent::Silent);
        bench.run_for(WATCH);
    }
    let remembered = bench.play.site().memory().services["web"].clone();
    assert_eq!((remembered.switches, remembered.latched_since), (vec![], None));
}

#[test]
fn d10_what_a_drill_left_behind_is_ended_before_anything_is_adopted() {
    for phase in [
        DrillPhase::Recording,
        DrillPhase::Rising,
        DrillPhase::Holding,
        DrillPhase::Ending,
    ] {
        let before = at(phase);
        let mut bench = before.restart(&article());
        bench.run_for(ms(1));
        let intent = bench.play.site().services()[0].intent().clone();
        assert_eq!(
            (intent.strength, intent.drill),
            (None, Some(DrillIntent::End(Strength::Drain)))
        );
        assert!(intent.decision > 0, "its stages are told");
        bench.bird(0, InitialStrength::Is(Strength::Drain));
        assert_eq!(bench.stance(), Stance::Unsettled, "a drill is not adopted");
        bench.drill(DrillEvent::Silent);
        assert_eq!(bench.ends()[0].0, DrillOutcome::Aborted);
        bench.bird(0, InitialStrength::Is(Strength::Off));
        assert_eq!((bench.stance(), bench.rehearsal()), (Stance::Off, None));
    }
}

#[test]
fn d10_a_takeover_does_not_wait_for_what_a_drill_left_behind() {
    let mut bench = at(DrillPhase::Holding).restart(&article());
    for probe in [PING, SITE] {
        bench.world.from(at_s(0), probe, Target::Refusing);
    }
    bench.run(at_s(20));
    assert_eq!(bench.strength(), Some(Strength::Full));
    assert_eq!((bench.phase(), bench.rehearsal()), (None, None));
}

#[test]
fn d10_what_cannot_be_ended_at_the_start_is_aborted_when_it_can() {
    let mut bench = at(DrillPhase::Holding).restart(&article());
    bench.run_for(END_LIMIT + secs(60));
    assert_eq!(
        bench.phase(),
        Some(DrillPhase::Unverified),
        "somebody has to know"
    );
    assert_eq!(bench.ends(), []);
    bench.drill(DrillEvent::Silent);
    assert_eq!(bench.ends()[0].0, DrillOutcome::Aborted);
    assert_eq!(bench.phase(), None);
}

#[test]
fn d10_what_a_drill_left_behind_is_given_its_time_to_end() {
    let before = at(DrillPhase::Holding);
    let asked = before.play.site().services()[0]
        .drill()
        .map(|drill| drill.since());
    let mut bench = before.restart(&article());
    bench.run(at_s(0) + END_LIMIT - ms(1));
    assert_eq!(bench.phase(), Some(DrillPhase::Ending));
    let drill = bench.play.site().services()[0].drill().expect("not over");
    assert_eq!((Some(drill.since()), drill.actor()), (asked, "root"));
    assert!(drill.is_left_behind());
    bench.run(at_s(0) + END_LIMIT);
    assert_eq!(bench.phase(), Some(DrillPhase::Unverified));
}

#[test]
fn a_drill_says_whose_it_is_since_when_and_until_when_and_each_turn_is_a_decision() {
    for (phase, lasts, decisions) in [
        (DrillPhase::Recording, None, 0),
        (DrillPhase::Rising, None, 1),
        (DrillPhase::Holding, Some(secs(10)), 1),
        (DrillPhase::Ending, None, 2),
    ] {
        let bench = at(phase);
        let (site, now) = (bench.play.site(), bench.play.now().mono);
        let drill = site.services()[0].drill().expect("it is under way");
        assert_eq!(drill.since(), start().wall_at(at_s(10)));
        assert_eq!((drill.actor(), drill.is_left_behind()), ("root", false));
        assert_eq!(drill.until(), lasts.map(|lasts| now + lasts));
        assert_eq!(site.services()[0].intent().decision, decisions, "{phase:?}");
    }
}

#[test]
fn news_that_do_not_fit_change_nothing() {
    let text = || "late".to_owned();
    let cases = [
        (
            DrillPhase::Recording,
            vec![
                DrillEvent::Carried,
                DrillEvent::Failed(text()),
                DrillEvent::Lost(text()),
                DrillEvent::Silent,
            ],
        ),
        (
            DrillPhase::Rising,
            vec![DrillEvent::Kept, DrillEvent::NotKept(text()), DrillEvent::Silent],
        ),
        (
            DrillPhase::Holding,
            vec![
                DrillEvent::Kept,
                DrillEvent::NotKept(text()),
                DrillEvent::Carried,
                DrillEvent::Silent,
            ],
        ),
        (
            DrillPhase::Ending,
            vec![
                DrillEvent::Kept,
                DrillEvent::NotKept(text()),
                DrillEvent::Carried,
                DrillEvent::Failed(text()),
                DrillEvent::Lost(text()),
                DrillEvent::Stop(text()),
            ],
        ),
        (
            DrillPhase::Unverified,
            vec![
                DrillEvent::Kept,
                DrillEvent::Carried,
                DrillEvent::Lost(text()),
                DrillEvent::Stop(text()),
            ],
        ),
    ];
    for (phase, unfit) in cases {
        for news in unfit {
            let mut bench = at(phase);
            let before = (bench.rehearsal(), bench.ends(), bench.play.site().memory());
            bench.drill(news.clone());
            let after = (bench.rehearsal(), bench.ends(), bench.play.site().memory());
            assert_eq!(
                (bench.phase(), after),
                (Some(phase), before),
                "{phase:?}: {news:?}"
            );
        }
    }
    let mut bench = healthy(&article());
    bench.drill(DrillEvent::Carried);
    assert_eq!((bench.phase(), bench.rehearsal()), (None, None), "nobody drills");
}

fn news() -> impl Strategy<Value = DrillEvent> {
    let text = || "a reason".to_owned();
    prop_oneof![
        4 => Just(DrillEvent::Kept),
        1 => Just(DrillEvent::NotKept(text())),
        4 => Just(DrillEvent::Carried),
        1 => Just(DrillEvent::Failed(text())),
        1 => Just(DrillEvent::Lost(text())),
        1 => Just(DrillEvent::Stop(text())),
        4 => Just(DrillEvent::Silent),
    ]
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![4 => Just(Target::Alive), 3 => Just(Target::Dead), 2 => Just(Target::Refusing), 1 => Just(Target::Broken)]
}

proptest! {
    #![proptest_config(cases(24, 512))]

    /// Whatever happens, and whenever drills begin and end: every switch is taken at the same instant,
    /// by the same rule, as without any drill; the latch counts the same.
    #[test]
    fn d7_d9_drills_change_nothing_of_what_is_judged(
        history in proptest::collection::vec(
            (0_u64..6_000, 0_usize..3, targets(), any::<bool>(), proptest::option::of(news())), 1..40),
        manual in any::<bool>(),
        drain in 0_u64..20,
    ) {
        let mut config = article();
        config.services[0].failback = if manual { FailbackMode::Manual } else { FailbackMode::Auto };
        config.services[0].failback_drain = secs(drain);
        let (mut with, mut without) = (healthy(&config), healthy(&config));
        let probes = [PING, SITE, WITNESS];
        for (wait, which, target, drill, news) in history {
            for bench in [&mut with, &mut without] {
                bench.run_for(ms(wait));
                let now = bench.play.now().mono;
                bench.world.from(now, probes[which], target);
            }
            if drill {
                // A refusal is an answer, too.
                let _ = with.ask(OperatorCommand::Drill(plan()));
            }
            if let Some(news) = news {
                with.drill(news);
            }
            let intent = with.play.site().services()[0].intent();
            if let Some(DrillIntent::Announce(_)) = intent.drill {
                prop_assert_eq!(intent.strength, Some(Strength::Off), "a drill announces what is silent");
            }
            let recorded = with.play.site().services()[0].remembered().drill.is_some();
            prop_assert_eq!(recorded, with.phase().is_some(), "what is under way is written down");
        }
        for bench in [&mut with, &mut without] {
            bench.run_for(secs(120));
        }
        prop_assert_eq!(with.switches(), without.switches());
        let counted = |bench: &Bench| bench.play.site().services()[0].remembered().switches.clone();
        prop_assert_eq!(counted(&with), counted(&without));
        // And it ends as it began: nothing is announced for a drill any more.
        with.drill(DrillEvent::Silent);
        with.drill(DrillEvent::Stop("the end".to_owned()));
        prop_assert_eq!(with.rehearsal(), None);
    }
}

/// The service that was drilled is not configured any more: what it announces is known by its record,
/// and whoever has its protocols now ends it before anything is adopted.
#[test]
fn a_drill_whose_service_went_away_is_known_by_its_protocols() {
    let memory = at(DrillPhase::Holding).play.site().memory();
    assert_eq!(
        memory.services["web"].drill.as_ref().unwrap().protocols,
        ["web_v4_drain"]
    );
    assert_eq!(memory.stray_drills(&article()), []);
    let other = config(vec![standby("mail", vec![probe("ping")])], Vec::new(), 0);
    let strays = memory.stray_drills(&other);
    assert_eq!(strays.len(), 1);
    assert!(strays[0].absent);
    assert_eq!(strays[0].protocols, ["web_v4_drain"]);
    let mut gone = Bench::with(&other, &memory, start());
    assert!(
        gone.play.site().memory().services["web"].drill.is_some(),
        "until it is ended"
    );
    assert!(gone.play.site().services()[0].drill().is_none());
    gone.run(at_s(1));

    let mut renamed = article();
    renamed.services[0].name = "site".to_owned();
    assert_eq!(memory.stray_drills(&renamed), []);
    let mut bench = Bench::with(&renamed, &memory, start());
    bench.bird(0, InitialStrength::Is(Strength::Drain));
    assert_eq!(bench.stance(), Stance::Unsettled, "it is no failback under way");
    assert_eq!(bench.rehearsal(), Some(DrillIntent::End(Strength::Drain)));

    let mut other_protocols = article();
    other_protocols.services[0].drain[0].name = "other_drain".to_owned();
    let strays = memory.stray_drills(&other_protocols);
    assert_eq!((strays.len(), strays[0].absent), (1, false));
    assert_eq!(strays[0].protocols, ["web_v4_drain"]);
}
