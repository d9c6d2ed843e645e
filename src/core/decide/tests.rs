//! D4 to D11 on the judgement itself: a table a rule, and a walk over every combination of facts
//! that asserts what must hold whatever the facts are.

use std::time::Duration;

use super::*;

/// Rounds in which a service must have settled: what `service.rs` allows for.
const ROUNDS: usize = 4;

fn at(second: u64) -> Moment {
    Moment::new(Duration::from_secs(second))
}

const NOW: Moment = Moment::new(Duration::from_secs(100));
const DRAINING: Stance = Stance::Draining {
    since: Moment::new(Duration::from_secs(90)),
};
const STANCES: [Stance; 4] = [Stance::Unsettled, Stance::Off, DRAINING, Stance::Full];

/// A standby that is silent, connected, and of whose target nothing is known.
fn facts() -> DecisionFacts {
    DecisionFacts {
        role: Role::Standby,
        stance: Stance::Off,
        contacted: true,
        thawing: false,
        imposed: false,
        verdict: Verdict::Unclear,
        isolation: Isolation::Connected,
        on_cut_off: OnCutOff::Hold,
        proven: true,
        holds_unserved: false,
        on_isolated: OnLoss::Keep,
        overridden: None,
        latched: false,
        takeover: TimerState::Now,
        failback: TimerState::Now,
        window: TimerState::Now,
        consent_missing: false,
        drains: false,
        drained: TimerState::Now,
        handed_over: TimerState::Now,
        confirms: false,
        confirmed: false,
        confirm: TimerState::Now,
        retry: TimerState::Now,
        now: NOW,
    }
}

fn judged(facts: DecisionFacts) -> (Stance, Rule, DecisionReason, Option<Moment>) {
    let judgement = judge(&facts);
    (judgement.to, judgement.rule, judgement.why, judgement.deadline)
}

#[test]
fn d4_down_announces_up_withdraws_unclear_keeps_at_a_standby() {
    use DecisionReason::{Relapse, TargetDown, TargetUp};
    use Verdict::{Down, Unclear, Up};
    let draining = Stance::Draining { since: NOW };
    let table = [
        (Stance::Off, Down, Stance::Full, Rule::D4, TargetDown),
        (Stance::Full, Down, Stance::Full, Rule::D4, TargetDown),
        (DRAINING, Down, Stance::Full, Rule::D7, Relapse),
        (Stance::Unsettled, Down, Stance::Full, Rule::D4, TargetDown),
        (Stance::Off, Up, Stance::Off, Rule::D4, TargetUp),
        (Stance::Full, Up, Stance::Off, Rule::D4, TargetUp),
        (DRAINING, Up, Stance::Off, Rule::D8, TargetUp),
        (Stance::Unsettled, Up, Stance::Off, Rule::D4, TargetUp),
        (
            Stance::Off,
            Unclear,
            Stance::Off,
            Rule::D4,
            DecisionReason::Unclear,
        ),
        (
            Stance::Full,
            Unclear,
            Stance::Full,
            Rule::D4,
            DecisionReason::Unclear,
        ),
        (DRAINING, Unclear, DRAINING, Rule::D4, DecisionReason::Unclear),
        (
            Stance::Unsettled,
            Unclear,
            Stance::Unsettled,
            Rule::D4,
            DecisionReason::Unclear,
        ),
    ];
    for (stance, verdict, to, rule, why) in table {
        let facts = DecisionFacts {
            stance,
            verdict,
            ..facts()
        };
        assert_eq!(judged(facts), (to, rule, why, None), "{stance} {verdict:?}");
    }
    let facts = DecisionFacts {
        stance: Stance::Full,
        verdict: Up,
        drains: true,
        ..facts()
    };
    assert_eq!(
        judged(facts),
        (draining, Rule::D8, DecisionReason::Draining, None)
    );
}

