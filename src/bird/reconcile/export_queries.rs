//! The questions that prove an announcement, or its end, at the upstreams (A5).

use ipnet::IpNet;

use super::exports::{self, ExportReach, ExportReplies, ExportReply};
use super::family::StaticProtocol;
use super::io::{PassAbort, ReconcilerIo, only_this_command};
use super::not_exported;
use super::observation::ObservedUpstream;
use super::report::TransitionStage;
use super::service::ServiceReconciler;
use super::target::ReconcileTarget;
use super::view::ProtocolView;
use crate::bird::client::{BirdClient, BirdError};
use crate::config::model::StaticProtocolConfig;

/// For how many pairs of prefix and upstream the cause is looked for in one poll. Many that are not
/// exported have one cause.
const DIAGNOSED_PER_POLL: usize = 16;

/// What upstreams were sent, of takeovers and of standing prefixes: a prefix may be both.
#[derive(Debug, Default)]
pub(crate) struct AllReplies {
    takeovers: ExportReplies,
    standing: ExportReplies,
}

impl AllReplies {
    /// What was asked for that service, or for its standing prefixes.
    pub(crate) fn of(&self, service: &ServiceReconciler) -> &ExportReplies {
        match service.decision.is_standing() {
            false => &self.takeovers,
            true => &self.standing,
        }
    }

    fn of_mut(&mut self, service: &ServiceReconciler) -> &mut ExportReplies {
        match service.decision.is_standing() {
            false => &mut self.takeovers,
            true => &mut self.standing,
        }
    }
}

/// The proof of what is on its way, and only of that.
pub(crate) async fn prove_announcements(
    services: &mut [ServiceReconciler],
    view: &ProtocolView,
    io: &ReconcilerIo,
) -> Result<(), PassAbort> {
    for service in services {
        for family in &service.families {
            let Some(protocol) = family.announcing(view) else {
                continue;
            };
            if !service.decision.stages.awaits_export(&protocol.config.name) {
                continue;
            }
            io.yield_to_intents()?;
            let replies = ask_sent(&io.urgent, service, &protocol.config, io).await?;
            if is_carried(&service.target, &protocol.config, &replies, io) {
                let name = &protocol.config.name;
                io.report_stage(&mut service.decision, TransitionStage::Exported, name);
            }
        }
    }
    Ok(())
}

/// The proof that nobody carries any more what a drill announced.
pub(crate) async fn prove_drill_ends(
    services: &mut [ServiceReconciler],
    view: &ProtocolView,
    io: &ReconcilerIo,
) -> Result<(), PassAbort> {
    for service in services {
        let stages = &service.decision.stages;
        let awaited = service.ending().map(|protocol| &protocol.config);
        let awaited = awaited.filter(|config| stages.awaits_gone(&config.name));
        for config in awaited.cloned().collect::<Vec<_>>() {
            io.yield_to_intents()?;
            let replies = ask_sent(&io.urgent, service, &config, io).await?;
            report_drill_ends(service, view, &replies, io);
        }
    }
    Ok(())
}

/// What every upstream was sent of everything announced, and why not where too few were; and of drills
/// that are to end.
pub(crate) async fn ask_exports(
    services: &[ServiceReconciler],
    view: &ProtocolView,
    io: &ReconcilerIo,
) -> Result<AllReplies, PassAbort> {
    let mut replies = AllReplies::default();
    let mut diagnoses = DIAGNOSED_PER_POLL;
    for service in services {
        for protocol in announcing(service, view) {
            let mut of_protocol = ask_sent(&io.patient, service, protocol, io).await?;
            if !is_carried(&service.target, protocol, &of_protocol, io) {
                let refused = exports::refused(&of_protocol, protocol);
                for (prefix, upstream) in refused.into_iter().take(diagnoses) {
                    diagnoses -= 1;
                    if let Some(why) = diagnose(protocol, prefix, &upstream, io).await? {
                        of_protocol.insert((prefix, upstream), ExportReply::Blocked(why));
                    }
                }
            }
            replies.of_mut(service).extend(of_protocol);
        }
    }
    for service in services {
        for protocol in service.ending() {
            let sent = ask_sent(&io.patient, service, &protocol.config, io).await?;
            replies.of_mut(service).extend(sent);
        }
    }
    Ok(replies)
}

/// Reports which stages a full pass found reached at the upstreams.
pub(crate) fn report_exports(
    services: &mut [ServiceReconciler],
    view: &ProtocolView,
    replies: &AllReplies,
    io: &ReconcilerIo,
) {
    for service in services {
        let replies = replies.of(service);
        let carried =
            announcing(service, view).filter(|config| is_carried(&service.target, config, replies, io));
        for name in carried.map(|config| config.name.clone()).collect::<Vec<_>>() {
            io.report_stage(&mut service.decision, TransitionStage::Exported, &name);
        }
        report_drill_ends(service, view, replies, io);
    }
}

