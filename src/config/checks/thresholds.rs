//! Checks that the probes of a service can reach each verdict, and never both at once (D3).

use crate::config::finding::{Finding, Findings};
use crate::config::model::{Config, Decides, Quorum, Role, ServiceConfig, Votes};
use crate::config::spans::KeyPath;

pub(crate) fn check(config: &Config, found: &mut Findings) {
    for (index, service) in config.services.iter().enumerate() {
        let path = KeyPath::service(index);
        if found.is_unread_within(&path.key("probe")) || found.is_unread(&path.key("role")) {
            // A probe that could not be read may be the one that matters.
            continue;
        }
        let voters = Voters::of(service);
        reachable(service, &path, Side::Down, &voters, found);
        reachable(service, &path, Side::Up, &voters, found);
        not_both(service, &path, &voters, found);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Down,
    Up,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Down => "down_when",
            Self::Up => "up_when",
        }
    }

    fn quorum(self, service: &ServiceConfig) -> Quorum {
        match self {
            Self::Down => service.down_when,
            Self::Up => service.up_when,
        }
    }

    fn decider(self) -> Decides {
        match self {
            Self::Down => Decides::Down,
            Self::Up => Decides::Up,
        }
    }

    /// What never happens where this verdict cannot be reached.
    fn consequence(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::Down, Role::Standby) => "the standby would never take over",
            (Self::Down, Role::Primary) => "the primary would never withdraw",
            (Self::Up, Role::Standby) => "the standby would never fall silent again",
            (Self::Up, Role::Primary) => "the primary would never announce",
        }
    }
}

/// How many probes vote for what.
struct Voters {
    both: usize,
    only_down: usize,
    only_up: usize,
}

impl Voters {
    fn of(service: &ServiceConfig) -> Self {
        let count = |votes: Votes| service.probes.iter().filter(|probe| probe.votes == votes).count();
        Self {
            both: count(Votes::Both),
            only_down: count(Votes::Down),
            only_up: count(Votes::Up),
        }
    }

    fn on(&self, side: Side) -> usize {
        self.both
            + match side {
                Side::Down => self.only_down,
                Side::Up => self.only_up,
            }
    }

    /// How many it takes; `None` where it can never be met.
    fn needed(&self, side: Side, service: &ServiceConfig) -> Option<usize> {
        let voters = self.on(side);
        let needed = match side.quorum(service) {
            Quorum::Any => 1,
            Quorum::All => voters.max(1),
            Quorum::AtLeast(count) => count,
        };
        (needed <= voters).then_some(needed)
    }
}

fn reachable(service: &ServiceConfig, path: &KeyPath, side: Side, voters: &Voters, found: &mut Findings) {
    let (word, key, count) = (side.word(), path.key(side.key()), voters.on(side));
    if let Quorum::AtLeast(needed) = side.quorum(service)
        && needed > count
    {
        found.report(
            Finding::error("too-few-voters", format!("`{}` can never be met", side.key()))
                .at(&key, format!("{needed} needed, and {count} vote for {word}"))
                .help(format!(
                    "make it at most {count}, or let more probes vote: `votes = \"both\"` or \"{word}\""
                ))
                .note(side.consequence(service.role)),
        );
        return;
    }
    let decided = service
        .probes
        .iter()
        .any(|probe| probe.decides == Some(side.decider()));
    if count == 0 && !decided {
        found.report(
            Finding::error(
                "no-voters",
                format!("no probe votes for {word}, and none decides it"),
            )
            .at(
                &path.key("probe"),
                format!("none of the probes can make the verdict {word}"),
            )
            .help(format!(
                "let at least one of them vote: `votes = \"both\"` or \"{word}\""
            ))
            .note(side.consequence(service.role)),
        );
    }
}

/// A probe that votes for both is down or up, never both; so the two sums share these probes. Both
/// could hold exactly when there are enough of them for what each side lacks in voters of its own.
fn not_both(service: &ServiceConfig, path: &KeyPath, voters: &Voters, found: &mut Findings) {
    let (Some(down), Some(up)) = (
        voters.needed(Side::Down, service),
        voters.needed(Side::Up, service),
    ) else {
        return;
    };
    let from_shared = down.saturating_sub(voters.only_down) + up.saturating_sub(voters.only_up);
    if from_shared > voters.both {
        return;
    }
    let probes = |count: usize| {
        if count == 1 {
            "1 probe".to_owned()
        } else {
            format!("{count} probes")
        }
    };
    let finding = Finding::error(
        "contradictory-thresholds",
        "`down_when` and `up_when` could both hold",
    )
    .at(
        &path.key("down_when"),
        format!("met by {} that are down", probes(down)).replace("1 probe that are", "1 probe that is"),
    )
    .at(
        &path.key("up_when"),
        format!("met by {} that are up", probes(up)).replace("1 probe that are", "1 probe that is"),
    )
    .note("while some probes are down and others up, the verdict would be both at once");
    found.report(match voters.both {
        0 => finding.help("let at least one probe vote for both: `votes = \"both\"`"),
        _ => finding.help("set one of them to \"all\", or raise one until they cannot be met together"),
    });
}

#[cfg(test)]
mod tests;
