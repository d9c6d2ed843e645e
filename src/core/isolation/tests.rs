//! D5 in tables: whether we are connected, until when, and what that proves.

use std::time::Duration;

use super::*;

fn at(second: u64) -> Moment {
    Moment::new(Duration::from_secs(second))
}

/// Capital letters are far witnesses.
fn states(word: &str) -> impl Iterator<Item = (model::Group, ProbeState)> {
    word.chars().map(|letter| {
        let state = match letter.to_ascii_lowercase() {
            'u' => ProbeState::Up,
            'd' => ProbeState::Down,
            _ => ProbeState::Unknown,
        };
        let far = letter.is_ascii_uppercase() || letter == '!';
        (
            if far {
                model::Group::Far
            } else {
                model::Group::Near
            },
            state,
        )
    })
}

/// So many near witnesses, of which so many are needed.
fn near(witnesses: usize, needed: usize) -> WitnessPasses {
    WitnessPasses::new(vec![model::Group::Near; witnesses], MinUp::of_all(needed))
}

#[test]
fn d5_by_group_cut_off_is_where_the_near_ones_meet_it_and_the_far_ones_cannot() {
    use Isolation::{Connected, CutOff, Isolated, Open};
    let table = [
        ("uU", (1, 1), Connected),
        ("uD", (1, 1), CutOff),
        ("u!", (1, 1), Open),
        ("dU", (1, 1), Isolated),
        ("dD", (1, 1), Isolated),
        ("?D", (1, 1), Open),
        ("?U", (1, 1), Open),
        ("udUD", (1, 1), Connected),
        ("udDD", (1, 1), CutOff),
        ("udDD", (2, 1), Isolated),
        ("uD", (1, 0), Connected),
        ("uD", (0, 1), Isolated),
        ("dU", (0, 1), Connected),
    ];
    for (word, (near, far), expected) in table {
        let min_up = MinUp { all: 0, near, far };
        assert_eq!(
            isolation(states(word), min_up),
            expected,
            "{word:?} of which {min_up}"
        );
    }
}

#[test]
fn d5_by_group_each_needs_a_pass_of_its_own() {
    let groups = vec![model::Group::Near, model::Group::Near, model::Group::Far];
    let mut sightings = WitnessPasses::new(
        groups,
        MinUp {
            all: 0,
            near: 1,
            far: 1,
        },
    );
    sightings.record(0, at(10));
    sightings.record(1, at(10));
    assert!(!sightings.prove(fails(5, 15), false));
    sightings.record(2, at(12));
    assert!(sightings.prove(fails(5, 15), false));
    let passes = [
        (model::Group::Near, Some(at(9))),
        (model::Group::Far, Some(at(4))),
    ];
    let min_up = MinUp {
        all: 0,
        near: 1,
        far: 1,
    };
    assert_eq!(connected_until(passes.into_iter(), min_up), Some(at(4)));
    let missing = [(model::Group::Near, Some(at(9))), (model::Group::Far, None)];
    assert_eq!(connected_until(missing.into_iter(), min_up), None);
}

#[test]
fn d5_isolated_is_when_min_up_cannot_be_met_and_open_when_it_still_could() {
    use Isolation::{Connected, Isolated, Open};
    let table = [
        ("", 0, Connected),
        ("d", 0, Connected),
        ("", 1, Isolated),
        ("u", 1, Connected),
        ("?", 1, Open),
        ("d", 1, Isolated),
        ("ud", 1, Connected),
        ("?d", 1, Open),
        ("dd", 1, Isolated),
        ("ud", 2, Isolated),
        ("u?", 2, Open),
        ("uu", 2, Connected),
        ("??", 2, Open),
        ("?d", 2, Isolated),
        ("uud", 2, Connected),
        ("u?d", 2, Open),
    ];
    for (word, min_up, expected) in table {
        assert_eq!(
            isolation(states(word), MinUp::of_all(min_up)),
            expected,
            "{word:?} of which {min_up}"
        );
    }
}