#[test]
fn d4_up_announces_down_withdraws_unclear_keeps_at_a_primary() {
    for stance in STANCES {
        let primary = DecisionFacts {
            role: Role::Primary,
            stance,
            // None of this concerns a primary.
            isolation: Isolation::Isolated,
            on_isolated: OnLoss::Withdraw,
            proven: false,
            takeover: TimerState::Never,
            failback: TimerState::Never,
            window: TimerState::Never,
            consent_missing: true,
            drains: true,
            drained: TimerState::Never,
            ..facts()
        };
        let up = DecisionFacts {
            verdict: Verdict::Up,
            ..primary
        };
        let down = DecisionFacts {
            verdict: Verdict::Down,
            ..primary
        };
        assert_eq!(
            judged(up),
            (Stance::Full, Rule::D4, DecisionReason::TargetUp, None)
        );
        assert_eq!(
            judged(down),
            (Stance::Off, Rule::D4, DecisionReason::TargetDown, None)
        );
        assert_eq!(judged(primary), (stance, Rule::D4, DecisionReason::Unclear, None));
    }
}

#[test]
fn d5_isolated_a_standby_keeps_or_withdraws_and_takes_nothing_over() {
    for verdict in [Verdict::Up, Verdict::Down, Verdict::Unclear] {
        for stance in STANCES {
            let isolated = DecisionFacts {
                isolation: Isolation::Isolated,
                stance,
                verdict,
                ..facts()
            };
            assert_eq!(
                judged(isolated),
                (stance, Rule::D5, DecisionReason::IsolatedKeeps, None)
            );
            let withdraws = DecisionFacts {
                on_isolated: OnLoss::Withdraw,
                ..isolated
            };
            let expected = match stance {
                Stance::Unsettled => (stance, Rule::D5, DecisionReason::IsolatedKeeps, None),
                Stance::Off | Stance::Draining { .. } | Stance::Full => {
                    (Stance::Off, Rule::D5, DecisionReason::IsolatedWithdraws, None)
                }
            };
            assert_eq!(judged(withdraws), expected);
        }
    }
}

#[test]
fn d5_open_and_unproven_block_a_takeover_and_nothing_else() {
    let down = DecisionFacts {
        verdict: Verdict::Down,
        ..facts()
    };
    let open = DecisionFacts {
        isolation: Isolation::Open,
        on_isolated: OnLoss::Withdraw,
        ..down
    };
    let unproven = DecisionFacts {
        proven: false,
        ..down
    };
    for stance in [Stance::Unsettled, Stance::Off, DRAINING] {
        assert_eq!(
            judged(DecisionFacts { stance, ..open }),
            (stance, Rule::D5, DecisionReason::WitnessesUnknown, None)
        );
        assert_eq!(
            judged(DecisionFacts { stance, ..unproven }),
            (stance, Rule::D5, DecisionReason::WitnessAwaited, None)
        );
    }
    for facts in [open, unproven] {
        let announced = DecisionFacts {
            stance: Stance::Full,
            ..facts
        };
        assert_eq!(
            judged(announced),
            (Stance::Full, Rule::D4, DecisionReason::TargetDown, None)
        );
        let up = DecisionFacts {
            verdict: Verdict::Up,
            ..announced
        };
        assert_eq!(
            judged(up),
            (Stance::Off, Rule::D4, DecisionReason::TargetUp, None)
        );
    }
}

#[test]
fn d6_what_a_failback_waits_for_and_until_when() {
    let up = DecisionFacts {
        stance: Stance::Full,
        verdict: Verdict::Up,
        ..facts()
    };
    let kept = |why, deadline| (Stance::Full, Rule::D6, why, deadline);
    let delay = DecisionFacts {
        failback: TimerState::At(at(130)),
        ..up
    };
    assert_eq!(judged(delay), kept(DecisionReason::FailbackDelay, Some(at(130))));
    let window = DecisionFacts {
        window: TimerState::At(at(500)),
        ..up
    };
    assert_eq!(judged(window), kept(DecisionReason::WindowClosed, Some(at(500))));
    let never = DecisionFacts {
        window: TimerState::Never,
        ..up
    };
    assert_eq!(judged(never), kept(DecisionReason::WindowClosed, None));
    let consent = DecisionFacts {
        consent_missing: true,
        ..delay
    };
    assert_eq!(judged(consent), kept(DecisionReason::ConsentAwaited, None));
    let both = DecisionFacts {
        window: TimerState::At(at(500)),
        ..delay
    };
    assert_eq!(
        judged(both),
        kept(DecisionReason::FailbackDelay, Some(at(130))),
        "the delay first"
    );
}

