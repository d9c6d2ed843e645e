//! The questions: the guard's, those that prove an announcement, and all the others of a full pass.

use ipnet::IpNet;
use tokio::time::Instant;

use crate::bird::client::{BirdClient, BirdError};
use crate::bird::guard::{self, GuardFacts};
use crate::bird::parse::{Channel, DaemonState, ProtocolDetail, ProtocolRow};
use crate::bird::plan::{PairSide, State, StateFileValue};
use crate::config::model::{Family, StaticProtocolConfig};
use crate::model::snapshot::AlarmCode;

use super::again;
use super::backoff::{RetryCause, SwitchAction};
use super::cause;
use super::exports::{self, ExportReach, ExportReplies, ExportReply};
use super::observed;
use super::service::{ProtocolView, ServiceReconciler};
use super::task::{PassAbort, ReconcilerTask, ends_the_pass, only_the_question};
use super::way::{self, Shape};
use super::{LimitHit, MISSING, ObservedUpstream, ReconcilerReport, SeenChannel, TransitionStage};

/// How many protocols the guard looks at in one poll, besides all of them after a connection and
/// each before it is enabled. Their routes change only with BIRD's configuration, and a thousand
/// questions a second would be a load.
const GUARDED_PER_POLL: usize = 16;

/// How many prefixes are looked for in other protocols' routes in one poll.
const OTHERS_PER_POLL: usize = 32;

/// For how many pairs of prefix and upstream the cause is looked for in one poll. Many that are not
/// exported have one cause.
const DIAGNOSED_PER_POLL: usize = 16;

impl ReconcilerTask {
    /// A look at everything (A1, A5, A7).
    pub(crate) async fn full_pass(&mut self) -> Result<(), PassAbort> {
        let status = async { self.patient.show_status().await.map_err(ends_the_pass) };
        let status = self.unless_wished(status).await?;
        self.boot.at = status.last_reboot.as_ref().map(|at| without_fraction(at));
        let mut view = self.look(false).await?;
        // BIRD 3 says yes to everything while it shuts down, and means nothing by it.
        if status.daemon != DaemonState::ShuttingDown {
            self.ask_suspects(&view).await?;
            self.steer(&view).await?;
            if self.wrote {
                view = self.look(false).await?;
            }
        }
        self.look_at_upstreams().await?;
        self.guard_some(&view).await?;
        self.look_for_others().await?;
        self.look_at_kernels(&mut view).await?;
        let mut answers = self.unless_wished(self.ask_exports(&view)).await?;
        self.unless_wished(self.ask_endings(&mut answers)).await?;
        self.exported(&view, &answers);
        if status.daemon == DaemonState::Running && !status.graceful_restart_recovery {
            self.try_again(&view, &answers).await?;
        }
        let pid = self.patient.link().borrow().pid;
        let readable = self.files.readable(pid).await;
        let now = Instant::now();
        self.courses.iter_mut().for_each(|course| course.judge_mends(now));
        let services = self
            .courses
            .iter()
            .map(|course| {
                let reach = self.reach(course, &view, &answers, status.graceful_restart_recovery);
                let running = status.daemon == DaemonState::Running;
                observed::service(course, &view, reach, &answers, &self.upstreams, running)
            })
            .collect();
        let normal = status.daemon == DaemonState::Running && !status.graceful_restart_recovery;
        self.outbox.push(ReconcilerReport::Seen(observed::all(
            services,
            self.upstreams.clone(),
            normal,
            readable.err(),
        )));
        Ok(())
    }

    /// BIRD is not there: that is what there is to report.
    pub(crate) fn report_nothing_seen(&mut self) {
        let now = Instant::now();
        self.courses.iter_mut().for_each(|course| course.lose_sight(now));
        let services = self.courses.iter().map(observed::unseen_service).collect();
        let upstreams = self
            .setup
            .upstreams
            .iter()
            .map(|name| ObservedUpstream::unknown(name))
            .collect();
        self.outbox.push(ReconcilerReport::Seen(observed::all(
            services, upstreams, false, None,
        )));
    }