/// How far a service reaches.
pub(crate) fn reach(
    service: &ServiceReconciler,
    view: &ProtocolView,
    replies: &ExportReplies,
    recovering: bool,
    io: &ReconcilerIo,
) -> ExportReach {
    let announced: Vec<&StaticProtocolConfig> = announcing(service, view).collect();
    let mut reach = exports::judge(&service.target, &announced, &io.upstreams, replies, recovering);
    let mut families = service.families.iter();
    if let Some(tried) = families.find_map(|family| family.re_enable.describe()) {
        for text in &mut reach.problems {
            *text = format!("{text}; {tried}");
        }
    }
    reach
}

fn announcing<'a>(
    service: &'a ServiceReconciler,
    view: &ProtocolView,
) -> impl Iterator<Item = &'a StaticProtocolConfig> {
    let protocols = service
        .families
        .iter()
        .filter_map(|family| family.announcing(view));
    protocols.map(|protocol: &StaticProtocol| &protocol.config)
}

fn is_carried(
    target: &ReconcileTarget,
    protocol: &StaticProtocolConfig,
    replies: &ExportReplies,
    io: &ReconcilerIo,
) -> bool {
    exports::judge(target, &[protocol], &io.upstreams, replies, false).enough
}

fn report_drill_ends(
    service: &mut ServiceReconciler,
    view: &ProtocolView,
    replies: &ExportReplies,
    io: &ReconcilerIo,
) {
    for name in service.ended(view, replies) {
        io.report_stage(&mut service.decision, TransitionStage::Gone, &name);
    }
}

/// `show route PREFIX exported UPSTREAM` for all prefixes of one protocol.
async fn ask_sent(
    client: &BirdClient,
    service: &ServiceReconciler,
    protocol: &StaticProtocolConfig,
    io: &ReconcilerIo,
) -> Result<ExportReplies, PassAbort> {
    let mut replies = ExportReplies::new();
    let target = &service.target;
    for upstream in io
        .upstreams
        .iter()
        .filter(|seen| target.upstreams.contains(&seen.name))
    {
        // Whether a session is up was last seen a poll ago; whoever asks now hears it anyway.
        if !upstream.families.contains(&protocol.family) {
            continue;
        }
        for prefix in &protocol.prefixes {
            io.yield_to_intents()?;
            let sent = ask_one(client, protocol, *prefix, upstream).await?;
            let sent = service.with_stronger(sent, protocol);
            replies.insert((*prefix, upstream.name.clone()), sent);
        }
    }
    Ok(replies)
}

/// What one upstream was sent of one prefix. What BIRD's record calls exported is not sent where the next
/// hop will not do; then the session's filter is asked which one it gives.
async fn ask_one(
    client: &BirdClient,
    protocol: &StaticProtocolConfig,
    prefix: IpNet,
    upstream: &ObservedUpstream,
) -> Result<ExportReply, PassAbort> {
    let routes = match client.show_route_exported(prefix, &upstream.name).await {
        Ok(routes) => routes,
        Err(BirdError::SessionDown { .. }) => return Ok(ExportReply::NotUp),
        Err(error) => return Ok(ExportReply::Failed(only_this_command(error)?.to_string())),
    };
    let (name, family) = (&protocol.name, protocol.family);
    let own = routes.iter().find(|route| route.protocol == *name);
    let doubt = own.and_then(|route| not_exported::next_hop_doubt(route, upstream, family));
    if doubt.is_some() {
        let filtered = match client.show_route_export(prefix, &upstream.name).await {
            Ok(filtered) => filtered,
            Err(error) => return Ok(ExportReply::Failed(only_this_command(error)?.to_string())),
        };
        if let Some(why) = not_exported::dropped(&filtered, name, doubt.as_ref(), upstream, family) {
            let protocol = name.clone();
            return Ok(ExportReply::Dropped { protocol, why });
        }
    }
    Ok(ExportReply::From(
        routes.into_iter().map(|route| route.protocol).collect(),
    ))
}

/// Why an upstream whose session is up does not have a prefix; `None`: BIRD does not say.
async fn diagnose(
    protocol: &StaticProtocolConfig,
    prefix: IpNet,
    upstream: &str,
    io: &ReconcilerIo,
) -> Result<Option<String>, PassAbort> {
    let seen = io.upstreams.iter().find(|seen| seen.name == upstream);
    let Some(channel) = seen.and_then(|seen| seen.channel(protocol.family)) else {
        return Ok(None);
    };
    io.yield_to_intents()?;
    let routes = match io.patient.show_route_everywhere(prefix).await {
        Ok(routes) => routes,
        Err(error) => return only_this_command(error).map(|_| None),
    };
    let name = &protocol.name;
    if let Some(why) = not_exported::in_tables(&routes, name, upstream, channel) {
        return Ok(Some(why));
    }
    match io.patient.show_route_export(prefix, upstream).await {
        Ok(routes) => Ok(Some(not_exported::in_filter(&routes, name, upstream, channel))),
        Err(error) => only_this_command(error).map(|_| None),
    }
}
