//! The status as people read it: `falconer status`. It looks like `birdc show protocols`, because
//! its readers know that. It says nothing that the snapshot does not hold.

use anstyle::AnsiColor;
use jiff::Timestamp;

use super::readiness;
use super::style::{NOTHING, TextStyle};
use super::table::{TableCell, TextTable, harmless, paint};
use crate::core::site::serving::problem_words;
use crate::model::serving::ServingState;
use crate::model::snapshot::{
    AlarmCode, BirdState, DrillPhase, DrillSnapshot, FollowedState, ProbeSnapshot, ProbeState, Role,
    ServiceSnapshot, Snapshot, StandingSnapshot, StandingState, Strength, Verdict,
};
use crate::model::strength;

/// Within so many seconds a time is shown as a time of day, else as a date, as BIRD does.
const RECENT: i64 = 20 * 3600;

const RED: anstyle::Style = AnsiColor::Red.on_default();
const YELLOW: anstyle::Style = AnsiColor::Yellow.on_default();
const PLAIN: anstyle::Style = anstyle::Style::new();

/// The whole status, line by line, ending in a newline.
pub fn text(snapshot: &Snapshot, style: &TextStyle) -> String {
    let page = StatusPage {
        now: snapshot.at,
        style,
    };
    let mut out = String::new();
    let since = page.time(Some(snapshot.since));
    let (version, site) = (harmless(&snapshot.version), harmless(&snapshot.site));
    out.push_str(&format!("Falconer {version} at {site}, running since {since}\n"));
    page.bird(&mut out, snapshot);
    page.ready(&mut out, snapshot);
    let sections = [
        page.services(snapshot),
        page.upstreams(snapshot),
        page.witnesses(snapshot),
        page.never_passed(snapshot),
        page.serving(snapshot),
        page.overrides(snapshot),
        page.alarms(snapshot),
    ];
    for table in sections.into_iter().flatten() {
        out.push('\n');
        table.write(&mut out, style.width, style.color);
    }
    if snapshot.services.is_empty() {
        out.push_str("\nNo service is configured.\n");
    }
    if snapshot.alarms.is_empty() {
        out.push_str("\nNo alarm.\n");
    }
    out
}

/// What every part of the text needs.
struct StatusPage<'a> {
    now: Timestamp,
    style: &'a TextStyle,
}