#[test]
fn d6_a_takeover_waits_for_takeover_delay_alone() {
    let waiting = DecisionFacts {
        verdict: Verdict::Down,
        takeover: TimerState::At(at(130)),
        ..facts()
    };
    assert_eq!(
        judged(waiting),
        (
            Stance::Off,
            Rule::D6,
            DecisionReason::TakeoverDelay,
            Some(at(130))
        )
    );
    let protected = DecisionFacts {
        takeover: TimerState::Now,
        failback: TimerState::Never,
        window: TimerState::Never,
        consent_missing: true,
        latched: true,
        drains: true,
        drained: TimerState::Never,
        ..waiting
    };
    assert_eq!(
        judged(protected),
        (Stance::Full, Rule::D4, DecisionReason::TargetDown, None)
    );
}

#[test]
fn d7_a_relapse_in_drain_waits_for_no_delay() {
    let relapsed = DecisionFacts {
        stance: DRAINING,
        verdict: Verdict::Down,
        takeover: TimerState::At(at(999)),
        drained: TimerState::Now,
        ..facts()
    };
    assert_eq!(
        judged(relapsed),
        (Stance::Full, Rule::D7, DecisionReason::Relapse, None)
    );
}

#[test]
fn d8_a_drain_ends_when_it_has_lasted_and_the_verdict_has_been_up_for_the_delay() {
    let draining = DecisionFacts {
        stance: DRAINING,
        verdict: Verdict::Up,
        drains: true,
        ..facts()
    };
    let until = |drained, failback| {
        judged(DecisionFacts {
            drained,
            failback,
            ..draining
        })
    };
    let later = TimerState::At(at(120));
    let latest = TimerState::At(at(130));
    assert_eq!(
        until(later, TimerState::Now),
        (DRAINING, Rule::D8, DecisionReason::Draining, Some(at(120)))
    );
    assert_eq!(
        until(TimerState::Now, latest),
        (DRAINING, Rule::D6, DecisionReason::FailbackDelay, Some(at(130)))
    );
    assert_eq!(
        until(later, latest),
        (DRAINING, Rule::D6, DecisionReason::FailbackDelay, Some(at(130)))
    );
    assert_eq!(
        until(TimerState::Now, TimerState::Now),
        (Stance::Off, Rule::D8, DecisionReason::TargetUp, None)
    );
    let begun = DecisionFacts {
        window: TimerState::Never,
        consent_missing: true,
        ..draining
    };
    assert_eq!(
        judged(begun).0,
        Stance::Off,
        "a window that closes meanwhile ends no drain"
    );
}

