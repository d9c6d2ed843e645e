//! The words themselves: which probes a verdict is laid to, and how long a reason may be.

use super::*;
use crate::config::model::{Config, Quorum};
use crate::core::site::tests::support::*;
use crate::core::{OperatorCommand, ProbeId, Strength};
use crate::model::command::OverrideOptions;
use crate::model::time::Moment;

/// Probes that vote and decide in every way, each in the state that `target` brings.
fn said(target: Target, why: DecisionReason) -> String {
    let mut probes: Vec<_> = ["both", "down", "up", "none", "kills", "saves"].map(probe).into();
    let votes = [
        Votes::Both,
        Votes::Down,
        Votes::Up,
        Votes::None,
        Votes::None,
        Votes::None,
    ];
    for (probe, votes) in probes.iter_mut().zip(votes) {
        probe.votes = votes;
    }
    probes[4].decides = Some(Decides::Down);
    probes[5].decides = Some(Decides::Up);
    let config = config(vec![standby("web", probes)], Vec::new(), 0);
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    for at in 0..6 {
        bench.world.from(Moment::START, ProbeId::Service(0, at), target);
    }
    bench.run(at_s(30));
    bench.play.site().services()[0].explain(why)
}

#[test]
fn d3_a_verdict_is_laid_to_the_probes_that_vote_or_decide_it_and_no_other() {
    assert_eq!(
        said(Target::Dead, DecisionReason::TargetDown),
        "both down, down down, kills down"
    );
    assert_eq!(
        said(Target::Alive, DecisionReason::TargetUp),
        "both up, up up, saves up"
    );
    assert_eq!(
        said(Target::Alive, DecisionReason::TargetDown),
        "",
        "none of them is down"
    );
    assert_eq!(
        said(Target::Dead, DecisionReason::TargetUp),
        "",
        "none of them is up"
    );
    assert_eq!(
        said(Target::Dead, DecisionReason::Relapse),
        "down again during the failback: both down, down down, kills down"
    );
    assert_eq!(
        said(Target::Alive, DecisionReason::Unclear),
        "unclear: both up, down up, up up, none up, kills up, saves up"
    );
}

/// What it says of an announcement that an operator gives this reason for.
fn because(reason: Option<String>) -> String {
    let config: Config = simple();
    let mut bench = Bench::new(&config).adopting(Strength::Off);
    let terms = OverrideOptions {
        lasting: None,
        reason,
        drain: None,
    };
    bench.ask(OperatorCommand::Announce(terms)).expect("allowed");
    bench.play.site().services()[0].explain(DecisionReason::ToldToAnnounce)
}

#[test]
fn a3_a_reason_that_is_too_long_is_cut_between_characters_and_says_so() {
    let lead = "announce by root: ";
    assert_eq!(because(None), "announce by root");
    let fits = "x".repeat(REASON_LIMIT - lead.len());
    assert_eq!(because(Some(fits.clone())), format!("{lead}{fits}"));
    let cut = because(Some(format!("{fits}x")));
    assert_eq!(cut, format!("{lead}{}...", &fits[3..]));
    assert_eq!(cut.len(), REASON_LIMIT);
    let wide = because(Some("\u{5149}".repeat(100)));
    assert_eq!(wide, format!("{lead}{}...", "\u{5149}".repeat(59)));
    assert!(
        wide.len() <= REASON_LIMIT && wide.len() > REASON_LIMIT - 3,
        "no more is lost than has to be"
    );
}

#[test]
fn without_an_override_an_operators_word_is_still_told_as_one() {
    let bench = Bench::new(&simple());
    let service = &bench.play.site().services()[0];
    assert_eq!(service.explain(DecisionReason::ToldToFreeze), "an override");
}

#[test]
fn d9_a_primary_and_a_standby_are_latched_in_their_own_words() {
    let mut config = simple();
    config.services.push(primary("api", vec![probe("ping")]));
    config.services[1].up_when = Quorum::Any;
    let bench = Bench::new(&config);
    let words = |at: usize| bench.play.site().services()[at].explain(DecisionReason::Latched);
    assert!(words(0).contains("takeovers: stays announced"));
    assert!(words(1).contains("withdrawals: stays silent"));
}