    /// The guard's questions before an enable: whether it may be; `None`: there is no answer (A7).
    pub(crate) async fn ask_guard_to_enable(
        &mut self,
        service: usize,
        leg: usize,
        slot: PairSide,
    ) -> Result<Option<bool>, PassAbort> {
        let Some(line) = self.courses[service].legs[leg].line(slot) else {
            return Ok(None);
        };
        match ask_guard(&self.urgent, &line.protocol).await {
            Ok((verdict, shape)) => {
                let fits = verdict.is_ok();
                if let Err(refusal) = &verdict {
                    let text = format!("{refusal}. It is not enabled until bird.conf is put right");
                    let trouble = RetryCause {
                        code: AlarmCode::ForeignRoutes,
                        text,
                    };
                    self.trouble(service, leg, slot, SwitchAction::Enable, trouble);
                }
                if let Some(line) = self.courses[service].legs[leg].line_mut(slot) {
                    (line.guard, line.shape) = (Some(verdict), shape);
                }
                Ok(Some(fits))
            }
            Err(error) => self
                .failed(service, leg, slot, SwitchAction::Enable, error)
                .map(|()| None),
        }
    }

    /// Whether all routes of a protocol that is up stand in BIRD's tables (D8).
    pub(crate) async fn ask_routes(
        &mut self,
        service: usize,
        leg: usize,
        slot: PairSide,
    ) -> Result<bool, PassAbort> {
        let Some(line) = self.courses[service].legs[leg].line(slot) else {
            return Ok(false);
        };
        routed(&self.urgent, &line.protocol).await
    }

    /// The state files of one family; what fails shows, and stops nothing (A6).
    pub(crate) async fn write_files(
        &mut self,
        service: usize,
        leg: usize,
        files: [Option<StateFileValue>; 2],
    ) {
        let course = &mut self.courses[service];
        let mut trouble = None;
        for (slot, saying) in [PairSide::Full, PairSide::Drain].into_iter().zip(files) {
            if let (Some(line), Some(saying)) = (course.legs[leg].line(slot), saying)
                && let Err(error) = self.files.say(&line.protocol.name, saying).await
            {
                trouble = Some(error);
            }
        }
        course.file_trouble[leg] = trouble;
    }

    /// The proof of what is on its way, and only of that (A5).
    pub(crate) async fn prove(&mut self, view: &ProtocolView) -> Result<(), PassAbort> {
        for service in 0..self.courses.len() {
            for leg in 0..self.courses[service].legs.len() {
                let course = &self.courses[service];
                let Some(line) = course.legs[leg].announcing(view) else {
                    continue;
                };
                if !course.awaits_export(&line.protocol.name) {
                    continue;
                }
                self.heed_wishes()?;
                let protocol = line.protocol.clone();
                let mut answers = ExportReplies::new();
                self.ask_sent(&self.urgent, course, &protocol, &mut answers)
                    .await?;
                self.line_exported(service, &protocol, &answers);
            }
        }
        Ok(())
    }

    /// Reports what a full pass found exported.
    fn exported(&mut self, view: &ProtocolView, answers: &ExportReplies) {
        for service in 0..self.courses.len() {
            let announcing: Vec<StaticProtocolConfig> = self.courses[service]
                .legs
                .iter()
                .filter_map(|leg| leg.announcing(view))
                .map(|line| line.protocol.clone())
                .collect();
            for protocol in announcing {
                self.line_exported(service, &protocol, answers);
            }
            self.tell_gone(service, view, answers);
        }
    }

    fn line_exported(&mut self, service: usize, protocol: &StaticProtocolConfig, answers: &ExportReplies) {
        let target = &self.courses[service].target;
        if exports::judge(target, &[protocol], &self.upstreams, answers, false).enough {
            self.stage(service, TransitionStage::Exported, &protocol.name);
        }
    }

    /// The sessions that are to carry the prefixes out.
    async fn look_at_upstreams(&mut self) -> Result<(), PassAbort> {
        let mut upstreams = Vec::with_capacity(self.setup.upstreams.len());
        for name in &self.setup.upstreams {
            self.heed_wishes()?;
            let asked = self.unless_wished(async { Ok(self.patient.show_protocol(name).await) });
            let seen = match asked.await? {
                Ok(detail) => upstream(detail),
                Err(BirdError::NoSuchProtocol { .. }) => ObservedUpstream {
                    state: MISSING.to_owned(),
                    ..ObservedUpstream::unknown(name)
                },
                Err(error) => ObservedUpstream {
                    error: Some(only_the_question(error)?.to_string()),
                    ..ObservedUpstream::unknown(name)
                },
            };
            upstreams.push(seen);
        }
        self.upstreams = upstreams;
        Ok(())
    }

