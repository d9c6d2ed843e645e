//! The export filters, rehearsed: would each upstream's filter let each prefix out, and would an
//! export limit block it? Nothing is announced to find out: shadows of the static protocols stand in
//! tables that nothing exports, and BIRD runs the very filter of the session over them.
//!
//! A shadow has another name than the protocol it stands for, so a filter that knows only one of the
//! two names cannot be told from here. A drill proves that too.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::facts::{FilterTest, ReadinessFacts, TestRoute};
use super::services::pairs;
use super::upstreams::channel;
use crate::bird::parse::Channel;
use crate::config::model::{self, Family, StaticProtocolConfig};
use crate::config::names::{rehearsal_table, shadow};
use crate::model::message::{CodedText, coded, list};
use crate::model::readiness::{ReadinessCheck, ReadinessCode, ReadinessLevel};
use crate::model::snapshot::ServiceSnapshot;
use crate::ready::wording::load_rendered_file;

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
pub(crate) fn check(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
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
pub(crate) enum FilterResult {
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
fn lines<'a>(facts: &ReadinessFacts<'a>, upstream: &str, family: Family) -> Vec<&'a StaticProtocolConfig> {
    let services = facts.config.services.iter();
    let through = services.filter(|service| service.upstreams.iter().any(|name| name == upstream));
    through
        .flat_map(|service| &service.full)
        .filter(|line| line.family == family)
        .collect()
}

/// The rehearsal tables without which nothing can be told, one check each.
fn of_tables(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let tables = facts.bird.rehearsals.iter();
    let amiss = tables.filter_map(|(family, rehearsal)| {
        let table = rehearsal_table(*family);
        let channel = family.channel();
        let (text, advice) = match rehearsal {
            FilterTest::Held { .. } => return None,
            FilterTest::NoTable => (
                coded!(
                    "no_rehearsal_table",
                    "BIRD has no table {table}, so the export filters cannot be tested with {channel} prefixes",
                    table,
                    channel
                ),
                lines_to_add(facts, *family),
            ),
            FilterTest::Crowded(routes) => (
                coded!(
                    "rehearsal_table_crowded",
                    "table {table} holds {routes} routes, so it is no rehearsal table and is not used",
                    table,
                    routes
                ),
                coded!(
                    "connect_only_shadows",
                    "connect nothing to {table} but the shadow protocols (docs/attach.md)",
                    table
                ),
            ),
            FilterTest::Failed(why) => (
                coded!("table_not_read", "table {table} could not be read: {why}", table, why),
                coded!("see_table", "see `birdc show route table {table}`", table),
            ),
        };
        Some(ReadinessCheck::amiss(ReadinessCode::ExportFilter, ReadinessLevel::Warning, text, advice).subject(table))
    });
    amiss.collect()
}

/// What is to be added to bird.conf for a rehearsal.
fn lines_to_add(facts: &ReadinessFacts<'_>, family: Family) -> CodedText {
    if facts.config.render.is_some() {
        return load_rendered_file();
    }
    let (table, channel) = (rehearsal_table(family), family.channel());
    let first = facts
        .config
        .services
        .iter()
        .flat_map(|service| &service.full)
        .find(|line| line.family == family);
    let Some(lines) = first.map(shadow_lines) else {
        return coded!(
            "add_table",
            "add `{channel} table {table};`, and let the export filters accept it (docs/attach.md)",
            channel,
            table
        );
    };
    coded!(
        "add_table_and_shadow",
        "add `{channel} table {table};` and {lines}, and let the export filters accept it (docs/attach.md)",
        channel,
        table,
        lines
    )
}