impl StatusPage<'_> {
    fn bird(&self, out: &mut String, snapshot: &Snapshot) {
        let bird = &snapshot.bird;
        let (state, color) = match bird.state {
            BirdState::Up => ("up", PLAIN),
            BirdState::Busy => ("busy", RED),
            BirdState::Down => ("down", RED),
        };
        out.push_str("BIRD ");
        if let Some(version) = &bird.version {
            out.push_str(&harmless(version));
            out.push(' ');
        }
        paint(out, state, color, self.style.color);
        if bird.since.is_some() {
            out.push_str(&format!(" since {}", self.time(bird.since)));
        }
        if let Some(error) = &bird.error {
            out.push_str(&format!(": {}", harmless(error)));
        }
        out.push('\n');
    }

    fn ready(&self, out: &mut String, snapshot: &Snapshot) {
        if let Some(ready) = &snapshot.ready {
            paint(
                out,
                &readiness::summary(ready),
                readiness::colour(ready.level),
                self.style.color,
            );
            out.push('\n');
        }
    }

    fn services(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(
            &[
                ("Name", 10),
                ("Role", 7),
                ("Verdict", 7),
                ("Want", 7),
                ("Actual", 7),
                ("Export", 6),
                ("Since", 10),
            ],
            "Info",
        );
        for service in &snapshot.services {
            let (verdict, actual) = disagreement(service);
            let export = if unheard(snapshot, service) { RED } else { PLAIN };
            table.row(
                vec![
                    TableCell::new(&service.name),
                    TableCell::new(service.role.word()),
                    TableCell::new(service.verdict.word()).styled(verdict),
                    TableCell::new(strength::word(service.want)).styled(actual),
                    TableCell::new(strength::word(service.actual)).styled(actual),
                    TableCell::new(format!(
                        "{}/{}",
                        service.exported_to.len(),
                        service.upstreams.len()
                    ))
                    .styled(export),
                    TableCell::new(self.time(service.since)),
                ],
                TableCell::new(self.info(service)),
            );
        }
        (!snapshot.services.is_empty()).then_some(table)
    }

    /// The rule, the reason, and when it ends by itself.
    fn info(&self, service: &ServiceSnapshot) -> String {
        if let Some(drill) = &service.drill {
            return self.drilled(drill);
        }
        let latched = if service.latched { "latched, " } else { "" };
        let mut info = format!("{} {latched}{}", service.rule, service.reason);
        if service.deadline.is_some() {
            info.push_str(&format!(", until {}", self.time(service.deadline)));
        }
        for way in service
            .followed
            .iter()
            .filter(|way| way.state == FollowedState::PrefersAnother)
        {
            let since = way.since.unwrap_or(self.now);
            let age = self.now.duration_since(since).as_secs().max(0);
            info.push_str(&format!("; {} still prefers another way ({age} s)", way.upstream));
        }
        if let Some(standing) = &service.standing {
            info.push_str(&format!("; {}", standing_words(standing, service)));
        }
        info
    }

    /// A drill is told in the place of the rule: it is why it is announced.
    fn drilled(&self, drill: &DrillSnapshot) -> String {
        let phase = match drill.phase {
            DrillPhase::Recording => "is written down".to_owned(),
            DrillPhase::Rising => "begins".to_owned(),
            DrillPhase::Holding => format!("is carried, until {}", self.time(drill.until)),
            DrillPhase::Ending => "ends".to_owned(),
            DrillPhase::Unverified => "should have ended, and is not seen to have".to_owned(),
        };
        format!("drill at {} by {} {phase}", drill.strength, drill.actor)
    }

    fn upstreams(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(&[("Upstream", 10), ("State", 11), ("Since", 10)], "Info");
        for upstream in &snapshot.upstreams {
            let color = if upstream.state.is_established() {
                PLAIN
            } else {
                RED
            };
            table.row(
                vec![
                    TableCell::new(&upstream.name),
                    TableCell::new(upstream.state.as_str()).styled(color),
                    TableCell::new(self.time(upstream.since)),
                ],
                TableCell::new(upstream.error.as_deref().unwrap_or_default()),
            );
        }
        (!snapshot.upstreams.is_empty()).then_some(table)
    }

    fn witnesses(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(
            &[("Witness", 10), ("Type", 11), ("State", 7), ("Last", 10)],
            "Info",
        );
        for witness in &snapshot.witnesses {
            let color = match witness.state {
                ProbeState::Up => PLAIN,
                ProbeState::Down => RED,
                ProbeState::Unknown => YELLOW,
            };
            table.row(
                vec![
                    TableCell::new(&witness.name),
                    TableCell::new(&witness.kind),
                    TableCell::new(shown_state(witness)).styled(color),
                    TableCell::new(self.time(witness.last.as_ref().map(|last| last.at))),
                ],
                TableCell::new(said(witness)),
            );
        }
        (!snapshot.witnesses.is_empty()).then_some(table)
    }

    /// The services' probes that were never seen to work (D20).
    fn never_passed(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(
            &[("Probe", 10), ("Type", 11), ("State", 12), ("Last", 10)],
            "Info",
        );
        for service in &snapshot.services {
            for probe in service.probes.iter().filter(|probe| probe.never_passed) {
                let name = &service.name;
                table.row(
                    vec![
                        TableCell::new(format!("{name}/{}", probe.name)),
                        TableCell::new(&probe.kind),
                        TableCell::new(shown_state(probe)).styled(YELLOW),
                        TableCell::new(self.time(probe.last.as_ref().map(|last| last.at))),
                    ],
                    TableCell::new(format!(
                        "{}; it counts for nothing until it passes: falconer explain {name}",
                        said(probe)
                    )),
                );
            }
        }
        let all = snapshot.services.iter().flat_map(|service| &service.probes);
        all.into_iter().any(|probe| probe.never_passed).then_some(table)
    }

    /// Whether this site itself can serve its services (D16).
    fn serving(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(&[("Serving", 10), ("State", 8), ("Since", 10)], "Info");
        let mut any = false;
        for service in &snapshot.services {
            let Some(serving) = &service.serving else { continue };
            any = true;
            let style = match serving.state {
                ServingState::Yes => PLAIN,
                ServingState::Unknown => YELLOW,
                ServingState::No => RED,
            };
            let words = problem_words(serving);
            let routes = serving.routes.iter();
            let routes = routes.map(|route| format!("{}: {}", route.address, route.answer));
            table.row(
                vec![
                    TableCell::new(&service.name),
                    TableCell::new(serving.state.word()).styled(style),
                    TableCell::new(self.time(Some(serving.since))),
                ],
                TableCell::new(match words.is_empty() {
                    true => routes.collect::<Vec<_>>().join("; "),
                    false => words,
                }),
            );
        }
        any.then_some(table)
    }

    fn overrides(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(
            &[("Override", 10), ("Action", 8), ("Until", 10), ("Actor", 10)],
            "Reason",
        );
        let mut any = false;
        for service in &snapshot.services {
            let Some(overridden) = &service.overridden else {
                continue;
            };
            any = true;
            table.row(
                vec![
                    TableCell::new(&service.name),
                    TableCell::new(overridden.action.word()).styled(YELLOW),
                    TableCell::new(self.time(overridden.until)),
                    TableCell::new(&overridden.actor),
                ],
                TableCell::new(overridden.reason.as_deref().unwrap_or_default()),
            );
        }
        any.then_some(table)
    }

    fn alarms(&self, snapshot: &Snapshot) -> Option<TextTable> {
        let mut table = TextTable::new(&[("Alarm", 12), ("Service", 10), ("Since", 10)], "What is wrong");
        for alarm in &snapshot.alarms {
            table.row(
                vec![
                    TableCell::new(alarm.code.word()).styled(RED),
                    TableCell::new(alarm.service.as_deref().unwrap_or(NOTHING)),
                    TableCell::new(self.time(Some(alarm.since))),
                ],
                TableCell::new(&alarm.text),
            );
        }
        (!snapshot.alarms.is_empty()).then_some(table)
    }

    /// A time of day, a date, or for what lies far ahead both, without a space for the sake of scripts.
    fn time(&self, at: Option<Timestamp>) -> String {
        let Some(at) = at else {
            return NOTHING.to_owned();
        };
        let ahead = at.as_second() - self.now.as_second();
        let format = match ahead {
            ahead if ahead.abs() < RECENT => "%H:%M:%S",
            ahead if ahead < 0 => "%Y-%m-%d",
            _ => "%Y-%m-%dT%H:%M",
        };
        at.to_zoned(self.style.zone.clone()).strftime(format).to_string()
    }
}

