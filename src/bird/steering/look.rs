//! The questions: the guard's, those that prove an announcement, and all the others of a full pass.

use std::collections::HashMap;

use crate::bird::answer::{Daemon, Protocol, ProtocolDetail};
use crate::bird::client::{BirdError, Client};
use crate::bird::guard::{self, Found};
use crate::bird::plan::{Saying, Slot, State};
use crate::config::model::{Family, Static};
use crate::status::snapshot::AlarmCode;

use super::attempts::{Order, Trouble};
use super::course::{Course, Leg, View};
use super::exports::{self, Announced, Answers, Reach, Sent};
use super::seen;
use super::task::{Halt, Task, ends_the_pass, only_the_question};
use super::{MISSING, Report, SeenUpstream, Stage};

/// How many protocols the guard looks at in one poll, besides all of them after a connection and
/// each before it is enabled. Their routes change only with BIRD's configuration, and a thousand
/// questions a second would be a load.
const GUARDED_PER_POLL: usize = 16;

impl Task {
    /// A look at everything (A1, A5, A7).
    pub(super) async fn full_pass(&mut self) -> Result<(), Halt> {
        let status = async { self.patient.show_status().await.map_err(ends_the_pass) };
        let status = self.unless_wished(status).await?;
        self.boot.at = status.last_reboot.as_ref().map(|at| without_fraction(at));
        let mut view = self.look(false).await?;
        // BIRD 3 says yes to everything while it shuts down, and means nothing by it.
        if status.daemon != Daemon::ShuttingDown {
            self.steer(&view).await?;
            if self.wrote {
                view = self.look(false).await?;
            }
        }
        self.look_at_upstreams().await?;
        self.guard_some(&view).await?;
        let (mut answers, unrouted) = self.unless_wished(self.ask_exports(&view)).await?;
        self.unless_wished(self.ask_endings(&mut answers)).await?;
        self.exported(&view, &answers);
        let pid = self.patient.link().borrow().pid;
        let readable = self.files.readable(pid).await;
        let services = self
            .courses
            .iter()
            .map(|course| {
                let reach = self.reach(
                    course,
                    &view,
                    &answers,
                    &unrouted,
                    status.graceful_restart_recovery,
                );
                seen::service(course, &view, reach, &answers, status.daemon == Daemon::Running)
            })
            .collect();
        let normal = status.daemon == Daemon::Running && !status.graceful_restart_recovery;
        self.outbox.push(Report::Seen(seen::all(
            services,
            self.upstreams.clone(),
            normal,
            readable.err(),
        )));
        Ok(())
    }

    /// BIRD is not there: that is what there is to report.
    pub(super) fn report_nothing_seen(&mut self) {
        let now = tokio::time::Instant::now();
        self.courses.iter_mut().for_each(|course| course.lose_sight(now));
        let services = self.courses.iter().map(seen::unseen_service).collect();
        let upstreams = self
            .setup
            .upstreams
            .iter()
            .map(|name| SeenUpstream::unknown(name))
            .collect();
        self.outbox
            .push(Report::Seen(seen::all(services, upstreams, false, None)));
    }

    /// The guard's questions before an enable: whether it may be; `None`: there is no answer (A7).
    pub(super) async fn ask_guard_to_enable(
        &mut self,
        service: usize,
        leg: usize,
        slot: Slot,
    ) -> Result<Option<bool>, Halt> {
        let Some(line) = self.courses[service].legs[leg].line(slot) else {
            return Ok(None);
        };
        match ask_guard(&self.urgent, &line.protocol).await {
            Ok(verdict) => {
                let fits = verdict.is_ok();
                if let Err(refusal) = &verdict {
                    let text = format!("{refusal}. It is not enabled until bird.conf is put right");
                    let trouble = Trouble {
                        code: AlarmCode::ForeignRoutes,
                        text,
                    };
                    self.trouble(service, leg, slot, Order::Enable, trouble);
                }
                if let Some(line) = self.courses[service].legs[leg].line_mut(slot) {
                    line.guard = Some(verdict);
                }
                Ok(Some(fits))
            }
            Err(error) => self
                .failed(service, leg, slot, Order::Enable, error)
                .map(|()| None),
        }
    }

