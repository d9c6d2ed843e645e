//! Long random histories in the world of [`super::world`], and an oracle that knows the truth: what
//! each service asks dies and comes back, our own uplink is cut, the way to the primary is cut, several
//! of them at once. With failback delays, drains and windows, over services of both roles.
//!
//! - Nothing is announced by a standby, or withdrawn by a primary role, unless the target was dead a
//!   moment ago; nothing goes back unless it was alive a moment ago. Moments in which nobody could tell,
//!   because of a cut, do not count; for a primary role, whose probes stay at home, no cut counts.
//!   Where nothing tells a cut of the way to the primary from its death, the one is as good as the other.
//! - Nothing is taken over while our own uplink has been cut for long, or the way to the primary where
//!   a cut of it is to hold.
//! - What waits for a confirmation in drain falls silent only after that.
//! - A standby falls silent by the verdict only while its window is open.
//! - Dead, or alive with an open window, for long, with no cut: it stands where it should.

use std::time::Duration;

use jiff::civil::time;

use super::support::*;
use super::world::{Dice, Span, Truth, at_rest, begin, random_config, random_probe, ways};
use crate::config::model::{self, Config, DailyWindow, Decides, OnCutOff, OnLoss, Role, Votes};
use crate::core::simulator::Simulator;
use crate::core::window;
use crate::core::{CoreEvent, Stance, Strength};
use crate::model::time::Moment;

/// A history has so many parts; in each one thing goes wrong.
const PARTS: u64 = 3;

struct History {
    seed: u64,
    config: Config,
    truth: Truth,
    ends: Moment,
}

fn later(at: Moment, seconds: u64) -> Moment {
    at + secs(seconds)
}

/// From nine minutes past midnight, when the troubles are under way, to a quarter past.
fn window() -> DailyWindow {
    DailyWindow {
        start: time(0, 9, 0, 0),
        end: time(0, 15, 0, 0),
        zone: jiff::tz::TimeZone::UTC,
    }
}

