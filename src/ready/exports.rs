//! The export filters, rehearsed: would each upstream's filter let each prefix out, and would an
//! export limit block it? Nothing is announced to find out: shadows of the static protocols stand in
//! tables that nothing exports, and BIRD runs the very filter of the session over them.
//!
//! A shadow has another name than the protocol it stands for, so a filter that knows only one of the
//! two names cannot be told from here. A drill proves that too.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::facts::{Facts, Rehearsal, Shadow};
use super::services::pairs;
use super::upstreams::channel;
use super::{Check, Code, Level, list};
use crate::bird::answer::Channel;
use crate::config::model::{self, Family, Static};
use crate::render::names::{rehearsal_table, shadow};
use crate::status::snapshot::Service;

/// How BIRD shows `export all`, `export none`, and a filter without a name.
const ACCEPT: &str = "ACCEPT";
const REJECT: &str = "REJECT";
const UNNAMED: &str = "(unnamed)";

/// The filter that a channel exports through, where it has a name that BIRD can be asked by.
pub fn filter_name(channel: &Channel) -> Option<&str> {
    let filter = channel.output_filter.as_str();
    (!filter.is_empty() && ![ACCEPT, REJECT, UNNAMED].contains(&filter)).then_some(filter)
}

/// The filters and limits of all sessions; nothing while BIRD does not say.
pub(super) fn check(facts: &Facts<'_>) -> Vec<Check> {
    if facts.bird.protocols.is_none() {
        return Vec::new();
    }
    let mut checks = of_tables(facts);
    checks.extend(of_filters(facts));
    checks.extend(pairs(facts).flat_map(|(policy, service)| of_service(facts, policy, service)));
    checks.extend(limits(facts));
    checks
}

/// What came of one prefix at one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// It passes, or is carried already.
    Passes,
    /// The filter refuses it.
    Refused,
    /// It stands in no rehearsal table.
    NoShadow,
    /// Another check says why it cannot be told.
    Unknown,
}

/// Which families and services' prefixes are of which upstream.
fn lines<'a>(facts: &Facts<'a>, upstream: &str, family: Family) -> Vec<&'a Static> {
    let services = facts.config.services.iter();
    let through = services.filter(|service| service.upstreams.iter().any(|name| name == upstream));
    through
        .flat_map(|service| &service.full)
        .filter(|line| line.family == family)
        .collect()
}

/// The rehearsal tables without which nothing can be told, one check each.
fn of_tables(facts: &Facts<'_>) -> Vec<Check> {
    let tables = facts.bird.rehearsals.iter();
    let amiss = tables.filter_map(|(family, rehearsal)| {
        let table = rehearsal_table(*family);
        let (text, advice) = match rehearsal {
            Rehearsal::Held { .. } => return None,
            Rehearsal::NoTable => (
                format!("BIRD has no table {table}: whether the export filters let {} prefixes out is not provable", family.channel()),
                lines_to_add(facts, *family),
            ),
            Rehearsal::Crowded(routes) => (
                format!("table {table} holds {routes} routes: it is no rehearsal table, and not asked"),
                format!("connect nothing to {table} but the shadows (docs/attach.md)"),
            ),
            Rehearsal::Failed(why) => (
                format!("table {table} could not be asked: {why}"),
                format!("`birdc show route table {table}`"),
            ),
        };
        Some(Check::amiss(Code::ExportFilter, Level::Warning, text, advice).subject(table))
    });
    amiss.collect()
}

/// What is to be added to bird.conf for a rehearsal.
fn lines_to_add(facts: &Facts<'_>, family: Family) -> String {
    if facts.config.render.is_some() {
        return "has BIRD read the rendered file? `falconer render --apply` brings it in".to_owned();
    }
    let (table, channel) = (rehearsal_table(family), family.channel());
    let first = facts
        .config
        .services
        .iter()
        .flat_map(|service| &service.full)
        .find(|line| line.family == family);
    let example = first.map_or(String::new(), |line| format!(" and {}", shadow_lines(line)));
    format!("add `{channel} table {table};`{example}, and let the export filters take it (docs/attach.md)")
}

/// A shadow as bird.conf has it.
fn shadow_lines(line: &Static) -> String {
    let (table, channel) = (rehearsal_table(line.family), line.family.channel());
    let routes: String = line
        .prefixes
        .iter()
        .map(|prefix| format!(" route {prefix} blackhole;"))
        .collect();
    format!(
        "`protocol static {} {{ {channel} {{ table {table}; }};{routes} }}`",
        shadow(&line.name)
    )
}

