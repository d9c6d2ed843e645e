//! D3 in tables: what the probes say together, and on which of them a verdict down stands.

use super::*;

/// A ballot in three letters: u, d or ? for the state; b, d, u or n for the votes; d, u or - for
/// what it decides.
fn ballot(word: &str) -> ProbeVote {
    let letters: Vec<char> = word.chars().collect();
    ProbeVote {
        state: match letters[0] {
            'u' => ProbeState::Up,
            'd' => ProbeState::Down,
            _ => ProbeState::Unknown,
        },
        votes: match letters[1] {
            'b' => Votes::Both,
            'd' => Votes::Down,
            'u' => Votes::Up,
            _ => Votes::None,
        },
        decides: match letters[2] {
            'd' => Some(Decides::Down),
            'u' => Some(Decides::Up),
            _ => None,
        },
    }
}

fn ballots(words: &str) -> Vec<ProbeVote> {
    words.split_whitespace().map(ballot).collect()
}

fn say(words: &str, down_when: Quorum, up_when: Quorum) -> char {
    match verdict(&ballots(words), down_when, up_when) {
        Verdict::Up => 'u',
        Verdict::Down => 'd',
        Verdict::Unclear => '?',
    }
}

#[test]
fn d3_quorums_over_those_who_vote() {
    use Quorum::{All, Any, AtLeast};
    let table = [
        // all of all
        ("db- db-", All, All, 'd'),
        ("db- ub-", All, All, '?'),
        ("ub- ub-", All, All, 'u'),
        ("ub- ?b-", All, All, '?'),
        ("db- ?b-", All, All, '?'),
        ("?b-", All, All, '?'),
        // any
        ("db- ub-", Any, All, 'd'),
        ("db- ub-", All, Any, 'u'),
        ("db- ub-", Any, Any, '?'),
        ("?b- ub-", Any, Any, 'u'),
        ("?b- db-", Any, Any, 'd'),
        // numbers
        ("db- db- ub-", AtLeast(2), All, 'd'),
        ("db- ?b- ub-", AtLeast(2), All, '?'),
        ("ub- ub- db-", All, AtLeast(2), 'u'),
        ("ub- db-", AtLeast(0), AtLeast(2), 'd'),
        ("ub- ub-", AtLeast(0), All, 'u'),
        // Only those who vote count, and all of none is nobody.
        ("db- ud-", All, All, '?'),
        ("db- un-", All, All, 'd'),
        ("dd- uu-", All, All, '?'),
        ("dd- ?u-", All, All, 'd'),
        ("?d- uu-", All, All, 'u'),
        ("db- uu-", All, All, 'd'),
        ("ub- dd-", All, All, 'u'),
        ("du- dn-", All, All, '?'),
        ("ud- un-", All, All, '?'),
        ("du- dn-", Any, Any, '?'),
        ("ud- un-", Any, Any, '?'),
        ("", All, All, '?'),
        ("", Any, Any, '?'),
        ("", AtLeast(0), AtLeast(0), '?'),
    ];
    for (words, down_when, up_when, expected) in table {
        assert_eq!(
            say(words, down_when, up_when),
            expected,
            "{words:?} {down_when:?} {up_when:?}"
        );
    }
}

#[test]
fn d3_a_deciding_probe_settles_its_verdict_whatever_the_sums_say() {
    let table = [
        ("dnd ub-", 'd'),
        ("unu db-", 'u'),
        ("dbd ub-", 'd'),
        ("und ub-", 'u'),
        ("dnu db-", 'd'),
        ("?nd ub-", 'u'),
        ("?nu db-", 'd'),
        ("und db-", 'd'),
        // Both speak.
        ("dnd unu ub-", '?'),
        ("dnd unu db-", '?'),
        ("dnd dnu ub-", 'd'),
        ("und unu db-", 'u'),
    ];
    for (words, expected) in table {
        assert_eq!(say(words, Quorum::All, Quorum::All), expected, "{words:?}");
    }
}

#[test]
fn d5_a_verdict_down_stands_on_what_decides_it_and_on_all_that_vote_it_where_the_sums_say_it() {
    use Quorum::{All, Any};
    let table: [(&str, Quorum, &[usize]); 9] = [
        ("db- db-", All, &[0, 1]),
        ("db- ub-", Any, &[0]),
        ("db- db-", Any, &[0, 1]),
        ("dnd ub-", All, &[0]),
        ("dnd db-", All, &[0, 1]),
        // The sums do not say it: only what decides counts.
        ("dnd db- ub-", All, &[0]),
        ("dn- db-", All, &[1]),
        ("du- dd-", All, &[1]),
        ("ub- ?b-", All, &[]),
    ];
    for (words, down_when, expected) in table {
        assert_eq!(
            grounds_for_down(&ballots(words), down_when),
            expected,
            "{words:?}"
        );
    }
}

#[test]
fn d3_the_verdict_is_never_down_without_grounds_or_with_grounds_that_are_not_down() {
    let mut every = Vec::new();
    for state in ["u", "d", "?"] {
        for votes in ["b", "d", "u", "n"] {
            for decides in ["d", "u", "-"] {
                every.push(ballot(&format!("{state}{votes}{decides}")));
            }
        }
    }
    let quorums = [Quorum::Any, Quorum::All, Quorum::AtLeast(2)];
    for (first, second) in every
        .iter()
        .flat_map(|first| every.iter().map(move |second| (first, second)))
    {
        for (down_when, up_when) in quorums
            .iter()
            .flat_map(|down| quorums.iter().map(move |up| (*down, *up)))
        {
            let ballots = [*first, *second];
            let grounds = grounds_for_down(&ballots, down_when);
            let said = verdict(&ballots, down_when, up_when);
            assert!(
                said != Verdict::Down || !grounds.is_empty(),
                "{ballots:?} {down_when:?}"
            );
            assert!(grounds.iter().all(|&at| ballots[at].state == ProbeState::Down));
            // Unknown counts for neither: nothing is said where nothing is known.
            if ballots.iter().all(|ballot| ballot.state == ProbeState::Unknown) {
                assert_eq!(said, Verdict::Unclear);
            }
        }
    }
}
