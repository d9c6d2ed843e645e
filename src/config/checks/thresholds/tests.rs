//! Every set of up to three probes with every pair of thresholds, against a judge that tries out all
//! states that the probes can be in.

use crate::config::load::load;

const VOTES: [&str; 4] = ["both", "down", "up", "none"];
const QUORUMS: [&str; 6] = ["\"any\"", "\"all\"", "1", "2", "3", "4"];

/// What is said about a standby with such probes.
fn said(votes: &[&str], down_when: &str, up_when: &str) -> Vec<&'static str> {
    let mut text = format!(
        "[site]\nname = \"a\"\n[[upstream]]\nname = \"isp\"\n[[service]]\nname = \"web\"\nrole = \"standby\"\n\
         prefixes = [\"198.51.100.0/24\"]\ndown_when = {down_when}\nup_when = {up_when}\n"
    );
    for (index, votes) in votes.iter().enumerate() {
        text.push_str(&format!(
            "[[service.probe]]\nname = \"p{index}\"\ntype = \"exec\"\ncommand = [\"/bin/true\"]\nvotes = \"{votes}\"\n"
        ));
    }
    let found = load(&text, "falconer.toml").map_or_else(|found| found, |(_, warnings)| warnings);
    let ours = ["contradictory-thresholds", "too-few-voters", "no-voters"];
    found
        .iter()
        .map(|found| found.code)
        .filter(|code| ours.contains(code))
        .collect()
}

/// Whether a sum is met, by D3: the voters of one side, and how many of them are in its state.
fn met(quorum: &str, voters: usize, count: usize) -> bool {
    match quorum {
        "\"any\"" => count >= 1,
        "\"all\"" => count >= 1 && count == voters,
        number => count >= number.parse().unwrap(),
    }
}

/// The states of the probes, one digit of base 3 each: down, up, unknown.
fn states(probes: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..3usize.pow(u32::try_from(probes).unwrap())).map(move |code| {
        (0..probes)
            .map(|probe| code / 3usize.pow(u32::try_from(probe).unwrap()) % 3)
            .collect()
    })
}

#[test]
fn d3_thresholds_are_refused_exactly_where_they_contradict_or_cannot_be_met() {
    for count in 1..=3usize {
        for code in 0..4usize.pow(u32::try_from(count).unwrap()) {
            let votes: Vec<&str> = (0..count)
                .map(|probe| VOTES[code / 4usize.pow(u32::try_from(probe).unwrap()) % 4])
                .collect();
            for down_when in QUORUMS {
                for up_when in QUORUMS {
                    compare(&votes, down_when, up_when);
                }
            }
        }
    }
}

fn compare(votes: &[&str], down_when: &str, up_when: &str) {
    let takes_part = |side: &str, votes: &str| votes == "both" || votes == side;
    let voters = |side: &str| votes.iter().filter(|votes| takes_part(side, votes)).count();
    let (mut down, mut up, mut both) = (false, false, false);
    for states in states(votes.len()) {
        let count = |side: &str, state: usize| {
            votes
                .iter()
                .zip(&states)
                .filter(|(votes, its)| takes_part(side, votes) && **its == state)
                .count()
        };
        let is_down = met(down_when, voters("down"), count("down", 0));
        let is_up = met(up_when, voters("up"), count("up", 1));
        (down, up, both) = (down || is_down, up || is_up, both || (is_down && is_up));
    }
    let said = said(votes, down_when, up_when);
    let what = format!("{votes:?}, down_when = {down_when}, up_when = {up_when}: {said:?}");
    assert_eq!(said.contains(&"contradictory-thresholds"), both, "{what}");
    let unmet = said
        .iter()
        .filter(|code| **code != "contradictory-thresholds")
        .count();
    assert_eq!(unmet, usize::from(!down) + usize::from(!up), "{what}");
}