#[test]
fn d8_where_a_failback_is_confirmed_it_goes_through_drain_and_waits_there() {
    let up = DecisionFacts {
        verdict: Verdict::Up,
        confirms: true,
        ..facts()
    };
    let draining = Stance::Draining { since: NOW };
    for stance in [Stance::Full, Stance::Unsettled] {
        let begins = DecisionFacts { stance, ..up };
        assert_eq!(
            judged(begins),
            (draining, Rule::D8, DecisionReason::Confirming, None)
        );
        let waits = DecisionFacts {
            retry: TimerState::At(at(160)),
            ..begins
        };
        assert_eq!(
            judged(waits),
            (stance, Rule::D8, DecisionReason::Unconfirmed, Some(at(160)))
        );
    }
    let in_drain = |confirmed, confirm| {
        judged(DecisionFacts {
            stance: DRAINING,
            confirmed,
            confirm,
            ..up
        })
    };
    let later = TimerState::At(at(120));
    assert_eq!(
        in_drain(false, later),
        (DRAINING, Rule::D8, DecisionReason::Confirming, Some(at(120)))
    );
    assert_eq!(
        in_drain(false, TimerState::Now),
        (Stance::Full, Rule::D8, DecisionReason::Unconfirmed, None)
    );
    for confirm in [later, TimerState::Now] {
        assert_eq!(
            in_drain(true, confirm),
            (Stance::Off, Rule::D8, DecisionReason::TargetUp, None)
        );
    }
}

#[test]
fn d9_the_latch_keeps_what_is_and_starts_nothing() {
    let latched = DecisionFacts {
        latched: true,
        ..facts()
    };
    for stance in [Stance::Full, DRAINING, Stance::Unsettled] {
        let up = DecisionFacts {
            stance,
            verdict: Verdict::Up,
            ..latched
        };
        assert_eq!(judged(up), (stance, Rule::D9, DecisionReason::Latched, None));
    }
    for stance in [Stance::Off, Stance::Unsettled] {
        let up = DecisionFacts {
            role: Role::Primary,
            stance,
            verdict: Verdict::Up,
            ..latched
        };
        assert_eq!(judged(up), (stance, Rule::D9, DecisionReason::Latched, None));
    }
    let announced = DecisionFacts {
        role: Role::Primary,
        stance: Stance::Full,
        verdict: Verdict::Up,
        ..latched
    };
    assert_eq!(
        judged(announced),
        (Stance::Full, Rule::D4, DecisionReason::TargetUp, None)
    );
}

#[test]
fn d10_up_moves_nothing_before_bird_was_read() {
    let unread = DecisionFacts {
        stance: Stance::Unsettled,
        contacted: false,
        verdict: Verdict::Up,
        ..facts()
    };
    assert_eq!(
        judged(unread),
        (Stance::Unsettled, Rule::D10, DecisionReason::NotAdopted, None)
    );
    let latched = DecisionFacts {
        latched: true,
        ..unread
    };
    assert_eq!(judged(latched).2, DecisionReason::NotAdopted);
}

/// Where a withdraw ended before BIRD was read, only a death moves anything, as at the start.
#[test]
fn d10_a_withdraw_that_ended_before_bird_was_read_leaves_nothing_settled() {
    every_combination(|facts| {
        let unsettled = DecisionFacts {
            stance: Stance::Unsettled,
            contacted: false,
            ..facts
        };
        let ended = DecisionFacts {
            stance: Stance::Off,
            imposed: true,
            ..unsettled
        };
        let cut_off = facts.role == Role::Standby && facts.isolation == Isolation::Isolated;
        if facts.overridden.is_none() && !cut_off {
            assert_eq!(judge(&ended).to, judge(&unsettled).to, "{facts:?}");
        }
    });
}

/// After a freeze BIRD is read before anything is undone that somebody did meanwhile.
#[test]
fn d10_after_a_freeze_only_what_would_be_so_anyway_moves_before_bird_was_read() {
    every_combination(|facts| {
        let thawing = DecisionFacts {
            thawing: true,
            ..facts
        };
        let (thawing, thawed) = (judge(&thawing), judge(&facts));
        let waits = facts.overridden.is_none()
            && (facts.verdict == Verdict::Unclear
                || (facts.role == Role::Standby && facts.verdict == Verdict::Up))
            && (facts.role == Role::Primary || facts.isolation != Isolation::Isolated);
        if waits {
            assert_eq!(
                (thawing.to, thawing.rule, thawing.why),
                (facts.stance, Rule::D10, DecisionReason::Thawing),
                "{facts:?}"
            );
        } else {
            assert_eq!(thawing, thawed, "{facts:?}");
        }
    });
}