    /// The guard's round: what was found wrong is alarmed, and nothing is withdrawn because of it.
    async fn guard_some(&mut self, view: &ProtocolView) -> Result<(), PassAbort> {
        let lines: Vec<(usize, usize, PairSide)> = self
            .courses
            .iter()
            .enumerate()
            .flat_map(|(service, course)| (0..course.legs.len()).map(move |leg| (service, leg)))
            .flat_map(|(service, leg)| [PairSide::Full, PairSide::Drain].map(|slot| (service, leg, slot)))
            .collect();
        let first_round = self.guard_cursor < lines.len();
        let some = if first_round {
            lines.len()
        } else {
            GUARDED_PER_POLL.min(lines.len())
        };
        for _ in 0..some {
            self.heed_wishes()?;
            let (service, leg, slot) = lines[self.guard_cursor % lines.len()];
            if let Some(line) = self.courses[service].legs[leg].line(slot)
                && view.state(&line.protocol.name) != State::Missing
            {
                let asked = self.unless_wished(async { Ok(ask_guard(&self.patient, &line.protocol).await) });
                let verdict = match asked.await? {
                    Ok(verdict) => Some(verdict),
                    Err(error) => only_the_question(error).map(|_| None)?,
                };
                if let (Some(line), Some((verdict, shape))) =
                    (self.courses[service].legs[leg].line_mut(slot), verdict)
                {
                    (line.guard, line.shape) = (Some(verdict), shape);
                }
            }
            self.guard_cursor += 1;
            if first_round && self.guard_cursor == lines.len() {
                break;
            }
        }
        Ok(())
    }

    /// A round of who else has the services' prefixes, and whether an upstream carries that (A5).
    async fn look_for_others(&mut self) -> Result<(), PassAbort> {
        let prefixes: Vec<(usize, Family, IpNet)> = self
            .courses
            .iter()
            .enumerate()
            .flat_map(|(service, course)| course.target.full.iter().map(move |full| (service, full)))
            .flat_map(|(service, full)| full.prefixes.iter().map(move |one| (service, full.family, *one)))
            .collect();
        for _ in 0..OTHERS_PER_POLL.min(prefixes.len()) {
            self.heed_wishes()?;
            let (service, family, prefix) = prefixes[self.others_cursor % prefixes.len()];
            self.others_cursor = self.others_cursor.wrapping_add(1);
            let rivals = match self.patient.show_route_everywhere(prefix).await {
                Ok(routes) => way::rivals(&routes, &self.courses[service].names()),
                Err(error) => {
                    only_the_question(error)?;
                    continue;
                }
            };
            let mut exported = Vec::new();
            let target = &self.courses[service].target;
            for upstream in self
                .upstreams
                .iter()
                .filter(|seen| target.upstreams.contains(&seen.name))
            {
                let table = upstream.channel(family).map(|channel| &channel.table);
                if !rivals.iter().any(|rival| Some(&rival.table) == table) {
                    continue;
                }
                match self.patient.show_route_exported(prefix, &upstream.name).await {
                    Ok(routes) => {
                        let others = way::rivals(&routes, &self.courses[service].names()).into_iter();
                        exported.extend(others.map(|other| (upstream.name.clone(), other.protocol)));
                    }
                    Err(error) => drop(only_the_question(error)?),
                }
            }
            let others = &mut self.courses[service].others;
            others.routes.insert(prefix, rivals);
            others.exported.insert(prefix, exported);
        }
        Ok(())
    }

    /// What every upstream was sent of everything announced, and why not where too few were.
    async fn ask_exports(&self, view: &ProtocolView) -> Result<ExportReplies, PassAbort> {
        let mut answers = ExportReplies::new();
        let mut diagnoses = DIAGNOSED_PER_POLL;
        for course in &self.courses {
            for line in course.legs.iter().filter_map(|leg| leg.announcing(view)) {
                let protocol = &line.protocol;
                let mut of_line = ExportReplies::new();
                self.ask_sent(&self.patient, course, protocol, &mut of_line)
                    .await?;
                if !exports::judge(&course.target, &[protocol], &self.upstreams, &of_line, false).enough {
                    let refused = exports::refused(&of_line, protocol);
                    for (prefix, upstream) in refused.into_iter().take(diagnoses) {
                        diagnoses -= 1;
                        if let Some(why) = self.diagnose(protocol, prefix, &upstream).await? {
                            of_line.insert((prefix, upstream), ExportReply::Blocked(why));
                        }
                    }
                }
                answers.extend(of_line);
            }
        }
        Ok(answers)
    }