/// How verdict, and how want and actual are set off. Red: BIRD does not do what we want. Yellow: we
/// do not (yet) want what the verdict alone would make us want; a rule says why.
fn disagreement(service: &ServiceSnapshot) -> (anstyle::Style, anstyle::Style) {
    let by_verdict = match (service.role, service.verdict) {
        (Role::Standby, Verdict::Down) | (Role::Primary, Verdict::Up) => Some(Strength::Full),
        (Role::Standby, Verdict::Up) | (Role::Primary, Verdict::Down) => Some(Strength::Off),
        (Role::Standby | Role::Primary, Verdict::Unclear) => None,
    };
    let verdict = if by_verdict.is_some_and(|by_verdict| service.want != by_verdict) {
        YELLOW
    } else {
        PLAIN
    };
    let actual = if service.drill.is_some() {
        YELLOW
    } else if service.want == service.actual {
        PLAIN
    } else {
        RED
    };
    (verdict, actual)
}

/// Whether it is enabled, and too few upstreams carry it.
fn unheard(snapshot: &Snapshot, service: &ServiceSnapshot) -> bool {
    // A drill says for itself how far it reaches.
    if service.drill.is_some() {
        return false;
    }
    let announced = service.actual >= Some(Strength::Drain);
    let alarmed = snapshot
        .alarms
        .iter()
        .any(|alarm| alarm.code == AlarmCode::NotExported && alarm.service.as_deref() == Some(&service.name));
    announced && (alarmed || service.exported_to.is_empty())
}

/// What a probe's last check said.
fn said(probe: &ProbeSnapshot) -> String {
    let Some(last) = &probe.last else {
        return "not asked yet".to_owned();
    };
    match last.rtt_ms {
        Some(rtt) => format!("{}, {rtt:.1} ms", last.detail),
        None => last.detail.clone(),
    }
}

/// A probe's state, or that it was never seen to work (D20).
fn shown_state(probe: &ProbeSnapshot) -> &'static str {
    match probe.never_passed {
        true => "never passed",
        false => probe.state.word(),
    }
}

/// Standing prefixes in a few words: what BIRD does, and where it differs what is wanted.
fn standing_words(standing: &StandingSnapshot, service: &ServiceSnapshot) -> String {
    let (want, actual) = (standing.want.word(), standing.actual.word());
    let (carried, upstreams) = (standing.exported_to.len(), service.upstreams.len());
    match (standing.want == standing.actual, standing.actual) {
        (true, StandingState::On) => format!("standing on {carried}/{upstreams}"),
        (true, StandingState::Off | StandingState::Unknown) => format!("standing {actual}"),
        (false, _) => format!("standing {actual}, wanted {want}"),
    }
}

#[cfg(test)]
mod tests;