/// What a failback may wait for in drain, where something of that may matter.
fn confirmations(facts: DecisionFacts) -> impl Iterator<Item = DecisionFacts> {
    let later = TimerState::At(at(150));
    let all = [
        (true, false, later, TimerState::Now),
        (true, true, later, TimerState::Now),
        (true, false, TimerState::Now, TimerState::Now),
        (true, true, TimerState::Now, later),
        (true, false, later, later),
    ];
    let matters = facts.role == Role::Standby && facts.verdict == Verdict::Up && facts.overridden.is_none();
    let all = all.into_iter().filter(move |_| matters);
    let with = all.map(move |(confirms, confirmed, confirm, retry)| DecisionFacts {
        confirms,
        confirmed,
        confirm,
        retry,
        ..facts
    });
    std::iter::once(facts).chain(with)
}

/// Every combination of facts: about 3 million of them.
fn every_combination(mut look: impl FnMut(DecisionFacts)) {
    let dues = [TimerState::Now, TimerState::At(at(150)), TimerState::Never];
    let overrides = [
        None,
        Some(OverrideAction::Announce),
        Some(OverrideAction::Withdraw),
        Some(OverrideAction::Freeze),
    ];
    for stance in STANCES {
        for verdict in [Verdict::Up, Verdict::Down, Verdict::Unclear] {
            for (isolation, on_cut_off) in [
                (Isolation::Connected, OnCutOff::Hold),
                (Isolation::Open, OnCutOff::Hold),
                (Isolation::Isolated, OnCutOff::Takeover),
                (Isolation::CutOff, OnCutOff::Hold),
                (Isolation::CutOff, OnCutOff::Takeover),
            ] {
                for overridden in overrides {
                    // Only a takeover asks whether this site serves.
                    let flags = if verdict == Verdict::Down {
                        0..=255
                    } else {
                        0..=127
                    };
                    for flags in flags {
                        let flag = |bit: u8| flags & (1 << bit) != 0;
                        for dues in dues_of(dues) {
                            let [takeover, failback, window, drained] = dues;
                            let facts = DecisionFacts {
                                role: if flag(0) { Role::Primary } else { Role::Standby },
                                stance,
                                contacted: flag(1),
                                thawing: false,
                                imposed: false,
                                verdict,
                                isolation,
                                on_cut_off,
                                proven: flag(2),
                                holds_unserved: flag(7),
                                on_isolated: if flag(3) { OnLoss::Withdraw } else { OnLoss::Keep },
                                overridden,
                                latched: flag(4),
                                takeover,
                                failback,
                                window,
                                consent_missing: flag(5),
                                drains: flag(6),
                                drained,
                                handed_over: takeover,
                                ..facts()
                            };
                            confirmations(facts).for_each(&mut look);
                        }
                    }
                }
            }
        }
    }
}

fn dues_of(dues: [TimerState; 3]) -> impl Iterator<Item = [TimerState; 4]> {
    (0..81_usize).map(move |number| {
        [
            dues[number % 3],
            dues[number / 3 % 3],
            dues[number / 9 % 3],
            dues[number / 27],
        ]
    })
}

fn announces(stance: Stance) -> bool {
    matches!(stance, Stance::Full | Stance::Draining { .. })
}

/// A standby that grows stronger by its own judgement.
fn takes_over(facts: &DecisionFacts, to: Stance) -> bool {
    facts.role == Role::Standby
        && facts.overridden.is_none()
        && to != facts.stance
        && announces(to)
        && to == Stance::Full
}

#[test]
fn d4_to_d11_hold_over_every_combination_of_facts() {
    let mut looked_at = 0_u64;
    every_combination(|facts| {
        looked_at += 1;
        let judgement = judge(&facts);
        overrides_win(&facts, &judgement);
        takeovers_have_their_reasons(&facts, &judgement);
        withdrawals_have_their_reasons(&facts, &judgement);
        the_latch_only_keeps(&facts, &judgement);
        deadlines_are_named(&facts, &judgement);
        primaries_look_at_home(&facts, &judgement);
    });
    assert_eq!(looked_at, (4 * (2 * 128 + 256) * 5 * 4 + 5 * 4 * 5 * 64) * 81);
}