    /// Why an upstream whose session is up does not have a prefix; `None`: BIRD does not say.
    async fn diagnose(
        &self,
        protocol: &StaticProtocolConfig,
        prefix: IpNet,
        upstream: &str,
    ) -> Result<Option<String>, PassAbort> {
        let seen = self.upstreams.iter().find(|seen| seen.name == upstream);
        let Some(channel) = seen.and_then(|seen| seen.channel(protocol.family)) else {
            return Ok(None);
        };
        self.heed_wishes()?;
        let routes = match self.patient.show_route_everywhere(prefix).await {
            Ok(routes) => routes,
            Err(error) => return only_the_question(error).map(|_| None),
        };
        if let Some(why) = cause::in_tables(&routes, &protocol.name, upstream, channel) {
            return Ok(Some(why));
        }
        match self.patient.show_route_export(prefix, upstream).await {
            Ok(routes) => Ok(Some(cause::in_filter(&routes, &protocol.name, upstream, channel))),
            Err(error) => only_the_question(error).map(|_| None),
        }
    }

    /// What is enabled and reaches nobody is disabled and enabled again, now and then (A5).
    async fn try_again(&mut self, view: &ProtocolView, answers: &ExportReplies) -> Result<(), PassAbort> {
        let now = Instant::now();
        for service in 0..self.courses.len() {
            for leg in 0..self.courses[service].legs.len() {
                let course = &mut self.courses[service];
                let slot = course.standing_alone(leg, view);
                let unheard = slot.and_then(|slot| {
                    let protocol = &course.legs[leg].line(slot)?.protocol;
                    again::reaches_nobody(&course.target, protocol, &self.upstreams, answers).then_some(slot)
                });
                let retry = &mut course.legs[leg].retry;
                let Some(slot) = unheard else {
                    retry.forget();
                    continue;
                };
                if retry.is_due(now) {
                    self.heed_wishes()?;
                    // What follows is our own doing, and neither drift nor a mend.
                    self.courses[service].settled = None;
                    self.write(service, leg, slot, SwitchAction::Disable).await?;
                    self.write(service, leg, slot, SwitchAction::Enable).await?;
                }
            }
        }
        Ok(())
    }

    /// `show route PREFIX exported UPSTREAM` for all prefixes of one protocol.
    pub(crate) async fn ask_sent(
        &self,
        client: &BirdClient,
        course: &ServiceReconciler,
        protocol: &StaticProtocolConfig,
        answers: &mut ExportReplies,
    ) -> Result<(), PassAbort> {
        let ours = |upstream: &&ObservedUpstream| course.target.upstreams.contains(&upstream.name);
        for upstream in self.upstreams.iter().filter(ours) {
            // Whether a session is up was last seen a poll ago; whoever asks now hears it anyway.
            if !upstream.families.contains(&protocol.family) {
                continue;
            }
            for prefix in &protocol.prefixes {
                self.heed_wishes()?;
                let sent = ask_one(client, protocol, *prefix, upstream).await?;
                answers.insert((*prefix, upstream.name.clone()), sent);
            }
        }
        Ok(())
    }

    fn reach(
        &self,
        course: &ServiceReconciler,
        view: &ProtocolView,
        answers: &ExportReplies,
        recovering: bool,
    ) -> ExportReach {
        let legs = course.legs.iter();
        let announced: Vec<&StaticProtocolConfig> = legs
            .filter_map(|leg| leg.announcing(view))
            .map(|line| &line.protocol)
            .collect();
        let mut reach = exports::judge(&course.target, &announced, &self.upstreams, answers, recovering);
        if let Some(told) = course.legs.iter().find_map(|leg| leg.retry.told()) {
            reach
                .problems
                .iter_mut()
                .for_each(|text| *text = format!("{text}; {told}"));
        }
        reach
    }
}

