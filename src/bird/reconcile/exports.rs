//! Announced means verified (A5): which upstreams carry what, whether that is enough, and if not,
//! why. Pure: it is handed what BIRD answered.

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;

use crate::config::model::{Family, StaticProtocolConfig};

use super::observation::ObservedUpstream;
use super::target::ReconcileTarget;
use crate::model::BgpState;

/// How many prefixes a message names before it only counts them.
const NAMED: usize = 5;

/// What BIRD answered to `show route PREFIX exported UPSTREAM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExportReply {
    /// The protocols whose routes of that prefix were sent; none: it was not sent.
    From(Vec<String>),
    /// BIRD's record has it from that protocol, and BIRD drops it as it encodes it; why.
    Dropped { protocol: String, why: String },
    /// It was not sent; why.
    Blocked(String),
    /// The session, or its channel of that family, is not up.
    NotUp,
    /// No answer that makes sense.
    Failed(String),
}

/// The replies, by prefix and upstream.
pub(crate) type ExportReplies = HashMap<(IpNet, String), ExportReply>;

/// How far a service reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExportReach {
    /// The upstreams that carry every prefix of their families.
    pub(crate) exported_to: Vec<String>,
    /// Whether each prefix of each announced protocol is carried by enough of them.
    pub(crate) enough: bool,
    /// What is missing and why.
    pub(crate) problems: Vec<String>,
}

/// Judges the replies for the static protocols that are up. `upstreams` may have more than the target's own; `recovering` says that
/// graceful-restart recovery holds announcements back.
pub(crate) fn judge(
    target: &ReconcileTarget,
    announced: &[&StaticProtocolConfig],
    upstreams: &[ObservedUpstream],
    replies: &ExportReplies,
    recovering: bool,
) -> ExportReach {
    let ours: Vec<&ObservedUpstream> = target
        .upstreams
        .iter()
        .filter_map(|name| upstreams.iter().find(|seen| seen.name == *name))
        .collect();
    let problems: Vec<String> = announced
        .iter()
        .filter_map(|protocol| shortfall(target, protocol, &ours, replies))
        .map(|text| {
            if recovering {
                format!("{text}. {RECOVERING}")
            } else {
                text
            }
        })
        .collect();
    ExportReach {
        exported_to: carriers(target, announced, &ours, replies),
        enough: problems.is_empty(),
        problems,
    }
}

const RECOVERING: &str =
    "BIRD is in graceful-restart recovery, which holds announcements back until it ends (`show status`)";

/// Whether `upstream` was sent that prefix, from that protocol.
pub(crate) fn carries(replies: &ExportReplies, upstream: &str, prefix: IpNet, protocol: &str) -> bool {
    match replies.get(&(prefix, upstream.to_owned())) {
        Some(ExportReply::From(protocols)) => protocols.iter().any(|sender| sender == protocol),
        Some(
            ExportReply::Dropped { .. }
            | ExportReply::Blocked(_)
            | ExportReply::NotUp
            | ExportReply::Failed(_),
        )
        | None => false,
    }
}

/// The pairs of prefix and upstream of a protocol that were asked, and do not have it from it.
pub(crate) fn refused(replies: &ExportReplies, protocol: &StaticProtocolConfig) -> Vec<(IpNet, String)> {
    let refused = |prefix: IpNet, sent: &ExportReply| match sent {
        ExportReply::From(senders) => {
            protocol.prefixes.contains(&prefix) && !senders.contains(&protocol.name)
        }
        ExportReply::Dropped { .. }
        | ExportReply::Blocked(_)
        | ExportReply::NotUp
        | ExportReply::Failed(_) => false,
    };
    let mut all: Vec<(IpNet, String)> = replies
        .iter()
        .filter(|((prefix, _), sent)| refused(*prefix, sent))
        .map(|(key, _)| key.clone())
        .collect();
    all.sort();
    all
}

/// Whether no upstream was sent any of a protocol's prefixes from it; an answer that makes no sense
/// proves nothing.
pub(crate) fn nobody_carries(replies: &ExportReplies, protocol: &StaticProtocolConfig) -> bool {
    let of_protocol = replies
        .iter()
        .filter(|((prefix, _), _)| protocol.prefixes.contains(prefix));
    let mut sent = of_protocol.map(|(_, sent)| sent);
    sent.all(|sent| match sent {
        ExportReply::From(protocols) => !protocols.contains(&protocol.name),
        ExportReply::Dropped { protocol: sender, .. } => *sender != protocol.name,
        ExportReply::Blocked(_) | ExportReply::NotUp => true,
        ExportReply::Failed(_) => false,
    })
}

