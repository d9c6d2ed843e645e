//! A reload as a step of a history: whatever changes, in every phase, with override, latch and drill.
//! Either it is refused with what to do, and then that helps; or nothing moves by it, and nothing
//! that BIRD announces is left without somebody who looks after it.

use super::support::*;
use crate::config::model::{Config, Role};
use crate::core::drill::DrillEvent;
use crate::core::persistent::PersistentService;
use crate::core::{CoreEvent, Event, OperatorCommand, PersistentState, Stance, Strength};
use crate::model::command::DrillPlan;
use crate::model::command::OverrideOptions;
use crate::model::history::HistoryEvent;
use crate::model::time::Moment;

/// Two services, of which the second is never touched.
fn two() -> Config {
    let mut config = config(
        vec![
            standby("web", vec![probe("ping"), probe("site")]),
            standby("mail", vec![probe("ping")]),
        ],
        vec![probe("resolver")],
        1,
    );
    for service in &mut config.services {
        service.failback_drain = secs(60);
        service.failback_delay = secs(5);
        service.flap_limit = 2;
    }
    config
}

/// What an edit of falconer.toml does, and whether it drops a static protocol of web.
type Edit = (&'static str, bool, fn(&mut Config));

const EDITS: [Edit; 9] = [
    ("nothing", false, |_| {}),
    ("removed", true, |config| drop(config.services.remove(0))),
    ("renamed, with its protocols", true, |config| {
        let renamed = standby("site", vec![probe("ping"), probe("site")]);
        config.services[0] = renamed;
    }),
    ("renamed, and its protocols are not", false, |config| {
        config.services[0].name = "site".to_owned();
    }),
    ("protocol", true, |config| {
        config.services[0].full[0].name = "other_v4".to_owned();
    }),
    ("drain protocol", true, |config| config.services[0].drain.clear()),
    ("role", false, |config| config.services[0].role = Role::Primary),
    ("probes", false, |config| {
        config.services[0].probes = vec![probe("ping"), probe("third")];
    }),
    ("order", false, |config| config.services.swap(0, 1)),
];

fn drill() -> OperatorCommand {
    OperatorCommand::Drill(DrillPlan {
        strength: Strength::Drain,
        hold: secs(1_000),
        dry_run: false,
        reason: None,
    })
}

fn dies(bench: &mut Bench, from: Moment) {
    bench
        .world
        .from(from, PING, Target::Dead)
        .from(from, SITE, Target::Dead);
}

fn lives(bench: &mut Bench, from: Moment) {
    bench
        .world
        .from(from, PING, Target::Alive)
        .from(from, SITE, Target::Alive);
}

fn flapped(bench: &mut Bench) {
    for round in 0..2 {
        dies(bench, at_s(20 + round * 120));
        lives(bench, at_s(40 + round * 120));
    }
    bench.run(at_s(250));
    assert!(bench.play.site().services()[0].latched_since().is_some());
}

/// What happened before, and whether web is announced after it.
type Phase = (&'static str, bool, fn(&mut Bench));

const PHASES: [Phase; 9] = [
    ("silent", false, |bench| {
        bench.run(at_s(30));
    }),
    ("confirming", false, |bench| {
        dies(bench, at_s(20));
        bench.run(at_ms(21_500));
    }),
    ("announced", true, |bench| {
        dies(bench, at_s(20));
        bench.run(at_s(40));
    }),
    ("failback_delay", true, |bench| {
        dies(bench, at_s(20));
        lives(bench, at_s(40));
        bench.run(at_s(48));
    }),
    ("drain", true, |bench| {
        dies(bench, at_s(20));
        lives(bench, at_s(40));
        bench.run(at_s(70));
        assert!(matches!(bench.stance(), Stance::Draining { .. }));
    }),
    ("announced by an override", true, |bench| {
        bench.run(at_s(10));
        bench
            .ask(OperatorCommand::Announce(OverrideOptions::default()))
            .unwrap();
    }),
    ("withdrawn by an override", false, |bench| {
        dies(bench, at_s(20));
        bench.run(at_s(40));
        bench
            .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
            .unwrap();
    }),
    ("frozen", true, |bench| {
        dies(bench, at_s(20));
        bench.run(at_s(40));
        bench
            .ask(OperatorCommand::Freeze(OverrideOptions::default()))
            .unwrap();
    }),
    ("latched", true, flapped),
];

fn at(phase: fn(&mut Bench)) -> Bench {
    let mut bench = Bench::new(&two()).adopting(Strength::Off);
    phase(&mut bench);
    bench
}

/// What BIRD does: what is wanted of it.
fn announces(bench: &Bench) -> Vec<Option<Strength>> {
    let services = bench.play.site().services().iter();
    services.map(|service| service.stance().strength()).collect()
}

fn edited(edit: fn(&mut Config)) -> Config {
    let mut config = two();
    edit(&mut config);
    config
}

/// Nothing moves by it, and what was remembered still is.
fn goes_over(mut bench: Bench, config: &Config, what: &str) {
    let (switches, before): (_, PersistentState) = (bench.switches().len(), bench.play.site().memory());
    let stances: Vec<_> = bench
        .play
        .site()
        .services()
        .iter()
        .map(|service| {
            (
                service.policy().name.clone(),
                service.policy().role,
                service.stance(),
            )
        })
        .collect();
    bench.play.reconfigure(config);
    bench.play.hand_in(None, &mut bench.world);
    // An override in force puts a service that starts anew where it stood already.
    let moved: Vec<_> = bench.switches().split_off(switches);
    let moved = moved.iter().filter(|(_, how)| how != "unsettled -> off by D11");
    assert_eq!(moved.count(), 0, "{what}");
    let after = bench.play.site().memory();
    for (name, remembered) in &before.services {
        // Where it was put matters only in the role that it was put there in.
        let same = |of: &PersistentService| PersistentService {
            imposed: false,
            ..of.clone()
        };
        assert_eq!(
            after.services.get(name).map(same),
            Some(same(remembered)),
            "{what}: {name}"
        );
    }
    for service in bench.play.site().services() {
        let policy = service.policy();
        let known = stances
            .iter()
            .find(|(name, role, _)| (name, *role) == (&policy.name, policy.role));
        let expected = known.map_or(Stance::Unsettled, |(_, _, stance)| *stance);
        let by_override = service.overridden().is_some() && known.is_none();
        assert!(
            service.stance() == expected || by_override,
            "{what}: {}",
            policy.name
        );
        let waits = service.awaits_bird();
        assert_eq!(
            waits,
            known.is_none(),
            "{what}: whoever is new adopts what BIRD does"
        );
    }
}

#[test]
fn what_would_leave_an_announcement_to_nobody_is_refused_and_all_else_moves_nothing() {
    for (phase, announced, make) in PHASES {
        for (edit, drops, change) in EDITS {
            let what = format!("{phase}, {edit}");
            let mut bench = at(make);
            let config = edited(change);
            let refusal = bench.play.site().against_reload(&config, &announces(&bench));
            assert_eq!(refusal.is_some(), announced && drops, "{what}: {refusal:?}");
            if let Some(refusal) = refusal {
                assert!(refusal.contains("falconer withdraw web"), "{what}: {refusal}");
                bench
                    .ask(OperatorCommand::Withdraw(OverrideOptions::default()))
                    .unwrap();
                let again = bench.play.site().against_reload(&config, &announces(&bench));
                assert_eq!(again, None, "{what}: and what it says helps");
            }
            goes_over(bench, &config, &what);
        }
    }
}

/// Whatever it thinks itself: what BIRD announces is announced, and what is not known may be.
#[test]
fn what_bird_announces_counts_as_much_as_what_is_wanted() {
    let (_, _, removed) = EDITS[1];
    let bench = at(PHASES[0].2);
    let against = |actual| {
        bench
            .play
            .site()
            .against_reload(&edited(removed), &[actual, Some(Strength::Off)])
    };
    assert_eq!(against(Some(Strength::Off)), None);
    assert_eq!(against(None), None, "silent is what was wanted last");
    for up in [Strength::Drain, Strength::Full] {
        assert!(against(Some(up)).is_some(), "{up}");
    }
    let unread = Bench::new(&two());
    let against = |actual| {
        unread
            .play
            .site()
            .against_reload(&edited(removed), &[actual, None])
    };
    assert!(against(None).expect("it may be").contains("may be announced"));
    assert_eq!(against(Some(Strength::Off)), None);
}

#[test]
fn any_reload_during_a_drill_is_refused_and_ending_it_helps() {
    let news: [&[DrillEvent]; 3] = [&[], &[DrillEvent::Kept], &[DrillEvent::Kept, DrillEvent::Carried]];
    for so_far in news {
        for (edit, _, change) in EDITS {
            let mut bench = at(PHASES[0].2);
            bench.ask(drill()).expect("nothing is amiss");
            for news in so_far {
                let (service, news) = (0, news.clone());
                bench
                    .play
                    .hand_in(Some(Event::Drill { service, news }), &mut bench.world);
            }
            let config = edited(change);
            let refusal = bench.play.site().against_reload(&config, &announces(&bench));
            assert!(
                refusal
                    .expect("a drill is under way")
                    .contains("falconer auto web"),
                "{edit}"
            );
            bench.ask(OperatorCommand::Auto { reason: None }).unwrap();
            let (service, news) = (0, DrillEvent::Silent);
            bench
                .play
                .hand_in(Some(Event::Drill { service, news }), &mut bench.world);
            assert_eq!(
                bench.play.site().against_reload(&config, &announces(&bench)),
                None,
                "{edit}"
            );
        }
    }
}

/// An override that was in force for a service that went away is in force when it comes back.
#[test]
fn what_went_away_with_an_override_comes_back_with_it() {
    let mut bench = at(PHASES[6].2);
    bench.play.reconfigure(&edited(EDITS[1].2));
    bench.run_for(secs(30));
    bench.play.reconfigure(&two());
    bench.run_for(secs(30));
    assert_eq!(bench.strength(), Some(Strength::Off));
    assert!(bench.play.site().services()[0].overridden().is_some());
    let ended = |note: &CoreEvent| matches!(note, CoreEvent::History(_, HistoryEvent::OverrideEnded { .. }));
    assert_eq!(bench.count(ended), 0);
}