/// What one upstream was sent of one prefix. What BIRD's record calls exported is not sent where the next
/// hop will not do; then the session's filter is asked which one it gives (A5).
async fn ask_one(
    client: &BirdClient,
    protocol: &StaticProtocolConfig,
    prefix: IpNet,
    upstream: &ObservedUpstream,
) -> Result<ExportReply, PassAbort> {
    let routes = match client.show_route_exported(prefix, &upstream.name).await {
        Ok(routes) => routes,
        Err(BirdError::SessionDown { .. }) => return Ok(ExportReply::NotUp),
        Err(error) => return Ok(ExportReply::Failed(only_the_question(error)?.to_string())),
    };
    let own = routes.iter().find(|route| route.protocol == protocol.name);
    let doubt = own.and_then(|route| cause::doubt(route, upstream, protocol.family));
    if doubt.is_some() {
        let filtered = match client.show_route_export(prefix, &upstream.name).await {
            Ok(filtered) => filtered,
            Err(error) => return Ok(ExportReply::Failed(only_the_question(error)?.to_string())),
        };
        let why = cause::dropped(
            &filtered,
            &protocol.name,
            doubt.as_ref(),
            upstream,
            protocol.family,
        );
        if let Some(why) = why {
            let protocol = protocol.name.clone();
            return Ok(ExportReply::Dropped { protocol, why });
        }
    }
    Ok(ExportReply::From(
        routes.into_iter().map(|route| route.protocol).collect(),
    ))
}

/// What a protocol is: what the guard says of it, the inner error being its refusal, and what it would do
/// with its routes.
async fn ask_guard(
    client: &BirdClient,
    protocol: &StaticProtocolConfig,
) -> Result<(Result<(), String>, Option<Shape>), BirdError> {
    let detail = client.show_protocol(&protocol.name).await?;
    let kind = detail.protocol.proto;
    // Only a static protocol can be asked for its routes; what is another is refused anyway.
    let routes = if kind == guard::KIND {
        client.show_static(&protocol.name).await?
    } else {
        Vec::new()
    };
    let channel = detail.channels.first();
    let shape = channel.map(|channel| Shape {
        table: channel.table.clone(),
        preference: channel.preference,
        input_filter: channel.input_filter.clone(),
        targets: routes
            .iter()
            .map(|route| (route.prefix, route.dest.clone()))
            .collect(),
    });
    let found = GuardFacts {
        kind,
        channels: detail.channels.into_iter().map(|channel| channel.name).collect(),
        routes: routes.into_iter().map(|route| route.prefix).collect(),
    };
    let verdict = guard::check(protocol, &found).map_err(|refusal| refusal.to_string());
    Ok((verdict, shape))
}

/// Whether all prefixes of a protocol stand in BIRD's tables, from that protocol.
async fn routed(client: &BirdClient, protocol: &StaticProtocolConfig) -> Result<bool, PassAbort> {
    for prefix in &protocol.prefixes {
        match client.show_route(*prefix, Some(&protocol.name)).await {
            Ok(routes) if routes.is_empty() => return Ok(false),
            Ok(_) => {}
            Err(error) => return only_the_question(error).map(|_| false),
        }
    }
    Ok(true)
}

fn upstream(detail: ProtocolDetail) -> ObservedUpstream {
    let ProtocolDetail {
        protocol: ProtocolRow { name, info, .. },
        bgp,
        channels,
        ..
    } = detail;
    let (neighbor, passes_gateways_on) = bgp.as_ref().map_or((None, false), |bgp| {
        (bgp.neighbor_address, bgp.passes_gateways_on())
    });
    let since = bgp.as_ref().map(|bgp| bgp.since.clone());
    let (state, error) = match bgp {
        Some(bgp) => (bgp.state, bgp.last_error),
        None => (
            info.split_whitespace().next().unwrap_or("unknown").to_owned(),
            None,
        ),
    };
    let channels: Vec<SeenChannel> = channels.into_iter().filter_map(seen_channel).collect();
    ObservedUpstream {
        established: state == "Established",
        since,
        families: channels.iter().map(|channel| channel.family).collect(),
        channels,
        neighbor,
        passes_gateways_on,
        name,
        state,
        error,
    }
}

fn seen_channel(channel: Channel) -> Option<SeenChannel> {
    let family = [Family::V4, Family::V6]
        .into_iter()
        .find(|family| family.channel() == channel.name)?;
    // One that only warns lets everything out.
    let limit_hit = channel
        .export_limit
        .filter(|limit| limit.hit && limit.action != "warn")
        .map(|limit| LimitHit {
            limit: limit.routes,
            exported: channel.routes.map_or(limit.routes, |routes| routes.exported),
        });
    Some(SeenChannel {
        family,
        table: channel.table,
        filter: channel.output_filter,
        next_hop: channel.next_hop,
        limit_hit,
    })
}

/// BIRD computes its start anew from the wall clock each time, a few microseconds off.
fn without_fraction(at: &str) -> String {
    at.split('.').next().unwrap_or(at).to_owned()
}