fn overrides_win(facts: &DecisionFacts, judgement: &Decision) {
    let Some(action) = facts.overridden else {
        assert_ne!(judgement.rule, Rule::D11, "{facts:?}");
        return;
    };
    let expected = match action {
        OverrideAction::Announce if !facts.contacted => facts.stance,
        OverrideAction::Announce => Stance::Full,
        OverrideAction::Withdraw => match (facts.stance, facts.handed_over) {
            (Stance::Full, TimerState::At(_)) => Stance::Draining { since: facts.now },
            (Stance::Draining { .. }, TimerState::At(_)) => facts.stance,
            (Stance::Unsettled | Stance::Off, _) | (_, TimerState::Now | TimerState::Never) => Stance::Off,
        },
        OverrideAction::Freeze => facts.stance,
    };
    assert_eq!((judgement.to, judgement.rule), (expected, Rule::D11), "{facts:?}");
    let until = match (judgement.why, facts.handed_over) {
        (DecisionReason::HandingOver, TimerState::At(until)) => Some(until),
        _ => None,
    };
    assert_eq!(judgement.deadline, until, "{facts:?}");
}

fn takeovers_have_their_reasons(facts: &DecisionFacts, judgement: &Decision) {
    if !takes_over(facts, judgement.to) || judgement.why == DecisionReason::Unconfirmed {
        return;
    }
    assert_eq!(
        facts.verdict,
        Verdict::Down,
        "no takeover on up or unclear: {facts:?}"
    );
    let despite = facts.isolation == Isolation::CutOff && facts.on_cut_off == OnCutOff::Takeover;
    assert!(
        facts.isolation == Isolation::Connected || despite,
        "none isolated, open or held: {facts:?}"
    );
    assert!(facts.proven, "none unproven: {facts:?}");
    assert!(!facts.holds_unserved, "none while it is held (D16): {facts:?}");
    assert!(
        facts.takeover == TimerState::Now || judgement.why == DecisionReason::Relapse,
        "none before takeover_delay: {facts:?}"
    );
}

/// And the other way round: what is down, proven and due is announced, whatever protects failback.
#[test]
fn d7_what_is_down_and_proven_is_announced_whatever_protects_failback() {
    every_combination(|facts| {
        let due = facts.takeover == TimerState::Now || announces(facts.stance);
        let clear = facts.verdict == Verdict::Down && facts.isolation == Isolation::Connected && facts.proven;
        let clear = clear && !facts.holds_unserved;
        if facts.role == Role::Standby && facts.overridden.is_none() && clear && due {
            assert_eq!(judge(&facts).to, Stance::Full, "{facts:?}");
        }
    });
}

#[test]
fn d16_on_hold_nothing_is_taken_over_and_what_is_announced_is_kept() {
    for stance in STANCES {
        let held = judge(&DecisionFacts {
            verdict: Verdict::Down,
            stance,
            holds_unserved: true,
            ..facts()
        });
        let (to, rule, why) = match stance {
            Stance::Full => (Stance::Full, Rule::D4, DecisionReason::TargetDown),
            Stance::Unsettled | Stance::Off | Stance::Draining { .. } => {
                (stance, Rule::D16, DecisionReason::NotServingHolds)
            }
        };
        assert_eq!((held.to, held.rule, held.why), (to, rule, why), "{stance}");
    }
}

#[test]
fn d16_neither_a_failback_nor_a_primary_asks_whether_this_site_serves() {
    every_combination(|facts| {
        let held = judge(&DecisionFacts {
            holds_unserved: true,
            ..facts
        });
        if facts.role == Role::Primary || facts.verdict == Verdict::Up || facts.overridden.is_some() {
            let free = judge(&DecisionFacts {
                holds_unserved: false,
                ..facts
            });
            assert_eq!(held, free, "{facts:?}");
        }
    });
}