impl History {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut config = random_config(&mut dice, 2);
        for service in &mut config.services {
            service.failback_delay = secs(dice.one_of(&[0, 10, 30]));
            service.failback_drain = secs(dice.one_of(&[0, 0, 10]));
            service.failback_window = (dice.between(0, 2) == 0).then(window);
            service.takeover_delay = secs(dice.one_of(&[0, 0, 5]));
            if service.role == Role::Standby && dice.between(0, 2) == 0 {
                let mut route = random_probe(&mut dice, "route", 2);
                (route.votes, route.decides) = (Votes::Failback, dice.one_of(&[None, Some(Decides::Down)]));
                service.probes.push(route);
            }
            service.on_isolated = dice.one_of(&[OnLoss::Keep, OnLoss::Keep, OnLoss::Withdraw]);
        }
        let ways = ways(&mut dice, &config, false);
        let (refuses, shows_errors) = (dice.between(0, 1) == 0, dice.between(0, 3) == 0);
        let mut truth = Truth {
            refuses,
            shows_errors,
            ..Truth::new(&config, ways, dice)
        };
        let mut ends = at_ms(super::world::WARM_UP);
        for _ in 0..PARTS {
            let from = ends + ms(truth.dice.between(0, 12_000));
            let until = later(from, truth.dice.one_of(&[2, 20, 90, 200]));
            for service in 0..config.services.len() {
                if truth.dice.between(0, 2) > 0 {
                    truth.deaths[service].push((from, until));
                }
            }
            let cut_from = from + ms(truth.dice.between(0, 40_000));
            let cut = (cut_from, later(cut_from, truth.dice.one_of(&[1, 5, 20, 60])));
            match truth.dice.between(0, 3) {
                0 => truth.cuts.push(cut),
                1 => truth.far_cuts.push(cut),
                _ => {}
            }
            ends = later(until.max(cut.1), truth.dice.one_of(&[5, 60, 160]));
        }
        Self {
            seed,
            config,
            truth,
            ends,
        }
    }

    fn play(&mut self) -> Simulator {
        let mut truth = self.truth.clone();
        let mut play = begin(&self.config, &mut truth);
        loop {
            let services = play.site().services().iter();
            truth.at_full = services.map(|service| service.stance() == Stance::Full).collect();
            if !play.step(self.ends, &mut truth) {
                break;
            }
        }
        play.run_until(self.ends, &mut truth);
        self.truth.heard = truth.heard;
        play
    }

    /// A service with probes that vote for failback falls silent by the verdict only in drain, and after
    /// enough of their checks that began in it have passed.
    fn heard_before_silence(&self, play: &Simulator) {
        for (index, service) in self.config.services.iter().enumerate() {
            let Some(probe) = service.probes.iter().find(|probe| probe.votes == Votes::Failback) else {
                continue;
            };
            let mut drain = None;
            for (at, note) in play.notes() {
                let Some((_, change)) = note.transition().filter(|(of, _)| *of == index) else {
                    continue;
                };
                if change.to == Some(Strength::Off) && change.rule != "D5" {
                    let since = drain.unwrap_or_else(|| panic!("seed {}, {at:?}: {note:?}", self.seed));
                    let heard = self.truth.heard.iter();
                    let heard = heard.filter(|(of, start)| *of == index && (since..=*at).contains(start));
                    assert!(heard.count() >= probe.rise as usize, "seed {}, {at:?}", self.seed);
                }
                drain = (change.to == Some(Strength::Drain)).then_some(*at);
            }
        }
    }

    /// How long the slowest of the probes concerned takes to say something new, at most: a row of one kind
    /// is broken and one of the other added up.
    fn slowest(&self, service: &model::ServiceConfig) -> Duration {
        let probes = service.probes.iter().chain(&self.config.witnesses);
        let slow = probes.map(|probe| {
            let row = probe.retry_interval.max(probe.timeout) * (probe.fall + probe.rise);
            probe.interval + probe.timeout + row
        });
        slow.max().unwrap_or_default()
    }

    /// The spans in which this site cannot tell.
    fn blind(&self, service: &model::ServiceConfig) -> Vec<Span> {
        match service.role {
            Role::Primary => Vec::new(),
            Role::Standby => [&self.truth.cuts[..], &self.truth.far_cuts].concat(),
        }
    }

    /// Whether the target was so at some time in the last moments before `at`.
    fn was(&self, index: usize, dead: bool, at: Moment) -> bool {
        let service = &self.config.services[index];
        let blind = self.blind(service);
        let mut left = self.slowest(service) + service.takeover_delay + service.failback_drain;
        // Back in steps: what nobody could see costs nothing.
        let step = ms(250);
        let mut then = at.since_start();
        while let Some(earlier) = then.checked_sub(step) {
            let now = Moment::new(then);
            if self.is_dead(index, now) == dead || (dead && self.seems_dead(service, now)) {
                return true;
            }
            if !blind.iter().any(|&cut| is_in(now, cut)) {
                match left.checked_sub(step) {
                    Some(rest) => left = rest,
                    None => return false,
                }
            }
            then = earlier;
        }
        false
    }

    fn is_dead(&self, index: usize, at: Moment) -> bool {
        self.truth.deaths[index].iter().any(|&death| is_in(at, death))
    }

    /// The way to the primary is cut, and nothing tells that from its death, or it is not to be told.
    fn seems_dead(&self, service: &model::ServiceConfig, at: Moment) -> bool {
        let cut = self.truth.far_cuts.iter().any(|&cut| is_in(at, cut));
        cut && service.role == Role::Standby && !self.holds()
    }

    /// Whether a cut of the way to the primary alone is told from its death, and nothing taken over then.
    fn holds(&self) -> bool {
        let isolation = &self.config.isolation;
        isolation.min_up.far > 0 && isolation.on_cut_off == OnCutOff::Hold
    }

    /// Every decision is one that the truth allows.
    fn judge(&self, at: Moment, note: &CoreEvent) {
        let Some((index, change)) = note.transition() else {
            return;
        };
        let service = &self.config.services[index];
        let what = format!("seed {}, {at:?}: {note:?}", self.seed);
        if change.rule == "D5" {
            let withdraws = service.role == Role::Standby && service.on_isolated == OnLoss::Withdraw;
            assert!(withdraws && change.to == Some(Strength::Off), "{what}");
            return;
        }
        if change.rule == "D8" && change.to == Some(Strength::Full) {
            // The primary was not heard in drain.
            assert!(
                service.probes.iter().any(|probe| probe.votes == Votes::Failback),
                "{what}"
            );
            return;
        }
        let to_rest = change.to < change.from;
        let to_rest = to_rest == (service.role == Role::Standby);
        assert!(self.was(index, !to_rest, at), "{what}");
        if service.role == Role::Primary {
            return;
        }
        let wall = start().wall_at(at);
        let closed = |daily: &DailyWindow| !window::is_open(daily, wall);
        let is_closed = service.failback_window.as_ref().is_some_and(closed);
        assert!(
            !to_rest || change.from != Some(Strength::Full) || !is_closed,
            "{what}"
        );
        if !to_rest {
            let long = self.slowest(service);
            let held = match self.holds() {
                true => &self.truth.far_cuts[..],
                false => &[],
            };
            let mut cuts = self.truth.cuts.iter().chain(held);
            let blind = cuts.find(|cut| is_in(at, **cut) && at.since(cut.0) > long);
            assert_eq!(blind, None, "{what}");
        }
    }

    /// At the end everything is well; so is it wherever nothing has changed for long.
    fn stands_right(&self, play: &Simulator) {
        for (index, service) in self.config.services.iter().enumerate() {
            let long = self.slowest(service) * 2 + service.takeover_delay + service.failback_delay;
            let long = long + service.failback_drain + secs(15);
            // A failback that was not confirmed is tried again later.
            let retries = match service.probes.iter().any(|probe| probe.votes == Votes::Failback) {
                true => service.failback_confirm + secs(120),
                false => Duration::ZERO,
            };
            let long = long + retries;
            let mut edges: Vec<Moment> = self.truth.deaths[index]
                .iter()
                .chain(&self.blind(service))
                .flat_map(|&(from, until)| [from, until])
                .chain([self.ends])
                .collect();
            edges.sort_unstable();
            for pair in edges.windows(2).filter(|pair| pair[1].since(pair[0]) > long) {
                let middle = pair[0] + pair[1].since(pair[0]) / 2;
                if self.blind(service).iter().any(|&cut| is_in(middle, cut)) {
                    continue;
                }
                let dead = self.is_dead(index, middle);
                let wall = start().wall_at(pair[1] - ms(1));
                let open = |at| {
                    let daily = service.failback_window.as_ref();
                    daily.is_none_or(|daily| window::is_open(daily, at))
                };
                // The window decides where it opens or closes meanwhile.
                let settled = dead || (open(wall) && open(start().wall_at(pair[0])));
                if !settled && service.role == Role::Standby {
                    continue;
                }
                let right = match (at_rest(service), dead) {
                    (rest, false) => rest,
                    (Strength::Off, true) => Strength::Full,
                    (Strength::Drain | Strength::Full, true) => Strength::Off,
                };
                let strength = strength_at(play, index, at_rest(service), pair[1]);
                assert_eq!(
                    strength, right,
                    "seed {}, service {index}, {:?} to {:?}, dead: {dead}",
                    self.seed, pair[0], pair[1]
                );
            }
        }
    }
}

fn is_in(at: Moment, span: Span) -> bool {
    span.0 <= at && at < span.1
}

/// How strongly it was announced just before `at`.
fn strength_at(play: &Simulator, index: usize, begins: Strength, at: Moment) -> Strength {
    let notes = play.notes().iter().take_while(|(when, _)| *when < at);
    let of = notes.filter_map(|(_, note)| {
        let (_, change) = note.transition().filter(|(service, _)| *service == index)?;
        change.to
    });
    of.last().unwrap_or(begins)
}

#[test]
fn d4_to_d8_through_any_outages_and_cuts_every_switch_is_one_that_the_truth_allows() {
    let mut switched = 0;
    for seed in 0..histories(6, 2_000) {
        let mut history = History::new(seed);
        let play = history.play();
        for (at, note) in play.notes() {
            history.judge(*at, note);
            switched += u64::from(note.transition().is_some());
        }
        history.heard_before_silence(&play);
        history.stands_right(&play);
    }
    assert!(switched > 15, "the histories are not idle: {switched} switches");
}