fn carriers(
    target: &ReconcileTarget,
    announced: &[&StaticProtocolConfig],
    ours: &[&ObservedUpstream],
    replies: &ExportReplies,
) -> Vec<String> {
    let carries_all = |upstream: &ObservedUpstream| {
        let wanted = target
            .full
            .iter()
            .filter(|protocol| upstream.families.contains(&protocol.family));
        let mut some = false;
        let all = wanted.into_iter().all(|protocol| {
            some = true;
            let by = announced
                .iter()
                .find(|announced| announced.family == protocol.family);
            let sent =
                |prefix: &IpNet| by.is_some_and(|by| carries(replies, &upstream.name, *prefix, &by.name));
            protocol.prefixes.iter().all(sent)
        });
        some && all
    };
    ours.iter()
        .filter(|upstream| carries_all(upstream))
        .map(|upstream| upstream.name.clone())
        .collect()
}

/// What is missing of one protocol's announcement, in words; `None`: nothing is.
fn shortfall(
    target: &ReconcileTarget,
    protocol: &StaticProtocolConfig,
    ours: &[&ObservedUpstream],
    replies: &ExportReplies,
) -> Option<String> {
    let StaticProtocolConfig {
        name,
        family,
        prefixes,
    } = protocol;
    let able: Vec<&&ObservedUpstream> = ours.iter().filter(|seen| may_carry(seen, *family)).collect();
    // One sentence for all prefixes that fail alike.
    let mut alike: BTreeMap<(usize, String), Vec<IpNet>> = BTreeMap::new();
    for prefix in prefixes {
        let (with, without): (Vec<&&ObservedUpstream>, Vec<_>) = able
            .iter()
            .copied()
            .partition(|upstream| carries(replies, &upstream.name, *prefix, name));
        if with.len() < target.min_upstreams {
            let reasons: Vec<String> = without
                .iter()
                .map(|upstream| reason(upstream, *prefix, protocol, replies))
                .collect();
            alike
                .entry((with.len(), reasons.join("; ")))
                .or_default()
                .push(*prefix);
        }
    }
    let sentences: Vec<String> = alike
        .into_iter()
        .map(|((with, reasons), prefixes)| {
            let min = target.min_upstreams;
            let why = if able.is_empty() {
                format!("none of its upstreams has an {} channel", family.channel())
            } else if reasons.is_empty() {
                format!("no other of its upstreams has an {} channel", family.channel())
            } else {
                reasons
            };
            format!(
                "{} of {name} reaches {with} of at least {min} upstreams: {why}",
                list(&prefixes)
            )
        })
        .collect();
    (!sentences.is_empty()).then(|| format!("enabled, not exported: {}", sentences.join(". ")))
}

/// One that is away has told us no families: it could have been the one.
fn may_carry(upstream: &ObservedUpstream, family: Family) -> bool {
    upstream.families.contains(&family) || upstream.families.is_empty()
}

/// Why an upstream does not carry a prefix.
fn reason(
    upstream: &ObservedUpstream,
    prefix: IpNet,
    protocol: &StaticProtocolConfig,
    replies: &ExportReplies,
) -> String {
    let name = &upstream.name;
    if upstream.state == BgpState::Missing {
        return format!("BIRD has no protocol {name}");
    }
    if !upstream.is_established() {
        let error = upstream
            .error
            .as_ref()
            .map(|error| format!(" ({error})"))
            .unwrap_or_default();
        return format!("{name} is {}{error}", upstream.state);
    }
    match replies.get(&(prefix, name.clone())) {
        Some(ExportReply::NotUp) => format!("the {} channel of {name} is not up", protocol.family.channel()),
        Some(ExportReply::Failed(error)) => format!("{name} could not be asked ({error})"),
        Some(ExportReply::Dropped { why, .. } | ExportReply::Blocked(why)) => why.clone(),
        Some(ExportReply::From(others)) if !others.is_empty() => {
            format!(
                "{name} carries it from {}, not from {}",
                others.join(", "),
                protocol.name
            )
        }
        Some(ExportReply::From(_)) => format!(
            "{name} does not export it: its export filter, an export limit or a better route of another protocol \
             is in the way"
        ),
        None => format!("{name} was not asked yet"),
    }
}

fn list(prefixes: &[IpNet]) -> String {
    let named: Vec<String> = prefixes.iter().take(NAMED).map(IpNet::to_string).collect();
    match prefixes.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests;