#[test]
fn d5_connected_until_the_pass_after_which_enough_others_passed() {
    let passes = [Some(at(7)), None, Some(at(9)), Some(at(3))];
    for (min_up, expected) in [(0, None), (1, Some(9)), (2, Some(7)), (3, Some(3)), (4, None)] {
        let passes = passes.into_iter().map(|pass| (model::Group::Near, pass));
        let until = connected_until(passes, MinUp::of_all(min_up));
        assert_eq!(until, expected.map(at), "{min_up} witnesses");
    }
}

#[test]
fn d5_connected_until_the_earlier_of_what_each_group_proves() {
    use model::Group::{Far, Near};
    let passes = [(Near, Some(at(7))), (Far, Some(at(9))), (Near, Some(at(5)))];
    let by_group = |near, far| MinUp { all: 0, near, far };
    for (min_up, expected) in [
        (by_group(1, 0), Some(7)),
        (by_group(2, 0), Some(5)),
        (by_group(0, 1), Some(9)),
        (by_group(1, 1), Some(7)),
        (by_group(1, 2), None),
        (by_group(3, 1), None),
    ] {
        let until = connected_until(passes.into_iter(), min_up);
        assert_eq!(until, expected.map(at), "{min_up}");
    }
}

fn fails(first: u64, last: u64) -> FailureSpan {
    FailureSpan {
        first: at(first),
        settled: at(first),
        ended: Some(at(first)),
        last: at(last),
        full_row_since: None,
    }
}

#[test]
fn d5_a_pass_proves_only_amid_the_fails() {
    let mut sightings = near(1, 1);
    sightings.record(0, at(10));
    let table = [
        (fails(5, 15), true),
        (fails(9, 10), true),
        (fails(10, 15), true),
        (fails(11, 15), false),
        (fails(5, 9), false),
        (fails(10, 10), true),
    ];
    for (fails, expected) in table {
        assert_eq!(sightings.prove(fails, false), expected, "{fails:?}");
    }
}

#[test]
fn d5_any_pass_amid_them_will_do_not_only_the_latest() {
    let mut sightings = near(1, 1);
    for second in [10, 20, 30] {
        sightings.record(0, at(second));
    }
    for (fails, expected) in [
        (fails(15, 25), true),
        (fails(21, 29), false),
        (fails(1, 9), false),
        (fails(1, 40), true),
    ] {
        assert_eq!(sightings.prove(fails, false), expected, "{fails:?}");
    }
}

#[test]
fn d5_it_takes_as_many_witnesses_as_must_be_up() {
    let mut sightings = near(3, 2);
    sightings.record(0, at(10));
    sightings.record(0, at(11));
    assert!(
        !sightings.prove(fails(5, 15), false),
        "one witness twice is one witness"
    );
    sightings.record(2, at(16));
    assert!(!sightings.prove(fails(5, 15), false));
    sightings.record(1, at(12));
    assert!(sightings.prove(fails(5, 15), false));
}

#[test]
fn d5_without_witnesses_nothing_needs_proof() {
    assert!(near(0, 0).prove(fails(5, 5), false));
    assert!(near(2, 0).prove(fails(5, 5), false));
    let mut sightings = near(0, 1);
    sightings.record(3, at(7));
    assert!(
        !sightings.prove(fails(5, 9), false),
        "a witness that does not exist proves nothing"
    );
}

#[test]
fn d5_passes_are_kept_in_order_and_up_to_a_limit() {
    let mut sightings = near(1, 1);
    sightings.record(0, at(10));
    sightings.record(0, at(9));
    sightings.record(0, at(10));
    assert_eq!(sightings.passes[0], [at(10)]);
    for second in 11..3_000 {
        sightings.record(0, at(second));
    }
    assert_eq!(sightings.passes[0].len(), PASSES_LIMIT);
    assert_eq!(sightings.passes[0].back(), Some(&at(2_999)));
    assert_eq!(
        sightings.passes[0].front(),
        Some(&at(3_000 - PASSES_LIMIT as u64))
    );
}