#[test]
fn d7_a_relapse_never_leaves_us_silent() {
    every_combination(|facts| {
        let by_hand = facts.overridden == Some(OverrideAction::Withdraw);
        let cut_off = facts.isolation == Isolation::Isolated && facts.on_isolated == OnLoss::Withdraw;
        let down = facts.role == Role::Standby && facts.verdict == Verdict::Down;
        if down && announces(facts.stance) && !by_hand && !cut_off {
            assert!(announces(judge(&facts).to), "{facts:?}");
        }
    });
}

fn withdrawals_have_their_reasons(facts: &DecisionFacts, judgement: &Decision) {
    let weaker = match facts.stance {
        Stance::Full => judgement.to != Stance::Full,
        Stance::Draining { .. } | Stance::Unsettled => judgement.to == Stance::Off,
        Stance::Off => false,
    };
    if facts.role == Role::Primary || facts.overridden.is_some() || !weaker {
        return;
    }
    if facts.isolation == Isolation::Isolated {
        assert_eq!(facts.on_isolated, OnLoss::Withdraw, "{facts:?}");
        assert_ne!(facts.stance, Stance::Unsettled, "{facts:?}");
        return;
    }
    assert_eq!(
        facts.verdict,
        Verdict::Up,
        "no failback on down or unclear: {facts:?}"
    );
    assert!(!facts.latched, "{facts:?}");
    assert_eq!(facts.failback, TimerState::Now, "{facts:?}");
    let confirmed = !facts.confirms || facts.confirmed;
    if let Stance::Draining { .. } = facts.stance {
        assert!(confirmed, "{facts:?}");
        assert_eq!(facts.drained, TimerState::Now, "{facts:?}");
        assert_eq!(judgement.to, Stance::Off);
        return;
    }
    assert!(
        facts.window == TimerState::Now && !facts.consent_missing,
        "{facts:?}"
    );
    assert!(!facts.confirms || facts.retry == TimerState::Now, "{facts:?}");
    let drains = (facts.drains && facts.stance == Stance::Full) || facts.confirms;
    let to = if drains {
        Stance::Draining { since: NOW }
    } else {
        Stance::Off
    };
    assert_eq!(judgement.to, to, "{facts:?}");
    assert!(facts.stance != Stance::Unsettled || facts.contacted, "{facts:?}");
}

fn the_latch_only_keeps(facts: &DecisionFacts, judgement: &Decision) {
    let free = judge(&DecisionFacts {
        latched: false,
        ..*facts
    });
    if facts.latched && judgement.to != facts.stance {
        assert_eq!(*judgement, free, "it starts nothing of its own: {facts:?}");
    }
    if !facts.latched || facts.overridden.is_some() || facts.isolation == Isolation::Isolated {
        return;
    }
    match facts.role {
        Role::Standby => assert!(!announces(facts.stance) || announces(judgement.to), "{facts:?}"),
        Role::Primary => assert!(
            facts.stance != Stance::Off || judgement.to == Stance::Off,
            "{facts:?}"
        ),
    }
}