/// The filters that cannot be asked, one check each.
fn of_filters(facts: &Facts<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, family, channel) in channels(facts) {
        let filter = channel.output_filter.as_str();
        let kind = channel.name.as_str();
        if filter == UNNAMED {
            let text =
                format!("the {kind} export filter of {name} has no name: what it lets out is not provable");
            let advice = format!(
                "give it one in bird.conf: `filter to_{name} {{ ... }}`, and `export filter to_{name};` in the session"
            );
            checks.push(Check::amiss(Code::ExportFilter, Level::Warning, text, advice).subject(name));
        }
        if let Some(Rehearsal::Held { passes, .. }) = facts.bird.rehearsals.get(&family)
            && let Some(Err(why)) = passes.get(filter)
        {
            let text = format!("filter {filter} of {name} could not be asked: {why}");
            let advice = format!(
                "`birdc 'show route table {} filter {filter}'`",
                rehearsal_table(family)
            );
            checks.push(Check::amiss(Code::ExportFilter, Level::Warning, text, advice).subject(name));
        }
    }
    checks
}

/// Every upstream's channels that are to carry something of ours.
fn channels<'a>(facts: &Facts<'a>) -> Vec<(&'a str, Family, &'a Channel)> {
    let upstreams = facts.config.upstreams.iter();
    let sessions = upstreams
        .filter_map(|upstream| Some((upstream.name.as_str(), facts.bird.sessions.get(&upstream.name)?)));
    let all = sessions.flat_map(|(name, session)| {
        [Family::V4, Family::V6].map(|family| Some((name, family, channel(session, family)?)))
    });
    all.flatten()
        .filter(|(name, family, _)| !lines(facts, name, *family).is_empty())
        .collect()
}

/// One service: what each of its upstreams would not let out.
fn of_service(facts: &Facts<'_>, policy: &model::Service, service: &Service) -> Vec<Check> {
    let name = &policy.name;
    let mut checks = Vec::new();
    let mut unknown = false;
    let mut nowhere: Vec<IpNet> = prefixes(policy).map(|(_, prefix)| prefix).collect();
    for upstream in &policy.upstreams {
        let (mut refused, mut shadowless) = (Vec::new(), Vec::new());
        for (line, prefix) in prefixes(policy) {
            let passage = passage(facts, service, upstream, line, prefix);
            if passage.is_some() {
                nowhere.retain(|other| *other != prefix);
            }
            match passage {
                None | Some(Passage::Passes) => {}
                Some(Passage::Refused) => refused.push((line, prefix)),
                Some(Passage::NoShadow) => shadowless.push(line),
                Some(Passage::Unknown) => unknown = true,
            }
        }
        checks.extend(refusal(facts, policy, service, upstream, &refused));
        checks.extend(without_shadow(upstream, &shadowless));
    }
    checks.extend(without_filter(policy, &nowhere));
    if checks.is_empty() && !unknown {
        let text = format!("the export filters let {} out", list(&policy.prefixes));
        checks.push(Check::ok(Code::ExportFilter, text));
    }
    checks.into_iter().map(|check| check.service(name)).collect()
}

/// Of prefixes that no upstream could carry nothing is said but that; the upstreams' own check is the `no`.
fn without_filter(policy: &model::Service, prefixes: &[IpNet]) -> Option<Check> {
    prefixes.first()?;
    let all = list(&policy.upstreams);
    let text = format!(
        "no export filter for {} was seen: none of {all} is a session with a channel of its family",
        list(prefixes)
    );
    let advice = format!("`birdc show protocols all` shows the channels of {all}");
    Some(Check::amiss(Code::ExportFilter, Level::Warning, text, advice))
}

fn prefixes(policy: &model::Service) -> impl Iterator<Item = (&Static, IpNet)> {
    policy
        .full
        .iter()
        .flat_map(|line| line.prefixes.iter().map(move |prefix| (line, *prefix)))
}

/// What comes of a prefix at an upstream; `None` where it has no channel of that family, which is
/// another check's.
fn passage(
    facts: &Facts<'_>,
    service: &Service,
    upstream: &str,
    line: &Static,
    prefix: IpNet,
) -> Option<Passage> {
    let channel = channel(facts.bird.sessions.get(upstream)?, line.family)?;
    // What is carried needs no rehearsal.
    if service.exported_to.iter().any(|carrier| carrier == upstream) {
        return Some(Passage::Passes);
    }
    match channel.output_filter.as_str() {
        ACCEPT => return Some(Passage::Passes),
        REJECT => return Some(Passage::Refused),
        _ => {}
    }
    let Some(Rehearsal::Held { routes, passes }) = facts.bird.rehearsals.get(&line.family) else {
        return Some(Passage::Unknown);
    };
    let ours: Shadow = (prefix, shadow(&line.name));
    let Some(Ok(passing)) = filter_name(channel).and_then(|filter| passes.get(filter)) else {
        return Some(Passage::Unknown);
    };
    Some(match (routes.contains(&ours), passing.contains(&ours)) {
        (_, true) => Passage::Passes,
        (true, false) => Passage::Refused,
        (false, false) => Passage::NoShadow,
    })
}