/// A shadow as bird.conf has it.
fn shadow_lines(line: &StaticProtocolConfig) -> String {
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
fn of_filters(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    let mut checks = Vec::new();
    for (name, family, channel) in channels(facts) {
        let filter = channel.output_filter.as_str();
        let kind = channel.name.as_str();
        if filter == UNNAMED {
            let text = coded!(
                "filter_without_name",
                "the {kind} export filter of {name} has no name, so it cannot be tested",
                kind,
                name
            );
            let advice = coded!(
                "name_the_filter",
                "give it one in bird.conf: `filter to_{name} {{ ... }}`, and `export filter to_{name};` in the session",
                name
            );
            checks.push(
                ReadinessCheck::amiss(ReadinessCode::ExportFilter, ReadinessLevel::Warning, text, advice)
                    .subject(name),
            );
        }
        if let Some(FilterTest::Held { passes, .. }) = facts.bird.rehearsals.get(&family)
            && let Some(Err(why)) = passes.get(filter)
        {
            let table = rehearsal_table(family);
            let text = coded!(
                "filter_not_tested",
                "filter {filter} of {name} could not be tested: {why}",
                filter,
                name,
                why
            );
            let advice = coded!(
                "try_the_filter",
                "try `birdc 'show route table {table} filter {filter}'`",
                table,
                filter
            );
            checks.push(
                ReadinessCheck::amiss(ReadinessCode::ExportFilter, ReadinessLevel::Warning, text, advice)
                    .subject(name),
            );
        }
    }
    checks
}

/// Every upstream's channels that are to carry something of ours.
fn channels<'a>(facts: &ReadinessFacts<'a>) -> Vec<(&'a str, Family, &'a Channel)> {
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
fn of_service(
    facts: &ReadinessFacts<'_>,
    policy: &model::ServiceConfig,
    service: &ServiceSnapshot,
) -> Vec<ReadinessCheck> {
    let name = &policy.name;
    let mut checks = Vec::new();
    let mut unknown = false;
    let mut nowhere: Vec<IpNet> = prefixes(policy).map(|(_, prefix)| prefix).collect();
    for upstream in &policy.upstreams {
        let (mut refused, mut shadowless) = (Vec::new(), Vec::new());
        for (line, prefix) in prefixes(policy) {
            let passage = filter_result(facts, &service.exported_to, upstream, line, prefix);
            if passage.is_some() {
                nowhere.retain(|other| *other != prefix);
            }
            match passage {
                None | Some(FilterResult::Passes) => {}
                Some(FilterResult::Refused) => refused.push((line, prefix)),
                Some(FilterResult::NoShadow) => shadowless.push(line),
                Some(FilterResult::Unknown) => unknown = true,
            }
        }
        checks.extend(refusal(facts, policy, service, upstream, &refused));
        checks.extend(without_shadow(upstream, &shadowless));
    }
    checks.extend(without_filter(policy, &nowhere));
    if checks.is_empty() && !unknown {
        let prefixes = list(&policy.prefixes);
        let text = coded!("filters_accept", "the export filters accept {prefixes}", prefixes);
        checks.push(ReadinessCheck::ok(ReadinessCode::ExportFilter, text));
    }
    checks.into_iter().map(|check| check.service(name)).collect()
}

/// Of prefixes that no upstream could carry nothing is said but that; the upstreams' own check is the `no`.
fn without_filter(policy: &model::ServiceConfig, prefixes: &[IpNet]) -> Option<ReadinessCheck> {
    prefixes.first()?;
    let all = list(&policy.upstreams);
    let prefixes = list(prefixes);
    let text = coded!(
        "no_filter_for_prefixes",
        "no export filter for {prefixes} was found: none of {all} is a session with a channel of its family",
        prefixes,
        all
    );
    let advice = coded!(
        "see_channels",
        "`birdc show protocols all` shows the channels of {all}",
        all
    );
    Some(ReadinessCheck::amiss(
        ReadinessCode::ExportFilter,
        ReadinessLevel::Warning,
        text,
        advice,
    ))
}

fn prefixes(policy: &model::ServiceConfig) -> impl Iterator<Item = (&StaticProtocolConfig, IpNet)> {
    policy
        .full
        .iter()
        .flat_map(|line| line.prefixes.iter().map(move |prefix| (line, *prefix)))
}

/// What comes of a prefix at an upstream; `None` where it has no channel of that family, which is
/// another check's.
pub(crate) fn filter_result(
    facts: &ReadinessFacts<'_>,
    exported_to: &[String],
    upstream: &str,
    line: &StaticProtocolConfig,
    prefix: IpNet,
) -> Option<FilterResult> {
    let channel = channel(facts.bird.sessions.get(upstream)?, line.family)?;
    // What is carried needs no rehearsal.
    if exported_to.iter().any(|carrier| carrier == upstream) {
        return Some(FilterResult::Passes);
    }
    match channel.output_filter.as_str() {
        ACCEPT => return Some(FilterResult::Passes),
        REJECT => return Some(FilterResult::Refused),
        _ => {}
    }
    let Some(FilterTest::Held { routes, passes }) = facts.bird.rehearsals.get(&line.family) else {
        return Some(FilterResult::Unknown);
    };
    let ours: TestRoute = (prefix, shadow(&line.name));
    let Some(Ok(passing)) = filter_name(channel).and_then(|filter| passes.get(filter)) else {
        return Some(FilterResult::Unknown);
    };
    Some(match (routes.contains(&ours), passing.contains(&ours)) {
        (_, true) => FilterResult::Passes,
        (true, false) => FilterResult::Refused,
        (false, false) => FilterResult::NoShadow,
    })
}

fn refusal(
    facts: &ReadinessFacts<'_>,
    policy: &model::ServiceConfig,
    service: &ServiceSnapshot,
    upstream: &str,
    refused: &[(&StaticProtocolConfig, IpNet)],
) -> Option<ReadinessCheck> {
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
    let advice = match filters.first() {
        Some(&REJECT) => coded!(
            "export_none",
            "`export none` lets nothing out: give {upstream} an export filter",
            upstream
        ),
        Some(_) | None => {
            let (full, shadow) = (&first.name, shadow(&first.name));
            coded!(
                "let_filter_accept",
                "let the filter accept the prefix from {full} and {shadow} (docs/attach.md)",
                full,
                shadow
            )
        }
    };
    let (prefixes, filters) = (list(&prefixes), list(&filters));
    let text = coded!(
        "filter_refuses",
        "{upstream} would not carry {prefixes}: its export filter {filters} refuses it",
        upstream,
        prefixes,
        filters
    );
    let level = if too_few {
        ReadinessLevel::No
    } else {
        ReadinessLevel::Warning
    };
    Some(ReadinessCheck::amiss(ReadinessCode::ExportFilter, level, text, advice).subject(upstream))
}

/// How many upstreams are not known to refuse a prefix.
fn carriers(
    facts: &ReadinessFacts<'_>,
    policy: &model::ServiceConfig,
    service: &ServiceSnapshot,
    line: &StaticProtocolConfig,
    prefix: IpNet,
) -> usize {
    let upstreams = policy.upstreams.iter();
    let passages =
        upstreams.filter_map(|upstream| filter_result(facts, &service.exported_to, upstream, line, prefix));
    passages
        .filter(|passage| *passage != FilterResult::Refused)
        .count()
}

pub(crate) fn without_shadow(upstream: &str, lines: &[&StaticProtocolConfig]) -> Option<ReadinessCheck> {
    let line = lines.first()?;
    let table = rehearsal_table(line.family);
    let (prefixes, shadow, lines) = (list(&line.prefixes), shadow(&line.name), shadow_lines(line));
    let text = coded!(
        "no_shadow_route",
        "whether {upstream} would carry {prefixes} cannot be tested: {shadow} brings no route of it into {table}",
        upstream,
        prefixes,
        shadow,
        table
    );
    let advice = coded!("add_shadow", "bird.conf needs {lines} (docs/attach.md)", lines);
    Some(
        ReadinessCheck::amiss(ReadinessCode::ExportFilter, ReadinessLevel::Warning, text, advice)
            .subject(upstream),
    )
}

/// The export limits that everything of ours at once would hit.
fn limits(facts: &ReadinessFacts<'_>) -> Vec<ReadinessCheck> {
    channels(facts)
        .into_iter()
        .filter_map(|(name, family, channel)| limit(facts, name, family, channel))
        .collect()
}

fn limit(
    facts: &ReadinessFacts<'_>,
    name: &str,
    family: Family,
    channel: &Channel,
) -> Option<ReadinessCheck> {
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
    // What stands all the time is out already.
    let standing = facts
        .snapshot
        .services
        .iter()
        .flat_map(|service| &service.standing);
    let standing = standing.filter(|standing| standing.exported_to.iter().any(|carrier| carrier == name));
    let out: BTreeSet<IpNet> = standing
        .flat_map(|standing| standing.prefixes.iter().copied())
        .collect();
    let to_come = to_come.flat_map(|line| &line.prefixes);
    let ours = to_come.filter(|prefix| !out.contains(*prefix)).count();
    let needed = carried.saturating_add(u64::try_from(ours).unwrap_or(u64::MAX));
    if needed <= limit.routes {
        return None;
    }
    let (routes, kind) = (limit.routes, channel.name.as_str());
    let (level, then) = match limit.action.as_str() {
        "warn" => (
            ReadinessLevel::Warning,
            coded!("bird_would_warn", "BIRD would warn"),
        ),
        "block" => (
            ReadinessLevel::No,
            coded!("bird_would_block", "BIRD would block the routes beyond it"),
        ),
        _ => (
            ReadinessLevel::No,
            coded!("bird_would_close_session", "BIRD would close the session"),
        ),
    };
    let text = coded!(
        "export_limit_too_low",
        "{name} sends {carried} {kind} routes, and a takeover adds {ours}: more than its export limit of {routes}; {then}",
        name,
        carried,
        kind,
        ours,
        routes,
        then
    );
    let advice = coded!(
        "raise_export_limit",
        "raise `export limit` of {name} in bird.conf to at least {needed}",
        name,
        needed
    );
    Some(ReadinessCheck::amiss(ReadinessCode::ExportLimit, level, text, advice).subject(name))
}