fn deadlines_are_named(facts: &DecisionFacts, judgement: &Decision) {
    let due = match judgement.why {
        DecisionReason::TakeoverDelay => facts.takeover,
        DecisionReason::FailbackDelay => facts.failback,
        DecisionReason::WindowClosed => facts.window,
        DecisionReason::Draining if judgement.to == facts.stance => facts.drained,
        DecisionReason::HandingOver if judgement.to == facts.stance => facts.handed_over,
        DecisionReason::HandingOver => {
            assert!(facts.stance == Stance::Full && matches!(judgement.to, Stance::Draining { .. }));
            return;
        }
        DecisionReason::Confirming if judgement.to == facts.stance => facts.confirm,
        DecisionReason::Unconfirmed if judgement.to == facts.stance => facts.retry,
        DecisionReason::Draining
        | DecisionReason::Confirming
        | DecisionReason::Unconfirmed
        | DecisionReason::ToldToAnnounce
        | DecisionReason::ToldToWithdraw
        | DecisionReason::ToldToFreeze
        | DecisionReason::TargetDown
        | DecisionReason::TargetUp
        | DecisionReason::Unclear
        | DecisionReason::NotAdopted
        | DecisionReason::Thawing
        | DecisionReason::IsolatedKeeps
        | DecisionReason::IsolatedWithdraws
        | DecisionReason::CutOffHolds
        | DecisionReason::WitnessesUnknown
        | DecisionReason::WitnessAwaited
        | DecisionReason::NotServingHolds
        | DecisionReason::Relapse
        | DecisionReason::Latched
        | DecisionReason::ConsentAwaited => {
            assert_eq!(judgement.deadline, None, "{facts:?}");
            return;
        }
    };
    assert_eq!(judgement.to, facts.stance, "while it waits it keeps: {facts:?}");
    match due {
        TimerState::Now => panic!("waits for what is due: {facts:?}"),
        TimerState::At(moment) => assert_eq!(judgement.deadline, Some(moment), "{facts:?}"),
        TimerState::Never => assert_eq!(judgement.deadline, None, "{facts:?}"),
    }
}

fn primaries_look_at_home(facts: &DecisionFacts, judgement: &Decision) {
    if facts.role == Role::Standby {
        return;
    }
    let alone = DecisionFacts {
        isolation: Isolation::Connected,
        on_cut_off: OnCutOff::Hold,
        proven: true,
        on_isolated: OnLoss::Keep,
        ..*facts
    };
    assert_eq!(judge(&alone), *judgement, "witnesses only inform: {facts:?}");
    if facts.verdict == Verdict::Unclear && facts.overridden.is_none() {
        assert_eq!(judgement.to, facts.stance, "unclear keeps: {facts:?}");
    }
}

#[test]
fn d4_unclear_keeps_whatever_else_is_the_case() {
    every_combination(|facts| {
        let cut_off = facts.isolation == Isolation::Isolated && facts.on_isolated == OnLoss::Withdraw;
        if facts.verdict == Verdict::Unclear && facts.overridden.is_none() && !cut_off {
            assert_eq!(judge(&facts).to, facts.stance, "{facts:?}");
        }
    });
}

/// Judged again where it led, with nothing else changed, and with a latch or a drain that begins
/// in between.
#[test]
fn every_judgement_settles_within_its_rounds() {
    every_combination(|facts| {
        for latches in [false, true] {
            let mut facts = facts;
            let mut rounds = 1;
            while let to = judge(&facts).to
                && to != facts.stance
            {
                // A drain begins with all its time, and a failback that was not confirmed waits.
                match to {
                    Stance::Draining { .. } => facts.confirm = TimerState::At(at(150)),
                    Stance::Full => facts.retry = TimerState::At(at(150)),
                    Stance::Off | Stance::Unsettled => {}
                }
                facts.stance = to;
                facts.latched |= latches;
                rounds += 1;
                assert!(rounds <= ROUNDS, "{facts:?}");
            }
        }
    });
}

#[test]
fn stances_mean_strengths_and_have_names() {
    let table = [
        (Stance::Unsettled, None, "unsettled"),
        (Stance::Off, Some(Strength::Off), "off"),
        (DRAINING, Some(Strength::Drain), "drain"),
        (Stance::Full, Some(Strength::Full), "full"),
    ];
    for (stance, strength, name) in table {
        assert_eq!((stance.strength(), stance.to_string().as_str()), (strength, name));
        if let Some(strength) = strength {
            assert_eq!(strength.to_string(), name);
        }
    }
    assert_eq!(Rule::D11.to_string(), "D11");
}
