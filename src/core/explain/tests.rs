use super::changes::{self, ChangeCause, Prospect};
use crate::config::model::{
    Config, DailyWindow, Decides, FailbackMode, OnLoss, OnNotServing, Quorum, ServiceConfig, Votes,
};
use crate::core::decide::DecisionReason;
use crate::core::site::tests::support::*;
use crate::core::{InitialStrength, OperatorCommand, ProbeId, Strength};
use crate::model::command::OverrideOptions;
use crate::model::snapshot::Verdict;
use crate::model::time::Moment;

fn explained(bench: &Bench) -> String {
    bench.play.site().explain(0, bench.play.now()).unwrap()
}

#[test]
fn standing_by_it_says_what_a_takeover_takes() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.run(at_s(20));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn half_dead_it_says_that_the_verdict_is_unclear_and_which_probe_holds_it() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.world.from(at_s(20), PING, Target::Dead);
    bench.run(at_s(40));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn after_a_takeover_it_says_when_it_would_fail_back() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    for probe in [PING, SITE] {
        bench
            .world
            .from(at_s(20), probe, Target::Dead)
            .from(at_s(40), probe, Target::Alive);
    }
    bench.run(at_s(50));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn d14_it_says_how_the_prefixes_lie_and_what_stands_all_the_time() {
    let mut config = article();
    let service = &mut config.services[0];
    service.primary_prefixes = vec!["198.51.100.0/23".parse().unwrap()];
    service.standing_prefixes = service.primary_prefixes.clone();
    service.standing = vec![crate::config::model::StaticProtocolConfig {
        name: "web_v4_standing".to_owned(),
        ..service.full[0].clone()
    }];
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench.run(at_s(20));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn isolated_it_says_so() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.world.cut(at_s(20), at_s(90));
    bench.run(at_s(60));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn overridden_it_says_by_whom_and_until_when() {
    let mut bench = Bench::new(&article()).adopting(Strength::Off);
    bench.run(at_s(20));
    let terms = OverrideOptions {
        lasting: Some(secs(60)),
        reason: Some("moving racks".to_owned()),
        drain: None,
    };
    bench.ask(OperatorCommand::Announce(terms)).unwrap();
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn of_no_such_service_it_says_nothing() {
    let bench = Bench::new(&article());
    assert_eq!(bench.play.site().explain(1, bench.play.now()), None);
}

#[test]
fn ordinals_are_those_of_english() {
    let said = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111, 1000].map(super::ordinal);
    assert_eq!(
        said,
        [
            "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th", "1000th"
        ]
    );
}

/// What it says of the rule that decides, and of what would change it; without the facts.
fn gist(of: &str, bench: &Bench) -> String {
    let explained = explained(bench);
    let mut lines = explained.lines();
    let head: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let changes = lines.skip_while(|line| !line.starts_with("what would change it"));
    let changes: Vec<_> = changes.collect();
    format!("## {of}\n{}\n{}\n", head.join("\n"), changes.join("\n"))
}

fn terms() -> OverrideOptions {
    OverrideOptions::default()
}

/// Dead from 20 to 40 s.
fn outage(config: &Config) -> Bench {
    let mut bench = Bench::new(config).adopting(Strength::Off);
    bench
        .world
        .from(at_s(20), PING, Target::Dead)
        .from(at_s(40), PING, Target::Alive);
    bench
}

/// A standby with one probe and one witness, its service changed a little.
fn with(change: impl FnOnce(&mut ServiceConfig)) -> Config {
    let mut config = simple();
    change(&mut config.services[0]);
    config
}

fn at(mut bench: Bench, until: Moment) -> Bench {
    bench.run(until);
    bench
}

/// Asked at that time.
fn asked(bench: Bench, until: Moment, ask: OperatorCommand) -> Bench {
    let mut bench = at(bench, until);
    bench.ask(ask).unwrap();
    bench
}

fn late_window() -> DailyWindow {
    DailyWindow {
        start: jiff::civil::time(2, 0, 0, 0),
        end: jiff::civil::time(5, 0, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    }
}

#[test]
fn d4_to_d11_for_a_standby_it_names_what_would_change_every_state_and_when() {
    let steady = || Bench::new(&simple()).adopting(Strength::Off);
    let mut silent_witness = outage(&simple());
    silent_witness.world.from(at_s(19), WITNESS, Target::Lost);
    let mut broken_witness = outage(&simple());
    broken_witness.world.from(Moment::START, WITNESS, Target::Broken);
    let cut = |config: &Config| {
        let mut bench = Bench::new(config).adopting(Strength::Full);
        bench.world.cut(at_s(20), at_s(90));
        bench
    };
    let mut unclear = steady();
    unclear.world.from(at_s(20), PING, Target::Broken);
    let withdrawing = with(|service| service.on_isolated = OnLoss::Withdraw);
    let delayed = with(|service| service.takeover_delay = secs(90));
    let manual = with(|service| service.failback = FailbackMode::Manual);
    let windowed = with(|service| service.failback_window = Some(late_window()));
    let draining = with(|service| service.failback_drain = secs(300));
    let latching = with(|service| service.flap_limit = 1);
    let told = [
        ("NotAdopted", at(Bench::new(&simple()), at_s(10))),
        ("TargetUp", at(steady(), at_s(10))),
        ("TargetUp, takeover_delay", at(outage(&delayed), at_s(10))),
        ("Unclear", at(unclear, at_s(60))),
        ("TakeoverDelay", at(outage(&delayed), at_s(30))),
        ("WitnessAwaited", at(silent_witness, at_ms(23_100))),
        ("WitnessesUnknown", at(broken_witness, at_s(30))),
        ("IsolatedKeeps", at(cut(&simple()), at_s(60))),
        ("IsolatedWithdraws", at(cut(&withdrawing), at_s(60))),
        ("TargetDown", at(outage(&simple()), at_s(30))),
        ("TargetDown, manual", at(outage(&manual), at_s(30))),
        ("TargetDown, window", at(outage(&windowed), at_s(30))),
        ("TargetDown, drain", at(outage(&draining), at_s(30))),
        ("FailbackDelay", at(outage(&simple()), at_s(50))),
        ("ConsentAwaited", at(outage(&manual), at_s(100))),
        ("WindowClosed", at(outage(&windowed), at_s(100))),
        ("Draining", at(outage(&draining), at_s(100))),
        ("Latched", at(outage(&latching), at_s(100))),
        (
            "ToldToAnnounce",
            asked(steady(), at_s(10), OperatorCommand::Announce(terms())),
        ),
        (
            "ToldToWithdraw",
            asked(steady(), at_s(10), OperatorCommand::Withdraw(terms())),
        ),
        (
            "ToldToFreeze",
            asked(steady(), at_s(10), OperatorCommand::Freeze(terms())),
        ),
    ];
    insta::assert_snapshot!(told.map(|(of, bench)| gist(of, &bench)).join("\n"));
}

#[test]
fn d4_to_d11_for_a_primary_it_names_what_would_change_every_state() {
    let mut config = simple();
    config.services = vec![primary("web", vec![probe("ping")])];
    let mut unclear = Bench::new(&config).adopting(Strength::Full);
    unclear.world.from(at_s(20), PING, Target::Broken);
    let mut latching = config.clone();
    latching.services[0].flap_limit = 1;
    let mut flapped = Bench::new(&latching).adopting(Strength::Full);
    flapped
        .world
        .from(at_s(20), PING, Target::Dead)
        .from(at_s(40), PING, Target::Alive);
    let told = [
        ("TargetUp", at(outage(&config), at_s(10))),
        ("TargetDown", at(outage(&config), at_s(30))),
        ("Unclear", at(unclear, at_s(60))),
        ("Latched", at(flapped.clone(), at_s(60))),
    ];
    insta::assert_snapshot!(told.map(|(of, bench)| gist(of, &bench)).join("\n"));
    insta::assert_snapshot!("a_latched_primary_in_full", explained(&at(flapped, at_s(60))));
}

#[test]
fn d3_it_counts_the_probes_by_what_they_vote_and_says_which_decide() {
    let mut probes: Vec<_> = ["both", "down", "up", "none", "kills", "saves"].map(probe).into();
    for (probe, votes) in
        probes
            .iter_mut()
            .skip(1)
            .zip([Votes::Down, Votes::Up, Votes::None, Votes::None, Votes::None])
    {
        probe.votes = votes;
    }
    probes[4].decides = Some(Decides::Down);
    probes[5].decides = Some(Decides::Up);
    let mut service = standby("web", probes);
    service.down_when = Quorum::Any;
    service.up_when = Quorum::AtLeast(2);
    let mut bench = Bench::new(&config(vec![service], Vec::new(), 0)).adopting(Strength::Off);
    bench
        .world
        .from(Moment::START, ProbeId::Service(0, 1), Target::Dead);
    bench
        .world
        .from(Moment::START, ProbeId::Service(0, 3), Target::Broken);
    bench
        .world
        .from(Moment::START, ProbeId::Service(0, 5), Target::Refusing);
    bench.run(at_s(20));
    insta::assert_snapshot!(explained(&bench));
}

#[test]
fn d5_it_counts_the_witnesses_by_their_states() {
    let witnesses = ["w0", "w1", "w2", "w3"].map(probe).into();
    let config = config(vec![standby("web", vec![probe("ping")])], witnesses, 2);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    bench
        .world
        .from(Moment::START, ProbeId::Witness(1), Target::Dead)
        .from(Moment::START, ProbeId::Witness(2), Target::Broken)
        .from(Moment::START, ProbeId::Witness(3), Target::Broken);
    bench.run(at_s(20));
    let explained = explained(&bench);
    let line = explained.lines().find(|line| line.starts_with("witnesses"));
    assert_eq!(
        line,
        Some(
            "witnesses: 1 up, 1 down, 2 unknown, at least 2 must be up: open whether this site is isolated (D5)"
        )
    );
}

#[test]
fn d9_it_counts_the_switches_that_still_lie_in_the_window() {
    let config = with(|service| {
        service.failback_delay = secs(1);
        service.flap_window = secs(100);
    });
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    for died in [20, 60] {
        bench
            .world
            .from(at_s(died), PING, Target::Dead)
            .from(at_s(died + 10), PING, Target::Alive);
    }
    let mut latch_at = |until| {
        let explained = explained(bench.run(until));
        let line = explained.lines().find(|line| line.starts_with("latch"));
        line.expect("it says so").to_owned()
    };
    let line = |counted| format!("latch: {counted} within 1m40s; the 3rd latches (D9)");
    assert_eq!(latch_at(at_s(19)), line("0 takeovers"));
    assert_eq!(latch_at(at_s(23)), line("1 takeover"));
    assert_eq!(latch_at(at_ms(122_999)), line("2 takeovers"));
    assert_eq!(latch_at(at_s(123)), line("1 takeover"), "the first was 100 s ago");
    assert_eq!(latch_at(at_s(200)), line("0 takeovers"));
}

/// A window that opens within [`PATIENCE`].
fn soon() -> DailyWindow {
    DailyWindow {
        start: jiff::civil::time(0, 10, 0, 0),
        ..late_window()
    }
}

/// One switch latches, and is forgotten within [`PATIENCE`].
fn latches_soon(service: &mut ServiceConfig) {
    (service.flap_limit, service.flap_window) = (1, secs(300));
}

/// Longer than everything that these configurations wait for.
const PATIENCE: u64 = 20;

/// Every state that a standby or a primary can be in, with and without a latch.
fn states() -> Vec<(&'static str, Bench)> {
    let steady = || Bench::new(&simple()).adopting(Strength::Off);
    let cut = |config: &Config| {
        let mut bench = Bench::new(config).adopting(Strength::Full);
        bench.world.cut(at_s(20), at_s(100_000));
        bench
    };
    let mut unclear = steady();
    unclear.world.from(at_s(20), PING, Target::Broken);
    let mut broken_witness = outage(&simple());
    broken_witness.world.from(Moment::START, WITNESS, Target::Broken);
    let withdrawing = with(|service| service.on_isolated = OnLoss::Withdraw);
    let delayed = with(|service| service.takeover_delay = secs(90));
    let manual = with(|service| service.failback = FailbackMode::Manual);
    let windowed = with(|service| service.failback_window = Some(soon()));
    let draining = with(|service| service.failback_drain = secs(300));
    let latching = with(latches_soon);
    let mut latched_unclear = outage(&latching);
    latched_unclear.world.from(at_s(60), PING, Target::Broken);
    let mut not_serving = outage(&with(|service| {
        service.serves = vec![probe("local")];
        service.on_not_serving = OnNotServing::Hold;
    }));
    not_serving
        .world
        .from(Moment::START, ProbeId::Serves(0, 0), Target::Dead);
    let silent_after_a_reboot = at(outage(&latching), at_s(100)).restart(&latching);
    [
        ("not adopted", at(Bench::new(&simple()), at_s(10))),
        ("silent", at(steady(), at_s(10))),
        ("unclear", at(unclear, at_s(60))),
        ("takeover_delay", at(outage(&delayed), at_s(30))),
        ("witnesses unknown", at(broken_witness, at_s(30))),
        ("isolated, keeps", at(cut(&simple()), at_s(60))),
        ("isolated, withdraws", at(cut(&withdrawing), at_s(60))),
        ("not serving, holds", at(not_serving, at_s(30))),
        ("taken over", at(outage(&simple()), at_s(30))),
        ("taken over, manual", at(outage(&manual), at_s(30))),
        ("taken over, drain", at(outage(&draining), at_s(30))),
        ("failback_delay", at(outage(&simple()), at_s(50))),
        ("consent awaited", at(outage(&manual), at_s(100))),
        ("window closed", at(outage(&windowed), at_s(100))),
        ("draining", at(outage(&draining), at_s(100))),
        ("latched, up", at(outage(&latching), at_s(100))),
        ("latched, down", at(outage(&latching), at_s(30))),
        ("latched, unclear", at(latched_unclear, at_s(100))),
        (
            "latched, silent",
            at(silent_after_a_reboot.adopting(Strength::Off), at_s(20)),
        ),
        (
            "announced by hand",
            asked(steady(), at_s(10), OperatorCommand::Announce(terms())),
        ),
        (
            "withdrawn by hand",
            asked(outage(&simple()), at_s(30), OperatorCommand::Withdraw(terms())),
        ),
        (
            "frozen",
            asked(steady(), at_s(10), OperatorCommand::Freeze(terms())),
        ),
    ]
    .into_iter()
    .chain(states_of_a_primary())
    .collect()
}

/// The same for a primary.
fn states_of_a_primary() -> [(&'static str, Bench); 5] {
    let mut primaries = simple();
    primaries.services = vec![primary("web", vec![probe("ping")])];
    let mut latching_primaries = primaries.clone();
    latches_soon(&mut latching_primaries.services[0]);
    let of_primary = |config: &Config| {
        let mut bench = Bench::new(config).adopting(Strength::Full);
        bench
            .world
            .from(at_s(20), PING, Target::Dead)
            .from(at_s(40), PING, Target::Alive);
        bench
    };
    let mut primary_unclear = of_primary(&latching_primaries);
    primary_unclear.world.from(at_s(60), PING, Target::Broken);
    [
        ("primary, up", at(of_primary(&primaries), at_s(10))),
        ("primary, down", at(of_primary(&primaries), at_s(30))),
        (
            "primary, latched, down",
            at(of_primary(&latching_primaries), at_s(30)),
        ),
        (
            "primary, latched, up",
            at(of_primary(&latching_primaries), at_s(60)),
        ),
        ("primary, latched, unclear", at(primary_unclear, at_s(100))),
    ]
}

/// The verdict from now on, with this site well connected.
fn becomes(bench: &mut Bench, verdict: Verdict) {
    let now = bench.play.now().mono;
    let target = match verdict {
        Verdict::Up => Target::Alive,
        Verdict::Down => Target::Dead,
        Verdict::Unclear => Target::Broken,
    };
    bench.world.cut(now, now);
    // What the scripts have in store for later does not come.
    for later in [0, 40, 60, 90].map(|second| now.max(at_s(second))) {
        bench
            .world
            .from(later, WITNESS, Target::Alive)
            .from(later, PING, target);
    }
}

fn happens(bench: &mut Bench, change: ChangeCause) {
    match change {
        ChangeCause::Auto => bench
            .ask(OperatorCommand::Auto { reason: None })
            .expect("it can be asked"),
        ChangeCause::Failback => bench
            .ask(OperatorCommand::Failback { reason: None })
            .expect("it waits for it"),
        ChangeCause::Verdict(verdict) => becomes(bench, verdict),
        ChangeCause::BirdRead => bench.bird(0, InitialStrength::Is(Strength::Off)),
        ChangeCause::Connected => {
            let now = bench.play.now().mono;
            bench.world.cut(now, now);
            bench.world.from(now, WITNESS, Target::Alive);
        }
        ChangeCause::Serving => {
            let now = bench.play.now().mono;
            bench.world.from(now, ProbeId::Serves(0, 0), Target::Alive);
        }
    }
}

/// Where it stands, and why: what `explain` speaks of.
fn stands(bench: &Bench) -> (Option<Strength>, DecisionReason, bool) {
    let service = &bench.play.site().services()[0];
    (
        service.stance().strength(),
        service.judgement().why,
        service.latched_since().is_some(),
    )
}

/// Whether it comes so within [`PATIENCE`] minutes; an operator who is waited for is there.
fn comes(bench: &mut Bench, mut so: impl FnMut(&Bench) -> bool) -> bool {
    for _ in 0..PATIENCE {
        if so(bench) {
            return true;
        }
        bench.run_for(secs(60));
        if stands(bench).1 == DecisionReason::ConsentAwaited && !so(bench) {
            // A refusal says that it waits for something else.
            let _ = bench.ask(OperatorCommand::Failback { reason: None });
        }
    }
    so(bench)
}

/// What would change it, by its own words, is done, and it changes; and what it does not name changes
/// nothing.
#[test]
fn what_it_says_would_change_it_does() {
    for (state, bench) in states() {
        let service = &bench.play.site().services()[0];
        let prospects = changes::prospects(service);
        assert!(!prospects.is_empty(), "{state}");
        let before = stands(&bench);
        for prospect in &prospects {
            let mut bench = bench.clone();
            happens(&mut bench, prospect.change);
            let came = match prospect.leads_to {
                Some(strength) => comes(&mut bench, |bench| stands(bench).0 == Some(strength)),
                None => comes(&mut bench, |bench| stands(bench) != before),
            };
            assert!(
                came,
                "{state}: {prospect:?} and it stands at {:?}",
                stands(&bench)
            );
        }
        let by_verdict = matches!(
            before.1,
            DecisionReason::TargetDown
                | DecisionReason::TargetUp
                | DecisionReason::Relapse
                | DecisionReason::Unclear
                | DecisionReason::Latched
        );
        for verdict in [Verdict::Up, Verdict::Down] {
            let named = |prospect: &Prospect| prospect.change == ChangeCause::Verdict(verdict);
            if !by_verdict || prospects.iter().any(named) {
                continue;
            }
            let mut bench = bench.clone();
            becomes(&mut bench, verdict);
            assert!(
                !comes(&mut bench, |bench| stands(bench).0 != before.0),
                "{state}: {verdict:?} is not named, and moved it"
            );
        }
    }
}