    /// Whether all routes of a protocol that is up stand in BIRD's tables (D8).
    pub(super) async fn ask_routes(&mut self, service: usize, leg: usize, slot: Slot) -> Result<bool, Halt> {
        let Some(line) = self.courses[service].legs[leg].line(slot) else {
            return Ok(false);
        };
        routed(&self.urgent, &line.protocol).await
    }

    /// The state files of one family; what fails shows, and stops nothing (A6).
    pub(super) async fn write_files(&mut self, service: usize, leg: usize, files: [Option<Saying>; 2]) {
        let course = &mut self.courses[service];
        let mut trouble = None;
        for (slot, saying) in [Slot::Full, Slot::Drain].into_iter().zip(files) {
            if let (Some(line), Some(saying)) = (course.legs[leg].line(slot), saying)
                && let Err(error) = self.files.say(&line.protocol.name, saying).await
            {
                trouble = Some(error);
            }
        }
        course.file_trouble[leg] = trouble;
    }

    /// The proof of what is on its way, and only of that (A5).
    pub(super) async fn prove(&mut self, view: &View) -> Result<(), Halt> {
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
                let mut answers = Answers::new();
                self.ask_sent(&self.urgent, course, &protocol, &mut answers)
                    .await?;
                self.line_exported(service, &protocol, &answers);
            }
        }
        Ok(())
    }

    /// Reports what a full pass found exported.
    fn exported(&mut self, view: &View, answers: &Answers) {
        for service in 0..self.courses.len() {
            let announcing: Vec<Static> = self.courses[service]
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

    fn line_exported(&mut self, service: usize, protocol: &Static, answers: &Answers) {
        let target = &self.courses[service].target;
        let line = Announced {
            protocol,
            routed: None,
        };
        if exports::judge(target, &[line], &self.upstreams, answers, false).enough {
            self.stage(service, Stage::Exported, &protocol.name);
        }
    }

    /// The sessions that are to carry the prefixes out.
    async fn look_at_upstreams(&mut self) -> Result<(), Halt> {
        let mut upstreams = Vec::with_capacity(self.setup.upstreams.len());
        for name in &self.setup.upstreams {
            self.heed_wishes()?;
            let asked = self.unless_wished(async { Ok(self.patient.show_protocol(name).await) });
            let seen = match asked.await? {
                Ok(detail) => upstream(detail),
                Err(BirdError::NoSuchProtocol { .. }) => SeenUpstream {
                    state: MISSING.to_owned(),
                    ..SeenUpstream::unknown(name)
                },
                Err(error) => SeenUpstream {
                    error: Some(only_the_question(error)?.to_string()),
                    ..SeenUpstream::unknown(name)
                },
            };
            upstreams.push(seen);
        }
        self.upstreams = upstreams;
        Ok(())
    }

    /// The guard's round: what was found wrong is alarmed, and nothing is withdrawn because of it.
    async fn guard_some(&mut self, view: &View) -> Result<(), Halt> {
        let lines: Vec<(usize, usize, Slot)> = self
            .courses
            .iter()
            .enumerate()
            .flat_map(|(service, course)| (0..course.legs.len()).map(move |leg| (service, leg)))
            .flat_map(|(service, leg)| [Slot::Full, Slot::Drain].map(|slot| (service, leg, slot)))
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
                if let (Some(line), Some(verdict)) = (self.courses[service].legs[leg].line_mut(slot), verdict)
                {
                    line.guard = Some(verdict);
                }
            }
            self.guard_cursor += 1;
            if first_round && self.guard_cursor == lines.len() {
                break;
            }
        }
        Ok(())
    }

    /// What every upstream was sent of everything announced, and which protocols' routes are not in
    /// the tables although they are up.
    async fn ask_exports(&self, view: &View) -> Result<(Answers, HashMap<String, bool>), Halt> {
        let (mut answers, mut in_tables) = (Answers::new(), HashMap::new());
        for course in &self.courses {
            for line in course.legs.iter().filter_map(|leg| leg.announcing(view)) {
                self.ask_sent(&self.patient, course, &line.protocol, &mut answers)
                    .await?;
                let announced = Announced {
                    protocol: &line.protocol,
                    routed: None,
                };
                if !exports::judge(&course.target, &[announced], &self.upstreams, &answers, false).enough {
                    let there = routed(&self.patient, &line.protocol).await?;
                    in_tables.insert(line.protocol.name.clone(), there);
                }
            }
        }
        Ok((answers, in_tables))
    }

    /// `show route PREFIX exported UPSTREAM` for all prefixes of one protocol.
    pub(super) async fn ask_sent(
        &self,
        client: &Client,
        course: &Course,
        protocol: &Static,
        answers: &mut Answers,
    ) -> Result<(), Halt> {
        let ours = |upstream: &&SeenUpstream| course.target.upstreams.contains(&upstream.name);
        for upstream in self.upstreams.iter().filter(ours) {
            // Whether a session is up was last seen a poll ago; whoever asks now hears it anyway.
            if !upstream.families.contains(&protocol.family) {
                continue;
            }
            for prefix in &protocol.prefixes {
                self.heed_wishes()?;
                let sent = match client.show_route_exported(*prefix, &upstream.name).await {
                    Ok(routes) => Sent::From(routes.into_iter().map(|route| route.protocol).collect()),
                    Err(BirdError::SessionDown { .. }) => Sent::NotUp,
                    Err(error) => Sent::Failed(only_the_question(error)?.to_string()),
                };
                answers.insert((*prefix, upstream.name.clone()), sent);
            }
        }
        Ok(())
    }

    fn reach(
        &self,
        course: &Course,
        view: &View,
        answers: &Answers,
        in_tables: &HashMap<String, bool>,
        recovering: bool,
    ) -> Reach {
        let announced: Vec<Announced<'_>> = course
            .legs
            .iter()
            .filter_map(|leg: &Leg| leg.announcing(view))
            .map(|line| Announced {
                protocol: &line.protocol,
                routed: in_tables.get(&line.protocol.name).copied(),
            })
            .collect();
        exports::judge(&course.target, &announced, &self.upstreams, answers, recovering)
    }
}