#[test]
fn d5_what_a_witness_proved_goes_with_it_to_its_new_place() {
    let mut before = near(2, 1);
    before.record(1, at(10));
    let mut after = near(1, 1);
    after.carry(0, &before, 0);
    assert!(!after.prove(fails(5, 15), false), "that one never passed");
    after.carry(0, &before, 1);
    assert!(after.prove(fails(5, 15), false));
    after.carry(7, &before, 1);
    after.carry(0, &before, 7);
    assert!(
        after.prove(fails(5, 15), false),
        "places that do not exist change nothing"
    );
}

#[test]
fn d5_a_pass_proves_only_once_the_failed_check_should_have_been_answered() {
    let lost_on_the_way = FailureSpan {
        settled: at(12),
        ..fails(5, 20)
    };
    for (pass, expected) in [(6, false), (11, false), (12, true), (20, true), (21, false)] {
        let mut sightings = near(1, 1);
        sightings.record(0, at(pass));
        assert_eq!(sightings.prove(lost_on_the_way, false), expected, "{pass}");
    }
}

#[test]
fn d5_a_pass_must_follow_the_end_of_the_failed_check_too() {
    let ended = |second| FailureSpan {
        settled: at(12),
        ended: second,
        ..fails(5, 20)
    };
    let mut sightings = near(1, 1);
    sightings.record(0, at(12));
    assert!(!sightings.prove(ended(None), false), "it is still out");
    assert!(!sightings.prove(ended(Some(at(13))), false));
    assert!(sightings.prove(ended(Some(at(12))), false));
    // After the last fail, too: then one before it is there as well.
    sightings.record(0, at(25));
    assert!(sightings.prove(ended(Some(at(13))), false));
    assert!(!sightings.prove(ended(Some(at(26))), true));
}

#[test]
fn d5_a_single_fail_is_proven_by_a_pass_that_follows_it() {
    let mut sightings = near(1, 1);
    sightings.record(0, at(11));
    let single = FailureSpan {
        settled: at(10),
        ..fails(5, 5)
    };
    assert!(sightings.prove(single, true));
    assert!(!sightings.prove(single, false), "a fail must follow the pass");
}

#[test]
fn d5_after_a_check_that_a_witness_missed_only_a_whole_row_after_its_pass_is_proven() {
    let mut sightings = near(1, 1);
    sightings.record(0, at(12));
    let row = fails(5, 20);
    sightings.record_miss(0, Some(at(4)));
    assert!(sightings.prove(row, false), "that was before");
    sightings.record_miss(0, Some(at(8)));
    assert!(!sightings.prove(row, false));
    assert!(!sightings.prove(row, true));
    for (since, expected) in [(11, false), (12, true), (15, true)] {
        let row = FailureSpan {
            full_row_since: Some(at(since)),
            ..row
        };
        assert_eq!(sightings.prove(row, false), expected, "{since}");
    }
    // The pass was before it: what failed since may have been lost in the same cut.
    sightings.record_miss(0, Some(at(16)));
    let row = FailureSpan {
        full_row_since: Some(at(18)),
        ..row
    };
    assert!(!sightings.prove(row, false));
    sightings.record(0, at(17));
    assert!(sightings.prove(row, false));
}

#[test]
fn d5_a_check_missed_at_the_very_first_fail_counts_and_an_earlier_one_undoes_none() {
    let mut sightings = near(1, 1);
    sightings.record(0, at(12));
    let row = fails(5, 20);
    sightings.record_miss(0, Some(at(5)));
    assert!(!sightings.prove(row, false), "missed at that moment");
    for earlier in [Some(at(3)), None] {
        sightings.record_miss(0, earlier);
        assert!(!sightings.prove(row, false), "{earlier:?}");
    }
}

#[test]
fn d5_what_a_witness_missed_goes_with_it_to_its_new_place() {
    let mut before = near(2, 1);
    before.record(1, at(12));
    before.record_miss(1, Some(at(8)));
    let mut after = near(1, 1);
    after.carry(0, &before, 1);
    assert!(!after.prove(fails(5, 20), false));
}