fn refusal(
    facts: &Facts<'_>,
    policy: &model::Service,
    service: &Service,
    upstream: &str,
    refused: &[(&Static, IpNet)],
) -> Option<Check> {
    let (first, _) = refused.first()?;
    let prefixes: Vec<IpNet> = refused.iter().map(|(_, prefix)| *prefix).collect();
    let filters: BTreeSet<&str> = refused
        .iter()
        .filter_map(|(line, _)| {
            Some(
                channel(facts.bird.sessions.get(upstream)?, line.family)?
                    .output_filter
                    .as_str(),
            )
        })
        .collect();
    let filters: Vec<&str> = filters.into_iter().collect();
    let too_few = refused
        .iter()
        .any(|(line, prefix)| carriers(facts, policy, service, line, *prefix) < policy.min_upstreams);
    let text = format!(
        "{upstream} would not carry {}: its export filter {} refuses it",
        list(&prefixes),
        list(&filters)
    );
    let advice = match filters.first() {
        Some(&REJECT) => format!("`export none` lets nothing out: give {upstream} an export filter"),
        Some(_) | None => format!(
            "let the filter take the prefix from {} and {} (docs/attach.md)",
            first.name,
            shadow(&first.name)
        ),
    };
    let level = if too_few { Level::No } else { Level::Warning };
    Some(Check::amiss(Code::ExportFilter, level, text, advice).subject(upstream))
}

/// How many upstreams are not known to refuse a prefix.
fn carriers(
    facts: &Facts<'_>,
    policy: &model::Service,
    service: &Service,
    line: &Static,
    prefix: IpNet,
) -> usize {
    let upstreams = policy.upstreams.iter();
    let passages = upstreams.filter_map(|upstream| passage(facts, service, upstream, line, prefix));
    passages.filter(|passage| *passage != Passage::Refused).count()
}

fn without_shadow(upstream: &str, lines: &[&Static]) -> Option<Check> {
    let line = lines.first()?;
    let table = rehearsal_table(line.family);
    let text = format!(
        "whether {upstream} would carry {} is not provable: {} brings no route of it into {table}",
        list(&line.prefixes),
        shadow(&line.name)
    );
    let advice = format!("bird.conf needs {} (docs/attach.md)", shadow_lines(line));
    Some(Check::amiss(Code::ExportFilter, Level::Warning, text, advice).subject(upstream))
}

/// The export limits that everything of ours at once would hit.
fn limits(facts: &Facts<'_>) -> Vec<Check> {
    channels(facts)
        .into_iter()
        .filter_map(|(name, family, channel)| limit(facts, name, family, channel))
        .collect()
}

fn limit(facts: &Facts<'_>, name: &str, family: Family, channel: &Channel) -> Option<Check> {
    let limit = channel.export_limit.as_ref()?;
    let carried = channel.routes.map_or(0, |routes| routes.exported);
    let carried_services: Vec<&str> = facts
        .snapshot
        .services
        .iter()
        .filter(|service| service.exported_to.iter().any(|carrier| carrier == name))
        .map(|service| service.name.as_str())
        .collect();
    let services = facts.config.services.iter();
    let to_come = services.filter(|service| {
        service.upstreams.iter().any(|upstream| upstream == name)
            && !carried_services.contains(&service.name.as_str())
    });
    let to_come = to_come
        .flat_map(|service| &service.full)
        .filter(|line| line.family == family);
    let ours: usize = to_come.map(|line| line.prefixes.len()).sum();
    let needed = carried.saturating_add(u64::try_from(ours).unwrap_or(u64::MAX));
    if needed <= limit.routes {
        return None;
    }
    let (routes, kind) = (limit.routes, channel.name.as_str());
    let (level, then) = match limit.action.as_str() {
        "warn" => (Level::Warning, "BIRD would warn"),
        "block" => (Level::No, "BIRD would block what is beyond"),
        _ => (Level::No, "BIRD would take the session down"),
    };
    let text = format!(
        "{name} sends {carried} {kind} routes, and a takeover adds {ours}: more than its export limit of {routes}; {then}"
    );
    let advice = format!("raise `export limit` of {name} in bird.conf to at least {needed}");
    Some(Check::amiss(Code::ExportLimit, level, text, advice).subject(name))
}