/// What the guard says of a protocol now; the inner error is its refusal.
async fn ask_guard(client: &Client, protocol: &Static) -> Result<Result<(), String>, BirdError> {
    let detail = client.show_protocol(&protocol.name).await?;
    let kind = detail.protocol.proto;
    // Only a static protocol can be asked for its routes; what is another is refused anyway.
    let routes = if kind == guard::KIND {
        client
            .show_static(&protocol.name)
            .await?
            .into_iter()
            .map(|route| route.prefix)
            .collect()
    } else {
        Vec::new()
    };
    let channels = detail.channels.into_iter().map(|channel| channel.name).collect();
    let found = Found {
        kind,
        channels,
        routes,
    };
    Ok(guard::check(protocol, &found).map_err(|refusal| refusal.to_string()))
}

/// Whether all prefixes of a protocol stand in BIRD's tables, from that protocol.
async fn routed(client: &Client, protocol: &Static) -> Result<bool, Halt> {
    for prefix in &protocol.prefixes {
        match client.show_route(*prefix, Some(&protocol.name)).await {
            Ok(routes) if routes.is_empty() => return Ok(false),
            Ok(_) => {}
            Err(error) => return only_the_question(error).map(|_| false),
        }
    }
    Ok(true)
}

fn upstream(detail: ProtocolDetail) -> SeenUpstream {
    let ProtocolDetail {
        protocol: Protocol { name, info, .. },
        bgp,
        channels,
        ..
    } = detail;
    let (state, error) = match bgp {
        Some(bgp) => (bgp.state, bgp.last_error),
        None => (
            info.split_whitespace().next().unwrap_or("unknown").to_owned(),
            None,
        ),
    };
    let family = |name: &str| {
        [Family::V4, Family::V6]
            .into_iter()
            .find(|family| family.channel() == name)
    };
    SeenUpstream {
        established: state == "Established",
        families: channels
            .iter()
            .filter_map(|channel| family(&channel.name))
            .collect(),
        name,
        state,
        error,
    }
}

/// BIRD computes its start anew from the wall clock each time, a few microseconds off.
fn without_fraction(at: &str) -> String {
    at.split('.').next().unwrap_or(at).to_owned()
}
